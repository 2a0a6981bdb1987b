"""What a list is: columns with a machine value and a shown value, filters, rows and an order. Knows no Flask and no URL.

A definition is read by four walkers: the page's table and its files (`web/list_view.py`), the JSON API (`json_rows.py`),
its description (`openapi.py`) and the commands (`cli/output.py`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Generic, TypeVar

from fleetsync.core.model import Episode, PartState, Subject, Text
from fleetsync.expose.display_names import YES_NO_UNKNOWN, word
from fleetsync.expose.gate import VisibleSnapshot
from fleetsync.expose.lists.names import SubjectNames
from fleetsync.expose.lookup import Lookup, gaps_by_subject
from fleetsync.expose.scope import Permission, Scope

Row = TypeVar("Row")
CellValue = str | int | float | date | datetime | Text | Sequence[str] | None
ShownValue = str | int | float | date | datetime | Text | None
NOTHING_TO_SHOW = Text("Inget att visa.", "Nothing to show.")


class CellKind(StrEnum):
    """What a machine value is, and with it how it is written, sorted and described."""

    TEXT = "text"
    ID = "id"  # of a person, device, set, pool or unit: joins two lists
    IDS = "ids"
    WORD = "word"  # a value of an enumeration; `words` names each
    WORDS = "words"
    COUNT = "count"  # a whole number
    NUMBER = "number"
    RATIO = "ratio"  # 0..1
    FLAG = "flag"  # true or false
    DAY = "day"
    INSTANT = "instant"
    SENTENCE = "sentence"  # a Text: both languages


RIGHT_ALIGNED_KINDS = frozenset({CellKind.COUNT, CellKind.NUMBER, CellKind.RATIO})


@dataclass(frozen=True)
class SubjectLink:
    """A link to what a cell is about. *unit* is where a subject without a page of its own is found."""

    subject: Subject
    id: str
    unit: str = ""


@dataclass(frozen=True)
class NumberLink:
    """A link to the rows behind a published number."""

    measure: str
    labels: Mapping[str, str]


Link = SubjectLink | NumberLink


class ListContext:
    """What a list reads: the snapshot of the day that is asked about, today's cases, and the parts of all sources.

    The snapshots are opened when a list first needs them: the list of sources needs none.
    """

    def __init__(
        self,
        *,
        scope: Scope,
        today: date,
        open_lookup: Callable[[], Lookup],
        open_day: Callable[[], VisibleSnapshot] | None = None,
        open_parts: Callable[[], Sequence[PartState]] = tuple,
        previous_holders: Callable[[Collection[str]], Mapping[str, Sequence[str]]] = lambda _: {},
    ) -> None:
        """*previous_holders*: device → the persons it served and serves no more, the last one first."""
        self.scope = scope
        self.previous_holders = previous_holders
        self.today = today
        self._open_lookup, self._open_day, self._open_parts = open_lookup, open_day, open_parts

    @cached_property
    def lookup(self) -> Lookup:
        """Today's cases: names, models and units are today's even beside the numbers of a past day."""
        return self._open_lookup()

    @cached_property
    def visible(self) -> VisibleSnapshot:
        """The snapshot of the day that is asked about."""
        return self._open_day() if self._open_day else self.lookup.visible

    @cached_property
    def parts(self) -> Sequence[PartState]:
        """Every configured part that the account may see."""
        return self._open_parts()

    @property
    def day(self) -> date:
        """The day that is asked about."""
        return self.visible.today

    @cached_property
    def names(self) -> SubjectNames:
        """What units, persons, devices, sets and rules are called."""
        return SubjectNames(self.lookup, may_see_logins=self.scope.allows(Permission.LOGINS))

    @cached_property
    def gaps(self) -> Mapping[str, Sequence[Episode]]:
        """Open gaps by subject, on the day that is asked about."""
        return self.lookup.gaps if self.visible is self.lookup.visible else gaps_by_subject(self.visible)

    @cached_property
    def concealed(self) -> frozenset[str]:
        """Persons who are counted and never listed; for a past day also those who are unknown today."""
        return self.lookup.concealed | self.visible.hidden


@dataclass(frozen=True)
class ListColumn(Generic[Row]):
    """One column. `value` is for machines; `shown` for people, by default made from the value and its kind."""

    key: str  # stable: the name in the API, in the files of the commands, and in ?sort=
    title: Text
    kind: CellKind
    value: Callable[[Row, ListContext], CellValue]
    shown: Callable[[Row, ListContext], ShownValue] | None = None
    words: Mapping[str, Text] | None = None  # of WORD and WORDS: the name of each value
    link: Callable[[Row, ListContext], Link | None] | None = None
    second_line: Callable[[Row, ListContext], str] | None = None  # a second, quieter line on the page
    cell_style: str = ""  # how the page draws the cell, where its kind does not say it
    is_nullable: bool = False
    is_on_page: bool = True  # False: not on the screen
    is_in_files: bool = (
        False  # in CSV and XLSX though it is not on the screen, where another cell's second line says it
    )
    is_optional: bool = False  # on the screen only where a row has a value; a file has every column
    needs: Permission | None = None  # accounts without it do not get the column

    def shown_value(self, row: Row, context: ListContext) -> ShownValue:
        """The value as a person reads it; texts in both languages."""
        if self.shown is not None:
            return self.shown(row, context)
        return self._named(self.value(row, context))

    def _named(self, value: CellValue) -> ShownValue:
        if self.kind is CellKind.FLAG:
            return word(YES_NO_UNKNOWN, "unknown" if value is None else "yes" if value else "no")
        if self.words is not None and isinstance(value, str):
            return word(self.words, value)
        if isinstance(value, Text) or not isinstance(value, Sequence) or isinstance(value, str):
            return value
        names = [word(self.words or {}, element) for element in value]
        return Text(", ".join(name.sv for name in names), ", ".join(name.en for name in names))


@dataclass(frozen=True)
class ListFilter(Generic[Row]):
    """One choice. `values` are the machine values that a row is found under; `name` is what a value is called."""

    key: str
    title: Text
    values: Callable[[Row, ListContext], Iterable[str]]
    name: Callable[[str, ListContext], Text]
    words: Mapping[str, Text] | None = None  # of a choice among the values of an enumeration


@dataclass(frozen=True)
class ListDefinition(Generic[Row]):
    """A list. `sort` is the order without a choice: a column's key, "-" before it for descending; "": that of `rows`."""

    name: str
    title: Text
    summary: str  # for the description of the API
    columns: Sequence[ListColumn[Row]]
    rows: Callable[[ListContext], Sequence[Row]]
    filters: Sequence[ListFilter[Row]] = ()
    sort: str = ""
    empty_text: Text = NOTHING_TO_SHOW
    hidden_rows: Callable[[ListContext], int] | None = None  # how many rows are of persons who are not shown
    keeps_past_days: bool = False
    page_size: int = 75  # rows on one page of the screen
    is_of_snapshot: bool = True  # False: its rows may change while the snapshot stays the same
    row_key: Callable[[Row], str] | None = None  # what a row is ticked by on the page; None: rows cannot be ticked
    are_rows_gaps: bool = False  # then a row's key is KIND:ID, and ticked rows can be parked

    def columns_for(self, scope: Scope) -> Sequence[ListColumn[Row]]:
        """The columns that an account with *scope* gets."""
        return [column for column in self.columns if scope.allows(column.needs)]

    @property
    def tick_field(self) -> str:
        """The name of a row's box in the form of the page."""
        return "gap" if self.are_rows_gaps else "row"

    def login_column(self, scope: Scope) -> ListColumn[Row] | None:
        """The column of log-ins, where the list has one that an account with *scope* gets."""
        return next((column for column in self.columns_for(scope) if column.needs is Permission.LOGINS), None)

    def sort_order(self, chosen: str) -> tuple[str, bool]:
        """(column's key, whether descending), as *chosen* ("key" or "-key"), else the list's own."""
        if chosen.removeprefix("-") not in {column.key for column in self.columns}:
            chosen = self.sort
        return chosen.removeprefix("-"), chosen.startswith("-")
