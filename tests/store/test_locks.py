from pathlib import Path

import pytest

from fleetsync.store.locks import FileLocks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "locks"


def test_the_lease_of_the_schedule_is_given_once(folder: Path) -> None:
    mine = FileLocks(folder).schedule()

    assert mine is not None
    assert FileLocks(folder).schedule() is None


def test_a_lease_that_is_let_go_can_be_taken(folder: Path) -> None:
    mine = FileLocks(folder).schedule()
    assert mine is not None
    mine.release()
    mine.release()

    assert FileLocks(folder).schedule() is not None


def test_parts_are_locked_one_by_one(folder: Path) -> None:
    locks = FileLocks(folder)

    assert locks.part("jamf", "devices") is not None
    assert locks.part("jamf", "devices") is None
    assert locks.part("jamf", "users") is not None


@pytest.mark.parametrize(("source", "part"), [("../jamf", "a/b"), ("a.b", "c"), ("a", "b.c")])
def test_no_name_leads_out_of_the_folder_or_to_anothers_lock(folder: Path, source: str, part: str) -> None:
    locks = FileLocks(folder)
    others = [locks.part(*names) for names in (("a", "b"), ("jamf", "devices"))]

    assert None not in (*others, locks.part(source, part))
    assert {path.parent for path in folder.rglob("*")} == {folder}
