"""Files that ask for more than a list needs are refused with a sentence; the others beside them are read, and memory has a bound."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from fleetsync.pull.contract import SourceRefused, SourceUnavailable
from fleetsync.pull.files import FileFormat
from fleetsync.pull.files.table_reader import STOP_WATCH
from fleetsync.pull.files.tables import open_table
from fleetsync.pull.table_process.limits import MEMORY_BYTES
from tests.pull.hostile_files import (
    archive_bomb,
    cell_in_the_last_corner,
    cells_in_the_last_column,
    long_text_in_each_row,
    repeated_cells,
    text_in_one_row,
    workbook_of,
    xml_of_nested_elements,
)
from tests.pull.test_files import Folder, folder, workbook

__all__ = ["folder"]

FILES = {
    "corner.xlsx": cell_in_the_last_corner,
    "hidden_corner.xlsx": lambda: cell_in_the_last_corner("'"),
    "column.xlsx": cells_in_the_last_column,
    "texts.xlsx": long_text_in_each_row,
    "hidden_texts.xlsx": lambda: long_text_in_each_row("'"),
    # Fewer rows than the process answers at a time.
    "few_texts.xlsx": lambda: long_text_in_each_row("'", rows=22, letters=14_000_000),
    "bomb.xlsx": archive_bomb,
    "repeated.ods": repeated_cells,
    "nested.xml": xml_of_nested_elements,
    "row.csv": text_in_one_row,
}
TEXTS = "its texts would fill more than 256 MiB. Delete columns of long texts, or save the list as CSV UTF-8"
MEMORY = (
    "reading it takes more than 1024 MiB of memory. Copy the list alone into a new workbook, or save it as CSV UTF-8"
)
PROBLEMS = {
    "corner.xlsx": "its table reaches to row 1048576 and column 16384, more than 20000000 cells. Delete what stands far from "
    "the list, or save the list as CSV UTF-8",
    "hidden_corner.xlsx": MEMORY,
    "column.xlsx": "its table reaches to row 4999 and column 16384, more than 20000000 cells. Delete what stands far from the "
    "list, or save the list as CSV UTF-8",
    "texts.xlsx": TEXTS,
    "hidden_texts.xlsx": MEMORY,
    "few_texts.xlsx": TEXTS,
    "bomb.xlsx": "it would unpack to more than 100 times its size, as no list does. Save the list as CSV UTF-8",
    "repeated.ods": "it is not a workbook that can be read. Save it as XLSX or CSV UTF-8",
    "nested.xml": MEMORY,
    "row.csv": "a row has more than 1000000 characters, as in no list. Export the list again, with a line for each row",
}
# A process of its own, whose memory nothing else has used before.
READING = """
import json, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from fleetsync.pull.files import BrokenFile, FileColumn, FileFormat, StableFiles
from fleetsync.clock import ManualClock

def peak():  # that of getrusage begins with the memory of the process that started this one
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

before = peak()
files = StableFiles(
    sys.argv[1], (FileColumn("serial", ("Serienummer",)),), form=FileFormat(settle_seconds=0), source="listor",
    clock=ManualClock(datetime(2026, 11, 24, tzinfo=UTC)), stop=Event(), known={}, each_whole=True, which="all",
)
problems, rows = {}, 0
for file in files:
    problems |= {file.name: file.problem} if isinstance(file, BrokenFile) else {}
    rows += sum(1 for row in file.rows())
growth = peak() - before
print(json.dumps([problems, rows, growth, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024]))
"""


@pytest.fixture(scope="module")
def read_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], int, int, int]:
    """What is wrong with each hostile file, the rows of the good one, how the memory grew, and that of the other process."""
    path = tmp_path_factory.mktemp("listor")
    for name, make in FILES.items():
        (path / name).write_bytes(make())
    (path / "good.xlsx").write_bytes(workbook(("Serienummer",), ("AB12345",), ("AB12346",)))
    command = [sys.executable, "-c", READING, str(path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=Path(__file__).parents[2])
    problems, rows, growth, of_process = json.loads(done.stdout)
    return problems, rows, growth, of_process


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_with_a_sentence(name: str, read_folder: Any) -> None:
    assert read_folder[0][name] == PROBLEMS[name]


def test_the_list_beside_them_is_read(read_folder: Any) -> None:
    assert read_folder[1] == 2
    assert len(read_folder[0]) == len(FILES)


def test_the_memory_of_a_pull_has_a_bound(read_folder: Any) -> None:
    _, _, growth, of_process = read_folder

    assert 0 < growth < 200 * 2**20
    assert of_process < MEMORY_BYTES + 32 * 2**20  # and the file itself


def test_blank_cells_in_the_last_corner_are_no_cells() -> None:
    content = workbook_of('<row r="1048576"><c r="XFD1048576" s="1"/></row>')

    table = open_table(content, FileFormat(), lambda _: (1, 1), "hr: personal.xlsx", Event())

    assert list(table.lines()) == [(1, ["Serienummer"])]


def test_reading_ends_when_the_daemon_stops() -> None:
    stop = Event()

    def stop_meanwhile(_cells: Any) -> tuple[int, int]:
        stop.set()
        for thread in threading.enumerate():
            if thread.name == STOP_WATCH:
                thread.join()
        return (1, 1)

    with pytest.raises(SourceUnavailable, match="stopped before it was read"):
        open_table(
            workbook(("Serienummer",), sheets=("A", "B")), FileFormat(), stop_meanwhile, "hr: personal.xlsx", stop
        )


def test_a_process_that_cannot_be_started_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetsync.pull.files.table_reader._COMMAND", ("/nonexistent/python",))

    with pytest.raises(SourceUnavailable, match="the process that reads it could not be started"):
        open_table(workbook(("Serienummer",)), FileFormat(), lambda _: (1, 1), "hr: personal.xlsx", Event())


# ------------------------------------------------------------------------------------------------- what is no file of the folder


def test_pipes_and_links_out_of_the_folder_are_named_and_never_opened(folder: Folder, tmp_path_factory: Any) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.csv"
    secret.write_text("Serienummer\nSECRET1\n")
    folder.put("list.csv")
    os.mkfifo(folder.path / "pipe.csv")
    (folder.path / "link.csv").symlink_to(secret)
    (folder.path / "device.csv").symlink_to("/dev/zero")
    (folder.path / "broken.csv").symlink_to(folder.path / "nowhere.csv")
    (folder.path / "old.csv").mkdir()

    files = folder.files(which="all")

    assert [file.name for file in files] == ["list.csv"]
    assert sorted(files.left) == ["broken.csv", "device.csv", "link.csv", "pipe.csv"]
    assert files.left_by_system == ["old.csv"]


def test_a_link_within_the_folder_is_a_file_of_it(folder: Folder) -> None:
    (folder.path / "..data").mkdir()
    folder.put("..data/list.csv")
    (folder.path / "list.csv").symlink_to("..data/list.csv")

    assert [file.name for file in folder.files()] == ["list.csv"]


def test_a_link_that_is_configured_itself_is_followed(folder: Folder, tmp_path_factory: Any) -> None:
    target = tmp_path_factory.mktemp("elsewhere") / "real.csv"
    target.write_text("Serienummer\nAB12345\n")
    (folder.path / "list.csv").symlink_to(target)

    assert [file.name for file in folder.files("list.csv")] == ["list.csv"]


def test_a_file_that_becomes_a_pipe_does_not_stop_the_pull(folder: Folder) -> None:
    file = folder.put("list.csv", "")
    folder.put("list.csv.done", "")
    os.utime(file, ns=(0, 0))

    class Swapping(type(folder.files())):  # type: ignore[misc]
        """Swaps the file for a pipe between listing and opening."""

        def _unstable(self, selected: Any) -> Any:
            file.unlink()
            os.mkfifo(file)
            return []

    files = folder.files()
    files.__class__ = Swapping

    with pytest.raises((SourceRefused, SourceUnavailable), match="it is no file, but a device or a pipe"):
        list(files)


def test_a_file_name_that_commands_a_terminal_is_shown_without_its_commands(folder: Folder) -> None:
    folder.put("\x1b[2Jlist\nfleetsync: complete, 999 records.csv")
    folder.put("\x1b]0;title\x07.pdf")

    files = folder.files()

    assert [file.name for file in files] == [" [2Jlist fleetsync: complete, 999 records.csv"]
    assert files.left == [" ]0;title .pdf"]
