"""AppleCare: until when each device of Apple School Manager is under warranty, a few devices at a time.

API: GET {base_url}/v1/orgDevices and, for each device, /v1/orgDevices/{serial}/appleCareCoverage (Apple School Manager API
1.6, documentation and changelog read 2026-11-30). There is no list of all warranties. Sign-in and Apple Business: as of
`apple_school_manager`; both may use the same API account.
Permission: an API account of Apple School Manager, made by an Administrator or Site Manager under Preferences > API ("Create
an API account in Apple School Manager"), with its client id, key id and private key, and with access to devices and their
AppleCare coverage. To view them is enough: fleetsync sends nothing but GET.

Quirks:
* About 20 requests a minute are answered, for all programs of the organisation together: 8000 devices take seven hours.
* A device has several coverages side by side, the limited warranty and AppleCare. Subscriptions have no end.
* An empty answer says nothing about a device, and neither does an answer that fails.

```toml
[[source]]
kind = "apple_care"
name = "apple-care"
client_id = "SCHOOLAPI.11111111-2222-4333-8444-555555555555"
key_id = "99999999-2222-4333-8444-555555555555"
private_key_file = "/run/secrets/apple.pem"
# devices_per_pull = 150                           # default 100: six minutes at 18 a minute
# ask_again_after = "60d"                          # default 30d: how long an answer is good for
# base_url = "https://api-business.apple.com"      # default https://api-school.apple.com
# scope = "business.api"                           # default school.api
# token_url = "https://account.apple.com/auth/oauth2/v2/token"     # default /auth/oauth2/token
# requests_per_minute = 6                          # default 18; fewer where other programs ask Apple as well
```

* **Kept**: serial, and the day on which the last coverage ends.
* **Never decoded**: agreement numbers, descriptions, how a coverage was paid for; of devices everything but the serial and the
  instant at which they were added.
* **Quirks that decide something**
  * A pull asks for the next devices in the order in which they were added to the organisation, and remembers the last one, so
    that a restart goes on from there. New devices are the last, and are asked for at the next pull once all were. After
    `ask_again_after` all are asked for again.
  * Warranties are details of devices that other sources have. A device that Apple School Manager has released is no device
    because its warranty is known.
  * The warranty ends with the latest end of a coverage that was not cancelled; a contract that was ended early ends then. While
    a subscription without an end is active, no end is known.
  * A device whose coverage cannot be read keeps what was known until it is asked for again, and the pull goes on. After three
    in a row it fails, and the next one begins where the last complete one ended.
* **Not tried here**: a live organisation, and where its page for API accounts is; coverage of devices that were released and added again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Annotated, NamedTuple
from urllib.parse import quote

from pydantic import Field, model_validator

from fleetsync.core.model import DeviceRecord, PartRole, RecordType
from fleetsync.pull.apple_school_manager import DEVICES, DEVICES_RIGHT, PAGE_SIZE, AppleSettings, account_remedy
from fleetsync.pull.contract import (
    Client,
    Connect,
    Duration,
    NormalisedItem,
    Page,
    Params,
    Part,
    PartMissing,
    ProbeResult,
    RejectedRecord,
    SourceUnavailable,
    Stopped,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import (
    JsonApiPage,
    RowReader,
    SourceRow,
    UnreadableFacts,
    clean_text,
    json_api_pages,
    known_word,
    parse_day,
    probe_part,
    unreadable_fields,
)

PARTS = (Part("coverage", (RecordType.DEVICE,), role=PartRole.DETAILS, reads="some"),)
COVERAGE_RIGHT = "access of the API account to AppleCare coverage"
MAX_FAILURES_IN_A_ROW = 3


class Settings(AppleSettings):
    """Its `[[source]]` table: an API account of Apple School Manager or Apple Business."""

    devices_per_pull: Annotated[int, Field(ge=1)] = 100
    ask_again_after: Duration = timedelta(days=30)

    @model_validator(mode="after")
    def _has_time(self) -> "Settings":
        """Half of the time may go to other sources that share the pace."""
        if 2 * timedelta(minutes=self.devices_per_pull / self.requests_per_minute) > self.time_limit:
            raise ValueError(
                "devices_per_pull is too high for its time_limit at requests_per_minute: lower it, or raise time_limit"
            )
        return self


# ------------------------------------------------------------------------------------------------- what is decoded


class DeviceAttributes(SourceRow, frozen=True, rename="camel"):
    """What decides when a device is asked for."""

    added_to_org_date_time: str | None = None


class Device(SourceRow, frozen=True, kw_only=True):
    """A device of the organisation. Its id is its serial."""

    id: str
    attributes: DeviceAttributes | None = None


class CoverageAttributes(SourceRow, frozen=True, rename="camel"):
    """When a coverage ends."""

    status: str | None = None
    end_date_time: str | None = None
    is_canceled: bool | None = None
    contract_cancel_date_time: str | None = None


class Coverage(SourceRow, frozen=True):
    """A warranty or a contract of one device."""

    id: str | None = None
    attributes: CoverageAttributes | None = None


class DeviceCoverage(SourceRow, frozen=True, kw_only=True):
    """All coverages of one device."""

    serial: str
    coverages: tuple[Coverage, ...]


# ------------------------------------------------------------------------------------------------------------ bookmark


class Position(NamedTuple):
    """The place of a device in the order in which devices are asked for: when it was added, and its serial."""

    added: str = ""
    serial: str = ""


class Bookmark(NamedTuple):
    """The day on which the first device was asked for, and the place of the last one that was."""

    began: date
    last: Position = Position()

    def __str__(self) -> str:
        return f"{self.began} {self.last.added} {self.last.serial}"

    @classmethod
    def of(cls, mark: str | None, today: date) -> "Bookmark":
        """The bookmark that *mark* holds; without one, the beginning of all devices."""
        began, _, last = (mark or "").partition(" ")
        try:
            added, serial = last.split(" ", 1)
            return cls(date.fromisoformat(began), Position(added, serial))
        except ValueError:
            return cls(today)


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """The coverage of the next devices, a page for each, with a bookmark after each."""
    client = settings.client(connect)
    bookmark = Bookmark.of(connect.mark, connect.today)
    positions, unreadable = _positions(client)
    due = [position for position in positions if position > bookmark.last]
    if not due and connect.today - bookmark.began >= settings.ask_again_after:
        bookmark, due = Bookmark(connect.today), positions
    yield replace(unreadable, mark=str(bookmark))
    failures = 0
    for position in due[: settings.devices_per_pull]:
        try:
            page, failures = _coverage_page(client, position.serial), 0
        except SourceUnavailable as error:
            failures += 1
            if isinstance(error, Stopped) or failures == MAX_FAILURES_IN_A_ROW:
                raise
            page = _unreadable_page(position.serial, "its coverage could not be asked for")
        yield replace(page, mark=str(bookmark._replace(last=position)))


def _positions(client: Client) -> tuple[list[Position], Page]:
    """All devices in the order in which they are asked for, and a page with what could not be read of their list."""
    positions: list[Position] = []
    facts: list[UnreadableFact] = []
    rejected: list[RejectedRecord] = []
    reader = RowReader(Device)
    chosen: Params = {"limit": PAGE_SIZE, "fields[orgDevices]": "addedToOrgDateTime"}
    for page in json_api_pages(client, DEVICES, chosen, needs=DEVICES_RIGHT):
        read = reader.read(page.data)
        facts += read.facts
        rejected += read.rejected
        for device in read.rows:
            added = device.attributes.added_to_org_date_time if device.attributes is not None else None
            positions.append(Position(clean_text(added) or "", device.id))
    return sorted(set(positions)), Page(facts, rejected=tuple(rejected))


def _coverage_page(client: Client, serial: str) -> Page:
    """The coverage of one device; nothing for a device that Apple does not know any more, or says nothing about."""
    path = f"{DEVICES}/{quote(serial, safe='')}/appleCareCoverage"
    coverages: list[Coverage] = []
    facts: list[UnreadableFact] = []
    try:
        for page in json_api_pages(client, path, {"limit": PAGE_SIZE}, needs=COVERAGE_RIGHT, may_be_missing=True):
            read = RowReader(Coverage).read(page.data)
            if read.rejected:
                return _unreadable_page(serial, "one of its coverages cannot be read")
            coverages += read.rows
            facts += read.facts
    except PartMissing as missing:
        if not missing.has_json:
            raise
    known = [DeviceCoverage(serial=serial, coverages=tuple(coverages))] if coverages else []
    return Page([*known, *facts])


def _unreadable_page(serial: str, reason: str) -> Page:
    """What was known of the device stays."""
    return Page([], rejected=(RejectedRecord(reason, serial, serial),))


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Asks for one device and for its coverage."""
    client = settings.client(connect)
    (part,) = PARTS
    yield probe_part(
        part,
        lambda: _has_coverage(client),
        readable="the AppleCare coverage of devices can be read",
        empty="devices can be read, and there is none, or nothing is known of the coverage of the first",
        remedy=account_remedy("their AppleCare coverage"),
    )


def _has_coverage(client: Client) -> bool:
    chosen: Params = {"limit": 1, "fields[orgDevices]": "addedToOrgDateTime"}
    page = client.get(DEVICES, chosen, decode=JsonApiPage, needs=DEVICES_RIGHT)
    devices = RowReader(Device).read(page.data).rows
    return any(_coverage_page(client, device.id).raws for device in devices[:1])


# -------------------------------------------------------------------------------------------------------- what it means

_IS_ACTIVE: Mapping[str, bool] = MappingProxyType({"active": True, "inactive": False})


def normalise(part: str, settings: Settings, raw: DeviceCoverage | UnreadableFact) -> tuple[NormalisedItem, ...]:
    """The coverages of one device as a record with the day on which the last one ends."""
    if isinstance(raw, UnreadableFact):
        return (raw,)
    unknown, facts = list[UnknownValue](), UnreadableFacts(raw.serial)
    known = [coverage.attributes or CoverageAttributes() for coverage in raw.coverages]
    ends = [_last_day(each, facts) for each in known]
    is_endless = any(
        end is None and not each.is_canceled and known_word(_IS_ACTIVE, each.status, "status", unknown)
        for each, end in zip(known, ends, strict=True)
    )
    is_unreadable = bool(facts.fields) or any(map(unreadable_fields, raw.coverages))
    record = DeviceRecord(
        source_id=raw.serial,
        serial=raw.serial,
        manufacturer="Apple",
        warranty_until=None if is_endless else max(filter(None, ends), default=None),
        unreadable=("warranty_until",) if is_unreadable else (),
    )
    return (record, *unknown, *facts)


def _last_day(coverage: CoverageAttributes, facts: UnreadableFacts) -> date | None:
    """The last day of a coverage: that of the contract that was ended early, else its end; None for a cancelled one."""
    ended = facts.read(parse_day, coverage.contract_cancel_date_time, "attributes.contractCancelDateTime")
    if ended is not None or coverage.is_canceled:
        return ended
    return facts.read(parse_day, coverage.end_date_time, "attributes.endDateTime")
