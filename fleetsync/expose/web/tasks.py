"""What to do today: open gaps by who acts on them, the gravest and most frequent first."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleetsync.core.lifecycle import ActingRole, GapKind
from fleetsync.core.model import Episode, Severity
from fleetsync.expose.web.lookup import GAP_KINDS, Lookup

SEVERITY_RANK: Mapping[Severity, int] = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True)
class Task:
    """A kind of gap that one role acts on."""

    kind: GapKind
    role: ActingRole
    count: int
    oldest_school_days: int | None  # None: no age is claimed


def tasks_by_role(lookup: Lookup, unit: str | None = None) -> Mapping[ActingRole, Sequence[Task]]:
    """Open gaps, parked ones and mere information left out, of all units or one; roles with the most to do first."""
    today = lookup.snapshot.outcome.moment.today
    found: defaultdict[tuple[ActingRole, str], list[Episode]] = defaultdict(list)
    for episode in lookup.snapshot.outcome.episodes:
        grave = GAP_KINDS[episode.kind].severity is not Severity.INFO
        if grave and not episode.is_parked(today) and unit in (None, episode.unit):
            for role in lookup.acting_roles(episode):
                found[role, episode.kind].append(episode)
    by_role: defaultdict[ActingRole, list[Task]] = defaultdict(list)
    for (role, kind), episodes in found.items():
        by_role[role].append(Task(GAP_KINDS[kind], role, len(episodes), _oldest_school_days(episodes, lookup)))
    for tasks in by_role.values():
        tasks.sort(key=lambda task: (SEVERITY_RANK[task.kind.severity], -task.count))
    return dict(sorted(by_role.items(), key=lambda pair: list(ActingRole).index(pair[0])))


def _oldest_school_days(episodes: Sequence[Episode], lookup: Lookup) -> int | None:
    dated = [episode for episode in episodes if not episode.known_before]
    if not dated:
        return None
    oldest = min(dated, key=lambda episode: episode.opened_at)
    return lookup.school_days_since(oldest.unit, oldest.opened_at, lookup.snapshot.outcome.moment.today)
