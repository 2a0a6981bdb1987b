"""Finds out which column of a file is which field: by the headers that Swedish registers use, or by configuration.

Headers are compared without case, accents, spaces and punctuation. Nothing is guessed: if two columns could be one field,
or a required one is missing, the file is refused with the setting that corrects it. Such a message shows the headers of
the file, and never a line that may be a person's record.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Final, Literal, TypeAlias

from fleetsync.pull.contract import SourceRefused
from fleetsync.pull.files.header_words import FALLBACK_WORDS, HEADER_WORDS, fold_header
from fleetsync.pull.files.layouts import EXPORT_OF, ExportLayout, recognise_layout
from fleetsync.pull.files.suspicion import Suspicion
from fleetsync.pull.files.values import Cell, ColumnKind, cell_text, is_blank

# Titles and dates of printing stand above the headers of many reports.
MAX_HEADER_SEARCH_LINES: Final = 20


class NoHeaderError(SourceRefused):
    """No line of the file has a header that is known: it may be no list at all."""


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A field that a connector looks for.

    *aliases*: headers that mean it; none: those of `HEADER_WORDS`; the field's own name always does. *fallbacks*: headers
    that mean it where none of these is there, in this order. *required*: without it the file is refused. *deciding*:
    coverage depends on it, so that its absence is reported (`OpenedFile.missing_fields`). *kind*: `id` is text that
    identifies, in which decimals are damage. *digits*: the lengths that an all-digit value can have; a shorter one lost
    its leading zeros. *never_blank*: a row that ends before it is not taken for blank there. *suspected_by*: what a
    column under an unknown header looks like that may be this field (`OpenedFile.suspected_fields`). *refused_by*:
    parts of headers that may mean this field; a file with such a header that no field took up is refused.
    """

    field: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    deciding: bool = False
    kind: ColumnKind = "text"
    digits: tuple[int, ...] = ()
    fallbacks: tuple[str, ...] = ()
    never_blank: bool = False
    suspected_by: Suspicion | None = None
    refused_by: re.Pattern[str] | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """All headers that mean this field, those of `fallback_words` apart."""
        return (*(self.aliases or HEADER_WORDS.get(self.field, ())), self.field)

    @property
    def fallback_words(self) -> tuple[str, ...]:
        """Headers that mean this field where no other does, the first that is there."""
        return (*self.fallbacks, *(FALLBACK_WORDS.get(self.field, ()) if not self.aliases else ()))


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """The position of each field. *line*: the row number of the headers, 0 for a file without any.

    *titles*: how many lines with something in them stand above it. *unused*: the headers that no field took up, by
    position, as they may be shown. *taken*: field → the header that it took up. *layout*: that of a known system's export.
    *words*: the folded headers, by position.
    """

    line: int
    width: int
    places: Mapping[str, int]
    titles: int = 0
    unused: Mapping[int, str] = dataclass_field(default_factory=dict)
    taken: Mapping[str, str] = dataclass_field(default_factory=dict)
    layout: ExportLayout | None = None
    words: Mapping[int, str] = dataclass_field(default_factory=dict)


ConfiguredColumns: TypeAlias = Mapping[str, str | int | Literal[False]]
"""Field = its header, the number of its column from 1, or False for "this file has none"."""


def field_label(field: str) -> str:
    """A field's name as words: "end_date" is "end date"."""
    return field.replace("_", " ")


_NTH_HEADER = re.compile(r"(.+)#([1-9]\d?)")


def header_names_by_field(columns: Sequence[FileColumn], configured: ConfiguredColumns) -> dict[str, tuple[str, ...]]:
    """Per field the folded headers that mean it, configuration first; a header that configuration gave to one field
    means no other. A field that the configuration says is not there has none.

    Raises ValueError when two columns of a connector share a word: nobody could tell which is meant.
    """
    given = {field: _folded_given(header) for field, header in configured.items()}
    taken = frozenset(word for words in given.values() for word in words)
    names: dict[str, tuple[str, ...]] = {}
    owners: dict[str, str] = {}
    for column in columns:
        if column.field in given and isinstance(configured[column.field], str | bool):
            names[column.field] = given[column.field]
            continue
        words = (fold_header(word) for word in (*column.words, *column.fallback_words))
        names[column.field] = tuple(dict.fromkeys(word for word in words if word not in taken))
        for word in names[column.field]:
            if owners.setdefault(word, column.field) != column.field:
                raise ValueError(f"the header {word} means both {owners[word]} and {column.field}")
    return names


def _folded_given(header: str | int) -> tuple[str, ...]:
    if not isinstance(header, str):
        return ()
    nth = _NTH_HEADER.fullmatch(header)
    return (fold_header(header), fold_header(nth[1])) if nth else (fold_header(header),)


def header_score(
    cells: Sequence[Cell], columns: Sequence[FileColumn], names: Mapping[str, Sequence[str]]
) -> tuple[int, int]:
    """How many fields a line names if it is the header: the required ones, then all."""
    needed = {column.field: names[column.field] for column in columns if column.required}
    return count_known_headers(cells, needed), count_known_headers(cells, names)


def count_known_headers(cells: Sequence[Cell], names: Mapping[str, Sequence[str]]) -> int:
    """How many fields this line names if it is the header."""
    words = {fold_header(cell_text(cell)) for cell in cells if isinstance(cell, str)}
    return sum(1 for headers in names.values() if not words.isdisjoint(headers))


def find_header(
    head: Sequence[tuple[int, Sequence[Cell]]],
    columns: Sequence[FileColumn],
    configured: ConfiguredColumns,
    where: str,
    layouts: Sequence[ExportLayout] = (),
) -> HeaderRow:
    """The header among the first lines of a file: the line that names most fields. *where* begins each message.

    Raises SourceRefused: a needed header is missing, two mean one field, there is none at all, or `columns` is wrong.
    """
    _check_configured(columns, configured, where)
    names = header_names_by_field(columns, configured)
    numbered = {field for field, place in configured.items() if isinstance(place, int) and place is not False}
    needed = [column.field for column in columns if column.required and column.field not in numbered]
    best = _best_line(head, columns, names)
    if numbered and (best is None or not _is_header_beside_numbers(best[1], names)):
        return _header_from_numbers(head, columns, configured, where)
    if best is None or count_known_headers(best[1], {field: names[field] for field in needed}) < len(needed):
        raise _no_header(head, columns, names, configured, where)
    number, cells = best
    words = {place: fold_header(cell_text(cell)) for place, cell in enumerate(cells)}
    layout = recognise_layout(frozenset(words.values()), layouts)
    places = _column_positions(cells, columns, names, configured, where, layout)
    unused = _unused_headers(cells, places, names)
    _refuse_incomplete(layout, unused, places, configured, where)
    _refuse_unnamed(unused, columns, places, configured, where)
    titles = sum(1 for line, above in head if line < number and not all(map(is_blank, above)))
    taken = {name: _shown(cells[place]) for name, place in places.items()}
    return HeaderRow(number, _width(cells), places, titles, unused, taken, layout, words)


def _best_line(
    head: Sequence[tuple[int, Sequence[Cell]]], columns: Sequence[FileColumn], names: Mapping[str, Sequence[str]]
) -> tuple[int, Sequence[Cell]] | None:
    """The first of the lines that name most fields. A title, or a filled-in form, can name one or two by chance."""
    best = max(head, key=lambda line: header_score(line[1], columns, names), default=None)
    return best if best is not None and count_known_headers(best[1], names) else None


def _is_header_beside_numbers(cells: Sequence[Cell], names: Mapping[str, Sequence[str]]) -> bool:
    return count_known_headers(cells, names) >= _MIN_KNOWN_HEADERS and not _may_be_a_record(cells)


def _check_configured(columns: Sequence[FileColumn], configured: ConfiguredColumns, where: str) -> None:
    fields = [column.field for column in columns]
    for field in configured:
        if field not in fields:
            raise SourceRefused(
                f"{where}: columns names the field {field}, which this kind of file does not have. "
                f"Its fields are: {', '.join(fields)}"
            )


def _header_from_numbers(
    head: Sequence[tuple[int, Sequence[Cell]]],
    columns: Sequence[FileColumn],
    configured: ConfiguredColumns,
    where: str,
) -> HeaderRow:
    """A file without headers, whose columns are known by number."""
    named = [field for field, place in configured.items() if isinstance(place, str)]
    if named:
        raise SourceRefused(
            f"{where}: columns names a header for {', '.join(named)}, and no line of the file looks like headers. Number "
            "every column of a file without headers, from 1"
        )
    places = {field: place - 1 for field, place in configured.items() if isinstance(place, int) and place is not False}
    missing = [column.field for column in columns if column.required and column.field not in places]
    if missing:
        raise SourceRefused(
            f"{where}: columns gives no number for {', '.join(missing)}. Add it to the [[source]] table"
        )
    width = max((_width(cells) for _, cells in head), default=0)
    if head:
        _check_within(places, width, where)
    unused = {place: f"column {place + 1}" for place in range(width) if place not in places.values()}
    return HeaderRow(0, width, places, 0, unused, {name: f"column {place + 1}" for name, place in places.items()})


def _check_within(places: Mapping[str, int], width: int, where: str) -> None:
    beyond = sorted(field for field, place in places.items() if place >= width)
    if beyond:
        raise SourceRefused(
            f"{where}: the file has {width} columns, and columns puts {', '.join(beyond)} beyond the last. Correct the "
            "number in the [[source]] table"
        )


def _width(cells: Sequence[Cell]) -> int:
    width = len(cells)
    while width and is_blank(cells[width - 1]):
        width -= 1
    return width


def _column_positions(
    cells: Sequence[Cell],
    columns: Sequence[FileColumn],
    names: Mapping[str, Sequence[str]],
    configured: ConfiguredColumns,
    where: str,
    layout: ExportLayout | None,
) -> dict[str, int]:
    words = [fold_header(cell_text(cell)) for cell in cells]
    places: dict[str, int] = {}
    for field, given in configured.items():
        if given is not False:
            matching = [given - 1] if isinstance(given, int) else _given_places(words, given)
            _take_place(places, field, matching, cells, where)
    _check_within(places, _width(cells), where)
    claimed = frozenset(places.values())
    for column in columns:
        if column.field not in configured:
            by_group = (
                [place for place, word in enumerate(words) if word in group and place not in claimed]
                for group in _header_groups(column, names[column.field], layout)
            )
            _take_place(places, column.field, next(filter(None, by_group), []), cells, where)
    return places


def _header_groups(column: FileColumn, names: Sequence[str], layout: ExportLayout | None) -> Iterator[frozenset[str]]:
    """The headers that mean a field alike, then each of those that count only where none of these is there.

    Those of a known layout come first, and what it calls something else means nothing else.
    """
    known: frozenset[str] = frozenset()
    if layout is not None:
        known = layout.known_headers
        yield from (each.folded for each in layout.columns_of(column.field))
    alike = frozenset(map(fold_header, column.words)).intersection(names)
    yield alike - known
    yield from (frozenset({name}) for name in names if name not in alike | known)


def _given_places(words: Sequence[str], header: str) -> list[int]:
    """Where a configured header stands. "Från#2" is the second of that name."""
    matching = [place for place, word in enumerate(words) if word == fold_header(header)]
    nth = _NTH_HEADER.fullmatch(header)
    if matching or nth is None:
        return matching
    return [place for place, word in enumerate(words) if word == fold_header(nth[1])][int(nth[2]) - 1 : int(nth[2])]


def _take_place(places: dict[str, int], field: str, matching: Sequence[int], cells: Sequence[Cell], where: str) -> None:
    if len(matching) > 1:
        shown = " and ".join(f'"{_shown(cells[place])}" (column {place + 1})' for place in matching)
        first = _shown(cells[matching[0]])
        is_same = len({fold_header(cell_text(cells[place])) for place in matching}) == 1
        raise SourceRefused(
            f"{where}: the headers {shown} both mean {field}. Choose in the [[source]] table: columns = "
            f'{{ {field} = "{first}{"#1" if is_same else ""}" }} or, by its number, columns = {{ {field} = '
            f"{matching[0] + 1} }}"
        )
    if matching:
        places[field] = matching[0]


def _unused_headers(
    cells: Sequence[Cell], places: Mapping[str, int], names: Mapping[str, Sequence[str]]
) -> dict[int, str]:
    """The headers that no field took up. A line that may be a record is not shown, only its columns' numbers."""
    is_header = count_known_headers(cells, names) >= _MIN_KNOWN_HEADERS
    return {
        place: _shown(cell) if is_header and not _may_be_a_record([cell]) else f"column {place + 1}"
        for place, cell in enumerate(cells)
        if place not in places.values() and not is_blank(cell)
    }


def _refuse_incomplete(
    layout: ExportLayout | None,
    unused: Mapping[int, str],
    places: Mapping[str, int],
    configured: ConfiguredColumns,
    where: str,
) -> None:
    """Refuses an export without a column that its numbers depend on, until the configuration says which it is, or none."""
    for column in layout.columns if layout is not None else ():
        field = column.field
        if layout is None or field is None or not column.needed or field in configured:
            continue
        if not places.keys().isdisjoint((field, *column.or_fields)):
            continue
        unknown = [name for name in unused.values() if fold_header(name) not in layout.known_headers]
        shown = f"is {_quoted(unknown)} it?" if unknown else "export it again with all its columns."
        raise SourceRefused(
            f'{where}: {EXPORT_OF} {layout.name} without the column "{column.header}" ({field_label(field)}); '
            f"{shown} Name the column in the [[source]] table: columns = {{ {field} = "
            f'"{unknown[0] if unknown else "…"}" }}, or say that there is none: columns = {{ {field} = false }}'
        )


def _quoted(headers: Sequence[str]) -> str:
    return " or ".join(f'"{header}"' for header in headers[:_MAX_SHOWN_HEADERS])


def _refuse_unnamed(
    unused: Mapping[int, str],
    columns: Sequence[FileColumn],
    places: Mapping[str, int],
    configured: ConfiguredColumns,
    where: str,
) -> None:
    """Refuses a file in which a header may mean a field that must not be missed, until the configuration says."""
    for column in columns:
        if column.refused_by is None or column.field in configured:
            continue
        like = [header for header in unused.values() if column.refused_by.search(fold_header(header))]
        if like:
            shown = ", ".join(f'"{header}"' for header in like)
            others = f", or columns = {{ {column.field} = false }} if none does"
            if column.field in places:
                others = ", or name the column that is already read, if it is the only one"
            raise SourceRefused(
                f"{where}: the header {shown} may mean {column.field}, and is not read. If it does, name it in the "
                f'[[source]] table: columns = {{ {column.field} = "{like[0]}" }}{others}'
            )


# ------------------------------------------------------------------------------------------------ saying what is missing

_DIGITS = re.compile(r"\d")
_MAX_HEADER_DIGITS = 4
_MAX_SHOWN_HEADERS = 5
# A single word of a record can happen to be a header ("barn"), so a line is shown only when two of its words are.
_MIN_KNOWN_HEADERS = 2


def _no_header(
    head: Sequence[tuple[int, Sequence[Cell]]],
    columns: Sequence[FileColumn],
    names: Mapping[str, Sequence[str]],
    configured: ConfiguredColumns,
    where: str,
) -> SourceRefused:
    number, cells = max(head, key=lambda line: count_known_headers(line[1], names), default=(0, ()))
    lacking = (each for each in columns if each.required and not count_known_headers(cells, {"": names[each.field]}))
    missing = next(lacking, columns[0])
    looked_for = configured.get(missing.field) or ", ".join(dict.fromkeys(missing.words))
    problem = f"{where}: no header for {missing.field}. Looked for: {looked_for}."
    if count_known_headers(cells, names) < _MIN_KNOWN_HEADERS or _may_be_a_record(cells):
        return NoHeaderError(
            f"{problem} Hardly any header is one that we know, so the file may have none. Export it with headers, name them "
            f'in the [[source]] table: columns = {{ {missing.field} = "…" }}, or number the columns of a file without '
            f"headers: columns = {{ {missing.field} = 1 }}"
        )
    there = ", ".join(_shown(cell) for cell in cells if not is_blank(cell))
    return SourceRefused(
        f"{problem} In row {number} there are: {there}. Name it in the [[source]] table: "
        f'columns = {{ {missing.field} = "…" }}'
    )


def _shown(cell: Cell) -> str:
    return cell_text(cell)[:40]


def _may_be_a_record(cells: Sequence[Cell]) -> bool:
    """Whether a line could be a person's record: it contains a number, a date or an address."""
    texts = [cell_text(cell) for cell in cells]
    return any("@" in text or len(_DIGITS.findall(text)) > _MAX_HEADER_DIGITS for text in texts)
