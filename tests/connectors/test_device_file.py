"""Device lists, trap by trap."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from fleetsync.core.model import Compliance, Condition, DeviceRecord, Key, Ownership, Platform, Purpose, Scheme
from fleetsync.pull.contract import RejectedRecord, SourceRefused, SourceUnavailable, UnknownValue
from fleetsync.pull.decoding import WITHHELD_TEXT
from tests.connectors.case_runner import CaseRunner, running_case
from tests.connectors.device_file_case import CASE, TEXT, WORKBOOK

NAME = "lista_2026-11-15.csv"


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


class ListFolder:
    """A folder with a list of our own; each row is of one device and begins with its serial."""

    def __init__(self, runner: CaseRunner) -> None:
        self.runner = runner

    def write(self, head: str, *rows: str, name: str = NAME) -> None:
        (self.runner.folder / name).write_text("\n".join((head, *rows, "")), encoding="utf-8")

    def noted(self, head: str, row: str, **keys: Any) -> list[Any]:
        self.write(f"Serienr;{head}", f"PF3EX101;{row}")
        return self.runner.noted("devices", self.runner.settings_with(**keys))

    def device(self, head: str, row: str, **keys: Any) -> DeviceRecord:
        result = self.noted(head, row, **keys)[0]
        assert isinstance(result, DeviceRecord)
        return result

    def drift(self, head: str, row: str, **keys: Any) -> list[UnknownValue]:
        return self.noted(head, row, **keys)[1:]


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[ListFolder]:
    with running_case(replace(CASE, files=()), tmp_path) as here:
        yield ListFolder(here)


# ------------------------------------------------------------------------------------------------------ the recorded lists


def test_a_device_is_read_whole(recorded: CaseRunner) -> None:
    result = next(
        record for record in recorded.records("devices") if record.source_id == "datorer-vretaskolan/PF3EX101"
    )

    assert result == DeviceRecord(
        source_id="datorer-vretaskolan/PF3EX101",
        serial="PF3EX101",
        name="SKOLA-0101",
        manufacturer="Lenovo",
        model="ThinkPad L13",
        platform=Platform.WINDOWS,
        keys=(Key(Scheme.NUMBER, "listor", "1001"), Key(Scheme.ADDRESS, "", "anna.e@exempelby.se")),
        status="I drift",
        asset_tag="EXB-101",
        last_contact_at=datetime(2026, 11, 12, 11, 0, tzinfo=UTC),
        purpose=Purpose.PERSONAL,
        unit="Vretaskolan",
        purchased_on=date(2024, 6, 1),
        warranty_until=date(2027, 6, 1),
    )


def test_each_list_is_whole_for_itself_and_speaks_for_its_day(recorded: CaseRunner) -> None:
    pages = recorded.pages("devices")

    assert [(page.scope, page.as_of, len(page.raws)) for page in pages] == [
        ("plattor-asen", date(2026, 10, 31), 3),
        ("datorer-vretaskolan", date(2026, 11, 15), 9),
    ]
    assert [[rejected.reason for rejected in page.rejected] for page in pages] == [
        [],
        ["serial and asset tag are empty"],
    ]


def test_a_list_that_did_not_change_is_skipped_alone(recorded: CaseRunner) -> None:
    first, _ = recorded.pages("devices")
    (other,) = recorded.pages("devices", known={first.scope: first.fingerprint})

    assert other.scope == "datorer-vretaskolan"


def test_a_new_edition_is_the_same_list(recorded: CaseRunner) -> None:
    shutil.copy(recorded.folder / TEXT, recorded.folder / "plattor-asen_2026-11-20.csv")
    pages = {page.scope: page.as_of for page in recorded.pages("devices")}

    assert pages == {"plattor-asen": date(2026, 11, 20), "datorer-vretaskolan": date(2026, 11, 15)}


def test_one_serial_on_two_lists_is_two_records(recorded: CaseRunner) -> None:
    result = [record.source_id for record in recorded.records("devices") if record.source_id.endswith("PF3EX101")]

    assert result == ["plattor-asen/PF3EX101", "datorer-vretaskolan/PF3EX101"]


def test_a_torn_upload_is_no_short_list(recorded: CaseRunner) -> None:
    file = recorded.folder / WORKBOOK
    file.write_bytes(file.read_bytes()[:-200])

    whole, torn = recorded.pages("devices")

    assert (whole.scope, whole.is_whole, len(whole.raws)) == ("plattor-asen", True, 3)
    assert (torn.scope, torn.is_whole, torn.raws, torn.fingerprint) == ("datorer-vretaskolan", False, [], None)
    assert torn.rejected == (RejectedRecord("its end is missing. Is it still being written?", WORKBOOK),)
    (recorded.folder / TEXT).unlink()
    with pytest.raises(SourceUnavailable, match="still being written"):
        recorded.pages("devices")


def test_a_probe_tells_of_each_list(recorded: CaseRunner) -> None:
    assert [finding.what.partition("; taken: ")[0] for finding in recorded.findings()] == [
        f"{TEXT} speaks for 2026-10-31 and has 3 devices",
        f"{WORKBOOK} speaks for 2026-11-15 and has 9 devices; skipped 1 line above the headers in line 3",
    ]


# ------------------------------------------------------------------------------------------------------------------- ids


def test_a_serial_is_one_row_in_any_spelling_of_case_and_spaces(lists: ListFolder) -> None:
    lists.write("Serienr;Modell", " pf3 ex101 ;A")

    assert [record.source_id for record in lists.runner.records("devices")] == ["lista/PF3EX101"]


def test_rows_that_share_a_serial_keep_ids_of_their_own(lists: ListFolder) -> None:
    lists.write("Serienr;Modell", "Default string;A", "Default string;A", "PF3EX101;B")

    assert [record.source_id for record in lists.runner.records("devices")] == [
        "lista/DEFAULTSTRING",
        "lista/DEFAULTSTRING/2",
        "lista/PF3EX101",
    ]


def test_a_device_without_a_serial_is_known_by_its_tag(lists: ListFolder) -> None:
    lists.write("Serienr;Inv.nr", ";EXB-7")
    (result,) = lists.runner.records("devices")

    assert isinstance(result, DeviceRecord)
    assert (result.source_id, result.serial, result.asset_tag) == ("lista/EXB-7", None, "EXB-7")


# ---------------------------------------------------------------------------------------------------------------- contact


def test_a_day_last_seen_is_a_contact_at_noon_here(lists: ListFolder) -> None:
    result = lists.device("Status;Senast sedd", "I drift;2026-06-12")

    assert result.last_contact_at == datetime(2026, 6, 12, 10, 0, tzinfo=UTC)  # noon in summer


@pytest.mark.parametrize("head", ["Status;Modell", "Status;Senast sedd"])
def test_being_listed_is_no_contact_since_an_mdm_may_know_better(lists: ListFolder, head: str) -> None:
    assert lists.device(head, "I drift;").last_contact_at is None


def test_a_list_without_status_lists_what_is_in_use(lists: ListFolder) -> None:
    assert lists.device("Modell", "A").condition is Condition.ACTIVE
    assert lists.device("Status;Modell", ";A").condition is Condition.ACTIVE


# ----------------------------------------------------------------------------------------------------------------- status


@pytest.mark.parametrize(
    ("status", "condition", "purpose"),
    [
        ("I bruk", Condition.ACTIVE, Purpose.PERSONAL),
        ("Kasserad", Condition.RETIRED, Purpose.PERSONAL),
        ("såld", Condition.RETIRED, Purpose.PERSONAL),
        ("Avyttrad", Condition.RETIRED, Purpose.PERSONAL),
        ("FÖRLORAD", Condition.LOST, Purpose.PERSONAL),
        ("stulen", Condition.LOST, Purpose.PERSONAL),
        ("Reparation", Condition.IN_REPAIR, Purpose.PERSONAL),
        ("Lager", Condition.ACTIVE, Purpose.STOCK),
        ("Lån", Condition.ACTIVE, Purpose.LOAN),
        ("Beställd", Condition.PENDING, Purpose.PERSONAL),
        ("Hylla", Condition.PENDING, Purpose.PERSONAL),
    ],
)
def test_a_status_says_what_became_of_it_or_what_it_is_for_now(
    lists: ListFolder, status: str, condition: Condition, purpose: Purpose
) -> None:
    result = lists.device("Status;Syfte", f"{status};Personlig")

    assert (result.condition, result.purpose) == (condition, purpose)


def test_the_sources_own_words_of_status_come_first(lists: ListFolder) -> None:
    own = {"Hylla": "stock", "Kasserad på väg till skroten": "retired", "Skrotad": "stock", "Lager": "retired"}

    assert lists.device("Status", "hylla", statuses=own).purpose is Purpose.STOCK
    assert lists.device("Status", "Kasserad på väg till skroten", statuses=own).condition is Condition.RETIRED
    assert lists.device("Status", "Lager", statuses=own).condition is Condition.RETIRED
    result = lists.device("Status", "Skrotad", statuses=own)
    assert (result.condition, result.purpose) == (Condition.ACTIVE, Purpose.STOCK)


def test_a_word_that_nobody_knows_is_told_and_makes_nothing_work(lists: ListFolder) -> None:
    assert lists.drift("Status", "Hylla") == [UnknownValue("status", "hylla")]
    assert lists.device("Status", "Hylla").status == "hylla"


NOTES = ["lånad av Anna Andersson", "Anna Andersson", "Anna", "ANNA", "Hylla 3", "anna@exempelby.se", "x" * 41]


@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize("header", ["Status", "Syfte", "OS"])
def test_what_may_name_somebody_in_place_of_a_word_is_not_kept_and_is_counted(
    lists: ListFolder, note: str, header: str
) -> None:
    noted = lists.noted(header, note)

    assert note.casefold() not in (repr(noted) + repr(lists.runner.pages("devices"))).casefold()
    assert noted[1].value == WITHHELD_TEXT
    assert noted[0].status is None


def test_a_column_of_who_uses_it_names_no_groups(lists: ListFolder) -> None:
    noted = lists.noted("Används av", "Anna Andersson")

    assert (noted[0].groups, noted[0].serves) == ((), ())
    assert "Andersson" not in repr(noted) + repr(lists.runner.pages("devices"))


# --------------------------------------------------------------------------------------------- what for, where, whose


def test_groups_are_told_apart_and_make_no_set_by_themselves(lists: ListFolder) -> None:
    result = lists.device("Klass", '"2A, 2B|4/5C"')

    assert result.serves == result.groups == ("2A", "2B", "4/5C")
    assert result.purpose is None


def test_what_it_is_for_is_told_by_the_lists_own_word_or_a_configured_one(lists: ListFolder) -> None:
    assert lists.device("Klass;Syfte", "2A;Klassuppsättning").purpose is Purpose.SET
    assert lists.device("Syfte", "Elevlåda", purposes={"elevlåda": "set"}).purpose is Purpose.SET
    assert lists.drift("Syfte", "Diverse") == [UnknownValue("purpose", "diverse")]


@pytest.mark.parametrize(
    ("head", "row", "unit"),
    [
        ("Skolenhetskod;Skola;Kst", "12345678;Vretaskolan;3110", "12345678"),
        ("Skola;Kst", "Vretaskolan;3110", "Vretaskolan"),
        ("Modell;Kst", "A;3110", "3110"),
        ("Modell;Kst", "A;", None),
    ],
)
def test_a_unit_is_named_by_code_name_or_cost_centre(lists: ListFolder, head: str, row: str, unit: str | None) -> None:
    assert lists.device(head, row).unit == unit


@pytest.mark.parametrize(
    ("holder", "keys"),
    [
        ("anna@exempelby.se", (Key(Scheme.ADDRESS, "", "anna@exempelby.se"),)),
        ("EXB\\annexe", (Key(Scheme.ACCOUNT, "", "EXB\\annexe"),)),
        ("annexe", ()),
        ("Anna Andersson", ()),
        ("", ()),
    ],
)
def test_a_holder_is_a_log_in(lists: ListFolder, holder: str, keys: tuple[Key, ...]) -> None:
    assert lists.device("Användare", holder).keys == keys


def test_an_account_is_of_the_declared_domain(lists: ListFolder) -> None:
    assert lists.device("Användare", "annexe", domain="EXB").keys == (Key(Scheme.ACCOUNT, "EXB", "annexe"),)


@pytest.mark.parametrize("domain", ["", "EXB"])
def test_a_holders_name_is_nobodys_key_and_not_kept(lists: ListFolder, domain: str) -> None:
    noted = lists.noted("Användare", "Anna Andersson", domain=domain)

    assert (noted[0].keys, noted[0].unreadable) == ((), ("keys",))
    assert noted[1:] == [UnknownValue("holder", "a name")]
    assert "Andersson" not in repr(lists.runner.pages("devices"))


def test_an_account_without_a_domain_is_told(lists: ListFolder) -> None:
    assert lists.drift("Användare", "annexe") == [UnknownValue("holder", "account name without a domain")]
    assert lists.device("Användare", "annexe").unreadable == ("keys",)


def test_a_number_beside_a_name_says_who_the_holder_is(lists: ListFolder) -> None:
    lists.write("Serienr;Anst.nr;Användare", "PF3EX101;4711;Anna Andersson")
    (record,) = lists.runner.records("devices")

    assert isinstance(record, DeviceRecord)
    assert (len(record.keys), record.unreadable) == (1, ())


def test_a_holders_number_is_of_the_declared_namespace(lists: ListFolder) -> None:
    assert lists.device("Anst.nr", "1001", namespace="hr").keys == (Key(Scheme.NUMBER, "hr", "1001"),)


# ---------------------------------------------------------------------------------------------------------------- platform


@pytest.mark.parametrize(
    ("system", "model", "platform"),
    [
        ("Windows 11 Education", "ThinkPad", Platform.WINDOWS),
        ("Win11", "", Platform.WINDOWS),
        ("Chrome OS", "", Platform.CHROMEOS),
        ("Chromebook", "", Platform.CHROMEOS),
        ("iPadOS 18", "", Platform.IPADOS),
        ("iOS", "iPhone SE", Platform.IOS),
        ("iOS/iPadOS", "iPad (A16)", Platform.IPADOS),
        ("macOS", "", Platform.MACOS),
        ("OS X", "", Platform.MACOS),
        ("tvOS", "", Platform.TVOS),
        ("Android 14", "", Platform.ANDROID),
        ("Ubuntu", "", Platform.LINUX),
        ("", "iPad (9th generation)", Platform.IPADOS),
        ("", "Apple MacBook Air 13", Platform.MACOS),
        ("", "Acer Chromebook 314", Platform.CHROMEOS),
        ("", "Samsung Galaxy Tab A8", Platform.ANDROID),
        ("", "ThinkPad L13", Platform.OTHER),
        ("BeOS", "iPad", Platform.IPADOS),
    ],
)
def test_a_platform_is_told_by_its_word_else_by_a_model_that_runs_nothing_else(
    lists: ListFolder, system: str, model: str, platform: Platform
) -> None:
    assert lists.device("OS;Modell", f"{system};{model}").platform is platform


def test_the_sources_own_words_of_platforms_come_first(lists: ListFolder) -> None:
    assert lists.device("OS", "standardklient", platforms={"Standardklient": "windows"}).platform is Platform.WINDOWS
    assert lists.drift("OS", "BeOS") == [UnknownValue("platform", WITHHELD_TEXT)]


# ------------------------------------------------------------------------------------------------------- what a list lacks


@pytest.mark.parametrize(
    ("head", "lacks"),
    [("Serienr;Skola", ()), ("Serienr;Kst", ()), ("Serienr;Modell", ("unit",)), ("Inv.nr;Skola", ("serial",))],
)
def test_a_list_that_cannot_be_joined_or_placed_is_told(lists: ListFolder, head: str, lacks: tuple[str, ...]) -> None:
    lists.write(head, "PF3EX101;A")
    (page,) = lists.runner.pages("devices")
    (finding,) = lists.runner.findings()

    assert page.drift == tuple(UnknownValue("missing column", field) for field in lacks)
    assert (finding.ok, bool(finding.remedy)) == (not lacks, bool(lacks))


def test_a_long_list_is_told_once_what_it_lacks(lists: ListFolder) -> None:
    lists.write("Serienr", *(f"PF3{number:06d}" for number in range(5001)))
    pages = lists.runner.pages("devices")

    assert [(len(page.raws), len(page.drift)) for page in pages] == [(5000, 1), (1, 0)]


def test_a_probe_of_lists_that_were_read_says_so(recorded: CaseRunner) -> None:
    known = {page.scope: page.fingerprint for page in recorded.pages("devices")}

    assert [finding.what for finding in recorded.findings(known=known)] == [
        "no file has changed since the last complete pull"
    ]


def test_a_probe_of_no_list_says_so(lists: ListFolder) -> None:
    (finding,) = lists.runner.findings()

    assert not finding.ok
    assert "no file matches" in finding.what


def test_a_list_of_headers_alone_is_whole_and_empty(lists: ListFolder) -> None:
    lists.write("Serienr;Skola")

    assert [list(page.raws) for page in lists.runner.pages("devices")] == [[]]


# ----------------------------------------------------------------------------------- facts and rows that cannot be read


@pytest.mark.parametrize(
    ("head", "written", "field"),
    [
        ("Garanti", "36 mån", "warranty_until"),
        ("Warranty", "36 months", "warranty_until"),
        ("Inköpt", "HT 2025", "purchased_on"),
        ("Senast sedd", "i tisdags", "last_contact_at"),
        ("Last check-in", "11/20/2026 8:00 AM", "last_contact_at"),
        ("Krypterad", "kanske", "encrypted"),
    ],
)
def test_a_fact_that_cannot_be_read_costs_itself_and_never_the_device(
    lists: ListFolder, head: str, written: str, field: str
) -> None:
    device, fact = lists.noted(head, written)

    assert (device.serial, getattr(device, field), device.unreadable) == ("PF3EX101", None, (field,))
    assert (fact.field, fact.place) == (field, f"{NAME} line 2")
    assert written not in fact.reason


@pytest.mark.parametrize("never", ["Aldrig", "never", " ALDRIG "])
def test_a_device_that_was_never_in_contact_is_not_in_use_yet(lists: ListFolder, never: str) -> None:
    device = lists.device("Status;Senast inloggad", f"I drift;{never}")

    assert (device.last_contact_at, device.unreadable, device.condition) == (None, (), Condition.PENDING)
    assert lists.device("Status;Senast inloggad", f"Stulen;{never}").condition is Condition.LOST


@pytest.mark.parametrize("none", ["", "0", "1900-01-00", "0001-01-01 00:00:00", "NULL", "–"])
def test_no_day_is_none_and_not_unreadable(lists: ListFolder, none: str) -> None:
    assert lists.device("Garanti", none).unreadable == ()


def test_a_row_that_ends_early_is_a_device_all_the_same(lists: ListFolder) -> None:
    lists.write(
        "Serienr;Modell;Skola;Garanti", "PF3EX101;A;Vretaskolan;2027-01-01", "PF3EX102;A;Vretaskolan", "PF3EX103;A"
    )

    assert [record.source_id for record in lists.runner.records("devices")] == [
        f"lista/{serial}" for serial in ("PF3EX101", "PF3EX102", "PF3EX103")
    ]


def test_a_row_with_a_field_too_many_is_present_by_its_serial_and_named_by_its_line(lists: ListFolder) -> None:
    lists.write("Serienr;Modell;Skola", "pf3 ex101;A;B;Vretaskolan", "PF3EX102;A;Vretaskolan")
    lists.write("Modell;Serienr;Skola", "A;B;PF3EX101;Vretaskolan", name="annan_2026-11-15.csv")
    lista, annan = sorted(lists.runner.pages("devices"), key=lambda page: page.scope, reverse=True)

    assert lista.rejected == (RejectedRecord("more fields than the header", f"{NAME} line 2", "lista/PF3EX101"),)
    assert [(rejected.place, rejected.source_id) for rejected in annan.rejected] == [
        ("annan_2026-11-15.csv line 2", None)
    ]


# ---------------------------------------------------------------------------------- columns under headers that nobody named


@pytest.mark.parametrize(
    ("head", "row", "field"),
    [
        ("Sist på nätet", "2025-01-10", "last_contact_at"),
        ("Sist på nätet", "2025-01-10T06:00:00.000Z", "last_contact_at"),
        ("Heartbeat", "1/10/2025 6:00:00 AM", "last_contact_at"),
        ("Heartbeat", "10 jan. 2025", "last_contact_at"),
        ("Vems", "BYOD", "ownership"),
        ("Vems", "Company", "ownership"),
        ("Anmärkning", "Wipe pending", "condition"),
        ("Anmärkning", "Utrangerad", "condition"),
        ("Network state", "x", "condition"),
    ],
)
def test_what_may_decide_under_an_unknown_header_leaves_the_device_unknown(
    lists: ListFolder, head: str, row: str, field: str
) -> None:
    device = lists.device(f"Modell;{head}", f"A;{row}")
    (page,) = lists.runner.pages("devices")
    (finding,) = lists.runner.findings()

    assert device.unreadable == (field,)
    assert page.unused_headers == (head,)
    assert not finding.ok
    assert f'the header "{head}" may be' in finding.what
    column = {"last_contact_at": "last_contact", "condition": "status"}.get(field, field)
    assert lists.device(f"Modell;{head}", f"A;{row}", columns={column: False}).unreadable == ()


def test_a_header_that_is_named_is_read(lists: ListFolder) -> None:
    device = lists.device("Sist på nätet", "2026-06-12", columns={"last_contact": "Sist på nätet"})

    assert (device.last_contact_at, device.unreadable) == (datetime(2026, 6, 12, 10, 0, tzinfo=UTC), ())


def test_a_list_kept_by_hand_without_such_columns_stays_as_it_is(lists: ListFolder) -> None:
    assert lists.device("Modell;Hylla;Målgrupp", "A;14;Personal").unreadable == ("ownership",)
    lists.write("Serienr;Modell;Hylla;Målgrupp", "PF3EX101;A;14;Personal", "PF3EX102;A;15;Elev")
    assert [record.unreadable for record in lists.runner.records("devices") if isinstance(record, DeviceRecord)] == [
        (),
        (),
    ]


@pytest.mark.parametrize(
    "header",
    [
        "Last check-in",
        "Last seen",
        "Last sync",
        "lastSync",
        "lastSyncDateTime",
        "Most recent activity",
        "Senaste incheckning",
        "Senast synkad",
        "Senaste synkronisering",
        "Senaste aktivitet",
        "Senast sedd",
        "Senaste kontakt",
        "Senast inloggad",
    ],
)
def test_every_known_word_for_the_last_contact_is_read(lists: ListFolder, header: str) -> None:
    assert lists.device(header, "2026-06-12").last_contact_at == datetime(2026, 6, 12, 10, 0, tzinfo=UTC)


def test_a_portals_export_is_read_with_its_owner_state_and_manager(lists: ListFolder) -> None:
    lists.write(
        "Device ID,Device name,Enrollment date,Last check-in,Serial number,Model,Primary user UPN,Compliance,Managed by,"
        "Ownership,Device state,Encrypted,OS",
        "x,D1,2025-08-01,2026-11-12,PF3EX101,A,anna.e@exempelby.se,Compliant,Intune,Corporate,Managed,Yes,Windows",
        "x,D2,2025-08-01,2026-11-12,PF3EX102,A,bo.e@exempelby.se,Not compliant,EAS,Personal,Wipe pending,No,Windows",
    )
    first, second = lists.runner.records("devices")

    assert isinstance(first, DeviceRecord)
    assert isinstance(second, DeviceRecord)
    assert (first.ownership, first.condition, first.managed) == (Ownership.ORGANISATION, Condition.ACTIVE, True)
    assert (first.compliance, first.encrypted, first.unreadable) == (Compliance.COMPLIANT, True, ())
    assert [key.value for key in first.keys] == ["anna.e@exempelby.se"]
    assert (second.ownership, second.condition, second.managed) == (Ownership.PERSONAL, Condition.WIPED, False)
    assert (second.compliance, second.encrypted) == (Compliance.NONCOMPLIANT, False)


def test_a_google_consoles_export_is_read(lists: ListFolder) -> None:
    lists.write(
        "deviceId,annotatedAssetId,annotatedLocation,annotatedUser,lastSync,model,notes,serialNumber,status",
        "x1,INV-1,Vretaskolan,anna.e@exempelby.se,2025-01-10T06:00:00.000Z,HP Chromebook 11 G9,,5CD1234501,ACTIVE",
        "x2,INV-2,Vretaskolan,,2026-11-10T06:00:00.000Z,HP Chromebook 11 G9,,5CD1234502,DEPROVISIONED",
    )
    first, second = lists.runner.records("devices")

    assert isinstance(first, DeviceRecord)
    assert isinstance(second, DeviceRecord)
    assert (first.asset_tag, first.location, first.condition) == ("INV-1", "Vretaskolan", Condition.ACTIVE)
    assert first.last_contact_at == datetime(2025, 1, 10, 11, 0, tzinfo=UTC)
    assert second.condition is Condition.RETIRED


def test_a_word_for_the_owner_that_nobody_knows_is_told_and_unknown(lists: ListFolder) -> None:
    device, unknown = lists.noted("Ownership", "Fjällräven")

    assert (device.ownership, device.unreadable, unknown) == (
        None,
        ("ownership",),
        UnknownValue("ownership", WITHHELD_TEXT),
    )
    own = {"fjällräven": "organisation"}
    assert lists.device("Ownership", "Fjällräven", ownerships=own).ownership is Ownership.ORGANISATION
    assert lists.device("Ownership", "Unknown").unreadable == ()


# -------------------------------------------------------------------------------------------- stray and broken files


def test_a_broken_list_is_named_and_stops_no_other_list(lists: ListFolder) -> None:
    lists.write("Serienr;Skola", "PF3EX101;Vretaskolan")
    lists.write("Serienr;Skola", 'PF3EX102;"Å"sen', name="asen_2026-11-16.csv")
    good, broken = lists.runner.pages("devices")
    known = {good.scope: good.fingerprint}

    assert (good.scope, good.is_whole, len(good.raws)) == ("lista", True, 1)
    assert (broken.scope, broken.is_whole, broken.file) == ("asen", False, "asen_2026-11-16.csv")
    assert "quotation mark" in broken.rejected[0].reason
    # The other list is read again although it did not change: a pull of nothing would look empty.
    assert [page.scope for page in lists.runner.pages("devices", known=known)] == ["lista", "asen"]
    fine, wrong = lists.runner.findings()
    assert fine.ok
    assert not wrong.ok
    assert "asen_2026-11-16.csv cannot be read" in wrong.what


def test_what_is_no_list_is_left(lists: ListFolder) -> None:
    lists.write("Serienr;Skola", "PF3EX101;Vretaskolan")
    for name in ("Thumbs.db", "desktop.ini", "readme.txt", "rutin.pdf", "lista.csv.bak", "~$lista.xlsx", ".DS_Store"):
        (lists.runner.folder / name).write_bytes(b"Skicka listan till it\r\n")
    (page,) = lists.runner.pages("devices")
    (finding,) = lists.runner.findings()

    assert (len(page.raws), page.rejected, page.drift) == (1, (), ())
    assert finding.ok


def test_a_text_with_known_headers_is_a_list(lists: ListFolder) -> None:
    lists.write("Serienr;Skola", "PF3EX101;Vretaskolan", name="lista.txt")

    assert len(lists.runner.records("devices")) == 1


def test_a_folder_without_any_list_that_can_be_read_says_why(lists: ListFolder) -> None:
    lists.write("Hej", "du", name="readme.txt")

    with pytest.raises(SourceRefused, match="the file may have none"):
        lists.runner.pages("devices")
