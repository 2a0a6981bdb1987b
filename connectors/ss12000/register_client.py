"""Reads listings of a register that may support less than the standard: filters, pages, look-ups.

A server does not say what it supports. So the narrowest query is tried first, and after each refusal (400, or a failure by
500 or 501) of a first page a wider one; what was refused once in a pull is not tried again. unwanted rows are then left out here. A filter by last day may drop rows without a last day, against the
standard: a database does that by itself, and the result would look complete. Only a row without a last day proves that
such rows pass the filter. If none came, the whole listing is read once more for the missing rows. A following page is
requested by its token and the page size alone, as the standard requires.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

import msgspec

from connectors.ss12000.schema import ESSENTIAL_FIELDS, RECORD_TYPES, RegisterPage, id_of
from connectors.ss12000.settings import Settings
from fleetsync.pull.contract import (
    Client,
    Connect,
    Params,
    PartMissing,
    QueryRefused,
    RejectedRecord,
    SourceUnavailable,
    UnreadableFact,
)
from fleetsync.pull.decoding import DecodeHook, RowReader, next_page_text

T = TypeVar("T")

LOOKUP_BATCH, MIN_LOOKUP_BATCH = 500, 25
NO_FILTER: tuple[Params, ...] = ({},)
DATE_FILTERS = frozenset({"endDate.onOrAfter", "relationship.endDate.onOrAfter"})

Rows = list[msgspec.Raw]
# A few servers answer a listing with a bare array, like a look-up. Rows are read one by one: an odd value in one costs no other.
_PAGE_DECODER: msgspec.json.Decoder[RegisterPage | list[msgspec.Raw]] = msgspec.json.Decoder(
    RegisterPage | list[msgspec.Raw]
)


class RegisterClient:
    """A signed-in client of one register. *unreadable_rows* and *facts*: what could not be read since they were taken last."""

    def __init__(self, settings: Settings, connect: Connect) -> None:
        self._refused: set[tuple[str, frozenset[str]]] = set()  # resources, with names of a query that was refused
        self._rejected: list[RejectedRecord] = []
        self._facts: list[UnreadableFact] = []
        self._reported: set[tuple[str, str]] = set()
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
        reader, size = _reader(kind, hook), page_size or self._page_size
        undated = [query for query in queries if not DATE_FILTERS & query.keys()]
        query, pages = self._first_accepted(resource, undated if self._filter_drops_open_rows else queries, size)
        if is_open is None or not DATE_FILTERS & query.keys():
            yield from (self._read(reader, page) for page in pages)
            return
        is_proven = False
        for raws in pages:
            page = self._read(reader, raws)
            is_proven = is_proven or any(map(is_open, page))
            yield page
        if not is_proven:
            yield from self._rows_dropped_by_filter(resource, undated, size, reader, is_open)

    def take_rejected(self) -> tuple[RejectedRecord, ...]:
        """The rows that could not be read since the last call."""
        rejected, self._rejected = tuple(self._rejected), []
        return rejected

    def take_facts(self) -> list[UnreadableFact]:
        """The facts that could not be read since the last call."""
        facts, self._facts = self._facts, []
        return facts

    def _read(self, reader: RowReader[T], raws: Rows) -> list[T]:
        read = reader.read(raws)
        self._rejected += [row for row in read.rejected if self._is_new(row.source_id, row.reason)]
        self._facts += [fact for fact in read.facts if self._is_new(fact.place, fact.field)]
        return read.rows

    def _is_new(self, place: str | None, what: str) -> bool:
        """Whether this was not reported before: a listing may be read twice, with and without its filter."""
        is_new = not place or (place, what) not in self._reported
        self._reported.add((place or "", what))
        return is_new

    def _first_accepted(self, resource: str, queries: Sequence[Params], size: int) -> tuple[Params, Iterator[Rows]]:
        """The first query that the server accepts, and its pages; without a page size where it supports none."""
        limits: tuple[dict[str, Any], ...] = ({"limit": size}, {})
        *narrower, widest = [(dict(query), limit) for query in queries for limit in limits]
        for query, limit in narrower:
            attempt = (resource, frozenset(query | limit))
            if attempt in self._refused:
                continue
            pages = self._follow(resource, query, limit, is_optional=True)
            try:
                return query, chain([next(pages)], pages)
            except QueryRefused:
                self._refused.add(attempt)
        return widest[0], self._follow(resource, *widest, is_optional=False)

    def _rows_dropped_by_filter(
        self,
        resource: str,
        queries: Sequence[Params],
        size: int,
        reader: RowReader[T],
        is_open: Callable[[Any], bool],
    ) -> Iterator[list[T]]:
        """The objects that a filter by last day has dropped because they have no last day."""
        _, pages = self._first_accepted(resource, queries, size)
        for raws in pages:
            page = self._read(reader, raws)
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
        reader = _reader(kind, hook)
        size, at = LOOKUP_BATCH, 0
        while at < len(ids):
            batch = list(ids[at : at + size])
            is_small = len(batch) <= MIN_LOOKUP_BATCH
            try:
                page = self._client.post(
                    f"{resource}/lookup",
                    {"ids": batch},
                    decode=_PAGE_DECODER,
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
            yield self._read(reader, _rows(page))
            at += len(batch)

    def _follow(
        self, resource: str, query: dict[str, Any], limit: dict[str, Any], *, is_optional: bool
    ) -> Iterator[Rows]:
        def following(page: RegisterPage | Rows) -> Params | None:
            token = next_page_text(page.page_token) if isinstance(page, RegisterPage) else None
            # Only the token and the size: a server that follows the standard refuses a filter beside it.
            return {"pageToken": token} | limit if token else None

        for page in self._client.follow(
            resource,
            query | limit,
            decode=_PAGE_DECODER,
            next_page=following,
            needs=resource,
            may_be_missing=True,
            optional_query=is_optional,
        ):
            yield _rows(page)


def _reader(kind: type[T], hook: DecodeHook | None) -> RowReader[T]:
    record_type = RECORD_TYPES.get(kind)
    return RowReader(kind, hook, essential=ESSENTIAL_FIELDS.get(kind, ()), record_type=record_type, normalise_id=id_of)


def _rows(page: RegisterPage | Rows) -> Rows:
    return page.data if isinstance(page, RegisterPage) else page
