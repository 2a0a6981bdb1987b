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
from fleetsync.expose.web.words import AGES, KINDS, PLATFORMS, STAGES_OF_MANY

HERE = Path(__file__).parent
Json = dict[str, Any]
Words = Mapping[str, Text]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
PICKED = 'unit=~"$unit",entitlement=~"$entitlement"'
PICKED_UNIT = 'unit=~"$unit"'
# Units in trial stand in the table and in no total; `unplaced` is in no trial, and who has no unit counts.
NO_TRIAL = "unless on (unit) (max by (unit) (fleetsync_unit_published) == 0)"
# One name each, also while two instances have two configurations.
NAMED = "* on (unit) group_left (name) topk by (unit) (1, max by (unit, name) (fleetsync_unit_info))"
PAGE = "${base_url}"
GREEN, YELLOW, RED, BLUE, GREY = "green", "orange", "red", "blue", "#8e8e8e"
ENTITLEMENTS: Words = {rule.id: rule.title for rule in RULES}


class Place(NamedTuple):
    """Where a panel stands, in 24 columns."""

    x: int
    y: int
    w: int
    h: int


# --- queries ----------------------------------------------------------------------------------------------------------


def told(metric: str, labels: str = "unit, entitlement", where: str = PICKED) -> str:
    """*metric* as one truth of all instances."""
    return f"max by ({labels}) ({metric}{{{where}}})" if where else f"max by ({labels}) ({metric})"


def total(metric: str, labels: str = "unit, entitlement", where: str = PICKED, by: str = "") -> str:
    """The sum of *metric* without units in trial, *by* some labels or over all."""
    return f"sum{f' by ({by})' if by else ''} ({told(metric, labels, where)} {NO_TRIAL})"


def covered(by: str = "") -> str:
    """Working devices that are owed, by own, set and pool together."""
    return total("fleetsync_covered", "unit, entitlement, by", by=by)


def share(above: str, by: str = "") -> str:
    """*above* over what is owed; nothing where nothing is owed."""
    return f"{above} / ({total('fleetsync_entitled', by=by)} > 0)"


def copied(expr: str, label: str, copy: str) -> str:
    """*expr* with a *copy* of a label: a link in Grafana says what a cell shows, so words need a column of their own."""
    return f'label_replace({expr}, "{copy}", "$1", "{label}", "(.*)")'


def summed(metric: str) -> str:
    """*metric* of a unit and entitlement, by own, set and pool together."""
    return f"sum by (unit, entitlement) ({told(metric, 'unit, entitlement, by')})"


COVERAGE = share(covered())
BAND = share(f"({covered()} + {total('fleetsync_unknown')})")
# Of several entitlements the goal is the one that their devices add up to.
TARGET = (
    f"sum ({told('fleetsync_coverage_target_ratio')} * on (unit, entitlement) {told('fleetsync_entitled')} {NO_TRIAL})"
    f" / ({total('fleetsync_entitled')} > 0)"
)
COVERAGE_OF_EACH = f"{summed('fleetsync_covered')} / ({told('fleetsync_entitled')} > 0) {NAMED}"
# From the rules: what is short where the alarm limit is passed, and since when.
BELOW_LIMIT = f"unit_entitlement:fleetsync_short:below_limit{{{PICKED}}}"
NOT_BELOW = f"unit_entitlement:fleetsync_not_below_limit_timestamp_seconds:last{{{PICKED}}}"
SCHOOL_DAYS_BELOW = f"unit_entitlement:fleetsync_below_limit:school_days{{{PICKED}}}"
PART = "source, part"
DAY = 86400
AGE = f"time() - max by ({PART}) (fleetsync_source_data_timestamp_seconds)"
ALLOWED = f"clamp_min(max by ({PART}) (fleetsync_source_expected_interval_seconds), {DAY})"
OLD = f"({AGE}) > on ({PART}) {ALLOWED}"


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


def steps(*pairs: tuple[float | None, str]) -> Json:
    """Colours from a value on; the first from None."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in pairs]}


AGAINST_GOAL = steps((None, RED), (0.95, YELLOW), (1, GREEN))
NONE_IS_GOOD = steps((None, GREEN), (1, RED))
FEW_ARE_GOOD = steps((None, GREEN), (1, YELLOW))
PLAIN = steps((None, BLUE))
TEXT = steps((None, "text"))


def link(title: str, path: str) -> Json:
    """A link to the page; it opens beside the dashboard."""
    return {"title": title, "url": f"{PAGE}{path}", "targetBlank": True}


def field(unit: str, thresholds: Json, **more: Any) -> Json:
    """How values look."""
    return {"unit": unit, "thresholds": thresholds, "color": {"mode": "thresholds"}, "mappings": [], **more}


def looks(name: str, **properties: Any) -> Json:
    """How the field *name* differs; `custom_width` is `custom.width`."""
    changed = [{"id": key.replace("custom_", "custom."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": changed}


def fixed(color: str) -> Json:
    """One colour, whatever the value."""
    return {"mode": "fixed", "fixedColor": color}


class Column(NamedTuple):
    """A column of a table: its query, how it looks, where a cell leads. *cell*: what the colour is of."""

    title: Text
    expr: str
    unit: str = "none"
    path: str = ""
    thresholds: Json | None = None
    words: tuple[tuple[str, Text, str], ...] = ()
    cell: str = "color-text"
    decimals: int | None = None
    width: int | None = None


class Label(NamedTuple):
    """A label that is a column: its heading, its words where it has some. Without a heading it is only for links."""

    name: str
    title: Text | None = None
    words: Words = MappingProxyType({})
    width: int | None = None


class Sheet:
    """Gathers the panels of one dashboard in one language; ids are counted, so that links to a panel stay."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.panels: list[Json] = []

    def say(self, text: Text) -> str:
        """The text in this sheet's language."""
        return text.said(self.language)

    def days(self) -> str:
        """The unit of whole days; Grafana's own would be English in both."""
        return self.say(Text("suffix: dygn", "suffix: d"))

    def row(self, title: Text, y: int) -> None:
        """A heading across the dashboard."""
        self._add("row", title, Place(0, y, 24, 1), collapsed=False, panels=[])

    def panel(self, kind: str, title: Text, about: Text, place: Place, targets: Sequence[Json], **more: Any) -> None:
        """A panel with its queries."""
        asked = [{**one, "refId": chr(ord("A") + number)} for number, one in enumerate(targets)]
        self._add(kind, title, place, description=self.say(about), datasource=DATASOURCE, targets=asked, **more)

    def _add(self, kind: str, title: Text, place: Place, **more: Any) -> None:
        self.panels.append(
            {
                "id": len(self.panels) + 1,
                "type": kind,
                "title": self.say(title),
                "gridPos": place._asdict(),
                **more,
            }
        )

    def stat(self, title: Text, about: Text, place: Place, expr: str, how: Json, path: str) -> None:
        """One number, linked to its rows."""
        self.panel(
            "stat",
            title,
            about,
            place,
            [target(expr, instant=True)],
            fieldConfig={"defaults": {**how, "links": [link(self.say(SHOW_ROWS), path)]}, "overrides": []},
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
        self, title: Text, about: Text, place: Place, targets: Sequence[Json], how: Json, path: str, words: Words
    ) -> None:
        """One bar per series, in the order of the queries; *words*: what the page calls them."""
        self.panel(
            "bargauge",
            title,
            about,
            place,
            [{**one, "instant": True, "range": False} for one in targets],
            fieldConfig={
                "defaults": {**how, "links": [link(self.say(SHOW_ROWS), path)]},
                "overrides": self._called(words),
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

    def _called(self, words: Words) -> list[Json]:
        return [looks(name, displayName=self.say(word)) for name, word in words.items()]

    def trend(
        self,
        title: Text,
        about: Text,
        place: Place,
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
            fieldConfig={"defaults": how, "overrides": [*overrides, *self._called(words or {})]},
            options={
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "none"},
            },
        )

    def table(
        self,
        title: Text,
        about: Text,
        place: Place,
        labels: Sequence[Label],
        columns: Sequence[Column],
        sort: Text,
        nothing: Text | None = None,
    ) -> None:
        """One row per label set; the queries' labels meet, their values stand beside each other. The largest *sort* first."""
        values = {f"Value #{chr(ord('A') + number)}": column for number, column in enumerate(columns)}
        names = {label.name: self.say(label.title) for label in labels if label.title is not None}
        names |= {name: self.say(column.title) for name, column in values.items()}
        order = [label.name for label in labels] + list(values)
        self.panel(
            "table",
            title,
            about,
            place,
            [target(column.expr, table=True) for column in columns],
            fieldConfig={
                "defaults": {
                    **field("none", TEXT, links=[]),
                    **({"noValue": self.say(nothing)} if nothing is not None else {}),
                    "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False},
                },
                "overrides": [
                    *(self._label(label) for label in labels),
                    *(self._cell(self.say(column.title), column) for column in columns),
                ],
            },
            options={
                "showHeader": True,
                "cellHeight": "sm",
                "sortBy": [{"displayName": self.say(sort), "desc": True}],
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

    def _label(self, label: Label) -> Json:
        if label.title is None:
            return looks(label.name, custom_hidden=True)
        return looks(
            self.say(label.title),
            custom_align="left",
            **({"custom_width": label.width} if label.width else {}),
            **(
                {"mappings": [self._mapping((key, word, "text") for key, word in label.words.items())]}
                if label.words
                else {}
            ),
        )

    def _mapping(self, words: Iterable[tuple[str, Text, str]]) -> Json:
        options = {
            value: {"text": self.say(word), "color": color, "index": number}
            for number, (value, word, color) in enumerate(words)
        }
        return {"type": "value", "options": options}

    def _cell(self, name: str, column: Column) -> Json:
        properties: Json = {"unit": column.unit, "custom_align": "right"}
        if column.width is not None:
            properties["custom_width"] = column.width
        if column.decimals is not None:
            properties["decimals"] = column.decimals
        if column.thresholds is not None or column.words:
            properties |= {
                "thresholds": column.thresholds or TEXT,
                "custom_cellOptions": {"type": column.cell, **({"mode": "basic"} if column.cell == "gauge" else {})},
            }
        if column.words:
            properties["mappings"] = [self._mapping(column.words)]
        if column.path:
            properties["links"] = [link(self.say(SHOW_ROWS), column.path)]
        return looks(name, **properties)


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
UNIT, NAME = Label("unit"), Label("name", Text("Enhet", "Unit"))
ENTITLEMENT, LINE = Label("entitlement"), Label("line", Text("Rättighet", "Entitlement"), ENTITLEMENTS)
CELL = "?unit=${__data.fields.unit}&entitlement=${__data.fields.entitlement}"


# --- what is shown, from the whole to the part ------------------------------------------------------------------------


def headline(sheet: Sheet) -> None:
    """Where we are, how sure that is, and how old."""
    sheet.stat(
        Text("Täckning", "Coverage"),
        Text(
            "I drift / ska ha. I drift: kontakt inom gränsen (15 skoldagar) och hanterbart. Enheter på prov räknas inte in.",
            "Covered / entitled. Working: in contact within the limit (15 school days) and manageable. Units in trial are left out.",
        ),
        Place(0, 0, 4, 4), COVERAGE, field("percentunit", AGAINST_GOAL, decimals=1), "/coverage",
    )  # fmt: skip
    sheet.stat(
        Text("Som högst", "At most"),
        Text(
            "Täckningen om alla som inte kan avgöras hade ett verktyg i drift: det sanna talet ligger mellan de två.",
            "Coverage if all that cannot be decided had a working device: the truth lies between the two.",
        ),
        Place(4, 0, 3, 4), BAND, field("percentunit", TEXT, decimals=1), "/numbers/fleetsync_unknown",
    )  # fmt: skip
    sheet.stat(
        Text("Under larmgränsen", "Below the alarm limit"),
        Text(
            "Hur många par av enhet och rättighet som är under sin larmgräns och saknar minst fem verktyg.",
            "How many pairs of unit and entitlement are below their alarm limit and short by at least five devices.",
        ),
        Place(7, 0, 4, 4), f"count({BELOW_LIMIT}) or vector(0)", field("none", NONE_IS_GOOD), "/gaps?kind=below_target",
    )  # fmt: skip
    sheet.stat(
        Text("Saknar", "Short"),
        Text("Verktyg som saknas: ska ha − i drift − vet inte.", "Devices short: entitled − covered − unknown."),
        Place(11, 0, 4, 4), total("fleetsync_short"), field("none", FEW_ARE_GOOD), "/numbers/fleetsync_short",
    )  # fmt: skip
    sheet.stat(
        Text("Vet inte", "Unknown"),
        Text("Verktyg som inte kan avgöras.", "Devices owed of which it cannot be decided whether they are there."),
        Place(15, 0, 2, 4), total("fleetsync_unknown"), field("none", FEW_ARE_GOOD), "/numbers/fleetsync_unknown",
    )  # fmt: skip
    sheet.stat(
        Text("Äldsta uppgiften", "Oldest data"),
        Text("Den äldsta delen av alla källor: så gamla är talen som mest.", "The oldest part of all sources: as old are the numbers at most."),
        Place(17, 0, 3, 4), f"max({AGE}) / {DAY}", field(sheet.days(), TEXT, decimals=0), "/sources",
    )  # fmt: skip
    sheet.stat(
        Text("För gamla", "Overdue"),
        Text("Delar av källor vars innehåll är äldre än väntat.", "Parts of sources whose content is older than expected."),
        Place(20, 0, 2, 4), f"count({OLD}) or vector(0)", field("none", NONE_IS_GOOD), "/sources",
    )  # fmt: skip
    sheet.stat(
        Text("Väntar", "Held"),
        Text("Hämtningar som ser orimliga ut och som någon måste godta eller förkasta.", "Pulls that look implausible and that somebody must accept or reject."),
        Place(22, 0, 2, 4), f"sum({told('fleetsync_source_held', PART, '')}) or vector(0)",
        field("none", NONE_IS_GOOD), "/sources",
    )  # fmt: skip


def below(sheet: Sheet) -> None:
    """Where the plan is not met, and since when."""
    since = Text("Sedan", "Since")
    sheet.table(
        Text("Under larmgränsen: var, och sedan när", "Below the alarm limit: where, and since when"),
        Text(
            "Enheter som inte är på prov. Sedan: den sista stunden då det inte var så, eller då det började mätas.",
            "Units that are not in trial. Since: the last moment when it was not so, or when measuring began.",
        ),
        Place(0, 4, 12, 6),
        [UNIT, ENTITLEMENT, NAME, LINE],
        [
            Column(
                Text("Täckning", "Coverage"), copied(f"{COVERAGE_OF_EACH} and on (unit, entitlement) {BELOW_LIMIT}", "entitlement", "line"),
                "percentunit", "/units/${__data.fields.unit}", AGAINST_GOAL, decimals=1, width=90,
            ),
            Column(
                Text("Saknar", "Short"), BELOW_LIMIT, path=f"/numbers/fleetsync_short{CELL}",
                thresholds=steps((None, RED)), width=80,
            ),
            Column(Text("Skoldagar", "School days"), SCHOOL_DAYS_BELOW, width=110),
            Column(since, f"{NOT_BELOW} * 1000 and on (unit, entitlement) {BELOW_LIMIT}", "time:YYYY-MM-DD", width=110),
        ],
        Text("Saknar", "Short"),
        Text("Ingen är under larmgränsen", "None is below the alarm limit"),
    )  # fmt: skip
    sheet.bars(
        Text("Täckning per enhet, lägst först", "Coverage by unit, lowest first"),
        Text("Också enheter på prov. Klicka för enhetens sida.", "Units in trial too. Click for the unit's page."),
        Place(0, 10, 12, 10),
        [
            target(
                f"sort(sum by (unit) ({told('fleetsync_covered', 'unit, entitlement, by')})"
                f" / (sum by (unit) ({told('fleetsync_entitled')}) > 0) {NAMED})",
                "{{name}}",
            )
        ],
        field("percentunit", AGAINST_GOAL, decimals=1, min=0, max=1),
        "/units/${__field.labels.unit}",
        {},
    )


def over_time(sheet: Sheet) -> None:
    """Coverage of the whole over the range with its band and goal, and of each entitlement."""
    names = [
        sheet.say(one) for one in (Text("täckning", "coverage"), Text("som högst", "at most"), Text("mål", "goal"))
    ]
    sheet.trend(
        Text("Täckning över tid, med band och mål", "Coverage over time, with band and goal"),
        Text(
            "Det fyllda är det som inte kan avgöras. Talen är summor delade med summor, aldrig medelvärden.",
            "What is filled cannot be decided. Sums are divided by sums, nothing is averaged.",
        ),
        Place(12, 4, 12, 8),
        [target(COVERAGE, names[0]), target(BAND, names[1]), target(TARGET, names[2])],
        field("percentunit", PLAIN, decimals=1, custom={**LINES, "axisSoftMin": 0.9, "axisSoftMax": 1}),
        [
            looks(names[0], color=fixed(BLUE)),
            looks(names[1], color=fixed(GREY), custom_fillBelowTo=names[0], custom_fillOpacity=25, custom_lineWidth=0),
            looks(
                names[2], color=fixed(GREEN), custom_lineStyle={"fill": "dash", "dash": [10, 10]}, custom_lineWidth=1
            ),
        ],
    )
    sheet.trend(
        Text("Per rättighet", "By entitlement"),
        Text("Täckning för var och en av planens rättigheter.", "Coverage of each entitlement of the plan."),
        Place(12, 12, 12, 8),
        [target(share(covered("entitlement"), "entitlement"), "{{entitlement}}")],
        {
            **field("percentunit", PLAIN, decimals=1, custom={**LINES, "axisSoftMin": 0.9, "axisSoftMax": 1}),
            "color": {"mode": "palette-classic"},
        },
        words=ENTITLEMENTS,
    )


def units(sheet: Sheet) -> None:
    """Each unit and entitlement with all that adds up."""

    def counted(metric: str) -> str:
        return f"/numbers/{metric}{CELL}"

    sheet.row(Text("Enhet för enhet", "Unit by unit"), 20)
    sheet.table(
        Text("Ska ha = i drift + saknar + vet inte", "Entitled = covered + short + unknown"),
        Text("Varje tal leder till sina rader på sidan.", "Each number leads to its rows on the page."),
        Place(0, 21, 24, 12),
        [UNIT, ENTITLEMENT, NAME._replace(width=210), LINE._replace(width=275)],
        [
            Column(
                Text("Täckning", "Coverage"), copied(COVERAGE_OF_EACH, "entitlement", "line"), "percentunit",
                "/units/${__data.fields.unit}", AGAINST_GOAL, decimals=1,
            ),
            Column(Text("Ska ha", "Entitled"), told("fleetsync_entitled"), path=counted("fleetsync_entitled")),
            Column(Text("Har", "Assigned"), summed("fleetsync_assigned"), path=counted("fleetsync_assigned")),
            Column(Text("I drift", "Covered"), summed("fleetsync_covered"), path=counted("fleetsync_covered")),
            Column(
                Text("Saknar", "Short"), told("fleetsync_short"), path=counted("fleetsync_short"),
                thresholds=steps((None, GREY), (1, YELLOW), (10, RED)),
            ),
            Column(
                Text("Vet inte", "Unknown"), told("fleetsync_unknown"), path=counted("fleetsync_unknown"),
                thresholds=steps((None, GREY), (1, YELLOW)),
            ),
            Column(Text("Över", "Surplus"), told("fleetsync_surplus"), path=counted("fleetsync_surplus")),
            Column(
                Text("Personer per verktyg", "Heads per device"),
                f"{told('fleetsync_heads')} / ({told('fleetsync_working_devices')} > 0)", "none",
                counted("fleetsync_working_devices"), decimals=2, width=160,
            ),
            Column(
                Text("På prov", "In trial"),
                f"{told('fleetsync_entitled')} * 0 + on (unit) group_left () {told('fleetsync_unit_published', 'unit', '')}",
                words=(("0", Text("på prov", "in trial"), YELLOW), ("1", Text("", ""), "text")), width=90,
            ),
        ],
        Text("Saknar", "Short"),
    )  # fmt: skip


# A line each; of units, sets and pools there are so few that they are one.
ABOUT: Sequence[tuple[Text, tuple[Subject, ...], str]] = (
    (Text("om personer", "about people"), (Subject.PERSON,), BLUE),
    (Text("om verktyg", "about devices"), (Subject.DEVICE,), YELLOW),
    (Text("om enheter och uppsättningar", "about units and sets"), (Subject.UNIT, Subject.SET, Subject.POOL), RED),
)


def gaps(sheet: Sheet) -> None:
    """What is wrong, by kind."""
    sheet.row(Text("Avvikelser", "Gaps"), 33)

    def open_about(subjects: tuple[Subject, ...]) -> str:
        kinds = "|".join(kind.id for kind in GAPS if kind.subject in subjects)
        return total("fleetsync_gaps", "unit, kind", f'{PICKED_UNIT},state="open",kind=~"{kinds}"')

    sheet.trend(
        Text("Öppna avvikelser över tid", "Open gaps over time"),
        Text("Parkerade räknas inte här. Enheter på prov räknas inte in.", "Parked ones are not in this. Units in trial are left out."),
        Place(0, 34, 12, 11),
        [target(open_about(subjects), sheet.say(name)) for name, subjects, _ in ABOUT],
        field("none", PLAIN, min=0, custom=STACKED),
        [looks(sheet.say(name), color=fixed(color)) for name, _, color in ABOUT],
    )  # fmt: skip

    def in_state(state: str) -> str:
        here = told("fleetsync_gaps", "unit, kind", f'{PICKED_UNIT},state="{state}"')
        of_any_state = told("fleetsync_gaps", "unit, kind, state", PICKED_UNIT)
        return f"sum by (kind) ({here}) and on (kind) sum by (kind) ({of_any_state}) > 0"

    since = told("fleetsync_gap_oldest_opened_timestamp_seconds", "unit, kind", f'{PICKED_UNIT},state="open"')
    sheet.table(
        Text("Att göra, efter slag", "What to do, by kind"),
        Text(
            "Klicka för listan. Äldst: sedan den äldsta öppnades; vad som fanns redan från början har ingen ålder.",
            "Click for the list. Oldest: since the oldest was opened; what was there from the start has no age.",
        ),
        Place(12, 34, 12, 11),
        [Label("kind"), Label("what", Text("Slag", "Kind"), KINDS)],
        [
            Column(
                Text("Öppna", "Open"), copied(in_state("open"), "kind", "what"),
                path="/gaps?kind=${__data.fields.kind}&state=open", width=90,
            ),
            Column(
                Text("Parkerade", "Parked"), in_state("parked"), path="/gaps?kind=${__data.fields.kind}&state=parked",
                thresholds=steps((None, GREY), (1, "text")), width=100,
            ),
            Column(
                Text("Äldst", "Oldest"), f"(time() - min by (kind) ({since})) / {DAY}", sheet.days(), decimals=0,
                width=100,
            ),
        ],
        Text("Öppna", "Open"),
    )  # fmt: skip


def devices(sheet: Sheet) -> None:
    """The municipality's devices, whoever has them."""
    sheet.row(Text("Verktyg", "Devices"), 45)
    stages = told("fleetsync_devices", "unit, platform, stage", PICKED_UNIT)
    sheet.bars(
        Text("Efter skede", "By stage"),
        Text("Vart och ett i ett skede; telefoner och utrangerade med.", "Each in one stage; phones and retired ones too."),
        Place(0, 46, 8, 9),
        [target(f"sort_desc(sum by (stage) ({stages}) > 0)", "{{stage}}")],
        field("none", PLAIN, min=0), "/numbers/fleetsync_devices?stage=${__field.labels.stage}",
        {stage: word for stage, word in STAGES_OF_MANY.items() if stage},
    )  # fmt: skip

    def of_age(age: str) -> Json:
        here = told("fleetsync_devices_by_contact_age", "unit, platform, age", f'{PICKED_UNIT},age="{age}"')
        return target(f"sum by (age) ({here})", "{{age}}")

    sheet.bars(
        Text("Senaste kontakt", "Last contact"),
        Text("Över 15 skoldagar är verktyget inte i drift; lov räknas inte.", "After 15 school days a device is not working; holidays do not count."),
        Place(8, 46, 8, 9),
        [of_age(age) for age in AGES],
        field("none", PLAIN, min=0), "/numbers/fleetsync_devices_by_contact_age?age=${__field.labels.age}",
        AGES,
    )  # fmt: skip
    in_use = told("fleetsync_devices", "unit, platform, stage", f'{PICKED_UNIT},stage=~"in_use|shared|loan"')
    secure = told("fleetsync_secure_devices", "unit, platform", PICKED_UNIT)
    sheet.bars(
        Text("Säkra, av dem i bruk", "Secure, of those in use"),
        Text(
            "Stöd, kryptering och regler uppfyllda. Vad en källa inte rapporterar gör inget verktyg säkert.",
            "Supported, encrypted and compliant. What a source does not report makes no device secure.",
        ),
        Place(16, 46, 8, 9),
        [target(f"sort(sum by (platform) ({secure}) / (sum by (platform) ({in_use}) > 0))", "{{platform}}")],
        field("percentunit", steps((None, RED), (0.8, YELLOW), (0.95, GREEN)), decimals=0, min=0, max=1),
        "/numbers/fleetsync_secure_devices?platform=${__field.labels.platform}",
        PLATFORMS,
    )


def sources(sheet: Sheet) -> None:
    """What the numbers rest on."""
    sheet.row(Text("Källor", "Sources"), 55)

    def of_part(metric: str) -> str:
        return told(f"fleetsync_source_{metric}", PART, "")

    of_allowed = Text("Av tillåten ålder", "Of allowed age")
    sheet.table(
        Text("Vad talen vilar på", "What the numbers rest on"),
        Text("En källa som tystnat gör talen gamla, aldrig lägre.", "A source that is silent makes numbers old, never lower."),
        Place(0, 56, 24, 10),
        [Label("source", Text("Källa", "Source")), Label("part", Text("Del", "Part"))],
        [
            Column(
                Text("Senaste försöket", "Last attempt"), of_part("up"), path="/sources",
                words=(("0", Text("misslyckades", "failed"), RED), ("1", Text("gick bra", "worked"), GREEN)),
            ),
            Column(
                Text("Beslut", "Decision"), of_part("held"), path="/sources",
                words=(("0", Text("–", "–"), GREY), ("1", Text("väntar", "held"), RED)),
            ),
            Column(Text("Innehållets ålder", "Age of content"), f"({AGE}) / {DAY}", sheet.days(), decimals=1),
            Column(Text("Gammalt efter", "Old after"), f"{ALLOWED} / {DAY}", sheet.days(), decimals=0),
            Column(
                of_allowed, f"({AGE}) / on ({PART}) {ALLOWED}", "percentunit",
                thresholds=steps((None, "text"), (1, RED)), decimals=0,
            ),
            Column(Text("Poster", "Records"), of_part("records")),
            Column(
                Text("Oläsliga", "Rejected"), of_part("rejected_records"),
                thresholds=steps((None, GREY), (1, YELLOW)),
            ),
            Column(
                Text("Okända ord", "Unknown words"), of_part("drift"), thresholds=steps((None, GREY), (1, YELLOW)),
            ),
        ],
        of_allowed,
    )  # fmt: skip


# --- the dashboard around it ------------------------------------------------------------------------------------------


def chosen(name: str, label: str) -> Json:
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


def variables(sheet: Sheet, base_url: str) -> list[Json]:
    """What the reader may choose, and the page's address."""
    return [
        {
            "name": "datasource", "label": "Data Source", "type": "datasource", "query": "prometheus", "regex": "",
            "current": {}, "options": [], "refresh": 1, "multi": False, "includeAll": False, "hide": 0,
            "skipUrlSync": False,
        },
        {
            "name": "base_url", "label": sheet.say(Text("Sidans adress", "Address of the page")), "type": "constant",
            "query": base_url, "current": {"text": base_url, "value": base_url}, "options": [], "hide": 2,
            "skipUrlSync": True,
        },
        chosen("unit", sheet.say(Text("Enhet", "Unit"))),
        chosen("entitlement", sheet.say(Text("Rättighet", "Entitlement"))),
    ]  # fmt: skip


def page_links(sheet: Sheet) -> list[Json]:
    """The page's lists, at the top."""
    places = ((Text("Täckning", "Coverage"), "/coverage"), (Text("Avvikelser", "Gaps"), "/gaps"), (Text("Källor", "Sources"), "/sources"))  # fmt: skip
    return [
        {
            "title": sheet.say(title), "type": "link", "icon": "external link", "tooltip": "", "tags": [],
            "url": f"{PAGE}{path}", "targetBlank": True, "asDropdown": False, "includeVars": False, "keepTime": False,
        }
        for title, path in places
    ]  # fmt: skip


def reloads(sheet: Sheet) -> Json:
    """Marks where a new configuration came into force: a step may be ours."""
    return {
        "name": sheet.say(Text("Ny konfiguration", "New configuration")),
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": BLUE,
        "expr": "changes(fleetsync_config_last_reload_success_timestamp_seconds[5m]) > 0",
        "titleFormat": sheet.say(Text("Ny konfiguration", "New configuration")),
        "step": "5m",
    }


def dashboard(language: str, base_url: str) -> Json:
    """The whole dashboard in *language*; *base_url* is the page's, without a slash at its end."""
    sheet = Sheet(language)
    for part in (headline, below, over_time, units, gaps, devices, sources):
        part(sheet)
    return {
        "id": None,
        "uid": "fleetsync-coverage" if language == "sv" else f"fleetsync-coverage-{language}",
        "title": sheet.say(Text("fleetsync: täckning", "fleetsync: coverage")),
        "description": sheet.say(
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
        "annotations": {"list": [reloads(sheet)]},
        "templating": {"list": variables(sheet, base_url)},
        "panels": sheet.panels,
    }


BASE_URL = "http://127.0.0.1:8470"  # the daemon's default; `--base-url` writes yours
FILES = {"coverage.json": "sv", "coverage-en.json": "en"}


def written(language: str, base_url: str = BASE_URL) -> str:
    """The file's text."""
    return json.dumps(dashboard(language, base_url), ensure_ascii=False, indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write or compare; 1 when a file differs from what would be written."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--base-url", default=BASE_URL, help="address of fleetsync's page")
    parser.add_argument("--to", type=Path, default=HERE, help="folder to write into")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is not up to date")
    chosen_ = parser.parse_args(arguments)
    texts = {chosen_.to / name: written(language, chosen_.base_url.rstrip("/")) for name, language in FILES.items()}
    if chosen_.check:
        return int(any(not path.is_file() or path.read_text(encoding="utf-8") != text for path, text in texts.items()))
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
