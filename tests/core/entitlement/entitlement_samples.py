"""Exempelby on one page: two schools, a förskola, two terms a year, and memberships of one line each."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from fleetsync.core.calendar import Calendar, Calendars, Term
from fleetsync.core.context import Context
from fleetsync.core.coverage import build_context
from fleetsync.core.entitlement import RULES, person_states
from fleetsync.core.identity import resolve_people
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    EmploymentForm,
    Entitlement,
    EntitlementDecision,
    GroupRecord,
    Key,
    MembershipRecord,
    MembershipType,
    Moment,
    PartRole,
    PartState,
    PersonRecord,
    PersonState,
    Policy,
    Record,
    RecordType,
    Scheme,
    Unit,
)

TODAY = "2026-11-24"
LOGIN = Key(Scheme.ADDRESS, "", "alva@edu.exempelby.se")
NUMBER = Key(Scheme.NUMBER, "exempelby", "4711")  # joins the records of two sources, and is no log-in
PERMANENT, FIXED, HOURLY = EmploymentForm.PERMANENT, EmploymentForm.FIXED, EmploymentForm.HOURLY

UNITS = (
    Unit(slug="bjorkskolan", name="Björkskolan", codes=("bj",), school_forms=("GR",)),
    Unit(slug="ekskolan", name="Ekskolan", codes=("ek",), school_forms=("FKLASS", "GR")),
    Unit(slug="ugglan", name="Ugglan", codes=("ug",), school_forms=("FS",)),
)
SCHOOLS = Calendar(
    terms=(
        Term(date(2026, 1, 8), date(2026, 6, 11)),
        Term(date(2026, 8, 17), date(2026, 12, 18)),
        Term(date(2027, 1, 11), date(2027, 6, 10)),
        Term(date(2027, 8, 16), date(2027, 12, 17)),
    )
)
CALENDARS = Calendars(default=SCHOOLS)
COUNTING_PARTS = (("hr", "staff"), ("sis", "pupils"), ("sis", "children"))
NON_COUNTING_PARTS = (("entra", "users"), ("sis", "groups"))


def day(text: str) -> date:
    return date.fromisoformat(text)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T05:00+00:00").astimezone(UTC)


def moment(on: str) -> Moment:
    return Moment(instant(on), day(on))


def policy(rules: Sequence[Entitlement] = RULES) -> Policy:
    return Policy(entitlements=tuple(rules), units=UNITS, not_ours=("friskolan",))


def parts(as_of: str, **of_source: str) -> tuple[PartState, ...]:
    """All parts, read with content of *as_of*, or of the day given for their source."""
    return tuple(
        PartState(
            source=source,
            part=name,
            role=PartRole.ROSTER,
            types=(RecordType.MEMBERSHIP,),
            counts=(source, name) in COUNTING_PARTS,
            as_of=day(of_source.get(source, as_of)),
        )
        for source, name in (*COUNTING_PARTS, *NON_COUNTING_PARTS)
    )


# --- records ----------------------------------------------------------------------------------------------------------


def believed_record(
    source: str, part: str, record: Record, *, since: str = "2024-08-01", **more: Any
) -> BelievedRecord:
    own_id = f"-{source}-{record.source_id}"
    return BelievedRecord(source=source, part=part, record=record, own_id=own_id, first_seen=instant(since), **more)


def membership_record(
    source: str, part: str, membership: MembershipType, start: str | None, end: str | None, more: Any
) -> BelievedRecord:
    outside = {word: more.pop(word) for word in ("gone", "absent_since", "masked", "scope") if word in more}
    at = more.pop("at", "ek")
    dated: dict[str, Any] = {word: day(more.pop(word)) for word in ("leave_from", "leave_to") if word in more}
    who = more.pop("who", "alva")
    source_id = more.pop("source_id", f"{part}-{who}-{membership}-{at}-{start}-{end}-{sorted(more.items())}")
    record = MembershipRecord(
        source_id=source_id,
        person=who,
        membership=membership,
        codes=(at,) if at else (),
        start=day(start) if start else None,
        end=day(end) if end else None,
        **more,
        **dated,
    )
    return believed_record(source, part, record, **outside)


def employed(form: EmploymentForm | None, start: str | None, end: str | None = None, **more: Any) -> BelievedRecord:
    return membership_record("hr", "staff", MembershipType.EMPLOYMENT, start, end, {"employment_form": form, **more})


def enrolled(
    form: str | None, year: int | None, start: str | None, end: str | None = None, **more: Any
) -> BelievedRecord:
    return membership_record(
        "sis", "pupils", MembershipType.ENROLMENT, start, end, {"school_form": form, "year": year, **more}
    )


def placed(start: str, end: str | None = None, form: str | None = "FS", **more: Any) -> BelievedRecord:
    return membership_record(
        "sis", "children", MembershipType.PLACEMENT, start, end, {"school_form": form, "at": "ug", **more}
    )


def witnessed(membership: MembershipType, start: str, end: str | None = None, **more: Any) -> BelievedRecord:
    return membership_record("entra", "users", membership, start, end, more)


def in_group(group: str, start: str, **more: Any) -> BelievedRecord:
    return membership_record("sis", "groups", MembershipType.GROUP, start, None, {"group": group, "at": None, **more})


def group(source_id: str, name: str, kind: str | None, at: str | None = "ek", **more: Any) -> BelievedRecord:
    return believed_record("sis", "groups", GroupRecord(source_id=source_id, name=name, kind=kind, unit=at), **more)


def absent_since_fields(text: str) -> dict[str, Any]:
    """Gone, after a first pull without it on that day."""
    return {"gone": True, "absent_since": instant(text)}


# --- judged -----------------------------------------------------------------------------------------------------------


def people_of(
    ties: Iterable[BelievedRecord], *, keys: tuple[Key, ...] = (LOGIN,), masked: bool = False, since: str = "2024-08-01"
) -> tuple[BelievedRecord, ...]:
    """A record in each source for everybody who is named in it."""
    named = sorted(
        {
            (membership.source, membership.record.person)
            for membership in ties
            if isinstance(membership.record, MembershipRecord)
        }
    )
    return tuple(
        believed_record(
            source,
            "persons",
            PersonRecord(source_id=who, keys=(*keys, Key(Scheme.NUMBER, "exempelby", who))),
            masked=masked,
            since=since,
        )
        for source, who in named
    )


def all_person_states(
    known: Sequence[BelievedRecord],
    on: str = TODAY,
    *,
    rules: Sequence[Entitlement] = RULES,
    read: Sequence[PartState] | None = None,
) -> tuple[PersonState, ...]:
    """The state of everybody known, with identities resolved as in production."""
    read = parts(on) if read is None else read
    people = resolve_people(known, read, policy(rules))
    return person_states(people, context_of(known, on, rules=rules, read=read))


def context_of(
    known: Sequence[BelievedRecord],
    on: str = TODAY,
    *,
    rules: Sequence[Entitlement] = RULES,
    read: Sequence[PartState] | None = None,
    known_until: str | None = None,
) -> Context:
    """The context of a reconciliation on a day, in which every part has been read, or as *read* has it."""
    believed = BelievedState(known=known, parts=parts(on) if read is None else read)
    until = day(known_until) if known_until else None
    return build_context(believed, policy(rules), CALENDARS, moment(on), known_until=until)


def person_state_of(
    *ties: BelievedRecord,
    on: str = TODAY,
    rules: Sequence[Entitlement] = RULES,
    read: Sequence[PartState] | None = None,
    beside: Sequence[BelievedRecord] = (),
    **person: Any,
) -> PersonState:
    """The state of the one person who has these memberships."""
    (result,) = all_person_states((*people_of(ties, **person), *ties, *beside), on, rules=rules, read=read)
    return result


def decision(person_state: PersonState, entitlement: str) -> EntitlementDecision:
    (result,) = (decision for decision in person_state.decisions if decision.entitlement == entitlement)
    return result


def owed_by(person_state: PersonState) -> str | None:
    """The rule that owes the person a device of their own."""
    return person_state.owed.entitlement if person_state.owed else None


def pooled_by(person_state: PersonState) -> str | None:
    """The rule that counts the person in a pool."""
    return next(
        (decision.entitlement for decision in person_state.decisions if decision.owed and person_state.owed is None),
        None,
    )
