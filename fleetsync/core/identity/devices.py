"""Joins the records of all sources into devices: which records describe one device, and which values count.

Pure. Records are one device when they share a serial of one vendor's numbering, never by a name, a user or a network
address. A serial that too many records carry joins none of them: each becomes a device of its own and is flagged.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from operator import attrgetter
from typing import Any, TypeVar

from fleetsync.core.context import Context
from fleetsync.core.identity.form_factors import form_factor, platform_of
from fleetsync.core.identity.serial_joining import JoinedRecords, device_record, joined_by_serial, last_contact_of
from fleetsync.core.identity.serials import compact_serial, is_virtual
from fleetsync.core.identity.stable_ids import assign_ids, sorted_by_source_ref, source_ref
from fleetsync.core.model import (
    BelievedRecord,
    Condition,
    Device,
    DeviceRecord,
    FormFactor,
    Ownership,
    PartRole,
    Platform,
)

T = TypeVar("T")
FormFactorLookup = Callable[[str | None, str | None, Platform], FormFactor]  # of maker, model and platform

_NOTHING: Mapping[str, Any] = {}  # one for all devices whose fields could all be read
_NEVER = datetime.min.replace(tzinfo=UTC)

# Conditions that hold when any list says so, however old its row.
_CONDITIONS_FROM_ANY_RECORD = frozenset({Condition.LOST, Condition.RETIRED, Condition.IN_REPAIR})
# What an MDM says of a device that left it: on its way to another MDM that is no end of the device.
_CONDITIONS_OF_THE_LEFT_MDM = frozenset({Condition.RETIRED, Condition.WIPED})
# Fields of which each record that could not be read leaves the device's open: any may be lost, or newer than the rest.
_FIELDS_OF_ALL_RECORDS = frozenset({"condition", "last_contact_at"})
# The fields of a device, besides its platform, that its records say together. A serial is what joined them, and each
# source has an enrolment of its own: neither can be disagreed upon.
_DISPUTABLE_FIELDS = (
    "manufacturer", "model", "os_version", "os_edition", "asset_tag", "ownership", "managed", "compliance",
    "encrypted", "purchased_on", "warranty_until", "support_until",
)  # fmt: skip
MERGED_FIELDS = ("platform", *_DISPUTABLE_FIELDS)
"""The fields of a device that take the value of the record that comes first, in the order of `merged_values`."""
_FIELDS_OF: Callable[[DeviceRecord], tuple[Any, ...]] = attrgetter(*_DISPUTABLE_FIELDS)


def resolve_devices(context: Context) -> tuple[Device, ...]:
    """All devices by id. Every record that is not gone is in exactly one device's `records` or `superseded`.

    A record of a part of details counts only beside one of another part that is not gone. Where the others are gone, it is
    among the `gone` as they are, and where there are none, there is no device.
    Of two records of one part the one with the newest enrolment counts, then the newest contact; enrolments decide
    only where both have one. A field's value is that of the most trusted record that has one; where several MDMs stand
    in that order, the one with the newest contact stands first among them. Of a device on its way from one MDM to another
    the one that manages it stands first, and the end that the other one gives it there is no condition of the device. The
    last contact is the newest of all records, gone ones included. A device of which all records are gone is kept, with
    their values and no condition.
    """
    records = sorted_by_source_ref(
        record for record in context.believed.known if isinstance(record.record, DeviceRecord)
    )
    form_factor_of = cache(partial(form_factor, reference=context.policy.reference))
    joined = [
        device for device in joined_by_serial(records, context.moment) if not _has_only_details(device.records, context)
    ]
    ids = assign_ids([device.records for device in joined], "d")
    devices = (
        _earlier_device(device_id, device, context) or _device(device_id, device, context, form_factor_of)
        for device_id, device in zip(ids, joined, strict=True)
    )
    return tuple(sorted(devices, key=attrgetter("id")))


def _earlier_device(device_id: str, joined: JoinedRecords, context: Context) -> Device | None:
    """The device as it was concluded before, if it consists of the very same records."""
    case = context.earlier.devices.get(device_id)
    if case is None:
        return None
    device = case.device
    before = (*device.records, *device.superseded, *device.gone)
    is_same = (
        len(before) == len(joined.records)
        and {id(record) for record in before} == {id(record) for record in joined.records}
        and device.has_ambiguous_serial == joined.has_ambiguous_serial
        # A contact to come counts from the moment on at which it is asked for.
        and all(known.last_contact_at is None or known.last_contact_at < context.earlier.at for known in before)
    )
    return device if is_same else None


def _role(record: BelievedRecord, context: Context) -> PartRole | None:
    part = context.part_of(record)
    return None if part is None else part.role


def _has_only_details(records: Iterable[BelievedRecord], context: Context) -> bool:
    return all(_role(record, context) is PartRole.DETAILS for record in records)


def _trust(record: BelievedRecord, context: Context) -> int:
    part = context.part_of(record)
    return 0 if part is None else part.trust


def _contact(record: BelievedRecord, context: Context) -> datetime:
    return last_contact_of(record, context.moment) or _NEVER


def _device(device_id: str, joined: JoinedRecords, context: Context, form_factor_of: FormFactorLookup) -> Device:
    present, gone = _present_and_gone(joined.records, context)
    counting, superseded = _newest_of_each_part(present, context)
    is_migrating = any(device_record(record).migrating for record in counting)
    ranked = _most_trusted_first(counting or gone, context, is_migrating=is_migrating)
    values = _merged_fields(ranked)
    newest = max(joined.records, key=lambda record: (_contact(record, context), source_ref(record)))
    contact = last_contact_of(newest, context.moment)
    roles_ever = _roles(joined.records, context)
    return Device(
        id=device_id,
        records=tuple(ranked) if counting else (),
        superseded=tuple(superseded),
        gone=gone,
        serial=_serial(ranked, joined.serial),
        has_ambiguous_serial=joined.has_ambiguous_serial,
        form_factor=_form_factor(ranked, values, context, form_factor_of),
        last_contact_at=contact,
        contact_part=f"{newest.source}/{newest.part}" if contact else None,
        conditions=_conditions(counting, superseded, context, is_migrating=is_migrating),
        is_migrating=is_migrating,
        roles=_roles((*counting, *superseded), context) if gone else roles_ever,
        ever_in_mdm=PartRole.MDM in roles_ever,
        ever_in_list=PartRole.LIST in roles_ever,
        masked=any(record.masked for record in joined.records),
        first_seen=min(record.first_seen for record in joined.records),
        enrolled_at=_first_not_none(device_record(record).enrolled_at for record in ranked),
        may_be_personal_by_lists=_may_be_personal_by_lists(joined.records, context),
        unreadable=(_unreadable_fields(ranked) if counting else {}) or _NOTHING,
        **values,
    )


def _present_and_gone(
    records: tuple[BelievedRecord, ...], context: Context
) -> tuple[list[BelievedRecord], tuple[BelievedRecord, ...]]:
    """The records by which a device is there, and the others. Details alone are facts of a device that nothing has any more."""
    present = [record for record in records if not record.gone]
    if _has_only_details(present, context):
        return [], records
    return present, tuple(record for record in records if record.gone)


def _roles(records: Iterable[BelievedRecord], context: Context) -> frozenset[PartRole]:
    """The roles of the lists that have a device. An MDM that waits for its first enrolment knows it as a purchase does."""
    roles = ((record, role) for record in records if (role := _role(record, context)) and role is not PartRole.DETAILS)
    words = frozenset(PartRole.PURCHASES if _is_to_be_enrolled(record, role) else role for record, role in roles)
    shared: frozenset[PartRole] = _shared(words)
    return shared


def _is_to_be_enrolled(record: BelievedRecord, role: PartRole) -> bool:
    known = device_record(record)
    is_waiting = role is PartRole.MDM and known.condition is Condition.PENDING
    was_enrolled = known.managed is True or record.last_contact_at is not None
    return is_waiting and not was_enrolled and known.ownership is Ownership.ORGANISATION


@lru_cache(maxsize=256)
def _shared(words: frozenset[T]) -> frozenset[T]:
    """The first set that is equal to *words*: 100,000 devices have the same few, and each set takes 216 bytes."""
    return words


# --- which record counts ----------------------------------------------------------------------------------------------


def _newest_of_each_part(
    records: Sequence[BelievedRecord], context: Context
) -> tuple[list[BelievedRecord], list[BelievedRecord]]:
    """The records that count, and those superseded by another of their part."""
    by_part: defaultdict[tuple[str, str], list[BelievedRecord]] = defaultdict(list)
    for record in records:
        by_part[record.source, record.part].append(record)
    counting = [same[0] if len(same) == 1 else _newest(same, context) for same in by_part.values()]
    if len(counting) == len(records):
        return counting, []
    refs = {source_ref(record) for record in counting}
    return counting, [record for record in records if source_ref(record) not in refs]


def _conditions(
    counting: Sequence[BelievedRecord], superseded: Iterable[BelievedRecord], context: Context, *, is_migrating: bool
) -> frozenset[Condition]:
    of_other_lists = _of_other_lists(superseded, counting, context)
    telling = _without_left_mdms(counting, context) if is_migrating else counting
    return _shared(frozenset(device_record(known).condition for known in (*telling, *of_other_lists)))


def _without_left_mdms(records: Sequence[BelievedRecord], context: Context) -> Sequence[BelievedRecord]:
    """The records of a device that changes its MDM, without those of MDMs that it left while another one manages it."""
    if not any(_role(record, context) is PartRole.MDM and _manages(record) for record in records):
        return records
    return [
        record
        for record in records
        if _role(record, context) is not PartRole.MDM
        or device_record(record).condition not in _CONDITIONS_OF_THE_LEFT_MDM
    ]


def _manages(record: BelievedRecord) -> bool:
    known = device_record(record)
    return known.managed is True and known.condition not in _CONDITIONS_OF_THE_LEFT_MDM


def _of_other_lists(
    superseded: Iterable[BelievedRecord], counting: Iterable[BelievedRecord], context: Context
) -> list[BelievedRecord]:
    """Superseded rows of a part's other lists that still tell a condition: a list of stolen devices has no newer enrolment."""
    lists = {(record.source, record.part, record.scope) for record in counting}
    others = (
        record
        for record in superseded
        if _role(record, context) is PartRole.LIST and device_record(record).condition in _CONDITIONS_FROM_ANY_RECORD
    )
    return [record for record in others if (record.source, record.part, record.scope) not in lists]


def _newest(records: Sequence[BelievedRecord], context: Context) -> BelievedRecord:
    has_enrolments = all(device_record(record).enrolled_at for record in records)

    def newness(record: BelievedRecord) -> tuple[datetime, datetime, datetime, tuple[str, str]]:
        enrolled = device_record(record).enrolled_at if has_enrolments else None
        return enrolled or _NEVER, _contact(record, context), record.first_seen, source_ref(record)

    return max(records, key=newness)


def _most_trusted_first(
    records: Sequence[BelievedRecord], context: Context, *, is_migrating: bool
) -> list[BelievedRecord]:
    """Most trusted first; the places that MDMs have among them are theirs by newest contact.

    Where one source gives more than one record of a device, a purchase comes last: it describes what was ordered.
    While a device moves to another MDM, the old one may have the newest contact and manage it no longer: the one that
    manages it comes first.
    """
    if len(records) == 1:
        return list(records)

    def rank(record: BelievedRecord) -> tuple[int, str, bool, tuple[str, str]]:
        is_purchase = _role(record, context) is PartRole.PURCHASES
        return -_trust(record, context), record.source, is_purchase, source_ref(record)

    trusted = sorted(records, key=rank)
    of_mdms = [record for record in trusted if _role(record, context) is PartRole.MDM]

    def standing(record: BelievedRecord) -> tuple[bool, datetime]:
        return is_migrating and _manages(record), _contact(record, context)

    newest_first = iter(sorted(of_mdms, key=standing, reverse=True))
    return [next(newest_first) if _role(record, context) is PartRole.MDM else record for record in trusted]


# --- what they say together -------------------------------------------------------------------------------------------


def merged_values(record: DeviceRecord) -> tuple[Any, ...]:
    """What a record gives for each of `MERGED_FIELDS`; None where it gives no value."""
    platform = platform_of(record)
    return (None if platform is Platform.OTHER else platform, *_FIELDS_OF(record))


def _first_not_none(values: Iterable[T | None]) -> T | None:
    for value in values:
        if value is not None:
            return value
    return None


def _may_be_personal_by_lists(records: Iterable[BelievedRecord], context: Context) -> bool:
    """Whether each row of a list says that a person owns the device, or says of its owner what could not be read."""
    rows = [device_record(record) for record in records if _role(record, context) is PartRole.LIST]
    return bool(rows) and all(row.ownership is Ownership.PERSONAL or "ownership" in row.unreadable for row in rows)


def _unreadable_fields(ranked: Sequence[BelievedRecord]) -> dict[str, str]:
    """Each field that could not be read and that no more trusted record gives → the source where it stands."""
    sources: dict[str, str] = {}
    trusted: list[DeviceRecord] = []
    for known in ranked:
        record = device_record(known)
        for field in record.unreadable:
            is_given = field not in _FIELDS_OF_ALL_RECORDS and any(_gives(earlier, field) for earlier in trusted)
            if not is_given:
                sources.setdefault(field, known.source)
        trusted.append(record)
    return sources


def _gives(record: DeviceRecord, field: str) -> bool:
    return getattr(record, field, None) not in (None, (), Platform.OTHER)


def _first_readable(field: str, ranked: Sequence[BelievedRecord], column: Sequence[Any]) -> Any:
    """The first value that a record gives; None when a more trusted record has one that could not be read."""
    for known, value in zip(ranked, column, strict=True):
        if value is not None or field in device_record(known).unreadable:
            return value
    return None


def _merged_fields(ranked: Sequence[BelievedRecord]) -> dict[str, Any]:
    """Each field's first value that is not None."""
    rows = [merged_values(device_record(record)) for record in ranked]
    values: dict[str, Any] = dict(zip(MERGED_FIELDS, rows[0], strict=True))
    if len(rows) > 1:
        for field, column in zip(MERGED_FIELDS, zip(*rows, strict=True), strict=True):
            values[field] = _first_readable(field, ranked, column)
    values["platform"] = values["platform"] or Platform.OTHER
    return values


def _serial(ranked: Iterable[BelievedRecord], compact: str | None) -> str | None:
    """The serial as the first record spells it that has it in full: a scanned barcode has an S too many."""
    serials = [serial for record in ranked if (serial := device_record(record).serial)]
    return next((serial for serial in serials if compact_serial(serial) == compact), serials[0] if serials else None)


def _form_factor(
    ranked: Iterable[BelievedRecord], values: Mapping[str, Any], context: Context, form_factor_of: FormFactorLookup
) -> FormFactor:
    rules = context.policy.reference.serials
    for record in map(device_record, ranked):
        if record.serial_problem == "virtual" or is_virtual(record.manufacturer, record.model, rules):
            return FormFactor.VIRTUAL
    return form_factor_of(values["manufacturer"], values["model"], values["platform"])
