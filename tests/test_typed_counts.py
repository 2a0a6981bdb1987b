"""Head counts that are typed: the same facts as a list gives, kept in a file, by command and by the daemon."""

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from fleetsync.core.model import HeadcountRecord
from fleetsync.daemon.head_counts import HeadCounts
from fleetsync.daemon.typed_counts import TypedCountFile
from fleetsync.expose.ports import CountedGroup, DecisionError, TypedCount
from fleetsync.pull.registry import RegistryError
from tests.flow.installation import SCHOOL, Installation, OpenInstallation
from tests.store.ledger_samples import believed_records
from tests.test_cli import run_and_catch
from tests.test_no_persons import keep_no_persons

SOURCE = """
[[source]]
kind = "headcount"
name = "antal"
path = "deliveries/antal.csv"
typed = true
counts = ["pupils", "staff"]
settle_seconds = 0
"""
BY = "rektor Bäckskolan"


class InstallationWithTypedCounts(Installation):
    """An MDM and typed numbers; nobody is kept."""

    def write(self) -> Path:
        self.names, self.more = ("intune",), self.more or SOURCE
        super().write()
        return keep_no_persons(self)

    @property
    def file(self) -> Path:
        return self.deliveries / "antal.csv"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[InstallationWithTypedCounts]:
    with InstallationWithTypedCounts(tmp_path, people=6) as built:
        yield built


@pytest.fixture
def opened(installation: InstallationWithTypedCounts) -> Iterator[OpenInstallation]:
    with installation.open() as opened:
        yield opened


@pytest.fixture
def head_counts(opened: OpenInstallation) -> HeadCounts:
    return HeadCounts(lambda: opened.application, lambda _: None)


def count_of(opened: OpenInstallation, **changed: object) -> TypedCount:
    today = opened.application.run_context.moment().today
    count = TypedCount(
        unit=SCHOOL, whom=CountedGroup.PUPILS, school_form="GR", heads=5, counted_on=today, counted_by=BY
    )
    return replace(count, **changed)


def audit_lines(opened: OpenInstallation) -> list[tuple[str, str, str]]:
    with opened.ledger._read_transaction() as connection:
        rows = connection.exec_driver_sql("SELECT who, what, subject FROM audit ORDER BY id").all()
    return [(row.who, row.what, row.subject) for row in rows]


def test_a_typed_number_is_owed_as_one_of_a_list_is_and_nobody_is_kept(
    opened: OpenInstallation, head_counts: HeadCounts
) -> None:
    assert head_counts.enter(count_of(opened), who="stina") is None
    opened.run()

    records = [each.record for each in believed_records(opened.ledger)]
    (record,) = [record for record in records if isinstance(record, HeadcountRecord)]
    assert (record.unit_name, record.heads, record.school_form, record.counted_by) == (SCHOOL, 5, "GR", BY)
    assert opened.count("entitled", entitlement="pupils") == 5
    assert not opened.ledger.holds_persons()
    today = opened.application.run_context.moment().today
    assert audit_lines(opened)[-1] == ("stina", "entered a head count", f"{SCHOOL} pupils GR {today}: 5")


def test_a_number_of_the_same_day_replaces_and_one_of_a_later_day_counts_until_it_is_taken_back(
    installation: InstallationWithTypedCounts, opened: OpenInstallation, head_counts: HeadCounts
) -> None:
    first = count_of(opened)
    head_counts.enter(first, who="stina")
    corrected = replace(first, heads=6)

    assert head_counts.enter(corrected, who="stina") == first
    opened.run()
    assert opened.count("entitled", entitlement="pupils") == 6

    installation.advance_clock(days=3)
    newer = count_of(opened, heads=8)
    head_counts.enter(newer, who="stina")
    opened.run()
    assert opened.count("entitled", entitlement="pupils") == 8

    head_counts.remove(newer, who="stina")
    installation.advance_clock(days=1)
    opened.run()
    assert opened.count("entitled", entitlement="pupils") == 6
    assert [line[1] for line in audit_lines(opened)] == ["entered a head count"] * 3 + ["took a head count back"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"unit": "ingen"}, "ingen is no configured unit"),
        ({"unit": "central"}, "central is no configured unit"),
        ({"heads": -1}, "-1 is no number of persons"),
        ({"heads": 100_001}, "100001 is no number of persons"),
        ({"counted_on": date(2099, 1, 1)}, "2099-01-01 is a day to come"),
        ({"school_form": "FS"}, "does not go with whom is counted"),
        ({"school_form": "HITTAD"}, "does not go with whom is counted"),
        ({"year": 12}, "does not go with whom is counted"),
        ({"whom": CountedGroup.STAFF}, "does not go with whom is counted"),
        ({"counted_by": "rektor@exempelby.se"}, "write the function that answers"),
        ({"counted_by": ""}, "write the function that answers"),
        ({"counted_by": "=HYPERLINK(1)"}, "write the function that answers"),
        ({"counted_by": "rektor\nBäckskolan"}, "write the function that answers"),
    ],
)
def test_what_the_source_would_not_read_is_refused_and_nothing_is_written(
    installation: InstallationWithTypedCounts,
    opened: OpenInstallation,
    head_counts: HeadCounts,
    changed: dict[str, object],
    message: str,
) -> None:
    with pytest.raises(DecisionError, match=message) as refused:
        head_counts.enter(count_of(opened, **changed), who="stina")

    assert refused.value.text.sv != refused.value.text.en
    assert not installation.file.exists()


def test_a_file_that_somebody_else_wrote_is_left_as_it_is(
    installation: InstallationWithTypedCounts, opened: OpenInstallation, head_counts: HeadCounts
) -> None:
    for content, message in (
        ("Enhet;Antal\nBäckskolan;5\n", "other columns"),
        ("Enhet;Avser;Skolform;Årskurs;Antal;Datum;Lämnat av\nx;elever;GR;;fem;2026-11-20;y\n", "line 2"),
        ("", "other columns"),
    ):
        installation.file.write_text(content, encoding="utf-8")
        with pytest.raises(DecisionError, match=message):
            head_counts.enter(count_of(opened), who="stina")
        assert installation.file.read_text(encoding="utf-8") == content


def test_numbers_that_are_typed_at_once_are_all_kept(opened: OpenInstallation, tmp_path: Path) -> None:
    clock, path = opened.application.run_context.clock, tmp_path / "samtidigt.csv"

    def enter(number: int) -> None:
        with TypedCountFile(path, clock).changing() as counts:
            counts.append(count_of(opened, year=number % 10, counted_on=date(2026, 9, 1) + timedelta(days=number)))

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(TypedCountFile(path, clock).read()) == 20


def test_a_folder_that_cannot_be_written_to_is_named(
    installation: InstallationWithTypedCounts, opened: OpenInstallation, head_counts: HeadCounts
) -> None:
    installation.deliveries.rename(installation.deliveries.with_name("borta"))

    with pytest.raises(DecisionError, match="cannot be written there"):
        head_counts.enter(count_of(opened), who="stina")


def test_without_such_a_source_nothing_is_taken(tmp_path: Path) -> None:
    with Installation(tmp_path, people=1) as built, built.open() as opened:
        head_counts = HeadCounts(lambda: opened.application, lambda _: None)

        assert (head_counts.is_open(), head_counts.typed_counts()) == (False, ())
        with pytest.raises(DecisionError, match="typed = true"):
            head_counts.enter(count_of(opened), who="stina")


def test_a_source_of_typed_numbers_has_one_file(tmp_path: Path) -> None:
    several = SOURCE.replace("antal.csv", "antal_*.csv")

    with InstallationWithTypedCounts(tmp_path, people=1) as built:
        built.config.write_text(built.config.read_text("utf-8").replace(SOURCE, several), encoding="utf-8")

        with pytest.raises(RegistryError, match="one file without wildcards"), built.open():
            pass


# --- by command -------------------------------------------------------------------------------------------------------


def test_a_number_is_typed_listed_and_taken_back_by_command(
    installation: InstallationWithTypedCounts, opened: OpenInstallation
) -> None:
    day = opened.application.run_context.moment().today
    group = (SCHOOL, "pupils", "--school-form", "gr", "--year", "3")

    nothing = run_and_catch(installation, "headcount", "list")
    code, out, errors = run_and_catch(installation, "headcount", "set", *group, "24", "--by", BY)
    listed = run_and_catch(installation, "headcount", "list")
    again = run_and_catch(installation, "headcount", "set", *group, "25", "--by", BY)
    removed = run_and_catch(installation, "headcount", "remove", *group)
    twice = run_and_catch(installation, "headcount", "remove", *group)

    assert nothing[:2] == (0, "no number has been typed\n")
    assert (code, errors) == (0, "")
    assert f"{SCHOOL} pupils GR year 3, {day}: 24 is kept\n" in out
    assert listed[1] == f"{SCHOOL} pupils GR year 3, {day}: 24 ({BY})\n"
    assert "25 is kept, in place of 24" in again[1]
    assert "25 is taken back" in removed[1]
    assert (twice[0], "no such number" in twice[2]) == (2, True)


def test_a_number_that_cannot_be_meant_exits_2(
    installation: InstallationWithTypedCounts, opened: OpenInstallation
) -> None:
    code, _, errors = run_and_catch(installation, "headcount", "set", "ingen", "staff", "5", "--by", BY)

    assert (code, "ingen is no configured unit" in errors) == (2, True)
