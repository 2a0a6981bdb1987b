"""An index over the rows of one list: which rows have a filter's value, and their order by a column.

A page, a file or a piece of the API then costs what it shows. Each part of the index is built when it is first needed and
holds places of rows, four bytes each; never a cell, and never a row that is not the snapshot's own.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from fleetsync.core.model import Text
from fleetsync.expose.bounded_cache import BoundedCache
from fleetsync.expose.lists.definitions import ListColumn, ListContext, ListDefinition, ListFilter, ShownValue

Row = TypeVar("Row")
Places = Sequence[int]  # of rows, among all rows of the list

KEPT_ORDERS = 6  # by column, direction and language; beyond that the order that was asked for longest ago is forgotten
SMALL_SHARE = 10  # a choice of fewer than every tenth row is sorted by itself


class RowIndex(Generic[Row]):
    """The rows of a list, in the list's own order, and how to choose among them. Any thread may ask."""

    def __init__(
        self, definition: ListDefinition[Row], context: ListContext, rows: Sequence[Row] | None = None
    ) -> None:
        self.definition, self._context = definition, context
        self.rows = definition.rows(context) if rows is None else rows
        self.hidden_rows = definition.hidden_rows(context) if definition.hidden_rows else 0
        self._places: dict[str, Mapping[str, Places]] = {}  # by filter and value
        self._has_values: dict[str, bool] = {}  # by column
        self._orders: BoundedCache[tuple[str, bool, str], Places] = BoundedCache(KEPT_ORDERS)

    def select(self, chosen: Mapping[str, str], sort: str, language: str) -> "RowSelection[Row]":
        """The rows that meet every choice of *chosen* (filter's key → value; "" chooses nothing), sorted by *sort*.

        Sorted as shown in *language*; rows without a value come last in both directions.
        """
        places = self._chosen_places(chosen)
        key, is_descending = self.definition.sort_order(sort)
        columns = self.definition.columns_for(self._context.scope)
        column = next((column for column in columns if column.key == key), None)
        if column is not None:
            places = self._ordered(places, column, is_descending, language)
        return RowSelection(self.rows, places)

    def choices(self, list_filter: ListFilter[Row], language: str) -> Sequence[tuple[str, str, int]]:
        """(value, its name, how many rows have it) of a filter, sorted by name."""
        named = [
            (value, list_filter.name(value, self._context).in_language(language), len(places))
            for value, places in self._places_by_value(list_filter).items()
            if value
        ]
        return sorted(named, key=lambda choice: collation_key(choice[1]))

    def has_values(self, column: ListColumn[Row]) -> bool:
        """Whether any row of the list has a value in *column*."""
        if column.key not in self._has_values:
            self._has_values[column.key] = any(column.value(row, self._context) is not None for row in self.rows)
        return self._has_values[column.key]

    # --- filters ----------------------------------------------------------------------------------------------------------

    def _chosen_places(self, chosen: Mapping[str, str]) -> Places:
        matching = [
            self._places_by_value(list_filter).get(value, ())
            for list_filter in self.definition.filters
            if (value := chosen.get(list_filter.key, "").strip())
        ]
        if not matching:
            return range(len(self.rows))
        if len(matching) == 1:
            return matching[0]
        return sorted(set.intersection(*map(set, matching)))

    def _places_by_value(self, list_filter: ListFilter[Row]) -> Mapping[str, Places]:
        if list_filter.key not in self._places:
            places: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))
            values, context = list_filter.values, self._context
            for place, row in enumerate(self.rows):
                for value in values(row, context):
                    places[value].append(place)
            self._places[list_filter.key] = dict(places)
        return self._places[list_filter.key]

    # --- order ------------------------------------------------------------------------------------------------------------

    def _ordered(self, places: Places, column: ListColumn[Row], is_descending: bool, language: str) -> Places:
        if len(places) * SMALL_SHARE < len(self.rows):
            return self._sorted(places, column, is_descending, language)
        everything = range(len(self.rows))
        order = self._orders.get(
            (column.key, is_descending, language),
            lambda: self._sorted(everything, column, is_descending, language),
        )
        if len(places) == len(self.rows):
            return order
        kept = set(places)
        return array("I", [place for place in order if place in kept])

    def _sorted(self, places: Iterable[int], column: ListColumn[Row], is_descending: bool, language: str) -> Places:
        rows, context = self.rows, self._context
        keyed = [(_sort_key(column.shown_value(rows[place], context), language), place) for place in places]
        known = sorted((pair for pair in keyed if pair[0] is not None), key=lambda pair: pair[0], reverse=is_descending)
        return array("I", [place for _, place in known] + [place for key, place in keyed if key is None])


class RowSelection(Sequence[Row]):
    """Chosen rows in their order. A row is read when it is asked for."""

    def __init__(self, rows: Sequence[Row], places: Places) -> None:
        self._rows, self._places = rows, places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Row]:
        return map(self._rows.__getitem__, self._places)

    @overload
    def __getitem__(self, number: int) -> Row: ...
    @overload
    def __getitem__(self, number: slice) -> list[Row]: ...
    def __getitem__(self, number: int | slice) -> Row | list[Row]:
        if isinstance(number, slice):
            return [self._rows[place] for place in self._places[number]]
        return self._rows[self._places[number]]


def _sort_key(value: ShownValue, language: str) -> Any:
    if isinstance(value, Text):
        value = value.in_language(language)
    if isinstance(value, str):
        return collation_key(value) if value else None
    return value


# Å, Ä and Ö are letters of their own, after Z; by code point Å would come between Ä and Ö.
_SWEDISH_COLLATION = str.maketrans({"å": "{", "ä": "|", "ö": "}"})


def collation_key(text: str) -> str:
    """A key that sorts *text* as Swedish does."""
    folded = text.casefold()
    return folded if folded.isascii() else folded.translate(_SWEDISH_COLLATION)
