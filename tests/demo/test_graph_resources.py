"""The resources of the stub of Graph beside the managed devices: each with its permission, its versions and its quirks."""

from collections.abc import Iterator, Mapping
from functools import partial

import pytest
import requests

from fleetsync.demo.graph import ALL_PERMISSIONS, CLIENT, ENROLMENT_TOKEN, SECRET, TENANT, GraphStub
from fleetsync.demo.graph.resources import DEVICE, RESOURCES, SERVICE_PERMISSION
from fleetsync.demo.model import SourceRow

AUTOPILOT = "/v1.0/deviceManagement/windowsAutopilotDeviceIdentities"
TOKENS = "/beta/deviceManagement/depOnboardingSettings"
USERS = "/v1.0/users"
LISTINGS: Mapping[str, list[SourceRow]] = {
    "autopilot": [{"id": f"a{n}", "serialNumber": f"PF{n}"} for n in range(5)],
    "enrolment_tokens": [{"id": "t1", "tokenExpirationDateTime": "2027-06-12T07:00:00Z"}],
    "apple_devices": [{"id": f"i{n}", ENROLMENT_TOKEN: f"t{n % 2}"} for n in range(4)],
    "primary_users": [{"id": "u1", "userPrincipalName": "u1@exempelby.se", DEVICE: "d 1"}],
    "users": [{"id": f"u{n}", "userPrincipalName": f"u{n}@exempelby.se", "employeeId": str(n)} for n in range(7)],
    "push_certificate": [{"id": "p1", "expirationDateTime": "2027-03-02T07:00:00Z"}],
}


@pytest.fixture
def graph() -> Iterator[GraphStub]:
    stub = GraphStub(list, listings={name: partial(list, rows) for name, rows in LISTINGS.items()})
    with stub.stub_server:
        yield stub


def get(graph: GraphStub, path: str, **headers: str) -> requests.Response:
    address = graph.stub_server.address
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "scope": f"{address}/.default",
    }
    token = requests.post(f"{address}/{TENANT}/oauth2/v2.0/token", data=form, timeout=10).json()["access_token"]
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(f"{address}{path}", headers={"Authorization": f"Bearer {token}", **sent}, timeout=10)


def ids(answer: requests.Response) -> list[str]:
    return [row["id"] for row in answer.json()["value"]]


def test_the_list_of_autopilot_fails_with_a_selection(graph: GraphStub) -> None:
    assert ids(get(graph, f"{AUTOPILOT}?$top=3")) == ["a0", "a1", "a2"]
    assert get(graph, f"{AUTOPILOT}?$select=id").status_code == 500


def test_the_devices_of_a_token_are_its_own_and_do_not_name_it(graph: GraphStub) -> None:
    answer = get(graph, f"{TOKENS}/t1/importedAppleDeviceIdentities")

    assert ids(answer) == ["i1", "i3"]
    assert ENROLMENT_TOKEN not in answer.json()["value"][0]


def test_the_primary_user_of_a_device_is_its_own(graph: GraphStub) -> None:
    assert ids(get(graph, "/v1.0/deviceManagement/managedDevices/d%201/users?$select=id,mail")) == ["u1"]
    assert ids(get(graph, "/v1.0/deviceManagement/managedDevices/d2/users")) == []


def test_what_is_in_beta_alone_is_not_in_v1_and_nowhere_without_beta(graph: GraphStub) -> None:
    assert get(graph, TOKENS).status_code == 200
    assert get(graph, TOKENS.replace("beta", "v1.0")).status_code == 404
    graph.has_beta = False
    assert get(graph, TOKENS).status_code == 404


def test_a_permission_is_of_its_resources_alone(graph: GraphStub) -> None:
    graph.permissions -= {SERVICE_PERMISSION}

    assert get(graph, AUTOPILOT).status_code == 403
    assert get(graph, USERS).status_code == 200
    assert {resource.permission for resource in RESOURCES} == ALL_PERMISSIONS


def test_a_certificate_is_one_object_or_is_not_there(graph: GraphStub) -> None:
    path = "/v1.0/deviceManagement/applePushNotificationCertificate"
    assert get(graph, path).json()["expirationDateTime"] == "2027-03-02T07:00:00Z"

    empty = GraphStub(list)
    with empty.stub_server:
        assert get(empty, path).status_code == 404


def test_a_user_has_few_fields_unless_they_are_asked_for(graph: GraphStub) -> None:
    (few, *_) = get(graph, USERS).json()["value"]
    (more, *_) = get(graph, f"{USERS}?$select=id,accountEnabled,employeeId").json()["value"]

    assert "displayName" in few
    assert not {"accountEnabled", "employeeId", "userType"} & few.keys()
    assert more == {"id": "u0", "accountEnabled": True, "employeeId": "0"}


@pytest.mark.parametrize(
    ("query", "headers", "counts"),
    [
        ("$top=4&$count=true", {"ConsistencyLevel": "eventual"}, [7, None]),
        ("$top=4&$count=true", {}, [None, None]),
        ("$top=4", {"ConsistencyLevel": "eventual"}, [None, None]),
    ],
)
def test_the_directory_is_counted_on_the_first_page_where_that_is_asked_for(
    graph: GraphStub, query: str, headers: dict[str, str], counts: list[int | None]
) -> None:
    first = get(graph, f"{USERS}?{query}", **headers).json()
    second = get(graph, first["@odata.nextLink"].removeprefix(graph.stub_server.address), **headers).json()

    assert [page.get("@odata.count") for page in (first, second)] == counts


def test_a_page_of_users_is_of_999_at_most(graph: GraphStub) -> None:
    assert get(graph, f"{USERS}?$top=999").status_code == 200
    assert get(graph, f"{USERS}?$top=1000").status_code == 400


def test_a_refusal_of_the_directory_says_no_permission(graph: GraphStub) -> None:
    graph.permissions.clear()

    assert get(graph, USERS).json()["error"]["code"] == "Authorization_RequestDenied"
