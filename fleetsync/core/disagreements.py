"""What several sources say differently about one device or person, which value counts, and by which rule.

Pure. Nothing is decided here: the values that count were chosen by `identity`, `matching` and `entitlement`
(`domain.md` §3), and a disagreement repeats what each source says beside them. It is made when somebody asks about one
device or person, so that a reconciliation does not pay for it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any

from fleetsync.core.context import Context
from fleetsync.core.identity.devices import MERGED_FIELDS, merged_values
from fleetsync.core.identity.serial_joining import device_record
from fleetsync.core.identity.serials import compact_serial
from fleetsync.core.model import (
    BelievedRecord,
    Condition,
    Device,
    DeviceCase,
    FrozenStruct,
    MembershipRecord,
    MembershipType,
    PartRole,
    Person,
    PersonCase,
    Platform,
    Text,
)
from fleetsync.core.text import folded

# Conditions that contradict one another: a device that waits for its enrolment is in use elsewhere without contradiction.
_LASTING_CONDITIONS = frozenset(Condition) - {Condition.PENDING}

_BY_TRUST = Text(
    "källan som står först i tillit (trust) gäller",
    "the source that comes first by trust counts",
)
_BY_CONTACT = Text("av flera MDM gäller det med senaste kontakten", "of several MDMs the one in contact last counts")
_BY_MIGRATION = Text(
    "under flytten mellan två MDM gäller det som hanterar verktyget",
    "during its move between two MDMs the one that manages it counts",
)
_UNREADABLE = Text(
    "ingen gäller: uppgiften i källan som står först gick inte att läsa",
    "none counts: the value of the source that comes first could not be read",
)
_BY_JOINING = Text(
    "stavningen som posterna förenades på gäller", "the spelling by which the records were joined counts"
)
_BY_ANY_SOURCE = Text(
    "borttappat, utrangerat och på reparation gäller om någon källa säger det",
    "lost, retired and in repair hold when any source says so",
)
_BY_STRONGEST_KEY = Text(
    "den starkaste nyckeln som leder till en enda person gäller",
    "the strongest key that leads to exactly one person counts",
)
_AMBIGUOUS = Text("ingen gäller: nycklarna leder till flera personer", "none counts: the keys lead to several persons")
_BY_PLACE = Text(
    "den första gäller av: lista eller regel, innehavarens enhet, inställningarna för platser, kontots enhet, källans plats",
    "the first counts of: list or rule, the holder's unit, the configuration of places, the account's unit, the source's location",
)
_BY_COUNTING_SOURCE = Text(
    "källan som ger rätt (counts) gäller; andra är vittnen",
    "the source that entitles (counts) decides; others are witnesses",
)
_EARLIER_LOGIN = Text("en tidigare inloggning", "an earlier log-in")


class Claim(FrozenStruct, frozen=True):
    """One value of a field: who says so (a part of a source, or a rule), and whether it is the one that counts.

    `value` of the field "holder" is a person's id, of "unit" a slug; else it is the word, number or ISO date of the record.
    """

    value: str
    by: Text
    counts: bool


class Disagreement(FrozenStruct, frozen=True):
    """A field of which sources give different values, with the rule by which one of them counts."""

    field: str
    claims: tuple[Claim, ...]
    rule: Text


# --- devices ----------------------------------------------------------------------------------------------------------


def device_disagreements(case: DeviceCase, people: Mapping[str, Person], context: Context) -> tuple[Disagreement, ...]:
    """What sources say differently about a device. *people*: by id, at least those whom its placement names."""
    if not case.device.records:
        return ()
    columns = zip(*(merged_values(device_record(known)) for known in case.device.records), strict=True)
    merged = [_merged_field(field, column, case, context) for field, column in zip(MERGED_FIELDS, columns, strict=True)]
    disagreements = (*merged, _serial(case), _condition(case), _holder(case, people), _unit(case))
    return tuple(disagreement for disagreement in disagreements if disagreement is not None)


def sources_of_value(device: Device, field: str) -> tuple[str, ...]:
    """The names of the sources that give the value of *field* that counts for *device*."""
    counting = getattr(device, field)
    if counting is None:
        return ()
    place = MERGED_FIELDS.index(field) if field in MERGED_FIELDS else None
    giving = set()
    for known in device.records:
        record = device_record(known)
        value = getattr(record, field) if place is None else merged_values(record)[place]
        if value is not None and folded(_text(value)) == folded(_text(counting)):
            giving.add(known.source)
    return tuple(sorted(giving))


def _merged_field(field: str, column: Sequence[Any], case: DeviceCase, context: Context) -> Disagreement | None:
    given = [
        (known, _text(value)) for known, value in zip(case.device.records, column, strict=True) if value is not None
    ]
    # A maker in other case is no other maker.
    if len({folded(text) for _, text in given}) < 2:
        return None
    winner = given[0]
    counts = getattr(case.device, field) not in {None, Platform.OTHER}
    contradicting = next(known for known, text in given if folded(text) != folded(winner[1]))
    claims = tuple(Claim(text, _part_name(known), counts and known is winner[0]) for known, text in given)
    return Disagreement(field, claims, _rule(winner[0], contradicting, case, context) if counts else _UNREADABLE)


def _rule(winner: BelievedRecord, other: BelievedRecord, case: DeviceCase, context: Context) -> Text:
    parts = (context.part_of(winner), context.part_of(other))
    if any(part is None or part.role is not PartRole.MDM for part in parts):
        return _BY_TRUST
    return _BY_MIGRATION if case.device.is_migrating else _BY_CONTACT


def _serial(case: DeviceCase) -> Disagreement | None:
    serials = [(known, serial) for known in case.device.records if (serial := device_record(known).serial)]
    if len({compact_serial(serial) for _, serial in serials}) < 2:
        return None
    claims = tuple(Claim(serial, _part_name(known), serial == case.device.serial) for known, serial in serials)
    return Disagreement("serial", claims, _BY_JOINING)


def _condition(case: DeviceCase) -> Disagreement | None:
    given = [(known, device_record(known).condition) for known in case.device.records]
    lasting = [(known, condition) for known, condition in given if condition in _LASTING_CONDITIONS]
    if len({condition for _, condition in lasting}) < 2:
        return None
    deciding = case.device.conditions - {Condition.ACTIVE, Condition.PENDING} or {Condition.ACTIVE}
    claims = tuple(Claim(condition.value, _part_name(known), condition in deciding) for known, condition in lasting)
    return Disagreement("condition", claims, _BY_MIGRATION if case.device.is_migrating else _BY_ANY_SOURCE)


def _holder(case: DeviceCase, people: Mapping[str, Person]) -> Disagreement | None:
    """The persons whom its keys name; of a device of a hidden person nothing is said."""
    placement = case.placement
    holder = (placement.holder,) if placement.holder else ()
    named = (*holder, *placement.contradicted_by, *placement.claimed_by)
    if len(named) < 2 or case.device.masked or any(id_ in people and people[id_].masked for id_ in named):
        return None
    claims = tuple(
        Claim(id_, by, id_ == placement.holder) for id_ in named for by in _naming_parts(case, people.get(id_))
    )
    return Disagreement("holder", claims, _BY_STRONGEST_KEY if placement.holder else _AMBIGUOUS)


def _naming_parts(case: DeviceCase, person: Person | None) -> Sequence[Text]:
    """The parts whose record of the device has a key of the person."""
    keys = frozenset() if person is None else frozenset(person.keys)
    naming = [_part_name(known) for known in case.device.records if not keys.isdisjoint(device_record(known).keys)]
    return naming or [_EARLIER_LOGIN]


def _unit(case: DeviceCase) -> Disagreement | None:
    placement = case.placement
    if placement.conflicting_unit is None or case.device.masked:
        return None
    claims = (
        Claim(placement.unit, placement.unit_reason, counts=True),
        Claim(placement.conflicting_unit, placement.conflicting_unit_reason, counts=False),
    )
    return Disagreement("unit", claims, _BY_PLACE)


# --- persons ----------------------------------------------------------------------------------------------------------

_MEMBERSHIP_FIELDS: tuple[str, ...] = ("school_form", "year", "employment_form", "start", "end")


def person_disagreements(case: PersonCase, context: Context) -> tuple[Disagreement, ...]:
    """What sources say differently about a person's memberships of one type that are valid today.

    A source with several memberships gives several values; it contradicts another only where the two have no value in
    common. Nothing is said about a person with a hidden identity.
    """
    if case.person.masked:
        return ()
    valid = [known for known in case.person.memberships if _is_valid_today(known, context)]
    of_type = {kind: [known for known in valid if _membership(known).membership is kind] for kind in MembershipType}
    del of_type[MembershipType.GROUP]  # each register has groups of its own, which say nothing about one another
    readers = {"unit": lambda known: _unit_of(known, context)} | {
        field: _reader_of(field) for field in _MEMBERSHIP_FIELDS
    }
    disagreements = (
        _membership_field(field, read, known, context) for known in of_type.values() for field, read in readers.items()
    )
    return tuple(disagreement for disagreement in disagreements if disagreement is not None)


def _membership_field(
    field: str, read: Callable[[BelievedRecord], str | None], memberships: Iterable[BelievedRecord], context: Context
) -> Disagreement | None:
    given: defaultdict[str, dict[str, BelievedRecord]] = defaultdict(dict)  # source → value → the first record with it
    for known in memberships:
        if (value := read(known)) is not None:
            given[known.source].setdefault(value, known)
    values = [frozenset(by_value) for by_value in given.values()]
    if all(not mine.isdisjoint(others) for mine in values for others in values):
        return None
    claims = (
        Claim(value, _part_name(known), _counts(known, context))
        for by_value in given.values()
        for value, known in by_value.items()
    )
    return Disagreement(field, tuple(sorted(claims, key=lambda claim: not claim.counts)), _BY_COUNTING_SOURCE)


def _membership(known: BelievedRecord) -> MembershipRecord:
    assert isinstance(known.record, MembershipRecord), "a person's memberships are membership records"
    return known.record


def _is_valid_today(known: BelievedRecord, context: Context) -> bool:
    record = _membership(known)
    has_begun = record.start is None or record.start <= context.today
    return not known.gone and has_begun and (record.end is None or context.today <= record.end)


def _unit_of(known: BelievedRecord, context: Context) -> str | None:
    record = _membership(known)
    return context.unit_directory.of(known.source, record.codes, record.unit_name)


def _reader_of(field: str) -> Callable[[BelievedRecord], str | None]:
    def read(known: BelievedRecord) -> str | None:
        value = getattr(known.record, field)
        return None if value is None else _text(value)

    return read


def _counts(known: BelievedRecord, context: Context) -> bool:
    part = context.part_of(known)
    if part is None or not part.counts:
        return False
    return not part.counts_at or _unit_of(known, context) in {None, *part.counts_at}


# --- texts ------------------------------------------------------------------------------------------------------------


def _part_name(known: BelievedRecord) -> Text:
    name = f"{known.source}/{known.part}"
    return Text(name, name)


def _text(value: str | bool | int | date) -> str:
    """A value as the record has it: a word, "true" or "false", a number, an ISO date."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, StrEnum):
        return value.value
    return value.isoformat() if isinstance(value, date) else str(value)
