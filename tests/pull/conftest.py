import pytest

from tests.store.conftest import clock, file, ledger

__all__ = ["clock", "file", "ledger"]  # a ledger of its own for each test, as in the store's


@pytest.fixture
def database_kind() -> str:
    """What a pull does with the store is tried on each kind of database by the tests of the store."""
    return "sqlite"
