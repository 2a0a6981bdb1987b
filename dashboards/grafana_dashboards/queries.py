"""PromQL that several panels share.

Each query begins with `max by (…)`, because two instances publish the same number twice. It divides sums by sums,
because ratios have no mean.
"""

SELECTED_CELLS = 'unit=~"$unit",entitlement=~"$entitlement"'
SELECTED_UNITS = 'unit=~"$unit"'
# Units in trial are in the table and in no total; `unplaced` is never in trial, and people without a unit count.
EXCEPT_TRIAL_UNITS = "unless on (unit) (max by (unit) (fleetsync_unit_published) == 0)"
# One name per unit, even while two instances have two configurations.
WITH_UNIT_NAME = "* on (unit) group_left (name) topk by (unit) (1, max by (unit, name) (fleetsync_unit_info))"


def deduplicated(metric: str, labels: str = "unit, entitlement", where: str = SELECTED_CELLS) -> str:
    """*metric* with one value per *labels*, however many instances publish it."""
    return f"max by ({labels}) ({metric}{{{where}}})" if where else f"max by ({labels}) ({metric})"


def total_without_trial(
    metric: str, labels: str = "unit, entitlement", where: str = SELECTED_CELLS, by: str = ""
) -> str:
    """The sum of *metric* without units in trial, *by* some labels or over all."""
    return f"sum{f' by ({by})' if by else ''} ({deduplicated(metric, labels, where)} {EXCEPT_TRIAL_UNITS})"


def covered(by: str = "") -> str:
    """Working devices that are owed, by own, set and pool together."""
    return total_without_trial("fleetsync_covered", "unit, entitlement, by", by=by)


def share_of_entitled(above: str, by: str = "") -> str:
    """*above* divided by what is owed; no sample where nothing is owed."""
    return f"{above} / ({total_without_trial('fleetsync_entitled', by=by)} > 0)"


def with_label_copy(expr: str, label: str, copy: str) -> str:
    """*expr* with a *copy* of a label. A Grafana link contains the text of a cell, so translated labels need a copy."""
    return f'label_replace({expr}, "{copy}", "$1", "{label}", "(.*)")'


def sum_over_by(metric: str) -> str:
    """*metric* of a unit and entitlement, by own, set and pool together."""
    return f"sum by (unit, entitlement) ({deduplicated(metric, 'unit, entitlement, by')})"


COVERAGE = share_of_entitled(covered())
COVERAGE_UPPER_BOUND = share_of_entitled(f"({covered()} + {total_without_trial('fleetsync_unknown')})")
# The goal of several entitlements together is weighted by the devices that each of them owes.
TARGET_RATIO = (
    f"sum ({deduplicated('fleetsync_coverage_target_ratio')}"
    f" * on (unit, entitlement) {deduplicated('fleetsync_entitled')} {EXCEPT_TRIAL_UNITS})"
    f" / ({total_without_trial('fleetsync_entitled')} > 0)"
)
COVERAGE_OF_EACH = f"{sum_over_by('fleetsync_covered')} / ({deduplicated('fleetsync_entitled')} > 0) {WITH_UNIT_NAME}"
COVERAGE_OF_UNITS = (
    f"sort(sum by (unit) ({deduplicated('fleetsync_covered', 'unit, entitlement, by')})"
    f" / (sum by (unit) ({deduplicated('fleetsync_entitled')}) > 0) {WITH_UNIT_NAME})"
)
# Recorded by the rules: how much is short where coverage is below the alarm limit, and since when.
BELOW_LIMIT = f"unit_entitlement:fleetsync_short:below_limit{{{SELECTED_CELLS}}}"
LAST_NOT_BELOW = f"unit_entitlement:fleetsync_not_below_limit_timestamp_seconds:last{{{SELECTED_CELLS}}}"
SCHOOL_DAYS_BELOW = f"unit_entitlement:fleetsync_below_limit:school_days{{{SELECTED_CELLS}}}"
SELECTED_SOURCES = 'source=~"$source"'
PART = "source, part"
DAY_SECONDS = 86400
CONTENT_AGE = f"time() - max by ({PART}) (fleetsync_source_data_timestamp_seconds)"
ALLOWED_AGE = f"clamp_min(max by ({PART}) (fleetsync_source_expected_interval_seconds), {DAY_SECONDS})"
OVERDUE = f"({CONTENT_AGE}) > on ({PART}) {ALLOWED_AGE}"


def of_source_part(metric: str, where: str = "") -> str:
    """A series of the sources, by part; *metric* without its prefix `fleetsync_source_`."""
    return deduplicated(f"fleetsync_source_{metric}", PART, where)


def open_gaps(kinds: str, by: str = "") -> str:
    """Open gaps of *kinds* (a regular expression), without units in trial."""
    return total_without_trial("fleetsync_gaps", "unit, kind", f'{SELECTED_UNITS},state="open",kind=~"{kinds}"', by)


def increase(metric: str, labels: str, over: str, where: str = "") -> str:
    """How much the counter *metric* grew *over* a time, by *labels*, however many instances publish it."""
    return f"max by ({labels}) (increase({metric}{{{where}}}[{over}]))"
