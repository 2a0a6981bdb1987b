"""The command `fleetsync demo`: a port that is in use is reported at once, and port 0 takes a free one."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from fleetsync.cli.demo import demo
from fleetsync.cli.demo_monitoring import running_monitoring
from fleetsync.cli.errors import EXIT_UNUSABLE
from fleetsync.clock import Clock
from fleetsync.demo.mornings import last_morning

# What Prometheus answers before it has read its configuration.
EMPTY_ANSWERS = (
    {"status": "success", "data": {"groups": []}},
    {"status": "success", "data": {"activeTargets": [], "droppedTargets": []}},
)
PAGE = re.compile(r"^ +page +http://127\.0\.0\.1:(\d+)$", re.MULTILINE)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_port_in_use_is_reported_with_the_remedy_before_anything_is_written(tmp_path, taken_port):
    result = CliRunner().invoke(demo, ["--port", str(taken_port), "--folder", str(tmp_path), "--today", "2026-11-24"])

    assert result.exit_code == EXIT_UNUSABLE
    assert result.output == (
        f"fleetsync: port {taken_port} of 127.0.0.1 cannot be used (Address already in use). "
        'Stop the program that uses it, or take any free port: fleetsync demo --port 0, or make run ARGS="--port 0"\n'
    )
    assert list(tmp_path.iterdir()) == []


@contextmanager
def running_demo(folder: Path, *options: str) -> Iterator[str]:
    """A demo of the staff that has replayed its past. Gives what it printed. It is ended as by Ctrl-C."""
    command = [sys.executable, "-m", "fleetsync", "demo", "--days", "0", "--staff-only", "--port", "0"]
    with subprocess.Popen([*command, "--folder", str(folder), *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            text = ""
            while "Ctrl-C" not in text:
                line = process.stdout.readline()
                assert line, text
                text += line
            yield text
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()


def metrics_of(text: str) -> str:
    """The metrics of the demo that printed *text*."""
    page = PAGE.search(text)
    assert page is not None, text
    assert int(page[1]) != 0
    response = requests.get(f"http://127.0.0.1:{page[1]}/metrics", timeout=30)
    assert response.status_code == 200
    return response.text


def test_port_0_takes_a_free_port_whose_page_is_there_before_the_past_is_replayed(tmp_path: Path):
    with running_demo(tmp_path, "--today", "2026-11-24") as text:
        assert text.index("page ") < text.index("The page is there already.") < text.index("replayed, from 2026-11-24")
        assert text.endswith("On the page it is 2026-11-24. Ctrl-C stops the demo.\n")
        assert "fleetsync_entitled" in metrics_of(text)


def test_without_a_day_it_shows_the_present_and_lives_on(tmp_path: Path):
    begun = Clock().now()
    with running_demo(tmp_path) as text:
        shown_at = re.search(r"^fleetsync_snapshot_timestamp_seconds (\S+)", metrics_of(text), re.MULTILINE)

        assert shown_at is not None
        assert begun.timestamp() <= float(shown_at[1]) <= Clock().now().timestamp()
        assert f" to {last_morning(begun)}." in text
        assert "From here on Exempelby lives" in text


@pytest.mark.part("prometheus")
@pytest.mark.part("alertmanager")
def test_the_installed_monitoring_programs_run_with_the_shipped_rules_until_the_end(tmp_path: Path):
    with running_monitoring(tmp_path, "127.0.0.1:9") as lines:
        prometheus, alertmanager = (line.split()[-1] for line in lines[:2])

        rules = answer_when_ready(f"{prometheus}/api/v1/rules")["data"]["groups"]
        assert {Path(group["file"]).name for group in rules} == {"fleetsync.rules.yml"}
        targets = answer_when_ready(f"{prometheus}/api/v1/targets")["data"]["activeTargets"]
        assert [target["scrapeUrl"] for target in targets] == ["http://127.0.0.1:9/metrics"]
        receivers = answer_when_ready(f"{alertmanager}/api/v2/receivers")
        assert [receiver["name"] for receiver in receivers] == ["nobody", "technicians", "strategist"]

    for address in (prometheus, alertmanager):
        with pytest.raises(requests.ConnectionError):
            requests.get(address, timeout=5)


def test_a_monitoring_program_that_is_not_installed_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")

    with running_monitoring(tmp_path, "127.0.0.1:9") as lines:
        assert [line.split(maxsplit=1) for line in lines] == [
            [name, f"is not installed: put {names} on the PATH and start the demo again"]
            for name, names in (
                ("Prometheus", "prometheus"),
                ("Alertmanager", "prometheus-alertmanager or alertmanager"),
                ("Grafana", "grafana (grafana.com/grafana/download)"),
            )
        ]


def answer_when_ready(url: str) -> Any:
    """The decoded answer, as soon as the program listens and has read its configuration."""
    for _ in range(300):
        with suppress(requests.ConnectionError):
            response = requests.get(url, timeout=30)
            if response.status_code == 200 and response.json() not in EMPTY_ANSWERS:
                return response.json()
        Clock().wait(0.1, Event())
    return pytest.fail(f"{url} did not answer")
