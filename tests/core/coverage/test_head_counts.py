"""Coverage of people whom only a head count knows: the unit is owed, and its devices in somebody's use are counted."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from fleetsync.core.coverage import reconcile
from fleetsync.core.model import (
    UNPLACED,
    BelievedState,
    CoveredBy,
    Entitlement,
    EntitlementMode,
    HeadcountRecord,
    MembershipType,
    Moment,
    Outcome,
    OwedDevices,
    PartRole,
    PartState,
    Platform,
    Policy,
    Purpose,
    RecordType,
    Subject,
)
from fleetsync.core.snapshot import Snapshot
from tests.core.coverage.coverage_samples import (
    CALENDARS,
    MOMENT,
    PARTS,
    POLICY,
    RecordsBuilder,
    part,
    row,
    rule,
    shown,
    with_rules,
)

STAFF, PUPILS, PRESCHOOL = rule("staff"), rule("pupils"), rule("preschool")
PUPIL, CHILD, EMPLOYEE = MembershipType.ENROLMENT, MembershipType.PLACEMENT, MembershipType.EMPLOYMENT
AT = ("counts", "heads")


def counting_part(**more: Any) -> PartState:
    return part(*AT, PartRole.ROSTER, (RecordType.HEADCOUNT,), **{"counts": True, **more})


class CountsBuilder(RecordsBuilder):
    """Records with head counts among them."""

    def heads(self, count: int, membership: MembershipType = PUPIL, at: str | None = "bj", **more: Any) -> None:
        facts = {"school_form": "GR", "year": 5} if membership is PUPIL else {}
        facts = {"school_form": "FS"} if membership is CHILD else facts
        record = HeadcountRecord(
            source_id=f"{membership}-{at}-{len(self.known)}",
            membership=membership,
            heads=count,
            codes=(at,) if at else (),
            **{**facts, **more},
        )
        self.add(*AT, record)

    def in_use(self, devices: int, at: str = "bj", **more: Any) -> None:
        """Devices in somebody's use, of whom nothing is known."""
        for _ in range(devices):
            self.device(**{"purpose": Purpose.PERSONAL, "unit": at, **more})

    def believed(self, **more: Any) -> BelievedState:
        return super().believed(**{"parts": (*PARTS, counting_part()), **more})


@pytest.fixture
def builder() -> CountsBuilder:
    return CountsBuilder()


def pools(outcome: Outcome) -> list[OwedDevices]:
    return [debt for debt in outcome.owed if debt.subject is Subject.POOL]


def numbers(outcome: Outcome, unit: str, entitlement: str) -> tuple[int, int, int, int, int]:
    """Entitled, covered, short, unknown, surplus."""
    day = row(outcome, unit, entitlement)
    return (day.entitled, day.covered, day.short, day.unknown, day.surplus)


# --- what is owed -----------------------------------------------------------------------------------------------------


def test_each_head_is_owed_a_device_at_its_unit_with_the_day_of_the_count_and_who_answers_for_it(
    builder: CountsBuilder,
) -> None:
    builder.heads(20, year=5, counted_on=date(2026, 11, 2), counted_by="rektor Björkskolan")
    builder.heads(10, year=6, counted_on=date(2026, 10, 1), counted_by="rektor Björkskolan")

    (debt,) = pools(builder.outcome())
    assert (debt.subject_id, debt.unit, debt.count, debt.heads) == ("pupils@bjorkskolan", "bjorkskolan", 30, 30)
    assert debt.reason.en == (
        "30 persons; 1 each, counted by unit; 30 of them from head counts (2026-10-01, rektor Björkskolan)"
    )


def test_children_who_are_counted_and_children_who_are_listed_share_a_pool(builder: CountsBuilder) -> None:
    for number in range(4):
        builder.child(f"~c{number}")
    builder.heads(8, CHILD, "ug")

    (debt,) = pools(builder.outcome())
    assert (debt.count, debt.heads) == (3, 12)
    assert debt.reason.en == (
        "FS: 12 children; 1 per 5 begun of each school form; 8 of them from head counts (an unknown day, by an unknown author)"
    )


def test_employees_are_counted_as_those_who_entitle(builder: CountsBuilder) -> None:
    builder.heads(7, EMPLOYEE, "ce")

    assert numbers(builder.outcome(), "central", "staff") == (7, 0, 7, 0, 0)


@pytest.mark.parametrize(
    ("more", "part_state"),
    [
        ({"year": 0}, {}),
        ({"school_form": "GY"}, {}),
        ({}, {"counts": False}),
        ({}, {"counts_at": ("ekskolan",)}),
    ],
    ids=["a year that no rule names", "a form that no rule names", "a witness", "counts elsewhere"],
)
def test_heads_that_no_rule_owes_and_those_of_a_witness_are_owed_nothing(
    builder: CountsBuilder, more: dict[str, Any], part_state: dict[str, Any]
) -> None:
    builder.heads(20, **more)

    outcome = builder.outcome(parts=(*PARTS, counting_part(**part_state)))
    assert not pools(outcome)
    assert numbers(outcome, "bjorkskolan", "pupils") == (0, 0, 0, 0, 0)


def test_no_heads_are_no_debt(builder: CountsBuilder) -> None:
    builder.heads(0)

    assert not pools(builder.outcome())


def test_heads_of_an_unknown_unit_are_unplaced_and_those_of_another_principal_nobody(builder: CountsBuilder) -> None:
    builder.heads(20, at="somewhere")
    builder.heads(9, at="friskolan")

    outcome = builder.outcome(replace(POLICY, not_ours=("friskolan",)))
    assert [(debt.unit, debt.count) for debt in pools(outcome)] == [("unplaced", 20)]


def test_heads_of_all_years_together_are_owed_where_one_rule_owes_every_year(builder: CountsBuilder) -> None:
    builder.heads(20, year=None)
    assert numbers(builder.outcome(), "bjorkskolan", "pupils") == (20, 0, 20, 0, 0)

    two_rules = with_rules(
        replace(PUPILS, id="younger", who=replace(PUPILS.who, highest_grade_index=3)),
        replace(PUPILS, id="older", who=replace(PUPILS.who, lowest_grade_index=4)),
    )
    assert row(builder.outcome(two_rules), "bjorkskolan", "younger").undecided == 20
    half = with_rules(replace(PUPILS, who=replace(PUPILS.who, lowest_grade_index=4)))
    assert row(builder.outcome(half), "bjorkskolan", "pupils").undecided == 20


def test_in_the_ten_year_school_nothing_is_decided_of_all_years_since_the_first_is_owed_by_another_rule(
    builder: CountsBuilder,
) -> None:
    builder.heads(20, year=None)
    later = Moment(datetime(2028, 9, 1, 6, tzinfo=UTC), date(2028, 9, 1))

    day = row(builder.outcome(moment=later), "bjorkskolan", "pupils")
    assert (day.entitled, day.undecided) == (0, 20)


def test_heads_of_a_year_that_could_not_be_read_are_undecided_and_are_shown_with_the_reason(
    builder: CountsBuilder,
) -> None:
    builder.heads(20, year=None, unreadable=("year",))
    builder.heads(3, CHILD, "ug", school_form=None)
    builder.pupil("p0", year=None)

    snapshot = builder.shown()
    assert row(snapshot.outcome, "bjorkskolan", "pupils").undecided == 21
    assert undecided(snapshot) == {
        ("bjorkskolan", "pupils"): [(20, Subject.POOL, "The year could not be read in counts"), (1, Subject.PERSON, "The year is missing (GR)")],
        ("ugglan", "preschool"): [(3, Subject.POOL, "The school form is missing")],
    }  # fmt: skip
    assert not pools(snapshot.outcome)


def undecided(snapshot: Snapshot) -> dict[tuple[str, ...], list[tuple[int, Subject, str]]]:
    rows: dict[tuple[str, ...], list[tuple[int, Subject, str]]] = {}
    for labels in (("bjorkskolan", "pupils"), ("ugglan", "preschool")):
        found = snapshot.rows("fleetsync_undecided", labels)
        rows[labels] = sorted(
            ((each.count, each.subject, each.reason.en) for each in found), key=lambda counted: -counted[0]
        )
    return rows


# --- what covers it ---------------------------------------------------------------------------------------------------


def test_the_devices_in_use_at_the_unit_cover_its_heads_working_ones_first_and_never_more_than_there_are(
    builder: CountsBuilder,
) -> None:
    builder.heads(5)
    builder.in_use(3)
    builder.in_use(1, silent=100)
    assert numbers(builder.outcome(), "bjorkskolan", "pupils") == (5, 3, 2, 0, 0)
    assert row(builder.outcome(), "bjorkskolan", "pupils").assigned_pool == 4

    builder.in_use(4)
    assert numbers(builder.outcome(), "bjorkskolan", "pupils") == (5, 5, 0, 0, 0)
    assert not builder.outcome().sets


def test_a_device_without_contact_that_could_be_read_leaves_a_head_unknown(builder: CountsBuilder) -> None:
    builder.heads(2)
    builder.in_use(1)
    builder.in_use(1, silent=100, unreadable=("last_contact_at",))

    assert numbers(builder.outcome(), "bjorkskolan", "pupils") == (2, 1, 0, 1, 0)


@pytest.mark.parametrize("purpose", [Purpose.STOCK, Purpose.ROOM, Purpose.POOL, Purpose.REPAIR, Purpose.IGNORE])
def test_what_is_in_nobodys_use_covers_no_head(builder: CountsBuilder, purpose: Purpose) -> None:
    builder.heads(2)
    builder.in_use(2, purpose=purpose)

    assert row(builder.outcome(), "bjorkskolan", "pupils").covered == 0


def test_a_set_covers_heads_where_nobody_is_known_to_be_in_its_groups(builder: CountsBuilder) -> None:
    builder.heads(10)
    builder.cart(4, "5A")
    assert numbers(builder.outcome(), "bjorkskolan", "pupils") == (10, 4, 6, 0, 0)

    personal = with_rules(replace(PUPILS, mode=EntitlementMode.PERSONAL))
    assert row(builder.outcome(personal), "bjorkskolan", "pupils").covered == 0

    builder.pupil("p0", group="5A")
    outcome = builder.outcome()
    assert {assignment.by for assignment in outcome.assignments} == {CoveredBy.SET}


def test_devices_of_known_holders_and_of_other_units_cover_no_head(builder: CountsBuilder) -> None:
    builder.heads(10)
    builder.device(builder.staff("s0"), purpose=Purpose.PERSONAL, unit="bj")
    builder.in_use(3, at="ek")

    outcome = builder.outcome()
    assert row(outcome, "bjorkskolan", "pupils").covered == 0
    assert row(outcome, "bjorkskolan", "staff").covered_own == 1


def test_a_unit_whose_rules_accept_different_devices_gives_each_what_only_it_accepts(builder: CountsBuilder) -> None:
    builder.heads(2, EMPLOYEE)
    builder.heads(2)
    builder.in_use(2)
    builder.in_use(2, platform=Platform.MACOS)

    outcome = builder.outcome(policy_where_pupils_have_windows())
    assert numbers(outcome, "bjorkskolan", "staff") == (2, 2, 0, 0, 0)
    assert numbers(outcome, "bjorkskolan", "pupils") == (2, 2, 0, 0, 0)


def policy_where_pupils_have_windows() -> Policy:
    rules: tuple[Entitlement, ...] = (STAFF, replace(PUPILS, platforms=(Platform.WINDOWS,)), PRESCHOOL)
    return with_rules(*rules)


def test_too_few_devices_for_all_go_to_the_first_rule_and_each_counts_once(builder: CountsBuilder) -> None:
    builder.heads(2, EMPLOYEE)
    builder.heads(2)
    builder.in_use(3)

    outcome = builder.outcome()
    assert [row(outcome, "bjorkskolan", id_).covered for id_ in ("staff", "pupils")] == [2, 1]
    assert len({assignment.device for assignment in outcome.assignments}) == len(outcome.assignments) == 3


def test_what_is_short_is_a_gap_of_the_unit_that_names_no_person(builder: CountsBuilder) -> None:
    builder.heads(2)
    builder.in_use(1)

    gaps = [(gap.kind, gap.subject_id, gap.reason.en) for gap in builder.outcome().episodes if gap.kind == "pool_short"]
    assert gaps == [("pool_short", "pupils@bjorkskolan", "short of 1: 1 working for 2 persons")]


def test_nothing_depends_on_the_order_of_the_records(builder: CountsBuilder) -> None:
    builder.heads(2, EMPLOYEE)
    builder.heads(5)
    builder.heads(4, at=None)
    builder.in_use(6)
    builder.cart(2, "5A")

    believed = builder.believed()
    backwards = replace(believed, known=tuple(reversed(believed.known)))
    first, second = (reconcile(state, POLICY, CALENDARS, MOMENT) for state in (believed, backwards))
    assert first.coverage == second.coverage
    assert set(first.assignments) == set(second.assignments)
    assert row(first, UNPLACED, "pupils").entitled == 4


def test_every_number_is_the_sum_of_its_rows(builder: CountsBuilder) -> None:
    builder.heads(5)
    builder.heads(4, year=None, unreadable=("year",))
    builder.in_use(3)

    snapshot = shown(builder.believed())
    for name, labels, expected in (
        ("fleetsync_entitled", ("bjorkskolan", "pupils"), 5),
        ("fleetsync_heads", ("bjorkskolan", "pupils"), 5),
        ("fleetsync_covered", ("bjorkskolan", "pupils", "pool"), 3),
        ("fleetsync_undecided", ("bjorkskolan", "pupils"), 4),
    ):
        assert sum(each.count for each in snapshot.rows(name, labels)) == expected
