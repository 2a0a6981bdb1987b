"""One browser, one past of Exempelby, and the scenes that are read in it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser import served
from tests.browser.reader import Reader, places

DAYS = 6


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return served.lived(tmp_path_factory.mktemp("past"), DAYS)


@pytest.fixture(scope="session")
def ordinary(past: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[served.Scene]:
    with served.ordinary(past, tmp_path_factory.mktemp("ordinary")) as scene:
        yield scene


@pytest.fixture(scope="session")
def schools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[served.Scene]:
    """The whole municipality, with one day behind it: pupils, classes, sets and pools."""
    past = served.lived(tmp_path_factory.mktemp("schools"), 1, with_schools=True)
    with served.ordinary(past, tmp_path_factory.mktemp("school-day"), with_schools=True) as scene:
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
def resident(browser: Browser, ordinary: served.Scene) -> Reader:
    """A technician's window that stays open, since a new one for each test takes half of all the time."""
    return Reader(browser, ordinary).goto("/").signs_in("tekniker")


@pytest.fixture
def technician(resident: Reader) -> Iterator[Reader]:
    """Somebody who is signed in already, at the ordinary day, and has chosen nothing yet."""
    resident.forgets()
    yield resident
    assert resident.noted == []


@pytest.fixture(scope="session")
def addresses(resident: Reader) -> Mapping[str, str]:
    """Every page of the ordinary day."""
    return places(resident)
