"""One browser, one past of Exempelby, and the scenes that are read in it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import served
from tests.browser.reader import Reader, places

DAYS = 6
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return served.lived(tmp_path_factory.mktemp("past"), DAYS)


@pytest.fixture(scope="session")
def ordinary(past: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[served.Scene]:
    with served.ordinary(past, tmp_path_factory.mktemp("ordinary")) as scene:
        yield scene


@pytest.fixture(scope="module")
def held(past: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[served.Scene]:
    with served.held(past, tmp_path_factory.mktemp("held")) as scene:
        yield scene


@pytest.fixture
def newcomer(browser: Browser) -> Iterator[Callable[..., Reader]]:
    """A new window at a scene; when it closes, nothing may have been complained of or asked of another host."""
    opened: list[Reader] = []

    def come(scene: served.Scene, **context: Any) -> Reader:
        opened.append(Reader(browser, scene, **context))
        return opened[-1]

    yield come
    for reader in opened:
        reader.leave()
    assert [line for reader in opened for line in reader.noted] == []


@pytest.fixture(scope="session")
def keys(browser: Browser, ordinary: served.Scene) -> dict[str, Any]:
    """The session of a technician who signed in once."""
    reader = Reader(browser, ordinary)
    reader.goto("/").signs_in("tekniker")
    state: Any = reader.context.storage_state()
    reader.leave()
    return dict(state)


@pytest.fixture
def technician(newcomer: Callable[..., Reader], ordinary: served.Scene, keys: dict[str, Any]) -> Reader:
    """Somebody who is signed in already, at the ordinary day."""
    return newcomer(ordinary, storage_state=keys)


@pytest.fixture(scope="session")
def addresses(browser: Browser, ordinary: served.Scene, keys: dict[str, Any]) -> Any:
    """Every page of the ordinary day."""
    reader = Reader(browser, ordinary, storage_state=keys)
    found = places(reader)
    reader.leave()
    return found
