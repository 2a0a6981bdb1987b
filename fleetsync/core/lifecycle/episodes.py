"""Keeps track of gaps over time: whether a finding opens a new episode, continues one, or reopens one.

Pure. One kind of gap on one subject is one episode. It keeps its opening for as long as it is found, and for
twenty-four hours after it was found no longer.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from msgspec.structs import replace

from fleetsync.core.model import Episode, FrozenStruct, Moment, Parking, Subject, Text

REOPENS_WITHIN = timedelta(hours=24)


class GapFinding(FrozenStruct, frozen=True, kw_only=True):
    """A gap that holds now.

    `may_open` False: the gap stays open if it is open and does not open otherwise, as during a break. `known_before`: a
    first complete pull found it, so its age is unknown.
    """

    kind: str
    subject: Subject
    subject_id: str
    unit: str
    reason: Text
    may_open: bool = True
    known_before: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """(kind, subject id): identifies the episode."""
        return (self.kind, self.subject_id)


def update_episodes(
    findings: Iterable[GapFinding], stored: Sequence[Episode], parkings: Iterable[Parking], moment: Moment
) -> tuple[tuple[Episode, ...], tuple[Episode, ...]]:
    """The open episodes, in the order of *findings*, and those that close now.

    Of several findings with one key the first counts. An episode takes today's unit and reason and keeps its opening.
    """
    earlier = {episode.key: episode for episode in sorted(stored, key=lambda episode: episode.closed_at is None)}
    parked = {(parking.kind, parking.subject_id): parking for parking in parkings if moment.today <= parking.until}
    first_of: dict[tuple[str, str], GapFinding] = {}
    for finding in findings:
        first_of.setdefault(finding.key, finding)
    now_open = {
        key: episode
        for key, finding in first_of.items()
        if (episode := _open_or_continue(finding, earlier.get(key), parked.get(key), moment)) is not None
    }
    closed = tuple(
        replace(episode, closed_at=moment.at)
        for key, episode in earlier.items()
        if episode.closed_at is None and key not in now_open
    )
    return tuple(now_open.values()), closed


def _open_or_continue(
    finding: GapFinding, before: Episode | None, parking: Parking | None, moment: Moment
) -> Episode | None:
    if before is not None and before.closed_at is not None and moment.at - before.closed_at > REOPENS_WITHIN:
        before = None
    if before is None and not finding.may_open:
        return None
    episode = Episode(
        kind=finding.kind,
        subject=finding.subject,
        subject_id=finding.subject_id,
        unit=finding.unit,
        opened_at=before.opened_at if before else moment.at,
        known_before=before.known_before if before else finding.known_before,
        parked_until=parking.until if parking else None,
        reason=finding.reason,
    )
    return before if before is not None and before == episode else episode
