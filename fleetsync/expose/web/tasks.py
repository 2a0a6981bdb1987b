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


@dataclass
class _OpenGaps:
    """Open gaps of one kind that one role acts on, in one unit or in all."""

    count: int = 0
    oldest: Episode | None = None  # None: no age is claimed of any of them

    def add(self, episode: Episode) -> None:
        self.count += 1
        if not episode.known_before and (self.oldest is None or episode.opened_at < self.oldest.opened_at):
            self.oldest = episode


class OpenTasks:
    """Open gaps counted by unit, role and kind, without parked gaps and those of severity info.

    `open_gaps`: how many gaps are not parked, of any severity.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.open_gaps = 0
        # By unit (None: all of them), then by role and kind.
        self._open: defaultdict[str | None, defaultdict[tuple[ActingRole, str], _OpenGaps]] = defaultdict(
            lambda: defaultdict(_OpenGaps)
        )
        today = lookup.visible.today
        for episode in lookup.visible.episodes:
            if episode.is_parked(today):
                continue
            self.open_gaps += 1
            if GAP_KINDS[episode.kind].severity is Severity.INFO:
                continue
            for role in lookup.acting_roles(episode):
                self._open[None][role, episode.kind].add(episode)
                self._open[episode.unit][role, episode.kind].add(episode)

    def by_role(self, unit: str | None = None) -> Mapping[ActingRole, Sequence[Task]]:
        """The tasks of all units or one, in the order of `ActingRole`."""
        by_role: defaultdict[ActingRole, list[Task]] = defaultdict(list)
        for (role, kind), gaps in self._open.get(unit, {}).items():
            by_role[role].append(Task(GAP_KINDS[kind], role, gaps.count, self._school_days(gaps.oldest)))
        for tasks in by_role.values():
            tasks.sort(key=lambda task: (SEVERITY_RANK[task.kind.severity], -task.count))
        return dict(sorted(by_role.items(), key=lambda pair: list(ActingRole).index(pair[0])))

    def _school_days(self, oldest: Episode | None) -> int | None:
        if oldest is None:
            return None
        return self._lookup.school_days_since(oldest.unit, oldest.opened_at, self._lookup.visible.today)
