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

from fleetsync.core.identity.forms import form_factor, platform_of
from fleetsync.core.identity.joining import Joined, contact_of, joined_by_serial, said
from fleetsync.core.identity.keys import folded
from fleetsync.core.identity.serials import compact_serial, is_virtual
from fleetsync.core.identity.things import by_name, deal_ids, name_of
from fleetsync.core.model import (
    Condition,
    Device,
    DeviceRecord,
    FormFactor,
    Known,
    Moment,
    PartState,
    Platform,
    Policy,
    Role,
    Saying,
)

T = TypeVar("T")

_NEVER = datetime.min.replace(tzinfo=UTC)

# What is true of a device when any list says so, however old its row.
_HOLD_BY_ANY = frozenset({Condition.LOST, Condition.RETIRED, Condition.IN_REPAIR})
# The fields of a device, besides its platform, that its records say together. A serial is what joined them, and each
# source has an enrolment of its own: neither can be disagreed upon.
_DISPUTABLE = (
    "manufacturer", "model", "os_version", "os_edition", "asset_tag", "ownership", "managed", "compliance",
    "encrypted", "purchased_on", "warranty_until", "support_until",
)  # fmt: skip
_FIELDS_OF: Callable[[DeviceRecord], tuple[Any, ...]] = attrgetter(*_DISPUTABLE)


class _View(Struct, frozen=True):
    """What judging one device needs besides its records."""

    parts: Mapping[tuple[str, str], tuple[Role, int]]  # with the part's trust
    moment: Moment
    policy: Policy
    form_of: Callable[[str | None, str | None, Platform], FormFactor]

    def role(self, one: Known) -> Role | None:
        return self.parts.get((one.source, one.part), (None, 0))[0]

    def trust(self, one: Known) -> int:
        return self.parts.get((one.source, one.part), (None, 0))[1]

    def contact(self, one: Known) -> datetime:
        return contact_of(one, self.moment) or _NEVER


def resolve_devices(
    known: Sequence[Known], parts: Sequence[PartState], policy: Policy, moment: Moment
) -> tuple[Device, ...]:
    """All devices by id; every record that is not gone is in exactly one device's `records` or `superseded`.

    Of two records of one part the newest enrolment counts, then the newest contact; enrolments decide only where both
    have one. A field's value is that of the most trusted record that has one; where MDMs stand in that order, the one
    with the newest contact stands first among them. The last contact is the newest of all records, gone ones included:
    it was this thing. A device of which all records are gone is kept, with what they said and no condition.
    """
    records = by_name(one for one in known if isinstance(one.record, DeviceRecord))
    form_of = cache(partial(form_factor, reference=policy.reference))
    standings = {(part.source, part.part): (part.role, part.trust) for part in parts}
    view = _View(standings, moment, policy, form_of)
    joined = joined_by_serial(records, moment)
    ids = deal_ids([thing.records for thing in joined], "d")
    found = (_device(at, thing, view) for at, thing in zip(ids, joined, strict=True))
    return tuple(sorted(found, key=lambda device: device.id))


def _device(at: str, thing: Joined, view: _View) -> Device:
    gone = tuple(one for one in thing.records if one.gone)
    counting, superseded = _newest_of_each_part([one for one in thing.records if not one.gone], view)
    ranked = _ranked(counting or gone, view)
    values, sayings = _merged(ranked)
    heard = max(thing.records, key=lambda one: (view.contact(one), name_of(one)))
    contact = contact_of(heard, view.moment)
    return Device(
        id=at,
        records=tuple(ranked) if counting else (),
        superseded=tuple(superseded),
        gone=gone,
        serial=_serial(ranked, thing.serial),
        stands_alone=thing.stands_alone,
        form_factor=_form_factor(ranked, values, view),
        last_contact_at=contact,
        contact_part=f"{heard.source}/{heard.part}" if contact else None,
        conditions=frozenset(said(one).condition for one in (*counting, *_of_other_lists(superseded, counting, view))),
        roles=_roles(view, (*counting, *superseded)),
        ever_in_mdm=Role.MDM in _roles(view, thing.records),
        ever_in_list=Role.LIST in _roles(view, thing.records),
        masked=any(one.masked for one in thing.records),
        first_seen=min(one.first_seen for one in thing.records),
        enrolled_at=_first(said(one).enrolled_at for one in ranked),
        sayings=sayings,
        **values,
    )


def _roles(view: _View, records: Iterable[Known]) -> frozenset[Role]:
    return frozenset(role for one in records if (role := view.role(one)))


# --- which record counts ----------------------------------------------------------------------------------------------


def _newest_of_each_part(records: Sequence[Known], view: _View) -> tuple[list[Known], list[Known]]:
    """The records that count, and those superseded by another of their part."""
    by_part: defaultdict[tuple[str, str], list[Known]] = defaultdict(list)
    for one in records:
        by_part[one.source, one.part].append(one)
    counting = [same[0] if len(same) == 1 else _newest(same, view) for same in by_part.values()]
    if len(counting) == len(records):
        return counting, []
    names = {name_of(one) for one in counting}
    return counting, [one for one in records if name_of(one) not in names]


def _of_other_lists(superseded: Iterable[Known], counting: Iterable[Known], view: _View) -> list[Known]:
    """Rows of one part's other lists that say what has become of it: a list of the stolen has no newer enrolment."""
    lists = {(one.source, one.part, one.scope) for one in counting}
    others = (one for one in superseded if view.role(one) is Role.LIST and said(one).condition in _HOLD_BY_ANY)
    return [one for one in others if (one.source, one.part, one.scope) not in lists]


def _newest(records: Sequence[Known], view: _View) -> Known:
    has_enrolments = all(said(one).enrolled_at for one in records)

    def newness(one: Known) -> tuple[datetime, datetime, datetime, tuple[str, str]]:
        enrolled = said(one).enrolled_at if has_enrolments else None
        return enrolled or _NEVER, view.contact(one), one.first_seen, name_of(one)

    return max(records, key=newness)


def _ranked(records: Sequence[Known], view: _View) -> list[Known]:
    """Most trusted first; the places that MDMs have among them are theirs by newest contact."""
    if len(records) == 1:
        return list(records)
    trusted = sorted(records, key=lambda one: (-view.trust(one), name_of(one)))
    heard = iter(sorted((one for one in trusted if view.role(one) is Role.MDM), key=view.contact, reverse=True))
    return [next(heard) if view.role(one) is Role.MDM else one for one in trusted]


# --- what they say together -------------------------------------------------------------------------------------------


def _told(record: DeviceRecord) -> tuple[Any, ...]:
    """What a record says of platform and of each disputable field; None where it says nothing."""
    platform = platform_of(record)
    return (None if platform is Platform.OTHER else platform, *_FIELDS_OF(record))


def _first(values: Iterable[T | None]) -> T | None:
    for value in values:
        if value is not None:
            return value
    return None


def _merged(ranked: Sequence[Known]) -> tuple[dict[str, Any], dict[str, tuple[Saying, ...]]]:
    """Each field's value, the first that is told; and all values of the fields on which records disagree."""
    values: dict[str, Any] = {}
    sayings: dict[str, tuple[Saying, ...]] = {}
    columns = zip(*(_told(said(one)) for one in ranked), strict=True)
    for field, column in zip(("platform", *_DISPUTABLE), columns, strict=True):
        values[field] = counted = _first(column)
        if len(ranked) > 1 and any(value is not None and value != counted for value in column):
            sayings |= _disagreement(field, ranked, column)
    return values | {"platform": values["platform"] or Platform.OTHER}, sayings


def _disagreement(field: str, ranked: Sequence[Known], column: Sequence[Any]) -> dict[str, tuple[Saying, ...]]:
    told = [(one.source, _spoken(value)) for one, value in zip(ranked, column, strict=True) if value is not None]
    if len({folded(text) for _, text in told}) == 1:
        return {}  # a maker in other case is no other maker
    return {field: tuple(Saying(source, text, counts=at == 0) for at, (source, text) in enumerate(told))}


def _serial(ranked: Iterable[Known], compact: str | None) -> str | None:
    """As the first spells it that has it in full: a scanned barcode has an S too many."""
    serials = [serial for one in ranked if (serial := said(one).serial)]
    return next((serial for serial in serials if compact_serial(serial) == compact), serials[0] if serials else None)


def _form_factor(ranked: Iterable[Known], values: Mapping[str, Any], view: _View) -> FormFactor:
    rules = view.policy.reference.serials
    for one in ranked:
        record = said(one)
        if record.serial_problem == "virtual" or is_virtual(record.manufacturer, record.model, rules):
            return FormFactor.VIRTUAL
    return view.form_of(values["manufacturer"], values["model"], values["platform"])


def _spoken(value: str | bool | date) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, StrEnum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value
