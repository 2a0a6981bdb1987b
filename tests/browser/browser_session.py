"""A browser session: counts clicks, collects console errors and requests to other hosts."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, ViewportSize

from fleetsync.demo.days import DEMO_DAY
from fleetsync.expose.web.registry import PAGES
from tests.browser.scenarios import ServedScenario
from tests.serving import PASSWORD

WAIT_SECONDS = 30.0
SCREEN: ViewportSize = {"width": 1400, "height": 1000}


class BrowserSession:
    """A browser window of its own. `clicks` counts clicks only; typing and reading are free."""

    def __init__(self, browser: Browser, scene: ServedScenario, **context: Any) -> None:
        self.scene = scene
        self.clicks = 0
        self.problems: list[str] = []
        self.context = browser.new_context(**{"viewport": SCREEN, "locale": "sv-SE", **context})
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.context.on("request", lambda sent: None if self._is_ours(sent.url) else self.problems.append(sent.url))

    def _is_ours(self, url: str) -> bool:
        return url.startswith((f"{self.scene.address}/", "data:"))

    def goto(self, path: str) -> "BrowserSession":
        """Open an address of the page, as a bookmark or a link in a mail does."""
        self.page.goto(self.scene.address + path)
        return self

    def click(self, target: Locator) -> None:
        """One click, and what it leads to."""
        target.click()
        self.page.wait_for_load_state()
        self.clicks += 1

    def sign_in(self, name: str, password: str = PASSWORD) -> "BrowserSession":
        """By the form that is on the screen, in either language."""
        self.page.locator("#name").fill(name)
        self.page.locator("#password").fill(password)
        self.click(self.page.locator(".sign-in button"))
        return self

    @property
    def path(self) -> str:
        """The path of the current page, without host and query."""
        return urlsplit(self.page.url).path

    @property
    def title(self) -> str:
        """The heading of the page."""
        return self.page.locator("h1").inner_text().replace("\u00a0", " ")

    def text(self, where: str = "main") -> str:
        """What is read there."""
        return self.page.locator(where).inner_text().replace("\u00a0", " ")

    def rows(self, table: str = "table") -> list[list[str]]:
        """The cells of a table's body, as they are read."""
        cells = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.replaceAll('\\u00a0', ' ').trim()))"
        rows: list[list[str]] = self.page.locator(f"{table} tbody tr").evaluate_all(cells)
        return rows

    def get_json(self, path: str) -> Any:
        """A document of the API, with the same session."""
        return self.context.request.get(self.scene.address + path).json()

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Until *is_so*; the daemon reconciles in its own time. Raises AssertionError when it takes too long."""
        clock = self.scene.daemon.clock
        deadline = clock.monotonic() + WAIT_SECONDS
        while not is_so():
            assert clock.monotonic() < deadline, "it never came"
            self.page.wait_for_timeout(100)

    def reset(self) -> None:
        """As if the window were new, but for the session."""
        self.clicks, self.problems = 0, []
        self.page.set_viewport_size(SCREEN)
        for chosen in ("lang", "theme"):
            self.context.clear_cookies(name=chosen)

    def close_window(self) -> None:
        """Close the window."""
        self.context.close()


def number(text: str) -> int:
    """A number as the page writes it."""
    return int("".join(sign for sign in text if sign.isdigit()))


# States of pages that are looked at beside the plain page of each entry of PAGES.
SPECIAL_STATES = {
    "one kind of gap": "/gaps?kind=no_device",
    "idle devices": "/devices?works=no&unit=vretaskolan&sort=serial",
    "idle assignments": "/assignments?works=no",
    "nothing there": "/finns-inte",
}
DAY_STATES = ("device", "person")  # pages of one subject that are also looked at as of yesterday
PAGE_NAMES = (
    *(endpoint.removeprefix("pages.") for endpoint in PAGES),
    *SPECIAL_STATES,
    *(f"{name} then" for name in DAY_STATES),
)


def page_paths(reader: BrowserSession) -> Mapping[str, str]:
    """The address of every page by its name in PAGE_NAMES. A new parameter of an address needs an example here."""
    numbers = "/numbers/not_working?entitlement=staff"
    device, person = (
        str(reader.goto(numbers).page.locator(f"td a[href^='/{kind}/']").first.get_attribute("href")).split("?")[0]
        for kind in ("devices", "people")
    )
    unit = str(reader.goto("/policy").page.locator("table th a").first.get_attribute("href"))
    examples = {
        "slug": unit.removeprefix("/units/"),
        "device_id": device.removeprefix("/devices/"),
        "person_id": person.removeprefix("/people/"),
        "measure": "not_working?entitlement=staff",
        "source": "personal",
        "part": "staff",
    }
    paths = {
        endpoint.removeprefix("pages."): re.sub(r"<(\w+)>", lambda match: examples[match[1]], entry.rule)
        for endpoint, entry in PAGES.items()
    }
    yesterday = DEMO_DAY - timedelta(days=1)
    return {**paths, **SPECIAL_STATES, **{f"{name} then": f"{paths[name]}?as_of={yesterday}" for name in DAY_STATES}}
