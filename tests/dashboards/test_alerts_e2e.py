"""Exempelby with trouble planted → the real pipeline → its /metrics → Prometheus → Alertmanager → a webhook."""

import re
import time

import pytest

from tests.dashboards.expected_alerts import ExpectedAlert, below_limit, expected, matches_text
from tests.dashboards.monitoring_stack import MonitoringStack
from tests.dashboards.scenario import WIPED, WIPED_AT
from tests.dashboards.series_catalogue import RUNBOOKS

pytestmark = [pytest.mark.part("prometheus"), pytest.mark.part("alertmanager"), pytest.mark.xdist_group("alerts")]

WHATEVER_ELSE = 6.0  # seconds
PAGE, BOOKS = "https://fleetsync.exempelby.se", "https://git.exempelby.se/fleetsync/dashboards/runbooks"


def test_the_webhook_is_told_exactly_what_is_wrong(chain: MonitoringStack) -> None:
    # Judged twice more, and whatever waits for its few seconds has waited: what else fires is told by then.
    time.sleep(WHATEVER_ELSE)

    assert set(chain.webhook.fired) == set(expected(chain.scene))
    firing = [one["metric"]["alertname"] for one in chain.query('ALERTS{alertstate="firing"}')]
    assert sorted(firing) == sorted(key.partition(" ")[0] for key in expected(chain.scene))


def test_what_is_planted_is_more_than_one_case_of_coverage(chain: MonitoringStack) -> None:
    """Else the expectation above could be empty where it matters."""
    assert len(below_limit(chain.scene)) >= 3
    assert (WIPED_AT, "pupils") not in below_limit(chain.scene)
    truth = chain.scene.truth.coverage
    yesterday, today = (
        truth(day)[WIPED_AT, "pupils"] for day in (max(chain.scene.past).date(), chain.scene.town.day())
    )
    assert yesterday.covered - today.covered == WIPED


def test_each_alert_says_how_grave_it_is_to_whom_what_where_and_how(chain: MonitoringStack) -> None:
    wrong = {}
    for key, wanted in expected(chain.scene).items():
        alert = chain.webhook.fired[key]
        texts = alert.annotations
        found = ExpectedAlert(alert.labels["severity"], alert.labels["role"], texts["summary"], texts["link"])
        is_so = found._replace(summary="") == wanted._replace(summary="", link=PAGE + wanted.link)
        if not (is_so and matches_text(found.summary, wanted.summary)):
            wrong[key] = found
        assert texts["runbook_url"] == f"{BOOKS}/{alert.labels['alertname']}.md"
        assert (RUNBOOKS / f"{alert.labels['alertname']}.md").is_file()
        assert not {"fleetsync_page", "fleetsync_runbooks"} & set(alert.labels)

    assert wrong == {}


def test_where_an_alert_leads_the_page_shows_what_it_speaks_of(chain: MonitoringStack) -> None:
    read = chain.scene.signed_in_getter()
    for key, wanted in expected(chain.scene).items():
        assert read(wanted.link).status_code == 200, key
        if "/numbers/" in wanted.link:
            rows = read(f"/api/v1{wanted.link}").json()["rows"]
            said = re.search(r": (\d+) verktyg", chain.webhook.fired[key].annotations["summary"])
            assert said is not None
            assert sum(row["count"] for row in rows) == int(said[1]), key


def test_two_instances_are_one_number(chain: MonitoringStack) -> None:
    (found,) = chain.query("municipality:fleetsync_covered_per_entitled:ratio")
    true = chain.scene.truth.coverage(chain.scene.town.day()).values()

    (twice,) = chain.query("count(count by (instance) (fleetsync_entitled))")
    assert twice["value"][1] == "2"
    assert float(found["value"][1]) == pytest.approx(
        sum(row.covered for row in true) / sum(row.entitled for row in true)
    )


def test_a_day_without_school_holds_back_what_is_said_of_coverage(chain: MonitoringStack) -> None:
    chain.scene.has_school = False
    try:
        chain.wait_for("silence", lambda: chain.state("FleetsyncCoverageBelowLimit") == {"suppressed"})

        assert chain.state("FleetsyncPullHeld") == {"active"}
        assert "FleetsyncNoSchoolDay" not in chain.webhook.fired
    finally:
        chain.scene.has_school = True
        chain.wait_until_whole()


def test_a_restart_ends_no_alert(chain: MonitoringStack) -> None:
    chain.scene.stop()
    chain.wait_for("the hole", lambda: not chain.query("fleetsync_entitled"))
    # Two rounds without a number: what is not held on to is over by now, and told.
    time.sleep(4)
    chain.scene.start()
    chain.wait_until_whole()

    assert chain.webhook.resolved <= {"FleetsyncDown"}


def test_when_nothing_answers_that_alone_is_told(chain: MonitoringStack) -> None:
    chain.scene.is_answering = False
    try:
        chain.wait_for("the alert", lambda: "FleetsyncDown" in chain.webhook.fired)
        chain.wait_for("silence", lambda: chain.state("FleetsyncPullHeld") == {"suppressed"})
        told = chain.webhook.fired["FleetsyncDown"]

        assert (told.labels["severity"], told.labels["role"]) == ("critical", "IT-tekniker")
        assert set(chain.webhook.fired) == {*expected(chain.scene), "FleetsyncDown"}
    finally:
        chain.scene.is_answering = True
        chain.wait_until_whole()
