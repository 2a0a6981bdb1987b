"""The kinds of panels, each a value that renders itself as Grafana's JSON in one language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from fleetsync.core.model import Text
from grafana_dashboards.grafana import (
    DATASOURCE,
    TEXT,
    GridPosition,
    Json,
    ValueFormat,
    Words,
    display_names,
    field_override,
    query_letter,
    query_target,
    rows_link,
    translated,
    value_format,
    value_mapping,
)

NO_WORDS: Words = MappingProxyType({})
_LAST_VALUE: Json = {"calcs": ["lastNotNull"], "fields": "", "values": False}


@dataclass(frozen=True)
class Panel:
    """What every kind of panel has."""

    kind: ClassVar[str]
    title: Text
    about: Text
    position: GridPosition

    def render(self, number: int, language: str) -> Json:
        """The panel's JSON. *number* is its id: counted, so that links to a panel stay valid."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title.in_language(language),
            "gridPos": self.position._asdict(),
            "description": self.about.in_language(language),
            "datasource": DATASOURCE,
            "targets": self.targets(language),
            "fieldConfig": self.field_config(language),
            "options": self.options(language),
        }

    def targets(self, language: str) -> list[Json]:
        """The panel's queries."""
        raise NotImplementedError

    def field_config(self, language: str) -> Json:
        """How values look."""
        raise NotImplementedError

    def options(self, language: str) -> Json:
        """How the panel looks."""
        raise NotImplementedError


@dataclass(frozen=True)
class Heading:
    """A heading across the dashboard."""

    title: Text
    y: int

    def render(self, number: int, language: str) -> Json:
        """The heading's JSON."""
        return {
            "id": number,
            "type": "row",
            "title": self.title.in_language(language),
            "gridPos": GridPosition(0, self.y, 24, 1)._asdict(),
            "collapsed": False,
            "panels": [],
        }


@dataclass(frozen=True)
class StatPanel(Panel):
    """One number, linked to its rows on the page at *path*."""

    kind = "stat"
    expr: str
    values: ValueFormat
    path: str

    def targets(self, language: str) -> list[Json]:
        """One instant query."""
        return [query_target(0, self.expr, instant=True)]

    def field_config(self, language: str) -> Json:
        """The value with its link."""
        return {
            "defaults": {**self.values.render(language), "links": [rows_link(self.path, language)]},
            "overrides": [],
        }

    def options(self, language: str) -> Json:
        """The number alone, without a graph behind it."""
        return {
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "center",
            "orientation": "auto",
            "textMode": "value",
            "reduceOptions": _LAST_VALUE,
        }


class Series(NamedTuple):
    """A query of a panel with its legend, and how its field differs; a `Text` in *look* is translated."""

    expr: str
    legend: Text | str
    look: Mapping[str, Any] = MappingProxyType({})

    def override(self, language: str) -> Json:
        """The field override for *look*."""
        look = {name: translated(value, language) for name, value in self.look.items()}
        return field_override(translated(self.legend, language), **look)


@dataclass(frozen=True)
class BarPanel(Panel):
    """One bar per series, in the order of the queries. *words*: what the page calls the label values."""

    kind = "bargauge"
    series: Sequence[Series]
    values: ValueFormat
    path: str
    words: Words = field(default_factory=dict)

    def targets(self, language: str) -> list[Json]:
        """Instant queries."""
        return [
            query_target(number, line.expr, translated(line.legend, language), instant=True)
            for number, line in enumerate(self.series)
        ]

    def field_config(self, language: str) -> Json:
        """The bars with their links and names."""
        return {
            "defaults": {**self.values.render(language), "links": [rows_link(self.path, language)]},
            "overrides": display_names(self.words, language),
        }

    def options(self, language: str) -> Json:
        """Thin horizontal bars with the names to the left."""
        return {
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
            "reduceOptions": _LAST_VALUE,
        }


@dataclass(frozen=True)
class TrendPanel(Panel):
    """Lines over the chosen time. *words*: what the page calls the label values."""

    kind = "timeseries"
    series: Sequence[Series]
    values: ValueFormat
    words: Words = field(default_factory=dict)

    def targets(self, language: str) -> list[Json]:
        """Range queries."""
        return [
            query_target(number, line.expr, translated(line.legend, language))
            for number, line in enumerate(self.series)
        ]

    def field_config(self, language: str) -> Json:
        """The lines, each with its look and name."""
        looks = [line.override(language) for line in self.series if line.look]
        return {
            "defaults": self.values.render(language),
            "overrides": [*looks, *display_names(self.words, language)],
        }

    def options(self, language: str) -> Json:
        """A legend below, and one tooltip for all lines."""
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "none"},
        }


class LabelColumn(NamedTuple):
    """A label shown as a column, with *words* for its values. Without a title it is hidden and only used by links."""

    name: str
    title: Text | None = None
    words: Words = NO_WORDS
    width: int | None = None

    def override(self, language: str) -> Json:
        """The column's field override."""
        if self.title is None:
            return field_override(self.name, custom_hidden=True)
        properties: Json = {"custom_align": "left"}
        if self.width:
            properties["custom_width"] = self.width
        if self.words:
            words = ((value, word, "text") for value, word in self.words.items())
            properties["mappings"] = [value_mapping(words, language)]
        return field_override(self.title.in_language(language), **properties)


class QueryColumn(NamedTuple):
    """A column of a table: its query, its look, and the *path* on the page that a cell links to.

    *words*: (value, text, colour) for values shown as text. *cell_type*: what the colour applies to.
    """

    title: Text
    expr: str
    unit: Text | str = "none"
    path: str = ""
    thresholds: Json | None = None
    words: tuple[tuple[str, Text, str], ...] = ()
    cell_type: str = "color-text"
    decimals: int | None = None
    width: int | None = None

    def override(self, language: str) -> Json:
        """The column's field override."""
        properties: Json = {"unit": translated(self.unit, language), "custom_align": "right"}
        if self.width is not None:
            properties["custom_width"] = self.width
        if self.decimals is not None:
            properties["decimals"] = self.decimals
        if self.thresholds is not None or self.words:
            gauge_mode = {"mode": "basic"} if self.cell_type == "gauge" else {}
            properties["thresholds"] = self.thresholds or TEXT
            properties["custom_cellOptions"] = {"type": self.cell_type, **gauge_mode}
        if self.words:
            properties["mappings"] = [value_mapping(self.words, language)]
        if self.path:
            properties["links"] = [rows_link(self.path, language)]
        return field_override(self.title.in_language(language), **properties)


@dataclass(frozen=True)
class TablePanel(Panel):
    """One row per label set: the results of all queries are merged by their labels. The largest *sort* comes first,
    or the smallest where it *is_ascending*.

    *if_empty*: shown instead of an empty table.
    """

    kind = "table"
    labels: Sequence[LabelColumn]
    columns: Sequence[QueryColumn]
    sort: Text
    if_empty: Text | None = None
    is_ascending: bool = False

    @property
    def _value_fields(self) -> tuple[str, ...]:
        """The fields that Grafana makes of the queries."""
        return tuple(f"Value #{query_letter(number)}" for number in range(len(self.columns)))

    def render(self, number: int, language: str) -> Json:
        """As any panel, with the merge of its queries."""
        return {**super().render(number, language), "transformations": self._transformations(language)}

    def targets(self, language: str) -> list[Json]:
        """One query per column."""
        return [query_target(number, column.expr, table=True) for number, column in enumerate(self.columns)]

    def field_config(self, language: str) -> Json:
        """Defaults for all columns, then each column's own."""
        empty: dict[str, Any] = {} if self.if_empty is None else {"noValue": self.if_empty.in_language(language)}
        return {
            "defaults": {
                **value_format("none", TEXT, links=[]).render(language),
                **empty,
                "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False},
            },
            "overrides": [
                *(label.override(language) for label in self.labels),
                *(column.override(language) for column in self.columns),
            ],
        }

    def options(self, language: str) -> Json:
        """A header, small cells, and the order of the rows."""
        return {
            "showHeader": True,
            "cellHeight": "sm",
            "sortBy": [{"displayName": self.sort.in_language(language), "desc": not self.is_ascending}],
        }

    def _transformations(self, language: str) -> list[Json]:
        titles = {label.name: label.title for label in self.labels if label.title is not None}
        titles |= {name: column.title for name, column in zip(self._value_fields, self.columns, strict=True)}
        order = [*(label.name for label in self.labels), *self._value_fields]
        organize = {
            "excludeByName": {"Time": True},
            "indexByName": {name: number for number, name in enumerate(order)},
            "renameByName": {name: title.in_language(language) for name, title in titles.items()},
        }
        return [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]
