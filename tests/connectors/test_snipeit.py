"""Snipe-IT, trap by trap (what its own source says it sends)."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from connectors.snipeit import Settings, normalise
from connectors.snipeit.schema import Asset, Place
from fleetsync.core.model import (
    Condition,
    DeviceRecord,
    DroppedKind,
    Key,
    Ownership,
    Platform,
    Purpose,
    Scheme,
    UnitRecord,
)
from fleetsync.pull.contract import (
    DroppedRow,
    NormalisedItem,
    RecordError,
    SourceRefused,
    SourceUnavailable,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import RowReader
from tests.connectors.case_runner import CaseRunner, RecordedFault, running_case
from tests.connectors.snipeit_case import CASE

TABLE = CASE.filled_table("https://inventarier.exempelby.se", Path("/srv"))
SETTINGS = Settings.model_validate(TABLE)
USER = {"id": 731, "type": "user", "username": "EXB\\elev01", "email": "elev01@edu.exempelby.se"}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


def with_keys(**keys: object) -> Settings:
    return Settings.model_validate(TABLE | keys)


def items(settings: Settings = SETTINGS, **fields: object) -> tuple[NormalisedItem, ...]:
    """What a row of /hardware comes to, read as the pull reads it."""
    read = RowReader(Asset).read([msgspec.Raw(msgspec.json.encode({"id": 4411} | fields))])
    raws: list[Asset | UnreadableFact] = [*read.rows, *read.facts]
    return tuple(item for raw in raws for item in normalise("assets", settings, raw))


def device(settings: Settings = SETTINGS, **fields: object) -> DeviceRecord:
    (record,) = (item for item in items(settings, **fields) if isinstance(item, DeviceRecord))
    return record


def label(name: str, status_type: str) -> dict[str, object]:
    return {"id": 1, "name": name, "status_type": status_type, "status_meta": status_type}


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_the_current_assets_are_read_by_id_and_the_archived_ones_after_them(runner: CaseRunner) -> None:
    pages = runner.pages("assets")

    listing = "/api/v1/hardware?limit=500&sort=id&order=asc"
    assert runner.server.asked == [
        f"{listing}&offset=0",
        f"{listing}&offset=3",
        f"{listing}&status=Archived&offset=0",
    ]
    assert [page.total for page in pages] == [5, 5, 6, None]


def test_archived_assets_that_the_server_shows_among_the_others_count_once(runner: CaseRunner) -> None:
    listing = CASE.listings["assets"]
    archived = runner.server.body(listing, 2, None)
    rows = b'{"total": 2, "rows": [{"id": 4301, "serial": "A"}, {"id": 4302, "serial": "B"}]}'
    runner.server.fail(listing, 0, RecordedFault(body=rows))
    assert b'"id": 4301' in archived

    pages = runner.pages("assets")

    assert [page.total for page in pages] == [2, 2]
    assert [raw.serial for page in pages for raw in page.raws] == ["A", "B"]


def test_an_error_that_comes_with_status_200_is_no_empty_listing(runner: CaseRunner) -> None:
    body = b'{"status": "error", "messages": "Something went wrong", "payload": null}'
    runner.server.fail(CASE.listings["assets"], 1, RecordedFault(body=body))

    with pytest.raises(SourceUnavailable, match="sent an error in place of an answer"):
        runner.pages("assets")


def test_a_missing_permission_is_named_with_the_place_where_it_is_granted(runner: CaseRunner) -> None:
    runner.server.fail(CASE.listings["assets"], 0, RecordedFault(403, b'{"message": "This action is unauthorized."}'))

    with pytest.raises(SourceRefused, match="Grant the permission View on Assets"):
        runner.pages("assets")
    (failed,) = (finding for finding in runner.findings() if not finding.ok)
    assert failed.part == "assets"
    assert "People > the user > Edit > Permissions" in failed.remedy


def test_companies_are_read_where_they_are_the_schools_and_a_part_that_is_not_wanted_is_not_asked(
    runner: CaseRunner,
) -> None:
    findings = runner.findings(runner.settings_with(places="companies", without=("assets",)))

    assert runner.server.asked == ["/api/v1/companies?limit=1"]
    assert "View on Companies" in findings[0].remedy


# --- what an asset means ----------------------------------------------------------------------------------------------


def test_an_asset_is_read_whole(runner: CaseRunner) -> None:
    first, second, *_ = (record for record in runner.records("assets") if isinstance(record, DeviceRecord))

    assert first == DeviceRecord(
        source_id="4411",
        serial="DMPEXAMPLE4411",
        name="VRE-4411",
        manufacturer="Apple",
        model="iPad (10th generation)",
        platform=Platform.IPADOS,
        keys=(Key(Scheme.ADDRESS, "", "elev731@edu.exempelby.se"), Key(Scheme.ACCOUNT, "", "EXB\\elev731")),
        location="9",
        groups=("Surfplatta",),
        order="PO-2025-071",
        status="I drift",
        asset_tag="58824411",
        ownership=Ownership.ORGANISATION,
        purchased_on=date(2025, 6, 10),
        warranty_until=date(2028, 6, 10),
    )
    assert second.model == 'ThinkPad L13 "Gen 4" & dock'


def test_an_asset_handed_out_to_a_location_is_there_and_nobodys() -> None:
    at_place = device(location={"id": 9}, assigned_to={"id": 10, "name": "Sal 12", "type": "location"})

    assert (at_place.location, at_place.keys, at_place.unreadable) == ("10", (), ())
    assert device(rtd_location={"id": 9}).location == "9"
    assert device(with_keys(places="companies"), company={"id": 4}, location={"id": 9}).location == "4"


def hardware(*rows: dict[str, object]) -> RecordedFault:
    return RecordedFault(body=msgspec.json.encode({"total": len(rows), "rows": rows}))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"id": 5, "assigned_to": USER}, (2, None)),
        ({"id": 5, "assigned_to": {"id": 10, "type": "location"}}, (0, "10")),
        ({"id": 5}, (0, None)),
        ({"id": 5, "assigned_to": {"id": 6, "type": "asset"}}, (0, None)),
        ({"id": 99}, (0, None)),
    ],
    ids=["a user's", "at a location", "in the store", "with a third", "not read"],
)
def test_an_asset_handed_out_to_another_has_the_user_or_location_of_that_one_and_no_third(
    runner: CaseRunner, other: dict[str, object], expected: tuple[int, str | None]
) -> None:
    handed_out = {"id": 4, "assigned_to": {"id": 5, "name": "Vagn 3", "type": "asset"}}
    runner.server.fail(CASE.listings["assets"], 0, hardware(handed_out, other))

    record = next(record for record in runner.records("assets") if record.source_id == "4")

    assert isinstance(record, DeviceRecord)
    assert (len(record.keys), record.location) == expected


def test_an_employment_number_is_a_key_only_of_a_user_without_another() -> None:
    settings = with_keys(namespace="personal")
    numbered = USER | {"employee_number": "00017"}

    assert [key.scheme for key in device(settings, assigned_to=numbered).keys] == [Scheme.ADDRESS, Scheme.ACCOUNT]
    assert device(settings, assigned_to=numbered | {"email": None, "username": "elev01"}).keys == (
        Key(Scheme.NUMBER, "personal", "00017"),
    )


def test_a_user_without_any_key_is_somebody_unknown() -> None:
    nobody_knows = {"id": 731, "type": "user", "username": "elev01", "email": None}

    assert (device(assigned_to=nobody_knows).keys, device(assigned_to=nobody_knows).unreadable) == ((), ("keys",))
    assert UnknownValue("username", "account name without a domain") in items(assigned_to=nobody_knows)
    assert device(with_keys(domain="EXB"), assigned_to=nobody_knows).keys == (Key(Scheme.ACCOUNT, "EXB", "elev01"),)
    assert device(assigned_to=nobody_knows | {"username": "Tuva Exempel"}).keys == ()
    assert device(assigned_to=["?"]).unreadable == ("keys",)


@pytest.mark.parametrize(
    ("name", "status_type", "condition", "purpose"),
    [
        ("I drift", "deployable", Condition.ACTIVE, None),
        ("Klar att lämna ut", "deployable", Condition.ACTIVE, None),
        ("Lager", "deployable", Condition.ACTIVE, Purpose.STOCK),
        ("Out for Repair", "undeployable", Condition.IN_REPAIR, None),
        ("Hos leverantören", "undeployable", Condition.IN_REPAIR, None),
        ("Lost/Stolen", "undeployable", Condition.LOST, None),
        ("Stulen", "archived", Condition.LOST, None),
        ("Utrangerad", "deployable", Condition.RETIRED, None),
        ("I drift", "archived", Condition.RETIRED, None),
        ("Lager", "archived", Condition.RETIRED, None),
        ("Ny", "pending", Condition.PENDING, None),
        ("Ny", "requestable", Condition.PENDING, None),
    ],
)
def test_a_known_word_of_a_label_comes_before_its_type(
    name: str, status_type: str, condition: Condition, purpose: Purpose | None
) -> None:
    for field in ("status_label", "status"):
        record = device(SETTINGS, **{field: label(name, status_type)})

        assert (record.status, record.condition, record.purpose) == (name, condition, purpose)


def test_the_sources_own_table_comes_before_both_and_an_unknown_type_is_reported() -> None:
    settings = with_keys(statuses={"Hos Ikt": "stock", "Stulen 2025": "lost"})

    assert device(settings, status_label=label("hos IKT", "undeployable")).purpose is Purpose.STOCK
    assert device(settings, status_label=label("Stulen 2025", "archived")).condition is Condition.LOST
    assert UnknownValue("status_type", "requestable") in items(status_label=label("Ny", "requestable"))
    assert device(status_label=["?"]).unreadable == ("condition",)


def test_what_a_person_owns_and_other_categories_are_left_out_and_counted() -> None:
    settings = with_keys(categories=["Dator*", "surfplatta"])

    assert items(byod=True) == (DroppedRow(DroppedKind.PRIVATE_DEVICE),)
    assert items(settings, category={"id": 3, "name": "Projektor"}) == (DroppedRow(DroppedKind.OTHER_CATEGORY),)
    assert items(settings) == (DroppedRow(DroppedKind.OTHER_CATEGORY),)
    assert device(settings, category={"id": 3, "name": "Datorer"}).groups == ("Datorer",)
    assert device(settings, category=["?"]).groups == ()
    assert device(byod=["?"]).unreadable == ("ownership",)


def test_the_end_of_life_is_read_only_where_it_is_the_end_of_support() -> None:
    end = {"date": "2029-06-10", "formatted": "10.6.2029"}

    assert device(asset_eol_date=end).support_until is None
    assert device(with_keys(end_of_life_is_support_end=True), asset_eol_date=end).support_until == date(2029, 6, 10)


def test_a_day_that_cannot_be_read_costs_itself_and_is_named() -> None:
    broken = {"date": "HT 2025"}

    assert UnreadableFact("purchase_date.date", "is not a date", "4411") in items(purchase_date=broken)
    assert device(purchase_date=broken).purchased_on is None


# --- places -----------------------------------------------------------------------------------------------------------


def test_a_room_lies_below_its_school(runner: CaseRunner) -> None:
    assert runner.records("units") == [
        UnitRecord(source_id="9", name="Vretaskolan", kind="place", codes=("Vretaskolan",)),
        UnitRecord(source_id="10", name="Sal 12", kind="place", codes=("Sal 12",), parent="9"),
        UnitRecord(source_id="11", name="Förskolan Åsen & Höjden", kind="place", codes=("Förskolan Åsen & Höjden",)),
    ]


def test_a_place_without_a_name_is_present_and_unreadable() -> None:
    with pytest.raises(RecordError, match="name is empty") as refused:
        normalise("units", SETTINGS, Place(id=9, name=" "))

    assert refused.value.source_id == "9"
