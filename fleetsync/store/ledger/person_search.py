"""Where somebody who is hidden is spoken of: looked for by tokens, and widened until nothing is added.

Fails closed: who shares a key or an id with somebody protected is hidden with him, a log-in of former days included.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, select

from fleetsync.core.masking import Tokeniser, person_tokens
from fleetsync.core.model import DeviceRecord, Key, Record, RecordType, Scheme
from fleetsync.store import tables as t
from fleetsync.store.ledger.base import decode_record

TYPES_WITH_PERSON_KEYS = (RecordType.PERSON.value, RecordType.MEMBERSHIP.value, RecordType.DEVICE.value)


@dataclass(slots=True)
class StoredRecord:
    """A row of some table that holds a record, and by which tokens people are recognised in it."""

    table: Table
    at: tuple[Any, ...]  # values of the table's primary key
    source: str
    part: str
    record: Record
    tokens: frozenset[str]
    thing_id: str | None = None

    @property
    def is_device(self) -> bool:
        """Whether it speaks of a device, whose keys are what it says of its user; they make nobody else his."""
        return isinstance(self.record, DeviceRecord)


@dataclass(slots=True, frozen=True)
class LoginLinks:
    """Log-ins that no record tells of any more, or ever did: dated ones, and those of the overrides."""

    login_history: Sequence[tuple[str, str]] = ()  # (token, id of the person)
    override_logins: Sequence[tuple[str, str]] = ()  # (token of the log-in, token that names the person)


@dataclass(slots=True)
class PersonSearch:
    """All that is kept of some people."""

    tokens: set[str]
    people: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    stored_records: list[StoredRecord] = field(default_factory=list)

    def widen(self, stored_records: Iterable[StoredRecord], ties: LoginLinks = LoginLinks()) -> None:
        """Take what is theirs out of *traces*; a person's other keys, records and log-ins are his as well."""
        left = list(stored_records)
        while True:
            found = [trace for trace in left if self._is_theirs(trace)]
            for trace in found:
                self._add(trace)
            if not found and not self._follow_links(ties):
                return
            taken = {id(trace) for trace in found}
            left = [trace for trace in left if id(trace) not in taken]

    def _is_theirs(self, trace: StoredRecord) -> bool:
        return not self.tokens.isdisjoint(trace.tokens) or (
            trace.thing_id is not None and trace.thing_id in self.people
        )

    def _add(self, trace: StoredRecord) -> None:
        self.stored_records.append(trace)
        if not trace.is_device:
            self.tokens |= trace.tokens
        if trace.thing_id is not None:
            (self.devices if trace.is_device else self.people).add(trace.thing_id)

    def _follow_links(self, ties: LoginLinks) -> bool:
        """Whether *ties* lead to somebody or to a key that was not among theirs."""
        known = len(self.tokens) + len(self.people)
        for token, person in ties.login_history:
            if token in self.tokens or person in self.people:
                self.tokens.add(token)
                self.people.add(person)
        # The log-in is the person's; that a log-in of his counts as somebody else's makes that one nobody of his.
        self.tokens.update(login for login, person in ties.override_logins if person in self.tokens)
        return len(self.tokens) + len(self.people) > known


def search_persons(
    connection: Connection, tokens: Iterable[str], token_of: Tokeniser, *, given_on: bool = True
) -> PersonSearch:
    """All that is kept of the people of *tokens*. Without *given_on* a former log-in that somebody else has by now is
    followed no further.
    """
    found = PersonSearch(set(tokens))
    ties = LoginLinks(_login_history_links(connection, token_of, given_on), _override_links(connection, token_of))
    found.widen(all_stored_records(connection, token_of), ties)
    return found


def _login_history_links(connection: Connection, token_of: Tokeniser, given_on: bool) -> Sequence[tuple[str, str]]:
    rows = connection.execute(select(t.login)).all()
    tied = [(value_token(row.scheme, row.namespace, row.value, token_of), row) for row in rows]
    holders: dict[str, set[str]] = {}
    for token, row in tied:
        # A log-in that is still the person's has no last sighting, or one that equals its first.
        if row.last_seen in (None, row.first_seen):
            holders.setdefault(token, set()).add(row.person)
    return [
        (token, row.person)
        for token, row in tied
        if given_on or row.person in holders.get(token, ()) or not holders.get(token)
    ]


def _override_links(connection: Connection, token_of: Tokeniser) -> Sequence[tuple[str, str]]:
    override = t.override.c
    rows = connection.execute(select(t.override).where(override.login_value.is_not(None)))
    return [
        (
            value_token(row.login_scheme, row.login_namespace, row.login_value, token_of),
            value_token(row.person_scheme, row.person_namespace, row.person_value, token_of),
        )
        for row in rows
    ]


def value_token(scheme: str, namespace: str, value: str, token_of: Tokeniser) -> str:
    """The token of a key that lies in columns, plain or a token already."""
    return token_of(Key(Scheme(scheme), namespace, value)).value


# --- records, wherever they lie -----------------------------------------------------------------------------------------


def all_stored_records(connection: Connection, token_of: Tokeniser) -> list[StoredRecord]:
    """Every row that holds a record which can speak of people."""
    return [
        StoredRecord(table, at, source, part, record, person_tokens(record, token_of, source=source), thing_id)
        for table, at, source, part, body, thing_id in (
            *_believed_rows(connection),
            *_staged_rows(connection),
            *_turnover_copy_rows(connection),
        )
        for record in (decode_record(body),)
    ]


FoundRow = tuple[Table, tuple[Any, ...], str, str, str, str | None]


def _believed_rows(connection: Connection) -> Iterable[FoundRow]:
    record = t.record.c
    wanted = select(record.id, record.source, record.part, record.body, record.thing_id)
    for row in connection.execute(wanted.where(record.type.in_(TYPES_WITH_PERSON_KEYS))):
        yield t.record, (row.id,), row.source, row.part, row.body, row.thing_id


def _staged_rows(connection: Connection) -> Iterable[FoundRow]:
    staged, pull = t.staged_record.c, t.pull.c
    wanted = (
        select(staged.pull_id, staged.type, staged.source_id, pull.source, pull.part, staged.body)
        .select_from(t.staged_record.join(t.pull, pull.id == staged.pull_id))
        .where(staged.type.in_(TYPES_WITH_PERSON_KEYS), staged.body.is_not(None))
    )
    for row in connection.execute(wanted):
        yield t.staged_record, (row.pull_id, row.type, row.source_id), row.source, row.part, row.body, None


def _turnover_copy_rows(connection: Connection) -> Iterable[FoundRow]:
    copy = t.turnover_membership.c
    wanted = (
        select(t.turnover_membership).where(copy.type.in_(TYPES_WITH_PERSON_KEYS)).order_by(copy.source, copy.source_id)
    )
    for row in connection.execute(wanted):
        at = (row.first_school_day, row.source, row.part, row.type, row.source_id)
        yield t.turnover_membership, at, row.source, row.part, row.body, None
