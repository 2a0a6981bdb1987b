"""The stub of Microsoft Graph is as strict as the real service and has the same quirks."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from typing import Any
from uuid import uuid4

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey

from fleetsync.demo.graph import ASSERTION_TYPE, CLIENT, SECRET, TENANT, GraphStub

ROWS = [
    {
        "id": f"{number:032x}",
        "deviceName": f"EXB-{number:03}",
        "serialNumber": f"PF{number:06}",
        "deviceEnrollmentType": "androidEnterpriseFullyManaged" if number == 1 else "windowsAzureADJoin",
    }
    for number in range(1, 24)
]
DEVICES = "/v1.0/deviceManagement/managedDevices"


@pytest.fixture
def graph():
    stub = GraphStub(lambda: ROWS)
    with stub.stub_server:
        yield stub


def token_url(graph: GraphStub) -> str:
    return f"{graph.stub_server.address}/{TENANT}/oauth2/v2.0/token"


def sign_in(graph: GraphStub, **changes: str) -> requests.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "scope": f"{graph.stub_server.address}/.default",
    }
    return requests.post(token_url(graph), data={**form, **changes}, timeout=10)


@pytest.fixture
def signed_in(graph):
    return {"Authorization": f"Bearer {sign_in(graph).json()['access_token']}"}


def get(graph: GraphStub, headers: dict[str, str], query: str = "", path: str = DEVICES) -> requests.Response:
    return requests.get(f"{graph.stub_server.address}{path}{query}", headers=headers, timeout=10)


def pages(graph: GraphStub, headers: dict[str, str], query: str = "", most: int = 30) -> list[dict[str, Any]]:
    answers = [get(graph, headers, query).json()]
    while (link := answers[-1].get("@odata.nextLink")) and len(answers) < most:
        answers.append(requests.get(link, headers=headers, timeout=10).json())
    return answers


# --- sign-in ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"client_secret": "wrong"}, 7000215),
        ({"client_id": "wrong"}, 700016),
        ({"scope": "https://graph.microsoft.com/.default"}, 70011),
        ({"grant_type": "password"}, 70003),
    ],
)
def test_a_wrong_sign_in_is_refused_with_its_number(graph, changes, number):
    answer = sign_in(graph, **changes)

    assert answer.status_code in {400, 401}
    assert answer.json()["error_codes"] == [number]


def test_another_tenant_is_not_found(graph):
    answer = requests.post(f"{graph.stub_server.address}/common/oauth2/v2.0/token", data={}, timeout=10)

    assert answer.json()["error_codes"] == [90002]


def test_a_listing_needs_a_token_that_is_still_good(graph):
    graph.sign_in.token_seconds = 0
    old = {"Authorization": f"Bearer {sign_in(graph).json()['access_token']}"}

    for headers in ({}, {"Authorization": "Bearer invented"}, old):
        answer = get(graph, headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "exempelby")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = builder.serial_number(1).not_valid_before(day).not_valid_after(day + timedelta(days=3650))
    return dated.sign(key, hashes.SHA256())


@pytest.fixture
def trusting(certificate):
    stub = GraphStub(lambda: ROWS, certificate_pem=certificate.public_bytes(Encoding.PEM).decode())
    with stub.stub_server:
        yield stub


def thumbprint(certificate: x509.Certificate, algorithm=sha256) -> str:
    return urlsafe_b64encode(algorithm(certificate.public_bytes(Encoding.DER)).digest()).decode().rstrip("=")


def assertion(graph, key, certificate, alg="PS256", header=None, **claims):
    now = int(datetime.now(UTC).timestamp())
    standard_claims = {
        "aud": token_url(graph),
        "iss": CLIENT,
        "sub": CLIENT,
        "jti": str(uuid4()),
        "nbf": now,
        "exp": now + 300,
    }
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    head = {"alg": alg, **(header or {"x5t#S256": thumbprint(certificate)})}
    return jwt.encode(head, {**standard_claims, **claims}, RSAKey.import_key(pem), algorithms=[alg])


def sign_in_with(graph: GraphStub, token: str) -> requests.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "scope": f"{graph.stub_server.address}/.default",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": token,
    }
    return requests.post(token_url(graph), data=form, timeout=10)


@pytest.mark.parametrize("alg", ["PS256", "RS256"])
def test_a_certificate_signs_in(trusting, key, certificate, alg):
    assert sign_in_with(trusting, assertion(trusting, key, certificate, alg)).status_code == 200


def test_the_older_thumbprint_will_do(trusting, key, certificate):
    token = assertion(trusting, key, certificate, "RS256", {"x5t": thumbprint(certificate, sha1)})

    assert sign_in_with(trusting, token).status_code == 200


def test_an_assertion_is_good_once(trusting, key, certificate):
    token = assertion(trusting, key, certificate)

    assert sign_in_with(trusting, token).status_code == 200
    assert sign_in_with(trusting, token).json()["error_codes"] == [700025]


@pytest.mark.parametrize(
    ("claims", "number"),
    [
        ({"aud": "https://login.microsoftonline.com"}, 700023),
        ({"iss": "somebody"}, 700021),
        ({"exp": 1}, 700024),
        ({"nbf": 4102444800, "exp": 4102445000}, 700024),
        ({"exp": "soon"}, 700024),
        ({"jti": ""}, 700025),
    ],
)
def test_what_an_assertion_claims_is_verified(trusting, key, certificate, claims, number):
    assert sign_in_with(trusting, assertion(trusting, key, certificate, **claims)).json()["error_codes"] == [number]


def test_an_assertion_needs_the_thumbprint_of_the_certificate_and_its_signature(trusting, key, certificate):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    wrong_thumb = assertion(trusting, key, certificate, header={"x5t#S256": "AAAA"})

    for token in (assertion(trusting, stranger, certificate), wrong_thumb, "no.token.atall"):
        assert sign_in_with(trusting, token).json()["error_codes"] == [700027]


def test_a_certificate_that_was_never_registered_is_refused(graph, key, certificate):
    assert sign_in_with(graph, assertion(graph, key, certificate)).json()["error_codes"] == [700027]


# --- the listing ------------------------------------------------------------------------------------------------------


def test_every_device_comes_once_and_the_count_is_the_pages(graph, signed_in):
    answers = pages(graph, signed_in, "?$top=10")

    assert [page["@odata.count"] for page in answers] == [10, 10, 3]
    assert [row["id"] for page in answers for row in page["value"]] == [row["id"] for row in ROWS]


def test_a_page_may_be_smaller_than_asked(graph, signed_in):
    graph.largest_page = 4

    assert [len(page["value"]) for page in pages(graph, signed_in, "?$top=10")] == [4, 4, 4, 4, 4, 3]


def test_a_last_page_that_is_full_has_no_link(graph, signed_in):
    assert [len(page["value"]) for page in pages(graph, signed_in, "?$top=23")] == [23]


def test_only_the_selected_fields_come(graph, signed_in):
    answers = pages(graph, signed_in, "?$select=id,imei&$top=20")

    assert {field for page in answers for row in page["value"] for field in row} == {"id", "imei"}


def test_without_a_selection_fields_come_that_must_never_be_stored(graph, signed_in):
    assert {"imei", "phoneNumber", "wiFiMacAddress"} <= set(get(graph, signed_in).json()["value"][0])


@pytest.mark.parametrize("query", ["?$select=id,shoeSize", "?$top=1001", "?$top=0", "?$top=many"])
def test_a_wrong_question_is_a_bad_request(graph, signed_in, query):
    assert get(graph, signed_in, query).status_code == 400


def test_what_only_beta_knows_is_not_in_v1(graph, signed_in):
    assert get(graph, signed_in, "?$select=lostModeState").status_code == 400
    assert get(graph, signed_in, "?$select=lostModeState", DEVICES.replace("v1.0", "beta")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1.0/groups", "/v2.0/deviceManagement/managedDevices", "/v1.0/deviceManagement/importedDeviceIdentities"]
)
def test_what_is_not_served_is_not_found(graph, signed_in, path):
    assert get(graph, signed_in, path=path).status_code == 404


def test_newer_enrolment_types_come_only_with_the_prefer_header(graph, signed_in):
    query = "?$select=deviceEnrollmentType&$top=1"
    asking = {**signed_in, "Prefer": "include-unknown-enum-members"}

    assert get(graph, signed_in, query).json()["value"][0]["deviceEnrollmentType"] == "unknownFutureValue"
    assert get(graph, asking, query).json()["value"][0]["deviceEnrollmentType"] == "androidEnterpriseFullyManaged"


def test_a_missing_permission_is_reported_as_json_within_json(graph, signed_in):
    graph.permitted = False
    error = get(graph, signed_in).json()["error"]

    assert "DeviceManagementManagedDevices.Read.All" in json.loads(error["message"])["Message"]


# --- faults that only Graph can have ----------------------------------------------------------------------------------


def test_pages_can_go_round_in_a_circle(graph, signed_in):
    graph.stub_server.fail("/v1.0", "loop", times=9)
    links = [page["@odata.nextLink"] for page in pages(graph, signed_in, "?$top=5", most=4)]

    assert len(set(links)) == 1


def test_a_next_link_can_lead_to_another_server(graph, signed_in):
    graph.stub_server.fail("/v1.0", "foreign_link")

    assert not get(graph, signed_in, "?$top=5").json()["@odata.nextLink"].startswith(graph.stub_server.address)


def test_a_device_can_come_on_two_pages(graph, signed_in):
    graph.stub_server.fail("/v1.0", "duplicate")
    ids = [row["id"] for page in pages(graph, signed_in, "?$top=10") for row in page["value"]]

    assert (len(ids), len(set(ids))) == (24, 23)


def test_an_empty_page_with_a_link_is_not_the_end(graph, signed_in):
    graph.stub_server.fail("/v1.0", "empty_page", skip=1)
    answers = pages(graph, signed_in, "?$top=10")

    assert [len(page["value"]) for page in answers] == [10, 0, 10, 3]


def test_most_rows_can_be_lost_without_a_word(graph, signed_in):
    graph.stub_server.fail("/v1.0", "lost_rows")

    assert len(pages(graph, signed_in)[0]["value"]) == 2


def test_a_token_can_expire_between_two_pages(graph, signed_in):
    graph.stub_server.fail("/v1.0", "token_expires", skip=1)
    first = get(graph, signed_in, "?$top=10").json()
    refused = requests.get(first["@odata.nextLink"], headers=signed_in, timeout=10)
    again = {"Authorization": f"Bearer {sign_in(graph).json()['access_token']}"}

    assert refused.status_code == 401
    assert requests.get(first["@odata.nextLink"], headers=again, timeout=10).status_code == 200


def test_a_place_in_the_listing_can_be_forgotten(graph, signed_in):
    graph.stub_server.fail("/v1.0", "page_token_expired", times=2)
    first = get(graph, signed_in, "?$top=10")

    assert first.status_code == 200
    assert requests.get(first.json()["@odata.nextLink"], headers=signed_in, timeout=10).status_code == 400


def test_a_link_that_was_tampered_with_leads_nowhere(graph, signed_in):
    assert get(graph, signed_in, "?$skiptoken=%ff").json()["value"] == []


@pytest.mark.parametrize(("kind", "status"), [("too_many_seconds", 429), ("server_error", 500), ("missing", 404)])
def test_other_faults_are_reported_in_graphs_format(graph, signed_in, kind, status):
    graph.stub_server.fail("/v1.0", kind)
    answer = get(graph, signed_in)

    assert (answer.status_code, "innerError" in answer.json()["error"]) == (status, True)


def test_a_forbidden_fault_names_the_permission(graph, signed_in):
    graph.stub_server.fail("/v1.0", "forbidden")

    assert "DeviceManagementManagedDevices.Read.All" in get(graph, signed_in).text
