"""The alerts that must fire in the scenario, derived from its planted problems and the expected numbers."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from fleetsync.core.entitlement import RULES
from fleetsync.core.model import UNPLACED, CoverageDay
from fleetsync.demo.truth import UnitEntitlement
from fleetsync.demo.units import unit_name
from tests.dashboards.scenario import REPLAYED_DAYS, WIPED_AT, DashboardScenario

STRATEGIST, TECHNICIAN = "IT-strateg", "IT-tekniker"
ALERT_BELOW, ALERT_SHORT = 0.95, 5  # of the IT plan
DAYS = r"\d+ dygn"
TITLES = {rule.id: rule.title.sv for rule in RULES}
LOCAL_TECHNICIAN = "Lokal tekniskt IT-ansvarig"
# The alert about a kind of gap, who acts, and its summary behind the name of the unit.
GAP_ALERTS = {
    "set_short": ("FleetsyncSetShort", STRATEGIST, "{} klassuppsättning(ar)? har för få verktyg i drift.*"),
    "pool_short": ("FleetsyncPoolShort", STRATEGIST, "de gemensamma verktygen räcker inte till.*"),
    "leaver_holds": ("FleetsyncLeaverHolds", LOCAL_TECHNICIAN, "{} verktyg är kvar hos någon som har slutat.*"),
    "long_in_repair": ("FleetsyncLongInRepair", LOCAL_TECHNICIAN, "{} verktyg har varit på reparation för länge.*"),
}


class ExpectedAlert(NamedTuple):
    """Labels and texts of an expected alert. *summary*: a regular expression. *link*: a path of the page."""

    severity: str
    role: str
    summary: str
    link: str


def expected(scenario: DashboardScenario) -> Mapping[str, ExpectedAlert]:
    """The expected alerts by name and subject."""
    return {**dict(_of_coverage(scenario)), **dict(_of_gaps(scenario)), **_OF_SOURCES}


_OF_SOURCES = {
    "FleetsyncSourceStale skolregister children": ExpectedAlert(
        "warning", TECHNICIAN, f"Uppgifterna från skolregister/children är {DAYS} gamla.*", "/sources"
    ),
    "FleetsyncSourceNeverRead vikarier staff": ExpectedAlert(
        "warning", TECHNICIAN, "vikarier/staff har försökts men aldrig kunnat hämtas helt.", "/sources"
    ),
    "FleetsyncPullHeld personal staff": ExpectedAlert(
        "warning", TECHNICIAN, "En hämtning från personal/staff ser orimlig ut och väntar på beslut.*", "/sources"
    ),
    "FleetsyncCredentialExpiring intune client secret": ExpectedAlert(
        "warning", TECHNICIAN, f"client secret för intune går ut om {DAYS}. Sedan kan källan inte läsas.*", "/sources"
    ),
    "FleetsyncCredentialExpiring entra client secret": ExpectedAlert(
        "warning", TECHNICIAN, f"client secret för entra går ut om {DAYS}. Sedan kan källan inte läsas.*", "/sources"
    ),
    "FleetsyncBackupOld": ExpectedAlert(
        "critical", TECHNICIAN, r"Databasen har inte säkerhetskopierats de senaste \d+ timmarna\.", "/sources"
    ),
    "FleetsyncConfigReloadFailed": ExpectedAlert(
        "warning", TECHNICIAN, "Den nya inställningsfilen är fel och används inte.*", "/policy"
    ),
}


def _of_coverage(scenario: DashboardScenario) -> Iterator[tuple[str, ExpectedAlert]]:
    today = scenario.environment.day()
    true = scenario.truth.coverage(today)
    for unit, entitlement in sorted(below_limit(scenario)):
        row = true[unit, entitlement]
        text = f"{unit_name(unit)}, {TITLES[entitlement]}: {row.short} verktyg i drift saknas, och täckningen har varit under .*"
        link = f"/numbers/fleetsync_short?unit={unit}&entitlement={entitlement}"
        yield f"FleetsyncCoverageBelowLimit {unit} {entitlement}", ExpectedAlert("warning", STRATEGIST, text, link)
    working = true[WIPED_AT, "pupils"].covered
    text = (
        f"{unit_name(WIPED_AT)}, {TITLES['pupils']}: täckningen har fallit med .* på en vecka; {working} är i drift nu."
    )
    dropped = ExpectedAlert("critical", STRATEGIST, text, f"/gaps?unit={WIPED_AT}")
    yield f"FleetsyncCoverageDropped {WIPED_AT} pupils", dropped


def _of_gaps(scenario: DashboardScenario) -> Iterator[tuple[str, ExpectedAlert]]:
    gaps = scenario.truth.gaps(scenario.environment.day())
    for unit, kind in sorted(lasting_gaps(scenario)):
        alert, role, text = GAP_ALERTS[kind]
        link = f"/gaps?unit={unit}&kind={kind}&state=open"
        summary = f"{unit_name(unit)}: {text.format(gaps[unit, kind])}"
        yield f"{alert} {unit}", ExpectedAlert("warning", role, summary, link)


def lasting_gaps(scenario: DashboardScenario) -> set[tuple[str, str]]:
    """Units and kinds that had open gaps on every replayed day. People without a unit cause no alert."""
    days: tuple[date, ...] = (*REPLAYED_DAYS, scenario.environment.day())
    of_days = ({at for at, count in scenario.truth.gaps(day).items() if count} for day in days)
    return {(unit, kind) for unit, kind in set.intersection(*of_days) if kind in GAP_ALERTS and unit != UNPLACED}


def below_limit(scenario: DashboardScenario) -> set[UnitEntitlement]:
    """Units and entitlements below the limit on every replayed day. The batch wiped today is not among them."""
    days: tuple[date, ...] = (*REPLAYED_DAYS, scenario.environment.day())
    return set.intersection(
        *({cell for cell, row in scenario.truth.coverage(day).items() if _is_below(row)} for day in days)
    )


def _is_below(row: CoverageDay) -> bool:
    return row.short >= ALERT_SHORT and row.covered < ALERT_BELOW * row.entitled


def matches_text(text: str, pattern: str) -> bool:
    """Whether the whole *text* matches *pattern*."""
    return re.fullmatch(pattern, text) is not None
