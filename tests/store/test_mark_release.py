"""The marks of one wrong pull are taken back together, and nobody whom a source still marks is shown in between."""

from pathlib import Path

import pytest

from fleetsync.clock import ManualClock
from fleetsync.core.model import MembershipRecord, PersonRecord, Record
from fleetsync.pull.contract import Page, SourceUnavailable
from fleetsync.store.ledger import Ledger, StoreError
from tests.flow.fake_connector import FakeConnector, pages_then_error
from tests.store.ledger_samples import believed_records, device, dump, person
from tests.store.test_pending_marks import HOLD, LIMITS, believe, login_of, masked_ids, pull, read, reconcile, roster

REASON = "the column held another mark"
MARKED = tuple(range(1, 20))


def tablets(count: int) -> list[Record]:
    return [device(str(n), login_of(n)) for n in range(count)]


@pytest.fixture
def wrong(ledger: Ledger, clock: ManualClock) -> int:
    """The pull that marked 19 of 20 persons, and was accepted by mistake. All have a tablet."""
    believe(ledger, clock, *roster(20))
    believe(ledger, clock, *tablets(20), name="mdm")
    reconcile(ledger, clock)
    effect = read(ledger, clock, *roster(20, *MARKED))
    ledger.hold(effect.pull, HOLD)
    ledger.accept(effect.pull, "tove", "so it is", LIMITS)
    assert len(masked_ids(ledger)) == 3 * 19
    return effect.pull


def test_the_pull_that_brought_the_marks_is_listed_with_counts(ledger: Ledger, wrong: int) -> None:
    (marking,) = ledger.marking_pulls()

    assert (marking.pull, marking.source, marking.part) == (wrong, "hr", "things")
    assert (marking.persons, marking.marked_elsewhere, marking.released_by) == (19, 0, None)
    assert ledger.marking_pulls(min_persons=20) == ()


def test_a_first_pull_that_marks_many_is_listed_too(ledger: Ledger, clock: ManualClock) -> None:
    effect = believe(ledger, clock, *roster(20, *MARKED))

    assert [(each.pull, each.persons) for each in ledger.marking_pulls()] == [(effect.pull, 19)]


def test_the_decision_alone_shows_nobody(ledger: Ledger, clock: ManualClock, wrong: int) -> None:
    released = ledger.request_mark_release(wrong, "tove", REASON)
    believe(ledger, clock, *tablets(20), name="mdm")

    assert released.released_by == "tove"
    assert len(masked_ids(ledger)) == 3 * 19


def test_a_source_without_the_marks_makes_everything_as_it_was(ledger: Ledger, clock: ManualClock, wrong: int) -> None:
    before = {each.own_id: (each.thing_id, each.first_seen) for each in believed_records(ledger)}
    ledger.request_mark_release(wrong, "tove", REASON)
    believe(ledger, clock, *roster(20))
    believe(ledger, clock, *tablets(20), name="mdm")

    records = believed_records(ledger)
    assert (masked_ids(ledger), ledger.protected_tokens(), ledger.marking_pulls()) == (set(), frozenset(), ())
    assert {each.own_id: (each.thing_id, each.first_seen) for each in records} == before
    assert [each for each in records if each.absent_since is not None] == []


def test_whom_the_source_still_marks_stays_protected_and_has_a_mark_of_the_new_pull(
    ledger: Ledger, clock: ManualClock, wrong: int
) -> None:
    ledger.request_mark_release(wrong, "tove", REASON)
    effect = believe(ledger, clock, *roster(20, 7))
    believe(ledger, clock, *tablets(20), name="mdm")

    assert effect.newly_marked == 0
    assert len(masked_ids(ledger)) == 3
    assert [(each.pull, each.persons) for each in ledger.marking_pulls()] == [(effect.pull, 1)]
    # The decision was about the wrong pull: that this mark is gone later says nothing.
    believe(ledger, clock, *roster(20))
    assert len(masked_ids(ledger)) == 3


def test_devices_that_are_read_before_the_roster_stay_masked(ledger: Ledger, clock: ManualClock, wrong: int) -> None:
    ledger.request_mark_release(wrong, "tove", REASON)
    believe(ledger, clock, *tablets(20), name="mdm")
    believe(ledger, clock, *roster(20, 7))
    believe(ledger, clock, *tablets(20), name="mdm")

    assert "7" in masked_ids(ledger)
    assert "8" not in masked_ids(ledger)


def marked_roster(count: int, *marked: int) -> list[Record]:
    """As `roster`, of another source that has its own ids."""
    return [person(f"r{n}", login_of(n), protected=n in marked) for n in range(count)]


def test_whom_another_part_marks_stays_protected(ledger: Ledger, clock: ManualClock, wrong: int) -> None:
    believe(ledger, clock, *marked_roster(20, 3), name="register")
    assert ledger.request_mark_release(wrong, "tove", REASON).marked_elsewhere == 1
    believe(ledger, clock, *roster(20))
    believe(ledger, clock, *tablets(20), name="mdm")

    assert {"3"} == {id_ for id_ in masked_ids(ledger) if id_.isdigit()}


def test_whom_an_earlier_pull_protected_stays_protected(ledger: Ledger, clock: ManualClock) -> None:
    believe(ledger, clock, *roster(20, 4))
    effect = read(ledger, clock, *roster(20, *MARKED))
    ledger.hold(effect.pull, HOLD)
    ledger.accept(effect.pull, "tove", "so it is", LIMITS)
    ledger.request_mark_release(effect.pull, "tove", REASON)
    believe(ledger, clock, *roster(20))

    assert len(masked_ids(ledger)) == 2


def test_a_person_whom_two_parts_marked_wrongly_is_released_by_the_second(
    ledger: Ledger, clock: ManualClock, wrong: int
) -> None:
    second = believe(ledger, clock, *marked_roster(20, *MARKED), name="register")
    for each in (wrong, second.pull):
        ledger.request_mark_release(each, "tove", REASON)
    believe(ledger, clock, *roster(20))
    assert ledger.protected_tokens()

    believe(ledger, clock, *marked_roster(20), name="register")

    assert ledger.protected_tokens() == frozenset()


def test_who_is_not_read_stays_protected_until_they_are(ledger: Ledger, clock: ManualClock, wrong: int) -> None:
    ledger.request_mark_release(wrong, "tove", REASON)
    believe(ledger, clock, *roster(10))
    assert [each.persons for each in ledger.marking_pulls()] == [10]

    believe(ledger, clock, *roster(20))

    assert ledger.marking_pulls() == ()


def test_a_pull_that_breaks_off_ends_no_mark(ledger: Ledger, clock: ManualClock, wrong: int) -> None:
    ledger.request_mark_release(wrong, "tove", REASON)
    pull(ledger, clock, FakeConnector(pages_then_error(SourceUnavailable("hr: broke off"), Page(roster(20)))))

    assert len(masked_ids(ledger)) == 3 * 19


def test_an_id_that_is_a_token_already_is_read_in_clear_as_well(ledger: Ledger, clock: ManualClock) -> None:
    """Of a person who has no other id than a civic number: masked and in clear, the record has the same id."""

    def people(*, marked: bool) -> list[Record]:
        return [
            PersonRecord(source_id=f"~civic{n}", keys=person("u", login_of(n)).keys, protected=marked)
            for n in range(20)
        ]

    effect = believe(ledger, clock, *people(marked=False))
    effect = believe(ledger, clock, *people(marked=True))
    ledger.request_mark_release(effect.pull, "tove", REASON)
    believe(ledger, clock, *people(marked=False))

    assert masked_ids(ledger) == set()


def test_marks_on_memberships_name_the_person_by_their_id_alone(ledger: Ledger, clock: ManualClock) -> None:
    effect = believe(ledger, clock, *roster(20, *MARKED))
    assert any(isinstance(each.record, MembershipRecord) and each.masked for each in believed_records(ledger))

    assert ledger.request_mark_release(effect.pull, "tove", REASON).persons == 19


def test_a_pull_that_marked_nobody_has_nothing_to_take_back(ledger: Ledger, clock: ManualClock) -> None:
    effect = believe(ledger, clock, *roster(20))

    with pytest.raises(StoreError, match="Nothing was changed"):
        ledger.request_mark_release(effect.pull, "tove", REASON)


def test_decision_and_effect_are_in_the_audit_without_a_person(
    ledger: Ledger, clock: ManualClock, wrong: int, file: Path
) -> None:
    ledger.request_mark_release(wrong, "tove", REASON)
    believe(ledger, clock, *roster(20))

    decided, ended = (row[2:] for row in dump(file)["audit"])
    assert decided == ("tove", f"takes back the marks of pull {wrong}: {REASON}", "hr/things")
    assert ended[0] == "tove"
    assert str(ended[1]).startswith("the marks of 19 persons ended")
    assert dump(file)["mark_release"] == []


def test_marks_that_are_known_are_not_written_again(ledger: Ledger, clock: ManualClock, wrong: int, file: Path) -> None:
    before = dump(file)["protection_mark"]
    believe(ledger, clock, *roster(20, *MARKED))

    assert dump(file)["protection_mark"] == before


def test_a_person_who_is_released_alone_has_no_mark_left(ledger: Ledger, wrong: int) -> None:
    ledger.unprotect("p-u7", "tove", REASON)

    assert [each.persons for each in ledger.marking_pulls()] == [18]


def test_a_restored_copy_of_before_the_marks_does_not_lose_the_way_back(
    ledger: Ledger, clock: ManualClock, tmp_path: Path
) -> None:
    """Who was protected since the copy was taken stays so; then it must be known which pull marked them."""
    copy = tmp_path / "copy.db"
    believe(ledger, clock, *roster(20))
    ledger.backup(copy)
    effect = read(ledger, clock, *roster(20, *MARKED))
    ledger.hold(effect.pull, HOLD)
    ledger.accept(effect.pull, "tove", "so it is", LIMITS)
    ledger.restore(copy)
    assert [(each.pull, each.persons) for each in ledger.marking_pulls()] == [(effect.pull, 19)]

    ledger.request_mark_release(effect.pull, "tove", REASON)
    believe(ledger, clock, *roster(20))

    assert (masked_ids(ledger), ledger.protected_tokens()) == (set(), frozenset())
