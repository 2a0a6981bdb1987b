"""What every part of the ledger uses: the database, the clock, tokens, and how records are stored as text."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import lru_cache
from sys import intern
from typing import Any, Self

import msgspec
from sqlalchemy import Connection, Select, select

from fleetsync.clock import Clock
from fleetsync.core.base32 import base32_text
from fleetsync.core.model import BelievedRecord, Key, Record
from fleetsync.core.privacy import key_tokeniser
from fleetsync.store import tables as t
from fleetsync.store.database import Database, Lock
from fleetsync.store.errors import PartBusy
from fleetsync.store.ledger.revision import advance_believed_revision
from fleetsync.store.ledger.staged_rows import StagedRows

OWN_ID_BYTES = 10
REMEMBERED_TOKENS = 1 << 17  # of persons: children are looked for at both ends of each pull

_encode = msgspec.json.Encoder().encode
_decode: Callable[[str], Record] = msgspec.json.Decoder(Record).decode


def encode_record(record: Record) -> str:
    """A record as it is kept: JSON with its type in front, fields at their default left out."""
    return _encode(record).decode()


def decode_record(body: str) -> Record:
    """The record that `encode_record` wrote."""
    return _decode(body)


class LedgerBase:
    """The base of the ledger's parts."""

    def __init__(self, database: Database, clock: Clock, secret_key: bytes) -> None:
        self._database = database
        self._clock = clock
        self._own_id_key = hashlib.blake2b(secret_key, digest_size=32, person=b"own id").digest()
        self._token_of = key_tokeniser(secret_key)
        # As of a stamp of what they are read from: each pull asks for them when it begins and when it ends.
        self._child_tokens: tuple[Sequence[Any], Mapping[str, frozenset[str]]] | None = None
        self._child_tokens_mutex = threading.Lock()
        self._tokens_of_keys = lru_cache(REMEMBERED_TOKENS)(self._compute_tokens)
        self._held_locks: dict[int, Lock] = {}
        self._staged_rows = StagedRows()
        self._held_locks_mutex = threading.Lock()

    def _over(self, database: Database) -> Self:
        """The same ledger over another database."""
        other = copy(self)
        vars(other).update(_database=database, _child_tokens=None)
        return other

    def _compute_tokens(self, keys: tuple[Key, ...]) -> frozenset[str]:
        return frozenset(self._token_of(key).value for key in keys)

    @contextmanager
    def _read_transaction(self) -> Iterator[Connection]:
        """One state of the database throughout, in which nothing can be written."""
        with self._database.begin_reading() as connection:
            yield connection

    @contextmanager
    def _write_transaction(self, *, changes_believed: bool = True, more_follows: bool = False) -> Iterator[Connection]:
        """The only writer: applied whole or not at all.

        *changes_believed*: whether it may change anything that `BelievedState` is read from, apart from what is always
        read anew (states of parts, overrides, corrections, parkings, marks). A process that remembers that state then reads it again.

        *more_follows*: whether it is a step of a run that writes the same pages again in its next steps: rows that are
        staged, applied and removed would else be written to the disk at each of them.
        """
        with self._database.begin_writing(more_follows=more_follows) as connection:
            yield connection
            if changes_believed:
                advance_believed_revision(connection)

    def _lock_part(self, source: str, part: str) -> Lock:
        lock = self._database.locks.part(source, part)
        if lock is None:
            raise PartBusy(f"{source}/{part}: is being pulled or decided right now. Try again when that has ended")
        return lock

    def _own_id(self, source: str, part: str, kind: str, source_id: str) -> str:
        message = f"{source}\x1f{part}\x1f{kind}\x1f{source_id}".encode()
        digest = hashlib.blake2b(message, key=self._own_id_key, digest_size=OWN_ID_BYTES).digest()
        return base32_text(digest)


BELIEVED_COLUMNS = (
    t.record.c.source,
    t.record.c.part,
    t.record.c.body,
    t.record.c.own_id,
    t.record.c.thing_id,
    t.record.c.scope,
    t.record.c.first_seen,
    t.record.c.absent_since,
    t.record.c.absent_pulls,
    t.record.c.gone,
    t.contact.c.last_contact_at,
    t.record.c.masked,
)

RECORD_WITH_CONTACT = t.record.outerjoin(t.contact, t.contact.c.record_id == t.record.c.id)


def select_believed_records() -> Select[Any]:
    """The columns that `believed_record_from_row` reads, of all records, in one order."""
    return select(*BELIEVED_COLUMNS).select_from(RECORD_WITH_CONTACT).order_by(t.record.c.id)


def believed_record_from_row(row: Any) -> BelievedRecord:
    """A row of `BELIEVED_COLUMNS` as what is believed."""
    source, part, body, own_id, thing_id, scope, first_seen, absent_since, absent_pulls, gone, contact, masked = row
    return BelievedRecord(
        # The database gives each row strings of its own, though there are only a few.
        source=intern(source),
        part=intern(part),
        record=_decode(body),
        own_id=own_id,
        thing_id=thing_id,
        scope=scope and intern(scope),
        first_seen=first_seen,
        absent_since=absent_since,
        absent_pulls=absent_pulls,
        gone=gone,
        last_contact_at=contact,
        masked=masked,
    )
