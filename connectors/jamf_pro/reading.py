"""Which addresses are asked for a part, and how the pages of a listing follow each other."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.jamf_pro.schema import (
    COMPUTER_SECTIONS,
    MOBILE_DEVICE_SECTIONS,
    AssignedDevice,
    Computer,
    EnrolmentInstance,
    MobileDevice,
    NamedPlace,
    record_id_or_none,
)
from connectors.jamf_pro.settings import Settings
from fleetsync.core.model import PartRole, RecordType
from fleetsync.pull.contract import (
    Client,
    Connect,
    Page,
    Params,
    Part,
    PartMissing,
    ProbeResult,
    SourceRefused,
)
from fleetsync.pull.decoding import RowReader, SourceRow, probe_part

PARTS = (
    Part("units", (RecordType.UNIT,)),
    Part("computers", (RecordType.DEVICE,), role=PartRole.MDM),
    Part("mobile_devices", (RecordType.DEVICE,), role=PartRole.MDM),
    Part("purchases", (RecordType.DEVICE,), role=PartRole.PURCHASES, expects_mdm=True, optional=True),
)
PAGE_SIZE = 500  # 2000 is allowed; some gateways time out at it with many sections
COMPUTER_VERSIONS = ("v4", "v3", "v2", "v1")

# The permission that a part needs: the privilege of an API role, and the capability of the Platform API.
_PERMISSIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "units": ("Read {places}", "that covers /v1/{places}"),
        "computers": ("Read Computers", "devices:read"),
        "mobile_devices": ("Read Mobile Devices", "devices:read"),
        "purchases": ("Read Device Enrollment Program Instances", "that covers /v1/device-enrollments"),
    }
)


class PagedRows(msgspec.Struct, frozen=True, rename="camel"):
    """A page of a listing. Its rows are read one by one: an odd value costs its fact, not the page."""

    results: list[msgspec.Raw]
    total_count: int | None = None


class _RowId(msgspec.Struct, frozen=True, rename="camel"):
    id: Any = None
    mobile_device_id: Any = None


class _ListingProgress:
    """Which page of a listing comes next. A short page is not the end: the server cuts pages as it likes."""

    def __init__(self, query: Params) -> None:
        self._query, self._number = query, 0
        self._ids: set[str] = set()

    def first(self) -> Params:
        return {**self._query, "page": 0}

    def following(self, page: PagedRows) -> Params | None:
        """None after an empty page, and when as many rows were read as there are by the latest count."""
        self._ids.update(filter(None, map(_row_id, page.results)))
        is_read = page.total_count is not None and len(self._ids) >= page.total_count
        if not page.results or is_read:
            return None
        self._number += 1
        return {**self._query, "page": self._number}


def _row_id(raw: msgspec.Raw) -> str | None:
    """What tells a row from the others of its listing: its id, or its content; None for what is no row."""
    try:
        row = msgspec.json.decode(raw, type=_RowId)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    own_id = row.mobile_device_id if row.id is None else row.id
    return str(own_id) if isinstance(own_id, str | int) else bytes(raw).hex()


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """A part whole, 500 rows a page, ordered by id."""
    yield from _READERS[part](settings, _client(settings, connect), PAGE_SIZE)


def _client(settings: Settings, connect: Connect) -> Client:
    return connect(settings.base_url, settings.sign_in(), headers=settings.headers())


def _pages(
    client: Client,
    path: str,
    reader: RowReader[SourceRow],
    query: Params,
    *,
    needs: str,
    may_be_missing: bool = False,
) -> Iterator[Page]:
    progress = _ListingProgress(query)
    listing = client.follow(
        path,
        progress.first(),
        decode=PagedRows,
        next_page=progress.following,
        needs=needs,
        may_be_missing=may_be_missing,
    )
    for page in listing:
        read = reader.read(page.results)
        yield Page([*read.rows, *read.facts], total=page.total_count, rejected=tuple(read.rejected))


def _read_places(settings: Settings, client: Client, page_size: int) -> Iterator[Page]:
    reader = RowReader[SourceRow](NamedPlace)
    path, needs = f"v1/{settings.places}", _permission(settings, "units")
    if settings.places != "sites":
        yield from _pages(client, path, reader, {"page-size": page_size, "sort": "id:asc"}, needs=needs)
        return
    read = reader.read(client.get(path, decode=list[msgspec.Raw], needs=needs))
    yield Page([*read.rows, *read.facts], rejected=tuple(read.rejected))


def _read_computers(settings: Settings, client: Client, page_size: int) -> Iterator[Page]:
    """By the newest version of the inventory that the server has."""
    query: Params = {"section": COMPUTER_SECTIONS, "page-size": page_size, "sort": "id:asc"}
    reader = RowReader[SourceRow](Computer, normalise_id=partial(record_id_or_none, "computer"))
    is_server = False
    for version in COMPUTER_VERSIONS:
        path, needs = f"{version}/computers-inventory", _permission(settings, "computers")
        pages = _pages(client, path, reader, query, needs=needs, may_be_missing=True)
        try:
            first = next(pages)
        except PartMissing as missing:
            is_server = is_server or missing.has_json
            continue
        yield first
        yield from pages
        return
    raise SourceRefused(_NO_INVENTORY.format(name=settings.name)) if is_server else _wrong_host(settings)


def _read_mobile_devices(settings: Settings, client: Client, page_size: int) -> Iterator[Page]:
    query: Params = {"section": MOBILE_DEVICE_SECTIONS, "page-size": page_size, "sort": "mobileDeviceId:asc"}
    reader = RowReader[SourceRow](
        MobileDevice, id_field="mobileDeviceId", normalise_id=partial(record_id_or_none, "mobile_device")
    )
    return _pages(client, "v2/mobile-devices/detail", reader, query, needs=_permission(settings, "mobile_devices"))


def _read_purchases(settings: Settings, client: Client, page_size: int) -> Iterator[Page]:
    """The tokens by which Apple gives devices to the server, then the devices of each.

    Every page has the total of all that was listed so far, so that a short response is noticed.
    """
    ids, total = list[str](), 0
    for page in _enrolment_instances(settings, client, page_size):
        ids += [row.id for row in page.raws if isinstance(row, EnrolmentInstance) and row.id]
        total = page.total or 0
        yield page
    for instance in dict.fromkeys(ids):
        devices = _assigned_devices(settings, client, instance)
        total += devices.total or 0
        yield replace(devices, total=total)


def _enrolment_instances(settings: Settings, client: Client, page_size: int) -> Iterator[Page]:
    query: Params = {"page-size": page_size, "sort": "id:asc"}
    needs = _permission(settings, "purchases")
    reader = RowReader[SourceRow](EnrolmentInstance, essential=("id",))
    try:
        yield from _pages(client, "v1/device-enrollments", reader, query, needs=needs, may_be_missing=True)
    except PartMissing as missing:
        if missing.has_json:
            raise
        raise _wrong_host(settings) from None


def _assigned_devices(settings: Settings, client: Client, instance: str) -> Page:
    """All devices of one token. They come in one response: there are no pages."""
    path = f"v1/device-enrollments/{quote(instance, safe='')}/devices"
    response = client.get(path, decode=PagedRows, needs=_permission(settings, "purchases"))
    reader = RowReader[SourceRow](AssignedDevice, normalise_id=partial(record_id_or_none, f"purchase/{instance}"))
    read = reader.read(response.results)
    total = len(response.results) if response.total_count is None else response.total_count
    return Page([*read.rows, *read.facts], total=total, rejected=tuple(read.rejected))


_Reader = Callable[[Settings, Client, int], Iterator[Page]]
_READERS: Mapping[str, _Reader] = MappingProxyType(
    {
        "units": _read_places,
        "computers": _read_computers,
        "mobile_devices": _read_mobile_devices,
        "purchases": _read_purchases,
    }
)

# ------------------------------------------------------------------------------------------------- what may be refused

_NO_INVENTORY = (
    "{name}: the server has no version of computers-inventory that is known here. Correct base_url, or add computers to "
    "without, then run: fleetsync check {name}"
)
_WRONG_HOST = (
    "{name}: 404 without JSON, so this is another host, or base_url lacks its end: /api on a server of Jamf Pro, /pro at the "
    "Jamf Platform API. Correct base_url, then run: fleetsync check {name}"
)


def _wrong_host(settings: Settings) -> SourceRefused:
    return SourceRefused(_WRONG_HOST.format(name=settings.name))


def _permission(settings: Settings, part: str) -> str:
    """What must be granted to read a part, as it stands behind the words "the permission"."""
    privilege, capability = _PERMISSIONS[part]
    if settings.is_platform:
        return capability.format(places=settings.places)
    return privilege.format(places=settings.places.capitalize())


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Asks for one row of each part."""
    client = _client(settings, connect)
    for part in PARTS:
        if part.name not in settings.without:
            yield _probe_part(part, settings, client)


def _probe_part(part: Part, settings: Settings, client: Client) -> ProbeResult:
    return probe_part(
        part,
        lambda: bool(next(_READERS[part.name](settings, client, 1)).raws),
        readable=f"{part.name} can be read",
        empty=f"{part.name} can be read, and the first page is empty",
        remedy=_remedy(settings, part.name),
    )


def _remedy(settings: Settings, part: str) -> str:
    grant = f"Grant the permission {_permission(settings, part)} to"
    if settings.is_platform:
        return (
            f"{grant} the integration in Jamf Account; check that environment_id (or tenant_id) is the one that it was made "
            "for, and that base_url ends in /pro"
        )
    return (
        f"{grant} the API role of this API client (Settings > API roles and clients); check that base_url ends in /api"
    )
