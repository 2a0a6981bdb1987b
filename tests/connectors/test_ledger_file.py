"""A ledger's export, trap by trap."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from connectors.ledger_file.lines import split_serials
from fleetsync.core.model import DeviceRecord, DroppedKind, Ownership, Platform
from fleetsync.pull.contract import DroppedRow, RejectedRecord, SourceRefused, UnreadableFact
from tests.connectors.case_runner import CaseRunner, running_case
from tests.connectors.ledger_file_case import CASE

NAME = "inkop_2026-10-31.csv"
HEAD = "Ordernr;Datum;Artikel;Serienummer;Antal;Belopp"


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


class LedgerFolder:
    """A folder with an export of our own."""

    def __init__(self, runner: CaseRunner) -> None:
        self.runner = runner

    def write(self, *rows: str, head: str = HEAD, name: str = NAME) -> None:
        (self.runner.folder / name).write_text("\n".join((head, *rows, "")), encoding="utf-8")

    def read(self, *rows: str, head: str = HEAD, **keys: Any) -> tuple[dict[str, DeviceRecord], Counter[DroppedKind]]:
        """The devices by serial, and the pieces left out by kind."""
        self.write(*rows, head=head)
        items = self.runner.items("purchases", self.runner.settings_with(**keys))
        devices = {item.source_id: item for item in items if isinstance(item, DeviceRecord)}
        return devices, Counter(item.kind for item in items if isinstance(item, DroppedRow))

    def rejected(self, *rows: str, head: str = HEAD) -> list[RejectedRecord]:
        self.write(*rows, head=head)
        return [rejected for page in self.runner.pages("purchases") for rejected in page.rejected]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LedgerFolder]:
    with running_case(replace(CASE, files=()), tmp_path) as here:
        yield LedgerFolder(here)


# --- the recorded export ----------------------------------------------------------------------------------------------


def test_a_purchase_is_read_whole(recorded: CaseRunner) -> None:
    first = recorded.records("purchases")[0]

    assert first == DeviceRecord(
        source_id="DMPEX0001",
        serial="DMPEX0001",
        model="iPad (A16) 128 GB",
        platform=Platform.IPADOS,
        order="4711",
        ownership=Ownership.ORGANISATION,
        purchased_on=date(2026, 6, 10),
        warranty_until=date(2029, 6, 10),
    )


def test_what_is_left_out_of_the_recorded_export_is_counted_and_named(recorded: CaseRunner) -> None:
    items = recorded.items("purchases")

    # Of eight ordered five came with serial numbers; of twelve nobody noted any.
    assert Counter(item.kind for item in items if isinstance(item, DroppedRow)) == {
        DroppedKind.WITHOUT_SERIAL: 3 + 12,
        DroppedKind.CREDITED: 1,
    }
    assert [item for item in items if isinstance(item, UnreadableFact)] == [
        UnreadableFact("warranty_until", "is not a date", f"{NAME} line 6"),
        UnreadableFact("serial", "holds text that is no serial number", f"{NAME} line 8"),
    ]


def test_a_check_says_how_many_devices_the_export_has(recorded: CaseRunner) -> None:
    (finding,) = recorded.findings()

    assert finding.ok
    assert "and has 6 devices" in finding.what


# --- serial numbers in a cell -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "serials", "others"),
    [
        ("DMPX0001", ("DMPX0001",), ()),
        ("dmpx0001,DMPX0002 ; DMPX0003", ("DMPX0001", "DMPX0002", "DMPX0003"), ()),
        ("DMPX0001\nDMPX0002\r\n\r\nDMPX0001", ("DMPX0001", "DMPX0002"), ()),
        ("DMPX0001 DMPX0002", ("DMPX0001", "DMPX0002"), ()),
        ("PF3E X042", ("PF3EX042",), ()),
        ("PF3E X042, PF3E X043", ("PF3EX042", "PF3EX043"), ()),
        ("5CD-1234-AB", ("5CD-1234-AB",), ()),
        ("", (), ()),
        (" , ", (), ()),
        ("se följesedel", (), ("SE FÖLJESEDEL",)),
        ("se bilaga 4711", (), ("SE BILAGA 4711",)),
        ("DMPX0001, saknas", ("DMPX0001",), (" SAKNAS",)),
    ],
)
def test_the_serials_of_a_cell_are_told_from_words(
    cell: str, serials: tuple[str, ...], others: tuple[str, ...]
) -> None:
    assert split_serials(cell) == (serials, others)


def test_a_note_in_place_of_a_serial_is_none_and_what_may_be_one_is_refused_and_keeps_what_is_believed(
    ledger: LedgerFolder,
) -> None:
    devices, left_out = ledger.read("1;2026-09-01;iPad;se följesedel;4;1", "1;2026-09-01;iPad;DMPX0001;1;1")
    assert (list(devices), left_out) == (["DMPX0001"], {DroppedKind.WITHOUT_SERIAL: 3})

    reason = "serial holds text that cannot be told from a serial number"
    assert ledger.rejected("1;2026-09-01;iPad;se bilaga 4711;4;1") == [RejectedRecord(reason, f"{NAME} line 2")]


# --- credits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "credit",
    [
        "-1;3 990,00",
        "1;-3 990,00",
        "1-;3 990,00",
        "(1);3 990,00",
        "1,00;3 990,00-",
        "\u22121;1",
        ";-1.234",
        "1;(1.234)",
    ],
)
def test_a_credit_is_told_by_the_sign_of_quantity_or_amount(ledger: LedgerFolder, credit: str) -> None:
    devices, left_out = ledger.read(
        "1;2026-09-01;iPad;DMPX0001;1;3 990,00",
        "1;2026-09-01;iPad;DMPX0002;1;3 990,00",
        f"1;2026-10-01;iPad;DMPX0001;{credit}",
    )

    assert (list(devices), left_out) == (["DMPX0002"], {DroppedKind.CREDITED: 1})


def test_a_credit_takes_back_the_oldest_purchase_wherever_it_stands(ledger: LedgerFolder) -> None:
    devices, left_out = ledger.read(
        "9;2026-10-01;iPad;DMPX0001;-1;1",
        "3;2026-10-20;iPad;DMPX0001;1;1",
        "1;2026-09-01;iPad;DMPX0001;1;1",
    )

    assert devices["DMPX0001"].order == "3"
    assert not left_out


def test_a_purchase_that_several_cost_centres_pay_is_one_and_so_is_its_credit(ledger: LedgerFolder) -> None:
    paid = ("1;2026-09-01;iPad;DMPX0001;1;1995", "1;2026-09-01;iPad;DMPX0001;1;1995")
    devices, left_out = ledger.read(*paid, "2;2026-09-02;iPad;DMPX0002;1;1")
    assert (len(devices), left_out) == (2, {})

    credited = [row.replace("2026-09-01", "2026-10-01").replace(";1;1995", ";1;-1995") for row in paid]
    devices, left_out = ledger.read(*paid, *credited, "2;2026-09-02;iPad;DMPX0002;1;1")
    assert (list(devices), left_out) == (["DMPX0002"], {DroppedKind.CREDITED: 1})


def test_a_line_of_which_nobody_can_say_whether_it_was_bought_keeps_what_is_believed(ledger: LedgerFolder) -> None:
    reason = "quantity or amount does not say whether it was bought or credited"

    assert ledger.rejected("1;2026-09-01;iPad;DMPX0001;1;#REF!", "1;2026-09-01;iPad;DMPX0002,DMPX0003;några;1") == [
        RejectedRecord(reason, f"{NAME} line 2", "DMPX0001"),
        RejectedRecord(reason, f"{NAME} line 3"),
    ]


def test_a_file_of_nothing_but_credits_is_the_suppliers_side_and_is_refused(ledger: LedgerFolder) -> None:
    rows = ("1;2026-09-01;iPad;DMPX0001;1;-3 990,00", "1;2026-09-01;iPad;DMPX0002;1;-3 990,00")
    with pytest.raises(SourceRefused, match=r"columns = \{ amount = false \}"):
        ledger.read(*rows)

    devices, _ = ledger.read(*rows, columns={"amount": False})
    assert list(devices) == ["DMPX0001", "DMPX0002"]


# --- pieces without a serial number -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "pieces"),
    [
        (["1;;iPad;;30,00;1"], 30),
        (["1;;iPad;;30;1", "1;;iPad;DMPX0001,DMPX0002;2;1"], 28),
        (["1;;iPad;;1;1", "1;;iPad;DMPX0001,DMPX0002;2;1"], 0),
        (["1;;iPad;;30;1", "2;;iPad;DMPX0001,DMPX0002;2;1", "1;;Fodral;DMPX0003;1;1"], 30),
        (["1;;iPad;DMPX0001,DMPX0002;5;1"], 3),
        (["1;;iPad;DMPX0001,DMPX0002;;1"], 0),
        (["1;;iPad;;30;1", "1;;iPad;;-10;-1"], 20),
        (["1;;iPad;;30;1", "1;;iPad;;-40;-1", "2;;iPad;;5;1"], 5),
        ([";;iPad;;30;1", ";;iPad;DMPX0001;1;1", ";;iPad;;4-;1"], 26),
        (["1;;Frakt;;;1"], 1),
        ([";;;;;93 801,00"], 0),
    ],
)
def test_of_an_order_what_has_no_serial_number_is_counted(ledger: LedgerFolder, rows: list[str], pieces: int) -> None:
    _, left_out = ledger.read("99;;iPad;DMPX9999;1;1", *rows)

    assert left_out[DroppedKind.WITHOUT_SERIAL] == pieces


@pytest.mark.parametrize("quantity", ["1.234", "2,5", "20 000"])
def test_a_quantity_that_cannot_be_read_costs_itself_and_is_named(ledger: LedgerFolder, quantity: str) -> None:
    devices, _ = ledger.read(f"1;2026-09-01;iPad;DMPX0001;{quantity};1")
    facts = [item for item in ledger.runner.items("purchases") if isinstance(item, UnreadableFact)]

    assert list(devices) == ["DMPX0001"]
    assert [fact.field for fact in facts] == ["quantity"]


# --- settings and columns ---------------------------------------------------------------------------------------------


def test_lines_of_other_articles_are_left_out_and_counted(ledger: LedgerFolder) -> None:
    devices, left_out = ledger.read(
        "1;;IPAD (A16);DMPX0001;1;1", "1;;Projektor;PRJ00001,PRJ00002;2;1", "1;;Frakt;;;1", articles=["*ipad*"]
    )

    assert (list(devices), left_out) == (["DMPX0001"], {DroppedKind.OTHER_CATEGORY: 3})


def test_a_cost_centre_places_a_device_only_where_each_unit_buys_its_own(ledger: LedgerFolder) -> None:
    head, row = "Serienummer;Antal;Kst", "DMPX0001;1;3110"

    assert ledger.read(row, head=head)[0]["DMPX0001"].location is None
    assert ledger.read(row, head=head, cost_centre_is_unit=True)[0]["DMPX0001"].location == "3110"


def test_a_file_without_quantity_and_amount_is_read_and_says_that_credits_are_not_seen(ledger: LedgerFolder) -> None:
    devices, _ = ledger.read("DMPX0001;iPad", head="Serienummer;Artikel")
    (page,) = ledger.runner.pages("purchases")

    assert list(devices) == ["DMPX0001"]
    assert [unknown.value for unknown in page.drift] == ["quantity"]


def test_a_workbook_is_read_with_its_numbers_and_days(ledger: LedgerFolder) -> None:
    with xlsxwriter.Workbook(ledger.runner.folder / "inkop_2026-10-31.xlsx") as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, HEAD.split(";"))
        sheet.write_row(1, 0, ["4711", "", "iPad", "DMPX0001\nDMPX0002", 2, 7980.5])
        sheet.write_datetime(1, 1, date(2026, 9, 1), day)
        sheet.write_row(2, 0, ["4711", "2026-10-01", "iPad", "DMPX0002", 1, -3990.25])

    (device,) = ledger.runner.records("purchases")

    assert isinstance(device, DeviceRecord)
    assert (device.serial, device.purchased_on) == ("DMPX0001", date(2026, 9, 1))


def test_several_lists_are_refused(ledger: LedgerFolder) -> None:
    ledger.write("1;;iPad;DMPX0001;1;1", name="inkop-skola_2026-10-31.csv")
    ledger.write("1;;iPad;DMPX0002;1;1", name="inkop-ikt_2026-10-31.csv")

    with pytest.raises(SourceRefused, match="path matches 2 lists"):
        ledger.runner.pages("purchases")


def test_a_line_with_a_separator_too_many_is_named_with_its_id_where_that_is_certain(ledger: LedgerFolder) -> None:
    (single, several) = ledger.rejected("DMPX0001;1;2;3", "DMPX0002,DMPX0003;1;2;3", head="Serienummer;Antal")

    assert (single.source_id, several.source_id) == ("DMPX0001", None)
