from pathlib import Path

import pytest

from fleetsync.clock import ManualClock
from fleetsync.core.model import Override, Parking
from fleetsync.store.ledger import Ledger, StoredAccount, StoreError
from tests.store.ledger_samples import DAY, HOUR, MONDAY, TODAY, address, dump


def test_an_account_can_be_added_seen_and_removed(ledger: Ledger) -> None:
    ledger.add_account("rektor", "scrypt:1", "unit", ("vretaskolan",))
    ledger.add_account("partner", "scrypt:2", "partner", entitlement="staff")

    rektor = StoredAccount(
        name="rektor", password_hash="scrypt:1", role="unit", units=("vretaskolan",), created_at=MONDAY
    )
    assert ledger.account("rektor") == rektor
    assert [entry.name for entry in ledger.accounts()] == ["partner", "rektor"]

    ledger.remove_account("rektor")

    assert ledger.account("rektor") is None


def test_a_password_can_be_changed(ledger: Ledger) -> None:
    ledger.add_account("rektor", "scrypt:1", "unit")

    ledger.set_password("rektor", "scrypt:2")

    account = ledger.account("rektor")
    assert account is not None
    assert account.password_hash == "scrypt:2"


def test_a_name_is_given_once_and_the_refusal_does_not_repeat_it(ledger: Ledger) -> None:
    ledger.add_account("rektor", "scrypt:1", "unit")

    with pytest.raises(StoreError, match="fleetsync user passwd") as caught:
        ledger.add_account("rektor", "scrypt:2", "technician")

    assert "rektor" not in str(caught.value)
    assert ledger.accounts()[0].role == "unit"


def test_an_unknown_account_cannot_be_changed(ledger: Ledger) -> None:
    with pytest.raises(StoreError, match="no account"):
        ledger.set_password("rektor", "scrypt:1")
    with pytest.raises(StoreError, match="no account"):
        ledger.remove_account("rektor")


def test_the_audit_says_who_did_what(ledger: Ledger, clock: ManualClock, file: Path) -> None:
    ledger.audit("rektor", "viewed", "p1")
    clock.set(MONDAY + HOUR)
    ledger.audit("rektor", "exported")

    entries = [row[1:] for row in dump(file)["audit"]]
    assert [(str(at)[:16], *rest) for at, *rest in entries] == [
        ("2026-11-23 06:00", "rektor", "viewed", "p1"),
        ("2026-11-23 07:00", "rektor", "exported", None),
    ]


def test_a_later_parking_of_the_same_gap_replaces_the_one_before(ledger: Ledger) -> None:
    ledger.park(Parking(kind="stale", subject_id="d1", until=TODAY), "drift")
    later = Parking(kind="stale", subject_id="d1", until=TODAY + DAY, reason="på lager")
    ledger.park(later, "drift")

    assert ledger.believed(()).parkings == (later,)


def test_the_overrides_are_those_of_the_newest_file(ledger: Ledger) -> None:
    first = Override(serial="S1", person=address("anna.ek@exempelby.se"), until=TODAY)
    other = Override(login=address("elev1@exempelby.se"), person=address("bo.al@exempelby.se"))
    ledger.set_overrides([first], "drift")
    ledger.set_overrides([other, first], "drift")
    assert ledger.believed(()).overrides == (other, first)

    ledger.set_overrides([], "drift")

    assert ledger.believed(()).overrides == ()


def test_the_trial_of_a_unit_ends_once(ledger: Ledger) -> None:
    ledger.publish("vretaskolan", "strategen")
    ledger.publish("vretaskolan", "strategen")

    assert ledger.published_units() == {"vretaskolan"}
