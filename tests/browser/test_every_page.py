"""What holds for every page: accessible, as wide as the screen, usable by keyboard alone, and every link works."""

import re
from collections import Counter
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.browser_session import PAGE_NAMES, number

pytestmark = [pytest.mark.part("chromium"), pytest.mark.xdist_group("browser")]

WIDTHS = (390, 1400, 2560)
LAPTOPS = (1280, 1366, 1440)
GRAVE = {"serious", "critical"}
LIKE_EACH_OTHER = 3  # links of one shape that are followed: all pages of units are alike
MOST_LINKS = 250


def refusal_forgiven(reader):
    reader.problems[:] = [line for line in reader.problems if "404" not in line]


def graves(reader):
    """Violations of axe-core that keep somebody out: rule → where."""
    reader.page.evaluate(AXE_SCRIPT)
    result = reader.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return {
        violation["id"]: [node["target"] for node in violation["nodes"][:3]]
        for violation in result["violations"]
        if violation["impact"] in GRAVE
    }


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_a_page_keeps_nobody_out_in_both_languages_and_themes(technician, addresses, name):
    path = addresses[name]
    found_by_look = {}
    for language, theme in (("sv", "light"), ("en", "dark")):
        separator = "&" if "?" in path else "?"
        technician.goto(f"{path}{separator}lang={language}&theme={theme}")
        assert technician.page.locator("html").get_attribute("lang") == language
        if violations := graves(technician):
            found_by_look[language, theme] = violations
    refusal_forgiven(technician)

    assert found_by_look == {}


def test_the_sign_in_keeps_nobody_out(open_session, ordinary):
    guest = open_session(ordinary)

    assert {theme: graves(guest.goto(f"/sign-in?theme={theme}")) for theme in ("light", "dark")} == {
        "light": {},
        "dark": {},
    }


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_a_page_is_as_wide_as_its_screen(technician, addresses, name):
    technician.goto(addresses[name])
    page_widths = {}
    for width in WIDTHS:
        technician.page.set_viewport_size({"width": width, "height": 900})
        page_widths[width] = technician.page.evaluate("document.documentElement.scrollWidth")
    refusal_forgiven(technician)

    assert page_widths == {width: width for width in WIDTHS}
    assert technician.page.locator("h1").count() == 1


def test_all_rights_of_a_unit_are_seen_at_once_on_every_screen(open_session, schools):
    reader = open_session(schools).goto("/").sign_in("tekniker")
    hidden = {}
    for width in (*WIDTHS, *LAPTOPS):
        reader.page.set_viewport_size({"width": width, "height": 900})
        hidden[width] = reader.page.locator(".units .scroll").evaluate("table => table.scrollWidth - table.clientWidth")

    assert reader.page.locator(".matrix thead th").count() == 4
    assert set(hidden.values()) == {0}, hidden


def shape(path):
    parts = urlsplit(path)
    place = re.sub(r"^/(units|devices|people|numbers)/.+", r"/\1/", parts.path)
    return place, tuple(sorted(key for key, _ in parse_qsl(parts.query)))


def test_every_link_leads_somewhere(technician):
    ask, address = technician.context.request.get, technician.scene.address
    waiting, known, broken = ["/"], {"/"}, {}
    shapes: Counter[tuple[str, tuple[str, ...]]] = Counter()
    while waiting and len(known) < MOST_LINKS:
        path = waiting.pop(0)
        answer = ask(address + path)
        if answer.status != 200:
            broken[path] = answer.status
        if "text/html" not in answer.headers["content-type"]:
            continue
        for href in map(unescape, re.findall(r'href="([^"#]+)', answer.text())):
            assert not urlsplit(href).netloc, href
            if href not in known and shapes[shape(href)] < LIKE_EACH_OTHER:
                known.add(href)
                shapes[shape(href)] += 1
                waiting.append(href)

    assert broken == {}
    assert len(shapes) > 20


FOCUSABLE = """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')]
    .filter(element => element.checkVisibility())
    .map((element, place) => { element.dataset.place = place; return place; })"""
FOCUSED = """() => { const element = document.activeElement, style = getComputedStyle(element);
    return {place: element.dataset.place, visible: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0}; }"""


@pytest.mark.parametrize("name", ["overview", "unit", "one kind of gap", "policy"])
def test_the_tab_key_reaches_everything_and_shows_where_it_is(technician, addresses, name):
    technician.goto(addresses[name])
    wanted = set(map(str, technician.page.evaluate(FOCUSABLE)))
    reached, visible = set(), set()
    for _ in range(len(wanted) + 10):  # a field for a day has three stops
        technician.page.keyboard.press("Tab")
        at = technician.page.evaluate(FOCUSED)
        if at.get("place") is None:
            break
        reached.add(at["place"])
        if at["visible"]:  # within a field for a day the last stop is a button of the browser's own
            visible.add(at["place"])

    assert reached == wanted
    assert reached == visible


def test_a_language_is_changed_on_the_page_where_one_is(technician, addresses):
    path = addresses["numbers"]
    technician.goto(path)
    technician.click(technician.page.get_by_role("link", name="English"))
    assert technician.path == urlsplit(path).path
    assert dict(parse_qsl(urlsplit(technician.page.url).query))["entitlement"] == "staff"
    assert technician.title.startswith("Not working")

    technician.goto("/policy")
    assert technician.title == "Policy"
    technician.click(technician.page.get_by_role("link", name="Svenska"))
    assert technician.title == "Regler"


def test_dark_and_light_are_chosen_and_kept(technician):
    ground = "getComputedStyle(document.body).backgroundColor"
    technician.page.emulate_media(color_scheme="light")
    light = technician.goto("/").page.evaluate(ground)
    technician.click(technician.page.get_by_role("link", name="Mörkt"))
    dark = technician.page.evaluate(ground)

    assert dark != light
    assert technician.goto("/gaps?kind=no_device").page.evaluate(ground) == dark
    technician.click(technician.page.get_by_role("link", name="Som systemet"))
    assert technician.page.evaluate(ground) == light


def published(text):
    """(name, labels) → number, of the text format."""
    lines = re.findall(r"^fleetsync_(\w+)\{([^}]*)\} ([\d.e+]+)$", text, re.MULTILINE)
    return {
        (name, tuple(sorted(re.findall(r'(\w+)="([^"]*)"', labels)))): float(value) for name, labels, value in lines
    }


OPENED = (
    "entitled",
    "short",
    "assigned",
    "covered",
    "unknown",
    "undecided",
    "surplus",
    "gaps",
    "devices",
    "secure_devices",
)


@pytest.mark.parametrize("measure", OPENED)
def test_a_number_is_the_same_published_shown_and_added_up(technician, measure):
    series = published(technician.context.request.get(f"{technician.scene.address}/metrics").text())
    cells = [(labels, value) for (name, labels), value in series.items() if name == measure and value]
    assert cells
    for labels, value in (cells[0], cells[-1]):
        technician.goto(f"/numbers/{measure}?{'&'.join(f'{key}={word}' for key, word in labels)}")
        rows = technician.get_json(f"/api/v1/numbers/{measure}?{'&'.join(f'{key}={word}' for key, word in labels)}")[
            "rows"
        ]

        assert number(technician.text(".big-number")) == value, labels
        assert number(technician.text(".tools b")) == value, labels
        assert sum(row["count"] for row in rows) == value, labels
