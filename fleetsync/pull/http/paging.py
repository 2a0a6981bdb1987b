"""Tells a listing that goes on from one that repeats itself or never ends.

A link or token that comes twice is a circle at once. A source may also give the same rows under ever new tokens: pages in
a row of which every row was read before are the same circle. What never repeats itself and never ends is bounded.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from fleetsync.pull.contract import SourceUnavailable
from fleetsync.pull.http.address import Origin

MAX_PAGES = 20_000  # ten million rows of 500 a page: more devices or persons than any country's schools have
MAX_REPEATED_PAGES = 3  # one may come twice when rows move between pages while they are read
_ID_NAMES = ("id", "uuid", "udid", "key")


class _RowId(msgspec.Struct):
    id: Any = None


class ListingWatch:
    """Watches the pages of one listing. Raises SourceUnavailable when it does not come to an end."""

    def __init__(self, source: str, origin: Origin) -> None:
        self._source, self._origin = source, origin
        self._links: set[str] = set()
        self._rows: set[int] = set()
        self._repeated_pages = 0

    @property
    def has_begun(self) -> bool:
        """Whether a page was asked for."""
        return bool(self._links)

    def take_link(self, url: str) -> None:
        """Note the address of the next page."""
        if url in self._links:
            raise self._circle(f"page {len(self._links)} of the listing points to a page that was read before")
        if len(self._links) >= MAX_PAGES:
            raise SourceUnavailable(
                f"{self._source}: {self._origin} gave {MAX_PAGES} pages of one listing and points to yet another. Nothing of it "
                "is used; report it to the vendor if it continues"
            )
        self._links.add(url)

    def take_page(self, page: Any) -> None:
        """Note the rows of a page that was read."""
        rows = {hash(row) for row in row_ids(page)}
        if not rows:
            return
        self._repeated_pages = self._repeated_pages + 1 if rows <= self._rows else 0
        self._rows |= rows
        if self._repeated_pages >= MAX_REPEATED_PAGES:
            raise self._circle(f"each row of the last {MAX_REPEATED_PAGES} pages was read before, under new links")

    def _circle(self, what: str) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self._source}: {self._origin} sent a loop of pages: {what}. Nothing of it is used; report it to the vendor if it "
            "continues"
        )


def row_ids(page: Any) -> Iterator[str]:
    """What tells the rows of a decoded page apart: their id; of a row without one, its content."""
    lists = (
        [page]
        if isinstance(page, list)
        else [getattr(page, name, None) for name in getattr(page, "__struct_fields__", ())]
    )
    for rows in lists:
        for row in rows if isinstance(rows, list | tuple) else ():
            yield _row_id(row)


def _row_id(row: Any) -> str:
    if isinstance(row, msgspec.Raw):
        try:
            value = msgspec.json.decode(row, type=_RowId).id
        except (msgspec.DecodeError, UnicodeDecodeError):
            value = None
        return f"id {value}" if value else bytes(row).hex()
    values = (getattr(row, name, None) for name in _ID_NAMES)
    return next((f"id {value}" for value in values if value), None) or repr(row)
