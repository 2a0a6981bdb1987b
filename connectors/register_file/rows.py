"""Reads a row of a register's list: whose it is, where they go or wait to go, and in which group."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase

import msgspec

from connectors.register_file.columns import CODE_FIELDS, FIELD_OF_COLUMN
from connectors.register_file.settings import Settings
from connectors.register_file.words import parse_status
from fleetsync.pull.contract import FileRow, SourceFile, UnknownValue, UnreadableFact
from fleetsync.pull.decoding import fold_text, parse_school_form, parse_year, reportable_word
from fleetsync.pull.files import MisfitRow, RowFacts, RowPerson, RowPersonReader

RECENT_PERIOD = timedelta(days=366)
CHILD_FORMS = frozenset({"FS", "PC"})
_GROUPED_BY_DEPARTMENT = CHILD_FORMS | {"FTH", "OPPFTH"}
_HEADERS_OF_PRESCHOOLS = frozenset({"förskola", "förskolans namn"})


class ListedGroup(msgspec.Struct, frozen=True, gc=False):
    """A class or department. *unit*: the code of its unit, or its name."""

    name: str
    kind: str
    unit: str | None

    @property
    def source_id(self) -> str:
        """The id of its record."""
        return f"{self.unit or ''}/{self.name}".casefold()


class Attendance(msgspec.Struct, frozen=True, gc=False):
    """That somebody goes to a unit. *form*: None where it is not known. *unreadable*: fields that could not be read."""

    codes: tuple[str, ...] = ()
    unit_name: str | None = None
    form: str | None = None
    year: int | None = None
    start: date | None = None
    end: date | None = None
    group: ListedGroup | None = None
    unreadable: tuple[str, ...] = ()

    @property
    def part(self) -> str:
        """The part that it belongs to."""
        return "children" if self.form in CHILD_FORMS else "pupils"

    @property
    def is_of_unknown_part(self) -> bool:
        """Whether it may belong to the other part as well."""
        return "school_form" in self.unreadable


class RegisterRow(msgspec.Struct, frozen=True, gc=False):
    """What is kept of one row. *attendance*: None where somebody goes nowhere by it, or left long ago.

    *unknown_values*, *facts*: words that nobody knows, and facts of the attendance that could not be read.
    """

    person: RowPerson
    place: str = ""
    attendance: Attendance | None = None
    unknown_values: tuple[UnknownValue, ...] = ()
    facts: tuple[UnreadableFact, ...] = ()


@dataclass(frozen=True, slots=True)
class _ListReading:
    """What all rows of a list have in common.

    *fields*: the columns that it has. *form*: the school form of rows where it has no column for it. *unit*: the unit of
    rows that name none. *unnamed*: fields of an attendance that may stand under a header that nobody named.
    """

    settings: Settings
    persons: RowPersonReader
    fields: frozenset[str]
    form: str | None
    unit: str | None
    unnamed: tuple[str, ...]
    today: date


def row_parser(
    file: SourceFile, settings: Settings, persons: RowPersonReader, today: date
) -> Callable[[FileRow], RegisterRow]:
    """What is made of a row of *file*. It raises RecordError where nobody can say whose the row is."""
    reading = _ListReading(
        settings=settings,
        persons=persons,
        fields=frozenset(file.taken_headers),
        form=_form_of_list(file, settings),
        unit=_unit_of_list(file, settings),
        unnamed=tuple(sorted({FIELD_OF_COLUMN[column] for column in file.suspected_fields})),
        today=today,
    )
    return lambda row: _read_row(row, reading)


def misfit_reader(persons: RowPersonReader) -> Callable[[MisfitRow], tuple[str | None, RegisterRow | None]]:
    """What is made of a row whose fields are not those of the header: its mark counts."""

    def read(row: MisfitRow) -> tuple[str | None, RegisterRow | None]:
        source_id, person = persons.read_misfit(row)
        return source_id, None if person is None else RegisterRow(person, row.place)

    return read


def _form_of_list(file: SourceFile, settings: Settings) -> str | None:
    """The school form of a list without a column for it. A list whose units stand under "Förskola" is of förskolor."""
    if settings.school_form is not None:
        return parse_school_form(settings.school_form, settings.school_forms) or settings.school_form
    return "FS" if fold_text(file.taken_headers.get("unit")) in _HEADERS_OF_PRESCHOOLS else None


def _unit_of_list(file: SourceFile, settings: Settings) -> str | None:
    patterns = settings.list_units.items()
    return next((unit for pattern, unit in patterns if fnmatchcase(file.scope, pattern.casefold())), None)


def _read_row(row: FileRow, reading: _ListReading) -> RegisterRow:
    person, facts = reading.persons.read(row), RowFacts(row)
    unknown: list[UnknownValue] = []
    start, end = facts.day("start", "start"), facts.day("end", "end")
    goes_there = _goes_there(row, reading, unknown)
    if goes_there is False or (end is not None and end < reading.today - RECENT_PERIOD):
        return RegisterRow(person, row.place)
    form, year = _school_form(row, reading, unknown, facts), _year(row, facts)
    codes = tuple([code for field in CODE_FIELDS if (code := row.text(field)) is not None])
    unit_name = row.text("unit") or (None if codes else reading.unit)
    unsure = () if goes_there else ("end",)
    noted = (fact.field for fact in facts.unreadable)
    return RegisterRow(
        person,
        row.place,
        Attendance(
            codes=codes,
            unit_name=unit_name,
            form=form,
            year=year,
            start=start,
            end=end,
            group=_group(row, reading, form, next(iter(codes), unit_name)),
            unreadable=tuple(sorted({*reading.unnamed, *unsure, *noted})),
        ),
        tuple(unknown),
        facts.unreadable,
    )


def _goes_there(row: FileRow, reading: _ListReading, unknown: list[UnknownValue]) -> bool | None:
    """Whether the person goes there, by the state of the placement; None for an unknown word."""
    word = row.text("status") or ""
    goes_there = parse_status(word, reading.settings.statuses)
    if goes_there is None:
        own = reading.settings.statuses
        unknown.append(UnknownValue("status", reportable_word(word, own)))
    return goes_there


def _school_form(row: FileRow, reading: _ListReading, unknown: list[UnknownValue], facts: RowFacts) -> str | None:
    """The school form. A blank one and an unknown word are unknown: nothing says whether it is a child's."""
    if "school_form" not in reading.fields:
        return reading.form
    word, own = row.text("school_form"), reading.settings.school_forms
    form = parse_school_form(word, own)
    if form is None and word is not None:
        unknown.append(UnknownValue("school_form", reportable_word(word, own)))
    if form is None:
        facts.note("school_form", "is empty" if word is None else "is not known")
    return form


def _year(row: FileRow, facts: RowFacts) -> int | None:
    word = row.text("year")
    year = None if word is None else parse_year(word)
    if word is not None and year is None:
        facts.note("year", "is not a year")
    return year


def _group(row: FileRow, reading: _ListReading, form: str | None, unit: str | None) -> ListedGroup | None:
    """The class of a pupil or the department of a child, if groups of its type are read."""
    kind, wanted = row.text("group_type"), {fold_text(word) for word in reading.settings.group_types}
    if kind is not None and wanted and fold_text(kind) not in wanted:
        return None
    of_class, of_department = row.text("school_class"), row.text("department")
    is_by_department = form in _GROUPED_BY_DEPARTMENT or "school_class" not in reading.fields
    if is_by_department and of_department is not None:
        return ListedGroup(of_department, kind or "Avdelning", unit)
    return None if of_class is None else ListedGroup(of_class, kind or "Klass", unit)
