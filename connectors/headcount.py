"""Head counts from a file: how many children, pupils or employees a unit has, where no register of persons is read.

Endpoint: the files of `path`, of which the newest edition counts. Permission: to read the folder, nothing else.
Documentation: none, since everyone writes such a list by hand (read 2026-11-30). So headers are recognised by Swedish words;
`columns = { field = "header" }` names the others, and `columns = { field = false }` says that the file has none.

Quirks:
* One row per unit and school form; per year or class too, where somebody counts by them.
* A list that is kept over time has a day in each row, and old rows beside new ones.

Refuses to keep anything about a person: it reads numbers, and the function that answers for them.

```toml
[[source]]
kind = "headcount"
name = "antal"
path = "/srv/antal/antal_*.csv"        # one list of all units that are counted; its newest edition counts
counts = ["children"]                  # of children, pupils, staff; default: all three
# counts_at = ["ekbackens-forskola"]   # where a register counts the persons of the other units
# without = ["pupils", "staff"]        # parts that the file has no rows of
# columns = { heads = "Inskrivna", counted_by = false }
```

Numbers that nobody keeps in a list are typed, on the page of a unit or by `fleetsync headcount`. They are kept in the file
of a source of their own, whose table has `typed = true` and as `path` one file, such as `/var/lib/fleetsync/antal.csv`, in a
folder that fleetsync may write to. The file is made with the first number; until then the source says that there is none.

* **Kept**: unit, school form, year, the number, the day of the count, and the function that answers for it.
* **Never decoded**: every other column: names, addresses, numbers of persons, remarks.
* **Quirks that decide something**
  * Whom a row counts is in a column such as *avser* (barn, elever, anställda); without it the school form says so: FS
    counts children, any other form pupils. A row with neither is refused.
  * Rows of the same unit, form and year of one day are added up, since somebody may count by class. Of several days the
    newest counts; a row without a day is older than all that have one.
  * Employees are those who are entitled to a device, however they are employed: the list has no form of employment.
  * A number that is blank, not whole or below zero is refused with its line, and with it all that is counted together with
    it: what was believed of that unit, form and year stays. A blank is not 0, and a sum without it is no sum.
  * Without a year, all years of a form are counted together; that decides where one rule owes all of them.
  * Who answers for a number is written as a function ("rektor Vretaskolan"). What holds an address is not kept.
  * Nothing says which of the heads has which device: the unit's devices in somebody's use cover them together.
* **Not tried here**: a list of a live municipality.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import Field, model_validator

from fleetsync.core.model import HeadcountRecord, MembershipType, PartRole, RecordType
from fleetsync.pull.contract import (
    Connect,
    Duration,
    FileRow,
    NormalisedItem,
    Page,
    Part,
    ProbeResult,
    RecordError,
    RejectedRecord,
    SourceFile,
    SourceSettings,
    UnreadableFact,
)
from fleetsync.pull.decoding import fold_text, missing_columns, parse_school_form, parse_year, probe_files
from fleetsync.pull.files import FileColumn, FileFormat, MisfitRow, RowFacts, pages_of_records, single_list

# One of them may well have no rows: a list may be of förskolor alone.
PARTS = tuple(
    Part(name, (RecordType.HEADCOUNT,), role=PartRole.ROSTER, may_be_empty=True)
    for name in ("children", "pupils", "staff")
)
COLUMNS = (
    FileColumn("unit", deciding=True),
    FileColumn("unit_code", kind="id", deciding=True),
    FileColumn("cost_centre", kind="id"),
    FileColumn("whom", ("avser", "kategori", "vilka", "grupp", "slag", "typ")),
    FileColumn("school_form", deciding=True),
    FileColumn("year", deciding=True),
    FileColumn(
        "heads",
        ("antal", "antal barn", "antal elever", "antal personer", "antal anställda", "count"),
        required=True,
        kind="number",
    ),
    FileColumn("counted_on", ("datum", "mätdatum", "per datum", "avser datum", "räknat", "date"), kind="day"),
    FileColumn("counted_by", ("uppgiftslämnare", "lämnad av", "lämnat av", "ansvarig", "author")),
)
NEEDED_FIELDS = {"unit": ("unit", "unit_code", "cost_centre"), "school form": ("school_form", "whom")}

MAX_HEADS = 100_000  # a number above counts no unit
_PART_OF_TYPE: Mapping[MembershipType, str] = {
    MembershipType.PLACEMENT: "children",
    MembershipType.ENROLMENT: "pupils",
    MembershipType.EMPLOYMENT: "staff",
}
_TYPE_BY_WORD: Mapping[str, MembershipType] = {
    **dict.fromkeys(("barn", "förskolebarn", "children"), MembershipType.PLACEMENT),
    **dict.fromkeys(("elever", "elev", "pupils"), MembershipType.ENROLMENT),
    **dict.fromkeys(("anställda", "personal", "medarbetare", "staff"), MembershipType.EMPLOYMENT),
}
_PRESCHOOL_FORM = "FS"


class Settings(SourceSettings, FileFormat):
    """Its `[[source]]` table."""

    path: Path
    """A file, a folder, or a pattern such as `/srv/antal/antal_*.csv`; its newest edition counts."""
    expected_every: Duration | None = timedelta(days=180)
    grace_pulls: Annotated[int, Field(ge=0)] = 1
    counts: tuple[str, ...] = tuple(part.name for part in PARTS)
    typed: bool = False
    """Its numbers are typed on the page or by command, and kept in the file of `path`."""

    @model_validator(mode="after")
    def _check_typed_file(self) -> "Settings":
        if self.typed and (self.path.suffix != ".csv" or set("*?[") & set(str(self.path))):
            raise ValueError('typed = true needs a path of one file without wildcards, such as "antal.csv"')
        return self


class CountedUnit(msgspec.Struct, frozen=True, gc=False):
    """What is counted together, and how many: a row, or the rows of one day that have the same `place`.

    *heads*: None of a row whose number cannot be read, for the *problem* at *line*.
    """

    membership: MembershipType
    heads: int | None
    unit_code: str | None
    unit: str | None
    school_form: str | None
    year: int | None
    counted_on: date | None
    counted_by: str | None
    unreadable: tuple[UnreadableFact, ...] = ()
    problem: str = ""
    line: str = ""

    @property
    def place(self) -> str:
        """What is counted: whom, where, of which form and year."""
        unit = fold_text(self.unit_code or self.unit or "")
        year = "?" if any(fact.field == "year" for fact in self.unreadable) else self.year
        return f"{self.membership}/{unit}/{self.school_form or ''}/{'' if year is None else year}"


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """The newest count of everything that the newest edition counts for *part*; none before the last row is read.

    Raises SourceRefused when *path* matches several lists.
    """
    file = single_list(list(connect.files(settings.path, COLUMNS, form=settings)), settings.name)
    if file is not None:
        yield from _pages(part, file)


def _pages(part: str, file: SourceFile) -> Iterator[Page]:
    rows: list[CountedUnit] = []
    rejected: list[RejectedRecord] = []
    for page in file.pages(read_row, misfit=_misfit_reader):
        rows += page.raws
        rejected += page.rejected
    of_part = [row for row in rows if _PART_OF_TYPE[row.membership] == part]
    rejected += [RejectedRecord(row.problem, row.line, row.place) for row in of_part if row.heads is None]
    yield from pages_of_records(file, _newest_counts(of_part), rejected, missing_columns(file, NEEDED_FIELDS))


def normalise(part: str, settings: Settings, raw: CountedUnit) -> tuple[NormalisedItem, ...]:
    """The head count, and what of it could not be read."""
    assert raw.heads is not None, "a place with a number that cannot be read is rejected"
    record = HeadcountRecord(
        source_id=raw.place,
        membership=raw.membership,
        heads=raw.heads,
        codes=(raw.unit_code,) if raw.unit_code else (),
        unit_name=raw.unit,
        school_form=raw.school_form,
        year=raw.year,
        counted_on=raw.counted_on,
        counted_by=raw.counted_by,
        unreadable=tuple(sorted({fact.field for fact in raw.unreadable})),
    )
    return (record, *raw.unreadable)


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Whether the file can be read to its end, for which day it speaks, and which columns it lacks."""
    for part in PARTS:
        if part.name not in settings.without:
            files = connect.files(settings.path, COLUMNS, form=settings)
            yield from probe_files(part, files, partial(_heads_of, part.name), noun="heads", groups=NEEDED_FIELDS)


def _heads_of(part: str, file: SourceFile) -> int:
    return sum(raw.heads for page in _pages(part, file) for raw in page.raws)


# --- rows -------------------------------------------------------------------------------------------------------------


def read_row(row: FileRow) -> CountedUnit:
    """What is kept of *row*. Raises RecordError where nobody can say whom it counts, or where."""
    facts = RowFacts(row)
    code, unit = row.text("unit_code") or row.text("cost_centre"), row.text("unit")
    if not (code or unit):
        raise RecordError("unit is empty")
    form = _school_form(row)
    heads, problem = _heads_or_problem(row)
    return CountedUnit(
        membership=_membership(row, form),
        heads=heads,
        unit_code=code,
        unit=unit,
        school_form=form,
        year=facts.fact("year", "year", _year, row),
        counted_on=facts.day("counted_on", "counted_on"),
        counted_by=facts.fact("counted_by", "counted_by", _author, row),
        unreadable=facts.unreadable,
        problem=problem,
        line=row.place,
    )


def _misfit_reader(_: MisfitRow) -> tuple[None, None]:
    """A row whose fields are not those of the header may be of any unit."""
    return None, None


def _school_form(row: FileRow) -> str | None:
    text = row.text("school_form")
    return None if text is None else parse_school_form(text) or text.upper()


def _membership(row: FileRow, form: str | None) -> MembershipType:
    whom = row.text("whom")
    if whom is not None:
        membership = _TYPE_BY_WORD.get(fold_text(whom))
        if membership is None:
            raise RecordError("whom is none of barn, elever and anställda")
        return membership
    if form is None:
        raise RecordError("neither school form nor whom says what is counted")
    return MembershipType.PLACEMENT if form == _PRESCHOOL_FORM else MembershipType.ENROLMENT


def _heads_or_problem(row: FileRow) -> tuple[int | None, str]:
    """How many heads, or why that cannot be read: then the others of its place are not all of them either."""
    try:
        return _heads(row), ""
    except RecordError as error:
        return None, str(error)


def _heads(row: FileRow) -> int:
    heads = row.amount("heads")
    if heads is None:
        raise RecordError("heads is empty")
    if heads % 1 or not 0 <= heads <= MAX_HEADS:
        raise RecordError("heads is no number of persons")
    return int(heads)


def _year(row: FileRow) -> int | None:
    text = row.text("year")
    year = None if text is None else parse_year(text)
    if text is not None and year is None:
        raise RecordError("year is no school year")
    return year


def _author(row: FileRow) -> str | None:
    text = row.text("counted_by")
    if text is not None and "@" in text:
        raise RecordError("counted by holds an address: write the function that answers for the number")
    return text


def _newest_counts(rows: Iterable[CountedUnit]) -> list[CountedUnit]:
    """One count for each place, of its newest day, in the order of the file; none where a number of that day is missing."""
    by_place: dict[str, list[CountedUnit]] = {}
    for row in rows:
        by_place.setdefault(row.place, []).append(row)
    return [count for of_place in by_place.values() if (count := _newest_count(of_place)) is not None]


def _newest_count(rows: Sequence[CountedUnit]) -> CountedUnit | None:
    newest = max(row.counted_on or date.min for row in rows)
    counted = [row for row in rows if (row.counted_on or date.min) == newest]
    heads = [row.heads for row in counted if row.heads is not None]
    if len(heads) < len(counted):
        return None
    authors = dict.fromkeys(row.counted_by for row in counted if row.counted_by)
    return msgspec.structs.replace(
        counted[0],
        heads=sum(heads),
        counted_by=", ".join(authors) or None,
        unreadable=tuple(fact for row in counted for fact in row.unreadable),
    )
