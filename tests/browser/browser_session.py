"""Somebody at the page: what they click is counted, what the page complains of or asks of other hosts is noted."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, ViewportSize

from fleetsync.demo.replay import TODAY
from tests.browser.scenarios import ServedScenario
from tests.serving import PASSWORD

WAIT_SECONDS = 30.0
SCREEN: ViewportSize = {"width": 1400, "height": 1000}


class BrowserSession:
    """A browser window of its own. `clicks` counts what a hand does; typing and reading are free."""

    def __init__(self, browser: Browser, scene: ServedScenario, **context: Any) -> None:
        self.scene = scene
        self.clicks = 0
        self.problems: list[str] = []
        self.context = browser.new_context(**{"viewport": SCREEN, "locale": "sv-SE", **context})
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.context.on("request", lambda asked: None if self._is_ours(asked.url) else self.problems.append(asked.url))

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
        self.click(self.page.locator(".door button"))
        return self

    @property
    def path(self) -> str:
        """Where they are, without the host and what is asked."""
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
        found: list[list[str]] = self.page.locator(f"{table} tbody tr").evaluate_all(cells)
        return found

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


def page_paths(reader: BrowserSession) -> Mapping[str, str]:
    """Every page that there is, by a name: those of one thing with the first thing that something is wrong with."""
    short = reader.get_json("/api/v1/coverage?entitlement=staff&sort=-short")["rows"]
    found = {
        "overview": "/",
        "coverage": "/coverage",
        "gaps": "/gaps?severity=critical",
        "one kind of gap": "/gaps?kind=no_device",
        "assignments": "/assignments?works=no",
        "devices": "/devices?works=no&unit=vretaskolan&sort=serial",
        "sources": "/sources",
        "part": "/sources/personal/staff",
        "policy": "/policy",
        "number": "/numbers/not_working?entitlement=staff",
        "nothing there": "/finns-inte",
    }
    if short:
        reader.goto(f"{found['number']}")
        found["device"] = str(reader.page.locator(".as-devices a").first.get_attribute("href"))
        found["person"] = str(reader.page.locator(".as-text a[href^='/people/']").first.get_attribute("href"))
        yesterday = TODAY - timedelta(days=1)
        found["device then"] = f"{found['device']}?as_of={yesterday}"
        found["person then"] = f"{found['person']}?as_of={yesterday}"
    units = reader.goto("/policy").page.locator("table th a")
    found["unit"] = str(units.first.get_attribute("href"))
    return found
