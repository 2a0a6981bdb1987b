"""Every command that a document shows is run on Exempelby, and is accepted."""

import re
import shlex
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetsync.cli import root
from fleetsync.demo.mornings import first_run_at
from fleetsync.demo.replay import DemoEnvironment, replay

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "dashboards").rglob("*.md"))]
FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:sudo )?fleetsync [^`]+)`")
SERVING_COMMANDS = {"run", "demo"}  # they serve until they are stopped: tests/test_flow.py runs them
DAY = date(2026, 11, 24)


def commands() -> Iterator[str]:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        lines = [line.strip() for block in FENCE.findall(text) for line in block.splitlines()]
        commands_in_blocks = [line for line in lines if line.startswith(("fleetsync ", "sudo fleetsync "))]
        yield from commands_in_blocks
        yield from INLINE.findall(FENCE.sub("", text))


def words_of(command: str) -> list[str]:
    return [word for word in shlex.split(command.removeprefix("sudo "), comments=True) if word != "…"][1:]


@pytest.fixture(scope="module")
def exempelby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("exempelby")
    environment = DemoEnvironment(folder)
    with environment.open() as settings:
        replay(environment, settings, DAY, DAY)
        yield folder


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_a_command_in_a_document_is_accepted(
    command: str, exempelby: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEETSYNC_CONFIG", str(exempelby / "config.toml"))
    monkeypatch.setenv("FLEETSYNC_NOW", first_run_at(DAY).isoformat())
    words = [str(tmp_path / Path(word).name) if word.startswith("/srv/") else word for word in words_of(command)]
    if "--config" in words:
        del words[words.index("--config") : words.index("--config") + 2]
    if len(words) < 2 or words[0] in SERVING_COMMANDS or any(word.isupper() for word in words):
        words = [*words[:1], "--help"]  # only named in a sentence, without its arguments
    if words[0] in {"load", "restore"} or "restore" in words:
        (tmp_path / "fleetsync.db").touch()

    typed = "Ett-langt-losenord-1\n" if words[0] == "user" else "y\n"
    result = CliRunner().invoke(root, words, input=typed)

    assert "Usage:" not in result.output or "--help" in words, result.output
    assert (
        result.exception is None or isinstance(result.exception, SystemExit) or _is_command_error(result.exception)
    ), result.exception


def _is_command_error(error: BaseException) -> bool:
    from fleetsync.cli.errors import _as_command_error

    return isinstance(error, Exception) and _as_command_error(error) is not None
