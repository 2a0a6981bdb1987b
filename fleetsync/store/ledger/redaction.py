"""What a marking does to what is kept: rows of every table are masked or removed, in whoever's transaction.

Whoever calls this takes the bytes out of the journal afterwards: `Database.scrub_deleted_bytes`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, select, update

from fleetsync.core.masking import Tokeniser, mask_record
from fleetsync.core.model import RECORD_TYPES, UNPLACED, CoveredBy, Text
from fleetsync.store import tables as t
from fleetsync.store.database import database_of
from fleetsync.store.ledger.base import encode_record
from fleetsync.store.ledger.hidden_persons import store_tokens
from fleetsync.store.ledger.person_search import PersonSearch, StoredRecord, search_persons, value_token

UNPLACED_VALUES: Mapping[str, Any] = {"unit": UNPLACED, "reason": Text("", "")}
LOGIN_KEY = ("scheme", "namespace", "value", "person")


def protect(connection: Connection, tokens: Iterable[str], at: datetime, token_of: Tokeniser) -> PersonSearch:
    """Mask all that is kept of the people of *tokens*, from now on and back through history; what was found."""
    found = search_persons(connection, tokens, token_of)
    store_tokens(connection, t.protected_token, found.tokens, at)
    for trace in found.stored_records:
        _mask_record(connection, trace, token_of)
    _mask_history(connection, found)
    _mask_devices(connection, found)
    mask_keys(connection, found, token_of)
    return found


def erase(connection: Connection, tokens: Iterable[str], at: datetime, token_of: Tokeniser) -> PersonSearch:
    """Remove all that is kept of the people of *tokens*; their devices stay, masked."""
    # What is removed cannot be asked back: who has a log-in today is not erased for who had it before.
    found = search_persons(connection, tokens, token_of, given_on=False)
    store_tokens(connection, t.erased_token, found.tokens, at)
    for trace in found.stored_records:
        if trace.is_device:
            _mask_record(connection, trace, token_of)
        else:
            _remove_bodiless(connection, trace)
            _delete_row(connection, trace.table, trace.at)
    _mask_devices(connection, found)
    _remove_keys(connection, found, token_of)
    _remove_history(connection, found)
    return found


# --- records ------------------------------------------------------------------------------------------------------------


def _mask_record(connection: Connection, trace: StoredRecord, token_of: Tokeniser) -> None:
    left = mask_record(trace.record, token_of, source=trace.source)
    here = primary_key_conditions(trace.table, trace.at)
    if left.source_id != trace.record.source_id:
        _rename_bodiless(connection, trace, left.source_id)
        if _row_exists(connection, trace.table, trace.at, left.source_id):
            # The row came masked already, by a later pull: the plain one is what it replaces.
            connection.execute(delete(trace.table).where(*here))
            return
    values = {"body": encode_record(left), "masked": True, "source_id": left.source_id}
    connection.execute(update(trace.table).where(*here).values(values))


def _row_exists(connection: Connection, table: Table, at: tuple[Any, ...], source_id: str) -> bool:
    columns = table.c
    row = connection.execute(select(table).where(*primary_key_conditions(table, at))).one()
    beside = [name for name in ("pull_id", "first_school_day", "source", "part", "type") if name in columns]
    same = [columns[name] == row._mapping[name] for name in beside]
    return (
        connection.execute(select(columns.source_id).where(*same, columns.source_id == source_id)).first() is not None
    )


def _bodiless_keys(connection: Connection, trace: StoredRecord) -> list[tuple[Any, ...]]:
    """Where a pull says of what *trace* believes only that it is there or not; such a row tells by its id alone."""
    if trace.table is not t.record:
        return []
    staged, pull = t.staged_record.c, t.pull.c
    pulls = select(pull.id).where(pull.source == trace.source, pull.part == trace.part)
    name = (staged.type == RECORD_TYPES[type(trace.record)].value) & (staged.source_id == trace.record.source_id)
    wanted = select(*t.staged_record.primary_key).where(name, staged.body.is_(None), staged.pull_id.in_(pulls))
    return [tuple(row) for row in connection.execute(wanted)]


def _rename_bodiless(connection: Connection, trace: StoredRecord, source_id: str) -> None:
    for at in _bodiless_keys(connection, trace):
        if _row_exists(connection, t.staged_record, at, source_id):
            _delete_row(connection, t.staged_record, at)
        else:
            here = primary_key_conditions(t.staged_record, at)
            connection.execute(update(t.staged_record).where(*here).values(source_id=source_id, masked=True))


def _remove_bodiless(connection: Connection, trace: StoredRecord) -> None:
    for at in _bodiless_keys(connection, trace):
        _delete_row(connection, t.staged_record, at)


def _delete_row(connection: Connection, table: Table, at: tuple[Any, ...]) -> None:
    connection.execute(delete(table).where(*primary_key_conditions(table, at)))


def primary_key_conditions(table: Table, at: tuple[Any, ...]) -> list[Any]:
    """The row of *table* whose primary key has the values *at*."""
    return [column == value for column, value in zip(table.primary_key.columns, at, strict=True)]


# --- history ------------------------------------------------------------------------------------------------------------


def _mask_history(connection: Connection, found: PersonSearch) -> None:
    _update_each(connection, t.owed, "subject_id", found.people, {**UNPLACED_VALUES, "groups": ()})
    _update_each(connection, t.assignment, "subject_id", found.people, {**UNPLACED_VALUES, "groups": ()})
    _update_each(connection, t.gap, "subject_id", found.people, UNPLACED_VALUES)
    _update_each(connection, t.parked, "subject_id", found.people, {"reason": ""})
    person = {"name": None, "unit": UNPLACED, "groups": (), "masked": True}
    _update_each(connection, t.person, "id", found.people, person)
    # It is written anew by the next reconciliation, from the masked records.
    _delete_each(connection, t.membership, "person", found.people)


def _mask_devices(connection: Connection, found: PersonSearch) -> None:
    _update_each(connection, t.device, "id", found.devices, {"unit": UNPLACED, "serves": (), "masked": True})
    _update_each(connection, t.gap, "subject_id", found.devices, UNPLACED_VALUES)
    _update_each(connection, t.parked, "subject_id", found.devices, {"reason": ""})
    # Somebody else who had it before goes on having had it; a set and a pool are named by their place.
    _update_each(connection, t.assignment, "device", found.devices, {**UNPLACED_VALUES, "groups": ()})
    _delete_each(connection, t.assignment, "device", found.devices, t.assignment.c.by != CoveredBy.OWN.value)


def _remove_history(connection: Connection, found: PersonSearch) -> None:
    for table in (t.owed, t.assignment, t.gap, t.parked):
        _delete_each(connection, table, "subject_id", found.people)
    _delete_each(connection, t.membership, "person", found.people)
    _delete_each(connection, t.person, "id", found.people)
    _update_each(connection, t.device, "holder", found.people, {"holder": None})


def _update_each(
    connection: Connection, table: Table, name: str, ids: Collection[str], values: Mapping[str, Any]
) -> None:
    rows = [{"of": one} for one in sorted(ids)]
    if rows:
        connection.execute(update(table).where(table.c[name] == bindparam("of")).values(values), rows)


def _delete_each(
    connection: Connection, table: Table, name: str, ids: Collection[str], *where: ColumnElement[bool]
) -> None:
    rows = [{"of": one} for one in sorted(ids)]
    if rows:
        connection.execute(delete(table).where(table.c[name] == bindparam("of"), *where), rows)


# --- keys outside of records --------------------------------------------------------------------------------------------


def mask_keys(connection: Connection, found: PersonSearch, token_of: Tokeniser) -> None:
    """Keep the log-ins and overrides of whom was *found* as tokens alone."""
    for row in _matching_logins(connection, found, token_of):
        token = value_token(row.scheme, row.namespace, row.value, token_of)
        _delete_row(connection, t.login, (row.scheme, row.namespace, row.value, row.person))
        values = dict(row._mapping) | {"value": token}
        connection.execute(database_of(connection).insert_new(t.login, LOGIN_KEY).values(values))
    for row in _matching_overrides(connection, found, token_of):
        # The other side of it may be somebody else.
        values = {f"{side}_value": token for side, token in _override_tokens(row, token_of) if token in found.tokens}
        connection.execute(update(t.override).where(t.override.c.id == row.id).values(values))


def _remove_keys(connection: Connection, found: PersonSearch, token_of: Tokeniser) -> None:
    for row in _matching_logins(connection, found, token_of):
        _delete_row(connection, t.login, (row.scheme, row.namespace, row.value, row.person))
    for row in _matching_overrides(connection, found, token_of):
        _delete_row(connection, t.override, (row.id,))


def _matching_logins(connection: Connection, found: PersonSearch, token_of: Tokeniser) -> list[Any]:
    return [
        row
        for row in connection.execute(select(t.login))
        if row.person in found.people or value_token(row.scheme, row.namespace, row.value, token_of) in found.tokens
    ]


def _matching_overrides(connection: Connection, found: PersonSearch, token_of: Tokeniser) -> list[Any]:
    rows = connection.execute(select(t.override)).all()
    return [row for row in rows if any(token in found.tokens for _, token in _override_tokens(row, token_of))]


def _override_tokens(row: Any, token_of: Tokeniser) -> Iterable[tuple[str, str]]:
    """("login" or "person", its token); an override of a serial has no log-in."""
    if row.login_value is not None:
        yield "login", value_token(row.login_scheme, row.login_namespace, row.login_value, token_of)
    yield "person", value_token(row.person_scheme, row.person_namespace, row.person_value, token_of)
