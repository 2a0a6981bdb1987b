"""Writes the files that Exempelby's systems export, in the formats of real systems.

Each edition is complete and written once. A `.done` file beside it marks that writing has finished.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from io import StringIO
from pathlib import Path

import xlsxwriter

from fleetsync.demo.editions import BLANK_HEADCOUNT_ON, HALF_LEDGER_ON
from fleetsync.demo.model import EmploymentContract, StaffMember
from fleetsync.demo.names import CANARY, Namer
from fleetsync.demo.register_exports import write_placement_list
from fleetsync.demo.units import UNIT_BY_SLUG, unit_name
from fleetsync.demo.world import SourceContents

STAFF_HEADER = (
    "Anställningsnummer", "Personnummer", "Efternamn", "Förnamn", "Användarnamn", "Fler inloggningar", "Sekretess",
    "Kostnadsställe", "Enhet", "Befattning", "Anställningsform", "Anst.from", "Anst.tom", "Sysselsättningsgrad",
    "Ledig from", "Ledig tom",
)  # fmt: skip
OTHER_EMPLOYEES, OTHER_UNITS = 1200, ("Äldreboendet Solgläntan", "Gatukontoret", "Ekonomiavdelningen")
LEDGER_HEADER = (
    "Ordernr", "Fakturadatum", "Kostnadsställe", "Artikel", "Serienummer", "Antal", "Belopp", "Beställare",
)  # fmt: skip
HEADCOUNT_HEADER = ("Enhet", "Avdelning", "Skolform", "Antal barn", "Datum", "Lämnat av")
WORKSHOP_HEADER = ("Serienummer", "Status", "Senast sedd")
LIST_HEADER = (
    "Serienummer", "Inventarienummer", "Tillverkare", "Modell", "Plattform", "Enhet", "Användare", "Status",
    "Senast sedd", "Inköpsdatum",
)  # fmt: skip
LIST_FIELDS = ("serial", "tag", "maker", "model", "platform", "unit", "user", "status", "seen", "bought")


def deliver(contents: SourceContents, folder: Path) -> tuple[Path, ...]:
    """Write the newest edition of each file unless it exists. Returns the new files."""
    written = [write_staff_file(contents, folder / "personal"), write_device_list(contents, folder / "datorer")]
    if contents.world.with_schools:
        written.append(write_workshop_list(contents, folder / "verkstad"))
        written.append(write_ledger(contents, folder / "ekonomi"))
        written.append(write_placement_list(contents.listed_children, folder / "barn"))
        written.append(write_headcounts(contents, folder / "antal"))
    return tuple(file for file in written if file is not None)


# --- staff ------------------------------------------------------------------------------------------------------------


def write_staff_file(contents: SourceContents, folder: Path) -> Path | None:
    """Write the personnel system's report: one row per employment, CSV in cp1252. None if it exists already."""
    file = folder / f"personal_{contents.staff_file_day}.csv"
    if file.exists():
        return None
    text = StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    # Without the date, two months without changes would give identical files.
    writer.writerow((f"Anställda, utskrivet {contents.staff_file_day}",))
    writer.writerow(STAFF_HEADER)
    writer.writerows(_staff_row(employee, job) for employee, job in contents.employments)
    if contents.is_whole_municipality:
        writer.writerows(_other_employee_rows(contents.world.seed))
    return _write_export(file, text.getvalue().encode("cp1252"))


def _staff_row(employee: StaffMember, job: EmploymentContract) -> Iterator[str]:
    unit = UNIT_BY_SLUG[job.unit]
    leave = job.leave or (None, None)
    yield from (
        employee.number,
        f"{employee.civic[:8]}-{employee.civic[8:]}",
        employee.family,
        employee.given,
        employee.login,
        ", ".join(employee.further_logins),
    )
    yield from (employee.mark, unit.cost_centre, unit.name, employee.title, job.form)
    yield from (
        _day_text(job.first),
        _day_text(job.last),
        f"{job.percent},00",
        _day_text(leave[0]),
        _day_text(leave[1]),
    )


def _other_employee_rows(seed: int) -> Iterator[tuple[str, ...]]:
    """Employees of other departments, who are not in the schools' staff."""
    namer = Namer(f"{seed}/others")
    for number in range(OTHER_EMPLOYEES):
        name, unit = namer.name(), OTHER_UNITS[number % len(OTHER_UNITS)]
        name_cells = (
            f"{900000 + number}",
            namer.civic(1960, 2002),
            name.family,
            name.given,
            f"{name.account}@vard.example",
            "",
        )
        yield (
            *name_cells,
            "",
            f"41{number % len(OTHER_UNITS):03}",
            unit,
            "Undersköterska",
            "Tillsvidare",
            "2019-01-01",
            "",
            "100,00",
            "",
            "",
        )


def _day_text(day: date | None) -> str:
    return "" if day is None else day.isoformat()


# --- computers --------------------------------------------------------------------------------------------------------


def write_device_list(contents: SourceContents, folder: Path) -> Path | None:
    """Write the partner's list of computers, a workbook. None if it exists already."""
    file = folder / f"datorer_{contents.list_day}.xlsx"
    if file.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd"}) as book:
        book.set_properties({"created": datetime(2025, 8, 1)})  # noqa: DTZ001 - a workbook's times have no zone
        sheet = book.add_worksheet("Datorer")
        sheet.write_string(0, 0, f"Datorer per {contents.list_day}")
        sheet.write_row(1, 0, LIST_HEADER)
        for number, row in enumerate(contents.listed_computers, 2):
            for column, field in enumerate(LIST_FIELDS):
                _write_cell(sheet, number, column, row[field])
    _mark_done(file)
    return file


def _write_cell(sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, value: object) -> None:
    if isinstance(value, date):
        sheet.write_datetime(row, column, datetime(value.year, value.month, value.day))  # noqa: DTZ001
    elif value:
        sheet.write_string(row, column, str(value))


# --- workshop ---------------------------------------------------------------------------------------------------------


def write_workshop_list(contents: SourceContents, folder: Path) -> Path | None:
    """Write the workshop's list of repairs, CSV in UTF-8 with a byte order mark. None if it exists already."""
    file = folder / f"verkstad_{contents.workshop_day:%Y%m%d}.csv"
    if file.exists():
        return None
    text = StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow((f"Utskrivet {contents.workshop_day}",))
    writer.writerow(WORKSHOP_HEADER)
    writer.writerows((row["serial"], row["status"], row["seen"] or "") for row in contents.workshop)
    return _write_export(file, text.getvalue().encode("utf-8-sig"))


# --- ledger -----------------------------------------------------------------------------------------------------------


def write_ledger(contents: SourceContents, folder: Path) -> Path | None:
    """Write the ledger's purchases of tablets, CSV in cp1252: a line per unit and order. None if it exists already."""
    file = folder / f"inkop_{contents.ledger_day:%Y-%m}.csv"
    if file.exists():
        return None
    serials = defaultdict[tuple[object, ...], list[str]](list)
    for row in contents.purchases:
        serials[row["day"], row["unit"], row["article"]].append(str(row["serial"]))
    text = StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(LEDGER_HEADER)
    for (day, unit, article), numbers in serials.items():
        centre = UNIT_BY_SLUG[str(unit)].cost_centre
        order = f"{str(day).replace('-', '')}-{centre}"
        writer.writerow((order, day, centre, article, ", ".join(numbers), len(numbers), len(numbers) * 3990, CANARY))
    # Bought anew each month: cases, which have no numbers.
    writer.writerow((f"{contents.ledger_day:%Y%m}-7", contents.ledger_day, "", "Fodral", "", 40, 40 * 129, CANARY))
    lines = text.getvalue().splitlines(keepends=True)
    kept = lines[: len(lines) // 2] if contents.ledger_day == HALF_LEDGER_ON else lines
    return _write_export(file, "".join(kept).encode("cp1252"))


# --- head counts ------------------------------------------------------------------------------------------------------


def write_headcounts(contents: SourceContents, folder: Path) -> Path | None:
    """Write how many children each department of a preschool has, CSV in UTF-8. None if it exists already."""
    file = folder / f"antal_{contents.headcount_day}.csv"
    if file.exists():
        return None
    text = StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADCOUNT_HEADER)
    for place, row in enumerate(contents.headcounts):
        name = unit_name(str(row["unit"]))
        heads = "" if contents.headcount_day == BLANK_HEADCOUNT_ON and place else row["heads"]
        writer.writerow((name, row["department"], "Förskola", heads, row["day"], f"Rektor {name}"))
    return _write_export(file, text.getvalue().encode("utf-8-sig"))


# --- all --------------------------------------------------------------------------------------------------------------


def _write_export(file: Path, content: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    _mark_done(file)
    return file


def _mark_done(file: Path) -> None:
    file.with_name(f"{file.name}.done").touch()
