"""Protected and erased people: what of theirs is already kept is masked or removed, in every table, to the last byte.

Fails closed: who shares a key or an id with somebody protected is masked with him. No list of names exists anywhere:
what is kept of the marks are tokens, which nobody can read without the key that lies outside of the database.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, bindparam, delete, select, update

from fleetsync.core.masking import TokenOf, masked, tokens_of, without_child_keys
from fleetsync.core.model import (
    UNPLACED,
    DeviceRecord,
    Key,
    PersonRecord,
    Record,
    RecordType,
    Scheme,
    Text,
)
from fleetsync.store import sqlite
from fleetsync.store import tables as t
from fleetsync.store.ledger.desk import Desk, body_of, record_of

A_CHILDS = '"child":true'  # as `PersonRecord.child` stands in a body
SPEAK_OF_PEOPLE = (RecordType.PERSON.value, RecordType.MEMBERSHIP.value, RecordType.DEVICE.value)
PLACELESS: Mapping[str, Any] = {"unit": UNPLACED, "reason": Text("", "")}


@dataclass(slots=True)
class Trace:
    """A row of some table that holds a record, and by which tokens people are recognised in it."""

    table: Table
    at: tuple[Any, ...]  # values of the table's primary key
    source: str
    record: Record
    tokens: frozenset[str]
    thing: str | None = None


@dataclass(slots=True)
class Search:
    """All that is kept of some people: found by tokens, widened until nothing is added."""

    tokens: set[str]
    people: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    traces: list[Trace] = field(default_factory=list)

    def widen(self, traces: Iterable[Trace]) -> None:
        """Take what is theirs out of *traces*; a person's other keys and records are his as well."""
        left = list(traces)
        while found := [trace for trace in left if self._is_theirs(trace)]:
            for trace in found:
                self._take(trace)
            taken = {id(trace) for trace in found}
            left = [trace for trace in left if id(trace) not in taken]

    def _is_theirs(self, trace: Trace) -> bool:
        return not self.tokens.isdisjoint(trace.tokens) or (trace.thing is not None and trace.thing in self.people)

    def _take(self, trace: Trace) -> None:
        self.traces.append(trace)
        if isinstance(trace.record, DeviceRecord):
            # A device's keys are what it says of its user; they make nobody else his.
            if trace.thing is not None:
                self.devices.add(trace.thing)
            return
        self.tokens |= trace.tokens
        if trace.thing is not None:
            self.people.add(trace.thing)


class Privacy(Desk):
    """The part of the ledger that forgets."""

    def protected_tokens(self) -> frozenset[str]:
        """Tokens of everybody with a protected identity."""
        return self._tokens(t.protected_token)

    def erased_tokens(self) -> frozenset[str]:
        """Tokens of everybody who was erased: a pull must not bring them back."""
        return self._tokens(t.erased_token)

    def _tokens(self, table: Table) -> frozenset[str]:
        with self._reading() as connection:
            return frozenset(connection.execute(select(table.c.token)).scalars())

    def protect(self, tokens: Iterable[str], at: datetime) -> int:
        """Mask all that is kept of the people of *tokens*, from now on and back through history; rows masked.

        In one transaction: records of all sources, staged and held rows, log-ins, intervals, what people entered. Then
        the bytes are taken out of the journal as well.
        """
        with self._writing() as connection:
            found = self._search(connection, tokens)
            _note(connection, t.protected_token, found.tokens, "since", at)
            for trace in found.traces:
                _mask(connection, trace, self._token_of)
            _mask_history(connection, found)
            _mask_devices(connection, found)
            self._mask_keys(connection, found)
        self._forget()
        return len(found.traces)

    def erase(self, tokens: Iterable[str], at: datetime) -> int:
        """Remove all that is kept of the people of *tokens*, and keep the tokens; rows removed. Devices stay, masked."""
        with self._writing() as connection:
            found = self._search(connection, tokens)
            _note(connection, t.erased_token, found.tokens, "erased_at", at)
            for trace in found.traces:
                if isinstance(trace.record, DeviceRecord):
                    _mask(connection, trace, self._token_of)
                else:
                    _remove(connection, trace.table, trace.at)
            _mask_devices(connection, found)
            self._remove_keys(connection, found)
            _remove_history(connection, found)
        self._forget()
        return len(found.traces)

    def child_tokens(self) -> Mapping[str, frozenset[str]]:
        """Tokens of the keys of children of förskola and förskoleklass, by the source that says what they are.

        Told by what is believed and by what is staged; with the keys by which another source knows the same child.
        """
        with self._reading() as connection:
            told = _persons(connection, A_CHILDS)
            others = _persons(connection) if told else []
        found: dict[str, set[str]] = {}
        for source, keys in told:
            found.setdefault(source, set()).update(key.value for key in keys)
        # One key alone adds nothing to itself.
        beside = [(source, self._tokens_of(keys)) for source, keys in others if len(keys) > 1]
        return {
            name: frozenset(tokens).union(
                *(values for source, values in beside if source != name and not tokens.isdisjoint(values))
            )
            for name, tokens in found.items()
        }

    def _tokens_of(self, keys: Iterable[Key]) -> frozenset[str]:
        return frozenset(self._token_of(key).value for key in keys)

    def hide_children(self, children: Mapping[str, frozenset[str]]) -> int:
        """Keep the log-ins of *children* (`child_tokens`) as tokens alone, whoever told them plain; rows changed.

        A source that says itself who is a child is not overruled by another's, so that a child grows up.
        """
        with self._writing() as connection:
            found = Search(set().union(*children.values()))
            for trace in self._traces(connection):
                said = [tokens for source, tokens in children.items() if source != trace.source or _is_device(trace)]
                left = without_child_keys(trace.record, frozenset().union(*said), self._token_of)
                if left != trace.record:
                    found.traces.append(trace)
                    values = {"body": body_of(left)}
                    connection.execute(update(trace.table).where(*_at(trace.table, trace.at)).values(values))
            if found.traces:
                self._mask_keys(connection, found)
        if found.traces:
            self._forget()
        return len(found.traces)

    def _forget(self) -> None:
        sqlite.forget(self._engines.writing)

    def _search(self, connection: Connection, tokens: Iterable[str]) -> Search:
        found = Search(set(tokens))
        found.widen(self._traces(connection))
        return found

    def _traces(self, connection: Connection) -> list[Trace]:
        record, staged, turned = t.record.c, t.staged_record.c, t.turnover_membership.c
        rows: list[tuple[Table, tuple[Any, ...], str, str, str | None]] = [
            (t.record, (row.id,), row.source, row.body, row.thing_id)
            for row in connection.execute(
                select(record.id, record.source, record.body, record.thing_id).where(record.type.in_(SPEAK_OF_PEOPLE))
            )
        ]
        rows += [
            (t.staged_record, (row.pull_id, row.type, row.source_id), row.source, row.body, None)
            for row in connection.execute(
                select(staged.pull_id, staged.type, staged.source_id, t.pull.c.source, staged.body)
                .select_from(t.staged_record.join(t.pull, t.pull.c.id == staged.pull_id))
                .where(staged.type.in_(SPEAK_OF_PEOPLE), staged.body.is_not(None))
            )
        ]
        rows += [
            (
                t.turnover_membership,
                (row.first_school_day, row.source, row.part, row.type, row.source_id),
                row.source,
                row.body,
                None,
            )
            for row in connection.execute(
                select(t.turnover_membership)
                .where(turned.type.in_(SPEAK_OF_PEOPLE))
                .order_by(turned.source, turned.source_id)
            )
        ]
        return [self._trace(*row) for row in rows]

    def _trace(self, table: Table, at: tuple[Any, ...], source: str, body: str, thing: str | None) -> Trace:
        record = record_of(body)
        return Trace(table, at, source, record, tokens_of(record, self._token_of, source=source), thing)

    # --- keys outside of records ------------------------------------------------------------------------------------

    def _mask_keys(self, connection: Connection, found: Search) -> None:
        for row in self._their_logins(connection, found):
            token = self._token_of(Key(Scheme(row.scheme), row.namespace, row.value)).value
            _remove(connection, t.login, (row.scheme, row.namespace, row.value, row.person))
            values = dict(row._mapping) | {"value": token}
            connection.execute(sqlite.on_conflict(sqlite.insert_into(t.login), LOGIN_KEY, {}).values(values))
        for row in self._their_overrides(connection, found):
            tokens = {
                "login_value": self._masked_value(row.login_scheme, row.login_namespace, row.login_value),
                "person_value": self._masked_value(row.person_scheme, row.person_namespace, row.person_value),
            }
            # The other side of it may be somebody else.
            values = {name: token for name, token in tokens.items() if token in found.tokens}
            connection.execute(update(t.override).where(t.override.c.id == row.id).values(values))
        self._remove_named_holders(connection, found)

    def _remove_keys(self, connection: Connection, found: Search) -> None:
        for row in self._their_logins(connection, found):
            _remove(connection, t.login, (row.scheme, row.namespace, row.value, row.person))
        for row in self._their_overrides(connection, found):
            _remove(connection, t.override, (row.id,))
        self._remove_named_holders(connection, found)

    def _their_logins(self, connection: Connection, found: Search) -> list[Any]:
        return [
            row
            for row in connection.execute(select(t.login))
            if row.person in found.people or self._masked_value(row.scheme, row.namespace, row.value) in found.tokens
        ]

    def _their_overrides(self, connection: Connection, found: Search) -> list[Any]:
        return [
            row
            for row in connection.execute(select(t.override))
            if self._masked_value(row.login_scheme, row.login_namespace, row.login_value) in found.tokens
            or self._masked_value(row.person_scheme, row.person_namespace, row.person_value) in found.tokens
        ]

    def _masked_value(self, scheme: str | None, namespace: str | None, value: str | None) -> str | None:
        if scheme is None or namespace is None or value is None:
            return None
        key = Key(Scheme(scheme), namespace, value)
        return key.value if key.is_token else self._token_of(key).value

    def _remove_named_holders(self, connection: Connection, found: Search) -> None:
        """A correction may name a holder by a log-in: people wrote it, so no scheme stands beside it."""
        correction = t.correction.c
        values = {key.value for trace in found.traces for key in getattr(trace.record, "keys", ())} | found.people
        for row in connection.execute(select(t.correction).where(correction.field == "holder")).all():
            if row.value in values:
                _remove(connection, t.correction, (row.device, row.field))


LOGIN_KEY = ("scheme", "namespace", "value", "person")


def _persons(connection: Connection, having: str = "") -> list[tuple[str, tuple[Key, ...]]]:
    """(source, keys) of the persons that are believed or staged, not masked, with *having* in the body."""
    record, staged = t.record.c, t.staged_record.c
    believed = select(record.source, record.body).where(
        record.type == RecordType.PERSON.value, ~record.gone, ~record.masked, record.body.contains(having)
    )
    waiting = (
        select(t.pull.c.source, staged.body)
        .select_from(t.staged_record.join(t.pull, t.pull.c.id == staged.pull_id))
        .where(staged.type == RecordType.PERSON.value, ~staged.masked, staged.body.contains(having))
    )
    rows = [row for wanted in (believed, waiting) for row in connection.execute(wanted)]
    return [(source, cast("PersonRecord", record_of(body)).keys) for source, body in rows]


def _is_device(trace: Trace) -> bool:
    return isinstance(trace.record, DeviceRecord)


def _note(connection: Connection, table: Table, tokens: Collection[str], when: str, at: datetime) -> None:
    rows = [{"token": token, when: at} for token in sorted(tokens)]
    if rows:
        connection.execute(sqlite.on_conflict(sqlite.insert_into(table), ("token",), {}), rows)


def _mask(connection: Connection, trace: Trace, token_of: TokenOf) -> None:
    left = masked(trace.record, token_of, source=trace.source)
    here = _at(trace.table, trace.at)
    if left.source_id != trace.record.source_id and _stands_already(connection, trace, left.source_id):
        # The row came masked already, by a later pull: the plain one is what it replaces.
        connection.execute(delete(trace.table).where(*here))
        return
    values = {"body": body_of(left), "masked": True, "source_id": left.source_id}
    connection.execute(update(trace.table).where(*here).values(values))


def _stands_already(connection: Connection, trace: Trace, source_id: str) -> bool:
    columns = trace.table.c
    row = connection.execute(select(trace.table).where(*_at(trace.table, trace.at))).one()
    beside = [name for name in ("pull_id", "first_school_day", "source", "part", "type") if name in columns]
    same = [columns[name] == row._mapping[name] for name in beside]
    return (
        connection.execute(select(columns.source_id).where(*same, columns.source_id == source_id)).first() is not None
    )


def _remove(connection: Connection, table: Table, at: tuple[Any, ...]) -> None:
    connection.execute(delete(table).where(*_at(table, at)))


def _at(table: Table, at: tuple[Any, ...]) -> list[Any]:
    return [column == value for column, value in zip(table.primary_key.columns, at, strict=True)]


def _mask_history(connection: Connection, found: Search) -> None:
    _write(connection, t.owed, "subject_id", found.people, {**PLACELESS, "groups": ()})
    _write(connection, t.assignment, "subject_id", found.people, {**PLACELESS, "groups": ()})
    _write(connection, t.gap, "subject_id", found.people, PLACELESS)
    _write(connection, t.parked, "subject_id", found.people, {"reason": ""})
    person = {"name": None, "unit": UNPLACED, "groups": (), "masked": True}
    _write(connection, t.person, "id", found.people, person)
    # It is written anew by the next reconciliation, from the masked records.
    _delete(connection, t.membership, "person", found.people)


def _mask_devices(connection: Connection, found: Search) -> None:
    _write(connection, t.device, "id", found.devices, {"unit": UNPLACED, "serves": (), "masked": True})
    _write(connection, t.gap, "subject_id", found.devices, PLACELESS)
    _write(connection, t.parked, "subject_id", found.devices, {"reason": ""})
    _write(connection, t.correction, "device", found.devices, {"reason": ""})


def _remove_history(connection: Connection, found: Search) -> None:
    for table in (t.owed, t.assignment, t.gap, t.parked):
        _delete(connection, table, "subject_id", found.people)
    for table in (t.membership, t.individual):
        _delete(connection, table, "person", found.people)
    _delete(connection, t.person, "id", found.people)
    _write(connection, t.device, "holder", found.people, {"holder": None})


def _write(connection: Connection, table: Table, name: str, ids: Collection[str], values: Mapping[str, Any]) -> None:
    rows = [{"of": one} for one in sorted(ids)]
    if rows:
        connection.execute(update(table).where(table.c[name] == bindparam("of")).values(values), rows)


def _delete(connection: Connection, table: Table, name: str, ids: Collection[str]) -> None:
    rows = [{"of": one} for one in sorted(ids)]
    if rows:
        connection.execute(delete(table).where(table.c[name] == bindparam("of")), rows)
