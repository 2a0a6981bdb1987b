"""When a finding is a new gap, the same gap still, or the same gap again.

Pure. One kind of gap on one subject is one episode: it keeps its opening for as long as it is found, and for twenty-four
hours after it was not.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from msgspec.structs import replace

from fleetsync.core.model import Episode, FrozenStruct, Moment, Parking, Subject, Text

REOPENS_WITHIN = timedelta(hours=24)


class GapFinding(FrozenStruct, frozen=True, kw_only=True):
    """A gap that holds now. `may_open` False: over a break, it stays open if it is and does not open if it is not.

    `known_before`: a first complete pull found it, so no age is claimed.
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
        """(kind, subject id): what makes two sightings one episode."""
        return (self.kind, self.subject_id)


def update_episodes(
    found: Iterable[GapFinding], believed: Sequence[Episode], parkings: Iterable[Parking], moment: Moment
) -> tuple[tuple[Episode, ...], tuple[Episode, ...]]:
    """The open episodes, in the order found, and those that close now; of several findings of one key the first counts.

    An episode takes the unit and the reason of today and keeps its opening.
    """
    earlier = {episode.key: episode for episode in sorted(believed, key=lambda one: one.closed_at is None)}
    parked = {(one.kind, one.subject_id): one for one in parkings if moment.today <= one.until}
    first_of: dict[tuple[str, str], GapFinding] = {}
    for finding in found:
        first_of.setdefault(finding.key, finding)
    judged = (_open_or_continue(finding, earlier, parked, moment) for finding in first_of.values())
    now_open = {episode.key: episode for episode in judged if episode is not None}
    closed = tuple(
        replace(episode, closed_at=moment.at)
        for key, episode in earlier.items()
        if episode.closed_at is None and key not in now_open
    )
    return tuple(now_open.values()), closed


def _open_or_continue(
    finding: GapFinding,
    earlier: Mapping[tuple[str, str], Episode],
    parked: Mapping[tuple[str, str], Parking],
    moment: Moment,
) -> Episode | None:
    before = earlier.get(finding.key)
    if before is not None and before.closed_at is not None and moment.at - before.closed_at > REOPENS_WITHIN:
        before = None
    if before is None and not finding.may_open:
        return None
    parking = parked.get(finding.key)
    return Episode(
        kind=finding.kind,
        subject=finding.subject,
        subject_id=finding.subject_id,
        unit=finding.unit,
        opened_at=before.opened_at if before else moment.at,
        known_before=before.known_before if before else finding.known_before,
        parked_until=parking.until if parking else None,
        reason=finding.reason,
    )
