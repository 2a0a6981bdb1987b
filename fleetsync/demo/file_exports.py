"""The files that the systems of Exempelby export, written as such systems write them.

Each edition is whole and is written once; a `.done` beside it says that nobody is writing any more. Nothing here knows
what a row will come to mean.
"""

import csv
from collections.abc import Iterator
from datetime import date, datetime
from io import StringIO
from pathlib import Path

import xlsxwriter

from fleetsync.demo.model import EmploymentContract, StaffMember
from fleetsync.demo.names import Namer
from fleetsync.demo.units import UNIT_BY_SLUG
from fleetsync.demo.world import SourceContents

STAFF_HEADER = (
    "Anställningsnummer", "Personnummer", "Efternamn", "Förnamn", "Användarnamn", "Fler inloggningar", "Sekretess",
    "Kostnadsställe", "Enhet", "Befattning", "Anställningsform", "Anst.from", "Anst.tom", "Sysselsättningsgrad",
    "Ledig from", "Ledig tom",
)  # fmt: skip
OTHER_EMPLOYEES, OTHER_UNITS = 1200, ("Äldreboendet Solgläntan", "Gatukontoret", "Ekonomiavdelningen")
WORKSHOP_HEADER = ("Serienummer", "Status", "Senast sedd")
LIST_HEADER = (
    "Serienummer", "Inventarienummer", "Tillverkare", "Modell", "Plattform", "Enhet", "Användare", "Status",
    "Senast sedd", "Inköpsdatum",
)  # fmt: skip
LIST_FIELDS = ("serial", "tag", "maker", "model", "platform", "unit", "user", "status", "seen", "bought")


def deliver(showing: SourceContents, folder: Path) -> tuple[Path, ...]:
    """Write what has been exported by that morning and is not there yet; the new files."""
    written = [write_staff_file(showing, folder / "personal"), write_device_list(showing, folder / "datorer")]
    if showing.world.with_schools:
        written.append(write_workshop_list(showing, folder / "verkstad"))
    return tuple(file for file in written if file is not None)


# ----------------------------------------------------------------------------------------------------------------- staff


def write_staff_file(showing: SourceContents, folder: Path) -> Path | None:
    """The personnel system's report: one row per employment, as an old Windows program writes CSV; None if it is there."""
    file = folder / f"personal_{showing.staff_file_day}.csv"
    if file.exists():
        return None
    text = StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    # Without the date of printing two months in which nobody came or went would be one and the same file.
    writer.writerow((f"Anställda, utskrivet {showing.staff_file_day}",))
    writer.writerow(STAFF_HEADER)
    writer.writerows(_staff_row(who, job) for who, job in showing.employments)
    if showing.is_whole_municipality:
        writer.writerows(_other_employee_rows(showing.world.seed))
    return _write_export(file, text.getvalue().encode("cp1252"))


def _staff_row(who: StaffMember, job: EmploymentContract) -> Iterator[str]:
    place = UNIT_BY_SLUG[job.unit]
    leave = job.leave or (None, None)
    yield from (
        who.number,
        f"{who.civic[:8]}-{who.civic[8:]}",
        who.family,
        who.given,
        who.login,
        ", ".join(who.further_logins),
    )
    yield from (who.mark, place.cost_centre, place.name, who.title, job.form)
    yield from (
        _day_text(job.first),
        _day_text(job.last),
        f"{job.percent},00",
        _day_text(leave[0]),
        _day_text(leave[1]),
    )


def _other_employee_rows(seed: int) -> Iterator[tuple[str, ...]]:
    """Everybody else who works for the municipality, and is none of ours."""
    namer = Namer(f"{seed}/others")
    for number in range(OTHER_EMPLOYEES):
        name, unit = namer.name(), OTHER_UNITS[number % len(OTHER_UNITS)]
        who = (
            f"{900000 + number}",
            namer.civic(1960, 2002),
            name.family,
            name.given,
            f"{name.account}@vard.example",
            "",
        )
        yield (
            *who,
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


# ------------------------------------------------------------------------------------------------------------- computers


def write_device_list(showing: SourceContents, folder: Path) -> Path | None:
    """The partner's list of computers, a workbook; None if it is there."""
    file = folder / f"datorer_{showing.list_day}.xlsx"
    if file.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd"}) as book:
        book.set_properties({"created": datetime(2025, 8, 1)})  # noqa: DTZ001 - a workbook's times have no zone
        sheet = book.add_worksheet("Datorer")
        sheet.write_string(0, 0, f"Datorer per {showing.list_day}")
        sheet.write_row(1, 0, LIST_HEADER)
        for number, row in enumerate(showing.listed_computers, 2):
            for place, field in enumerate(LIST_FIELDS):
                _write_cell(sheet, number, place, row[field])
    _mark_done(file)
    return file


def _write_cell(sheet: xlsxwriter.worksheet.Worksheet, number: int, place: int, value: object) -> None:
    if isinstance(value, date):
        sheet.write_datetime(number, place, datetime(value.year, value.month, value.day))  # noqa: DTZ001
    elif value:
        sheet.write_string(number, place, str(value))


# -------------------------------------------------------------------------------------------------------------- workshop


def write_workshop_list(showing: SourceContents, folder: Path) -> Path | None:
    """What the workshop has or had in hand, as UTF-8 with a mark at its beginning; None if it is there."""
    file = folder / f"verkstad_{showing.workshop_day:%Y%m%d}.csv"
    if file.exists():
        return None
    text = StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow((f"Utskrivet {showing.workshop_day}",))
    writer.writerow(WORKSHOP_HEADER)
    writer.writerows((row["serial"], row["status"], row["seen"] or "") for row in showing.workshop)
    return _write_export(file, text.getvalue().encode("utf-8-sig"))


# ------------------------------------------------------------------------------------------------------------------- all


def _write_export(file: Path, content: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    _mark_done(file)
    return file


def _mark_done(file: Path) -> None:
    file.with_name(f"{file.name}.done").touch()
