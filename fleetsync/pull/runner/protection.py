"""Who may not be stored plainly, as far as one pull knows: from the store when it begins, and from what it reads.

What follows from it is decided in `fleetsync.core.privacy`. A pull that marks a few persons protects them at once,
whatever becomes of it. One that marks many at once is more likely a column that was misread: its marks wait beside the
pull until that is believed, and meanwhile the persons are not shown.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from msgspec.structs import replace

from fleetsync.core.model import DeviceRecord, MembershipRecord, PersonRecord, Record
from fleetsync.core.privacy import HiddenTokens, RecordTokens, hidden_tokens, is_mass_marking, linked_tokens
from fleetsync.pull.contract import SourceRefused
from fleetsync.pull.runner.staging import Staging


class PullProtection:
    """The hidden tokens of one *pull* of a part; they grow while its pages are read."""

    def __init__(self, staging: Staging, pull: int, source: str, part: str, started_at: datetime) -> None:
        self._staging, self._pull, self._started_at = staging, pull, started_at
        self._source, self._part = source, part
        self._stored: frozenset[str] = frozenset()  # tokens that the store knows to be protected
        self._children: Mapping[str, frozenset[str]] = {}
        self._believed_persons = 0
        self._persons: set[str] = set()  # their ids as tokens, as the other two
        self._marks: dict[str, set[str]] = {}  # all tokens of each person who is marked
        self._linked: set[str] = set()  # who share a key with a protected person, as `_persons`
        self._protected_before: set[str] = set()
        self.hidden = HiddenTokens()
        self.released_persons = 0  # whose mark was taken back, and whom this pull does not mark
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
        return len(self._marks.keys() - self._protected_before)

    def take_mark(self, record: Record, tokens: RecordTokens) -> None:
        """A mark on any record protects the person: by the id at the source, and by every key of theirs."""
        if isinstance(record, PersonRecord | MembershipRecord) and record.protected and tokens.person_id is not None:
            self._marks.setdefault(tokens.person_id, set()).update(tokens.of_persons)
            self._note_protected_before(tokens.person_id, tokens)
            self._add(tokens.of_persons)

    def take_keys(self, record: Record, tokens: RecordTokens) -> None:
        """A mark on a membership names only the person's id; the person's own record has their keys."""
        if not isinstance(record, PersonRecord) or tokens.person_id is None:
            return
        self._persons.add(tokens.person_id)
        self._note_protected_before(tokens.person_id, tokens)
        if tokens.person_id in self._marks:
            self._marks[tokens.person_id].update(tokens.of_persons)
        if not tokens.of_persons.isdisjoint(self.hidden.protected):
            self._linked.add(tokens.person_id)
            self._add(tokens.of_persons)

    def refuse_shared_key(self) -> None:
        """Refuse a pull in which many persons share a key with a protected person: all of them would be hidden for good.

        It is a column that says the same for all, or an account that a class shares, and no person's key. Raises
        SourceRefused before anything of them is stored.
        """
        linked = self._linked - self._marks.keys() - self._protected_before
        if is_mass_marking(len(linked), self._roster_size()):
            # Who is marked is protected all the same, by their id: their keys are the ones that many share.
            self._marks = {person: {person} for person in self._marks}
            self.hidden = replace(self.hidden, protected=self._stored | self._marks.keys())
            raise SourceRefused(
                f"{self._source}: {len(linked)} persons of {self._part} share a log-in or number with a protected person, "
                "which would hide all of them. Is the column mixed up, or is it an account that many share? Correct it "
                "at the source, or leave that account out there"
            )

    def take_back_marks(self, persons: Collection[str]) -> None:
        """Carry out what was decided about the marks of an earlier pull, now that the part is read to its end.

        *persons*: whom it showed, by the tokens of their ids. Of the others nothing new is known: they stay protected.
        """
        decided = self._staging.persons_to_release(self._source, self._part).intersection(persons)
        if not decided:
            return
        marked = decided.intersection(self._marks)
        self.released_persons = self._staging.take_back_marks(self._pull, unmarked=decided - marked, marked=marked)
        self._stored = self._staging.protected_tokens()
        self.hidden = replace(self.hidden, protected=self._stored.union(*self._marks.values()))

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
        person_by_token = {token: person for person, tokens in self._marks.items() for token in tokens}
        if fresh and is_mass_marking(self.newly_marked, self._roster_size()):
            self._staging.hold_marks(self._pull, fresh, person_by_token)
            self.pending |= fresh
            self.hidden = replace(self.hidden, protected=self._stored)
        elif fresh:
            self._staging.protect(fresh, self._started_at)
            self._stored |= fresh
        self._record_marks(person_by_token)

    def _record_marks(self, person_by_token: Mapping[str, str]) -> None:
        """Keep where the protection comes from. Marks that wait are recorded when their pull is believed."""
        if person_by_token:
            known = self._staging.marked_tokens(self._source, self._part) | self.pending
            fresh = {token: person for token, person in person_by_token.items() if token not in known}
            self._staging.record_marks(self._pull, fresh)

    def _roster_size(self) -> int:
        """The smaller of what is believed and what was read: a roster that breaks off or grows asks sooner."""
        return min((size for size in (len(self._persons), self._believed_persons) if size), default=0)

    def hide_new_children(self) -> None:
        """Children who came to be known while this was read: by this pull, or by a source that is read beside it."""
        children = self._staging.child_tokens()
        fresh = {name: tokens - self._children.get(name, frozenset()) for name, tokens in children.items()}
        if any(fresh.values()):
            self._staging.tokenise_child_logins(fresh)
