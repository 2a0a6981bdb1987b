from tests.store.conftest import clock, file, ledger

__all__ = ["clock", "file", "ledger"]  # a ledger of its own for each test, as in the store's
