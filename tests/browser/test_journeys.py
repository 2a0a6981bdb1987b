"""Typical journeys through the pages, with the number of clicks of each: the number is part of the design."""

import csv
from io import BytesIO

import pytest
from python_calamine import CalamineWorkbook

from fleetsync.demo.days import DEMO_DAY
from tests.browser.browser_session import number

pytestmark = [pytest.mark.part("chromium"), pytest.mark.xdist_group("browser")]

YESTERDAY = DEMO_DAY.replace(day=DEMO_DAY.day - 1)


def test_a_technician_gets_from_the_sign_in_to_the_record_behind_a_missing_device_in_five_clicks(
    open_session, ordinary
):
    tea = open_session(ordinary).goto("/").sign_in("tekniker")
    assert "saknas" in tea.title
    assert tea.page.locator(".rule.alarm").count() >= 1
    (worst, *_) = tea.get_json("/api/v1/coverage?entitlement=staff&sort=-short")["rows"]

    tea.click(tea.page.locator(f".matrix th a[href='/units/{worst['unit']}']").first)
    card = tea.page.locator("#staff")
    assert number(card.locator(".sums .strong dd").last.inner_text()) == worst["short"]

    tea.click(card.locator(".sums .strong dd a").last)
    assert tea.title == f"Saknar {worst['short']}"
    assert sum(number(row[0]) for row in tea.rows()) == worst["short"]

    tea.click(tea.page.locator("td a[href^='/people/']").first)
    assert "Anställda ska ha" in tea.text(".decisions li.in")

    tea.click(tea.page.locator("main td a[href^='/sources/']").first)
    assert tea.path == "/sources/personal/staff"
    assert "komplett" in " ".join(row[2] for row in tea.rows())
    assert tea.clicks == 5


def test_a_technician_gets_from_the_sign_in_to_the_pull_behind_an_idle_device_in_four_clicks(open_session, ordinary):
    tea = open_session(ordinary).goto("/").sign_in("tekniker")
    tea.click(tea.page.locator(".hero .lead a").first)
    assert tea.title.startswith("Har, inte i drift")

    link = tea.page.locator(".as-devices a").first
    serial = link.inner_text()
    tea.click(link)
    assert serial in tea.title
    assert "Inte i drift" in tea.text(".verdict")

    tea.click(tea.page.locator("tbody th a[href^='/sources/']").first)
    assert tea.page.locator("td .chip.fresh").count() > 0
    assert tea.clicks == 4


def test_a_strategist_reads_the_rules_a_past_day_and_takes_the_numbers_home_in_six_clicks(open_session, ordinary):
    stina = open_session(ordinary, accept_downloads=True).goto("/").sign_in("strateg")
    trend = stina.page.locator(".rule .spark").first
    assert (trend.locator("title").text_content() or "").startswith("Från")

    stina.click(stina.page.get_by_role("link", name="Regler"))
    assert "Målet är 100 %. Larm när täckningen legat under 95 %" in stina.text()

    stina.click(stina.page.get_by_role("link", name="Täckning"))
    stina.page.locator("#as_of").fill(YESTERDAY.isoformat())
    stina.click(stina.page.get_by_role("button", name="Visa dagen"))
    assert "Så här såg det ut måndag 23 november 2026" in stina.text(".banner.past")

    read = [[row[0], row[1], *map(number, row[2:10])] for row in stina.rows(".sheet")]
    assert read
    assert in_csv(downloaded(stina, "CSV")) == read
    assert in_xlsx(downloaded(stina, "XLSX")) == read
    assert stina.clicks == 6


def downloaded(reader, name):
    with reader.page.expect_download() as coming:
        reader.page.get_by_role("link", name=name).click()
    reader.clicks += 1
    return coming.value.path().read_bytes()


def in_csv(content):
    _, *rows = csv.reader(content.decode("utf-8-sig").splitlines(), delimiter=";")
    return [[row[0], row[1], *map(int, row[2:10])] for row in rows]


def in_xlsx(content):
    _, *rows = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()
    return [[row[0], row[1], *(int(str(cell).removesuffix(".0")) for cell in row[2:10])] for row in rows]


def test_a_principal_follows_a_link_to_the_own_unit_and_prints_it_in_one_click(open_session, ordinary):
    rektor = open_session(ordinary).goto("/units/vretaskolan").sign_in("strateg")
    assert rektor.title.startswith("Vretaskolan")
    assert rektor.page.locator("#staff .ratio").is_visible()

    rektor.page.emulate_media(media="print")
    for hidden in (".top nav", ".search", ".dated", "footer ul"):
        assert not rektor.page.locator(hidden).is_visible()
    assert rektor.page.locator("#staff .ratio").is_visible()
    assert rektor.page.pdf().startswith(b"%PDF")
    assert rektor.clicks == 1


def test_only_a_technician_is_shown_the_log_ins_of_a_person(open_session, ordinary, technician, addresses):
    assert "@exempelby.se" in technician.goto(addresses["person"]).text()

    stina = open_session(ordinary).goto(addresses["person"]).sign_in("strateg")
    assert "Inloggningar visas för tekniker" in stina.text()
    assert "@exempelby.se" not in stina.text()


# --- a school with pupils ---------------------------------------------------------------------------------------------


def sets_of(reader):
    """The rows of the class sets: name and numbers. The last cell is the way to count a set by hand."""
    return [
        [row[0], *map(number, row[1:-1])] for row in reader.rows("section:has(h2:text-is('Klassuppsättningar')) table")
    ]


def test_a_technician_gets_from_the_sign_in_to_the_pull_behind_a_set_that_is_too_small_in_five_clicks(
    open_session, schools
):
    tea = open_session(schools).goto("/").sign_in("tekniker")
    tea.click(tea.page.locator(".todo a", has_text="Klassuppsättning för liten").first)
    assert tea.page.locator(".as-gap").count() == len(tea.rows())

    link = tea.page.locator("td a[href^='/assignments']").first
    name = link.inner_text()
    tea.click(link)
    assert len(tea.rows()) == number(tea.text(".tools p:first-child"))
    assert {row[1] for row in tea.rows()} == {name}

    tea.click(tea.page.locator("td a[href^='/devices/']").first)
    history = tea.rows("section:has(h2:text-is('Vem eller vad det har räknats för')) table")
    assert history[0][0].startswith(name)
    assert history[0][3] == "fortfarande"

    tea.click(tea.page.locator("tbody th a[href^='/sources/']").first)
    assert tea.page.locator("td .chip.fresh").count() > 0
    assert tea.clicks == 5


def test_a_principal_sees_the_classes_of_the_own_school_and_opens_each_number_with_one_click(open_session, schools):
    rektor = open_session(schools).goto("/units/vretaskolan").sign_in("strateg")
    sets = sets_of(rektor)
    assert [row[0] for row in sets] == sorted(row[0] for row in sets)
    assert sum(row[3] for row in sets) == number(
        rektor.page.locator("#pupils .sums .inner", has_text="klassuppsättning").locator("dd").inner_text()
    )
    for place, (_, *counts) in enumerate(sets[:1] + sets[-1:]):
        for column, count in enumerate(counts, 1):
            rektor.goto("/units/vretaskolan")
            row = rektor.page.locator("section:has(h2:text-is('Klassuppsättningar')) tbody tr").nth(-place)
            rektor.page.goto(schools.address + str(row.locator("td a").nth(column - 1).get_attribute("href")))
            assert (
                number(rektor.text(".tools b" if rektor.path.startswith("/numbers") else ".tools p:first-child"))
                == count
            )


def test_a_strategist_asks_why_a_pupil_was_short_yesterday_in_five_clicks(open_session, schools):
    stina = open_session(schools).goto("/").sign_in("strateg")
    stina.click(stina.page.get_by_role("link", name="Vretaskolan"))
    stina.page.locator("#as_of").fill(YESTERDAY.isoformat())
    stina.click(stina.page.get_by_role("button", name="Visa dagen"))
    short = number(stina.page.locator("#pupils .sums .strong dd").last.inner_text())

    stina.click(stina.page.locator("#pupils .sums .strong dd a").last)
    assert sum(number(row[0]) for row in stina.rows()) == short

    stina.click(stina.page.locator("td a[href^='/people/']").first)
    assert "Så här såg det ut måndag 23 november 2026" in stina.text(".banner.past")
    assert "Elever i årskurs 1–9 skulle ha 1" in stina.text(".decisions")
    assert stina.clicks == 5
