"""What a row of Snipe-IT means. Pure."""

import html
from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatchcase
from types import MappingProxyType

from connectors.snipeit.schema import ASSET, LOCATION, USER, Asset, Assignee, Day, Place, Reference, StatusLabel
from connectors.snipeit.settings import Settings
from fleetsync.core.model import (
    Condition,
    DeviceRecord,
    DroppedKind,
    Key,
    Ownership,
    Platform,
    Purpose,
    Scheme,
    UnitRecord,
)
from fleetsync.pull.contract import DroppedRow, NormalisedItem, RecordError, UnknownValue, UnreadableFact
from fleetsync.pull.decoding import (
    UnreadableFacts,
    clean_text,
    fold_text,
    known_word,
    login_key,
    parse_condition,
    parse_day,
    parse_purpose,
    platform_of_model,
    required_text,
    unreadable_fields,
    with_unreadable,
)

_IS_PERSON: Mapping[str, bool] = MappingProxyType({USER: True, LOCATION: False, ASSET: False})
_CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        "deployable": Condition.ACTIVE,
        "pending": Condition.PENDING,
        "undeployable": Condition.IN_REPAIR,
        "archived": Condition.RETIRED,
    }
)
_FIELDS_OF_FACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "serial": ("serial",),
        "model": ("model", "platform"),
        "model.name": ("model", "platform"),
        "byod": ("ownership",),
        "status_label": ("condition",),
        "status_label.name": ("condition",),
        "status_label.status_type": ("condition",),
        "status": ("condition",),
        "status.name": ("condition",),
        "status.status_type": ("condition",),
        **dict.fromkeys(("location", "location.id", "company", "company.id"), ("location",)),
        "assigned_to": ("keys",),
        "assigned_to.type": ("keys",),
        "assigned_to.username": ("keys",),
        "assigned_to.email": ("keys",),
        "assigned_to.employee_number": ("keys",),
        "asset_eol_date": ("support_until",),
        "asset_eol_date.date": ("support_until",),
    }
)


def normalise(part: str, settings: Settings, raw: Asset | Place | UnreadableFact) -> tuple[NormalisedItem, ...]:
    """One row as a record; only the kind of rows that are left out. Raises RecordError for a row without an id or name."""
    match raw:
        case UnreadableFact():
            return (raw,)
        case Place():
            return (_place(raw),)
        case Asset() if not _is_of_a_category(settings, raw):
            return (DroppedRow(DroppedKind.OTHER_CATEGORY),)
        case Asset(byod=True):
            return (DroppedRow(DroppedKind.PRIVATE_DEVICE),)
        case Asset():
            return _asset(settings, raw)


def _text(value: str | None) -> str | None:
    """A text of the server, which escapes each for HTML."""
    return None if value is None else clean_text(html.unescape(value))


def _name_of(reference: Reference | StatusLabel | None) -> str | None:
    return _text(reference.name) if reference is not None else None


def _place(raw: Place) -> UnitRecord:
    source_id, name = required_text(raw.id, "id"), _text(raw.name)
    if name is None:
        raise RecordError("name is empty", source_id=source_id)
    # Rooms and stores are places too: a kind of their own says that they need no unit. The name is a code, so that a
    # [[unit]] can list a school by it and has the rooms below it as well.
    return UnitRecord(source_id=source_id, name=name, kind="place", codes=(name,), parent=_id_of(raw.parent))


def _id_of(reference: Reference | Assignee | None) -> str | None:
    return clean_text(reference.id) if reference is not None else None


def _is_of_a_category(settings: Settings, raw: Asset) -> bool:
    """Whether an asset is of a configured category. One whose category cannot be read is kept."""
    if not settings.categories or not {"category", "category.name"}.isdisjoint(unreadable_fields(raw)):
        return True
    category = fold_text(_name_of(raw.category))
    return any(fnmatchcase(category, fold_text(pattern)) for pattern in settings.categories)


def _asset(settings: Settings, raw: Asset) -> tuple[NormalisedItem, ...]:
    source_id, unknown = required_text(raw.id, "id"), list[UnknownValue]()
    facts = UnreadableFacts(source_id)
    label, model = raw.status_label or raw.status or StatusLabel(), _name_of(raw.model)
    category, end_of_life = _name_of(raw.category), raw.asset_eol_date if settings.end_of_life_is_support_end else None
    condition, purpose = _status_meaning(settings, label, unknown)
    keys = _keys(settings, raw.assigned_to, unknown)
    record = DeviceRecord(
        source_id=source_id,
        serial=_text(raw.serial),
        name=_text(raw.name),
        manufacturer=_name_of(raw.manufacturer),
        model=model,
        platform=platform_of_model(model) or Platform.OTHER,
        keys=keys,
        location=_location(settings, raw),
        groups=() if category is None else (category,),
        order=_text(raw.order_number),
        status=_name_of(label),
        asset_tag=_text(raw.asset_tag),
        ownership=None if raw.byod is None else Ownership.ORGANISATION,
        condition=condition,
        purpose=purpose,
        purchased_on=_day(facts, raw.purchase_date, "purchase_date.date"),
        warranty_until=_day(facts, raw.warranty_expires, "warranty_expires.date"),
        support_until=_day(facts, end_of_life, "asset_eol_date.date"),
    )
    is_holder_unknown = not keys and raw.assigned_to is not None and raw.assigned_to.type == USER
    lost = (*unreadable_fields(raw), *facts.fields, *(("assigned_to",) if is_holder_unknown else ()))
    return (with_unreadable(record, lost, _FIELDS_OF_FACTS), *unknown, *facts)


def _day(facts: UnreadableFacts, day: Day | None, field: str) -> date | None:
    return facts.read(parse_day, day.date if day is not None else None, field)


def _keys(settings: Settings, assignee: Assignee | None, unknown: list[UnknownValue]) -> tuple[Key, ...]:
    """Mail and user name of the user who has it, else the employment number. A text with a blank is a name, and no key.

    A number is the strongest key of a person: beside a log-in it would outrank the one that an MDM has by now.
    """
    if assignee is None or known_word(_IS_PERSON, assignee.type, "assigned_to.type", unknown) is not True:
        return ()
    texts = map(_text, (assignee.email, assignee.username))
    logins = [text for text in texts if text and not any(map(str.isspace, text))]
    keys = [key for login in logins if (key := login_key(login, settings.domain)) is not None]
    if keys:
        return tuple(dict.fromkeys(keys))
    if logins:
        unknown.append(UnknownValue("username", "account name without a domain"))
    number = _text(assignee.employee_number)
    return () if number is None else (Key(Scheme.NUMBER, settings.number_namespace, number),)


def _location(settings: Settings, raw: Asset) -> str | None:
    """The id of the place where an asset is: the one it is handed out to, else its own, else its default one."""
    if settings.places == "companies":
        return _id_of(raw.company)
    is_at_place = raw.assigned_to is not None and raw.assigned_to.type == LOCATION
    handed_out_to = _id_of(raw.assigned_to) if is_at_place else None
    return handed_out_to or _id_of(raw.location) or _id_of(raw.rtd_location)


def _status_meaning(
    settings: Settings, label: StatusLabel, unknown: list[UnknownValue]
) -> tuple[Condition, Purpose | None]:
    """What a status label says, by the source's own table, else by a known word, else by its type."""
    by_type = Condition.ACTIVE
    if clean_text(label.status_type) is not None:
        by_type = known_word(_CONDITIONS, label.status_type, "status_type", unknown) or Condition.PENDING
    name = _name_of(label)
    own = {fold_text(word): meaning for word, meaning in settings.statuses.items()}.get(fold_text(name))
    if own is not None:
        return (own, None) if isinstance(own, Condition) else (Condition.ACTIVE, own)
    by_name = parse_condition(name)
    if by_type is Condition.RETIRED:
        return (Condition.LOST if by_name is Condition.LOST else by_type), None
    return (by_type, parse_purpose(name)) if by_name in (None, Condition.ACTIVE) else (by_name, None)
