"""A staging area in memory: what a pull would stage, without writing a byte to the database."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import count
from threading import Lock

import msgspec

from fleetsync.core.model import PullEffect, ReadFingerprint, Record, StagedRow, Verdict
from fleetsync.pull.runner import BelievedEntry
from fleetsync.store.ledger import Ledger


class MemoryStaging:
    """`pull.runner.Staging` that reads from the ledger and keeps what is staged to itself."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._pull_numbers = count(1)
        self._lock = Lock()
        self._rows: dict[int, dict[tuple[str, str], StagedRow]] = {}
        self._effects: dict[int, PullEffect] = {}
        self._parts: dict[int, tuple[str, str]] = {}
        self._released: frozenset[str] = frozenset()

    def begin_pull(self, source: str, part: str, at: datetime) -> int:
        """A number of its own: no pull is begun in the database."""
        with self._lock:
            pull = next(self._pull_numbers)
        self._rows[pull] = {}
        self._parts[pull] = (source, part)
        return pull

    def record_index(self, source: str, part: str) -> Mapping[tuple[str, str], BelievedEntry]:
        """As the ledger has it."""
        return self._ledger.record_index(source, part)

    def person_records(self, source: str, part: str) -> Iterator[Record]:
        """As the ledger has them."""
        return self._ledger.person_records(source, part)

    def believed_record(self, source: str, part: str, ref: tuple[str, str]) -> Record | None:
        """As the ledger has it."""
        return self._ledger.believed_record(source, part, ref)

    def judged_under(self, source: str, part: str) -> Mapping[str, str | None]:
        """As the ledger has it."""
        return self._ledger.judged_under(source, part)

    def known_files(self, source: str, part: str) -> Mapping[str, tuple[str | None, date]]:
        """As the ledger has it."""
        return self._ledger.known_files(source, part)

    def mark(self, source: str, part: str) -> str | None:
        """As the ledger has it."""
        return self._ledger.mark(source, part)

    def stage_rows(self, pull: int, rows: Sequence[StagedRow]) -> None:
        """The last row of a record counts."""
        self._rows[pull] |= {row.ref: row for row in rows}

    def store_left_files(self, source: str, part: str, names: Sequence[str]) -> None:
        """Nothing: the result of the pull names them."""

    def store_read_fingerprints(self, pull: int, fingerprints: Iterable[ReadFingerprint]) -> None:
        """Does nothing: it only makes the next pull quicker."""

    def finish_pull(self, effect: PullEffect) -> None:
        """Keep what was read."""
        self._effects[effect.pull] = effect

    def fail_pull(self, pull: int, verdict: Verdict, reason: str) -> None:
        """Drop its rows."""
        self._rows.pop(pull, None)

    def effect(self, pull: int) -> PullEffect:
        """What was read, with its rows."""
        return msgspec.structs.replace(self._effects[pull], rows=tuple(self._rows[pull].values()))

    def hold_marks(self, pull: int, tokens: Iterable[str], person_by_token: Mapping[str, str]) -> None:
        """Does nothing: the effect has the marks, and a rehearsal conceals nobody."""

    def marked_tokens(self, source: str, part: str) -> frozenset[str]:
        """As the ledger has it."""
        return self._ledger.marked_tokens(source, part)

    def record_marks(self, pull: int, person_by_token: Mapping[str, str]) -> None:
        """Does nothing: the next pull of the part records them."""

    def persons_to_release(self, source: str, part: str) -> frozenset[str]:
        """As the ledger has it."""
        return self._ledger.persons_to_release(source, part)

    def take_back_marks(self, pull: int, *, unmarked: Collection[str], marked: Collection[str]) -> int:
        """The persons are protected no more in what is staged here, and as before in the database."""
        released, persons = self._ledger.would_take_back(*self._parts[pull], unmarked)
        self._released |= released
        return persons

    def protected_tokens(self) -> frozenset[str]:
        """As the ledger has it, but for those whom this rehearsal would release."""
        return self._ledger.protected_tokens() - self._released

    def erased_tokens(self) -> frozenset[str]:
        """As the ledger has it."""
        return self._ledger.erased_tokens()

    def child_tokens(self) -> Mapping[str, frozenset[str]]:
        """As the ledger has it."""
        return self._ledger.child_tokens()

    def tokenise_child_logins(self, children: Mapping[str, frozenset[str]]) -> int:
        """Does nothing: what is staged here is never stored, and a rehearsal does not change what is believed."""
        return 0

    def protect(self, tokens: Iterable[str], at: datetime) -> int:
        """Protects in the ledger: the only lasting effect of a rehearsal."""
        return self._ledger.protect(tokens, at)
