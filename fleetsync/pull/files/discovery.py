"""Finds the files of a source, and skips those that are still being written or were read before.

A file is opened only when it is stable: its size and time do not change during a short wait, or a `.done` file lies
beside it. A file that was read to its end before is skipped and counted, so that "nothing new" never reads as "nothing
there". What is no list by its name, or a note without any known header, is left and named. Where each file is a whole of
its own, one that cannot be read is handed on as broken, and stops none of the others.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from threading import Event
from typing import Literal, TypeAlias

from fleetsync.clock import Clock
from fleetsync.core.calendar import local_day
from fleetsync.core.text import printable
from fleetsync.pull.contract import PullError, SourceRefused, SourceUnavailable
from fleetsync.pull.decoding.instants import LOCAL_ZONE
from fleetsync.pull.files.broken_file import BrokenFile
from fleetsync.pull.files.file_format import FileFormat
from fleetsync.pull.files.folder import (
    STRAY_SUFFIXES,
    SYSTEM_FILES,
    is_file_of,
    is_finished_name,
    matching_paths,
    may_be_note,
    open_file,
)
from fleetsync.pull.files.headers import FileColumn, NoHeaderError
from fleetsync.pull.files.layouts import ExportLayout
from fleetsync.pull.files.opened_file import OpenedFile, fingerprint_of

FileSelection: TypeAlias = Literal["latest", "latest_of_each", "all"]

_CHUNK_BYTES = 1024 * 1024
_DAY = re.compile(
    r"(?<!\d)(?P<year>20\d\d)(?P<gap>[-_.]?)(?P<month>\d\d)(?P=gap)(?P<day>\d\d)(?:[T_ -]?\d{4,6})?(?!\d)"
)
_MONTH = re.compile(r"(?<!\d)(?P<year>20\d\d)-(?P<month>\d\d)(?![-\d])")


@dataclass(frozen=True, slots=True)
class _ListedFile:
    """A file as it was when the folder was listed."""

    path: Path
    size: int
    modified_ns: int
    scope: str
    named_day: date | None

    @property
    def name(self) -> str:
        """As it is shown: people may put files into a folder under names that command a terminal."""
        return printable(self.path.name)

    @property
    def modified_at(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.modified_ns // 1000)

    def has_changed(self) -> bool:
        now = self.path.stat()
        return (now.st_size, now.st_mtime_ns) != (self.size, self.modified_ns)

    def is_done(self) -> bool:
        beside = (self.path.with_name(f"{self.path.name}.done"), self.path.with_suffix(".done"))
        return any(marker.exists() for marker in beside)


def day_in_name(name: str, pattern: str | None = None) -> tuple[date | None, str]:
    """The day in a file's name, and the name without it, which all editions of one list share.

    YYYY-MM-DD, YYYYMMDD (a time behind it is ignored), YYYY-MM = its last day; the last that is a date counts.
    *pattern*: a regular expression with the groups year, month and perhaps day, instead of these.
    """
    for form in (re.compile(pattern),) if pattern else (_DAY, _MONTH):
        for match in reversed(list(form.finditer(name))):
            day = _day_of_groups(match.groupdict())
            if day:
                return day, name[: match.start()] + name[match.end() :]
    return None, name


def _day_of_groups(groups: Mapping[str, str | None]) -> date | None:
    try:
        year, month = int(groups["year"] or ""), int(groups["month"] or "")
        if groups.get("day"):
            return date(year, month, int(groups["day"] or ""))
        following = (date(year, month, 1) + timedelta(days=31)).replace(day=1)
        return following - timedelta(days=1)
    except (ValueError, OverflowError):
        return None


class StableFiles:
    """The files of a pattern, oldest content first. *opened* and *unchanged* are true when the iteration has ended.

    *pattern*: a path with `*`, `?`, `[…]` or `**`, or a folder, or one file. *known*: fingerprints of the last complete
    pull by scope. *which*: only the newest of all files; or the newest edition of each, being those whose names differ
    by their day alone; or all. *each_whole*: each file is a whole of its own and is skipped alone when it is known;
    otherwise the files together are the part, and are skipped only when every one is known. *reads_together*: where each
    is a whole of its own, none is skipped unless all are known, because several may name one person. *scopes*: the names,
    without day and ending and in small letters, of the files that are read; others are never opened. *left*: files that
    are no lists; *left_by_system*: those that a system writes beside any file. *layouts*: exports that are recognised by
    their headers.
    """

    def __init__(
        self,
        pattern: str | Path,
        columns: Sequence[FileColumn],
        *,
        form: FileFormat,
        source: str,
        clock: Clock,
        stop: Event,
        known: Mapping[str | None, str],
        which: FileSelection = "latest_of_each",
        each_whole: bool = False,
        layouts: Sequence[ExportLayout] = (),
        reads_together: bool = False,
        scopes: Collection[str] | None = None,
        zone: str = LOCAL_ZONE,
    ) -> None:
        self.opened: list[str] = []
        self.unchanged: list[str] = []
        self.left: list[str] = []
        self.left_by_system: list[str] = []
        self._pattern = Path(pattern)
        self._columns = tuple(columns)
        self._form = form
        self._source = source
        self._clock = clock
        self._stop = stop
        self._known = frozenset(known.values())
        self._which = which
        self._each_whole = each_whole
        self._layouts = tuple(layouts)
        self._reads_together = reads_together
        self._scopes = scopes
        self._zone = zone

    @property
    def all_unchanged(self) -> bool:
        """Whether every file there was had been read to its end before: the pull is `unchanged`."""
        return bool(self.unchanged) and not self.opened

    def __iter__(self) -> Iterator[OpenedFile | BrokenFile]:
        """Raises SourceUnavailable: none there, or one still being written; SourceRefused: unreadable, or too large.

        Where each file is a whole of its own, a broken one is given as such, as long as another can be read.
        """
        self.opened, self.unchanged, self.left, self.left_by_system = [], [], [], []
        try:
            yield from self._open_each() if self._each_whole else self._open_all()
        except OSError as error:
            raise self._unreadable_error(error) from None

    def _open_all(self) -> Iterator[OpenedFile]:
        selected = self._selected_files()
        for _, error in self._unstable(selected):
            raise error
        prints = {file.path: self._fingerprint(file) for file in selected}
        files = self._without_notes(selected, prints)
        prints = {file.path: prints[file.path] for file in files}
        nothing_new = self._known.issuperset(prints.values())
        for file in files:
            if nothing_new:
                self.unchanged.append(file.name)
            else:
                self.opened.append(file.name)
                yield self._open(file, prints[file.path])

    def _without_notes(self, files: Sequence[_ListedFile], prints: Mapping[Path, str]) -> Sequence[_ListedFile]:
        """The files that are no note: somebody's text beside the lists, without any header that is known."""
        notes = [file for file in files if may_be_note(file.path) and self._is_note(file, prints[file.path])]
        if len(notes) == len(files):
            return files
        self.left += [file.name for file in notes]
        return [file for file in files if file not in notes]

    def _is_note(self, file: _ListedFile, fingerprint: str) -> bool:
        try:
            _ = self._open(file, fingerprint).missing_fields
        except NoHeaderError:
            return True
        except (SourceRefused, SourceUnavailable):
            return False
        return False

    def _open_each(self) -> Iterator[OpenedFile | BrokenFile]:
        files = self._selected_files()
        prints, errors = self._checked(files)
        if not prints:
            raise next(iter(errors.values()))
        notes = [file for file in files if may_be_note(file.path) and isinstance(errors.get(file.path), NoHeaderError)]
        self.left += [file.name for file in notes]
        broken = [file for file in files if file.path in errors and file not in notes]
        # Beside a broken list every other is read, new or not: a pull that reads none would look empty.
        reads_all = bool(broken) or (self._reads_together and not self._known.issuperset(prints.values()))
        for file in files:
            if file.path in prints and prints[file.path] in self._known and not reads_all:
                self.unchanged.append(file.name)
            elif file.path in prints:
                self.opened.append(file.name)
                yield self._open(file, prints[file.path])
        for file in broken:
            self.opened.append(file.name)
            yield self._broken(file, errors[file.path])

    def _checked(self, files: Sequence[_ListedFile]) -> tuple[dict[Path, str], dict[Path, PullError]]:
        """The fingerprints of the files that can be read, and what is wrong with the others."""
        errors: dict[Path, PullError] = {file.path: error for file, error in self._unstable(files)}
        prints: dict[Path, str] = {}
        for file in files:
            if file.path not in errors:
                self._check(file, prints, errors)
        return prints, errors

    def _check(self, file: _ListedFile, prints: dict[Path, str], errors: dict[Path, PullError]) -> None:
        """Reads a file to its end, unless that was done before. Either its fingerprint or its error is noted."""
        try:
            fingerprint = self._fingerprint(file)
            if fingerprint not in self._known:
                self._open(file, fingerprint).check()
            prints[file.path] = fingerprint
        except (SourceRefused, SourceUnavailable) as error:
            errors[file.path] = error
        except OSError as error:
            errors[file.path] = self._unreadable_error(error, file.name)

    def _broken(self, file: _ListedFile, error: PullError) -> BrokenFile:
        return BrokenFile(
            name=file.name,
            scope=file.scope,
            as_of=self._day(file),
            modified_at=file.modified_at,
            problem=str(error).removeprefix(f"{self._source}: ").removeprefix(f"{file.name}: "),
        )

    # -------------------------------------------------------------------------------------------- the files of the pattern

    def _selected_files(self) -> list[_ListedFile]:
        files = (self._stat_file(path) for path in self._paths())
        listed = sorted(
            (file for file in files if self._scopes is None or file.scope in self._scopes), key=self._sort_key
        )
        if not listed:
            raise SourceUnavailable(
                f"{self._source}: no file matches {self._pattern}. Has the export run? Temporary and hidden names do not count"
            )
        if self._which == "latest":
            return listed[-1:]
        if self._which == "latest_of_each":
            newest = {file.scope: file for file in listed}
            return sorted(newest.values(), key=self._sort_key)
        return listed

    def _paths(self) -> Iterator[Path]:
        if self._pattern.is_file():
            yield from [self._pattern] if is_finished_name(self._pattern.name) else []
            return
        folder, paths = matching_paths(self._pattern)
        for path in paths:
            if not is_finished_name(path.name):
                continue
            if path.name.casefold() in SYSTEM_FILES or path.is_dir():
                self.left_by_system.append(printable(path.name))
            elif self._is_stray(path) or not is_file_of(folder, path):
                self.left.append(printable(path.name))
            else:
                yield path

    def _is_stray(self, path: Path) -> bool:
        return path.suffix.casefold() in STRAY_SUFFIXES - {self._pattern.suffix.casefold()}

    def _stat_file(self, path: Path) -> _ListedFile:
        status = path.stat()
        day, rest = day_in_name(printable(path.stem), self._form.as_of_pattern)
        return _ListedFile(path, status.st_size, status.st_mtime_ns, rest.strip(" _-.").casefold(), day)

    def _sort_key(self, file: _ListedFile) -> tuple[date, int, str]:
        return self._day(file), file.modified_ns, file.name

    def _day(self, file: _ListedFile) -> date:
        # No file can speak for a future day. A month's file that is written before the month ends names its last day.
        return min(file.named_day or local_day(file.modified_at, self._zone), self._today())

    def _today(self) -> date:
        return local_day(self._clock.now(), self._zone)

    # ------------------------------------------------------------------------------------------------- waiting for writers

    def _unstable(self, files: Collection[_ListedFile]) -> list[tuple[_ListedFile, SourceUnavailable]]:
        """The files that changed while they were watched: they are still being written."""
        waiting = [file for file in files if not file.is_done()]
        if waiting and self._clock.wait(self._form.settle_seconds, self._stop):
            raise SourceUnavailable(f"{self._source}: stopped before {self._pattern} was read")
        return [(file, self._still_written_error(file)) for file in waiting if file.has_changed()]

    def _still_written_error(self, file: _ListedFile) -> SourceUnavailable:
        return SourceUnavailable(f"{self._source}: {file.name} is still being written; it is read next time")

    # ------------------------------------------------------------------------------------------------------------- contents

    def _fingerprint(self, file: _ListedFile) -> str:
        self._check_size(file.size, file.name)
        running = blake2b(digest_size=16)
        with open_file(file.path) as stream:
            while piece := stream.read(_CHUNK_BYTES):
                running.update(piece)
        return running.hexdigest()

    def _open(self, file: _ListedFile, fingerprint: str) -> OpenedFile:
        with open_file(file.path) as stream:
            content = stream.read(self._form.max_mebibytes * _CHUNK_BYTES + 1)
        if fingerprint_of(content) != fingerprint:
            raise self._still_written_error(file)
        return OpenedFile(
            file.name,
            content,
            scope=file.scope,
            as_of=self._day(file),
            today=self._today(),
            modified_at=file.modified_at,
            columns=self._columns,
            form=self._form,
            source=self._source,
            layouts=self._layouts,
            day_is_named=file.named_day is not None,
            zone=self._zone,
            stop=self._stop,
        )

    def _check_size(self, size: int, name: str) -> None:
        if size > self._form.max_mebibytes * _CHUNK_BYTES:
            raise SourceRefused(
                f"{self._source}: {name} is larger than {self._form.max_mebibytes} MiB. If that is right, set "
                "max_mebibytes in the [[source]] table"
            )

    def _unreadable_error(self, error: OSError, name: str = "") -> SourceRefused | SourceUnavailable:
        what = name or str(self._pattern)
        if isinstance(error, FileNotFoundError):
            return SourceUnavailable(
                f"{self._source}: {name or f'a file of {self._pattern}'} disappeared while it was read. It is read again by "
                "itself at the next pull"
            )
        if isinstance(error, PermissionError):
            return SourceRefused(f"{self._source}: {what} may not be read. Let the daemon's user read it")
        return SourceUnavailable(
            f"{self._source}: {what} cannot be read ({error.strerror}). Look at the disk; it is tried again by itself at the "
            "next pull"
        )
