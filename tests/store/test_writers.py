import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select, update

from fleetsync.store import tables as t
from fleetsync.store.ledger import Ledger, StaleReconciliation
from fleetsync.store.sqlite_database import JOURNAL_PAGES
from tests.store.ledger_samples import (
    MONDAY,
    believed_records,
    coverage,
    device,
    ledger_at,
    outcome,
    record_outcome,
    row_to_put,
    stage_and_apply,
)

TIMES = 100


def raise_counter(ledger: Ledger) -> None:
    """Read, then write what was read and one more: a deferred transaction fails or loses here."""
    for _ in range(TIMES):
        with ledger._write_transaction(changes_believed=False) as connection:
            total = connection.execute(select(t.counter.c.total)).scalar_one()
            connection.execute(update(t.counter).values(total=total + 1))


def counter_of(ledger: Ledger) -> None:
    with ledger._write_transaction(changes_believed=False) as connection:
        connection.execute(t.counter.insert().values(name="times", label="", total=0))


def test_four_threads_that_write_at_once_all_get_their_turn(ledger: Ledger) -> None:
    counter_of(ledger)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(raise_counter, ledger) for _ in range(4)]:
            done.result()

    assert ledger.counters() == {("times", ""): 4 * TIMES}


def test_two_ledgers_on_one_file_that_write_at_once_both_get_their_turn(ledger: Ledger, file: Path) -> None:
    counter_of(ledger)
    with ledger_at(file) as other, ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(raise_counter, writer) for writer in (ledger, other)]:
            done.result()

    assert ledger.counters() == {("times", ""): 2 * TIMES}


def test_sources_are_pulled_side_by_side_while_others_read_and_reconcile(ledger: Ledger) -> None:
    stop = threading.Event()

    def pull(source: str) -> None:
        for number in range(10):
            stage_and_apply(ledger, [row_to_put(device(f"{number}-{row}")) for row in range(20)], source=source)

    def read() -> None:
        while not stop.is_set():
            assert len(believed_records(ledger)) % 20 == 0  # a pull is seen whole or not at all
            with suppress(StaleReconciliation):  # a pull was applied since; a run judges again then
                record_outcome(ledger, outcome(MONDAY, coverage=(coverage(),)))

    with ThreadPoolExecutor(4) as pool:
        reader = pool.submit(read)
        for done in [pool.submit(pull, source) for source in ("jamf", "intune", "google")]:
            done.result()
        stop.set()
        reader.result()

    assert len(believed_records(ledger)) == 600


@pytest.mark.only_database("sqlite")
def test_what_a_pull_stages_and_applies_goes_into_the_file_once_the_outcome_is_recorded(
    ledger: Ledger, file: Path
) -> None:
    journal, size_before = file.with_name(f"{file.name}-wal"), file.stat().st_size

    stage_and_apply(ledger, [row_to_put(device(f"device {number}", location="Vretaskolan")) for number in range(8_000)])
    journaled, size_after_applying = journal.stat().st_size, file.stat().st_size
    record_outcome(ledger, outcome())

    assert journaled > JOURNAL_PAGES * 4096, "any other transaction would have moved so much"
    assert size_before == size_after_applying < file.stat().st_size
