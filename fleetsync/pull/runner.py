"""One part, page by page: normalise, keys, tokens, mask, fingerprint, stage.

The runner owns what a connector could forget: canonical keys, tokens, masking, completeness, counting. It knows the
store as the Protocol `Staging`, holds no database lock while the network is awaited, and never decides whether what
it read may be believed: that is the guard's.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import Any, Protocol

import msgspec

from fleetsync import log, version
from fleetsync.clock import Clock
from fleetsync.core.calendar import local_day
from fleetsync.core.identity import canonical_key, canonical_serial
from fleetsync.core.masking import Tokeniser, mask_child_keys, mask_record, person_tokens, tokenise_key
from fleetsync.core.matching import name_pattern_match
from fleetsync.core.model import (
    RECORD_TYPES,
    DeviceRecord,
    Key,
    MembershipRecord,
    PersonRecord,
    Policy,
    PulledScope,
    PullEffect,
    Record,
    RecordType,
    RowChange,
    Scheme,
    StagedRow,
    Verdict,
)
from fleetsync.pull.contract import (
    Auth,
    Credential,
    NormalisedItem,
    Page,
    PageTokenExpired,
    Part,
    PartMissing,
    PullError,
    RecordError,
    SourceFile,
    SourceRefused,
    SourceSettings,
    SourceUnavailable,
    Stopped,
    UnknownValue,
)
from fleetsync.pull.files import FileFormat, StableFiles
from fleetsync.pull.http import OutboundNetwork, PullSession, RequestMeter, SourceSessions
from fleetsync.pull.registry import Source, secret_keys

logger = log.get(__name__)

STAGING_BATCH_ROWS = 2000
INTERNAL_ERROR_REASON = "an error of our own; what was believed stays. The log says where"
FINGERPRINT_SEPARATOR = "."  # a file's fingerprint, and how it was read
ProgressCallback = Callable[[int], None]
PERSON_TYPES = frozenset({RecordType.PERSON, RecordType.MEMBERSHIP})


class BelievedEntry(Protocol):
    """What is believed of one record, as far as a pull must know it."""

    @property
    def fingerprint(self) -> int: ...
    @property
    def absent(self) -> bool: ...
    @property
    def gone(self) -> bool: ...
    @property
    def last_contact_at(self) -> datetime | None: ...
    @property
    def scope(self) -> str | None: ...


class Staging(Protocol):
    """What the runner asks of the store."""

    def begin_pull(self, source: str, part: str, at: datetime) -> int: ...
    def record_index(self, source: str, part: str) -> Mapping[tuple[str, str], BelievedEntry]: ...
    def known_files(self, source: str, part: str) -> Mapping[str, tuple[str | None, date]]: ...
    def mark(self, source: str, part: str) -> str | None: ...
    def stage_rows(self, pull: int, rows: Sequence[StagedRow]) -> None: ...
    def finish_pull(self, effect: PullEffect) -> None: ...
    def fail_pull(self, pull: int, verdict: Verdict, reason: str) -> None: ...
    def protected_tokens(self) -> frozenset[str]: ...
    def erased_tokens(self) -> frozenset[str]: ...
    def child_tokens(self) -> Mapping[str, frozenset[str]]: ...
    def tokenise_child_logins(self, children: Mapping[str, frozenset[str]]) -> int: ...
    def protect(self, tokens: Iterable[str], at: datetime) -> int: ...


@dataclass(frozen=True)
class PullResult:
    """What came of one attempt at a part. `effect` is there when it was read whole and differs from nothing-to-read.

    *begun_again*: the pull before it, of the same attempt. *needs_person*: the source itself refused us, and asking it
    again soon can only make it worse. *was_stopped*: we were, so that nothing needs to be said about the source.
    """

    source: str
    part: str
    pull: int
    started_at: datetime
    seconds: float
    verdict: Verdict
    reason: str = ""
    effect: PullEffect | None = None
    credentials: tuple[Credential, ...] = ()
    may_restart: bool = False
    restarted_from: int | None = None
    needs_operator: bool = False
    was_stopped: bool = False


@dataclass(frozen=True)
class NormalisationRules:
    """How records are made canonical, from the configuration of the run."""

    policy: Policy
    token_secret: bytes
    row_secret: bytes
    keeps_device_names: bool = False

    def token_of(self, key: Key) -> Key:
        """The key's token."""
        return tokenise_key(self.token_secret, key)

    @cached_property
    def name_patterns(self) -> tuple[str, ...]:
        """The patterns over a device's name that `[[device_rule]]` and `[[unit_map]]` ask for."""
        rules = (rule.when["name"] for rule in self.policy.device_rules if "name" in rule.when)
        maps = (line.pattern for line in self.policy.unit_maps if line.field == "name")
        return tuple(dict.fromkeys((*rules, *maps)))

    def read_settings_fingerprint(self, settings: SourceSettings) -> str:
        """What decides how a file's bytes become records, as one word: when it changes, the same file is another one."""
        model = type(settings)
        left_out = {*SourceSettings.model_fields, *secret_keys(model), *(f"{key}_file" for key in secret_keys(model))}
        own = settings.model_dump(mode="json", exclude=left_out - {"kind", "namespace", "store_names"} | {"path"})
        ours = (self.name_patterns, self.keeps_device_names, self.policy.domain_aliases, self.policy.reference.serials)
        text = msgspec.json.encode((version(), own, ours), order="deterministic")
        return hashlib.blake2b(text, digest_size=6, key=self.row_secret[:64]).hexdigest()


@dataclass
class _PullCounters:
    """What is counted while reading."""

    raws: int = 0
    duplicates: int = 0
    undecodable: int = 0  # records beside the raws that a connector could not read
    contacts_untold: int = 0
    total: int | None = None
    rejected: Counter[str] = field(default_factory=Counter)
    drift: Counter[str] = field(default_factory=Counter)
    credentials: list[Credential] = field(default_factory=list)
    scopes: dict[str, PulledScope] = field(default_factory=dict)
    mark: str | None = None


class _PullConnect:
    """What a connector's pull is given."""

    def __init__(
        self, run: "PullRunner", source: Source, part: Part, trip: PullSession, stop: Event, today: date
    ) -> None:
        self._run, self._source, self._part, self._session = run, source, part, trip
        self.stop, self.today = stop, today
        self.opened: list[StableFiles] = []

    @property
    def mark(self) -> str | None:
        return self._run.staging.mark(self._source.name, self._part.name)

    def __call__(
        self,
        base_url: str,
        auth: Auth,
        *,
        headers: Mapping[str, str] | None = None,
        requests_per_minute: float | None = None,
    ) -> Any:
        return self._session.client(base_url, auth, headers=headers, requests_per_minute=requests_per_minute)

    def files(self, pattern: str | Path, columns: Sequence[Any] = (), **reading: Any) -> Iterator[SourceFile]:
        form = reading.pop("form", None) or self._source.settings
        if not isinstance(form, FileFormat):
            raise TypeError(f"{self._source.kind}: its Settings must say how its files look (FileForm)")
        files = StableFiles(
            pattern,
            columns,
            form=form,
            source=self._source.name,
            clock=self._run.clock,
            stop=self.stop,
            known=self._known_fingerprints(),
            **reading,
        )
        self.opened.append(files)
        return iter(files)

    def _known_fingerprints(self) -> dict[str | None, str]:
        """Of files that were read to their end as they would be read now."""
        known = self._run.staging.known_files(self._source.name, self._part.name)
        reading = self._run.rules.read_settings_fingerprint(self._source.settings)
        told = {
            scope: (fingerprint or "").partition(FINGERPRINT_SEPARATOR) for scope, (fingerprint, _) in known.items()
        }
        return {scope: file for scope, (file, _, read_as) in told.items() if read_as == reading}

    def token(self, value: str) -> str:
        return self._run.rules.token_of(Key(Scheme.CIVIC, "", value)).value


class PullRunner:
    """Pulls parts of sources. One per configuration; tokens of a source outlive a pull, *meters* a configuration."""

    def __init__(
        self,
        staging: Staging,
        clock: Clock,
        rules: NormalisationRules,
        network: Callable[[Source], OutboundNetwork],
        meters: dict[str, RequestMeter] | None = None,
    ) -> None:
        self.staging, self.clock, self.rules = staging, clock, rules
        self.network = network
        self._source_sessions: dict[str, SourceSessions] = {}
        self.meters: dict[str, RequestMeter] = {} if meters is None else meters

    def meter(self, source: str) -> RequestMeter:
        """What the source cost so far."""
        return self.meters.setdefault(source, RequestMeter())

    def source_sessions(self, source: Source) -> SourceSessions:
        """The source's roads out, made at its first use."""
        if source.name not in self._source_sessions:
            self._source_sessions[source.name] = SourceSessions(
                source.name, self.clock, self.network(source), self.meter(source.name)
            )
        return self._source_sessions[source.name]

    def pull(self, source: Source, part: Part, stop: Event, progress: ProgressCallback | None = None) -> PullResult:
        """Read *part* whole into staging. Never raises for what the source or its connector does: the reason is in the
        answer. What the staging area raises, it raises.

        A listing that broke off in a way that a fresh start may cure is begun again once, as a pull of its own.
        """
        pulled = self._attempt(source, part, stop, progress)
        if not pulled.may_restart:
            return pulled
        return replace(self._attempt(source, part, stop, progress), may_restart=False, restarted_from=pulled.pull)

    def _attempt(self, source: Source, part: Part, stop: Event, progress: ProgressCallback | None) -> PullResult:
        asked = self._requests_sent(source)
        reading = _PullAttempt(self, source, part, progress)
        try:
            effect = reading.whole(stop)
        except PartMissing as missing:
            verdict = Verdict.UNCHANGED if part.optional else Verdict.FAILED
            return self._record_failure(reading, verdict, str(missing))
        except (PageTokenExpired, _TotalMismatchError) as error:
            return replace(self._record_failure(reading, Verdict.FAILED, str(error)), may_restart=True)
        except PullError as error:
            failed = self._record_failure(reading, Verdict.FAILED, str(error))
            is_refused = isinstance(error, SourceRefused) and self._requests_sent(source) != asked
            return replace(failed, needs_operator=is_refused, was_stopped=stop.is_set())
        except Exception:
            logger.exception("pull broke", source=source.name, part=part.name, pull=reading.pull)
            return self._record_failure(reading, Verdict.FAILED, f"{source.name}/{part.name}: {INTERNAL_ERROR_REASON}")
        except BaseException:
            self._record_failure(reading, Verdict.FAILED, f"{source.name}/{part.name}: {INTERNAL_ERROR_REASON}")
            raise
        if effect is None:
            return self._record_failure(reading, Verdict.UNCHANGED, "")
        return reading.pulled(Verdict.COMPLETE, "", effect)

    def _requests_sent(self, source: Source) -> int:
        """Requests that were sent so far: a refusal without one is cheap, and may be met again at once."""
        return sum(self.meter(source.name).requests.values())

    def _record_failure(self, reading: "_PullAttempt", verdict: Verdict, reason: str) -> PullResult:
        try:
            # What was marked is protected even if nothing of the pull is believed: it fails closed.
            reading.protect_marked()
        finally:
            self.staging.fail_pull(reading.pull, verdict, reason)
        return reading.pulled(verdict, reason, None)

    def probe(self, source: Source, stop: Event) -> Iterator[Any]:
        """The findings of the source's own probe, if it has one. Raises as a pull does."""
        probing = getattr(source.module, "probe", None)
        if probing is None:
            return
        settings = source.settings
        with self.source_sessions(source).pull_session(
            stop=stop, time_limit=settings.time_limit, wait_limit=settings.wait_limit
        ) as trip:
            today = local_day(self.clock.now(), self.rules.policy.time_zone)
            yield from probing(settings, _PullConnect(self, source, source.parts[0], trip, stop, today))


class _PullAttempt:
    """One attempt at a part, from its first page to its staged differences."""

    def __init__(self, run: "PullRunner", source: Source, part: Part, progress: ProgressCallback | None) -> None:
        self.run, self.source, self.part = run, source, part
        self.started_at, self._begun = run.clock.now(), run.clock.monotonic()
        self.pull = run.staging.begin_pull(source.name, part.name, self.started_at)
        self.today = local_day(self.started_at, run.rules.policy.time_zone)
        self.count = _PullCounters()
        self._progress = progress
        self._settings_fingerprint = run.rules.read_settings_fingerprint(source.settings)
        self._marked: set[str] = set()  # tokens of persons found protected by this pull
        self._protected: frozenset[str] = frozenset()
        self._seen: set[tuple[str, str]] = set()
        self._waiting_records: list[tuple[Record, str | None]] = []  # person bodies, until all marks are known
        self._changed_rows: list[StagedRow] = []

    def pulled(self, verdict: Verdict, reason: str, effect: PullEffect | None) -> PullResult:
        """What came of it."""
        return PullResult(
            source=self.source.name,
            part=self.part.name,
            pull=self.pull,
            started_at=self.started_at,
            seconds=self.run.clock.monotonic() - self._begun,
            verdict=verdict,
            reason=reason,
            effect=effect,
            credentials=tuple(self.count.credentials),
        )

    # --- reading ------------------------------------------------------------------------------------------------------

    def whole(self, stop: Event) -> PullEffect | None:
        """The finished effect; None when there was nothing new to read. Raises PullError."""
        self._load_known_state()
        is_unchanged = self._read(stop)
        self._check_total()
        if is_unchanged:
            return None
        self._stage_people()
        self._flush()
        self._mask_new_children()
        return self._finish()

    def _load_known_state(self) -> None:
        """What is known before the first page; with the part's lock, so that nobody changes it meanwhile."""
        staging, source, part = self.run.staging, self.source.name, self.part.name
        self._index = staging.record_index(source, part)
        self._known_scopes = frozenset(staging.known_files(source, part))
        self._protected = staging.protected_tokens()
        self._erased = staging.erased_tokens()
        self._children = staging.child_tokens()  # by the source that says so

    def _read(self, stop: Event) -> bool:
        """Every page once. True when the files there are were read to their end before."""
        settings = self.source.settings
        limits = {"time_limit": settings.time_limit, "wait_limit": settings.wait_limit}
        with self.run.source_sessions(self.source).pull_session(stop=stop, **limits) as trip:
            connect = _PullConnect(self.run, self.source, self.part, trip, stop, self.today)
            for page in self.source.module.pull(self.part.name, settings, connect):
                if stop.is_set():
                    raise Stopped(f"{self.source.name}: stopped before {self.part.name} was read to its end")
                self._take_page(page)
        return bool(connect.opened) and not self.count.scopes and all(one.all_unchanged for one in connect.opened)

    def _take_page(self, page: Page) -> None:
        scope = page.scope
        print_ = (
            None
            if page.fingerprint is None
            else f"{page.fingerprint}{FINGERPRINT_SEPARATOR}{self._settings_fingerprint}"
        )
        self.count.scopes[scope or ""] = PulledScope(
            name=scope or "", as_of=page.as_of or self.today, fingerprint=print_
        )
        self.count.total = page.total if page.total is not None else self.count.total
        self.count.mark = page.mark or self.count.mark
        self.count.rejected.update(page.rejected)
        self.count.undecodable += len(page.rejected)
        self.count.drift.update(f"{one.field}={one.value}" for one in page.drift)
        for raw in page.raws:
            self.count.raws += 1
            for noted in self._normalise(raw):
                self._take_item(noted, scope)
        if len(self._changed_rows) >= STAGING_BATCH_ROWS:
            self._flush()
        if self._progress is not None:
            self._progress(self.count.raws)

    def _normalise(self, raw: Any) -> Iterable[NormalisedItem]:
        try:
            return self.source.module.normalise(self.part.name, self.source.settings, raw)
        except RecordError as error:
            self.count.rejected[str(error)] += 1
            return ()

    def _take_item(self, noted: NormalisedItem, scope: str | None) -> None:
        if isinstance(noted, Credential):
            self.count.credentials.append(noted)
        elif isinstance(noted, UnknownValue):
            self.count.drift[f"{noted.field}={noted.value}"] += 1
        else:
            self._take_record(self._canonical(noted), scope)

    def _check_total(self) -> None:
        # A raw that could not be made a record came all the same.
        total, got = self.count.total, self.count.raws + self.count.undecodable - self.count.duplicates
        if total is not None and got < total:
            raise _TotalMismatchError(
                f"{self.source.name}: {self.part.name} should have {total} records and gave {got}. "
                "What was believed before stays; it is tried again at the next pull"
            )

    # --- records ------------------------------------------------------------------------------------------------------

    def _canonical(self, record: Record) -> Record:
        if isinstance(record, DeviceRecord):
            return mask_child_keys(self._canonical_device(record), self._all_children, self._token_of)
        if isinstance(record, PersonRecord):
            name = record.name if self.source.settings.store_names else None
            person = msgspec.structs.replace(record, keys=self._canonical_keys(record.keys), name=name)
            return mask_child_keys(person, self._children_of_others, self._token_of)
        return record

    def _canonical_device(self, record: DeviceRecord) -> DeviceRecord:
        rules = self.run.rules
        serial, problem = canonical_serial(
            record.serial, record.manufacturer, record.model, rules.policy.reference.serials
        )
        matches = tuple(
            (pattern, caught)
            for pattern in rules.name_patterns
            if record.name and (caught := name_pattern_match(pattern, record.name)) is not None
        )
        return msgspec.structs.replace(
            record,
            serial=serial,
            serial_problem=problem,
            name=record.name if rules.keeps_device_names else None,
            name_matches=matches,
            keys=self._canonical_keys(record.keys),
        )

    def _canonical_keys(self, keys: Iterable[Key]) -> tuple[Key, ...]:
        aliases = self.run.rules.policy.domain_aliases
        found = (canonical_key(key, aliases) for key in keys)
        return tuple(dict.fromkeys(key for key in found if key is not None))

    def _take_record(self, record: Record, scope: str | None) -> None:
        type_ = RECORD_TYPES[type(record)]
        self._mark_protected(record)
        if type_ in PERSON_TYPES:
            self._waiting_records.append((record, scope))
        else:
            # What an erased person had stays without him.
            self._compare(record, scope, is_masked=self._is_masked(record) or self._is_erased(record))

    # --- children -----------------------------------------------------------------------------------------------------

    @cached_property
    def _all_children(self) -> frozenset[str]:
        return frozenset().union(*self._children.values())

    @cached_property
    def _children_of_others(self) -> frozenset[str]:
        """Tokens of whom another source says that he is a child; who is one here, this source says itself."""
        return frozenset().union(*(tokens for name, tokens in self._children.items() if name != self.source.name))

    def _mask_new_children(self) -> None:
        """Children that came to be known while this was read: by itself, or by a source that is read beside it."""
        now = self.run.staging.child_tokens()
        fresh = {name: tokens - self._children.get(name, frozenset()) for name, tokens in now.items()}
        if any(fresh.values()):
            self.run.staging.tokenise_child_logins(fresh)

    # --- protected identities -----------------------------------------------------------------------------------------

    def _mark_protected(self, record: Record) -> None:
        """A mark on any reference protects the person: by the id at the source, and by every key of his."""
        if isinstance(record, PersonRecord | MembershipRecord) and record.protected:
            self._marked |= person_tokens(record, self._token_of, source=self.source.name)

    @property
    def _token_of(self) -> Tokeniser:
        return self.run.rules.token_of

    def _is_masked(self, record: Record) -> bool:
        tokens = person_tokens(record, self._token_of, source=self.source.name)
        return not (tokens.isdisjoint(self._protected) and tokens.isdisjoint(self._marked))

    def protect_marked(self) -> None:
        """Whoever was marked is protected from here on, whatever becomes of the pull."""
        fresh = self._marked - self._protected
        if fresh:
            self.run.staging.protect(fresh, self.started_at)
            self._protected |= fresh

    def _stage_people(self) -> None:
        """After the last page, when the marks of all pages are known."""
        self._propagate_protection()
        self.protect_marked()
        for record, scope in self._waiting_records:
            if not self._is_erased(record):
                self._compare(record, scope, is_masked=self._is_masked(record))
        self._waiting_records.clear()

    def _propagate_protection(self) -> None:
        """A mark on a reference names only the id; the person's own record tells his keys."""
        for record, _ in self._waiting_records:
            if isinstance(record, PersonRecord) and self._is_masked(record):
                self._marked |= person_tokens(record, self._token_of, source=self.source.name)

    def _is_erased(self, record: Record) -> bool:
        return bool(self._erased) and not person_tokens(record, self._token_of, source=self.source.name).isdisjoint(
            self._erased
        )

    # --- differences --------------------------------------------------------------------------------------------------

    def _compare(self, record: Record, scope: str | None, *, is_masked: bool) -> None:
        contact = record.last_contact_at if isinstance(record, DeviceRecord) else None
        body = msgspec.structs.replace(record, last_contact_at=None) if isinstance(record, DeviceRecord) else record
        fingerprint = self._fingerprint(body, is_masked)
        kept = (
            mask_record(body, self._token_of, source=self.source.name) if is_masked else _without_protected_flag(body)
        )
        ref = (RECORD_TYPES[type(record)].value, kept.source_id)
        if ref in self._seen:
            self.count.duplicates += 1
        self._seen.add(ref)
        row = self._difference(ref, kept, fingerprint, contact, scope, is_masked)
        if row is not None:
            self._changed_rows.append(row)

    def _difference(
        self,
        ref: tuple[str, str],
        record: Record,
        fingerprint: int,
        contact: datetime | None,
        scope: str | None,
        is_masked: bool,
    ) -> StagedRow | None:
        entry = self._index.get(ref)
        type_ = RecordType(ref[0])
        if contact is None and entry is not None and entry.last_contact_at is not None:
            self.count.contacts_untold += 1
        if entry is None or entry.fingerprint != fingerprint or entry.scope != scope:
            return StagedRow(
                change=RowChange.PUT,
                type=type_,
                source_id=ref[1],
                scope=scope,
                record=record,
                fingerprint=fingerprint,
                last_contact_at=contact,
                masked=is_masked,
            )
        change = self._minor_change(entry, contact)
        if change is None:
            return None
        return StagedRow(
            change=change,
            type=type_,
            source_id=ref[1],
            scope=scope,
            fingerprint=fingerprint,
            last_contact_at=contact,
            masked=is_masked,
        )

    @staticmethod
    def _minor_change(entry: BelievedEntry, contact: datetime | None) -> RowChange | None:
        if entry.absent or entry.gone:
            return RowChange.RETURN
        return RowChange.CONTACT if contact is not None and contact != entry.last_contact_at else None

    def _fingerprint(self, record: Record, is_masked: bool) -> int:
        body = msgspec.json.encode(record) + (b"1" if is_masked else b"0")
        digest = hashlib.blake2b(body, digest_size=8, key=self.run.rules.row_secret[:64]).digest()
        return int.from_bytes(digest, "big")

    def _flush(self) -> None:
        if self._changed_rows:
            self.run.staging.stage_rows(self.pull, self._changed_rows)
            self._changed_rows = []

    def _finish(self) -> PullEffect:
        count, reads_some = self.count, self.part.reads == "some"
        effect = PullEffect(
            pull=self.pull,
            source=self.source.name,
            part=self.part.name,
            started_at=self.started_at,
            scopes=tuple(count.scopes.values()) or (PulledScope(as_of=self.today),),
            rows=(),
            seen=len(self._seen),
            duplicates=count.duplicates,
            contacts_untold=count.contacts_untold,
            rejected=dict(count.rejected),
            drift=dict(count.drift),
            is_first=not self._known_scopes,
            reads_some=reads_some,
            mark=count.mark,
        )
        if not reads_some:
            self.run.staging.stage_rows(self.pull, list(self._absent_rows(effect)))
        self.run.staging.finish_pull(effect)
        return effect

    def _absent_rows(self, effect: PullEffect) -> Iterator[StagedRow]:
        """What is believed, belongs to a scope that was read whole, and was not there."""
        whole = {scope.name for scope in effect.scopes}
        for ref, entry in self._index.items():
            if ref not in self._seen and not entry.gone and (entry.scope or "") in whole:
                yield StagedRow(change=RowChange.ABSENT, type=RecordType(ref[0]), source_id=ref[1], scope=entry.scope)


class _TotalMismatchError(SourceUnavailable):
    """The source gave fewer records than it says it has."""


def _without_protected_flag(record: Record) -> Record:
    """The mark is an instruction to the runner and is not kept: no list of protected persons exists anywhere."""
    if isinstance(record, PersonRecord | MembershipRecord) and record.protected:
        return msgspec.structs.replace(record, protected=False)
    return record


__all__ = ["BelievedEntry", "NormalisationRules", "PullResult", "PullRunner", "SourceRefused", "Staging"]
