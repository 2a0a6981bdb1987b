"""The rules are valid and tested, have runbooks, and match the shipped policy and the roles of the IT plan."""

import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetsync.core.lifecycle import ActingRole, acting_roles
from fleetsync.core.lifecycle.credentials import CONSEQUENCES, NOTICE, URGENT_NOTICE
from fleetsync.core.lifecycle.unit_and_source_gaps import DROP_DEVICES, DROP_RATIO, DROP_WITHIN
from fleetsync.core.model import CredentialUse, Entitlement
from tests.dashboards.series_catalogue import (
    ALERTS,
    DASHBOARDS,
    FORBIDDEN_LABELS,
    GROUPS,
    PUBLISHED_SERIES,
    RECORDED_SERIES,
    RULE_TESTS,
    RULES,
    RULES_FILE,
    RUNBOOKS,
    selectors,
    unknown_names,
)

SECTIONS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]
COMPARES = re.compile(r"(?:[<>]=?|==|!=)")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=DASHBOARDS,
        timeout=600,
        env={**os.environ, "GOGC": "400"},  # promtool collects garbage for a third of its time
    )


@pytest.mark.part("prometheus")
def test_promtool_accepts_the_rules() -> None:
    result = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES_FILE)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.part("prometheus")
@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.stem)
def test_promtool_passes_every_case(file: Path) -> None:
    result = run("promtool", "test", "rules", file)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.part("prometheus")
@pytest.mark.parametrize(
    ("case", "sound", "broken"),
    [
        ("breaks", ":school_days >= 5)", ":school_days >= 4)"),
        ("breaks", ":max[20h] offset -20h", ":max[20h] offset -40h"),
        ("restart", "keep_firing_for: 15m", "keep_firing_for: 1s"),
        ("coverage_dropped", "            0.05 - 1e-9", "            0.06"),
        ("coverage_dropped", "max by (unit, entitlement, by) (fleetsync_covered)", "fleetsync_covered"),
        ("daemon_and_sources", "clamp_min(", "2 * clamp_min("),
        ("gaps", "gaps_alerting:school_days >= 5)", "gaps_alerting:school_days >= 4)"),
        ("gaps", "max by (unit, kind) (fleetsync_gaps{", "sum by (unit, kind) (fleetsync_gaps{"),
        ("gaps", "(unit_kind:fleetsync_gaps:open > 0)", "(unit_kind:fleetsync_gaps:open >= 0)"),
        ("upkeep", "> 26 * 3600", "> 20 * 3600"),
        ("upkeep", "(max(fleetsync_backup_enabled) == 1)", "(max(fleetsync_backup_enabled) >= 0)"),
    ],
)
def test_a_broken_rule_fails_its_case(tmp_path: Path, case: str, sound: str, broken: str) -> None:
    text = RULES_FILE.read_text(encoding="utf-8")
    assert sound in text
    (tmp_path / "tests").mkdir()
    (tmp_path / RULES_FILE.name).write_text(text.replace(sound, broken), encoding="utf-8")
    copy = tmp_path / "tests" / f"{case}.yml"
    copy.write_text((DASHBOARDS / "rules" / "tests" / f"{case}.yml").read_text(encoding="utf-8"), encoding="utf-8")

    assert run("promtool", "test", "rules", copy).returncode == 1


@pytest.mark.part("prometheus")
def test_the_example_of_prometheus_is_valid() -> None:
    result = run("promtool", "check", "config", "--lint=all", "--lint-fatal", "prometheus.example.yml")

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.part("alertmanager")
def test_the_example_of_alertmanager_is_valid() -> None:
    result = run("amtool", "check-config", "alertmanager.example.yml")

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.part("alertmanager")
@pytest.mark.parametrize("alert", ALERTS, ids=str)
def test_an_alert_reaches_the_role_that_acts(alert: str) -> None:
    labels = [f"{name}={value}" for name, value in ALERTS[alert]["labels"].items()]
    result = run(
        "amtool", "config", "routes", "test", "--config.file=alertmanager.example.yml", f"alertname={alert}", *labels
    )
    expected = {"none": "nobody"}.get(
        ALERTS[alert]["labels"]["severity"],
        "strategist" if ALERTS[alert]["labels"]["role"] == ActingRole.STRATEGIST else "technicians",
    )

    assert result.stdout.strip() == expected


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_expression_names_only_what_is_published_or_recorded(rule: dict[str, Any]) -> None:
    # promtool checks the syntax; this parser checks the names.
    assert unknown_names(rule["expr"]) == set()


@pytest.mark.parametrize("alert", ALERTS, ids=str)
def test_an_alert_compares_and_has_severity_role_summary_link_and_runbook(alert: str) -> None:
    rule = ALERTS[alert]

    assert COMPARES.search(rule["expr"])
    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    assert rule["labels"]["role"] in set(ActingRole)
    assert {"summary", "summary_en", "link", "runbook_url"} == set(rule["annotations"])
    assert rule["annotations"]["link"].startswith("{{ $externalLabels.fleetsync_page }}/")
    assert rule["annotations"]["runbook_url"] == f"{{{{ $externalLabels.fleetsync_runbooks }}}}/{alert}.md"
    # Otherwise a restart of the daemon would end the alert. FleetsyncDown suppresses all others, so it must end at once.
    assert ("keep_firing_for" in rule) == (alert != "FleetsyncDown")


@pytest.mark.parametrize("alert", ALERTS, ids=str)
def test_a_label_in_an_alerts_text_is_in_its_expression(alert: str) -> None:
    rule = ALERTS[alert]
    used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    kept = set(re.findall(r"\w+", " ".join(re.findall(r"(?:by|on) \(([^)]*)\)", rule["expr"]))))

    assert used <= kept | set(rule["labels"])
    assert not {label for label in used | kept if FORBIDDEN_LABELS.search(label)}


@pytest.mark.parametrize("alert", ALERTS, ids=str)
def test_an_alert_has_a_case_that_fires_and_one_that_does_not(alert: str) -> None:
    expected = [
        case["exp_alerts"]
        for file in RULE_TESTS
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
        for case in test.get("alert_rule_test", ())
        if case["alertname"] == alert
    ]

    assert any(expected)
    assert not all(expected)


@pytest.mark.parametrize("alert", ALERTS, ids=str)
def test_an_alert_has_a_complete_runbook(alert: str) -> None:
    lines = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8").splitlines()

    assert lines[0] == f"# {alert}"
    assert [line for line in lines if line.startswith("## ")] == SECTIONS
    assert any("fleetsync " in line for line in lines)


@pytest.mark.parametrize(
    ("alert", "notice"), [("FleetsyncCredentialExpiring", NOTICE), ("FleetsyncCredentialLapsing", URGENT_NOTICE)]
)
def test_an_alert_of_a_credential_comes_as_early_as_its_finding(alert: str, notice: timedelta) -> None:
    assert ALERTS[alert]["expr"].rstrip().endswith(f"< {notice.days} * 86400")


@pytest.mark.parametrize("use", CredentialUse)
def test_the_alerts_of_a_credential_say_what_follows_in_the_words_of_the_finding(use: CredentialUse) -> None:
    for alert in ("FleetsyncCredentialExpiring", "FleetsyncCredentialLapsing"):
        texts = ALERTS[alert]["annotations"]
        for text, words in ((texts["summary"], CONSEQUENCES[use].sv), (texts["summary_en"], CONSEQUENCES[use].en)):
            assert f'eq $labels.use "{use.value}" }}}}{words}{{{{' in text


def test_the_readme_lists_every_alert_with_its_role() -> None:
    text = (DASHBOARDS / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (Fleetsync\w+) \|.*\| ([^|]+) \|$", text, re.MULTILINE))
    sent = {alert: rule["labels"] for alert, rule in ALERTS.items()}

    assert rows == {alert: "–" if labels["severity"] == "none" else labels["role"] for alert, labels in sent.items()}


def test_each_runbook_belongs_to_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(ALERTS)


def test_a_record_is_named_by_level_metric_and_operation_and_is_used() -> None:
    everything = " ".join(rule["expr"] for rule in RULES)

    for name in RECORDED_SERIES:
        level, metric, _ = name.split(":")
        assert level in {"unit", "entitlement", "unit_entitlement", "unit_kind", "municipality"}
        assert metric.startswith("fleetsync_")
        assert name.endswith(":ratio") or name in everything


def test_rules_deduplicate_instances_first() -> None:
    """Two daemons on one database publish every number twice."""
    bare = {
        (rule.get("alert") or rule["record"], selector.name)
        for rule in RULES
        for selector in selectors(rule["expr"])
        if selector.name.startswith("fleetsync_")
        and not re.search(rf"\b(?:max|min)(?: by \([^)]*\) )?\({selector.name}\b", rule["expr"])
    }

    assert bare == set()


def test_no_published_label_is_one_of_prometheus() -> None:
    """Prometheus would rename it to exported_job, and refuse it in a backfill."""
    assert {name for name, labels in PUBLISHED_SERIES.items() if labels & {"job", "instance"}} == set()


def test_groups_are_evaluated_often_enough() -> None:
    # Prometheus looks back five minutes for a sample.
    assert {group["interval"] for group in GROUPS} == {"1m"}


def test_the_limits_are_those_of_the_shipped_policy() -> None:
    rule = Entitlement.__struct_fields__
    defaults = dict(zip(reversed(rule), reversed(Entitlement.__struct_defaults__), strict=False))
    text = RULES_FILE.read_text(encoding="utf-8")

    assert f"(unit_entitlement:fleetsync_short:max >= {defaults['alert_short']})" in text
    waits = re.findall(r":school_days >= (\d+)\)", text)
    assert len(waits) == 5
    assert set(waits) == {str(defaults["alert_after_school_days"])}
    assert f"{DROP_RATIO} - 1e-9" in text
    assert re.search(rf">=\n +{DROP_DEVICES}\n", text)
    assert f"[{DROP_WITHIN.days}d:1h]" in text


@pytest.mark.parametrize(
    ("alert", "kind"),
    [
        ("FleetsyncCoverageBelowLimit", "below_target"),
        ("FleetsyncCoverageDropped", "below_target"),
        ("FleetsyncCalendarEnding", "no_calendar"),
        ("FleetsyncSourceStale", "source_stale"),
        ("FleetsyncSourceNeverRead", "source_stale"),
        ("FleetsyncPullHeld", "pull_held"),
        ("FleetsyncPullsAgree", "pull_held"),
        ("FleetsyncSetShort", "set_short"),
        ("FleetsyncPoolShort", "pool_short"),
        ("FleetsyncLeaverHolds", "leaver_holds"),
        ("FleetsyncLongInRepair", "long_in_repair"),
        ("FleetsyncOsReleaseUnknown", "os_release_unknown"),
        ("FleetsyncSourceRowsUnreadable", "rows_unreadable"),
    ],
)
def test_an_alert_goes_to_the_role_to_which_the_page_gives_the_gap(alert: str, kind: str) -> None:
    assert ALERTS[alert]["labels"]["role"] in acting_roles(kind, None, None)


def test_an_alert_is_repeated_before_alertmanager_forgets_that_it_was_sent():
    text = (DASHBOARDS / "alertmanager.example.yml").read_text(encoding="utf-8")
    hours = {"h": 1, "d": 24, "w": 168}
    intervals = [int(count) * hours[unit] for count, unit in re.findall(r"repeat_interval: (\d+)([hdw])", text)]

    assert intervals
    assert max(intervals) < 120  # --data.retention of Alertmanager, where nobody sets it
