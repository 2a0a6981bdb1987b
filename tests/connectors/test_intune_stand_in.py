"""Intune with all its parts, run as the daemon runs it, against the stand-in of Graph: published numbers stay."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fleetsync.core.model import NOT_THERE, CredentialUse, Verdict
from fleetsync.demo.graph import CLIENT, ENROLMENT_TOKEN, SECRET, TENANT, GraphStub
from fleetsync.demo.model import SourceRow
from fleetsync.demo.stub_server import FaultKind
from tests.connectors.stand_in_faults import LASTING_FAULTS, PASSING_FAULTS, FaultyListing, findings, verdicts
from tests.flow.installation import Installation, OpenInstallation, device, serial

PEOPLE = 14
BOXED, BOXED_IPADS = 12, 2
SERVICE_PERMISSION = "DeviceManagementServiceConfig.Read.All"
EXTRAS = ("autopilot", "corporate_identifiers", "apple_enrolment", "push_certificate", "app_tokens")
TABLE = f"""
[[source]]
kind = "intune"
name = "intune"
tenant = "{TENANT}"
client_id = "{CLIENT}"
client_secret_file = "secrets/intune"
authority = "{{address}}"
graph_root = "{{address}}"
wait_limit = "60s"
"""


def autopilot(n: int, **fields: object) -> SourceRow:
    """Computer *n* as Autopilot knows it."""
    return {
        "id": f"aaaa0000-0000-4000-8000-{n:012}",
        "serialNumber": serial(n),
        "groupTag": "BACK",
        "manufacturer": "LENOVO",
        **fields,
    }


class Tenant:
    """A computer in contact for each employee, all registered for Autopilot, and a dozen in their boxes. Two iPads in theirs."""

    def __init__(self) -> None:
        self.devices = [device(n, operatingSystem="Windows", manufacturer="LENOVO") for n in range(1, PEOPLE + 1)]
        self.rows: dict[str, Sequence[SourceRow]] = {
            "autopilot": [autopilot(n) for n in range(1, PEOPLE + BOXED + 1)],
            "corporate_identifiers": [
                {
                    "id": f"cccc0000-0000-4000-8000-{n:012}",
                    "importedDeviceIdentifier": f"LENOVO,21EX,{serial(n)}",
                    "importedDeviceIdentityType": "manufacturerModelSerial",
                    "lastContactedDateTime": "2026-11-23T08:31:00Z",
                    "platform": "windows",
                }
                for n in range(PEOPLE + 1, PEOPLE + BOXED + 1)  # the same as in Autopilot: one device, two witnesses
            ],
            "enrolment_tokens": [
                {"id": "t1", "tokenName": "Skolor", "tokenExpirationDateTime": "2027-06-12T07:00:00Z"}
            ],
            "apple_devices": [
                {"id": f"i{n}", "serialNumber": serial(n), ENROLMENT_TOKEN: "t1", "isDeleted": n == 203}
                for n in (201, 202, 203)
            ],
            "push_certificate": [{"id": "p1", "expirationDateTime": "2027-03-02T07:00:00Z"}],
            "app_tokens": [
                {"id": "a99c0de1", "organizationName": "Exempelby", "expirationDateTime": "2027-05-03T07:00:00Z"}
            ],
        }

    def stub(self) -> GraphStub:
        """The tenant as Graph shows it."""
        listings = {name: (lambda name=name: self.rows[name]) for name in self.rows}
        return GraphStub(lambda: self.devices, listings=listings, largest_page=5)


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


@pytest.fixture
def graph(tenant: Tenant) -> Iterator[GraphStub]:
    server = tenant.stub()
    with server.stub_server:
        yield server


@pytest.fixture
def installation(graph: GraphStub, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, people=PEOPLE) as built:
        configure(built, graph)
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as application:
        yield application


def configure(installation: Installation, graph: GraphStub, more: str = "") -> None:
    installation.names = ("personal",)
    installation.more = TABLE.format(address=graph.stub_server.address) + more
    installation.write()
    installation.write_secret("intune", SECRET)


def covered(opened: OpenInstallation) -> list[int]:
    return [opened.count(measure) for measure in ("entitled", "covered")]


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_what_is_in_its_box_is_one_device_by_two_witnesses_and_covers_nobody(opened: OpenInstallation) -> None:
    assert set(verdicts(opened).values()) == {Verdict.COMPLETE}

    assert covered(opened) == [PEOPLE, PEOPLE]
    assert sum(opened.snapshot.numbers["fleetsync_devices"].values()) == PEOPLE + BOXED + BOXED_IPADS


def test_a_computer_that_was_bought_long_ago_and_never_enrolled_is_found(
    opened: OpenInstallation, installation: Installation, tenant: Tenant
) -> None:
    opened.run()
    installation.advance_clock(days=100)
    for row in tenant.devices:
        row["lastSyncDateTime"] = "2027-03-03T08:31:00Z"

    opened.run()

    found = [episode for episode in opened.snapshot.outcome.episodes if episode.kind == "never_enrolled"]
    assert len(found) == BOXED + BOXED_IPADS


def test_each_part_says_when_its_tokens_run_out(opened: OpenInstallation) -> None:
    opened.run()

    uses = {part: [credential.use for credential in opened.part(f"intune/{part}").credentials] for part in EXTRAS}
    assert uses == {
        "autopilot": [],
        "corporate_identifiers": [],
        "apple_enrolment": [CredentialUse.APPLE_ENROLMENT],
        "push_certificate": [CredentialUse.APPLE_PUSH],
        "app_tokens": [CredentialUse.APPLE_APPS],
    }


LISTINGS = {
    "autopilot": "/v1.0/deviceManagement/windowsAutopilotDeviceIdentities",
    "corporate_identifiers": "/beta/deviceManagement/importedDeviceIdentities",
}


@pytest.mark.parametrize("part", LISTINGS)
@pytest.mark.parametrize(
    "fault", [*sorted({*PASSING_FAULTS} - {"lost_rows", "loop"}), "token_expires", "page_token_expired"]
)
def test_a_fault_in_the_middle_of_a_listing_that_passes_changes_no_number(
    graph: GraphStub, installation: Installation, part: str, fault: FaultKind
) -> None:
    FaultyListing(f"intune/{part}", LISTINGS[part], skip=1).check_passing(fault, graph.stub_server, installation)


@pytest.mark.parametrize("fault", sorted({*LASTING_FAULTS, "loop"} - {"lost_rows", "empty_page"}))
def test_a_fault_that_stays_fails_its_part_alone_and_changes_no_number(
    graph: GraphStub, installation: Installation, fault: FaultKind
) -> None:
    FaultyListing("intune/autopilot", LISTINGS["autopilot"]).check_lasting(fault, graph.stub_server, installation)


def test_a_list_that_loses_its_rows_is_held(opened: OpenInstallation, graph: GraphStub) -> None:
    opened.run()
    graph.stub_server.fail(LISTINGS["autopilot"], "lost_rows", times=999)

    (held,) = opened.run().held

    assert (held.effect.part, {refusal.rule for refusal in held.refusals}) == ("autopilot", {"empty", "shrink"})


# --- what a tenant may lack -------------------------------------------------------------------------------------------


def test_a_tenant_that_granted_only_the_devices_works_and_says_what_to_grant(
    opened: OpenInstallation, graph: GraphStub
) -> None:
    graph.permissions -= {SERVICE_PERMISSION}

    outcome = verdicts(opened)

    assert outcome.pop("intune/devices") is outcome.pop("intune/push_certificate") is Verdict.COMPLETE
    assert {outcome.pop(f"intune/{part}") for part in set(EXTRAS) - {"push_certificate"}} == {Verdict.UNCHANGED}
    assert covered(opened) == [PEOPLE, PEOPLE]
    part = opened.part("intune/autopilot")
    assert part.is_not_there
    assert (part.reason or "").startswith(NOT_THERE)
    assert f"Grant the permission {SERVICE_PERMISSION}" in (part.reason or "")


def test_a_cloud_without_beta_costs_the_parts_that_need_it_alone(opened: OpenInstallation, graph: GraphStub) -> None:
    graph.has_beta = False

    outcome = verdicts(opened)

    assert [name for name, verdict in outcome.items() if verdict is Verdict.UNCHANGED] == [
        "intune/corporate_identifiers", "intune/apple_enrolment",
    ]  # fmt: skip
    assert "does not have this part (404)" in (opened.part("intune/apple_enrolment").reason or "")


def test_a_permission_that_is_taken_back_is_a_failure_of_what_gave_records(
    opened: OpenInstallation, graph: GraphStub
) -> None:
    opened.run()
    before = opened.snapshot.numbers
    graph.permissions -= {SERVICE_PERMISSION}

    outcome = verdicts(opened)

    assert outcome["intune/autopilot"] is Verdict.FAILED
    assert outcome["intune/devices"] is Verdict.COMPLETE
    assert opened.snapshot.numbers == before


def test_a_tenant_without_any_of_it_is_complete_and_empty(opened: OpenInstallation, tenant: Tenant) -> None:
    for name in tenant.rows:
        tenant.rows[name] = ()

    assert set(verdicts(opened).values()) == {Verdict.COMPLETE}
    assert covered(opened) == [PEOPLE, PEOPLE]


def test_a_wrong_secret_is_a_failure_of_every_part(installation: Installation) -> None:
    (installation.folder / "secrets" / "intune").write_text("fel-hemlighet", encoding="ascii")
    with installation.open() as opened:
        outcome = verdicts(opened)

        assert {verdict for name, verdict in outcome.items() if name.startswith("intune/")} == {Verdict.FAILED}
        assert "the client secret is wrong" in (opened.part("intune/app_tokens").reason or "")


def test_a_part_that_is_not_wanted_is_never_asked_for(
    installation: Installation, graph: GraphStub, tenant: Tenant
) -> None:
    configure(installation, graph, f"without = {list(EXTRAS)}\n")
    with installation.open() as opened:
        assert set(verdicts(opened)) == {"personal/staff", "intune/devices"}

    assert {request.path for request in graph.stub_server.log if request.method == "GET"} == {
        "/v1.0/deviceManagement/managedDevices"
    }


def test_a_check_tells_a_missing_permission_from_a_missing_part(opened: OpenInstallation, graph: GraphStub) -> None:
    graph.permissions -= {SERVICE_PERMISSION}
    graph.has_beta = False

    results = findings(opened, "intune")

    assert all(result.ok for result in results.values())
    assert {part for part, result in results.items() if result.remedy} == set(EXTRAS) - {"push_certificate"}
    assert "refused our token (403)" in results["autopilot"].what
    assert "does not have this part (404)" in results["corporate_identifiers"].what
    assert SERVICE_PERMISSION in results["autopilot"].remedy
    assert results["corporate_identifiers"].remedy == (
        'where corporate_identifiers is not wanted: without = ["corporate_identifiers"]'
    )
    assert SECRET not in str(results)
