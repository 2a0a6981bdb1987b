"""Pulls parts of sources into the staging area, and turns whatever goes wrong into a result with a reason."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event
from typing import Any

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.core.calendar import local_day
from fleetsync.core.model import NOT_THERE, TRIED_AGAIN, PullEffect, Verdict
from fleetsync.pull.contract import (
    AccessRefused,
    Credential,
    PageTokenExpired,
    Part,
    PartMissing,
    PullError,
    SourceUnavailable,
    Stopped,
)
from fleetsync.pull.http import OutboundNetwork, RequestMeter, RequestPacers, SourceSessions
from fleetsync.pull.progress import PullsUnderWay
from fleetsync.pull.registry import Source
from fleetsync.pull.runner.attempt import PullAttempt, TotalMismatchError
from fleetsync.pull.runner.connect import PullConnect
from fleetsync.pull.runner.normalisation import NormalisationRules
from fleetsync.pull.runner.staging import Staging

logger = log.get(__name__)

INTERNAL_ERROR_REASON = "an error of our own; what was believed stays. The log says where"


@dataclass(frozen=True)
class PullResult:
    """The result of one attempt at a part. *effect* is None unless the part was read whole and had something new.

    *restarted_from*: the pull before it, of the same attempt. *needs_operator*: the source refused our credential or
    permission at the door, and asking again soon can only make it worse. *was_stopped*: we stopped, so that nothing needs to be said about the source.
    *left_files*: files beside the lists that are no lists.
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
    left_files: tuple[str, ...] = ()


class PullRunner:
    """Pulls parts of sources. There is one per configuration; sign-in tokens of a source outlive a pull."""

    def __init__(
        self,
        staging: Staging,
        clock: Clock,
        rules: NormalisationRules,
        network: Callable[[Source], OutboundNetwork],
    ) -> None:
        self.staging, self.clock, self.rules = staging, clock, rules
        self.network = network
        self._source_sessions: dict[str, SourceSessions] = {}
        self._pacers = RequestPacers(clock)
        self.meters: dict[str, RequestMeter] = {}
        self.under_way = PullsUnderWay(clock)

    def continue_counting(self, earlier: "PullRunner") -> None:
        """Count requests where *earlier* stopped, and know of its pulls that have not ended. Before the first pull."""
        self.meters, self.under_way = earlier.meters, earlier.under_way

    def meter(self, source: str) -> RequestMeter:
        """What the source cost so far."""
        return self.meters.setdefault(source, RequestMeter())

    def source_sessions(self, source: Source) -> SourceSessions:
        """The source's HTTP sessions, made at its first use."""
        if source.name not in self._source_sessions:
            self._source_sessions[source.name] = SourceSessions(
                source.name, self.clock, self.network(source), self.meter(source.name), self._pacers
            )
        return self._source_sessions[source.name]

    def pull(self, source: Source, part: Part, stop: Event) -> PullResult:
        """Read *part* whole into staging. Never raises for what the source or its connector does: the result has the
        reason. What the staging area raises, it raises.

        A listing that broke off in a way that a fresh start may cure is begun again once, as a pull of its own.
        """
        result = self._attempt(source, part, stop)
        if not result.may_restart:
            return result
        again = self._attempt(source, part, stop, is_restart=True)
        return replace(again, may_restart=False, restarted_from=result.pull)

    def _attempt(self, source: Source, part: Part, stop: Event, *, is_restart: bool = False) -> PullResult:
        with self.under_way.tracked(source.name, part.name) as tracker:
            attempt = PullAttempt(self.staging, self.clock, self.rules, source, part, tracker)
            try:
                return self._run(attempt, source, part, stop, is_restart=is_restart)
            finally:
                self.meter(source.name).pages += tracker.pages

    def _run(self, attempt: PullAttempt, source: Source, part: Part, stop: Event, *, is_restart: bool) -> PullResult:
        requests_before = self._requests_sent(source)
        begun = PullResult(source.name, part.name, attempt.pull, attempt.started_at, 0.0, Verdict.FAILED)
        try:
            effect = attempt.run(self.source_sessions(source), stop)
        except PartMissing as missing:
            # A restart follows a first page that was given: such a part is there.
            verdict = (
                Verdict.UNCHANGED
                if not is_restart and may_be_missing(source, part, attempt.believed)
                else Verdict.FAILED
            )
            return self._without_effect(attempt, begun, verdict, missing_reason(source, part, verdict, missing))
        except (PageTokenExpired, TotalMismatchError) as error:
            reason = failure_reason(source, error)
            return replace(self._without_effect(attempt, begun, Verdict.FAILED, reason), may_restart=True)
        except PullError as error:
            failed = self._without_effect(attempt, begun, Verdict.FAILED, failure_reason(source, error))
            is_refused = isinstance(error, AccessRefused) and self._requests_sent(source) != requests_before
            return replace(failed, needs_operator=is_refused, was_stopped=stop.is_set())
        except BaseException as error:
            failed = self._internal_error(attempt, begun, error)
            if isinstance(error, Exception):
                return failed
            raise
        if effect is None:
            return self._without_effect(attempt, begun, Verdict.UNCHANGED, "")
        return _completed(begun, attempt, verdict=Verdict.COMPLETE, effect=effect)

    def _requests_sent(self, source: Source) -> int:
        """Requests that were sent so far: a refusal without one is cheap, and may be met again at once."""
        return sum(self.meter(source.name).requests.values())

    def _internal_error(self, attempt: PullAttempt, begun: PullResult, error: BaseException) -> PullResult:
        if isinstance(error, Exception):
            logger.error("pull broke", source=begun.source, part=begun.part, pull=begun.pull, exc_info=error)
        reason = f"{begun.source}/{begun.part}: {INTERNAL_ERROR_REASON}"
        return self._without_effect(attempt, begun, Verdict.FAILED, reason)

    def _without_effect(self, attempt: PullAttempt, begun: PullResult, verdict: Verdict, reason: str) -> PullResult:
        try:
            # Who was marked is protected even if nothing of the pull is believed: it fails closed.
            attempt.protection.store_marks()
        finally:
            self.staging.fail_pull(attempt.pull, verdict, reason)
        return _completed(begun, attempt, verdict=verdict, reason=reason)

    def probe(self, source: Source, stop: Event) -> Iterator[Any]:
        """The findings of the source's own probe, if it has one. Raises as a pull does."""
        probing = getattr(source.module, "probe", None)
        if probing is None:
            return
        settings = source.settings
        sessions = self.source_sessions(source)
        with sessions.pull_session(
            stop=stop, time_limit=settings.time_limit, wait_limit=settings.wait_limit
        ) as session:
            today = local_day(self.clock.now(), self.rules.policy.time_zone)
            connect = PullConnect(self.staging, self.clock, self.rules, source, source.parts[0], session, stop, today)
            yield from probing(settings, connect)


def may_be_missing(source: Source, part: Part, believed: int) -> bool:
    """Whether *part* may be "not there": by its connector, or because it counts nowhere and never gave a record.

    A part that gave records and is missing now is not "not there", but broken.
    """
    return part.optional or (believed == 0 and not _is_needed(source, part))


def _is_needed(source: Source, part: Part) -> bool:
    """Whether *part* counts, or a part that counts rests on it."""
    counted = [other for other in source.parts if source.counts(other.name)]
    return part in counted or any(part.name in other.after for other in counted)


def missing_reason(source: Source, part: Part, verdict: Verdict, missing: PartMissing) -> str:
    """Why a part that the source does not have was not read, and what to do where that is a failure."""
    if verdict is Verdict.UNCHANGED:
        return f"{NOT_THERE}{missing}"
    if _is_needed(source, part):
        return (
            f"{missing}. What counts here needs {part.name}: take it out of counts, or let another source count it. If it was "
            f"there before, it is tried again by itself within {_duration_text(source.settings.every)}"
        )
    return failure_reason(source, SourceUnavailable(f"{missing}, though it was read before. What was believed stays"))


def failure_reason(source: Source, error: PullError) -> str:
    """The text of *error*, with when it is tried again by itself where that may help."""
    if not isinstance(error, SourceUnavailable) or isinstance(error, Stopped):
        return str(error)
    text = str(error)
    end = "" if text.endswith((".", "?")) else "."
    return f"{text}{end} {TRIED_AGAIN} {_duration_text(source.settings.every)}"


def _duration_text(duration: timedelta) -> str:
    for unit, seconds in (("d", 86400), ("h", 3600), ("min", 60)):
        if duration.total_seconds() >= seconds and duration.total_seconds() % seconds == 0:
            return f"{duration.total_seconds() / seconds:.0f} {unit}"
    return f"{duration.total_seconds():.0f} s"


def _completed(begun: PullResult, attempt: PullAttempt, **result: Any) -> PullResult:
    return replace(
        begun,
        seconds=attempt.seconds(),
        credentials=tuple(attempt.credentials),
        left_files=attempt.left_files,
        **result,
    )
