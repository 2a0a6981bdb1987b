"""The pictures of the documents, made anew: all of Exempelby replayed, served by the real daemon, seen in Chromium.

    PYTHONPATH=. .venv/bin/python docs/pictures.py

Needs what `make test` installs. Everybody in the pictures is invented. The stripe that says that the clock is moved is
left out of them: it is there in every rehearsal, and tells nothing of the page.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from fleetsync import log
from tests.browser import scenarios

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
    """Write all of them; fails when one is too heavy for a document."""
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
            scenarios.ordinary(past, folder / "ordinary", with_schools=True) as scene,
            signed_in_page(browser, scene) as page,
        ):
            take_screenshots(page, scene, PICTURES)
        with scenarios.held(past, folder / "held", with_schools=True) as scene, signed_in_page(browser, scene) as page:
            while not scene.are_held_plans_ready():
                page.wait_for_timeout(200)
            take_screenshots(page, scene, HELD_PICTURES)
        browser.close()


@contextmanager
def signed_in_page(browser: Browser, scene: scenarios.ServedScenario) -> Iterator[Page]:
    """A technician's window, in Swedish and light."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 1200}, locale="sv-SE", color_scheme="light")
    page.goto(scene.address)
    page.locator("#name").fill("tekniker")
    page.locator("#password").fill(scenarios.PASSWORD)
    page.locator(".sign-in button").click()
    yield page
    page.close()


def take_screenshots(page: Page, scene: scenarios.ServedScenario, pictures: dict[str, tuple[str, int]]) -> None:
    """Each page from its head down, as high as it tells something."""
    for name, (path, height) in pictures.items():
        page.goto(scene.address + path)
        page.evaluate("document.fonts.ready")
        top = page.evaluate("document.querySelector('header.top').getBoundingClientRect().top")
        file = IMAGES / f"{name}.png"
        page.screenshot(path=file, clip={"x": 0, "y": top, "width": WIDTH, "height": height}, full_page=True)
        if file.stat().st_size > LARGEST_BYTES:
            sys.exit(f"{file.name} has {file.stat().st_size} bytes, more than {LARGEST_BYTES}: crop it")


if __name__ == "__main__":
    main()
