"""Entra ID: the accounts of one tenant, as a witness of the rosters, or as the roster of staff where nothing better is.

API: GET {graph_root}/v1.0/users (Microsoft Graph, documentation read 2026-11-30), a whole read each time, 999 a page, with
`$count` and the header `ConsistencyLevel: eventual`. Sign-in: OAuth 2 client credentials, as for `intune`.
Permission: User.Read.All (application), with admin consent.

Quirks:
* Without `$select` most fields do not come: no `accountEnabled`, no `employeeId`, nothing of the domain on premises.
* `@odata.count` counts the directory, on the first page only, and may lag behind it for minutes.
* Guests are accounts too, and so are shared mailboxes, rooms and services. Nothing tells the latter for certain: see
  `leave_out` and `needs_employee_id`.
* A UPN and a mail address have no å, ä or ö, and change with a name; the object id does not.
* An account name (`onPremisesSamAccountName`) is unique in its domain alone, and there may be one for staff and one for pupils.
* Some municipalities write the civic number into `employeeId`: ten or twelve digits that look like one are taken for it.

Refuses to ask for names, telephones, addresses and job titles, and to keep a civic number.

```toml
[[source]]
kind = "entra_users"
name = "entra"
tenant = "11111111-2222-4333-8444-555555555555"      # directory (tenant) id; the namespace of object ids
client_id = "99999999-2222-4333-8444-555555555555"
client_secret_file = "/run/secrets/entra"            # or certificate_file and key_file (key_password_file)
namespace = "personal"                               # whose numbers employeeId holds; the same as of the staff file
credential_expires = 2027-11-01                      # as the portal shows it; `fleetsync check` warns thirty days ahead
# account_domains = { "exempelby.local" = "EXB", "edu.exempelby.local" = "EDU" }   # their names before the backslash
# leave_out = ["sync_*", "rum-*", "vik*@exempelby.se"]   # log-ins that are no person's
# needs_employee_id = true                           # who has no employeeId is no person
# counts = ["staff"]                                 # the roster of staff; without it, a witness
# staff_types = ["Anställd*", "Employee"]            # values of employeeType
# staff_domains = ["exempelby.se"]                   # of UPNs; with staff_types, both must hold
# unit_from = "office_location"                      # where the unit stands: department, office_location, company_name, cost_center
# read_civic_number = true                           # a token of it, for [identity] match_on_civic_number
```

* **Kept**: object id, UPN, mail and its aliases, employeeId as a number, account name with its domain; of staff also the
  unit as a text, the day of hire, and whether the account is enabled.
* **Read and dropped**: guests; accounts of functions, rooms and services (`leave_out`, `needs_employee_id`); employeeType
  and whatever else decides only who is staff; a civic number, of which a token is made with `read_civic_number`.
* **Never asked for**: names, telephones, addresses, job titles, managers, licences, sign-in activity, photos.
* **Quirks that decide something**
  * As a witness an account adds no person to any number. It lends its keys, so that a device registered under an alias, an
    object id or an old account name is its holder's, also of a disabled account: a device of somebody on leave is theirs.
  * It is staff by `staff_types` and `staff_domains`, as far as they are set. Without either nobody is, and `counts` is refused.
  * A disabled account employs nobody: who left is disabled long before the account is deleted. So is who is on long leave,
    and with the rosters of a personnel system this would be told apart.
  * Entra knows no form of employment and no last day: who is staff counts without an end, hourly staff included, unless
    `staff_types` leaves them out.
  * Every pull is compared with the count of the directory. A thousandth may be missing, since the count lags.
* **Not tried here**: a live tenant; directory extensions, in which some tenants keep unit and class; `employeeLeaveDateTime`,
  which needs a permission of its own; a tenant for customers (B2C), which has no `$count`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from pydantic import Field, model_validator

from fleetsync.core.model import (
    DroppedKind,
    Key,
    MembershipRecord,
    MembershipType,
    PersonRecord,
    RecordType,
    Scheme,
)
from fleetsync.pull.contract import (
    Connect,
    Credential,
    DroppedRow,
    NormalisedItem,
    Page,
    Params,
    Part,
    ProbeResult,
    RawRecord,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import (
    RowReader,
    SourceRow,
    UnreadableFacts,
    civic_number,
    clean_text,
    fold_text,
    is_in_domains,
    known_word,
    parse_instant,
    required_text,
)
from fleetsync.pull.microsoft_graph import (
    GraphPage,
    GraphSettings,
    follow_listing,
    page_of,
    probe_credential,
    probe_listing,
    select_fields,
    signed_in_result,
)

PARTS = (Part("users", (RecordType.PERSON, RecordType.MEMBERSHIP), is_directory=True, counts_as="staff"),)
PERMISSION = "User.Read.All"
PAGE_SIZE = 999  # the documented maximum
COUNT_LAG = 1000  # one in so many may be missing: the count of a directory is consistent eventually

_IS_GUEST: Mapping[str, bool] = MappingProxyType({"member": False, "guest": True})
_GUEST_MARK = "#ext#"  # in the UPN of an invited account, also where its type was changed to member
_MAIL_PREFIX = "smtp:"

UnitField = Literal["department", "office_location", "company_name", "cost_center"]


class Settings(GraphSettings):
    """Its `[[source]]` table. Without `staff_types` and `staff_domains` it says of nobody that they are employed."""

    account_domains: dict[str, str] = Field(default_factory=dict)
    """The Windows domain (before the backslash) of each domain on premises; accounts of others give no account name."""
    leave_out: tuple[str, ...] = ("sync_*", "healthmailbox*")
    """Patterns of UPNs that are no person's."""
    needs_employee_id: bool = False
    """Whether an account without employeeId is no person's."""
    staff_types: tuple[str, ...] = ()
    """Patterns of the employeeType of staff."""
    staff_domains: tuple[str, ...] = ()
    """Domains of the UPNs of staff."""
    unit_from: UnitField = "department"
    """The field that says a person's unit, by its code or its name."""
    read_civic_number: bool = False
    """Make a token of a civic number in employeeId, for `[identity] match_on_civic_number`."""

    @property
    def has_staff(self) -> bool:
        """Whether it is known who is staff."""
        return bool(self.staff_types or self.staff_domains)

    @model_validator(mode="after")
    def _knows_whom_it_counts(self) -> "Settings":
        if self.counts and not self.has_staff:
            raise ValueError("counts needs staff_types or staff_domains: they say which accounts are staff")
        return self


class OrganisationFacts(SourceRow, frozen=True, rename="camel"):
    """Where a person belongs in the organisation, as a personnel system wrote it."""

    cost_center: str | None = None


class User(SourceRow, frozen=True, rename="camel"):
    """The fields of an account that are asked for. *civic_token*: no field of Graph's, but made of employeeId."""

    id: str | None = None
    user_principal_name: str | None = None
    mail: str | None = None
    proxy_addresses: list[str] | None = None
    account_enabled: bool | None = None
    user_type: str | None = None
    employee_id: str | None = None
    employee_type: str | None = None
    employee_hire_date: str | None = None
    employee_org_data: OrganisationFacts | None = None
    department: str | None = None
    office_location: str | None = None
    company_name: str | None = None
    on_premises_domain_name: str | None = None
    on_premises_sam_account_name: str | None = None
    civic_token: str | None = None


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """All accounts, 999 a page, compared with how many the directory counts. The expiry of our credential comes first."""
    yield from settings.own_credential_pages()
    # What decides whether a row is somebody's, or staff: when it cannot be read, what was believed stays.
    deciding = ("userType", "userPrincipalName", *(("employeeType", "accountEnabled") if settings.has_staff else ()))
    reader = RowReader[SourceRow](User, essential=deciding)
    for listing in _listing(settings, connect, select_fields(User, frozenset({"civic_token"})), PAGE_SIZE):
        read = reader.read(listing.value)
        page = page_of(read, None if listing.count is None else listing.count - listing.count // COUNT_LAG)
        yield replace(page, raws=[_as_kept(raw, settings, connect) for raw in page.raws])


def _listing(settings: Settings, connect: Connect, fields: str, size: int) -> Iterator[GraphPage]:
    client = settings.client(connect, "v1.0", {"ConsistencyLevel": "eventual"})
    query: Params = {"$select": fields, "$top": size, "$count": "true"}
    return follow_listing(client, "users", query, needs=PERMISSION)


def _as_kept(raw: RawRecord, settings: Settings, connect: Connect) -> RawRecord:
    """A row as it may stay in memory: nothing of an account that is no person's, no civic number, of aliases only mail."""
    if not isinstance(raw, User):
        return raw
    if (dropped := _dropped_kind(settings, raw)) is not None:
        return DroppedRow(dropped)
    aliases = [text for text in raw.proxy_addresses or () if fold_text(text).startswith(_MAIL_PREFIX)]
    kept = msgspec.structs.replace(raw, proxy_addresses=aliases)
    number = civic_number(raw.employee_id, connect.today)
    if number is None or number.kind == "other":
        return kept
    token = connect.token(number.text) if settings.read_civic_number else None
    return msgspec.structs.replace(kept, employee_id=None, civic_token=token)


def _dropped_kind(settings: Settings, raw: User) -> DroppedKind | None:
    """Why an account is left out; None for one that may be a person's."""
    login = fold_text(raw.user_principal_name)
    if _IS_GUEST.get(fold_text(raw.user_type)) or _GUEST_MARK in login:
        return DroppedKind.GUEST
    # What cannot be read is not blank.
    has_employee_id = clean_text(raw.employee_id) or "employeeId" in raw.unreadable
    is_nobodys = settings.needs_employee_id and not has_employee_id
    return DroppedKind.FUNCTION_ACCOUNT if is_nobodys or _matches(login, settings.leave_out) else None


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, pattern.casefold()) for pattern in patterns)


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Our credential's expiry, then one account: that proves sign-in, permission and address."""
    yield from probe_credential(settings, connect)
    result = probe_listing(
        settings,
        PARTS[0],
        PERMISSION,
        lambda: bool(next(_listing(settings, connect, "id", 1)).value),
        "no account is there",
    )
    if result.ok:
        yield signed_in_result(settings)
    yield result


# -------------------------------------------------------------------------------------------------------- what it means

_LOCAL_ZONE = ZoneInfo("Europe/Stockholm")
_UNIT_TEXTS: Mapping[UnitField, Callable[[User], str | None]] = MappingProxyType(
    {
        "department": lambda user: user.department,
        "office_location": lambda user: user.office_location,
        "company_name": lambda user: user.company_name,
        "cost_center": lambda user: (user.employee_org_data or OrganisationFacts()).cost_center,
    }
)


def normalise(
    part: str, settings: Settings, raw: User | DroppedRow | Credential | UnreadableFact
) -> tuple[NormalisedItem, ...]:
    """An account as a person with keys, and with an employment where it is staff.

    Raises RecordError for a row without an id.
    """
    if not isinstance(raw, User):
        return (raw,)
    source_id, unknown = required_text(raw.id, "id"), list[UnknownValue]()
    known_word(_IS_GUEST, raw.user_type, "userType", unknown)
    person = PersonRecord(source_id=source_id, keys=_keys(settings, raw))
    if not _is_staff(settings, raw):
        return (person, *unknown)
    facts = UnreadableFacts(source_id)
    return (person, _employment(settings, raw, source_id, facts), *unknown, *facts)


def _keys(settings: Settings, raw: User) -> tuple[Key, ...]:
    """The account's keys, strongest first. Aliases are addresses behind a colon."""
    number, login = clean_text(raw.employee_id), clean_text(raw.user_principal_name)
    aliases = (clean_text(text.partition(":")[2]) for text in raw.proxy_addresses or ())
    addresses = (login, clean_text(raw.mail), *aliases)
    account = clean_text(raw.on_premises_sam_account_name)
    domains = {name.casefold(): domain for name, domain in settings.account_domains.items()}
    domain = domains.get(fold_text(raw.on_premises_domain_name))
    keys = (
        Key(Scheme.OBJECT_ID, settings.tenant, required_text(raw.id, "id")),
        Key(Scheme.NUMBER, settings.number_namespace, number) if number else None,
        Key(Scheme.CIVIC, "", raw.civic_token) if raw.civic_token else None,
        *(Key(Scheme.ADDRESS, "", address) if address else None for address in addresses),
        Key(Scheme.ACCOUNT, domain, account) if domain and account else None,
    )
    return tuple(dict.fromkeys(key for key in keys if key is not None))


def _is_staff(settings: Settings, raw: User) -> bool:
    if not settings.has_staff or raw.account_enabled is False:
        return False
    is_of_type = not settings.staff_types or _matches(fold_text(raw.employee_type), settings.staff_types)
    login = clean_text(raw.user_principal_name) or ""
    return is_of_type and (not settings.staff_domains or is_in_domains(login, settings.staff_domains))


def _employment(settings: Settings, raw: User, source_id: str, facts: UnreadableFacts) -> MembershipRecord:
    unit = clean_text(_UNIT_TEXTS[settings.unit_from](raw))
    hired = facts.read(_parse_local_day, raw.employee_hire_date, "employeeHireDate")
    is_hired_unreadable = "employeeHireDate" in (*raw.unreadable, *facts.fields)
    return MembershipRecord(
        source_id=source_id,
        person=source_id,
        membership=MembershipType.EMPLOYMENT,
        codes=() if unit is None else (unit,),
        unit_name=unit,
        start=hired,
        unreadable=("start",) if is_hired_unreadable else (),
    )


def _parse_local_day(value: object, field: str) -> date | None:
    """The local day of an instant. Systems write the midnight of the day that is meant, in UTC or in local time."""
    instant = parse_instant(value, field, "UTC")
    return None if instant is None else instant.astimezone(_LOCAL_ZONE).date()
