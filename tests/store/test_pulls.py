import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.clock import ManualClock
from fleetsync.core.model import (
    Credential,
    CredentialUse,
    DeviceRecord,
    GroupRecord,
    PulledScope,
    PullEffect,
    PullLimits,
    Record,
    RecordType,
    RowChange,
    StagedRow,
    UnitRecord,
    Verdict,
)
from fleetsync.store.ledger import Ledger, PartBusy, RecordIndexEntry, StoreError
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

ids = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=10)
instants = st.datetimes(timezones=st.just(UTC)).filter(lambda instant: 1980 < instant.year < 2200)
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(device, ids, st.one_of(st.none(), ids), enrolled_at=st.one_of(st.none(), instants)),
    st.builds(person, ids, ids, name=st.one_of(st.none(), ids)),
    st.builds(
        membership, ids, ids, start=st.one_of(st.none(), st.dates()), share=st.one_of(st.none(), st.floats(0, 1))
    ),
    st.builds(lambda source_id, name: UnitRecord(source_id=source_id, name=name, codes=(name,)), ids, ids),
    st.builds(lambda source_id, name: GroupRecord(source_id=source_id, name=name), ids, ids),
)
rows = st.one_of(
    st.builds(
        row_to_put,
        records,
        st.integers(0, 2**64 - 1),
        scope=st.one_of(st.none(), ids),
        last_contact_at=st.one_of(st.none(), instants),
        masked=st.booleans(),
    ),
    st.builds(row_of_change, st.sampled_from([RowChange.RETURN, RowChange.CONTACT, RowChange.ABSENT]), records),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with ledger_at(tmp_path_factory.mktemp("shared") / "fleetsync.db") as opened:
        yield opened


@given(st.lists(rows, max_size=8))
def test_staged_rows_always_come_back_as_they_were_the_last_of_an_id_counting(
    shared: Ledger, some: list[StagedRow]
) -> None:
    effect = stage_pull(shared, some)
    shared.fail_pull(effect.pull, Verdict.FAILED, "the example is over")

    last = {row.ref: row for row in some}
    assert {row.ref: msgspec.structs.replace(row, own_id="") for row in effect.rows} == last


def test_a_pull_comes_back_with_all_that_was_noted(ledger: Ledger) -> None:
    pull = ledger.begin_pull("skola", "pupils", MONDAY)
    noted = PullEffect(
        pull=pull,
        source="skola",
        part="pupils",
        started_at=MONDAY,
        scopes=(
            PulledScope(name="a.csv", as_of=TODAY, fingerprint="f1"),
            PulledScope(name="b.csv", as_of=date(2026, 11, 1)),
        ),
        rows=(),
        seen=7,
        duplicates=2,
        rejected={"the serial is empty": 3},
        drift={"status=okänd": 1},
        is_first=True,
        reads_some=True,
        mark="page-9",
    )

    ledger.finish_pull(noted)

    assert ledger.effect(pull) == noted
    (line,) = ledger.pulls()
    assert (line.seen, line.rejected, line.verdict) == (7, {"the serial is empty": 3}, None)


def test_rows_staged_on_several_pages_are_one_pull_and_the_last_page_counts(ledger: Ledger) -> None:
    pull = ledger.begin_pull("jamf", "devices", MONDAY)
    ledger.stage_rows(pull, [row_to_put(device("1"), 1), row_to_put(device("2"), 2)])
    ledger.stage_rows(pull, [])
    ledger.stage_rows(pull, [row_to_put(device("1"), 9)])

    assert [(row.source_id, row.fingerprint) for row in ledger.effect(pull).rows] == [("1", 9), ("2", 2)]


def test_an_own_id_reveals_nothing_and_never_changes(ledger: Ledger, tmp_path: Path) -> None:
    rows = [row_to_put(person("19900101-1234"))]
    ours, again = (stage_pull(ledger, rows, part=part).rows[0].own_id for part in ("pupils", "staff"))
    with ledger_at(tmp_path / "other.db") as other:
        elsewhere = stage_pull(other, rows, part="pupils").rows[0].own_id

    assert ours == elsewhere != again
    assert "1990" not in ours


def test_the_index_shows_what_is_remembered_and_flags_what_is_away(ledger: Ledger) -> None:
    contact = MONDAY - HOUR
    stage_and_apply(
        ledger,
        [row_to_put(device("1"), 11, scope="a.csv", last_contact_at=contact), row_to_put(device("2"), 12, masked=True)],
    )
    limits = PullLimits(grace_pulls=1, grace_hours=0)
    ledger.apply(stage_pull(ledger, [row_of_change(RowChange.ABSENT, device("2"))], at=MONDAY + DAY), limits)

    away = RecordIndexEntry(12, absent=True, gone=False, last_contact_at=None, scope=None, masked=True)
    there = RecordIndexEntry(11, absent=False, gone=False, last_contact_at=contact, scope="a.csv")
    assert ledger.record_index("jamf", "devices") == {("device", "1"): there, ("device", "2"): away}

    ledger.apply(stage_pull(ledger, [row_of_change(RowChange.ABSENT, device("2"))], at=MONDAY + 2 * DAY), limits)

    assert ledger.record_index("jamf", "devices")[RecordType.DEVICE, "2"].gone
    assert ledger.record_index("jamf", "users") == {}


def test_files_are_known_once_they_are_believed(ledger: Ledger) -> None:
    read = [PulledScope(name="a.csv", as_of=TODAY, fingerprint="f1"), PulledScope(name="b.csv", as_of=TODAY - DAY)]
    effect = stage_pull(ledger, [row_to_put(device("1"))], scopes=read)
    assert ledger.known_files("jamf", "devices") == {}

    ledger.apply(effect, PullLimits())

    assert ledger.known_files("jamf", "devices") == {"a.csv": ("f1", TODAY), "b.csv": (None, TODAY - DAY)}
    assert part_of(ledger).as_of == TODAY - DAY
    assert part_of(ledger).scope_as_of == {"a.csv": TODAY, "b.csv": TODAY - DAY}


def test_a_bookmark_is_handed_back_once_its_pull_is_believed(ledger: Ledger) -> None:
    effect = stage_pull(ledger, [], reads_some=True, mark="page-9")
    assert ledger.mark("jamf", "devices") is None

    ledger.apply(effect, PullLimits())

    assert ledger.mark("jamf", "devices") == "page-9"


def test_an_unchanged_pull_proves_an_attempt_and_refreshes_nothing(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))])
    pull = ledger.begin_pull("jamf", "devices", MONDAY + DAY)

    ledger.fail_pull(pull, Verdict.UNCHANGED, "the file is the same")

    part = part_of(ledger)
    assert (part.last_attempt_at, part.last_complete_at, part.as_of) == (MONDAY + DAY, MONDAY, TODAY)
    assert part.reason == "the file is the same"
    assert ledger.pulls(limit=1)[0].verdict is Verdict.UNCHANGED


def test_a_failed_pull_keeps_the_good_rows_and_drops_its_own(ledger: Ledger, file: Path) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))])
    effect = stage_pull(ledger, [row_to_put(device("2"))], at=MONDAY + HOUR)

    ledger.fail_pull(effect.pull, Verdict.FAILED, "the server refused our token")

    assert [entry.record.source_id for entry in ledger.believed(()).known] == ["1"]
    assert dump(file)["staged_record"] == []
    assert part_of(ledger).reason == "the server refused our token"


def test_a_verdict_that_does_more_has_a_method_of_its_own(ledger: Ledger) -> None:
    effect = stage_pull(ledger, [])

    with pytest.raises(ValueError, match="apply or hold"):
        ledger.fail_pull(effect.pull, Verdict.HELD, "")


def test_a_judged_pull_takes_nothing_more(ledger: Ledger) -> None:
    effect = stage_and_apply(ledger, [row_to_put(device("1"))])

    for late in (
        lambda: ledger.stage_rows(effect.pull, [row_to_put(device("2"))]),
        lambda: ledger.finish_pull(effect),
        lambda: ledger.fail_pull(effect.pull, Verdict.FAILED, ""),
        lambda: ledger.apply(effect, PullLimits()),
        lambda: ledger.hold(effect.pull, ()),
        lambda: ledger.stage_rows(4711, [row_to_put(device("2"))]),
    ):
        with pytest.raises(StoreError, match="not one that is going on"):
            late()


def test_an_unknown_pull_has_no_effect(ledger: Ledger) -> None:
    with pytest.raises(StoreError, match="pull 4711 is unknown"):
        ledger.effect(4711)


def test_a_part_that_is_being_pulled_is_busy_until_that_is_judged(ledger: Ledger, file: Path) -> None:
    effect = stage_pull(ledger, [row_to_put(device("1"))])

    with ledger_at(file) as daemon:
        with pytest.raises(PartBusy, match="jamf/devices"):
            daemon.begin_pull("jamf", "devices", MONDAY)
        daemon.fail_pull(daemon.begin_pull("jamf", "users", MONDAY), Verdict.FAILED, "")
        ledger.apply(effect, PullLimits())
        assert daemon.begin_pull("jamf", "devices", MONDAY) > effect.pull


def test_a_pull_that_cannot_be_noted_leaves_its_part_free(ledger: Ledger) -> None:
    with pytest.raises(Exception, match="must be aware"):
        ledger.begin_pull("jamf", "devices", datetime(2026, 11, 23))  # noqa: DTZ001 - a naive instant is the case

    assert ledger.begin_pull("jamf", "devices", MONDAY)


def test_a_process_that_starts_beside_a_running_pull_leaves_it_alone(ledger: Ledger, file: Path) -> None:
    effect = stage_pull(ledger, [row_to_put(device("1"))])

    ledger_at(file).close()

    assert ledger.effect(effect.pull) == effect


def test_a_process_that_starts_after_a_pull_died_finds_it_failed_and_its_rows_gone(
    file: Path, clock: ManualClock
) -> None:
    with ledger_at(file, clock) as dying:
        pull = stage_pull(dying, [row_to_put(device("1"))]).pull

    with ledger_at(file, clock) as ledger:
        (line,) = ledger.pulls()
        assert (line.id, line.verdict) == (pull, Verdict.FAILED)
        assert "ended before the pull was judged" in (line.reason or "")
        assert dump(file)["staged_record"] == []
        assert ledger.fail_abandoned_pulls() == 0


def test_pulls_are_listed_newest_first_of_one_part_or_all(ledger: Ledger) -> None:
    for part in ("devices", "users", "devices"):
        stage_and_apply(ledger, [], part=part)
    stage_and_apply(ledger, [], source="hr", part="staff")

    assert [line.part for line in ledger.pulls()] == ["staff", "devices", "users", "devices"]
    assert [line.id for line in ledger.pulls("jamf", "devices")] == [3, 1]
    assert [line.id for line in ledger.pulls("jamf", limit=2)] == [3, 2]


def test_changes_are_counted_by_kind(ledger: Ledger) -> None:
    stage_and_apply(ledger, [row_to_put(device("1")), row_to_put(device("2")), row_to_put(device("3"))])
    rows = [
        row_to_put(device("4")),
        row_of_change(RowChange.ABSENT, device("1")),
        row_of_change(RowChange.CONTACT, device("2"), last_contact_at=MONDAY),
    ]
    stage_and_apply(ledger, rows, at=MONDAY + HOUR)

    line = ledger.pulls(limit=1)[0]
    assert (line.puts, line.returns, line.contacts, line.absences) == (1, 0, 1, 1)


def test_a_record_of_every_kind_is_kept_with_its_type(ledger: Ledger) -> None:
    some: list[Record] = [device("1"), person("1"), membership("1", "1"), UnitRecord(source_id="1", name="Vreta")]
    stage_and_apply(ledger, [row_to_put(record) for record in some])

    assert {entry.ref for entry in ledger.believed(()).known} == {
        ("jamf", kind, "1") for kind in ("device", "person", "membership", "unit")
    }
    assert isinstance(ledger.believed(()).known[0].record, DeviceRecord)


def test_the_credentials_of_the_newest_pull_are_believed(ledger: Ledger) -> None:
    enrolment = Credential("enrolment", MONDAY + HOUR, CredentialUse.APPLE_ENROLMENT)
    ledger.store_credentials("jamf", "devices", [Credential("push", MONDAY, CredentialUse.APPLE_PUSH), enrolment])
    renewed = Credential("push", MONDAY + HOUR, CredentialUse.APPLE_PUSH)
    ledger.store_credentials("jamf", "devices", [renewed, Credential("apps", MONDAY, CredentialUse.APPLE_APPS)])

    (part,) = ledger.part_states([part_state()])

    assert part.credentials == (Credential("apps", MONDAY, CredentialUse.APPLE_APPS), renewed)


# --- a verdict that cannot be written -----------------------------------------------------------------------------------


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """The database as it is while another program writes to it."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


ENDS: Mapping[str, Callable[[Ledger, PullEffect], None]] = {
    "fail": lambda ledger, effect: ledger.fail_pull(effect.pull, Verdict.FAILED, "it was down"),
    "apply": lambda ledger, effect: ledger.apply(effect, PullLimits()),
    "hold": lambda ledger, effect: ledger.hold(effect.pull, ()),
}


@pytest.mark.only_database("sqlite")
@pytest.mark.parametrize("end", ENDS)
def test_a_pull_whose_end_cannot_be_written_leaves_no_lock_and_is_ended_later(
    monkeypatch: pytest.MonkeyPatch, file: Path, clock: ManualClock, end: str
) -> None:
    monkeypatch.setattr("fleetsync.store.sqlite_database.WRITER_BUSY_MS", 20)
    with ledger_at(file, clock) as ledger:
        effect = stage_pull(ledger, [row_to_put(device("1"))])

        with locked(file), pytest.raises(Exception, match="locked"):
            ENDS[end](ledger, effect)
        assert [pull.verdict for pull in ledger.pulls()] == [None]
        again = stage_pull(ledger, [row_to_put(device("1"))])

        newest, oldest = ledger.pulls()
        assert (newest.id, newest.verdict, oldest.verdict) == (again.pull, None, Verdict.FAILED)
        assert "could not be written" in (oldest.reason or "")
        ledger.apply(again, PullLimits())
        assert [known.record.source_id for known in believed_records(ledger)] == ["1"]


def test_the_records_of_persons_are_known(ledger: Ledger) -> None:
    stage_and_apply(
        ledger, [row_to_put(membership("m1", "p1")), row_to_put(membership("m2", "p2")), row_to_put(person("p1"))]
    )

    assert {record.source_id for record in ledger.person_records("jamf", "devices")} == {"m1", "m2", "p1"}
