"""Takes the records of one pull as they are read: protects them, and compares them with what is believed.

What has not changed since it was judged last is only noted. Records of persons that have changed wait for the last page,
because a mark on any page protects.
"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from fleetsync.core.model import MembershipRecord, PersonRecord, Record
from fleetsync.core.privacy import (
    RecordTokens,
    Storage,
    needs_token_keys,
    record_tokens,
    storage_of_record,
    with_token_keys,
)
from fleetsync.pull.contract import Part, UncertainRecord
from fleetsync.pull.registry import Source
from fleetsync.pull.runner.differences import PullDifferences
from fleetsync.pull.runner.normalisation import NormalisationRules
from fleetsync.pull.runner.protection import PullProtection
from fleetsync.pull.runner.read_records import ReadRecord, RecordRef, UncertainRead, record_ref
from fleetsync.pull.runner.staging import Staging
from fleetsync.pull.runner.unchanged_rows import HashedRow, is_marked

_OF_PERSONS: Final = (PersonRecord, MembershipRecord)


class RecordComparison:
    """Decides of each record of a pull how it is stored, and hands it to *differences*."""

    def __init__(
        self,
        staging: Staging,
        rules: NormalisationRules,
        source: Source,
        part: Part,
        protection: PullProtection,
        differences: PullDifferences,
    ) -> None:
        self._staging, self._rules, self._source, self._part = staging, rules, source, part
        self._protection, self._differences = protection, differences
        self._waiting: list[ReadRecord] = []  # of persons, until the marks of all pages are known
        self._waiting_refs: set[RecordRef] = set()
        self._uncertain: list[UncertainRead] = []  # until every record is known that another row is

    def take_unchanged(self, row: HashedRow, scope: str | None) -> bool:
        """Note the records of *row* as present, if they are believed as it gives them; whether they are."""
        refs = self._differences.unchanged_refs(row.hash, scope)
        # Of several records of one id all are compared.
        if not refs or not self._waiting_refs.isdisjoint(refs):
            return False
        self._differences.note_unchanged(refs, row.last_contact_at)
        return True

    def take(self, record: Record, scope: str | None, read_fingerprint: int | None) -> None:
        """Take a record as its connector gave it. *read_fingerprint*: of the row that gave it."""
        record, tokens = self._protected(self._rules.canonical(record, self._source.settings))
        read = ReadRecord(record, tokens, scope, read_fingerprint)
        if isinstance(record, _OF_PERSONS):
            self._waiting.append(read)
            self._waiting_refs.add(record_ref(record))
        else:
            self._compare(read)

    def take_uncertain(self, uncertain: UncertainRecord, scope: str | None) -> None:
        """Take a record of which it is not certain which one it is. A mark on it counts from here on."""
        record, tokens = self._protected(self._rules.canonical(uncertain.record, self._source.settings))
        read = self._with_tokens(ReadRecord(record, tokens, scope))
        self._uncertain.append(UncertainRead(read, uncertain.id_prefix, uncertain.facts))

    def _protected(self, record: Record) -> tuple[Record, RecordTokens | None]:
        """A canonical *record* with its keys as tokens where they must be, and its tokens where anybody asks for them."""
        is_child = isinstance(record, PersonRecord) and record.child
        if not (self._protection.hides_anyone or is_child or is_marked(record)):
            return record, None
        tokens = record_tokens(record, self._rules.token_of, source=self._source.name)
        if needs_token_keys(record, tokens, self._protection.hidden):
            record = with_token_keys(record, tokens)
        self._protection.take_mark(record, tokens)
        return record, tokens

    def _compare(self, read: ReadRecord) -> None:
        storage = Storage.PLAIN if read.tokens is None else self._storage(read.record, read.tokens)
        if storage is not Storage.DROPPED:
            self._differences.compare(read, storage)

    def _storage(self, record: Record, tokens: RecordTokens) -> Storage:
        storage = storage_of_record(record, tokens, self._protection.hidden)
        if storage is Storage.MASKED:
            self._protection.take_device(record, tokens)
        elif self._protection.is_marked_and_new(tokens, is_believed=self._differences.believes_person_of(record)):
            return Storage.MASKED
        return storage

    def compare_persons(self) -> None:
        """Compare the records of persons. After the last page, when the marks of all pages are known."""
        if self._protection.hides_anyone:
            self._waiting = [self._with_tokens(read) for read in self._waiting]
            # A protected person is never passed over as unchanged, so all of them are among the waiting.
            shown = (read.tokens for read in self._waiting if isinstance(read.record, PersonRecord))
            self._protection.take_back_marks({tokens.person_id for tokens in shown if tokens and tokens.person_id})
            self._widen_marks()
            self._protection.refuse_shared_key()
        self._protection.store_marks()
        for read in self._waiting:
            self._compare(read)
        self._waiting.clear()
        self._waiting_refs.clear()

    def _widen_marks(self) -> None:
        """Protect marked persons by all their keys, which may stand on records that have not changed."""
        has_all = False
        while True:
            known = self._protection.hidden.protected
            for read in self._waiting:
                assert read.tokens is not None
                self._protection.take_keys(read.record, read.tokens)
            if self._protection.has_new_marks and not has_all:
                self._take_back_unchanged()
                has_all = True
            elif self._protection.hidden.protected == known:
                return

    def _take_back_unchanged(self) -> None:
        for record in self._staging.person_records(self._source.name, self._part.name):
            if (read := self._differences.take_back(record)) is not None:
                self._waiting.append(self._with_tokens(read))

    @property
    def has_uncertain(self) -> bool:
        """Whether there is a record of which it is not certain which one it is."""
        return bool(self._uncertain)

    def compare_uncertain(
        self, person_by_membership: Mapping[str, str]
    ) -> tuple[list[UncertainRead], list[UncertainRead]]:
        """Divide those records into those that stay as they are believed, and those that were compared.

        After all other records, so that it is known which ones no other row is.
        """
        certain = [each for each in self._uncertain if self._differences.is_believed(each.read)]
        others = [each for each in self._uncertain if not self._differences.is_believed(each.read)]
        for each in certain:
            self._compare(each.read)
        kept, new = self._differences.split_uncertain(others, person_by_membership)
        for each in new:
            self._compare(each.read)
        return kept, [*certain, *new]

    def _with_tokens(self, read: ReadRecord) -> ReadRecord:
        if read.tokens is not None:
            return read
        return replace(read, tokens=record_tokens(read.record, self._rules.token_of, source=self._source.name))
