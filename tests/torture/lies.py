"""Well-formed lies: rows that a server gives in good order and that do not say what is true.

Each is a change of the rows that a stand-in holds, so that pages, totals and tokens fit together.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fleetsync.demo.model import SourceRow

Rows = Sequence[SourceRow]
Extent = Literal["all", "half", "tenth"]
EXTENTS: Mapping[Extent, int] = {"all": 1, "half": 2, "tenth": 10}  # one row in so many
_MISSING = object()
_NEW_WORD = "förnyad-2027"
_FAR_DAY = "2099-01-01T00:00:00Z"
_PAST_DAY = "1999-12-31T00:00:00Z"
_DIGITS = re.compile(r"\d+")

VALUES: Mapping[str, object] = {
    "null": None,
    "blank": "",
    "missing": _MISSING,
    "new word": _NEW_WORD,
    "word for nothing": "Unknown",
    "number": 7,
    "list": [_NEW_WORD],
    "object": {"value": _NEW_WORD},
    "far day": _FAR_DAY,
    "past day": _PAST_DAY,
    "true": True,
    "false": False,
}
"""What may come to stand in a field, by what it is called in the table."""


@dataclass(frozen=True)
class Lie:
    """A change of the rows of a listing. *family*: its line in the table."""

    family: str
    name: str
    change: Callable[[Rows], Rows]


def lies_about(rows: Rows) -> Iterator[Lie]:
    """All lies about a listing: of each field each value for all, half and a tenth of its rows; and of the rows themselves."""
    yield from lies_about_rows()
    for path in _paths(rows):
        for value in VALUES:
            for extent in EXTENTS:
                name = f"{'.'.join(path)}: {value} in {extent}"
                yield Lie("a field says something else", name, _field_change(path, VALUES[value], EXTENTS[extent]))
        yield Lie("all rows say the same", f"{'.'.join(path)}: as in the first row", _same_everywhere(path))
        yield Lie("rows are mixed up", f"{'.'.join(path)}: of the next row", _of_the_next_row(path))


def lies_about_rows() -> Iterator[Lie]:
    """Lies that need to know nothing of the fields: which rows there are, and how often."""
    yield from _ROW_LIES


def _paths(rows: Rows) -> Sequence[tuple[str, ...]]:
    """The fields of the rows, also those inside of objects."""
    paths = {path: None for row in rows for path in _paths_of(row, ())}
    return tuple(paths)


def _paths_of(value: object, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if above:
        yield above
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _paths_of(inner, (*above, name))


def _value_at(row: object, path: tuple[str, ...]) -> object:
    for name in path:
        if not isinstance(row, Mapping) or name not in row:
            return _MISSING
        row = row[name]
    return row


def _with_value(row: Any, path: tuple[str, ...], value: object) -> Any:
    """The row with *value* at *path*; unchanged where nothing stands there."""
    name, *rest = path
    if not isinstance(row, Mapping) or name not in row:
        return row
    if rest:
        return {**row, name: _with_value(row[name], tuple(rest), value)}
    others = {key: inner for key, inner in row.items() if key != name}
    return others if value is _MISSING else {**row, name: value}


def _field_change(path: tuple[str, ...], value: object, one_in: int) -> Callable[[Rows], Rows]:
    return lambda rows: [row if place % one_in else _with_value(row, path, value) for place, row in enumerate(rows)]


def _same_everywhere(path: tuple[str, ...]) -> Callable[[Rows], Rows]:
    def changed(rows: Rows) -> Rows:
        first = next((value for row in rows if (value := _value_at(row, path)) is not _MISSING), None)
        return [_with_value(row, path, first) for row in rows]

    return changed


def _of_the_next_row(path: tuple[str, ...]) -> Callable[[Rows], Rows]:
    def changed(rows: Rows) -> Rows:
        values = [_value_at(row, path) for row in rows]
        return [_with_value(row, path, values[(place + 1) % len(rows)]) for place, row in enumerate(rows)]

    return changed


def _with_other_numbers(value: Any, more: int) -> Any:
    """The same row of something else: each number in each text is another one."""
    if isinstance(value, str):
        return _DIGITS.sub(lambda match: f"{(int(match[0]) + more) % 10 ** len(match[0]):0{len(match[0])}}", value)
    if isinstance(value, Mapping):
        return {name: _with_other_numbers(inner, more) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_other_numbers(inner, more) for inner in value]
    return value + more if isinstance(value, int) and not isinstance(value, bool) else value


_ROW_LIES = (
    Lie("rows are lost", "empty", lambda rows: []),
    Lie("rows are lost", "the first half", lambda rows: rows[len(rows) // 2 :]),
    Lie("rows are lost", "the last half", lambda rows: rows[: len(rows) // 2]),
    Lie("rows are lost", "every other", lambda rows: rows[::2]),
    Lie("rows are lost", "every fifth", lambda rows: [row for place, row in enumerate(rows) if place % 5]),
    Lie("rows are lost", "all but one", lambda rows: rows[:1]),
    Lie("rows come twice", "all", lambda rows: [*rows, *rows]),
    Lie("rows come twice", "in pairs", lambda rows: [row for row in rows for _ in range(2)]),
    Lie("rows of others", "twice as many", lambda rows: [*rows, *(_with_other_numbers(row, 413) for row in rows)]),
    Lie("rows of others", "another municipality", lambda rows: [_with_other_numbers(row, 413) for row in rows]),
    Lie(
        "rows of others",
        "half of another",
        lambda rows: [*rows[::2], *(_with_other_numbers(row, 413) for row in rows[1::2])],
    ),
    Lie("the order changes", "backwards", lambda rows: rows[::-1]),
)
