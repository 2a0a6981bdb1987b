"""The turnover in the database: it comes back as the core made it, never turns back, and reveals no hidden person."""

from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from fleetsync.core.model import BelievedRecord, GroupRecord, Turnover
from fleetsync.core.privacy import key_tokeniser, mask_record
from fleetsync.store.ledger import Ledger, StaleReconciliation, StoreError
from tests.store.ledger_samples import (
    DAY,
    MONDAY,
    SECRET,
    address,
    believed_records,
    bytes_of,
    dump,
    membership,
    outcome,
    person,
    record_outcome,
    row_to_put,
    stage_and_apply,
    token_of,
)

ANNA = "anna.ek@exempelby.se"
TOKEN_OF = key_tokeniser(SECRET)


def a_school(ledger: Ledger) -> Turnover:
    """Three pupils and a class in the register, and their copies, not recorded yet."""
    rows = [row_to_put(membership(f"row-{who}", who, group="5b")) for who in ("anna", "bo", "cia")]
    people = [
        row_to_put(person("anna", ANNA)),
        row_to_put(person("bo", "bo.al@exempelby.se")),
        row_to_put(person("cia")),
    ]
    stage_and_apply(
        ledger, [*rows, *people, row_to_put(GroupRecord(source_id="5b", name="5B"))], source="skola", part="pupils"
    )
    copies = [
        BelievedRecord(source=entry.source, part=entry.part, record=entry.record, own_id="", first_seen=MONDAY)
        for entry in believed_records(ledger)
        if entry.type in ("membership", "group")
    ]
    in_order = sorted(copies, key=lambda entry: (entry.type.value, entry.record.source_id))
    return Turnover(
        first_school_day=date(2027, 8, 16),
        last_school_day=date(2027, 6, 10),
        copied_at=MONDAY,
        copies=tuple(in_order),
    )


def recorded(ledger: Ledger, turnover: Turnover | None) -> Turnover | None:
    record_outcome(ledger, outcome(MONDAY, turnover=turnover))
    return ledger.believed(()).turnover


def test_a_turnover_comes_back_as_it_was_found(ledger: Ledger) -> None:
    turnover = a_school(ledger)

    assert ledger.believed(()).turnover is None
    assert recorded(ledger, turnover) == turnover
    turned = replace(turnover, turned_at=MONDAY + DAY, how="most")
    assert recorded(ledger, turned) == turned
    dwindled = replace(turned, copies=turned.copies[1:2])
    assert recorded(ledger, dwindled) == dwindled


def test_recorded_again_nothing_is_written(ledger: Ledger, file: Path) -> None:
    turnover = a_school(ledger)
    recorded(ledger, turnover)
    before = dump(file, "reconciliation", "counter")

    assert "turnover" not in record_outcome(ledger, outcome(MONDAY, turnover=turnover)).written
    assert "turnover" not in record_outcome(ledger, outcome(MONDAY)).written
    assert dump(file, "reconciliation", "counter") == before


def test_a_part_that_is_copied_later_is_added(ledger: Ledger) -> None:
    turnover = a_school(ledger)

    recorded(ledger, replace(turnover, copies=turnover.copies[:2]))
    assert recorded(ledger, turnover) == turnover


def test_another_first_school_day_takes_the_copies_along(ledger: Ledger) -> None:
    turnover = a_school(ledger)
    recorded(ledger, turnover)
    moved = replace(turnover, first_school_day=date(2027, 8, 18))

    assert recorded(ledger, moved) == moved


def test_the_next_year_stands_beside_the_last(ledger: Ledger, file: Path) -> None:
    turnover = a_school(ledger)
    recorded(ledger, turnover)
    days = {"first_school_day": date(2028, 8, 21), "last_school_day": date(2028, 6, 14), "copied_at": MONDAY + DAY}
    following = replace(
        turnover, **days, copies=tuple(replace(entry, first_seen=MONDAY + DAY) for entry in turnover.copies)
    )

    assert recorded(ledger, following) == following
    assert len(dump(file)["turnover"]) == 2


def test_what_another_process_copied_first_stands(ledger: Ledger) -> None:
    turnover = a_school(ledger)
    recorded(ledger, turnover)

    assert recorded(ledger, replace(turnover, copied_at=MONDAY + DAY, copies=())) == turnover


def test_by_hand_it_turns_once_and_what_was_judged_before_does_not_turn_it_back(ledger: Ledger) -> None:
    turnover = a_school(ledger)
    recorded(ledger, turnover)
    ledger.turn_by_hand(MONDAY + DAY)

    turned = replace(turnover, turned_at=MONDAY + DAY, how="by_hand")
    assert ledger.believed(()).turnover == turned
    assert recorded(ledger, turnover) == turned
    assert recorded(ledger, replace(turnover, turned_at=MONDAY + 2 * DAY, how="latest")) == turned
    with pytest.raises(StoreError, match="fleetsync turnover status"):
        ledger.turn_by_hand(MONDAY + 2 * DAY)


def test_without_a_turnover_nothing_can_be_turned(ledger: Ledger) -> None:
    with pytest.raises(StoreError, match="no turnover waits"):
        ledger.turn_by_hand(MONDAY)


def test_a_protected_person_is_masked_in_the_copies_and_meets_the_masked_row(ledger: Ledger) -> None:
    recorded(ledger, a_school(ledger))
    before = {entry.record for entry in believed_records(ledger)}

    ledger.protect([token_of(address(ANNA))], MONDAY + DAY)

    turnover = ledger.believed(()).turnover
    assert turnover is not None
    (masked_copy,) = (entry for entry in turnover.copies if entry.masked)
    assert masked_copy.record in {mask_record(record, TOKEN_OF, source="skola") for record in before}
    assert masked_copy.record in {entry.record for entry in believed_records(ledger)}


@pytest.mark.parametrize("is_recorded_before", [False, True])
@pytest.mark.parametrize("action", ["protect", "erase"])
def test_a_person_protected_or_erased_while_the_core_computes_is_not_brought_back(
    ledger: Ledger, file: Path, action: str, is_recorded_before: bool
) -> None:
    turnover = a_school(ledger)
    if is_recorded_before:
        recorded(ledger, turnover)
    believed = ledger.believed(())
    getattr(ledger, action)([token_of(address(ANNA))], MONDAY + DAY)

    with pytest.raises(StaleReconciliation):
        ledger.record(outcome(MONDAY, turnover=turnover), believed)

    assert b"row-anna" not in bytes_of(file)
    left = ledger.believed(()).turnover
    copies = left.copies if left is not None else ()
    others = {"row-bo", "row-cia", "5b"} if is_recorded_before else set()
    assert {entry.record.source_id for entry in copies if not entry.masked} == others
    assert any(entry.masked for entry in copies) == (is_recorded_before and action == "protect")


def test_what_is_dropped_while_the_core_judges_is_not_brought_back(ledger: Ledger) -> None:
    turnover = a_school(ledger)
    ledger.drop_source("skola")

    assert recorded(ledger, turnover) == replace(turnover, copies=())


def test_a_source_that_is_dropped_takes_its_copies_along(ledger: Ledger) -> None:
    turnover = a_school(ledger)
    recorded(ledger, turnover)
    ledger.drop_source("skola")

    assert ledger.believed(()).turnover == replace(turnover, copies=())


def test_a_turnover_is_kept_until_the_next(ledger: Ledger) -> None:
    recorded(ledger, replace(a_school(ledger), turned_at=MONDAY, how="most"))

    ledger.purge(MONDAY + 370 * DAY)
    assert ledger.believed(()).turnover is not None
    ledger.purge(MONDAY + 401 * DAY)
    assert ledger.believed(()).turnover is None
