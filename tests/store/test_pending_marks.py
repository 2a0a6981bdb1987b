"""A pull that marks many persons at once conceals them at once, and rewrites nothing before a person has confirmed it."""

from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from fleetsync.clock import ManualClock
from fleetsync.core.model import HoldReason, Policy, PullEffect, PullLimits, Record, Text, Verdict
from fleetsync.core.privacy import key_tokeniser, with_marks
from fleetsync.pull.contract import Page, SourceUnavailable
from fleetsync.pull.http import OutboundNetwork
from fleetsync.pull.runner import NormalisationRules, PullResult, PullRunner
from fleetsync.store.ledger import Ledger
from tests.flow.fake_connector import FakeConnector, pages, pages_then_error
from tests.store.ledger_samples import (
    SECRET,
    address,
    believed_records,
    bytes_of,
    device,
    membership,
    outcome,
    person,
    row_to_put,
    stage_and_apply,
    token_of,
)

HOLD = (HoldReason("marks", Text("många nya", "many anew")),)
LIMITS = PullLimits(grace_pulls=1, grace_hours=1)


def login_of(n: int) -> str:
    return f"person{n}@exempelby.se"


def roster(count: int, *marked: int) -> list[Record]:
    """*count* persons with an employment each; the mark stands on the employment."""
    numbers = range(count)
    people: list[Record] = [person(f"u{n}", login_of(n)) for n in numbers]
    return people + [membership(f"m{n}", f"u{n}", protected=n in marked) for n in numbers]


def pull(ledger: Ledger, clock: ManualClock, connector: FakeConnector, name: str = "hr") -> PullResult:
    clock.set(clock.now() + timedelta(days=1))
    source = connector.source(name)
    rules = NormalisationRules(policy=Policy(), token_secret=SECRET, row_secret=SECRET)
    return PullRunner(ledger, clock, rules, lambda _: OutboundNetwork()).pull(source, source.parts[0], Event())


def read(ledger: Ledger, clock: ManualClock, *records: Record, name: str = "hr") -> PullEffect:
    """Read whole and not judged yet."""
    pulled = pull(ledger, clock, FakeConnector(pages(records)), name)
    assert pulled.verdict is Verdict.COMPLETE, pulled.reason
    return ledger.effect(pulled.pull)


def believe(ledger: Ledger, clock: ManualClock, *records: Record, name: str = "hr") -> PullEffect:
    effect = read(ledger, clock, *records, name=name)
    ledger.apply(effect, LIMITS)
    return effect


def reconcile(ledger: Ledger, clock: ManualClock) -> None:
    """Give every record the id of a thing of its own."""
    believed = ledger.believed(())
    ids = tuple((each, f"p-{each.record.source_id}") for each in believed.known)
    ledger.record(outcome(clock.now(), resolved_ids=ids), believed)


def masked_ids(ledger: Ledger) -> set[str]:
    return {each.record.source_id for each in believed_records(ledger) if each.masked}


def readable(file: Path, count: int) -> set[int]:
    there = bytes_of(file)
    return {n for n in range(count) if login_of(n).encode() in there}


@pytest.fixture
def marking(ledger: Ledger, clock: ManualClock) -> PullEffect:
    """20 believed persons, one of them with a tablet; then a pull that marks 19 of them, and a 21st who is new."""
    believe(ledger, clock, *roster(20))
    believe(ledger, clock, device("7", login_of(3)), name="mdm")
    reconcile(ledger, clock)
    return read(ledger, clock, *roster(21, *range(1, 21)))


def test_a_few_marks_protect_at_once_whatever_becomes_of_the_pull(ledger: Ledger, clock: ManualClock) -> None:
    believe(ledger, clock, *roster(20))
    effect = read(ledger, clock, *roster(20, 1, 2, 3, 4, 5))

    assert (effect.newly_marked, effect.pending_marks) == (5, frozenset())
    assert len(masked_ids(ledger)) == 10


def test_one_mark_in_a_hundred_of_a_large_roster_protects_at_once(ledger: Ledger, clock: ManualClock) -> None:
    believe(ledger, clock, *roster(700))

    assert read(ledger, clock, *roster(700, *range(7))).pending_marks == frozenset()
    assert len(masked_ids(ledger)) == 14


def test_who_was_protected_before_is_not_newly_marked(ledger: Ledger, clock: ManualClock) -> None:
    believe(ledger, clock, *roster(20))
    believe(ledger, clock, *roster(20, 1, 2, 3, 4))
    effect = read(ledger, clock, *roster(20, 1, 2, 3, 4, 5, 6))

    assert (effect.newly_marked, effect.pending_marks) == (2, frozenset())


def test_many_marks_rewrite_nothing_of_what_is_believed(ledger: Ledger, marking: PullEffect, file: Path) -> None:
    ledger.hold(marking.pull, HOLD)

    assert marking.newly_marked == 20
    assert masked_ids(ledger) == set()
    assert ledger.protected_tokens() == frozenset()
    # Of whom nothing was believed yet, nothing is kept in clear.
    assert readable(file, 21) == set(range(20))


def test_whom_many_marks_are_about_is_not_shown_and_counts_as_before(ledger: Ledger, marking: PullEffect) -> None:
    ledger.hold(marking.pull, HOLD)

    concealed = ledger.believed(()).concealed
    assert {f"p-u{n}" for n in range(1, 20)} <= concealed
    assert not concealed & {"p-u0"}
    assert "p-7" in concealed  # the tablet of one of them


def test_the_pull_changes_no_record_but_what_its_marks_change(
    ledger: Ledger, clock: ManualClock, marking: PullEffect
) -> None:
    """The guard sees no vanished and no new ids: only that many are marked."""
    assert {row.source_id for row in marking.rows if not row.masked} == set()
    assert [row.change.value for row in marking.rows] == ["put", "put"]  # the new person and their employment

    known = believed_records(ledger)
    after = with_marks(known, marking.pending_marks, key_tokeniser(SECRET))
    assert sum(each.masked for each in after) == 2 * 19 + 1
    assert [each.thing_id for each in after] == [each.thing_id for each in known]
    assert with_marks(known, frozenset(), key_tokeniser(SECRET)) == known


def test_a_rejected_pull_leaves_everybody_as_they_were(ledger: Ledger, marking: PullEffect, file: Path) -> None:
    ledger.hold(marking.pull, HOLD)
    ledger.reject(marking.pull, "tove", "a wrong export")

    assert ledger.believed(()).concealed == frozenset()
    assert (masked_ids(ledger), ledger.protected_tokens()) == (set(), frozenset())


def test_a_right_file_after_it_leaves_everybody_as_they_were(
    ledger: Ledger, clock: ManualClock, marking: PullEffect
) -> None:
    ledger.hold(marking.pull, HOLD)
    believe(ledger, clock, *roster(21))

    assert ledger.believed(()).concealed == frozenset()
    assert (masked_ids(ledger), ledger.protected_tokens()) == (set(), frozenset())


@pytest.mark.parametrize("by", ["accept", "apply"])
def test_a_pull_that_is_believed_protects_for_good_in_every_source(
    ledger: Ledger, clock: ManualClock, marking: PullEffect, file: Path, by: str
) -> None:
    if by == "accept":
        ledger.hold(marking.pull, HOLD)
        ledger.accept(marking.pull, "tove", "it is so", LIMITS)
    else:
        ledger.apply(marking, LIMITS)

    assert readable(file, 21) == {0}
    assert len(masked_ids(ledger)) == 2 * 20 + 1
    assert [each.absent_since for each in believed_records(ledger)] == [None] * 43
    assert ledger.believed(()).concealed == frozenset()
    assert {"7"} <= masked_ids(ledger)
    # And the next pull finds them protected, and nothing to ask about.
    again = believe(ledger, clock, *roster(21, *range(1, 21)))
    assert (again.newly_marked, len(masked_ids(ledger))) == (0, 2 * 20 + 1)


def test_a_later_held_pull_brings_its_own_marks(ledger: Ledger, clock: ManualClock, marking: PullEffect) -> None:
    ledger.hold(marking.pull, HOLD)
    later = read(ledger, clock, *roster(21, *range(2, 12)))
    ledger.hold(later.pull, HOLD)

    assert "p-u12" not in ledger.believed(()).concealed
    assert "p-u2" in ledger.believed(()).concealed


def test_the_marks_of_a_pull_that_broke_off_conceal_until_the_part_is_read(ledger: Ledger, clock: ManualClock) -> None:
    believe(ledger, clock, *roster(20))
    broken = pages_then_error(SourceUnavailable("hr: broke off"), Page(roster(20, *range(10))))
    assert pull(ledger, clock, FakeConnector(broken)).verdict is Verdict.FAILED
    assert ledger.protected_tokens() == frozenset()
    reconcile(ledger, clock)
    assert "p-m9" in ledger.believed(()).concealed

    believe(ledger, clock, *roster(20))

    assert ledger.believed(()).concealed == frozenset()


def test_a_part_with_nothing_new_ends_what_a_broken_pull_concealed(ledger: Ledger, clock: ManualClock) -> None:
    pull_id = ledger.begin_pull("hr", "things", clock.now())
    ledger.hold_marks(pull_id, [token_of(address(login_of(1)))], {})
    ledger.hold_marks(pull_id, [], {})
    ledger.fail_pull(pull_id, Verdict.FAILED, "broke off")
    stage_and_apply(ledger, [row_to_put(person("u1", login_of(1)))], source="other", part="people")
    reconcile(ledger, clock)
    assert ledger.believed(()).concealed == {"p-u1"}

    ledger.fail_pull(ledger.begin_pull("hr", "things", clock.now()), Verdict.UNCHANGED, "")

    assert ledger.believed(()).concealed == frozenset()


def test_a_dropped_source_takes_its_marks_along(ledger: Ledger, marking: PullEffect) -> None:
    ledger.hold(marking.pull, HOLD)
    ledger.drop_source("hr")

    assert ledger.believed(()).concealed == frozenset()
