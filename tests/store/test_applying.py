from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.guard import after
from fleetsync.core.model import Change, Known, Limits, Refusal, ScopeRead, StagedRow, Text, Verdict
from fleetsync.store.ledger import Ledger, NotHeld, PartBusy, StoreError
from tests.store.scenes import (
    DAY,
    HOUR,
    MONDAY,
    TODAY,
    applied,
    device,
    dump,
    known,
    membership,
    opened,
    part_of,
    part_state,
    person,
    put,
    shown,
    staged,
)

SHRUNK = Refusal("shrink", Text("3120 av 8125 poster saknas", "3120 of 8125 records are absent"))

changes = st.sampled_from(Change)
contacts = st.one_of(st.none(), st.integers(0, 9).map(lambda hours: MONDAY + timedelta(hours=hours)))
scopes = st.sampled_from([None, "a.csv"])


def row_of(change: Change, source_id: str, fingerprint: int, contact: object, scope: str | None) -> StagedRow:
    record = device(source_id, model=f"iPad {fingerprint}")
    if change is Change.PUT:
        return put(record, fingerprint, last_contact_at=contact, scope=scope)
    return shown(change, record, last_contact_at=contact if change is not Change.ABSENT else None, scope=scope)


rows = st.builds(row_of, changes, st.sampled_from("abc"), st.integers(0, 3), contacts, scopes)
pulls = st.lists(st.tuples(st.lists(rows, max_size=4), st.integers(1, 30)), min_size=1, max_size=5)
limits = st.builds(Limits, grace_pulls=st.integers(0, 2), grace_hours=st.sampled_from([0.0, 20.0]))


def by_ref(some: tuple[Known, ...]) -> dict[tuple[str, str, str], Known]:
    return {one.ref: one for one in some}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with opened(tmp_path_factory.mktemp("shared") / "fleetsync.db") as made:
        yield made


@given(pulls, limits)
def test_what_is_believed_is_always_what_the_guard_said_would_be(
    shared: Ledger, story: list[tuple[list[StagedRow], int]], limits: Limits
) -> None:
    shared.drop("jamf")
    at = MONDAY
    for some, hours in story:
        at += timedelta(hours=hours)
        effect = staged(shared, some, at=at)
        before = known(shared)

        shared.apply(effect, limits)

        assert by_ref(known(shared)) == by_ref(after(before, effect, limits))


def test_a_record_that_returns_is_the_same_record(ledger: Ledger) -> None:
    applied(ledger, [put(device("1"))])
    (first,) = known(ledger)
    applied(ledger, [shown(Change.ABSENT, device("1"))], at=MONDAY + DAY)
    applied(ledger, [shown(Change.RETURN, device("1"))], at=MONDAY + 2 * DAY)

    assert known(ledger) == (first,)


def test_a_record_that_changes_keeps_its_first_sight_and_its_own_id(ledger: Ledger) -> None:
    applied(ledger, [put(device("1"))])
    (first,) = known(ledger)
    applied(ledger, [put(device("1", model="iPad 10"), 2, own_id="another")], at=MONDAY + DAY)

    (now,) = known(ledger)
    assert (now.first_seen, now.own_id) == (MONDAY, first.own_id)
    assert now.record == device("1", model="iPad 10")


def test_two_parts_of_a_source_may_use_the_same_ids(ledger: Ledger) -> None:
    applied(ledger, [put(person("1"))], part="pupils")
    applied(ledger, [put(person("1", "bo@exempelby.se"))], part="staff")
    applied(ledger, [shown(Change.ABSENT, person("1"))], part="staff", at=MONDAY + DAY)

    assert [(one.part, one.absent_since) for one in known(ledger)] == [("pupils", None), ("staff", MONDAY + DAY)]


def test_a_contact_alone_leaves_the_record_unwritten(ledger: Ledger, file: Path) -> None:
    applied(ledger, [put(device("1"), last_contact_at=MONDAY)])
    before = dump(file)["record"]
    later = MONDAY + DAY

    applied(ledger, [shown(Change.CONTACT, device("1"), last_contact_at=later)], at=later)

    assert dump(file)["record"] == before
    assert known(ledger)[0].last_contact_at == later


def test_a_complete_pull_tells_its_part(ledger: Ledger) -> None:
    applied(ledger, [put(device("1"))], is_first=True)
    applied(ledger, [], at=MONDAY + DAY)

    part = part_of(ledger)
    assert (part.first_complete_at, part.last_complete_at, part.last_attempt_at) == (MONDAY, MONDAY + DAY, MONDAY + DAY)
    assert (part.as_of, part.reason, part.held_pull) == ((MONDAY + DAY).date(), None, None)
    assert {line.verdict for line in ledger.pulls()} == {Verdict.COMPLETE}


def test_parts_can_be_asked_for_without_what_is_believed(ledger: Ledger) -> None:
    applied(ledger, [put(device("1"))])
    asked = (part_state(), part_state("jamf", "users"))

    assert ledger.part_states(asked) == ledger.believed(asked).parts


def test_a_first_load_is_analysed(ledger: Ledger, file: Path) -> None:
    applied(ledger, [put(device("1"))], is_first=True)

    with ledger._reading() as connection:
        assert connection.exec_driver_sql("SELECT 1 FROM sqlite_stat1 WHERE tbl = 'record'").first()


def test_an_applied_pull_keeps_no_staged_rows(ledger: Ledger, file: Path) -> None:
    applied(ledger, [put(device("1"))])

    assert dump(file)["staged_record"] == []


# --- held -----------------------------------------------------------------------------------------------------------


def held(ledger: Ledger, *some: str, at: object = MONDAY) -> int:
    effect = staged(ledger, [put(device(one)) for one in some], at=at)  # type: ignore[arg-type]
    ledger.hold(effect.pull, [SHRUNK])
    return effect.pull


def test_a_held_pull_changes_nothing_is_kept_and_says_how_to_accept_it(ledger: Ledger) -> None:
    pull = held(ledger, "1")

    waiting = ledger.held("jamf", "devices")
    assert waiting is not None
    assert (waiting.pull, waiting.refusals) == (pull, (SHRUNK,))
    assert known(ledger) == ()
    assert len(ledger.effect(pull).rows) == 1
    part = part_of(ledger)
    assert part.held_pull == pull
    assert f"fleetsync accept jamf/devices {pull}" in (part.reason or "")
    assert (part.last_complete_at, part.as_of) == (None, None)


def test_a_reason_of_the_callers_own_is_shown_instead(ledger: Ledger) -> None:
    ledger.hold(staged(ledger, []).pull, [SHRUNK], "väntar på beslut")

    assert part_of(ledger).reason == "väntar på beslut"


def test_a_failure_after_it_does_not_hide_why_a_pull_is_held(ledger: Ledger) -> None:
    held(ledger, "1")
    ledger.fail(ledger.begin("jamf", "devices", MONDAY + HOUR), Verdict.FAILED, "no answer")

    assert "records are absent" in (part_of(ledger).reason or "")


def test_a_held_pull_outlives_the_process(ledger: Ledger, file: Path) -> None:
    pull = held(ledger, "1")
    ledger.close()

    with opened(file) as again:
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

    assert len(known(ledger)) == 1
    (line,) = ledger.pulls()
    assert (line.verdict, line.decision) == (Verdict.COMPLETE, "accepted")
    assert (line.decided_by, line.decision_reason) == ("strategen", "the school has closed")
    assert (part_of(ledger).held_pull, part_of(ledger).last_complete_at) == (None, MONDAY)


def test_accepting_counts_absences_by_the_limits_of_the_source(ledger: Ledger) -> None:
    applied(ledger, [put(device("1"))])
    strict = Limits(grace_pulls=0, grace_hours=0)
    for number in (1, 2):
        effect = staged(ledger, [shown(Change.ABSENT, device("1"))], at=MONDAY + number * DAY)
        ledger.hold(effect.pull, [SHRUNK])
        ledger.accept(effect.pull, "strategen", "sold", strict)

    assert known(ledger)[0].gone


def test_a_rejected_pull_leaves_nothing_but_the_decision(ledger: Ledger) -> None:
    pull = held(ledger, "1")

    ledger.reject(pull, "strategen", "half a file")

    assert (known(ledger), ledger.effect(pull).rows, ledger.held("jamf", "devices")) == ((), (), None)
    (line,) = ledger.pulls()
    assert (line.verdict, line.decision, line.decided_by) == (Verdict.HELD, "rejected", "strategen")
    assert (part_of(ledger).held_pull, part_of(ledger).reason) == (None, None)


@pytest.mark.parametrize("decide", [Ledger.accept, Ledger.reject], ids=["accept", "reject"])
def test_who_decides_on_a_pull_that_was_followed_is_told_of_the_newest(
    ledger: Ledger, decide: Callable[[Ledger, int, str, str], None]
) -> None:
    older, newer = held(ledger, "1"), held(ledger, "2", at=MONDAY + HOUR)

    with pytest.raises(NotHeld, match=f"pull {newer} is the one that waits") as caught:
        decide(ledger, older, "strategen", "")

    assert caught.value.newest == newer
    assert known(ledger) == ()


def test_who_decides_where_nothing_waits_is_told_so(ledger: Ledger) -> None:
    effect = applied(ledger, [])

    with pytest.raises(NotHeld, match="none waits"):
        ledger.accept(effect.pull, "strategen", "")
    with pytest.raises(NotHeld, match="4711 is unknown"):
        ledger.accept(4711, "strategen", "")


def test_nothing_is_decided_on_a_part_that_is_being_pulled(ledger: Ledger) -> None:
    pull = held(ledger, "1")
    ledger.begin("jamf", "devices", MONDAY + HOUR)

    for decide in (ledger.accept, ledger.reject):
        with pytest.raises(PartBusy):
            decide(pull, "strategen", "")
    with pytest.raises(PartBusy):
        ledger.drop("jamf")
    assert part_of(ledger).held_pull == pull


def test_a_later_plausible_pull_dissolves_the_held_one(ledger: Ledger) -> None:
    pull = held(ledger, "1")
    applied(ledger, [put(device("2"))], at=MONDAY + HOUR)

    assert [one.record.source_id for one in known(ledger)] == ["2"]
    assert ledger.effect(pull).rows == ()
    assert ledger.pulls()[1].decision == "dissolved"
    assert part_of(ledger).held_pull is None


def test_a_held_pull_can_be_dissolved_and_where_none_is_held_nothing_happens(ledger: Ledger, file: Path) -> None:
    held(ledger, "1")
    ledger.dissolve("jamf", "devices")
    before = dump(file)

    ledger.dissolve("jamf", "devices")

    assert ledger.held("jamf", "devices") is None
    assert dump(file) == before


def test_a_pull_older_than_what_is_believed_is_refused(ledger: Ledger) -> None:
    effect = staged(ledger, [put(device("1"))])
    with ledger._writing() as connection:
        connection.exec_driver_sql("UPDATE part_state SET complete_pull = 4711")

    with pytest.raises(StoreError, match="pull 4711 was believed after"):
        ledger.apply(effect, Limits())

    assert known(ledger) == ()


# --- dropped --------------------------------------------------------------------------------------------------------


def test_a_dropped_source_is_gone_and_the_others_stay(ledger: Ledger) -> None:
    applied(ledger, [put(device("1"), last_contact_at=MONDAY)], scopes=[ScopeRead(name="a.csv", as_of=TODAY)])
    applied(ledger, [put(person("1")), put(membership("1", "1"))], source="hr", part="staff")
    held(ledger, "2", at=MONDAY + HOUR)

    assert ledger.drop("jamf") == 1

    assert {one.source for one in known(ledger)} == {"hr"}
    assert ledger.known_files("jamf", "devices") == {}
    part = part_of(ledger)
    assert (part.held_pull, part.last_complete_at, part.first_complete_at) == (None, None, None)
    assert len(ledger.pulls("jamf")) == 2
