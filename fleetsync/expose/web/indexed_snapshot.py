"""A snapshot with the indexes that pages read, built when they are first needed and dropped with the snapshot.

Everything here comes through the gate, one set of indexes per scope, so that an index never holds what the account may
not see.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from fleetsync.core.model import Assignment, CoverageSum, MeasureRow, OwedDevices, RoundBy
from fleetsync.core.snapshot import Snapshot
from fleetsync.expose.bounded_cache import BoundedCache
from fleetsync.expose.drill_down import DrillDown, drill_down
from fleetsync.expose.gate import VisibleSnapshot, view_for, visible_previous_holders
from fleetsync.expose.lists import NUMBERS, ListContext, ListDefinition
from fleetsync.expose.lists.row_index import RowIndex
from fleetsync.expose.lookup import Lookup
from fleetsync.expose.metrics import Exposition
from fleetsync.expose.ports import HistoryReader, PublishedState
from fleetsync.expose.scope import Scope
from fleetsync.expose.web.tasks import OpenTasks

KEPT_PAST_DAYS = 1  # per snapshot: the rows of a past day take as much memory as those of the snapshot
KEPT_TRENDS = 8
KEPT_NUMBERS = 1  # one that counts 100,000 cases takes 13 MB


@dataclass(frozen=True)
class OpenedNumber:
    """A published number, and the index of the rows behind it."""

    opened: DrillDown
    index: RowIndex[MeasureRow]


class IndexedSnapshot:
    """What one day looks like to one scope. *lookup*: today's cases, which stand beside the rows of a past day too."""

    def __init__(self, visible: VisibleSnapshot, lookup: Lookup, history: HistoryReader) -> None:
        self.visible, self.lookup = visible, lookup

        def previous_holders(devices: Collection[str]) -> Mapping[str, Sequence[str]]:
            return visible_previous_holders(history, visible.scope, devices)

        self.list_context = ListContext(
            scope=visible.scope,
            today=visible.today,
            open_lookup=lambda: lookup,
            open_day=lambda: visible,
            previous_holders=previous_holders,
        )
        # By the last day, how many days before it, and units.
        self.trends: BoundedCache[tuple[date, int, tuple[str, ...] | None], Sequence[CoverageSum]] = BoundedCache(
            KEPT_TRENDS
        )
        self._opened_numbers: BoundedCache[tuple[str, tuple[tuple[str, str], ...]], OpenedNumber] = BoundedCache(
            KEPT_NUMBERS
        )
        self._row_indexes: dict[str, RowIndex[Any]] = {}

    def row_index(self, definition: ListDefinition[Any]) -> RowIndex[Any]:
        """The index of a list over this snapshot."""
        if definition.name not in self._row_indexes:
            self._row_indexes[definition.name] = RowIndex(definition, self.list_context)
        return self._row_indexes[definition.name]

    def opened_number(self, name: str, labels: Mapping[str, str]) -> "OpenedNumber":
        """A number with its rows; the one that was opened last is kept, for its next page and other orders."""

        def open_number() -> OpenedNumber:
            opened = drill_down(self.visible, name, labels, self.list_context.concealed)
            return OpenedNumber(opened, RowIndex(NUMBERS, self.list_context, opened.rows))

        return self._opened_numbers.get((name, tuple(sorted(labels.items()))), open_number)

    @cached_property
    def serving(self) -> Mapping[str, Assignment]:
        """Assignments by device."""
        if self.visible is self.lookup.visible:
            return self.lookup.assignments
        return {assignment.device: assignment for assignment in self.visible.assignments}

    @cached_property
    def open_tasks(self) -> OpenTasks:
        """What is to be done, by role and unit."""
        return OpenTasks(self.lookup)

    @cached_property
    def pools_by_rounding(self) -> Mapping[str, Sequence[tuple[RoundBy, OwedDevices]]]:
        """Unit → what its pools would be owed with each rounding."""
        by_unit: defaultdict[str, list[tuple[RoundBy, OwedDevices]]] = defaultdict(list)
        for rounding in RoundBy:
            for owed in self.visible.pools_owed(rounding):
                by_unit[owed.unit].append((rounding, owed))
        return by_unit


class SnapshotIndexes:
    """The indexed snapshots of what is published now: one per scope, and the past day that was looked at last."""

    def __init__(self, history: HistoryReader) -> None:
        self._history = history
        # A published snapshot lives as long as its exposition, and no index refers to the exposition: when the
        # daemon publishes the next one, the indexes of the old one go too, even when nobody opens a page.
        self._kept: WeakKeyDictionary[Exposition, PublishedIndexes] = WeakKeyDictionary()

    def newest(self, published: PublishedState) -> "PublishedIndexes":
        """The indexes of the snapshot that is published now."""
        while True:
            exposition, snapshot = published.exposition, published.snapshot
            if published.exposition is exposition:  # else another snapshot was published between the two readings
                return self._kept.setdefault(exposition, PublishedIndexes(snapshot, self._history))


class PublishedIndexes:
    """The indexes of one published snapshot."""

    def __init__(self, snapshot: Snapshot, history: HistoryReader) -> None:
        self.snapshot, self._history = snapshot, history
        self._by_scope: dict[Scope, IndexedSnapshot] = {}
        self._past: BoundedCache[tuple[Scope, date], IndexedSnapshot | None] = BoundedCache(KEPT_PAST_DAYS)

    def today(self, scope: Scope) -> IndexedSnapshot:
        """The snapshot as an account with *scope* sees it."""
        if scope not in self._by_scope:
            visible = view_for(self.snapshot, scope)
            self._by_scope[scope] = IndexedSnapshot(visible, Lookup(visible), self._history)
        return self._by_scope[scope]

    def past(self, scope: Scope, day: date, read: Callable[[], Snapshot | None]) -> IndexedSnapshot | None:
        """What was published on the past *day*, which *read* gives; None when nothing was."""

        def index() -> IndexedSnapshot | None:
            snapshot = read()
            if snapshot is None:
                return None
            return IndexedSnapshot(view_for(snapshot, scope), self.today(scope).lookup, self._history)

        return self._past.get((scope, day), index)
