"""What a pull keeps of children of förskola and förskoleklass: tokens, whichever source is read first."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from fleetsync.clock import ManualClock
from fleetsync.core.model import (
    DeviceRecord,
    Key,
    PartRole,
    PersonRecord,
    Policy,
    PullLimits,
    Record,
    RecordType,
    Scheme,
)
from fleetsync.pull.contract import Page, Part, SourceSettings
from fleetsync.pull.http import OutboundNetwork
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import NormalisationRules, PullRunner
from fleetsync.store.ledger import Ledger
from tests.store.ledger_samples import SECRET, bytes_of, dump

TINDRA = "Tindra.Al@exempelby.se"
HER_WORDS = (b"tindra", b"Tindra", b"tial01")


def address(value: str) -> Key:
    return Key(Scheme.ADDRESS, "", value)


ACCOUNT = Key(Scheme.ACCOUNT, "exempelby", "tial01")


def source_of(name: str, *source_records: Record, role: PartRole = PartRole.ROSTER) -> Source:
    """A source that gives these records, one part for all of them."""
    part = Part(name, tuple(RecordType), role=role)
    module: Any = SimpleNamespace(
        PARTS=(part,),
        pull=lambda part, settings, connect: iter([Page(source_records)]),
        normalise=lambda part, settings, raw: (raw,),
    )
    return Source(SourceSettings(kind="invented", name=name, store_names=True), module)


def register(child: bool = True) -> Source:
    return source_of("skola", PersonRecord(source_id="b-1", keys=(address(TINDRA),), name="Tindra Al", child=child))


def devices(**more: Any) -> Source:
    by_address = DeviceRecord(source_id="7", serial="SERIAL7", keys=(address(TINDRA),), name="Tindras iPad", **more)
    by_account = DeviceRecord(source_id="8", serial="SERIAL8", keys=(ACCOUNT,))
    others = DeviceRecord(source_id="9", serial="SERIAL9", keys=(address("bo.al@exempelby.se"),))
    return source_of("jamf", by_address, by_account, others, role=PartRole.MDM)


def directory() -> Source:
    return source_of("entra", PersonRecord(source_id="guid-1", keys=(address(TINDRA), ACCOUNT), name="Tindra Al"))


def pulled(ledger: Ledger, clock: ManualClock, source: Source) -> int:
    """A pull that is applied; the number of rows that it staged."""
    clock.set(clock.now() + timedelta(hours=1))
    rules = NormalisationRules(policy=Policy(), token_secret=SECRET, row_secret=SECRET, keeps_device_names=True)
    done = PullRunner(ledger, clock, rules, lambda _: OutboundNetwork()).pull(source, source.parts[0], Event())
    effect = ledger.effect(done.pull)
    ledger.apply(effect, PullLimits())
    return len(effect.rows)


def kept(ledger: Ledger) -> dict[str, Any]:
    return {entry.record.source_id: entry.record for entry in ledger.believed(()).known}


@pytest.mark.parametrize(
    "order", list(permutations([register, directory, devices])), ids=lambda order: order[0].__name__
)
def test_the_log_in_of_a_child_is_in_no_byte_of_the_database(
    ledger: Ledger, clock: ManualClock, file: Path, order: tuple[Any, ...]
) -> None:
    for source in order:
        pulled(ledger, clock, source())

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []
    assert b"bo.al@exempelby.se" in bytes_of(file)
    records = kept(ledger)
    (token_key,) = records["b-1"].keys
    assert token_key.is_token
    assert records["7"].keys == (token_key,)
    assert records["guid-1"].keys == (token_key, *records["8"].keys)
    assert (records["b-1"].name, records["guid-1"].name, records["7"].name) == (None, None, None)


def test_what_is_read_beside_the_register_is_hidden_when_it_ends(
    ledger: Ledger, clock: ManualClock, file: Path
) -> None:
    source = devices()

    def while_the_register_is_read(*_: Any) -> Iterator[Page]:
        yield Page([DeviceRecord(source_id="7", serial="SERIAL7", keys=(address(TINDRA),))])
        pulled(ledger, clock, register())

    source.module.pull = while_the_register_is_read  # type: ignore[misc]
    pulled(ledger, clock, source)

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []
    assert kept(ledger)["7"].keys == kept(ledger)["b-1"].keys


def test_read_again_nothing_is_staged(ledger: Ledger, clock: ManualClock) -> None:
    sources = (register(), directory(), devices())
    for source in sources:
        pulled(ledger, clock, source)

    assert [pulled(ledger, clock, source) for source in sources] == [0, 0, 0]


def test_a_child_grows_up(ledger: Ledger, clock: ManualClock) -> None:
    for source in (register(), directory(), devices(), register(child=False), directory(), devices()):
        pulled(ledger, clock, source)

    records = kept(ledger)
    assert records["b-1"].keys == records["7"].keys == (address(TINDRA.casefold()),)
    assert records["8"].keys == (ACCOUNT,)


def test_a_rehearsal_writes_no_byte_of_what_it_finds_hidden(ledger: Ledger, clock: ManualClock, file: Path) -> None:
    from fleetsync.daemon.memory_staging import MemoryStaging

    pulled(ledger, clock, devices())
    before = dump(file)
    rules = NormalisationRules(policy=Policy(), token_secret=SECRET, row_secret=SECRET)
    source = register()
    PullRunner(MemoryStaging(ledger), clock, rules, lambda _: OutboundNetwork()).pull(source, source.parts[0], Event())

    assert dump(file) == before
