"""Who may not be told by his keys: the protected, the erased and children, read in whoever's transaction.

What is kept of them are tokens, which nobody can read without the key that lies outside of the database.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import cast

import msgspec
from sqlalchemy import Connection, Table, select

from fleetsync.core.masking import Tokeniser
from fleetsync.core.model import Key, PersonRecord, RecordType
from fleetsync.store import tables as t
from fleetsync.store.database import database_of
from fleetsync.store.ledger.base import decode_record, stream_rows

CHILD_BODY_MARKER = '"child":true'  # as `PersonRecord.child` stands in a body
PRIVACY_GENERATION_COUNTER = "hidings_total"


def protected_tokens(connection: Connection) -> frozenset[str]:
    """Tokens of everybody with a protected identity."""
    return frozenset(connection.execute(select(t.protected_token.c.token)).scalars())


def erased_tokens(connection: Connection) -> frozenset[str]:
    """Tokens of everybody who was erased."""
    return frozenset(connection.execute(select(t.erased_token.c.token)).scalars())


def store_tokens(connection: Connection, table: Table, tokens: Collection[str], at: datetime) -> None:
    """Keep *tokens* in *table*, those of the protected or of the erased; who was hidden before stays as he was."""
    fresh = sorted(set(tokens).difference(connection.execute(select(table.c.token)).scalars()))
    if fresh:
        when = "since" if table is t.protected_token else "erased_at"
        connection.execute(table.insert(), [{"token": token, when: at} for token in fresh])
        advance_privacy_generation(connection)


def privacy_generation(connection: Connection) -> int:
    """How often somebody was hidden so far. What was read before the last time may tell what is hidden by now."""
    counter = t.counter.c
    found = select(counter.total).where(counter.name == PRIVACY_GENERATION_COUNTER)
    return connection.execute(found).scalar_one_or_none() or 0


def advance_privacy_generation(connection: Connection) -> None:
    """Say that somebody was hidden in this transaction."""
    statement = database_of(connection).upsert(t.counter, ("name", "label"), added=("total",))
    connection.execute(statement, {"name": PRIVACY_GENERATION_COUNTER, "label": "", "total": 1})


# --- children -----------------------------------------------------------------------------------------------------------


class PersonKeys(msgspec.Struct, frozen=True):
    """What a row, believed or staged, tells of a person who is not masked."""

    source: str
    keys: tuple[Key, ...]
    is_child: bool
    is_gone: bool

    def tokens(self, token_of: Tokeniser) -> frozenset[str]:
        """Those of his keys."""
        return frozenset(token_of(key).value for key in self.keys)


def child_tokens(connection: Connection, token_of: Tokeniser) -> Mapping[str, frozenset[str]]:
    """Tokens of the keys of children of förskola and förskoleklass, by the source that says what they are.

    Told by all that is kept, with the keys by which another source knows the same child. Who has gone from the register
    stays a child for as long as her row is kept, since her tablet is pulled on; unless a record that is present says
    that she has grown up, at a source that tells who is a child.
    """
    children = [*_believed_keys(connection, CHILD_BODY_MARKER), *_staged_keys(connection, CHILD_BODY_MARKER)]
    if not children:
        return {}
    believed = _believed_keys(connection)
    grown = _grown_up_tokens(children, believed, token_of)
    found: dict[str, set[str]] = {}
    for child in children:
        tokens = child.tokens(token_of)
        if not child.is_gone or tokens.isdisjoint(grown):
            found.setdefault(child.source, set()).update(tokens)
    # One key alone adds nothing to itself.
    others = [one for one in (*believed, *_staged_keys(connection)) if len(one.keys) > 1]
    beside = [(one.source, one.tokens(token_of)) for one in others]
    return {
        name: frozenset(tokens).union(
            *(theirs for source, theirs in beside if source != name and not tokens.isdisjoint(theirs))
        )
        for name, tokens in found.items()
    }


def _grown_up_tokens(
    children: Sequence[PersonKeys], believed: Sequence[PersonKeys], token_of: Tokeniser
) -> frozenset[str]:
    if not any(child.is_gone for child in children):
        return frozenset()
    tellers = {child.source for child in children}
    grown = (one for one in believed if one.source in tellers and not one.is_child and not one.is_gone)
    return frozenset().union(*(one.tokens(token_of) for one in grown))


def _believed_keys(connection: Connection, having: str = "") -> list[PersonKeys]:
    """What is told of persons by what is believed, gone or not, with *having* in the body."""
    record = t.record.c
    is_person = (record.type == RecordType.PERSON.value) & ~record.masked
    rows = select(record.source, record.body, record.gone).where(is_person, record.body.contains(having))
    return [_person_keys(*row) for row in stream_rows(connection, rows)]


def _staged_keys(connection: Connection, having: str = "") -> list[PersonKeys]:
    staged = t.staged_record.c
    is_person = (staged.type == RecordType.PERSON.value) & ~staged.masked
    rows = (
        select(t.pull.c.source, staged.body)
        .select_from(t.staged_record.join(t.pull, t.pull.c.id == staged.pull_id))
        .where(is_person, staged.body.contains(having))
    )
    return [_person_keys(*row) for row in stream_rows(connection, rows)]


def _person_keys(source: str, body: str, is_gone: bool = False) -> PersonKeys:
    person = cast("PersonRecord", decode_record(body))
    return PersonKeys(source, person.keys, person.child, is_gone)
