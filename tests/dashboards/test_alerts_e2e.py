"""End to end: Exempelby with planted problems → pipeline → /metrics → Prometheus → Alertmanager → webhook."""

import re
import time

import pytest

from tests.dashboards.expected_alerts import ExpectedAlert, below_limit, expected, lasting_gaps, matches_text
from tests.dashboards.monitoring_stack import MonitoringStack
from tests.dashboards.scenario import WIPED, WIPED_AT
from tests.dashboards.series_catalogue import RUNBOOKS

pytestmark = [pytest.mark.part("prometheus"), pytest.mark.part("alertmanager"), pytest.mark.xdist_group("alerts")]

SETTLE_SECONDS = 6.0
PAGE, BOOKS = "https://fleetsync.exempelby.se", "https://git.exempelby.se/fleetsync/dashboards/runbooks"


def test_the_webhook_receives_exactly_the_expected_alerts(stack: MonitoringStack) -> None:
    # Time for two more evaluations and the shortened `for:`, so that unexpected alerts would have arrived.
    time.sleep(SETTLE_SECONDS)

    assert set(stack.webhook.fired) == set(expected(stack.scenario))
    firing = [series["metric"]["alertname"] for series in stack.query('ALERTS{alertstate="firing"}')]
    assert sorted(firing) == sorted(key.partition(" ")[0] for key in expected(stack.scenario))


def test_the_scenario_has_several_cells_below_the_limit(stack: MonitoringStack) -> None:
    """Guards the other tests against an empty expectation."""
    assert len(below_limit(stack.scenario)) >= 3
    assert {kind for _, kind in lasting_gaps(stack.scenario)} >= {"set_short", "pool_short", "leaver_holds"}
    assert (WIPED_AT, "pupils") not in below_limit(stack.scenario)
    truth = stack.scenario.truth.coverage
    yesterday, today = (
        truth(day)[WIPED_AT, "pupils"] for day in (max(stack.scenario.past).date(), stack.scenario.environment.day())
    )
    assert yesterday.covered - today.covered == WIPED


def test_each_alert_has_severity_role_summary_link_and_runbook(stack: MonitoringStack) -> None:
    wrong = {}
    for key, expectation in expected(stack.scenario).items():
        alert = stack.webhook.fired[key]
        texts = alert.annotations
        sent = ExpectedAlert(alert.labels["severity"], alert.labels["role"], texts["summary"], texts["link"])
        is_so = sent._replace(summary="") == expectation._replace(summary="", link=PAGE + expectation.link)
        if not (is_so and matches_text(sent.summary, expectation.summary)):
            wrong[key] = sent
        assert texts["runbook_url"] == f"{BOOKS}/{alert.labels['alertname']}.md"
        assert (RUNBOOKS / f"{alert.labels['alertname']}.md").is_file()
        assert not {"fleetsync_page", "fleetsync_runbooks"} & set(alert.labels)

    assert wrong == {}


def test_the_page_behind_an_alert_shows_the_same_number(stack: MonitoringStack) -> None:
    read = stack.scenario.signed_in_getter()
    for key, expectation in expected(stack.scenario).items():
        assert read(expectation.link).status_code == 200, key
        if "/numbers/" in expectation.link:
            rows = read(f"/api/v1{expectation.link}").json()["rows"]
            number = re.search(r": (\d+) verktyg", stack.webhook.fired[key].annotations["summary"])
            assert number is not None
            assert sum(row["count"] for row in rows) == int(number[1]), key


def test_two_instances_count_once(stack: MonitoringStack) -> None:
    (coverage,) = stack.query("municipality:fleetsync_covered_per_entitled:ratio")
    true = stack.scenario.truth.coverage(stack.scenario.environment.day()).values()

    (twice,) = stack.query("count(count by (instance) (fleetsync_entitled))")
    assert twice["value"][1] == "2"
    assert float(coverage["value"][1]) == pytest.approx(
        sum(row.covered for row in true) / sum(row.entitled for row in true)
    )


def test_a_day_without_school_suppresses_coverage_alerts(stack: MonitoringStack) -> None:
    stack.scenario.has_school = False
    try:
        stack.wait_for("silence", lambda: stack.state("FleetsyncCoverageBelowLimit") == {"suppressed"})

        assert stack.state("FleetsyncPullHeld") == {"active"}
        assert "FleetsyncNoSchoolDay" not in stack.webhook.fired
    finally:
        stack.scenario.has_school = True
        stack.wait_until_whole()


def test_a_restart_resolves_no_alert(stack: MonitoringStack) -> None:
    stack.scenario.stop()
    stack.wait_for("the gap in the series", lambda: not stack.query("fleetsync_entitled"))
    # Two evaluations without samples: an alert without keep_firing_for would be resolved by now.
    time.sleep(4)
    stack.scenario.start()
    stack.wait_until_whole()

    assert stack.webhook.resolved <= {"FleetsyncDown"}


def test_when_nothing_answers_only_that_alert_is_sent(stack: MonitoringStack) -> None:
    stack.scenario.is_answering = False
    try:
        stack.wait_for("the alert", lambda: "FleetsyncDown" in stack.webhook.fired)
        stack.wait_for("silence", lambda: stack.state("FleetsyncPullHeld") == {"suppressed"})
        alert = stack.webhook.fired["FleetsyncDown"]

        assert (alert.labels["severity"], alert.labels["role"]) == ("critical", "IT-tekniker")
        assert set(stack.webhook.fired) == {*expected(stack.scenario), "FleetsyncDown"}
    finally:
        stack.scenario.is_answering = True
        stack.wait_until_whole()
