"""Protected and erased people: what is already kept of them is masked or removed, in every table, to the last byte.

Fails closed: a person who shares a key or an id with a protected person is masked too. No list of names exists anywhere:
the marks are tokens, which nobody can read without the key that is kept outside of the database.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, update

from fleetsync.core.privacy import HiddenTokens, hidden_tokens, needs_token_keys, with_token_keys
from fleetsync.store.ledger import hidden_persons, redaction
from fleetsync.store.ledger.base import LedgerBase, encode_record
from fleetsync.store.ledger.person_search import PersonSearch, StoredRecord, all_stored_records


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

    def erase(self, tokens: Iterable[str], at: datetime) -> int:
        """Remove all that is kept of the people of *tokens*, and keep the tokens; rows removed. Devices stay, masked."""
        with self._write_transaction() as connection:
            search = redaction.erase(connection, tokens, at, self._token_of)
        self._database.scrub_deleted_bytes()
        return len(search.stored_records)

    def child_tokens(self) -> Mapping[str, frozenset[str]]:
        """Tokens of the keys of children of förskola and förskoleklass, by the source that says that they are."""
        with self._read_transaction() as connection:
            return hidden_persons.child_tokens(connection, self._tokens_of_keys)

    def tokenise_child_logins(self, children: Mapping[str, frozenset[str]]) -> int:
        """Keep the log-ins of *children* (`child_tokens`) as tokens only, whichever source gave them; rows changed."""
        with self._write_transaction() as connection:
            search = PersonSearch(set().union(*children.values()))
            by_source: dict[str, HiddenTokens] = {}
            for stored in all_stored_records(connection, self._token_of):
                hidden = by_source.setdefault(stored.source, hidden_tokens(stored.source, children))
                if _tokenise_keys(connection, stored, hidden):
                    search.stored_records.append(stored)
            if search.stored_records:
                redaction.mask_keys(connection, search, self._token_of)
                hidden_persons.advance_privacy_generation(connection)
        if search.stored_records:
            self._database.scrub_deleted_bytes()
        return len(search.stored_records)


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
