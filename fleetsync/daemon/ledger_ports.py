"""Answers what the page asks for: implements the protocols of `expose/ports.py` with the database."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fleetsync.core.model import AssignmentInterval, ChangePlan, CoverageSum, HoldReason, Moment, PartState, Text
from fleetsync.core.snapshot import Snapshot, build_past_snapshot
from fleetsync.daemon.store_refusals import decision_error
from fleetsync.expose import ports
from fleetsync.store.ledger import Ledger, StoredPull, StoreError
from fleetsync.sync import RunContext, clock_problem

OUTDATED = "En senare hämtning gäller redan. Hämta delen igen."


class LedgerHistory:
    """`ports.HistoryReader` over the ledger. *now* returns the snapshot that is shown."""

    def __init__(self, run_context: Callable[[], RunContext], now: Callable[[], Snapshot]) -> None:
        self._run_context, self._now = run_context, now

    @property
    def _ledger(self) -> Ledger:
        return self._run_context().ledger

    def past(self, day: date) -> Snapshot | None:
        """What was known at the end of the local *day*; None: nothing was published then."""
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
            self._ledger.device_counts_as_of(instant, day),
        )

    def coverage_sums(
        self,
        first: date,
        last: date,
        entitlements: Collection[str],
        *,
        units: Collection[str] | None = None,
        by_unit: bool,
    ) -> Sequence[CoverageSum]:
        """Covered and owed devices from *first* to *last*, both included."""
        return self._ledger.coverage_sums(first, last, entitlements, units=units, by_unit=by_unit)

    def first_day(self) -> date | None:
        """The first day with numbers."""
        return self._ledger.first_day()

    def assignments_of(self, device: str) -> Sequence[AssignmentInterval]:
        """The persons, sets and pools that a device has served, newest first."""
        return self._ledger.assignments_of(device)

    def previous_holders(self, devices: Collection[str]) -> Mapping[str, Sequence[AssignmentInterval]]:
        """Device → its ended assignments to persons, the newest first."""
        return self._ledger.previous_holders(devices)

    def parts(self) -> Sequence[PartState]:
        """The state of every configured part, as the database has it now."""
        return self._ledger.part_states(self._run_context().parts())

    def pulls(self, source: str, part: str, limit: int = 20) -> Sequence[ports.PullSummary]:
        """The newest pulls of a part."""
        return [_pull_summary(line) for line in self._ledger.pulls(source, part, limit)]

    def newest_pulls(self, source: str, part: str) -> Sequence[ports.PullSummary]:
        """The newest pull of each verdict, newest first."""
        return [_pull_summary(line) for line in self._ledger.newest_pulls(source, part)]

    def refusals(self, source: str, part: str) -> Sequence[HoldReason]:
        """Why the held pull of the part is held; empty if none is held."""
        held = self._ledger.find_held_pull(source, part)
        return held.refusals if held else ()


def end_of_day(day: date, zone: str) -> datetime:
    """The instant at which the local *day* ends."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))


def _pull_summary(stored: StoredPull) -> ports.PullSummary:
    finished = stored.finished_at
    return ports.PullSummary(
        pull=stored.id,
        source=stored.source,
        part=stored.part,
        started_at=stored.started_at,
        verdict=stored.verdict,
        reason=stored.reason or "",
        refusals=stored.refusals,
        seen=stored.seen,
        rejected=stored.rejected,
        drift=stored.drift,
        unreadable_facts=stored.unreadable_facts,
        unreadable=stored.unreadable,
        unused_headers=stored.unused_headers,
        dropped=stored.dropped,
        newly_marked=stored.newly_marked,
        conflicting_duplicates=stored.conflicting_duplicates,
        seconds=(finished - stored.started_at).total_seconds() if finished else None,
        decided=stored.decision or "",
        decided_by=stored.decided_by or "",
    )


class LedgerDecisions:
    """`ports.Decisions` over the ledger. A decision is stored, then *wake* asks the daemon to reconcile.

    The daemon also works out the plans: a web request never reconciles.
    """

    def __init__(
        self, run_context: Callable[[], RunContext], plans: Callable[[int], ChangePlan | None], wake: Callable[[], None]
    ) -> None:
        self._run_context, self._plans, self._wake = run_context, plans, wake

    def plan(self, source: str, part: str, pull: int) -> ChangePlan:
        """What a held pull would change."""
        plan = self._plans(pull)
        if plan is None:
            raise ports.DecisionError(
                Text(
                    f"{source}/{part}: vad hämtning {pull} skulle ändra räknas ut. Försök igen om en stund.",
                    f"{source}/{part}: what pull {pull} would change is being worked out. Try again in a moment",
                )
            )
        return plan

    def accept(self, source: str, part: str, pull: int, *, who: str, reason: str) -> None:
        """Believe a held pull. Raises DecisionError."""
        run_context = self._run_context()
        if problem := clock_problem(run_context):
            raise ports.DecisionError(
                Text(
                    "Maskinens klocka stämmer inte med den senaste avstämningen, så inget godtas. Teknikern ställer klockan, "
                    "eller kör fleetsync db confirm-clock om den går rätt.",
                    problem,
                )
            )
        try:
            run_context.ledger.accept(pull, who, reason, run_context.limits(source, part).without_grace())
        except StoreError as error:
            raise decision_error(error, OUTDATED) from None
        run_context.ledger.audit(who, "accept", f"{source}/{part} {pull}")
        self._wake()

    def leftover_pulls(self) -> Sequence[ports.LeftoverPull]:
        """The held pulls of what is no longer configured."""
        run_context = self._run_context()
        configured = {(part.source, part.part) for part in run_context.parts()}
        return [
            ports.LeftoverPull(pull=held.pull, source=held.source, part=held.part, started_at=held.started_at)
            for held in run_context.ledger.held_pulls()
            if (held.source, held.part) not in configured
        ]

    def reject(self, source: str, part: str, pull: int, *, who: str, reason: str) -> None:
        """Discard a held pull. Raises DecisionError."""
        ledger = self._run_context().ledger
        try:
            ledger.reject(pull, who, reason)
        except StoreError as error:
            raise decision_error(error, OUTDATED) from None
        ledger.audit(who, "reject", f"{source}/{part} {pull}")
        self._wake()


class LedgerAccounts:
    """`ports.AccountReader` over the ledger. *today* is the local day, on which tokens end."""

    def __init__(self, ledger: Ledger, today: Callable[[], date]) -> None:
        self._ledger, self._today = ledger, today

    def account_of_token(self, token_hash: str) -> ports.SignInAccount | None:
        """The token with this hash as an account; None: it is unknown or has ended. Keeps the day of its use."""
        token, today = self._ledger.token_of_hash(token_hash), self._today()
        if token is None or token.role not in ports.TOKEN_ROLES or (token.last_day and token.last_day < today):
            return None
        if token.last_used_on != today:
            self._ledger.note_token_use(token.name, today)
        return ports.SignInAccount(
            name=f"token {token.name}",
            role=ports.AccountRole(token.role),
            password_hash="",
            units=token.units,
            changed_at=token.created_at,
        )

    def account(self, name: str) -> ports.SignInAccount | None:
        """The local account *name*; None: there is none, or its role is unknown."""
        account = self._ledger.account(name)
        if account is None or account.role not in set(ports.AccountRole):
            return None
        return ports.SignInAccount(
            name=account.name,
            role=ports.AccountRole(account.role),
            password_hash=account.password_hash,
            units=account.units,
            changed_at=account.created_at,
        )
