"""Reading a listing of a register that may know less than the standard: filters, pages, look-ups.

Nothing can be asked about what a server knows, so the narrowest query goes first, and each refusal (400) of a first page
is answered with a wider one; what was not wanted is then left out here. So it is where a filter by last day turns out to
drop what has none, against the standard: a database does that by itself, and a register without those who stay would look
like any other. A following page is asked for by its token and the page size alone, as the standard demands.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from connectors.ss12000.settings import Settings
from connectors.ss12000.wire import Listing, Reference
from fleetsync.pull.contract import Client, Connect, Params, PartMissing, QueryRefused, SourceUnavailable

T = TypeVar("T")

LOOKED_UP_AT_ONCE, SMALL_BATCH = 500, 25
EVERYTHING: tuple[Params, ...] = ({},)
DATE_FILTERS = frozenset({"endDate.onOrAfter", "relationship.endDate.onOrAfter"})
BEYOND = "2999-12-31"  # some databases know no later day

Hook = Callable[[type, Any], Any]


class Register:
    """A signed-in road to one register."""

    def __init__(self, settings: Settings, connect: Connect) -> None:
        self._page_size = settings.page_size
        self._drops_what_is_open = False
        self._client: Client = connect(
            settings.base_url, settings.sign_in(), requests_per_minute=settings.requests_per_minute
        )

    def pages(
        self,
        resource: str,
        kind: type[T],
        queries: Sequence[Params] = EVERYTHING,
        hook: Hook | None = None,
        page_size: int | None = None,
        is_open: Callable[[T], bool] | None = None,
    ) -> Iterator[list[T]]:
        """Every page of *resource* by the first of *queries* that the server takes, narrowest first.

        *is_open*: whether an object has a row without a last day; without it a filter by last day is taken as it is.
        """
        limits: tuple[dict[str, Any], ...] = ({"limit": page_size or self._page_size}, {})
        ways = [(dict(query), limit) for query in queries for limit in limits]
        decoder = _decoder(kind, hook)
        for way in ways:
            pages = self._followed(resource, *way, decoder)
            try:
                if not self._shows_what_is_open(resource, *way, decoder, is_open):
                    continue
                first = next(pages)
            except QueryRefused:
                if way is ways[-1]:
                    raise
                continue
            yield first
            yield from pages
            return

    def _shows_what_is_open(
        self,
        resource: str,
        query: dict[str, Any],
        limit: dict[str, Any],
        decoder: "msgspec.json.Decoder[Any]",
        is_open: Callable[[Any], bool] | None,
    ) -> bool:
        """Whether what has no last day comes through a filter by last day. It does if anything outlasts all time; else a
        page without the filter tells whether there is anything to come.
        """
        dates = DATE_FILTERS & query.keys()
        if dates and is_open is not None and not self._drops_what_is_open:
            eternal = query | dict.fromkeys(dates, BEYOND)
            if not next(self._followed(resource, eternal, limit and {"limit": 1}, _decoder(Reference, None))):
                undated = {name: value for name, value in query.items() if name not in dates}
                self._drops_what_is_open = any(map(is_open, next(self._followed(resource, undated, limit, decoder))))
        return not (dates and self._drops_what_is_open)

    def first(self, resource: str, kind: type[T], queries: Sequence[Params] = EVERYTHING) -> list[T]:
        """One object of *resource*, or a page of a server that knows no page size."""
        return next(self.pages(resource, kind, queries, page_size=1))

    def looked_up(
        self, resource: str, ids: Sequence[str], kind: type[T], hook: Hook | None = None
    ) -> Iterator[list[T]]:
        """The objects of *ids*, as far as the register has them; none where it has no look-up.

        A batch that is not answered is halved: 503 means here that the answer would be too large, and 400 that fewer may
        be asked for. Only a small one is asked for again with patience.
        """
        decoder = _decoder(kind, hook)
        size, at = LOOKED_UP_AT_ONCE, 0
        while at < len(ids):
            batch = list(ids[at : at + size])
            is_small = len(batch) <= SMALL_BATCH
            try:
                found = self._client.post(
                    f"{resource}/lookup",
                    {"ids": batch},
                    decode=decoder,
                    needs=resource,
                    may_be_missing=True,
                    idempotent=is_small,
                )
            except PartMissing:
                return
            except (SourceUnavailable, QueryRefused):
                if is_small:
                    raise
                size = len(batch) // 2
                continue
            yield _objects(found)
            at += len(batch)

    def _followed(
        self, resource: str, query: dict[str, Any], limit: dict[str, Any], decoder: "msgspec.json.Decoder[Any]"
    ) -> Iterator[list[Any]]:
        def following(page: Any) -> Params | None:
            token = page.page_token if isinstance(page, Listing) else None
            # The token alone, with the size: a filter beside it is refused by a server that keeps to the standard.
            return {"pageToken": token} | limit if token else None

        for page in self._client.follow(
            resource, query | limit, decode=decoder, next_page=following, needs=resource, may_be_missing=True
        ):
            yield _objects(page)


def _decoder(kind: type, hook: Hook | None) -> "msgspec.json.Decoder[Any]":
    # A few servers answer a listing with a bare array, as a look-up does.
    return msgspec.json.Decoder(Listing[kind] | list[kind], dec_hook=hook)  # type: ignore[valid-type]


def _objects(page: Any) -> list[Any]:
    return page.data if isinstance(page, Listing) else page
