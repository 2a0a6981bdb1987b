"""The pieces of Grafana's JSON that panels are made of: colours, value formats, overrides, links and queries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fleetsync.core.model import Text

Json = dict[str, Any]
Words = Mapping[str, Text]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
PAGE_URL = "${base_url}"
GREEN, YELLOW, RED, BLUE, GREY = "green", "orange", "red", "blue", "#8e8e8e"
SHOW_ROWS = Text("Visa raderna bakom talet", "Show the rows behind the number")
# Grafana's own units are English in both languages. Its formatter puts the space before the suffix.
DAYS_UNIT, HOURS_UNIT = Text("suffix:dygn", "suffix:d"), Text("suffix:tim", "suffix:h")


class GridPosition(NamedTuple):
    """Where a panel is placed, in 24 columns."""

    x: int
    y: int
    w: int
    h: int


def translated(value: Any, language: str) -> Any:
    """*value* in *language* where it is a `Text`; anything else as it is."""
    return value.in_language(language) if isinstance(value, Text) else value


def threshold_steps(*pairs: tuple[float | None, str]) -> Json:
    """Colours, each from a value on; the first value is None."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in pairs]}


AGAINST_GOAL = threshold_steps((None, RED), (0.95, YELLOW), (1, GREEN))
NONE_IS_GOOD = threshold_steps((None, GREEN), (1, RED))
FEW_ARE_GOOD = threshold_steps((None, GREEN), (1, YELLOW))
PLAIN = threshold_steps((None, BLUE))
TEXT = threshold_steps((None, "text"))

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


@dataclass(frozen=True)
class ValueFormat:
    """How a panel shows its values: unit, colours, and further field options of Grafana."""

    unit: Text | str
    thresholds: Json
    options: Json

    def render(self, language: str) -> Json:
        """Grafana's field defaults."""
        return {
            "unit": translated(self.unit, language),
            "thresholds": self.thresholds,
            "color": {"mode": "thresholds"},
            "mappings": [],
            **self.options,
        }


def value_format(unit: Text | str, thresholds: Json, **options: Any) -> ValueFormat:
    """A `ValueFormat` with its *options* as keywords."""
    return ValueFormat(unit, thresholds, options)


def field_override(name: str, **properties: Any) -> Json:
    """How the field *name* differs from the defaults; a keyword `custom_width` means `custom.width`."""
    changed = [{"id": key.replace("custom_", "custom."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": changed}


def display_names(words: Words, language: str) -> list[Json]:
    """Overrides that show each label value as its words."""
    return [field_override(name, displayName=word.in_language(language)) for name, word in words.items()]


def value_mapping(words: Iterable[tuple[str, Text, str]], language: str) -> Json:
    """Shows values as words; *words* is (value, text, colour)."""
    options = {
        value: {"text": word.in_language(language), "color": color, "index": number}
        for number, (value, word, color) in enumerate(words)
    }
    return {"type": "value", "options": options}


def fixed_color(color: str) -> Json:
    """One colour for all values."""
    return {"mode": "fixed", "fixedColor": color}


def rows_link(path: str, language: str) -> Json:
    """A link to the rows behind a number, on fleetsync's page; it opens in a new tab."""
    return {"title": SHOW_ROWS.in_language(language), "url": f"{PAGE_URL}{path}", "targetBlank": True}


def query_target(number: int, expr: str, legend: str = "", *, table: bool = False, instant: bool = False) -> Json:
    """The query *number* of a panel, counted from 0."""
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": expr,
        "format": "table" if table else "time_series",
        "instant": table or instant,
        "range": not (table or instant),
        "legendFormat": legend or "__auto",
        "refId": query_letter(number),
    }


def query_letter(number: int) -> str:
    """Grafana's name of the query *number* of a panel."""
    return chr(ord("A") + number)
