"""What a pull would change: each record compared by fingerprint with what is believed; only what differs is staged.

Records of a row that is as it was read last, and is judged by the same, are only noted as present.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from fleetsync.core.model import (
    RECORD_TYPES,
    DeviceRecord,
    MembershipRecord,
    PersonRecord,
    ReadFingerprint,
    Record,
    RecordType,
    RowChange,
    StagedRow,
)
from fleetsync.core.privacy import RecordTokens, RowToStage, Storage, masked_record, tokenise_id
from fleetsync.pull.runner.normalisation import NormalisationRules
from fleetsync.pull.runner.read_records import Rank, ReadRecord, RecordRef, UncertainRead, rank_of, record_ref
from fleetsync.pull.runner.staging import BelievedEntry
from fleetsync.pull.runner.unchanged_rows import refs_by_row_hash

_NUMBER_BEHIND_ID = re.compile(r"/\d+\Z")


def believed_persons(index: Mapping[RecordRef, BelievedEntry]) -> int:
    """How many persons of a part are believed and not gone."""
    person = RecordType.PERSON.value
    return sum(1 for (kind, _), entry in index.items() if kind == person and not entry.gone)


class PullDifferences:
    """The differences between one pull of *source* and *index*, which is what is believed of the part.

    *judged_alike*: the scopes whose believed records were all judged by what this pull judges by. *believed_record*: reads
    what is stored of a record.
    """

    def __init__(
        self,
        source: str,
        rules: NormalisationRules,
        index: Mapping[RecordRef, BelievedEntry],
        judged_alike: Collection[str] = (),
        believed_record: Callable[[RecordRef], Record | None] = lambda _: None,
    ) -> None:
        self._source, self._rules, self._index = source, rules, index
        self._judged_alike, self._believed_record = frozenset(judged_alike), believed_record
        self._refs_by_row_hash = refs_by_row_hash(index) if judged_alike else {}
        self._believes_masked = any(entry.masked for entry in index.values())
        self._read_otherwise: dict[RecordRef, ReadFingerprint] = {}
        self._changed_rows: list[StagedRow] = []
        self._unchanged: dict[RecordRef, datetime | None] = {}  # noted as present, with the last contact
        self._ranks: dict[RecordRef, Rank] = {}  # of the records that were compared
        self._without_contact: set[RecordRef] = set()
        self._conflicts: set[RecordRef] = set()
        self._unreadable: set[RecordRef] = set()  # present, and could not be read
        self._unreadable_prefixes: set[RecordRef] = set()  # of ids up to a slash
        self._unmasked: set[RecordRef] = set()  # believed masked, and present in clear under another id
        self.duplicates = 0

    @property
    def seen(self) -> Collection[RecordRef]:
        """The records that were read, each once."""
        return [*self._unchanged, *self._ranks]

    def _is_seen(self, ref: RecordRef) -> bool:
        return ref in self._unchanged or ref in self._ranks

    @property
    def contacts_untold(self) -> int:
        """Devices that came without a contact, and have one that is believed."""
        return len(self._without_contact)

    @property
    def conflicting_duplicates(self) -> int:
        """Ids that came more than once with different content."""
        return len(self._conflicts)

    @property
    def read_otherwise(self) -> Collection[ReadFingerprint]:
        """What was read from another row than last, and comes to what is believed all the same."""
        return self._read_otherwise.values()

    def unchanged_refs(self, row_hash: int, scope: str | None) -> Sequence[RecordRef]:
        """The records of a row, if nothing of them can have changed: then `note_unchanged` is all there is to do; else none.

        The row is what it was when its records were judged last, that was by the same, and they are believed in clear. What
        is absent has no fingerprint of a row. Of several records of one id only the first can be passed over.
        """
        refs = self._refs_by_row_hash.get(row_hash, ()) if (scope or "") in self._judged_alike else ()
        for ref in refs:
            if self._index[ref].scope != scope or self._is_seen(ref):
                return ()
        return refs

    def note_unchanged(self, refs: Iterable[RecordRef], contact: datetime | None) -> None:
        """Note records as present and unchanged. *contact*: the last one of the device among them."""
        for ref in refs:
            if ref[0] != RecordType.DEVICE:
                self._unchanged[ref] = None
            else:
                self._unchanged[ref] = contact
                self._take_contact(ref, contact, self._index[ref])

    def _take_contact(self, ref: RecordRef, contact: datetime | None, entry: BelievedEntry) -> None:
        self._note_contact(ref, contact)
        if contact is not None and contact != entry.last_contact_at:
            self._changed_rows.append(
                StagedRow(
                    change=RowChange.CONTACT,
                    type=RecordType.DEVICE,
                    source_id=ref[1],
                    scope=entry.scope,
                    fingerprint=entry.fingerprint,
                    last_contact_at=contact,
                )
            )

    def take_back(self, record: Record) -> ReadRecord | None:
        """A believed *record* of a person that was noted as unchanged, to be compared after all; None for others."""
        ref = record_ref(record)
        if ref not in self._unchanged:
            return None
        del self._unchanged[ref]
        entry = self._index[ref]
        return ReadRecord(record, None, entry.scope, entry.read_fingerprint)

    def compare(self, read: ReadRecord, storage: Storage) -> None:
        """Take a record that is stored as *storage* says. Its tokens are needed where it is masked."""
        is_masked, contact, body = storage is Storage.MASKED, None, read.record
        if isinstance(body, DeviceRecord):
            contact, body = body.last_contact_at, msgspec.structs.replace(body, last_contact_at=None)
        if not is_masked:
            # Whose mark waits for a decision is believed as before until it is taken.
            body = _without_protected_flag(body)
        fingerprint = self._rules.row_fingerprint(body, is_masked=is_masked)
        kept = self._masked(body, read.tokens) if is_masked else body
        ref = record_ref(kept)
        rank = rank_of(read.record, fingerprint, read.scope)
        is_repeated = self._is_seen(ref)
        if not self._is_taken(ref, rank):
            return
        self._note_contact(ref, contact)
        row = RowToStage(
            change=RowChange.PUT,
            type=RECORD_TYPES[type(kept)],
            source_id=ref[1],
            scope=read.scope,
            record=kept,
            fingerprint=fingerprint,
            read_fingerprint=None if is_masked else read.read_fingerprint,
            last_contact_at=contact,
            masked=is_masked,
            tokens=read.tokens,
        )
        self._add_difference(row, self._index.get(ref), is_repeated=is_repeated)

    def _masked(self, record: Record, tokens: RecordTokens | None) -> Record:
        assert tokens is not None, "it was masked for one of its tokens"
        return masked_record(record, tokens, self._rules.token_of, source=self._source)

    def _is_taken(self, ref: RecordRef, rank: Rank) -> bool:
        """Whether this is the record that counts so far, of all that came with its id."""
        before = self._ranks.get(ref) or self._rank_of_unchanged(ref)
        if before is None:
            self._ranks[ref] = rank
            return True
        self.duplicates += 1
        if before.fingerprint != rank.fingerprint:
            self._conflicts.add(ref)
        self._ranks[ref] = max(rank, before)
        return rank > before

    def _rank_of_unchanged(self, ref: RecordRef) -> Rank | None:
        """The rank of a record that was noted as unchanged; from here on it is one of those that are compared."""
        if ref not in self._unchanged:
            return None
        contact, entry, record = self._unchanged.pop(ref), self._index[ref], self._believed_record(ref)
        if isinstance(record, DeviceRecord):
            record = msgspec.structs.replace(record, last_contact_at=contact)
        return None if record is None else rank_of(record, entry.fingerprint, entry.scope)

    def _note_contact(self, ref: RecordRef, contact: datetime | None) -> None:
        entry = self._index.get(ref)
        if contact is None and entry is not None and entry.last_contact_at is not None:
            self._without_contact.add(ref)
        else:
            self._without_contact.discard(ref)

    def believes_person_of(self, record: Record) -> bool:
        """Whether the person of *record* is believed in clear: masked, they have another id."""
        if not isinstance(record, PersonRecord | MembershipRecord):
            return False
        person = record.source_id if isinstance(record, PersonRecord) else record.person
        return (RecordType.PERSON.value, person) in self._index

    def note_unreadable(self, types: Iterable[RecordType], source_id: str, *, is_prefix: bool = False) -> None:
        """Count a record as seen that was there and could not be read: what is believed of it stays.

        *is_prefix*: as are all records whose id begins with *source_id*, which ends with a slash.
        """
        if is_prefix:
            self._unreadable_prefixes.update((type_.value, source_id) for type_ in types)
            return
        # What is believed of a protected person has a token as its id.
        ids = (source_id, tokenise_id(self._source, source_id, self._rules.token_of))
        self._unreadable.update((type_.value, id_) for type_ in types for id_ in ids)

    def _is_unreadable(self, ref: RecordRef) -> bool:
        type_, source_id = ref
        # The numbers of rows with one name shift when one of those rows cannot be read.
        if ref in self._unreadable or (type_, _NUMBER_BEHIND_ID.sub("", source_id)) in self._unreadable:
            return True
        return any((type_, prefix) in self._unreadable_prefixes for prefix in _prefixes(source_id))

    def note_unreadable_ties(self, person_by_membership: Mapping[str, str]) -> None:
        """What belongs to an unreadable row is seen with it: a person's memberships, and a membership's person."""
        persons = {source_id for kind, source_id in self._unreadable if kind == RecordType.PERSON}
        # The ids of a protected person's memberships are tokens and have no prefix.
        masked_persons = {
            tokenise_id(self._source, prefix.removesuffix("/"), self._rules.token_of)
            for kind, prefix in self._unreadable_prefixes
            if kind == RecordType.MEMBERSHIP
        }
        for membership, person in person_by_membership.items():
            is_unreadable = (RecordType.MEMBERSHIP.value, membership) in self._unreadable
            if is_unreadable or person in persons or person in masked_persons:
                self._unreadable.add((RecordType.MEMBERSHIP.value, membership))
                self._unreadable.add((RecordType.PERSON.value, person))

    @property
    def has_unreadable_persons(self) -> bool:
        """Whether a row of a person or membership could not be read, and its id could."""
        refs = (*self._unreadable, *self._unreadable_prefixes)
        return any(kind in (RecordType.PERSON, RecordType.MEMBERSHIP) for kind, _ in refs)

    def split_uncertain(
        self, uncertain: Iterable[UncertainRead], person_by_membership: Mapping[str, str]
    ) -> tuple[list[UncertainRead], list[UncertainRead]]:
        """Divide *uncertain* into rows of records that are believed, which are seen now and stay as they are, and new ones.

        Call it when every certain record has been compared: what no other row is, these may be.
        """
        groups: defaultdict[RecordRef, list[UncertainRead]] = defaultdict(list)
        for each in uncertain:
            groups[each.group].append(each)
        missing = self._missing_records(groups, person_by_membership)
        kept: list[UncertainRead] = []
        new: list[UncertainRead] = []
        for group, reads in groups.items():
            self._unreadable.update(missing[group])
            # With more rows than records, which of the rows are new is unknown; that some are is not.
            kept += reads[: len(missing[group])]
            new += reads[len(missing[group]) :]
        return kept, new

    def _missing_records(
        self, groups: Mapping[RecordRef, Sequence[UncertainRead]], person_by_membership: Mapping[str, str]
    ) -> Mapping[RecordRef, list[RecordRef]]:
        """Of each group the records that are believed, and that no row of the pull was so far."""
        groups_of_person: defaultdict[str, list[RecordRef]] = defaultdict(list)
        for group, reads in groups.items():
            tokens = reads[0].read.tokens
            if tokens is not None and tokens.person_id:
                groups_of_person[tokens.person_id].append(group)
        missing: defaultdict[RecordRef, list[RecordRef]] = defaultdict(list)
        for ref, entry in self._index.items():
            if self._is_seen(ref) or entry.gone:
                continue
            type_, source_id = ref
            for prefix in _prefixes(source_id):
                if (type_, prefix) in groups:
                    missing[type_, prefix].append(ref)
            # A protected person's memberships are believed under tokens, which tell nothing but whose they are.
            if type_ == RecordType.MEMBERSHIP:
                for group in groups_of_person.get(person_by_membership.get(source_id, ""), ()):
                    missing[group].append(ref)
        return missing

    def is_believed(self, read: ReadRecord) -> bool:
        """Whether a record of this very id is believed, in clear or masked, and not gone."""
        type_ = RECORD_TYPES[type(read.record)].value
        token = tokenise_id(self._source, read.record.source_id, self._rules.token_of)
        entries = (self._index.get((type_, source_id)) for source_id in (read.record.source_id, token))
        return any(entry is not None and not entry.gone for entry in entries)

    def _add_difference(self, row: RowToStage, entry: BelievedEntry | None, *, is_repeated: bool) -> None:
        if entry is None:
            self._note_unmasked(row)
        if entry is None or entry.fingerprint != row.fingerprint or entry.scope != row.scope:
            self._changed_rows.append(row)
        elif entry.absent or entry.gone:
            self._changed_rows.append(_without_record(row, RowChange.RETURN))
        elif is_repeated or (row.last_contact_at is not None and row.last_contact_at != entry.last_contact_at):
            # A record of the same id may be staged already; this row, which changes nothing else, replaces it.
            self._changed_rows.append(_without_record(row, RowChange.CONTACT))
        if entry is not None and entry.fingerprint == row.fingerprint:
            self._note_read_otherwise(row, entry)

    def _note_read_otherwise(self, row: RowToStage, entry: BelievedEntry) -> None:
        if row.read_fingerprint == entry.read_fingerprint:
            return
        # What another row comes to under new rules says nothing of the rules that hold if this pull is not believed.
        read_fingerprint = row.read_fingerprint if (entry.scope or "") in self._judged_alike else None
        if read_fingerprint != entry.read_fingerprint:
            self._read_otherwise[row.ref] = ReadFingerprint(read_fingerprint, *row.ref, entry.fingerprint)

    def _note_unmasked(self, row: RowToStage) -> None:
        """A person who is not protected any more comes back in clear: the masked record of theirs is not absent."""
        is_in_clear = row.type in (RecordType.PERSON, RecordType.MEMBERSHIP) and not row.masked
        if is_in_clear and self._believes_masked:
            token = tokenise_id(self._source, row.source_id, self._rules.token_of)
            self._unmasked.add((row.type.value, token))

    @property
    def believed(self) -> int:
        """The number of records that are believed and not gone."""
        return sum(not entry.gone for entry in self._index.values())

    @property
    def waiting(self) -> int:
        """The number of rows that wait to be staged."""
        return len(self._changed_rows)

    def take_rows(self) -> list[StagedRow]:
        """The rows that wait to be staged; they wait no longer."""
        rows, self._changed_rows = self._changed_rows, []
        return rows

    def absent_rows(self, scopes: Iterable[str]) -> Iterator[StagedRow]:
        """What is believed, belongs to one of *scopes*, which were read whole, and was not there."""
        whole = frozenset(scopes)
        for ref, entry in self._index.items():
            is_present = self._is_seen(ref) or self._is_unreadable(ref) or ref in self._unmasked
            if not is_present and not entry.gone and (entry.scope or "") in whole:
                yield StagedRow(change=RowChange.ABSENT, type=RecordType(ref[0]), source_id=ref[1], scope=entry.scope)

    def returned_unread(self) -> Iterator[StagedRow]:
        """What was absent and is there again, in a row that could not be read."""
        for ref in sorted(self._unreadable):
            entry = self._index.get(ref)
            if entry is not None and not self._is_seen(ref) and (entry.absent or entry.gone):
                yield StagedRow(change=RowChange.RETURN, type=RecordType(ref[0]), source_id=ref[1], scope=entry.scope)


def _prefixes(source_id: str) -> Iterator[str]:
    """Every beginning of *source_id* that ends with a slash."""
    return (source_id[: place + 1] for place, letter in enumerate(source_id) if letter == "/")


def _without_record(row: RowToStage, change: RowChange) -> StagedRow:
    return msgspec.structs.replace(row, change=change, record=None, tokens=None)


def _without_protected_flag(record: Record) -> Record:
    """The mark is an instruction to the runner and is not kept: no list of protected persons exists anywhere."""
    if isinstance(record, PersonRecord | MembershipRecord) and record.protected:
        return msgspec.structs.replace(record, protected=False)
    return record
