"""Which records are one device, which of them count, and what they say together.

Pure. Records are one device by the serial of one vendor's numbering, never by a name, a user or a network address. A
serial that too many things carry means none of them: each stands alone and is flagged.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache, partial
from operator import attrgetter
from typing import Any, TypeVar

from msgspec import Struct

from fleetsync.core.identity.form_factors import form_factor, platform_of
from fleetsync.core.identity.keys import folded
from fleetsync.core.identity.serial_joining import JoinedRecords, device_record, joined_by_serial, last_contact_of
from fleetsync.core.identity.serials import compact_serial, is_virtual
from fleetsync.core.identity.stable_ids import assign_ids, sorted_by_source_ref, source_ref
from fleetsync.core.model import (
    BelievedRecord,
    Condition,
    Device,
    DeviceRecord,
    FieldClaim,
    FormFactor,
    Moment,
    PartRole,
    PartState,
    Platform,
    Policy,
)

T = TypeVar("T")

_NEVER = datetime.min.replace(tzinfo=UTC)

# What is true of a device when any list says so, however old its row.
_CONDITIONS_FROM_ANY_RECORD = frozenset({Condition.LOST, Condition.RETIRED, Condition.IN_REPAIR})
# The fields of a device, besides its platform, that its records say together. A serial is what joined them, and each
# source has an enrolment of its own: neither can be disagreed upon.
_DISPUTABLE_FIELDS = (
    "manufacturer", "model", "os_version", "os_edition", "asset_tag", "ownership", "managed", "compliance",
    "encrypted", "purchased_on", "warranty_until", "support_until",
)  # fmt: skip
_FIELDS_OF: Callable[[DeviceRecord], tuple[Any, ...]] = attrgetter(*_DISPUTABLE_FIELDS)


class _View(Struct, frozen=True):
    """What judging one device needs besides its records."""

    parts: Mapping[tuple[str, str], tuple[PartRole, int]]  # with the part's trust
    moment: Moment
    policy: Policy
    form_of: Callable[[str | None, str | None, Platform], FormFactor]

    def role(self, one: BelievedRecord) -> PartRole | None:
        return self.parts.get((one.source, one.part), (None, 0))[0]

    def trust(self, one: BelievedRecord) -> int:
        return self.parts.get((one.source, one.part), (None, 0))[1]

    def contact(self, one: BelievedRecord) -> datetime:
        return last_contact_of(one, self.moment) or _NEVER


def resolve_devices(
    known: Sequence[BelievedRecord], parts: Sequence[PartState], policy: Policy, moment: Moment
) -> tuple[Device, ...]:
    """All devices by id; every record that is not gone is in exactly one device's `records` or `superseded`.

    Of two records of one part the newest enrolment counts, then the newest contact; enrolments decide only where both
    have one. A field's value is that of the most trusted record that has one; where MDMs stand in that order, the one
    with the newest contact stands first among them. The last contact is the newest of all records, gone ones included:
    it was this thing. A device of which all records are gone is kept, with what they said and no condition.
    """
    records = sorted_by_source_ref(one for one in known if isinstance(one.record, DeviceRecord))
    form_of = cache(partial(form_factor, reference=policy.reference))
    standings = {(part.source, part.part): (part.role, part.trust) for part in parts}
    view = _View(standings, moment, policy, form_of)
    joined = joined_by_serial(records, moment)
    ids = assign_ids([thing.records for thing in joined], "d")
    found = (_device(at, thing, view) for at, thing in zip(ids, joined, strict=True))
    return tuple(sorted(found, key=lambda device: device.id))


def _device(at: str, thing: JoinedRecords, view: _View) -> Device:
    gone = tuple(one for one in thing.records if one.gone)
    counting, superseded = _newest_of_each_part([one for one in thing.records if not one.gone], view)
    ranked = _most_trusted_first(counting or gone, view)
    values, field_claims = _merged_fields(ranked)
    heard = max(thing.records, key=lambda one: (view.contact(one), source_ref(one)))
    contact = last_contact_of(heard, view.moment)
    return Device(
        id=at,
        records=tuple(ranked) if counting else (),
        superseded=tuple(superseded),
        gone=gone,
        serial=_serial(ranked, thing.serial),
        has_ambiguous_serial=thing.has_ambiguous_serial,
        form_factor=_form_factor(ranked, values, view),
        last_contact_at=contact,
        contact_part=f"{heard.source}/{heard.part}" if contact else None,
        conditions=frozenset(
            device_record(one).condition for one in (*counting, *_of_other_lists(superseded, counting, view))
        ),
        roles=_roles(view, (*counting, *superseded)),
        ever_in_mdm=PartRole.MDM in _roles(view, thing.records),
        ever_in_list=PartRole.LIST in _roles(view, thing.records),
        masked=any(one.masked for one in thing.records),
        first_seen=min(one.first_seen for one in thing.records),
        enrolled_at=_first_not_none(device_record(one).enrolled_at for one in ranked),
        field_claims=field_claims,
        **values,
    )


def _roles(view: _View, records: Iterable[BelievedRecord]) -> frozenset[PartRole]:
    return frozenset(role for one in records if (role := view.role(one)))


# --- which record counts ----------------------------------------------------------------------------------------------


def _newest_of_each_part(
    records: Sequence[BelievedRecord], view: _View
) -> tuple[list[BelievedRecord], list[BelievedRecord]]:
    """The records that count, and those superseded by another of their part."""
    by_part: defaultdict[tuple[str, str], list[BelievedRecord]] = defaultdict(list)
    for one in records:
        by_part[one.source, one.part].append(one)
    counting = [same[0] if len(same) == 1 else _newest(same, view) for same in by_part.values()]
    if len(counting) == len(records):
        return counting, []
    names = {source_ref(one) for one in counting}
    return counting, [one for one in records if source_ref(one) not in names]


def _of_other_lists(
    superseded: Iterable[BelievedRecord], counting: Iterable[BelievedRecord], view: _View
) -> list[BelievedRecord]:
    """Rows of one part's other lists that say what has become of it: a list of the stolen has no newer enrolment."""
    lists = {(one.source, one.part, one.scope) for one in counting}
    others = (
        one
        for one in superseded
        if view.role(one) is PartRole.LIST and device_record(one).condition in _CONDITIONS_FROM_ANY_RECORD
    )
    return [one for one in others if (one.source, one.part, one.scope) not in lists]


def _newest(records: Sequence[BelievedRecord], view: _View) -> BelievedRecord:
    has_enrolments = all(device_record(one).enrolled_at for one in records)

    def newness(one: BelievedRecord) -> tuple[datetime, datetime, datetime, tuple[str, str]]:
        enrolled = device_record(one).enrolled_at if has_enrolments else None
        return enrolled or _NEVER, view.contact(one), one.first_seen, source_ref(one)

    return max(records, key=newness)


def _most_trusted_first(records: Sequence[BelievedRecord], view: _View) -> list[BelievedRecord]:
    """Most trusted first; the places that MDMs have among them are theirs by newest contact."""
    if len(records) == 1:
        return list(records)
    trusted = sorted(records, key=lambda one: (-view.trust(one), source_ref(one)))
    heard = iter(sorted((one for one in trusted if view.role(one) is PartRole.MDM), key=view.contact, reverse=True))
    return [next(heard) if view.role(one) is PartRole.MDM else one for one in trusted]


# --- what they say together -------------------------------------------------------------------------------------------


def _comparable_values(record: DeviceRecord) -> tuple[Any, ...]:
    """What a record says of platform and of each disputable field; None where it says nothing."""
    platform = platform_of(record)
    return (None if platform is Platform.OTHER else platform, *_FIELDS_OF(record))


def _first_not_none(values: Iterable[T | None]) -> T | None:
    for value in values:
        if value is not None:
            return value
    return None


def _merged_fields(ranked: Sequence[BelievedRecord]) -> tuple[dict[str, Any], dict[str, tuple[FieldClaim, ...]]]:
    """Each field's value, the first that is told; and all values of the fields on which records disagree."""
    values: dict[str, Any] = {}
    field_claims: dict[str, tuple[FieldClaim, ...]] = {}
    columns = zip(*(_comparable_values(device_record(one)) for one in ranked), strict=True)
    for field, column in zip(("platform", *_DISPUTABLE_FIELDS), columns, strict=True):
        values[field] = counted = _first_not_none(column)
        if len(ranked) > 1 and any(value is not None and value != counted for value in column):
            field_claims |= _disagreement(field, ranked, column)
    return values | {"platform": values["platform"] or Platform.OTHER}, field_claims


def _disagreement(
    field: str, ranked: Sequence[BelievedRecord], column: Sequence[Any]
) -> dict[str, tuple[FieldClaim, ...]]:
    told = [(one.source, _claim_text(value)) for one, value in zip(ranked, column, strict=True) if value is not None]
    if len({folded(text) for _, text in told}) == 1:
        return {}  # a maker in other case is no other maker
    return {field: tuple(FieldClaim(source, text, counts=at == 0) for at, (source, text) in enumerate(told))}


def _serial(ranked: Iterable[BelievedRecord], compact: str | None) -> str | None:
    """As the first spells it that has it in full: a scanned barcode has an S too many."""
    serials = [serial for one in ranked if (serial := device_record(one).serial)]
    return next((serial for serial in serials if compact_serial(serial) == compact), serials[0] if serials else None)


def _form_factor(ranked: Iterable[BelievedRecord], values: Mapping[str, Any], view: _View) -> FormFactor:
    rules = view.policy.reference.serials
    for one in ranked:
        record = device_record(one)
        if record.serial_problem == "virtual" or is_virtual(record.manufacturer, record.model, rules):
            return FormFactor.VIRTUAL
    return view.form_of(values["manufacturer"], values["model"], values["platform"])


def _claim_text(value: str | bool | date) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, StrEnum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value
