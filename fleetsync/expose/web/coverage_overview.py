"""Coverage per unit and entitlement, its sums, and its trend over time: what overview and unit page show."""

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
    "covered_without_contact",
    "unknown",
    "short",
    "surplus",
    "undecided",
    "on_leave",
    "working_devices",
)


@dataclass(frozen=True)
class CoverageFigures:
    """Published numbers of one unit and entitlement, or sums of them; each opens at /numbers with `labels`."""

    entitled: int = 0
    heads: int = 0
    assigned: int = 0
    covered: int = 0
    covered_without_contact: int = 0  # part of covered
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
        """Devices that exist and do not work."""
        return self.assigned - self.covered

    @property
    def without(self) -> int:
        """Devices that do not exist."""
        return self.entitled - self.assigned - self.unknown

    @property
    def ratio(self) -> float | None:
        """Covered / entitled."""
        return self.covered / self.entitled if self.entitled else None

    @property
    def ratio_at_best(self) -> float | None:
        """The ratio if everything unknown were covered."""
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
        """(difference of the ratio, the day that it is compared with): the last known day thirty days ago, else the
        first day; None without an earlier day.
        """
        if self.ratio is None or len(self.trend) < 2:
            return None
        compared = self.trend[-1][0] - timedelta(days=COMPARED_DAYS)
        day, ratio = next((point for point in reversed(self.trend) if point[0] <= compared), self.trend[0])
        return self.ratio - ratio, day

    @property
    def below_since(self) -> tuple[date, bool] | None:
        """(first day since which the ratio has been below the alarm limit, whether that may have begun before our first
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
    """Everything that the overview shows of coverage."""

    rules: Mapping[str, Entitlement]
    cells: Mapping[tuple[str, str], CoverageFigures]
    by_rule: Mapping[str, CoverageFigures]
    total: CoverageFigures
    units: Sequence[str]  # the most short first

    def of_unit(self, unit: str) -> Sequence[CoverageFigures]:
        """The unit's cells, in the order of the rules."""
        return [self.cells[unit, rule] for rule in self.rules if (unit, rule) in self.cells]


def build_overview(context: RequestContext) -> CoverageOverview:
    """The overview of the day that is asked about."""
    rules = context.lookup.rules
    rows = [row for row in context.visible.coverage if row.entitlement in rules]
    past = _coverage_by_day(context)
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
    """Units that have any number, the most short first."""
    short: defaultdict[str, int] = defaultdict(int)
    with_numbers: set[str] = set()
    for row in rows:
        short[row.unit] += row.short
        if row.entitled or row.surplus or row.undecided:
            with_numbers.add(row.unit)
    return sorted(with_numbers, key=lambda unit: (-short[unit], unit))


CoverageByDay = Mapping[
    tuple[str, str], Mapping[date, tuple[int, int]]
]  # (unit or "", entitlement) → day → covered, entitled


def yearly_trends(context: RequestContext, unit: str = "") -> Mapping[str, CoverageTrend]:
    """Rule → a year of coverage of *unit*, or of all units; empty while the short curves show all that is known."""
    first = context.services.history.first_day()
    last = context.as_of or context.today
    if first is None or first >= last - timedelta(days=TREND_DAYS):
        return {}
    past = _coverage_by_day(context, YEAR_DAYS, unit)
    trends = ((rule, _trend(past, unit, rule)) for rule in context.lookup.rules)
    return {rule: trend for rule, trend in trends if len(trend) > 1}


def _coverage_by_day(context: RequestContext, days_back: int = TREND_DAYS, only: str = "") -> CoverageByDay:
    last = context.as_of or context.today
    earlier = context.coverage_between(last - timedelta(days=days_back), last, only or None)
    # The last day is the shown snapshot, not the recorded row: the curve must end at the shown figure.
    rows = [(row.day, row) for row in earlier if row.day != last]
    rows += [(last, row) for row in context.visible.coverage]
    by_cell: defaultdict[tuple[str, str], dict[date, tuple[int, int]]] = defaultdict(dict)
    for day, row in rows:
        for unit in (row.unit, ""):
            days = by_cell[unit, row.entitlement]
            covered, entitled = days.get(day, (0, 0))
            days[day] = (covered + row.covered, entitled + row.entitled)
    return by_cell


def _trend(past: CoverageByDay, unit: str, entitlement: str) -> CoverageTrend:
    days = past.get((unit, entitlement), {})
    return [(day, covered / entitled) for day, (covered, entitled) in sorted(days.items()) if entitled]
