"""Turns a row of a list into a device. Pure: its words are read by the source's own tables and the shipped ones."""

import re
from datetime import datetime

import msgspec

from connectors.device_file.reading import NAME_PLACEHOLDER, DeviceListRow
from connectors.device_file.settings import Settings
from connectors.device_file.words import COMPLIANCES, MANAGERS, NO_MANAGERS, NOT_KNOWN, OWNERSHIPS, STATES
from fleetsync.core.model import Compliance, Condition, DeviceRecord, Key, Ownership, Platform, Purpose, Scheme
from fleetsync.pull.contract import NormalisedItem, UnknownValue
from fleetsync.pull.decoding import (
    WITHHELD_TEXT,
    fold_text,
    local_noon,
    login_key,
    parse_condition,
    parse_purpose,
    platform_of_model,
    platform_of_word,
)

_SEPARATORS = re.compile(r"[,;|\r\n]+")


def normalise(part: str, settings: Settings, raw: DeviceListRow) -> tuple[NormalisedItem, ...]:
    """A row as a device. Its words are read by the source's own tables and the shipped ones."""
    unknown: list[UnknownValue] = []
    condition, purpose = _condition(raw, settings, unknown)
    ownership, managed = _ownership(raw, settings, unknown), _managed(raw, unknown)
    unreadable = {fact.field for fact in raw.unreadable} | set(raw.unknown_fields)
    if raw.ownership is not None and ownership is None and fold_text(raw.ownership) not in NOT_KNOWN:
        unreadable.add("ownership")
    keys, groups = _keys(raw, settings, unknown), _groups(raw.groups)
    if raw.holder is not None and not keys:
        unreadable.add("keys")
    record = DeviceRecord(
        source_id=raw.source_id,
        serial=raw.serial,
        name=raw.name,
        manufacturer=raw.manufacturer,
        model=raw.model,
        platform=_platform(raw, settings, unknown),
        os_version=raw.os_version,
        keys=keys,
        location=raw.location,
        groups=groups,  # for the conditions of rules, as an MDM's
        order=raw.order,
        status=None if raw.status == WITHHELD_TEXT else raw.status,
        asset_tag=raw.asset_tag,
        last_contact_at=local_noon(raw.seen_on),
        ownership=ownership,
        managed=managed,
        condition=condition,
        compliance=_compliance(raw, unknown),
        encrypted=raw.encrypted,
        purpose=purpose or _purpose(raw, settings, unknown),
        unit=raw.unit,
        serves=groups,
        purchased_on=raw.purchased_on,
        warranty_until=raw.warranty_until,
        unreadable=tuple(sorted(unreadable)),
    )
    return (record, *unknown, *raw.unreadable)


def split_contact(settings: Settings, raw: DeviceListRow) -> tuple[DeviceListRow, datetime | None]:
    """A row without its last contact, and that contact as `normalise` gives it."""
    return msgspec.structs.replace(raw, seen_on=None), local_noon(raw.seen_on)


def _condition(raw: DeviceListRow, settings: Settings, unknown: list[UnknownValue]) -> tuple[Condition, Purpose | None]:
    """What status and state say together. Either may say that it is not in use; never seen is not in use yet."""
    condition, purpose = _status_meaning(raw.status, settings, unknown)
    state, _ = _status_meaning(raw.state, settings, unknown)
    condition = state if condition is Condition.ACTIVE else condition
    if raw.is_trashed:
        condition = Condition.RETIRED
    elif raw.is_lost:
        condition = Condition.LOST
    if condition is Condition.ACTIVE and raw.never_seen:
        condition = Condition.PENDING
    return condition, purpose


def _ownership(raw: DeviceListRow, settings: Settings, unknown: list[UnknownValue]) -> Ownership | None:
    word = fold_text(raw.ownership)
    if not word or word in NOT_KNOWN:
        return None
    own = {fold_text(name): meaning for name, meaning in settings.ownerships.items()}
    ownership = own.get(word, OWNERSHIPS.get(word))
    if ownership is None:
        unknown.append(UnknownValue("ownership", raw.ownership or ""))
    return ownership


def _managed(raw: DeviceListRow, unknown: list[UnknownValue]) -> bool | None:
    word = fold_text(raw.managed_by)
    if word in NO_MANAGERS:
        return False
    if not word or word in NOT_KNOWN:
        return None
    if word not in MANAGERS:
        unknown.append(UnknownValue("managed_by", raw.managed_by or ""))
        return None
    return True


def _compliance(raw: DeviceListRow, unknown: list[UnknownValue]) -> Compliance | None:
    if raw.compliance is None:
        return None
    compliance = COMPLIANCES.get(fold_text(raw.compliance))
    if compliance is None:
        unknown.append(UnknownValue("compliance", raw.compliance))
    return compliance


def _status_meaning(
    word: str | None, settings: Settings, unknown: list[UnknownValue]
) -> tuple[Condition, Purpose | None]:
    """What a status says: what became of the device, or what it is for now. A blank, or no such column: "in use"."""
    if word is None:
        return Condition.ACTIVE, None
    conditions = STATES | {own: meaning for own, meaning in settings.statuses.items() if isinstance(meaning, Condition)}
    purposes = {own: meaning for own, meaning in settings.statuses.items() if isinstance(meaning, Purpose)}
    purpose = parse_purpose(word, purposes)
    if purpose is not None and purpose is not parse_purpose(word):  # the source's own table outranks each shipped word
        return Condition.ACTIVE, purpose
    condition = parse_condition(word, conditions)
    if condition is None and purpose is None:
        unknown.append(UnknownValue("status", word))
        return Condition.PENDING, None
    return (Condition.ACTIVE, purpose) if condition is None else (condition, None)


def _purpose(raw: DeviceListRow, settings: Settings, unknown: list[UnknownValue]) -> Purpose | None:
    purpose = parse_purpose(raw.purpose, settings.purposes)
    if raw.purpose is not None and purpose is None:
        unknown.append(UnknownValue("purpose", raw.purpose))
    return purpose


def _platform(raw: DeviceListRow, settings: Settings, unknown: list[UnknownValue]) -> Platform:
    platform = platform_of_word(raw.platform, settings.platforms)
    if platform is None and raw.platform is not None:
        unknown.append(UnknownValue("platform", raw.platform))
    by_model = platform_of_model(raw.model)
    if platform is Platform.IOS and by_model is Platform.IPADOS:
        return by_model  # consoles say "iOS" of an iPad too
    # A console that writes "macOS 26.2" as the version needs no column for the system.
    return platform or by_model or platform_of_word(raw.os_version) or Platform.OTHER


def _keys(raw: DeviceListRow, settings: Settings, unknown: list[UnknownValue]) -> tuple[Key, ...]:
    number = () if raw.number is None else (Key(Scheme.NUMBER, settings.number_namespace, raw.number),)
    if raw.holder is None:
        return number
    key = None if raw.holder == NAME_PLACEHOLDER else login_key(raw.holder, settings.domain)
    if key is None:
        is_named = raw.holder == NAME_PLACEHOLDER
        unknown.append(UnknownValue("holder", NAME_PLACEHOLDER if is_named else "account name without a domain"))
        return number
    return (*number, key)


def _groups(text: str | None) -> tuple[str, ...]:
    """Groups in one cell, separated by comma, semicolon, bar or line; never by a slash, which names of classes have."""
    return tuple(dict.fromkeys(group.strip() for group in _SEPARATORS.split(text or "") if group.strip()))
