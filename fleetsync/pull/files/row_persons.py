"""Whose a row of a file is: by a number, a civic number or a log-in, and whether it marks that person as protected.

A civic number becomes a token while the row is read, and only where nothing else identifies a person, where it is asked
for, or where the row is marked (so that the person is recognised in other sources). A mark of protection counts on every
row that names somebody, also on one whose fields are not those of the header.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from fleetsync.core.model import Key, Scheme
from fleetsync.pull.contract import Connect, FileRow, RecordError, SourceFile, UnknownValue
from fleetsync.pull.decoding import civic_number, is_in_domains, is_protected, login_key
from fleetsync.pull.files.file_format import FileFormat
from fleetsync.pull.files.headers import field_label
from fleetsync.pull.files.rows import MisfitRow

PersonIdColumn: TypeAlias = Literal["person_number", "civic_number", "login"]
PERSON_ID_COLUMNS: tuple[PersonIdColumn, ...] = ("person_number", "civic_number", "login")
LOGIN_FIELDS = ("eppn", "upn", "login", "email", "further_logins")  # the first is the strongest

_SEPARATORS = re.compile(r"[,;|\s]+")


class RowPerson(msgspec.Struct, frozen=True, gc=False):
    """The person of a row. *person*: their id in the file. *civic*: a token. *mark*: the word that marks them as protected."""

    person: str
    numbers: tuple[str, ...] = ()
    civic: str | None = None
    logins: tuple[str, ...] = ()
    mark: str | None = None


class PersonKeys(msgspec.Struct, frozen=True, gc=False):
    """What identifies a person in a file. *civics*: tokens."""

    numbers: tuple[str, ...] = ()
    civics: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Sequence[RowPerson]) -> "PersonKeys":
        """Those of all rows of one person, each once."""
        return cls(
            numbers=tuple(dict.fromkeys(number for row in rows for number in row.numbers)),
            civics=tuple(dict.fromkeys(row.civic for row in rows if row.civic)),
            logins=tuple(dict.fromkeys(login for row in rows for login in row.logins)),
        )

    def read(self, number_namespace: str, domain: str) -> tuple[tuple[Key, ...], list[UnknownValue]]:
        """The keys of the person's record, and a report of each log-in that is none.

        *domain*: the Windows domain of log-ins that are written without one; "": such a log-in is no key.
        """
        logins = [login_key(login, domain) for login in self.logins]
        keys = (
            *(Key(Scheme.NUMBER, number_namespace, number) for number in self.numbers),
            *(Key(Scheme.CIVIC, "", token) for token in self.civics),
            *(key for key in logins if key is not None),
        )
        return keys, [UnknownValue("login", "account name without a domain") for key in logins if key is None]


class PersonFileFormat(FileFormat):
    """How the files of a source look whose rows are of persons. A connector's Settings inherits it beside SourceSettings."""

    person_is: PersonIdColumn | None = None
    """The column that identifies a person; None: the first that a file has of number, civic number and log-in. Set it where
    a person has a number per employment, or files have different ones."""
    read_civic_number: bool = False
    """Make a token of the civic number too, for `[identity] match_on_civic_number`."""
    domain: str = ""
    """The Windows domain of log-ins that are written without one."""
    mail_domains: tuple[str, ...] = ()
    """If any: addresses of other domains are private mail and are not kept."""


class RowPersonReader:
    """Reads the persons of *file*, whose columns of these kinds are called as in `PERSON_ID_COLUMNS` and `LOGIN_FIELDS`."""

    def __init__(self, file: SourceFile, form: PersonFileFormat, connect: Connect) -> None:
        fields = file.taken_headers.keys()
        self._connect, self._mail_domains = connect, form.mail_domains
        self._reads_civic_number = form.read_civic_number
        first = next((each for each in PERSON_ID_COLUMNS[:2] if each in fields), "login")
        self._id_column: str = form.person_is or first
        self._login_fields = tuple(field for field in LOGIN_FIELDS if field in fields)

    def read(self, row: FileRow) -> RowPerson:
        """The person of *row*. Raises RecordError where nobody can say whose it is."""
        word = row.text("protected")
        mark = word if is_protected(word) else None
        number, logins = row.text("person_number"), self._logins(row)
        needs_civic_number = self._id_column == "civic_number" or self._reads_civic_number or mark is not None
        civic = self._civic_token(row) if needs_civic_number else None
        ids: Mapping[str, str | None] = {
            "person_number": number,
            "civic_number": civic,
            "login": logins[0] if logins else None,
        }
        # A protected person is recognised by any id that the row has.
        person = ids[self._id_column] or (next(filter(None, ids.values()), None) if mark is not None else None)
        if not person:
            raise RecordError(f"{field_label(self._id_column)} is empty")
        return RowPerson(person.casefold(), () if number is None else (number,), civic, logins, mark)

    def _civic_token(self, row: FileRow) -> str | None:
        number = civic_number(row.text("civic_number"), self._connect.today)
        return None if number is None else self._connect.token(number.text)

    def _logins(self, row: FileRow) -> tuple[str, ...]:
        texts = [text for field in self._login_fields if (text := row.text(field)) is not None]
        words = [word for text in texts for word in _SEPARATORS.split(text) if word]
        return tuple(dict.fromkeys([word for word in words if self._is_own_domain(word)]))

    def _is_own_domain(self, login: str) -> bool:
        return not self._mail_domains or "@" not in login or is_in_domains(login, self._mail_domains)

    def read_misfit(self, row: MisfitRow) -> tuple[str | None, RowPerson | None]:
        """The id of a row whose fields are not those of the header, if it is certain; and its person, if it may be marked.

        Such a mark counts on every key that the row may have.
        """
        person = row.certain("person_number") or row.certain("login") or row.certain("email")
        source_id = person.casefold() if person else None
        mark = next(filter(_may_be_a_mark, row.candidates("protected")), None)
        return source_id, None if mark is None else self._marked_person(row, source_id, mark)

    def _marked_person(self, row: MisfitRow, source_id: str | None, mark: str) -> RowPerson | None:
        """The person of *row* by every text in it that may be a key of theirs; None where there is none."""
        numbers = tuple(text for text in row.candidates("person_number") if text.isalnum() and not text.isalpha())
        logins = tuple(dict.fromkeys(word for text in row.texts for word in _SEPARATORS.split(text) if _is_login(word)))
        civic_numbers = filter(None, (civic_number(text, self._connect.today) for text in row.texts))
        civics = tuple(self._connect.token(number.text) for number in civic_numbers if number.kind != "other")
        person = next(filter(None, (source_id, *numbers, *logins, *civics)), None)
        if person is None:
            return None
        own = tuple(login for login in logins if self._is_own_domain(login))
        return RowPerson(person.casefold(), numbers, next(iter(civics), None), own, mark)


def _is_login(word: str) -> bool:
    """Whether a word is an address, or an account name with its domain."""
    return "@" in word or "\\" in word


def _may_be_a_mark(text: str) -> bool:
    """Whether a cell that was moved may be a mark. What is plainly a date, a number, a code or a log-in is not it."""
    is_other = _is_login(text) or sum(letter.isdigit() for letter in text) > 1
    return not is_other and is_protected(text)
