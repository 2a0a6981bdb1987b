"""Turns a person, a membership or a group of a register's lists into records. Pure."""

from collections.abc import Iterator

from connectors.register_file.people import ListedMembership, ListedPerson, ListRaw
from connectors.register_file.rows import ListedGroup
from connectors.register_file.settings import Settings
from fleetsync.core.model import GroupRecord, MembershipRecord, PersonRecord
from fleetsync.pull.contract import MarkWord, NormalisedItem
from fleetsync.pull.decoding import record_of_made_id

_FIELDS_OF_ID = frozenset({"start", "school_form"})


def normalise(part: str, settings: Settings, raw: ListRaw) -> tuple[NormalisedItem, ...]:
    """A person, a membership or a group as a record, with what of it could not be read."""
    match raw:
        case ListedGroup():
            return (GroupRecord(source_id=raw.source_id, name=raw.name, kind=raw.kind, unit=raw.unit),)
        case ListedPerson():
            return tuple(_person(settings, raw))
        case ListedMembership():
            return tuple(_membership(raw))


def _person(settings: Settings, raw: ListedPerson) -> Iterator[NormalisedItem]:
    keys, unknown = raw.keys.read(settings.number_namespace, settings.domain)
    yield PersonRecord(
        source_id=raw.person,
        keys=keys,
        protected=raw.mark is not None,
        child=raw.child,
    )
    if raw.mark is not None:
        yield MarkWord("protected", raw.mark)
    yield from unknown


def _membership(raw: ListedMembership) -> Iterator[NormalisedItem]:
    attendance = raw.attendance
    record = MembershipRecord(
        source_id=raw.source_id,
        person=raw.person,
        membership=raw.membership,
        codes=attendance.codes,
        unit_name=attendance.unit_name,
        group=raw.group,
        school_form=attendance.form,
        year=attendance.year,
        start=attendance.start,
        end=attendance.end,
        protected=raw.marked,
        unreadable=attendance.unreadable,
    )
    yield from record_of_made_id(record, raw.id_prefix, raw.facts, _FIELDS_OF_ID)
    yield from raw.unknown_values
