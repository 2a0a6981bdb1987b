"""The house's side of what the page asks for (`expose/ports.py`)."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fleetsync.core.model import AssignmentInterval, ChangePlan, CoverageDay, HoldReason, Moment, PartState
from fleetsync.core.snapshot import Snapshot, build_past_snapshot
from fleetsync.expose import ports
from fleetsync.store.ledger import Ledger, StoredPull, StoreError
from fleetsync.sync import RunContext


class LedgerHistory:
    """`ports.History` over the ledger; *now* gives the snapshot that is shown."""

    def __init__(self, run_context: Callable[[], RunContext], now: Callable[[], Snapshot]) -> None:
        self._run_context, self._now = run_context, now

    @property
    def _ledger(self) -> Ledger:
        return self._run_context().ledger

    def past(self, day: date) -> Snapshot | None:
        """What was published on *day*: what was known at the end of that local day."""
        run_context, now = self._run_context(), self._now()
        today = run_context.moment().today
        if day >= today:
            return now if day == today else None
        coverage = self._ledger.coverage_as_of(day)
        if not coverage:
            return None
        instant = end_of_day(day, run_context.policy.time_zone)
        return build_past_snapshot(
            now,
            Moment(instant, day),
            self._ledger.owed_as_of(instant),
            [running.assignment for running in self._ledger.assignments_as_of(instant)],
            self._ledger.gaps_as_of(instant),
            coverage,
        )

    def coverage_between(
        self, first: date, last: date, unit: str | None = None, entitlement: str | None = None
    ) -> Sequence[CoverageDay]:
        """The published rows of the days from *first* to *last*."""
        return self._ledger.coverage_between(first, last, unit, entitlement)

    def first_day(self) -> date | None:
        """The first day with numbers."""
        return self._ledger.first_day()

    def assignments_of(self, device: str) -> Sequence[AssignmentInterval]:
        """Whom or what a device has served, the newest first."""
        return self._ledger.assignments_of(device)

    def parts(self) -> Sequence[PartState]:
        """Every configured part as the database has it now."""
        return self._ledger.part_states(self._run_context().parts())

    def pulls(self, source: str, part: str, limit: int = 20) -> Sequence[ports.PullSummary]:
        """The newest pulls of a part."""
        return [_pull_line(line) for line in self._ledger.pulls(source, part, limit)]

    def refusals(self, source: str, part: str) -> Sequence[HoldReason]:
        """Why the part's held pull is held; empty where none is."""
        held = self._ledger.find_held_pull(source, part)
        return held.refusals if held else ()


def end_of_day(day: date, zone: str) -> datetime:
    """The instant at which the local *day* is over."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))


def _pull_line(line: StoredPull) -> ports.PullSummary:
    finished = line.finished_at
    return ports.PullSummary(
        pull=line.id,
        source=line.source,
        part=line.part,
        started_at=line.started_at,
        verdict=line.verdict,
        reason=line.reason or "",
        refusals=line.refusals,
        seen=line.seen,
        rejected=line.rejected,
        drift=line.drift,
        seconds=(finished - line.started_at).total_seconds() if finished else None,
        decided=line.decision or "",
        decided_by=line.decided_by or "",
    )


class LedgerDecisions:
    """`ports.Decisions`: written here, and the loop is woken; plans are made by the loop, never by a web request."""

    def __init__(
        self, run_context: Callable[[], RunContext], plans: Callable[[int], ChangePlan | None], wake: Callable[[], None]
    ) -> None:
        self._run_context, self._plans, self._wake = run_context, plans, wake

    def plan(self, source: str, part: str, pull: int) -> ChangePlan:
        """What a held pull would change."""
        found = self._plans(pull)
        if found is None:
            raise ports.DecisionError(
                f"{source}/{part}: what pull {pull} would change is being worked out. Look again soon"
            )
        return found

    def accept(self, source: str, part: str, pull: int, *, who: str, reason: str) -> None:
        """Believe a held pull."""
        run_context = self._run_context()
        try:
            run_context.ledger.accept(pull, who, reason, run_context.limits(source, part))
        except StoreError as error:
            raise ports.DecisionError(str(error)) from None
        run_context.ledger.audit(who, "accept", f"{source}/{part} {pull}")
        self._wake()

    def reject(self, source: str, part: str, pull: int, *, who: str, reason: str) -> None:
        """Forget a held pull."""
        ledger = self._run_context().ledger
        try:
            ledger.reject(pull, who, reason)
        except StoreError as error:
            raise ports.DecisionError(str(error)) from None
        ledger.audit(who, "reject", f"{source}/{part} {pull}")
        self._wake()


class LedgerAccounts:
    """`ports.Accounts` over the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def account(self, name: str) -> ports.SignInAccount | None:
        """The local account called *name*."""
        found = self._ledger.account(name)
        if found is None or found.role not in set(ports.AccountRole):
            return None
        return ports.SignInAccount(
            name=found.name,
            role=ports.AccountRole(found.role),
            password_hash=found.password_hash,
            changed_at=found.created_at,
        )
