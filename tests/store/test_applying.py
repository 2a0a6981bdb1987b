from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.guard import projected_records
from fleetsync.core.model import (
    BelievedRecord,
    HoldReason,
    PulledScope,
    PullLimits,
    RowChange,
    StagedRow,
    Text,
    Verdict,
)
from fleetsync.store.ledger import Ledger, PartBusy, PullNotHeld, StoreError
from tests.store.ledger_samples import (
    DAY,
    HOUR,
    MONDAY,
    TODAY,
    believed_records,
    device,
    dump,
    ledger_at,
    membership,
    part_of,
    part_state,
    person,
    row_of_change,
    row_to_put,
    stage_and_apply,
    stage_pull,
)

SHRUNK = HoldReason("shrink", Text("3120 av 8125 poster saknas", "3120 of 8125 records are absent"))

changes = st.sampled_from(RowChange)
contacts = st.one_of(st.none(), st.integers(0, 9).map(lambda hours: MONDAY + timedelta(hours=hours)))
scopes = st.sampled_from([None, "a.csv"])


def row_of(change: RowChange, source_id: str, fingerprint: int, contact: object, scope: str | None) -> StagedRow:
    record = device(source_id, model=f"iPad {fingerprint}")
    if change is RowChange.PUT:
        return row_to_put(record, fingerprint, last_contact_at=contact, scope=scope)
    return row_of_change(
        change, record, last_contact_at=contact if change is not RowChange.ABSENT else None, scope=scope
    )


rows = st.builds(row_of, changes, st.sampled_from("abc"), st.integers(0, 3), contacts, scopes)
pulls = st.lists(st.tuples(st.lists(rows, max_size=4), st.integers(1, 30)), min_size=1, max_size=5)
limits = st.builds(PullLimits, grace_pulls=st.integers(0, 2), grace_hours=st.sampled_from([0.0, 20.0]))


def by_ref(some: tuple[BelievedRecord, ...]) -> dict[tuple[str, str, str], BelievedRecord]:
    return {entry.ref: entry for entry in some}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with ledger_at(tmp_path_factory.mktemp("shared") / "fleetsync.db") as opened:
        yield opened


@given(pulls, limits)
def test_what_is_believed_is_always_what_the_guard_said_would_be(
    shared: Ledger, story: list[tuple[list[StagedRow], int]], limits: PullLimits
) -> None:
    shared.drop_source("jamf")
    at = MONDAY
    for some, hours in story:
        at += timedelta(hours=hours)
        effect = stage_pull(shared, some, at=at)
        before = believed_records(shared)

        shared.apply(effect, limits)

        assert by_ref(believed_records(shared)) == by_ref(projected_records(before, effect, limits))


def test_a_record_that_returns_is_the_same_record(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))])
    (first,) = believed_records(ledger)
    stage_and_apply(ledger, [row_of_change(RowChange.ABSENT, device("1"))], at=MONDAY + DAY)
    stage_and_apply(ledger, [row_of_change(RowChange.RETURN, device("1"))], at=MONDAY + 2 * DAY)

    assert believed_records(ledger) == (first,)


def test_a_record_that_changes_keeps_its_first_sight_and_its_own_id(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))])
    (first,) = believed_records(ledger)
    stage_and_apply(ledger, [row_to_put(device("1", model="iPad 10"), 2, own_id="another")], at=MONDAY + DAY)

    (now,) = believed_records(ledger)
    assert (now.first_seen, now.own_id) == (MONDAY, first.own_id)
    assert now.record == device("1", model="iPad 10")


def test_two_parts_of_a_source_may_use_the_same_ids(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(person("1"))], part="pupils")
    stage_and_apply(ledger, [row_to_put(person("1", "bo@exempelby.se"))], part="staff")
    stage_and_apply(ledger, [row_of_change(RowChange.ABSENT, person("1"))], part="staff", at=MONDAY + DAY)

    assert [(entry.part, entry.absent_since) for entry in believed_records(ledger)] == [
        ("pupils", None),
        ("staff", MONDAY + DAY),
    ]


def test_a_contact_alone_leaves_the_record_unwritten(ledger: Ledger, file: Path) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"), last_contact_at=MONDAY)])
    before = dump(file)["record"]
    later = MONDAY + DAY

    stage_and_apply(ledger, [row_of_change(RowChange.CONTACT, device("1"), last_contact_at=later)], at=later)

    assert dump(file)["record"] == before
    assert believed_records(ledger)[0].last_contact_at == later


def test_a_complete_pull_updates_its_part(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))], is_first=True)
    stage_and_apply(ledger, [], at=MONDAY + DAY)

    part = part_of(ledger)
    assert (part.first_complete_at, part.last_complete_at, part.last_attempt_at) == (MONDAY, MONDAY + DAY, MONDAY + DAY)
    assert (part.as_of, part.reason, part.held_pull) == ((MONDAY + DAY).date(), None, None)
    assert {line.verdict for line in ledger.pulls()} == {Verdict.COMPLETE}


def test_parts_can_be_read_without_what_is_believed(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))])
    parts = (part_state(), part_state("jamf", "users"))

    assert ledger.part_states(parts) == ledger.believed(parts).parts


@pytest.mark.only_database("sqlite")
def test_a_first_load_is_analysed(ledger: Ledger, file: Path) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))], is_first=True)

    with ledger._read_transaction() as connection:
        assert connection.exec_driver_sql("SELECT 1 FROM sqlite_stat1 WHERE tbl = 'record'").first()


def test_an_applied_pull_keeps_no_staged_rows(ledger: Ledger, file: Path) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))])

    assert dump(file)["staged_record"] == []


# --- held -----------------------------------------------------------------------------------------------------------


def held(ledger: Ledger, *some: str, at: object = MONDAY) -> int:
    effect = stage_pull(ledger, [row_to_put(device(entry)) for entry in some], at=at)  # type: ignore[arg-type]
    ledger.hold(effect.pull, [SHRUNK])
    return effect.pull


def test_a_held_pull_changes_nothing_is_kept_and_says_how_to_accept_it(ledger: Ledger) -> None:
    pull = held(ledger, "1")

    waiting = ledger.find_held_pull("jamf", "devices")
    assert waiting is not None
    assert (waiting.pull, waiting.refusals) == (pull, (SHRUNK,))
    assert believed_records(ledger) == ()
    assert len(ledger.effect(pull).rows) == 1
    part = part_of(ledger)
    assert part.held_pull == pull
    assert f"fleetsync accept jamf/devices {pull}" in (part.reason or "")
    assert (part.last_complete_at, part.as_of) == (None, None)


def test_a_reason_of_the_callers_own_is_shown_instead(ledger: Ledger) -> None:
    ledger.hold(stage_pull(ledger, []).pull, [SHRUNK], "väntar på beslut")

    assert part_of(ledger).reason == "väntar på beslut"


def test_a_failure_after_it_does_not_hide_why_a_pull_is_held(ledger: Ledger) -> None:
    held(ledger, "1")
    ledger.fail_pull(ledger.begin_pull("jamf", "devices", MONDAY + HOUR), Verdict.FAILED, "no answer")

    assert "records are absent" in (part_of(ledger).reason or "")


def test_a_held_pull_outlives_the_process(ledger: Ledger, file: Path) -> None:
    pull = held(ledger, "1")
    ledger.close()

    with ledger_at(file) as again:
        assert len(again.effect(pull).rows) == 1
        assert part_of(again).held_pull == pull


def test_only_the_newest_held_pull_keeps_its_rows(ledger: Ledger) -> None:
    older, newer = held(ledger, "1"), held(ledger, "1", "2", at=MONDAY + HOUR)

    assert ledger.effect(older).rows == ()
    assert len(ledger.effect(newer).rows) == 2
    assert [line.decision for line in ledger.pulls()] == [None, "followed"]


def test_an_accepted_pull_is_believed_and_says_who_and_why(ledger: Ledger) -> None:
    pull = held(ledger, "1")

    ledger.accept(pull, "strategen", "the school has closed")

    assert len(believed_records(ledger)) == 1
    (line,) = ledger.pulls()
    assert (line.verdict, line.decision) == (Verdict.COMPLETE, "accepted")
    assert (line.decided_by, line.decision_reason) == ("strategen", "the school has closed")
    assert (part_of(ledger).held_pull, part_of(ledger).last_complete_at) == (None, MONDAY)


def test_accepting_counts_absences_by_the_limits_of_the_source(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))])
    strict = PullLimits(grace_pulls=0, grace_hours=0)
    for number in (1, 2):
        effect = stage_pull(ledger, [row_of_change(RowChange.ABSENT, device("1"))], at=MONDAY + number * DAY)
        ledger.hold(effect.pull, [SHRUNK])
        ledger.accept(effect.pull, "strategen", "sold", strict)

    assert believed_records(ledger)[0].gone


def test_a_rejected_pull_leaves_nothing_but_the_decision(ledger: Ledger) -> None:
    pull = held(ledger, "1")

    ledger.reject(pull, "strategen", "half a file")

    assert (believed_records(ledger), ledger.effect(pull).rows, ledger.find_held_pull("jamf", "devices")) == (
        (),
        (),
        None,
    )
    (line,) = ledger.pulls()
    assert (line.verdict, line.decision, line.decided_by) == (Verdict.HELD, "rejected", "strategen")
    assert (part_of(ledger).held_pull, part_of(ledger).reason) == (None, None)


@pytest.mark.parametrize("decide", [Ledger.accept, Ledger.reject], ids=["accept", "reject"])
def test_a_decision_on_a_pull_that_was_followed_names_the_newest(
    ledger: Ledger, decide: Callable[[Ledger, int, str, str], None]
) -> None:
    older, newer = held(ledger, "1"), held(ledger, "2", at=MONDAY + HOUR)

    with pytest.raises(PullNotHeld, match=f"pull {newer} waits") as caught:
        decide(ledger, older, "strategen", "")

    assert caught.value.newest == newer
    assert believed_records(ledger) == ()


def test_a_decision_where_nothing_waits_is_refused(ledger: Ledger) -> None:
    effect = stage_and_apply(ledger, [])

    with pytest.raises(PullNotHeld, match="none waits"):
        ledger.accept(effect.pull, "strategen", "")
    with pytest.raises(PullNotHeld, match="4711 is unknown"):
        ledger.accept(4711, "strategen", "")


def test_nothing_is_decided_on_a_part_that_is_being_pulled(ledger: Ledger) -> None:
    pull = held(ledger, "1")
    ledger.begin_pull("jamf", "devices", MONDAY + HOUR)

    for decide in (ledger.accept, ledger.reject):
        with pytest.raises(PartBusy):
            decide(pull, "strategen", "")
    with pytest.raises(PartBusy):
        ledger.drop_source("jamf")
    assert part_of(ledger).held_pull == pull


def test_a_later_plausible_pull_dissolves_the_held_one(ledger: Ledger) -> None:
    pull = held(ledger, "1")
    stage_and_apply(ledger, [row_to_put(device("2"))], at=MONDAY + HOUR)

    assert [entry.record.source_id for entry in believed_records(ledger)] == ["2"]
    assert ledger.effect(pull).rows == ()
    assert ledger.pulls()[1].decision == "dissolved"
    assert part_of(ledger).held_pull is None


def test_a_held_pull_can_be_dissolved_and_where_none_is_held_nothing_happens(ledger: Ledger, file: Path) -> None:
    held(ledger, "1")
    ledger.dissolve("jamf", "devices")
    before = dump(file)

    ledger.dissolve("jamf", "devices")

    assert ledger.find_held_pull("jamf", "devices") is None
    assert dump(file) == before


def test_a_pull_older_than_what_is_believed_is_refused(ledger: Ledger) -> None:
    effect = stage_pull(ledger, [row_to_put(device("1"))])
    with ledger._write_transaction() as connection:
        connection.exec_driver_sql("UPDATE part_state SET complete_pull = 4711")

    with pytest.raises(StoreError, match="pull 4711 was believed after"):
        ledger.apply(effect, PullLimits())

    assert believed_records(ledger) == ()


# --- dropped --------------------------------------------------------------------------------------------------------


def test_a_dropped_source_is_gone_and_the_others_stay(ledger: Ledger) -> None:
    stage_and_apply(
        ledger, [row_to_put(device("1"), last_contact_at=MONDAY)], scopes=[PulledScope(name="a.csv", as_of=TODAY)]
    )
    stage_and_apply(ledger, [row_to_put(person("1")), row_to_put(membership("1", "1"))], source="hr", part="staff")
    held(ledger, "2", at=MONDAY + HOUR)

    assert ledger.drop_source("jamf") == 1

    assert {entry.source for entry in believed_records(ledger)} == {"hr"}
    assert ledger.known_files("jamf", "devices") == {}
    part = part_of(ledger)
    assert (part.held_pull, part.last_complete_at, part.first_complete_at) == (None, None, None)
    assert len(ledger.pulls("jamf")) == 2
