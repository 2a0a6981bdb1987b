"""The connector, run as the daemon runs it, against the school register of Exempelby in all its moods."""

from collections.abc import Iterator
from copy import copy
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from connectors.ss12000 import Settings, normalise, pull
from fleetsync.core.model import MembershipRecord, PersonRecord, RowChange, Verdict
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.register import RegisterContents
from fleetsync.demo.ss12000 import CLIENT, SECRET, Ss12000Stub
from fleetsync.demo.stub_server import FaultKind, ServerFault
from fleetsync.demo.world import DemoWorld
from fleetsync.pull.contract import NormalisedItem
from fleetsync.pull.runner import PullResult
from tests.connectors.case_runner import as_new, fake_connect
from tests.flow.installation import Installation, OpenInstallation

RESOURCES = {
    "units": "organisations", "groups": "groups", "pupils": "persons", "children": "placements", "staff": "duties"
}  # fmt: skip
TABLE = """
[[source]]
kind = "ss12000"
name = "skolregister"
base_url = "{base_url}"
token_url = "{token_url}"
client_id = "{client}"
client_secret_file = "secrets/skolregister"
page_size = 10
counts = ["pupils", "children"]
"""


@pytest.fixture(scope="module")
def register() -> RegisterContents:
    """Exempelby in small: some of its learners, employees and classes, and all organisations."""
    created = copy(DemoWorld(1, with_schools=True).builder)
    created.learners, created.employees, created.classes = (
        created.learners[::30],
        created.employees[::30],
        created.classes[::10],
    )
    return RegisterContents(created, DEMO_DAY)


@pytest.fixture
def school(register: RegisterContents) -> Iterator[Ss12000Stub]:
    result = Ss12000Stub(lambda: register)
    with result.stub_server:
        yield result


@pytest.fixture
def running(school: Ss12000Stub, tmp_path: Path) -> Iterator[OpenInstallation]:
    """A house whose one source is the register, ten objects a page."""
    local_installation = Installation(tmp_path)
    local_installation.names = ()
    local_installation.more = TABLE.format(base_url=school.base_url, token_url=school.token_url, client=CLIENT)
    with local_installation:
        local_installation.write_secret("skolregister", SECRET)
        with local_installation.open() as opened:
            yield opened


def read(running: OpenInstallation, name: str) -> PullResult:
    """One attempt at a part, with the second one that some failures are worth."""
    (source,) = running.application.sources
    return running.application.run_context.runner.pull(source, source.part(name), Event())


def staged(running: OpenInstallation, pulled: PullResult) -> set[tuple[str, str]]:
    """What a pull has staged, by type and id; it is put away, so that the part can be read again."""
    result = {row.ref for row in running.ledger.effect(pulled.pull).rows if row.change is RowChange.PUT}
    running.ledger.fail_pull(pulled.pull, Verdict.FAILED, "put away")
    return result


PASSING: tuple[FaultKind, ...] = (
    "too_many_seconds", "too_many_date", "too_many_silent", "bad_gateway_html", "unavailable", "server_error",
    "cut_body", "hang_up", "not_json", "token_expires", "page_token_expired", "duplicate", "empty_page",
)  # fmt: skip


@pytest.mark.parametrize("fault", PASSING)
def test_whatever_passes_in_the_middle_of_a_listing_costs_not_one_row(
    running: OpenInstallation, school: Ss12000Stub, fault: FaultKind
) -> None:
    untroubled = staged(running, read(running, "staff"))
    path = school.base_url.removeprefix(school.stub_server.address)
    school.stub_server.fail(f"{path}/duties", ServerFault(fault), skip=1)

    troubled = read(running, "staff")

    assert school.stub_server.failed[fault] == 1
    assert (troubled.verdict, staged(running, troubled)) == (Verdict.COMPLETE, untroubled)
    assert len(untroubled) > 20
    assert (troubled.restarted_from is not None) is (fault == "page_token_expired")


@pytest.mark.parametrize("fault", ["loop", "forbidden", "unauthorised", "missing", "page_token_expired"])
def test_a_listing_that_breaks_off_in_the_middle_is_no_listing(
    running: OpenInstallation, school: Ss12000Stub, fault: FaultKind
) -> None:
    path = school.base_url.removeprefix(school.stub_server.address)
    school.stub_server.fail(f"{path}/duties", ServerFault(fault), times=99, skip=1)

    pulled = read(running, "staff")

    assert (pulled.verdict, pulled.effect) == (Verdict.FAILED, None)
    assert "skolregister: " in pulled.reason


@pytest.mark.parametrize("part", list(RESOURCES))
def test_what_a_register_lacks_is_never_read_as_empty_and_costs_no_other_part(
    running: OpenInstallation, school: Ss12000Stub, part: str
) -> None:
    school.missing = {RESOURCES[part]: 501}
    # Without /persons nobody knows who is protected, so that no part that tells of people can be read.
    lost = {"pupils", "children", "staff"} if part == "pupils" else {part}

    verdicts = {name: read(running, name).verdict for name in RESOURCES}

    # Pupils and children count here, and rest on the units.
    for name, verdict in verdicts.items():
        missing = Verdict.FAILED if name in {"units", "pupils", "children"} else Verdict.UNCHANGED
        assert verdict is (missing if name in lost else Verdict.COMPLETE)


def told_by(register: RegisterContents, part: str, **ways: Any) -> list[NormalisedItem]:
    """What a part of the register comes to that speaks in these *ways*."""
    school = Ss12000Stub(lambda: register, **ways)
    table = {"kind": "ss12000", "name": "skolregister", "client_id": CLIENT, "client_secret": SECRET}
    with school.stub_server:
        settings = Settings.model_validate({**table, "base_url": school.base_url, "token_url": school.token_url})
        with fake_connect(settings) as connect:
            raws = [raw for page in pull(part, settings, connect) for raw in page.raws]
    return as_new(noted for raw in raws for noted in normalise(part, settings, raw))


@pytest.mark.parametrize("part", ["pupils", "children", "staff"])
def test_both_versions_and_edlevo_tell_of_the_same_people_the_same(register: RegisterContents, part: str) -> None:
    expected = told_by(register, part)

    assert {type(record) for record in expected} >= {PersonRecord, MembershipRecord}
    assert told_by(register, part, version="2.0") == expected
    assert told_by(register, part, edlevo=True) == expected


@pytest.mark.parametrize("ways", [{}, {"edlevo": True}], ids=["standard", "edlevo"])
def test_a_register_that_knows_no_pages_beyond_its_own_size_is_read_whole(
    register: RegisterContents, ways: dict[str, Any]
) -> None:
    assert told_by(register, "staff", largest_page=7, **ways) == told_by(register, "staff", **ways)
