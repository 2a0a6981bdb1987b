"""An export for School Data Sync in a running installation: half of it, or another's, changes no number."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from fleetsync.core.model import Verdict
from tests.connectors.stand_in_faults import verdicts
from tests.flow.installation import SCHOOL, Installation, OpenInstallation

PUPILS = 30
TABLE = """
[[source]]
kind = "sds_files"
name = "sds"
path = "deliveries/sds"
counts = ["pupils"]
without = ["staff"]
settle_seconds = 0
"""
HEADERS: Mapping[str, str] = {
    "orgs": "sourcedId,name,type,parentSourcedId",
    "users": "sourcedId,username,givenName,familyName,activeDirectoryMatchId,email",
    "roles": "userSourcedId,orgSourcedId,role,grade,roleStartDate,roleEndDate",
    "classes": "sourcedId,orgSourcedId,title",
    "enrollments": "classSourcedId,userSourcedId,role",
}


def user(n: int) -> str:
    return f"u-{n},elev{n}@edu.exempelby.se,Kanarie,Kanarieson,elev{n}@edu.exempelby.se,"


def role(n: int) -> str:
    return f"u-{n},3101,student,05,2021-08-16,2031-06-12"


def rows(pupils: int) -> Mapping[str, list[str]]:
    return {
        "orgs": ["3101,Bäckskolan,school,"],
        "users": [user(n) for n in range(pupils)],
        "roles": [role(n) for n in range(pupils)],
        "classes": ["c-5b,3101,5B"],
        "enrollments": [f"c-5b,u-{n},student" for n in range(pupils)],
    }


def write_set(installation: Installation, files: Mapping[str, list[str]], headers: Mapping[str, str] = HEADERS) -> None:
    folder = installation.deliveries / "sds"
    folder.mkdir(exist_ok=True)
    for name, lines in files.items():
        (folder / f"{name}.csv").write_text("\r\n".join((headers[name], *lines, "")), encoding="utf-8")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    built = Installation(tmp_path, people=3)
    built.more = TABLE
    with built:
        write_set(built, rows(PUPILS))
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as application:
        assert set(verdicts(application).values()) == {Verdict.COMPLETE}
        installation.advance_clock(hours=24)
        yield application


def sds_verdicts(opened: OpenInstallation) -> dict[str, Verdict]:
    return {part: verdict for part, verdict in verdicts(opened).items() if part.startswith("sds/")}


def test_its_pupils_are_owed_devices(opened: OpenInstallation) -> None:
    assert opened.count("entitled", SCHOOL, "pupils") == PUPILS


def test_the_same_set_again_is_unchanged(opened: OpenInstallation) -> None:
    assert set(sds_verdicts(opened).values()) == {Verdict.UNCHANGED}


def without_roles(files: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    return {**files, "roles": files["roles"][:10]}


def without_users(files: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    return {**files, "users": files["users"][:10]}


def without_any(files: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    return {**files, "users": [], "roles": []}


@pytest.mark.parametrize("halve", [without_roles, without_users, without_any], ids=lambda halve: halve.__name__)
def test_a_set_with_half_its_rows_is_held_and_changes_no_number(
    opened: OpenInstallation,
    installation: Installation,
    halve: Callable[[Mapping[str, list[str]]], Mapping[str, list[str]]],
) -> None:
    before = opened.snapshot.numbers
    write_set(installation, halve(rows(PUPILS)))

    assert sds_verdicts(opened)["sds/pupils"] is Verdict.COMPLETE  # it was read to its end; believed it is not
    assert opened.part("sds/pupils").held_pull is not None
    assert opened.snapshot.numbers == before


def test_a_set_without_one_of_its_files_fails_and_changes_no_number(
    opened: OpenInstallation, installation: Installation
) -> None:
    before = opened.snapshot.numbers
    write_set(installation, rows(PUPILS + 1))
    (installation.deliveries / "sds" / "roles.csv").unlink()

    assert set(sds_verdicts(opened).values()) == {Verdict.FAILED}
    assert opened.snapshot.numbers == before


def test_a_whole_new_set_is_believed(opened: OpenInstallation, installation: Installation) -> None:
    write_set(installation, rows(PUPILS + 1))

    assert set(sds_verdicts(opened).values()) == {Verdict.COMPLETE}
    assert opened.count("entitled", SCHOOL, "pupils") == PUPILS + 1


COLUMNS = [(name, header) for name, line in HEADERS.items() for header in line.split(",")]


def test_a_renamed_header_lowers_no_number_silently(opened: OpenInstallation, installation: Installation) -> None:
    before = opened.count("entitled", SCHOOL, "pupils")
    silent = []
    for name, header in COLUMNS:
        changed = {**HEADERS, name: HEADERS[name].replace(header, "kolumn9", 1)}
        write_set(installation, rows(PUPILS), changed)
        opened.run()
        undecided = opened.count("undecided", SCHOOL, "pupils")
        if opened.count("entitled", SCHOOL, "pupils") + undecided != before:
            silent.append((name, header))
        write_set(installation, rows(PUPILS))
        installation.advance_clock(hours=24)
        opened.run()

    assert (len(COLUMNS), silent) == (22, [])
