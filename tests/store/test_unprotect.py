"""A wrong mark is taken back: the next pull makes the person what they were, as the same records."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from fleetsync.clock import ManualClock
from fleetsync.core.model import DeviceRecord, Key, Record, Scheme
from fleetsync.store.ledger import Ledger, StoreError
from tests.store.ledger_samples import address, believed_records, bytes_of, device, dump, membership, person, token_of
from tests.store.test_pending_marks import believe, masked_ids, reconcile

ANNA, BO, ALIAS = "anna.ek@exempelby.se", "bo.al@exempelby.se", "anna.ek@skola.exempelby.se"
OBJECT = Key(Scheme.OBJECT_ID, "tenant", "0e0e0e0e-0000-4000-8000-000000000042")
REASON = "the export said FALSKT"


def people(*, marked: bool = False) -> Sequence[Record]:
    return (
        person("u1", ANNA),
        membership("m1", "u1", codes=("3101",), protected=marked),
        person("u2", BO),
        membership("m2", "u2", codes=("3101",)),
    )


@pytest.fixture
def protected(ledger: Ledger, clock: ManualClock) -> Ledger:
    """Anna, who has a tablet, was known in clear before she was marked."""
    believe(ledger, clock, *people())
    believe(ledger, clock, device("7", ANNA, location="Vretaskolan"), device("8", BO), name="mdm")
    reconcile(ledger, clock)
    believe(ledger, clock, *people(marked=True))
    assert ANNA not in str(believed_records(ledger))
    return ledger


def reference(ledger: Ledger) -> str:
    protected_person = ledger.find_protected([token_of(address(ANNA))])
    assert protected_person is not None
    return protected_person.reference


def test_a_protected_person_is_found_by_an_exact_key_and_named_by_an_opaque_id(protected: Ledger) -> None:
    protected_person = protected.find_protected([token_of(address(ANNA))])

    assert protected_person is not None
    assert protected_person.since is not None
    assert (protected_person.reference, protected_person.parts) == ("p-u1", (("hr", "things"), ("mdm", "things")))
    assert protected.find_protected([token_of(address(BO))]) is None


def test_the_next_pull_of_each_part_makes_everything_as_it_was(protected: Ledger, clock: ManualClock) -> None:
    before = {each.own_id: (each.thing_id, each.first_seen) for each in believed_records(protected)}
    released = protected.unprotect(reference(protected), "tove", REASON)
    believe(protected, clock, *people())
    believe(protected, clock, device("7", ANNA, location="Vretaskolan"), device("8", BO), name="mdm")

    records = believed_records(protected)
    assert released.parts == (("hr", "things"), ("mdm", "things"))
    assert (masked_ids(protected), protected.protected_tokens()) == (set(), frozenset())
    assert {each.own_id: (each.thing_id, each.first_seen) for each in records} == before
    assert [each for each in records if each.absent_since is not None] == []
    assert device("7", ANNA, location="Vretaskolan") in [each.record for each in records]


def test_a_release_right_after_the_marking_finds_every_row_changed(protected: Ledger, clock: ManualClock) -> None:
    """The tablet was masked where it lies, so that its row says of itself that it is in clear."""
    protected.unprotect(reference(protected), "tove", REASON)

    effect = believe(protected, clock, device("7", ANNA, location="Vretaskolan"), device("8", BO), name="mdm")

    assert [(row.source_id, row.masked) for row in effect.rows] == [("7", False)]


def test_a_source_that_marks_the_person_still_protects_them_again(protected: Ledger, clock: ManualClock) -> None:
    protected.unprotect(reference(protected), "tove", REASON)
    believe(protected, clock, *people(marked=True))

    assert reference(protected) == "p-u1"


def test_the_mark_of_nobody_else_is_taken_back(ledger: Ledger, clock: ManualClock) -> None:
    marked = (person("u1", ANNA, protected=True), person("u2", BO, protected=True))
    believe(ledger, clock, *marked)
    ledger.unprotect(reference(ledger), "tove", REASON)

    assert ledger.find_protected([token_of(address(BO))]) is not None


def test_the_reason_is_in_the_audit_and_no_key(protected: Ledger, file: Path) -> None:
    protected.unprotect(reference(protected), "tove", REASON)

    assert [row[2:] for row in dump(file)["audit"]] == [("tove", f"released protection: {REASON}", "p-u1")]


def test_files_of_the_person_are_read_again(protected: Ledger, clock: ManualClock) -> None:
    protected.unprotect(reference(protected), "tove", REASON)

    assert {fingerprint for fingerprint, _ in protected.known_files("hr", "things").values()} == {None}


@pytest.mark.parametrize("unknown", ["p-u2", "p-nobody", "~nothing"])
def test_who_is_not_protected_cannot_be_released(protected: Ledger, unknown: str) -> None:
    with pytest.raises(StoreError, match="not protected"):
        protected.unprotect(unknown, "tove", REASON)


def test_somebody_without_any_record_is_found_and_released_by_a_token(ledger: Ledger, clock: ManualClock) -> None:
    ledger.protect([token_of(address(ANNA))], clock.now())
    assert reference(ledger) == token_of(address(ANNA))

    ledger.unprotect(reference(ledger), "tove", REASON)

    assert ledger.protected_tokens() == frozenset()


def test_before_the_first_reconciliation_a_person_has_the_id_of_their_record(
    ledger: Ledger, clock: ManualClock
) -> None:
    believe(ledger, clock, *people(marked=True))
    ledger.unprotect(reference(ledger), "tove", REASON)

    assert ledger.protected_tokens() == frozenset()


def test_a_gone_record_under_the_id_in_clear_gives_way(protected: Ledger, clock: ManualClock) -> None:
    protected.unprotect(reference(protected), "tove", REASON)
    believe(protected, clock, *people())
    believe(protected, clock, *people())

    assert sorted(each.record.source_id for each in believed_records(protected)) == ["7", "8", "m1", "m2", "u1", "u2"]


# --- aliases ------------------------------------------------------------------------------------------------------------


def by_alias(*keys: Key) -> DeviceRecord:
    return DeviceRecord(source_id="9", serial="SERIAL9", keys=keys)


def test_a_second_device_under_an_alias_is_masked_by_the_object_id(
    ledger: Ledger, clock: ManualClock, file: Path
) -> None:
    first = DeviceRecord(source_id="7", serial="SERIAL7", keys=(OBJECT, address(ANNA)))
    believe(ledger, clock, *people(marked=True))
    for _ in range(2):  # whichever stands first
        believe(ledger, clock, by_alias(OBJECT, address(ALIAS)), first, name="mdm")

    assert masked_ids(ledger) >= {"7", "9"}
    assert ALIAS.encode() not in bytes_of(file)


def test_a_device_that_was_believed_before_the_marking_is_masked_by_the_object_id(
    ledger: Ledger, clock: ManualClock, file: Path
) -> None:
    first = DeviceRecord(source_id="7", serial="SERIAL7", keys=(OBJECT, address(ANNA)))
    believe(ledger, clock, *people())
    believe(ledger, clock, by_alias(OBJECT, address(ALIAS)), first, name="mdm")
    believe(ledger, clock, *people(marked=True))

    assert masked_ids(ledger) >= {"7", "9"}
    assert ALIAS.encode() not in bytes_of(file)


def test_without_an_object_id_a_key_beside_a_protected_one_protects_nobody(ledger: Ledger, clock: ManualClock) -> None:
    both = DeviceRecord(source_id="7", serial="SERIAL7", keys=(address(ANNA), address(BO)))
    believe(ledger, clock, *people(marked=True))
    believe(ledger, clock, both, device("8", BO), name="mdm")

    assert "8" not in masked_ids(ledger)
