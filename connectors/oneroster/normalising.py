"""What a row of OneRoster means: an organisation, a class, a person with their memberships."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from types import MappingProxyType

from connectors.oneroster.roles import LeftOutRow, RosterMembership, RosterPerson, unknown_status
from connectors.oneroster.schema import Organisation, Reference, SchoolClass
from connectors.oneroster.settings import Settings
from fleetsync.core.model import GroupRecord, MembershipRecord, PersonRecord, UnitRecord
from fleetsync.pull.contract import NormalisedItem, RecordError, UnknownValue, UnreadableFact
from fleetsync.pull.decoding import UnreadableFacts, clean_text, fold_text, parse_day, report_unknown, required_text

# The word of Swedish registers for what people go to. The others only hold schools, and need no unit.
_KINDS: Mapping[str, str] = MappingProxyType({"school": "Skolenhet"})
_TYPES = frozenset({"school", "department", "district", "local", "state", "national"})
_FIELDS_OF_FACTS: Mapping[str, str] = MappingProxyType({"beginDate": "start", "endDate": "end"})

Raw = Organisation | SchoolClass | RosterPerson | RosterMembership | LeftOutRow | UnreadableFact


def normalise(part: str, settings: Settings, raw: Raw) -> tuple[NormalisedItem, ...]:
    """One row as records. Raises RecordError for a row without an id, and for a class or organisation without a name."""
    match raw:
        case LeftOutRow():
            return ()
        case UnreadableFact():
            return (raw,)
        case Organisation():
            return tuple(_unit(raw))
        case SchoolClass():
            return tuple(_group(raw))
        case RosterPerson():
            return tuple(_person(settings, raw))
        case RosterMembership():
            return tuple(_membership(settings, raw))


def _unit(raw: Organisation) -> Iterator[NormalisedItem]:
    source_id = required_text(raw.sourced_id, "sourcedId")
    kind, code = clean_text(raw.type), clean_text(raw.identifier)
    yield UnitRecord(
        source_id=source_id,
        name=_required_name(raw.name, "name", source_id),
        kind=_KINDS.get(fold_text(kind), kind),
        codes=() if code is None else (code,),
        parent=_reference_id(raw.parent),
    )
    unknown: list[UnknownValue] = []
    report_unknown(_TYPES, kind, "type", unknown)
    yield from (*unknown, *unknown_status(raw.status))


def _group(raw: SchoolClass) -> Iterator[NormalisedItem]:
    source_id = required_text(raw.sourced_id, "sourcedId")
    yield GroupRecord(
        source_id=source_id,
        name=_required_name(raw.title, "title", source_id),
        kind=clean_text(raw.class_type),
        unit=_reference_id(raw.school),
    )
    yield from unknown_status(raw.status)


def _required_name(text: str | None, field: str, source_id: str) -> str:
    name = clean_text(text)
    if name is None:
        raise RecordError(f"{field} is empty", source_id=source_id)
    return name


def _reference_id(reference: Reference | None) -> str | None:
    return None if reference is None else clean_text(reference.sourced_id)


def _person(settings: Settings, raw: RosterPerson) -> Iterator[NormalisedItem]:
    if raw.memberships:
        yield PersonRecord(source_id=raw.source_id, keys=raw.keys, child=raw.child)
    for membership in raw.memberships:
        yield from _membership(settings, membership)
    yield from raw.unknown_values


def _membership(settings: Settings, raw: RosterMembership) -> Iterator[NormalisedItem]:
    facts = UnreadableFacts(raw.source_id)
    start = facts.read(parse_day, clean_text(raw.begin_date), "beginDate")
    end = _last_day(settings, facts.read(parse_day, clean_text(raw.end_date), "endDate"))
    if start is not None and end is not None and end < start:
        return  # it was cancelled before it began
    yield MembershipRecord(
        source_id=raw.source_id,
        person=raw.person,
        membership=raw.membership,
        codes=() if raw.organisation is None else (raw.organisation,),
        group=raw.group,
        school_form=raw.form,
        year=raw.year,
        start=start,
        end=end,
        unreadable=tuple(sorted(_FIELDS_OF_FACTS[field] for field in facts.fields)),
    )
    yield from facts


def _last_day(settings: Settings, end: date | None) -> date | None:
    """The last day: the standard writes the day after it."""
    return end if end is None or settings.end_dates == "inclusive" else end - timedelta(days=1)
