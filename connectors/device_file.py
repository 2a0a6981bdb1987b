"""Devices from lists: what a school or an IT department keeps as CSV or workbook.

Endpoint: the files of `path`; each list is a whole of its own, named by its file name without the day, and of each the
newest edition counts. Permission: to read the folder, nothing else. Documentation: none; each keeper designs his list
(read 2026-11-24). So headers are found by Swedish words, and `columns = { field = "header" }` mends what is not.

Quirks:
* A list speaks for the day in its name, its column or its file; what it does not name any more is absent of that list.
* Contact is the day last seen. That a list names a device is no contact here: a device that an MDM has not heard of for
  months would look alive by being listed. The core takes a list's day for what no MDM ever had.
* A status says what became of a device (skrotad, stulen, på reparation) or what it is for (lager, lån): both are read.
* A word of status that nobody knows makes nothing work: the device is pending until the word is mapped.
* Groups alone make no set: an avdelning of a förskola has them too. A purpose of the row says so, or a [[device_rule]].
* A holder is a log-in or an employment number. A person's name is nobody's key, and is not kept.

Refuses a row that has neither serial number nor asset tag, and leaves the judgement of a serial to the house.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from pydantic import Field

from fleetsync.core.model import Condition, DeviceRecord, Key, PartRole, Platform, Purpose, RecordType, Scheme
from fleetsync.pull.contract import (
    Connect,
    Duration,
    FileRow,
    NormalisedItem,
    Page,
    Part,
    ProbeResult,
    RecordError,
    SourceFile,
    SourceRefused,
    SourceSettings,
    SourceUnavailable,
    UnknownValue,
)
from fleetsync.pull.files import WITHHELD_TEXT, FileColumn, FileFormat, parse_condition, parse_purpose, reportable_word

PARTS = (Part("devices", (RecordType.DEVICE,), role=PartRole.LIST),)

COLUMNS = (
    FileColumn("serial", kind="id", deciding=True),
    FileColumn("asset_tag", kind="id"),
    FileColumn("device_name"),
    FileColumn("manufacturer"),
    FileColumn("model"),
    FileColumn("platform"),
    FileColumn("os_version", kind="id"),
    FileColumn("unit", deciding=True),
    FileColumn("unit_code", kind="id", deciding=True),
    FileColumn("cost_centre", kind="id", deciding=True),
    FileColumn("location", ("placering", "rum", "lokal", "location")),
    FileColumn("groups", ("klass", "klasser", "grupp", "grupper", "arbetslag", "avdelning")),
    FileColumn("purpose"),
    FileColumn(
        "holder",
        ("innehavare", "användare", "användarnamn", "inloggning", "tilldelad", "upn", "e-post", "konto", "holder", "user"),
    ),
    FileColumn("person_number", kind="id"),
    FileColumn("status"),
    FileColumn("last_contact", kind="day"),
    FileColumn("purchased", kind="day"),
    FileColumn("warranty", kind="day"),
    FileColumn("order", kind="id"),
)  # fmt: skip

ZONE = ZoneInfo("Europe/Stockholm")  # of the days that Swedish lists name
_SEPARATORS = re.compile(r"[,;|\r\n]+")
NAME_PLACEHOLDER = "a name"  # in place of a holder's name


class Settings(SourceSettings, FileFormat):
    """Its `[[source]]` table."""

    path: Path
    """A file, a folder, or a pattern such as `/srv/lists/datorer_*.xlsx`; several lists may match."""
    expected_every: Duration | None = timedelta(days=35)
    grace_pulls: Annotated[int, Field(ge=0)] = 1
    domain: str = ""
    """The Windows domain of holders that are written without one."""
    statuses: dict[str, Condition | Purpose] = Field(default_factory=dict)
    """Words of these lists beside the shipped ones: `{ "Kasserad 2025" = "retired", "Hylla" = "stock" }`."""
    purposes: dict[str, Purpose] = Field(default_factory=dict)
    platforms: dict[str, Platform] = Field(default_factory=dict)


class DeviceListRow(msgspec.Struct, frozen=True):
    """What is kept of a row. *list*: which list it stands in; *nth*: which row of this serial it is, from 1."""

    list: str
    serial: str | None = None
    asset_tag: str | None = None
    name: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    platform: str | None = None
    os_version: str | None = None
    unit: str | None = None
    location: str | None = None
    groups: str | None = None
    purpose: str | None = None
    holder: str | None = None
    number: str | None = None
    status: str | None = None
    seen_on: date | None = None
    purchased_on: date | None = None
    warranty_until: date | None = None
    order: str | None = None
    occurrence: int = 1

    @property
    def tag(self) -> str:
        """Serial or asset tag in the spelling that tells rows apart."""
        return "".join((self.serial or self.asset_tag or "").split()).upper()


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """All rows of every list that has a new edition; each list is whole for itself."""
    for file in connect.files(settings.path, COLUMNS, form=settings, each_whole=True):
        drift = tuple(UnknownValue("missing column", field) for field in _missing_fields(file))
        for page in file.pages(_row_parser(file, settings), scope=file.scope):
            yield replace(page, drift=drift)
            drift = ()


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Whether each list can be read to its end, for which day it speaks, and what it lacks."""
    found = False
    try:
        for file in connect.files(settings.path, COLUMNS, form=settings, each_whole=True):
            found = True
            devices = sum(len(page.raws) for page in file.pages(_row_parser(file, settings)))
            lacks = _missing_fields(file)
            yield ProbeResult(
                "devices",
                ok=not lacks,
                what=f"{file.name} speaks for {file.as_of} and has {devices} devices"
                + (f"; no column for {', '.join(lacks)}" if lacks else ""),
                remedy='Name the header: columns = { field = "header" }, or add the column to the list'
                if lacks
                else "",
            )
    except (SourceRefused, SourceUnavailable) as error:
        yield ProbeResult("devices", ok=False, what=str(error))
    else:
        if not found:
            yield ProbeResult("devices", ok=True, what="no list has changed since the last complete pull")


def _missing_fields(file: SourceFile) -> tuple[str, ...]:
    """Fields without which devices cannot be joined or placed; of units one column will do."""
    missing = set(file.missing_fields)
    groups = {"serial": ("serial",), "unit": ("unit", "unit_code", "cost_centre")}
    return tuple(name for name, fields in groups.items() if missing.issuperset(fields))


def _row_parser(file: SourceFile, settings: Settings) -> Callable[[FileRow], DeviceListRow]:
    rows: Counter[str] = Counter()

    def read(row: FileRow) -> DeviceListRow:
        listed = _parse_row(row, file, settings)
        if not listed.tag:
            raise RecordError("serial and asset tag are empty")
        rows[listed.tag] += 1
        return msgspec.structs.replace(listed, occurrence=rows[listed.tag])

    return read


def _parse_row(row: FileRow, file: SourceFile, settings: Settings) -> DeviceListRow:
    return DeviceListRow(
        list=file.scope,
        serial=row.text("serial"),
        asset_tag=row.text("asset_tag"),
        name=row.text("device_name"),
        manufacturer=row.text("manufacturer"),
        model=row.text("model"),
        platform=_reportable_word(
            row.text("platform"), settings.platforms, tuple(begins for begins, _ in _PLATFORM_PREFIXES)
        ),
        os_version=row.text("os_version"),
        unit=row.text("unit_code") or row.text("unit") or row.text("cost_centre"),
        location=row.text("location"),
        groups=row.text("groups"),
        purpose=_reportable_word(row.text("purpose"), settings.purposes),
        holder=_holder_login(row.text("holder")),
        number=row.text("person_number"),
        status=_reportable_word(row.text("status"), settings.statuses),
        seen_on=row.day("last_contact"),
        purchased_on=row.day("purchased"),
        warranty_until=row.day("warranty"),
        order=row.text("order"),
    )


def _holder_login(holder: str | None) -> str | None:
    """The holder, unless he is named: of a name is kept that there was one."""
    return NAME_PLACEHOLDER if holder is not None and len(holder.split()) > 1 else holder


def _reportable_word(text: str | None, own: Mapping[str, object], begins: tuple[str, ...] = ()) -> str | None:
    """A word of the list's. What is none is somebody's note, and may name somebody: it is not kept."""
    if text is None:
        return None
    is_meant = parse_purpose(text, dict.fromkeys(own, Purpose.IGNORE)) is not None or parse_condition(text) is not None
    is_known = is_meant or text.casefold().startswith(begins)
    return text if is_known else reportable_word(text, own)


# -------------------------------------------------------------------------------------------------------- what it means

_PLATFORM_PREFIXES = (  # how a word for an operating system begins; the first that fits
    ("win", Platform.WINDOWS),
    ("chrome", Platform.CHROMEOS),
    ("ipad", Platform.IPADOS),
    ("iphone", Platform.IOS),
    ("ios", Platform.IOS),
    ("mac", Platform.MACOS),
    ("os x", Platform.MACOS),
    ("apple tv", Platform.TVOS),
    ("tvos", Platform.TVOS),
    ("android", Platform.ANDROID),
    ("linux", Platform.LINUX),
    ("ubuntu", Platform.LINUX),
)
# Only what can run nothing else: a maker of computers tells no operating system.
_MODEL_PLATFORMS = (
    ("ipad", Platform.IPADOS),
    ("iphone", Platform.IOS),
    ("macbook", Platform.MACOS),
    ("imac", Platform.MACOS),
    ("mac mini", Platform.MACOS),
    ("apple tv", Platform.TVOS),
    ("chromebook", Platform.CHROMEOS),
    ("galaxy tab", Platform.ANDROID),
)


def normalise(part: str, settings: Settings, raw: DeviceListRow) -> tuple[NormalisedItem, ...]:
    """A row as a device, its words by the source's own tables and the shipped ones."""
    drift: list[UnknownValue] = []
    state, use = _status_meaning(raw.status, settings, drift)
    meant = use or _purpose(raw, settings, drift)
    groups = _groups(raw.groups)
    record = DeviceRecord(
        source_id=f"{raw.list}/{raw.tag}" + (f"/{raw.occurrence}" if raw.occurrence > 1 else ""),
        serial=raw.serial,
        name=raw.name,
        manufacturer=raw.manufacturer,
        model=raw.model,
        platform=_platform(raw, settings, drift),
        os_version=raw.os_version,
        keys=_keys(raw, settings, drift),
        location=raw.location,
        groups=groups,  # for the conditions of rules, as an MDM's
        order=raw.order,
        status=None if raw.status == WITHHELD_TEXT else raw.status,
        asset_tag=raw.asset_tag,
        last_contact_at=_local_noon(raw.seen_on),
        condition=state,
        purpose=meant,
        unit=raw.unit,
        serves=groups,
        purchased_on=raw.purchased_on,
        warranty_until=raw.warranty_until,
    )
    return (record, *drift)


def _status_meaning(
    word: str | None, settings: Settings, drift: list[UnknownValue]
) -> tuple[Condition, Purpose | None]:
    """What a status says: what became of it, or what it is for now. A blank, or no such column, says "in use"."""
    if word is None:
        return Condition.ACTIVE, None
    conditions = {said: meant for said, meant in settings.statuses.items() if isinstance(meant, Condition)}
    purposes = {said: meant for said, meant in settings.statuses.items() if isinstance(meant, Purpose)}
    use = parse_purpose(word, purposes)
    if use is not None and use is not parse_purpose(word):  # the source's own table outranks each shipped word
        return Condition.ACTIVE, use
    state = parse_condition(word, conditions)
    if state is None and use is None:
        drift.append(UnknownValue("status", word))
        return Condition.PENDING, None
    return (Condition.ACTIVE, use) if state is None else (state, None)


def _purpose(raw: DeviceListRow, settings: Settings, drift: list[UnknownValue]) -> Purpose | None:
    meant = parse_purpose(raw.purpose, settings.purposes)
    if raw.purpose is not None and meant is None:
        drift.append(UnknownValue("purpose", raw.purpose))
    return meant


def _platform(raw: DeviceListRow, settings: Settings, drift: list[UnknownValue]) -> Platform:
    word, model = (raw.platform or "").casefold(), (raw.model or "").casefold()
    own = {said.casefold(): meant for said, meant in settings.platforms.items()}
    if word in own:
        return own[word]
    told = next((meant for begins, meant in _PLATFORM_PREFIXES if word.startswith(begins)), None)
    if told is None and raw.platform is not None:
        drift.append(UnknownValue("platform", raw.platform))
    return told or next((meant for name, meant in _MODEL_PLATFORMS if name in model), Platform.OTHER)


def _keys(raw: DeviceListRow, settings: Settings, drift: list[UnknownValue]) -> tuple[Key, ...]:
    number = () if raw.number is None else (Key(Scheme.NUMBER, settings.number_namespace, raw.number),)
    if raw.holder is None:
        return number
    if "@" in raw.holder:
        return (*number, Key(Scheme.ADDRESS, "", raw.holder))
    if raw.holder != NAME_PLACEHOLDER and (settings.domain or "\\" in raw.holder):
        return (*number, Key(Scheme.ACCOUNT, settings.domain, raw.holder))
    drift.append(
        UnknownValue("holder", NAME_PLACEHOLDER if raw.holder == NAME_PLACEHOLDER else "account name without a domain")
    )
    return number


def _groups(text: str | None) -> tuple[str, ...]:
    """Groups in one cell, apart by comma, semicolon, bar or line; never by a slash, which classes have in their names."""
    return tuple(dict.fromkeys(group.strip() for group in _SEPARATORS.split(text or "") if group.strip()))


def _local_noon(day: date | None) -> datetime | None:
    """A day as an instant that is on it in every zone of ours."""
    return None if day is None else datetime.combine(day, time(12), ZONE).astimezone(UTC)
