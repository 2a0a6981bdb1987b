"""The process itself: reads one file that comes on its input, and answers with the lines of its table."""

import os
import resource
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeVar

from fleetsync.pull.table_process.errors import TableError, too_much_text_error
from fleetsync.pull.table_process.limits import CPU_SECONDS, MAX_TEXT_BYTES, MEMORY_BYTES, OUT_OF_MEMORY
from fleetsync.pull.table_process.messages import (
    Choice,
    End,
    Heading,
    Lines,
    Message,
    Refusal,
    Request,
    Sheets,
    decode,
    encode,
    receive_bytes,
    send,
    send_bytes,
    tagged,
)

T = TypeVar("T", bound=Message)

_CELLS_PER_MESSAGE = 10_000


def main() -> None:
    """Answer one request. Ends with `OUT_OF_MEMORY` where the bound does not suffice."""
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    request = _receive(incoming, Request)
    content = receive_bytes(incoming)
    if content is None:
        return
    _set_limits(len(content))
    try:
        _answer(request, content, incoming, outgoing)
    except TableError as error:
        send(outgoing, Refusal(str(error), error.is_incomplete))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - the daemon gets a sentence, whatever broke
        # Text of the error is not passed on: it may hold a value of the file.
        text = f"reading it broke ({type(error).__name__}). Save the list as CSV UTF-8, and report this"
        send(outgoing, Refusal(text, is_incomplete=False))


def _set_limits(file_bytes: int) -> None:
    memory = MEMORY_BYTES + file_bytes
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the list is of persons: it goes to no disk


def _answer(request: Request, content: bytes, incoming: BinaryIO, outgoing: BinaryIO) -> None:
    sent_bytes = 0

    def send_within_limit(message: Message) -> None:
        nonlocal sent_bytes
        encoded = encode(message)
        sent_bytes += len(encoded)
        if sent_bytes > MAX_TEXT_BYTES:  # the daemon takes no message that is longer
            raise too_much_text_error()
        send_bytes(outgoing, encoded)

    def choose(sheets: Sheets) -> Choice:
        send_within_limit(sheets)
        return _receive(incoming, Choice)

    for message in _messages(_table(request, content, choose)):
        send_within_limit(message)
    send(outgoing, End())


def _messages(table: Iterator[Heading | list[Any]]) -> Iterator[Heading | Lines]:
    lines: list[list[Any]] = []
    cells = 0
    for line in table:
        if isinstance(line, Heading):
            yield line
            continue
        lines.append(tagged(line))
        cells += len(line) + 1
        if cells > _CELLS_PER_MESSAGE:
            yield Lines(lines)
            lines, cells = [], 0
    yield Lines(lines)


def _table(request: Request, content: bytes, choose: Callable[[Sheets], Choice]) -> Iterator[Heading | list[Any]]:
    # Each library is imported only where it is needed: the process starts anew for each file.
    if request.kind == "workbook":
        from fleetsync.pull.table_process.workbook import read_workbook

        yield from read_workbook(content, request, choose)
    else:
        from fleetsync.pull.table_process.xml_records import read_xml_records

        yield Heading()
        yield from read_xml_records(content, request.max_rows, request.max_cells)


def _receive(stream: BinaryIO, kind: type[T]) -> T:
    content = receive_bytes(stream)
    message = None if content is None else decode(content)
    if not isinstance(message, kind):
        sys.exit(0)  # the daemon has ended, or does not want the file any more
    return message


if __name__ == "__main__":
    main()
