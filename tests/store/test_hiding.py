"""A hidden person is hidden by every present, former and declared key, whatever else happens at the same time."""

from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from fleetsync.core.model import (
    UNPLACED,
    BelievedState,
    CoveredBy,
    DeviceRecord,
    Key,
    Login,
    Outcome,
    Override,
    PersonRecord,
    PulledScope,
    PullEffect,
    PullLimits,
    Record,
    RowChange,
    Scheme,
    StagedRow,
    Text,
)
from fleetsync.core.privacy import key_tokeniser, mask_record, tokenise_id
from fleetsync.store.ledger import Ledger, StaleReconciliation
from tests.store.ledger_samples import (
    DAY,
    HOUR,
    MONDAY,
    SECRET,
    TODAY,
    a_whole_outcome,
    address,
    assignment,
    believed_records,
    bytes_of,
    device,
    device_case,
    dump,
    ledger_at,
    login,
    membership,
    outcome,
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
OLD, NEW, BO = "anna.gammal@exempelby.se", "anna.ny@exempelby.se", "bo.al@exempelby.se"
ACCOUNT = Key(Scheme.ACCOUNT, "exempelby", "aek01")
OLD_TOKEN, NEW_TOKEN = token_of(address(OLD)), token_of(address(NEW))
ACTIONS = pytest.mark.parametrize("action", ["protect", "erase"])


def words_on_disk(file: Path, *words: str) -> list[str]:
    """Those of *words* that are on the disk."""
    there = bytes_of(file)
    return [word for word in words if word.encode() in there]


def record_of(ledger: Ledger, source_id: str) -> DeviceRecord:
    (result,) = (entry.record for entry in believed_records(ledger) if entry.record.source_id == source_id)
    assert isinstance(result, DeviceRecord)
    return result


# --- log-ins of former days -------------------------------------------------------------------------------------------


def renamed(ledger: Ledger, *more: Login) -> None:
    """Anna has had another log-in for an hour, and the device still has the old one."""
    stage_and_apply(
        ledger, [row_to_put(person("u-1", NEW)), row_to_put(person("u-2", BO))], source="skola", part="staff"
    )
    stage_and_apply(
        ledger, [row_to_put(device("7", OLD, location="Vretaskolan")), row_to_put(device("9", BO, location="Ekskolan"))]
    )
    resolved_ids = tuple(
        (entry, {"u-1": "p1", "u-2": "p2"}.get(entry.record.source_id, "d" + entry.record.source_id))
        for entry in believed_records(ledger)
    )
    former = Login(address(OLD), "p1", MONDAY - DAY, MONDAY)
    logins = (former, login(NEW, "p1"), login(BO, "p2"), *more)
    record_outcome(
        ledger, outcome(people=(person_case("p1"), person_case("p2")), logins=logins, resolved_ids=resolved_ids)
    )


@ACTIONS
@pytest.mark.parametrize("mark", [OLD_TOKEN, NEW_TOKEN])
def test_a_device_that_still_says_a_former_log_in_is_masked(ledger: Ledger, file: Path, action: str, mark: str) -> None:
    renamed(ledger)

    getattr(ledger, action)([mark], MONDAY + DAY)

    assert words_on_disk(file, OLD, NEW, "Vretaskolan") == []
    assert words_on_disk(file, BO, "Ekskolan") == [BO, "Ekskolan"]
    assert record_of(ledger, "7").keys == (address(OLD_TOKEN),)
    hidden = ledger.protected_tokens() if action == "protect" else ledger.erased_tokens()
    assert hidden == {OLD_TOKEN, NEW_TOKEN, tokenise_id("skola", "u-1", TOKEN_OF)}


@ACTIONS
def test_a_later_pull_of_a_former_log_in_is_masked(ledger: Ledger, file: Path, action: str) -> None:
    renamed(ledger)
    getattr(ledger, action)([NEW_TOKEN], MONDAY + DAY)

    stage_and_apply(
        ledger, [row_to_put(device("7", OLD, location="Vretaskolan", os_version="27"), 2)], at=MONDAY + 2 * DAY
    )

    assert words_on_disk(file, OLD, "Vretaskolan") == []
    assert record_of(ledger, "7").os_version == "27"


@ACTIONS
def test_the_new_holder_of_a_log_in_is_masked_with_the_former_one_and_not_erased_with_them(
    ledger: Ledger, action: str
) -> None:
    cia = row_to_put(person("u-3", OLD))
    renamed(ledger, login(OLD, "p3"))
    stage_and_apply(ledger, [cia], source="skola", part="pupils")

    getattr(ledger, action)([NEW_TOKEN], MONDAY + DAY)

    (left,) = (entry for entry in believed_records(ledger) if entry.part == "pupils")
    assert (left.masked, left.record == cia.record) == ((True, False) if action == "protect" else (False, True))
    assert OLD_TOKEN not in ledger.erased_tokens()


# --- overrides --------------------------------------------------------------------------------------------------------

EXTRA = "anna.extra@exempelby.se"
OVERRIDES = (
    Override(serial="SERIAL7", person=address(NEW)),
    Override(login=address(EXTRA), person=address(NEW)),
    Override(login=address(NEW), person=address(BO)),
    Override(serial="SERIAL9", person=address(BO)),
)
EXTRA_TOKEN = token_of(address(EXTRA))


def kept(ledger: Ledger) -> list[tuple[str | None, str]]:
    return [(entry.login.value if entry.login else None, entry.person.value) for entry in ledger.believed(()).overrides]


@pytest.mark.parametrize("is_marked_first", [True, False])
def test_overrides_name_nobody_protected_however_often_the_file_is_read(
    ledger: Ledger, file: Path, is_marked_first: bool
) -> None:
    renamed(ledger)
    stage_and_apply(ledger, [row_to_put(device("8", EXTRA, location="Vretaskolan"))], part="more")
    for is_marking in (is_marked_first, not is_marked_first, False):
        if is_marking:
            ledger.protect([NEW_TOKEN], MONDAY + DAY)
        else:
            ledger.set_overrides(OVERRIDES, "overrides file")

    assert words_on_disk(file, EXTRA, NEW, OLD, "Vretaskolan") == []
    assert kept(ledger) == [(None, NEW_TOKEN), (EXTRA_TOKEN, NEW_TOKEN), (NEW_TOKEN, BO), (None, BO)]
    assert record_of(ledger, "8").keys == (address(EXTRA_TOKEN),)
    assert EXTRA_TOKEN in ledger.protected_tokens()
    assert token_of(address(BO)) not in ledger.protected_tokens()


@pytest.mark.parametrize("is_erased_first", [True, False])
def test_an_override_of_somebody_erased_is_left_out(ledger: Ledger, file: Path, is_erased_first: bool) -> None:
    renamed(ledger)
    if is_erased_first:
        ledger.erase([NEW_TOKEN], MONDAY + DAY)
    ledger.set_overrides(OVERRIDES, "overrides file")
    if not is_erased_first:
        ledger.erase([NEW_TOKEN], MONDAY + DAY)

    assert kept(ledger) == [(None, BO)]
    assert words_on_disk(file, EXTRA, NEW) == []


def test_overrides_are_kept_as_they_are_while_nobody_is_hidden(ledger: Ledger) -> None:
    ledger.set_overrides(OVERRIDES, "overrides file")
    assert ledger.believed(()).overrides == OVERRIDES

    ledger.set_overrides((), "overrides file")
    assert ledger.believed(()).overrides == ()


# --- judged before, recorded after ------------------------------------------------------------------------------------


def judged(ledger: Ledger) -> tuple[Outcome, BelievedState]:
    """A reconciliation that is under way: its outcome, and what it was reconciled from."""
    stage_and_apply(
        ledger,
        [
            row_to_put(person("u-1", "anna.ek@exempelby.se", name="Anna Ek")),
            row_to_put(membership("m-1", "u-1", group="HEMLIG")),
        ],
        source="skola",
        part="pupils",
    )
    believed = ledger.believed(())
    return a_whole_outcome(MONDAY + HOUR, tuple(believed.known)), believed


@pytest.mark.parametrize("is_recorded_before", [True, False])
@ACTIONS
def test_what_was_judged_before_a_marking_is_not_recorded_after_it(
    ledger: Ledger, file: Path, action: str, is_recorded_before: bool
) -> None:
    result, believed = judged(ledger)
    if is_recorded_before:
        ledger.record(result, believed)
        believed = ledger.believed(())

    def beside() -> None:
        with ledger_at(file) as other:
            getattr(other, action)([token_of(address("anna.ek@exempelby.se"))], MONDAY + HOUR)

    thread = Thread(target=beside)
    thread.start()
    thread.join()
    before = dump(file)

    with pytest.raises(StaleReconciliation, match="Judge what is believed now"):
        ledger.record(result, believed)

    assert dump(file) == before
    assert words_on_disk(file, "anna.ek", "Anna Ek", "HEMLIG") == []


def test_what_is_judged_after_a_marking_is_recorded(ledger: Ledger) -> None:
    judged(ledger)
    ledger.protect([token_of(address("anna.ek@exempelby.se"))], MONDAY + HOUR)
    believed = ledger.believed(())

    recorded = ledger.record(a_whole_outcome(MONDAY + HOUR, tuple(believed.known)), believed)

    assert recorded.written["person"] == 1


def test_a_marking_is_in_no_published_number(ledger: Ledger) -> None:
    ledger.protect(["~one"], MONDAY)
    privacy_generation = ledger.believed(()).privacy_generation

    ledger.protect(["~one"], MONDAY)

    assert ledger.believed(()).privacy_generation == privacy_generation
    assert ledger.counters() == {}
    ledger.erase(["~one"], MONDAY)
    assert ledger.believed(()).privacy_generation > privacy_generation


# --- rows without a body ----------------------------------------------------------------------------------------------

ANNA = "anna.ek@exempelby.se"
HER_TOKEN = token_of(address(ANNA))
ANNAS = (person(ANNA, ANNA), membership(f"{ANNA}/vretaskolan", ANNA))
BOS = (person(BO, BO), membership(f"{BO}/ekskolan", BO))
AT_ONCE = PullLimits(grace_pulls=0, grace_hours=0)


@pytest.fixture
def school(ledger: Ledger) -> Ledger:
    """Anna and Bo, whose ids at the source are their log-ins."""
    stage_and_apply(ledger, [row_to_put(entry) for entry in (*ANNAS, *BOS)], source="hr", part="staff")
    return ledger


def of_people(change: RowChange) -> list[StagedRow]:
    return [row_of_change(change, entry) for entry in (*ANNAS, *BOS)]


def absent(ledger: Ledger) -> set[tuple[str, bool]]:
    """What is absent: (type, whether it is masked, as Anna's is)."""
    return {(entry.type.value, entry.masked) for entry in believed_records(ledger) if entry.absent_since is not None}


def finished(ledger: Ledger, pull: int) -> PullEffect:
    scopes = (PulledScope(as_of=TODAY),)
    read = {"source": "hr", "part": "staff", "started_at": MONDAY + HOUR, "scopes": scopes, "rows": (), "seen": 2}
    ledger.finish_pull(PullEffect(pull=pull, **read))  # type: ignore[arg-type]
    return ledger.effect(pull)


@pytest.mark.parametrize("is_marked_first", [True, False])
def test_a_held_absence_has_no_id_and_is_of_the_same_people_when_it_is_accepted(
    school: Ledger, file: Path, is_marked_first: bool
) -> None:
    pull = school.begin_pull("hr", "staff", MONDAY + HOUR)
    if is_marked_first:
        school.protect([HER_TOKEN], MONDAY + HOUR)
    school.stage_rows(pull, of_people(RowChange.ABSENT)[:3])
    school.hold(finished(school, pull).pull, ())
    if not is_marked_first:
        school.protect([HER_TOKEN], MONDAY + DAY)

    assert words_on_disk(file, ANNA, "vretaskolan", BO) == [BO]
    school.accept(pull, "strategen", "true")
    assert absent(school) == {("person", True), ("membership", True), ("person", False)}


def test_a_return_brings_back_the_record_under_the_name_it_has_by_now(school: Ledger, file: Path) -> None:
    stage_and_apply(school, of_people(RowChange.ABSENT), source="hr", part="staff", at=MONDAY + HOUR)
    effect = stage_pull(school, of_people(RowChange.RETURN), source="hr", part="staff", at=MONDAY + DAY)
    school.protect([HER_TOKEN], MONDAY + DAY)

    school.apply(effect, PullLimits())

    assert absent(school) == set()
    assert len(believed_records(school)) == 4
    assert words_on_disk(file, ANNA, "vretaskolan") == []


@pytest.mark.parametrize("is_staged_first", [True, False])
def test_what_is_not_believed_any_more_is_not_staged(school: Ledger, file: Path, is_staged_first: bool) -> None:
    pull = school.begin_pull("hr", "staff", MONDAY + HOUR)
    if is_staged_first:
        school.stage_rows(pull, of_people(RowChange.ABSENT))
    school.erase([HER_TOKEN], MONDAY + HOUR)
    if not is_staged_first:
        school.stage_rows(pull, of_people(RowChange.ABSENT))

    assert words_on_disk(file, ANNA, "vretaskolan") == []
    assert [row.source_id for row in finished(school, pull).rows] == [f"{BO}/ekskolan", BO]


@pytest.mark.parametrize("is_staged_first", [True, False])
def test_a_person_shown_masked_is_not_absent_under_the_former_id(school: Ledger, is_staged_first: bool) -> None:
    pull = school.begin_pull("hr", "staff", MONDAY + HOUR)
    now = [row_to_put(mask_record(entry, TOKEN_OF, source="hr"), 2, masked=True) for entry in ANNAS]
    before = [row_of_change(RowChange.ABSENT, entry) for entry in ANNAS]
    if is_staged_first:
        school.stage_rows(pull, [*now, *before])
    school.protect([HER_TOKEN], MONDAY + HOUR)
    if not is_staged_first:
        school.stage_rows(pull, now)
        school.stage_rows(pull, before)

    school.apply(finished(school, pull), AT_ONCE)

    assert absent(school) == set()
    assert len(believed_records(school)) == 4


# --- side by side -----------------------------------------------------------------------------------------------------


def test_a_key_that_only_a_masked_row_has_hides_the_records_of_other_sources(ledger: Ledger, file: Path) -> None:
    stage_and_apply(
        ledger, [row_to_put(DeviceRecord(source_id="8", serial="SERIAL8", keys=(ACCOUNT,), location="Vretaskolan"))]
    )
    pull = ledger.begin_pull("hr", "staff", MONDAY)
    ledger.protect([HER_TOKEN], MONDAY)

    ledger.stage_rows(pull, [row_to_put(PersonRecord(source_id="4711", keys=(address(ANNA), ACCOUNT)))])

    assert words_on_disk(file, ANNA, "aek01", "Vretaskolan", "4711") == []
    assert record_of(ledger, "8").keys == (TOKEN_OF(ACCOUNT),)
    assert TOKEN_OF(ACCOUNT).value in ledger.protected_tokens()


def test_a_row_of_the_same_page_with_a_key_that_was_learnt_there_is_masked(ledger: Ledger, file: Path) -> None:
    pull = ledger.begin_pull("hr", "staff", MONDAY)
    ledger.protect([HER_TOKEN], MONDAY)
    before = row_to_put(PersonRecord(source_id="4712", keys=(ACCOUNT,)))

    ledger.stage_rows(pull, [before, row_to_put(PersonRecord(source_id="4711", keys=(address(ANNA), ACCOUNT)))])

    assert words_on_disk(file, "aek01", "4712") == []


def test_a_device_s_other_key_makes_nobody_else_protected(ledger: Ledger) -> None:
    pull = ledger.begin_pull("jamf", "devices", MONDAY)
    ledger.protect([HER_TOKEN], MONDAY)

    ledger.stage_rows(pull, [row_to_put(DeviceRecord(source_id="8", serial="SERIAL8", keys=(address(ANNA), ACCOUNT)))])

    assert ledger.protected_tokens() == {HER_TOKEN}


def test_a_person_erased_since_the_pull_began_does_not_come_back(ledger: Ledger, file: Path) -> None:
    stage_and_apply(
        ledger, [row_to_put(DeviceRecord(source_id="8", serial="SERIAL8", keys=(ACCOUNT,), location="Vretaskolan"))]
    )
    pull = ledger.begin_pull("hr", "staff", MONDAY)
    ledger.erase([HER_TOKEN], MONDAY)

    her_records: list[Record] = [
        membership("m-1", "4711"),
        PersonRecord(source_id="4711", keys=(address(ANNA), ACCOUNT)),
        device("7", ANNA),
    ]
    ledger.stage_rows(pull, [row_to_put(entry) for entry in her_records])
    ledger.stage_rows(pull, [row_to_put(person("4712", BO))])

    assert words_on_disk(file, ANNA, "4711", "aek01", "Vretaskolan") == []
    rows = finished(ledger, pull).rows
    assert [(row.source_id, row.masked) for row in rows] == [("7", True), ("4712", False)]


# --- who the device served -------------------------------------------------------------------------------------------


def test_a_protected_person_s_device_has_served_no_place_that_can_be_read(ledger: Ledger, file: Path) -> None:
    stage_and_apply(ledger, [row_to_put(device("7", ANNA))])
    (known,) = believed_records(ledger)
    cases = {"devices": (device_case("d7"),), "resolved_ids": ((known, "d7"),)}
    why = Text("på HEMLIGA skolan", "at HEMLIGA skolan")
    pool = assignment("d7", "preschool@HEMLIGA", by=CoveredBy.POOL, unit="HEMLIGA", reason=why)
    of_set = assignment("d7", "HEMLIGA/5B", by=CoveredBy.SET, unit="HEMLIGA", groups=("5B",), reason=why)
    bos = assignment("d7", "p2", unit="HEMLIGA", groups=("5B",), reason=why)
    for hours, given in enumerate((of_set, bos, pool)):
        record_outcome(
            ledger, outcome(MONDAY + timedelta(hours=hours), assignments=(given, assignment("d9", "p2")), **cases)
        )

    ledger.protect([HER_TOKEN], MONDAY + DAY)

    (left,) = (entry.assignment for entry in ledger.assignments_of("d7"))
    assert left == assignment("d7", "p2", unit=UNPLACED, reason=Text("", ""))
    assert [entry.assignment for entry in ledger.assignments_of("d9")] == [assignment("d9", "p2")]
    assert words_on_disk(file, "HEMLIGA") == []
