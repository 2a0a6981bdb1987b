"""Reasons of failures in the reader's language: what is recognised exists in the code, and the rest is told by its remedy."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fleetsync.core.model import NOT_THERE
from fleetsync.expose.failure_texts import FAILURE_TEXTS, MAY_PASS, NEEDS_A_PERSON, NO_FAILURE, failure_text
from fleetsync.pull.contract import SourceRefused, SourceUnavailable
from fleetsync.pull.runner.pull_runner import failure_reason

ROOT = Path(__file__).parents[2]
HOURLY: Any = SimpleNamespace(settings=SimpleNamespace(every=timedelta(hours=1)))


@pytest.fixture(scope="module")
def messages() -> str:
    """The code that says why a pull failed. Texts over several lines are joined."""
    files = (file for folder in ("fleetsync/pull", "connectors") for file in (ROOT / folder).rglob("*.py"))
    lines = "\n".join(file.read_text(encoding="utf-8") for file in files)
    for joint in ('"\n', "'\n"):
        lines = lines.replace(joint, "\n")
    return " ".join(line.strip().removeprefix("f").lstrip("\"'") for line in lines.splitlines())


@pytest.mark.parametrize("part", [part for failure in FAILURE_TEXTS for part in failure.parts])
def test_what_is_recognised_is_what_a_failure_says(messages, part):
    assert part.replace("{", "{{").rstrip() in messages or part in messages


def test_the_first_that_is_recognised_counts():
    reason = (
        "personal: no file matches /srv/personal_*.csv. Has the export run? Temporary and hidden names do not count"
    )

    assert failure_text(reason).sv.startswith("Ingen fil har kommit än.")
    assert failure_text("intune: graph.microsoft.com refused our token (403). Grant it").sv.startswith(
        "Källan släpper inte in oss"
    )


def test_what_is_not_recognised_is_told_by_its_remedy():
    assert failure_text(failure_reason(HOURLY, SourceUnavailable("mdm: something odd"))) is MAY_PASS
    assert failure_text(failure_reason(HOURLY, SourceRefused("mdm: something odd"))) is NEEDS_A_PERSON
    assert failure_text(f"{NOT_THERE}mdm: no such licence") is NO_FAILURE
