from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert

from fleetsync.core.model import (
    UNPLACED,
    Correction,
    Key,
    Override,
    Parking,
    PullLimits,
    RowChange,
    Scheme,
    Subject,
    Text,
    Verdict,
)
from fleetsync.core.privacy import key_tokeniser, mask_record, tokenise_id
from fleetsync.store import tables as t
from fleetsync.store.ledger import RETENTION, Ledger
from fleetsync.store.ledger.base import encode_record
from tests.store.ledger_samples import (
    DAY,
    HOUR,
    MONDAY,
    REASON,
    SECRET,
    TODAY,
    address,
    assignment,
    believed_records,
    bytes_of,
    coverage,
    device,
    device_case,
    dump,
    episode,
    ledger_at,
    login,
    membership,
    outcome,
    owed,
    person,
    person_case,
    record_outcome,
    row_of_change,
    row_to_put,
    stage_and_apply,
    stage_pull,
    token_of,
)

TOKEN_OF = key_tokeniser(SECRET)
ANNA = "anna.ek@exempelby.se"
HER_TOKEN = token_of(address(ANNA))
HER_WORDS = (b"anna.ek", b"Anna Ek", b"aek01", b"ae-4711", b"vretaskolan-5b", b"Annas", b"HEMLIGA")
BOS_WORDS = (b"bo.al@exempelby.se", b"ba-4712")


def a_school(ledger: Ledger) -> None:
    """Anna, who will be protected, and Bo, who will not, in every table where a person can be."""
    pupils = [
        row_to_put(person("ae-4711", ANNA, name="Anna Ek")),
        row_to_put(person("ba-4712", "bo.al@exempelby.se")),
        row_to_put(membership("ae-4711/vretaskolan-5b", "ae-4711", group="vretaskolan-5b", unit_name="HEMLIGA skolan")),
        row_to_put(membership("ba-4712/ekskolan-2a", "ba-4712", group="ekskolan-2a")),
    ]
    stage_and_apply(ledger, pupils, source="skola", part="pupils")
    # Another source knows Anna by the same address, and by an account that the register does not have.
    both = person("guid-1", ANNA)
    account = Key(Scheme.ACCOUNT, "exempelby", "aek01")
    entra = row_to_put(type(both)(source_id=both.source_id, keys=(*both.keys, account)))
    stage_and_apply(ledger, [entra], source="entra", part="users")
    her_records = row_to_put(device("7", ANNA, name="Annas iPad", location="HEMLIGA skolan"), last_contact_at=MONDAY)
    windows = device("8")
    by_account = row_to_put(type(windows)(source_id="8", serial="SERIAL8", keys=(account,), groups=("HEMLIGA skolan",)))
    stage_and_apply(ledger, [her_records, by_account, row_to_put(device("9", "bo.al@exempelby.se"))])
    pull = stage_pull(
        ledger,
        [row_to_put(device("7", ANNA, name="Annas nya"), 2), row_to_put(person("ae-4711", ANNA), 2)],
        at=MONDAY + HOUR,
    )
    ledger.hold(pull.pull, ())
    _remember(ledger)
    _decide(ledger)


def _remember(ledger: Ledger) -> None:
    of = {"ae-4711": "p1", "ae-4711/vretaskolan-5b": "p1", "guid-1": "p1", "ba-4712": "p2", "ba-4712/ekskolan-2a": "p2"}
    resolved_ids = tuple(
        (entry, of.get(entry.record.source_id, "d" + entry.record.source_id)) for entry in believed_records(ledger)
    )
    mine = tuple(entry for entry, thing in resolved_ids if entry.type == "membership" and thing == "p1")
    secret = Text("på HEMLIGA skolan", "at HEMLIGA skolan")
    record_outcome(
        ledger,
        outcome(
            people=(person_case("p1", memberships=mine), person_case("p2")),
            devices=(device_case("d7"), device_case("d9")),
            owed=(owed("p1", reason=secret, groups=("vretaskolan-5b",)), owed("p2")),
            assignments=(assignment("d7", "p1", reason=secret), assignment("d9", "p2")),
            episodes=(
                episode("no_device", "p1", reason=secret),
                episode("stale", "d7", subject=Subject.DEVICE, reason=secret),
                episode("no_device", "p2"),
            ),
            logins=(login(ANNA, "p1"), login("bo.al@exempelby.se", "p2")),
            resolved_ids=resolved_ids,
        ),
    )


def _decide(ledger: Ledger) -> None:
    ledger.park(Parking(kind="no_device", subject_id="p1", until=TODAY, reason="Anna Ek är borta"), "drift")
    ledger.correct(Correction(device="d7", field="unit", value="HEMLIGA skolan", reason="Anna Ek har det"), "drift")
    ledger.correct(Correction(device="d9", field="holder", value="p1", reason=""), "drift")
    overrides = [
        Override(serial="SERIAL7", person=address(ANNA)),
        Override(login=address(ANNA), person=address("bo.al@exempelby.se")),
        Override(serial="SERIAL9", person=address("bo.al@exempelby.se")),
    ]
    ledger.set_overrides(overrides, "drift")
    first_day = date(2027, 8, 16)
    copy = membership("ae-4711/vretaskolan-5b", "ae-4711", group="vretaskolan-5b")
    with ledger._write_transaction() as connection:
        days = {"first_school_day": first_day, "last_school_day": date(2027, 6, 10)}
        connection.execute(insert(t.turnover).values(copied_at=MONDAY, **days))
        row = {"first_school_day": first_day, "source": "skola", "part": "pupils", "type": "membership"}
        connection.execute(
            insert(t.turnover_membership).values(row | {"source_id": copy.source_id, "body": encode_record(copy)})
        )


def test_what_is_to_be_found_in_the_bytes_is_there_before(ledger: Ledger, file: Path) -> None:
    a_school(ledger)

    assert [word for word in (*HER_WORDS, *BOS_WORDS) if word not in bytes_of(file)] == []


def test_a_newly_protected_person_leaves_no_byte_of_key_name_or_place(ledger: Ledger, file: Path) -> None:
    a_school(ledger)

    ledger.protect([HER_TOKEN], MONDAY + DAY)

    left = bytes_of(file)
    assert [word for word in HER_WORDS if word in left] == []
    assert [word for word in BOS_WORDS if word not in left] == []
    assert ledger.verify() == ()


def test_the_marks_of_all_keys_of_a_protected_person_are_kept(ledger: Ledger) -> None:
    a_school(ledger)

    ledger.protect([HER_TOKEN], MONDAY + DAY)

    account = token_of(Key(Scheme.ACCOUNT, "exempelby", "aek01"))
    assert {HER_TOKEN, account, tokenise_id("skola", "ae-4711", TOKEN_OF)} <= ledger.protected_tokens()
    assert token_of(address("bo.al@exempelby.se")) not in ledger.protected_tokens()


def test_masked_rows_still_meet_each_other_and_only_those_of_the_person_are_masked(ledger: Ledger) -> None:
    a_school(ledger)
    before = {entry.own_id: entry for entry in believed_records(ledger)}

    ledger.protect([HER_TOKEN], MONDAY + DAY)

    her_records = [entry for entry in believed_records(ledger) if entry.masked]
    assert {entry.thing_id for entry in her_records} == {"p1", "d7", "d8"}
    assert {entry.record for entry in her_records} == {
        mask_record(before[entry.own_id].record, TOKEN_OF, source=entry.source) for entry in her_records
    }
    assert all(before[entry.own_id] == entry for entry in believed_records(ledger) if not entry.masked)


def test_a_held_pull_of_a_protected_person_brings_nothing_back(ledger: Ledger, file: Path) -> None:
    a_school(ledger)
    waiting = ledger.find_held_pull("jamf", "devices")
    assert waiting is not None
    ledger.protect([HER_TOKEN], MONDAY + DAY)

    ledger.accept(waiting.pull, "strategen", "true")

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []


def test_history_keeps_that_somebody_was_owed_a_device_and_not_where(ledger: Ledger) -> None:
    a_school(ledger)

    ledger.protect([HER_TOKEN], MONDAY + DAY)

    nowhere = Text("", "")
    assert set(ledger.owed_as_of(MONDAY)) == {owed("p1", unit=UNPLACED, groups=(), reason=nowhere), owed("p2")}
    assignments_given = {entry.assignment for entry in ledger.assignments_as_of(MONDAY)}
    assert assignments_given == {assignment("d7", "p1", unit=UNPLACED, reason=nowhere), assignment("d9", "p2")}
    assert {(entry.subject_id, entry.unit, entry.reason) for entry in ledger.gaps_as_of(MONDAY)} == {
        ("p1", UNPLACED, nowhere),
        ("d7", UNPLACED, nowhere),
        ("p2", "vretaskolan", REASON),
    }


def test_decisions_about_a_protected_person_hold_by_token_and_name_nobody(ledger: Ledger) -> None:
    a_school(ledger)

    ledger.protect([HER_TOKEN], MONDAY + DAY)

    believed = ledger.believed(())
    her_records = address(HER_TOKEN)
    bo = address("bo.al@exempelby.se")
    assert [(entry.login, entry.person) for entry in believed.overrides] == [
        (None, her_records),
        (her_records, bo),
        (None, bo),
    ]
    assert {entry.key for entry in believed.logins} == {her_records, bo}


def test_protecting_twice_changes_nothing(ledger: Ledger, file: Path) -> None:
    a_school(ledger)
    ledger.protect([HER_TOKEN], MONDAY + DAY)
    before = dump(file, "counter")

    ledger.protect([HER_TOKEN], MONDAY + 2 * DAY)

    assert dump(file, "counter") == before


def test_protecting_nobody_we_know_keeps_the_mark_for_later(ledger: Ledger) -> None:
    assert ledger.protect(["~nobody"], MONDAY) == 0
    assert ledger.protect([], MONDAY) == 0

    assert ledger.protected_tokens() == {"~nobody"}


def test_a_row_that_came_masked_already_replaces_the_plain_one(ledger: Ledger) -> None:
    plain = person("ae-4711", ANNA)
    stage_and_apply(ledger, [row_to_put(plain)])
    stage_and_apply(ledger, [row_to_put(mask_record(plain, TOKEN_OF, source="jamf"), 2, masked=True)], at=MONDAY + HOUR)

    ledger.protect([HER_TOKEN], MONDAY + DAY)

    (only,) = believed_records(ledger)
    assert only.masked


def test_a_masked_row_goes_on_being_the_row_of_the_next_pull(ledger: Ledger) -> None:
    plain = person("ae-4711", ANNA)
    stage_and_apply(ledger, [row_to_put(plain)])
    ledger.protect([HER_TOKEN], MONDAY + HOUR)
    left = mask_record(plain, TOKEN_OF, source="jamf")
    assert ("person", left.source_id) in ledger.record_index("jamf", "devices")

    stage_and_apply(ledger, [row_to_put(left, 2, masked=True)], at=MONDAY + DAY)

    (only,) = believed_records(ledger)
    assert only.first_seen == MONDAY


# --- erased -----------------------------------------------------------------------------------------------------------


def test_an_erased_person_is_nowhere_and_the_marks_are_kept(ledger: Ledger, file: Path) -> None:
    a_school(ledger)

    ledger.erase([HER_TOKEN], MONDAY + DAY)

    left = bytes_of(file)
    assert [word for word in HER_WORDS if word in left] == []
    assert [word for word in BOS_WORDS if word not in left] == []
    assert HER_TOKEN in ledger.erased_tokens()
    assert ledger.protected_tokens() == frozenset()
    for rows in dump(file).values():
        assert not [row for row in rows if "p1" in row]


def test_the_devices_of_an_erased_person_stay_without_the_person(ledger: Ledger) -> None:
    a_school(ledger)

    ledger.erase([HER_TOKEN], MONDAY + DAY)

    assert {entry.record.source_id for entry in believed_records(ledger) if entry.type == "device"} == {"7", "8", "9"}
    assert {entry.thing_id for entry in believed_records(ledger) if entry.type != "device"} == {"p2"}
    assert {entry.assignment.subject_id for entry in ledger.believed(()).assignments} == {"p2"}
    assert {entry.person for entry in ledger.believed(()).overrides} == {address("bo.al@exempelby.se")}


@pytest.mark.parametrize("is_erased", [False, True])
def test_a_restored_copy_brings_nobody_back(ledger: Ledger, file: Path, tmp_path: Path, is_erased: bool) -> None:
    a_school(ledger)
    copy = tmp_path / "copies" / "monday.db"
    ledger.backup(copy)
    (ledger.erase if is_erased else ledger.protect)([HER_TOKEN], MONDAY + DAY)

    ledger.restore(copy)

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []
    assert HER_TOKEN in (ledger.erased_tokens() if is_erased else ledger.protected_tokens())


# --- retention --------------------------------------------------------------------------------------------------------


def test_a_vanished_record_goes_a_term_later_with_its_bytes(ledger: Ledger, file: Path) -> None:
    at_once = PullLimits(grace_pulls=0, grace_hours=0)
    stage_and_apply(ledger, [row_to_put(device("7", ANNA)), row_to_put(device("9"))])
    for number in (1, 2):
        absent = [row_of_change(RowChange.ABSENT, device("7", ANNA))]
        ledger.apply(stage_pull(ledger, absent, at=MONDAY + number * DAY), at_once)

    ledger.purge(MONDAY + 180 * DAY)
    assert b"anna.ek" in bytes_of(file)

    assert ledger.purge(MONDAY + 182 * DAY)["record"] == 1
    assert b"anna.ek" not in bytes_of(file)
    assert len(believed_records(ledger)) == 1


def test_history_goes_eighteen_months_after_it_ended_and_what_holds_now_stays(ledger: Ledger) -> None:
    both = {
        "owed": (owed("p1"), owed("p2")),
        "assignments": (assignment("d1", "p1"), assignment("d2", "p2")),
        "episodes": (episode("no_device", "p1"), episode("no_device", "p2")),
    }
    record_outcome(ledger, outcome(MONDAY, **both))
    record_outcome(ledger, outcome(MONDAY + DAY, **{name: rows[:1] for name, rows in both.items()}))

    assert ledger.purge(MONDAY + 548 * DAY) == {}
    gone = ledger.purge(MONDAY + 550 * DAY)

    assert {kind: gone[kind] for kind in ("owed", "assignment", "gap")} == {"owed": 1, "assignment": 1, "gap": 1}
    assert len(ledger.owed_as_of(MONDAY + 550 * DAY)) == 1
    assert ledger.counters()["gaps_closed_total", "no_device"] == 1


def test_coverage_stays_and_of_pulls_and_reconciliations_the_newest(ledger: Ledger) -> None:
    for number in range(2):
        stage_and_apply(ledger, [row_to_put(device("1"), number)], at=MONDAY + number * DAY)
        day = TODAY + number * DAY
        record_outcome(ledger, outcome(MONDAY + number * DAY, coverage=(coverage(day),)))
    held_pull = stage_pull(ledger, [row_to_put(device("2"))], part="users").pull
    ledger.hold(held_pull, ())

    gone = ledger.purge(MONDAY + 3000 * DAY)

    assert gone == {"pull": 1, "reconciliation": 1}
    assert [line.id for line in ledger.pulls()] == [held_pull, 2]
    assert [ledger.coverage_as_of(day)[0].day for day in (TODAY, TODAY + DAY)] == [TODAY, TODAY + DAY]


def test_log_ins_go_with_the_person_and_those_of_somebody_known_stay(ledger: Ledger) -> None:
    logins = (login(ANNA, "p1"), login("bo.al@exempelby.se", "p2"))
    record_outcome(ledger, outcome(people=(person_case("p2"),), logins=logins))

    assert ledger.purge(MONDAY + 181 * DAY)["login"] == 1
    assert [entry.person for entry in ledger.believed(()).logins] == ["p2"]


def test_decisions_go_a_term_after_they_ended_and_those_without_an_end_stay(ledger: Ledger) -> None:
    ledger.park(Parking(kind="stale", subject_id="d1", until=TODAY), "drift")
    overrides = [Override(serial="S1", person=address(ANNA), until=TODAY), Override(serial="S2", person=address(ANNA))]
    ledger.set_overrides(overrides, "drift")
    ledger.audit("drift", "looked", "p1")

    assert ledger.purge(MONDAY + 180 * DAY) == {}
    assert ledger.purge(MONDAY + 800 * DAY) == {"parked": 1, "override": 1, "audit": 1}
    assert [entry.serial for entry in ledger.believed(()).overrides] == ["S2"]


def test_a_deleted_row_leaves_no_byte_behind(ledger: Ledger, file: Path) -> None:
    stage_and_apply(ledger, [row_to_put(device(str(number), f"elev{number}@exempelby.se")) for number in range(500)])
    ledger.drop_source("jamf")

    ledger.purge(MONDAY)

    assert b"@exempelby.se" not in bytes_of(file)


def test_a_configured_retention_counts(ledger: Ledger) -> None:
    ledger.audit("drift", "looked", "p1")

    assert ledger.purge(MONDAY + DAY, {**RETENTION, "audit": HOUR}) == {"audit": 1}


def test_a_row_staged_by_a_pull_that_began_before_the_marking_is_masked_all_the_same(tmp_path: Path) -> None:
    """Sources are read side by side: the list of devices knows nothing of the mark that the register has just given."""
    file = tmp_path / "fleetsync.db"
    with ledger_at(file) as ledger:
        pull = ledger.begin_pull("jamf", "devices", MONDAY)
        ledger.protect([HER_TOKEN], MONDAY)

        ledger.stage_rows(pull, [row_to_put(device("d1", ANNA)), row_to_put(device("d2", "bo.al@exempelby.se"))])

        rows = {row.source_id: row for row in ledger.effect(pull).rows}
        assert (rows["d1"].masked, rows["d2"].masked) == (True, False)
        ledger.fail_pull(pull, Verdict.FAILED, "enough")
    assert ANNA.encode() not in bytes_of(file)
