"""Who may not be stored plainly, as far as one pull knows: from the store when it begins, and from what it reads.

What follows from it is decided in `fleetsync.core.privacy`. A pull that marks a few persons protects them at once,
whatever becomes of it. One that marks many at once is more likely a column that was misread: its marks wait beside the
pull until that is believed, and meanwhile the persons are not shown.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from fleetsync.core.model import DeviceRecord, MembershipRecord, PersonRecord, Record
from fleetsync.core.privacy import HiddenTokens, RecordTokens, hidden_tokens, is_mass_marking, linked_tokens
from fleetsync.pull.runner.staging import Staging


class PullProtection:
    """The hidden tokens of one *pull* of *source*; they grow while its pages are read."""

    def __init__(self, staging: Staging, pull: int, source: str, started_at: datetime) -> None:
        self._staging, self._pull, self._source, self._started_at = staging, pull, source, started_at
        self._stored: frozenset[str] = frozenset()  # tokens that the store knows to be protected
        self._children: Mapping[str, frozenset[str]] = {}
        self._believed_persons = 0
        self._persons: set[str] = set()  # their ids as tokens, as the other two
        self._marked: set[str] = set()
        self._protected_before: set[str] = set()
        self.hidden = HiddenTokens()
        self.pending: frozenset[str] = frozenset()  # tokens of persons who are protected once the pull is believed

    def load(self, believed_persons: int) -> None:
        """Read who is hidden so far. *believed_persons*: how many persons the roster has."""
        self._believed_persons = believed_persons
        self._stored = self._staging.protected_tokens()
        self._children = self._staging.child_tokens()
        self.hidden = hidden_tokens(self._source, self._children, self._stored, self._staging.erased_tokens())

    @property
    def hides_anyone(self) -> bool:
        """Whether there is anybody whose tokens a record has to be compared with."""
        hidden = self.hidden
        return bool(hidden.protected or hidden.erased or hidden.children or self.pending)

    @property
    def has_new_marks(self) -> bool:
        """Whether the pull has marked somebody, or learnt a key of somebody marked, that is not stored yet."""
        return self.hidden.protected != self._stored

    @property
    def newly_marked(self) -> int:
        """How many persons the pull marks who were not protected before."""
        return len(self._marked - self._protected_before)

    def take_mark(self, record: Record, tokens: RecordTokens) -> None:
        """A mark on any record protects the person: by the id at the source, and by every key of theirs."""
        if isinstance(record, PersonRecord | MembershipRecord) and record.protected and tokens.person_id is not None:
            self._marked.add(tokens.person_id)
            self._note_protected_before(tokens.person_id, tokens)
            self._add(tokens.of_persons)

    def take_keys(self, record: Record, tokens: RecordTokens) -> None:
        """A mark on a membership names only the person's id; the person's own record has their keys."""
        if not isinstance(record, PersonRecord) or tokens.person_id is None:
            return
        self._persons.add(tokens.person_id)
        self._note_protected_before(tokens.person_id, tokens)
        if not tokens.of_persons.isdisjoint(self.hidden.protected):
            self._add(tokens.of_persons)

    def take_device(self, record: Record, tokens: RecordTokens) -> None:
        """A device of a protected person: its object id is theirs, and leads to the devices under their aliases."""
        if isinstance(record, DeviceRecord) and not tokens.of_keys.isdisjoint(self.hidden.protected):
            self._add(linked_tokens(record, tokens))

    def is_marked_and_new(self, tokens: RecordTokens, *, is_believed: bool) -> bool:
        """Whether a record is of a person whose mark waits, and of whom nothing is believed in clear yet."""
        return not is_believed and not tokens.of_persons.isdisjoint(self.pending)

    def _note_protected_before(self, person: str, tokens: RecordTokens) -> None:
        if not tokens.of_persons.isdisjoint(self._stored):
            self._protected_before.add(person)

    def _add(self, tokens: frozenset[str]) -> None:
        if fresh := tokens - self.hidden.protected:
            self.hidden = replace(self.hidden, protected=self.hidden.protected | fresh)

    def store_marks(self) -> None:
        """Protect everyone who was marked so far, whatever becomes of the pull; many at once wait for a decision."""
        fresh = self.hidden.protected - self._stored
        if not fresh:
            return
        if is_mass_marking(self.newly_marked, self._roster_size()):
            self._staging.hold_marks(self._pull, fresh)
            self.pending |= fresh
            self.hidden = replace(self.hidden, protected=self._stored)
        else:
            self._staging.protect(fresh, self._started_at)
            self._stored |= fresh

    def _roster_size(self) -> int:
        """The smaller of what is believed and what was read: a roster that breaks off or grows asks sooner."""
        return min((size for size in (len(self._persons), self._believed_persons) if size), default=0)

    def hide_new_children(self) -> None:
        """Children who came to be known while this was read: by this pull, or by a source that is read beside it."""
        children = self._staging.child_tokens()
        fresh = {name: tokens - self._children.get(name, frozenset()) for name, tokens in children.items()}
        if any(fresh.values()):
            self._staging.tokenise_child_logins(fresh)
