"""What a measure and a fact are: the entries of MEASURES and FACTS."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from fleetsync.core.context import Context
from fleetsync.core.measures.publication import FIRST_PUBLISHED, Publication
from fleetsync.core.model import MeasureRow, Outcome, Text

METRIC_PREFIX = "fleetsync_"

Labels = tuple[str, ...]
# Labels, how many, and the case that is counted: a share, a device, an episode, or a decision about a person.
CountedCase = tuple[Labels, int, Any]
CountedCases = Iterator[CountedCase]


class CaseRows(msgspec.Struct, frozen=True, kw_only=True):
    """How a counted case becomes a row. `person_of`: the id of the person it is of; None for no person."""

    row_of: Callable[[Labels, int, Any], MeasureRow]
    person_of: Callable[[Any], str | None]


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A number with rows.

    `title`: as the page calls it. `zero_labels`: the labels under which it is published even where nothing is counted.
    """

    name: str
    title: Text
    help: Text
    labels: Labels
    counts: Callable[[Outcome, Context], CountedCases]
    case_rows: CaseRows
    zero_labels: Callable[[Outcome, Context], Iterable[Labels]]
    publication: Publication = FIRST_PUBLISHED

    @property
    def short_name(self) -> str:
        """The name without the prefix of the metrics, as page and API use it."""
        return self.name.removeprefix(METRIC_PREFIX)

    def rows(self, outcome: Outcome, context: Context) -> Iterator[tuple[Labels, MeasureRow]]:
        """Every row with its labels."""
        row_of = self.case_rows.row_of
        return ((labels, row_of(labels, count, case)) for labels, count, case in self.counts(outcome, context))


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A value that is no count; what is unknown is left out, never 0."""

    name: str
    help: Text
    labels: Labels
    values: Callable[[Outcome, Context], Iterable[tuple[Labels, float]]]
    publication: Publication = FIRST_PUBLISHED
