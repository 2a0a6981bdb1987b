"""A municipality with two school registers, as a reorganisation leaves them behind.

Both know every teacher and every pupil; the second also knows all children. Each has its own ids, so only log-ins show
which records are the same person. Each is the counting source for the pupils of its own schools. No person and no device
may count twice.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from pathlib import Path
from threading import Event

from msgspec.structs import replace

from fleetsync import sync
from fleetsync.clock import ManualClock
from fleetsync.core.model import UNPLACED, Outcome
from fleetsync.daemon.composition import Application, build_application
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.demo.builder import WorldBuilder
from fleetsync.demo.configuration import DELIVERIES, write_configuration
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.file_exports import deliver
from fleetsync.demo.model import Learner, StaffMember
from fleetsync.demo.mornings import first_run_at
from fleetsync.demo.names import object_id_of
from fleetsync.demo.preschool import PLACES_PER_COHORT
from fleetsync.demo.register import RegisterContents
from fleetsync.demo.ss12000 import CLIENT, Ss12000Stub
from fleetsync.demo.systems import StubSystems
from fleetsync.demo.truth import GroundTruth
from fleetsync.demo.world import DemoWorld
from fleetsync.settings import load
from tests.truth.comparison import differences

SCHOOLS, SECOND = "skolregister", "andra-registret"
ROSTERS = {SCHOOLS, SECOND, "personal"}
TABLE = f"""
[[source]]
kind = "ss12000"
name = "{SECOND}"
base_url = "{{base_url}}"
token_url = "{{token_url}}"
client_id = "{{client}}"
client_secret_file = "secrets/skolregister"
"""


def part_of(builder: WorldBuilder, learners: Sequence[Learner], employees: Sequence[StaffMember]) -> RegisterContents:
    """The contents of a register that knows only these persons."""
    known = copy(builder)
    known.learners, known.employees = list(learners), list(employees)
    return RegisterContents(known, DEMO_DAY)


def of_schools(builder: WorldBuilder) -> RegisterContents:
    """All pupils, without the places that they had or have as children."""
    pupils = [replace(learner, placements=()) for learner in builder.learners if learner.enrolments]
    return part_of(builder, pupils, builder.employees)


def of_the_second(builder: WorldBuilder) -> RegisterContents:
    """All pupils and children, each under another id."""
    learners = [replace(learner, id=object_id_of(f"second/{learner.id}")) for learner in builder.learners]
    return part_of(
        builder, learners, [replace(employee, key=f"second/{employee.key}") for employee in builder.employees]
    )


@contextmanager
def registers_of(
    folder: Path, world: DemoWorld, counts: Mapping[str, Mapping[str, Sequence[str]]]
) -> Iterator[Application]:
    """The application of a municipality with both registers, what of each counts and where, source by source."""
    schools, preschools = of_schools(world.builder), of_the_second(world.builder)
    systems, second = StubSystems(world, lambda: DEMO_DAY), Ss12000Stub(lambda: preschools)
    assert systems.register is not None, "the world has schools"
    systems.register.stub_server.stop()
    systems.register = Ss12000Stub(lambda: schools)
    with ExitStack() as running:
        for server in (*systems.all(), second.stub_server):
            running.enter_context(server)
        file = write_configuration(folder, replace(systems.addresses(), oneroster=None))
        file.write_text(configured(file.read_text(encoding="utf-8"), second, counts), encoding="utf-8")
        deliver(world.contents_on(DEMO_DAY), folder / DELIVERIES)
        settings, clock = load(file), ManualClock(first_run_at(DEMO_DAY))
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
    # The schools' register has no preschool children, which is not an error.
    return text.replace(f'name = "{SCHOOLS}"\n', f'name = "{SCHOOLS}"\nallow_empty = ["children"]\n')


def persons_by_sources(outcome: Outcome) -> Mapping[tuple[str, ...], int]:
    """By set of rosters: how many persons have records of exactly these, whatever other sources know them."""
    sources_by_person = ({record.source for record in case.person.records} for case in outcome.people)
    return Counter(tuple(sorted(sources & ROSTERS)) for sources in sources_by_person if sources & ROSTERS)


def entitled(outcome: Outcome, entitlement: str) -> int:
    return sum(row.entitled for row in outcome.coverage if row.entitlement == entitlement)


def test_pupils_and_devices_known_to_two_registers_count_once(tmp_path: Path) -> None:
    world = DemoWorld(1, with_schools=True)
    schools = sorted(
        {claim.unit for claim in world.builder.expected_owed if claim.entitlement == "pupils"} - {UNPLACED}
    )
    counts = {
        "personal": {"counts": ["staff"]},
        SCHOOLS: {"counts": ["pupils"], "counts_at": schools[::2]},
        SECOND: {"counts": ["pupils", "children"], "counts_at": [*schools[1::2], *PLACES_PER_COHORT]},
    }
    with registers_of(tmp_path, world, counts) as application:
        report = sync.run(
            application.run_context, [(source, part) for source in application.sources for part in source.parts]
        )

    together = persons_by_sources(report.outcome)
    teachers = len(world.contents_on(DEMO_DAY).register.staff)
    assert report.held == ()
    assert together[SECOND, "personal", SCHOOLS] == teachers > 500
    assert together[SECOND, SCHOOLS] > 3000
    assert entitled(report.outcome, "pupils") > 3000
    # Every published number is the same as with a single register, except that a school that is not configured is
    # reported as unmapped by each register that has it.
    assert differences(report.outcome, GroundTruth(world, DEMO_DAY), DEMO_DAY) == [
        ((UNPLACED, "unmapped_unit"), "gaps", 3, 4)
    ]


def test_a_teacher_in_a_counting_register_and_a_witness_counts_once(
    tmp_path: Path,
) -> None:
    world = DemoWorld(1, with_schools=True)
    counts: dict[str, dict[str, list[str]]] = {
        "personal": {"counts": []},
        SCHOOLS: {"counts": ["staff"]},
        SECOND: {"counts": ["children"]},
    }
    with registers_of(tmp_path, world, counts) as application:
        due = [
            (source, part)
            for source in application.sources
            for part in source.parts
            if source.kind == "ss12000" and part.name in {"units", "staff"}
        ]
        outcome = sync.run(application.run_context, due).outcome

    staff = world.contents_on(DEMO_DAY).register.staff
    assert persons_by_sources(outcome) == {(SECOND, SCHOOLS): len(staff)}
    assert not any(case.person.duplicate for case in outcome.people)
    serving = [job for _, job in staff if job.last is None or job.last >= DEMO_DAY]
    assert entitled(outcome, "staff") == len(serving) > 500
