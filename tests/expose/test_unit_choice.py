"""Units on overview and policy: paged, searched and sorted, every one of them to be reached."""

import re

import pytest

from fleetsync.core.model import RESERVED_UNITS
from fleetsync.expose.web.unit_choice import UNITS_PER_PAGE
from tests.expose import example_page as e
from tests.expose.large_town import large_snapshot, unit_at
from tests.expose.page_client import hrefs, open_client, read, visible_text

UNITS = 60


@pytest.fixture(scope="module")
def client():
    return open_client(e.page_setup(large_snapshot(600, UNITS)), "tea")


def shown_units(text: str) -> list[str]:
    """The units of the page's table, in its order."""
    table = text.partition('id="units"')[2].partition("</table>")[0]
    return re.findall(r'<th scope="row"><a href="/units/([^"]+)"', table)


def walk(client, path: str) -> list[str]:
    """The units of all pages from *path* on."""
    units: list[str] = []
    while path:
        text = read(path, client)
        units += shown_units(text)
        assert len(shown_units(text)) <= UNITS_PER_PAGE
        after = re.findall(r'<a rel="next" href="([^"]+)"', text)
        path = after[0].replace("&amp;", "&").partition("#")[0] if after else ""
    return units


@pytest.mark.parametrize("order", ["", "short", "coverage", "name"])
def test_every_unit_is_on_exactly_one_page_of_the_overview(client, order):
    with_numbers = {row.unit for row in large_snapshot(600, UNITS).outcome.coverage if row.entitled or row.surplus}
    units = walk(client, f"/?order={order}")

    assert len(with_numbers) > 2 * UNITS_PER_PAGE
    assert sorted(units) == sorted(with_numbers)


def test_the_units_that_are_most_short_come_first(client):
    short: dict[str, int] = {}
    for row in large_snapshot(600, UNITS).outcome.coverage:
        short[row.unit] = short.get(row.unit, 0) + row.short
    units = walk(client, "/")

    assert [short[unit] for unit in units] == sorted((short[unit] for unit in units), reverse=True)
    assert short[units[0]] > short[units[-1]]


def test_units_by_lowest_coverage_and_by_name(client):
    rows = {row.unit: row for row in large_snapshot(600, UNITS).outcome.coverage if row.entitlement == "staff"}
    by_coverage = [unit for unit in walk(client, "/?order=coverage") if unit in rows and rows[unit].entitled]
    ratios = [rows[unit].covered / rows[unit].entitled for unit in by_coverage]
    assert ratios == sorted(ratios)

    names = [unit_at(int(unit[-3:])).name for unit in walk(client, "/?order=name") if unit.startswith("enhet")]
    assert names == sorted(names, key=lambda name: name.casefold().translate(str.maketrans("åäö", "{|}")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("björkskolan 2", ["Björkskolan 2"]),
        ("BJÖRKSK", ["Björkskolan 2", "Björkskolan 3", "Björkskolan 5", "Björkskolan 6"]),
        ("k17", ["Hasselskolan 2"]),
        ("enhet-017", ["Hasselskolan 2"]),
        ("finns inte", []),
    ],
)
def test_units_are_searched_by_part_of_a_name_or_code(client, text, expected):
    names = [unit_at(int(unit[-3:])).name for unit in walk(client, f"/?find={text}&order=name")]

    assert names == expected
    if not expected:
        assert "Ingen enhet motsvarar valen." in visible_text(read(f"/?find={text}", client))


def test_a_school_form_is_chosen_by_its_name_and_its_choice_says_how_many_there_are(client):
    text = read("/", client)
    count = re.search(r'<option value="förskola">förskola \((\d+)\)', text)
    units = walk(client, "/?form=förskola")

    assert count is not None
    assert len(units) == int(count[1]) > 0
    assert all("FS" in unit_at(int(unit[-3:])).school_forms for unit in units)


def test_choices_stay_when_the_page_is_turned_and_go_when_they_are_cleared(client):
    text = read("/?find=skolan&order=name", client)
    (following,) = re.findall(r'<a rel="next" href="([^"]+)"', text)

    assert following == "/?find=skolan&amp;order=name&amp;page=2#units"
    assert "/?order=name#units" in hrefs(text)  # clear
    assert 'value="skolan"' in text
    assert '<option value="name" selected>' in text


@pytest.mark.parametrize("page", ["0", "-1", "99", "x"])
def test_a_page_that_is_not_there_is_the_nearest_one(client, page):
    last = (len(walk(client, "/")) - 1) // UNITS_PER_PAGE + 1
    assert f"sida {last if page == '99' else 1} av {last}" in visible_text(read(f"/?page={page}", client))


def test_a_search_text_is_written_as_text(client):
    assert "<script>" not in read("/?find=<script>", client)


def test_a_municipality_whose_units_fit_on_one_page_has_no_search_and_no_pages():
    text = read("/")

    assert len(shown_units(text)) > 3
    assert 'name="find"' not in text
    assert 'class="pages"' not in text


def test_the_policy_has_every_unit_by_name_on_its_pages(client):
    units = walk(client, "/policy")

    assert set(units) == {unit_at(place).slug for place in range(UNITS)}
    assert not set(units) & RESERVED_UNITS
