"""The stand-in of Apple: what its sign-in verifies, how it counts requests, and how its lists end."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from fleetsync.clock import Clock
from fleetsync.demo.apple import (
    ASSERTION_TYPE,
    AUDIENCE,
    CLIENT,
    KEY_ID,
    REQUESTS_PER_MINUTE,
    SCOPE,
    AppleStub,
)
from fleetsync.demo.model import SourceRow


class SettableClock(Clock):
    """Its monotonic time is set."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


class Organisation:
    """Its devices, of which the third is assigned to no MDM."""

    def __init__(self) -> None:
        self.serials = [f"DMPX{number:06}" for number in range(1, 8)]

    def rows(self) -> dict[str, list[SourceRow]]:
        return {
            "orgDevices": [{"serialNumber": serial} for serial in self.serials],
            "mdmServers": [{"id": "1F97", "serverName": "Jamf", "devices": self.serials[:2]}],
            "appleCareCoverage": [{"serialNumber": self.serials[0], "endDateTime": "2028-06-09T00:00:00Z"}],
        }


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def organisation() -> Organisation:
    return Organisation()


@pytest.fixture
def apple(organisation: Organisation, clock: SettableClock) -> Iterator[AppleStub]:
    stub = AppleStub(organisation.rows, clock=clock)
    with stub.stub_server:
        yield stub


def assertion(apple: AppleStub, *, key: ECKey | None = None, kid: str = KEY_ID, **claims: object) -> str:
    now = int(datetime.now(UTC).timestamp())
    standard = {"iss": CLIENT, "sub": CLIENT, "aud": AUDIENCE, "jti": str(uuid4()), "iat": now, "exp": now + 600}
    header = {"alg": "ES256", "kid": kid, "typ": "JWT"}
    return jwt.encode(header, standard | claims, key or ECKey.import_key(apple.private_key_pem))


def sign_in(apple: AppleStub, token: str, **form: str) -> requests.Response:
    standard = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "scope": SCOPE,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": token,
    }
    return requests.post(apple.token_url, data=standard | form, timeout=10)


def get(apple: AppleStub, path: str, token: str | None = None) -> requests.Response:
    bearer = token or sign_in(apple, assertion(apple)).json()["access_token"]
    return requests.get(f"{apple.base_url}/v1/{path}", headers={"Authorization": f"Bearer {bearer}"}, timeout=10)


# --- sign-in ----------------------------------------------------------------------------------------------------------


def test_an_assertion_is_good_once(apple: AppleStub) -> None:
    token = assertion(apple)

    assert sign_in(apple, token).status_code == 200
    assert sign_in(apple, token).json()["error_description"] == "the assertion was used before"


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"aud": "https://account.apple.com/auth/oauth2/token"}, "the audience is wrong"),
        ({"iss": "SCHOOLAPI.another"}, "issuer and subject must be the client"),
        ({"sub": "SCHOOLAPI.another"}, "issuer and subject must be the client"),
        ({"exp": 1}, "the assertion is too old, or lives too long"),
        ({"iat": 4102444800, "exp": 4102445000}, "the assertion is too old, or lives too long"),
        ({"exp": 4102445000}, "the assertion is too old, or lives too long"),
        ({"exp": "soon"}, "the assertion is too old, or lives too long"),
        ({"jti": ""}, "the assertion was used before"),
        ({"kid": "another"}, "the key id is unknown"),
    ],
)
def test_what_an_assertion_claims_is_verified(apple: AppleStub, claims: dict[str, Any], problem: str) -> None:
    response = sign_in(apple, assertion(apple, **claims))

    assert (response.status_code, response.json()["error"]) == (400, "invalid_client")
    assert response.json()["error_description"] == problem


def test_a_signature_of_another_key_is_refused(apple: AppleStub) -> None:
    stranger = ECKey.import_key(ec.generate_private_key(ec.SECP256R1()))

    for token in (assertion(apple, key=stranger), "no.token.atall"):
        assert sign_in(apple, token).json()["error_description"] == "the signature was not accepted"


def test_scope_grant_and_client_are_verified(apple: AppleStub) -> None:
    token = assertion(apple)

    assert sign_in(apple, token, scope="business.api").json() == {"error": "invalid_scope"}
    assert sign_in(apple, token, grant_type="password").json() == {"error": "unsupported_grant_type"}
    assert sign_in(apple, token, client_id="SCHOOLAPI.another").json()["error"] == "invalid_client"


def test_a_token_expires(apple: AppleStub, clock: SettableClock) -> None:
    token = sign_in(apple, assertion(apple)).json()["access_token"]
    assert get(apple, "orgDevices", token).status_code == 200
    clock.seconds += 3600

    assert get(apple, "orgDevices", token).status_code == 401
    assert get(apple, "orgDevices", "invented").status_code == 401


# --- the rate ---------------------------------------------------------------------------------------------------------


def test_more_than_20_requests_a_minute_are_refused_until_the_first_is_a_minute_old(
    apple: AppleStub, clock: SettableClock
) -> None:
    token = sign_in(apple, assertion(apple)).json()["access_token"]
    statuses = []
    for _ in range(REQUESTS_PER_MINUTE):
        statuses.append(get(apple, "orgDevices", token).status_code)
        clock.seconds += 1
    refused = get(apple, "orgDevices", token)

    assert set(statuses) == {200}
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
    assert apple.busiest_minute() == REQUESTS_PER_MINUTE + 1
    clock.seconds += 40
    assert get(apple, "orgDevices", token).status_code == 200


def test_another_token_of_the_same_account_does_not_help(apple: AppleStub) -> None:
    statuses = [get(apple, "orgDevices").status_code for _ in range(REQUESTS_PER_MINUTE + 1)]

    assert statuses == [200] * REQUESTS_PER_MINUTE + [429]


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_list_goes_on_by_link_or_cursor_and_ends_without_either(apple: AppleStub) -> None:
    first = get(apple, "orgDevices?limit=4").json()
    cursor = first["meta"]["paging"]["nextCursor"]
    last = get(apple, f"orgDevices?limit=4&cursor={cursor}").json()

    assert [row["id"] for page in (first, last) for row in page["data"]] == [f"DMPX{n:06}" for n in range(1, 8)]
    assert first["links"]["next"].startswith(f"{apple.base_url}/v1/orgDevices?limit=4&cursor=")
    assert "next" not in last["links"]
    assert last["meta"]["paging"] == {"limit": 4, "total": 7}


def test_a_released_device_is_missing_and_its_coverage_too(apple: AppleStub, organisation: Organisation) -> None:
    released = organisation.serials.pop(0)

    assert released not in {row["id"] for row in get(apple, "orgDevices").json()["data"]}
    assert get(apple, f"orgDevices/{released}/appleCareCoverage").json()["errors"][0]["code"] == "NOT_FOUND"


def test_fields_choose_the_attributes_and_an_unknown_one_is_refused(apple: AppleStub) -> None:
    chosen = get(apple, "orgDevices?fields[orgDevices]=serialNumber,mdmMigrationStatus").json()["data"][0]
    assert set(chosen["attributes"]) == {"serialNumber"}

    apple.selects_migration = False
    refused = get(apple, "orgDevices?fields[orgDevices]=serialNumber,mdmMigrationStatus")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "PARAMETER_ERROR.INVALID")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("mdmServers/1F97/relationships/devices", 200),
        ("mdmServers/another/relationships/devices", 404),
        ("appleCareCoverage", 404),
        ("users", 404),
        ("orgDevices?limit=1001", 400),
        ("orgDevices?limit=none", 400),
        ("orgDevices?cursor=invented", 400),
        ("../v2/orgDevices", 404),
    ],
)
def test_an_address_and_its_query_are_checked(apple: AppleStub, path: str, status: int) -> None:
    assert get(apple, path).status_code == status


def test_an_api_account_reads_what_it_may(apple: AppleStub) -> None:
    apple.rights -= {"mdmServers"}

    assert get(apple, "mdmServers").json()["errors"][0]["code"] == "FORBIDDEN_ERROR"
    assert get(apple, "orgDevices").status_code == 200
