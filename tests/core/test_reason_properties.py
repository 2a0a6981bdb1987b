"""No reason states a fact that no source gave: each clause of each sentence has a record, a rule or a day behind it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.calendar import local_day
from fleetsync.core.model import (
    UNPLACED,
    BelievedRecord,
    Compliance,
    Condition,
    DeviceCase,
    DeviceRecord,
    EmploymentForm,
    MembershipRecord,
    MembershipType,
    Ownership,
    PartRole,
    PersonCase,
    Platform,
    Purpose,
    Subject,
)
from tests.core.coverage.coverage_samples import CALENDARS, PARTS, POLICY, TODAY, RecordsBuilder, record_builders
from tests.core.test_unreadable_properties import facts_of, few, outcome_of, without_fact

ROLES = {(part.source, part.part): part.role for part in PARTS}


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
CLAUSES_OF_DEVICE: Mapping[str, Callable[[DeviceCase, re.Match[str]], bool]] = {
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
    r"limit (\d+) school days": lambda _, matched: int(matched.group(1)) == POLICY.staleness.stale_after_school_days,
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


def unfounded(reason: str, case: Any, clauses: Mapping[str, Callable[[Any, re.Match[str]], bool]]) -> Iterable[str]:
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


def _is_running_for_certain(record: MembershipRecord) -> bool:
    is_read = not {"start", "end"} & set(record.unreadable)
    has_begun = record.start is None or record.start <= TODAY
    return bool(record.codes) and is_read and has_begun and (record.end is None or record.end >= TODAY)


MONTHS_OF_RULES = {rule.who.longer_than_months for rule in POLICY.entitlements}
FORMS_OF_UNITS = {form for unit in POLICY.units for form in unit.school_forms}

CLAUSES_OF_PERSON: Mapping[str, Callable[[PersonCase, re.Match[str]], bool]] = {
    r"No (\w+(?: or \w+)*)": lambda case, matched: (
        not any(
            _is_running_for_certain(record) and record.membership.value in matched.group(1).split(" or ")
            for _, record in _memberships(case)
        )
    ),
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
    r"The form of employment is not included": lambda case, _: any(
        record.employment_form not in (None, EmploymentForm.UNKNOWN) for _, record in _memberships(case)
    ),
    r"from (.+)": _names_days,
    r"Fixed term until (.+)": _names_days,
    "first day unknown": lambda case, _: _gives(start=None)(case),
    r"Fixed term (\S+)–(\S+)": _names_days,
    r"(?:not )?longer than (\d+) months": lambda _, matched: int(matched.group(1)) in MONTHS_OF_RULES,
    r"on leave (.+)–(.+)": _names_days,
    r"ends near the last school day (\S+) and counts until \S+": _names_days,
    r"ended (\S+)": _names_days,
    r"counts on: its source has shown nothing newer": lambda case, _: any(
        record.end is not None and record.end < TODAY for _, record in _memberships(case)
    ),
    r"Already (owed|undecided) by (\w+)": lambda case, matched: any(
        decision.entitlement == matched.group(2) and getattr(decision, matched.group(1))
        for decision in case.person_state.decisions
    ),
    r"The (.+) could not be read in (\S+)": _is_unread,
    r"The register says (\w+)": lambda case, matched: _gives(school_form=matched.group(1))(case),
    r"but the unit has (\w+)": lambda _, matched: matched.group(1) in FORMS_OF_UNITS,
    r"[A-Z]+": lambda _, matched: matched.group(0) in FORMS_OF_UNITS,  # the unit's further school forms
}


@few
@given(towns_with_facts_unread())
def test_no_reason_of_a_person_states_a_fact_that_no_source_gave(known: Sequence[BelievedRecord]) -> None:
    for case in outcome_of(known).people:
        for decision in case.person_state.decisions:
            assert not list(unfounded(decision.reason.en, case, CLAUSES_OF_PERSON)), decision.reason.en


CLAUSES_OF_PLACE: Mapping[str, Callable[[PersonCase, re.Match[str]], bool]] = {
    r"Attends from (.+)": lambda case, matched: _has_school_membership(case) and _names_days(case, matched),
    r"Employed there from (.+)": lambda case, matched: (
        _gives(membership=MembershipType.EMPLOYMENT)(case) and _names_days(case, matched)
    ),
    "No unit is known": lambda case, _: case.person_state.unit == UNPLACED,
    r"of (\d+) (?:employments the largest share counts|the one that began last counts)": lambda case, matched: (
        1 < int(matched.group(1)) <= len(_memberships(case))
    ),
    "else the earliest start": lambda case, _: _gives(membership=MembershipType.EMPLOYMENT)(case),
}


def _has_school_membership(case: PersonCase) -> bool:
    return any(record.membership is not MembershipType.EMPLOYMENT for _, record in _memberships(case))


@few
@given(towns_with_facts_unread())
def test_no_reason_of_a_persons_unit_states_a_fact_that_no_source_gave(known: Sequence[BelievedRecord]) -> None:
    for case in outcome_of(known).people:
        reason = case.person_state.unit_reason.en
        assert not list(unfounded(reason, case, CLAUSES_OF_PLACE)), reason


# --- who holds a device, what it is for, and where it is ----------------------------------------------------------------


def _has_login(case: DeviceCase) -> bool:
    return any(record.keys for record in _device_records(case))


def _list_gives(field: str) -> Callable[[DeviceCase, re.Match[str]], bool]:
    return lambda case, matched: any(
        known.source == matched.group(1) and getattr(known.record, field, None) is not None for known in _records(case)
    )


def _is_a_childs(case: DeviceCase, _: object) -> bool:
    """A child's log-in makes the device the unit's, and the child is not named as its holder."""
    return _has_login(case) and case.placement.holder is None and case.placement.purpose is Purpose.POOL


CLAUSES_OF_HOLDER: Mapping[str, Callable[[DeviceCase, re.Match[str]], bool]] = {
    "the log-in is a child's": _is_a_childs,
    "no log-in": lambda case, _: case.placement.holder is None and not _has_login(case),
    "the log-in is nobody's that any source knows": lambda case, _: case.placement.holder is None and _has_login(case),
    "the log-in's address is exactly one person's": lambda case, _: (
        case.placement.holder is not None and _has_login(case)
    ),
}
CLAUSES_OF_PURPOSE: Mapping[str, Callable[[DeviceCase, re.Match[str]], bool]] = {
    "the log-in is a child's": _is_a_childs,
    "has a log-in": lambda case, _: _has_login(case),
    r"as the list (\w+) says": _list_gives("purpose"),
    "nothing tells what it is for": lambda case, _: (
        not _has_login(case) and all(record.purpose is None for record in _device_records(case))
    ),
    r"by \[\[device_rule\]\] 1": lambda case, _: any(
        (record.location or "").startswith("Lager") for record in _device_records(case)
    ),
    "its list names groups": lambda case, _: any(record.serves for record in _device_records(case)),
    "the purpose is unreadable": lambda case, _: any("purpose" in row.unreadable for row in _device_records(case)),
}
CLAUSES_OF_UNIT: Mapping[str, Callable[[DeviceCase, re.Match[str]], bool]] = {
    "the holder's unit": lambda case, _: case.placement.holder is not None or _is_a_childs(case, _),
    r"as the list (\w+) says": _list_gives("unit"),
    "nothing tells where": lambda case, _: case.placement.unit == UNPLACED,
    r"what the configuration says of places in (\w+)": _list_gives("location"),
}


@few
@given(towns_with_facts_unread())
def test_no_reason_of_a_device_s_place_states_a_fact_that_no_source_gave(known: Sequence[BelievedRecord]) -> None:
    for case in outcome_of(known).devices:
        placement = case.placement
        assert not list(unfounded(placement.holder_reason.en, case, CLAUSES_OF_HOLDER)), placement.holder_reason.en
        assert not list(unfounded(placement.purpose_reason.en, case, CLAUSES_OF_PURPOSE)), placement.purpose_reason.en
        assert not list(unfounded(placement.unit_reason.en, case, CLAUSES_OF_UNIT)), placement.unit_reason.en


# --- gaps of devices ------------------------------------------------------------------------------------------------------

CLAUSES_OF_DEVICE_GAP: Mapping[str, Callable[[DeviceCase, re.Match[str]], bool]] = {
    **CLAUSES_OF_DEVICE,
    **CLAUSES_OF_HOLDER,
    **CLAUSES_OF_PURPOSE,
    "nothing tells where": CLAUSES_OF_UNIT["nothing tells where"],
    "breaks its MDM's rules": lambda case, _: any(
        record.compliance is Compliance.NONCOMPLIANT for record in _device_records(case)
    ),
    "not encrypted": lambda case, _: any(record.encrypted is False for record in _device_records(case)),
    "as its MDM says": lambda case, _: _has_role(case, PartRole.MDM),
    r"known since (\S+)": lambda case, matched: (
        matched.group(1) in {str(local_day(known.first_seen, POLICY.time_zone)) for known in _records(case)}
    ),
    "never in contact": lambda case, _: not _contact_days(case),
    r"(\w+) counts": lambda case, matched: case.placement.unit == matched.group(1),
    r"another answer says (\w+)": lambda case, matched: case.placement.conflicting_unit == matched.group(1),
}


@few
@given(towns_with_facts_unread())
def test_no_gap_of_a_device_states_a_fact_that_no_source_gave(known: Sequence[BelievedRecord]) -> None:
    outcome = outcome_of(known)
    cases = {case.device.id: case for case in outcome.devices}
    for episode in outcome.episodes:
        if episode.subject is Subject.DEVICE:
            reason = episode.reason.en
            assert not list(unfounded(reason, cases[episode.subject_id], CLAUSES_OF_DEVICE_GAP)), reason


def test_a_clause_without_ground_is_noticed() -> None:
    builder = RecordsBuilder()
    builder.staff("p1")
    builder.device("p1")
    outcome = outcome_of(builder.known)

    (person,), (device,) = outcome.people, outcome.devices
    assert list(unfounded("Permanent from 1999-01-01", person, CLAUSES_OF_PERSON)) == ["Permanent from 1999-01-01"]
    assert list(unfounded("lost; managed", device, CLAUSES_OF_DEVICE)) == ["lost"]
    assert list(unfounded("as the list list says", device, CLAUSES_OF_PURPOSE)) == ["as the list list says"]
