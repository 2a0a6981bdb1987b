from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsync.clock import ManualClock
from fleetsync.store.ledger import Ledger
from tests.empty_database import write_empty_database
from tests.store.ledger_samples import MONDAY, ledger_at


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fleetsync.db"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY)


@pytest.fixture
def ledger(file: Path, clock: ManualClock) -> Iterator[Ledger]:
    write_empty_database(file)
    with ledger_at(file, clock) as opened:
        yield opened
