"""Protected and erased people: what of theirs is already kept is masked or removed, in every table, to the last byte.

Fails closed: who shares a key or an id with somebody protected is masked with him. No list of names exists anywhere:
what is kept of the marks are tokens, which nobody can read without the key that lies outside of the database.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import update

from fleetsync.core.masking import mask_child_keys
from fleetsync.store.ledger import hidden_persons, redaction
from fleetsync.store.ledger.base import LedgerBase, encode_record
from fleetsync.store.ledger.person_search import PersonSearch, all_stored_records


class PrivacyLedger(LedgerBase):
    """The part of the ledger that forgets."""

    def protected_tokens(self) -> frozenset[str]:
        """Tokens of everybody with a protected identity."""
        with self._read_transaction() as connection:
            return hidden_persons.protected_tokens(connection)

    def erased_tokens(self) -> frozenset[str]:
        """Tokens of everybody who was erased: a pull must not bring them back."""
        with self._read_transaction() as connection:
            return hidden_persons.erased_tokens(connection)

    def protect(self, tokens: Iterable[str], at: datetime) -> int:
        """Mask all that is kept of the people of *tokens*, from now on and back through history; rows masked.

        In one transaction: records of all sources, staged and held rows, log-ins, intervals, what people entered. Then
        the bytes are taken out of the journal as well.
        """
        with self._write_transaction() as connection:
            found = redaction.protect(connection, tokens, at, self._token_of)
        self._database.scrub_deleted_bytes()
        return len(found.stored_records)

    def erase(self, tokens: Iterable[str], at: datetime) -> int:
        """Remove all that is kept of the people of *tokens*, and keep the tokens; rows removed. Devices stay, masked."""
        with self._write_transaction() as connection:
            found = redaction.erase(connection, tokens, at, self._token_of)
        self._database.scrub_deleted_bytes()
        return len(found.stored_records)

    def child_tokens(self) -> Mapping[str, frozenset[str]]:
        """Tokens of the keys of children of förskola and förskoleklass, by the source that says what they are."""
        with self._read_transaction() as connection:
            return hidden_persons.child_tokens(connection, self._token_of)

    def tokenise_child_logins(self, children: Mapping[str, frozenset[str]]) -> int:
        """Keep the log-ins of *children* (`child_tokens`) as tokens alone, whoever told them plain; rows changed.

        A source that says itself who is a child is not overruled by another's, so that a child grows up.
        """
        with self._write_transaction() as connection:
            found = PersonSearch(set().union(*children.values()))
            for trace in all_stored_records(connection, self._token_of):
                said = [tokens for source, tokens in children.items() if source != trace.source or trace.is_device]
                left = mask_child_keys(trace.record, frozenset().union(*said), self._token_of)
                if left != trace.record:
                    found.stored_records.append(trace)
                    here = redaction.primary_key_conditions(trace.table, trace.at)
                    connection.execute(update(trace.table).where(*here).values(body=encode_record(left)))
            if found.stored_records:
                redaction.mask_keys(connection, found, self._token_of)
                hidden_persons.advance_privacy_generation(connection)
        if found.stored_records:
            self._database.scrub_deleted_bytes()
        return len(found.stored_records)
