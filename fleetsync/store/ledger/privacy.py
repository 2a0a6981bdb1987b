"""Protected and erased people: what is already kept of them is masked or removed, in every table, to the last byte.

Fails closed: a person who shares a key or an id with a protected person is masked too. No list of names exists anywhere:
the marks are tokens, which nobody can read without the key that is kept outside of the database.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from fleetsync.core.model import TOKEN_PREFIX, DeviceRecord, PersonRecord, RecordType
from fleetsync.core.privacy import (
    HiddenTokens,
    Tokeniser,
    hidden_tokens,
    needs_token_keys,
    person_tokens,
    with_token_keys,
)
from fleetsync.store import tables as t
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger import hidden_persons, redaction
from fleetsync.store.ledger.base import LedgerBase, decode_record, encode_record
from fleetsync.store.ledger.person_search import (
    TYPES_WITH_PERSON_KEYS,
    PersonSearch,
    StoredRecord,
    all_stored_records,
    search_persons,
)
from fleetsync.store.ledger.revision import advance_believed_revision


class ProtectedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A person with a protected identity, as far as the role that looks after them may know."""

    reference: str  # opaque: the person's id; of somebody without any record, a token
    since: datetime | None  # None: the mark waits for the decision on a held pull
    parts: tuple[tuple[str, str], ...] = ()  # (source, part) of the person's records and devices


class PrivacyLedger(LedgerBase):
    """The part of the ledger that hides and erases people."""

    def protected_tokens(self) -> frozenset[str]:
        """Tokens of all persons with a protected identity."""
        with self._read_transaction() as connection:
            return hidden_persons.protected_tokens(connection)

    def erased_tokens(self) -> frozenset[str]:
        """Tokens of all erased persons: a pull must not bring them back."""
        with self._read_transaction() as connection:
            return hidden_persons.erased_tokens(connection)

    def protect(self, tokens: Iterable[str], at: datetime) -> int:
        """Mask all that is kept of the people of *tokens*, from now on and back through history; rows masked.

        In one transaction: records of all sources, staged and held rows, log-ins, intervals, what people entered. Then
        the bytes are taken out of the journal as well.
        """
        with self._write_transaction() as connection:
            search = redaction.protect(connection, tokens, at, self._token_of)
        self._database.scrub_deleted_bytes()
        return len(search.stored_records)

    def find_protected(self, tokens: Collection[str]) -> ProtectedPerson | None:
        """The person whom one of *tokens* belongs to, if they are protected or their mark waits for a decision."""
        with self._read_transaction() as connection:
            if theirs := hidden_persons.protected_tokens(connection).intersection(tokens):
                search = search_persons(connection, theirs, self._token_of, follow_reused_logins=False)
                since = select(func.min(t.protected_token.c.since)).where(t.protected_token.c.token.in_(theirs))
                return ProtectedPerson(
                    reference=_reference(connection, search) or min(theirs),
                    since=connection.execute(since).scalar_one(),
                    parts=_parts_of(search),
                )
            waiting = hidden_persons.pending_marks(connection).intersection(tokens)
            return ProtectedPerson(reference=min(waiting), since=None) if waiting else None

    def masked_key_namespaces(self) -> frozenset[tuple[str, str]]:
        """(scheme, namespace) of the keys that masked records have: what a typed number or log-in may be a key of."""
        record = t.record.c
        statement = select(record.body).where(record.masked, record.type.in_(TYPES_WITH_PERSON_KEYS))
        with self._read_transaction() as connection:
            records = [decode_record(body) for body in connection.execute(statement).scalars()]
        with_keys = (each for each in records if isinstance(each, PersonRecord | DeviceRecord))
        return frozenset((key.scheme.value, key.namespace) for each in with_keys for key in each.keys)

    def unprotect(self, reference: str, who: str, reason: str) -> ProtectedPerson:
        """Take back the mark of the person of *reference*, because *who* says so. StoreError when there is no such mark.

        Nobody can make masked rows readable again, so the next pull of each of their parts does: it reads the part
        anew, and the rows differ from what is believed. A source that marks them still, protects them again.
        """
        with self._write_transaction() as connection:
            protected = hidden_persons.protected_tokens(connection)
            theirs = protected.intersection(_tokens_of_reference(connection, reference, self._token_of))
            if not theirs:
                raise StoreError("this person is not protected, or is not known. Nothing was changed")
            # A log-in that another person has by now must not release that person as well.
            search = search_persons(connection, theirs, self._token_of, follow_reused_logins=False)
            released = sorted(protected.intersection(search.tokens))
            for table in (t.protected_token, t.protection_mark):
                connection.execute(delete(table).where(table.c.token.in_(released)))
            redaction.read_anew(connection, search)
            hidden_persons.advance_privacy_generation(connection)
            row = {"at": self._clock.now(), "who": who, "what": f"released protection: {reason}", "subject": reference}
            connection.execute(insert(t.audit).values(row))
            return ProtectedPerson(reference=reference, since=None, parts=_parts_of(search))

    def erase(self, tokens: Iterable[str], at: datetime) -> int:
        """Remove all that is kept of the people of *tokens*, and keep the tokens; rows removed. Devices stay, masked."""
        with self._write_transaction() as connection:
            search = redaction.erase(connection, tokens, at, self._token_of)
        self._database.scrub_deleted_bytes()
        return len(search.stored_records)

    def child_tokens(self) -> Mapping[str, frozenset[str]]:
        """Tokens of the keys of children of förskola and förskoleklass, by the source that says that they are."""
        # One at a time: all parts of a run begin together, and one of them can find the children for all.
        with self._child_tokens_mutex, self._read_transaction() as connection:
            stamp = hidden_persons.children_stamp(connection)
            known = self._child_tokens
            if known is None or known[0] != stamp:
                known = self._child_tokens = (stamp, hidden_persons.child_tokens(connection, self._tokens_of_keys))
            return known[1]

    def tokenise_child_logins(self, children: Mapping[str, frozenset[str]]) -> int:
        """Keep the log-ins of *children* (`child_tokens`) as tokens only, whichever source gave them; rows changed."""
        with self._write_transaction(changes_believed=False) as connection:
            search = PersonSearch(set().union(*children.values()))
            by_source: dict[str, HiddenTokens] = {}
            for stored in all_stored_records(connection, self._token_of):
                hidden = by_source.setdefault(stored.source, hidden_tokens(stored.source, children))
                if _tokenise_keys(connection, stored, hidden):
                    search.stored_records.append(stored)
            if search.stored_records:
                redaction.mask_keys(connection, search, self._token_of)
                hidden_persons.advance_privacy_generation(connection)
                advance_believed_revision(connection)
        if search.stored_records:
            self._database.scrub_deleted_bytes()
        return len(search.stored_records)


def _tokens_of_reference(connection: Connection, reference: str, token_of: Tokeniser) -> frozenset[str]:
    if reference.startswith(TOKEN_PREFIX):
        return frozenset({reference})
    record = t.record.c
    is_theirs = (record.thing_id == reference) | (record.thing_id.is_(None) & (record.own_id == reference))
    statement = select(record.source, record.body).where(is_theirs, record.type == RecordType.PERSON.value)
    rows = connection.execute(statement.where(record.masked)).all()
    return frozenset().union(*(person_tokens(decode_record(body), token_of, source=source) for source, body in rows))


def _reference(connection: Connection, search: PersonSearch) -> str | None:
    """The id of the person; before the first reconciliation that of their earliest record."""
    rows = [each.at[0] for each in search.stored_records if each.table is t.record and not each.is_device]
    record = t.record.c
    statement = select(record.thing_id, record.own_id).where(
        record.id.in_(rows), record.type == RecordType.PERSON.value
    )
    row = connection.execute(statement.order_by(record.first_seen, record.id).limit(1)).one_or_none()
    return None if row is None else row.thing_id or row.own_id


def _parts_of(search: PersonSearch) -> tuple[tuple[str, str], ...]:
    believed = (each for each in search.stored_records if each.table is t.record)
    return tuple(sorted({(each.source, each.part) for each in believed}))


def _tokenise_keys(connection: Connection, stored: StoredRecord, hidden: HiddenTokens) -> bool:
    """Whether the record was a child's and had to be rewritten."""
    if not needs_token_keys(stored.record, stored.tokens, hidden):
        return False
    tokenised = with_token_keys(stored.record, stored.tokens)
    if tokenised == stored.record:
        return False
    same_key = redaction.primary_key_conditions(stored.table, stored.at)
    connection.execute(update(stored.table).where(*same_key).values(body=encode_record(tokenised)))
    return True
