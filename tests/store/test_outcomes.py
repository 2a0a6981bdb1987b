import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event

from fleetsync.clock import ManualClock
from fleetsync.core.model import (
    Assignment,
    AssignmentInterval,
    BelievedRecord,
    CoverageDay,
    Episode,
    OwedDevices,
    Stage,
    StageSince,
    Subject,
    Text,
)
from fleetsync.store.ledger import Ledger
from fleetsync.store.ledger.recorded_state import COVERAGE_DAYS
from tests.store.ledger_samples import (
    DAY,
    HOUR,
    MONDAY,
    REASON,
    TODAY,
    a_whole_outcome,
    assignment,
    believed_records,
    coverage,
    device,
    device_case,
    dump,
    episode,
    ledger_at,
    membership,
    outcome,
    owed,
    part_state,
    person,
    record_outcome,
    row_to_put,
    stage_and_apply,
)


def school(ledger: Ledger) -> tuple[BelievedRecord, ...]:
    """A pupil with an enrolment and a device, believed."""
    pupil = [
        row_to_put(person("anna", "anna.ek@exempelby.se")),
        row_to_put(membership("m1", "anna", year=5, start=TODAY)),
    ]
    stage_and_apply(ledger, pupil, source="skola", part="pupils")
    stage_and_apply(ledger, [row_to_put(device("1", "anna.ek@exempelby.se"))])
    return believed_records(ledger)


def test_an_outcome_is_there_for_people_who_query_it(ledger: Ledger, file: Path) -> None:
    whole = a_whole_outcome(known=school(ledger))

    recorded = record_outcome(ledger, whole, duration_seconds=0.5)

    assert set(recorded.written) == {
        "record",
        "device",
        "person",
        "membership",
        "login",
        "owed",
        "assignment",
        "gap",
        "coverage",
    }
    assert all(len(dump(file)[name]) == 1 for name in ("device", "person", "membership", "login", "owed", "coverage"))
    assert {entry.thing_id for entry in believed_records(ledger)} == {"p1", "d1"}


def test_the_same_outcome_recorded_twice_writes_its_own_row_alone(ledger: Ledger, file: Path) -> None:
    believed = school(ledger)
    record_outcome(ledger, a_whole_outcome(MONDAY, believed))
    before = dump(file, "reconciliation", "counter")

    recorded = record_outcome(ledger, a_whole_outcome(MONDAY + timedelta(minutes=5), believed_records(ledger)))

    assert recorded.written == {}
    assert dump(file, "reconciliation", "counter") == before
    assert len(dump(file)["reconciliation"]) == 2


def test_the_core_is_fed_with_its_own_outcome(ledger: Ledger) -> None:
    whole = a_whole_outcome()
    record_outcome(ledger, whole)

    believed = ledger.believed(())

    assert believed.episodes == whole.episodes
    assert believed.logins == whole.logins
    assert believed.coverage == whole.coverage
    assert [running.assignment for running in believed.assignments] == list(whole.assignments)
    assert believed.stages == {"d1": StageSince(Stage.IN_USE, MONDAY)}


def test_what_is_no_longer_found_goes(ledger: Ledger, file: Path) -> None:
    record_outcome(ledger, a_whole_outcome(known=school(ledger)))

    record_outcome(ledger, outcome(MONDAY + HOUR))

    left = dump(file)
    assert all(left[name] == [] for name in ("device", "person", "membership", "login", "unit", "coverage"))
    assert (ledger.owed_as_of(MONDAY + HOUR), ledger.believed(()).assignments) == ((), ())


def test_a_device_of_purpose_ignore_has_no_stage(ledger: Ledger) -> None:
    case = device_case("d1")
    ignored = msgspec.structs.replace(case, device_state=msgspec.structs.replace(case.device_state, stage=None))

    record_outcome(ledger, outcome(devices=(ignored,)))

    assert ledger.believed(()).stages == {}


def test_only_memberships_are_written_as_such(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))])
    broken = a_whole_outcome(known=believed_records(ledger))
    case = msgspec.structs.replace(broken.people[0].person, memberships=believed_records(ledger))

    with pytest.raises(TypeError, match="a device record among the memberships"):
        record_outcome(
            ledger, msgspec.structs.replace(broken, people=(msgspec.structs.replace(broken.people[0], person=case),))
        )


# --- coverage -------------------------------------------------------------------------------------------------------


def test_todays_coverage_is_replaced_and_a_past_day_stays(ledger: Ledger) -> None:
    record_outcome(ledger, outcome(MONDAY, coverage=(coverage(), coverage(unit="ekskolan"))))
    record_outcome(ledger, outcome(MONDAY + HOUR, coverage=(coverage(entitled=25),)))
    tuesday = coverage(TODAY + DAY, entitled=30)
    record_outcome(ledger, outcome(MONDAY + DAY, coverage=(tuesday,)))

    assert ledger.coverage_as_of(TODAY) == (coverage(entitled=25),)
    assert ledger.coverage_as_of(TODAY + DAY) == (tuesday,)


def test_a_clock_that_was_set_back_leaves_closed_days_alone(ledger: Ledger) -> None:
    record_outcome(ledger, outcome(MONDAY, coverage=(coverage(),)))
    record_outcome(ledger, outcome(MONDAY + DAY, coverage=(coverage(TODAY + DAY),)))

    record_outcome(ledger, outcome(MONDAY + HOUR, coverage=(coverage(entitled=1),)))

    assert ledger.coverage_as_of(TODAY) == (coverage(),)


def test_coverage_of_another_day_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="coverage of 2026-11-22 in the outcome of 2026-11-23"):
        record_outcome(ledger, outcome(coverage=(coverage(TODAY - DAY),)))


def test_a_day_without_a_reconciliation_shows_what_was_known_before(ledger: Ledger) -> None:
    record_outcome(ledger, outcome(coverage=(coverage(),)))

    assert ledger.coverage_as_of(TODAY + 3 * DAY) == (coverage(),)
    assert ledger.coverage_as_of(TODAY - DAY) == ()


RECORDED_UNITS = ("bjorkskolan", "ekskolan", "ugglan")
RECORDED_RULES = ("pupils", "staff", "children")


@pytest.fixture
def recorded_days(ledger: Ledger) -> Sequence[CoverageDay]:
    """Four days of coverage; the children are at one unit only."""
    recorded: list[CoverageDay] = []
    for number in range(4):
        rows = [
            CoverageDay(day=TODAY + number * DAY, unit=unit, entitlement=rule, entitled=10 * place + number,
                        covered_own=place, covered_set=number, covered_pool=1)
            for place, (unit, rule) in enumerate(product(RECORDED_UNITS, RECORDED_RULES), 1)
            if rule != "children" or unit == "ugglan"
        ]  # fmt: skip
        record_outcome(ledger, outcome(MONDAY + number * DAY, coverage=tuple(rows)))
        recorded += rows
    return recorded


@pytest.mark.parametrize("by_unit", [False, True])
@pytest.mark.parametrize("units", [None, (), ("ekskolan",), ("ekskolan", "ugglan")])
@pytest.mark.parametrize("rules", [(), ("staff",), ("children", "pupils")])
def test_sums_of_coverage_are_those_of_its_rows(ledger, recorded_days, rules, units, by_unit) -> None:
    first, last = TODAY + DAY, TODAY + 2 * DAY
    expected: dict[tuple[date, str, str], tuple[int, int]] = {}
    for row in recorded_days:
        if first <= row.day <= last and (units is None or row.unit in units) and row.entitlement in rules:
            key = (row.day, row.unit if by_unit else "", row.entitlement)
            covered, entitled = expected.get(key, (0, 0))
            expected[key] = (covered + row.covered, entitled + row.entitled)

    sums = ledger.coverage_sums(first, last, rules, units=units, by_unit=by_unit)

    assert {(row.day, row.unit, row.entitlement): (row.covered, row.entitled) for row in sums} == expected
    assert len(sums) == len(expected)
    assert [row.day for row in sums] == sorted(row.day for row in sums)


@pytest.mark.only_database("sqlite")
@pytest.mark.parametrize("by_unit", [False, True])
def test_sums_of_coverage_sort_no_rows(ledger: Ledger, by_unit: bool) -> None:
    plans: list[str] = []

    def explain(connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "coverage" in statement and not statement.startswith("EXPLAIN"):
            plan = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(str(row) for row in plan.fetchall())

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        ledger.coverage_sums(TODAY, TODAY + 365 * DAY, ("pupils", "staff"), by_unit=by_unit)
    finally:
        event.remove(Engine, "before_cursor_execute", explain)

    assert len(plans) == 1
    assert "SEARCH coverage USING INDEX" in plans[0]


def test_the_first_day_with_numbers_is_known_once_there_is_one(ledger: Ledger) -> None:
    assert ledger.first_day() is None
    record_outcome(ledger, outcome(MONDAY, coverage=(coverage(),)))
    record_outcome(ledger, outcome(MONDAY + DAY, coverage=(coverage(TODAY + DAY),)))

    assert ledger.first_day() == TODAY


def test_the_core_is_fed_with_the_coverage_of_the_longest_break_and_the_days_around_it(ledger: Ledger) -> None:
    for number in range(COVERAGE_DAYS + 2):
        record_outcome(ledger, outcome(MONDAY + number * DAY, coverage=(coverage(TODAY + number * DAY),)))

    fed = ledger.believed(()).coverage
    assert (len(fed), fed[0].day) == (COVERAGE_DAYS, TODAY + 2 * DAY)


# --- episodes -------------------------------------------------------------------------------------------------------


def test_a_closed_gap_is_remembered_for_a_day_so_that_it_can_reopen(ledger: Ledger, clock: ManualClock) -> None:
    record_outcome(ledger, outcome(MONDAY, episodes=(episode("no_device", "p1"),)))
    record_outcome(ledger, outcome(MONDAY + HOUR))

    clock.set(MONDAY + 24 * HOUR)
    assert ledger.believed(()).episodes == (episode("no_device", "p1", closed_at=MONDAY + HOUR),)
    clock.set(MONDAY + 25 * HOUR)
    assert ledger.believed(()).episodes == ()


def test_where_a_gap_ever_was_is_remembered_and_those_of_parts_are_nowhere(ledger: Ledger, clock: ManualClock) -> None:
    of_a_part = episode("pull_held", "hr/staff", subject=Subject.SOURCE, unit="")
    record_outcome(ledger, outcome(MONDAY, episodes=(episode("no_device", "p1"), of_a_part)))
    record_outcome(ledger, outcome(MONDAY + HOUR))
    clock.set(MONDAY + 400 * HOUR)

    assert ledger.believed(()).gap_unit_kinds == {("vretaskolan", "no_device")}


def test_a_gap_that_reopens_is_one_episode_and_its_pause_stays_history(ledger: Ledger) -> None:
    same = episode("no_device", "p1")
    record_outcome(ledger, outcome(MONDAY, episodes=(same,)))
    record_outcome(ledger, outcome(MONDAY + HOUR))
    record_outcome(ledger, outcome(MONDAY + 2 * HOUR, episodes=(same,)))

    assert ledger.believed(()).episodes == (same,)
    assert ledger.gaps_as_of(MONDAY + HOUR) == ()


def test_a_gap_that_changes_its_unit_stays_one_open_episode(ledger: Ledger) -> None:
    record_outcome(ledger, outcome(MONDAY, episodes=(episode("no_device", "p1"),)))
    moved = episode("no_device", "p1", unit="ekskolan", parked_until=TODAY + DAY)
    record_outcome(ledger, outcome(MONDAY + HOUR, episodes=(moved,)))

    assert ledger.believed(()).episodes == (moved,)
    assert ledger.gaps_as_of(MONDAY)[0].unit == "vretaskolan"


def test_openings_and_closings_are_counted_and_their_difference_is_what_is_open(ledger: Ledger) -> None:
    record_outcome(
        ledger,
        outcome(MONDAY, episodes=(episode("no_device", "p1"), episode("no_device", "p2"), episode("stale", "d1"))),
    )
    record_outcome(ledger, outcome(MONDAY + HOUR, episodes=(episode("no_device", "p1"),)))
    record_outcome(ledger, outcome(MONDAY + 2 * HOUR, episodes=(episode("no_device", "p1"), episode("stale", "d1"))))

    assert ledger.counters() == {
        ("gaps_opened_total", "no_device"): 2,
        ("gaps_opened_total", "stale"): 2,
        ("gaps_closed_total", "no_device"): 1,
        ("gaps_closed_total", "stale"): 1,
    }


# --- assignments ----------------------------------------------------------------------------------------------------


def test_an_assignment_keeps_its_start_when_it_stops_working(ledger: Ledger) -> None:
    record_outcome(ledger, outcome(MONDAY, assignments=(assignment("d1", "p1"),)))
    record_outcome(ledger, outcome(MONDAY + DAY, assignments=(assignment("d1", "p1", works=False),)))

    (running,) = ledger.believed(()).assignments
    assert (running.assignment.works, running.since) == (False, MONDAY)
    assert ledger.assignments_as_of(MONDAY)[0].assignment.works


def test_an_assignment_that_paused_starts_anew(ledger: Ledger) -> None:
    for number, assignments_given in enumerate([(assignment("d1", "p1"),), (), (assignment("d1", "p1"),)]):
        record_outcome(ledger, outcome(MONDAY + number * DAY, assignments=assignments_given))

    assert ledger.believed(()).assignments[0].since == MONDAY + 2 * DAY


def test_a_reason_that_cites_another_day_ends_no_assignment(ledger: Ledger) -> None:
    record_outcome(ledger, outcome(MONDAY, assignments=(assignment("d1", "p1"),)))

    recorded = record_outcome(
        ledger, outcome(MONDAY + DAY, assignments=(assignment("d1", "p1", reason=Text("idag", "today")),))
    )

    assert recorded.written == {}


def test_what_a_first_complete_pull_finds_claims_no_age_and_what_begins_later_does(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))], is_first=True)
    parts = ledger.believed((part_state(),)).parts
    cases = (device_case("d1", believed_records(ledger)), device_case("d2"))

    record_outcome(
        ledger,
        outcome(MONDAY, devices=cases, parts=parts, assignments=(assignment("d1", "p1"), assignment("d2", "p2"))),
    )
    record_outcome(
        ledger,
        outcome(MONDAY + DAY, devices=cases, parts=parts, assignments=(assignment("d1", "p1"), assignment("d1", "p3"))),
    )

    before = {entry.assignment.subject_id: entry.known_before for entry in ledger.believed(()).assignments}
    assert before == {"p1": True, "p3": False}
    assert [entry.known_before for entry in ledger.assignments_as_of(MONDAY)] == [True, False]


def test_a_device_remembers_who_it_served_and_when_it_worked(ledger: Ledger) -> None:
    assignments_given = [
        assignment("d1", "p1"),
        assignment("d1", "p1", works=False),
        assignment("d1", "p2"),
    ]
    for number, entry in enumerate(assignments_given):
        record_outcome(ledger, outcome(MONDAY + number * DAY, assignments=(entry, assignment("d2", "p9"))))

    assert ledger.assignments_of("d1") == tuple(
        AssignmentInterval(entry, MONDAY + number * DAY, None if number == 2 else MONDAY + (number + 1) * DAY)
        for number, entry in reversed([*enumerate(assignments_given)])
    )
    assert ledger.assignments_of("d3") == ()


def test_the_previous_holders_of_many_devices_are_read_together_the_last_one_first(ledger: Ledger) -> None:
    for number, holder in enumerate(("p1", "p2", "p3")):
        given = (assignment("d1", holder), assignment("d2", "p9"))
        record_outcome(ledger, outcome(MONDAY + number * DAY, assignments=given))

    many = [f"d{number}" for number in range(1200)]  # more than fit into one statement
    found = ledger.previous_holders(many)

    assert {device: [each.assignment.subject_id for each in ended] for device, ended in found.items()} == {
        "d1": ["p2", "p1"]
    }


def test_only_the_first_interval_of_what_was_found_by_a_first_pull_may_have_begun_before(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))], is_first=True)
    more = {"devices": (device_case("d1", believed_records(ledger)),), "parts": ledger.believed((part_state(),)).parts}
    record_outcome(ledger, outcome(MONDAY, assignments=(assignment("d1", "p1"),), **more))
    record_outcome(ledger, outcome(MONDAY + DAY, assignments=(assignment("d1", "p1", works=False),), **more))

    assert [entry.known_before for entry in ledger.assignments_of("d1")] == [False, True]


# --- reconciliations ------------------------------------------------------------------------------------------------


def test_a_reconciliation_says_when_over_which_pulls_and_under_which_policy(ledger: Ledger, file: Path) -> None:
    assert ledger.newest_reconciliation() is None
    school(ledger)
    record_outcome(ledger, a_whole_outcome(), duration_seconds=1.25)

    with ledger_at(file) as other:
        newest = other.newest_reconciliation()
    assert newest is not None
    assert (newest.at, newest.day, newest.pulls) == (MONDAY, TODAY, (1, 2))
    assert (newest.policy_fingerprint, newest.duration_seconds) == ("policy-1", 1.25)


# --- as-of ----------------------------------------------------------------------------------------------------------

assignments = st.builds(assignment, st.sampled_from(["d1", "d2"]), st.sampled_from(["p1", "p2"]), works=st.booleans())
owings = st.builds(owed, st.sampled_from(["p1", "p2"]), count=st.integers(1, 2), decidable=st.booleans())
gaps = st.builds(episode, st.sampled_from(["no_device", "stale"]), st.sampled_from(["s1", "s2"]))


def one_each(some: list[Assignment | OwedDevices | Episode]) -> tuple[Assignment | OwedDevices | Episode, ...]:
    """At most one of each identity, as an outcome has them."""
    return tuple({_identity(entry): entry for entry in some}.values())


def _identity(entry: Assignment | OwedDevices | Episode) -> tuple[str, ...]:
    match entry:
        case Assignment():
            return (entry.device, entry.subject_id)
        case OwedDevices():
            return (entry.subject_id,)
        case Episode():
            return entry.key


stories = st.lists(
    st.tuples(
        st.lists(assignments, max_size=4), st.lists(owings, max_size=3), st.lists(gaps, max_size=3), st.integers(0, 3)
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without a row, to begin each story with."""
    file = tmp_path_factory.mktemp("empty") / "fleetsync.db"
    with ledger_at(file) as ledger:
        ledger.backup(file.with_name("copy.db"))
    return file.with_name("copy.db")


@given(stories)
def test_what_was_known_at_an_instant_is_always_what_the_last_reconciliation_before_it_said(
    tmp_path_factory: pytest.TempPathFactory,
    empty: Path,
    story: list[tuple[list[Assignment], list[OwedDevices], list[Episode], int]],
) -> None:
    with ledger_at(Path(shutil.copy(empty, tmp_path_factory.mktemp("story")))) as ledger:
        at, recorded_at = MONDAY, {}
        for assignments_given, owing, gaps_found, hours in story:
            at += hours * HOUR
            recorded = outcome(
                at,
                assignments=one_each([*assignments_given]),
                owed=one_each([*owing]),
                episodes=one_each([*gaps_found]),
            )
            record_outcome(ledger, recorded)
            recorded_at[at] = recorded  # of two at one instant, the later one

        for instant, recorded in recorded_at.items():
            for moment in (instant, instant + HOUR - timedelta(microseconds=1)):
                running = {entry.assignment for entry in ledger.assignments_as_of(moment)}
                assert running == set(recorded.assignments)
                assert set(ledger.owed_as_of(moment)) == set(recorded.owed)
                assert set(ledger.gaps_as_of(moment)) == set(recorded.episodes)
        assert ledger.owed_as_of(MONDAY - timedelta(microseconds=1)) == ()


def test_a_late_fact_never_rewrites_what_was_known(ledger: Ledger) -> None:
    record_outcome(ledger, outcome(MONDAY, owed=(owed("p1"),)))
    then = ledger.owed_as_of(MONDAY)
    record_outcome(ledger, outcome(MONDAY + DAY, owed=(owed("p1", count=2, reason=Text("ändrat", "changed")),)))

    assert ledger.owed_as_of(MONDAY) == then == (owed("p1"),)


def test_a_pool_is_owed_like_a_person(ledger: Ledger) -> None:
    pool = owed("preschool@ekskolan", subject=Subject.POOL, heads=23, count=5, groups=(), reason=REASON)
    record_outcome(ledger, outcome(owed=(pool,)))

    assert ledger.owed_as_of(MONDAY) == (pool,)
