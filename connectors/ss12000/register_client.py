"""Reads listings of a register that may support less than the standard: filters, pages, look-ups.

A server does not say what it supports. So the narrowest query is tried first, and after each refusal (400) of a first
page a wider one; unwanted rows are then left out here. A filter by last day may drop rows without a last day, against the
standard: a database does that by itself, and the result would look complete. Only a row without a last day proves that
such rows pass the filter. If none came, the whole listing is read once more for the missing rows. A following page is
requested by its token and the page size alone, as the standard requires.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, TypeVar

import msgspec

from connectors.ss12000.schema import RegisterPage
from connectors.ss12000.settings import Settings
from fleetsync.pull.contract import Client, Connect, Params, PartMissing, QueryRefused, SourceUnavailable

T = TypeVar("T")

LOOKUP_BATCH, MIN_LOOKUP_BATCH = 500, 25
NO_FILTER: tuple[Params, ...] = ({},)
DATE_FILTERS = frozenset({"endDate.onOrAfter", "relationship.endDate.onOrAfter"})

DecodeHook = Callable[[type, Any], Any]
Decoder = msgspec.json.Decoder[Any]


class RegisterClient:
    """A signed-in client of one register."""

    def __init__(self, settings: Settings, connect: Connect) -> None:
        self._page_size = settings.page_size
        self._filter_drops_open_rows = False
        self._client: Client = connect(
            settings.base_url, settings.sign_in(), requests_per_minute=settings.requests_per_minute
        )

    def pages(
        self,
        resource: str,
        kind: type[T],
        queries: Sequence[Params] = NO_FILTER,
        hook: DecodeHook | None = None,
        page_size: int | None = None,
        is_open: Callable[[T], bool] | None = None,
    ) -> Iterator[list[T]]:
        """Every page of *resource* by the first of *queries* that the server accepts, narrowest first.

        *is_open*: whether an object passes a filter by last day only because of a row without a last day; None: the
        filter's result is taken as it is. Objects that a filter has dropped come last.
        """
        decoder, size = _decoder(kind, hook), page_size or self._page_size
        undated = [query for query in queries if not DATE_FILTERS & query.keys()]
        query, pages = self._first_accepted(
            resource, undated if self._filter_drops_open_rows else queries, size, decoder
        )
        if is_open is None or not DATE_FILTERS & query.keys():
            yield from pages
            return
        is_proven = False
        for page in pages:
            is_proven = is_proven or any(map(is_open, page))
            yield page
        if not is_proven:
            yield from self._rows_dropped_by_filter(resource, undated, size, decoder, is_open)

    def _first_accepted(
        self, resource: str, queries: Sequence[Params], size: int, decoder: Decoder
    ) -> tuple[Params, Iterator[list[Any]]]:
        """The first query that the server accepts, and its pages; without a page size where it supports none."""
        limits: tuple[dict[str, Any], ...] = ({"limit": size}, {})
        *narrower, widest = [(dict(query), limit) for query in queries for limit in limits]
        for query, limit in narrower:
            pages = self._follow(resource, query, limit, decoder)
            with suppress(QueryRefused):
                return query, chain([next(pages)], pages)
        return widest[0], self._follow(resource, *widest, decoder)

    def _rows_dropped_by_filter(
        self,
        resource: str,
        queries: Sequence[Params],
        size: int,
        decoder: Decoder,
        is_open: Callable[[Any], bool],
    ) -> Iterator[list[Any]]:
        """The objects that a filter by last day has dropped because they have no last day."""
        _, pages = self._first_accepted(resource, queries, size, decoder)
        for page in pages:
            if missed := [row for row in page if is_open(row)]:
                self._filter_drops_open_rows = True
                yield missed

    def first(self, resource: str, kind: type[T], queries: Sequence[Params] = NO_FILTER) -> list[T]:
        """One object of *resource*, or a whole page where the server supports no page size."""
        return next(self.pages(resource, kind, queries, page_size=1))

    def look_up(
        self, resource: str, ids: Sequence[str], kind: type[T], hook: DecodeHook | None = None
    ) -> Iterator[list[T]]:
        """The objects of *ids*, as far as the register has them; none where it has no look-up.

        A batch that is refused is halved: 503 means here that the response would be too large, and 400 that there are too
        many ids. Only a small batch is retried as it is.
        """
        decoder = _decoder(kind, hook)
        size, at = LOOKUP_BATCH, 0
        while at < len(ids):
            batch = list(ids[at : at + size])
            is_small = len(batch) <= MIN_LOOKUP_BATCH
            try:
                page = self._client.post(
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
            yield _objects(page)
            at += len(batch)

    def _follow(
        self, resource: str, query: dict[str, Any], limit: dict[str, Any], decoder: Decoder
    ) -> Iterator[list[Any]]:
        def following(page: Any) -> Params | None:
            token = page.page_token if isinstance(page, RegisterPage) else None
            # Only the token and the size: a server that follows the standard refuses a filter beside it.
            return {"pageToken": token} | limit if token else None

        for page in self._client.follow(
            resource, query | limit, decode=decoder, next_page=following, needs=resource, may_be_missing=True
        ):
            yield _objects(page)


def _decoder(kind: type, hook: DecodeHook | None) -> Decoder:
    # A few servers answer a listing with a bare array, like a look-up.
    return msgspec.json.Decoder(RegisterPage[kind] | list[kind], dec_hook=hook)  # type: ignore[valid-type]


def _objects(page: Any) -> list[Any]:
    return page.data if isinstance(page, RegisterPage) else page
