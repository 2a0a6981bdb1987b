"""What is read as it was read last costs next to nothing, and nothing that is stored differs for it."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, update

from fleetsync.clock import ManualClock
from fleetsync.core.identity import canonical_key
from fleetsync.core.model import (
    DeviceRecord,
    GroupRecord,
    Policy,
    PullEffect,
    PullLimits,
    Record,
    RecordType,
    RowChange,
    UnitMap,
    Verdict,
)
from fleetsync.pull.contract import RecordError, UnknownValue
from fleetsync.pull.http import OutboundNetwork
from fleetsync.pull.runner import NormalisationRules, PullResult, PullRunner
from fleetsync.store import tables as t
from fleetsync.store.ledger import Ledger
from tests.flow.fake_connector import THINGS_PART, FakeConnector, pages
from tests.store.ledger_samples import (
    MONDAY,
    SECRET,
    address,
    believed_records,
    device,
    ledger_at,
    membership,
    person,
    token_of,
)

LIMITS = PullLimits(grace_pulls=1, grace_hours=1)


def rules_with(**fields: Any) -> NormalisationRules:
    return NormalisationRules(**{"policy": Policy(), "token_secret": SECRET, "row_secret": SECRET, **fields})


RULES = rules_with()


def pull(
    ledger: Ledger, clock: ManualClock, raws: Sequence[Any], name: str = "hr", rules: NormalisationRules = RULES
) -> PullResult:
    clock.set(clock.now() + timedelta(hours=2))
    source = FakeConnector(pages(raws)).source(name)
    return PullRunner(ledger, clock, rules, lambda _: OutboundNetwork()).pull(source, source.parts[0], Event())


def read(ledger: Ledger, clock: ManualClock, raws: Sequence[Any], **how: Any) -> PullEffect:
    pulled = pull(ledger, clock, raws, **how)
    assert pulled.verdict is Verdict.COMPLETE, pulled.reason
    return ledger.effect(pulled.pull)


def believe(ledger: Ledger, clock: ManualClock, *raws: Any, **how: Any) -> PullEffect:
    effect = read(ledger, clock, raws, **how)
    ledger.apply(effect, LIMITS)
    return effect


def changes(effect: PullEffect) -> dict[str, str]:
    return {row.source_id: row.change.value for row in effect.rows}


def login(n: int) -> str:
    return f"e{n}@exempelby.se"


def staff(*numbers: int) -> list[Record]:
    people: list[Record] = [person(f"u{n}", login(n)) for n in numbers]
    return people + [membership(f"m{n}", f"u{n}") for n in numbers]


# --- what it costs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def canonical_keys(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were made canonical."""
    values: list[str] = []

    def counted(key: Any, aliases: Any) -> Any:
        values.append(key.value)
        return canonical_key(key, aliases)

    monkeypatch.setattr("fleetsync.pull.runner.normalisation.canonical_key", counted)
    return values


def test_only_what_has_changed_is_made_canonical_and_compared(
    ledger: Ledger, clock: ManualClock, canonical_keys: list[str]
) -> None:
    believe(ledger, clock, *staff(1, 2, 3))
    canonical_keys.clear()

    moved = person("u2", "renamed@exempelby.se")
    effect = believe(ledger, clock, *staff(1, 3), moved, membership("m2", "u2"))

    assert canonical_keys == ["renamed@exempelby.se"]
    assert (changes(effect), effect.seen) == ({"u2": "put"}, 6)


def test_what_comes_back_is_compared_and_is_the_same(
    ledger: Ledger, clock: ManualClock, canonical_keys: list[str]
) -> None:
    believe(ledger, clock, device("1", login(1)), device("2"))
    believe(ledger, clock, device("2"))
    canonical_keys.clear()

    assert changes(believe(ledger, clock, device("1", login(1)), device("2"))) == {"1": "return"}
    assert believe(ledger, clock, device("1", login(1)), device("2")).rows == ()
    assert canonical_keys == [login(1)]


def test_a_pull_without_changes_takes_as_many_statements_for_many_records_as_for_few(
    ledger: Ledger, clock: ManualClock
) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    for engine in (ledger._database.reading, ledger._database.writing):
        event.listen(engine, "before_cursor_execute", note)
    counts: dict[int, int] = {}
    for people in (3, 300):
        believe(ledger, clock, *staff(*range(people)), name=f"hr{people}")
        statements.clear()
        effect = believe(ledger, clock, *staff(*range(people)), name=f"hr{people}")
        assert (effect.seen, effect.rows) == (2 * people, ())
        assert not any(statement.startswith(("INSERT INTO staged", "UPDATE record")) for statement in statements)
        counts[people] = len(statements)

    assert counts[300] == counts[3]


def test_a_later_contact_is_the_only_change(ledger: Ledger, clock: ManualClock, canonical_keys: list[str]) -> None:
    later = MONDAY + timedelta(hours=1)
    believe(ledger, clock, device("1", login(1), last_contact_at=MONDAY))
    canonical_keys.clear()

    effect = believe(ledger, clock, device("1", login(1), last_contact_at=later))

    assert canonical_keys == []
    assert [(row.change, row.record, row.last_contact_at) for row in effect.rows] == [(RowChange.CONTACT, None, later)]
    assert [each.last_contact_at for each in believed_records(ledger)] == [later]


def test_a_device_that_comes_without_a_contact_is_counted(ledger: Ledger, clock: ManualClock) -> None:
    believe(ledger, clock, device("1", last_contact_at=MONDAY))

    effect = believe(ledger, clock, device("1"))

    assert (effect.contacts_untold, effect.rows) == (1, ())


def test_a_device_keeps_its_contact_where_its_connector_does_not_split_it_from_the_row(
    ledger: Ledger, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeConnector, "split_contact", None)
    for _ in range(3):
        effect = believe(ledger, clock, device("1", last_contact_at=MONDAY), device("2"))

        assert effect.contacts_untold == 0


def test_a_contact_that_a_row_gives_beside_a_person_is_no_device_without_one(
    ledger: Ledger, clock: ManualClock
) -> None:
    row = (device("1", last_contact_at=MONDAY), person("u3"))
    for _ in range(3):
        assert believe(ledger, clock, row).contacts_untold == 0


def test_what_differs_in_nothing_that_is_kept_is_compared_once(
    ledger: Ledger, clock: ManualClock, canonical_keys: list[str]
) -> None:
    believe(ledger, clock, device("1", login(1), name="Annas iPad"))
    canonical_keys.clear()

    renamed = device("1", login(1), name="Björns iPad")
    assert believe(ledger, clock, renamed).rows == ()
    assert canonical_keys == [login(1)]
    assert believe(ledger, clock, renamed).rows == ()
    assert canonical_keys == [login(1)]


def test_of_several_records_of_one_id_all_are_compared(ledger: Ledger, clock: ManualClock) -> None:
    older = device("1", model="older", last_contact_at=MONDAY)
    newer = device("1", model="newer", last_contact_at=MONDAY + timedelta(hours=1))
    believe(ledger, clock, older, newer)

    for listing in ([older, newer], [newer, older], [newer, older, newer]):
        effect = believe(ledger, clock, *listing)

        assert (effect.duplicates, effect.conflicting_duplicates) == (len(listing) - 1, 1)
        (stored,) = [each.record for each in believed_records(ledger) if isinstance(each.record, DeviceRecord)]
        assert stored.model == "newer"


def test_a_row_is_passed_over_only_while_all_of_its_records_are_as_it_gave_them(
    ledger: Ledger, clock: ManualClock, canonical_keys: list[str]
) -> None:
    row = (person("u1", login(1)), membership("m1", "u1"), membership("m2", "u1"))
    later = membership("m2", "u1", start=date(2026, 10, 1))
    believe(ledger, clock, row)
    canonical_keys.clear()

    assert believe(ledger, clock, row).seen == 3
    assert canonical_keys == []
    effect = believe(ledger, clock, row, later)  # another row of the same id counts from now on
    assert (changes(effect), effect.duplicates, canonical_keys) == ({"m2": "put"}, 1, [])
    effect = believe(ledger, clock, row, later)
    assert (changes(effect), effect.duplicates, canonical_keys) == ({"m2": "contact"}, 1, [login(1)])
    assert changes(believe(ledger, clock, row)) == {"m2": "put"}


def test_a_row_that_says_more_than_its_records_is_always_normalised(ledger: Ledger, clock: ManualClock) -> None:
    row = (device("1", login(1)), UnknownValue("model", "neverseen"))

    assert [dict(believe(ledger, clock, row).drift) for _ in range(3)] == [{"model=neverseen": 1}] * 3


# --- what it is judged by -----------------------------------------------------------------------------------------------


def test_a_new_pattern_is_tried_on_a_name_that_has_not_changed(ledger: Ledger, clock: ManualClock) -> None:
    policy = Policy(unit_maps=(UnitMap(source="hr", field="name", pattern="VRE-*", unit="vretaskolan"),))
    believe(ledger, clock, device("1", name="VRE-017"))

    effect = believe(ledger, clock, device("1", name="VRE-017"), rules=rules_with(policy=policy))

    (row,) = effect.rows
    assert isinstance(row.record, DeviceRecord)
    assert row.record.name_matches == (("VRE-*", ""),)


def test_a_domain_that_stands_for_another_is_read_into_what_has_not_changed(ledger: Ledger, clock: ManualClock) -> None:
    believe(ledger, clock, device("1", "e1@old.exempelby.se"))
    aliases = rules_with(policy=Policy(domain_aliases={"old.exempelby.se": "exempelby.se"}))

    assert changes(believe(ledger, clock, device("1", "e1@old.exempelby.se"), rules=aliases)) == {"1": "put"}


def test_a_row_that_came_to_the_same_before_the_rules_changed_is_judged_by_the_new_ones(
    ledger: Ledger, clock: ManualClock
) -> None:
    policy = Policy(unit_maps=(UnitMap(source="hr", field="name", pattern="VRE-*", unit="vretaskolan"),))
    matching, other = device("1", name="VRE-017"), device("1", name="another")
    believe(ledger, clock, matching)

    assert believe(ledger, clock, other, rules=rules_with(policy=policy)).rows == ()
    assert changes(believe(ledger, clock, matching, rules=rules_with(policy=policy))) == {"1": "put"}


def test_what_could_not_be_read_under_new_rules_is_judged_by_them_later(ledger: Ledger, clock: ManualClock) -> None:
    ipad = device("1", "e1@old.exempelby.se")
    aliases = rules_with(policy=Policy(domain_aliases={"old.exempelby.se": "exempelby.se"}))
    believe(ledger, clock, ipad)
    believe(ledger, clock, RecordError("cannot be read", source_id="1", record_type=RecordType.DEVICE), rules=aliases)

    assert changes(believe(ledger, clock, ipad, rules=aliases)) == {"1": "put"}


def test_what_was_away_while_the_rules_changed_is_judged_by_them_when_it_is_back(
    ledger: Ledger, clock: ManualClock
) -> None:
    ipad, other = device("1", "e1@old.exempelby.se"), device("2")
    unreadable = RecordError("cannot be read", source_id="1", record_type=RecordType.DEVICE)
    aliases = rules_with(policy=Policy(domain_aliases={"old.exempelby.se": "exempelby.se"}))
    believe(ledger, clock, ipad, other)
    believe(ledger, clock, other, rules=aliases)
    believe(ledger, clock, unreadable, other, rules=aliases)

    assert changes(believe(ledger, clock, ipad, other, rules=aliases)) == {"1": "put"}


def test_a_pull_that_is_not_believed_changes_nothing_of_what_is_compared(ledger: Ledger, clock: ManualClock) -> None:
    aliases = rules_with(policy=Policy(domain_aliases={"old.exempelby.se": "exempelby.se"}))
    ipad = device("1", "e1@old.exempelby.se")
    believe(ledger, clock, ipad)
    held = read(ledger, clock, [ipad], rules=aliases)
    ledger.fail_pull(held.pull, Verdict.FAILED, "")

    assert changes(believe(ledger, clock, ipad, rules=aliases)) == {"1": "put"}


def test_what_comes_to_the_same_by_other_rules_is_not_remembered_for_the_rules_in_force(
    ledger: Ledger, clock: ManualClock
) -> None:
    before, after = device("1", "e1@exempelby.se"), device("1", "e1@old.exempelby.se")
    aliases = rules_with(policy=Policy(domain_aliases={"old.exempelby.se": "exempelby.se"}))
    believe(ledger, clock, before)
    same = read(ledger, clock, [after], rules=aliases)
    assert same.rows == ()
    ledger.fail_pull(same.pull, Verdict.FAILED, "")

    assert changes(believe(ledger, clock, after)) == {"1": "put"}


def test_a_part_that_reads_some_is_always_compared(ledger: Ledger, clock: ManualClock) -> None:
    """Records that a pull did not read may have been judged by anything."""
    some = FakeConnector(pages([device("1")]), part=replace(THINGS_PART, reads="some"))
    source = some.source("hr")
    pulled = PullRunner(ledger, clock, RULES, lambda _: OutboundNetwork()).pull(source, source.parts[0], Event())

    assert [scope.judged_under for scope in ledger.effect(pulled.pull).scopes] == [None]


# --- who is hidden ------------------------------------------------------------------------------------------------------


def test_a_mark_on_a_membership_protects_a_person_who_has_not_changed_by_all_their_keys(
    ledger: Ledger, clock: ManualClock
) -> None:
    accounts = [address(login(1)), address("alias@exempelby.se")]
    anna = msgspec.structs.replace(person("u1"), keys=tuple(accounts))
    believe(ledger, clock, anna, membership("m1", "u1"), *staff(2, 3))

    believe(ledger, clock, anna, membership("m1", "u1", protected=True), *staff(2, 3))

    assert {token_of(key) for key in accounts} <= ledger.protected_tokens()
    masked = {each.record.source_id for each in believed_records(ledger) if each.masked}
    assert len(masked) == 2
    assert not masked & {"u1", "m1"}


def test_the_device_of_somebody_who_became_protected_is_masked_although_it_has_not_changed(
    ledger: Ledger, clock: ManualClock
) -> None:
    ipad = device("7", login(1))
    believe(ledger, clock, ipad, name="mdm")
    ledger.protect([token_of(ipad.keys[0])], clock.now())

    effect = believe(ledger, clock, ipad, name="mdm")

    assert [(row.masked, row.read_fingerprint) for row in effect.rows] == [(True, None)]
    assert believe(ledger, clock, ipad, name="mdm").rows == ()
    assert [each.masked for each in believed_records(ledger)] == [True]


@pytest.mark.parametrize("is_pulled_between", [True, False])
def test_somebody_who_is_not_protected_any_more_is_read_in_clear(
    ledger: Ledger, clock: ManualClock, is_pulled_between: bool
) -> None:
    ipad = device("7", login(1))
    token = token_of(ipad.keys[0])
    believe(ledger, clock, ipad, name="mdm")
    ledger.protect([token], clock.now())
    if is_pulled_between:
        believe(ledger, clock, ipad, name="mdm")
    ledger.unprotect(token, "chief", "moved")

    believe(ledger, clock, ipad, name="mdm")

    assert [(each.masked, each.record) for each in believed_records(ledger)] == [(False, ipad)]


def test_the_log_in_of_a_child_is_a_token_in_a_list_that_has_not_changed(ledger: Ledger, clock: ManualClock) -> None:
    tablet = device("7", "tindra@exempelby.se")
    believe(ledger, clock, tablet, name="mdm")
    believe(ledger, clock, person("b1", "tindra@exempelby.se", child=True), name="skola")

    believe(ledger, clock, tablet, name="mdm")

    (stored,) = [each.record for each in believed_records(ledger) if isinstance(each.record, DeviceRecord)]
    assert [key.is_token for key in stored.keys] == [True]


def test_many_marks_count_the_persons_who_have_not_changed(ledger: Ledger, clock: ManualClock) -> None:
    numbers = range(20)
    believe(ledger, clock, *staff(*numbers))
    marked = [membership(f"m{n}", f"u{n}", protected=True) for n in numbers]

    effect = read(ledger, clock, [person(f"u{n}", login(n)) for n in numbers] + marked)

    assert effect.newly_marked == 20
    assert {token_of(address(login(n))) for n in numbers} <= effect.pending_marks
    assert ledger.protected_tokens() == frozenset()


# --- always the same ----------------------------------------------------------------------------------------------------


ids = st.sampled_from("123")
logins = st.sampled_from(["a@x.se", "b@x.se", "c@x.se"])
contacts = st.one_of(st.none(), st.integers(0, 2).map(lambda hour: MONDAY + timedelta(hours=hour)))
few_logins = st.lists(logins, max_size=2, unique=True)
rare = st.sampled_from([False] * 7 + [True])
persons = st.builds(
    lambda n, keys, mark, child: person(f"u{n}", *keys, protected=mark, child=child), ids, few_logins, rare, rare
)
memberships = st.builds(
    lambda n, of, mark, year: membership(f"m{n}", f"u{of}", protected=mark, year=year),
    ids, ids, rare, st.sampled_from([1, 2]),
)  # fmt: skip
devices = st.builds(
    lambda n, login, contact, name: device(n, login, last_contact_at=contact, name=name),
    ids, st.one_of(st.none(), logins), contacts, st.sampled_from([None, "VRE-1"]),
)  # fmt: skip
groups = st.builds(lambda n, name: GroupRecord(source_id=n, name=name), ids, st.sampled_from(["5A", "5B"]))
unreadable = st.builds(
    lambda n, type_: RecordError("cannot be read", source_id=n, record_type=type_),
    st.sampled_from(["u1", "m1", "1"]), st.sampled_from([RecordType.PERSON, RecordType.MEMBERSHIP, RecordType.DEVICE]),
)  # fmt: skip
unknown = st.sampled_from(["a", "b"]).map(lambda word: UnknownValue("field", word))
several = st.lists(st.one_of(persons, memberships, devices, unknown), min_size=2, max_size=3).map(tuple)
rows = st.one_of(persons, memberships, devices, groups, unreadable, several)
listings = st.lists(rows, max_size=6)
ends = st.sampled_from(["apply", "apply", "apply", "hold", "fail"])
aliases = rules_with(policy=Policy(domain_aliases={"x.se": "y.se"}))
steps = st.one_of(
    st.tuples(
        st.just("pull"), st.sampled_from(["hr", "mdm"]), listings, ends, st.sampled_from([RULES, RULES, aliases])
    ),
    st.tuples(st.just("again"), st.sampled_from(["hr", "mdm"]), st.lists(rows, max_size=2), st.integers(0, 2)),
    st.tuples(st.sampled_from(["protect", "unprotect", "erase"]), logins),
)


class Town:
    """A ledger, and what was pulled into it last. *is_whole*: each record is compared, whether it has changed or not."""

    def __init__(self, ledger: Ledger, clock: ManualClock, *, is_whole: bool) -> None:
        self.ledger, self.clock, self.is_whole = ledger, clock, is_whole
        self.last: dict[str, tuple[Sequence[Any], NormalisationRules]] = {}

    def take(self, step: tuple[Any, ...]) -> object:
        """Does *step*; what came of it."""
        match step:
            case ("pull", name, listing, end, rules):
                self.last[name] = (listing, rules)
                return self._pull(name, listing, end, rules)
            case ("again", name, more, repeated):
                listing, rules = self.last.get(name, ([], RULES))
                return self._pull(name, [*listing, *more, *listing[:repeated]], "apply", rules)
            case ("protect", value):
                return self.ledger.protect([token_of(address(value))], self.clock.now())
            case ("erase", value):
                return self.ledger.erase([token_of(address(value))], self.clock.now())
            case ("unprotect", value):
                token = token_of(address(value))
                return token in self.ledger.protected_tokens() and self.ledger.unprotect(token, "chief", "moved").parts
        raise AssertionError(step)

    def _pull(self, name: str, listing: Sequence[Any], end: str, rules: NormalisationRules) -> object:
        if self.is_whole:
            with self.ledger._write_transaction() as connection:
                connection.execute(update(t.part_scope).values(judged_under=None))
        effect = read(self.ledger, self.clock, listing, name=name, rules=rules)
        if end == "apply":
            self.ledger.apply(effect, LIMITS)
        elif end == "hold":
            self.ledger.hold(effect.pull, ())
        else:
            self.ledger.fail_pull(effect.pull, Verdict.FAILED, "")
        return [
            [msgspec.structs.replace(row, read_fingerprint=None) for row in effect.rows],
            msgspec.structs.replace(effect, rows=(), scopes=()),
        ]

    def state(self) -> object:
        """Everything that is believed, and who is hidden."""
        ledger = self.ledger
        if self.is_whole:
            ledger._child_tokens = None  # what it remembers of them
        return (believed_records(ledger), ledger.protected_tokens(), ledger.erased_tokens(), ledger.child_tokens())


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without anything in it: to be copied is quicker than to be migrated."""
    file = tmp_path_factory.mktemp("empty") / "fleetsync.db"
    ledger_at(file).close()
    return file


@contextmanager
def town(empty: Path, folder: Path, *, is_whole: bool) -> Iterator[Town]:
    file = folder / f"{is_whole}.db"
    for stale in folder.glob(f"{is_whole}.db*"):
        stale.unlink() if stale.is_file() else shutil.rmtree(stale)
    shutil.copy(empty, file)
    clock = ManualClock(MONDAY)
    with ledger_at(file, clock) as ledger:
        yield Town(ledger, clock, is_whole=is_whole)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=2, max_size=8))
def test_what_is_passed_over_always_leaves_the_same_rows_and_the_same_belief(
    empty: Path, tmp_path: Path, taken: list[tuple[Any, ...]]
) -> None:
    with town(empty, tmp_path, is_whole=False) as quick, town(empty, tmp_path, is_whole=True) as whole:
        for step in taken:
            assert quick.take(step) == whole.take(step)
            assert quick.state() == whole.state()
