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

from fleetsync.core.model import Condition, DeviceRecord, Key, Platform, Purpose, RecordType, Role, Scheme
from fleetsync.pull.contract import (
    Connect,
    Drift,
    Duration,
    Finding,
    Noted,
    OpenedFile,
    Page,
    Part,
    RecordError,
    Row,
    SourceRefused,
    SourceSettings,
    SourceUnavailable,
)
from fleetsync.pull.files import UNTOLD, Column, FileForm, condition, purpose, word_to_tell

PARTS = (Part("devices", (RecordType.DEVICE,), role=Role.LIST),)

COLUMNS = (
    Column("serial", kind="id", deciding=True),
    Column("asset_tag", kind="id"),
    Column("device_name"),
    Column("manufacturer"),
    Column("model"),
    Column("platform"),
    Column("os_version", kind="id"),
    Column("unit", deciding=True),
    Column("unit_code", kind="id", deciding=True),
    Column("cost_centre", kind="id", deciding=True),
    Column("location", ("placering", "rum", "lokal", "location")),
    Column("groups", ("klass", "klasser", "grupp", "grupper", "arbetslag", "avdelning")),
    Column("purpose"),
    Column(
        "holder",
        ("innehavare", "användare", "användarnamn", "inloggning", "tilldelad", "upn", "e-post", "konto", "holder", "user"),
    ),
    Column("person_number", kind="id"),
    Column("status"),
    Column("last_contact", kind="day"),
    Column("purchased", kind="day"),
    Column("warranty", kind="day"),
    Column("order", kind="id"),
)  # fmt: skip

ZONE = ZoneInfo("Europe/Stockholm")  # of the days that Swedish lists name
_SEPARATORS = re.compile(r"[,;|\r\n]+")
NAMED = "a name"  # in place of a holder's name


class Settings(SourceSettings, FileForm):
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


class Listed(msgspec.Struct, frozen=True):
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
    nth: int = 1

    @property
    def tag(self) -> str:
        """Serial or asset tag in the spelling that tells rows apart."""
        return "".join((self.serial or self.asset_tag or "").split()).upper()


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """All rows of every list that has a new edition; each list is whole for itself."""
    for file in connect.files(settings.path, COLUMNS, form=settings, each_whole=True):
        drift = tuple(Drift("missing column", field) for field in _lacking(file))
        for page in file.pages(_reader(file, settings), scope=file.scope):
            yield replace(page, drift=drift)
            drift = ()


def probe(settings: Settings, connect: Connect) -> Iterator[Finding]:
    """Whether each list can be read to its end, for which day it speaks, and what it lacks."""
    found = False
    try:
        for file in connect.files(settings.path, COLUMNS, form=settings, each_whole=True):
            found = True
            devices = sum(len(page.raws) for page in file.pages(_reader(file, settings)))
            lacks = _lacking(file)
            yield Finding(
                "devices",
                ok=not lacks,
                what=f"{file.name} speaks for {file.as_of} and has {devices} devices"
                + (f"; no column for {', '.join(lacks)}" if lacks else ""),
                remedy='Name the header: columns = { field = "header" }, or add the column to the list'
                if lacks
                else "",
            )
    except (SourceRefused, SourceUnavailable) as error:
        yield Finding("devices", ok=False, what=str(error))
    else:
        if not found:
            yield Finding("devices", ok=True, what="no list has changed since the last complete pull")


def _lacking(file: OpenedFile) -> tuple[str, ...]:
    """Fields without which devices cannot be joined or placed; of units one column will do."""
    missing = set(file.lacking)
    groups = {"serial": ("serial",), "unit": ("unit", "unit_code", "cost_centre")}
    return tuple(name for name, fields in groups.items() if missing.issuperset(fields))


def _reader(file: OpenedFile, settings: Settings) -> Callable[[Row], Listed]:
    rows: Counter[str] = Counter()

    def read(row: Row) -> Listed:
        listed = _listed(row, file, settings)
        if not listed.tag:
            raise RecordError("serial and asset tag are empty")
        rows[listed.tag] += 1
        return msgspec.structs.replace(listed, nth=rows[listed.tag])

    return read


def _listed(row: Row, file: OpenedFile, settings: Settings) -> Listed:
    return Listed(
        list=file.scope,
        serial=row.text("serial"),
        asset_tag=row.text("asset_tag"),
        name=row.text("device_name"),
        manufacturer=row.text("manufacturer"),
        model=row.text("model"),
        platform=_word(row.text("platform"), settings.platforms, tuple(begins for begins, _ in _PLATFORMS)),
        os_version=row.text("os_version"),
        unit=row.text("unit_code") or row.text("unit") or row.text("cost_centre"),
        location=row.text("location"),
        groups=row.text("groups"),
        purpose=_word(row.text("purpose"), settings.purposes),
        holder=_log_in(row.text("holder")),
        number=row.text("person_number"),
        status=_word(row.text("status"), settings.statuses),
        seen_on=row.day("last_contact"),
        purchased_on=row.day("purchased"),
        warranty_until=row.day("warranty"),
        order=row.text("order"),
    )


def _log_in(holder: str | None) -> str | None:
    """The holder, unless he is named: of a name is kept that there was one."""
    return NAMED if holder is not None and len(holder.split()) > 1 else holder


def _word(text: str | None, own: Mapping[str, object], begins: tuple[str, ...] = ()) -> str | None:
    """A word of the list's. What is none is somebody's note, and may name somebody: it is not kept."""
    if text is None:
        return None
    is_meant = purpose(text, dict.fromkeys(own, Purpose.IGNORE)) is not None or condition(text) is not None
    is_known = is_meant or text.casefold().startswith(begins)
    return text if is_known else word_to_tell(text, own)


# -------------------------------------------------------------------------------------------------------- what it means

_PLATFORMS = (  # how a word for an operating system begins; the first that fits
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
_MODELS = (
    ("ipad", Platform.IPADOS),
    ("iphone", Platform.IOS),
    ("macbook", Platform.MACOS),
    ("imac", Platform.MACOS),
    ("mac mini", Platform.MACOS),
    ("apple tv", Platform.TVOS),
    ("chromebook", Platform.CHROMEOS),
    ("galaxy tab", Platform.ANDROID),
)


def normalise(part: str, settings: Settings, raw: Listed) -> tuple[Noted, ...]:
    """A row as a device, its words by the source's own tables and the shipped ones."""
    drift: list[Drift] = []
    state, use = _state(raw.status, settings, drift)
    meant = use or _purpose(raw, settings, drift)
    groups = _groups(raw.groups)
    record = DeviceRecord(
        source_id=f"{raw.list}/{raw.tag}" + (f"/{raw.nth}" if raw.nth > 1 else ""),
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
        status=None if raw.status == UNTOLD else raw.status,
        asset_tag=raw.asset_tag,
        last_contact_at=_noon(raw.seen_on),
        condition=state,
        purpose=meant,
        unit=raw.unit,
        serves=groups,
        purchased_on=raw.purchased_on,
        warranty_until=raw.warranty_until,
    )
    return (record, *drift)


def _state(word: str | None, settings: Settings, drift: list[Drift]) -> tuple[Condition, Purpose | None]:
    """What a status says: what became of it, or what it is for now. A blank, or no such column, says "in use"."""
    if word is None:
        return Condition.ACTIVE, None
    conditions = {said: meant for said, meant in settings.statuses.items() if isinstance(meant, Condition)}
    purposes = {said: meant for said, meant in settings.statuses.items() if isinstance(meant, Purpose)}
    use = purpose(word, purposes)
    if use is not None and use is not purpose(word):  # the source's own table outranks each shipped word
        return Condition.ACTIVE, use
    state = condition(word, conditions)
    if state is None and use is None:
        drift.append(Drift("status", word))
        return Condition.PENDING, None
    return (Condition.ACTIVE, use) if state is None else (state, None)


def _purpose(raw: Listed, settings: Settings, drift: list[Drift]) -> Purpose | None:
    meant = purpose(raw.purpose, settings.purposes)
    if raw.purpose is not None and meant is None:
        drift.append(Drift("purpose", raw.purpose))
    return meant


def _platform(raw: Listed, settings: Settings, drift: list[Drift]) -> Platform:
    word, model = (raw.platform or "").casefold(), (raw.model or "").casefold()
    own = {said.casefold(): meant for said, meant in settings.platforms.items()}
    if word in own:
        return own[word]
    told = next((meant for begins, meant in _PLATFORMS if word.startswith(begins)), None)
    if told is None and raw.platform is not None:
        drift.append(Drift("platform", raw.platform))
    return told or next((meant for name, meant in _MODELS if name in model), Platform.OTHER)


def _keys(raw: Listed, settings: Settings, drift: list[Drift]) -> tuple[Key, ...]:
    number = () if raw.number is None else (Key(Scheme.NUMBER, settings.number_namespace, raw.number),)
    if raw.holder is None:
        return number
    if "@" in raw.holder:
        return (*number, Key(Scheme.ADDRESS, "", raw.holder))
    if raw.holder != NAMED and (settings.domain or "\\" in raw.holder):
        return (*number, Key(Scheme.ACCOUNT, settings.domain, raw.holder))
    drift.append(Drift("holder", NAMED if raw.holder == NAMED else "account name without a domain"))
    return number


def _groups(text: str | None) -> tuple[str, ...]:
    """Groups in one cell, apart by comma, semicolon, bar or line; never by a slash, which classes have in their names."""
    return tuple(dict.fromkeys(group.strip() for group in _SEPARATORS.split(text or "") if group.strip()))


def _noon(day: date | None) -> datetime | None:
    """A day as an instant that is on it in every zone of ours."""
    return None if day is None else datetime.combine(day, time(12), ZONE).astimezone(UTC)
