"""Each command imports what it needs and no more: a health check runs twice a minute beside the daemon."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.flow.installation import Installation

# Prints the modules that a command has loaded, after whatever the command printed.
RUN_AND_LIST_MODULES = """
import json, sys
from fleetsync.cli import main
code = 0
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code or 0
print()
print(json.dumps([code, sorted(sys.modules)]))
"""

DATABASE = {"sqlalchemy", "alembic"}
CONFIGURATION = {"pydantic", "pydantic_settings"}
PULLING = {"requests", "authlib", "joserfc", "cryptography", "python_calamine", "tenacity", "fleetsync.pull"}
PAGE = {"flask", "jinja2", "werkzeug", "babel", "waitress", "apscheduler", "fleetsync.expose.web"}
WORKBOOKS = {"xlsxwriter"}
DEMO = {"fleetsync.demo"}
EVERYTHING = DATABASE | CONFIGURATION | PULLING | PAGE | WORKBOOKS | DEMO | {"msgspec", "structlog", "fleetsync.core"}


def loaded_modules(*words: str, **environment: str) -> tuple[int, set[str]]:
    """The exit code of a command in a process of its own, and the modules that are loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", RUN_AND_LIST_MODULES, *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules)


class LivezHandler(BaseHTTPRequestHandler):
    """A daemon that is alive."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/livez" else 404)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Not to stderr."""


def test_a_health_check_imports_click_and_the_standard_library_alone(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), LivezHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        config = tmp_path / "config.toml"
        config.write_text(f'[web]\nmetrics_listen = "127.0.0.1:{server.server_port}"\n', encoding="utf-8")
        code, modules = loaded_modules("--config", str(config), "healthcheck")
        server.shutdown()

    assert code == 0
    libraries = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names
    assert {name for name in libraries if not name.startswith("_")} <= {"click", "fleetsync"}
    assert {name for name in modules if name.startswith("fleetsync")} == {
        "fleetsync",
        "fleetsync.cli",
        "fleetsync.cli.errors",
        "fleetsync.cli.running",
        "fleetsync.settings",
        "fleetsync.settings.errors",
        "fleetsync.settings.layers",
        "fleetsync.settings.listening",
    }


def test_help_imports_no_command() -> None:
    code, modules = loaded_modules("--help")

    assert code == 0
    assert not EVERYTHING & modules
    assert not {name for name in modules if name.startswith("fleetsync.cli.")} - {"fleetsync.cli.errors"}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With files and devices, pulled once."""
    with Installation(tmp_path_factory.mktemp("installation")) as built:
        with built.open() as opened:
            opened.run()
        yield built


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        ("run --help", EVERYTHING),
        ("user list", PULLING | PAGE | WORKBOOKS | DEMO),
        ("db verify", PULLING | PAGE | WORKBOOKS | DEMO),
        ("purge", PULLING | PAGE | WORKBOOKS | DEMO),
        ("coverage", PAGE | WORKBOOKS | DEMO),
        ("sources", PAGE | WORKBOOKS | DEMO),
        ("sync", PAGE | WORKBOOKS | DEMO),
        ("check --offline", PAGE | WORKBOOKS | DEMO),
    ],
)
def test_a_command_imports_what_it_needs(installation: Installation, words: str, unneeded: set[str]) -> None:
    now = installation.clock.now().isoformat()
    code, modules = loaded_modules("--config", str(installation.config), *words.split(), FLEETSYNC_NOW=now)

    assert code == 0
    assert not unneeded & modules
