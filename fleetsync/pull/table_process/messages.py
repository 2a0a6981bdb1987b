"""What the daemon and the process that reads a file say to each other, over a pair of pipes.

Each message is its length in eight bytes, and MessagePack. Cells are plain values; what MessagePack does not know (days,
times, cells without a value) is tagged.
"""

import struct
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO, Literal, TypeAlias

import msgspec
from msgspec.msgpack import Ext

_LENGTH = struct.Struct(">Q")
_DATETIME, _DATE, _TIME, _DURATION, _MARK = 1, 2, 3, 4, 5

NoValue: TypeAlias = Literal["error", "uncomputed"]
"""Why a cell shows no value: an error of the spreadsheet, or a formula that no spreadsheet has computed."""


class CellMark(msgspec.Struct, frozen=True):
    """In the place of a cell without a value."""

    why: NoValue


class Request(msgspec.Struct, frozen=True, tag=True):
    """The first message to the process; the bytes of the file follow. *sheet*: of a workbook, if it is configured.

    *head_lines*: so many lines of a sheet are shown where one must be chosen.
    """

    kind: Literal["workbook", "xml"]
    sheet: str | None
    max_rows: int
    max_cells: int
    max_unpacked_bytes: int
    head_lines: int


class Sheets(msgspec.Struct, frozen=True, tag=True):
    """What a workbook consists of: *names* of all its sheets, those that are *shown*, and their first lines.

    *heads* is filled only where one of several must be chosen. The answer is a `Choice`.
    """

    names: list[str]
    shown: list[str]
    heads: dict[str, list[list[Any]]]


class Choice(msgspec.Struct, frozen=True, tag=True):
    """The sheet to read."""

    sheet: str


class Heading(msgspec.Struct, frozen=True, tag=True):
    """Comes before the lines of a table. *merged_rows*: first line, last line, first column, column behind the last."""

    is_1904: bool = False
    merged_rows: list[tuple[int, int, int, int]] = []


class Lines(msgspec.Struct, frozen=True, tag=True):
    """The next lines of the table."""

    lines: list[list[Any]]


class End(msgspec.Struct, frozen=True, tag=True):
    """The table is whole."""


class Refusal(msgspec.Struct, frozen=True, tag=True):
    """The file is not read; *text* says why and what to do."""

    text: str
    is_incomplete: bool


Message: TypeAlias = Request | Sheets | Choice | Heading | Lines | End | Refusal

# ------------------------------------------------------------------------------------------------------------- the cells

_PLAIN = frozenset({str, int, float, bool})


def tagged(cells: Sequence[Any]) -> list[Any]:
    """*cells* in a form that MessagePack can carry."""
    return [cell if type(cell) in _PLAIN else _tagged(cell) for cell in cells]


def _tagged(cell: Any) -> Ext:
    if isinstance(cell, CellMark):
        return Ext(_MARK, cell.why.encode())
    if isinstance(cell, timedelta):
        return Ext(_DURATION, repr(cell.total_seconds()).encode())
    code = _DATETIME if isinstance(cell, datetime) else _DATE if isinstance(cell, date) else _TIME
    return Ext(code, cell.isoformat().encode())


def _no_value(text: str) -> CellMark:
    return CellMark("error" if text == "error" else "uncomputed")


_UNTAG: dict[int, Callable[[str], Any]] = {
    _DATETIME: datetime.fromisoformat,
    _DATE: date.fromisoformat,
    _TIME: time.fromisoformat,
    _DURATION: lambda text: timedelta(seconds=float(text)),
    _MARK: _no_value,
}


def _untagged(code: int, content: memoryview) -> Any:
    return _UNTAG[code](str(content, "ascii"))


# ---------------------------------------------------------------------------------------------------------- the messages

encode = msgspec.msgpack.Encoder().encode
"""A message as its bytes."""
decode: Callable[[bytes], Message] = msgspec.msgpack.Decoder(Message, ext_hook=_untagged).decode
"""A message from its bytes."""


def send(stream: BinaryIO, message: Message) -> None:
    """Write *message* to *stream*."""
    send_bytes(stream, encode(message))


def send_bytes(stream: BinaryIO, content: bytes) -> None:
    """Write *content* as it is."""
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def receive_bytes(stream: BinaryIO, max_bytes: int | None = None) -> bytes | None:
    """The next message, as it is; None when the other side has ended. Raises OverflowError beyond *max_bytes*."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    length = _LENGTH.unpack(head)[0]
    if max_bytes is not None and length > max_bytes:
        raise OverflowError(f"a message of {length} bytes")
    content = stream.read(length)
    return content if len(content) == length else None
