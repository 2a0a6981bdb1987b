"""What must ring in the scene, and nothing else: from what was planted and what is true of Exempelby, not from what it tells."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from fleetsync.core.model import CoverageDay
from fleetsync.demo.places import name_at
from fleetsync.demo.truth import Cell
from tests.dashboards.scene import LIVED, WIPED_AT, Scene

STRATEGIST, TECHNICIAN = "IT-strateg", "IT-tekniker"
ALERT_BELOW, ALERT_SHORT = 0.95, 5  # of the plan
DAYS = r"\d+ dygn"


class Expected(NamedTuple):
    """How an alert must read. *summary*: a pattern; *link*: where on the page it leads."""

    severity: str
    role: str
    summary: str
    link: str


def expected(scene: Scene) -> Mapping[str, Expected]:
    """By the alert's name and what it is about."""
    return {**dict(_of_coverage(scene)), **_OF_SOURCES}


_OF_SOURCES = {
    "FleetsyncSourceStale skolregister children": Expected(
        "warning", TECHNICIAN, f"Uppgifterna från skolregister/children är {DAYS} gamla.*", "/sources"
    ),
    "FleetsyncSourceNeverRead vikarier staff": Expected(
        "warning", TECHNICIAN, "vikarier/staff har försökts men aldrig kunnat hämtas helt.", "/sources"
    ),
    "FleetsyncPullHeld personal staff": Expected(
        "warning", TECHNICIAN, "En hämtning från personal/staff ser orimlig ut och väntar på beslut.*", "/sources"
    ),
    "FleetsyncCredentialExpiring intune client secret": Expected(
        "warning", TECHNICIAN, f"client secret för intune går ut om {DAYS}. Förnya den.", "/sources"
    ),
    "FleetsyncConfigReloadFailed": Expected(
        "warning", TECHNICIAN, "Den nya inställningsfilen är fel och används inte.*", "/policy"
    ),
}


def _of_coverage(scene: Scene) -> Iterator[tuple[str, Expected]]:
    today = scene.town.day()
    true = scene.truth.coverage(today)
    for unit, entitlement in sorted(below_limit(scene)):
        row = true[unit, entitlement]
        text = f"{name_at(unit)}, {entitlement}: {row.short} verktyg i drift saknas, och täckningen har varit under .*"
        link = f"/numbers/fleetsync_short?unit={unit}&entitlement={entitlement}"
        yield f"FleetsyncCoverageBelowLimit {unit} {entitlement}", Expected("warning", STRATEGIST, text, link)
    working = true[WIPED_AT, "pupils"].covered
    text = f"{name_at(WIPED_AT)}, pupils: täckningen har fallit med .* på en vecka; {working} är i drift nu."
    dropped = Expected("critical", STRATEGIST, text, f"/gaps?unit={WIPED_AT}")
    yield f"FleetsyncCoverageDropped {WIPED_AT} pupils", dropped


def below_limit(scene: Scene) -> set[Cell]:
    """Where it has truly been so on each day since the first; the batch that was wiped today has not."""
    days: tuple[date, ...] = (*LIVED, scene.town.day())
    return set.intersection(
        *({cell for cell, row in scene.truth.coverage(day).items() if _is_below(row)} for day in days)
    )


def _is_below(row: CoverageDay) -> bool:
    return row.short >= ALERT_SHORT and row.covered < ALERT_BELOW * row.entitled


def reads_so(text: str, pattern: str) -> bool:
    """Whether *text* is what *pattern* says, all of it."""
    return re.fullmatch(pattern, text) is not None
