"""Compares an export with its layout: whether under each header stands what its system writes there.

Headers can be changed by hand or by a new edition of a system. Then a day of enrolment would be read as the last contact, or
a first day as the last one, and every number would be wrong without an error. So what does not fit refuses the file. A column
that the configuration names is believed as it is. No message holds the value of a cell.
"""

from collections.abc import Iterator, Mapping, Sequence

from fleetsync.pull.contract import SourceRefused
from fleetsync.pull.files.headers import ConfiguredColumns, field_label
from fleetsync.pull.files.layouts import EXPORT_OF, Appearance, ExportLayout, LayoutColumn
from fleetsync.pull.files.rows import ColumnLayout
from fleetsync.pull.files.values import Cell, is_blank

MIN_LINES = 5  # a column of fewer rows may look like anything by chance


def refuse_mixed_up_columns(
    layout: ExportLayout,
    columns: ColumnLayout,
    lines: Sequence[Sequence[Cell]],
    configured: ConfiguredColumns,
    where: str,
) -> None:
    """Raises SourceRefused for the first column among *lines* that does not fit *layout*. *where* begins the message.

    Of fewer than `MIN_LINES` lines nothing can be said.
    """
    places = _places_of_columns(layout, columns.words) if len(lines) >= MIN_LINES else {}
    for column, place in places.items():
        if column.field is None or column.field in configured or columns.places.get(column.field) != place:
            continue
        is_alone = columns.places.keys().isdisjoint(column.or_fields)
        problem = _problem(column, place, places, lines, is_needed=column.needed and is_alone)
        if problem is not None:
            header = columns.taken[column.field]
            raise SourceRefused(
                f'{where}: {EXPORT_OF} {layout.name}, but {problem}. Is the header "{header}" '
                f"({field_label(column.field)}) where it belongs? Export it again, or, if it is right as it is, say so in "
                f'the [[source]] table: columns = {{ {column.field} = "{header}" }}'
            )


def _places_of_columns(layout: ExportLayout, words: Mapping[int, str]) -> dict[LayoutColumn, int]:
    """Where the headers of *layout* stand, in its order; the first where one stands twice."""
    places = {column: [place for place, word in words.items() if word in column.folded] for column in layout.columns}
    return {column: min(of_column) for column, of_column in places.items() if of_column}


def _problem(
    column: LayoutColumn,
    place: int,
    places: Mapping[LayoutColumn, int],
    lines: Sequence[Sequence[Cell]],
    *,
    is_needed: bool,
) -> str | None:
    """What is wrong with a column that is read; None where it fits."""
    cells = _cells(place, lines)
    if lines and not cells and is_needed:
        return _problem_of_blank(column, places, lines)
    appearance = column.appearance
    # What is not needed may look like anything: it costs itself.
    if column.needed and cells and appearance is not None and not appearance.fits(cells):
        return f'under "{column.header}" there are hardly any {appearance.noun}'
    if column.needed and appearance is None and (alien := _lookalike(places, cells)) is not None:
        return f'under "{column.header}" there are {alien.noun}, which belong elsewhere'
    other = next(_exchanged(column, place, places), None)
    if other is not None:
        return f'"{column.header}" and "{other.header}" stand the other way round than it writes them'
    return None


def _problem_of_blank(
    column: LayoutColumn, places: Mapping[LayoutColumn, int], lines: Sequence[Sequence[Cell]]
) -> str | None:
    """A column with nothing in it is wrong where it must be filled, and where another column has what belongs into it."""
    noun = "values" if column.appearance is None else column.appearance.noun
    if not column.may_be_blank:
        return f'under "{column.header}" there are no {noun}'
    for other, place in places.items():
        if _looks_like(column.appearance, other, _cells(place, lines)):
            return f'there are {noun} under "{other.header}" and none under "{column.header}"'
    return None


def _looks_like(appearance: Appearance | None, other: LayoutColumn, cells: Sequence[Cell]) -> bool:
    """Whether *other*, which should look otherwise, looks like *appearance*."""
    return appearance is not None and other.appearance is not appearance and appearance.is_certain(cells)


def _lookalike(places: Mapping[LayoutColumn, int], cells: Sequence[Cell]) -> Appearance | None:
    """What the cells of a free text look like, if that is what another column of the layout has."""
    appearances = [each for other in places if (each := other.appearance) is not None]
    return next((each for each in appearances if each.is_certain(cells)), None)


def _exchanged(column: LayoutColumn, place: int, places: Mapping[LayoutColumn, int]) -> Iterator[LayoutColumn]:
    """The columns that look like *column* and stand on its other side than the system writes them."""
    is_before = True
    for other, other_place in places.items():
        if other is column:
            is_before = False
        elif other.appearance is column.appearance and (other_place < place) is not is_before:
            yield other


def _cells(place: int, lines: Sequence[Sequence[Cell]]) -> list[Cell]:
    """What stands in a column, without its blank cells."""
    return [line[place] for line in lines if place < len(line) and not is_blank(line[place])]
