from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsync.clock import SetClock
from fleetsync.store.ledger import Ledger
from tests.store.scenes import MONDAY, opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fleetsync.db"


@pytest.fixture
def clock() -> SetClock:
    return SetClock(MONDAY)


@pytest.fixture
def ledger(file: Path, clock: SetClock) -> Iterator[Ledger]:
    with opened(file, clock) as made:
        yield made
