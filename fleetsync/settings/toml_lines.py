"""On which line of a TOML file a key stands. The parser of the standard library keeps no lines."""

import re
from collections.abc import Sequence

_HEADING = re.compile(r"\s*\[")


def line_of_key(text: str, section: str, index: int, keys: Sequence[str]) -> int | None:
    """The line, from 1, of the key path *keys* in the table of number *index* (from 0) of the array `[[section]]`.

    The line of the table's heading when the key has no line of its own there, such as a default; None without a heading.
    """
    lines = text.splitlines()
    heading = re.compile(rf"\s*\[\[\s*{re.escape(section)}\s*\]\]")
    starts = [number for number, line in enumerate(lines) if heading.match(line)]
    if index >= len(starts):
        return None
    start = starts[index]
    of_table = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\.")
    path: Sequence[str] = ()
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if _HEADING.match(line):
            if not of_table.match(line):
                break
            path = _key_path(line.partition("#")[0].strip().strip("[]"))[1:]
            if tuple(path) == tuple(keys):
                return number + 1
        elif (*path, *_key_path(line.partition("=")[0])) == tuple(keys):
            return number + 1
    return start + 1


def _key_path(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in text.partition("#")[0].strip().split("."))
