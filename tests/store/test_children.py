"""Children of förskola and förskoleklass: their log-ins are kept as tokens, whoever tells them, in whatever order."""

from itertools import permutations
from pathlib import Path

import pytest

from fleetsync.core.model import Change, Correction, DeviceRecord, Key, Override, PersonRecord, Scheme, StagedRow
from fleetsync.store.ledger import Ledger, Overtaken
from tests.store.scenes import (
    DAY,
    HOUR,
    MONDAY,
    address,
    applied,
    bytes_of,
    device,
    dump,
    known,
    login,
    outcome,
    person,
    put,
    shown,
    staged,
    token_of,
)

TINDRA = "tindra.al@exempelby.se"
ACCOUNT = Key(Scheme.ACCOUNT, "exempelby", "tial01")
HER_WORDS = (b"tindra", b"Tindra", b"tial01")


A_CHILD = PersonRecord(source_id="b-1", keys=(Key(Scheme.ADDRESS, "", token_of(address(TINDRA))),), child=True)


def of_tindra() -> StagedRow:
    """As the runner stages a child."""
    return put(A_CHILD)


ENTRA = PersonRecord(source_id="guid-1", keys=(address(TINDRA), ACCOUNT), name="Tindra Al")
IPAD = device("7", TINDRA, name="Tindras iPad", location="Ugglan")
BY_ACCOUNT = DeviceRecord(source_id="8", serial="SERIAL8", keys=(ACCOUNT,))


def told(ledger: Ledger, which: str) -> None:
    if which == "skola":
        applied(ledger, [of_tindra()], source="skola", part="children")
    elif which == "entra":
        applied(ledger, [put(ENTRA)], source="entra", part="users")
    else:
        applied(ledger, [put(IPAD), put(BY_ACCOUNT), put(device("9", "bo.al@exempelby.se"))])
        ledger.record(outcome(logins=(login(TINDRA, "p1"), login("bo.al@exempelby.se", "p2"))))
        ledger.correct(Correction(device="d7", field="holder", value=TINDRA), "drift")
        ledger.set_overrides([Override(serial="SERIAL7", person=address(TINDRA))], "drift")


@pytest.mark.parametrize("order", list(permutations(["skola", "entra", "jamf"])))
def test_the_log_in_of_a_child_is_in_no_byte_of_the_database(
    ledger: Ledger, file: Path, order: tuple[str, ...]
) -> None:
    for which in order:
        told(ledger, which)

    assert [word for word in HER_WORDS if word not in bytes_of(file)] == []
    ledger.hide_children(ledger.child_tokens())

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []
    assert b"bo.al@exempelby.se" in bytes_of(file)
    assert ledger.verify() == ()


def test_what_is_told_of_a_child_still_meets(ledger: Ledger) -> None:
    for which in ("skola", "entra", "jamf"):
        told(ledger, which)
    ledger.hide_children(ledger.child_tokens())

    keys = {one.record.source_id: getattr(one.record, "keys", ()) for one in known(ledger)}
    hers = Key(Scheme.ADDRESS, "", token_of(address(TINDRA)))
    assert (keys["b-1"], keys["7"]) == ((hers,), (hers,))
    assert keys["guid-1"] == (hers, *keys["8"])
    (ipad,) = (one.record for one in known(ledger) if one.record.source_id == "7")
    assert isinstance(ipad, DeviceRecord)
    assert (ipad.location, ipad.name) == ("Ugglan", None)
    assert not any(one.masked for one in known(ledger))


def test_children_are_known_from_what_is_staged_and_what_is_staged_is_hidden(ledger: Ledger, file: Path) -> None:
    staged(ledger, [of_tindra()], source="skola", part="children")
    waiting = staged(ledger, [put(IPAD)])
    assert ledger.child_tokens() == {"skola": {token_of(address(TINDRA))}}

    ledger.hide_children(ledger.child_tokens())

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []
    (row,) = ledger.effect(waiting.pull).rows
    assert isinstance(row.record, DeviceRecord)
    assert row.record.keys == (Key(Scheme.ADDRESS, "", token_of(address(TINDRA))),)


def test_hiding_who_is_hidden_writes_nothing(ledger: Ledger, file: Path) -> None:
    told(ledger, "skola")
    told(ledger, "jamf")
    ledger.hide_children(ledger.child_tokens())
    before = dump(file)

    assert ledger.hide_children(ledger.child_tokens()) == 0
    assert dump(file) == before


def gone(ledger: Ledger, record: PersonRecord, part: str = "children") -> None:
    for hours in (1, 30, 60):
        applied(ledger, [shown(Change.ABSENT, record)], source="skola", part=part, at=MONDAY + hours * HOUR)
    assert [one.gone for one in known(ledger) if one.part == part] == [True]


def test_a_child_who_left_the_register_stays_one_for_as_long_as_her_row(ledger: Ledger) -> None:
    for which in ("skola", "entra"):
        told(ledger, which)
    hers = ledger.child_tokens()["skola"]
    assert hers == {token_of(address(TINDRA)), token_of(ACCOUNT)}

    gone(ledger, A_CHILD)

    assert ledger.child_tokens() == {"skola": hers}
    ledger.purge(MONDAY + 300 * DAY)
    assert ledger.child_tokens() == {}


def test_a_child_who_left_has_grown_up_where_the_register_shows_her_as_a_pupil(ledger: Ledger) -> None:
    told(ledger, "skola")
    gone(ledger, A_CHILD)
    # A directory knows nothing of anybody's age.
    applied(ledger, [put(ENTRA)], source="entra", part="users", at=MONDAY + 61 * HOUR)
    assert "skola" in ledger.child_tokens()

    pupil = person("e-1", TINDRA)
    applied(ledger, [put(pupil)], source="skola", part="pupils", at=MONDAY + 62 * HOUR)
    assert ledger.child_tokens() == {}

    gone(ledger, pupil, "pupils")
    assert "skola" in ledger.child_tokens()


def test_a_child_who_is_there_is_one_whatever_a_pupil_s_row_says(ledger: Ledger) -> None:
    alva = PersonRecord(source_id="b-2", keys=(address("alva@exempelby.se"),), child=True)
    told(ledger, "skola")
    gone(ledger, A_CHILD)
    applied(ledger, [put(alva)], source="skola", part="more children")
    applied(ledger, [put(person("e-2", "alva@exempelby.se"))], source="skola", part="pupils")

    assert ledger.child_tokens() == {"skola": {token_of(address(TINDRA)), token_of(address("alva@exempelby.se"))}}


def test_a_child_who_comes_back_is_one_again_when_she_is_staged(ledger: Ledger) -> None:
    applied(ledger, [put(person("b-1", TINDRA))], source="skola", part="children")
    staged(ledger, [of_tindra()], source="skola", part="children", at=MONDAY + HOUR)

    assert ledger.child_tokens() == {"skola": {token_of(address(TINDRA))}}


def test_who_is_protected_is_no_child_that_others_are_told_from(ledger: Ledger) -> None:
    told(ledger, "skola")

    ledger.protect([token_of(address(TINDRA))], MONDAY)

    assert ledger.child_tokens() == {}


def test_a_source_that_says_who_is_a_child_is_not_overruled_by_itself_nor_by_what_was_hidden(ledger: Ledger) -> None:
    told(ledger, "skola")
    pupil = put(person("e-1", TINDRA))
    applied(ledger, [pupil], source="skola", part="pupils")
    ledger.hide_children(ledger.child_tokens())
    assert pupil.record in {one.record for one in known(ledger)}

    # She is a pupil now, and Entra's row, which was hidden, hides nobody.
    hidden = Key(Scheme.ADDRESS, "", token_of(address(TINDRA)))
    applied(ledger, [put(PersonRecord(source_id="guid-1", keys=(hidden,)))], source="entra", part="users")
    grown = put(PersonRecord(source_id="b-1", keys=(address(TINDRA),)), 2)
    applied(ledger, [grown], source="skola", part="children", at=MONDAY + HOUR)
    assert ledger.child_tokens() == {}


def test_an_override_of_a_child_is_kept_as_a_token_however_often_the_file_is_read(ledger: Ledger, file: Path) -> None:
    told(ledger, "skola")
    overrides = [Override(login=address(TINDRA), person=address("bo.al@exempelby.se"))]

    for _ in range(2):
        ledger.set_overrides(overrides, "overrides file")

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []
    (kept,) = ledger.believed(()).overrides
    assert (kept.login, kept.person) == (address(token_of(address(TINDRA))), address("bo.al@exempelby.se"))


def test_what_was_judged_before_a_child_was_known_is_not_recorded(ledger: Ledger, file: Path) -> None:
    told(ledger, "jamf")
    before = ledger.believed(()).hidings
    told(ledger, "entra")
    told(ledger, "skola")
    ledger.hide_children(ledger.child_tokens())

    with pytest.raises(Overtaken):
        ledger.record(outcome(logins=(login(TINDRA, "p1"),)), hidings=before)

    assert [word for word in HER_WORDS if word in bytes_of(file)] == []
    ledger.record(outcome(), hidings=ledger.believed(()).hidings)
