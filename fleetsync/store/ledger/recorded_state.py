"""What is believed after an outcome was recorded, without reading it back from the database.

It is the same, value by value, as what `Ledger.believed` would read.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from msgspec.structs import replace

from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    CoverageDay,
    Episode,
    Outcome,
    RunningAssignment,
    StageSince,
    Subject,
)

REOPENS_WITHIN = timedelta(hours=24)  # a gap that closed that long ago may go on
COVERAGE_DAYS = 90  # over the longest break, and the school days on both sides that a gap of coverage is counted by


def state_after_recording(
    believed: BelievedState,
    outcome: Outcome,
    assignments: Sequence[RunningAssignment],
    newest: datetime | None,
) -> BelievedState | None:
    """What is believed once *outcome*, which was reconciled from *believed*, is recorded with *assignments*.

    *newest*: when the last reconciliation was. None where it has to be read: after two reconciliations at one instant
    or a clock that was set back, since what was known for no time leaves no row; and when the turnover has changed, of
    which only those copies are kept whose records still exist.
    """
    if newest is not None and outcome.moment.at <= newest:
        return None
    if outcome.turnover != believed.turnover:
        return None
    return replace(
        believed,
        known=_with_resolved_ids(believed, outcome),
        logins=outcome.logins,
        episodes=(*outcome.episodes, *_lately_closed(believed, outcome)),
        assignments=assignments,
        stages=_stages(believed, outcome),
        coverage=_coverage(believed, outcome),
        gap_unit_kinds=believed.gap_unit_kinds
        | {(episode.unit, episode.kind) for episode in outcome.episodes if episode.subject is not Subject.SOURCE},
        revision=believed.revision + 1,
    )


def _with_resolved_ids(believed: BelievedState, outcome: Outcome) -> Sequence[BelievedRecord]:
    if not outcome.resolved_ids:
        return believed.known
    resolved = {id(known): thing_id for known, thing_id in outcome.resolved_ids}
    return tuple(
        replace(known, thing_id=resolved[id(known)]) if id(known) in resolved else known for known in believed.known
    )


def is_lately_closed(episode: Episode, now: datetime) -> bool:
    """Whether an episode that is closed may still go on, at *now*."""
    return episode.closed_at is not None and episode.closed_at > now - REOPENS_WITHIN


def _lately_closed(believed: BelievedState, outcome: Outcome) -> list[Episode]:
    """The gaps that close now, and those that closed within a day and have not opened again."""
    is_open = {episode.key for episode in outcome.episodes}
    earlier = {episode.key: episode for episode in believed.episodes if is_lately_closed(episode, outcome.moment.at)}
    closed = {**earlier, **{episode.key: episode for episode in outcome.closed_episodes}}
    return [episode for key, episode in closed.items() if key not in is_open]


def _stages(believed: BelievedState, outcome: Outcome) -> dict[str, StageSince]:
    stages: dict[str, StageSince] = {}
    for case in outcome.devices:
        device_state = case.device_state
        if device_state.stage is not None:
            before = believed.stages.get(device_state.device)
            is_same = before is not None and before.since == device_state.since and before.stage is device_state.stage
            stages[device_state.device] = (
                before if is_same and before is not None else StageSince(device_state.stage, device_state.since)
            )
    return stages


def is_day_closed(day: date, believed: BelievedState) -> bool:
    """Whether the clock was set back: a day before the newest one is closed, and its coverage stays."""
    return any(row.day > day for row in believed.coverage[-1:])


def _coverage(believed: BelievedState, outcome: Outcome) -> Sequence[CoverageDay]:
    today = outcome.moment.today
    if is_day_closed(today, believed):
        return believed.coverage
    rows = (*(row for row in believed.coverage if row.day < today), *outcome.coverage)
    return tuple(row for row in rows if row.day > rows[-1].day - timedelta(days=COVERAGE_DAYS))
