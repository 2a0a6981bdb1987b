"""Apple School Manager: the devices that Apple or a reseller sold to the organisation, and the MDM each is assigned to.

API: GET {base_url}/v1/orgDevices, /v1/mdmServers and /v1/mdmServers/{id}/relationships/devices (Apple School Manager API
1.6, documentation and changelog read 2026-11-30), 1000 rows a page, a whole read each time. Sign-in: OAuth 2 client
credentials with an assertion that is signed with the private key of an API account (ES256). Apple Business has the same
interface: `base_url = "https://api-business.apple.com"`, `scope = "business.api"`.
Permission: an API account of Apple School Manager, made by an Administrator or Site Manager under Preferences > API ("Create
an API account in Apple School Manager"), with its client id, key id and private key, and with access to devices and device
management services. To view them is enough: fleetsync sends nothing but GET.

Quirks:
* The assertion names https://account.apple.com/auth/oauth2/v2/token as its receiver, wherever the token comes from.
* About 20 requests a minute are answered, for all programs of the organisation together; the limit is not published. 18 are
  sent, by all sources that read from the same address together.
* A released device is missing from the list. No status says so.
* ASSIGNED means that an MDM was chosen for a device, not that it was ever enrolled there.
* A device does not say which MDM that is. Each MDM has a list of its devices, in pages.
* `fields` is documented without the fields of a migration, and a name that is not known is refused (400). Then the list is
  read without `fields`.

Refuses to decode IMEI, MEID and EID, addresses of networks, and who sold a device.

```toml
[[source]]
kind = "apple_school_manager"
name = "apple"
client_id = "SCHOOLAPI.11111111-2222-4333-8444-555555555555"
key_id = "99999999-2222-4333-8444-555555555555"
private_key_file = "/run/secrets/apple.pem"        # as it was downloaded: Apple gives it once
# base_url = "https://api-business.apple.com"      # default https://api-school.apple.com
# scope = "business.api"                           # default school.api
# token_url = "https://account.apple.com/auth/oauth2/v2/token"     # default /auth/oauth2/token
# requests_per_minute = 6                          # default 18; fewer where other programs ask Apple as well
```

* **Kept**: serial, model, product family as the platform, order number, day of the order, ASSIGNED or UNASSIGNED, the name of
  the MDM that it is assigned to, and whether it moves from one MDM to another now.
* **Read and dropped**: a device that says when it was released.
* **Never decoded**: IMEI, MEID, EID, Wi-Fi, Bluetooth and Ethernet addresses, colour, capacity, part number, the number of the
  reseller, the IP address of an MDM.
* **Quirks that decide something**
  * A device here is a purchase: it expects an MDM, so that a device that was never enrolled is found. It is *ordered* until
    an MDM or a list has it.
  * A device is bought on the day of its order. Without one it is the day on which Apple or a reseller added it. A device that
    was added by hand may be of any age: its day stays unknown.
  * `profile` is the name of the MDM: a `[[device_rule]]` or `[[unit_map]]` on it places devices where each school has an MDM of
    its own.
  * While its migration is STARTED, a device may be in two MDMs. It is one device, and works if either of them says so.
  * Where Apple says how many devices there are, fewer rows are read again, and then refused. Where it does not, a list that
    has lost more than a tenth is held.
* **Not tried here**: a live organisation, and where its page for API accounts is; whether an account can be limited to viewing;
  whether `fields` accepts the fields of a migration; whether the total is ever sent;
  the real limit of requests; how long a finished migration keeps its status.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import quote

import msgspec

from fleetsync.core.model import DeviceRecord, DroppedKind, Ownership, PartRole, Platform, RecordType
from fleetsync.pull.apple_school_manager import DEVICES, DEVICES_RIGHT, PAGE_SIZE, AppleSettings, account_remedy
from fleetsync.pull.contract import (
    Client,
    Connect,
    DroppedRow,
    NormalisedItem,
    Page,
    Params,
    Part,
    ProbeResult,
    SourceUnavailable,
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
    pages_of_accepted_query,
    parse_day,
    probe_part,
    report_unknown,
    required_text,
    unreadable_fields,
    with_unreadable,
)

R = TypeVar("R", "Server", "AssignedDevice")

PARTS = (Part("devices", (RecordType.DEVICE,), role=PartRole.PURCHASES, expects_mdm=True),)
SERVERS = "v1/mdmServers"
SERVERS_RIGHT = "access of the API account to device management services"

_DEVICE_FIELDS = (
    "serialNumber", "addedToOrgDateTime", "releasedFromOrgDateTime", "deviceModel", "productFamily", "productType",
    "orderNumber", "orderDateTime", "status", "purchaseSourceType", "mdmMigrationStatus",
)  # fmt: skip


class Settings(AppleSettings):
    """Its `[[source]]` table: an API account of Apple School Manager or Apple Business."""


# ------------------------------------------------------------------------------------------------- what is decoded


class DeviceAttributes(SourceRow, frozen=True, rename="camel"):
    """What Apple says about a device."""

    serial_number: str | None = None
    added_to_org_date_time: str | None = None
    released_from_org_date_time: str | None = None
    device_model: str | None = None
    product_family: str | None = None
    product_type: str | None = None
    order_number: str | None = None
    order_date_time: str | None = None
    status: str | None = None
    purchase_source_type: str | None = None
    mdm_migration_status: str | None = None


class Device(SourceRow, frozen=True):
    """A device of the organisation. *server_name*: of the MDM that it is assigned to; other lists tell it."""

    id: str | None = None
    attributes: DeviceAttributes | None = None
    server_name: str | None = msgspec.field(default=None, name="#server")


class ServerAttributes(SourceRow, frozen=True, rename="camel"):
    """What Apple says about an MDM."""

    server_name: str | None = None


class Server(SourceRow, frozen=True, kw_only=True):
    """An MDM that devices are assigned to."""

    id: str
    attributes: ServerAttributes | None = None


class AssignedDevice(SourceRow, frozen=True, kw_only=True):
    """A device in the list of an MDM."""

    id: str


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """All devices, 1000 a page, each with the name of the MDM that it is assigned to."""
    client = settings.client(connect)
    assignments = _Assignments(settings.name, client)
    server_names = assignments.server_names()
    yield Page(assignments.facts)
    reader = RowReader(Device, essential=("attributes", "attributes.releasedFromOrgDateTime"))
    for page in _device_pages(client):
        read = reader.read(page.data)
        devices = [_with_server(device, server_names) for device in read.rows]
        yield Page([*devices, *read.facts], total=page.total, rejected=tuple(read.rejected))


def _with_server(device: Device, server_names: Mapping[str, str]) -> Device:
    return msgspec.structs.replace(device, server_name=server_names.get(device.id or ""))


def _device_pages(client: Client) -> Iterator[JsonApiPage]:
    """The pages of the list of devices; read without `fields` where one of the fields is not known there."""
    query: Params = {"limit": PAGE_SIZE}
    chosen: Params = {**query, "fields[orgDevices]": ",".join(_DEVICE_FIELDS)}
    return pages_of_accepted_query(
        json_api_pages(client, DEVICES, chosen, needs=DEVICES_RIGHT, optional_query=True),
        json_api_pages(client, DEVICES, query, needs=DEVICES_RIGHT),
    )


class _Assignments:
    """Reads which MDM a device is assigned to. *facts*: what could not be read of the lists."""

    def __init__(self, source: str, client: Client) -> None:
        self._source, self._client = source, client
        self.facts: list[UnreadableFact] = []

    def server_names(self) -> Mapping[str, str]:
        """The name of each device's MDM, by the device's id. Raises SourceUnavailable for a list that is not whole."""
        names: dict[str, str] = {}
        for server in self._rows(SERVERS, Server):
            name = clean_text(server.attributes.server_name) if server.attributes is not None else None
            if name is not None:
                path = f"{SERVERS}/{quote(server.id, safe='')}/relationships/devices"
                names |= {device.id: name for device in self._rows(path, AssignedDevice)}
        return names

    def _rows(self, path: str, kind: type[R]) -> list[R]:
        rows: dict[str, R] = {}
        reader, unreadable, total = RowReader(kind), 0, None
        for page in json_api_pages(self._client, path, {"limit": PAGE_SIZE}, needs=SERVERS_RIGHT):
            read = reader.read(page.data)
            rows |= {row.id: row for row in read.rows}
            self.facts += read.facts
            self.facts += (UnreadableFact(SERVERS, rejected.reason, rejected.place) for rejected in read.rejected)
            unreadable += len(read.rejected)
            total = page.total
        # Otherwise each device that is missing would change its MDM, and with it perhaps its school.
        if total is not None and len(rows) + unreadable < total:
            raise SourceUnavailable(
                f"{self._source}: a list of an MDM should have {total} rows and gave {len(rows)}. What was believed before stays"
            )
        return list(rows.values())


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Asks for one MDM and for one device."""
    client = settings.client(connect)
    (part,) = PARTS
    yield probe_part(
        part,
        lambda: _has_devices(client),
        readable="devices and device management services can be read",
        empty="devices and device management services can be read, and there is no device",
        remedy=account_remedy("device management services"),
    )


def _has_devices(client: Client) -> bool:
    client.get(SERVERS, {"limit": 1}, decode=JsonApiPage, needs=SERVERS_RIGHT)
    chosen: Params = {"limit": 1, "fields[orgDevices]": "serialNumber"}
    return bool(client.get(DEVICES, chosen, decode=JsonApiPage, needs=DEVICES_RIGHT).data)


# -------------------------------------------------------------------------------------------------------- what it means

_PLATFORMS: Mapping[str, Platform] = MappingProxyType(
    {
        "ipad": Platform.IPADOS,
        "iphone": Platform.IOS,
        "mac": Platform.MACOS,
        "appletv": Platform.TVOS,
        "watch": Platform.OTHER,
        "vision": Platform.OTHER,
    }
)
_IS_MIGRATING: Mapping[str, bool] = MappingProxyType(
    {"requested": False, "started": True, "success": False, "failed": False}
)
_IS_ADDED_WHEN_SOLD: Mapping[str, bool] = MappingProxyType({"apple": True, "reseller": True, "manually_added": False})
_STATUSES = frozenset({"assigned", "unassigned"})
_FIELDS_OF_FACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "attributes.deviceModel": ("model",),
        "attributes.productFamily": ("platform",),
        "attributes.orderDateTime": ("purchased_on",),
        "attributes.addedToOrgDateTime": ("purchased_on",),
        "attributes.purchaseSourceType": ("purchased_on",),
    }
)


def normalise(part: str, settings: Settings, raw: Device | UnreadableFact) -> tuple[NormalisedItem, ...]:
    """One device as a record; only the kind of row for a released one. Raises RecordError for a row without an id."""
    if isinstance(raw, UnreadableFact):
        return (raw,)
    source_id, unknown = required_text(raw.id, "id"), list[UnknownValue]()
    facts, known = UnreadableFacts(source_id), raw.attributes or DeviceAttributes()
    if clean_text(known.released_from_org_date_time) is not None:
        return (DroppedRow(DroppedKind.RELEASED),)
    ordered_on = facts.read(parse_day, known.order_date_time, "attributes.orderDateTime")
    added_on = facts.read(parse_day, known.added_to_org_date_time, "attributes.addedToOrgDateTime")
    is_added_when_sold = known_word(_IS_ADDED_WHEN_SOLD, known.purchase_source_type, "purchaseSourceType", unknown)
    record = DeviceRecord(
        source_id=source_id,
        serial=clean_text(known.serial_number) or source_id,
        manufacturer="Apple",
        model=clean_text(known.device_model) or clean_text(known.product_type),
        platform=known_word(_PLATFORMS, known.product_family, "productFamily", unknown) or Platform.OTHER,
        profile=raw.server_name,
        order=clean_text(known.order_number),
        status=report_unknown(_STATUSES, known.status, "status", unknown),
        ownership=Ownership.ORGANISATION,
        migrating=known_word(_IS_MIGRATING, known.mdm_migration_status, "mdmMigrationStatus", unknown) or False,
        purchased_on=ordered_on or (added_on if is_added_when_sold else None),
    )
    paths = (*unreadable_fields(raw), *facts.fields)
    return (with_unreadable(record, paths, _FIELDS_OF_FACTS), *unknown, *facts)


def split_contact(settings: Settings, raw: Device | UnreadableFact) -> tuple[object, datetime | None]:
    """The row as it is: Apple knows of no contact."""
    return raw, None
