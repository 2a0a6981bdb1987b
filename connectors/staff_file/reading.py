"""Reads a staff file to its end, and puts the rows of each person together."""

from collections.abc import Iterator, Sequence

import msgspec

from connectors.staff_file.columns import COLUMNS, NEEDED_FIELDS
from connectors.staff_file.layouts import LAYOUTS
from connectors.staff_file.rows import EmploymentRow, StaffRow, misfit_reader, row_parser
from connectors.staff_file.settings import Settings
from fleetsync.core.model import PartRole, RecordType
from fleetsync.pull.contract import (
    Connect,
    Page,
    Part,
    ProbeResult,
    RejectedRecord,
    SourceFile,
    SourceRefused,
    UnreadableFact,
)
from fleetsync.pull.decoding import missing_columns, probe_files
from fleetsync.pull.files import PersonKeys, RowPersonReader, pages_of_records, single_list

PARTS = (Part("staff", (RecordType.PERSON, RecordType.MEMBERSHIP), role=PartRole.ROSTER),)


class StaffFilePerson(msgspec.Struct, frozen=True, gc=False):
    """One person of the file with all that the rows say."""

    person: str
    keys: PersonKeys = PersonKeys()
    name: str | None = None
    mark: str | None = None  # the word that marks them as protected
    employments: tuple[EmploymentRow, ...] = ()
    unreadable: tuple[UnreadableFact, ...] = ()


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Every person in the newest edition of the file, with all their rows; none before the last row is read.

    Raises SourceRefused when *path* matches several lists, or *departments* none of the rows.
    """
    file = single_list(list(connect.files(settings.path, COLUMNS, form=settings, layouts=LAYOUTS)), settings.name)
    if file is not None:
        yield from _pages(file, settings, connect)


def _pages(file: SourceFile, settings: Settings, connect: Connect) -> Iterator[Page]:
    lines: list[StaffRow] = []
    rejected: list[RejectedRecord] = []
    persons = RowPersonReader(file, settings, connect)
    for page in file.pages(row_parser(file, settings, persons), misfit=misfit_reader(persons)):
        lines += page.raws
        rejected += page.rejected
    people = _group_by_person(lines)
    if lines and settings.departments and not any(person.employments for person in people):
        raise SourceRefused(
            f"{settings.name}: no row of {file.name} is of a unit that departments names. Correct departments in the "
            "[[source]] table"
        )
    yield from pages_of_records(file, people, rejected, missing_columns(file, NEEDED_FIELDS))


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Whether the file can be read to its end, for which day it speaks, and which columns it lacks."""
    files = connect.files(settings.path, COLUMNS, form=settings, layouts=LAYOUTS)
    yield from probe_files(
        PARTS[0],
        files,
        lambda file: sum(len(page.raws) for page in _pages(file, settings, connect)),
        noun="people",
        groups=NEEDED_FIELDS,
    )


def _group_by_person(lines: Sequence[StaffRow]) -> list[StaffFilePerson]:
    """One person for all rows of theirs, in the order of the file.

    A person whose rows are all left out is not kept, unless a row is marked protected: they may hold a device of ours.
    """
    rows: dict[str, list[StaffRow]] = {}
    for line in lines:
        rows.setdefault(line.person.person, []).append(line)
    people = [_employee(person, person_rows) for person, person_rows in rows.items()]
    return [person for person in people if person.employments or person.mark is not None]


def _employee(person: str, lines: Sequence[StaffRow]) -> StaffFilePerson:
    persons = [line.person for line in lines]
    return StaffFilePerson(
        person=person,
        keys=PersonKeys.of(persons),
        name=next((line.name for line in lines if line.name), None),
        mark=next((each.mark for each in persons if each.mark is not None), None),
        employments=tuple(dict.fromkeys(line.employment for line in lines if line.employment is not None)),
        unreadable=tuple(fact for line in lines for fact in line.unreadable),
    )
