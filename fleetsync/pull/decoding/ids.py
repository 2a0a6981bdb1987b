"""Ids for rows to which a source gives none: made of what they hold, and numbered where several hold the same."""

from collections.abc import Collection, Iterable, Iterator
from itertools import takewhile
from typing import Final, NamedTuple

from fleetsync.core.model import Record
from fleetsync.pull.contract import UncertainRecord, UnreadableFact

UNREADABLE_IN_ID: Final = "?"
"""Stands in an id where a fact that the id is made of could not be read: see `fleetsync.pull.contract.UncertainRecord`."""


class IdNumbering:
    """Numbers equal names: `a`, `a/2`, `a/3`. One numbering serves one pull, or one person of it.

    The order of the rows decides the numbers, so rows are given in an order that does not change from pull to pull.
    """

    def __init__(self) -> None:
        self._count: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        number = self._count[name] = self._count.get(name, 0) + 1
        return name if number == 1 else f"{name}/{number}"


class MadeId(NamedTuple):
    """An id made of facts of a row. *prefix*: what it begins with before the first fact that could not be read; "" if all could."""

    source_id: str
    prefix: str


def make_id(*facts: str | None) -> MadeId:
    """The id of a row that has none, made of *facts*: of each the text, "" for a blank, None where it could not be read."""
    known = list(takewhile(lambda fact: fact is not None, facts))
    source_id = "/".join(UNREADABLE_IN_ID if fact is None else fact for fact in facts)
    return MadeId(source_id, "" if len(known) == len(facts) else "".join(f"{fact}/" for fact in known))


def record_of_made_id(
    record: Record, id_prefix: str, facts: Iterable[UnreadableFact], id_fields: Collection[str]
) -> Iterator[Record | UncertainRecord | UnreadableFact]:
    """A record and its unreadable *facts*; an uncertain one with those of its id, where one of them is a fact of the id.

    *id_prefix*: as of `MadeId`. *id_fields*: the fields that the id is made of.
    """
    noted = tuple(facts)
    if not id_prefix:
        yield from (record, *noted)
        return
    yield UncertainRecord(record, id_prefix, tuple(fact for fact in noted if fact.field in id_fields))
    yield from (fact for fact in noted if fact.field not in id_fields)
