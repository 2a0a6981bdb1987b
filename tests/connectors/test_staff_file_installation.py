"""Wrong editions of a staff file in a running installation: no number moves, and the pull says why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from fleetsync.core.model import Verdict
from tests.flow.installation import Installation, OpenInstallation, StaffFileRow

PEOPLE = 24


@dataclass
class Delivered:
    """An installation that believes its first staff file."""

    installation: Installation
    opened: OpenInstallation

    def next_edition(self) -> tuple[Verdict, str]:
        """Reads what has been delivered since; the verdict of the staff file, and the reasons to hold it."""
        report = self.opened.run("personal")
        reasons = [refusal.text.en for held in report.held for refusal in held.refusals]
        (pulled,) = report.pulled
        return (Verdict.HELD if reasons else pulled.verdict), " ".join([pulled.reason or "", *reasons])

    def numbers(self) -> tuple[int, int]:
        return self.opened.count("entitled"), self.opened.count("covered")


@pytest.fixture
def delivered(tmp_path: Path) -> Iterator[Delivered]:
    with Installation(tmp_path, people=PEOPLE) as installation, installation.open() as opened:
        opened.run()
        installation.advance_clock(hours=24)
        here = Delivered(installation, opened)
        assert here.numbers() == (PEOPLE, PEOPLE)
        yield here


def test_the_file_of_another_municipality_is_held(delivered: Delivered) -> None:
    delivered.installation.staff = [StaffFileRow(n=n, centre="9901") for n in range(501, 501 + PEOPLE)]
    delivered.installation.write_staff(delivered.installation.today)

    verdict, reason = delivered.next_edition()

    assert verdict is Verdict.HELD
    assert "is this the content of another municipality or system?" in reason
    assert delivered.numbers() == (PEOPLE, PEOPLE)


def test_half_a_file_is_held(delivered: Delivered) -> None:
    delivered.installation.staff = delivered.installation.staff[: PEOPLE // 2]
    delivered.installation.write_staff(delivered.installation.today)

    verdict, _ = delivered.next_edition()

    assert verdict is Verdict.HELD
    assert delivered.numbers() == (PEOPLE, PEOPLE)


def test_last_months_file_sent_after_a_newer_one_takes_nobody_away_who_began_since(delivered: Delivered) -> None:
    """Under a new name nothing tells it from a new edition; who is not in it any more counts on until the next one."""
    installation = delivered.installation
    (old,) = installation.deliveries.glob("personal_*.csv")
    installation.staff.append(StaffFileRow(n=PEOPLE + 1))
    installation.write_staff(installation.today)
    assert delivered.next_edition()[0] is Verdict.COMPLETE
    installation.advance_clock(hours=24)
    (installation.deliveries / f"personal_{installation.today}.csv").write_bytes(old.read_bytes())

    verdict, _ = delivered.next_edition()

    assert verdict is Verdict.COMPLETE
    assert delivered.numbers() == (PEOPLE + 1, PEOPLE)


def test_last_months_file_under_its_own_name_is_older_than_what_was_read(delivered: Delivered) -> None:
    installation = delivered.installation
    (old,) = installation.deliveries.glob("personal_*.csv")
    content = old.read_bytes()
    old.unlink()
    installation.staff.append(StaffFileRow(n=PEOPLE + 1))
    newer = installation.write_staff(installation.today)
    assert delivered.next_edition()[0] is Verdict.COMPLETE
    newer.unlink()
    old.write_bytes(content)

    verdict, reason = delivered.next_edition()

    assert verdict is Verdict.HELD
    assert "its content speaks for 2026-11-23, but what is believed already speaks for" in reason
    assert delivered.numbers() == (PEOPLE + 1, PEOPLE)


def test_last_months_file_sent_once_more_is_the_same_file(delivered: Delivered) -> None:
    (old,) = delivered.installation.deliveries.glob("personal_*.csv")
    (delivered.installation.deliveries / f"personal_{delivered.installation.today}.csv").write_bytes(old.read_bytes())

    verdict, _ = delivered.next_edition()

    assert verdict is Verdict.UNCHANGED
    assert delivered.numbers() == (PEOPLE, PEOPLE)


def test_an_older_file_that_comes_later_is_not_read(delivered: Delivered) -> None:
    delivered.installation.staff = [msgspec.structs.replace(delivered.installation.staff[0], form="Timavlönad")]
    delivered.installation.write_staff(delivered.installation.today - timedelta(days=60))

    verdict, _ = delivered.next_edition()

    assert verdict is Verdict.UNCHANGED
    assert delivered.numbers() == (PEOPLE, PEOPLE)


def test_an_empty_file_is_tried_later(delivered: Delivered) -> None:
    (delivered.installation.deliveries / f"personal_{delivered.installation.today}.csv").write_bytes(b"")

    verdict, reason = delivered.next_edition()

    assert verdict is Verdict.FAILED
    assert "it is empty. Is it still being written?" in reason
    assert delivered.numbers() == (PEOPLE, PEOPLE)
