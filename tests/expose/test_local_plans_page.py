"""Local plans on the page: read aloud on the policy page and at their unit, and only where the account sees the unit."""

from datetime import date

import msgspec
import pytest

from fleetsync.core.coverage import build_context, reconcile
from fleetsync.core.model import LocalPlan, LocalRaise, Moment
from fleetsync.core.snapshot import Snapshot, build_snapshot
from fleetsync.expose.ports import ROLE_SCOPES, AccountRole
from fleetsync.expose.scope import Scope
from tests.expose import example_page as e
from tests.expose.page_client import open_client

UNIT = "ugglan"
RAISED = LocalRaise(entitlement="preschool", per=3)
PLANS = (
    LocalPlan(
        unit=UNIT,
        document="Lokal plan <2026>",
        decided_on=date(2026, 8, 20),
        ends_on=date(2027, 6, 30),
        raises=(RAISED, LocalRaise(entitlement="staff", devices=2)),
    ),
    LocalPlan(unit="ekskolan", document="Ekskolans plan", decided_on=date(2025, 8, 20), ends_on=date(2026, 6, 30)),
)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    policy = msgspec.structs.replace(e.POLICY, local_plans=PLANS)
    moment = Moment(e.at(0.01), e.TODAY)
    believed = e.believed(4)
    return build_snapshot(
        reconcile(believed, policy, e.CALENDARS, moment), build_context(believed, policy, e.CALENDARS, moment)
    )


def test_the_policy_page_reads_every_plan_aloud(snapshot: Snapshot) -> None:
    text = open_client(e.page_setup(snapshot), "stina").get("/policy").text.replace("\u00a0", " ")

    assert "”Lokal plan &lt;2026&gt;”, beslutad 20 aug. 2026, gäller till och med 30 juni 2027." in text
    assert "Barn i förskola och förskoleklass: ett verktyg per 3 barn." in text
    assert "Anställda: 2 verktyg var." in text
    assert "”Ekskolans plan”, beslutad 20 aug. 2025, gick ut 30 juni 2026." in text


def test_a_unit_has_its_plan_and_what_is_missing(snapshot: Snapshot) -> None:
    client = open_client(e.page_setup(snapshot), "stina")
    with_plan, ended = (client.get(f"/units/{slug}?lang=en").text for slug in (UNIT, "ekskolan"))
    without = client.get("/units/lindskolan?lang=en").text

    assert "one device per 3 children" in with_plan
    assert "“Ekskolans plan”" in ended
    assert "kind=local_plan_expired" in ended
    assert 'id="local-plan"' not in without
    assert "kind=no_local_plan" in without


def test_an_account_of_one_unit_reads_of_no_other_plan(snapshot: Snapshot) -> None:
    setup = e.page_setup(snapshot, role_scopes={**ROLE_SCOPES, AccountRole.STRATEGIST: Scope(units=frozenset({UNIT}))})

    text = open_client(setup, "stina").get("/policy").text

    assert "Lokal plan &lt;2026&gt;" in text
    assert "Ekskolans plan" not in text
