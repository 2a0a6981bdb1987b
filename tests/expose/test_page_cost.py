"""What a page costs is counted, never timed: calls, rows and bytes do not grow with the municipality."""

import gc
import sys
import weakref
from collections import Counter
from collections.abc import Callable
from datetime import date
from types import CodeType, FrameType
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from fleetsync.core import measures
from fleetsync.core.snapshot import Snapshot
from fleetsync.expose.lists import DEVICES, NUMBERS
from fleetsync.expose.lists.definitions import ListColumn
from fleetsync.expose.web.indexed_snapshot import IndexedSnapshot, SnapshotIndexes
from tests.expose import example_page as e
from tests.expose.large_town import large_snapshot
from tests.expose.page_client import open_client

SMALL, LARGE = 2_000, 20_000
UNITS = 500
MAX_PAGE_BYTES = 100_000
DEVICE, PERSON = "d-intune-exb00041", "p-personec-p7"
PAGES = (
    "/",
    "/?find=ek&order=name&page=2",
    "/coverage",
    "/coverage?sort=-entitled&page=3",
    "/units/enhet-150",
    "/gaps",
    "/gaps?state=open&sort=-age_school_days",
    "/devices",
    "/devices?works=no&sort=serial&page=2",
    "/devices?sort=-last_contact_at",
    "/hand-out",
    "/collect?sort=-since",
    "/repair?sort=subject_id&page=2",
    "/repair?format=print",
    "/assignments",
    "/assignments?works=yes&sort=subject_id",
    "/numbers/covered",
    "/numbers/covered?sort=subject_id&page=5",
    "/numbers/devices?stage=in_use",
    f"/devices/{DEVICE}",
    f"/people/{PERSON}",
    "/policy",
    "/sources",
    "/api/v1/devices",
    "/api/v1/assignments?sort=-subject_id&offset=500",
    "/api/v1/numbers/covered",
)  # fmt: skip


def count_calls(action: Callable[[], Any]) -> Counter[CodeType]:
    """How often each Python function is called by *action*."""
    calls: Counter[CodeType] = Counter()

    def note(frame: FrameType, what: str, _: Any) -> None:
        if what == "call":
            calls[frame.f_code] += 1

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls


def calls_of(client: FlaskClient, path: str) -> Counter[CodeType]:
    """How often each Python function is called to answer *path*."""
    return count_calls(lambda: client.get(path).data)


@pytest.fixture(scope="module")
def towns():
    """Clients at a small and a large municipality of equally many units."""
    return {people: open_client(e.page_setup(large_snapshot(people, UNITS)), "tea") for people in (SMALL, LARGE)}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_calls_no_more_functions_in_a_large_municipality(towns, path):
    calls = {}
    for people, client in towns.items():
        first = client.get(path)  # builds the indexes that are kept with the snapshot
        assert first.status_code == 200, path
        calls[people] = calls_of(client, path).total()

    assert calls[LARGE] < calls[SMALL] * 1.1 + 500, path


def test_a_function_that_reads_every_row_is_seen_in_the_count(towns):
    calls = {people: calls_of(client, "/assignments?works=no&format=csv").total() for people, client in towns.items()}

    assert calls[LARGE] > calls[SMALL] * 3


def test_rows_behind_a_number_are_made_for_the_page_alone(towns):
    share_row = measures.SHARE_ROWS.row_of.__code__
    made = {people: calls_of(client, "/numbers/entitled")[share_row] for people, client in towns.items()}

    assert made == dict.fromkeys((SMALL, LARGE), NUMBERS.page_size)


def test_a_page_of_the_api_reads_the_cells_of_its_rows_alone(towns):
    client = towns[LARGE]
    client.get("/api/v1/devices?sort=serial")
    serial = next(column for column in DEVICES.columns if column.key == "serial")
    calls = count_calls(lambda: client.get("/api/v1/devices?sort=serial&limit=120&offset=900").data)

    assert calls[serial.value.__code__] == 120
    assert calls[ListColumn.shown_value.__code__] == 0


@pytest.mark.parametrize("path", [path for path in PAGES if not path.startswith("/api/")])
@pytest.mark.parametrize("day", ["", "2026-11-14"])
def test_no_page_is_larger_than_its_limit(towns, path, day):
    answer = towns[LARGE].get(f"{path}{'&' if '?' in path else '?'}as_of={day}")

    assert answer.status_code == 200 or (day and "/numbers/devices" in path)  # not kept for past days
    assert len(answer.data) <= MAX_PAGE_BYTES, path


# --- what is kept -----------------------------------------------------------------------------------------------------


def kept_indexes() -> list[weakref.ref[IndexedSnapshot]]:
    gc.collect()
    return [weakref.ref(value) for value in gc.get_objects() if isinstance(value, IndexedSnapshot)]


def test_the_indexes_of_a_snapshot_go_when_the_next_one_is_published_and_nobody_looks():
    setup = e.page_setup(e.empty_snapshot())
    client = open_client(setup, "tea")
    earlier = len(kept_indexes())
    assert client.get("/gaps").status_code == 200
    assert len(kept_indexes()) == earlier + 1

    setup.shown_holder.snapshot = msgspec.structs.replace(e.empty_snapshot())
    assert setup.shown_holder.exposition is setup.shown_holder.exposition  # rendered, as the daemon does it

    assert len(kept_indexes()) == earlier


class CountedHistory(e.FakeHistory):
    """Remembers which past days were read."""

    def past(self, day: date) -> Any:
        self.read_days = [*getattr(self, "read_days", []), day]
        return super().past(day)


def test_the_past_day_that_was_looked_at_last_is_read_once_per_snapshot():
    setup = e.page_setup()
    history = CountedHistory(setup.shown_holder)
    setup.services = msgspec.structs.replace(setup.services, history=history)
    client = open_client(setup, "tea")
    for path in ("/gaps?as_of=2026-11-14", "/assignments?as_of=2026-11-14", "/units/ekskolan?as_of=2026-11-14"):
        assert client.get(path).status_code == 200

    assert history.read_days == [date(2026, 11, 14)]
    client.get("/gaps?as_of=2026-11-13")
    setup.shown_holder.snapshot = msgspec.structs.replace(setup.shown_holder.snapshot)
    client.get("/gaps?as_of=2026-11-13")
    assert history.read_days == [date(2026, 11, 14), date(2026, 11, 13), date(2026, 11, 13)]


class ReplacedWhileRead(e.SnapshotHolder):
    """Publishes another snapshot between the reading of its exposition and that of its snapshot."""

    following: Snapshot | None = None

    def __getattribute__(self, name: str) -> Any:
        if name == "snapshot" and self.following is not None and self._rendered is not None:
            shown, self.following = self.following, None
            self.snapshot = shown
        return super().__getattribute__(name)


def test_a_snapshot_is_never_kept_under_the_exposition_of_another():
    first, second = e.empty_snapshot(), msgspec.structs.replace(e.empty_snapshot())
    published, indexes = ReplacedWhileRead(first), SnapshotIndexes(e.FakeHistory(e.SnapshotHolder(first)))
    before = indexes.newest(published)
    published.following = second
    after = indexes.newest(published)

    assert before.snapshot is first
    assert after.snapshot is second
    assert indexes.newest(published) is after
