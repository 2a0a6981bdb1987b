"""How the pages of a listing follow each other, where servers differ from what they promise."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from fleetsync.pull.contract import Params, QueryRefused

T = TypeVar("T")


def pages_of_accepted_query(narrow: Iterator[T], wide: Iterator[T]) -> Iterator[T]:
    """The pages of *narrow*; those of *wide* where the server refuses the query of *narrow* at its first page.

    *narrow*: a listing with an optional query. A later page that is refused is no reason to begin again.
    """
    try:
        first = next(narrow)
    except QueryRefused:
        yield from wide
        return
    yield first
    yield from narrow


class OffsetPaging:
    """Which page of a listing by `offset` comes next, by the rows that came.

    A short page is no end: servers clamp the size of pages without a word. *query*: of each page, its size included.
    *id_field*: holds the id of a row.
    """

    def __init__(self, query: Params, id_field: str) -> None:
        self.ids = set[str]()
        """Of all rows that came."""
        self._query, self._offset = query, 0
        own_id = ("own_id", Any, msgspec.field(default=None, name=id_field))
        # No other field of a row reaches memory.
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(msgspec.defstruct("RowId", [own_id]))

    def first(self) -> Params:
        """The query of the first page."""
        return {**self._query, "offset": 0}

    def following(self, rows: Sequence[msgspec.Raw], total: int | None) -> Params | None:
        """The query of the page after that with *rows*; None after an empty page, and after *total* different rows."""
        self.ids.update(filter(None, map(self.row_id, rows)))
        self._offset += len(rows)
        is_read = total is not None and len(self.ids) >= total
        return None if is_read or not rows else {**self._query, "offset": self._offset}

    def row_id(self, row: msgspec.Raw) -> str | None:
        """What tells a row from others: its id; of a row without a usable one, its content. None for what is no row."""
        try:
            own_id: object = self._decoder.decode(row).own_id
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        is_usable = isinstance(own_id, str | int) and own_id != ""
        return str(own_id) if is_usable else bytes(row).hex()
