"""What holds of every reconciliation, whatever is believed: counted once, in any order, and never lower for a dead source."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.coverage import reconcile
from fleetsync.core.measures import MEASURES
from fleetsync.core.model import (
    CENTRAL,
    UNPLACED,
    BelievedState,
    Key,
    Moment,
    Outcome,
    PartRole,
    PersonRecord,
    Scheme,
    Subject,
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
    part,
    people_of,
    record_builders,
    shown,
    total,
    with_recorded_outcome,
)

ELSEWHERE = {UNPLACED, CENTRAL}
few = settings(max_examples=40)


def judged(believed: BelievedState, moment: Moment = MOMENT) -> Outcome:
    return reconcile(believed, POLICY, CALENDARS, moment)


def on(day: date) -> Moment:
    return Moment(datetime.combine(day, time(7), ZoneInfo("Europe/Stockholm")), day)


def totals(outcome: Outcome, *fields: str) -> dict[str, tuple[int, ...]]:
    entitlements = sorted({row.entitlement for row in outcome.coverage})
    return {rule: tuple(total(outcome.coverage, field, rule) for field in fields) for rule in entitlements}


def unordered(outcome: Outcome) -> Outcome:
    """What is said in an order that only the configuration gives, in one."""
    logins = sorted(outcome.logins, key=lambda login: (login.key, login.person))
    parts = sorted(outcome.parts, key=lambda subject: subject.name)
    return replace(outcome, parts=tuple(parts), logins=tuple(logins), episodes=tuple(sorted_by_key(outcome.episodes)))


def sorted_by_key(episodes: Iterable[Any]) -> list[Any]:
    return sorted(episodes, key=lambda episode: episode.key)


# --- once -------------------------------------------------------------------------------------------------------------


@few
@given(record_builders())
def test_nobody_and_no_device_is_ever_counted_twice(builder: RecordsBuilder) -> None:
    outcome = builder.outcome()

    people = Counter(share.subject_id for share in outcome.shares if share.subject is Subject.PERSON)
    devices = Counter(device for share in outcome.shares for device in share.devices)
    serving = Counter(assignment.device for assignment in outcome.assignments)
    assert max([*people.values(), *devices.values(), *serving.values()], default=1) == 1
    for case in outcome.people:
        decided = [
            decision
            for decision in case.person_state.decisions
            if decision.owed or decision.undecided or decision.on_leave
        ]
        assert len([subject for subject in decided if subject.owed]) <= 1
        assert not (case.person_state.owed and len(decided) > 1)


@few
@given(record_builders())
def test_everybody_who_is_owed_is_always_counted_somewhere(builder: RecordsBuilder) -> None:
    outcome = builder.outcome()
    by_head = [case.person_state.owed for case in outcome.people if case.person_state.owed is not None]
    children = [
        decision.entitlement
        for case in outcome.people
        for decision in case.person_state.decisions
        if decision.owed and case.person_state.owed is None
    ]

    assert total(outcome.coverage, "heads") == len(by_head) + len(children)
    for entitlement in ("staff", "pupils"):
        owed = sum(debt.count for debt in by_head if debt.entitlement == entitlement)
        assert total(outcome.coverage, "entitled", entitlement) == owed


@few
@given(record_builders())
def test_the_formulas_hold_of_every_row(builder: RecordsBuilder) -> None:
    for row in builder.outcome().coverage:
        assert row.entitled == row.covered + row.short + row.unknown
        assert min(row.short, row.unknown, row.surplus) >= 0
        assert row.covered_own <= row.assigned_own
        assert row.covered_set <= row.assigned_set
        assert row.covered_pool <= row.assigned_pool
        assert row.assigned <= row.entitled
        assert (row.ratio is None) == (row.entitled == 0)
        if row.ratio is not None and row.ratio_at_best is not None:
            assert row.ratio <= row.ratio_at_best <= 1


@few
@given(record_builders())
def test_what_a_case_says_is_always_what_is_counted(builder: RecordsBuilder) -> None:
    outcome = builder.outcome()

    covered = sum(case.covered for case in outcome.people)
    assert covered == total(outcome.coverage, "covered_own")
    assert sum(device_set.covered for device_set in outcome.sets) == total(outcome.coverage, "covered_set")
    served = {case.serving_set for case in outcome.people} - {None}
    assert served <= {device_set.id for device_set in outcome.sets}
    for subject in outcome.sets:
        assert subject.members or not subject.covered


# --- in any order -----------------------------------------------------------------------------------------------------


@few
@given(record_builders(), st.randoms(use_true_random=False))
def test_the_order_of_records_and_sources_never_matters(builder: RecordsBuilder, chance: Any) -> None:
    believed = builder.believed()
    known, parts = list(believed.known), list(believed.parts)
    chance.shuffle(known)
    chance.shuffle(parts)

    assert unordered(judged(replace(believed, known=known, parts=parts))) == unordered(judged(believed))


@few
@given(record_builders(), st.randoms(use_true_random=False))
def test_the_order_in_which_history_is_read_never_matters(builder: RecordsBuilder, chance: Any) -> None:
    believed = with_recorded_outcome(builder.believed(), builder.outcome())
    logins, episodes = list(believed.logins), list(believed.episodes)
    chance.shuffle(logins)
    chance.shuffle(episodes)
    shuffled = replace(believed, logins=logins, episodes=episodes)

    later = on(TODAY + timedelta(days=1))
    assert unordered(judged(shuffled, later)) == unordered(judged(believed, later))


# --- a second time ----------------------------------------------------------------------------------------------------


@few
@given(record_builders())
def test_a_second_run_of_the_same_changes_nothing(builder: RecordsBuilder) -> None:
    believed = builder.believed()
    first = judged(believed)
    settled = with_recorded_outcome(believed, first)
    second = judged(settled, Moment(NOW + timedelta(hours=1), TODAY))
    third = judged(with_recorded_outcome(settled, second), Moment(NOW + timedelta(hours=2), TODAY))

    assert replace(third, moment=second.moment) == second
    for result in ("owed", "assignments", "shares", "sets", "coverage", "episodes", "logins"):
        assert getattr(second, result) == getattr(first, result)
    assert second.resolved_ids == ()
    assert [case.device_state for case in second.devices] == [case.device_state for case in first.devices]
    assert not second.closed_episodes


@few
@given(record_builders())
def test_the_numbers_of_a_second_run_are_those_of_the_first(builder: RecordsBuilder) -> None:
    believed = builder.believed()
    first = shown(believed)
    second = shown(with_recorded_outcome(believed, first.outcome), moment=Moment(NOW + timedelta(hours=1), TODAY))

    assert (second.numbers, second.facts) == (first.numbers, first.facts)


# --- protected --------------------------------------------------------------------------------------------------------


@few
@given(record_builders(), st.data())
def test_marking_somebody_as_protected_changes_no_sum_of_the_municipality(
    builder: RecordsBuilder, data: st.DataObject
) -> None:
    everybody = people_of(builder)
    assume(everybody)
    who = data.draw(st.sampled_from(everybody))
    before = builder.outcome()
    assume(not _is_contradicted(before, who))
    after = judged(replace(builder.believed(), known=masked_records(builder.known, who)))

    kept = ("heads", "undecided", "on_leave")
    assert totals(after, *kept) == totals(before, *kept)
    for entitlement in ("staff", "pupils"):
        assert total(after.coverage, "entitled", entitlement) == total(before.coverage, "entitled", entitlement)
    assert len(after.devices) == len(before.devices)


def test_a_protected_person_counts_by_the_word_of_the_register_since_their_unit_is_not_kept() -> None:
    builder = RecordsBuilder()
    pupil = builder.pupil("p0", at="ug", year=1)  # at a förskola
    protected = judged(replace(builder.believed(), known=masked_records(builder.known, pupil)))

    assert _is_contradicted(builder.outcome(), pupil)
    assert not _is_contradicted(protected, pupil)
    assert total(protected.coverage, "entitled", "pupils") == 1


def _is_contradicted(outcome: Outcome, who: str) -> bool:
    """Whether the unit's school forms contradict what the register says of a person. Masked, they have no unit."""
    decisions = (
        decision for case in outcome.people if _is(case.person.records, who) for decision in case.person_state.decisions
    )
    return any(decision.undecided and "but the unit has" in decision.reason.en for decision in decisions)


@few
@given(record_builders(), st.data())
def test_only_the_unit_of_who_is_protected_and_where_nobody_has_one_change_at_all(
    builder: RecordsBuilder, data: st.DataObject
) -> None:
    everybody = people_of(builder)
    assume(everybody)
    who = data.draw(st.sampled_from(everybody))
    before = builder.outcome()
    after = judged(replace(builder.believed(), known=masked_records(builder.known, who)))
    homes = {case.person_state.unit for case in before.people if _is(case.person.records, who)}
    held = {case.placement.unit for case in before.devices if _names(case.device.records, who)}

    def elsewhere(outcome: Outcome) -> list[Any]:
        return [row for row in outcome.coverage if row.unit not in ELSEWHERE | homes | held]

    assert elsewhere(after) == elsewhere(before)


def _is(records: Iterable[Any], who: str) -> bool:
    return any(record.record.source_id == who for record in records)


def _names(records: Iterable[Any], who: str) -> bool:
    return any(address(who) in record.record.keys for record in records)


@few
@given(record_builders(), st.data())
def test_who_is_protected_never_has_a_unit_a_name_or_a_gap(builder: RecordsBuilder, data: st.DataObject) -> None:
    everybody = people_of(builder)
    assume(everybody)
    who = data.draw(st.sampled_from(everybody))
    outcome = judged(replace(builder.believed(), known=masked_records(builder.known, who)))
    hidden = {case.person.id for case in outcome.people if case.person.masked}

    assert hidden
    for case in outcome.people:
        if case.person.id in hidden:
            assert (case.person_state.unit, case.person.name, case.person_state.groups) == (UNPLACED, None, ())
    assert hidden.isdisjoint(episode.subject_id for episode in outcome.episodes)
    assert {case.placement.unit for case in outcome.devices if case.placement.holder in hidden} <= {UNPLACED}
    assert who not in {key.value.partition("@")[0] for case in outcome.people for key in case.person.keys}


# --- a dead source ----------------------------------------------------------------------------------------------------


@few
@given(record_builders(), st.integers(1, 190))
def test_sources_that_are_dead_make_numbers_old_and_never_lower(builder: RecordsBuilder, days: int) -> None:
    """All of them fell silent today; however much later it is asked, nothing was shown, so nothing has ended."""
    believed = builder.believed()
    today = judged(believed)
    later = judged(with_recorded_outcome(believed, today), on(TODAY + timedelta(days=days)))

    fields = ("entitled", "covered", "assigned", "unknown", "short", "surplus", "heads", "undecided", "on_leave")
    for before, after in zip(today.coverage, later.coverage, strict=True):
        for field in fields:
            assert getattr(after, field) == getattr(before, field), (before, after)


@few
@given(record_builders(), st.sampled_from([0, 5, 7]), st.integers(1, 120))
def test_a_dead_source_never_lowers_a_number_while_the_others_are_read(
    builder: RecordsBuilder, dead: int, days: int
) -> None:
    then = on(TODAY + timedelta(days=days))
    silent = PARTS[dead]
    # The others go on: what they show is as fresh as today, and unchanged.
    parts = [
        subject if subject is silent or subject.role is PartRole.ROSTER else replace(subject, as_of=then.today)
        for subject in PARTS
    ]
    known = [
        replace(record, last_contact_at=record.last_contact_at + timedelta(days=days))
        if record.last_contact_at and (record.source, record.part) != (silent.source, silent.part)
        else record
        for record in builder.known
    ]

    before = judged(builder.believed())
    after = judged(BelievedState(known=known, parts=parts), then)

    assert total(after.coverage, "covered") >= total(before.coverage, "covered")


@few
@given(record_builders(), st.integers(0, 40))
def test_a_later_day_never_makes_anybody_work_again(builder: RecordsBuilder, days: int) -> None:
    """Without a new contact, with every source looking, devices only fall silent."""
    then = on(TODAY + timedelta(days=days))
    parts = [
        replace(subject, as_of=then.today) if subject.role is not PartRole.ROSTER else subject for subject in PARTS
    ]
    before = {case.device.id for case in builder.outcome().devices if case.device_state.works}
    after = judged(builder.believed(parts=parts), then)

    # That a list still names a device is its contact, so what only a list knows may be heard of again.
    heard = {case.device.id for case in after.devices if case.device.contact_part is None}
    assert {case.device.id for case in after.devices if case.device_state.works} - heard <= before


# --- witnesses --------------------------------------------------------------------------------------------------------


@st.composite
def witnessed(draw: st.DrawFn) -> RecordsBuilder:
    """A town of whose people a directory knows some, and some whom no roster does."""
    builder = draw(record_builders())
    everybody = people_of(builder)
    for number, who in enumerate(draw(st.lists(st.sampled_from(everybody), unique=True) if everybody else st.just([]))):
        keys = (address(who), Key(Scheme.OBJECT_ID, "tenant", f"{number:032x}"))
        builder.add("entra", "users", PersonRecord(source_id=f"u{number}", keys=keys, name="Alva Exempel"))
    for number in range(draw(st.integers(0, 3))):
        builder.add("entra", "users", PersonRecord(source_id=f"x{number}", keys=(address(f"stranger{number}"),)))
    return builder


@few
@given(witnessed())
def test_a_witness_never_adds_or_takes_anybody(builder: RecordsBuilder) -> None:
    before = builder.outcome()
    alone = [record for record in builder.known if record.source != "entra"]
    after = judged(BelievedState(known=alone, parts=[subject for subject in PARTS if subject.source != "entra"]))

    fields = ("entitled", "heads", "undecided", "on_leave")
    for with_, without in zip(before.coverage, after.coverage, strict=True):
        assert [getattr(with_, field) for field in fields] == [getattr(without, field) for field in fields]


@few
@given(record_builders(), st.sampled_from([PartRole.MDM, PartRole.LIST]))
def test_a_source_of_devices_that_was_never_read_makes_the_short_unknown_and_nothing_else(
    builder: RecordsBuilder, role: PartRole
) -> None:
    unread = part("new", "devices", role, first_complete_at=None, as_of=None, last_complete_at=None)
    before = {(row.unit, row.entitlement): row for row in builder.outcome().coverage}
    after = builder.outcome(parts=(*PARTS, unread))

    for row in after.coverage:
        old = before[row.unit, row.entitlement]
        assert (row.entitled, row.covered, row.assigned) == (old.entitled, old.covered, old.assigned)
        assert row.unknown == row.entitled - row.assigned


# --- what is shown ----------------------------------------------------------------------------------------------------


@few
@given(record_builders())
def test_a_snapshot_of_the_same_outcome_is_always_the_same(builder: RecordsBuilder) -> None:
    subject, other = builder.shown(), builder.shown()

    assert subject.numbers == other.numbers
    for measure in MEASURES:
        for labels in subject.numbers[measure.name]:
            assert subject.rows(measure.name, labels) == other.rows(measure.name, labels)
