"""Which listings are read for a part, and how their pages follow each other."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

import msgspec

from connectors.snipeit.schema import ASSET, Asset, Assignee, Place
from connectors.snipeit.settings import Settings
from fleetsync.core.model import PartRole, RecordType
from fleetsync.pull.contract import Bearer, Client, Connect, Page, Params, Part, ProbeResult
from fleetsync.pull.decoding import OffsetPaging, RowReader, SourceRow, probe_part

PARTS = (
    Part("units", (RecordType.UNIT,)),
    Part("assets", (RecordType.DEVICE,), role=PartRole.REGISTER, expects_mdm=True),
)
PAGE_SIZE = 500  # the most that a server gives by default


class PagedRows(msgspec.Struct, frozen=True):
    """A page of a listing. *total*: how many rows the whole listing has."""

    rows: list[msgspec.Raw]
    total: int | None = None


class _Listing:
    """A listing while it is read. *known*: ids of rows that another listing has given."""

    def __init__(self, path: str, query: Params, known: Collection[str] = ()) -> None:
        self.path, self._known = path, known
        self.paging = OffsetPaging({"limit": PAGE_SIZE, "sort": "id", "order": "asc", **query}, "id")

    def pages(self, client: Client, needs: str) -> Iterator[PagedRows]:
        """Its pages, without rows that are *known* from another listing, nor these in the total."""
        known_rows = 0
        for page in client.follow(
            self.path,
            self.paging.first(),
            decode=PagedRows,
            next_page=lambda page: self.paging.following(page.rows, page.total),
            needs=needs,
        ):
            rows = [raw for raw in page.rows if self.paging.row_id(raw) not in self._known]
            known_rows += len(page.rows) - len(rows)
            yield PagedRows(rows, None if page.total is None else page.total - known_rows)


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """A part whole, 500 rows a page, ordered by id; of assets the archived ones last."""
    client = _client(settings, connect)
    if part == "units":
        yield from _pages(Place, _Listing(settings.places, {}), client, _permission(settings, part))
        return
    yield from _with_assignees_followed(_read_assets(client, _permission(settings, part)))


def _client(settings: Settings, connect: Connect) -> Client:
    return connect(
        settings.base_url, Bearer(settings.secret("token")), requests_per_minute=settings.requests_per_minute
    )


def _pages(row: type[SourceRow], listing: _Listing, client: Client, needs: str, before: int = 0) -> Iterator[Page]:
    """The pages of *listing*. *before*: how many rows other listings of the part have."""
    reader = RowReader(row)
    for page in listing.pages(client, needs):
        read = reader.read(page.rows)
        total = None if page.total is None else before + page.total
        yield Page([*read.rows, *read.facts], total=total, rejected=tuple(read.rejected))


def _read_assets(client: Client, needs: str) -> Iterator[Page]:
    """All assets, then those that are archived: a server set to show them gives them twice."""
    current, total = _Listing("hardware", {}), 0
    for page in _pages(Asset, current, client, needs):
        total = page.total or total
        yield page
    yield from _pages(Asset, _Listing("hardware", {"status": "Archived"}, current.paging.ids), client, needs, total)


def _with_assignees_followed(pages: Iterable[Page]) -> Iterator[Page]:
    """*pages*, with the assets that are handed out to another asset last, and handed out to what that one is."""
    assignees: dict[int, Assignee] = {}
    waiting: list[Asset] = []
    for page in pages:
        others: list[object] = []
        for raw in page.raws:
            if not isinstance(raw, Asset) or raw.assigned_to is None:
                others.append(raw)
            elif raw.assigned_to.type == ASSET:
                waiting.append(raw)
            else:
                others.append(raw)
                assignees |= {} if raw.id is None else {raw.id: raw.assigned_to}
        yield replace(page, raws=others)
    if waiting:
        yield Page([_followed(asset, assignees) for asset in waiting])


def _followed(asset: Asset, assignees: Mapping[int, Assignee]) -> Asset:
    other = asset.assigned_to.id if asset.assigned_to is not None else None
    return msgspec.structs.replace(asset, assigned_to=assignees.get(other) if other is not None else None)


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Asks for the first page of each part."""
    client = _client(settings, connect)
    for part in PARTS:
        if part.name not in settings.without:
            yield _probe_part(part, settings, client)


def _probe_part(part: Part, settings: Settings, client: Client) -> ProbeResult:
    path, needs = settings.places if part.name == "units" else "hardware", _permission(settings, part.name)
    return probe_part(
        part,
        lambda: bool(client.get(path, {"limit": 1}, decode=PagedRows, needs=needs).rows),
        readable=f"/{path} can be read",
        empty=f"/{path} can be read, and is empty",
        remedy=f"Grant {needs} to the user whose token it is (People > the user > Edit > Permissions), and check that "
        f"base_url is the address above /{path}: it ends in /api/v1",
    )


def _permission(settings: Settings, part: str) -> str:
    return f"View on {settings.places.capitalize() if part == 'units' else 'Assets'}"
