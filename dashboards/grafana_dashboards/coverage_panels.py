"""The panels about coverage, from the whole to the part: headline, below the limit, over time, unit by unit."""

from fleetsync.core.entitlement import RULES
from fleetsync.core.model import Text
from grafana_dashboards.grafana import (
    AGAINST_GOAL,
    BLUE,
    DAYS_UNIT,
    FEW_ARE_GOOD,
    GREEN,
    GREY,
    LINES,
    NONE_IS_GOOD,
    PLAIN,
    RED,
    TEXT,
    YELLOW,
    GridPosition,
    Words,
    fixed_color,
    threshold_steps,
    value_format,
)
from grafana_dashboards.panels import (
    BarPanel,
    Heading,
    LabelColumn,
    Panel,
    QueryColumn,
    Series,
    StatPanel,
    TablePanel,
    TrendPanel,
)
from grafana_dashboards.queries import (
    BELOW_LIMIT,
    CONTENT_AGE,
    COVERAGE,
    COVERAGE_OF_EACH,
    COVERAGE_OF_UNITS,
    COVERAGE_UPPER_BOUND,
    DAY_SECONDS,
    LAST_NOT_BELOW,
    OVERDUE,
    SCHOOL_DAYS_BELOW,
    TARGET_RATIO,
    covered,
    deduplicated,
    of_source_part,
    share_of_entitled,
    sum_over_by,
    total_without_trial,
    with_label_copy,
)

ENTITLEMENTS: Words = {rule.id: rule.title for rule in RULES}
UNIT, NAME = LabelColumn("unit"), LabelColumn("name", Text("Enhet", "Unit"))
ENTITLEMENT, LINE = LabelColumn("entitlement"), LabelColumn("line", Text("Rättighet", "Entitlement"), ENTITLEMENTS)
CELL_PARAMETERS = "?unit=${__data.fields.unit}&entitlement=${__data.fields.entitlement}"
COVERAGE_TITLE, SHORT_TITLE = Text("Täckning", "Coverage"), Text("Saknar", "Short")


def rows_of(metric: str) -> str:
    """The page's list behind a cell of *metric*."""
    return f"/numbers/{metric}{CELL_PARAMETERS}"


HEADLINE: tuple[Panel, ...] = (
    StatPanel(
        COVERAGE_TITLE,
        Text(
            "I drift / ska ha. I drift: kontakt inom gränsen (15 skoldagar) och hanterbart. Enheter på prov räknas inte in.",
            "Covered / entitled. Working: in contact within the limit (15 school days) and manageable. Units in trial are left out.",
        ),
        GridPosition(0, 0, 4, 4),
        COVERAGE,
        value_format("percentunit", AGAINST_GOAL, decimals=1),
        "/coverage",
    ),
    StatPanel(
        Text("Som högst", "At most"),
        Text(
            "Täckningen om alla som inte kan avgöras hade ett verktyg i drift: det sanna talet ligger mellan de två.",
            "Coverage if all that cannot be decided had a working device: the truth lies between the two.",
        ),
        GridPosition(4, 0, 3, 4),
        COVERAGE_UPPER_BOUND,
        value_format("percentunit", TEXT, decimals=1),
        "/numbers/fleetsync_unknown",
    ),
    StatPanel(
        Text("Under larmgränsen", "Below the alarm limit"),
        Text(
            "Hur många par av enhet och rättighet som är under sin larmgräns och saknar minst fem verktyg.",
            "How many pairs of unit and entitlement are below their alarm limit and short by at least five devices.",
        ),
        GridPosition(7, 0, 4, 4),
        f"count({BELOW_LIMIT}) or vector(0)",
        value_format("none", NONE_IS_GOOD),
        "/gaps?kind=below_target",
    ),
    StatPanel(
        SHORT_TITLE,
        Text("Verktyg som saknas: ska ha − i drift − vet inte.", "Devices short: entitled − covered − unknown."),
        GridPosition(11, 0, 4, 4),
        total_without_trial("fleetsync_short"),
        value_format("none", FEW_ARE_GOOD),
        "/numbers/fleetsync_short",
    ),
    StatPanel(
        Text("Vet inte", "Unknown"),
        Text("Verktyg som inte kan avgöras.", "Devices owed of which it cannot be decided whether they are there."),
        GridPosition(15, 0, 2, 4),
        total_without_trial("fleetsync_unknown"),
        value_format("none", FEW_ARE_GOOD),
        "/numbers/fleetsync_unknown",
    ),
    StatPanel(
        Text("Äldsta uppgiften", "Oldest data"),
        Text(
            "Den äldsta delen av alla källor: så gamla är talen som mest.",
            "The oldest part of all sources: as old are the numbers at most.",
        ),
        GridPosition(17, 0, 3, 4),
        f"max({CONTENT_AGE}) / {DAY_SECONDS}",
        value_format(DAYS_UNIT, TEXT, decimals=0),
        "/sources",
    ),
    StatPanel(
        Text("För gamla", "Overdue"),
        Text(
            "Delar av källor vars innehåll är äldre än väntat.",
            "Parts of sources whose content is older than expected.",
        ),
        GridPosition(20, 0, 2, 4),
        f"count({OVERDUE}) or vector(0)",
        value_format("none", NONE_IS_GOOD),
        "/sources",
    ),
    StatPanel(
        Text("Väntar", "Held"),
        Text(
            "Hämtningar som ser orimliga ut och som någon måste godta eller förkasta.",
            "Pulls that look implausible and that somebody must accept or reject.",
        ),
        GridPosition(22, 0, 2, 4),
        f"sum({of_source_part('held')}) or vector(0)",
        value_format("none", NONE_IS_GOOD),
        "/sources",
    ),
)

BELOW_THE_LIMIT: tuple[Panel, ...] = (
    TablePanel(
        Text("Under larmgränsen: var, och sedan när", "Below the alarm limit: where, and since when"),
        Text(
            "Enheter som inte är på prov. Sedan: den sista stunden då det inte var så, eller då det började mätas.",
            "Units that are not in trial. Since: the last moment when it was not so, or when measuring began.",
        ),
        GridPosition(0, 4, 12, 6),
        [UNIT, ENTITLEMENT, NAME, LINE],
        [
            QueryColumn(
                COVERAGE_TITLE,
                with_label_copy(f"{COVERAGE_OF_EACH} and on (unit, entitlement) {BELOW_LIMIT}", "entitlement", "line"),
                "percentunit",
                "/units/${__data.fields.unit}",
                AGAINST_GOAL,
                decimals=1,
                width=90,
            ),
            QueryColumn(
                SHORT_TITLE,
                BELOW_LIMIT,
                path=rows_of("fleetsync_short"),
                thresholds=threshold_steps((None, RED)),
                width=80,
            ),
            QueryColumn(Text("Skoldagar", "School days"), SCHOOL_DAYS_BELOW, width=110),
            QueryColumn(
                Text("Sedan", "Since"),
                f"{LAST_NOT_BELOW} * 1000 and on (unit, entitlement) {BELOW_LIMIT}",
                "time:YYYY-MM-DD",
                width=110,
            ),
        ],
        sort=SHORT_TITLE,
        if_empty=Text("Ingen är under larmgränsen", "None is below the alarm limit"),
    ),
    BarPanel(
        Text("Täckning per enhet, lägst först", "Coverage by unit, lowest first"),
        Text("Också enheter på prov. Klicka för enhetens sida.", "Units in trial too. Click for the unit's page."),
        GridPosition(0, 10, 12, 10),
        [Series(COVERAGE_OF_UNITS, "{{name}}")],
        value_format("percentunit", AGAINST_GOAL, decimals=1, min=0, max=1),
        "/units/${__field.labels.unit}",
    ),
)

COVERAGE_LEGEND = Text("täckning", "coverage")
_COVERAGE_LINES = {**LINES, "axisSoftMin": 0.9, "axisSoftMax": 1}
_UP_TO_COVERAGE = {"custom_fillBelowTo": COVERAGE_LEGEND, "custom_fillOpacity": 25, "custom_lineWidth": 0}
_DASHED = {"custom_lineStyle": {"fill": "dash", "dash": [10, 10]}, "custom_lineWidth": 1}

OVER_TIME: tuple[Panel, ...] = (
    TrendPanel(
        Text("Täckning över tid, med band och mål", "Coverage over time, with band and goal"),
        Text(
            "Det fyllda är det som inte kan avgöras. Talen är summor delade med summor, aldrig medelvärden.",
            "What is filled cannot be decided. Sums are divided by sums, nothing is averaged.",
        ),
        GridPosition(12, 4, 12, 8),
        [
            Series(COVERAGE, COVERAGE_LEGEND, {"color": fixed_color(BLUE)}),
            Series(COVERAGE_UPPER_BOUND, Text("som högst", "at most"), {"color": fixed_color(GREY), **_UP_TO_COVERAGE}),
            Series(TARGET_RATIO, Text("mål", "goal"), {"color": fixed_color(GREEN), **_DASHED}),
        ],
        value_format("percentunit", PLAIN, decimals=1, custom=_COVERAGE_LINES),
    ),
    TrendPanel(
        Text("Per rättighet", "By entitlement"),
        Text("Täckning för var och en av planens rättigheter.", "Coverage of each entitlement of the plan."),
        GridPosition(12, 12, 12, 8),
        [Series(share_of_entitled(covered("entitlement"), "entitlement"), "{{entitlement}}")],
        value_format("percentunit", PLAIN, decimals=1, custom=_COVERAGE_LINES, color={"mode": "palette-classic"}),
        words=ENTITLEMENTS,
    ),
)

UNIT_BY_UNIT: tuple[Heading | Panel, ...] = (
    Heading(Text("Enhet för enhet", "Unit by unit"), 20),
    TablePanel(
        Text("Ska ha = i drift + saknar + vet inte", "Entitled = covered + short + unknown"),
        Text("Varje tal leder till sina rader på sidan.", "Each number leads to its rows on the page."),
        GridPosition(0, 21, 24, 12),
        [UNIT, ENTITLEMENT, NAME._replace(width=210), LINE._replace(width=275)],
        [
            QueryColumn(
                COVERAGE_TITLE,
                with_label_copy(COVERAGE_OF_EACH, "entitlement", "line"),
                "percentunit",
                "/units/${__data.fields.unit}",
                AGAINST_GOAL,
                decimals=1,
            ),
            QueryColumn(
                Text("Ska ha", "Entitled"), deduplicated("fleetsync_entitled"), path=rows_of("fleetsync_entitled")
            ),
            QueryColumn(Text("Har", "Assigned"), sum_over_by("fleetsync_assigned"), path=rows_of("fleetsync_assigned")),
            QueryColumn(
                Text("I drift", "Covered"), sum_over_by("fleetsync_covered"), path=rows_of("fleetsync_covered")
            ),
            QueryColumn(
                Text("varav kontakt okänd", "of these contact unknown"),
                deduplicated("fleetsync_covered_without_contact"),
                path=rows_of("fleetsync_covered_without_contact"),
                thresholds=threshold_steps((None, GREY), (1, YELLOW)),
                width=170,
            ),
            QueryColumn(
                SHORT_TITLE,
                deduplicated("fleetsync_short"),
                path=rows_of("fleetsync_short"),
                thresholds=threshold_steps((None, GREY), (1, YELLOW), (10, RED)),
            ),
            QueryColumn(
                Text("Vet inte", "Unknown"),
                deduplicated("fleetsync_unknown"),
                path=rows_of("fleetsync_unknown"),
                thresholds=threshold_steps((None, GREY), (1, YELLOW)),
            ),
            QueryColumn(Text("Över", "Surplus"), deduplicated("fleetsync_surplus"), path=rows_of("fleetsync_surplus")),
            QueryColumn(
                Text("Personer per verktyg", "Heads per device"),
                f"{deduplicated('fleetsync_heads')} / ({deduplicated('fleetsync_working_devices')} > 0)",
                path=rows_of("fleetsync_working_devices"),
                decimals=2,
                width=160,
            ),
            QueryColumn(
                Text("På prov", "In trial"),
                f"{deduplicated('fleetsync_entitled')} * 0"
                f" + on (unit) group_left () {deduplicated('fleetsync_unit_published', 'unit', '')}",
                words=(("0", Text("på prov", "in trial"), YELLOW), ("1", Text("", ""), "text")),
                width=90,
            ),
        ],
        sort=SHORT_TITLE,
    ),
)
