"""One browser, one replayed past of Exempelby, and the served scenarios."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser import scenarios
from tests.browser.browser_session import BrowserSession, page_paths

DAYS = 6


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenarios.replay_past(tmp_path_factory.mktemp("past"), DAYS)


@pytest.fixture(scope="session")
def ordinary(past: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[scenarios.ServedScenario]:
    with scenarios.ordinary(past, tmp_path_factory.mktemp("ordinary")) as scene:
        yield scene


@pytest.fixture(scope="session")
def schools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[scenarios.ServedScenario]:
    """The whole municipality, with one day behind it: pupils, classes, sets and pools."""
    past = scenarios.replay_past(tmp_path_factory.mktemp("schools"), 1, with_schools=True)
    with scenarios.ordinary(past, tmp_path_factory.mktemp("school-day"), with_schools=True) as scene:
        yield scene


@pytest.fixture(scope="module")
def held(past: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[scenarios.ServedScenario]:
    with scenarios.held(past, tmp_path_factory.mktemp("held")) as scene:
        yield scene


@pytest.fixture
def open_session(browser: Browser) -> Iterator[Callable[..., BrowserSession]]:
    """Opens windows at a scene; at the end there may be no console error and no request to another host."""
    opened: list[BrowserSession] = []

    def open_window(scene: scenarios.ServedScenario, **context: Any) -> BrowserSession:
        opened.append(BrowserSession(browser, scene, **context))
        return opened[-1]

    yield open_window
    for reader in opened:
        reader.close_window()
    assert [line for reader in opened for line in reader.problems] == []


@pytest.fixture(scope="session")
def shared_session(browser: Browser, ordinary: scenarios.ServedScenario) -> BrowserSession:
    """A technician's window that stays open, since a new one for each test takes half of all the time."""
    return BrowserSession(browser, ordinary).goto("/").sign_in("tekniker")


@pytest.fixture(scope="session")
def protection_session(browser: Browser, ordinary: scenarios.ServedScenario) -> BrowserSession:
    """The window of an account of the role `protection`, which alone may open that page."""
    return BrowserSession(browser, ordinary).goto("/").sign_in("skydd")


@pytest.fixture
def technician(request: pytest.FixtureRequest, shared_session: BrowserSession) -> Iterator[BrowserSession]:
    """A session of the ordinary day that is signed in, with nothing chosen yet; at a page that technicians may not
    open, that of the role that may.
    """
    parameters = getattr(request.node, "callspec", None)
    is_protection = parameters is not None and parameters.params.get("name") == "protection"
    session: BrowserSession = request.getfixturevalue("protection_session") if is_protection else shared_session
    session.reset()
    yield session
    assert session.problems == []


@pytest.fixture(scope="session")
def addresses(shared_session: BrowserSession) -> Mapping[str, str]:
    """Every page of the ordinary day."""
    return page_paths(shared_session)
