"""Devices from lists that a school or an IT department keeps as CSV or workbook.

Endpoint: the files of `path`. Each list is complete by itself and is named by its file name without the day; of each list
the newest edition counts. Permission: to read the folder, nothing else. Documentation: none, since every school designs
its own list (read 2026-11-24). So headers are recognised by Swedish words; `columns = { field = "header" }` names the
others, and `columns = { field = false }` says that the lists have none.

Quirks:
* A list speaks for the day in its name, in its column or of its file. A device that it no longer names is absent from it.
* The last contact is the column *last seen*. Being listed is no contact here: otherwise a device that has been silent in
  its MDM for months would look alive. The core uses the list's day for devices that no MDM ever had.
* Days, owners or states under a header that nobody named may say that a device is silent, private or wiped: see below.
* A status says what became of a device (skrotad, stulen, på reparation) or what it is for (lager, lån): both are read.
* With an unknown status a device does not work: it is pending until the word is mapped.
* Groups alone make no set: an avdelning of a förskola has them too. A purpose of the row says so, or a [[device_rule]].
* A holder is a log-in or an employment number. A person's name is no key and is not kept: the device is in the hands of
  somebody unknown (*unknown holder*), and at a unit that is only a förskola it is unknown whether it is in the pool.

Refuses a row that has neither serial number nor asset tag. Whether a serial is usable is decided in the core.

```toml
[[source]]
kind = "device_file"
name = "datorlistor"
path = "/srv/lists"                    # a folder, a file or a pattern; each list is whole for itself
namespace = "personal"                 # whose employment numbers its holders have
domain = "EXB"
# statuses = { "Hylla 3" = "stock", "Återlämnad leasing" = "retired" }
# purposes = { "Elevlåda" = "set" }
# platforms = { "Standardklient" = "windows" }
# ownerships = { "Skolägd" = "organisation" }
# columns = { last_contact = "Senast på nätet", ownership = false }   # false: no column of the lists says it
```

* **Kept**: serial, asset tag, maker, model, system, unit, room, groups, purpose, the holder's log-in or employment
  number, status as a word, day last seen, of purchase and of warranty, order, ownership, what manages it, compliance,
  encryption.
* **Read and dropped**: the device's name; a holder's name in place of a log-in; a status, purpose or system that is
  no word of such lists.
* **Never decoded**: every other column: notes, IMEI, network addresses, phone numbers; "Används av", which names a
  class or a person (`columns = { groups = "Används av" }` where it is a class).
* **Quirks that decide something**
  * Contact is the day last seen (noon, local). Being listed is none in the record: an iPad that its MDM has not heard
    of for months would look alive. The core takes the day a list speaks for as the contact of what no MDM ever had.
  * A status may say what became of a device or what it is for; "Lager" and "Lån" outrank the row's purpose. An
    unknown word makes the device `pending`, so that it never works by accident, and is reported as an unknown value.
  * Groups make no set by themselves (an avdelning has them too). Say so once: `[[device_rule]] when = { source =
    "datorlistor", groups = "*" }`, `purpose = "set"`.
  * A day or another fact that cannot be read ("36 months", "HT 2025") costs itself, never the device; "Aldrig" as the
    day last seen is a device that is not in use yet.
  * Where a list has no column for the last contact, the ownership or the state, and a column under a header that nobody
    named looks like days, owners or states, its devices are unknown until `columns` names that header or says `false`.
  * A list that cannot be read is named and stops no other; what is no list (Thumbs.db, a PDF, a note) is left and named.
  * A list is named by its file without the day: a renamed list is a new one. Placeholder serials are recognised in
    the core; rows that share one are numbered.
* **Not tried here**: lists of every kind. An XLS of 1997 is read by the same reader as XLSX.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import Field

from fleetsync.core.model import (
    Compliance,
    Condition,
    DeviceRecord,
    Key,
    Ownership,
    PartRole,
    Platform,
    Purpose,
    RecordType,
    Scheme,
)
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
    SourceSettings,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import (
    WITHHELD_TEXT,
    fold_text,
    local_noon,
    login_key,
    missing_columns,
    parse_condition,
    parse_purpose,
    platform_of_model,
    platform_of_word,
    probe_files,
    reportable_word,
)
from fleetsync.pull.files import (
    FileColumn,
    FileFormat,
    MisfitRow,
    RowFacts,
    Suspicion,
    look_like_days,
    look_like_owners,
    look_like_states,
)

PARTS = (Part("devices", (RecordType.DEVICE,), role=PartRole.LIST),)

COLUMNS = (
    FileColumn("serial", kind="id", deciding=True),
    FileColumn("asset_tag", kind="id", fallbacks=("annotated asset id",)),
    FileColumn("device_name"),
    FileColumn("manufacturer"),
    FileColumn("model"),
    FileColumn("platform"),
    FileColumn("os_version", kind="id"),
    FileColumn("unit", deciding=True),
    FileColumn("unit_code", kind="id", deciding=True),
    FileColumn("cost_centre", kind="id", deciding=True),
    FileColumn("location", ("placering", "rum", "lokal", "location"), fallbacks=("annotated location",)),
    FileColumn("groups", ("klass", "klasser", "grupp", "grupper", "arbetslag", "avdelning")),
    FileColumn("purpose"),
    FileColumn(
        "holder",
        ("innehavare", "användare", "användarnamn", "inloggning", "tilldelad", "upn", "e-post", "konto", "holder", "user"),
        fallbacks=(
            "primary user upn",
            "primär användares upn",
            "primary user principal name",
            "user principal name",
            "annotated user",
            "username",
            "primary user email address",
            "primary user",
            "assigned user",
        ),
        deciding=True,
    ),
    FileColumn("person_number", kind="id"),
    FileColumn("status", suspected_by=Suspicion(look_like_states, re.compile("state|status|lage$|tillstand"))),
    FileColumn("state"),
    FileColumn("ownership", suspected_by=Suspicion(look_like_owners)),
    FileColumn("managed_by"),
    FileColumn("compliance"),
    FileColumn("encrypted"),
    FileColumn("last_contact", kind="day", deciding=True, suspected_by=Suspicion(look_like_days)),
    FileColumn("purchased", kind="day"),
    FileColumn("warranty", kind="day"),
    FileColumn("order", kind="id"),
)  # fmt: skip

# Without them devices cannot be joined or placed; for the unit one column is enough.
NEEDED_FIELDS = {"serial": ("serial",), "unit": ("unit", "unit_code", "cost_centre")}
# A column that may be one of these, under a header that nobody named, leaves the record's field unknown.
_FIELD_OF_COLUMN = {"last_contact": "last_contact_at", "ownership": "ownership", "status": "condition"}

_NEVER = frozenset(
    {"aldrig", "never", "aldrig inloggad", "aldrig ansluten", "aldrig sedd", "never connected", "ej inloggad"}
)
# What Intune's portal and Google's console say beside the words of lists.
_STATES = {
    "managed": Condition.ACTIVE,
    "enrolled": Condition.ACTIVE,
    "provisioned": Condition.ACTIVE,
    "discovered": Condition.PENDING,
    "preprovisioned": Condition.PENDING,
    "retire pending": Condition.RETIRED,
    "retire issued": Condition.RETIRED,
    "retirepending": Condition.RETIRED,
    "deprovisioned": Condition.RETIRED,
    "wipe pending": Condition.WIPED,
    "wipe issued": Condition.WIPED,
    "wipepending": Condition.WIPED,
    "delete pending": Condition.RETIRED,
}
_OWNERSHIPS = {
    **dict.fromkeys(
        ("company", "corporate", "organisation", "organization", "företag", "företagsägd"), Ownership.ORGANISATION
    ),
    **dict.fromkeys(("kommun", "kommunen", "kommunal", "kommunägd", "skola", "skolägd"), Ownership.ORGANISATION),
    **dict.fromkeys(("personal", "personally owned", "private", "byod"), Ownership.PERSONAL),
    **dict.fromkeys(("privat", "privatägd", "privatägda", "personlig", "personligt ägd", "egen"), Ownership.PERSONAL),
}
_NOT_KNOWN = frozenset({"unknown", "okänd", "okänt", "none", "null", "n/a", "-"})
_MANAGERS = frozenset(
    [
        "intune",
        "mdm",
        "ja",
        "yes",
        "true",
        "jamf",
        "google",
        "mosyle",
        "kandji",
        "workspace",
        "configmgr",
        "co-managed",
        "comanaged",
    ]
) | {"jamf pro", "jamf school", "mdm/configmgr", "configuration manager"}
_NO_MANAGERS = frozenset(
    {"eas", "exchange activesync", "mde", "mssense", "microsoft defender for endpoint", "none"}
) | {
    "microsoft sense",
    "ej hanterad",
    "ohanterad",
    "unmanaged",
    "nej",
    "no",
    "false",
}
_COMPLIANCES = {
    **dict.fromkeys(("compliant", "efterlever", "kompatibel", "ja", "yes", "true"), Compliance.COMPLIANT),
    **dict.fromkeys(("not compliant", "noncompliant", "ej kompatibel", "nej", "no", "false"), Compliance.NONCOMPLIANT),
}
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
    ownerships: dict[str, Ownership] = Field(default_factory=dict)


class DeviceListRow(msgspec.Struct, frozen=True):
    """What is kept of a row. *list*: the list it stands in; *occurrence*: which row of this serial it is, from 1.

    *never_seen*: the list says that it never was in contact. *unknown_fields*: the record's fields that may stand under a
    header that nobody named.
    """

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
    state: str | None = None
    ownership: str | None = None
    managed_by: str | None = None
    compliance: str | None = None
    encrypted: bool | None = None
    seen_on: date | None = None
    never_seen: bool = False
    purchased_on: date | None = None
    warranty_until: date | None = None
    order: str | None = None
    occurrence: int = 1
    unreadable: tuple[UnreadableFact, ...] = ()
    unknown_fields: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """Serial or asset tag in the spelling by which rows are compared."""
        return _folded_tag(self.serial or self.asset_tag or "")

    @property
    def source_id(self) -> str:
        """The id of its record."""
        return f"{self.list}/{self.tag}" + (f"/{self.occurrence}" if self.occurrence > 1 else "")


def _folded_tag(tag: str) -> str:
    return "".join(tag.split()).upper()


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """All rows of every list that has a new edition; each list is complete by itself."""
    for file in connect.files(settings.path, COLUMNS, form=settings, each_whole=True):
        missing = missing_columns(file, NEEDED_FIELDS)
        for page in file.pages(_row_parser(file, settings), scope=file.scope, misfit=_misfit_reader(file)):
            yield replace(page, drift=(*missing, *page.drift))
            missing = ()


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Whether each list can be read to its end, for which day it speaks, and which columns it lacks."""
    files = connect.files(settings.path, COLUMNS, form=settings, each_whole=True)
    yield from probe_files(
        PARTS[0],
        files,
        lambda file: sum(len(page.raws) for page in file.pages(_row_parser(file, settings))),
        noun="devices",
        groups=NEEDED_FIELDS,
    )


def _row_parser(file: SourceFile, settings: Settings) -> Callable[[FileRow], DeviceListRow]:
    rows: Counter[str] = Counter()
    unknown = tuple(sorted(_FIELD_OF_COLUMN[column] for column in file.suspected_fields))

    def read(row: FileRow) -> DeviceListRow:
        listed = _parse_row(row, file, settings)
        if not listed.tag:
            raise RecordError("serial and asset tag are empty")
        rows[listed.tag] += 1
        return msgspec.structs.replace(listed, occurrence=rows[listed.tag], unknown_fields=unknown)

    return read


def _misfit_reader(file: SourceFile) -> Callable[[MisfitRow], tuple[str | None, None]]:
    def read(row: MisfitRow) -> tuple[str | None, None]:
        tag = _folded_tag(row.certain("serial") or row.certain("asset_tag") or "")
        return (f"{file.scope}/{tag}" if tag else None), None

    return read


def _parse_row(row: FileRow, file: SourceFile, settings: Settings) -> DeviceListRow:
    facts = RowFacts(row)
    never_seen = fold_text(row.text("last_contact")) in _NEVER
    return DeviceListRow(
        list=file.scope,
        serial=row.text("serial"),
        asset_tag=row.text("asset_tag"),
        name=row.text("device_name"),
        manufacturer=row.text("manufacturer"),
        model=row.text("model"),
        platform=_reportable_platform(row.text("platform"), settings.platforms),
        os_version=row.text("os_version"),
        unit=row.text("unit_code") or row.text("unit") or row.text("cost_centre"),
        location=row.text("location"),
        groups=row.text("groups"),
        purpose=_reportable_word(row.text("purpose"), settings.purposes),
        holder=_holder_login(row.text("holder")),
        number=row.text("person_number"),
        status=_reportable_word(row.text("status"), {**_STATES, **settings.statuses}),
        state=_reportable_word(row.text("state"), {**_STATES, **settings.statuses}),
        ownership=_reportable_word(
            row.text("ownership"), {**dict.fromkeys(_NOT_KNOWN), **_OWNERSHIPS, **settings.ownerships}
        ),
        managed_by=_reportable_word(row.text("managed_by"), dict.fromkeys((*_MANAGERS, *_NO_MANAGERS, *_NOT_KNOWN))),
        compliance=_reportable_word(row.text("compliance"), _COMPLIANCES),
        encrypted=facts.boolean("encrypted", "encrypted"),
        seen_on=None if never_seen else facts.day("last_contact", "last_contact_at"),
        never_seen=never_seen,
        purchased_on=facts.day("purchased", "purchased_on"),
        warranty_until=facts.day("warranty", "warranty_until"),
        order=row.text("order"),
        unreadable=facts.unreadable,
    )


def _holder_login(holder: str | None) -> str | None:
    """The holder's log-in. Of a person's name only the fact that there was one is kept."""
    return NAME_PLACEHOLDER if holder is not None and len(holder.split()) > 1 else holder


def _reportable_word(text: str | None, own: Mapping[str, object]) -> str | None:
    """A status or a purpose. What is no word of such lists is a note, and may name somebody: it is not kept."""
    if text is None:
        return None
    is_known = parse_purpose(text, dict.fromkeys(own, Purpose.IGNORE)) is not None or parse_condition(text) is not None
    return text if is_known else reportable_word(text, own)


def _reportable_platform(text: str | None, own: Mapping[str, Platform]) -> str | None:
    """As `_reportable_word`, of the word for an operating system."""
    return text if text is None or platform_of_word(text) else _reportable_word(text, own)


# -------------------------------------------------------------------------------------------------------- what it means


def normalise(part: str, settings: Settings, raw: DeviceListRow) -> tuple[NormalisedItem, ...]:
    """A row as a device. Its words are read by the source's own tables and the shipped ones."""
    unknown: list[UnknownValue] = []
    condition, purpose = _condition(raw, settings, unknown)
    ownership, managed = _ownership(raw, settings, unknown), _managed(raw, unknown)
    unreadable = {fact.field for fact in raw.unreadable} | set(raw.unknown_fields)
    if raw.ownership is not None and ownership is None and fold_text(raw.ownership) not in _NOT_KNOWN:
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


def _condition(raw: DeviceListRow, settings: Settings, unknown: list[UnknownValue]) -> tuple[Condition, Purpose | None]:
    """What status and state say together. Either may say that it is not in use; never seen is not in use yet."""
    condition, purpose = _status_meaning(raw.status, settings, unknown)
    state, _ = _status_meaning(raw.state, settings, unknown)
    condition = state if condition is Condition.ACTIVE else condition
    if condition is Condition.ACTIVE and raw.never_seen:
        condition = Condition.PENDING
    return condition, purpose


def _ownership(raw: DeviceListRow, settings: Settings, unknown: list[UnknownValue]) -> Ownership | None:
    word = fold_text(raw.ownership)
    if not word or word in _NOT_KNOWN:
        return None
    own = {fold_text(name): meaning for name, meaning in settings.ownerships.items()}
    ownership = own.get(word, _OWNERSHIPS.get(word))
    if ownership is None:
        unknown.append(UnknownValue("ownership", raw.ownership or ""))
    return ownership


def _managed(raw: DeviceListRow, unknown: list[UnknownValue]) -> bool | None:
    word = fold_text(raw.managed_by)
    if word in _NO_MANAGERS:
        return False
    if not word or word in _NOT_KNOWN:
        return None
    if word not in _MANAGERS:
        unknown.append(UnknownValue("managed_by", raw.managed_by or ""))
        return None
    return True


def _compliance(raw: DeviceListRow, unknown: list[UnknownValue]) -> Compliance | None:
    if raw.compliance is None:
        return None
    compliance = _COMPLIANCES.get(fold_text(raw.compliance))
    if compliance is None:
        unknown.append(UnknownValue("compliance", raw.compliance))
    return compliance


def _status_meaning(
    word: str | None, settings: Settings, unknown: list[UnknownValue]
) -> tuple[Condition, Purpose | None]:
    """What a status says: what became of the device, or what it is for now. A blank, or no such column: "in use"."""
    if word is None:
        return Condition.ACTIVE, None
    conditions = _STATES | {
        own: meaning for own, meaning in settings.statuses.items() if isinstance(meaning, Condition)
    }
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
    return platform or platform_of_model(raw.model) or Platform.OTHER


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
