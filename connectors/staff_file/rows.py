"""Reads a row of a staff file: whose it is, what it says of an employment, and whether it marks a person as protected."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import cache

import msgspec

from connectors.staff_file.columns import CODE_FIELDS, LOGIN_FIELDS
from connectors.staff_file.settings import PERSON_ID_COLUMNS, PersonIdColumn, Settings
from fleetsync.core.model import EmploymentForm
from fleetsync.pull.contract import Connect, FileRow, RecordError, SourceFile, UnreadableFact
from fleetsync.pull.decoding import civic_number, is_in_domains, is_protected, parse_employment_form, reportable_word
from fleetsync.pull.files import MisfitRow, RowFacts

_SEPARATORS = re.compile(r"[,;|\s]+")
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
    """What is kept of one row. *civic*: a token. *mark*: the word that marks the person as protected. *unreadable*: the facts of
    its employment that could not be read.
    """

    person: str
    numbers: tuple[str, ...] = ()
    civic: str | None = None
    logins: tuple[str, ...] = ()
    name: str | None = None
    mark: str | None = None
    employment: EmploymentRow | None = None
    unreadable: tuple[UnreadableFact, ...] = ()


@dataclass(frozen=True, slots=True)
class _FileReading:
    """What all rows of a file have in common.

    *logins*, *codes*: the columns of these kinds that the file has. *unnamed*: fields that may stand under a header that
    nobody named. *form*: the form of employment that a row says, None where the file does not say it.
    """

    settings: Settings
    connect: Connect
    id_column: PersonIdColumn
    logins: tuple[str, ...]
    codes: tuple[str, ...]
    unnamed: tuple[str, ...]
    form: Callable[[FileRow], str | None]


def row_parser(file: SourceFile, settings: Settings, connect: Connect) -> Callable[[FileRow], StaffRow]:
    fields = file.taken_headers.keys()
    reading = _FileReading(
        settings=settings,
        connect=connect,
        id_column=settings.person_is or _person_id_column(fields),
        logins=tuple(field for field in LOGIN_FIELDS if field in fields),
        codes=tuple(field for field in CODE_FIELDS if field in fields),
        unnamed=tuple(file.suspected_fields),
        form=_form_reader(settings, has_forms="employment_form" in fields),
    )
    return lambda row: _read_row(row, reading)


def _person_id_column(fields: Collection[str]) -> PersonIdColumn:
    """The column that identifies a person in a file with columns of *fields*."""
    return next((column for column in PERSON_ID_COLUMNS[:2] if column in fields), "login")


def _read_row(row: FileRow, reading: _FileReading) -> StaffRow:
    """What is kept of *row*. Raises RecordError where nobody can say whose it is."""
    settings = reading.settings
    word = row.text("protected")
    mark = word if is_protected(word) else None
    numbers, logins = _texts(row, ("person_number",)), _logins(row, reading)
    needs_civic_number = reading.id_column == "civic_number" or settings.read_civic_number or mark is not None
    civic = _civic_token(row, reading.connect) if needs_civic_number else None
    ids = {
        "person_number": numbers[0] if numbers else None,
        "civic_number": civic,
        "login": logins[0] if logins else None,
    }
    # A protected person is recognised by any id that the row has.
    person = ids[reading.id_column] or (next(filter(None, ids.values()), None) if mark is not None else None)
    if not person:
        raise RecordError(f"{reading.id_column.replace('_', ' ')} is empty")
    employment, unreadable = _employment(row, reading)
    return StaffRow(person.casefold(), numbers, civic, logins, _name(row, settings), mark, employment, unreadable)


def misfit_reader(settings: Settings, connect: Connect) -> Callable[[MisfitRow], tuple[str | None, StaffRow | None]]:
    """What is made of a row whose fields are not those of the header: its mark counts, on every key that it may have."""

    def read(row: MisfitRow) -> tuple[str | None, StaffRow | None]:
        person = row.certain("person_number") or row.certain("login") or row.certain("email")
        source_id = person.casefold() if person else None
        mark = next(filter(_may_be_a_mark, row.candidates("protected")), None)
        if mark is None:
            return source_id, None
        marked = _person_by_any_key(row, source_id, settings, connect)
        return source_id, None if marked is None else msgspec.structs.replace(marked, mark=mark)

    return read


def _person_by_any_key(row: MisfitRow, source_id: str | None, settings: Settings, connect: Connect) -> StaffRow | None:
    """The person of *row* by every text in it that may be a key of theirs; None where there is none."""
    numbers = tuple(text for text in row.candidates("person_number") if text.isalnum() and not text.isalpha())
    logins = tuple(dict.fromkeys(word for text in row.texts for word in _SEPARATORS.split(text) if _is_login(word)))
    civic_numbers = filter(None, (civic_number(text, connect.today) for text in row.texts))
    civics = tuple(connect.token(number.text) for number in civic_numbers if number.kind != "other")
    person = next(filter(None, (source_id, *numbers, *logins, *civics)), None)
    if person is None:
        return None
    own = tuple(login for login in logins if _is_own_domain(login, settings.mail_domains))
    return StaffRow(person.casefold(), numbers, next(iter(civics), None), own)


def _is_login(word: str) -> bool:
    """Whether a word is an address, or an account name with its domain."""
    return "@" in word or "\\" in word


def _may_be_a_mark(text: str) -> bool:
    """Whether a cell that was moved may be a mark. What is plainly a date, a number, a code or a log-in is not it."""
    is_other = _is_login(text) or sum(letter.isdigit() for letter in text) > 1
    return not is_other and is_protected(text)


def _civic_token(row: FileRow, connect: Connect) -> str | None:
    number = civic_number(row.text("civic_number"), connect.today)
    return None if number is None else connect.token(number.text)


def _texts(row: FileRow, fields: Sequence[str]) -> tuple[str, ...]:
    return tuple([text for field in fields if (text := row.text(field)) is not None])


def _logins(row: FileRow, reading: _FileReading) -> tuple[str, ...]:
    words = [word for text in _texts(row, reading.logins) for word in _SEPARATORS.split(text) if word]
    return tuple(dict.fromkeys([word for word in words if _is_own_domain(word, reading.settings.mail_domains)]))


def _is_own_domain(login: str, mail_domains: Sequence[str]) -> bool:
    return not mail_domains or "@" not in login or is_in_domains(login, mail_domains)


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
