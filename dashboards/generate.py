"""Write the Grafana dashboards beside this file: `python dashboards/generate.py`, or `--check` to compare only.

One dashboard in two languages, as classic JSON that Grafana 10 and newer provision from a folder. Refused here: a number
that the page does not have, and a word that the page does not say. Each query begins with `max by (…)`, because two
instances tell the same number twice, and divides sums, because ratios have no mean.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from fleetsync.core.entitlement import RULES
from fleetsync.core.lifecycle import GAPS
from fleetsync.core.model import Subject, Text
from fleetsync.expose.display_names import CONTACT_AGES, GAP_KIND_TITLES, PLATFORMS, STAGES_PLURAL

HERE = Path(__file__).parent
Json = dict[str, Any]
Words = Mapping[str, Text]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
SELECTED_CELLS = 'unit=~"$unit",entitlement=~"$entitlement"'
SELECTED_UNITS = 'unit=~"$unit"'
# Units in trial stand in the table and in no total; `unplaced` is in no trial, and who has no unit counts.
EXCEPT_TRIAL_UNITS = "unless on (unit) (max by (unit) (fleetsync_unit_published) == 0)"
# One name each, also while two instances have two configurations.
WITH_UNIT_NAME = "* on (unit) group_left (name) topk by (unit) (1, max by (unit, name) (fleetsync_unit_info))"
PAGE_URL = "${base_url}"
GREEN, YELLOW, RED, BLUE, GREY = "green", "orange", "red", "blue", "#8e8e8e"
ENTITLEMENTS: Words = {rule.id: rule.title for rule in RULES}


class GridPosition(NamedTuple):
    """Where a panel stands, in 24 columns."""

    x: int
    y: int
    w: int
    h: int


# --- queries ----------------------------------------------------------------------------------------------------------


def deduplicated(metric: str, labels: str = "unit, entitlement", where: str = SELECTED_CELLS) -> str:
    """*metric* as one truth of all instances."""
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
    """*above* over what is owed; nothing where nothing is owed."""
    return f"{above} / ({total_without_trial('fleetsync_entitled', by=by)} > 0)"


def with_label_copy(expr: str, label: str, copy: str) -> str:
    """*expr* with a *copy* of a label: a link in Grafana says what a cell shows, so words need a column of their own."""
    return f'label_replace({expr}, "{copy}", "$1", "{label}", "(.*)")'


def sum_over_by(metric: str) -> str:
    """*metric* of a unit and entitlement, by own, set and pool together."""
    return f"sum by (unit, entitlement) ({deduplicated(metric, 'unit, entitlement, by')})"


COVERAGE = share_of_entitled(covered())
COVERAGE_UPPER_BOUND = share_of_entitled(f"({covered()} + {total_without_trial('fleetsync_unknown')})")
# Of several entitlements the goal is the one that their devices add up to.
TARGET_RATIO = (
    f"sum ({deduplicated('fleetsync_coverage_target_ratio')} * on (unit, entitlement) {deduplicated('fleetsync_entitled')} {EXCEPT_TRIAL_UNITS})"
    f" / ({total_without_trial('fleetsync_entitled')} > 0)"
)
COVERAGE_OF_EACH = f"{sum_over_by('fleetsync_covered')} / ({deduplicated('fleetsync_entitled')} > 0) {WITH_UNIT_NAME}"
# From the rules: what is short where the alarm limit is passed, and since when.
BELOW_LIMIT = f"unit_entitlement:fleetsync_short:below_limit{{{SELECTED_CELLS}}}"
LAST_NOT_BELOW = f"unit_entitlement:fleetsync_not_below_limit_timestamp_seconds:last{{{SELECTED_CELLS}}}"
SCHOOL_DAYS_BELOW = f"unit_entitlement:fleetsync_below_limit:school_days{{{SELECTED_CELLS}}}"
PART = "source, part"
DAY = 86400
CONTENT_AGE = f"time() - max by ({PART}) (fleetsync_source_data_timestamp_seconds)"
ALLOWED_AGE = f"clamp_min(max by ({PART}) (fleetsync_source_expected_interval_seconds), {DAY})"
OVERDUE = f"({CONTENT_AGE}) > on ({PART}) {ALLOWED_AGE}"


def target(expr: str, legend: str = "", *, ref: str = "A", table: bool = False, instant: bool = False) -> Json:
    """One query of a panel."""
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": expr,
        "format": "table" if table else "time_series",
        "instant": table or instant,
        "range": not (table or instant),
        "legendFormat": legend or "__auto",
        "refId": ref,
    }


# --- panels -----------------------------------------------------------------------------------------------------------


def threshold_steps(*pairs: tuple[float | None, str]) -> Json:
    """Colours from a value on; the first from None."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in pairs]}


AGAINST_GOAL = threshold_steps((None, RED), (0.95, YELLOW), (1, GREEN))
NONE_IS_GOOD = threshold_steps((None, GREEN), (1, RED))
FEW_ARE_GOOD = threshold_steps((None, GREEN), (1, YELLOW))
PLAIN = threshold_steps((None, BLUE))
TEXT = threshold_steps((None, "text"))


def page_link(title: str, path: str) -> Json:
    """A link to the page; it opens beside the dashboard."""
    return {"title": title, "url": f"{PAGE_URL}{path}", "targetBlank": True}


def field_defaults(unit: str, thresholds: Json, **more: Any) -> Json:
    """How values look."""
    return {"unit": unit, "thresholds": thresholds, "color": {"mode": "thresholds"}, "mappings": [], **more}


def field_override(name: str, **properties: Any) -> Json:
    """How the field *name* differs; `custom_width` is `custom.width`."""
    changed = [{"id": key.replace("custom_", "custom."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": changed}


def fixed_color(color: str) -> Json:
    """One colour, whatever the value."""
    return {"mode": "fixed", "fixedColor": color}


class QueryColumn(NamedTuple):
    """A column of a table: its query, how it looks, where a cell leads. *cell*: what the colour is of."""

    title: Text
    expr: str
    unit: str = "none"
    path: str = ""
    thresholds: Json | None = None
    words: tuple[tuple[str, Text, str], ...] = ()
    cell_type: str = "color-text"
    decimals: int | None = None
    width: int | None = None


class LabelColumn(NamedTuple):
    """A label that is a column: its heading, its words where it has some. Without a heading it is only for links."""

    name: str
    title: Text | None = None
    words: Words = MappingProxyType({})
    width: int | None = None


class DashboardBuilder:
    """Gathers the panels of one dashboard in one language; ids are counted, so that links to a panel stay."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.panels: list[Json] = []

    def translate(self, text: Text) -> str:
        """The text in this sheet's language."""
        return text.in_language(self.language)

    def days_unit(self) -> str:
        """The unit of whole days; Grafana's own would be English in both."""
        return self.translate(Text("suffix: dygn", "suffix: d"))

    def row(self, title: Text, y: int) -> None:
        """A heading across the dashboard."""
        self._add("row", title, GridPosition(0, y, 24, 1), collapsed=False, panels=[])

    def panel(
        self, kind: str, title: Text, about: Text, place: GridPosition, targets: Sequence[Json], **more: Any
    ) -> None:
        """A panel with its queries."""
        asked = [{**one, "refId": chr(ord("A") + number)} for number, one in enumerate(targets)]
        self._add(kind, title, place, description=self.translate(about), datasource=DATASOURCE, targets=asked, **more)

    def _add(self, kind: str, title: Text, place: GridPosition, **more: Any) -> None:
        self.panels.append(
            {
                "id": len(self.panels) + 1,
                "type": kind,
                "title": self.translate(title),
                "gridPos": place._asdict(),
                **more,
            }
        )

    def stat(self, title: Text, about: Text, place: GridPosition, expr: str, how: Json, path: str) -> None:
        """One number, linked to its rows."""
        self.panel(
            "stat",
            title,
            about,
            place,
            [target(expr, instant=True)],
            fieldConfig={"defaults": {**how, "links": [page_link(self.translate(SHOW_ROWS), path)]}, "overrides": []},
            options={
                "colorMode": "value",
                "graphMode": "none",
                "justifyMode": "center",
                "orientation": "auto",
                "textMode": "value",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            },
        )

    def bars(
        self, title: Text, about: Text, place: GridPosition, targets: Sequence[Json], how: Json, path: str, words: Words
    ) -> None:
        """One bar per series, in the order of the queries; *words*: what the page calls them."""
        self.panel(
            "bargauge",
            title,
            about,
            place,
            [{**one, "instant": True, "range": False} for one in targets],
            fieldConfig={
                "defaults": {**how, "links": [page_link(self.translate(SHOW_ROWS), path)]},
                "overrides": self._display_names(words),
            },
            options={
                "displayMode": "basic",
                "orientation": "horizontal",
                "showUnfilled": True,
                "valueMode": "color",
                "namePlacement": "left",
                "sizing": "manual",
                "minVizHeight": 12,
                "maxVizHeight": 30,
                "minVizWidth": 8,
                "text": {"titleSize": 12, "valueSize": 14},
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            },
        )

    def _display_names(self, words: Words) -> list[Json]:
        return [field_override(name, displayName=self.translate(word)) for name, word in words.items()]

    def trend(
        self,
        title: Text,
        about: Text,
        place: GridPosition,
        targets: Sequence[Json],
        how: Json,
        overrides: Sequence[Json] = (),
        words: Words | None = None,
    ) -> None:
        """Lines over the range."""
        self.panel(
            "timeseries",
            title,
            about,
            place,
            targets,
            fieldConfig={"defaults": how, "overrides": [*overrides, *self._display_names(words or {})]},
            options={
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "none"},
            },
        )

    def table(
        self,
        title: Text,
        about: Text,
        place: GridPosition,
        labels: Sequence[LabelColumn],
        columns: Sequence[QueryColumn],
        sort: Text,
        nothing: Text | None = None,
    ) -> None:
        """One row per label set; the queries' labels meet, their values stand beside each other. The largest *sort* first."""
        values = {f"Value #{chr(ord('A') + number)}": column for number, column in enumerate(columns)}
        names = {label.name: self.translate(label.title) for label in labels if label.title is not None}
        names |= {name: self.translate(column.title) for name, column in values.items()}
        order = [label.name for label in labels] + list(values)
        self.panel(
            "table",
            title,
            about,
            place,
            [target(column.expr, table=True) for column in columns],
            fieldConfig={
                "defaults": {
                    **field_defaults("none", TEXT, links=[]),
                    **({"noValue": self.translate(nothing)} if nothing is not None else {}),
                    "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False},
                },
                "overrides": [
                    *(self._label_override(label) for label in labels),
                    *(self._cell_override(self.translate(column.title), column) for column in columns),
                ],
            },
            options={
                "showHeader": True,
                "cellHeight": "sm",
                "sortBy": [{"displayName": self.translate(sort), "desc": True}],
            },
            transformations=[
                {"id": "merge", "options": {}},
                {
                    "id": "organize",
                    "options": {
                        "excludeByName": {"Time": True},
                        "indexByName": {name: number for number, name in enumerate(order)},
                        "renameByName": names,
                    },
                },
            ],
        )

    def _label_override(self, label: LabelColumn) -> Json:
        if label.title is None:
            return field_override(label.name, custom_hidden=True)
        return field_override(
            self.translate(label.title),
            custom_align="left",
            **({"custom_width": label.width} if label.width else {}),
            **(
                {"mappings": [self._value_mapping((key, word, "text") for key, word in label.words.items())]}
                if label.words
                else {}
            ),
        )

    def _value_mapping(self, words: Iterable[tuple[str, Text, str]]) -> Json:
        options = {
            value: {"text": self.translate(word), "color": color, "index": number}
            for number, (value, word, color) in enumerate(words)
        }
        return {"type": "value", "options": options}

    def _cell_override(self, name: str, column: QueryColumn) -> Json:
        properties: Json = {"unit": column.unit, "custom_align": "right"}
        if column.width is not None:
            properties["custom_width"] = column.width
        if column.decimals is not None:
            properties["decimals"] = column.decimals
        if column.thresholds is not None or column.words:
            properties |= {
                "thresholds": column.thresholds or TEXT,
                "custom_cellOptions": {
                    "type": column.cell_type,
                    **({"mode": "basic"} if column.cell_type == "gauge" else {}),
                },
            }
        if column.words:
            properties["mappings"] = [self._value_mapping(column.words)]
        if column.path:
            properties["links"] = [page_link(self.translate(SHOW_ROWS), column.path)]
        return field_override(name, **properties)


SHOW_ROWS = Text("Visa raderna bakom talet", "Show the rows behind the number")
LINES: Json = {
    "drawStyle": "line",
    "lineInterpolation": "stepAfter",
    "lineWidth": 2,
    "fillOpacity": 0,
    "showPoints": "never",
    "spanNulls": True,
    "stacking": {"mode": "none", "group": "A"},
}
STACKED: Json = {**LINES, "lineWidth": 1, "fillOpacity": 30, "stacking": {"mode": "normal", "group": "A"}}
UNIT, NAME = LabelColumn("unit"), LabelColumn("name", Text("Enhet", "Unit"))
ENTITLEMENT, LINE = LabelColumn("entitlement"), LabelColumn("line", Text("Rättighet", "Entitlement"), ENTITLEMENTS)
CELL_PARAMETERS = "?unit=${__data.fields.unit}&entitlement=${__data.fields.entitlement}"


# --- what is shown, from the whole to the part ------------------------------------------------------------------------


def add_headline(sheet: DashboardBuilder) -> None:
    """Where we are, how sure that is, and how old."""
    sheet.stat(
        Text("Täckning", "Coverage"),
        Text(
            "I drift / ska ha. I drift: kontakt inom gränsen (15 skoldagar) och hanterbart. Enheter på prov räknas inte in.",
            "Covered / entitled. Working: in contact within the limit (15 school days) and manageable. Units in trial are left out.",
        ),
        GridPosition(0, 0, 4, 4), COVERAGE, field_defaults("percentunit", AGAINST_GOAL, decimals=1), "/coverage",
    )  # fmt: skip
    sheet.stat(
        Text("Som högst", "At most"),
        Text(
            "Täckningen om alla som inte kan avgöras hade ett verktyg i drift: det sanna talet ligger mellan de två.",
            "Coverage if all that cannot be decided had a working device: the truth lies between the two.",
        ),
        GridPosition(4, 0, 3, 4), COVERAGE_UPPER_BOUND, field_defaults("percentunit", TEXT, decimals=1), "/numbers/fleetsync_unknown",
    )  # fmt: skip
    sheet.stat(
        Text("Under larmgränsen", "Below the alarm limit"),
        Text(
            "Hur många par av enhet och rättighet som är under sin larmgräns och saknar minst fem verktyg.",
            "How many pairs of unit and entitlement are below their alarm limit and short by at least five devices.",
        ),
        GridPosition(7, 0, 4, 4), f"count({BELOW_LIMIT}) or vector(0)", field_defaults("none", NONE_IS_GOOD), "/gaps?kind=below_target",
    )  # fmt: skip
    sheet.stat(
        Text("Saknar", "Short"),
        Text("Verktyg som saknas: ska ha − i drift − vet inte.", "Devices short: entitled − covered − unknown."),
        GridPosition(11, 0, 4, 4), total_without_trial("fleetsync_short"), field_defaults("none", FEW_ARE_GOOD), "/numbers/fleetsync_short",
    )  # fmt: skip
    sheet.stat(
        Text("Vet inte", "Unknown"),
        Text("Verktyg som inte kan avgöras.", "Devices owed of which it cannot be decided whether they are there."),
        GridPosition(15, 0, 2, 4), total_without_trial("fleetsync_unknown"), field_defaults("none", FEW_ARE_GOOD), "/numbers/fleetsync_unknown",
    )  # fmt: skip
    sheet.stat(
        Text("Äldsta uppgiften", "Oldest data"),
        Text("Den äldsta delen av alla källor: så gamla är talen som mest.", "The oldest part of all sources: as old are the numbers at most."),
        GridPosition(17, 0, 3, 4), f"max({CONTENT_AGE}) / {DAY}", field_defaults(sheet.days_unit(), TEXT, decimals=0), "/sources",
    )  # fmt: skip
    sheet.stat(
        Text("För gamla", "Overdue"),
        Text("Delar av källor vars innehåll är äldre än väntat.", "Parts of sources whose content is older than expected."),
        GridPosition(20, 0, 2, 4), f"count({OVERDUE}) or vector(0)", field_defaults("none", NONE_IS_GOOD), "/sources",
    )  # fmt: skip
    sheet.stat(
        Text("Väntar", "Held"),
        Text("Hämtningar som ser orimliga ut och som någon måste godta eller förkasta.", "Pulls that look implausible and that somebody must accept or reject."),
        GridPosition(22, 0, 2, 4), f"sum({deduplicated('fleetsync_source_held', PART, '')}) or vector(0)",
        field_defaults("none", NONE_IS_GOOD), "/sources",
    )  # fmt: skip


def add_below_limit(sheet: DashboardBuilder) -> None:
    """Where the plan is not met, and since when."""
    since = Text("Sedan", "Since")
    sheet.table(
        Text("Under larmgränsen: var, och sedan när", "Below the alarm limit: where, and since when"),
        Text(
            "Enheter som inte är på prov. Sedan: den sista stunden då det inte var så, eller då det började mätas.",
            "Units that are not in trial. Since: the last moment when it was not so, or when measuring began.",
        ),
        GridPosition(0, 4, 12, 6),
        [UNIT, ENTITLEMENT, NAME, LINE],
        [
            QueryColumn(
                Text("Täckning", "Coverage"), with_label_copy(f"{COVERAGE_OF_EACH} and on (unit, entitlement) {BELOW_LIMIT}", "entitlement", "line"),
                "percentunit", "/units/${__data.fields.unit}", AGAINST_GOAL, decimals=1, width=90,
            ),
            QueryColumn(
                Text("Saknar", "Short"), BELOW_LIMIT, path=f"/numbers/fleetsync_short{CELL_PARAMETERS}",
                thresholds=threshold_steps((None, RED)), width=80,
            ),
            QueryColumn(Text("Skoldagar", "School days"), SCHOOL_DAYS_BELOW, width=110),
            QueryColumn(since, f"{LAST_NOT_BELOW} * 1000 and on (unit, entitlement) {BELOW_LIMIT}", "time:YYYY-MM-DD", width=110),
        ],
        Text("Saknar", "Short"),
        Text("Ingen är under larmgränsen", "None is below the alarm limit"),
    )  # fmt: skip
    sheet.bars(
        Text("Täckning per enhet, lägst först", "Coverage by unit, lowest first"),
        Text("Också enheter på prov. Klicka för enhetens sida.", "Units in trial too. Click for the unit's page."),
        GridPosition(0, 10, 12, 10),
        [
            target(
                f"sort(sum by (unit) ({deduplicated('fleetsync_covered', 'unit, entitlement, by')})"
                f" / (sum by (unit) ({deduplicated('fleetsync_entitled')}) > 0) {WITH_UNIT_NAME})",
                "{{name}}",
            )
        ],
        field_defaults("percentunit", AGAINST_GOAL, decimals=1, min=0, max=1),
        "/units/${__field.labels.unit}",
        {},
    )


def add_over_time(sheet: DashboardBuilder) -> None:
    """Coverage of the whole over the range with its band and goal, and of each entitlement."""
    names = [
        sheet.translate(one)
        for one in (Text("täckning", "coverage"), Text("som högst", "at most"), Text("mål", "goal"))
    ]
    sheet.trend(
        Text("Täckning över tid, med band och mål", "Coverage over time, with band and goal"),
        Text(
            "Det fyllda är det som inte kan avgöras. Talen är summor delade med summor, aldrig medelvärden.",
            "What is filled cannot be decided. Sums are divided by sums, nothing is averaged.",
        ),
        GridPosition(12, 4, 12, 8),
        [target(COVERAGE, names[0]), target(COVERAGE_UPPER_BOUND, names[1]), target(TARGET_RATIO, names[2])],
        field_defaults("percentunit", PLAIN, decimals=1, custom={**LINES, "axisSoftMin": 0.9, "axisSoftMax": 1}),
        [
            field_override(names[0], color=fixed_color(BLUE)),
            field_override(
                names[1],
                color=fixed_color(GREY),
                custom_fillBelowTo=names[0],
                custom_fillOpacity=25,
                custom_lineWidth=0,
            ),
            field_override(
                names[2],
                color=fixed_color(GREEN),
                custom_lineStyle={"fill": "dash", "dash": [10, 10]},
                custom_lineWidth=1,
            ),
        ],
    )
    sheet.trend(
        Text("Per rättighet", "By entitlement"),
        Text("Täckning för var och en av planens rättigheter.", "Coverage of each entitlement of the plan."),
        GridPosition(12, 12, 12, 8),
        [target(share_of_entitled(covered("entitlement"), "entitlement"), "{{entitlement}}")],
        {
            **field_defaults("percentunit", PLAIN, decimals=1, custom={**LINES, "axisSoftMin": 0.9, "axisSoftMax": 1}),
            "color": {"mode": "palette-classic"},
        },
        words=ENTITLEMENTS,
    )


def add_units(sheet: DashboardBuilder) -> None:
    """Each unit and entitlement with all that adds up."""

    def counted(metric: str) -> str:
        return f"/numbers/{metric}{CELL_PARAMETERS}"

    sheet.row(Text("Enhet för enhet", "Unit by unit"), 20)
    sheet.table(
        Text("Ska ha = i drift + saknar + vet inte", "Entitled = covered + short + unknown"),
        Text("Varje tal leder till sina rader på sidan.", "Each number leads to its rows on the page."),
        GridPosition(0, 21, 24, 12),
        [UNIT, ENTITLEMENT, NAME._replace(width=210), LINE._replace(width=275)],
        [
            QueryColumn(
                Text("Täckning", "Coverage"), with_label_copy(COVERAGE_OF_EACH, "entitlement", "line"), "percentunit",
                "/units/${__data.fields.unit}", AGAINST_GOAL, decimals=1,
            ),
            QueryColumn(Text("Ska ha", "Entitled"), deduplicated("fleetsync_entitled"), path=counted("fleetsync_entitled")),
            QueryColumn(Text("Har", "Assigned"), sum_over_by("fleetsync_assigned"), path=counted("fleetsync_assigned")),
            QueryColumn(Text("I drift", "Covered"), sum_over_by("fleetsync_covered"), path=counted("fleetsync_covered")),
            QueryColumn(
                Text("Saknar", "Short"), deduplicated("fleetsync_short"), path=counted("fleetsync_short"),
                thresholds=threshold_steps((None, GREY), (1, YELLOW), (10, RED)),
            ),
            QueryColumn(
                Text("Vet inte", "Unknown"), deduplicated("fleetsync_unknown"), path=counted("fleetsync_unknown"),
                thresholds=threshold_steps((None, GREY), (1, YELLOW)),
            ),
            QueryColumn(Text("Över", "Surplus"), deduplicated("fleetsync_surplus"), path=counted("fleetsync_surplus")),
            QueryColumn(
                Text("Personer per verktyg", "Heads per device"),
                f"{deduplicated('fleetsync_heads')} / ({deduplicated('fleetsync_working_devices')} > 0)", "none",
                counted("fleetsync_working_devices"), decimals=2, width=160,
            ),
            QueryColumn(
                Text("På prov", "In trial"),
                f"{deduplicated('fleetsync_entitled')} * 0 + on (unit) group_left () {deduplicated('fleetsync_unit_published', 'unit', '')}",
                words=(("0", Text("på prov", "in trial"), YELLOW), ("1", Text("", ""), "text")), width=90,
            ),
        ],
        Text("Saknar", "Short"),
    )  # fmt: skip


# A line each; of units, sets and pools there are so few that they are one.
GAP_LINES: Sequence[tuple[Text, tuple[Subject, ...], str]] = (
    (Text("om personer", "about people"), (Subject.PERSON,), BLUE),
    (Text("om verktyg", "about devices"), (Subject.DEVICE,), YELLOW),
    (Text("om enheter och uppsättningar", "about units and sets"), (Subject.UNIT, Subject.SET, Subject.POOL), RED),
)


def add_gaps(sheet: DashboardBuilder) -> None:
    """What is wrong, by kind."""
    sheet.row(Text("Avvikelser", "Gaps"), 33)

    def open_about(subjects: tuple[Subject, ...]) -> str:
        kinds = "|".join(kind.id for kind in GAPS if kind.subject in subjects)
        return total_without_trial("fleetsync_gaps", "unit, kind", f'{SELECTED_UNITS},state="open",kind=~"{kinds}"')

    sheet.trend(
        Text("Öppna avvikelser över tid", "Open gaps over time"),
        Text("Parkerade räknas inte här. Enheter på prov räknas inte in.", "Parked ones are not in this. Units in trial are left out."),
        GridPosition(0, 34, 12, 11),
        [target(open_about(subjects), sheet.translate(name)) for name, subjects, _ in GAP_LINES],
        field_defaults("none", PLAIN, min=0, custom=STACKED),
        [field_override(sheet.translate(name), color=fixed_color(color)) for name, _, color in GAP_LINES],
    )  # fmt: skip

    def in_state(state: str) -> str:
        here = deduplicated("fleetsync_gaps", "unit, kind", f'{SELECTED_UNITS},state="{state}"')
        of_any_state = deduplicated("fleetsync_gaps", "unit, kind, state", SELECTED_UNITS)
        return f"sum by (kind) ({here}) and on (kind) sum by (kind) ({of_any_state}) > 0"

    since = deduplicated(
        "fleetsync_gap_oldest_opened_timestamp_seconds", "unit, kind", f'{SELECTED_UNITS},state="open"'
    )
    sheet.table(
        Text("Att göra, efter slag", "What to do, by kind"),
        Text(
            "Klicka för listan. Äldst: sedan den äldsta öppnades; vad som fanns redan från början har ingen ålder.",
            "Click for the list. Oldest: since the oldest was opened; what was there from the start has no age.",
        ),
        GridPosition(12, 34, 12, 11),
        [LabelColumn("kind"), LabelColumn("what", Text("Slag", "Kind"), GAP_KIND_TITLES)],
        [
            QueryColumn(
                Text("Öppna", "Open"), with_label_copy(in_state("open"), "kind", "what"),
                path="/gaps?kind=${__data.fields.kind}&state=open", width=90,
            ),
            QueryColumn(
                Text("Parkerade", "Parked"), in_state("parked"), path="/gaps?kind=${__data.fields.kind}&state=parked",
                thresholds=threshold_steps((None, GREY), (1, "text")), width=100,
            ),
            QueryColumn(
                Text("Äldst", "Oldest"), f"(time() - min by (kind) ({since})) / {DAY}", sheet.days_unit(), decimals=0,
                width=100,
            ),
        ],
        Text("Öppna", "Open"),
    )  # fmt: skip


def add_devices(sheet: DashboardBuilder) -> None:
    """The municipality's devices, whoever has them."""
    sheet.row(Text("Verktyg", "Devices"), 45)
    stages = deduplicated("fleetsync_devices", "unit, platform, stage", SELECTED_UNITS)
    sheet.bars(
        Text("Efter skede", "By stage"),
        Text("Vart och ett i ett skede; telefoner och utrangerade med.", "Each in one stage; phones and retired ones too."),
        GridPosition(0, 46, 8, 9),
        [target(f"sort_desc(sum by (stage) ({stages}) > 0)", "{{stage}}")],
        field_defaults("none", PLAIN, min=0), "/numbers/fleetsync_devices?stage=${__field.labels.stage}",
        {stage: word for stage, word in STAGES_PLURAL.items() if stage},
    )  # fmt: skip

    def of_age(age: str) -> Json:
        here = deduplicated("fleetsync_devices_by_contact_age", "unit, platform, age", f'{SELECTED_UNITS},age="{age}"')
        return target(f"sum by (age) ({here})", "{{age}}")

    sheet.bars(
        Text("Senaste kontakt", "Last contact"),
        Text("Över 15 skoldagar är verktyget inte i drift; lov räknas inte.", "After 15 school days a device is not working; holidays do not count."),
        GridPosition(8, 46, 8, 9),
        [of_age(age) for age in CONTACT_AGES],
        field_defaults("none", PLAIN, min=0), "/numbers/fleetsync_devices_by_contact_age?age=${__field.labels.age}",
        CONTACT_AGES,
    )  # fmt: skip
    in_use = deduplicated("fleetsync_devices", "unit, platform, stage", f'{SELECTED_UNITS},stage=~"in_use|shared|loan"')
    secure = deduplicated("fleetsync_secure_devices", "unit, platform", SELECTED_UNITS)
    sheet.bars(
        Text("Säkra, av dem i bruk", "Secure, of those in use"),
        Text(
            "Stöd, kryptering och regler uppfyllda. Vad en källa inte rapporterar gör inget verktyg säkert.",
            "Supported, encrypted and compliant. What a source does not report makes no device secure.",
        ),
        GridPosition(16, 46, 8, 9),
        [target(f"sort(sum by (platform) ({secure}) / (sum by (platform) ({in_use}) > 0))", "{{platform}}")],
        field_defaults(
            "percentunit", threshold_steps((None, RED), (0.8, YELLOW), (0.95, GREEN)), decimals=0, min=0, max=1
        ),
        "/numbers/fleetsync_secure_devices?platform=${__field.labels.platform}",
        PLATFORMS,
    )


def add_sources(sheet: DashboardBuilder) -> None:
    """What the numbers rest on."""
    sheet.row(Text("Källor", "Sources"), 55)

    def of_part(metric: str) -> str:
        return deduplicated(f"fleetsync_source_{metric}", PART, "")

    of_allowed = Text("Av tillåten ålder", "Of allowed age")
    sheet.table(
        Text("Vad talen vilar på", "What the numbers rest on"),
        Text("En källa som tystnat gör talen gamla, aldrig lägre.", "A source that is silent makes numbers old, never lower."),
        GridPosition(0, 56, 24, 10),
        [LabelColumn("source", Text("Källa", "Source")), LabelColumn("part", Text("Del", "Part"))],
        [
            QueryColumn(
                Text("Senaste försöket", "Last attempt"), of_part("up"), path="/sources",
                words=(("0", Text("misslyckades", "failed"), RED), ("1", Text("gick bra", "worked"), GREEN)),
            ),
            QueryColumn(
                Text("Beslut", "Decision"), of_part("held"), path="/sources",
                words=(("0", Text("–", "–"), GREY), ("1", Text("väntar", "held"), RED)),
            ),
            QueryColumn(Text("Innehållets ålder", "Age of content"), f"({CONTENT_AGE}) / {DAY}", sheet.days_unit(), decimals=1),
            QueryColumn(Text("Gammalt efter", "Old after"), f"{ALLOWED_AGE} / {DAY}", sheet.days_unit(), decimals=0),
            QueryColumn(
                of_allowed, f"({CONTENT_AGE}) / on ({PART}) {ALLOWED_AGE}", "percentunit",
                thresholds=threshold_steps((None, "text"), (1, RED)), decimals=0,
            ),
            QueryColumn(Text("Poster", "Records"), of_part("records")),
            QueryColumn(
                Text("Oläsliga", "Rejected"), of_part("rejected_records"),
                thresholds=threshold_steps((None, GREY), (1, YELLOW)),
            ),
            QueryColumn(
                Text("Okända ord", "Unknown words"), of_part("drift"), thresholds=threshold_steps((None, GREY), (1, YELLOW)),
            ),
        ],
        of_allowed,
    )  # fmt: skip


# --- the dashboard around it ------------------------------------------------------------------------------------------


def label_variable(name: str, label: str) -> Json:
    """A variable with the values of a label, all of them at first."""
    query = f"label_values(fleetsync_entitled, {name})"
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery", "qryType": 1},
        "refresh": 2,  # on a change of the range: units come and go
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
        "options": [],
        "regex": "",
        "hide": 0,
        "skipUrlSync": False,
    }


def template_variables(sheet: DashboardBuilder, base_url: str) -> list[Json]:
    """What the reader may choose, and the page's address."""
    return [
        {
            "name": "datasource", "label": "Data Source", "type": "datasource", "query": "prometheus", "regex": "",
            "current": {}, "options": [], "refresh": 1, "multi": False, "includeAll": False, "hide": 0,
            "skipUrlSync": False,
        },
        {
            "name": "base_url", "label": sheet.translate(Text("Sidans adress", "Address of the page")), "type": "constant",
            "query": base_url, "current": {"text": base_url, "value": base_url}, "options": [], "hide": 2,
            "skipUrlSync": True,
        },
        label_variable("unit", sheet.translate(Text("Enhet", "Unit"))),
        label_variable("entitlement", sheet.translate(Text("Rättighet", "Entitlement"))),
    ]  # fmt: skip


def page_links(sheet: DashboardBuilder) -> list[Json]:
    """The page's lists, at the top."""
    places = ((Text("Täckning", "Coverage"), "/coverage"), (Text("Avvikelser", "Gaps"), "/gaps"), (Text("Källor", "Sources"), "/sources"))  # fmt: skip
    return [
        {
            "title": sheet.translate(title), "type": "link", "icon": "external link", "tooltip": "", "tags": [],
            "url": f"{PAGE_URL}{path}", "targetBlank": True, "asDropdown": False, "includeVars": False, "keepTime": False,
        }
        for title, path in places
    ]  # fmt: skip


def reload_annotation(sheet: DashboardBuilder) -> Json:
    """Marks where a new configuration came into force: a step may be ours."""
    return {
        "name": sheet.translate(Text("Ny konfiguration", "New configuration")),
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": BLUE,
        "expr": "changes(fleetsync_config_last_reload_success_timestamp_seconds[5m]) > 0",
        "titleFormat": sheet.translate(Text("Ny konfiguration", "New configuration")),
        "step": "5m",
    }


def dashboard(language: str, base_url: str) -> Json:
    """The whole dashboard in *language*; *base_url* is the page's, without a slash at its end."""
    sheet = DashboardBuilder(language)
    for part in (add_headline, add_below_limit, add_over_time, add_units, add_gaps, add_devices, add_sources):
        part(sheet)
    return {
        "id": None,
        "uid": "fleetsync-coverage" if language == "sv" else f"fleetsync-coverage-{language}",
        "title": sheet.translate(Text("fleetsync: täckning", "fleetsync: coverage")),
        "description": sheet.translate(
            Text(
                "Vilka elever, barn och anställda som har ett verktyg i drift, och varför inte.",
                "Which pupils, children and employees have a working device, and why not.",
            )
        ),
        "tags": ["fleetsync"],
        "editable": False,
        "graphTooltip": 1,
        "refresh": "5m",
        "time": {"from": "now-30d", "to": "now"},
        "timezone": "browser",
        "weekStart": "monday",
        "schemaVersion": 39,
        "version": 1,
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "links": page_links(sheet),
        "annotations": {"list": [reload_annotation(sheet)]},
        "templating": {"list": template_variables(sheet, base_url)},
        "panels": sheet.panels,
    }


BASE_URL = "http://127.0.0.1:8470"  # the daemon's default; `--base-url` writes yours
DASHBOARD_FILES = {"coverage.json": "sv", "coverage-en.json": "en"}


def dashboard_json(language: str, base_url: str = BASE_URL) -> str:
    """The file's text."""
    return json.dumps(dashboard(language, base_url), ensure_ascii=False, indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write or compare; 1 when a file differs from what would be written."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--base-url", default=BASE_URL, help="address of fleetsync's page")
    parser.add_argument("--to", type=Path, default=HERE, help="folder to write into")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is not up to date")
    chosen_ = parser.parse_args(arguments)
    texts = {
        chosen_.to / name: dashboard_json(language, chosen_.base_url.rstrip("/"))
        for name, language in DASHBOARD_FILES.items()
    }
    if chosen_.check:
        return int(any(not path.is_file() or path.read_text(encoding="utf-8") != text for path, text in texts.items()))
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
