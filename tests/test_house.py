"""The rules of the house hold, and each of them can be broken."""

import ast
import re
import shutil
import socket
import subprocess
import sys
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import SYSTEM_PROGRAMS, NetworkIsOffError, is_local_address

ROOT = Path(__file__).parent.parent
ROOMS = ("fleetsync", "connectors")

# Spelled in pieces, since this file is read too.
REGISTRY_HOSTS = re.compile(
    "|".join(
        re.escape(".".join(labels))
        for labels in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("deb", "debian", "org"),
            ("archive", "ubuntu", "com"),
            ("docker", "io"),
        )
    )
)

LARGEST_FILE = 1024 * 1024  # bytes; what is larger is made by a command, not committed
LONGEST_FUNCTION = 100  # lines; most fit half a screen


def committed_files() -> list[Path]:
    """What git knows or would add; in an unpacked archive without git there is nothing to judge."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def broken_contracts(root: Path) -> set[str]:
    """Numbers of the contracts that the sources below *root* break."""
    shown = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"],
        cwd=root, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Contracts:" in shown.stdout, shown.stdout + shown.stderr
    return set(re.findall(r"^(\d)\. .* BROKEN\b", shown.stdout, re.MULTILINE))


def ruff(*arguments: str, stdin: str = "") -> str:
    """What the linter says from the repository's root."""
    command = [str(Path(sys.executable).parent / "ruff"), "check", "--no-cache", *arguments]
    return subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the sources in which a rule may be broken."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_follows_the_rules(house: Path) -> None:
    assert broken_contracts(house) == set()


@pytest.mark.parametrize(
    ("contract", "module", "planted"),
    [
        ("1", "fleetsync/utils.py", "anything = 1"),
        ("1", "fleetsync/store/planted.py", "import fleetsync.pull"),
        ("2", "fleetsync/core/model/base.py", "import time"),
        ("2", "fleetsync/core/model/base.py", "import requests"),
        ("3", "fleetsync/core/planted.py", "anything = 1"),
        ("4", "connectors/planted.py", "import fleetsync.core"),
        ("4", "connectors/planted.py", "import fleetsync.pull.http"),
        ("4", "connectors/planted.py", "import requests"),
        ("4", "fleetsync/pull/planted.py", "import connectors"),
        ("5", "fleetsync/expose/planted.py", "import sqlite3"),
        ("5", "connectors/planted.py", "from sqlalchemy.dialects import sqlite"),
        ("6", "fleetsync/demo/planted.py", "import fleetsync.core"),
    ],
)
def test_a_planted_import_breaks_its_contract(house: Path, contract: str, module: str, planted: str) -> None:
    with (house / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{planted}\n")

    assert contract in broken_contracts(house)


def test_the_store_alone_may_know_sql(house: Path) -> None:
    (house / "fleetsync/store/planted.py").write_text("import sqlalchemy\n", encoding="utf-8")

    assert "5" not in broken_contracts(house)


@pytest.mark.parametrize(
    "planted",
    [
        "from datetime import date\nprint(date.today())\n",
        "from datetime import UTC, datetime\nprint(datetime.now(UTC))\n",
        "import time\n",
        "from time import monotonic\n",
        "import os\nprint(os.environ)\n",
        "from os import getenv\n",
    ],
)
@pytest.mark.parametrize("module", ["fleetsync/sync.py", "fleetsync/core/calendar.py", "connectors/planted.py"])
def test_time_and_environment_are_banned_outside_of_their_rooms(module: str, planted: str) -> None:
    assert "TID251" in ruff("--select=TID251", f"--stdin-filename={module}", "-", stdin=planted)


@pytest.mark.parametrize(
    ("module", "banned"),
    [
        ("fleetsync/clock.py", ("os.environ", "os.getenv")),
        ("fleetsync/settings/layers.py", ("time", "datetime.datetime.now", "datetime.date.today")),
    ],
)
def test_a_room_that_may_do_one_of_them_does_not_do_the_other(module: str, banned: tuple[str, ...]) -> None:
    table = ", ".join(f'"{name}" = {{ msg = "" }}' for name in banned)
    rule = f"lint.flake8-tidy-imports.banned-api = {{ {table} }}"

    assert (ROOT / module).is_file()  # of a file that is not there the linter has no complaint
    assert "All checks passed" in ruff("--isolated", "--select=TID251", f"--config={rule}", module)


def test_no_committed_file_names_a_package_registry() -> None:
    naming = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in committed_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if REGISTRY_HOSTS.search(line)
    }

    assert naming == set()


def test_no_committed_file_is_larger_than_a_reader_can_bear() -> None:
    assert {str(path.relative_to(ROOT)) for path in committed_files() if path.stat().st_size > LARGEST_FILE} == set()


def test_no_function_outgrows_a_reader() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.name}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "migrations" not in path.parts  # written once, read top to bottom as a list of tables
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    }

    assert long == set()


def test_a_test_that_reaches_for_another_machine_is_stopped() -> None:
    # 192.0.2.0/24 is reserved for documentation: nobody is there even without the guard.
    with socket.socket() as there, pytest.raises(NetworkIsOffError):
        there.connect(("192.0.2.1", 9))


@pytest.mark.xdist_group("house")
def test_what_is_marked_as_one_group_stays_on_one_worker(request: pytest.FixtureRequest) -> None:
    """Else towns are lived twice: pytest-xdist says nothing when it cannot tell groups."""
    is_grouping = getattr(request.config.option, "loadgroup", False)

    assert request.node.nodeid.endswith("@house") == is_grouping


def test_loopback_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as here, socket.create_connection(here.getsockname()) as there:
        assert there.getpeername() == here.getsockname()


@given(st.ip_addresses())
def test_an_address_is_here_exactly_when_it_is_loopback(address: IPv4Address | IPv6Address) -> None:
    assert is_local_address((str(address), 1)) == address.is_loopback


def outcome_without_parts(folder: Path, declared: str, part: str) -> str:
    """What pytest says of one test that needs *part*, on a machine with nothing on its PATH."""
    wanting = folder / "test_wanting.py"
    wanting.write_text(f"import pytest\n@pytest.mark.part({part!r})\ndef test_it():\n    pass\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        f"--rootdir={ROOT}",
        "-c",
        str(ROOT / "pyproject.toml"),
    ]
    environment = {"PATH": str(folder), "PYTHONPATH": str(ROOT), "TEST_PARTS": declared}
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", str(wanting)],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip


def test_a_missing_part_fails_its_test(tmp_path: Path) -> None:
    shown = outcome_without_parts(tmp_path, "all", "prometheus")

    assert "needs prometheus: prometheus, promtool not on PATH" in shown
    assert "1 failed" in shown or "1 error" in shown


def test_a_part_declared_absent_is_skipped_and_said(tmp_path: Path) -> None:
    shown = outcome_without_parts(tmp_path, "none", "prometheus")

    assert "not run: needs prometheus" in shown
    assert "1 skipped" in shown


def test_a_part_nobody_knows_is_an_error(tmp_path: Path) -> None:
    assert "1 error" in outcome_without_parts(tmp_path, "all", "grafana")


def test_the_makefile_and_the_marks_agree_on_what_proves_a_part() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (programs,) = re.findall(r"^PART_PROGRAMS := (.*)$", makefile, re.MULTILINE)

    assert set(programs.split()) == {program for proving in SYSTEM_PROGRAMS.values() for program in proving}
