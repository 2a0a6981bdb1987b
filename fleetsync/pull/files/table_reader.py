"""Has a workbook or an XML file read by a process of its own, and keeps the table that it gives.

The table is kept as the bytes in which it came, and decoded again each time its lines are asked for: rows of Python values
would take many times as much memory. The process is ended when the daemon stops.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Thread
from typing import Any, BinaryIO, Final, Literal, TypeAlias, cast

from fleetsync.pull.contract import PullError, SourceRefused, SourceUnavailable
from fleetsync.pull.decoding.text import clean
from fleetsync.pull.files.file_format import FileFormat
from fleetsync.pull.files.headers import MAX_HEADER_SEARCH_LINES
from fleetsync.pull.files.values import ERROR, UNCOMPUTED, Cell
from fleetsync.pull.table_process.limits import CPU_SECONDS, MAX_TEXT_BYTES, MEMORY_BYTES, OUT_OF_MEMORY
from fleetsync.pull.table_process.messages import (
    CellMark,
    Choice,
    End,
    Heading,
    Lines,
    Refusal,
    Request,
    Sheets,
    decode,
    receive_bytes,
    send,
    send_bytes,
)

HeaderScore: TypeAlias = Callable[[Sequence[Cell]], tuple[int, int]]
_Kind: TypeAlias = Literal["workbook", "xml"]

_COMMAND: Final = (sys.executable, "-P", "-m", "fleetsync.pull.table_process")
# Real workbooks unpack to at most about forty times their size; no list is larger than this after that.
_MAX_UNPACKED_PER_BYTE = 32  # of the largest file that is allowed
_STOP_CHECK_SECONDS = 0.25
STOP_WATCH = "file-reader-stop"  # the name of the thread that ends reading
# An allocation that fails aborts in one library and is an exception in another; the kernel kills when the machine has none.
_OUT_OF_MEMORY: Final = frozenset({OUT_OF_MEMORY, -signal.SIGABRT, -signal.SIGKILL})
# How a sheet that is not configured is chosen: so many known headers in one line are no chance, while a cover sheet may name
# a school, or a field or two.
_SURE_HEADERS = 2


@dataclass(frozen=True, slots=True)
class ReadTable:
    """The table of a file that another process has read: one sheet of a workbook, or the records of an XML file."""

    encoding: str
    is_1904: bool = False
    left_sheets: tuple[str, ...] = ()
    merged_rows: tuple[tuple[int, int, range], ...] = ()
    lacks_final_newline: bool = False
    _messages: Sequence[bytes] = field(default=(), repr=False)

    def lines(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Numbered from 1, as a spreadsheet shows them; texts are clean."""
        number = 0
        for content in self._messages:
            message = decode(content)
            for cells in message.lines if isinstance(message, Lines) else ():
                number += 1
                yield number, _as_cells(cells)

    def may_be_damaged(self, cells: Sequence[Cell]) -> bool:
        """Each line may: it is not known what happened to a cell before it was saved."""
        return True


def read_table(content: bytes, kind: _Kind, form: FileFormat, score: HeaderScore, where: str, stop: Event) -> ReadTable:
    """The table in *content*. *score*: how well a line would do as the header, by which one of several sheets is chosen.

    Raises SourceRefused for a file that cannot be read, or not within the bounds of the process; SourceUnavailable for one
    whose end is missing, and when *stop* is set.
    """
    reading = _Reading(kind, form, score, where)
    process = _process(where)
    to_process, from_process = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
    is_done = Event()
    watch = Thread(target=_end_when_stopped, args=(process, stop, is_done), name=STOP_WATCH, daemon=True)
    watch.start()
    try:
        table = reading.table(to_process, from_process, content)
        if table is None:
            process.wait()  # it is ending by itself, and its code says why
    finally:
        is_done.set()
        watch.join()
        process.kill()
        for pipe in (to_process, from_process):
            with suppress(BrokenPipeError):
                pipe.close()
        process.wait()
    if table is not None:
        return table
    if stop.is_set():
        raise SourceUnavailable(f"{where}: stopped before it was read")
    raise _ended_error(process.returncode, where)


class _Reading:
    """One conversation with the process."""

    def __init__(self, kind: _Kind, form: FileFormat, score: HeaderScore, where: str) -> None:
        self._kind: _Kind = kind
        self._form, self._score, self._where = form, score, where
        self._left_sheets: tuple[str, ...] = ()

    def table(self, to_process: BinaryIO, from_process: BinaryIO, content: bytes) -> ReadTable | None:
        """What the process gives; None when it ended before."""
        try:
            send(to_process, self._request())
            send_bytes(to_process, content)
            return self._receive_table(to_process, from_process)
        except BrokenPipeError:
            return None

    def _request(self) -> Request:
        form = self._form
        unpacked = form.max_mebibytes * 2**20 * _MAX_UNPACKED_PER_BYTE
        return Request(self._kind, form.sheet, form.max_rows, form.max_cells, unpacked, MAX_HEADER_SEARCH_LINES)

    def _receive_table(self, to_process: BinaryIO, from_process: BinaryIO) -> ReadTable | None:
        heading = Heading()
        messages: list[bytes] = []
        for content in iter(partial(receive_bytes, from_process, MAX_TEXT_BYTES), None):
            message = decode(content)
            if isinstance(message, Lines):
                messages.append(content)
            elif isinstance(message, Heading):
                heading = message
            elif isinstance(message, Sheets):
                send(to_process, self._choose(message))
            elif isinstance(message, Refusal):
                raise self._error(message)
            elif isinstance(message, End):
                return self._as_table(heading, messages)
        return None

    def _as_table(self, heading: Heading, messages: Sequence[bytes]) -> ReadTable:
        merged = tuple((first, last, range(start, end)) for first, last, start, end in heading.merged_rows)
        return ReadTable(self._kind, heading.is_1904, self._left_sheets, merged, _messages=messages)

    def _error(self, refusal: Refusal) -> PullError:
        kind = SourceUnavailable if refusal.is_incomplete else SourceRefused
        return kind(f"{self._where}: {refusal.text}")

    # ---------------------------------------------------------------------------------------------- one of several sheets

    def _choose(self, sheets: Sheets) -> Choice:
        """The sheet that is configured; else the first that is shown and has headers that are known. Others that look like
        tables of the same kind are noted as left.
        """
        shown = sheets.shown
        if self._form.sheet is not None:
            return Choice(self._configured_sheet(self._form.sheet, sheets))
        if not shown:
            raise SourceRefused(
                f"{self._where}: it has no sheet that is not hidden. Name one as sheet in the [[source]] table"
            )
        if len(shown) == 1:
            return Choice(shown[0])
        scores = {name: max(map(self._score, sheets.heads[name]), default=(0, 0)) for name in shown}
        best = max(scores.values())
        alike = [name for name in shown if scores[name] >= (best[0], min(_SURE_HEADERS, best[1]))]
        if not scores[alike[0]][1]:
            raise SourceRefused(
                f"{self._where}: none of its sheets has headers that are known. Name the one to read in the [[source]] "
                f"table: {_choices(shown)}, and its headers as columns"
            )
        self._left_sheets = tuple(alike[1:])
        return Choice(alike[0])

    def _configured_sheet(self, name: str, sheets: Sheets) -> str:
        if name in sheets.names:
            return name
        raise SourceRefused(
            f'{self._where}: it has no sheet "{name}". Set one of these in the [[source]] table: {_choices(sheets.shown)}'
        )


def _choices(sheets: Sequence[str]) -> str:
    return " or ".join(f'sheet = "{name}"' for name in sheets)


def _as_cells(cells: Sequence[Any]) -> list[Cell]:
    return [
        clean(cell) if isinstance(cell, str) else _MARKS[cell.why] if isinstance(cell, CellMark) else cell
        for cell in cells
    ]


_MARKS: Final = {"error": ERROR, "uncomputed": UNCOMPUTED}

# ---------------------------------------------------------------------------------------------------------- the process


def _process(where: str) -> "subprocess.Popen[bytes]":
    # Of the daemon's environment, which may hold secrets, it is given none. A fork of its own would be unsafe beside threads.
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        return subprocess.Popen(  # noqa: S603 - a fixed command
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except OSError as error:
        raise SourceUnavailable(
            f"{where}: the process that reads it could not be started ({error.strerror}). Look at the memory and the number "
            "of processes of the machine; it is tried again by itself at the next pull"
        ) from None


def _end_when_stopped(process: "subprocess.Popen[bytes]", stop: Event, is_done: Event) -> None:
    while not is_done.wait(_STOP_CHECK_SECONDS):
        if stop.is_set():
            process.kill()
            return


def _ended_error(code: int, where: str) -> SourceRefused:
    if code in _OUT_OF_MEMORY:
        reason = f"reading it takes more than {MEMORY_BYTES // 2**20} MiB of memory"
    elif code == -signal.SIGXCPU:
        reason = f"reading it takes more than {CPU_SECONDS} seconds of computing"
    else:
        reason = f"the process that read it broke ({code})"
    return SourceRefused(f"{where}: {reason}. Copy the list alone into a new workbook, or save it as CSV UTF-8")
