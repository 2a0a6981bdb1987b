"""Reads a row of a staff file: whose it is, what it says of an employment, and whether it marks a person as protected."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import cache

import msgspec

from connectors.staff_file.columns import CODE_FIELDS
from connectors.staff_file.settings import Settings
from fleetsync.core.model import EmploymentForm
from fleetsync.pull.contract import FileRow, RecordError, SourceFile, UnreadableFact
from fleetsync.pull.decoding import parse_employment_form, reportable_word
from fleetsync.pull.files import MisfitRow, RowFacts, RowPerson, RowPersonReader

_MAX_SHARE_PERCENT = 150


class EmploymentRow(msgspec.Struct, frozen=True, gc=False):
    """What a row says of an employment. *form*: the word, as it may be reported; None without such a column, "" for a blank."""

    codes: tuple[str, ...] = ()
    unit_name: str | None = None
    form: str | None = None
    start: date | None = None
    end: date | None = None
    leave_from: date | None = None
    leave_to: date | None = None
    share: float | None = None
    unreadable: tuple[str, ...] = ()


class StaffRow(msgspec.Struct, frozen=True, gc=False):
    """What is kept of one row. *unreadable*: the facts of its employment that could not be read."""

    person: RowPerson
    name: str | None = None
    employment: EmploymentRow | None = None
    unreadable: tuple[UnreadableFact, ...] = ()


@dataclass(frozen=True, slots=True)
class _FileReading:
    """What all rows of a file have in common.

    *codes*: the columns of units that the file has. *unnamed*: fields that may stand under a header that nobody named.
    *form*: the form of employment that a row says, None where the file does not say it.
    """

    settings: Settings
    persons: RowPersonReader
    codes: tuple[str, ...]
    unnamed: tuple[str, ...]
    form: Callable[[FileRow], str | None]


def row_parser(file: SourceFile, settings: Settings, persons: RowPersonReader) -> Callable[[FileRow], StaffRow]:
    """What is made of a row of *file*. It raises RecordError where nobody can say whose the row is."""
    fields = file.taken_headers.keys()
    reading = _FileReading(
        settings=settings,
        persons=persons,
        codes=tuple(field for field in CODE_FIELDS if field in fields),
        unnamed=tuple(file.suspected_fields),
        form=_form_reader(settings, has_forms="employment_form" in fields),
    )
    return lambda row: _read_row(row, reading)


def _read_row(row: FileRow, reading: _FileReading) -> StaffRow:
    person = reading.persons.read(row)
    employment, unreadable = _employment(row, reading)
    return StaffRow(person, _name(row, reading.settings), employment, unreadable)


def misfit_reader(persons: RowPersonReader) -> Callable[[MisfitRow], tuple[str | None, StaffRow | None]]:
    """What is made of a row whose fields are not those of the header: its mark counts."""

    def read(row: MisfitRow) -> tuple[str | None, StaffRow | None]:
        source_id, person = persons.read_misfit(row)
        return source_id, None if person is None else StaffRow(person)

    return read


def _texts(row: FileRow, fields: Sequence[str]) -> tuple[str, ...]:
    return tuple([text for field in fields if (text := row.text(field)) is not None])


def _name(row: FileRow, settings: Settings) -> str | None:
    if not settings.store_names:
        return None
    return row.text("name") or " ".join(_texts(row, ("given_name", "family_name"))) or None


def _employment(row: FileRow, reading: _FileReading) -> tuple[EmploymentRow | None, tuple[UnreadableFact, ...]]:
    """The employment, unless its unit is left out, and what of it cannot be read."""
    codes, unit_name, departments = _texts(row, reading.codes), row.text("unit"), reading.settings.departments
    if departments and not _matches_department(departments, (*codes, unit_name or "")):
        return None, ()
    facts = RowFacts(row)
    form = reading.form(row)
    start, end = facts.day("start", "start"), facts.day("end", "end")
    leave_from, leave_to = facts.day("leave_from", "leave_from"), facts.day("leave_to", "leave_to")
    share = facts.fact("share", "share", _share, row)
    unreadable = tuple(sorted({*reading.unnamed, *(fact.field for fact in facts.unreadable)}))
    return (
        EmploymentRow(codes, unit_name, form, start, end, leave_from, leave_to, share, unreadable),
        facts.unreadable,
    )


# A monthly wage says nothing of how long somebody is employed: the dates decide.
_MONTHLY = frozenset({"", "månad", "månadslön", "månadsavlönad", "mån", "m"})


def _form_reader(settings: Settings, *, has_forms: bool) -> Callable[[FileRow], str | None]:
    """What reads the form of employment of a row; None where the file does not say it.

    *has_forms*: whether the file has a column of them. What is no word of such files is a note, and may name somebody: it
    is not kept.
    """

    @cache  # a file repeats a few words in all of its rows
    def reportable(word: str) -> str:
        is_known = not word or parse_employment_form(word, settings.employment_forms) is not EmploymentForm.UNKNOWN
        return word if is_known else reportable_word(word, settings.employment_forms)

    def read(row: FileRow) -> str | None:
        word = row.text("employment_form" if has_forms else "pay_form") or ""
        return None if not has_forms and word.casefold() in _MONTHLY else reportable(word)

    return read


def _matches_department(departments: Sequence[str], words: Sequence[str]) -> bool:
    return any(fnmatchcase(word.casefold(), pattern.casefold()) for pattern in departments for word in words)


def _share(row: FileRow) -> float | None:
    """0..1: what is above 1 was written in percent; overtime and double posts count as full time."""
    amount = row.amount("share")
    if amount is None:
        return None
    if not 0 <= amount <= _MAX_SHARE_PERCENT:
        raise RecordError("share is not a share of full time")
    return float(amount) if amount <= 1 else min(float(amount) / 100, 1.0)
