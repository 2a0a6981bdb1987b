"""Counts gaps, by unit, kind and whether they are parked."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from fleetsync.core.context import Context
from fleetsync.core.measures.definitions import CaseRows, CountedCases, Labels
from fleetsync.core.model import Episode, MeasureRow, Outcome, Subject

GAP_SUBJECTS = frozenset({Subject.PERSON, Subject.DEVICE, Subject.UNIT, Subject.SET, Subject.POOL})


def _gap_state(episode: Episode, outcome: Outcome) -> str:
    return "parked" if episode.is_parked(outcome.moment.today) else "open"


def _counted_gaps(outcome: Outcome) -> Iterator[Episode]:
    return (episode for episode in outcome.episodes if episode.subject in GAP_SUBJECTS)


def _gap_row(_: Labels, count: int, episode: Episode) -> MeasureRow:
    return MeasureRow(
        count=count, subject=episode.subject, subject_id=episode.subject_id, unit=episode.unit, reason=episode.reason
    )


GAP_ROWS = CaseRows(
    row_of=_gap_row, person_of=lambda episode: episode.subject_id if episode.subject is Subject.PERSON else None
)


def gap_counts(outcome: Outcome, context: Context) -> CountedCases:
    """Each gap that has a unit, under it, its kind, and open or parked."""
    for episode in _counted_gaps(outcome):
        yield (episode.unit, episode.kind, _gap_state(episode, outcome)), 1, episode


def gap_zero_labels(outcome: Outcome, context: Context) -> Iterable[Labels]:
    """Every unit and kind of which there is or was a gap."""
    known = outcome.gap_unit_kinds | {(episode.unit, episode.kind) for episode in _counted_gaps(outcome)}
    return ((*place, state) for place in sorted(known) for state in ("open", "parked"))


def oldest_gap_values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
    """Gaps that a first complete pull found are left out: their age is unknown."""
    oldest: dict[Labels, datetime] = {}
    for episode in _counted_gaps(outcome):
        if not episode.known_before:
            labels = (episode.unit, episode.kind, _gap_state(episode, outcome))
            oldest[labels] = min(episode.opened_at, oldest.get(labels, episode.opened_at))
    return ((labels, oldest[labels].timestamp()) for labels in sorted(oldest))
