"""What holds whatever could not be read: no published number rises by it, and no reason states what no source gave."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.calendar import local_day
from fleetsync.core.coverage import reconcile
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    Condition,
    DeviceCase,
    DeviceRecord,
    EmploymentForm,
    MembershipRecord,
    MembershipType,
    Outcome,
    Ownership,
    PartRole,
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
ROLES = {(part.source, part.part): part.role for part in PARTS}
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


# --- no reason without ground -----------------------------------------------------------------------------------------


@st.composite
def towns_with_facts_unread(draw: st.DrawFn) -> Sequence[BelievedRecord]:
    """A town with some facts unread, some devices that only a list names, and some records without contacts."""
    builder: RecordsBuilder = draw(record_builders())
    for number in range(draw(st.integers(0, 3))):
        listed = DeviceRecord(source_id=f"w{number}", serial=f"EXW{number}", platform=Platform.WINDOWS)
        builder.add("list", "devices", listed)
    known = list(builder.known)
    for place, record in enumerate(known):
        facts = facts_of(record)
        change = draw(st.sampled_from(("keep", "keep", "keep", "unread", "no contact"))) if facts else "keep"
        if change == "unread":
            known[place] = without_fact(record, draw(st.sampled_from(facts)))
        elif change == "no contact":
            known[place] = replace(record, last_contact_at=None)
    return known


def _records(case: DeviceCase) -> list[BelievedRecord]:
    return [*case.device.records, *case.device.superseded, *case.device.gone]


def _device_records(case: DeviceCase) -> list[DeviceRecord]:
    return [known.record for known in _records(case) if isinstance(known.record, DeviceRecord)]


def _contact_days(case: DeviceCase) -> set[date]:
    contacts = (known.last_contact_at for known in _records(case))
    return {local_day(contact, POLICY.time_zone) for contact in contacts if contact is not None}


def _enrolment_days(case: DeviceCase) -> set[date]:
    days = (record.enrolled_at for record in _device_records(case))
    return {local_day(day, POLICY.time_zone) for day in days if day is not None}


def _has_role(case: DeviceCase, role: PartRole) -> bool:
    return any(ROLES[known.source, known.part] is role for known in _records(case))


def _is_unread_in(case: DeviceCase, source: str) -> bool:
    rows = [known.record for known in _records(case) if known.source == source]
    return any(isinstance(row, DeviceRecord) and row.unreadable for row in rows)


def _is_in_condition(*conditions: Condition) -> Callable[[DeviceCase, re.Match[str]], bool]:
    return lambda case, _: any(record.condition in conditions for record in _device_records(case))


def _is_list_word(case: DeviceCase, matched: re.Match[str]) -> bool:
    list_part = next(part for part in PARTS if part.role is PartRole.LIST)
    return (
        list_part.as_of is not None
        and int(matched.group(1)) == list_part.as_of.day
        and _has_role(case, PartRole.LIST)
        and not _contact_days(case)
    )


# Each clause of a device's reason, and what must be on record for it.
CLAUSES_OF_DEVICE: dict[str, Callable[[DeviceCase, re.Match[str]], bool]] = {
    r"in contact within \d+ school days": lambda case, _: bool(_contact_days(case)),
    "managed": lambda case, _: any(record.managed for record in _device_records(case)),
    "named by a list": lambda case, _: _has_role(case, PartRole.LIST),
    r"enrolled at most \d+ school days ago": lambda case, _: bool(_enrolment_days(case)) and not _contact_days(case),
    r"named by the list of (\d+) \w+\.?": _is_list_word,
    "contact unknown": lambda case, _: not _contact_days(case),
    r"no contact since (\S+)": lambda case, matched: date.fromisoformat(matched.group(1)) in _contact_days(case),
    r"never in contact since its enrolment (\S+)": lambda case, matched: (
        date.fromisoformat(matched.group(1)) in _enrolment_days(case) and not _contact_days(case)
    ),
    r"limit \d+ school days": lambda case, _: True,
    "no source gives a contact or a day of enrolment": lambda case, _: not _contact_days(case) | _enrolment_days(case),
    "no MDM says that it is managed": lambda case, _: (
        case.device.managed is not True or not _has_role(case, PartRole.MDM)
    ),
    "its list does not say in use": _is_in_condition(Condition.PENDING),
    "personally owned": lambda case, _: any(record.ownership is Ownership.PERSONAL for record in _device_records(case)),
    r"a (phone|tv|virtual) is never such a device": lambda case, _: any(
        record.platform is Platform.IOS for record in _device_records(case)
    ),
    "lost": _is_in_condition(Condition.LOST),
    "retired": _is_in_condition(Condition.RETIRED),
    "wiped": _is_in_condition(Condition.WIPED),
    "disabled": _is_in_condition(Condition.DISABLED),
    "in repair": lambda case, _: (
        case.placement.purpose == "repair" or any(record.condition == "in_repair" for record in _device_records(case))
    ),
    r"unknown: .+ could not be read in (\S+)": lambda case, matched: _is_unread_in(case, matched.group(1)),
    "unknown: its list gives contacts": lambda case, _: _has_role(case, PartRole.LIST),
    "and none for this device": lambda case, _: not _contact_days(case),
}


def unfounded(reason: str, case: Any, clauses: dict[str, Callable[[Any, re.Match[str]], bool]]) -> Iterable[str]:
    """The clauses of a reason that are in no table, or for which nothing is on record."""
    for clause in re.split(r", |; ", reason):
        matched = next(
            ((match, holds) for pattern, holds in clauses.items() if (match := re.fullmatch(pattern, clause))), None
        )
        if matched is None or not matched[1](case, matched[0]):
            yield clause


@few
@given(towns_with_facts_unread())
def test_no_reason_of_a_device_states_a_fact_that_no_source_gave(known: Sequence[BelievedRecord]) -> None:
    for case in outcome_of(known).devices:
        assert not list(unfounded(case.device_state.works_reason.en, case, CLAUSES_OF_DEVICE))


def _memberships(case: PersonCase) -> list[tuple[str, MembershipRecord]]:
    return [
        (known.source, known.record) for known in case.person.memberships if isinstance(known.record, MembershipRecord)
    ]


def _gives(**fields: Any) -> Callable[[PersonCase], bool]:
    return lambda case: any(
        all(getattr(record, field) == value for field, value in fields.items()) for _, record in _memberships(case)
    )


def _leaves_blank(case: PersonCase, field: str) -> bool:
    return any(getattr(record, field) is None and field not in record.unreadable for _, record in _memberships(case))


def _days_of(case: PersonCase) -> set[str]:
    days = [
        day
        for _, record in _memberships(case)
        for day in (record.start, record.end, record.leave_from, record.leave_to)
    ]
    # Nothing in these towns lies beyond: a last school day and its turnover come from the calendar.
    terms = CALENDARS.default.terms
    return {str(day) for day in (*days, *(term.last for term in terms))} | {"an unknown day"}


def _names_days(case: PersonCase, matched: re.Match[str]) -> bool:
    return {day for day in matched.groups() if day and re.fullmatch(r"\d{4}-\d\d-\d\d", day)} <= _days_of(case)


def _is_employed(form: EmploymentForm | None) -> Callable[[PersonCase, re.Match[str]], bool]:
    return lambda case, matched: _gives(employment_form=form)(case) and _names_days(case, matched)


def _is_unread(case: PersonCase, matched: re.Match[str]) -> bool:
    fields = {"school form": "school_form", "form of employment": "employment_form", "first day": "start",
              "last day": "end", "year": "year"}  # fmt: skip
    return any(
        source == matched.group(2) and fields[matched.group(1)] in record.unreadable
        for source, record in _memberships(case)
    )


CLAUSES_OF_PERSON: dict[str, Callable[[PersonCase, re.Match[str]], bool]] = {
    r"No (\w+)( or \w+)*": lambda case, _: True,
    r"Attends (\w+) from (.+)": lambda case, matched: (
        _gives(school_form=matched.group(1))(case) and _names_days(case, matched)
    ),
    r"year (\d+)": lambda case, matched: _gives(year=int(matched.group(1)))(case),
    r"Year (\d+) is (unknown|not included) \(\w+\)": lambda case, matched: _gives(year=int(matched.group(1)))(case),
    r"The year is missing \(\w+\)": lambda case, _: _leaves_blank(case, "year"),
    "The school form is missing": lambda case, _: _leaves_blank(case, "school_form"),
    r"School form (\w+) is (unknown|not included)": lambda case, matched: _gives(school_form=matched.group(1))(case),
    r"Permanent from (.+)": _is_employed(EmploymentForm.PERMANENT),
    r"Employed from (.+) with no last day": lambda case, matched: _gives(end=None)(case) and _names_days(case, matched),
    r"Paid by the hour from (.+)": _is_employed(EmploymentForm.HOURLY),
    r"The form of employment is unknown": lambda case, _: _gives(employment_form=EmploymentForm.UNKNOWN)(case),
    r"The form of employment is not included": lambda case, _: True,
    r"from (.+)": _names_days,
    r"Fixed term until (.+)": _names_days,
    "first day unknown": lambda case, _: _gives(start=None)(case),
    r"Fixed term (\S+)–(\S+)": _names_days,
    r"(not )?longer than \d+ months": lambda case, _: True,
    r"on leave (.+)–(.+)": _names_days,
    r"ends near the last school day (\S+) and counts until \S+": _names_days,
    r"ended (\S+)": _names_days,
    r"counts on: its source has shown nothing newer": lambda case, _: True,
    r"Already (owed|undecided) by \w+": lambda case, _: True,
    r"The (.+) could not be read in (\S+)": _is_unread,
    r"The register says (\w+)": lambda case, matched: _gives(school_form=matched.group(1))(case),
    r"but the (?:unit|organisation) has (\w+)": lambda case, _: True,
    r"[A-Z]+": lambda case, _: True,  # the unit's further school forms
}


@few
@given(towns_with_facts_unread())
def test_no_reason_of_a_person_states_a_fact_that_no_source_gave(known: Sequence[BelievedRecord]) -> None:
    for case in outcome_of(known).people:
        for decision in case.person_state.decisions:
            assert not list(unfounded(decision.reason.en, case, CLAUSES_OF_PERSON)), decision.reason.en
