"""Write the Grafana dashboards beside this file: `python dashboards/generate.py`, or `--check` to compare only.

One dashboard in two languages, as classic JSON that Grafana 10 and newer provision from a folder. Refused here: a number
that the page does not have. Each query begins with `max by (…)`, because two instances tell the same number twice, and
divides sums, because ratios have no mean.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
Json = dict[str, Any]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
PICKED = 'unit=~"$unit",entitlement=~"$entitlement"'
# Units in trial stand in the table and in no total; `unplaced` is in no trial, and who has no unit counts.
NO_TRIAL = "unless on (unit) (max by (unit) (fleetsync_unit_published) == 0)"
PAGE = "${base_url}"
GREEN, YELLOW, RED, BLUE, GREY = "green", "orange", "red", "blue", "#8e8e8e"


class Text(NamedTuple):
    """A text in both languages."""

    sv: str
    en: str


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


COVERAGE = share(covered())
BAND = share(f"({covered()} + {total('fleetsync_unknown')})")
# Of several entitlements the goal is the one that their devices add up to.
TARGET = (
    f"sum ({told('fleetsync_coverage_target_ratio')} * on (unit, entitlement) {told('fleetsync_entitled')} {NO_TRIAL})"
    f" / ({total('fleetsync_entitled')} > 0)"
)
PART = "source, part"
AGE = f"time() - max by ({PART}) (fleetsync_source_data_timestamp_seconds)"
OLD = f"({AGE}) > on ({PART}) clamp_min(max by ({PART}) (fleetsync_source_expected_interval_seconds), 86400)"


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
PLAIN = steps((None, BLUE))


def link(title: str, path: str) -> Json:
    """A link to the page; it opens beside the dashboard."""
    return {"title": title, "url": f"{PAGE}{path}", "targetBlank": True}


def field(unit: str, thresholds: Json, **more: Any) -> Json:
    """How values look."""
    return {"unit": unit, "thresholds": thresholds, "color": {"mode": "thresholds"}, "mappings": [], **more}


class Sheet:
    """Gathers the panels of one dashboard in one language; ids are counted, so that links to a panel stay."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.panels: list[Json] = []

    def say(self, text: Text) -> str:
        """The text in this sheet's language."""
        return text.sv if self.language == "sv" else text.en

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

    def stat(self, title: Text, about: Text, place: Place, expr: str, looks: Json, path: str) -> None:
        """One number, linked to its rows."""
        self.panel(
            "stat",
            title,
            about,
            place,
            [target(expr, instant=True)],
            fieldConfig={"defaults": {**looks, "links": [link(self.say(SHOW_ROWS), path)]}, "overrides": []},
            options={
                "colorMode": "background",
                "graphMode": "none",
                "justifyMode": "auto",
                "orientation": "auto",
                "textMode": "value",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            },
        )

    def bars(self, title: Text, about: Text, place: Place, expr: str, legend: str, looks: Json, path: str) -> None:
        """One bar per label, the longest last."""
        self.panel(
            "bargauge",
            title,
            about,
            place,
            [target(expr, legend, instant=True)],
            fieldConfig={"defaults": {**looks, "links": [link(self.say(SHOW_ROWS), path)]}, "overrides": []},
            options={
                "displayMode": "basic",
                "orientation": "horizontal",
                "showUnfilled": True,
                "valueMode": "color",
                "minVizHeight": 12,
                "minVizWidth": 8,
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            },
        )

    def trend(
        self,
        title: Text,
        about: Text,
        place: Place,
        targets: Sequence[Json],
        looks: Json,
        overrides: Sequence[Json] = (),
    ) -> None:
        """Lines over the range."""
        self.panel(
            "timeseries",
            title,
            about,
            place,
            targets,
            fieldConfig={"defaults": looks, "overrides": list(overrides)},
            options={
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "none"},
            },
        )

    def table(self, title: Text, about: Text, place: Place, columns: Sequence["Column"], sort: str) -> None:
        """One row per label set; the queries' labels meet, their values stand beside each other."""
        names = {f"Value #{chr(ord('A') + number)}": self.say(column.title) for number, column in enumerate(columns)}
        self.panel(
            "table",
            title,
            about,
            place,
            [target(column.expr, table=True) for column in columns],
            fieldConfig={
                "defaults": {
                    **field("none", steps((None, "text")), links=[]),
                    "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True},
                },
                "overrides": [self._cell(self.say(column.title), column) for column in columns],
            },
            options={
                "showHeader": True,
                "cellHeight": "sm",
                "sortBy": [{"displayName": sort, "desc": False}],
            },
            transformations=[
                {"id": "merge", "options": {}},
                {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": names}},
            ],
        )

    def _cell(self, name: str, column: "Column") -> Json:
        looks: list[Json] = [{"id": "unit", "value": column.unit}]
        if column.thresholds is not None:
            looks += [
                {"id": "thresholds", "value": column.thresholds},
                {"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}},
            ]
        if column.words:
            looks.append({"id": "mappings", "value": [{"type": "value", "options": self._words(column)}]})
        if column.path:
            looks.append({"id": "links", "value": [link(self.say(SHOW_ROWS), column.path)]})
        return {"matcher": {"id": "byName", "options": name}, "properties": looks}

    def _words(self, column: "Column") -> Json:
        return {
            value: {"text": self.say(word), "color": color, "index": number}
            for number, (value, word, color) in enumerate(column.words)
        }


class Column(NamedTuple):
    """A column of a table: its query, how it looks, where a cell leads."""

    title: Text
    expr: str
    unit: str = "none"
    path: str = ""
    thresholds: Json | None = None
    words: tuple[tuple[str, Text, str], ...] = ()


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
STACKED: Json = {**LINES, "lineWidth": 1, "fillOpacity": 55, "stacking": {"mode": "normal", "group": "A"}}


# --- what is shown, from the whole to the part ------------------------------------------------------------------------


def headline(sheet: Sheet) -> None:
    """Where we are, how sure that is, and how old."""
    sheet.stat(
        Text("Täckning", "Coverage"),
        Text(
            "I drift / ska ha. I drift: kontakt inom gränsen (15 skoldagar) och hanterbar. Enheter på prov räknas inte in.",
            "Covered / entitled. Working: in contact within the limit (15 school days) and manageable. Units in trial are left out.",
        ),
        Place(0, 0, 4, 5), COVERAGE, field("percentunit", AGAINST_GOAL, decimals=1, min=0, max=1), "/coverage",
    )  # fmt: skip
    sheet.stat(
        Text("Som högst", "At most"),
        Text(
            "Täckningen om alla som inte kan avgöras hade ett verktyg i drift: det sanna talet ligger mellan de två.",
            "Coverage if all that cannot be decided had a working device: the truth lies between the two.",
        ),
        Place(4, 0, 4, 5), BAND, field("percentunit", PLAIN, decimals=1, min=0, max=1), "/numbers/fleetsync_unknown",
    )  # fmt: skip
    sheet.stat(
        Text("Saknar", "Short"),
        Text("Verktyg som saknas: ska ha − i drift − vet inte.", "Devices short: entitled − covered − unknown."),
        Place(8, 0, 4, 5), total("fleetsync_short"), field("none", NONE_IS_GOOD), "/numbers/fleetsync_short",
    )  # fmt: skip
    sheet.stat(
        Text("Vet inte", "Unknown"),
        Text("Verktyg som inte kan avgöras.", "Devices owed of which it cannot be decided whether they are there."),
        Place(12, 0, 3, 5), total("fleetsync_unknown"), field("none", steps((None, GREEN), (1, YELLOW))),
        "/numbers/fleetsync_unknown",
    )  # fmt: skip
    sheet.stat(
        Text("Uppgifternas ålder", "Age of the data"),
        Text("Den äldsta delen av alla källor: så gamla är talen som mest.", "The oldest part of all sources: as old are the numbers at most."),
        Place(15, 0, 4, 5), f"max({AGE})", field("s", PLAIN, decimals=0), "/sources",
    )  # fmt: skip
    sheet.stat(
        Text("För gamla", "Overdue"),
        Text("Delar av källor vars innehåll är äldre än väntat.", "Parts of sources whose content is older than expected."),
        Place(19, 0, 2, 5), f"count({OLD}) or vector(0)", field("none", NONE_IS_GOOD), "/sources",
    )  # fmt: skip
    sheet.stat(
        Text("Väntar på beslut", "Held"),
        Text("Hämtningar som ser orimliga ut och som någon måste godta eller förkasta.", "Pulls that look implausible and that somebody must accept or reject."),
        Place(21, 0, 3, 5), f"sum({told('fleetsync_source_held', PART, '')}) or vector(0)",
        field("none", NONE_IS_GOOD), "/sources",
    )  # fmt: skip


def line(name: str, **custom: Any) -> Json:
    """How one line of a trend differs."""
    looks = [{"id": f"custom.{key}", "value": value} for key, value in custom.items() if key != "color"]
    if "color" in custom:
        looks.append({"id": "color", "value": {"mode": "fixed", "fixedColor": custom["color"]}})
    return {"matcher": {"id": "byName", "options": name}, "properties": looks}


def over_time(sheet: Sheet) -> None:
    """Coverage of each unit, and of the whole over the range with its band and goal."""
    sheet.bars(
        Text("Täckning per enhet, lägst först", "Coverage by unit, lowest first"),
        Text("Också enheter på prov. Klicka för enhetens sida.", "Units in trial too. Click for the unit's page."),
        Place(0, 5, 10, 11),
        f"sort(sum by (unit) ({told('fleetsync_covered', 'unit, entitlement, by')})"
        f" / (sum by (unit) ({told('fleetsync_entitled')}) > 0))",
        "{{unit}}",
        field("percentunit", AGAINST_GOAL, decimals=1, min=0, max=1),
        "/units/${__field.labels.unit}",
    )
    names = [
        sheet.say(one) for one in (Text("täckning", "coverage"), Text("som högst", "at most"), Text("mål", "goal"))
    ]
    sheet.trend(
        Text("Täckning över tid, med band och mål", "Coverage over time, with band and goal"),
        Text(
            "Det fyllda är det som inte kan avgöras. Talen är summor delade med summor, aldrig medelvärden.",
            "What is filled cannot be decided. Sums are divided by sums, nothing is averaged.",
        ),
        Place(10, 5, 14, 6),
        [target(COVERAGE, names[0]), target(BAND, names[1]), target(TARGET, names[2])],
        field("percentunit", PLAIN, decimals=1, max=1, custom=LINES),
        [
            line(names[0], color=BLUE),
            line(names[1], color=GREY, fillBelowTo=names[0], fillOpacity=18, lineWidth=0),
            line(names[2], color=GREEN, lineStyle={"fill": "dash", "dash": [10, 10]}, lineWidth=1),
        ],
    )
    sheet.trend(
        Text("Per rättighet", "By entitlement"),
        Text("Täckning för var och en av planens rättigheter.", "Coverage of each entitlement of the plan."),
        Place(10, 11, 14, 5),
        [target(share(covered("entitlement"), "entitlement"), "{{entitlement}}")],
        {**field("percentunit", PLAIN, decimals=1, max=1, custom=LINES), "color": {"mode": "palette-classic"}},
    )


def units(sheet: Sheet) -> None:
    """Each unit and entitlement with all that adds up."""
    cell = "?unit=${__data.fields.unit}&entitlement=${__data.fields.entitlement}"
    by = "unit, entitlement, by"

    def counted(metric: str) -> str:
        return f"/numbers/{metric}{cell}"

    sheet.row(Text("Enhet för enhet", "Unit by unit"), 16)
    sheet.table(
        Text("Ska ha = i drift + saknar + vet inte", "Entitled = covered + short + unknown"),
        Text("Varje tal leder till sina rader på sidan.", "Each number leads to its rows on the page."),
        Place(0, 17, 24, 11),
        [
            Column(
                Text("Täckning", "Coverage"),
                f"sum by (unit, entitlement) ({told('fleetsync_covered', by)}) / ({told('fleetsync_entitled')} > 0)",
                "percentunit", "/units/${__data.fields.unit}", AGAINST_GOAL,
            ),
            Column(Text("Ska ha", "Entitled"), told("fleetsync_entitled"), "none", counted("fleetsync_entitled")),
            Column(
                Text("Har", "Assigned"), f"sum by (unit, entitlement) ({told('fleetsync_assigned', by)})", "none",
                counted("fleetsync_assigned"),
            ),
            Column(
                Text("I drift", "Covered"), f"sum by (unit, entitlement) ({told('fleetsync_covered', by)})", "none",
                counted("fleetsync_covered"),
            ),
            Column(
                Text("Saknar", "Short"), told("fleetsync_short"), "none", counted("fleetsync_short"),
                steps((None, "transparent"), (5, YELLOW), (10, RED)),
            ),
            Column(Text("Vet inte", "Unknown"), told("fleetsync_unknown"), "none", counted("fleetsync_unknown")),
            Column(Text("Över", "Surplus"), told("fleetsync_surplus"), "none", counted("fleetsync_surplus")),
            Column(
                Text("Personer per verktyg", "Heads per device"),
                f"{told('fleetsync_heads')} / ({told('fleetsync_working_devices')} > 0)", "short",
                counted("fleetsync_working_devices"),
            ),
            Column(
                Text("På prov", "In trial"),
                f"{told('fleetsync_entitled')} * 0 + on (unit) group_left () {told('fleetsync_unit_published', 'unit', '')}",
                words=(("0", Text("på prov", "in trial"), YELLOW), ("1", Text("", ""), "transparent")),
            ),
        ],
        "unit",
    )  # fmt: skip


def gaps(sheet: Sheet) -> None:
    """What is wrong, by kind."""
    picked = 'unit=~"$unit"'
    sheet.row(Text("Avvikelser", "Gaps"), 28)
    sheet.trend(
        Text("Öppna avvikelser över tid", "Open gaps over time"),
        Text("Parkerade räknas inte här. Enheter på prov räknas inte in.", "Parked ones are not in this. Units in trial are left out."),
        Place(0, 29, 14, 9),
        [target(total("fleetsync_gaps", "unit, kind", f'{picked},state="open"', "kind"), "{{kind}}")],
        {**field("none", PLAIN, min=0, custom=STACKED), "color": {"mode": "palette-classic"}},
    )  # fmt: skip

    def in_state(state: str) -> str:
        counted = told("fleetsync_gaps", "unit, kind", f'{picked},state="{state}"')
        return f"sum by (kind) ({counted}) > 0"

    since = told("fleetsync_gap_oldest_opened_timestamp_seconds", "unit, kind", f'{picked},state="open"')
    sheet.table(
        Text("Att göra, efter slag", "What to do, by kind"),
        Text("Klicka för listan.", "Click for the list."),
        Place(14, 29, 10, 9),
        [
            Column(Text("Öppna", "Open"), in_state("open"), path="/gaps?kind=${__data.fields.kind}&state=open"),
            Column(Text("Parkerade", "Parked"), in_state("parked"), path="/gaps?kind=${__data.fields.kind}&state=parked"),
            Column(Text("Äldst", "Oldest"), f"time() - min by (kind) ({since})", "s"),
        ],
        "kind",
    )  # fmt: skip


def devices(sheet: Sheet) -> None:
    """The municipality's devices, whoever has them."""
    picked = 'unit=~"$unit"'
    sheet.row(Text("Verktyg", "Devices"), 38)
    for place, title, about, metric, label in (
        (
            Place(0, 39, 8, 9), Text("Efter skede", "By stage"),
            Text("Vart och ett i ett skede; telefoner och utrangerade med.", "Each in one stage; phones and retired ones too."),
            "fleetsync_devices", "stage",
        ),
        (
            Place(8, 39, 8, 9), Text("Skoldagar sedan kontakt", "School days since contact"),
            Text("Över 15 skoldagar är verktyget inte i drift; lov räknas inte.", "After 15 school days a device is not working; holidays do not count."),
            "fleetsync_devices_by_contact_age", "age",
        ),
    ):  # fmt: skip
        expr = f"sort(sum by ({label}) ({told(metric, f'unit, platform, {label}', picked)}) > 0)"
        path = f"/numbers/{metric}?{label}=${{__field.labels.{label}}}"
        sheet.bars(title, about, place, expr, f"{{{{{label}}}}}", field("none", PLAIN, min=0), path)
    in_use = f'{picked},stage=~"in_use|shared|loan"'
    sheet.bars(
        Text("Säkra, av dem i bruk", "Secure, of those in use"),
        Text(
            "Stöd, kryptering och regler uppfyllda. Vad en källa inte rapporterar gör inget verktyg säkert.",
            "Supported, encrypted and compliant. What a source does not report makes no device secure.",
        ),
        Place(16, 39, 8, 9),
        f"sort(sum by (platform) ({told('fleetsync_secure_devices', 'unit, platform', picked)})"
        f" / (sum by (platform) ({told('fleetsync_devices', 'unit, platform, stage', in_use)}) > 0))",
        "{{platform}}",
        field("percentunit", steps((None, RED), (0.8, YELLOW), (0.95, GREEN)), decimals=0, min=0, max=1),
        "/numbers/fleetsync_secure_devices?platform=${__field.labels.platform}",
    )


def sources(sheet: Sheet) -> None:
    """What the numbers rest on."""
    sheet.row(Text("Källor", "Sources"), 48)

    def of_part(metric: str) -> str:
        return told(f"fleetsync_source_{metric}", PART, "")

    sheet.table(
        Text("Vad talen vilar på", "What the numbers rest on"),
        Text("En källa som tystnat gör talen gamla, aldrig lägre.", "A source that is silent makes numbers old, never lower."),
        Place(0, 49, 24, 9),
        [
            Column(
                Text("Senaste försöket", "Last attempt"), of_part("up"), path="/sources",
                words=(("0", Text("misslyckades", "failed"), RED), ("1", Text("gick bra", "worked"), GREEN)),
                thresholds=steps((None, RED), (1, GREEN)),
            ),
            Column(
                Text("Beslut", "Decision"), of_part("held"), path="/sources",
                words=(("0", Text("–", "–"), "text"), ("1", Text("väntar", "held"), RED)),
            ),
            Column(Text("Innehållets ålder", "Age of content"), AGE, "s"),
            Column(Text("Väntas var", "Expected every"), of_part("expected_interval_seconds"), "s"),
            Column(Text("Poster", "Records"), of_part("records")),
            Column(
                Text("Oläsliga", "Rejected"), of_part("rejected_records"),
                thresholds=steps((None, "transparent"), (1, YELLOW)),
            ),
        ],
        "source",
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
    for part in (headline, over_time, units, gaps, devices, sources):
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
