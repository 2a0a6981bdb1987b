"""Masks or removes what is stored about people, in every table. Uses the caller's transaction.

The caller takes the bytes out of the journal afterwards: `Database.scrub_deleted_bytes`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, select, update

from fleetsync.core.model import RECORD_TYPES, UNPLACED, CoveredBy, Text
from fleetsync.core.privacy import Tokeniser, masked_record
from fleetsync.store import tables as t
from fleetsync.store.database import database_of
from fleetsync.store.ledger.base import encode_record
from fleetsync.store.ledger.corrections import hide_corrections
from fleetsync.store.ledger.hidden_persons import store_tokens
from fleetsync.store.ledger.person_search import PersonSearch, StoredRecord, search_persons, value_token
from fleetsync.store.ledger.revision import advance_believed_revision

UNPLACED_VALUES: Mapping[str, Any] = {"unit": UNPLACED, "reason": Text("", "")}
NO_FINGERPRINT = 0  # of a row that any row differs from
LOGIN_KEY = ("scheme", "namespace", "value", "person")


def protect(connection: Connection, tokens: Iterable[str], at: datetime, token_of: Tokeniser) -> PersonSearch:
    """Mask all that is kept of the people of *tokens*, from now on and back through history; what was found."""
    search = search_persons(connection, tokens, token_of)
    store_tokens(connection, t.protected_token, search.tokens, at)
    for stored in search.stored_records:
        _mask_record(connection, stored, token_of)
    _mask_history(connection, search)
    _mask_devices(connection, search)
    mask_keys(connection, search, token_of)
    hide_corrections(connection, search.people, search.devices)
    advance_believed_revision(connection)
    return search


def erase(connection: Connection, tokens: Iterable[str], at: datetime, token_of: Tokeniser) -> PersonSearch:
    """Remove all that is kept of the people of *tokens*; their devices stay, masked."""
    # What is removed cannot be brought back: who has a log-in today is not erased because of who had it before.
    search = search_persons(connection, tokens, token_of, follow_reused_logins=False)
    store_tokens(connection, t.erased_token, search.tokens, at)
    for stored in search.stored_records:
        if stored.is_device:
            _mask_record(connection, stored, token_of)
        else:
            _remove_bodiless(connection, stored)
            _delete_row(connection, stored.table, stored.at)
    _mask_devices(connection, search)
    _remove_keys(connection, search, token_of)
    _remove_history(connection, search)
    hide_corrections(connection, search.people, search.devices)
    advance_believed_revision(connection)
    return search


def read_anew(connection: Connection, search: PersonSearch) -> None:
    """Let the next pull of each part of the people of *search* read it whole, and find their masked rows changed."""
    record, scope, state = t.record.c, t.part_scope.c, t.part_state.c
    believed = [each for each in search.stored_records if each.table is t.record]
    rows = [{"of": each.at[0]} for each in believed]
    if rows:
        masked_row = (record.id == bindparam("of")) & record.masked
        connection.execute(update(t.record).where(masked_row).values(fingerprint=NO_FINGERPRINT), rows)
    for source, part in {(each.source, each.part) for each in believed}:
        of_scopes = (scope.source == source) & (scope.part == part)
        connection.execute(update(t.part_scope).where(of_scopes).values(fingerprint=None))
        connection.execute(update(t.part_state).where(state.source == source, state.part == part).values(mark=None))


# --- records ------------------------------------------------------------------------------------------------------------


def _mask_record(connection: Connection, stored: StoredRecord, token_of: Tokeniser) -> None:
    masked = masked_record(stored.record, stored.tokens, token_of, source=stored.source)
    same_key = primary_key_conditions(stored.table, stored.at)
    if masked.source_id != stored.record.source_id:
        _rename_bodiless(connection, stored, masked.source_id)
        if _row_exists(connection, stored.table, stored.at, masked.source_id):
            # A later pull brought the row masked already: it replaces the plain one.
            connection.execute(delete(stored.table).where(*same_key))
            return
    values = {"body": encode_record(masked), "masked": True, "source_id": masked.source_id}
    connection.execute(update(stored.table).where(*same_key).values(values))


def _row_exists(connection: Connection, table: Table, at: tuple[Any, ...], source_id: str) -> bool:
    columns = table.c
    row = connection.execute(select(table).where(*primary_key_conditions(table, at))).one()
    beside = [name for name in ("pull_id", "first_school_day", "source", "part", "type") if name in columns]
    same = [columns[name] == row._mapping[name] for name in beside]
    return (
        connection.execute(select(columns.source_id).where(*same, columns.source_id == source_id)).first() is not None
    )


def _bodiless_keys(connection: Connection, stored: StoredRecord) -> list[tuple[Any, ...]]:
    """Keys of staged rows that only say that the record of *stored* is there or not: their id alone names a person."""
    if stored.table is not t.record:
        return []
    staged, pull = t.staged_record.c, t.pull.c
    pulls = select(pull.id).where(pull.source == stored.source, pull.part == stored.part)
    name = (staged.type == RECORD_TYPES[type(stored.record)].value) & (staged.source_id == stored.record.source_id)
    statement = select(*t.staged_record.primary_key).where(name, staged.body.is_(None), staged.pull_id.in_(pulls))
    return [tuple(row) for row in connection.execute(statement)]


def _rename_bodiless(connection: Connection, stored: StoredRecord, source_id: str) -> None:
    for at in _bodiless_keys(connection, stored):
        if _row_exists(connection, t.staged_record, at, source_id):
            _delete_row(connection, t.staged_record, at)
        else:
            same_key = primary_key_conditions(t.staged_record, at)
            connection.execute(update(t.staged_record).where(*same_key).values(source_id=source_id, masked=True))


def _remove_bodiless(connection: Connection, stored: StoredRecord) -> None:
    for at in _bodiless_keys(connection, stored):
        _delete_row(connection, t.staged_record, at)


def _delete_row(connection: Connection, table: Table, at: tuple[Any, ...]) -> None:
    connection.execute(delete(table).where(*primary_key_conditions(table, at)))


def primary_key_conditions(table: Table, at: tuple[Any, ...]) -> list[Any]:
    """The row of *table* whose primary key has the values *at*."""
    return [column == value for column, value in zip(table.primary_key.columns, at, strict=True)]


# --- history ------------------------------------------------------------------------------------------------------------


def _mask_history(connection: Connection, search: PersonSearch) -> None:
    _update_each(connection, t.owed, "subject_id", search.people, {**UNPLACED_VALUES, "groups": ()})
    _update_each(connection, t.assignment, "subject_id", search.people, {**UNPLACED_VALUES, "groups": ()})
    _update_each(connection, t.gap, "subject_id", search.people, UNPLACED_VALUES)
    _update_each(connection, t.parked, "subject_id", search.people, {"reason": ""})
    person = {"name": None, "unit": UNPLACED, "groups": (), "masked": True}
    _update_each(connection, t.person, "id", search.people, person)
    # It is written anew by the next reconciliation, from the masked records.
    _delete_each(connection, t.membership, "person", search.people)


def _mask_devices(connection: Connection, search: PersonSearch) -> None:
    _update_each(connection, t.device, "id", search.devices, {"unit": UNPLACED, "serves": (), "masked": True})
    _update_each(connection, t.gap, "subject_id", search.devices, UNPLACED_VALUES)
    _update_each(connection, t.parked, "subject_id", search.devices, {"reason": ""})
    # A former holder stays in history. Assignments to a set or a pool go: their names contain the place.
    _update_each(connection, t.assignment, "device", search.devices, {**UNPLACED_VALUES, "groups": ()})
    _delete_each(connection, t.assignment, "device", search.devices, t.assignment.c.by != CoveredBy.OWN.value)


def _remove_history(connection: Connection, search: PersonSearch) -> None:
    for table in (t.owed, t.assignment, t.gap, t.parked):
        _delete_each(connection, table, "subject_id", search.people)
    _delete_each(connection, t.membership, "person", search.people)
    _delete_each(connection, t.person, "id", search.people)
    _update_each(connection, t.device, "holder", search.people, {"holder": None})


def _update_each(
    connection: Connection, table: Table, name: str, ids: Collection[str], values: Mapping[str, Any]
) -> None:
    rows = [{"of": id_} for id_ in sorted(ids)]
    if rows:
        connection.execute(update(table).where(table.c[name] == bindparam("of")).values(values), rows)


def _delete_each(
    connection: Connection, table: Table, name: str, ids: Collection[str], *where: ColumnElement[bool]
) -> None:
    rows = [{"of": id_} for id_ in sorted(ids)]
    if rows:
        connection.execute(delete(table).where(table.c[name] == bindparam("of"), *where), rows)


# --- keys outside of records --------------------------------------------------------------------------------------------


def mask_keys(connection: Connection, search: PersonSearch, token_of: Tokeniser) -> None:
    """Keep the log-ins and overrides of the people of *search* as tokens only."""
    for row in _matching_logins(connection, search, token_of):
        token = value_token(row.scheme, row.namespace, row.value, token_of)
        _delete_row(connection, t.login, (row.scheme, row.namespace, row.value, row.person))
        values = dict(row._mapping) | {"value": token}
        connection.execute(database_of(connection).insert_new(t.login, LOGIN_KEY).values(values))
    for row in _matching_overrides(connection, search, token_of):
        # The other side of the override may be another person.
        values = {f"{side}_value": token for side, token in _override_tokens(row, token_of) if token in search.tokens}
        connection.execute(update(t.override).where(t.override.c.id == row.id).values(values))


def _remove_keys(connection: Connection, search: PersonSearch, token_of: Tokeniser) -> None:
    for row in _matching_logins(connection, search, token_of):
        _delete_row(connection, t.login, (row.scheme, row.namespace, row.value, row.person))
    for row in _matching_overrides(connection, search, token_of):
        _delete_row(connection, t.override, (row.id,))


def _matching_logins(connection: Connection, search: PersonSearch, token_of: Tokeniser) -> list[Any]:
    return [
        row
        for row in connection.execute(select(t.login))
        if row.person in search.people or value_token(row.scheme, row.namespace, row.value, token_of) in search.tokens
    ]


def _matching_overrides(connection: Connection, search: PersonSearch, token_of: Tokeniser) -> list[Any]:
    rows = connection.execute(select(t.override)).all()
    return [row for row in rows if any(token in search.tokens for _, token in _override_tokens(row, token_of))]


def _override_tokens(row: Any, token_of: Tokeniser) -> Iterable[tuple[str, str]]:
    """("login" or "person", its token); an override of a serial has no log-in."""
    if row.login_value is not None:
        yield "login", value_token(row.login_scheme, row.login_namespace, row.login_value, token_of)
    yield "person", value_token(row.person_scheme, row.person_namespace, row.person_value, token_of)
