"""One attempt at a part: every page read once, each record normalised, protected, compared and staged.

Holds no lock on the database while the network is awaited, and never decides whether what it read may be believed: that
is the guard's.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from threading import Event

import msgspec

from fleetsync.clock import Clock
from fleetsync.core.calendar import local_day
from fleetsync.core.model import DroppedKind, MembershipRecord, PersonRecord, PulledScope, PullEffect, UnreadableRow
from fleetsync.core.privacy import shareable_mark_words
from fleetsync.pull.contract import (
    Credential,
    DroppedRow,
    MarkWord,
    NormalisedItem,
    Page,
    Part,
    RawRecord,
    RecordError,
    RejectedRecord,
    SourceUnavailable,
    Stopped,
    UncertainRecord,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.http import SourceSessions
from fleetsync.pull.progress import PullTracker
from fleetsync.pull.registry import Source
from fleetsync.pull.runner.comparison import RecordComparison
from fleetsync.pull.runner.connect import FINGERPRINT_SEPARATOR, PullConnect
from fleetsync.pull.runner.counters import PageCounters
from fleetsync.pull.runner.differences import PullDifferences, believed_persons
from fleetsync.pull.runner.normalisation import NormalisationRules
from fleetsync.pull.runner.protection import PullProtection
from fleetsync.pull.runner.read_records import UncertainRead
from fleetsync.pull.runner.staging import Staging
from fleetsync.pull.runner.unchanged_rows import hashed_row, read_fingerprint_of

STAGING_BATCH_ROWS = 20_000  # the fewer at a time, the more often the same pages of the table are written
NO_ABSENCE_REASON = "rows without a readable id are among it: no record of it is taken for absent by this pull"
UNCERTAIN_ID_REASON = "a fact that its id is made of cannot be read"


class TotalMismatchError(SourceUnavailable):
    """The source gave fewer records than it says it has."""


def _is_of_person(item: NormalisedItem) -> bool:
    """Whether *item* says something about a person: a record, also an uncertain one, or the word of a mark."""
    record = item.record if isinstance(item, UncertainRecord) else item
    return isinstance(record, PersonRecord | MembershipRecord | MarkWord)


class PullAttempt:
    """One attempt at a part, from its first page to its staged differences. Begins a pull when it is created."""

    def __init__(
        self,
        staging: Staging,
        clock: Clock,
        rules: NormalisationRules,
        source: Source,
        part: Part,
        tracker: PullTracker,
    ) -> None:
        self._staging, self._clock, self._rules = staging, clock, rules
        self._source, self._part, self._tracker = source, part, tracker
        self.started_at, self._started_monotonic = clock.now(), clock.monotonic()
        self.credentials: list[Credential] = []
        self.left_files: tuple[str, ...] = ()
        self._today = local_day(self.started_at, rules.policy.time_zone)
        self._settings_fingerprint = rules.read_settings_fingerprint(source.settings)
        self._counters = PageCounters()
        # Last, because it takes the part's lock: whatever fails before it leaves no lock behind.
        self.pull = staging.begin_pull(source.name, part.name, self.started_at)
        self.protection = PullProtection(staging, self.pull, source.name, part.name, self.started_at)

    def seconds(self) -> float:
        """How long it has taken so far."""
        return self._clock.monotonic() - self._started_monotonic

    @property
    def believed(self) -> int:
        """How many records of the part are believed, as they were when it began."""
        return self._differences.believed

    def run(self, sessions: SourceSessions, stop: Event) -> PullEffect | None:
        """Read the part whole. The finished effect; None when there was nothing new to read. Raises PullError."""
        # What is known before the first page. The pull holds the part's lock, so that nobody changes it meanwhile.
        name, part = self._source.name, self._part.name
        index, earlier = self._staging.record_index(name, part), self._staging.judged_under(name, part)
        self._is_first = not earlier
        self.protection.load(believed_persons(index))
        self._judged_under = self._rules.judging_fingerprint(self._source.settings, self.protection.hidden)
        self._judged_alike = {scope for scope, under in earlier.items() if under == self._judged_under}
        self._differences = PullDifferences(
            name, self._rules, index, self._judged_alike, lambda ref: self._staging.believed_record(name, part, ref)
        )
        self._comparison = RecordComparison(
            self._staging, self._rules, self._source, self._part, self.protection, self._differences
        )
        is_unchanged = self._read_pages(sessions, stop)
        self._check_total()
        if is_unchanged:
            return None
        self._comparison.compare_persons()
        self._compare_uncertain()
        self._stage_differences()
        self.protection.hide_new_children()
        return self._finish()

    # --- reading pages ------------------------------------------------------------------------------------------------

    def _read_pages(self, sessions: SourceSessions, stop: Event) -> bool:
        """Read every page once. True when the files there are were read to their end before."""
        settings = self._source.settings
        with sessions.pull_session(
            stop=stop, time_limit=settings.time_limit, wait_limit=settings.wait_limit, tracker=self._tracker
        ) as session:
            connect = PullConnect(
                self._staging, self._clock, self._rules, self._source, self._part, session, stop, self._today
            )
            for page in self._source.module.pull(self._part.name, settings, connect):
                if stop.is_set():
                    raise Stopped(f"{self._source.name}: stopped before {self._part.name} was read to its end")
                self._take_page(page)
        self._take_stray_files(connect)
        return bool(connect.opened) and not self._counters.scopes and all(f.all_unchanged for f in connect.opened)

    def _take_stray_files(self, connect: PullConnect) -> None:
        if not connect.opened:
            return
        self._counters.stray_files = tuple(name for files in connect.opened for name in files.left)
        by_system = (name for files in connect.opened for name in files.left_by_system)
        self.left_files = tuple(sorted((*self._counters.stray_files, *by_system)))
        self._staging.store_left_files(self._source.name, self._part.name, self.left_files)

    def _take_page(self, page: Page) -> None:
        counters = self._counters
        if page.is_whole:
            counters.scopes[page.scope or ""] = self._pulled_scope(page)
        counters.total = page.total if page.total is not None else counters.total
        counters.mark = page.mark or counters.mark
        for rejected in page.rejected:
            self._reject(rejected, page.scope)
        counters.undecodable += len(page.rejected)
        if page.unused_headers:
            counters.of(page.scope).unused_headers[page.file] = page.unused_headers
        counters.of(page.scope).drift.update(f"{unknown.field}={unknown.value}" for unknown in page.drift)
        for raw in page.raws:
            # These stand beside the rows and are none of their own: they must not make up for a missing one.
            counters.raws += not isinstance(raw, UnreadableFact | Credential)
            self._take_raw(raw, page.scope)
        if self._differences.waiting >= STAGING_BATCH_ROWS:
            self._stage_differences()
        self._tracker.take_page(counters.raws)

    def _pulled_scope(self, page: Page) -> PulledScope:
        fingerprint = page.fingerprint
        if fingerprint is not None:
            fingerprint = f"{fingerprint}{FINGERPRINT_SEPARATOR}{self._settings_fingerprint}"
        return PulledScope(name=page.scope or "", as_of=page.as_of or self._today, fingerprint=fingerprint)

    def _take_raw(self, raw: RawRecord, scope: str | None) -> None:
        row = hashed_row(raw, self._source, self._rules)
        if row is not None and self._comparison.take_unchanged(row, scope):
            return
        items = self._normalise(raw, scope)
        read_fingerprint = read_fingerprint_of(row, items)
        for item in items:
            self._take_item(item, scope, read_fingerprint)

    def _normalise(self, raw: RawRecord, scope: str | None) -> Sequence[NormalisedItem]:
        try:
            return self._source.module.normalise(self._part.name, self._source.settings, raw)
        except RecordError as error:
            self._reject(RejectedRecord(str(error), error.place, error.source_id, error.record_type), scope)
            return ()

    def _reject(self, rejected: RejectedRecord, scope: str | None) -> None:
        """Count a row that could not be read. It is seen where its id is known; else its scope has no absence."""
        self._counters.of(scope).reject(rejected.reason, rejected.place)
        if rejected.source_id is None:
            self._counters.unidentified_scopes.add(scope or "")
        else:
            types = (rejected.record_type,) if rejected.record_type is not None else self._part.types
            self._differences.note_unreadable(types, rejected.source_id, is_prefix=rejected.is_prefix)

    def _take_item(self, item: NormalisedItem, scope: str | None, read_fingerprint: int | None) -> None:
        if not self._rules.keeps_persons and _is_of_person(item):
            self._counters.dropped[DroppedKind.PERSON.value] += 1
        elif isinstance(item, Credential):
            self.credentials.append(item)
        elif isinstance(item, UnknownValue):
            self._counters.of(scope).drift[f"{item.field}={item.value}"] += 1
        elif isinstance(item, DroppedRow):
            self._counters.dropped[item.kind.value] += 1
        elif isinstance(item, MarkWord):
            self._counters.mark_words[f"{item.field}={item.word}"] += 1
        elif isinstance(item, UnreadableFact):
            self._counters.of(scope).take_fact(item)
        elif isinstance(item, UncertainRecord):
            self._comparison.take_uncertain(item, scope)
        else:
            self._comparison.take(item, scope, read_fingerprint)

    def _check_total(self) -> None:
        # A raw that could not be made a record came all the same.
        total = self._counters.total
        got = self._counters.raws + self._counters.undecodable - self._differences.duplicates
        if total is not None and got < total:
            raise TotalMismatchError(
                f"{self._source.name}: {self._part.name} should have {total} records and gave {got}. "
                "What was believed before stays"
            )

    # --- records whose id is not certain ------------------------------------------------------------------------------

    def _compare_uncertain(self) -> None:
        """When all other records have been compared, so that it is known which ones no other row is."""
        if not self._comparison.has_uncertain:
            return
        kept, compared = self._comparison.compare_uncertain(self._person_by_membership())
        for each in compared:
            for fact in each.facts:
                self._counters.of(each.read.scope).take_fact(fact)
        for each in kept:
            self._reject_uncertain(each)

    def _reject_uncertain(self, uncertain: UncertainRead) -> None:
        fact = next(iter(uncertain.facts), None)
        # Its id may be a person's number, and is no place.
        reason, place = (UNCERTAIN_ID_REASON, "") if fact is None else (f"{fact.field} {fact.reason}", fact.place)
        self._counters.of(uncertain.read.scope).reject(reason, place)

    def _person_by_membership(self) -> Mapping[str, str]:
        """The person (source id) of each membership that is believed of the part, by the membership's source id."""
        records = self._staging.person_records(self._source.name, self._part.name)
        return {record.source_id: record.person for record in records if isinstance(record, MembershipRecord)}

    # --- staging ------------------------------------------------------------------------------------------------------

    def _stage_differences(self) -> None:
        if rows := self._differences.take_rows():
            self._staging.stage_rows(self.pull, rows)

    def _finish(self) -> PullEffect:
        effect = self._effect()
        differences = self._differences
        if differences.has_unreadable_persons:
            differences.note_unreadable_ties(self._person_by_membership())
        rows = list(differences.returned_unread())
        if not effect.reads_some:
            rows += differences.absent_rows(
                {scope.name for scope in effect.scopes} - self._counters.unidentified_scopes
            )
        self._staging.stage_rows(self.pull, rows)
        self._staging.store_read_fingerprints(self.pull, differences.read_otherwise)
        self._staging.finish_pull(effect)
        return effect

    def _judged_scope(self, scope: PulledScope) -> PulledScope:
        """*scope* with what all of its records were judged under, if that is the same for all."""
        # What is believed of a row that could not be read was judged under something older.
        has_unjudged = bool(scope.findings.rejected) and scope.name not in self._judged_alike
        is_whole = self._part.reads != "some" and not has_unjudged
        return msgspec.structs.replace(scope, judged_under=self._judged_under if is_whole else None)

    def _effect(self) -> PullEffect:
        counters, differences = self._counters, self._differences
        findings = counters.findings()
        return PullEffect(
            pull=self.pull,
            source=self._source.name,
            part=self._part.name,
            started_at=self.started_at,
            scopes=tuple(map(self._judged_scope, counters.pulled_scopes(self.pull)))
            or (PulledScope(as_of=self._today),),
            rows=(),
            seen=len(differences.seen),
            duplicates=differences.duplicates,
            contacts_untold=differences.contacts_untold,
            rejected=findings.rejected,
            unreadable_facts=findings.unreadable_facts,
            unreadable=(*counters.unreadable(), *self._notes_on_absence()),
            unused_headers=findings.unused_headers,
            dropped=dict(counters.dropped),
            seen_by_type=dict(Counter(kind for kind, _ in differences.seen)),
            conflicting_duplicates=differences.conflicting_duplicates,
            newly_marked=self.protection.newly_marked,
            pending_marks=self.protection.pending,
            released_persons=self.protection.released_persons,
            mark_words=shareable_mark_words(counters.mark_words),
            drift=findings.drift,
            is_first=self._is_first,
            reads_some=self._part.reads == "some",
            mark=counters.mark,
        )

    def _notes_on_absence(self) -> Iterable[UnreadableRow]:
        """Says of which scopes nothing is taken for absent, because nobody knows which records could not be read."""
        if self._part.reads == "some":
            return
        for scope in sorted(self._counters.unidentified_scopes):
            yield UnreadableRow(place=scope or self._part.name, reason=NO_ABSENCE_REASON)
