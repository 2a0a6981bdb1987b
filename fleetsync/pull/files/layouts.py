"""What the exports of known systems look like, as data: their headers, in their order, and what stands under them.

Pure. A layout is recognised when enough of its telling headers stand in one line, so that a single header that is renamed or
missing does not make it another file. Then its headers decide which column is which field, and words that mean a field in
other lists do not: "Enhetsnamn" is a device's name in one system and a school's in another.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from fleetsync.pull.files.header_words import fold_header
from fleetsync.pull.files.values import Cell

EXPORT_OF: Final = "it is an export of"  # in the reason of each refusal of a file whose system is known

Looks: TypeAlias = Callable[[Sequence[Cell]], bool]
"""Whether cells, of which none is blank, look like something."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """What the cells of a column look like. *noun*: in the plural, for messages.

    *fits*: whether they can be it; *certain*: whether they can be nothing else, where that is another question.
    """

    noun: str
    fits: Looks
    certain: Looks | None = None

    def is_certain(self, cells: Sequence[Cell]) -> bool:
        """Whether there are cells, and they can be nothing else."""
        return bool(cells) and (self.certain or self.fits)(cells)


@dataclass(frozen=True)
class LayoutColumn:
    """A header of an export.

    *field*: what it is read as, None for a header that is known and not read. *spellings*: of other editions or languages.
    *needed*: numbers depend on it, so that a file without it is refused; *or_fields*: unless it has a column of one of these.
    *may_be_blank*: nothing need stand under it.
    *appearance*: None for free text.
    """

    header: str
    field: str | None = None
    spellings: tuple[str, ...] = ()
    needed: bool = False
    or_fields: tuple[str, ...] = ()
    may_be_blank: bool = False
    appearance: Appearance | None = None

    @cached_property
    def folded(self) -> frozenset[str]:
        """Its spellings as headers are compared."""
        return frozenset(map(fold_header, (self.header, *self.spellings)))


@dataclass(frozen=True)
class ExportLayout:
    """The export of one system. *columns*: in the order in which the system writes them.

    *telling*: headers that other lists hardly have; the file is recognised by *at_least* so many of them.
    """

    name: str
    columns: tuple[LayoutColumn, ...]
    telling: tuple[str, ...]
    at_least: int

    @cached_property
    def known_headers(self) -> frozenset[str]:
        """All its headers as they are compared."""
        return frozenset().union(*(column.folded for column in self.columns))

    @cached_property
    def fields(self) -> frozenset[str]:
        """The fields that its headers are read as."""
        return frozenset(column.field for column in self.columns if column.field is not None)

    def columns_of(self, field: str) -> tuple[LayoutColumn, ...]:
        """The headers that are read as *field*, the one that counts first."""
        return tuple(column for column in self.columns if column.field == field)

    def count_telling(self, headers: Collection[str]) -> int:
        """How many of the telling headers stand among *headers*, which are folded."""
        telling = (column for column in self.columns if column.header in self.telling)
        return sum(not column.folded.isdisjoint(headers) for column in telling)


def recognise_layout(headers: Collection[str], layouts: Iterable[ExportLayout]) -> ExportLayout | None:
    """The layout of which most telling headers stand among *headers*, which are folded; None where none has enough."""
    counts = [(layout.count_telling(headers), layout) for layout in layouts]
    recognised = [(count, layout) for count, layout in counts if count >= layout.at_least]
    return max(recognised, key=lambda pair: pair[0])[1] if recognised else None
