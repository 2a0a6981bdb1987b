"""A reconciliation that begins with the last one concludes what a whole one does, whatever has changed in between."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.context import Context
from fleetsync.core.coverage import build_context, reconcile_in
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    CorrectedField,
    Correction,
    DeviceCount,
    Moment,
    Outcome,
    Override,
    PartState,
    Policy,
)
from tests.core.coverage.coverage_samples import (
    CALENDARS,
    MOMENT,
    NOW,
    PARTS,
    POLICY,
    TODAY,
    RecordsBuilder,
    address,
    masked_records,
    mostly,
    record_builders,
    with_recorded_outcome,
)

MONTHS_LATER = (date(2026, 6, 12), date(2026, 7, 2), date(2026, 8, 20))


def context_of(believed: BelievedState, moment: Moment = MOMENT, policy: Policy = POLICY) -> Context:
    return build_context(believed, policy, CALENDARS, moment)


def in_one_order(outcome: Outcome) -> Outcome:
    """The order of the log-ins means nothing."""
    return replace(outcome, logins=tuple(sorted(outcome.logins, key=repr)))


def assert_again_is_whole(believed: BelievedState, later: BelievedState, moment: Moment, policy: Policy) -> None:
    """*later* is reconciled as a whole, and beginning with *believed*; twice, since the second begins with the first."""
    previous = reconcile_in(context_of(believed))
    for number in range(2):
        at = replace(moment, at=moment.at + timedelta(minutes=number))
        whole = reconcile_in(context_of(later, at, policy))
        again = reconcile_in(context_of(later, at, policy), previous)

        assert in_one_order(again.outcome) == in_one_order(whole.outcome)
        later, previous = with_recorded_outcome(later, again.outcome), again


@st.composite
def changed_records(draw: st.DrawFn, known: Sequence[BelievedRecord]) -> list[BelievedRecord]:
    """*known* with some records gone, absent or in contact since, some of another town in their place, and new ones."""
    other = {each.ref: each for each in draw(record_builders()).known}
    changed = []
    for each in known:
        what = draw(mostly("kept", "dropped", "replaced", "contact", "absent", "gone", "to come"))
        there = other.pop(each.ref, each)
        changed += {
            "kept": [each],
            "dropped": [],
            "replaced": [replace(each, record=there.record, last_contact_at=there.last_contact_at)],
            "contact": [replace(each, last_contact_at=NOW) if each.last_contact_at else each],
            "absent": [replace(each, absent_since=NOW)],
            "gone": [replace(each, absent_since=NOW, gone=True)],
            "to come": [replace(each, last_contact_at=NOW + timedelta(days=3)) if each.last_contact_at else each],
        }[what]
    return changed + draw(st.lists(st.sampled_from(list(other.values())), unique_by=id)) if other else changed


@st.composite
def decisions(draw: st.DrawFn, builder: RecordsBuilder) -> dict[str, Any]:
    """Overrides and corrections of some of the devices, mostly none."""
    serials = [serial for each in builder.known if (serial := getattr(each.record, "serial", None))]
    devices = [f"d{each.own_id}" for each in builder.known if each.type == "device"]
    if not devices or draw(st.booleans()):
        return {}
    override = Override(
        serial=draw(st.sampled_from(serials)), login=None, person=address(f"p{draw(st.integers(0, 5))}")
    )
    values: dict[CorrectedField, str] = {"unit": "ekskolan", "purpose": "loan", "holder": "", "condition": "lost"}
    field = draw(st.sampled_from(list(values)))
    correction = Correction(device=draw(st.sampled_from(devices)), field=field, value=values[field])
    count = DeviceCount(subject_id="preschool@ugglan", count=draw(st.integers(0, 9)))
    return {"overrides": (override,), "corrections": (correction,), "device_counts": (count,)}


@settings(max_examples=150, deadline=None)
@given(st.data(), record_builders())
def test_beginning_with_the_last_reconciliation_always_concludes_what_a_whole_one_does(
    data: st.DataObject, builder: RecordsBuilder
) -> None:
    decided = data.draw(decisions(builder))
    believed = builder.believed(**decided)
    recorded = with_recorded_outcome(believed, reconcile_in(context_of(believed)).outcome)
    later = replace(recorded, known=tuple(data.draw(changed_records(recorded.known))))
    if data.draw(mostly(False, True)):
        later = replace(later, overrides=(), corrections=(), device_counts=())
    if data.draw(mostly(False, True)):
        later = replace(later, known=masked_records(later.known, "p1"))
    day = data.draw(mostly(TODAY, TODAY + timedelta(days=30)))
    read_since = tuple(replace(part, as_of=day) for part in PARTS)
    parts: tuple[PartState, ...] = data.draw(mostly(PARTS, PARTS[1:], read_since))
    policy = data.draw(mostly(POLICY, replace(POLICY, max_devices_per_user=1), replace(POLICY, units=POLICY.units[1:])))
    moment = Moment(NOW + timedelta(hours=1, days=(day - TODAY).days), day)

    assert_again_is_whole(recorded, replace(later, parts=parts), moment, policy)


@settings(max_examples=30, deadline=None)
@given(st.data(), record_builders())
def test_it_does_so_while_the_school_year_turns(data: st.DataObject, builder: RecordsBuilder) -> None:
    day = date(2026, 6, 11)
    believed = builder.believed()
    outcome = reconcile_in(context_of(believed, Moment(NOW - timedelta(days=166), day))).outcome
    recorded = with_recorded_outcome(believed, outcome)
    later = replace(recorded, known=tuple(data.draw(changed_records(recorded.known))))
    then = data.draw(st.sampled_from(MONTHS_LATER))

    assert_again_is_whole(recorded, later, Moment(NOW, then), POLICY)


def test_what_has_not_changed_is_not_concluded_anew() -> None:
    builder = RecordsBuilder()
    builder.device(builder.pupil("alva", group="5A"))
    builder.device(builder.staff("bo"))
    builder.cart(2, "5A")
    believed = builder.believed()
    recorded = with_recorded_outcome(believed, reconcile_in(context_of(believed)).outcome)
    first = reconcile_in(context_of(recorded))
    moved = next(each for each in recorded.known if each.type == "device")
    known = [replace(each, last_contact_at=NOW) if each is moved else each for each in recorded.known]

    again = reconcile_in(context_of(replace(recorded, known=known), Moment(NOW + timedelta(hours=1), TODAY)), first)

    assert set(map(id, again.outcome.people)) == set(map(id, first.outcome.people))
    before = set(map(id, first.outcome.devices))
    (anew,) = (case for case in again.outcome.devices if id(case) not in before)
    assert anew.device.records[0].record is moved.record
    assert set(map(id, again.outcome.shares)) == set(map(id, first.outcome.shares))


def test_a_year_that_was_turned_by_hand_since_is_concluded_anew() -> None:
    day = Moment(NOW - timedelta(days=140), date(2026, 7, 7))
    builder = RecordsBuilder()
    builder.device(builder.pupil("alva", start=date(2025, 8, 18)))
    believed = builder.believed()
    copied = reconcile_in(context_of(believed, Moment(day.at - timedelta(days=26), date(2026, 6, 11)))).outcome
    recorded = with_recorded_outcome(believed, copied)
    assert recorded.turnover is not None
    turned = replace(recorded, turnover=replace(recorded.turnover, turned_at=day.at, how="by_hand"))
    first = reconcile_in(context_of(recorded, day))

    again = reconcile_in(context_of(turned, day), first)

    assert in_one_order(again.outcome) == in_one_order(reconcile_in(context_of(turned, day)).outcome)
