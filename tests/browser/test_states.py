"""Unusual days: before the first delivery, after weeks without one, and when the application itself fails."""

import sqlite3

import pytest

from tests.browser import scenarios
from tests.browser.test_every_page import graves

pytestmark = [pytest.mark.part("chromium"), pytest.mark.xdist_group("browser")]

SILENT_DAYS = 40
NOTHING_READ = "Inget är hämtat än, så inget kan räknas. Se vad källorna väntar på"


@pytest.fixture(scope="module")
def silent(past, tmp_path_factory):
    with scenarios.silent(past, tmp_path_factory.mktemp("silent"), SILENT_DAYS) as scene:
        yield scene


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    with scenarios.first_start(tmp_path_factory.mktemp("first")) as scene:
        yield scene


def test_what_rests_on_old_data_says_so_and_how_old(open_session, silent):
    tea = open_session(silent).goto("/").sign_in("tekniker")
    tea.wait_until(lambda: "hämtas inte" in tea.goto("/").text(".fresh-list"))

    assert "Talen vilar på gamla uppgifter." in tea.text(".banner.old")
    assert "De är gamla, inte lägre." in tea.text(".banner.old")
    assert f"intune/devices är {SILENT_DAYS + 1} dagar gammal" in tea.text(".banner.old")
    assert graves(tea) == {}
    for path in ("/units/vretaskolan", "/coverage", "/gaps", "/numbers/short"):
        assert "vilar på gamla uppgifter" in tea.goto(path).text(".head")

    tea.goto("/sources")
    assert tea.page.locator(".chip.failing").count() >= 1
    assert tea.page.locator(".chip.old").count() >= 1
    reason = '[id="intune/devices"] .reason'
    assert "Källan släpper inte in oss" in tea.text(reason)
    assert "fleetsync check intune" not in tea.text(reason)
    tea.click(tea.page.locator(f"{reason} summary"))
    assert "fleetsync check intune" in tea.text(reason)
    assert graves(tea) == {}


def test_a_first_start_says_what_to_do_and_shows_no_number(open_session, first):
    tea = open_session(first).goto("/").sign_in("tekniker")

    assert tea.title == "Här syns läget när källorna har hämtats"
    assert "fleetsync check" in tea.text(".steps")
    assert "inte hämtad än" in tea.text(".fresh-list")
    assert "Ingen fil har kommit än. Be den som exporterar listan" in tea.text(".fresh-list")
    assert graves(tea) == {}
    for path, sentence in (
        ("/coverage", NOTHING_READ),
        ("/gaps?kind=no_device", NOTHING_READ),
        ("/devices", NOTHING_READ),
        ("/numbers/short", NOTHING_READ),
        ("/units/vretaskolan", NOTHING_READ),
    ):
        assert sentence in tea.goto(path).text()
        assert graves(tea) == {}


def test_a_day_without_numbers_is_said_in_words(open_session, ordinary):
    tea = open_session(ordinary).goto("/coverage?as_of=2026-01-01").sign_in("tekniker")
    tea.problems.clear()

    assert "Det finns inga tal för 1 jan. 2026. De första är från 18 nov. 2026." in tea.text()


def test_a_defect_of_ours_is_a_page_and_not_a_traceback(open_session, first):
    tea = open_session(first).goto("/").sign_in("tekniker")
    database = sqlite3.connect(first.environment.folder / "database" / "fleetsync.db")
    database.execute("ALTER TABLE pull RENAME TO misplaced")
    tea.goto("/sources/personal/staff")
    database.execute("ALTER TABLE misplaced RENAME TO pull")
    database.close()
    tea.problems.clear()

    assert tea.title == "Något gick fel hos oss"
    assert "misplaced" not in tea.page.content()
    assert "Traceback" not in tea.page.content()
    assert graves(tea) == {}
