"""What to do today: open gaps by the role that acts on them, the most severe and most frequent first."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleetsync.core.lifecycle import ActingRole, GapKind
from fleetsync.core.model import Episode, Severity
from fleetsync.expose.lists.gaps import SEVERITY_RANK
from fleetsync.expose.lookup import GAP_KINDS, Lookup


@dataclass(frozen=True)
class Task:
    """A kind of gap that one role acts on."""

    kind: GapKind
    role: ActingRole
    count: int
    oldest_school_days: int | None  # None: no age is claimed


def tasks_by_role(lookup: Lookup, unit: str | None = None) -> Mapping[ActingRole, Sequence[Task]]:
    """Open gaps of all units or one, without parked gaps and those of severity info. In the order of `ActingRole`."""
    today = lookup.visible.today
    episodes_by_task: defaultdict[tuple[ActingRole, str], list[Episode]] = defaultdict(list)
    for episode in lookup.visible.episodes:
        is_task = GAP_KINDS[episode.kind].severity is not Severity.INFO
        if is_task and not episode.is_parked(today) and unit in (None, episode.unit):
            for role in lookup.acting_roles(episode):
                episodes_by_task[role, episode.kind].append(episode)
    by_role: defaultdict[ActingRole, list[Task]] = defaultdict(list)
    for (role, kind), episodes in episodes_by_task.items():
        by_role[role].append(Task(GAP_KINDS[kind], role, len(episodes), _oldest_school_days(episodes, lookup)))
    for tasks in by_role.values():
        tasks.sort(key=lambda task: (SEVERITY_RANK[task.kind.severity], -task.count))
    return dict(sorted(by_role.items(), key=lambda pair: list(ActingRole).index(pair[0])))


def _oldest_school_days(episodes: Sequence[Episode], lookup: Lookup) -> int | None:
    dated = [episode for episode in episodes if not episode.known_before]
    if not dated:
        return None
    oldest = min(dated, key=lambda episode: episode.opened_at)
    return lookup.school_days_since(oldest.unit, oldest.opened_at, lookup.visible.today)
