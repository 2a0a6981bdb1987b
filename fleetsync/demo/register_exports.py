"""Writes the school register of Exempelby as files: lists of pupils and children, and a set for School Data Sync.

The files say what the register's server says on the same morning, in the forms that registers and schools export. Each
school has a list of its own in cp1252, with a row for each enrolment and each class; the förskolor share a workbook.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from io import StringIO
from pathlib import Path

import xlsxwriter

from fleetsync.demo.names import CANARY
from fleetsync.demo.register import RegisterContents, organisation_id
from fleetsync.demo.units import DEMO_UNITS, PRESCHOOL_UNITS, SCHOOL_UNITS, DemoUnit
from fleetsync.demo.world import SourceContents

JsonRow = Mapping[str, object]
PUPIL_HEADER = (
    "Elev-ID", "Personnummer", "Efternamn", "Fornamn", "Gatuadress", "Sekretessmarkering", "Skola", "Skolenhetskod",
    "Skolform", "Årskurs", "Klass", "Grupptyp", "Från", "Till", "Elevkonto",
)  # fmt: skip
CHILD_HEADER = (
    "Barn-id", "Personnummer", "Barnets namn", "Förskola", "Avdelning", "Verksamhet", "Status", "Placerad fr.o.m.",
    "Placerad t.o.m.", "Vårdnadshavare", "Sekretess",
)  # fmt: skip
SDS_HEADERS: Mapping[str, Sequence[str]] = {
    "orgs": ("sourcedId", "name", "type", "parentSourcedId"),
    "users": ("sourcedId", "username", "givenName", "familyName", "password", "activeDirectoryMatchId", "email", "phone"),
    "roles": (
        "userSourcedId", "orgSourcedId", "role", "sessionSourcedId", "grade", "isPrimary", "roleStartDate", "roleEndDate",
    ),
    "classes": ("sourcedId", "orgSourcedId", "title"),
    "enrollments": ("classSourcedId", "userSourcedId", "role"),
}  # fmt: skip
_FORMS_BY_CODE = {
    "GR": "Grundskola", "GRAN": "Anpassad grundskola", "GRS": "Grundsärskola", "FKLASS": "Förskoleklass", "FTH": "Fritidshem",
    "FS": "Förskola",
}  # fmt: skip
_FORMS_WITH_CLASSES = ("GR", "GRAN", "GRS", "FKLASS")
_UNITS = {organisation_id(unit.slug): unit for unit in DEMO_UNITS}


# --- lists ------------------------------------------------------------------------------------------------------------


def write_pupil_lists(contents: SourceContents, folder: Path) -> tuple[Path, ...]:
    """Write a list of each school, CSV in cp1252. Returns the files."""
    rows: defaultdict[str, list[Sequence[str]]] = defaultdict(list)
    classes = _classes_by_person(contents.register)
    for person in contents.register.persons:
        for enrolment in _rows(person.get("enrolments")):
            unit = _UNITS.get(_id(enrolment.get("enroledAt")))
            if unit is not None:
                rows[unit.slug] += _pupil_rows(person, enrolment, unit, classes.get(str(person["id"]), ()))
    files = []
    for unit in SCHOOL_UNITS:
        table = ((f"Elevlista {unit.name}",), PUPIL_HEADER, *rows[unit.slug])
        name = f"elever_{unit.slug}_{contents.day}.csv"
        files.append(_write(folder / name, _csv_text(table, ";").encode("cp1252", "replace")))
    return tuple(files)


def _pupil_rows(
    person: JsonRow, enrolment: JsonRow, unit: DemoUnit, classes: Iterable[JsonRow]
) -> Iterator[Sequence[str]]:
    """A row for each class of the pupil at that school, with the days of the enrolment; one without any for no class."""
    form, mark = str(enrolment["schoolType"]), _text(person.get("securityMarking"))
    beginning = (
        str(person["id"]), _civic(person), _text(person.get("familyName")), _text(person.get("givenName")),
        f"{CANARY.title()}gatan 1", "" if mark == "Ingen" else mark, unit.name, unit.code or "", _FORMS_BY_CODE.get(form, form),
        "F" if form == "FKLASS" else _text(enrolment.get("schoolYear")),
    )  # fmt: skip
    ending = (_text(enrolment.get("startDate")), _text(enrolment.get("endDate")), _login(person))
    here = [group for group in classes if _id(group.get("organisation")) == organisation_id(unit.slug)]
    for group in here if form in _FORMS_WITH_CLASSES else ():
        yield (*beginning, _text(group.get("displayName")), _text(group.get("groupType")), *ending)
    if not here or form not in _FORMS_WITH_CLASSES:
        yield (*beginning, "", "", *ending)


def write_placement_list(register: RegisterContents, folder: Path) -> Path | None:
    """Write the list of children with a place in a förskola, a workbook with a hidden sheet and two lines above its header.

    None if it exists already.
    """
    file = folder / f"placeringar_{register.day}.xlsx"
    if file.exists():
        return None
    file.parent.mkdir(parents=True, exist_ok=True)
    persons = {str(person["id"]): person for person in register.persons}
    departments = {str(group["id"]): _text(group.get("displayName")) for group in register.groups}
    with xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd"}) as book:
        book.set_properties({"created": datetime(2025, 8, 1)})  # noqa: DTZ001 - a workbook's times have no zone
        sheet = book.add_worksheet("Placeringar")
        book.add_worksheet("Koder").hide()
        sheet.write_string(0, 0, f"Placerade barn {register.day}")
        sheet.write_row(2, 0, CHILD_HEADER)
        for number, placement in enumerate(register.placements, 3):
            person = persons.get(_id(placement.get("child")), {})
            for column, cell in enumerate(_child_cells(placement, person, departments)):
                _write_cell(sheet, number, column, cell)
    _mark_done(file)
    return file


def _child_cells(placement: JsonRow, person: JsonRow, departments: Mapping[str, str]) -> Iterator[str | date]:
    child = placement.get("child")
    of_reference = _text(child.get("securityMarking")) if isinstance(child, dict) else ""
    mark = of_reference or _text(person.get("securityMarking"))
    unit = _UNITS.get(_id(placement.get("placedAt")))
    form = _text(placement.get("schoolType"))
    yield _id(child)
    yield _civic(person)
    yield f"{_text(person.get('givenName'))} {_text(person.get('familyName'))}"
    yield unit.name if unit is not None else _id(placement.get("placedAt"))
    yield departments.get(_id(placement.get("group")), "")
    yield _FORMS_BY_CODE.get(form, form)
    yield "Placerad"
    yield date.fromisoformat(_text(placement.get("startDate")))
    end = _text(placement.get("endDate"))
    yield date.fromisoformat(end) if end else ""
    yield f"{CANARY.title()} Vårdnadshavare"
    yield "" if mark == "Ingen" else mark


def _write_cell(sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, cell: str | date) -> None:
    if isinstance(cell, date):
        sheet.write_datetime(row, column, datetime(cell.year, cell.month, cell.day))  # noqa: DTZ001
    elif cell:
        sheet.write_string(row, column, cell)


# --- School Data Sync -------------------------------------------------------------------------------------------------


def write_sds_set(contents: SourceContents, folder: Path) -> tuple[Path, ...]:
    """Write the five files of an export for School Data Sync. Of those who are marked as protected it has nothing."""
    register = contents.register
    pupils = [
        person
        for person in register.persons
        if _rows(person.get("enrolments")) and _text(person.get("securityMarking")) == "Ingen"
    ]
    known = {str(person["id"]) for person in pupils}
    tables: Mapping[str, Iterable[Sequence[str]]] = {
        "orgs": _sds_organisations(),
        "users": [_sds_user(person) for person in pupils],
        "roles": [_sds_role(person, row) for person in pupils for row in _school_enrolments(person)],
        "classes": [
            (str(group["id"]), _sds_organisation(group.get("organisation")), _text(group.get("displayName")))
            for group in _classes(register)
        ],
        "enrollments": [
            (str(group["id"]), _id(member.get("person")), "student")
            for group in _classes(register)
            for member in _rows(group.get("groupMemberships"))
            if _id(member.get("person")) in known and _runs(member, contents.day)
        ],
    }
    return tuple(
        _write(folder / f"{name}.csv", _csv_text((SDS_HEADERS[name], *rows), ",").encode("utf-8"))
        for name, rows in tables.items()
    )


def _sds_organisations() -> Iterator[Sequence[str]]:
    yield ("exempelby", "Exempelby kommun", "municipality", "")
    for unit in (*SCHOOL_UNITS, *PRESCHOOL_UNITS):
        yield (unit.code or unit.cost_centre, unit.name, "school", "exempelby")


def _sds_organisation(reference: object) -> str:
    """The skolenhetskod of an organisation; its id where it is none of ours."""
    unit = _UNITS.get(_id(reference))
    return _id(reference) if unit is None else unit.code or unit.cost_centre


def _sds_user(person: JsonRow) -> Sequence[str]:
    login = _login(person)
    given, family = _text(person.get("givenName")), _text(person.get("familyName"))
    return (str(person["id"]), login or str(person["id"]), given, family, f"{CANARY}-1!", login, login, f"070-{CANARY}")


def _school_enrolments(person: JsonRow) -> Iterator[JsonRow]:
    """Enrolments but for fritidshem, which a class list for an online service does not have."""
    return (row for row in _rows(person.get("enrolments")) if row["schoolType"] != "FTH")


def _sds_role(person: JsonRow, enrolment: JsonRow) -> Sequence[str]:
    form, year = str(enrolment["schoolType"]), _text(enrolment.get("schoolYear"))
    grade = "KG" if form == "FKLASS" else f"{year:0>2}" if form in ("GR", "GRAN", "GRS") and year else ""
    days = (_text(enrolment.get("startDate")), _text(enrolment.get("endDate")))
    return (str(person["id"]), _sds_organisation(enrolment.get("enroledAt")), "student", "", grade, "TRUE", *days)


def _runs(row: JsonRow, day: date) -> bool:
    """Whether a membership runs on *day*: the format has no days of its own for classes."""
    return _text(row.get("startDate")) <= day.isoformat() <= (_text(row.get("endDate")) or "9999")


# --- rows of the register ---------------------------------------------------------------------------------------------


def _classes_by_person(register: RegisterContents) -> Mapping[str, Sequence[JsonRow]]:
    """Person id → the classes that they are in now."""
    classes: defaultdict[str, list[JsonRow]] = defaultdict(list)
    for group in _classes(register):
        for member in _rows(group.get("groupMemberships")):
            if _runs(member, register.day):
                classes[_id(member.get("person"))].append(group)
    return classes


def _classes(register: RegisterContents) -> Iterator[JsonRow]:
    return (group for group in register.groups if group.get("groupType") == "Klass")


def _rows(value: object) -> Sequence[JsonRow]:
    return value if isinstance(value, list) else ()


def _id(reference: object) -> str:
    return str(reference["id"]) if isinstance(reference, dict) else ""


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _login(person: JsonRow) -> str:
    names = person.get("eduPersonPrincipalNames")
    return str(names[0]) if isinstance(names, list) and names else ""


def _civic(person: JsonRow) -> str:
    civic = person.get("civicNo")
    number = _text(civic.get("value")) if isinstance(civic, dict) else ""
    return f"{number[:8]}-{number[8:]}" if number else ""


# --- all --------------------------------------------------------------------------------------------------------------


def _csv_text(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    text = StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _write(file: Path, content: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    _mark_done(file)
    return file


def _mark_done(file: Path) -> None:
    file.with_name(f"{file.name}.done").touch()
