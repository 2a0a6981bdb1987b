"""Who may not be stored plainly, as far as one pull knows: from the store when it begins, and from what it reads.

What follows from it is decided in `fleetsync.core.privacy`.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from fleetsync.core.model import MembershipRecord, PersonRecord, Record
from fleetsync.core.privacy import HiddenTokens, RecordTokens, hidden_tokens
from fleetsync.pull.runner.staging import Staging


class PullProtection:
    """The hidden tokens of one pull of *source*; they grow while its pages are read."""

    def __init__(self, staging: Staging, source: str, started_at: datetime) -> None:
        self._staging, self._source, self._started_at = staging, source, started_at
        self._stored: frozenset[str] = frozenset()  # tokens that the store knows to be protected
        self._children: Mapping[str, frozenset[str]] = {}
        self.hidden = HiddenTokens()

    def load(self) -> None:
        """Read who is hidden so far."""
        self._stored = self._staging.protected_tokens()
        self._children = self._staging.child_tokens()
        self.hidden = hidden_tokens(self._source, self._children, self._stored, self._staging.erased_tokens())

    def take_mark(self, record: Record, tokens: RecordTokens) -> None:
        """A mark on any record protects the person: by the id at the source, and by every key of theirs."""
        if isinstance(record, PersonRecord | MembershipRecord) and record.protected:
            self._add(tokens)

    def take_keys(self, record: Record, tokens: RecordTokens) -> None:
        """A mark on a membership names only the person's id; the person's own record has their keys."""
        if isinstance(record, PersonRecord) and not tokens.of_persons.isdisjoint(self.hidden.protected):
            self._add(tokens)

    def _add(self, tokens: RecordTokens) -> None:
        if fresh := tokens.of_persons - self.hidden.protected:
            self.hidden = replace(self.hidden, protected=self.hidden.protected | fresh)

    def store_marks(self) -> None:
        """Protect everyone who was marked so far, whatever becomes of the pull."""
        fresh = self.hidden.protected - self._stored
        if fresh:
            self._staging.protect(fresh, self._started_at)
            self._stored |= fresh

    def hide_new_children(self) -> None:
        """Children who came to be known while this was read: by this pull, or by a source that is read beside it."""
        children = self._staging.child_tokens()
        fresh = {name: tokens - self._children.get(name, frozenset()) for name, tokens in children.items()}
        if any(fresh.values()):
            self._staging.tokenise_child_logins(fresh)
