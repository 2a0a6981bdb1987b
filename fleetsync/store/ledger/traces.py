"""Where somebody who is hidden is spoken of: looked for by tokens, and widened until nothing is added.

Fails closed: who shares a key or an id with somebody protected is hidden with him, a log-in of former days included.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, select

from fleetsync.core.masking import TokenOf, tokens_of
from fleetsync.core.model import DeviceRecord, Key, Record, RecordType, Scheme
from fleetsync.store import tables as t
from fleetsync.store.ledger.desk import record_of

SPEAK_OF_PEOPLE = (RecordType.PERSON.value, RecordType.MEMBERSHIP.value, RecordType.DEVICE.value)


@dataclass(slots=True)
class Trace:
    """A row of some table that holds a record, and by which tokens people are recognised in it."""

    table: Table
    at: tuple[Any, ...]  # values of the table's primary key
    source: str
    part: str
    record: Record
    tokens: frozenset[str]
    thing: str | None = None

    @property
    def is_device(self) -> bool:
        """Whether it speaks of a device, whose keys are what it says of its user; they make nobody else his."""
        return isinstance(self.record, DeviceRecord)


@dataclass(slots=True, frozen=True)
class Ties:
    """Log-ins that no record tells of any more, or ever did: dated ones, and those of the overrides."""

    dated: Sequence[tuple[str, str]] = ()  # (token, id of the person)
    overriding: Sequence[tuple[str, str]] = ()  # (token of the log-in, token that names the person)


@dataclass(slots=True)
class Search:
    """All that is kept of some people."""

    tokens: set[str]
    people: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    traces: list[Trace] = field(default_factory=list)

    def widen(self, traces: Iterable[Trace], ties: Ties = Ties()) -> None:
        """Take what is theirs out of *traces*; a person's other keys, records and log-ins are his as well."""
        left = list(traces)
        while True:
            found = [trace for trace in left if self._is_theirs(trace)]
            for trace in found:
                self._take(trace)
            if not found and not self._follow(ties):
                return
            taken = {id(trace) for trace in found}
            left = [trace for trace in left if id(trace) not in taken]

    def _is_theirs(self, trace: Trace) -> bool:
        return not self.tokens.isdisjoint(trace.tokens) or (trace.thing is not None and trace.thing in self.people)

    def _take(self, trace: Trace) -> None:
        self.traces.append(trace)
        if not trace.is_device:
            self.tokens |= trace.tokens
        if trace.thing is not None:
            (self.devices if trace.is_device else self.people).add(trace.thing)

    def _follow(self, ties: Ties) -> bool:
        """Whether *ties* lead to somebody or to a key that was not among theirs."""
        known = len(self.tokens) + len(self.people)
        for token, person in ties.dated:
            if token in self.tokens or person in self.people:
                self.tokens.add(token)
                self.people.add(person)
        # The log-in is the person's; that a log-in of his counts as somebody else's makes that one nobody of his.
        self.tokens.update(login for login, person in ties.overriding if person in self.tokens)
        return len(self.tokens) + len(self.people) > known


def search(connection: Connection, tokens: Iterable[str], token_of: TokenOf, *, given_on: bool = True) -> Search:
    """All that is kept of the people of *tokens*. Without *given_on* a former log-in that somebody else has by now is
    followed no further.
    """
    found = Search(set(tokens))
    ties = Ties(_dated(connection, token_of, given_on), _overriding(connection, token_of))
    found.widen(all_traces(connection, token_of), ties)
    return found


def _dated(connection: Connection, token_of: TokenOf, given_on: bool) -> Sequence[tuple[str, str]]:
    rows = connection.execute(select(t.login)).all()
    tied = [(value_token(row.scheme, row.namespace, row.value, token_of), row) for row in rows]
    holders: dict[str, set[str]] = {}
    for token, row in tied:
        # A log-in that has not ended was last seen when it was first.
        if row.last_seen == row.first_seen:
            holders.setdefault(token, set()).add(row.person)
    return [
        (token, row.person)
        for token, row in tied
        if given_on or row.person in holders.get(token, ()) or not holders.get(token)
    ]


def _overriding(connection: Connection, token_of: TokenOf) -> Sequence[tuple[str, str]]:
    override = t.override.c
    rows = connection.execute(select(t.override).where(override.login_value.is_not(None)))
    return [
        (
            value_token(row.login_scheme, row.login_namespace, row.login_value, token_of),
            value_token(row.person_scheme, row.person_namespace, row.person_value, token_of),
        )
        for row in rows
    ]


def value_token(scheme: str, namespace: str, value: str, token_of: TokenOf) -> str:
    """The token of a key that lies in columns, plain or a token already."""
    return token_of(Key(Scheme(scheme), namespace, value)).value


# --- records, wherever they lie -----------------------------------------------------------------------------------------


def all_traces(connection: Connection, token_of: TokenOf) -> list[Trace]:
    """Every row that holds a record which can speak of people."""
    return [
        Trace(table, at, source, part, record, tokens_of(record, token_of, source=source), thing)
        for table, at, source, part, body, thing in (
            *_believed(connection),
            *_staged(connection),
            *_copied(connection),
        )
        for record in (record_of(body),)
    ]


Found = tuple[Table, tuple[Any, ...], str, str, str, str | None]


def _believed(connection: Connection) -> Iterable[Found]:
    record = t.record.c
    wanted = select(record.id, record.source, record.part, record.body, record.thing_id)
    for row in connection.execute(wanted.where(record.type.in_(SPEAK_OF_PEOPLE))):
        yield t.record, (row.id,), row.source, row.part, row.body, row.thing_id


def _staged(connection: Connection) -> Iterable[Found]:
    staged, pull = t.staged_record.c, t.pull.c
    wanted = (
        select(staged.pull_id, staged.type, staged.source_id, pull.source, pull.part, staged.body)
        .select_from(t.staged_record.join(t.pull, pull.id == staged.pull_id))
        .where(staged.type.in_(SPEAK_OF_PEOPLE), staged.body.is_not(None))
    )
    for row in connection.execute(wanted):
        yield t.staged_record, (row.pull_id, row.type, row.source_id), row.source, row.part, row.body, None


def _copied(connection: Connection) -> Iterable[Found]:
    copy = t.turnover_membership.c
    wanted = select(t.turnover_membership).where(copy.type.in_(SPEAK_OF_PEOPLE)).order_by(copy.source, copy.source_id)
    for row in connection.execute(wanted):
        at = (row.first_school_day, row.source, row.part, row.type, row.source_id)
        yield t.turnover_membership, at, row.source, row.part, row.body, None
