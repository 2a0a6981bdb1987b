"""Finds everything that is stored about some people: by tokens, and widened until nothing more is found.

Fails closed: a person who shares a key or an id with a protected person is found too, by former log-ins as well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, select

from fleetsync.core.model import DeviceRecord, Key, Record, RecordType, Scheme
from fleetsync.core.privacy import RecordTokens, Tokeniser, linked_tokens, record_tokens
from fleetsync.store import tables as t
from fleetsync.store.ledger.base import decode_record

TYPES_WITH_PERSON_KEYS = (RecordType.PERSON.value, RecordType.MEMBERSHIP.value, RecordType.DEVICE.value)


@dataclass(slots=True)
class StoredRecord:
    """A row of some table that holds a record, with the tokens by which people are recognised in it."""

    table: Table
    at: tuple[Any, ...]  # values of the table's primary key
    source: str
    part: str
    record: Record
    tokens: RecordTokens
    thing_id: str | None = None

    @property
    def is_device(self) -> bool:
        """Whether it is a device's: it is masked, never removed."""
        return isinstance(self.record, DeviceRecord)


@dataclass(slots=True, frozen=True)
class LoginLinks:
    """Log-ins that need not be in any record: former ones, and those of the overrides."""

    login_history: Sequence[tuple[str, str]] = ()  # (token, id of the person)
    override_logins: Sequence[tuple[str, str]] = ()  # (token of the log-in, token that names the person)


@dataclass(slots=True)
class PersonSearch:
    """All that is stored about some people."""

    tokens: set[str]
    people: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    stored_records: list[StoredRecord] = field(default_factory=list)

    def widen(self, stored_records: Iterable[StoredRecord], links: LoginLinks = LoginLinks()) -> None:
        """Add what is theirs of *stored_records*; a person's other keys, records and log-ins are theirs as well."""
        remaining = list(stored_records)
        while True:
            matches = [stored for stored in remaining if self._is_theirs(stored)]
            for stored in matches:
                self._add(stored)
            if not matches and not self._follow_links(links):
                return
            added = {id(stored) for stored in matches}
            remaining = [stored for stored in remaining if id(stored) not in added]

    def _is_theirs(self, stored: StoredRecord) -> bool:
        return not self.tokens.isdisjoint(stored.tokens.of_persons) or (
            stored.thing_id is not None and stored.thing_id in self.people
        )

    def _add(self, stored: StoredRecord) -> None:
        self.stored_records.append(stored)
        self.tokens |= linked_tokens(stored.record, stored.tokens)
        if stored.thing_id is not None:
            (self.devices if stored.is_device else self.people).add(stored.thing_id)

    def _follow_links(self, links: LoginLinks) -> bool:
        """Whether *links* lead to a person or to a key that was not among theirs."""
        known = len(self.tokens) + len(self.people)
        for token, person in links.login_history:
            if token in self.tokens or person in self.people:
                self.tokens.add(token)
                self.people.add(person)
        # An override makes the log-in the person's. The other way round, a log-in of theirs that counts as another
        # person's does not make that other person theirs.
        self.tokens.update(login for login, person in links.override_logins if person in self.tokens)
        return len(self.tokens) + len(self.people) > known


def search_persons(
    connection: Connection, tokens: Iterable[str], token_of: Tokeniser, *, follow_reused_logins: bool = True
) -> PersonSearch:
    """All that is stored about the people of *tokens*. A former log-in that another person has by now leads to that
    person only with *follow_reused_logins*.
    """
    search = PersonSearch(set(tokens))
    history = _login_history_links(connection, token_of, follow_reused_logins)
    search.widen(all_stored_records(connection, token_of), LoginLinks(history, _override_links(connection, token_of)))
    return search


def _login_history_links(
    connection: Connection, token_of: Tokeniser, follow_reused_logins: bool
) -> Sequence[tuple[str, str]]:
    rows = connection.execute(select(t.login)).all()
    logins = [(value_token(row.scheme, row.namespace, row.value, token_of), row) for row in rows]
    holders: dict[str, set[str]] = {}
    for token, row in logins:
        # A log-in that is still the person's has no last sighting, or one that equals its first.
        if row.last_seen is None:
            holders.setdefault(token, set()).add(row.person)
    return [
        (token, row.person)
        for token, row in logins
        if follow_reused_logins or row.person in holders.get(token, ()) or not holders.get(token)
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
    """The token of a key that is stored in columns, plain or as a token already."""
    return token_of(Key(Scheme(scheme), namespace, value)).value


# --- records, in all tables -----------------------------------------------------------------------------------------


def all_stored_records(connection: Connection, token_of: Tokeniser) -> list[StoredRecord]:
    """Every row that holds a record with keys or ids of people."""
    return [
        StoredRecord(table, at, source, part, record, record_tokens(record, token_of, source=source), thing_id)
        for table, at, source, part, body, thing_id in (
            *_believed_rows(connection),
            *_staged_rows(connection),
            *_turnover_copy_rows(connection),
        )
        for record in (decode_record(body),)
    ]


RecordRow = tuple[Table, tuple[Any, ...], str, str, str, str | None]


def _believed_rows(connection: Connection) -> Iterable[RecordRow]:
    record = t.record.c
    statement = select(record.id, record.source, record.part, record.body, record.thing_id)
    for row in connection.execute(statement.where(record.type.in_(TYPES_WITH_PERSON_KEYS))):
        yield t.record, (row.id,), row.source, row.part, row.body, row.thing_id


def _staged_rows(connection: Connection) -> Iterable[RecordRow]:
    staged, pull = t.staged_record.c, t.pull.c
    statement = (
        select(staged.pull_id, staged.type, staged.source_id, pull.source, pull.part, staged.body)
        .select_from(t.staged_record.join(t.pull, pull.id == staged.pull_id))
        .where(staged.type.in_(TYPES_WITH_PERSON_KEYS), staged.body.is_not(None))
    )
    for row in connection.execute(statement):
        yield t.staged_record, (row.pull_id, row.type, row.source_id), row.source, row.part, row.body, None


def _turnover_copy_rows(connection: Connection) -> Iterable[RecordRow]:
    copy = t.turnover_membership.c
    statement = (
        select(t.turnover_membership).where(copy.type.in_(TYPES_WITH_PERSON_KEYS)).order_by(copy.source, copy.source_id)
    )
    for row in connection.execute(statement):
        at = (row.first_school_day, row.source, row.part, row.type, row.source_id)
        yield t.turnover_membership, at, row.source, row.part, row.body, None
