"""Reads a whole set of files. Half a set is refused: what the missing half says would look as if it had gone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connectors.sds_files.schema import (
    CLASS_FILES,
    CLASSES,
    COLUMNS,
    ENROLMENTS,
    FILES,
    NEEDED_FILES,
    ORGANISATIONS,
    REQUIRED_COLUMNS,
    ROLES,
    USERS,
    ClassEnrolment,
    Organisation,
    Role,
    SchoolClass,
    User,
)
from connectors.sds_files.settings import Settings
from fleetsync.core.model import Key, Scheme
from fleetsync.pull.contract import Connect, FileRow, RecordError, RejectedRecord, SourceFile, SourceRefused
from fleetsync.pull.decoding import is_in_domains, login_key, without_civic_number
from fleetsync.pull.files import RowFacts

MAX_DAYS_APART = timedelta(days=1)  # an export that runs over midnight
_FILES_OF_ONE_DAY = (USERS, ROLES, ENROLMENTS)  # the others seldom change, and some exporters leave them as they are


@dataclass
class ReadFile:
    """A file that was read to its end."""

    file: SourceFile
    rows: list[Any] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)


class FileSet:
    """The files of one export, read to their ends."""

    def __init__(self, files: Mapping[str, ReadFile]) -> None:
        self.files = files

    @property
    def has_classes(self) -> bool:
        """Whether the export has classes."""
        return all(name in self.files for name in CLASS_FILES)

    def rows(self, name: str) -> list[Any]:
        """The rows of a file; none of one that the export does not have."""
        return self.files[name].rows if name in self.files else []


def read_file_set(settings: Settings, connect: Connect) -> FileSet | None:
    """The files; None where they are those of the last complete pull.

    Raises SourceRefused where one of them is missing, of another day, or lacks a column.
    """
    files = list(connect.files(settings.path, COLUMNS, form=settings, scopes=FILES))
    if not files:
        return None
    _check_whole(settings, {file.scope: file for file in files})
    parsers = _Parsers(settings, connect)
    return FileSet({file.scope: _read_file(file, parsers) for file in files})


def _check_whole(settings: Settings, files: Mapping[str, SourceFile]) -> None:
    wanted = (*NEEDED_FILES, *(CLASS_FILES if any(name in files for name in CLASS_FILES) else ()))
    missing = [f"{name}.csv" for name in wanted if name not in files]
    if missing:
        raise SourceRefused(
            f"{settings.name}: {settings.path} holds half a set: {', '.join(missing)} is missing. Nothing is taken over until "
            "all files of one export are there. Export the set again, and copy it whole"
        )
    days = {name: files[name].as_of for name in _FILES_OF_ONE_DAY if name in files}
    oldest, newest = min(days, key=lambda name: days[name]), max(days, key=lambda name: days[name])
    if days[newest] - days[oldest] > MAX_DAYS_APART:
        raise SourceRefused(
            f"{settings.name}: {files[oldest].name} is of {days[oldest]} and {files[newest].name} of {days[newest]}, so they "
            "are not of one export. Nothing is taken over. Export the set again, and copy it whole"
        )


def _read_file(file: SourceFile, parsers: "_Parsers") -> ReadFile:
    missing = [column for column in REQUIRED_COLUMNS[file.scope] if column not in file.taken_headers]
    if missing:
        headers = ", ".join(next(each.words[0] for each in COLUMNS if each.field == column) for column in missing)
        raise SourceRefused(
            f"{parsers.source}: {file.name} has no column {headers}. Export the set again in the format SDS v2.1"
        )
    whole = ReadFile(file)
    for page in file.pages(parsers.of(file)):
        whole.rows += page.raws
        whole.rejected += page.rejected
    return whole


class _Parsers:
    """What is made of a row of each file."""

    def __init__(self, settings: Settings, connect: Connect) -> None:
        self._settings, self._connect, self.source = settings, connect, settings.name

    def of(self, file: SourceFile) -> Callable[[FileRow], Any]:
        """The parser of the rows of a file."""
        # A day under a header that nobody named is unknown, and not absent.
        unnamed = tuple(each for each in ("start", "end") if each in file.suspected_fields)
        parsers: Mapping[str, Callable[[FileRow], Any]] = {
            ORGANISATIONS: self._organisation,
            USERS: self._user,
            ROLES: lambda row: self._role(row, unnamed),
            CLASSES: self._class,
            ENROLMENTS: self._enrolment,
        }
        return parsers[file.scope]

    def _organisation(self, row: FileRow) -> Organisation:
        source_id = _required(row, "source_id", "sourcedId")
        return Organisation(source_id, row.text("name") or source_id, row.text("type"), row.text("parent"))

    def _class(self, row: FileRow) -> SchoolClass:
        source_id = _required(row, "source_id", "sourcedId")
        return SchoolClass(source_id, row.text("title") or source_id, row.text("organisation"))

    def _user(self, row: FileRow) -> User:
        return User(self._person_id(row, "source_id", "sourcedId"), tuple(dict.fromkeys(self._keys(row))))

    def _role(self, row: FileRow, unnamed: Sequence[str]) -> Role:
        facts = RowFacts(row)
        start, end = facts.day("start", "start"), facts.day("end", "end")
        return Role(
            user=self._person_id(row, "user", "userSourcedId"),
            place=row.place,
            role=row.text("role"),
            organisation=row.text("organisation"),
            year_code=row.text("grade"),
            start=start,
            end=end,
            unreadable=tuple(sorted({*unnamed, *(fact.field for fact in facts.unreadable)})),
            facts=facts.unreadable,
        )

    def _enrolment(self, row: FileRow) -> ClassEnrolment:
        user, class_id = self._person_id(row, "user", "userSourcedId"), _required(row, "class_id", "classSourcedId")
        return ClassEnrolment(user, class_id, row.place, row.text("role"))

    def _person_id(self, row: FileRow, field_name: str, header: str) -> str:
        text = _required(row, field_name, header)
        return without_civic_number(text, self._connect.token, self._connect.today) or text

    def _keys(self, row: FileRow) -> Iterator[Key]:
        """Strongest first: what Microsoft matches accounts by, the user name, the mail."""
        for field_name in ("directory_match", "username", "email"):
            text = row.text(field_name)
            if text is None or ("@" in text and not self._is_own_domain(text)):
                continue
            token = without_civic_number(text, self._connect.token, self._connect.today) or text
            key = login_key(text, self._settings.domain) if token == text else Key(Scheme.CIVIC, "", token)
            if key is not None:
                yield key

    def _is_own_domain(self, address: str) -> bool:
        return not self._settings.mail_domains or is_in_domains(address, self._settings.mail_domains)


def _required(row: FileRow, field_name: str, header: str) -> str:
    text = row.text(field_name)
    if text is None:
        raise RecordError(f"{header} is empty")
    return text
