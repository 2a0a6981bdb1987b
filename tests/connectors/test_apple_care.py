"""AppleCare, trap by trap: in which order devices are asked for, and when a warranty ends."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from connectors.apple_care import Bookmark, Coverage, DeviceCoverage, Position, Settings, normalise, pull
from fleetsync.core.model import DeviceRecord
from fleetsync.pull.contract import (
    NormalisedItem,
    Page,
    PartMissing,
    SourceRefused,
    SourceUnavailable,
    Stopped,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import RowReader
from tests.connectors.apple_care_case import CASE, COVERAGES, DEVICES
from tests.connectors.case_runner import CaseRunner, RecordedFault, fake_connect, running_case

SETTINGS = Settings.model_validate(CASE.filled_table("https://api-school.apple.com", Path("/srv")))
IN_ORDER = ["DMPEXAMPLE01", "DMPEXAMPLE02", "C02EXAMPLE03", "DMPEXAMPLE04"]


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


def pages_after(runner: CaseRunner, mark: str | None, today: date | None = None, **keys: Any) -> list[Page]:
    """The pages of a pull that goes on from *mark*."""
    settings = runner.settings_with(**keys)
    with fake_connect(settings) as connect:
        connect.mark = mark
        connect.today = today or connect.today
        return list(pull("coverage", settings, connect))


def asked(runner: CaseRunner) -> list[str]:
    """The serials that were asked for since the last time."""
    serials = [url.split("/")[3] for url in runner.server.asked if "appleCareCoverage" in url]
    runner.server.asked.clear()
    return serials


def items(*coverages: dict[str, Any]) -> tuple[NormalisedItem, ...]:
    """What the coverages of a device come to, read as the pull reads them."""
    rows = [{"id": str(number), "attributes": attributes} for number, attributes in enumerate(coverages)]
    read = RowReader(Coverage).read([msgspec.Raw(msgspec.json.encode(row)) for row in rows])
    raws: list[DeviceCoverage | UnreadableFact] = [
        DeviceCoverage(serial="DMPEXAMPLE01", coverages=tuple(read.rows)),
        *read.facts,
    ]
    return tuple(item for raw in raws for item in normalise("coverage", SETTINGS, raw))


def warranty(*coverages: dict[str, Any]) -> date | None:
    (record,) = (item for item in items(*coverages) if isinstance(item, DeviceRecord))
    return record.warranty_until


# --- which devices are asked for --------------------------------------------------------------------------------------


def test_devices_are_asked_for_in_the_order_in_which_they_were_added(runner: CaseRunner) -> None:
    pages_after(runner, None)

    assert asked(runner) == IN_ORDER


def test_each_page_has_a_bookmark_and_any_of_them_goes_on_behind_its_device(runner: CaseRunner) -> None:
    marks = [page.mark for page in pages_after(runner, None)]
    asked(runner)

    for number, mark in enumerate(marks):
        pages_after(runner, mark)
        assert asked(runner) == IN_ORDER[number:]


def test_a_pull_asks_for_a_few_devices_at_a_time(runner: CaseRunner) -> None:
    mark, serials = None, []
    for _ in range(4):
        mark = pages_after(runner, mark, devices_per_pull=2)[-1].mark
        serials.append(asked(runner))

    assert serials == [IN_ORDER[:2], IN_ORDER[2:], [], []]


def test_a_device_that_was_added_meanwhile_is_the_next(runner: CaseRunner) -> None:
    mark = pages_after(runner, None)[-1].mark
    asked(runner)
    body = json.loads(CASE.recorded("devices-2.json").read_text(encoding="utf-8"))
    body["data"].insert(0, {"id": "DMPEXAMPLE01", "attributes": {"addedToOrgDateTime": "2026-11-24T04:00:00Z"}})
    runner.server.fail(DEVICES, 1, RecordedFault(body=json.dumps(body).encode()))

    pages_after(runner, mark)

    assert asked(runner) == ["DMPEXAMPLE01"]


@pytest.mark.parametrize(("today", "again"), [(date(2026, 12, 23), False), (date(2026, 12, 24), True)])
def test_all_are_asked_for_again_after_a_while(runner: CaseRunner, today: date, again: bool) -> None:
    mark = pages_after(runner, None, date(2026, 11, 24))[-1].mark
    asked(runner)
    mark = pages_after(runner, mark, today, devices_per_pull=2)[-1].mark

    assert asked(runner) == (IN_ORDER[:2] if again else [])
    assert Bookmark.of(mark, date(2030, 1, 1)).began == (today if again else date(2026, 11, 24))


def test_a_round_that_is_not_finished_goes_on_however_long_it_takes(runner: CaseRunner) -> None:
    mark = pages_after(runner, None, devices_per_pull=2)[-1].mark
    asked(runner)

    pages_after(runner, mark, date(2027, 6, 1), devices_per_pull=1)

    assert asked(runner) == IN_ORDER[2:3]


@pytest.mark.parametrize("mark", ["", "yesterday", "2026-11-24", "2026-11-24 alone", "x 2025-06-12 DMPEXAMPLE01"])
def test_a_bookmark_that_cannot_be_read_begins_anew(mark: str) -> None:
    assert Bookmark.of(mark, date(2026, 11, 24)) == Bookmark(date(2026, 11, 24))


@pytest.mark.parametrize("last", [Position(), Position("", "DMPEXAMPLE01"), Position("2025-06-12T08:02:11Z", "A B")])
def test_a_bookmark_is_read_as_it_was_written(last: Position) -> None:
    bookmark = Bookmark(date(2026, 11, 24), last)

    assert Bookmark.of(str(bookmark), date(2030, 1, 1)) == bookmark


@pytest.mark.parametrize(
    ("keys", "is_refused"),
    [
        ({"devices_per_pull": 540}, False),
        ({"devices_per_pull": 541}, True),
        ({"devices_per_pull": 541, "time_limit": "2h"}, False),
        ({"requests_per_minute": 3}, True),
    ],
)
def test_more_devices_than_a_pull_has_time_for_are_refused(keys: dict[str, Any], is_refused: bool) -> None:
    table = CASE.filled_table("https://api-school.apple.com", Path("/srv")) | {"requests_per_minute": 18} | keys
    if not is_refused:
        assert Settings.model_validate(table).devices_per_pull == table.get("devices_per_pull", 100)
        return
    with pytest.raises(ValidationError, match="devices_per_pull is too high"):
        Settings.model_validate(table)


# --- answers that fail ------------------------------------------------------------------------------------------------


def test_a_device_without_an_answer_keeps_what_is_known_and_stops_no_other(runner: CaseRunner) -> None:
    runner.server.fail(COVERAGES[1], 0, RecordedFault(500, b"{}"))
    pages = pages_after(runner, None)

    assert [rejected.source_id for page in pages for rejected in page.rejected] == ["DMPEXAMPLE02"]
    assert [raw.serial for page in pages for raw in page.raws] == ["DMPEXAMPLE01", "C02EXAMPLE03"]


def test_three_in_a_row_without_an_answer_fail_the_pull(runner: CaseRunner) -> None:
    for listing in COVERAGES[1:]:
        runner.server.fail(listing, 0, RecordedFault(500, b"{}"))

    with pytest.raises(SourceUnavailable):
        pages_after(runner, None)
    assert list(dict.fromkeys(asked(runner))) == IN_ORDER


def test_a_device_that_apple_does_not_know_any_more_is_passed_over(runner: CaseRunner) -> None:
    runner.server.fail(COVERAGES[1], 0, RecordedFault(404, b'{"errors": [{"code": "NOT_FOUND"}]}'))
    pages = pages_after(runner, None)

    assert [rejected for page in pages for rejected in page.rejected] == []
    assert [raw.serial for page in pages for raw in page.raws] == ["DMPEXAMPLE01", "C02EXAMPLE03"]


def test_a_page_of_another_host_is_no_device_that_is_not_known(runner: CaseRunner) -> None:
    runner.server.fail(COVERAGES[1], 0, RecordedFault(404, b"<h1>Not Found</h1>", {"Content-Type": "text/html"}))

    with pytest.raises(PartMissing):
        pages_after(runner, None)


def test_a_coverage_that_cannot_be_read_says_nothing_about_its_device(runner: CaseRunner) -> None:
    runner.server.fail(COVERAGES[0], 0, RecordedFault(body=b'{"data": [7]}'))
    pages = pages_after(runner, None)

    assert [rejected.source_id for page in pages for rejected in page.rejected] == ["DMPEXAMPLE01"]


def test_a_stop_is_no_answer_that_failed(runner: CaseRunner) -> None:
    with fake_connect(runner.settings) as connect:
        pages = pull("coverage", runner.settings, connect)
        next(pages)
        connect.stop.set()
        connect._session._deadline.stop.set()

        with pytest.raises(Stopped):
            next(pages)


@pytest.mark.parametrize("listing", [DEVICES, COVERAGES[2]])
def test_a_missing_right_is_named(runner: CaseRunner, listing: Any) -> None:
    runner.server.fail(listing, 0, RecordedFault(403, b"{}"))
    right = "to devices" if listing is DEVICES else "to AppleCare coverage"

    with pytest.raises(SourceRefused, match=right):
        pages_after(runner, None)


# --- when a warranty ends ---------------------------------------------------------------------------------------------


def test_a_device_is_its_serial_and_the_end_of_its_warranty(runner: CaseRunner) -> None:
    records = runner.records("coverage")

    assert (
        DeviceRecord(
            source_id="DMPEXAMPLE01",
            serial="DMPEXAMPLE01",
            manufacturer="Apple",
            warranty_until=date(2028, 6, 9),
        )
        in records
    )
    assert {record.source_id: record.warranty_until for record in records if isinstance(record, DeviceRecord)} == {
        "DMPEXAMPLE01": date(2028, 6, 9),
        "DMPEXAMPLE02": date(2026, 8, 10),
        "C02EXAMPLE03": None,
    }


LIMITED = {"status": "INACTIVE", "endDateTime": "2026-06-10T00:00:00Z", "isCanceled": False}


@pytest.mark.parametrize(
    ("other", "end"),
    [
        ({"status": "ACTIVE", "endDateTime": "2028-06-09T00:00:00Z"}, date(2028, 6, 9)),
        ({"status": "INACTIVE", "endDateTime": "2025-06-09T00:00:00Z"}, date(2026, 6, 10)),
        ({"status": "INACTIVE", "endDateTime": "2028-06-09T00:00:00Z", "isCanceled": True}, date(2026, 6, 10)),
        ({"endDateTime": "2028-06-09T00:00:00Z", "contractCancelDateTime": "2027-01-31T12:00:00Z"}, date(2027, 1, 31)),
        ({"status": "ACTIVE", "endDateTime": None}, None),
        ({"status": "INACTIVE", "endDateTime": None}, date(2026, 6, 10)),
        ({"status": "ACTIVE", "endDateTime": None, "isCanceled": True}, date(2026, 6, 10)),
        ({}, date(2026, 6, 10)),
    ],
)
def test_a_warranty_ends_with_the_last_coverage_that_was_not_cancelled(other: dict[str, Any], end: date | None) -> None:
    assert warranty(LIMITED, other) == end


def test_an_end_that_cannot_be_read_is_named() -> None:
    (record, fact) = items(LIMITED | {"endDateTime": "nästa år"})

    assert isinstance(record, DeviceRecord)
    assert record.unreadable == ("warranty_until",)
    assert fact == UnreadableFact("attributes.endDateTime", "is not a date", "DMPEXAMPLE01")
    (record, _) = items(LIMITED | {"endDateTime": ["?"]})
    assert isinstance(record, DeviceRecord)
    assert record.unreadable == ("warranty_until",)


def test_an_unknown_status_is_reported_where_it_decides() -> None:
    assert UnknownValue("status", "PAUSED") in items({"status": "PAUSED", "endDateTime": None})
