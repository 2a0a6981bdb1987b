"""The file of head counts that are typed: a list such as anybody could write, which its source reads like any other.

A row for every number and day. A number of the same day takes the place of the earlier one, since the source adds up the
rows of a day; those of earlier days stay, and count again when the newer one is taken back.
"""

import csv
import fcntl
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from fleetsync.clock import Clock
from fleetsync.core.model import Text
from fleetsync.expose.ports import CountedGroup, DecisionError, TypedCount

HEADERS = ("Enhet", "Avser", "Skolform", "Årskurs", "Antal", "Datum", "Lämnat av")
DELIMITER = ";"
COUNTED_WORDS = {CountedGroup.CHILDREN: "barn", CountedGroup.PUPILS: "elever", CountedGroup.STAFF: "anställda"}
_GROUPS = {word: group for group, word in COUNTED_WORDS.items()}


class TypedCountFile:
    """The counts in a file, which several threads and processes may change."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def read(self) -> tuple[TypedCount, ...]:
        """All counts, by unit and what is counted, the newest first; none while there is no file.

        Raises DecisionError for a file that somebody else has written.
        """
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise DecisionError(
                Text(
                    f"{self._path.name} kan inte läsas ({type(error).__name__}). Rätta filen.",
                    f"{self._path.name} cannot be read ({type(error).__name__}). Put the file right",
                )
            ) from None
        header, *rows = [tuple(row) for row in csv.reader(io.StringIO(text), delimiter=DELIMITER)] or [()]
        if header != HEADERS:
            raise DecisionError(
                Text(
                    f"{self._path.name} har andra kolumner än inmatade antal har. Ange en annan fil i path, och läs den här "
                    "med en egen källa.",
                    f"{self._path.name} holds other columns than those of typed counts. Name another file in path, and read "
                    "this one by a source of its own",
                )
            )
        return tuple(_count_of_row(row, number, self._path.name) for number, row in enumerate(rows, 2))

    @contextmanager
    def changing(self) -> Iterator[list[TypedCount]]:
        """The counts to be changed; when the block ends they are written, whole or not at all. Raises DecisionError."""
        try:
            with self._path.with_name(f".{self._path.name}.lock").open("w", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                counts = list(self.read())
                yield counts
                self._write(counts)
        except OSError as error:
            raise DecisionError(
                Text(
                    f"{self._path.parent}: antalen kan inte sparas där ({error.strerror}). Låt fleetsync skriva i mappen.",
                    f"{self._path.parent}: the counts cannot be written there ({error.strerror}). Let fleetsync write into "
                    "the folder",
                )
            ) from None

    def _write(self, counts: Iterable[TypedCount]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=DELIMITER, lineterminator="\n")
        writer.writerow(HEADERS)
        writer.writerows(map(_row_of_count, sorted(counts, key=_place_and_newest_day)))
        written = self._path.with_name(f"{self._path.name}.part")  # a name that no source reads
        written.touch(mode=0o600)
        written.write_text(text.getvalue(), encoding="utf-8")
        # The file speaks for the day of its time, which is the application's and not the machine's.
        now = self._clock.now().timestamp()
        os.utime(written, (now, now))
        written.replace(self._path)


def _place_and_newest_day(count: TypedCount) -> tuple[str, str, str, int, int]:
    return count.unit, count.whom, count.school_form, count.year or 0, -count.counted_on.toordinal()


def _row_of_count(count: TypedCount) -> tuple[object, ...]:
    year = "" if count.year is None else count.year
    return (
        count.unit,
        COUNTED_WORDS[count.whom],
        count.school_form,
        year,
        count.heads,
        count.counted_on,
        count.counted_by,
    )


def _count_of_row(row: tuple[str, ...], number: int, name: str) -> TypedCount:
    try:
        unit, whom, form, year, heads, day, by = row
        return TypedCount(
            unit=unit,
            whom=_GROUPS[whom],
            school_form=form,
            year=int(year) if year else None,
            heads=int(heads),
            counted_on=date.fromisoformat(day),
            counted_by=by,
        )
    except (ValueError, KeyError):
        raise DecisionError(
            Text(
                f"{name} rad {number} är inget inmatat antal. Rätta raden, eller ta bort den.",
                f"{name} line {number} is no typed count. Put the line right, or remove it",
            )
        ) from None
