"""Children of förskola and förskoleklass: their log-ins are kept as tokens, whichever source gives them, in any order."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import event

from fleetsync.core.model import DeviceRecord, Key, Override, PersonRecord, RowChange, Scheme, StagedRow
from fleetsync.store.ledger import Ledger, StaleReconciliation
from tests.store.ledger_samples import (
    DAY,
    HOUR,
    MONDAY,
    address,
    believed_records,
    bytes_of,
    device,
    dump,
    login,
    outcome,
    person,
    record_outcome,
    row_of_change,
    row_to_put,
    stage_and_apply,
    stage_pull,
    token_of,
)

TINDRA = "tindra.al@exempelby.se"
ACCOUNT = Key(Scheme.ACCOUNT, "exempelby", "tial01")
HER_WORDS = (b"tindra", b"Tindra", b"tial01")


A_CHILD = PersonRecord(source_id="b-1", keys=(Key(Scheme.ADDRESS, "", token_of(address(TINDRA))),), child=True)


def of_tindra() -> StagedRow:
    """As the runner stages a child."""
    return row_to_put(A_CHILD)


ENTRA = PersonRecord(source_id="guid-1", keys=(address(TINDRA), ACCOUNT), name="Tindra Al")
IPAD = device("7", TINDRA, name="Tindras iPad", location="Ugglan")
BY_ACCOUNT = DeviceRecord(source_id="8", serial="SERIAL8", keys=(ACCOUNT,))


def stage_source(ledger: Ledger, which: str) -> None:
    if which == "skola":
        stage_and_apply(ledger, [of_tindra()], source="skola", part="children")
    elif which == "entra":
        stage_and_apply(ledger, [row_to_put(ENTRA)], source="entra", part="users")
    else:
        stage_and_apply(
            ledger, [row_to_put(IPAD), row_to_put(BY_ACCOUNT), row_to_put(device("9", "bo.al@exempelby.se"))]
        )
        record_outcome(ledger, outcome(logins=(login(TINDRA, "p1"), login("bo.al@exempelby.se", "p2"))))
        ledger.set_overrides([Override(serial="SERIAL7", person=address(TINDRA))], "drift")


@pytest.mark.parametrize("order", list(permutations(["skola", "entra", "jamf"])))
def test_the_log_in_of_a_child_is_in_no_byte_of_the_database(
    ledger: Ledger, file: Path, order: tuple[str, ...]
) -> None:
    for which in order:
        stage_source(ledger, which)

    assert [word for word in HER_WORDS if word not in bytes_of(file)] == []
    ledger.tokenise_child_logins(ledger.child_tokens())

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []
    assert b"bo.al@exempelby.se" in bytes_of(file)
    assert ledger.verify() == ()


def test_the_records_of_a_child_still_meet(ledger: Ledger) -> None:
    for which in ("skola", "entra", "jamf"):
        stage_source(ledger, which)
    ledger.tokenise_child_logins(ledger.child_tokens())

    keys = {entry.record.source_id: getattr(entry.record, "keys", ()) for entry in believed_records(ledger)}
    token_key = Key(Scheme.ADDRESS, "", token_of(address(TINDRA)))
    assert (keys["b-1"], keys["7"]) == ((token_key,), (token_key,))
    assert keys["guid-1"] == (token_key, *keys["8"])
    (ipad,) = (entry.record for entry in believed_records(ledger) if entry.record.source_id == "7")
    assert isinstance(ipad, DeviceRecord)
    assert (ipad.location, ipad.name) == ("Ugglan", None)
    assert not any(entry.masked for entry in believed_records(ledger))


def test_children_are_known_from_what_is_staged_and_what_is_staged_is_hidden(ledger: Ledger, file: Path) -> None:
    stage_pull(ledger, [of_tindra()], source="skola", part="children")
    waiting = stage_pull(ledger, [row_to_put(IPAD)])
    assert ledger.child_tokens() == {"skola": {token_of(address(TINDRA))}}

    ledger.tokenise_child_logins(ledger.child_tokens())

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []
    (row,) = ledger.effect(waiting.pull).rows
    assert isinstance(row.record, DeviceRecord)
    assert row.record.keys == (Key(Scheme.ADDRESS, "", token_of(address(TINDRA))),)


def test_hiding_who_is_hidden_writes_nothing(ledger: Ledger, file: Path) -> None:
    stage_source(ledger, "skola")
    stage_source(ledger, "jamf")
    ledger.tokenise_child_logins(ledger.child_tokens())
    before = dump(file)

    assert ledger.tokenise_child_logins(ledger.child_tokens()) == 0
    assert dump(file) == before


def gone(ledger: Ledger, record: PersonRecord, part: str = "children") -> None:
    for hours in (1, 30, 60):
        stage_and_apply(
            ledger, [row_of_change(RowChange.ABSENT, record)], source="skola", part=part, at=MONDAY + hours * HOUR
        )
    assert [entry.gone for entry in believed_records(ledger) if entry.part == part] == [True]


def test_a_child_who_left_the_register_stays_one_for_as_long_as_the_row(ledger: Ledger) -> None:
    for which in ("skola", "entra"):
        stage_source(ledger, which)
    token_key = ledger.child_tokens()["skola"]
    assert token_key == {token_of(address(TINDRA)), token_of(ACCOUNT)}

    gone(ledger, A_CHILD)

    assert ledger.child_tokens() == {"skola": token_key}
    ledger.purge(MONDAY + 300 * DAY)
    assert ledger.child_tokens() == {}


def test_a_child_who_left_has_grown_up_where_the_register_shows_a_pupil(ledger: Ledger) -> None:
    stage_source(ledger, "skola")
    gone(ledger, A_CHILD)
    # A directory knows nothing of anybody's age.
    stage_and_apply(ledger, [row_to_put(ENTRA)], source="entra", part="users", at=MONDAY + 61 * HOUR)
    assert "skola" in ledger.child_tokens()

    pupil = person("e-1", TINDRA)
    stage_and_apply(ledger, [row_to_put(pupil)], source="skola", part="pupils", at=MONDAY + 62 * HOUR)
    assert ledger.child_tokens() == {}

    gone(ledger, pupil, "pupils")
    assert "skola" in ledger.child_tokens()


def test_a_present_child_is_one_whatever_a_pupil_s_row_says(ledger: Ledger) -> None:
    alva = PersonRecord(source_id="b-2", keys=(address("alva@exempelby.se"),), child=True)
    stage_source(ledger, "skola")
    gone(ledger, A_CHILD)
    stage_and_apply(ledger, [row_to_put(alva)], source="skola", part="more children")
    stage_and_apply(ledger, [row_to_put(person("e-2", "alva@exempelby.se"))], source="skola", part="pupils")

    assert ledger.child_tokens() == {"skola": {token_of(address(TINDRA)), token_of(address("alva@exempelby.se"))}}


def test_a_child_who_comes_back_is_one_again_when_staged(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(person("b-1", TINDRA))], source="skola", part="children")
    stage_pull(ledger, [of_tindra()], source="skola", part="children", at=MONDAY + HOUR)

    assert ledger.child_tokens() == {"skola": {token_of(address(TINDRA))}}


def test_a_protected_person_is_no_child_by_whom_others_are_recognised(ledger: Ledger) -> None:
    stage_source(ledger, "skola")

    ledger.protect([token_of(address(TINDRA))], MONDAY)

    assert ledger.child_tokens() == {}


def test_a_source_that_says_who_is_a_child_is_not_overruled_by_itself_nor_by_what_was_hidden(ledger: Ledger) -> None:
    stage_source(ledger, "skola")
    pupil = row_to_put(person("e-1", TINDRA))
    stage_and_apply(ledger, [pupil], source="skola", part="pupils")
    ledger.tokenise_child_logins(ledger.child_tokens())
    assert pupil.record in {entry.record for entry in believed_records(ledger)}

    # The child is a pupil now, and Entra's row, which was hidden, hides nobody.
    hidden = Key(Scheme.ADDRESS, "", token_of(address(TINDRA)))
    stage_and_apply(
        ledger, [row_to_put(PersonRecord(source_id="guid-1", keys=(hidden,)))], source="entra", part="users"
    )
    grown = row_to_put(PersonRecord(source_id="b-1", keys=(address(TINDRA),)), 2)
    stage_and_apply(ledger, [grown], source="skola", part="children", at=MONDAY + HOUR)
    assert ledger.child_tokens() == {}


def test_an_override_of_a_child_is_kept_as_a_token_however_often_the_file_is_read(ledger: Ledger, file: Path) -> None:
    stage_source(ledger, "skola")
    overrides = [Override(login=address(TINDRA), person=address("bo.al@exempelby.se"))]

    for _ in range(2):
        ledger.set_overrides(overrides, "overrides file")

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []
    (kept,) = ledger.believed(()).overrides
    assert (kept.login, kept.person) == (address(token_of(address(TINDRA))), address("bo.al@exempelby.se"))


def test_what_was_judged_before_a_child_was_known_is_not_recorded(ledger: Ledger, file: Path) -> None:
    stage_source(ledger, "jamf")
    before = ledger.believed(())
    stage_source(ledger, "entra")
    stage_source(ledger, "skola")
    ledger.tokenise_child_logins(ledger.child_tokens())

    with pytest.raises(StaleReconciliation):
        ledger.record(outcome(logins=(login(TINDRA, "p1"),)), before)

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []
    record_outcome(ledger, outcome())


def scans_of_persons(ledger: Ledger) -> list[str]:
    """Gets an entry with each statement that searches the persons for children, from now on."""
    scans: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        scans.extend(["scan"] if ".body LIKE" in statement else [])

    event.listen(ledger._database.reading, "before_cursor_execute", note)
    return scans


def test_parts_that_begin_together_search_for_children_once(ledger: Ledger) -> None:
    stage_source(ledger, "skola")
    scans = scans_of_persons(ledger)
    known = ledger.child_tokens()
    of_one = len(scans)
    stage_source(ledger, "entra")
    scans.clear()

    with ThreadPoolExecutor(8) as parts:
        found = [part.result() for part in [parts.submit(ledger.child_tokens) for _ in range(8)]]

    assert len(scans) == of_one > 0
    assert all(tokens == found[0] for tokens in found)
    assert known["skola"] < found[0]["skola"]


def test_children_are_read_again_only_after_persons_were_written(ledger: Ledger) -> None:
    scans = scans_of_persons(ledger)
    stage_source(ledger, "skola")
    first = ledger.child_tokens()
    scans.clear()

    assert ledger.child_tokens() == first
    assert scans == []
    stage_pull(ledger, [row_to_put(ENTRA)], source="entra", part="users")
    assert ledger.child_tokens()["skola"] == {token_of(address(TINDRA)), token_of(ACCOUNT)}
    assert scans != []
