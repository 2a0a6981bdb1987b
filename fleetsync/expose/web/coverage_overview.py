"""Where the municipality stands against the plan: the numbers of units and entitlements, added up, with their trend."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from fleetsync.core.entitlement import mode_of
from fleetsync.core.model import CoverageDay, Entitlement
from fleetsync.expose.web.request_context import RequestContext

TREND_DAYS = 45
YEAR_DAYS = 365
COMPARED_DAYS = 30
CoverageTrend = Sequence[tuple[date, float]]
SUMMED_FIELDS = (
    "entitled",
    "heads",
    "assigned",
    "covered",
    "unknown",
    "short",
    "surplus",
    "undecided",
    "on_leave",
    "working_devices",
)


@dataclass(frozen=True)
class CoverageFigures:
    """Published numbers, of one cell or added up; every one of them opens at /numbers with `labels`."""

    entitled: int = 0
    heads: int = 0
    assigned: int = 0
    covered: int = 0
    unknown: int = 0
    short: int = 0
    surplus: int = 0
    undecided: int = 0
    on_leave: int = 0
    working_devices: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    rule: Entitlement | None = None
    trend: CoverageTrend = ()

    @property
    def is_pool(self) -> bool:
        """Whether the rule owes units in place of persons, so that heads per device are shown."""
        return self.rule is not None and not mode_of(self.rule).owes_persons

    @property
    def not_working(self) -> int:
        """Exist, and do not work."""
        return self.assigned - self.covered

    @property
    def without(self) -> int:
        """Do not exist."""
        return self.entitled - self.assigned - self.unknown

    @property
    def ratio(self) -> float | None:
        """Covered / entitled."""
        return self.covered / self.entitled if self.entitled else None

    @property
    def ratio_at_best(self) -> float | None:
        """As if all that is unknown were covered."""
        return (self.covered + self.unknown) / self.entitled if self.entitled else None

    @property
    def heads_per_device(self) -> float | None:
        """Children per working device; None without one."""
        return self.heads / self.working_devices if self.working_devices else None

    @property
    def status(self) -> str:
        """met, below (the target) or alarm (below the limit and short by enough); none: nothing entitled."""
        if self.ratio is None or self.rule is None:
            return "none"
        if self.ratio < self.rule.alert_below and self.short >= self.rule.alert_short:
            return "alarm"
        return "met" if self.ratio >= self.rule.target else "below"

    @property
    def change(self) -> tuple[float, date] | None:
        """(difference of the ratio, the day that it is to): the last known day thirty days ago, else the first day;
        None without an earlier day.
        """
        if self.ratio is None or len(self.trend) < 2:
            return None
        then = self.trend[-1][0] - timedelta(days=COMPARED_DAYS)
        day, ratio = next((one for one in reversed(self.trend) if one[0] <= then), self.trend[0])
        return self.ratio - ratio, day

    @property
    def below_since(self) -> tuple[date, bool] | None:
        """(first day of the unbroken stretch below the limit that rings, whether it may have begun before our first
        day); None when it is not below.
        """
        if self.status != "alarm" or self.rule is None or not self.trend:
            return None
        since = self.trend[-1][0]
        for day, ratio in reversed(self.trend):
            if ratio >= self.rule.alert_below:
                return since, False
            since = day
        return since, True


def sum_figures(
    rows: Iterable[CoverageDay], labels: Mapping[str, str], rule: Entitlement | None, trend: CoverageTrend
) -> CoverageFigures:
    """The sum of *rows*."""
    kept = tuple(rows)
    sums = {name: sum(int(getattr(row, name)) for row in kept) for name in SUMMED_FIELDS}
    return CoverageFigures(**sums, labels=labels, rule=rule, trend=trend)


@dataclass(frozen=True)
class CoverageOverview:
    """All of it at one look."""

    rules: Mapping[str, Entitlement]
    cells: Mapping[tuple[str, str], CoverageFigures]
    by_rule: Mapping[str, CoverageFigures]
    total: CoverageFigures
    units: Sequence[str]  # the most short first

    def of_unit(self, unit: str) -> Sequence[CoverageFigures]:
        """The unit's cells, in the order of the rules."""
        return [self.cells[unit, rule] for rule in self.rules if (unit, rule) in self.cells]


def build_overview(seen: RequestContext) -> CoverageOverview:
    """The board of the day that is asked about."""
    snapshot, rules = seen.snapshot, seen.lookup.rules
    rows = [row for row in snapshot.outcome.coverage if row.entitlement in rules]
    past = _coverage_by_day(seen)
    cells = {
        (row.unit, row.entitlement): sum_figures(
            (row,),
            {"unit": row.unit, "entitlement": row.entitlement},
            rules[row.entitlement],
            _trend(past, row.unit, row.entitlement),
        )
        for row in rows
    }
    by_rule = {
        rule: sum_figures(
            (row for row in rows if row.entitlement == rule),
            {"entitlement": rule},
            rules[rule],
            _trend(past, "", rule),
        )
        for rule in rules
    }
    return CoverageOverview(rules, cells, by_rule, sum_figures(rows, {}, None, ()), _units_most_short_first(rows))


def _units_most_short_first(rows: Sequence[CoverageDay]) -> Sequence[str]:
    """Those with anything to say, the most short first."""
    short: defaultdict[str, int] = defaultdict(int)
    said: set[str] = set()
    for row in rows:
        short[row.unit] += row.short
        if row.entitled or row.surplus or row.undecided:
            said.add(row.unit)
    return sorted(said, key=lambda unit: (-short[unit], unit))


CoverageByDay = Mapping[
    tuple[str, str], Mapping[date, tuple[int, int]]
]  # (unit or "", entitlement) → day → covered, entitled


def yearly_trends(seen: RequestContext, unit: str = "") -> Mapping[str, CoverageTrend]:
    """Rule → a year of coverage of *unit*, or of all together; empty while the short curves tell all that is known."""
    first = seen.services.history.first_day()
    last = seen.as_of or seen.today
    if first is None or first >= last - timedelta(days=TREND_DAYS):
        return {}
    past = _coverage_by_day(seen, YEAR_DAYS, unit)
    trends = ((rule, _trend(past, unit, rule)) for rule in seen.lookup.rules)
    return {rule: trend for rule, trend in trends if len(trend) > 1}


def _coverage_by_day(seen: RequestContext, days_back: int = TREND_DAYS, only: str = "") -> CoverageByDay:
    last = seen.as_of or seen.today
    earlier = seen.services.history.coverage_between(last - timedelta(days=days_back), last, only or None)
    # The last day is what is shown, not what was last recorded of it: the curve ends where the figure stands.
    rows = [(row.day, row) for row in earlier if row.day != last]
    rows += [(last, row) for row in seen.snapshot.outcome.coverage]
    found: defaultdict[tuple[str, str], dict[date, tuple[int, int]]] = defaultdict(dict)
    for day, row in rows:
        for unit in (row.unit, ""):
            days = found[unit, row.entitlement]
            covered, entitled = days.get(day, (0, 0))
            days[day] = (covered + row.covered, entitled + row.entitled)
    return found


def _trend(past: CoverageByDay, unit: str, entitlement: str) -> CoverageTrend:
    days = past.get((unit, entitlement), {})
    return [(day, covered / entitled) for day, (covered, entitled) in sorted(days.items()) if entitled]
