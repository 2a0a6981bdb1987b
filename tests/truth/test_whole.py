"""The whole demo municipality, replayed through the real pipeline over a school year with its turnover.

Published numbers equal the expected ones, a past day shows what was published on it, and nothing about protected
persons or children is stored, logged or shown.
"""

import io
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from threading import Event
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from fleetsync import log, sync
from fleetsync.cli.accounts import hash_password
from fleetsync.core.measures import MEASURES
from fleetsync.core.model import BelievedRecord, Outcome
from fleetsync.core.snapshot import PAST_DAY_MEASURES, Snapshot
from fleetsync.daemon.composition import build_application
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.daemon.ledger_ports import LedgerHistory
from fleetsync.daemon.service import Daemon
from fleetsync.demo.configuration import DELIVERIES
from fleetsync.demo.editions import BLANK_HEADCOUNT_ON, HALF_LEDGER_ON
from fleetsync.demo.oneroster_rows import NO_RIGHT_SPAN
from fleetsync.demo.replay import DemoEnvironment, run_day
from fleetsync.demo.truth import GroundTruth
from fleetsync.settings import Settings
from tests.flow.memory_check import checked_memory  # noqa: F401 - used by all tests here
from tests.serving import PASSWORD, free_port, serving_daemon, signed_in_session
from tests.truth import expected_tables
from tests.truth.comparison import TruthDifference, differences

# All tests share one replay. With TRUTH=all every day of the year is replayed; see CONTRIBUTING.md.
pytestmark = pytest.mark.xdist_group("whole")

EVERY_DAY = os.environ.get("TRUTH") == "all"  # the whole school year with its turnover
YEAR = tuple(date(2025, 9, 1) + timedelta(days=number) for number in range(450))
SAMPLE = (
    date(2026, 6, 10),
    date(2026, 6, 11),  # the last school day; its memberships count until the turnover
    date(2026, 7, 3),  # the register has rewritten its years
    date(2026, 7, 15),  # and deleted leavers
    date(2026, 8, 10),
    date(2026, 8, 14),
    date(2026, 8, 17),  # the first school day
    date(2026, 8, 18),  # no new gaps on the second school day
    date(2026, 8, 24),
    date(2026, 8, 25),  # new gaps in the second school week
)
DAYS = YEAR if EVERY_DAY else SAMPLE

CANARY = re.compile(rb"(?i)kanarie\w*")
DIGITS = re.compile(rb"(?=(\d{12}|\d{6}-?\d{4}))")
OF_EACH_PAGE = 40 if EVERY_DAY else 3  # how many pages of a kind are read: unit, person, device, past day …


@dataclass(frozen=True)
class Past:
    """The replay: its environment, the differences and the held parts of each day, ten published snapshots, the last
    outcome, and the log."""

    environment: DemoEnvironment
    settings: Settings
    wrong: dict[date, list[TruthDifference]]
    held: dict[date, set[tuple[str, str]]]
    published: dict[date, Snapshot]
    last: list[Outcome]
    logged: io.StringIO


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    logged = io.StringIO()
    log.setup("DEBUG", json=True, to=logged)
    environment = DemoEnvironment(
        tmp_path_factory.mktemp("whole"), listen=f"127.0.0.1:{free_port()}", with_schools=True
    )
    truth = GroundTruth(environment.world, DAYS[0])
    with environment.open() as settings:
        past = Past(environment, settings, {}, {}, {}, [], logged)
        with open_configured_ledger(settings, environment.clock) as ledger:
            application = build_application(settings, environment.clock, ledger, Event())
            for day in DAYS:
                report = run_day(environment, application, day)
                outcome = report.outcome
                past.last[:] = [outcome]
                past.held[day] = {(judged.pulled.source, judged.pulled.part) for judged in report.held}
                if wrong := differences(outcome, truth, day):
                    past.wrong[day] = wrong
                if day in SAMPLE:
                    past.published[day] = sync.rebuild_snapshot(application.run_context)
        yield past
    log.setup("ERROR")


# --- published numbers -------------------------------------------------------------------------------------------------


def test_every_published_number_is_as_expected_on_every_day(past: Past) -> None:
    assert {str(day): wrong[:20] for day, wrong in past.wrong.items()} == {}


def test_damaged_editions_and_a_lost_right_were_held_while_the_numbers_stayed_right(past: Past) -> None:
    first_with_blank_numbers = next(day for day in DAYS if day >= BLANK_HEADCOUNT_ON)
    first_with_half_a_ledger = next(day for day in DAYS if day >= HALF_LEDGER_ON)

    assert ("antal", "children") in past.held[first_with_blank_numbers]
    assert ("ekonomi", "purchases") in past.held[first_with_half_a_ledger]
    assert {("skolplattform", "pupils"), ("skolplattform", "staff")} <= past.held[NO_RIGHT_SPAN[0]]


@pytest.mark.parametrize(("seed", "looks"), [(1, 2), (2, 1)])
def test_numbers_on_the_day_of_installation_and_the_next_are_as_expected(tmp_path: Path, seed: int, looks: int) -> None:
    environment = DemoEnvironment(tmp_path, seed, with_schools=True)
    installed = date(2026, 11, 24)
    truth = GroundTruth(environment.world, installed)
    with environment.open() as settings, open_configured_ledger(settings, environment.clock) as ledger:
        application = build_application(settings, environment.clock, ledger, Event())
        for day in (installed + timedelta(days=number) for number in range(looks)):
            outcome = run_day(environment, application, day).outcome
            assert differences(outcome, truth, day) == []
            # In the middle of the move, so that both MDMs have them.
            assert _devices_known_to(outcome, "intune", "jamf-school", "apple") == 40


def test_what_several_sources_know_is_one_device_and_one_person(past: Past) -> None:
    (outcome,) = past.last
    teachers = Counter(frozenset(_sources(case.person.records)) for case in outcome.people)
    pupils_of_two_registers = teachers[frozenset({"skolregister", "skolplattform"})]

    assert _devices_known_to(outcome, "jamf-school", "apple", "ekonomi") == 186  # the pools of the preschools
    assert _devices_known_to(outcome, "jamf-pro", "apple") == 12  # Macs
    assert teachers[frozenset({"personal", "skolregister", "entra"})] > 400
    assert teachers[frozenset({"personal", "skolplattform", "entra"})] > 90
    assert pupils_of_two_registers > 100  # who have come from a school of the other register


def _devices_known_to(outcome: Outcome, *sources: str) -> int:
    """How many devices have records of exactly these sources. AppleCare, which is asked for a few each day, is left out."""
    return sum(_sources(case.device.records) - {"apple-care"} == set(sources) for case in outcome.devices)


def _sources(records: Iterable[BelievedRecord]) -> set[str]:
    return {record.source for record in records}


def test_the_expected_numbers_are_the_reviewed_ones() -> None:
    for file, text in expected_tables.tables().items():
        assert file.read_text(encoding="utf-8") == text, file.name


def test_the_first_days_of_august_are_quiet_and_the_second_school_week_is_not(past: Past) -> None:
    def without(day: date) -> float:
        gaps = past.published[day].numbers["fleetsync_gaps"]
        return sum(number for (_, kind, _), number in gaps.items() if kind == "no_device")

    before, *quiet = (without(date(2026, 8, day)) for day in (10, 14, 17, 18))
    assert quiet == [before] * 3
    assert without(date(2026, 8, 25)) > before


def test_the_rows_of_every_number_add_up_to_it(past: Past) -> None:
    snapshot = past.published[SAMPLE[-1]]

    for measure in MEASURES:
        for labels, number in snapshot.numbers[measure.name].items():
            assert sum(row.count for row in snapshot.rows(measure.name, labels)) == number, (measure.name, labels)


# --- a past day is what was published on it ---------------------------------------------------------------------------


def test_each_of_ten_past_days_shows_what_was_published(past: Past) -> None:
    with open_configured_ledger(past.settings, past.environment.clock) as ledger:
        application = build_application(past.settings, past.environment.clock, ledger, Event())
        now = sync.rebuild_snapshot(application.run_context)
        history = LedgerHistory(lambda: application.run_context, lambda: now)
        for day, then in past.published.items():
            snapshot = history.past(day)
            assert snapshot is not None
            for name in PAST_DAY_MEASURES:
                assert _there(snapshot, name) == _there(then, name), (day, name)
                for labels, number in snapshot.numbers[name].items():
                    assert sum(row.count for row in snapshot.rows(name, labels)) == number, (day, name, labels)


def _there(snapshot: Snapshot, name: str) -> dict[tuple[str, ...], float]:
    return {labels: number for labels, number in snapshot.numbers[name].items() if number}


# --- protected persons and children ---------------------------------------------------------------------------------


def test_no_canary_is_stored_or_logged(past: Past) -> None:
    forbidden = _forbidden(past)
    kept = [file for file in sorted((past.environment.folder / "database").rglob("*")) if file.is_file()]
    delivered = max((past.environment.folder / DELIVERIES / "personal").glob("*.csv"))

    assert forbidden.found_in(delivered.read_bytes()) & forbidden.numbers, "the delivered file has forbidden texts"
    assert sum(file.stat().st_size for file in kept) > 1_000_000
    assert {file.name: leaked for file in kept if (leaked := forbidden.found_in(file.read_bytes()))} == {}
    assert past.logged.getvalue().count("\n") > 2 * len(DAYS)
    assert forbidden.found_in(past.logged.getvalue().encode()) == set()


def test_no_canary_is_on_any_page_in_any_export_or_metric(past: Past) -> None:
    forbidden = _forbidden(past)
    with _reading(past) as (browser, address):
        read = {path: forbidden.found_in(body) for path, body in _all_pages(browser, address)}

    kinds = {_kind(path) for path in read}
    assert {"/", "/gaps", "/devices", "/policy", "/sources", "/metrics", "/units/…", "/devices/…", "/people/…"} <= kinds
    assert {"/devices format xlsx", "/gaps format csv", "/gaps as_of"} <= kinds
    assert {path: leaked for path, leaked in read.items() if leaked} == {}


@dataclass(frozen=True)
class Forbidden:
    """Texts of children and protected persons that may never be stored or shown."""

    numbers: frozenset[bytes]

    def found_in(self, kept: bytes) -> set[bytes]:
        """The forbidden texts in *kept*, also inside a workbook."""
        if kept.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(kept)) as workbook:
                kept = b"\n".join(workbook.read(name) for name in workbook.namelist())
        digits = {match.group(1).replace(b"-", b"") for match in DIGITS.finditer(kept)}
        return set(CANARY.findall(kept)) | (digits & self.numbers)


def _forbidden(past: Past) -> Forbidden:
    texts = [text.encode() for text in past.environment.world.canaries]
    civic = [text for text in texts if not CANARY.search(text)]
    assert len(civic) > 4000
    assert all(len(text) == 12 and text.isdigit() for text in civic)
    return Forbidden(frozenset([*civic, *(text[2:] for text in civic)]))


@contextmanager
def _reading(past: Past) -> Iterator[tuple[requests.Session, str]]:
    daemon = Daemon(past.settings, past.environment.clock)
    daemon.ledger.add_account("tekniker", hash_password(PASSWORD), "technician")
    with serving_daemon(daemon), signed_in_session(daemon.address, "tekniker") as browser:
        yield browser, daemon.address


def _all_pages(browser: requests.Session, address: str) -> Iterator[tuple[str, bytes]]:
    """(path, body) of some linked pages of each kind, and of the metrics."""
    before = SAMPLE[-3]
    queue = ["/", "/metrics", *(f"{path}?as_of={before}" for path in ("/coverage", "/gaps", "/units/kullaskolan"))]
    read, kinds = set[str](), Counter[str]()
    while queue:
        path = queue.pop(0)
        if path in read or kinds[_kind(path)] >= OF_EACH_PAGE:
            continue
        read.add(path)
        kinds[_kind(path)] += 1
        answer = browser.get(address + path)
        assert answer.status_code == 200, path
        yield path, answer.content
        if "html" in answer.headers["Content-Type"]:
            queue += _links(answer.text, path)


def _kind(path: str) -> str:
    """The kind of a page. Pages that differ only in id, filter or order are of the same kind."""
    about, _, query = path.partition("?")
    first, *rest = about.strip("/").split("/")
    marks = [name for name in ("as_of", "format", "xlsx", "csv") if name in query]
    return f"/{first}{'/…' * len(rest)}{''.join(f' {mark}' for mark in marks)}"


def _links(page: str, path: str) -> Iterator[str]:
    for href in re.findall(r'href="([^"]+)"', page):
        to = urlsplit(urljoin(path, unescape(href)))
        if not to.netloc and not to.path.startswith("/static"):
            yield f"{to.path}?{to.query}" if to.query else to.path
