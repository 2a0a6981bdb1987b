"""Makes the pictures of the documents: Exempelby is replayed, served by the real daemon, and photographed in Chromium.

    PYTHONPATH=. .venv/bin/python docs/pictures.py

Needs what `make test` installs. All people in the pictures are invented. The banner that says that the clock is moved is
cut off: it appears in every demo, and says nothing about the page.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from fleetsync import log
from tests.browser import scenarios
from tests.serving import PASSWORD

IMAGES = Path(__file__).with_name("images")
REPLAYED_DAYS = 45  # as far back as a trend goes
WIDTH = 1400
LARGEST_BYTES = 400_000
PICTURES = {
    "overview": ("/", 1240),
    "unit": ("/units/vretaskolan", 1205),
    "numbers": ("/numbers/not_working?entitlement=pupils", 800),
}
HELD_PICTURES = {"sources-held": ("/sources/personal/staff", 830)}


def main() -> None:
    """Write all pictures. Fails when a picture is too large for a document."""
    log.setup("ERROR")
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="fleetsync-pictures-") as name, sync_playwright() as playwright:
        folder = Path(name)
        past = scenarios.replay_past(folder / "past", REPLAYED_DAYS, with_schools=True)
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu"],
            env={"LANGUAGE": "sv", "HOME": name},
        )
        with (
            scenarios.ordinary(past, folder / "ordinary", with_schools=True) as scenario,
            signed_in_page(browser, scenario) as page,
        ):
            take_screenshots(page, scenario, PICTURES)
        with (
            scenarios.held(past, folder / "held", with_schools=True) as scenario,
            signed_in_page(browser, scenario) as page,
        ):
            while not scenario.are_held_plans_ready():
                page.wait_for_timeout(200)
            take_screenshots(page, scenario, HELD_PICTURES)
        browser.close()


@contextmanager
def signed_in_page(browser: Browser, scenario: scenarios.ServedScenario) -> Iterator[Page]:
    """A technician's browser window, in Swedish, with the light theme."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 1200}, locale="sv-SE", color_scheme="light")
    page.goto(scenario.address)
    page.locator("#name").fill("tekniker")
    page.locator("#password").fill(PASSWORD)
    page.locator(".sign-in button").click()
    yield page
    page.close()


def take_screenshots(page: Page, scenario: scenarios.ServedScenario, pictures: dict[str, tuple[str, int]]) -> None:
    """Photograph each page from its header down to the given height."""
    for name, (path, height) in pictures.items():
        page.goto(scenario.address + path)
        page.evaluate("document.fonts.ready")
        top = page.evaluate("document.querySelector('header.top').getBoundingClientRect().top")
        file = IMAGES / f"{name}.png"
        page.screenshot(path=file, clip={"x": 0, "y": top, "width": WIDTH, "height": height}, full_page=True)
        if file.stat().st_size > LARGEST_BYTES:
            sys.exit(f"{file.name} has {file.stat().st_size} bytes, more than {LARGEST_BYTES}: crop it")


if __name__ == "__main__":
    main()
