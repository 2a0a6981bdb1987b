"""A real Prometheus that has Exempelby's history and scrapes its daemon, and a real Alertmanager that calls a webhook.

The rules are the shipped ones with shorter times: every `for:` is cut and everything is evaluated every two seconds,
because a test cannot wait six hours. promtool tests the real times. The five school days are not shortened: Prometheus
gets the days before as history.
"""

import json
import re
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetsync.clock import Clock
from fleetsync.expose.metrics import CONTENT_TYPE
from tests.dashboards.scenario import DashboardScenario, shift_instants
from tests.dashboards.series_catalogue import DASHBOARDS, RECORDED_SERIES, RULES_FILE
from tests.serving import free_port

TIMEOUT_SECONDS = 90.0  # a test fails after this; it continues as soon as the condition holds
SCRAPE_INTERVAL = "2s"
LOOKBACK = "4h1m"  # past days have a sample every four hours; one per minute would be a million samples
# Rules that read their own past, and rules that count the school days since.
LAST_INSTANT, COUNT_OF_DAYS = "_timestamp_seconds:last", ":school_days"
_RECORDED_NAME = re.compile(r"\w+:fleetsync_\w+:\w+")
_SAMPLE = re.compile(r"^(fleetsync_\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


# --- history --------------------------------------------------------------------------------------------------------


def openmetrics_history(past: Mapping[datetime, str], moved_by: timedelta, instance: str) -> Iterator[str]:
    """The past expositions as OpenMetrics, with the labels and timestamps of scrapes."""
    for told_at, text in past.items():
        at = (told_at + moved_by).timestamp()
        for name, labels, value in _SAMPLE.findall(shift_instants(text, moved_by)):
            of_scrape = f'job="fleetsync",instance="{instance}"'
            yield f"{name}{{{of_scrape}{',' if labels else ''}{labels}}} {value} {at}"
    yield "# EOF\n"


def recording_rules(hours: int) -> Mapping[str, str]:
    """Recorded series → expression without recorded series, for a history in which none was recorded.

    A series that reads its own past is evaluated over all *hours* at once. One that counts school days is left out: it is
    only evaluated for the present.
    """
    return {
        name: expanded(over_whole_past(rule["expr"], hours) if name.endswith(LAST_INSTANT) else rule["expr"])
        for name, rule in RECORDED_SERIES.items()
        if not name.endswith(COUNT_OF_DAYS)
    }


def over_whole_past(expr: str, hours: int) -> str:
    """The value that a rule which reads its own past has after *hours*, from its first and last branch."""
    holds_now, *_, measured_since = re.split(r"\n *or\n", expr)
    return f"max_over_time(({holds_now})[{hours}h:1h]) or min_over_time(({measured_since})[{hours}h:1h])"


def expanded(expr: str) -> str:
    """*expr* with every recorded name replaced by its expression."""
    return _RECORDED_NAME.sub(lambda name: f"({expanded(RECORDED_SERIES[name[0]]['expr'])})", expr)


def recorded_samples(past: "PrometheusServer", hours: int) -> Iterator[str]:
    """The samples that the rules would have recorded in the last *hours*, as OpenMetrics."""
    for name, expr in recording_rules(hours).items():
        for series in past.query_range(expr, hours):
            labels = ",".join(f'{label}="{value}"' for label, value in series["metric"].items() if label != "__name__")
            yield from (f"{name}{{{labels}}} {value} {at}" for at, value in series["values"])
    yield "# EOF\n"


# --- webhook and metrics ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Alert:
    """An alert as the webhook received it."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def key(self) -> str:
        """The name of the alert and its subject."""
        about = (self.labels.get(name, "") for name in ("unit", "entitlement", "source", "part", "credential"))
        return " ".join((self.labels["alertname"], *filter(None, about)))


@dataclass
class WebhookLog:
    """The calls of Alertmanager: all alerts that ever fired, and the keys of all that were ever resolved."""

    fired: dict[str, Alert] = field(default_factory=dict)
    resolved: set[str] = field(default_factory=set)

    def record(self, body: Mapping[str, Any]) -> None:
        """Record a call of the webhook."""
        for entry in body["alerts"]:
            alert = Alert(entry["labels"], entry["annotations"])
            if entry["status"] == "firing":
                self.fired[alert.key] = alert
            else:
                self.resolved.add(alert.key)


def metrics_and_webhook_server(scenario: DashboardScenario, hook: WebhookLog) -> ThreadingHTTPServer:
    """A server for /metrics and the webhook on a loopback port."""

    class _MetricsAndWebhookHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                status, body = 200, scenario.metrics().encode()
            except OSError:
                status, body = 503, b""
            with suppress(ConnectionError):  # the client did not wait
                self.send_response(status)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.end_headers()
                self.wfile.write(body)

        def do_POST(self) -> None:
            hook.record(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Prints nothing: pytest's output is for failures."""

    return ThreadingHTTPServer(("127.0.0.1", 0), _MetricsAndWebhookHandler)


# --- the processes ----------------------------------------------------------------------------------------------------


@contextmanager
def running(log: Path, *command: str) -> Iterator[None]:
    """Run a process, and stop it afterwards in any case."""
    with log.open("ab") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def get_json(url: str) -> Any:
    """The body of an answer, decoded if it is JSON."""
    with urllib.request.urlopen(url, timeout=30) as response:
        body = response.read()
    return json.loads(body) if body.startswith((b"{", b"[")) else body


@dataclass(frozen=True)
class PrometheusServer:
    """A Prometheus with its store in *folder*."""

    folder: Path
    port: int

    @property
    def log(self) -> Path:
        """The log file of Prometheus."""
        return self.folder / "prometheus.log"

    @contextmanager
    def running(self, config: str, *options: str, lookback: str = LOOKBACK) -> Iterator[None]:
        """Run it, and wait until it is ready."""
        command = [
            "prometheus",
            f"--config.file={self.folder / config}",
            f"--storage.tsdb.path={self.folder}/store",
            "--storage.tsdb.retention.time=400d",
            f"--query.lookback-delta={lookback}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            *options,
        ]
        with running(self.log, *command):
            self.wait_for("Prometheus", lambda: bool(get_json(f"http://127.0.0.1:{self.port}/-/ready")))
            yield

    def query(self, expr: str) -> list[Any]:
        """The current result of *expr*."""
        return self._ask("query", query=expr)

    def has_result(self, expr: str) -> bool:
        """Whether *expr* has a result now."""
        return bool(self.query(expr))

    def query_range(self, expr: str, hours: int, step: str = "1h") -> list[Any]:
        """The result of *expr* over the last *hours*."""
        now = time.time()
        return self._ask("query_range", query=expr, start=now - hours * 3600, end=now, step=step)

    def values(self, label: str, selector: str) -> list[str]:
        """The values of a label, queried as a dashboard variable does."""
        question = urllib.parse.urlencode({"match[]": selector})
        answer = get_json(f"http://127.0.0.1:{self.port}/api/v1/label/{label}/values?{question}")
        return [str(value) for value in answer["data"]]

    def _ask(self, path: str, **question: object) -> list[Any]:
        answer = get_json(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(question)}")
        result = answer["data"]["result"]
        assert isinstance(result, list)
        return result

    def store(self, lines: Iterable[str]) -> None:
        """Put *lines* of OpenMetrics into the store. Prometheus must not run."""
        (self.folder / "past.om").write_text("\n".join(lines), encoding="utf-8")
        # With the default of two hours, promtool would read the whole file once per block.
        command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=720h"]
        command += ["openmetrics", "past.om", "store"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def load_past(self, past: Mapping[datetime, str], moved_by: timedelta, instance: str) -> None:
        """Fill the store with the past expositions and the samples that the rules would have recorded."""
        self.store(openmetrics_history(past, moved_by, instance))
        write(self.folder / "past.yml", {"global": {}})
        with self.running("past.yml"):
            since = Clock().now() - min(past) - moved_by
            lines = list(recorded_samples(self, since // timedelta(hours=1) + 1))
        self.store(lines)

    def wait_for(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until it *holds*. Fails with the end of the log."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < until:
            try:
                if holds():
                    return
            except OSError:  # not listening yet
                pass
            time.sleep(0.2)
        ends = self.log.read_text(encoding="utf-8")[-2000:] if self.log.is_file() else ""
        pytest.fail(f"waited too long for {what}; {self.log.name} ends:\n{ends}")


@dataclass(frozen=True)
class MonitoringStack(PrometheusServer):
    """The Prometheus that scrapes the scenario, the Alertmanager behind it, and the log of its webhook."""

    scenario: DashboardScenario
    webhook: WebhookLog
    alertmanager: str

    def state(self, alert: str) -> set[str]:
        """The states of an alert in Alertmanager: active or suppressed."""
        alerts = get_json(f"{self.alertmanager}/api/v2/alerts")
        return {alert_row["status"]["state"] for alert_row in alerts if alert_row["labels"]["alertname"] == alert}

    def wait_until_whole(self) -> None:
        """Wait for the state each test begins with: both instances answer, rules are recorded, it is a school day."""
        whole = (
            'count(up{job="fleetsync"} == 1) == 2',
            "unit_entitlement:fleetsync_below_limit:school_days",
            "municipality:fleetsync_school_day:max == 1",
        )
        self.wait_for("the whole stack", lambda: all(map(self.query, whole)) and not self.state("FleetsyncDown"))


def configure(folder: Path, metrics_port: int, alertmanager_port: int) -> None:
    """Write the shipped files with the addresses and short times of the test."""
    rules = RULES_FILE.read_text(encoding="utf-8")
    rules = re.sub(r"\bfor: \w+", "for: 4s", rules).replace("interval: 1m", f"interval: {SCRAPE_INTERVAL}")
    # A busy machine misses some scrapes.
    rules = re.sub(r"(alert: FleetsyncDown\n.*\n +for:) 4s", r"\1 8s", rules)
    (folder / "rules").mkdir()
    (folder / "rules" / RULES_FILE.name).write_text(rules, encoding="utf-8")

    shipped = yaml.safe_load((DASHBOARDS / "prometheus.example.yml").read_text(encoding="utf-8"))
    shipped["global"].update(
        scrape_interval=SCRAPE_INTERVAL, evaluation_interval=SCRAPE_INTERVAL, scrape_timeout=SCRAPE_INTERVAL
    )
    shipped["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]
    shipped["scrape_configs"][0]["static_configs"] = [{"targets": instances(metrics_port)}]
    write(folder / "prometheus.yml", shipped)

    alertmanager = yaml.safe_load((DASHBOARDS / "alertmanager.example.yml").read_text(encoding="utf-8"))
    alertmanager["route"].update(group_wait="1s", group_interval="1s")
    hook = [{"url": f"http://127.0.0.1:{metrics_port}/", "send_resolved": True}]
    alertmanager["receivers"] = [
        {"name": receiver["name"], **({"webhook_configs": hook} if receiver["name"] != "nobody" else {})}
        for receiver in alertmanager["receivers"]
    ]
    write(folder / "alertmanager.yml", alertmanager)


def instances(port: int) -> list[str]:
    """Two targets for the same daemon, as if two daemons shared a database."""
    return [f"127.0.0.1:{port}", f"localhost:{port}"]


def write(file: Path, content: object) -> None:
    """Write *content* as YAML."""
    file.write_text(yaml.safe_dump(content), encoding="utf-8")


@contextmanager
def running_stack(folder: Path, scenario: DashboardScenario, expected: Iterable[str]) -> Iterator[MonitoringStack]:
    """Run the whole stack. It is ready when the webhook has received everything *expected*."""
    port, alertmanager_port = free_port(), free_port()
    stack = MonitoringStack(folder, port, scenario, WebhookLog(), f"http://127.0.0.1:{alertmanager_port}")
    with ExitStack() as resources:
        server = metrics_and_webhook_server(scenario, stack.webhook)
        resources.callback(server.server_close)
        resources.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        configure(folder, server.server_address[1], alertmanager_port)
        stack.load_past(scenario.past, scenario.moved_by, instances(server.server_address[1])[0])
        stack.wait_for("the first pulls", scenario.has_pulled)
        alertmanager = [
            "prometheus-alertmanager",
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/alerts",
            f"--web.listen-address=127.0.0.1:{alertmanager_port}",
            "--cluster.listen-address=",
        ]
        resources.enter_context(running(folder / "alertmanager.log", *alertmanager))
        resources.enter_context(stack.running("prometheus.yml"))
        stack.wait_for("Alertmanager", lambda: bool(get_json(f"{stack.alertmanager}/-/ready")))
        stack.wait_for("two scrapes", lambda: len(stack.query('up{job="fleetsync"} == 1')) == 2)
        scenario.misconfigure()
        stack.wait_for("every expected alert", lambda: set(stack.webhook.fired) >= set(expected))
        yield stack
