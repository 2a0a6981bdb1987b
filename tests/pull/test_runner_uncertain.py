"""Rows of which it is not certain which record they are, because a fact of their id cannot be read."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace

from fleetsync.core.model import MembershipRecord, MembershipType, PersonRecord, PullEffect, PullLimits, RecordType
from fleetsync.pull.contract import Part, RejectedRecord, UncertainRecord, UnreadableFact
from tests.flow.fake_connector import FakeConnector, pages
from tests.flow.installation import Installation, OpenInstallation, StaffFileRow

PART = Part("people", (RecordType.PERSON, RecordType.MEMBERSHIP))
NO_DATE = UnreadableFact("start", "is not a date", "people.csv line 2")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as opened:
        yield opened


def read(opened: OpenInstallation, *raws: Any, **page: Any) -> PullEffect:
    """Pulled and believed."""
    source = FakeConnector(pages(list(raws), **page), PART).source()
    pulled = opened.application.run_context.runner.pull(source, PART, Event())
    assert pulled.effect is not None, pulled.reason
    effect = opened.ledger.effect(pulled.pull)
    opened.ledger.apply(effect, PullLimits(grace_pulls=1, grace_hours=0))
    return effect


def changes(effect: PullEffect) -> dict[str, str]:
    return {row.source_id: row.change.value for row in effect.rows if row.type is RecordType.MEMBERSHIP}


def a_person(**fields: Any) -> PersonRecord:
    return PersonRecord(source_id="p1", **fields)


def an_employment(start: str, unit: str = "3100", **fields: Any) -> MembershipRecord:
    source_id = f"p1/{unit}/{start}"
    return MembershipRecord(source_id=source_id, person="p1", membership=MembershipType.EMPLOYMENT, **fields)


def uncertain(start: str = "?", unit: str = "3100", **fields: Any) -> UncertainRecord:
    record = an_employment(start, unit, unreadable=("start",), **fields)
    return UncertainRecord(record, f"p1/{unit}/", (NO_DATE,))


def believed(opened: OpenInstallation) -> list[str]:
    known = opened.application.run_context.believed().known
    return sorted(each.record.source_id for each in known if each.type is RecordType.MEMBERSHIP and not each.gone)


def test_the_only_record_that_it_can_be_stays_as_it_was_believed(opened: OpenInstallation) -> None:
    read(opened, a_person(), an_employment("2015-08-01"))

    for _ in range(3):
        effect = read(opened, a_person(), uncertain(share=0.5))

        assert changes(effect) == {}
        assert (effect.rejected, effect.unreadable_facts) == ({"start is not a date": 1}, {})
        assert [(row.place, row.fact) for row in effect.unreadable] == [("people.csv line 2", None)]
    assert believed(opened) == ["p1/3100/2015-08-01"]


def test_without_such_a_record_it_is_new_and_its_fact_is_named(opened: OpenInstallation) -> None:
    read(opened, a_person())

    first, again = read(opened, a_person(), uncertain()), read(opened, a_person(), uncertain())

    assert (changes(first), changes(again)) == ({"p1/3100/?": "put"}, {})
    for effect in (first, again):
        assert (effect.rejected, effect.unreadable_facts) == ({}, {"start: is not a date": 1})


def test_a_new_one_that_is_believed_follows_what_its_row_says(opened: OpenInstallation) -> None:
    read(opened, a_person(), uncertain())

    assert changes(read(opened, a_person(), uncertain(share=0.5))) == {"p1/3100/?": "put"}


def test_a_record_that_another_row_is_cannot_be_it(opened: OpenInstallation) -> None:
    read(opened, a_person(), an_employment("2015-08-01"))

    assert changes(read(opened, a_person(), an_employment("2015-08-01"), uncertain())) == {"p1/3100/?": "put"}


def test_a_record_at_another_place_cannot_be_it(opened: OpenInstallation) -> None:
    read(opened, a_person(), an_employment("2015-08-01", "3200"))

    effect = read(opened, a_person(), uncertain())

    assert changes(effect) == {"p1/3100/?": "put", "p1/3200/2015-08-01": "absent"}


def test_one_that_is_gone_cannot_be_it(opened: OpenInstallation) -> None:
    read(opened, a_person(), an_employment("2015-08-01"))
    read(opened, a_person())
    read(opened, a_person())

    assert changes(read(opened, a_person(), uncertain())) == {"p1/3100/?": "put"}


def test_one_that_is_absent_is_there_again(opened: OpenInstallation) -> None:
    read(opened, a_person(), an_employment("2015-08-01"))
    read(opened, a_person())

    assert changes(read(opened, a_person(), uncertain())) == {"p1/3100/2015-08-01": "return"}


def test_of_more_rows_than_records_the_rest_is_new(opened: OpenInstallation) -> None:
    read(opened, a_person(), an_employment("2015-08-01"))

    effect = read(opened, a_person(), uncertain("?"), uncertain("?/2"))

    assert changes(effect) == {"p1/3100/?/2": "put"}
    assert (sum(effect.rejected.values()), sum(effect.unreadable_facts.values())) == (1, 1)


def test_of_fewer_rows_than_records_none_is_absent(opened: OpenInstallation) -> None:
    read(opened, a_person(), an_employment("2015-08-01"), an_employment("2020-08-01"))

    assert changes(read(opened, a_person(), uncertain())) == {}


def test_the_row_of_a_protected_person_keeps_what_is_believed_under_tokens(opened: OpenInstallation) -> None:
    read(opened, a_person(protected=True), an_employment("2015-08-01"))
    (masked,) = believed(opened)

    for _ in range(2):
        assert changes(read(opened, a_person(), uncertain())) == {}
    assert believed(opened) == [masked]


def test_somebody_who_becomes_protected_by_the_very_pull_keeps_the_employment(opened: OpenInstallation) -> None:
    read(opened, a_person(), an_employment("2015-08-01"))

    read(opened, a_person(protected=True), uncertain())
    read(opened, a_person(protected=True), uncertain())

    assert len(believed(opened)) == 1


def test_an_entry_that_is_lost_keeps_the_memberships_of_a_protected_person(opened: OpenInstallation) -> None:
    read(opened, a_person(protected=True), an_employment("2015-08-01"))
    lost = RejectedRecord("an enrolment cannot be read", "p1", "p1/", RecordType.MEMBERSHIP, is_prefix=True)

    assert changes(read(opened, a_person(), rejected=(lost,))) == {}


def test_the_numbers_behind_an_unreadable_id_are_part_of_it(opened: OpenInstallation) -> None:
    read(opened, a_person(), an_employment("2015-08-01"), an_employment("2015-08-01/2"))
    lost = RejectedRecord("more fields than the header", "line 2", "p1/3100/2015-08-01", RecordType.MEMBERSHIP)

    assert changes(read(opened, a_person(), an_employment("2015-08-01"), rejected=(lost,))) == {}


# -------------------------------------------------------------------------- a first day of a staff file that cannot be read


def write_next_staff_file(installation: Installation, first_day: str, n: int) -> None:
    """An edition of the next day, in which employee *n* has *first_day*."""
    installation.advance_clock(days=1)
    installation.staff = [replace(row, first=first_day) if row.n == n else row for row in installation.staff]
    installation.write_staff(installation.today)


def test_an_employee_whose_first_day_becomes_unreadable_stays_entitled(
    installation: Installation, opened: OpenInstallation
) -> None:
    opened.run()
    before = opened.count("entitled")

    for _ in range(3):
        write_next_staff_file(installation, "2020-8-1", n=3)
        report = opened.run("personal")

        assert [applied.effect.rejected for applied in report.applied] == [{"start is not a date": 1}]
        assert (opened.count("entitled"), opened.count("undecided")) == (before, 0)

    write_next_staff_file(installation, "2020-08-01", n=3)
    report = opened.run("personal")

    assert [(applied.effect.rejected, applied.effect.rows) for applied in report.applied] == [({}, ())]
    assert opened.count("entitled") == before


def test_a_new_employee_with_an_unreadable_first_day_is_undecided_until_it_is_read(
    installation: Installation, opened: OpenInstallation
) -> None:
    opened.run()
    before = opened.count("entitled")

    installation.staff.append(StaffFileRow(n=len(installation.staff) + 1))
    for _ in range(3):
        write_next_staff_file(installation, "i augusti", n=len(installation.staff))
        opened.run("personal")

        assert (opened.count("entitled"), opened.count("undecided")) == (before, 1)

    write_next_staff_file(installation, "2020-08-01", n=len(installation.staff))
    opened.run("personal")

    assert (opened.count("entitled"), opened.count("undecided")) == (before + 1, 0)
