"""Sets credits off against purchases. Pure.

First in, first out: a credit takes back the oldest purchase of its serial number. Of one order and article, the pieces
that come with serial numbers, and those credited, are taken off the pieces that were bought without.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from connectors.ledger_file.lines import LedgerLine
from fleetsync.core.model import DroppedKind

PurchaseKey = tuple[str | None, date | None]  # order, day: a line that is split over cost centres is one purchase
ArticleKey = tuple[str | None, str | None]  # order, model


class Purchase(msgspec.Struct, frozen=True, gc=False):
    """A device that was bought and not credited: its serial, and the line that counts."""

    serial: str
    line: LedgerLine


class LeftOut(msgspec.Struct, frozen=True, gc=False):
    """Pieces that are left out on purpose, by kind."""

    kind: DroppedKind
    pieces: int


def net_purchases(lines: Sequence[LedgerLine]) -> list[Purchase | LeftOut]:
    """The devices that are bought and not credited, and how many pieces are neither."""
    bought: defaultdict[str, dict[PurchaseKey, LedgerLine]] = defaultdict(dict)
    credited: defaultdict[str, set[PurchaseKey]] = defaultdict(set)
    for line in lines:
        key = (line.order, line.purchased_on)
        for serial in line.serials:
            if line.is_credit:
                credited[serial].add(key)
            else:
                bought[serial].setdefault(key, line)
    purchases: list[Purchase | LeftOut] = []
    for serial, of_serial in bought.items():
        oldest_first = sorted(of_serial.values(), key=lambda line: line.purchased_on or date.max)
        remaining = oldest_first[len(credited[serial]) :]
        purchases += [Purchase(serial, remaining[0])] if remaining else []
    counts = {
        DroppedKind.CREDITED: len(bought) - len(purchases),
        DroppedKind.WITHOUT_SERIAL: _pieces_without_serial(lines),
    }
    return [*purchases, *(LeftOut(kind, pieces) for kind, pieces in counts.items() if pieces)]


def _pieces_without_serial(lines: Iterable[LedgerLine]) -> int:
    balances: Counter[ArticleKey] = Counter()
    alone = 0
    for line in lines:
        without = line.pieces - len(line.serials)
        if line.order is None:
            alone += -without if line.is_credit else without
            continue
        # A line without serials is an order; one with serials delivers what was ordered.
        key = (line.order, line.model)
        balances[key] += -without if line.is_credit else without
        if line.serials and not line.is_credit and not without:
            balances[key] -= len(line.serials)
    return max(alone, 0) + sum(pieces for pieces in balances.values() if pieces > 0)
