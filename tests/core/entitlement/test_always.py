"""Sentences about entitlement that begin with always or never."""

from datetime import date, timedelta
from random import Random
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.calendar import add_months
from fleetsync.core.entitlement import person_states
from fleetsync.core.identity import resolve_people
from fleetsync.core.model import (
    UNPLACED,
    BelievedRecord,
    EmploymentForm,
    EntitlementMode,
    MembershipRecord,
    MembershipType,
    PersonState,
)
from tests.core.entitlement.entitlement_samples import (
    FIXED,
    HOURLY,
    all_person_states,
    context_of,
    decision,
    employed,
    enrolled,
    instant,
    owed_by,
    parts,
    people_of,
    person_state_of,
    placed,
    policy,
    pooled_by,
    witnessed,
)

DAYS = st.dates(date(2025, 6, 1), date(2027, 12, 31))
UNITS = st.sampled_from(["ek", "bj", "ug", "zz", "friskolan"])
PEOPLE = st.sampled_from(["alva", "bo", "cia"])
FORMS = st.sampled_from(["GR", "GRAN", "FKLASS", "FS", "FTH", "GY", "FSK", None])


@st.composite
def spans(draw: st.DrawFn) -> tuple[str | None, str | None]:
    start = draw(st.none() | DAYS)
    length = draw(st.none() | st.integers(0, 400))
    end = None if length is None else (start or date(2026, 1, 1)) + timedelta(days=length)
    return (start.isoformat() if start else None, end.isoformat() if end else None)


@st.composite
def ties(draw: st.DrawFn) -> BelievedRecord:
    start, end = draw(spans())
    outside: dict[str, Any] = {"at": draw(UNITS), "who": draw(PEOPLE), "source_id": draw(st.uuids()).hex}
    if draw(st.booleans()):
        outside |= {"gone": True, "absent_since": instant(draw(DAYS).isoformat())}
    kind = draw(st.sampled_from(["employed", "enrolled", "placed", "witnessed"]))
    if kind == "employed":
        form = draw(st.none() | st.sampled_from(EmploymentForm))
        leave = draw(st.sampled_from([{}, {"leave_from": "2026-01-01"}, {"leave_to": "2026-12-01"}]))
        share = draw(st.none() | st.sampled_from([0.25, 0.5, 1.0]))
        return employed(form, start, end, share=share, **leave, **outside)
    if kind == "placed":
        return placed(start or "2026-01-01", end, draw(FORMS), **outside)
    if kind == "witnessed":
        return witnessed(draw(st.sampled_from(MembershipType)), start or "2026-01-01", end, **outside)
    return enrolled(draw(FORMS), draw(st.none() | st.integers(-1, 13)), start, end, **outside)


TOWNS = st.lists(ties(), min_size=1, max_size=8)


def all_of(known: list[BelievedRecord], on: date, *, masked: bool = False) -> tuple[PersonState, ...]:
    return all_person_states([*people_of(known, keys=(), masked=masked), *known], on.isoformat())


@given(TOWNS, DAYS)
def test_nobody_is_ever_owed_twice_or_owed_and_undecided(known: list[BelievedRecord], on: date) -> None:
    for person_state in all_of(known, on):
        owing = [decision.entitlement for decision in person_state.decisions if decision.owed]
        assert len(owing) <= 1
        assert not (owing and any(decision.undecided or decision.on_leave for decision in person_state.decisions))
        if person_state.owed is not None:
            assert [person_state.owed.entitlement] == owing
            assert person_state.owed.unit == person_state.unit


@given(TOWNS, DAYS)
def test_every_rule_in_force_always_decides_and_says_why_in_both_languages(
    known: list[BelievedRecord], on: date
) -> None:
    for person_state in all_of(known, on):
        assert [decision.entitlement for decision in person_state.decisions] == ["staff", "pupils", "preschool"]
        assert all(decision.reason.sv and decision.reason.en for decision in person_state.decisions)
        assert not any("{" in decision.reason.sv or "alva" in decision.reason.sv for decision in person_state.decisions)


@given(TOWNS, DAYS, st.randoms())
def test_what_is_decided_never_depends_on_the_order_of_records(
    known: list[BelievedRecord], on: date, chance: Random
) -> None:
    shuffled = list(known)
    chance.shuffle(shuffled)
    read = parts(on.isoformat())
    people = resolve_people([*people_of(known, keys=()), *known], read, policy())
    mixed = [
        replace(person, memberships=tuple(chance.sample(person.memberships, len(person.memberships))))
        for person in people
    ]

    states = person_states(people, context_of(known, on.isoformat(), read=read))
    assert states == person_states(mixed, context_of(known, on.isoformat(), read=tuple(reversed(read))))
    assert states == all_of(shuffled, on)
    assert [person.id for person in people] == [state.person for state in states]


@given(TOWNS, DAYS)
def test_a_masked_person_is_always_unplaced_without_groups_and_undecidable(
    known: list[BelievedRecord], on: date
) -> None:
    for person_state in all_of(known, on, masked=True):
        assert (person_state.unit, person_state.class_group, person_state.groups) == (UNPLACED, None, ())
        assert person_state.owed is None or not person_state.owed.decidable


@given(TOWNS, DAYS)
def test_nobody_has_left_while_they_count_or_is_to_come_while_they_are_owed(
    known: list[BelievedRecord], on: date
) -> None:
    for person_state in all_of(known, on):
        assert person_state.ended_on is None or (person_state.ended_on < on and not person_state.counted)
        assert person_state.starts_on is None or (person_state.starts_on > on and person_state.owed is None)
        assert not (person_state.only_in_witness and person_state.counted)


@given(ties(), DAYS, st.integers(1, 180))
def test_a_source_that_is_dead_never_ends_what_ran_when_it_died(
    membership: BelievedRecord, died: date, later: int
) -> None:
    record, on = membership.record, (died + timedelta(days=later)).isoformat()
    assert isinstance(record, MembershipRecord)
    assume(not membership.gone and not (record.leave_from or record.leave_to) and (record.end or date.max) >= died)

    before = person_state_of(membership, on=died.isoformat())
    after = person_state_of(membership, on=on, read=parts(died.isoformat()))
    assert (after.counted, after.ended_on) == (before.counted or after.counted, None)
    assert owed_by(before) is None or owed_by(after) == owed_by(before)
    assert pooled_by(before) is None or pooled_by(after) == pooled_by(before)


@given(DAYS, st.lists(st.tuples(st.integers(-5, 7), st.integers(1, 40)), min_size=1, max_size=6), st.integers(0, 5))
def test_a_chain_of_adjoining_terms_is_always_judged_as_one_term_of_its_whole_length(
    first: date, steps: list[tuple[int, int]], at: int
) -> None:
    terms, start, end = [], first, first
    for place, (free, days) in enumerate(steps):
        start = max(first, end + timedelta(days=1 + free)) if place else first
        end = max(end, start + timedelta(days=days))
        terms.append(
            employed(FIXED, start.isoformat(), (start + timedelta(days=days)).isoformat(), source_id=f"{place}")
        )
    on = date.fromisoformat(str(terms[at % len(terms)].record.start))  # type: ignore[union-attr]

    person_state = person_state_of(*terms, on=on.isoformat())
    assert (owed_by(person_state) == "staff") == (end >= add_months(first, 3))
    assert (person_state.began_on, person_state.ends_on) == (first, end)


@given(spans(), DAYS)
def test_hourly_never_entitles_and_an_unknown_form_is_never_decided(
    span: tuple[str | None, str | None], on: date
) -> None:
    assert owed_by(person_state_of(employed(HOURLY, *span), on=on.isoformat())) is None
    result = decision(person_state_of(employed(EmploymentForm.UNKNOWN, *span), on=on.isoformat()), "staff")
    assert not result.owed
    assert result.undecided or result.reason.en == "No employment"


@given(TOWNS, DAYS)
def test_a_child_is_never_owed_by_head(known: list[BelievedRecord], on: date) -> None:
    assert all(person_state.owed is None for person_state in all_of(known, on) if person_state.is_child)


@given(TOWNS, DAYS)
def test_everybody_in_a_pool_is_always_a_child(known: list[BelievedRecord], on: date) -> None:
    pooled = {rule.id for rule in policy().entitlements if rule.mode is EntitlementMode.POOL}

    for person_state in all_of(known, on):
        if any(decision.owed and decision.entitlement in pooled for decision in person_state.decisions):
            assert person_state.is_child
