"""Tokens are costly and the same everywhere: a pull computes those of a record once."""

import hmac
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from fleetsync.clock import ManualClock
from fleetsync.core.model import DeviceRecord, Key, PersonRecord, Policy, PullLimits, Record, Scheme, Verdict
from fleetsync.pull.http import OutboundNetwork
from fleetsync.pull.runner import NormalisationRules, PullRunner
from fleetsync.store.ledger import Ledger
from tests.flow.fake_connector import FakeConnector, pages
from tests.store.ledger_samples import SECRET, address, device, membership, person, token_of

PEOPLE = 20


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What tokens are computed of: the standard library's HMAC, counted."""
    messages: list[bytes] = []
    update: Callable[[hmac.HMAC, bytes], None] = hmac.HMAC.update

    def counted(of_key: hmac.HMAC, message: bytes) -> None:
        messages.append(message)
        update(of_key, message)

    monkeypatch.setattr(hmac.HMAC, "update", counted)
    return messages


def pull(ledger: Ledger, clock: ManualClock, name: str, *records: Record) -> int:
    """Pulled an hour later, and believed; the number of rows that were staged."""
    clock.set(clock.now() + timedelta(hours=1))
    source = FakeConnector(pages(records)).source(name)
    rules = NormalisationRules(policy=Policy(), token_secret=SECRET, row_secret=SECRET)
    result = PullRunner(ledger, clock, rules, lambda _: OutboundNetwork()).pull(source, source.parts[0], Event())
    assert result.verdict is Verdict.COMPLETE, result.reason
    effect = ledger.effect(result.pull)
    ledger.apply(effect, PullLimits())
    return len(effect.rows)


def people() -> list[Record]:
    """Each with two keys: with the id at the source, a person has three tokens."""
    account = [Key(Scheme.ACCOUNT, "exempelby", f"e{number}") for number in range(PEOPLE)]
    return [
        PersonRecord(source_id=f"u-{number}", keys=(address(f"e{number}@exempelby.se"), key))
        for number, key in enumerate(account)
    ]


def hide_others(ledger: Ledger, clock: ManualClock) -> None:
    """Somebody is protected, somebody is erased, and somebody is a child: so that everybody is compared with them."""
    child: Any = person("b-1", "tindra.al@exempelby.se", child=True)
    pull(ledger, clock, "skola", child)
    ledger.protect(["~protected"], clock.now())
    ledger.erase(["~erased"], clock.now())


@pytest.mark.parametrize(
    ("records", "tokens_each"),
    [
        (people(), 3),
        ([membership(f"m-{number}", f"u-{number}") for number in range(PEOPLE)], 1),
        ([device(str(number), f"e{number}@exempelby.se") for number in range(PEOPLE)], 1),
    ],
    ids=["person", "membership", "device"],
)
def test_the_tokens_of_a_record_are_computed_once_in_a_pull(
    ledger: Ledger, clock: ManualClock, computed: list[bytes], records: list[Record], tokens_each: int
) -> None:
    hide_others(ledger, clock)
    computed.clear()

    assert pull(ledger, clock, "hr", *records) == PEOPLE
    of_new = len(computed)
    computed.clear()
    assert pull(ledger, clock, "hr", *records) == 0

    assert of_new <= 2 * tokens_each * PEOPLE  # the store reads what another process may have staged by itself
    assert computed == []


def test_where_nobody_is_hidden_no_token_is_computed(ledger: Ledger, clock: ManualClock, computed: list[bytes]) -> None:
    assert pull(ledger, clock, "hr", *people()) == PEOPLE

    assert computed == []


def test_a_row_is_masked_by_the_tokens_that_came_with_it(
    ledger: Ledger, clock: ManualClock, computed: list[bytes]
) -> None:
    """A person is protected while the pull is under way: the store masks the row, and computes nothing again."""
    ipad = DeviceRecord(source_id="7", serial="SERIAL7", keys=(address("anna.ek@exempelby.se"),))
    token = token_of(ipad.keys[0])
    computed.clear()

    def protected_meanwhile(connect: Any) -> Iterator[Any]:
        yield from pages([ipad])(connect)
        ledger.protect([token], clock.now())

    source = FakeConnector(protected_meanwhile).source("jamf")
    rules = NormalisationRules(policy=Policy(), token_secret=SECRET, row_secret=SECRET)
    result = PullRunner(ledger, clock, rules, lambda _: OutboundNetwork()).pull(source, source.parts[0], Event())

    (row,) = ledger.effect(result.pull).rows
    assert row.masked
    assert len(computed) == 1
