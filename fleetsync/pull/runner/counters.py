"""What is counted while a part is read: in all, and for each scope (a file of several) that was read whole."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import chain, islice

import msgspec

from fleetsync.core.model import PulledScope, ScopeFindings, UnreadableRow
from fleetsync.core.pull_findings import LEFT_FILE, merged_findings
from fleetsync.pull.contract import UnreadableFact

MAX_NAMED_UNREADABLE = 50  # per pull; all are counted, and more places help nobody


@dataclass
class ScopeCounters:
    """What could not be read, or was not understood, in one scope."""

    rejected: Counter[str] = field(default_factory=Counter)
    unreadable_facts: Counter[str] = field(default_factory=Counter)
    unreadable: list[UnreadableRow] = field(default_factory=list)
    unused_headers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    drift: Counter[str] = field(default_factory=Counter)

    def reject(self, reason: str, place: str) -> None:
        """Count a row."""
        self.rejected[reason] += 1
        self._note(UnreadableRow(place=place, reason=reason))

    def take_fact(self, fact: UnreadableFact) -> None:
        """Count a fact."""
        self.unreadable_facts[f"{fact.field}: {fact.reason}"] += 1
        self._note(UnreadableRow(place=fact.place, reason=fact.reason, fact=fact.field))

    def _note(self, row: UnreadableRow) -> None:
        if len(self.unreadable) < MAX_NAMED_UNREADABLE:
            self.unreadable.append(row)

    def findings(self, pull: int) -> ScopeFindings:
        return ScopeFindings(
            pull=pull,
            rejected=dict(self.rejected),
            unreadable_facts=dict(self.unreadable_facts),
            unused_headers=dict(self.unused_headers),
            drift=dict(self.drift),
        )


@dataclass
class PageCounters:
    """What is counted while reading."""

    raws: int = 0
    undecodable: int = 0  # records beside the raws that a connector could not read
    total: int | None = None  # as the source says
    dropped: Counter[str] = field(default_factory=Counter)
    mark_words: Counter[str] = field(default_factory=Counter)
    unidentified_scopes: set[str] = field(default_factory=set)  # with unreadable rows of which nobody knows the id
    stray_files: tuple[str, ...] = ()  # beside the lists, and no lists
    scopes: dict[str, PulledScope] = field(default_factory=dict)  # those that were read whole
    by_scope: defaultdict[str, ScopeCounters] = field(default_factory=lambda: defaultdict(ScopeCounters))
    mark: str | None = None

    def of(self, scope: str | None) -> ScopeCounters:
        """Those of a scope; None is the part."""
        return self.by_scope[scope or ""]

    def pulled_scopes(self, pull: int) -> tuple[PulledScope, ...]:
        """What was read whole by *pull*, each with what could not be read in it."""
        return tuple(
            msgspec.structs.replace(scope, findings=self.of(name).findings(pull)) for name, scope in self.scopes.items()
        )

    def findings(self) -> ScopeFindings:
        """What could not be read in all."""
        stray = ScopeFindings(drift={f"{LEFT_FILE}={name}": 1 for name in self.stray_files})
        return merged_findings((*(counted.findings(0) for counted in self.by_scope.values()), stray))

    def unreadable(self) -> tuple[UnreadableRow, ...]:
        """The first rows and facts that could not be read."""
        rows = chain.from_iterable(counted.unreadable for counted in self.by_scope.values())
        return tuple(islice(rows, MAX_NAMED_UNREADABLE))
