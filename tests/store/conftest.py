"""Every test of the store runs on each kind of database, but those that are marked as one kind's."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fleetsync.clock import ManualClock
from fleetsync.store.ledger import Ledger
from tests.empty_database import write_empty_database
from tests.store.ledger_samples import MONDAY, ledger_at

KINDS = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_kind" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("only_database")
        kinds = KINDS if only is None else only.args
        marks: dict[str, Any] = {"postgresql": pytest.mark.part("postgresql")}
        metafunc.parametrize("database_kind", [pytest.param(kind, marks=marks.get(kind, ())) for kind in kinds])


@pytest.fixture
def file(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """What stands for a database: its SQLite file, or a file that holds its URL."""
    file = tmp_path / "fleetsync.db"
    with ExitStack() as stack:
        is_migrated = "ledger" in request.fixturenames
        if database_kind == "postgresql":
            server = request.getfixturevalue("postgresql_server")
            file.write_text(stack.enter_context(server.database(is_migrated=is_migrated)))
        elif is_migrated:
            write_empty_database(file)
        yield file


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY)


@pytest.fixture
def ledger(file: Path, clock: ManualClock) -> Iterator[Ledger]:
    with ledger_at(file, clock) as opened:
        yield opened
