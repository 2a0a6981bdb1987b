"""Accounts of Entra, run as the daemon runs it, against the stand-in of Graph: a witness changes no number, a roster founds them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fleetsync.core.model import Verdict
from fleetsync.demo.graph import CLIENT, SECRET, TENANT, GraphStub
from fleetsync.demo.model import SourceRow
from fleetsync.demo.stub_server import FaultKind
from fleetsync.pull.registry import RegistryError
from tests.connectors.stand_in_faults import LASTING_FAULTS, PASSING_FAULTS, FaultyListing, findings, verdicts
from tests.flow.installation import DOMAIN, OTHER_COST_CENTRE, Installation, OpenInstallation, device, login

PEOPLE, PUPILS = 14, 5
ON_LEAVE = 3  # whose account is disabled
RENAMED = 5  # whose computer is registered under an address from before a change of name
USERS = "/v1.0/users"
TABLE = f"""
[[source]]
kind = "entra_users"
name = "entra"
tenant = "{TENANT}"
client_id = "{CLIENT}"
client_secret_file = "secrets/intune"
authority = "{{address}}"
graph_root = "{{address}}"
namespace = "personal"
wait_limit = "60s"
"""
AS_ROSTER = 'counts = ["staff"]\nstaff_types = ["Anställd"]\n'


def user(n: int, **fields: object) -> SourceRow:
    """The account of employee *n*."""
    return {
        "id": f"aaaaaaaa-0000-4000-8000-{n:012}",
        "displayName": "Kanarie Påhittberg",
        "userPrincipalName": login(n),
        "employeeId": f"{n:05}",
        "employeeType": "Anställd",
        "department": "3101",
        "employeeHireDate": "2020-08-01T00:00:00Z",
        "proxyAddresses": [f"SMTP:{login(n)}", *([f"smtp:before.{n}@{DOMAIN}"] if n == RENAMED else [])],
        **fields,
    }


class Tenant:
    """An account for each employee and for some pupils; beside them guests, a room and the account of a service."""

    def __init__(self) -> None:
        self.users: Sequence[SourceRow] = [
            *(user(n, accountEnabled=n != ON_LEAVE) for n in range(1, PEOPLE + 1)),
            *(
                user(
                    n,
                    userPrincipalName=f"elev{n}@edu.{DOMAIN}",
                    employeeType="Elev",
                    employeeId=None,
                    proxyAddresses=[],
                )
                for n in range(101, 101 + PUPILS)
            ),
            user(
                201, userType="Guest", userPrincipalName=f"a_annan.se#EXT#@{DOMAIN}", employeeType=None, employeeId=None
            ),
            user(202, userPrincipalName=f"rum-bjorken@{DOMAIN}", employeeType=None, employeeId=None, proxyAddresses=[]),
            user(203, userPrincipalName=f"Sync_AD01@{DOMAIN}", employeeType=None, employeeId=None, proxyAddresses=[]),
        ]
        self.devices = [
            device(n, userId="", holder=f"before.{n}@{DOMAIN}") if n == RENAMED else device(n)
            for n in range(1, PEOPLE + 1)
        ]

    def all_users(self) -> Sequence[SourceRow]:
        return self.users


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


@pytest.fixture
def graph(tenant: Tenant) -> Iterator[GraphStub]:
    server = GraphStub(lambda: tenant.devices, listings={"users": tenant.all_users}, largest_page=7)
    with server.stub_server:
        yield server


@pytest.fixture
def installation(graph: GraphStub, tenant: Tenant, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, people=PEOPLE) as built:
        built.devices = tenant.devices
        configure(built, graph)
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as application:
        yield application


def configure(
    installation: Installation, graph: GraphStub, keys: str = "", names: tuple[str, ...] = ("personal", "intune")
) -> None:
    """The staff file and Intune, or the sources that are named, and Entra with more *keys*."""
    installation.names = names
    installation.more = TABLE.format(address=graph.stub_server.address) + keys
    installation.keys = {"personal": 'namespace = "personal"\n'}
    installation.write()


def numbers(opened: OpenInstallation) -> list[int]:
    return [opened.count(measure) for measure in ("entitled", "assigned", "covered")]


# --- as a witness -----------------------------------------------------------------------------------------------------


def test_a_witness_adds_nobody_and_knows_the_address_under_which_a_device_stands(
    installation: Installation, graph: GraphStub
) -> None:
    installation.more = ""
    installation.write()
    with installation.open() as opened:
        opened.run()
        without = numbers(opened)
    configure(installation, graph)
    with installation.open() as opened:
        assert verdicts(opened)["entra/users"] is Verdict.COMPLETE
        with_entra = numbers(opened)

    assert without == [PEOPLE, PEOPLE - 1, PEOPLE - 1]
    assert with_entra == [PEOPLE] * 3


def test_a_person_in_both_is_one_person(opened: OpenInstallation) -> None:
    opened.run()

    people = [case.person for case in opened.snapshot.outcome.people]
    assert len([person for person in people if len({known.source for known in person.records}) > 1]) == PEOPLE
    assert len(people) == PEOPLE + PUPILS + 1  # the room has a name that nobody has excluded


def test_a_listing_that_a_server_cuts_is_read_whole(opened: OpenInstallation, graph: GraphStub) -> None:
    opened.run()

    pages = [request for request in graph.stub_server.log if request.path == USERS]
    assert [request.status for request in pages] == [200] * 4  # of 7 each, though 999 were asked for


LISTING = FaultyListing("entra/users", USERS, skip=1)


@pytest.mark.parametrize(
    "fault", [*sorted({*PASSING_FAULTS} - {"loop"}), "token_expires", "page_token_expired", "forbidden", "missing"]
)
def test_a_fault_in_the_middle_of_a_listing_that_passes_changes_no_number(
    graph: GraphStub, installation: Installation, fault: FaultKind
) -> None:
    LISTING.check_passing(fault, graph.stub_server, installation)


@pytest.mark.parametrize("fault", [*LASTING_FAULTS, "loop"])
def test_a_fault_that_stays_fails_its_part_alone_and_changes_no_number(
    graph: GraphStub, installation: Installation, fault: FaultKind
) -> None:
    LISTING.check_lasting(fault, graph.stub_server, installation)


def test_an_account_that_a_listing_lost_is_noticed_by_the_count(opened: OpenInstallation, graph: GraphStub) -> None:
    graph.stub_server.fail(USERS, "lost_rows", times=999)

    assert verdicts(opened)["entra/users"] is Verdict.FAILED
    assert f"should have {PEOPLE + PUPILS + 3} records" in (opened.part("entra/users").reason or "")


# --- as the roster of staff -------------------------------------------------------------------------------------------


def test_as_a_roster_it_founds_what_enabled_staff_are_owed(installation: Installation, graph: GraphStub) -> None:
    configure(installation, graph, AS_ROSTER, names=("intune",))
    with installation.open() as opened:
        assert set(verdicts(opened).values()) == {Verdict.COMPLETE}

        assert numbers(opened) == [PEOPLE - 1] * 3


def test_as_a_roster_without_days_of_hire_it_founds_the_same(
    installation: Installation, graph: GraphStub, tenant: Tenant
) -> None:
    tenant.users = [{**row, "employeeHireDate": None} for row in tenant.users]
    configure(installation, graph, AS_ROSTER, names=("intune",))
    with installation.open() as opened:
        opened.run()

        assert numbers(opened) == [PEOPLE - 1] * 3


def test_a_unit_that_nobody_lists_is_shown_as_unplaced(
    installation: Installation, graph: GraphStub, tenant: Tenant
) -> None:
    tenant.users = [{**row, "department": OTHER_COST_CENTRE if n % 2 else "9999"} for n, row in enumerate(tenant.users)]
    configure(installation, graph, AS_ROSTER, names=("intune",))
    with installation.open() as opened:
        opened.run()

        assert opened.count("entitled") == 0
        assert opened.count("entitled", "angsskolan") + opened.count("entitled", "unplaced") == PEOPLE - 1


def test_two_rosters_of_staff_at_the_same_units_are_refused(installation: Installation, graph: GraphStub) -> None:
    configure(installation, graph, AS_ROSTER)

    with pytest.raises(RegistryError, match="counts staff, as entra does"), installation.open():
        pass


def test_staff_of_a_witness_are_not_owed_twice(installation: Installation, graph: GraphStub) -> None:
    configure(installation, graph, 'staff_types = ["Anställd"]\n')
    with installation.open() as opened:
        opened.run()

        assert numbers(opened) == [PEOPLE] * 3


# --- what a check says ------------------------------------------------------------------------------------------------


def test_a_check_tells_a_missing_permission_from_a_wrong_secret(installation: Installation, graph: GraphStub) -> None:
    graph.permissions -= {"User.Read.All"}
    with installation.open() as opened:
        refused = findings(opened, "entra_users")["users"]
    installation.write_secret("intune", "fel-hemlighet")
    with installation.open() as opened:
        wrong = findings(opened, "entra_users")["users"]

    assert "refused our token (403)" in refused.what
    assert "permission User.Read.All" in refused.remedy
    assert "the client secret is wrong" in wrong.what
    assert SECRET not in str((refused, wrong))
    assert "fel-hemlighet" not in str((refused, wrong))
