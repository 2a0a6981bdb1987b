"""Several lists in a folder: what could not be read in each, and what beside them is no list."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from fleetsync.core.guard.projection import projected_part_state
from fleetsync.core.model import Verdict
from fleetsync.sync import RunReport
from tests.flow.installation import Installation, OpenInstallation

DAY, NEXT = date(2026, 11, 20), date(2026, 11, 23)
HEAD = "Serienummer;Enhet;Garanti t.o.m.;Köpt av"
LISTS = """
[[source]]
kind = "device_file"
name = "listor"
path = "lists"
settle_seconds = 0
"""
CLEAN, BROKEN_FACT, BROKEN_ROW = "A1;Bäckskolan;2027-01-01;", "A2;Bäckskolan;36 months;", "A3;Bäckskolan;;;mer"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        built.names, built.more = (), LISTS
        (tmp_path / "lists").mkdir()
        built.write()
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as opened:
        yield opened


def write_list(installation: Installation, name: str, day: date, *rows: str) -> None:
    text = "".join(f"{row}\r\n" for row in (HEAD, *rows))
    (installation.folder / "lists" / f"{name}_{day}.csv").write_text(text, encoding="utf-8")


def counts(opened: OpenInstallation) -> tuple[int, int, int]:
    part = opened.part("listor/devices")
    return part.unreadable_rows, part.unreadable_facts, part.unused_headers


def reasons_of_gap(report: RunReport) -> list[str]:
    return [str(gap.reason.en) for gap in report.outcome.episodes if gap.kind == "rows_unreadable"]


def test_what_cannot_be_read_in_a_list_stays_told_while_another_list_changes(
    installation: Installation, opened: OpenInstallation
) -> None:
    write_list(installation, "a", DAY, BROKEN_FACT, BROKEN_ROW)
    write_list(installation, "b", DAY, CLEAN)
    before = (reasons_of_gap(opened.run()), counts(opened))

    write_list(installation, "b", NEXT, "B1;Bäckskolan;HT 2027;")
    report = opened.run()

    (effect,) = (judged.effect for judged in report.applied)
    assert (effect.rejected, sum(effect.unreadable_facts.values())) == ({}, 1)
    assert before == (
        ["1 row left out, 1 fact could not be read; most often: more fields than the header"],
        (1, 1, 2),
    )
    assert counts(opened) == (1, 2, 2)
    assert reasons_of_gap(report) == [
        "1 row left out, 2 facts could not be read; most often: warranty until, is not a date"
    ]


def test_it_is_gone_when_the_list_is_read_again_without_it(
    installation: Installation, opened: OpenInstallation
) -> None:
    write_list(installation, "a", DAY, BROKEN_FACT, BROKEN_ROW)
    write_list(installation, "b", DAY, BROKEN_FACT)
    opened.run()

    write_list(installation, "a", NEXT, CLEAN)
    opened.run()

    assert counts(opened)[:2] == (0, 1)


def test_a_list_that_cannot_be_read_is_counted_as_long_as_it_cannot(
    installation: Installation, opened: OpenInstallation
) -> None:
    write_list(installation, "a", DAY, BROKEN_FACT, BROKEN_ROW)
    (installation.folder / "lists" / f"b_{DAY}.csv").write_text(f'{HEAD}\r\nB1;"Bäck', encoding="utf-8")
    for _ in range(2):
        opened.run()
        assert counts(opened)[0] == 2

    write_list(installation, "b", DAY, CLEAN)
    opened.run()

    assert counts(opened)[0] == 1


def test_what_would_be_believed_counts_as_what_is(installation: Installation, opened: OpenInstallation) -> None:
    write_list(installation, "a", DAY, BROKEN_FACT, BROKEN_ROW)
    opened.run()
    write_list(installation, "b", DAY, BROKEN_FACT)
    before = opened.part("listor/devices")
    (judged,) = opened.run().applied
    after = opened.part("listor/devices")

    projected = projected_part_state(before, judged.effect)
    assert (projected.unreadable_rows, projected.unreadable_facts) == (1, 2)
    assert (projected.unreadable_reason, projected.drift) == (after.unreadable_reason, after.drift)
    assert (projected.unused_headers, projected.scope_findings) == (after.unused_headers, after.scope_findings)


def add_stray_files(installation: Installation, *names: str) -> None:
    for name in names:
        (installation.folder / "lists" / name).write_bytes(b"Skicka listan till it\r\n")


def read_left_files(opened: OpenInstallation) -> tuple[Verdict, tuple[str, ...], tuple[str, ...]]:
    (pulled,) = opened.run().pulled
    return pulled.verdict, pulled.left_files, opened.part("listor/devices").left_files


def test_what_is_no_list_is_named_whether_or_not_a_list_has_changed(
    installation: Installation, opened: OpenInstallation
) -> None:
    write_list(installation, "a", DAY, CLEAN)
    add_stray_files(installation, "Thumbs.db", "readme.txt")
    names = ("Thumbs.db", "readme.txt")

    assert read_left_files(opened) == (Verdict.COMPLETE, names, names)
    assert read_left_files(opened) == (Verdict.UNCHANGED, names, names)

    add_stray_files(installation, "a.csv.bak")
    (installation.folder / "lists" / "Thumbs.db").unlink()

    assert read_left_files(opened) == (Verdict.UNCHANGED, ("a.csv.bak", "readme.txt"), ("a.csv.bak", "readme.txt"))


def test_what_a_system_writes_is_no_surprise_and_what_a_person_left_is(
    installation: Installation, opened: OpenInstallation
) -> None:
    write_list(installation, "a", DAY, CLEAN)
    add_stray_files(installation, "Thumbs.db", "readme.txt")
    (judged,) = opened.run().applied

    assert judged.effect.drift == {"file that is no list=readme.txt": 1}
