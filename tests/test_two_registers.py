"""A municipality with two school registers, as a reorganisation leaves them behind.

Both know every teacher and every pupil, the second all children too; each has ids of its own, and only log-ins tell who is
who. Each founds the entitlements of its own schools' pupils. Nobody may count twice for that, and no device.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from threading import Event

from msgspec.structs import replace

from fleetsync import sync
from fleetsync.clock import ManualClock
from fleetsync.core.model import UNPLACED, Outcome
from fleetsync.daemon.composition import Application, build_application, open_configured_ledger
from fleetsync.demo.builder import WorldBuilder
from fleetsync.demo.configuration import DELIVERIES, StubAddresses, write_configuration
from fleetsync.demo.file_exports import deliver
from fleetsync.demo.graph import GraphStub
from fleetsync.demo.model import Learner, StaffMember
from fleetsync.demo.names import object_id_of
from fleetsync.demo.preschool import PLACES_PER_COHORT
from fleetsync.demo.register import RegisterContents
from fleetsync.demo.replay import TODAY, first_run_at
from fleetsync.demo.ss12000 import CLIENT, Ss12000Stub
from fleetsync.demo.truth import GroundTruth
from fleetsync.demo.world import DemoWorld
from fleetsync.settings import load
from tests.truth.comparison import differences

SCHOOLS, SECOND = "skolregister", "andra-registret"
TABLE = f"""
[[source]]
kind = "ss12000"
name = "{SECOND}"
base_url = "{{base_url}}"
token_url = "{{token_url}}"
client_id = "{{client}}"
client_secret_file = "secrets/skolregister"
"""


def part_of(made: WorldBuilder, learners: Sequence[Learner], employees: Sequence[StaffMember]) -> RegisterContents:
    """What a register that knows these alone says."""
    known = copy(made)
    known.learners, known.employees = list(learners), list(employees)
    return RegisterContents(known, TODAY)


def of_schools(made: WorldBuilder) -> RegisterContents:
    """All pupils, without the places that they had or have as children."""
    pupils = [replace(one, placements=()) for one in made.learners if one.enrolments]
    return part_of(made, pupils, made.employees)


def of_the_second(made: WorldBuilder) -> RegisterContents:
    """All pupils and children; everybody under an id of its own."""
    learners = [replace(one, id=object_id_of(f"second/{one.id}")) for one in made.learners]
    return part_of(made, learners, [replace(who, key=f"second/{who.key}") for who in made.employees])


@contextmanager
def registers_of(
    folder: Path, world: DemoWorld, counts: Mapping[str, Mapping[str, Sequence[str]]]
) -> Iterator[Application]:
    """The house of a municipality with both registers, what of each counts and where, source by source."""
    graph = GraphStub(lambda: world.contents_on(TODAY).managed_devices)
    schools, preschools = of_schools(world.builder), of_the_second(world.builder)
    first, second = Ss12000Stub(lambda: schools), Ss12000Stub(lambda: preschools)
    with graph.stub_server, first.stub_server, second.stub_server:
        file = write_configuration(folder, StubAddresses(graph.stub_server.address, (first.base_url, first.token_url)))
        file.write_text(configured(file.read_text(encoding="utf-8"), second, counts), encoding="utf-8")
        deliver(world.contents_on(TODAY), folder / DELIVERIES)
        settings, clock = load(file), ManualClock(first_run_at(TODAY))
        with open_configured_ledger(settings, clock) as ledger:
            yield build_application(settings, clock, ledger, Event())


def configured(text: str, second: Ss12000Stub, counts: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """Exempelby's configuration with the second register beside the first."""
    text += TABLE.format(base_url=second.base_url, token_url=second.token_url, client=CLIENT)
    text = re.sub(r"^counts = .*\n", "", text, flags=re.MULTILINE)
    for source, keys in counts.items():
        table = f'name = "{source}"\n'
        assert table in text
        text = text.replace(table, table + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items()))
    # The schools' register has no children of preschools, and that is no fault of it.
    return text.replace(f'name = "{SCHOOLS}"\n', f'name = "{SCHOOLS}"\nallow_empty = ["children"]\n')


def told_by(outcome: Outcome) -> Mapping[tuple[str, ...], int]:
    """How many persons there are of whom just these sources tell."""
    return Counter(tuple(sorted({one.source for one in case.person.records})) for case in outcome.people)


def entitled(outcome: Outcome, entitlement: str) -> int:
    return sum(row.entitled for row in outcome.coverage if row.entitlement == entitlement)


def test_pupils_of_two_registers_that_share_everybody_count_once_and_so_does_every_device(tmp_path: Path) -> None:
    world = DemoWorld(1, with_schools=True)
    schools = sorted(
        {claim.unit for claim in world.builder.expected_owed if claim.entitlement == "pupils"} - {UNPLACED}
    )
    counts = {
        "personal": {"counts": ["staff"]},
        SCHOOLS: {"counts": ["pupils"], "counts_at": schools[::2]},
        SECOND: {"counts": ["pupils", "children"], "counts_at": [*schools[1::2], *PLACES_PER_COHORT]},
    }
    with registers_of(tmp_path, world, counts) as house:
        report = sync.run(house.run_context, [(source, part) for source in house.sources for part in source.parts])

    together = told_by(report.outcome)
    teachers = len(world.contents_on(TODAY).register.staff)
    assert report.held == ()
    assert together[SECOND, "personal", SCHOOLS] == teachers > 500
    assert together[SECOND, SCHOOLS] > 3000
    assert entitled(report.outcome, "pupils") > 3000
    # All that is published is what it is where one register tells all. But a school that nobody has configured is asked
    # for once by each register that has it.
    assert differences(report.outcome, GroundTruth(world, TODAY), TODAY) == [
        ((UNPLACED, "unmapped_unit"), "gaps", 1, 2)
    ]


def test_a_teacher_of_both_registers_counts_once_where_one_of_them_founds_and_the_other_is_a_witness(
    tmp_path: Path,
) -> None:
    world = DemoWorld(1, with_schools=True)
    counts: dict[str, dict[str, list[str]]] = {
        "personal": {"counts": []},
        SCHOOLS: {"counts": ["staff"]},
        SECOND: {"counts": ["children"]},
    }
    with registers_of(tmp_path, world, counts) as house:
        due = [
            (source, part)
            for source in house.sources
            for part in source.parts
            if source.kind == "ss12000" and part.name in {"units", "staff"}
        ]
        outcome = sync.run(house.run_context, due).outcome

    staff = world.contents_on(TODAY).register.staff
    assert told_by(outcome) == {(SECOND, SCHOOLS): len(staff)}
    assert not any(case.person.duplicate for case in outcome.people)
    serving = [job for _, job in staff if job.last is None or job.last >= TODAY]
    assert entitled(outcome, "staff") == len(serving) > 500
