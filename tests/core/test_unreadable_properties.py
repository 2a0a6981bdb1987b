"""What holds whatever could not be read: no published number rises or falls by it."""

from collections.abc import Sequence
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.coverage import reconcile
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    Condition,
    DeviceRecord,
    MembershipRecord,
    MembershipType,
    Outcome,
    PersonCase,
    Platform,
)
from tests.core.coverage.coverage_samples import (
    CALENDARS,
    MOMENT,
    PARTS,
    POLICY,
    RecordsBuilder,
    record_builders,
    total,
)

few = settings(max_examples=60)
ENTITLEMENTS = ("staff", "pupils", "preschool")
# An account with more devices than a person has holds none, whether or not one of them may be retired.
ANY_NUMBER_OF_DEVICES = replace(POLICY, max_devices_per_user=99)

DEVICE_FACTS = ("last_contact_at", "ownership", "managed", "condition", "platform", "purpose")
FACTS_OF_MEMBERSHIP = {
    MembershipType.EMPLOYMENT: ("start", "end", "employment_form"),
    MembershipType.ENROLMENT: ("start", "end", "school_form", "year"),
    MembershipType.PLACEMENT: ("start", "end", "school_form"),
}
BLANKS = {"condition": Condition.ACTIVE, "platform": Platform.OTHER}


def outcome_of(known: Sequence[BelievedRecord]) -> Outcome:
    return reconcile(BelievedState(known=tuple(known), parts=PARTS), ANY_NUMBER_OF_DEVICES, CALENDARS, MOMENT)


def without_fact(known: BelievedRecord, fact: str) -> BelievedRecord:
    """The record as its connector gives it when one of its facts could not be read."""
    blank: dict[str, Any] = {"unreadable": (fact,), fact: BLANKS.get(fact)}
    contact = None if fact == "last_contact_at" else known.last_contact_at
    return replace(known, record=replace(known.record, **blank), last_contact_at=contact)


def facts_of(known: BelievedRecord) -> Sequence[str]:
    record = known.record
    if isinstance(record, MembershipRecord):
        return FACTS_OF_MEMBERSHIP.get(record.membership, ())
    return DEVICE_FACTS if isinstance(record, DeviceRecord) else ()


@st.composite
def towns_with_one_fact_unread(
    draw: st.DrawFn, kind: type
) -> tuple[Sequence[BelievedRecord], Sequence[BelievedRecord], str]:
    """A town, the same town with one fact of one record unread, and the fact."""
    builder: RecordsBuilder = draw(record_builders())
    places = [place for place, known in enumerate(builder.known) if isinstance(known.record, kind) and facts_of(known)]
    assume(places)
    place = draw(st.sampled_from(places))
    fact = draw(st.sampled_from(facts_of(builder.known[place])))
    unread = list(builder.known)
    unread[place] = without_fact(unread[place], fact)
    return builder.known, unread, fact


# --- no number rises or falls -----------------------------------------------------------------------------------------


@few
@given(towns_with_one_fact_unread(DeviceRecord))
def test_a_fact_of_a_device_that_could_not_be_read_makes_numbers_unknown_and_nothing_else(
    town: tuple[Sequence[BelievedRecord], Sequence[BelievedRecord], str],
) -> None:
    known, unread, fact = town
    before, after = outcome_of(known), outcome_of(unread)

    for rule in ENTITLEMENTS:
        for field in ("entitled", "heads", "undecided", "on_leave"):
            assert total(after.coverage, field, rule) == total(before.coverage, field, rule)
        assert total(after.coverage, "covered", rule) <= total(before.coverage, "covered", rule)
        # A device without a purpose may have been of any set or pool, so its place there is not known.
        if fact != "purpose":
            assert total(after.coverage, "short", rule) <= total(before.coverage, "short", rule)


@few
@given(towns_with_one_fact_unread(MembershipRecord))
def test_a_fact_of_a_membership_that_could_not_be_read_makes_a_person_undecided_and_moves_nobody_else(
    town: tuple[Sequence[BelievedRecord], Sequence[BelievedRecord], str],
) -> None:
    known, unread, _ = town
    before, after = outcome_of(known), outcome_of(unread)

    changed = 0
    for was, now in zip(before.people, after.people, strict=True):
        if _asked(was) != _asked(now):
            changed += 1
        if any(decision.owed for decision in was.person_state.decisions):
            assert any(decision.owed or decision.undecided for decision in now.person_state.decisions)
        else:
            assert not any(decision.owed for decision in now.person_state.decisions)
    assert changed <= 1
    for rule in ENTITLEMENTS:
        assert total(after.coverage, "covered", rule) <= total(before.coverage, "covered", rule)
        assert total(after.coverage, "entitled", rule) <= total(before.coverage, "entitled", rule)


def _asked(case: PersonCase) -> list[tuple[str, bool, bool]]:
    return [(decision.entitlement, decision.owed, decision.undecided) for decision in case.person_state.decisions]
