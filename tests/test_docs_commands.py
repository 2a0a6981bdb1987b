"""Every command that a document shows is run, over Exempelby, and understood."""

import re
import shlex
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetsync.cli import root
from fleetsync.demo.replay import DemoEnvironment, first_run_at, replay

HOUSE = Path(__file__).parents[1]
DOCUMENTS = [HOUSE / "README.md", *sorted((HOUSE / "docs").glob("*.md")), *sorted((HOUSE / "dashboards").rglob("*.md"))]
FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:sudo )?fleetsync [^`]+)`")
SERVES = {"run", "demo"}  # these serve until they are stopped: tests/test_flow.py runs them
DAY = date(2026, 11, 24)


def commands() -> Iterator[str]:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        lines = [line.strip() for block in FENCE.findall(text) for line in block.splitlines()]
        shown = [line for line in lines if line.startswith(("fleetsync ", "sudo fleetsync "))]
        yield from shown
        yield from INLINE.findall(FENCE.sub("", text))


def words_of(command: str) -> list[str]:
    return [word for word in shlex.split(command.removeprefix("sudo ")) if word != "…"][1:]


@pytest.fixture(scope="module")
def exempelby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("exempelby")
    town = DemoEnvironment(folder)
    with town.open() as settings:
        replay(town, settings, DAY, DAY)
        yield folder


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_a_shown_command_is_understood(
    command: str, exempelby: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEETSYNC_CONFIG", str(exempelby / "config.toml"))
    monkeypatch.setenv("FLEETSYNC_NOW", first_run_at(DAY).isoformat())
    words = [str(tmp_path / Path(word).name) if word.startswith("/srv/") else word for word in words_of(command)]
    if "--config" in words:
        del words[words.index("--config") : words.index("--config") + 2]
    if len(words) < 2 or words[0] in SERVES or any(word.isupper() for word in words):
        words = [*words[:1], "--help"]  # named, not shown: it is there
    if words[0] in {"load", "restore"} or "restore" in words:
        (tmp_path / "fleetsync.db").touch()

    typed = "Ett-langt-losenord-1\n" if words[0] == "user" else "y\n"
    done = CliRunner().invoke(root, words, input=typed)

    assert "Usage:" not in done.output or "--help" in words, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit) or _is_told(done.exception), done.exception


def _is_told(error: BaseException) -> bool:
    from fleetsync.cli.errors import _as_command_error

    return isinstance(error, Exception) and _as_command_error(error) is not None
