"""A real Prometheus scrapes what fleetsync's renderer wrote, and a real Alertmanager calls a webhook: the whole chain.

The rules are the shipped ones with one change, made here: every `for:` is cut to ten seconds, and everything is judged each
second, because a test cannot wait six hours. How long each waits is promtool's to test. The five school days are not
shortened: the days before are given to Prometheus as history.
"""

import json
import re
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.core import GaugeMetricFamily

from fleetsync.core.measures import FACTS, MEASURES, Fact, Measure
from fleetsync.expose import telemetry
from fleetsync.expose.metrics import CONTENT_TYPE, rendered
from fleetsync.expose.telemetry import PartPulse, Pulse
from tests.dashboards.catalogue import DASHBOARDS, RULES_FILE, without_variables

pytestmark = [pytest.mark.part("prometheus"), pytest.mark.part("alertmanager"), pytest.mark.xdist_group("alerts")]

PATIENCE = 90.0  # seconds until a test gives up; it goes on as soon as what it waits for is there
DAY = 86400.0
NOT_BELOW = "unit_entitlement:fleetsync_not_below_limit_timestamp_seconds:last"
RATIO = "unit_entitlement:fleetsync_covered_per_entitled:ratio"

Cells = Mapping[str, Mapping[tuple[str, ...], float]]

# Vretaskolan is below the limit for long, Åsen has just fallen, Ek is in trial and below, Bokskolan is well.
COVERED = {"vretaskolan": 180.0, "asen": 150.0, "ekskolan": 10.0, "bokskolan": 198.0}


def numbers(now: float) -> Cells:
    pupils: dict[tuple[str, ...], float] = {(unit, "pupils"): 200.0 for unit in COVERED}
    units: dict[tuple[str, ...], float] = {(unit,): 1.0 for unit in COVERED}
    return {
        "fleetsync_entitled": pupils,
        "fleetsync_assigned": {(unit, "pupils", "own"): 199.0 for unit in COVERED},
        "fleetsync_covered": {(unit, "pupils", "own"): count for unit, count in COVERED.items()},
        "fleetsync_unknown": dict.fromkeys(pupils, 0.0),
        "fleetsync_short": {(unit, "pupils"): 200.0 - count for unit, count in COVERED.items()},
        "fleetsync_surplus": dict.fromkeys(pupils, 3.0),
        "fleetsync_heads": pupils,
        "fleetsync_working_devices": pupils,
        "fleetsync_devices": {("asen", "ipados", "in_use"): 150.0, ("asen", "ipados", "silent"): 50.0},
        "fleetsync_devices_by_contact_age": {("asen", "ipados", "0"): 150.0, ("asen", "ipados", "over_60"): 50.0},
        "fleetsync_secure_devices": {("asen", "ipados"): 140.0},
        "fleetsync_gaps": {("asen", "stale", "open"): 50.0, ("asen", "stale", "parked"): 2.0},
        "fleetsync_coverage_target_ratio": dict.fromkeys(pupils, 1.0),
        "fleetsync_coverage_alert_ratio": dict.fromkeys(pupils, 0.95),
        "fleetsync_gap_oldest_opened_timestamp_seconds": {("asen", "stale", "open"): now - 9 * DAY},
        "fleetsync_unit_info": {("vretaskolan", "Vretaskolan", "4711", "GR"): 1.0},
        "fleetsync_unit_published": {**units, ("ekskolan",): 0.0},
        "fleetsync_calendar_end_timestamp_seconds": {(unit,): now + 30 * DAY for unit in COVERED},
    }


def exposition(now: float, *, is_school_day: bool) -> bytes:
    """What two daemons on one database would both tell."""
    tables: dict[str, Measure | Fact] = {one.name: one for one in MEASURES}
    tables |= {one.name: one for one in FACTS}
    families = []
    for name, cells in numbers(now).items():
        family = GaugeMetricFamily(name, tables[name].help.en, labels=tables[name].labels)
        for labels, value in cells.items():
            family.add_metric(labels, value)
        families.append(family)
    snapshot_at = GaugeMetricFamily("fleetsync_snapshot_timestamp_seconds", "When what is shown was reconciled")
    snapshot_at.add_metric((), now)
    return rendered([*families, snapshot_at]) + telemetry.text(pulse(now, is_school_day=is_school_day))


def pulse(now: float, *, is_school_day: bool) -> Pulse:
    at = datetime.fromtimestamp(now, UTC)
    told: dict[str, Any] = {"is_up": True, "is_held": False, "expected_seconds": 3600.0, "attempt_at": at}
    return Pulse(
        version="0.1.0",
        revision="",
        parts=[
            PartPulse("intune", "devices", **{**told, "data_at": at, "is_held": True}),
            PartPulse("jamf", "devices", **{**told, "data_at": at - timedelta(days=3)}),
            PartPulse("edlevo", "pupils", **told),
            PartPulse("personec", "staff", **{**told, "data_at": at - timedelta(days=3), "expected_seconds": 35 * DAY}),
        ],
        credentials={("intune", "client secret"): at + timedelta(days=10)},
        is_school_day=is_school_day,
        is_leader=True,
        config_loaded_at=at,
        is_config_good=False,
    )


def past(now: float) -> str:
    """Ten days as the rules would have recorded them: school each day, Vretaskolan below for nine, Åsen well until now."""
    midnight = now - now % DAY
    hours = [midnight - 10 * DAY + hour * 3600 for hour in range(240)]
    school_days = [("municipality:fleetsync_school_day:max{}", at, 1.0) for at in hours]
    below = [(f'{NOT_BELOW}{{unit="vretaskolan",entitlement="pupils"}}', at, hours[0]) for at in hours]
    well = [
        (f'{name}{{unit="asen",entitlement="pupils"}}', at, value)
        for name, value in (("unit_entitlement:fleetsync_covered:sum", 200.0), (RATIO, 1.0))
        for at in hours[-60:]
    ]
    lines = [f"{series} {value} {at}" for series, at, value in (*school_days, *below, *well)]
    return "\n".join([*lines, "# EOF", ""])


# --- the processes ----------------------------------------------------------------------------------------------------


@dataclass
class Hook:
    """What Alertmanager has told, by alert and what it is about; `page` is what a scrape gets."""

    page: bytes = b""
    is_up: bool = True
    told: dict[tuple[str, str], str] = field(default_factory=dict)


def served(hook: Hook) -> ThreadingHTTPServer:
    """/metrics and the webhook on one port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if hook.is_up else 503)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.end_headers()
            self.wfile.write(hook.page)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for alert in body["alerts"]:
                labels = alert["labels"]
                about = labels.get("unit") or labels.get("source") or ""
                hook.told[labels["alertname"], about] = alert["annotations"]["summary"]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Nothing: pytest's output is for failures."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


@contextmanager
def running(log: Path, *command: str) -> Iterator[None]:
    """A process that is gone afterwards, whatever happens."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def answer(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:
        body = response.read()
    return json.loads(body) if body.startswith((b"{", b"[")) else body


def wait_for(what: str, holds: Callable[[], bool], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if holds():
                return
        except OSError:  # not listening yet
            pass
        time.sleep(0.2)
    pytest.fail(f"waited in vain for {what}; {log.name} ends:\n{log.read_text()[-2000:]}")


@dataclass(frozen=True)
class Chain:
    """Prometheus, Alertmanager and what they talk to."""

    hook: Hook
    prometheus: str
    alertmanager: str
    log: Path

    def query(self, expr: str) -> list[Any]:
        found = answer(f"{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expr})}")
        result = found["data"]["result"]
        assert isinstance(result, list)
        return result

    def state(self, alert: str) -> set[str]:
        """Alertmanager's states of the alert: active or suppressed."""
        alerts = answer(f"{self.alertmanager}/api/v2/alerts")
        return {one["status"]["state"] for one in alerts if one["labels"]["alertname"] == alert}

    def wait_for(self, what: str, holds: Callable[[], bool]) -> None:
        wait_for(what, holds, self.log)


def configure(folder: Path, metrics_port: int, alertmanager_port: int) -> None:
    """The shipped files with this test's addresses and pace."""
    rules = RULES_FILE.read_text(encoding="utf-8")
    rules = re.sub(r"\bfor: \w+", "for: 10s", rules).replace("interval: 1m", "interval: 1s")
    (folder / "rules").mkdir()
    (folder / "rules" / RULES_FILE.name).write_text(rules, encoding="utf-8")

    prometheus = yaml.safe_load((DASHBOARDS / "prometheus.example.yml").read_text(encoding="utf-8"))
    prometheus["global"].update(scrape_interval="1s", evaluation_interval="1s", scrape_timeout="1s")
    prometheus["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]
    two_instances = [f"127.0.0.1:{metrics_port}", f"localhost:{metrics_port}"]
    prometheus["scrape_configs"][0]["static_configs"] = [{"targets": two_instances}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(prometheus), encoding="utf-8")

    alertmanager = yaml.safe_load((DASHBOARDS / "alertmanager.example.yml").read_text(encoding="utf-8"))
    alertmanager["route"].update(group_wait="1s", group_interval="1s")
    hook = [{"url": f"http://127.0.0.1:{metrics_port}/", "send_resolved": False}]
    alertmanager["receivers"] = [
        {"name": one["name"], **({"webhook_configs": hook} if one["name"] != "nobody" else {})}
        for one in alertmanager["receivers"]
    ]
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(alertmanager), encoding="utf-8")


EXPECTED = {
    ("FleetsyncCoverageBelowLimit", "vretaskolan"),
    ("FleetsyncCoverageDropped", "asen"),
    ("FleetsyncCalendarEnding", ""),
    ("FleetsyncSourceStale", "jamf"),
    ("FleetsyncSourceNeverRead", "edlevo"),
    ("FleetsyncPullHeld", "intune"),
    ("FleetsyncCredentialExpiring", "intune"),
    ("FleetsyncConfigReloadFailed", ""),
}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("chain")
    now = time.time()
    hook = Hook(page=exposition(now, is_school_day=True))
    with ExitStack() as stack:
        server = served(hook)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        prometheus_port, alertmanager_port = free_port(), free_port()
        configure(folder, server.server_address[1], alertmanager_port)
        (folder / "past.om").write_text(past(now), encoding="utf-8")
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", "past.om", "store"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        stack.enter_context(
            running(
                folder / "alertmanager.log",
                "prometheus-alertmanager",
                f"--config.file={folder}/alertmanager.yml",
                f"--storage.path={folder}/alerts",
                f"--web.listen-address=127.0.0.1:{alertmanager_port}",
                "--cluster.listen-address=",
            )
        )
        stack.enter_context(
            running(
                folder / "prometheus.log",
                "prometheus",
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/store",
                "--storage.tsdb.retention.time=400d",
                f"--web.listen-address=127.0.0.1:{prometheus_port}",
            )
        )
        made = Chain(
            hook,
            f"http://127.0.0.1:{prometheus_port}",
            f"http://127.0.0.1:{alertmanager_port}",
            folder / "prometheus.log",
        )
        made.wait_for("Alertmanager", lambda: bool(answer(f"{made.alertmanager}/-/ready")))
        made.wait_for("two scrapes", lambda: len(made.query('up{job="fleetsync"} == 1')) == 2)
        # Each test begins here, alone or after another: everything that is wrong has been told.
        made.wait_for("every expected alert", lambda: set(hook.told) >= EXPECTED)
        yield made


def test_the_webhook_is_told_exactly_what_is_wrong(chain: Chain) -> None:
    # Judged a few times more: whatever else fires is told within two seconds.
    time.sleep(3)

    assert set(chain.hook.told) == EXPECTED
    firing = [one["metric"] for one in chain.query('ALERTS{alertstate="firing"}')]
    assert sorted(one["alertname"] for one in firing) == sorted(alert for alert, _ in EXPECTED)
    assert chain.hook.told["FleetsyncCoverageBelowLimit", "vretaskolan"].startswith("Vretaskolan, pupils: 20 verktyg")


def test_two_instances_are_one_number(chain: Chain) -> None:
    (found,) = chain.query("municipality:fleetsync_covered_per_entitled:ratio")

    assert len(chain.query("fleetsync_entitled")) == 2 * len(COVERED)
    assert float(found["value"][1]) == pytest.approx((180 + 150 + 198) / 600)


@pytest.mark.parametrize("name", ["coverage.json", "coverage-en.json"])
def test_every_panel_has_something_to_show(chain: Chain, name: str) -> None:
    panels = json.loads((DASHBOARDS / name).read_text(encoding="utf-8"))["panels"]
    empty = {
        (panel["title"], target["expr"])
        for panel in panels
        for target in panel.get("targets", ())
        if not chain.query(without_variables(target["expr"]))
    }

    assert empty == set()


def test_a_day_without_school_holds_back_what_is_said_of_coverage(chain: Chain) -> None:
    chain.hook.page = exposition(time.time(), is_school_day=False)

    chain.wait_for("silence", lambda: chain.state("FleetsyncCoverageBelowLimit") == {"suppressed"})
    assert chain.state("FleetsyncPullHeld") == {"active"}
    assert ("FleetsyncNoSchoolDay", "") not in chain.hook.told


def test_when_nothing_answers_that_alone_is_told(chain: Chain) -> None:
    chain.hook.is_up = False

    chain.wait_for("the alert", lambda: ("FleetsyncDown", "") in chain.hook.told)
    chain.wait_for("silence", lambda: chain.state("FleetsyncPullHeld") == {"suppressed"})
    assert set(chain.hook.told) == EXPECTED | {("FleetsyncDown", "")}
