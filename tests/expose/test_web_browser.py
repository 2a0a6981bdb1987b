"""The page in a real browser: its own security headers let it work, it asks no other host, and it fits a phone."""

import threading
from collections.abc import Iterator, Mapping

import pytest
from waitress import create_server

from fleetsync.expose.web import create_app
from tests.expose import example_page as e
from tests.expose.page_client import every_page

pytestmark = pytest.mark.part("chromium")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = create_server(create_app(e.page_setup().services).wsgi_app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(10)


def account_of(parameters: Mapping[str, object]) -> str:
    """A technician; for the page of the role that looks after protected persons, somebody of that role."""
    return "petra" if parameters.get("path") == "/protection" else "tea"


@pytest.fixture
def page(browser, address, request):
    """A page signed in by the real form; console errors and requests to other hosts are collected on it."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, locale="sv-SE")
    page = context.new_page()
    page.audited = []
    page.on("console", lambda message: page.audited.append(message.text) if message.type == "error" else None)
    page.on("request", lambda sent: None if sent.url.startswith(address) else page.audited.append(sent.url))
    page.goto(f"{address}/gaps?kind=stale")
    page.get_by_label("Namn").fill(
        account_of(request.node.callspec.params if hasattr(request.node, "callspec") else {})
    )
    page.get_by_label("Lösenord").fill(e.PASSWORD)
    page.get_by_role("button", name="Logga in").click()
    yield page
    context.close()


def test_signing_in_by_hand_leads_back(page, address):
    assert page.url == f"{address}/gaps?kind=stale"
    assert page.get_by_role("heading", level=1).inner_text().startswith("Ingen kontakt")


@pytest.mark.parametrize("path", every_page())
def test_every_page_obeys_its_own_policy_and_fits_a_phone(page, address, path):
    page.goto(address + path)
    page.set_viewport_size({"width": 390, "height": 800})

    assert page.audited == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("h1").count() == 1


def test_the_page_works_by_keyboard_alone(page, address):
    page.goto(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"

    page.get_by_role("searchbox").focus()
    page.keyboard.type("ekskolan")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/units/ekskolan")


def test_dark_is_dark_by_the_system_and_by_choice(page, address):
    ground = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    page.goto(address)
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    page.get_by_role("link", name="Ljust").click()

    assert light != dark
    assert page.evaluate(ground) == light


def test_a_decision_passes_through_the_form(page, address):
    page.goto(f"{address}/sources/intune/devices")
    page.get_by_label("Motivering").fill("Inventering")
    page.get_by_role("button", name="Godta hämtningen").click()

    assert page.get_by_text("Beslutet är antecknat").is_visible()
