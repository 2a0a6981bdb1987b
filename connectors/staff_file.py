"""Staff from a file: a personnel system's report as CSV or workbook, one row per employment.

Endpoint: the files of `path`, of which the newest edition counts. Permission: to read the folder, nothing else.
Documentation: none, since every municipality designs its own report (read 2026-11-24). So headers are recognised by
Swedish words, and `columns = { field = "header" }` names the others.

Quirks:
* One person has many rows: employments, and one employment split over cost centres. All count; never the last alone.
* Employment numbers are a person's in some systems and an employment's in others: see `person_is`.
* A blank end, 9999-12-31 and 2099-12-31 are open; a blank form of employment is unknown, not permanent.
* A share is written 75,00 or 0,75 or 75 %.
* A file of the whole municipality is read as it is, and units that no source lists are shown as unmapped.
  `departments` keeps only the rows that match; the others never become records.

Refuses to keep a civic number: it becomes a token while the row is read, and only where nothing else identifies a
person or `read_civic_number` asks for it. A mark of protection counts on every row, also one left out or broken.

```toml
[[source]]
kind = "staff_file"
name = "personal"
path = "/srv/hr/personal_*.csv"        # one list; its newest edition counts
namespace = "personal"                 # whose employment numbers these are; the same in device_file
counts = ["staff"]                     # default: the file founds the entitlements of staff
domain = "EXB"                         # Windows domain of account names written without one
mail_domains = ["exempelby.se"]        # other addresses are private mail and are not kept
# departments = ["3*", "Vretaskolan"]  # keep only rows whose codes or unit match; default: all
# person_is = "civic_number"           # where a person has one number per employment
# read_civic_number = true             # a token of it, for [identity] match_on_civic_number
# columns = { employment_form = "Anst kat", start = "Från#1", end = 6, protected = false }
# employment_forms = { "Månadslön vik" = "fixed" }
```

* **Kept**: employment number, log-ins and work addresses, unit codes and name, form of employment, first and last
  day, days of leave, share; names only with `store_names`; the civic number only as a token made while the row is
  read, where no number tells persons apart, or `read_civic_number` asks for it, or the row is marked protected (so
  that they are recognised in other sources).
* **Never decoded**: every other column: address, phone, sex, salary, cause of absence, birth date.
* **Quirks that decide something**
  * All rows of a person make one person with all employments. Identical rows are one. An employment's id is person,
    place and first day, so that a moved end is an update.
  * The whole municipality is kept with its codes, since a teacher may belong to an unexpected cost centre; unmapped
    units are shown. A file that suddenly covers everybody is held by the guard. `departments` is the explicit way to
    keep less, and then those rows never become records.
  * A mark of protection counts on any row, also one that `departments` leaves out or that cannot be read.
  * A blank form of employment is `unknown` where the file has the column; without the column the dates decide. So is
    one that is not known; what is no word of such files ("Vik för …") is not kept, and is reported as `(text)`.
  * The first day of this employment (Från, TILLTRÄDE) comes before that of the first one (ANSTDATUM). A day that cannot
    be read leaves the employment, and its person undecided; a share that cannot be read only itself. A first day that
    cannot be read leaves the employment at that place as it was believed; where none was, it is a new one.
  * A header that may be a mark of protection (skydd, sekretess, spärr …) and is not read refuses the file until
    `columns = { protected = … }` names the column, or says `false`.
  * A share above 1 is per cent; above 100 % it is full time.
  * An account name without a domain belongs to many people and is no key: it is reported as an unknown value.
* **Not tried here**: an export of a named personnel system. Layouts differ per municipality.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from pydantic import Field

from fleetsync.core.model import (
    EmploymentForm,
    Key,
    MembershipRecord,
    MembershipType,
    PartRole,
    PersonRecord,
    RecordType,
    Scheme,
)
from fleetsync.pull.contract import (
    Connect,
    Duration,
    FileRow,
    MarkWord,
    NormalisedItem,
    Page,
    Part,
    ProbeResult,
    RecordError,
    RejectedRecord,
    SourceFile,
    SourceRefused,
    SourceSettings,
    UncertainRecord,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import (
    IdNumbering,
    civic_number,
    is_in_domains,
    is_protected,
    login_key,
    make_id,
    missing_columns,
    parse_employment_form,
    probe_files,
    reportable_word,
)
from fleetsync.pull.files import (
    FileColumn,
    FileFormat,
    MisfitRow,
    RowFacts,
    Suspicion,
    look_like_days,
    look_like_employment_forms,
)

PARTS = (Part("staff", (RecordType.PERSON, RecordType.MEMBERSHIP), role=PartRole.ROSTER),)

PersonIdColumn = Literal["person_number", "civic_number", "login"]
_PERSON_ID_COLUMNS: tuple[PersonIdColumn, ...] = ("person_number", "civic_number", "login")

_LOGIN_FIELDS = ("eppn", "upn", "login", "email", "further_logins")  # the first is the strongest
_CODE_FIELDS = ("unit_code", "workplace", "cost_centre")
# Days of a person or of the report are plainly no days of an employment.
_DAYS = Suspicion(
    look_like_days, unless=re.compile("fodel|birth|utskri|uttag|rapport|andrad|uppdat|skapad|created|semester")
)
COLUMNS = (
    FileColumn("person_number", kind="id"),
    FileColumn("civic_number", kind="id"),
    FileColumn("eppn", ("eppn", "edupersonprincipalname"), deciding=True),
    FileColumn("upn", ("upn", "userprincipalname", "huvudnamn"), deciding=True),
    FileColumn(
        "login",
        ("användarnamn", "användare", "konto", "kontonamn", "signatur", "inloggning", "username"),
        deciding=True,
    ),
    FileColumn("email", deciding=True),
    FileColumn(
        "further_logins",
        ("fler inloggningar", "ytterligare inloggningar", "övriga konton", "andra konton", "further log-ins"),
        deciding=True,
    ),
    FileColumn("name"),
    FileColumn("given_name", ("förnamn", "tilltalsnamn", "first name"), fallbacks=("förnamnsmå",)),
    FileColumn("family_name", ("efternamn", "last name"), fallbacks=("efternamnsmå",)),
    FileColumn("protected", refused_by=re.compile(r"skydd|sekret(?!er|ari)|sparr|kvarskriv|finger")),
    FileColumn("unit", deciding=True),
    FileColumn("unit_code", kind="id", deciding=True),
    FileColumn("workplace", ("arbetsställe", "arbetsställenummer", "arb.ställe nr", "organisationsid"), kind="id", deciding=True),
    FileColumn("cost_centre", kind="id", deciding=True),
    FileColumn("employment_form", deciding=True, suspected_by=Suspicion(look_like_employment_forms)),
    FileColumn("pay_form", ("löneform", "avlöningsform")),
    FileColumn("start", kind="day", deciding=True, never_blank=True, suspected_by=_DAYS),
    FileColumn("end", kind="day", deciding=True, suspected_by=_DAYS),
    FileColumn("leave_from", kind="day"),
    FileColumn("leave_to", kind="day"),
    FileColumn("share", kind="number"),
)  # fmt: skip

# Without them coverage cannot be decided; of log-ins and of units one column is enough.
NEEDED_FIELDS = {"login": _LOGIN_FIELDS, "unit": ("unit", *_CODE_FIELDS), "start": ("start",)}

_PEOPLE_PER_PAGE = 2000
_SEPARATORS = re.compile(r"[,;|\s]+")
_MAX_SHARE_PERCENT = 150


class Settings(SourceSettings, FileFormat):
    """Its `[[source]]` table."""

    path: Path
    """A file, a folder, or a pattern such as `/srv/hr/personal_*.csv`."""
    expected_every: Duration | None = timedelta(days=35)
    grace_pulls: Annotated[int, Field(ge=0)] = 1
    counts: tuple[str, ...] = ("staff",)
    person_is: PersonIdColumn | None = None
    """The column that identifies a person; None: the first that the file has of number, civic number and log-in. Set it
    where a person has a number per employment."""
    read_civic_number: bool = False
    """Make a token of the civic number too, for `[identity] match_on_civic_number`."""
    domain: str = ""
    """The Windows domain of log-ins that are written without one."""
    mail_domains: tuple[str, ...] = ()
    """If any: addresses of other domains are private mail and are not kept."""
    departments: tuple[str, ...] = ()
    """Patterns over codes and names of units; none: all rows are kept."""
    employment_forms: dict[str, EmploymentForm] = Field(default_factory=dict)
    """Words of this file beside the shipped ones: `{ "Månadslön vik" = "fixed" }`."""


class EmploymentRow(msgspec.Struct, frozen=True):
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


class StaffRow(msgspec.Struct, frozen=True):
    """What is kept of one row. *civic*: a token. *mark*: the word that marks the person as protected. *unreadable*: the facts of its employment that could not be read."""

    person: str
    numbers: tuple[str, ...] = ()
    civic: str | None = None
    logins: tuple[str, ...] = ()
    name: str | None = None
    mark: str | None = None
    employment: EmploymentRow | None = None
    unreadable: tuple[UnreadableFact, ...] = ()


class StaffFilePerson(msgspec.Struct, frozen=True):
    """One person of the file with all that the rows say."""

    person: str
    numbers: tuple[str, ...] = ()
    civics: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    name: str | None = None
    mark: str | None = None
    employments: tuple[EmploymentRow, ...] = ()
    unreadable: tuple[UnreadableFact, ...] = ()


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Every person in the newest edition of the file, with all their rows; none before the last row is read.

    Raises SourceRefused when *path* matches several lists, or *departments* none of the rows.
    """
    files = list(connect.files(settings.path, COLUMNS, form=settings))
    if len(files) > 1:
        raise SourceRefused(
            f"{settings.name}: path matches {len(files)} lists ({', '.join(file.name for file in files)}), and which is "
            "complete cannot be decided. Narrow the pattern so that only editions of one list match"
        )
    for file in files:
        yield from _pages(file, settings, connect)


def _pages(file: SourceFile, settings: Settings, connect: Connect) -> Iterator[Page]:
    lines: list[StaffRow] = []
    rejected: list[RejectedRecord] = []
    for page in file.pages(_row_parser(file, settings, connect), misfit=_misfit_reader(settings, connect)):
        lines += page.raws
        rejected += page.rejected
    people = _group_by_person(lines)
    if lines and settings.departments and not any(person.employments for person in people):
        raise SourceRefused(
            f"{settings.name}: no row of {file.name} is of a unit that departments names. Correct departments in the "
            "[[source]] table"
        )
    starts = range(0, len(people), _PEOPLE_PER_PAGE) or range(1)
    for start in starts:
        yield Page(
            people[start : start + _PEOPLE_PER_PAGE],
            as_of=file.as_of,
            fingerprint=file.fingerprint,
            rejected=() if start else tuple(rejected),
            drift=() if start else (*missing_columns(file, NEEDED_FIELDS), *file.left_out),
            file=file.name,
            unused_headers=() if start else file.unused_headers,
        )


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Whether the file can be read to its end, for which day it speaks, and which columns it lacks."""
    files = connect.files(settings.path, COLUMNS, form=settings)
    yield from probe_files(
        PARTS[0],
        files,
        lambda file: sum(len(page.raws) for page in _pages(file, settings, connect)),
        noun="people",
        groups=NEEDED_FIELDS,
    )


def _row_parser(file: SourceFile, settings: Settings, connect: Connect) -> Callable[[FileRow], StaffRow]:
    unnamed = tuple(file.suspected_fields)

    def read(row: FileRow) -> StaffRow:
        mark = row.text("protected")
        protected = is_protected(mark)
        numbers = _texts(row, ("person_number",))
        logins = _logins(row, settings)
        id_column = _person_id_column(row, settings)
        needs_civic_number = id_column == "civic_number" or settings.read_civic_number or protected
        civic = _civic_token(row, connect) if needs_civic_number else None
        ids = {"person_number": numbers[:1], "civic_number": (civic,) if civic else (), "login": logins[:1]}
        # A protected person is recognised by any id that the row has.
        person = ids[id_column] or (next(filter(None, ids.values()), ()) if protected else ())
        if not person:
            raise RecordError(f"{id_column.replace('_', ' ')} is empty")
        employment, unreadable = _employment(row, settings, unnamed)
        return StaffRow(
            person[0].casefold(),
            numbers,
            civic,
            logins,
            _name(row, settings),
            mark if protected else None,
            employment,
            unreadable,
        )

    return read


def _misfit_reader(settings: Settings, connect: Connect) -> Callable[[MisfitRow], tuple[str | None, StaffRow | None]]:
    """What is made of a row whose fields are not those of the header: its mark counts, on every key that it may have."""

    def read(row: MisfitRow) -> tuple[str | None, StaffRow | None]:
        person = row.certain("person_number") or row.certain("login") or row.certain("email")
        source_id = person.casefold() if person else None
        mark = next((text for text in row.candidates("protected") if _may_be_a_mark(text)), None)
        if mark is None:
            return source_id, None
        numbers = tuple(text for text in row.candidates("person_number") if text.isalnum() and not text.isalpha())
        words = (word for text in row.texts for word in _SEPARATORS.split(text))
        logins = tuple(dict.fromkeys(word for word in words if ("@" in word or "\\" in word)))
        civic_numbers = (civic_number(text, connect.today) for text in row.texts)
        civics = tuple(
            connect.token(number.text) for number in civic_numbers if number is not None and number.kind != "other"
        )
        ids = (*((source_id,) if source_id else ()), *numbers, *logins, *civics)
        if not ids:
            return source_id, None
        own = tuple(login for login in logins if _is_own_domain(login, settings.mail_domains))
        return source_id, StaffRow(ids[0].casefold(), numbers, next(iter(civics), None), own, mark=mark)

    return read


def _may_be_a_mark(text: str) -> bool:
    """Whether a cell that was moved may be a mark. What is plainly a date, a number, a code or a log-in is not it."""
    is_other = "@" in text or "\\" in text or sum(letter.isdigit() for letter in text) > 1
    return not is_other and is_protected(text)


def _person_id_column(row: FileRow, settings: Settings) -> PersonIdColumn:
    """The column that identifies a person in this file."""
    if settings.person_is is not None:
        return settings.person_is
    return next((column for column in _PERSON_ID_COLUMNS[:2] if row.has(column)), "login")


def _civic_token(row: FileRow, connect: Connect) -> str | None:
    number = civic_number(row.text("civic_number"), connect.today)
    return None if number is None else connect.token(number.text)


def _texts(row: FileRow, fields: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for field in fields if (text := row.text(field)) is not None)


def _logins(row: FileRow, settings: Settings) -> tuple[str, ...]:
    words = (word for text in _texts(row, _LOGIN_FIELDS) for word in _SEPARATORS.split(text) if word)
    return tuple(dict.fromkeys(word for word in words if _is_own_domain(word, settings.mail_domains)))


def _is_own_domain(login: str, mail_domains: Sequence[str]) -> bool:
    return not mail_domains or "@" not in login or is_in_domains(login, mail_domains)


def _name(row: FileRow, settings: Settings) -> str | None:
    if not settings.store_names:
        return None
    return row.text("name") or " ".join(_texts(row, ("given_name", "family_name"))) or None


def _employment(
    row: FileRow, settings: Settings, unnamed: Sequence[str]
) -> tuple[EmploymentRow | None, tuple[UnreadableFact, ...]]:
    """The employment, unless its unit is left out, and what of it cannot be read.

    *unnamed*: fields that may stand under a header that nobody named.
    """
    codes, unit_name = _texts(row, _CODE_FIELDS), row.text("unit")
    if settings.departments and not _matches_department(settings.departments, (*codes, unit_name or "")):
        return None, ()
    facts = RowFacts(row)
    employment = EmploymentRow(
        codes=codes,
        unit_name=unit_name,
        form=_reportable_employment_form(row, settings),
        start=facts.day("start", "start"),
        end=facts.day("end", "end"),
        leave_from=facts.day("leave_from", "leave_from"),
        leave_to=facts.day("leave_to", "leave_to"),
        share=facts.fact("share", "share", lambda: _share(row)),
    )
    unreadable = tuple(sorted({*unnamed, *(fact.field for fact in facts.unreadable)}))
    return msgspec.structs.replace(employment, unreadable=unreadable), facts.unreadable


# A monthly wage says nothing of how long somebody is employed: the dates decide.
_MONTHLY = frozenset({"", "månad", "månadslön", "månadsavlönad", "mån", "m"})


def _reportable_employment_form(row: FileRow, settings: Settings) -> str | None:
    """The form of employment; None where the file does not say it.

    What is no word of such files is a note, and may name somebody: it is not kept.
    """
    word = row.text("employment_form") or ""
    if not row.has("employment_form"):
        word = row.text("pay_form") or ""
        if word.casefold() in _MONTHLY:
            return None
    is_known = not word or parse_employment_form(word, settings.employment_forms) is not EmploymentForm.UNKNOWN
    return word if is_known else reportable_word(word, settings.employment_forms)


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


def _group_by_person(lines: Sequence[StaffRow]) -> list[StaffFilePerson]:
    """One person for all rows of theirs, in the order of the file.

    A person whose rows are all left out is not kept, unless a row is marked protected: they may hold a device of ours.
    """
    rows: dict[str, list[StaffRow]] = {}
    for line in lines:
        rows.setdefault(line.person, []).append(line)
    people = [_employee(person, person_rows) for person, person_rows in rows.items()]
    return [person for person in people if person.employments or person.mark is not None]


def _employee(person: str, lines: Sequence[StaffRow]) -> StaffFilePerson:
    return StaffFilePerson(
        person=person,
        numbers=tuple(dict.fromkeys(number for line in lines for number in line.numbers)),
        civics=tuple(dict.fromkeys(line.civic for line in lines if line.civic)),
        logins=tuple(dict.fromkeys(login for line in lines for login in line.logins)),
        name=next((line.name for line in lines if line.name), None),
        mark=next((line.mark for line in lines if line.mark is not None), None),
        employments=tuple(dict.fromkeys(line.employment for line in lines if line.employment is not None)),
        unreadable=tuple(fact for line in lines for fact in line.unreadable),
    )


# -------------------------------------------------------------------------------------------------------- what it means


def normalise(part: str, settings: Settings, raw: StaffFilePerson) -> tuple[NormalisedItem, ...]:
    """A person and their employments, each with an id made of person, workplace and first day."""
    keys = [login_key(login, settings.domain) for login in raw.logins]
    person = PersonRecord(
        source_id=raw.person,
        keys=(
            *(Key(Scheme.NUMBER, settings.number_namespace, number) for number in raw.numbers),
            *(Key(Scheme.CIVIC, "", token) for token in raw.civics),
            *(key for key in keys if key is not None),
        ),
        name=raw.name,
        protected=raw.mark is not None,
    )
    marks = () if raw.mark is None else (MarkWord("protected", raw.mark),)
    unknown = [UnknownValue("login", "account name without a domain") for key in keys if key is None]
    facts = (fact for fact in raw.unreadable if fact.field != "start")
    return (person, *marks, *_memberships(raw, settings, unknown), *unknown, *facts)


def _memberships(
    raw: StaffFilePerson, settings: Settings, unknown: list[UnknownValue]
) -> Iterator[MembershipRecord | UncertainRecord | UnreadableFact]:
    numbered = IdNumbering()
    starts = [fact for fact in raw.unreadable if fact.field == "start"]
    # Sorted by content, because the order of the rows in the file may change from one edition to the next.
    for employment in sorted(raw.employments, key=msgspec.json.encode):
        workplace = next(iter(employment.codes), employment.unit_name or "")
        start = None if "start" in employment.unreadable else str(employment.start or "")
        made = make_id(raw.person, workplace.casefold(), start)
        record = MembershipRecord(
            source_id=numbered(made.source_id),
            person=raw.person,
            membership=MembershipType.EMPLOYMENT,
            codes=employment.codes,
            unit_name=employment.unit_name,
            employment_form=_parse_form(employment.form, settings, unknown),
            share=employment.share,
            start=employment.start,
            end=employment.end,
            leave_from=employment.leave_from,
            leave_to=employment.leave_to,
            protected=raw.mark is not None,
            unreadable=employment.unreadable,
        )
        if made.prefix:
            fact, starts = starts[:1], starts[1:]
            yield UncertainRecord(record, made.prefix, tuple(fact))
        else:
            yield record
    yield from starts  # of rows that are equal to another one


def _parse_form(word: str | None, settings: Settings, unknown: list[UnknownValue]) -> EmploymentForm | None:
    if word is None:
        return None
    form = parse_employment_form(word, settings.employment_forms)
    if word and form is EmploymentForm.UNKNOWN:
        unknown.append(UnknownValue("employment_form", word))
    return form
