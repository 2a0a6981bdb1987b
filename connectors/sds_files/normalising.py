"""Turns rows of School Data Sync into records. Pure."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from connectors.sds_files.people import RosterMembership, RosterUser
from connectors.sds_files.schema import ORGANISATION_TYPES, Organisation, SchoolClass
from connectors.sds_files.settings import Settings
from fleetsync.core.model import GroupRecord, MembershipRecord, PersonRecord, UnitRecord
from fleetsync.pull.contract import NormalisedItem, UnknownValue
from fleetsync.pull.decoding import fold_text, record_of_made_id, report_unknown

# The word of Swedish registers for what people go to. The others only hold schools, and need no unit.
_KINDS: Mapping[str, str] = MappingProxyType({"school": "Skolenhet"})
_CLASS_KIND = "Klass"


def normalise(
    part: str, settings: Settings, raw: Organisation | SchoolClass | RosterUser | RosterMembership
) -> tuple[NormalisedItem, ...]:
    """A row as a record, with the words of it that the format does not have."""
    match raw:
        case Organisation():
            return tuple(_unit(raw))
        case SchoolClass():
            kind = _CLASS_KIND if settings.class_titles else None
            return (GroupRecord(source_id=raw.source_id, name=raw.title, kind=kind, unit=raw.organisation),)
        case RosterUser():
            return (PersonRecord(source_id=raw.source_id, keys=raw.keys, child=raw.child),)
        case RosterMembership():
            return tuple(_membership(raw))


def _unit(raw: Organisation) -> Iterator[NormalisedItem]:
    yield UnitRecord(
        source_id=raw.source_id, name=raw.name, kind=_KINDS.get(fold_text(raw.type), raw.type), parent=raw.parent
    )
    unknown: list[UnknownValue] = []
    report_unknown(ORGANISATION_TYPES, raw.type, "type", unknown)
    yield from unknown


def _membership(raw: RosterMembership) -> Iterator[NormalisedItem]:
    record = MembershipRecord(
        source_id=raw.source_id,
        person=raw.person,
        membership=raw.membership,
        codes=() if raw.organisation is None else (raw.organisation,),
        group=raw.group,
        school_form=raw.form,
        year=raw.year,
        start=raw.start,
        end=raw.end,
        unreadable=raw.unreadable,
    )
    yield from record_of_made_id(record, raw.id_prefix, raw.facts, ("start",))
    yield from raw.unknown_values
