"""Coverage per unit and entitlement, its sums, and its trend over time: what overview and unit page show."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from fleetsync.core.entitlement import mode_of
from fleetsync.core.model import CoverageDay, CoverageSum, Entitlement
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
class UnitTotals:
    """A unit's numbers over all entitlements, by which units are chosen and sorted."""

    slug: str
    short: int
    covered: int
    entitled: int

    @property
    def ratio(self) -> float:
        """Covered / entitled; 1 where nothing is owed, so that nothing is missing."""
        return self.covered / self.entitled if self.entitled else 1.0


@dataclass(frozen=True)
class CoverageOverview:
    """What the overview shows of coverage in the whole municipality, and which units there are to choose from."""

    rules: Mapping[str, Entitlement]
    by_rule: Mapping[str, CoverageFigures]
    total: CoverageFigures
    units: Sequence[UnitTotals]  # the most short first


def build_overview(context: RequestContext) -> CoverageOverview:
    """The overview of the day that is asked about."""
    rules = context.lookup.rules
    rows = [row for row in context.visible.coverage if row.entitlement in rules]
    trends = _trends(context)
    by_rule = {
        rule: sum_figures(
            (row for row in rows if row.entitlement == rule),
            {"entitlement": rule},
            rules[rule],
            trends.get(("", rule), ()),
        )
        for rule in rules
    }
    return CoverageOverview(rules, by_rule, sum_figures(rows, {}, None, ()), _units_most_short_first(rows))


def figures_by_cell(context: RequestContext, units: Collection[str]) -> Mapping[tuple[str, str], CoverageFigures]:
    """(unit, entitlement) → its figures, for *units*, in the order of the rules."""
    trends = _trends(context, units)
    rows = {(row.unit, row.entitlement): row for row in context.visible.coverage if row.unit in units}
    return {
        (unit, rule): sum_figures(
            (rows[unit, rule],),
            {"unit": unit, "entitlement": rule},
            context.lookup.rule_at(rule, unit),
            trends.get((unit, rule), ()),
        )
        for unit in units
        for rule in context.lookup.rules
        if (unit, rule) in rows
    }


def _units_most_short_first(rows: Sequence[CoverageDay]) -> Sequence[UnitTotals]:
    """Units that have any number."""
    by_unit: defaultdict[str, list[CoverageDay]] = defaultdict(list)
    for row in rows:
        by_unit[row.unit].append(row)
    totals = [
        UnitTotals(
            unit,
            sum(row.short for row in of_unit),
            sum(row.covered for row in of_unit),
            sum(row.entitled for row in of_unit),
        )
        for unit, of_unit in by_unit.items()
        if any(row.entitled or row.surplus or row.undecided for row in of_unit)
    ]
    return sorted(totals, key=lambda unit: (-unit.short, unit.slug))


def yearly_trends(context: RequestContext, unit: str = "") -> Mapping[str, CoverageTrend]:
    """Rule → a year of coverage of *unit*, or of all units; empty while the short curves show all that is known."""
    first = context.services.history.first_day()
    last = context.as_of or context.today
    if first is None or first >= last - timedelta(days=TREND_DAYS):
        return {}
    trends = _trends(context, [unit] if unit else None, YEAR_DAYS)
    return {rule: trend for (_, rule), trend in trends.items() if len(trend) > 1}


def _trends(
    context: RequestContext, units: Collection[str] | None = None, days_back: int = TREND_DAYS
) -> Mapping[tuple[str, str], CoverageTrend]:
    """(unit, rule) → its coverage day by day, in the order of the rules; of all units together under the unit ""."""
    last = context.as_of or context.today
    first = last - timedelta(days=days_back)
    earlier = context.day_indexes.trends.get(
        (last, days_back, None if units is None else tuple(units)),
        # The last day is the shown snapshot, not the recorded row: the curve must end at the shown figure.
        lambda: context.coverage_sums(first, last - timedelta(days=1), units),
    )
    points: defaultdict[tuple[str, str], list[tuple[date, float]]] = defaultdict(list)
    for row in (*earlier, *_sums_of_shown_day(context, units, last)):
        if row.entitled:
            points[row.unit, row.entitlement].append((row.day, row.covered / row.entitled))
    return {
        (unit, rule): points[unit, rule]
        for unit in ([""] if units is None else units)
        for rule in context.lookup.rules
        if (unit, rule) in points
    }


def _sums_of_shown_day(context: RequestContext, units: Collection[str] | None, day: date) -> Sequence[CoverageSum]:
    sums: defaultdict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in context.visible.coverage:
        if units is None or row.unit in units:
            key = ("" if units is None else row.unit, row.entitlement)
            covered, entitled = sums[key]
            sums[key] = (covered + row.covered, entitled + row.entitled)
    return [CoverageSum(day, unit, rule, *numbers) for (unit, rule), numbers in sums.items()]
