"""Reads lists of devices row by row. What is no word of such lists may name somebody and is not kept."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date

import msgspec

from connectors.device_file.columns import COLUMNS, FIELD_OF_COLUMN, NEEDED_FIELDS
from connectors.device_file.layouts import LAYOUTS
from connectors.device_file.settings import Settings
from connectors.device_file.words import COMPLIANCES, MANAGERS, NEVER, NO_MANAGERS, NOT_KNOWN, OWNERSHIPS, STATES
from fleetsync.core.model import PartRole, Platform, Purpose, RecordType
from fleetsync.pull.contract import Connect, FileRow, Page, Part, ProbeResult, RecordError, SourceFile, UnreadableFact
from fleetsync.pull.decoding import (
    fold_text,
    missing_columns,
    parse_condition,
    parse_purpose,
    platform_of_word,
    probe_files,
    reportable_word,
)
from fleetsync.pull.files import MisfitRow, RowFacts

PARTS = (Part("devices", (RecordType.DEVICE,), role=PartRole.LIST),)
NAME_PLACEHOLDER = "a name"  # in place of a holder's name


class DeviceListRow(msgspec.Struct, frozen=True):
    """What is kept of a row. *list*: the list it stands in; *occurrence*: which row of this serial it is, from 1.

    *never_seen*: the list says that it never was in contact. *is_trashed*: its MDM has put it into the bin. *unknown_fields*: the record's fields that may stand under a
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
    is_lost: bool = False
    is_trashed: bool = False
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


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """All rows of every list that has a new edition; each list is complete by itself."""
    for file in connect.files(settings.path, COLUMNS, form=settings, each_whole=True, layouts=LAYOUTS):
        missing = missing_columns(file, NEEDED_FIELDS)
        for page in file.pages(_row_parser(file, settings), scope=file.scope, misfit=_misfit_reader(file)):
            yield replace(page, drift=(*missing, *page.drift))
            missing = ()


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Whether each list can be read to its end, for which day it speaks, and which columns it lacks."""
    files = connect.files(settings.path, COLUMNS, form=settings, each_whole=True, layouts=LAYOUTS)
    yield from probe_files(
        PARTS[0],
        files,
        lambda file: sum(len(page.raws) for page in file.pages(_row_parser(file, settings))),
        noun="devices",
        groups=NEEDED_FIELDS,
    )


def _row_parser(file: SourceFile, settings: Settings) -> Callable[[FileRow], DeviceListRow]:
    rows: Counter[str] = Counter()
    unknown = tuple(sorted(FIELD_OF_COLUMN[column] for column in file.suspected_fields))

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
    never_seen = fold_text(row.text("last_contact")) in NEVER
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
        status=_reportable_word(row.text("status"), {**STATES, **settings.statuses}),
        state=_reportable_word(row.text("state"), {**STATES, **settings.statuses}),
        ownership=_reportable_word(
            row.text("ownership"), {**dict.fromkeys(NOT_KNOWN), **OWNERSHIPS, **settings.ownerships}
        ),
        managed_by=_reportable_word(row.text("managed_by"), dict.fromkeys((*MANAGERS, *NO_MANAGERS, *NOT_KNOWN))),
        compliance=_reportable_word(row.text("compliance"), COMPLIANCES),
        encrypted=facts.boolean("encrypted", "encrypted"),
        seen_on=None if never_seen else facts.day("last_contact", "last_contact_at"),
        never_seen=never_seen,
        is_lost=facts.boolean("is_lost", "condition") is True,
        is_trashed=facts.boolean("is_trashed", "condition") is True,
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
