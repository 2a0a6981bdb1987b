"""Jamf School (formerly ZuluDesk): the devices, users, groups and locations of one organisation.

API: GET {base_url}/devices, /users, /users/groups, /locations (what open clients of it send and expect, read 2026-11-30;
an instance serves its own documentation at /api/docs). Each listing is one response: there are no pages. Sign-in: HTTP
Basic with the network id as user and an API key as password, or a Jamf Platform API client.
Permission: read on Devices, Users, User Groups and Locations, ticked for the API key under Organisation > Settings > API.

Quirks:
* A missing or wrong header `X-Server-Protocol-Version` gives a 404 that looks like a missing address.
* 405 means that the key lacks the right to this listing.
* `isManaged` means "checked in within seven days", so in August the whole fleet is unmanaged. It is not decoded.
* `depPending` and `ac2Pending` are bought, and not enrolled yet.
* Without an owner, `owner` is {}, null, missing, or has the id 0.
* Times name no zone: see `zone`.
* A listing of thousands of devices takes a minute until it begins: it is waited for up to two.

Refuses to send `includeApps`, and to decode coordinates, batteries, networks and notes.

```toml
[[source]]
kind = "jamf_school"
name = "jamf-school"
base_url = "https://exempelby.jamfcloud.com/api"
network_id = "12345678"                            # Devices > Enroll Device(s)
api_key_file = "/run/secrets/jamf-school"          # Organisation > Settings > API
# protocol_version = 2                             # of older instances; default 3
# zone = "Europe/Stockholm"                        # of its times; default UTC
# domain = "EXB"                                   # Windows domain of user names written without one
# without = ["users"]                              # parts that the key may not read
```

By the Jamf Platform API, in place of `network_id` and `api_key_file`: `token_url`, `client_id`, `client_secret_file`, and
`environment_id` or `tenant_id`; `base_url` is then the address of Jamf School there.

* **Kept**: of devices UDID, serial, asset tag, model, system and version, the owner's id, user name and mail, location,
  groups, enrolment profile, whether it is enrolled, last contact; of users id, user name and mail; of groups id, name and
  location; of locations id, name and school number.
* **Read and dropped**: the device's name (rules see it).
* **Never decoded**: names of users, who is in which group, parents and children, coordinates, battery, storage,
  network, phone numbers, notes, apps.
* **Quirks that decide something**
  * A device is managed once it is enrolled. While its enrolment is pending it is *ordered*, as a purchase is. Whether it
    is in contact is decided by the day of the last check-in, against the school calendar.
  * A device's `location` is the id of its location, whose school number is its code: where that is the skolenhetskod of a
    `[[unit]]`, or the names are the same, devices are placed by it. A `[[unit_map]]` sees the id.
  * The owner's id is a key of this source, so that a device follows its user through a change of name. Where the users
    cannot be read, user name and mail of the owner do the same until then.
  * Shared iPads have no owner, and nothing else tells them from iPads that were not handed out. Say so by a
    `[[device_rule]]` on `groups` or `profile`.
  * The response says how many rows it has. One with fewer is read again, and then refused.
* **Not tried here**: a live instance; the zone of its times; the address by the Jamf Platform API; devices in the trash,
  which the listing leaves out; purchases, which it does not have.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Protocol

import msgspec
from pydantic import Field, SecretStr, model_validator

from fleetsync.core.model import (
    Condition,
    DeviceRecord,
    GroupRecord,
    Key,
    Ownership,
    PartRole,
    PersonRecord,
    RecordType,
    Scheme,
    UnitRecord,
)
from fleetsync.pull.contract import (
    Auth,
    Basic,
    Client,
    ClientSecret,
    Connect,
    NormalisedItem,
    Page,
    Part,
    ProbeResult,
    RecordError,
    SourceSettings,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import (
    RowReader,
    SourceRow,
    UnreadableFacts,
    ZoneName,
    clean_text,
    known_word,
    login_key,
    parse_instant,
    probe_part,
    read_platform,
    required_text,
    unreadable_fields,
    with_unreadable,
)

PARTS = (
    Part("units", (RecordType.UNIT,)),
    Part("groups", (RecordType.GROUP,), after=("units",)),
    Part("users", (RecordType.PERSON,)),
    Part("devices", (RecordType.DEVICE,), role=PartRole.MDM),
)
FIRST_BYTE_SECONDS = 120.0  # a listing is made whole before its first byte: a minute for thousands of devices


class Settings(SourceSettings):
    """Its `[[source]]` table: an API key of the organisation, or a client of the Jamf Platform API."""

    base_url: Annotated[str, Field(pattern=r"^https?://")]
    network_id: str = ""
    api_key: SecretStr | None = None
    api_key_file: Path | None = None
    token_url: str = ""
    """Where the Jamf Platform API gives tokens; with it, the API key is not used."""
    client_id: str = ""
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    environment_id: str = ""
    tenant_id: str = ""
    protocol_version: Annotated[int, Field(ge=1)] = 3
    zone: ZoneName = "UTC"
    """The time zone of its times, which name none."""
    domain: str = ""
    """The Windows domain of user names written without one; empty: such a name is no key."""

    @model_validator(mode="after")
    def _has_one_sign_in(self) -> "Settings":
        if self.token_url:
            if not self.client_id or bool(self.environment_id) == bool(self.tenant_id):
                raise ValueError("token_url needs client_id, and either environment_id or tenant_id")
        elif not self.network_id:
            raise ValueError("network_id is missing: Devices > Enroll Device(s) shows it")
        return self

    def sign_in(self) -> Auth:
        """Raises SourceRefused where the secret is missing."""
        if self.token_url:
            return ClientSecret(self.token_url, self.client_id, self.secret("client_secret"))
        return Basic(self.network_id, self.secret("api_key"))

    def headers(self) -> Mapping[str, str]:
        """The headers of every request."""
        chosen = {"X-Environment-Id": self.environment_id, "X-Tenant-Id": self.tenant_id}
        version = {"X-Server-Protocol-Version": str(self.protocol_version)}
        return version | {name: value for name, value in chosen.items() if value}


# ------------------------------------------------------------------------------------------------- what is decoded


class OperatingSystem(SourceRow, frozen=True):
    """The operating system of a device."""

    prefix: str | None = None
    version: str | None = None


class Model(SourceRow, frozen=True):
    """The model of a device."""

    name: str | None = None


class User(SourceRow, frozen=True):
    """A user, or the owner of a device."""

    id: int | None = None
    username: str | None = None
    email: str | None = None


class Device(SourceRow, frozen=True, rename="camel"):
    """A device."""

    udid: str | None = msgspec.field(default=None, name="UDID")
    serial_number: str | None = None
    name: str | None = None
    asset_tag: str | None = None
    location_id: int | None = None
    os: OperatingSystem | None = None
    model: Model | None = None
    owner: User | None = None
    groups: list[str] | None = None
    enroll_type: str | None = None
    dep_profile: str | None = None
    last_checkin: str | None = None


class Group(SourceRow, frozen=True, rename="camel"):
    """A group of users; most are classes."""

    id: int | None = None
    name: str | None = None
    location_id: int | None = None


class Location(SourceRow, frozen=True, rename="camel"):
    """A school."""

    id: int | None = None
    name: str | None = None
    school_number: str | None = None


class _Rows(Protocol):
    """The response of a listing. *count*: how many rows it says to have."""

    @property
    def rows(self) -> list[msgspec.Raw]: ...
    @property
    def count(self) -> int | None: ...


class DeviceRows(msgspec.Struct, frozen=True):
    """The response of /devices."""

    rows: list[msgspec.Raw] = msgspec.field(name="devices")
    count: int | None = None


class UserRows(msgspec.Struct, frozen=True):
    """The response of /users."""

    rows: list[msgspec.Raw] = msgspec.field(name="users")
    count: int | None = None


class GroupRows(msgspec.Struct, frozen=True):
    """The response of /users/groups."""

    rows: list[msgspec.Raw] = msgspec.field(name="groups")
    count: int | None = None


class LocationRows(msgspec.Struct, frozen=True):
    """The response of /locations."""

    rows: list[msgspec.Raw] = msgspec.field(name="locations")
    count: int | None = None


class _Listing(msgspec.Struct, frozen=True):
    """How a part is listed. *right*: what its permission is called."""

    path: str
    right: str
    response: type[_Rows]
    row: type[SourceRow]
    id_field: str = "id"


_LISTINGS: Mapping[str, _Listing] = MappingProxyType(
    {
        "units": _Listing("locations", "Locations", LocationRows, Location),
        "groups": _Listing("users/groups", "User Groups", GroupRows, Group),
        "users": _Listing("users", "Users", UserRows, User),
        "devices": _Listing("devices", "Devices", DeviceRows, Device, "UDID"),
    }
)

# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """The whole listing in one page: there is no smaller piece to ask for."""
    listing = _LISTINGS[part]
    response = _read(listing, _client(settings, connect))
    read = RowReader(listing.row, id_field=listing.id_field).read(response.rows)
    # The count is of this response, repeated rows included: it proves something only where rows are missing.
    is_short = response.count is not None and response.count > len(response.rows)
    total = response.count if is_short else None
    yield Page([*read.rows, *read.facts], total=total, rejected=tuple(read.rejected))


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Reads each listing once: there is no way to ask for less."""
    client = _client(settings, connect)
    for part in PARTS:
        if part.name not in settings.without:
            yield _probe_listing(part, _LISTINGS[part.name], client)


def _probe_listing(part: Part, listing: _Listing, client: Client) -> ProbeResult:
    return probe_part(
        part,
        lambda: bool(_read(listing, client).rows),
        readable=f"/{listing.path} can be read",
        empty=f"/{listing.path} can be read, and is empty",
        remedy=f"Tick read on {listing.right} for the API key under Organisation > Settings > API, and check that base_url "
        f"is the address above /{listing.path}",
    )


def _read(listing: _Listing, client: Client) -> _Rows:
    return client.get(listing.path, decode=listing.response, needs=f"read on {listing.right}")


def _client(settings: Settings, connect: Connect) -> Client:
    return connect(
        settings.base_url, settings.sign_in(), headers=settings.headers(), first_byte_seconds=FIRST_BYTE_SECONDS
    )


# -------------------------------------------------------------------------------------------------------- what it means

_IS_PENDING: Mapping[str, bool] = MappingProxyType(
    {"manual": False, "ac2": False, "dep": False, "ac2pending": True, "deppending": True}
)
_FIELDS_OF_FACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "serialNumber": ("serial",),
        "os": ("os_version", "platform"),
        "os.prefix": ("platform",),
        "os.version": ("os_version",),
        "model": ("model", "platform"),
        "model.name": ("model", "platform"),
        "owner": ("keys",),
        "owner.id": ("keys",),
        "owner.username": ("keys",),
        "owner.email": ("keys",),
        "locationId": ("location",),
        "enrollType": ("condition", "managed"),
        "lastCheckin": ("last_contact_at",),
    }
)


def normalise(
    part: str, settings: Settings, raw: Device | User | Group | Location | UnreadableFact
) -> tuple[NormalisedItem, ...]:
    """One row as a record. Raises RecordError for a row without an id, and for a group or location without a name."""
    match raw:
        case UnreadableFact():
            return (raw,)
        case Device():
            return _device(settings, raw)
        case User():
            return (PersonRecord(source_id=required_text(raw.id, "id"), keys=_keys(settings, raw)),)
        case Group():
            source_id = required_text(raw.id, "id")
            return (GroupRecord(source_id=source_id, name=_name(raw), unit=clean_text(raw.location_id)),)
        case Location():
            number = clean_text(raw.school_number)
            codes = () if number is None else (number,)
            return (UnitRecord(source_id=required_text(raw.id, "id"), name=_name(raw), codes=codes),)


def split_contact(
    settings: Settings, raw: Device | User | Group | Location | UnreadableFact
) -> tuple[object, datetime | None]:
    """A row without its last contact, and that contact as `normalise` gives it."""
    if not isinstance(raw, Device):
        return raw, None
    contact = parse_instant(raw.last_checkin, "lastCheckin", settings.zone)
    return msgspec.structs.replace(raw, last_checkin=None), contact


def _name(raw: Group | Location) -> str:
    name = clean_text(raw.name)
    if name is None:
        raise RecordError("name is empty", source_id=clean_text(raw.id))
    return name


def _device(settings: Settings, raw: Device) -> tuple[NormalisedItem, ...]:
    source_id, unknown = required_text(raw.udid, "UDID"), list[UnknownValue]()
    facts = UnreadableFacts(source_id)
    is_pending = known_word(_IS_PENDING, raw.enroll_type, "enrollType", unknown)
    system, model = raw.os or OperatingSystem(), clean_text(raw.model.name if raw.model else None)
    record = DeviceRecord(
        source_id=source_id,
        serial=clean_text(raw.serial_number),
        name=clean_text(raw.name),
        manufacturer="Apple",
        model=model,
        platform=read_platform(system.prefix, model, "os.prefix", unknown),
        os_version=clean_text(system.version),
        keys=_keys(settings, raw.owner or User()),
        location=clean_text(raw.location_id),
        groups=tuple(group for text in raw.groups or () if (group := clean_text(text))),
        profile=clean_text(raw.dep_profile),
        status=clean_text(raw.enroll_type),
        asset_tag=clean_text(raw.asset_tag),
        last_contact_at=facts.read(parse_instant, raw.last_checkin, "lastCheckin", settings.zone),
        ownership=Ownership.ORGANISATION,
        managed=True if is_pending is False else None,
        condition=Condition.PENDING if is_pending else Condition.ACTIVE,
    )
    paths = (*unreadable_fields(raw), *facts.fields)
    return (with_unreadable(record, paths, _FIELDS_OF_FACTS), *unknown, *facts)


def _keys(settings: Settings, user: User) -> tuple[Key, ...]:
    """The user's id at this source, then mail and user name; none for nobody, who has the id 0."""
    if not user.id:
        return ()
    logins = (login_key(text, settings.domain) for text in map(clean_text, (user.email, user.username)) if text)
    keys = (Key(Scheme.OBJECT_ID, settings.name, str(user.id)), *(key for key in logins if key is not None))
    return tuple(dict.fromkeys(keys))
