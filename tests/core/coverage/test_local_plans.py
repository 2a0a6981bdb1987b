"""Local plans raise what their unit is owed, or narrow what counts for it, and touch no other unit."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.coverage import reconcile
from fleetsync.core.measures import FACTS
from fleetsync.core.model import (
    FormFactor,
    LocalPlan,
    LocalRaise,
    MembershipType,
    Moment,
    Outcome,
    PersonRecord,
    Platform,
    Policy,
    RoundBy,
    Subject,
)
from tests.core.coverage.coverage_samples import (
    CALENDARS,
    MOMENT,
    POLICY,
    TODAY,
    RecordsBuilder,
    address,
    record_builders,
    row,
    rule,
    with_rules,
)
from tests.core.coverage.test_head_counts import CountsBuilder

UNIT = "bjorkskolan"
NARROWED = LocalRaise(entitlement="pupils", form_factors=(FormFactor.COMPUTER,))


def plan(*raises: LocalRaise, unit: str = UNIT, **more: Any) -> LocalPlan:
    days = {"decided_on": date(2026, 8, 20), "ends_on": date(2027, 6, 30)}
    return LocalPlan(unit=unit, document="Lokal IT-plan", raises=raises, **{**days, **more})


def with_plans(*plans: LocalPlan, policy: Policy = POLICY) -> Policy:
    return replace(policy, local_plans=plans)


@pytest.fixture
def builder() -> RecordsBuilder:
    return RecordsBuilder()


def test_a_raised_count_is_owed_at_the_unit_alone_and_says_which_plan(builder: RecordsBuilder) -> None:
    builder.pupil("anna")
    builder.pupil("bo", at="ek")
    builder.device("anna")

    outcome = builder.outcome(with_plans(plan(LocalRaise(entitlement="pupils", devices=2))))

    here, elsewhere = row(outcome, UNIT, "pupils"), row(outcome, "ekskolan", "pupils")
    assert (here.entitled, here.covered, here.short) == (2, 1, 1)
    assert elsewhere.entitled == 1
    reasons = {owed.unit: owed.reason.en for owed in outcome.owed}
    assert reasons[UNIT].endswith("; 2 by the local plan ”Lokal IT-plan”")
    assert "plan" not in reasons["ekskolan"]


@pytest.mark.parametrize(
    ("round_by", "places"),
    [(RoundBy.UNIT_AND_FORM, (3, 2)), (RoundBy.UNIT, (3, 2)), (RoundBy.MUNICIPALITY, (3, 1))],
)
def test_fewer_children_per_device_however_it_is_rounded(
    builder: RecordsBuilder, round_by: RoundBy, places: tuple[int, int]
) -> None:
    """Over the municipality 13 children are owed 3, of which the other förskola's 6 have a share of 1."""
    for number in range(7):
        builder.child(f"u{number}")
    for number in range(6):
        builder.child(f"m{number}", at="ma")
    policy = with_rules(rule("preschool", round_by=round_by))
    raised = with_plans(plan(LocalRaise(entitlement="preschool", per=3), unit="ugglan"), policy=policy)

    outcome = builder.outcome(raised)

    assert (row(outcome, "ugglan", "preschool").entitled, row(outcome, "masen", "preschool").entitled) == places
    pools = {owed.unit: owed.reason.sv for owed in outcome.owed if owed.subject is Subject.POOL}
    assert pools["ugglan"].endswith("; 1 per 3 enligt lokal plan ”Lokal IT-plan”")
    assert "plan" not in pools["masen"]


def test_a_device_of_a_kind_that_the_plan_leaves_out_covers_nobody_there(builder: RecordsBuilder) -> None:
    tablet: dict[str, Any] = {"platform": Platform.IPADOS, "model": "iPad (9th generation)"}
    for who, at in (("anna", "bj"), ("bo", "ek")):
        builder.pupil(who, at=at)
        builder.device(who, **tablet)

    outcome = builder.outcome(with_plans(plan(NARROWED)))

    assert row(outcome, UNIT, "pupils").covered == 0
    assert row(outcome, "ekskolan", "pupils").covered == 1


def test_a_set_of_a_kind_that_the_plan_leaves_out_covers_none_of_its_members(builder: RecordsBuilder) -> None:
    builder.pupil("anna", group="5A")
    builder.cart(2, "5A")
    narrowed = LocalRaise(entitlement="pupils", platforms=(Platform.MACOS,))

    assert builder.row(UNIT, "pupils").covered_set == 1
    assert builder.row(UNIT, "pupils", with_plans(plan(narrowed))).covered_set == 0


def test_a_pool_device_of_a_kind_that_the_plan_leaves_out_fills_no_place(builder: RecordsBuilder) -> None:
    builder.child("anna")
    builder.pool(1)
    narrowed = LocalRaise(entitlement="preschool", platforms=(Platform.MACOS,))

    assert builder.row("ugglan", "preschool").covered == 1
    assert builder.row("ugglan", "preschool", with_plans(plan(narrowed, unit="ugglan"))).covered == 0


def test_heads_of_a_count_are_owed_what_the_plan_raises_and_served_by_what_it_accepts() -> None:
    counts = CountsBuilder()
    counts.heads(3, MembershipType.ENROLMENT)
    counts.in_use(3)
    raised = LocalRaise(entitlement="pupils", devices=2, platforms=(Platform.MACOS,))

    outcome = counts.outcome(with_plans(plan(raised)))

    assert counts.row(UNIT, "pupils").covered == 3
    assert (row(outcome, UNIT, "pupils").entitled, row(outcome, UNIT, "pupils").covered) == (6, 0)


@pytest.mark.parametrize(
    ("decided_on", "ends_on", "owed"),
    [("2026-11-24", "2026-11-24", 2), ("2026-11-25", "2027-06-30", 1), ("2026-08-20", "2026-11-23", 1)],
)
def test_a_plan_is_in_force_from_its_decision_to_its_end(
    builder: RecordsBuilder, decided_on: str, ends_on: str, owed: int
) -> None:
    builder.pupil("anna")
    raised = plan(
        LocalRaise(entitlement="pupils", devices=2),
        decided_on=date.fromisoformat(decided_on),
        ends_on=date.fromisoformat(ends_on),
    )
    policy = with_plans(raised)

    assert builder.row(UNIT, "pupils", policy).entitled == owed


def test_of_two_plans_in_force_the_one_decided_last_counts_wherever_it_stands(builder: RecordsBuilder) -> None:
    builder.pupil("anna")
    older = plan(LocalRaise(entitlement="pupils", devices=2))
    newer = plan(LocalRaise(entitlement="pupils", devices=3), decided_on=date(2026, 10, 1))

    for order in ((older, newer), (newer, older)):
        assert builder.row(UNIT, "pupils", with_plans(*order)).entitled == 3


def test_a_device_that_may_be_somebody_elses_leaves_open_only_where_it_would_count(builder: RecordsBuilder) -> None:
    for who in ("anna", "bo"):
        builder.add("sis", "pupils", PersonRecord(source_id=who, keys=(address("samma"),)))
        builder.add_membership(("sis", "pupils"), who, MembershipType.ENROLMENT, "bj", year=5, school_form="GR")
    builder.device("samma", platform=Platform.IPADOS, model="iPad (9th generation)")

    assert builder.row(UNIT, "pupils").unknown == 2
    assert builder.row(UNIT, "pupils", with_plans(plan(NARROWED))).unknown == 0


def test_the_published_target_is_that_of_the_plan(builder: RecordsBuilder) -> None:
    builder.pupil("anna")
    policy = replace(with_rules(rule("pupils", target=0.9)))
    snapshot = builder.shown(with_plans(plan(LocalRaise(entitlement="pupils", target=1.0)), policy=policy))
    (target,) = (fact for fact in FACTS if fact.name == "fleetsync_coverage_target_ratio")

    values = dict(target.values(snapshot.outcome, snapshot.context))

    assert (values[UNIT, "pupils"], values["ekskolan", "pupils"]) == (1.0, 0.9)


RAISES = st.builds(
    LocalRaise,
    entitlement=st.just("pupils"),
    devices=st.sampled_from([None, 1, 2, 3]),
    form_factors=st.sampled_from([None, (FormFactor.COMPUTER,), (FormFactor.TABLET, FormFactor.COMPUTER)]),
    platforms=st.sampled_from([None, (Platform.WINDOWS,)]),
) | st.builds(LocalRaise, entitlement=st.just("preschool"), per=st.integers(1, 5))


@given(record_builders(), RAISES, st.sampled_from([each.slug for each in POLICY.units]))
def test_a_local_plan_never_lowers_what_is_owed_nor_moves_what_other_units_are_owed(
    builder: RecordsBuilder, local_raise: LocalRaise, unit: str
) -> None:
    def owed(policy: Policy) -> dict[tuple[str, str], int]:
        outcome: Outcome = reconcile(builder.believed(), policy, CALENDARS, Moment(MOMENT.at, TODAY))
        for numbers in outcome.coverage:
            assert 0 <= numbers.covered <= numbers.entitled
            assert numbers.covered + numbers.short + numbers.unknown == numbers.entitled
        return {(numbers.unit, numbers.entitlement): numbers.entitled for numbers in outcome.coverage}

    before, after = owed(POLICY), owed(with_plans(plan(local_raise, unit=unit)))

    assert before.keys() == after.keys()
    for cell, entitled in before.items():
        if cell == (unit, local_raise.entitlement):
            assert after[cell] >= entitled
        else:
            assert after[cell] == entitled
