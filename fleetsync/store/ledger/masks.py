"""What a marking does to what is kept: rows of every table are masked or removed, in whoever's transaction.

Whoever calls this takes the bytes out of the journal afterwards: `fleetsync.store.sqlite.forget`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, select, update

from fleetsync.core.masking import TokenOf, masked
from fleetsync.core.model import RECORD_TYPES, UNPLACED, By, Text
from fleetsync.store import sqlite
from fleetsync.store import tables as t
from fleetsync.store.ledger.desk import body_of
from fleetsync.store.ledger.hidden import note_tokens
from fleetsync.store.ledger.traces import Search, Trace, search, value_token

PLACELESS: Mapping[str, Any] = {"unit": UNPLACED, "reason": Text("", "")}
LOGIN_KEY = ("scheme", "namespace", "value", "person")


def protect(connection: Connection, tokens: Iterable[str], at: datetime, token_of: TokenOf) -> Search:
    """Mask all that is kept of the people of *tokens*, from now on and back through history; what was found."""
    found = search(connection, tokens, token_of)
    note_tokens(connection, t.protected_token, found.tokens, at)
    for trace in found.traces:
        _mask(connection, trace, token_of)
    _mask_history(connection, found)
    _mask_devices(connection, found)
    mask_keys(connection, found, token_of)
    return found


def erase(connection: Connection, tokens: Iterable[str], at: datetime, token_of: TokenOf) -> Search:
    """Remove all that is kept of the people of *tokens*; their devices stay, masked."""
    # What is removed cannot be asked back: who has a log-in today is not erased for who had it before.
    found = search(connection, tokens, token_of, given_on=False)
    note_tokens(connection, t.erased_token, found.tokens, at)
    for trace in found.traces:
        if trace.is_device:
            _mask(connection, trace, token_of)
        else:
            _remove_bodiless(connection, trace)
            _remove(connection, trace.table, trace.at)
    _mask_devices(connection, found)
    _remove_keys(connection, found, token_of)
    _remove_history(connection, found)
    return found


# --- records ------------------------------------------------------------------------------------------------------------


def _mask(connection: Connection, trace: Trace, token_of: TokenOf) -> None:
    left = masked(trace.record, token_of, source=trace.source)
    here = at_key(trace.table, trace.at)
    if left.source_id != trace.record.source_id:
        _rename_bodiless(connection, trace, left.source_id)
        if _stands_already(connection, trace.table, trace.at, left.source_id):
            # The row came masked already, by a later pull: the plain one is what it replaces.
            connection.execute(delete(trace.table).where(*here))
            return
    values = {"body": body_of(left), "masked": True, "source_id": left.source_id}
    connection.execute(update(trace.table).where(*here).values(values))


def _stands_already(connection: Connection, table: Table, at: tuple[Any, ...], source_id: str) -> bool:
    columns = table.c
    row = connection.execute(select(table).where(*at_key(table, at))).one()
    beside = [name for name in ("pull_id", "first_school_day", "source", "part", "type") if name in columns]
    same = [columns[name] == row._mapping[name] for name in beside]
    return (
        connection.execute(select(columns.source_id).where(*same, columns.source_id == source_id)).first() is not None
    )


def _bodiless(connection: Connection, trace: Trace) -> list[tuple[Any, ...]]:
    """Where a pull says of what *trace* believes only that it is there or not; such a row tells by its id alone."""
    if trace.table is not t.record:
        return []
    staged, pull = t.staged_record.c, t.pull.c
    pulls = select(pull.id).where(pull.source == trace.source, pull.part == trace.part)
    name = (staged.type == RECORD_TYPES[type(trace.record)].value) & (staged.source_id == trace.record.source_id)
    wanted = select(*t.staged_record.primary_key).where(name, staged.body.is_(None), staged.pull_id.in_(pulls))
    return [tuple(row) for row in connection.execute(wanted)]


def _rename_bodiless(connection: Connection, trace: Trace, source_id: str) -> None:
    for at in _bodiless(connection, trace):
        if _stands_already(connection, t.staged_record, at, source_id):
            _remove(connection, t.staged_record, at)
        else:
            here = at_key(t.staged_record, at)
            connection.execute(update(t.staged_record).where(*here).values(source_id=source_id, masked=True))


def _remove_bodiless(connection: Connection, trace: Trace) -> None:
    for at in _bodiless(connection, trace):
        _remove(connection, t.staged_record, at)


def _remove(connection: Connection, table: Table, at: tuple[Any, ...]) -> None:
    connection.execute(delete(table).where(*at_key(table, at)))


def at_key(table: Table, at: tuple[Any, ...]) -> list[Any]:
    """The row of *table* whose primary key has the values *at*."""
    return [column == value for column, value in zip(table.primary_key.columns, at, strict=True)]


# --- history ------------------------------------------------------------------------------------------------------------


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
    # Somebody else who had it before goes on having had it; a set and a pool are named by their place.
    _write(connection, t.assignment, "device", found.devices, {**PLACELESS, "groups": ()})
    _delete(connection, t.assignment, "device", found.devices, t.assignment.c.by != By.OWN.value)


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


def _delete(connection: Connection, table: Table, name: str, ids: Collection[str], *where: ColumnElement[bool]) -> None:
    rows = [{"of": one} for one in sorted(ids)]
    if rows:
        connection.execute(delete(table).where(table.c[name] == bindparam("of"), *where), rows)


# --- keys outside of records --------------------------------------------------------------------------------------------


def mask_keys(connection: Connection, found: Search, token_of: TokenOf) -> None:
    """Keep the log-ins and overrides of whom was *found* as tokens alone."""
    for row in _their_logins(connection, found, token_of):
        token = value_token(row.scheme, row.namespace, row.value, token_of)
        _remove(connection, t.login, (row.scheme, row.namespace, row.value, row.person))
        values = dict(row._mapping) | {"value": token}
        connection.execute(sqlite.on_conflict(sqlite.insert_into(t.login), LOGIN_KEY, {}).values(values))
    for row in _their_overrides(connection, found, token_of):
        # The other side of it may be somebody else.
        values = {f"{side}_value": token for side, token in _sides(row, token_of) if token in found.tokens}
        connection.execute(update(t.override).where(t.override.c.id == row.id).values(values))
    _remove_named_holders(connection, found)


def _remove_keys(connection: Connection, found: Search, token_of: TokenOf) -> None:
    for row in _their_logins(connection, found, token_of):
        _remove(connection, t.login, (row.scheme, row.namespace, row.value, row.person))
    for row in _their_overrides(connection, found, token_of):
        _remove(connection, t.override, (row.id,))
    _remove_named_holders(connection, found)


def _their_logins(connection: Connection, found: Search, token_of: TokenOf) -> list[Any]:
    return [
        row
        for row in connection.execute(select(t.login))
        if row.person in found.people or value_token(row.scheme, row.namespace, row.value, token_of) in found.tokens
    ]


def _their_overrides(connection: Connection, found: Search, token_of: TokenOf) -> list[Any]:
    rows = connection.execute(select(t.override)).all()
    return [row for row in rows if any(token in found.tokens for _, token in _sides(row, token_of))]


def _sides(row: Any, token_of: TokenOf) -> Iterable[tuple[str, str]]:
    """("login" or "person", its token); an override of a serial has no log-in."""
    if row.login_value is not None:
        yield "login", value_token(row.login_scheme, row.login_namespace, row.login_value, token_of)
    yield "person", value_token(row.person_scheme, row.person_namespace, row.person_value, token_of)


def _remove_named_holders(connection: Connection, found: Search) -> None:
    """A correction may name a holder by a log-in: people wrote it, so no scheme stands beside it."""
    correction = t.correction.c
    values = {key.value for trace in found.traces for key in getattr(trace.record, "keys", ())} | found.people
    for row in connection.execute(select(t.correction).where(correction.field == "holder")).all():
        if row.value in values:
            _remove(connection, t.correction, (row.device, row.field))
