"""Finds persons whose keys may only be stored as tokens: protected, erased, and children. Uses the caller's transaction.

Nobody can read the tokens without the key that is kept outside of the database.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, Table, delete, func, select

from fleetsync.core.model import Key, PersonRecord, RecordType
from fleetsync.store import tables as t
from fleetsync.store.bulk import read_many
from fleetsync.store.database import database_of
from fleetsync.store.ledger.base import decode_record

CHILD_BODY_MARKER = '"child":true'  # as `PersonRecord.child` stands in a body
PRIVACY_GENERATION_COUNTER = "hidings_total"

KeysTokeniser = Callable[[tuple[Key, ...]], frozenset[str]]  # keys of one person → their tokens


def protected_tokens(connection: Connection) -> frozenset[str]:
    """Tokens of all persons with a protected identity."""
    return frozenset(connection.execute(select(t.protected_token.c.token)).scalars())


def pending_marks(connection: Connection, pull: int | None = None) -> frozenset[str]:
    """Tokens of persons whom *pull* (None: any pull) marks, and who are not protected before it is believed."""
    statement = select(t.pending_mark.c.token)
    if pull is not None:
        statement = statement.where(t.pending_mark.c.pull_id == pull)
    return frozenset(connection.execute(statement).scalars())


def pending_persons(connection: Connection, pull: int) -> Mapping[str, str]:
    """Whom *pull* marks, by their tokens: the token of the person's id, of each token that a mark named."""
    mark = t.pending_mark.c
    statement = select(mark.token, mark.person).where(mark.pull_id == pull, mark.person.is_not(None))
    return {row.token: row.person for row in connection.execute(statement)}


def drop_pending_marks(connection: Connection, source: str, part: str, *, but_of: int | None = None) -> None:
    """Forget the marks of the part's pulls that were not believed, *but_of* one of them."""
    pull = t.pull.c
    of_part = select(pull.id).where(pull.source == source, pull.part == part)
    statement = delete(t.pending_mark).where(t.pending_mark.c.pull_id.in_(of_part))
    if but_of is not None:
        statement = statement.where(t.pending_mark.c.pull_id != but_of)
    connection.execute(statement)


def erased_tokens(connection: Connection) -> frozenset[str]:
    """Tokens of all erased persons."""
    return frozenset(connection.execute(select(t.erased_token.c.token)).scalars())


def store_tokens(connection: Connection, table: Table, tokens: Collection[str], at: datetime) -> None:
    """Keep *tokens* in *table*, that of the protected or that of the erased; tokens it has already keep their date."""
    fresh = sorted(set(tokens).difference(connection.execute(select(table.c.token)).scalars()))
    if fresh:
        when = "since" if table is t.protected_token else "erased_at"
        connection.execute(table.insert(), [{"token": token, when: at} for token in fresh])
        advance_privacy_generation(connection)


def privacy_generation(connection: Connection) -> int:
    """How often a person was hidden so far. What was read under an older number may show what is hidden by now."""
    counter = t.counter.c
    statement = select(counter.total).where(counter.name == PRIVACY_GENERATION_COUNTER)
    return connection.execute(statement).scalar_one_or_none() or 0


def advance_privacy_generation(connection: Connection) -> None:
    """Record that a person was hidden in this transaction."""
    statement = database_of(connection).upsert(t.counter, ("name", "label"), added=("total",))
    connection.execute(statement, {"name": PRIVACY_GENERATION_COUNTER, "label": "", "total": 1})


# --- children -----------------------------------------------------------------------------------------------------------


def children_stamp(connection: Connection) -> Sequence[Any]:
    """Differs whenever `child_tokens` may: rows of persons were staged, believed, hidden or removed in between."""
    state, staged = t.part_state.c, t.staged_record.c
    believed = select(state.source, state.part, state.complete_pull).order_by(state.source, state.part)
    is_person = staged.type == RecordType.PERSON.value
    waiting = select(staged.pull_id, func.count()).where(is_person).group_by(staged.pull_id).order_by(staged.pull_id)
    kept = select(func.count()).select_from(t.record)
    rows = (connection.execute(statement).all() for statement in (believed, waiting, kept))
    return (privacy_generation(connection), *rows)


class PersonKeys(msgspec.Struct, frozen=True):
    """The keys of a person who is not masked, from a believed or a staged row."""

    source: str
    keys: tuple[Key, ...]
    is_child: bool
    is_gone: bool


def child_tokens(connection: Connection, tokens_of: KeysTokeniser) -> Mapping[str, frozenset[str]]:
    """Tokens of the keys of children of förskola and förskoleklass, by the source that says that they are.

    From all rows that are kept, with the keys by which another source knows the same child. A child who has gone from
    the register stays a child for as long as the row is kept, since the child's tablet is still pulled; unless a present
    record, at a source that says who is a child, says that the child has grown up.
    """
    children = [*_believed_keys(connection, CHILD_BODY_MARKER), *_staged_keys(connection, CHILD_BODY_MARKER)]
    if not children:
        return {}
    believed = _believed_keys(connection)
    grown_up = _grown_up_tokens(children, believed, tokens_of)
    by_source: dict[str, set[str]] = {}
    for child in children:
        tokens = tokens_of(child.keys)
        if not child.is_gone or tokens.isdisjoint(grown_up):
            by_source.setdefault(child.source, set()).update(tokens)
    # A person with a single key adds no other key to a child's.
    others = [person for person in (*believed, *_staged_keys(connection)) if len(person.keys) > 1]
    same_person = [(person.source, tokens_of(person.keys)) for person in others]
    return {
        name: frozenset(tokens).union(
            *(theirs for source, theirs in same_person if source != name and not tokens.isdisjoint(theirs))
        )
        for name, tokens in by_source.items()
    }


def _grown_up_tokens(
    children: Sequence[PersonKeys], believed: Sequence[PersonKeys], tokens_of: KeysTokeniser
) -> frozenset[str]:
    if not any(child.is_gone for child in children):
        return frozenset()
    sources = {child.source for child in children}
    grown_up = (p for p in believed if p.source in sources and not p.is_child and not p.is_gone)
    return frozenset().union(*(tokens_of(person.keys) for person in grown_up))


def _believed_keys(connection: Connection, having: str = "") -> list[PersonKeys]:
    """The keys of believed persons, gone or not, with *having* in the body."""
    record = t.record.c
    is_person = (record.type == RecordType.PERSON.value) & ~record.masked
    rows = select(record.source, record.body, record.gone).where(is_person, record.body.contains(having))
    return [_person_keys(*row) for row in read_many(connection, rows)]


def _staged_keys(connection: Connection, having: str = "") -> list[PersonKeys]:
    staged = t.staged_record.c
    is_person = (staged.type == RecordType.PERSON.value) & ~staged.masked
    rows = (
        select(t.pull.c.source, staged.body)
        .select_from(t.staged_record.join(t.pull, t.pull.c.id == staged.pull_id))
        .where(is_person, staged.body.contains(having))
    )
    return [_person_keys(*row) for row in read_many(connection, rows)]


def _person_keys(source: str, body: str, is_gone: bool = False) -> PersonKeys:
    person = cast("PersonRecord", decode_record(body))
    return PersonKeys(source, person.keys, person.child, is_gone)
