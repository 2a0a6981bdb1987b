"""Links of dashboards and alerts lead to existing pages, and runbooks name existing commands."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound

from fleetsync.cli import COMMANDS
from fleetsync.core.lifecycle import GAPS
from fleetsync.core.measures import MEASURES
from fleetsync.expose.web.registry import pages
from tests.dashboards.series_catalogue import ALERTS, DASHBOARDS, RUNBOOKS

LABELS = {measure.name: set(measure.labels) for measure in MEASURES}
FILTERS = {"/gaps": {"unit", "kind", "state"}}
PAGE = re.compile(r"\$\{base_url\}|\{\{ \$externalLabels\.fleetsync_page \}\}")
CHOSEN = re.compile(r"\$\{__\w+(?:\.\w+)*\}|\{\{ \$labels\.\w+ \}\}")


def urls(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for name, value in part.items() if name in {"url", "link"})
    for child in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from urls(child)


LINKS = sorted(
    {
        *(
            url
            for name in ("coverage.json", "lifecycle.json", "sync.json")
            for url in urls(json.loads((DASHBOARDS / name).read_text(encoding="utf-8")))
            if url
        ),
        *(alert["annotations"]["link"] for alert in ALERTS.values()),
    }
)


def route_of(link: str) -> tuple[str, dict[str, list[str]]]:
    """(path, query) of *link*, with an example value for each label. Raises NotFound when there is no page."""
    app = Flask("links")
    app.register_blueprint(pages)
    address = urlsplit(CHOSEN.sub("vretaskolan", PAGE.sub("", link)))
    app.url_map.bind("fleetsync.exempelby.se").match(address.path)
    return address.path, parse_qs(address.query)


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_to_a_page_that_has_its_filters(link: str) -> None:
    assert PAGE.match(link)
    path, query = route_of(link)
    known = LABELS[path.removeprefix("/numbers/")] if path.startswith("/numbers/") else FILTERS.get(path, set())

    assert set(query) <= known
    assert set(query.get("kind", ())) <= {kind.id for kind in GAPS} | {"vretaskolan"}


def test_a_link_to_no_page_is_detected() -> None:
    with pytest.raises(NotFound):
        route_of("${base_url}/nowhere")


@pytest.mark.parametrize("alert", ALERTS, ids=str)
def test_a_runbook_names_only_existing_commands(alert: str) -> None:
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")
    fenced = re.findall(r"```\n(.*?)```", text, re.DOTALL)
    code = "\n".join([*fenced, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))])
    commands = set(re.findall(r"\bfleetsync ([a-z]+)", code))

    assert commands
    assert commands <= set(COMMANDS)
