"""What the XML of an XLSX says beside the values that a reader gives: cells that lie far away, show an error, or have no value.

A reader returns a cell that shows an error, and a formula that was never computed, as a blank one, and a blank last day is an
open end: so they are searched for here.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from fleetsync.pull.table_process.errors import TableError, too_much_text_error
from fleetsync.pull.table_process.limits import MAX_TEXT_BYTES

# -------------------------------------------------------------------------- cells with nothing in them, and far away, in XLSX

_CELL = re.compile(rb"<((?:\w+:)?)c\b([^>]*?)(?:/>|>(.*?)</\1c>)", re.DOTALL)
_CELL_PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_DIMENSION = re.compile(rb"<(?:\w+:)?dimension\b[^>]*/>")
_SHARED_STRINGS = "xl/sharedStrings.xml"
_SHARED_STRING = re.compile(rb"<(?:\w+:)?si\b.*?</(?:\w+:)?si>", re.DOTALL)
_SHARED_REFERENCE = re.compile(rb't="s"[^>]*>\s*<(?:\w+:)?v>(\d{1,9})<')
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_VALUE = re.compile(rb"<(?:\w+:)?(?:v|is)[\s/>]")
_HAS_VALUE = re.compile(rb"<(?:\w+:)?(?:v|t)\b[^>]*>\s*[^<\s]")


def without_blank_cells(content: bytes, max_cells: int) -> bytes:
    """An XLSX without the cells that have nothing in them, which a reader would make room for up to the last.

    Raises TableError when a cell with something in it lies so far away that the table would have more than *max_cells*
    cells, or when its cells refer to more text than fits into memory.
    """
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = [name for name in archive.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
        changed: dict[str, bytes] = {}
        references = 0
        for name in members:  # one at a time: several would not fit into memory
            sheet = archive.read(name)
            references += sheet.count(b't="s"')
            slim = _slim_sheet(sheet, max_cells)
            if slim is not None:
                changed[name] = slim
        _check_text_size(archive, members, references)
        if not changed:
            return content
        result = BytesIO()
        with zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as written:
            for name in dict.fromkeys(archive.namelist()):
                written.writestr(name, changed[name] if name in changed else archive.read(name))
    return result.getvalue()


def _slim_sheet(sheet: bytes, max_cells: int) -> bytes | None:
    """None where nothing has to be changed: the table is not larger than *max_cells* with its blank cells."""
    last_row = last_column = last_filled_row = last_filled_column = 0
    for cell in _CELL.finditer(sheet):
        place = _CELL_PLACE.search(cell[2])
        if place is None:
            continue
        row, column = int(place[2]), _column(place[1]) + 1
        last_row, last_column = max(last_row, row), max(last_column, column)
        if _is_filled(cell):
            last_filled_row, last_filled_column = max(last_filled_row, row), max(last_filled_column, column)
    if last_filled_row * last_filled_column > max_cells:
        raise TableError(
            f"its table reaches to row {last_filled_row} and column {last_filled_column}, more than {max_cells} cells. "
            "Delete what stands far from the list, or save the list as CSV UTF-8"
        )
    if (last_row, last_column) == (last_filled_row, last_filled_column):
        return None
    slim = _CELL.sub(lambda cell: cell[0] if _is_filled(cell) else b"", sheet)
    return _DIMENSION.sub(b"", slim)


def _is_filled(cell: re.Match[bytes]) -> bool:
    content = cell[3]
    return b't="e"' in cell[2] or (
        content is not None and (_HAS_VALUE.search(content) is not None or _is_uncomputed(content))
    )


def _is_uncomputed(content: bytes) -> bool:
    """Whether a cell has a formula and no value of it: a program wrote it, and no spreadsheet has opened it since."""
    return _FORMULA.search(content) is not None and _VALUE.search(content) is None


def _check_text_size(archive: zipfile.ZipFile, members: Sequence[str], references: int) -> None:
    """Refuses a workbook whose cells refer to its texts so often that they would not fit into memory.

    *references*: of all its cells to texts.
    """
    if _SHARED_STRINGS not in archive.namelist():
        return
    sizes = [len(text[0]) for text in _SHARED_STRING.finditer(archive.read(_SHARED_STRINGS))]
    if references * max(sizes, default=0) <= MAX_TEXT_BYTES:
        return
    numbers = (int(number) for name in members for number in _SHARED_REFERENCE.findall(archive.read(name)))
    if sum(sizes[number] for number in numbers if number < len(sizes)) > MAX_TEXT_BYTES:
        raise too_much_text_error()


_DATE_1904 = re.compile(rb'<(?:\w+:)?workbookPr\b[^>]*\bdate1904="(?:1|true|on)"')


def counts_from_1904(content: bytes) -> bool:
    """Whether a workbook counts its days from 1904."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return "xl/workbook.xml" in archive.namelist() and bool(_DATE_1904.search(archive.read("xl/workbook.xml")))


# ------------------------------------------------------------------------------------- cells that show an error, in XLSX

_ERROR_CELL_TAG = re.compile(rb'<(?:\w+:)?c\s(?=[^>]*\bt="e")[^>]*\br="([A-Z]{1,3})(\d{1,7})"')
_SHEET = re.compile(rb"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
_CHUNK_BYTES = 1024 * 1024
_LONGEST_TAG = 512


@dataclass(frozen=True, slots=True)
class UnreadableCells:
    """Where in a sheet cells show an error, and where formulas have no value: row → columns, both from 0."""

    errors: Mapping[int, frozenset[int]]
    uncomputed: Mapping[int, frozenset[int]]


def unreadable_cells(content: bytes, place: int) -> UnreadableCells:
    """Of sheet number *place* of an XLSX."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = _sheet_members(archive, place)
        errors = {cell for member in members for cell in _scan_error_cells(archive, member)}
        uncomputed = {cell for member in members for cell in _uncomputed_cells(archive.read(member))}
    return UnreadableCells(_by_row(errors), _by_row(uncomputed))


def _by_row(cells: Iterable[tuple[int, int]]) -> dict[int, frozenset[int]]:
    rows: dict[int, set[int]] = {}
    for row, column in cells:
        rows.setdefault(row, set()).add(column)
    return {row: frozenset(columns) for row, columns in rows.items()}


def _uncomputed_cells(sheet: bytes) -> Iterator[tuple[int, int]]:
    if _FORMULA.search(sheet) is None:
        return
    for cell in _CELL.finditer(sheet):
        place = _CELL_PLACE.search(cell[2])
        if place is not None and cell[3] is not None and _is_uncomputed(cell[3]):
            yield int(place[2]) - 1, _column(place[1])


def _sheet_members(archive: zipfile.ZipFile, place: int) -> list[str]:
    """The part of an XLSX in which its sheet number *place* is kept; all sheets' where the workbook does not tell, since
    too much refused is better than an error read as a blank. None in an ODS, whose error cells are read as text.
    """
    members = [name for name in archive.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= frozenset(archive.namelist()):
        return members
    sheets = _SHEET.findall(archive.read("xl/workbook.xml"))
    relation = _attribute(sheets[place], rb"\w+:id") if place < len(sheets) else ""
    for tag in _RELATION.findall(archive.read("xl/_rels/workbook.xml.rels")):
        target = _attribute(tag, rb"Target").lstrip("/")
        member = target if target.startswith("xl/") else f"xl/{target}"
        if _attribute(tag, rb"Id") == relation and member in members:
            return [member]
    return members


def _attribute(tag: bytes, name: bytes) -> str:
    match = re.search(rb"\s" + name + rb'="([^"]*)"', tag)
    return match[1].decode("utf-8", "replace") if match else ""


def _scan_error_cells(archive: zipfile.ZipFile, member: str) -> set[tuple[int, int]]:
    error_cells: set[tuple[int, int]] = set()
    with archive.open(member) as part:
        rest = b""
        while piece := part.read(_CHUNK_BYTES):
            text = rest + piece
            error_cells.update((int(row) - 1, _column(letters)) for letters, row in _ERROR_CELL_TAG.findall(text))
            # A tag can lie across two pieces; a set ignores one that is seen twice.
            rest = text[-_LONGEST_TAG:]
    return error_cells


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
