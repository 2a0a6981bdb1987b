"""Which addresses are asked for a part, and how the pages of a listing follow each other."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from connectors.google_admin.schema import (
    Device,
    DevicePage,
    OrganisationalUnit,
    OrganisationalUnitPage,
    RowPage,
    User,
    UserPage,
    without_free_text,
)
from connectors.google_admin.settings import SCOPE_PREFIX, Settings
from fleetsync.core.model import PartRole, RecordType
from fleetsync.pull.contract import Connect, Page, Params, Part, ProbeResult, WrongAnswer
from fleetsync.pull.decoding import RowReader, SourceRow, next_page_text, probe_part

PARTS = (
    Part("units", (RecordType.UNIT,)),
    Part("users", (RecordType.PERSON,), is_directory=True),
    Part("devices", (RecordType.DEVICE,), role=PartRole.MDM),
)

REQUESTS_PER_MINUTE = 2400  # the quota of a user in a project, as Google sets it by default


class _Listing(msgspec.Struct, frozen=True):
    """How a part is listed.

    *path*: below /admin/directory/v1/, with `{customer}`. *rows*: the key of the rows in the answer. *essential*: fields
    without which a row would mean something else. *page_size*: None where there are no pages. *query*: what is asked beside
    page and fields. *scope*: of the token, without its prefix. *privilege*: of the administrator's role.
    """

    path: str
    rows: str
    page: type[RowPage]
    row: type[SourceRow]
    id_field: str
    scope: str
    privilege: str
    query: Mapping[str, str]
    page_size: int | None = None
    essential: tuple[str, ...] = ()


_LISTINGS: Mapping[str, _Listing] = MappingProxyType(
    {
        "units": _Listing(
            path="customer/{customer}/orgunits",
            rows="organizationUnits",
            page=OrganisationalUnitPage,
            row=OrganisationalUnit,
            id_field="orgUnitId",
            scope="admin.directory.orgunit.readonly",
            privilege="Organizational Units > Read",
            query={"type": "all"},
            essential=("name", "orgUnitPath", "parentOrgUnitId"),  # devices below are placed by them
        ),
        "users": _Listing(
            path="users",
            rows="users",
            page=UserPage,
            row=User,
            id_field="id",
            scope="admin.directory.user.readonly",
            privilege="Users > Read",
            query={"customer": "{customer}"},
            page_size=500,
            essential=("primaryEmail",),
        ),
        "devices": _Listing(
            path="customer/{customer}/devices/chromeos",
            rows="chromeosdevices",
            page=DevicePage,
            row=Device,
            id_field="deviceId",
            scope="admin.directory.device.chromeos.readonly",
            privilege="Manage ChromeOS Devices (read)",
            query={"projection": "FULL"},
            page_size=200,  # 300 is documented; customers were refused more than 200 (GAM-team/GAM#985)
        ),
    }
)


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """The part page by page. There is no total, so a listing that ends early is caught by the guard alone."""
    listing = _LISTINGS[part]
    reader = RowReader(listing.row, essential=listing.essential, id_field=listing.id_field)
    for page in _pages(listing, settings, connect, listing.page_size):
        read = reader.read(page.rows or ())
        yield Page([*map(without_free_text, read.rows), *read.facts], rejected=tuple(read.rejected))


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """One row of each part: that proves sign-in, scope, role and address."""
    for part in PARTS:
        if part.name not in settings.without:
            yield _probe_listing(part, _LISTINGS[part.name], settings, connect)


def _probe_listing(part: Part, listing: _Listing, settings: Settings, connect: Connect) -> ProbeResult:
    size = None if listing.page_size is None else 1
    return probe_part(
        part,
        lambda: bool(next(_pages(listing, settings, connect, size)).rows),
        readable=f"{part.name} can be read",
        empty=f"{part.name} can be read; the first page is empty",
        remedy=f"Admin console > Security > API controls > Domain-wide delegation: authorise {SCOPE_PREFIX}{listing.scope} for "
        f"the client id of the service account. Under Account > Admin roles give the administrator named here {listing.privilege}. "
        "In the Google Cloud console enable the Admin SDK API for the project of the service account. Check customer and base_url",
    )


def _pages(listing: _Listing, settings: Settings, connect: Connect, size: int | None) -> Iterator[RowPage]:
    query = _query(listing, settings, size)

    def next_page(page: RowPage) -> Params | None:
        token = next_page_text(page.next_page_token)
        return None if token is None else {**query, "pageToken": token}

    auth = settings.sign_in(listing.scope)
    client = connect(settings.base_url, auth, requests_per_minute=REQUESTS_PER_MINUTE)
    path = "admin/directory/v1/" + listing.path.format(customer=settings.customer)
    for page in client.follow(path, query, decode=listing.page, next_page=next_page, needs=listing.privilege):
        if page.kind is None and page.rows is None:
            raise WrongAnswer(
                f"{settings.name}: the answer is no page of {listing.rows}: it names neither its kind nor its rows. If it "
                f"continues, check base_url, then run: fleetsync check {settings.name}"
            )
        yield page


def _query(listing: _Listing, settings: Settings, size: int | None) -> dict[str, Any]:
    """The query of the first page. `nextPageToken` comes only if it is asked for."""
    names = (field.encode_name for field in msgspec.structs.fields(listing.row) if field.name != "unreadable")
    token = "" if size is None else "nextPageToken,"
    own = {name: value.format(customer=settings.customer) for name, value in listing.query.items()}
    limit = {} if size is None else {"maxResults": size}
    return {**own, **limit, "fields": f"kind,{token}{listing.rows}({','.join(names)})"}
