"""A small municipality for each kind of source whose lists are delivered as files, and what may happen to a file on its way."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from fleetsync.demo.model import SourceRow
from tests.connectors import test_register_file_installation as pupil_lists
from tests.flow.installation import (
    DOMAIN,
    HEADER,
    LIST_HEADER,
    OTHER_COST_CENTRE,
    Installation,
    StaffFileRow,
    device,
    login,
    serial,
)

LARGE, SMALL = 48, 6
PEOPLE = LARGE + SMALL
PUPILS = 40
PRINTED = "Utskriven"
Damage = Callable[[bytes], bytes]

DAMAGES: Mapping[str, Damage] = {
    "empty": lambda content: b"",
    "headers alone": lambda content: content.split(b"\r\n")[0] + b"\r\n",
    "cut in half": lambda content: content[: len(content) // 2],
    "cut inside its last row": lambda content: content[:-9],
    "without its headers": lambda content: content.split(b"\r\n", 1)[1],
    "a web page": lambda content: b"<html><body><h1>Sign in</h1></body></html>",
    "a workbook by its first bytes": lambda content: b"PK\x03\x04" + content,
    "bytes of nothing": lambda content: bytes(len(content)),
    "UTF-16": lambda content: content.decode().encode("utf-16"),
    "code page 850": lambda content: content.decode().encode("cp850"),
    "tabs": lambda content: content.replace(b";", b"\t"),
    "commas": lambda content: content.replace(b";", b","),
    "a quote that never ends": lambda content: content.replace(b"\r\n", b'\r\n"', 1),
    "a line above": lambda content: b"Utskrift av register\r\n\r\n" + content,
    "each row twice": lambda content: content + content.split(b"\r\n", 1)[1],
    "headers again in the middle": lambda content: content + content,
    "a cell too many": lambda content: content.replace(b"\r\n", b";\r\n"),
    "a cell too few": lambda content: content.replace(b";", b"", 1),
    "zero bytes between": lambda content: content.replace(b";", b";\x00"),
    "old line ends": lambda content: content.replace(b"\r\n", b"\r"),
}
"""What may happen to the bytes of a list, by what it is called."""


@dataclass
class DeliveredList:
    """The editions of a list, each named after its day. *rows*: what the next one says, header → cell."""

    installation: Installation
    stem: str
    rows: Sequence[SourceRow]
    damage: Damage = bytes

    def deliver(self, days_before: int = 0) -> None:
        """Write the edition of today, or of some days before."""
        day = self.installation.today - timedelta(days=days_before)
        # Without a day, the editions of days on which nothing changed would be one and the same file.
        rows = [{**row, PRINTED: str(day)} for row in self.rows]
        headers = list(dict.fromkeys(header for row in rows for header in row))
        lines = [headers, *([str(row.get(header) or "") for header in headers] for row in rows)]
        text = "".join(";".join(line) + "\r\n" for line in lines)
        file = self.installation.deliveries / f"{self.stem}_{day}.csv"
        file.write_bytes(self.damage(text.encode()))

    def begin_anew(self) -> None:
        """Remove every edition, and deliver that of the day before yesterday."""
        for file in self.installation.deliveries.glob(f"{self.stem}_*"):
            file.unlink()
        self.deliver(days_before=2)


def staff_list(folder: Path, running: ExitStack) -> DeliveredList:
    """The employees of two schools, with a device each in the MDM."""
    built = Installation(folder, people=PEOPLE)
    built.staff = []
    running.enter_context(built)
    staff = [StaffFileRow(n=n) for n in range(1, LARGE + 1)]
    staff += [StaffFileRow(n=n, centre=OTHER_COST_CENTRE) for n in range(LARGE + 1, PEOPLE + 1)]
    rows = [dict(zip(HEADER, row.cells(), strict=True)) for row in staff]
    return DeliveredList(built, "personal", rows)


def device_list(folder: Path, running: ExitStack) -> DeliveredList:
    """Computers that only a list knows, one for each employee."""
    built = Installation(folder, people=PEOPLE)
    built.names = ("personal", "listor")
    running.enter_context(built)
    cells = [
        (serial(n), "HP", "EliteBook 640 G11", "Windows", "3101", login(n), "I drift", "2026-11-20") for n in _people()
    ]
    return DeliveredList(built, "datorer", [dict(zip(LIST_HEADER, row, strict=True)) for row in cells])


def pupil_list(folder: Path, running: ExitStack) -> DeliveredList:
    """Pupils and children of a register, with a device for each pupil in the MDM."""
    built = Installation(folder, people=3)
    built.more = pupil_lists.TABLE
    built.devices += [device(100 + n, holder=f"elev{n}@edu.{DOMAIN}", userId="") for n in range(PUPILS)]
    running.enter_context(built)
    listed = [
        *(pupil_lists.pupil(n) for n in range(PUPILS)),
        *(pupil_lists.child(n) for n in range(pupil_lists.CHILDREN)),
    ]
    return DeliveredList(built, "elever", [dict(zip(pupil_lists.HEADERS, row, strict=True)) for row in listed])


def _people() -> range:
    return range(1, PEOPLE + 1)


LISTS: Mapping[str, tuple[str, Callable[[Path, ExitStack], DeliveredList]]] = {
    "staff_file": ("personal/staff", staff_list),
    "device_file": ("listor/devices", device_list),
    "register_file": ("elevlistor/pupils", pupil_list),
}
"""Of each kind of list: the part that reads it, and its municipality."""
