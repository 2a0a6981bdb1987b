"""The command `fleetsync demo`: a port that is in use is reported at once, and port 0 takes a free one."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from fleetsync.cli.demo import demo
from fleetsync.cli.errors import EXIT_UNUSABLE

PAGE = re.compile(r"^ +page +http://127\.0\.0\.1:(\d+)$", re.MULTILINE)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_port_in_use_is_reported_with_the_remedy_before_anything_is_written(tmp_path, taken_port):
    result = CliRunner().invoke(demo, ["--port", str(taken_port), "--folder", str(tmp_path)])

    assert result.exit_code == EXIT_UNUSABLE
    assert result.output == (
        f"fleetsync: port {taken_port} of 127.0.0.1 cannot be used (Address already in use). "
        'Stop the program that uses it, or take any free port: fleetsync demo --port 0, or make run ARGS="--port 0"\n'
    )
    assert list(tmp_path.iterdir()) == []


def test_port_0_takes_a_free_port_whose_page_is_there_before_the_past_is_replayed(tmp_path: Path):
    command = [sys.executable, "-m", "fleetsync", "demo", "--days", "0", "--staff-only", "--port", "0"]
    with subprocess.Popen([*command, "--folder", str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            text = ""
            while "Ctrl-C" not in text:
                line = process.stdout.readline()
                assert line, text
                text += line
            page = PAGE.search(text)
            assert page is not None, text

            assert int(page[1]) != 0
            assert text.index("page ") < text.index("The page is there already.") < text.index("replayed 2026-11-24")
            assert requests.get(f"http://127.0.0.1:{page[1]}/metrics", timeout=30).status_code == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
