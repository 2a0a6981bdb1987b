"""A part is read whole or it has failed, and what is staged is what differs: over real files, real HTTP, a real store."""

import io
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from fleetsync import log, sync
from fleetsync.core.identity import canonical_key
from fleetsync.core.model import (
    DeviceRecord,
    Key,
    MembershipRecord,
    MembershipType,
    PersonRecord,
    PullEffect,
    PullLimits,
    RecordType,
    RowChange,
    Scheme,
    UnreadableRow,
    Verdict,
)
from fleetsync.core.privacy import person_tokens
from fleetsync.pull.contract import (
    Credential,
    CredentialUse,
    Page,
    PageTokenExpired,
    Part,
    PartMissing,
    RecordError,
    RejectedRecord,
    SourceRefused,
    SourceUnavailable,
    UnknownValue,
    UnreadableFact,
    WrongAnswer,
)
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import PullResult
from fleetsync.store import tables as t
from fleetsync.store.errors import DatabaseLocked
from tests.flow.fake_connector import ALL_RECORD_TYPES, FakeConnector, pages, pages_then_error
from tests.flow.installation import (
    CANARY,
    DOMAIN,
    SCHOOL,
    Installation,
    OpenInstallation,
    StaffFileRow,
    civic,
    login,
    serial,
)

DAY = date(2026, 11, 24)
CONTACT = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with ExitStack() as stack:
        yield stack.enter_context(installation.open())


def pull(opened: OpenInstallation, source: Source, stop: Event | None = None) -> PullResult:
    return opened.application.run_context.runner.pull(source, source.parts[0], stop or Event())


def believe(opened: OpenInstallation, pulled: PullResult) -> PullEffect:
    effect = opened.ledger.effect(pulled.pull)
    opened.ledger.apply(effect, PullLimits(grace_pulls=1, grace_hours=0))
    return effect


def read(opened: OpenInstallation, connector: FakeConnector, **keys: Any) -> PullEffect:
    """Pulled and believed."""
    return believe(opened, pull(opened, connector.source(**keys)))


def changes(effect: PullEffect) -> dict[str, str]:
    return {row.source_id: row.change.value for row in effect.rows}


def a_device(name: str = "d1", **fields: Any) -> DeviceRecord:
    return DeviceRecord(source_id=name, **fields)


def a_person(name: str = "p1", address: str | None = None, **fields: Any) -> PersonRecord:
    return PersonRecord(source_id=name, keys=(Key(Scheme.ADDRESS, "", address or f"{name}@{DOMAIN}"),), **fields)


def an_employment(person: str = "p1", **fields: Any) -> MembershipRecord:
    return MembershipRecord(source_id=f"m-{person}", person=person, membership=MembershipType.EMPLOYMENT, **fields)


def written(opened: OpenInstallation) -> str:
    """Every body in the database, staged ones too."""
    with opened.ledger._read_transaction() as connection:
        bodies = [
            body
            for table in (t.record, t.staged_record, t.turnover_membership)
            for body in connection.execute(select(table.c.body)).scalars()
        ]
    return "\n".join(body for body in bodies if body)


# --- whole or failed --------------------------------------------------------------------------------------------------


def test_a_listing_over_several_pages_is_read_whole(tmp_path):
    with Installation(tmp_path, people=25, page=10) as installation, installation.open() as opened:
        report = opened.run("intune")

        assert [applied.effect.seen for applied in report.applied] == [25]


@pytest.mark.parametrize("fault", ["cut_body", "server_error", "bad_gateway_html", "loop", "foreign_link", "not_json"])
def test_a_listing_that_breaks_off_has_failed_and_leaves_nothing_staged(tmp_path, fault):
    with Installation(tmp_path, people=25, page=10) as installation, installation.open() as opened:
        installation.graph.stub_server.fail("/v1.0/deviceManagement", fault, times=99, skip=1)

        (pulled,) = opened.run("intune").pulled

        assert pulled.verdict is Verdict.FAILED
        assert pulled.reason.startswith("intune: ")
        assert written(opened) == ""
        assert opened.part("intune/devices").last_complete_at is None


def test_fewer_records_than_promised_are_no_whole_and_the_listing_is_begun_again_once(opened):
    connector = FakeConnector(pages([a_device("d1"), a_device("d2")], total=3))

    pulled = pull(opened, connector.source())

    assert (pulled.verdict, len(connector.marks_given)) == (Verdict.FAILED, 2)
    assert pulled.reason.startswith("invented: things should have 3 records and gave 2")
    assert [line.verdict for line in opened.ledger.pulls("invented", "things")] == [Verdict.FAILED] * 2
    assert pulled.restarted_from == pulled.pull - 1


def test_a_listing_that_is_whole_at_the_second_try_is_complete(opened):
    answers = iter([[a_device("d1")], [a_device("d1"), a_device("d2")]])
    connector = FakeConnector(lambda _: iter([Page(next(answers), total=2)]))

    pulled = pull(opened, connector.source())

    assert (pulled.verdict, pulled.may_restart) == (Verdict.COMPLETE, False)


def test_a_page_token_that_ran_out_begins_the_listing_again(tmp_path):
    with Installation(tmp_path, people=25, page=10) as installation, installation.open() as opened:
        installation.graph.stub_server.fail("/v1.0/deviceManagement", "page_token_expired", skip=1)

        (pulled,) = opened.run("intune").pulled

        assert (pulled.verdict, pulled.restarted_from) == (Verdict.COMPLETE, pulled.pull - 1)


def test_a_page_token_that_runs_out_again_is_no_third_try(opened):
    connector = FakeConnector(pages_then_error(PageTokenExpired("invented: forgot where the listing was")))

    assert pull(opened, connector.source()).verdict is Verdict.FAILED
    assert len(connector.marks_given) == 2


def test_rejected_records_count_towards_what_was_promised(opened):
    connector = FakeConnector(pages([a_device("d1"), "serial is empty"], total=2))

    assert pull(opened, connector.source()).verdict is Verdict.COMPLETE


def test_a_record_that_cannot_be_read_does_not_replace_a_missing_record(opened):
    connector = FakeConnector(pages([a_device("d1"), "serial is empty"], total=3))

    assert "should have 3 records and gave 2" in pull(opened, connector.source()).reason


def test_a_fact_that_cannot_be_read_does_not_replace_a_missing_record(opened):
    fact = UnreadableFact("warranty", "is not a date", "d1")
    connector = FakeConnector(pages([a_device("d1"), fact], total=2))

    assert "should have 2 records and gave 1" in pull(opened, connector.source()).reason


def test_a_credential_beside_the_rows_does_not_replace_a_missing_record(opened):
    expiry = Credential("push certificate", datetime(2027, 3, 1, tzinfo=UTC), CredentialUse.APPLE_PUSH)
    connector = FakeConnector(pages([a_device("d1"), expiry], total=2))

    assert "should have 2 records and gave 1" in pull(opened, connector.source()).reason


@pytest.mark.parametrize("may_be_empty", [True, False])
def test_a_part_says_whether_its_first_pull_may_be_empty(may_be_empty):
    source = FakeConnector(part=Part("things", ALL_RECORD_TYPES, may_be_empty=may_be_empty)).source()

    assert source.limits("things").may_begin_empty is may_be_empty
    assert not source.limits("things").allow_empty


def test_a_part_counts_by_the_name_that_stands_for_it_in_counts():
    part = Part("accounts", ALL_RECORD_TYPES, counts_as="staff")

    assert FakeConnector(part=part).source(counts=("staff",)).counts("accounts")
    assert FakeConnector(part=part).source(counts=("employment",)).counts("accounts")
    assert not FakeConnector(part=part).source(counts=()).counts("accounts")


@pytest.mark.parametrize(
    ("optional", "counts", "verdict"),
    [
        (True, (), Verdict.UNCHANGED),
        (False, (), Verdict.UNCHANGED),
        (True, ("things",), Verdict.UNCHANGED),
        (False, ("things",), Verdict.FAILED),
    ],
)
def test_a_part_that_the_system_lacks_is_a_failure_where_it_counts(opened, optional, counts, verdict):
    missing = PartMissing("invented: does not have this part (404)")

    pulled = pull(
        opened,
        FakeConnector(pages_then_error(missing), Part("things", ALL_RECORD_TYPES, optional=optional)).source(
            counts=counts
        ),
    )

    assert pulled.verdict is verdict
    assert "invented: does not have this part (404)" in pulled.reason
    assert pulled.reason.startswith("not there: ") is (verdict is Verdict.UNCHANGED)


def test_a_part_that_was_read_before_and_is_missing_now_is_broken_and_tried_again(opened):
    part = Part("things", ALL_RECORD_TYPES)
    read(opened, FakeConnector(pages([a_device("d1")]), part))
    missing = pages_then_error(PartMissing("invented: does not have this part (404)"))

    pulled = pull(opened, FakeConnector(missing, part).source())

    assert pulled.verdict is Verdict.FAILED
    assert "was read before" in pulled.reason


@pytest.mark.parametrize(
    "error",
    [
        SourceUnavailable("invented: is down"),
        WrongAnswer("invented: answered in another shape"),
        PageTokenExpired("invented: forgot where the listing was"),
    ],
)
def test_what_may_pass_says_when_it_is_tried_again(opened, error):
    pulled = pull(opened, FakeConnector(pages_then_error(error)).source())

    assert pulled.reason.endswith(". It is tried again by itself within 1 h")
    assert not pulled.needs_operator


def test_what_may_have_been_a_row_that_cannot_be_read_is_not_absent(opened):
    rows = [a_device("k/1"), a_device("k/2"), a_device("m/1")]
    part = Part("things", (RecordType.DEVICE,))
    read(opened, FakeConnector(pages(rows), part))

    torn = RejectedRecord("an entry cannot be read", "k", "k/", RecordType.DEVICE, is_prefix=True)
    effect = read(opened, FakeConnector(pages([], rejected=(torn,)), part))

    assert changes(effect) == {"m/1": "absent"}


def test_a_stop_ends_a_pull_between_two_pages_and_does_not_blame_the_source(opened):
    stop = Event()

    def says(_connect: Any) -> Iterator[Page]:
        yield Page([a_device("d1")])
        stop.set()
        yield Page([a_device("d2")])

    pulled = pull(opened, FakeConnector(says).source(), stop)

    assert (pulled.verdict, pulled.was_stopped) == (Verdict.FAILED, True)


def test_an_error_of_our_own_fails_the_part_is_logged_once_and_quotes_nothing(opened):
    out = io.StringIO()
    log.setup(to=out, json=True)

    pulled = pull(opened, FakeConnector(pages_then_error(ValueError(f"{CANARY} cannot be read"))).source())

    assert (pulled.verdict, pulled.needs_operator) == (Verdict.FAILED, False)
    assert "an error of our own" in pulled.reason
    assert out.getvalue().count("pull broke") == 1
    assert "ValueError" in out.getvalue()
    assert CANARY not in out.getvalue() + pulled.reason
    # The part is free again.
    assert pull(opened, FakeConnector(pages([a_device()])).source()).verdict is Verdict.COMPLETE


def test_a_source_that_refuses_us_waits_for_a_person(installation, opened):
    installation.graph.permitted = False

    (pulled,) = opened.run("intune").pulled

    assert (pulled.verdict, pulled.needs_operator) == (Verdict.FAILED, True)
    assert "DeviceManagementManagedDevices.Read.All" in pulled.reason


@pytest.mark.parametrize("error", [SourceRefused("invented: no path is set"), SourceUnavailable("invented: is down")])
def test_what_was_refused_without_a_request_may_be_tried_again_soon(opened, error):
    assert not pull(opened, FakeConnector(pages_then_error(error)).source()).needs_operator


# --- what is counted --------------------------------------------------------------------------------------------------


def test_a_record_that_comes_twice_is_counted_and_is_one_belief(opened):
    connector = FakeConnector(pages([a_device("d1", model="iPad")], [a_device("d1", model="iPad"), a_device("d2")]))

    effect = believe(opened, pull(opened, connector.source()))

    assert (effect.seen, effect.duplicates, effect.conflicting_duplicates) == (2, 1, 0)
    assert {row.source_id: getattr(row.record, "model", None) for row in effect.rows} == {"d1": "iPad", "d2": None}


AN_HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (a_device(last_contact_at=CONTACT, model="old"), a_device(last_contact_at=CONTACT + AN_HOUR, model="new")),
        (a_device(model="old"), a_device(last_contact_at=CONTACT, model="new")),
        (a_device(enrolled_at=CONTACT, model="old"), a_device(enrolled_at=CONTACT + AN_HOUR, model="new")),
        (an_employment(start=date(2020, 8, 1)), an_employment(start=date(2026, 8, 1))),
        (an_employment(start=DAY, end=date(2026, 12, 31)), an_employment(start=DAY)),
    ],
)
def test_of_two_records_of_one_id_the_newer_counts_whichever_comes_first(opened, older, newer):
    for several in ([older, newer], [newer, older], [older, newer, older]):
        effect = read(opened, FakeConnector(pages([a_person()], several)))

        assert effect.conflicting_duplicates == 1
        (known,) = [
            known.record
            for known in opened.application.run_context.believed().known
            if type(known.record) is type(newer)
        ]
        assert known == (replace(newer, last_contact_at=None) if isinstance(newer, DeviceRecord) else newer)


def test_one_id_twice_stays_one_belief_however_often_it_is_pulled(opened):
    several = [a_person("p1", "a@exempelby.se"), a_person("p1", "b@exempelby.se"), a_person("p2")]
    beliefs = set()
    for order in permutations(several):
        for _ in range(2):
            effect = read(opened, FakeConnector(pages(*[[record] for record in order])))
            assert effect.conflicting_duplicates == 1
            beliefs.add(str(sorted(opened.application.run_context.believed().known, key=lambda known: known.own_id)))

    assert len(beliefs) == 1


def test_records_are_rejected_by_reason_and_the_others_are_read(opened):
    read_records = Page(
        [a_device("d1"), "id is empty", "id is empty"], rejected=(RejectedRecord("fewer fields than the header"),)
    )

    effect = read(opened, FakeConnector(lambda _: iter([read_records])))

    assert effect.rejected == {"id is empty": 2, "fewer fields than the header": 1}
    assert effect.seen == 1


# --- present and unreadable -------------------------------------------------------------------------------------------


def test_a_row_that_cannot_be_read_and_whose_id_is_known_is_not_absent(opened):
    read(opened, FakeConnector(pages([a_device("d1"), a_device("d2"), a_device("d3")])))
    unreadable = RejectedRecord("not a date", source_id="d2")

    effect = read(opened, FakeConnector(lambda _: iter([Page([a_device("d1")], rejected=(unreadable,))])))

    assert changes(effect) == {"d3": RowChange.ABSENT}
    assert effect.unreadable == (UnreadableRow(place="", reason="not a date"),)


def test_a_row_that_no_record_can_be_made_of_is_not_absent_either(opened):
    read(opened, FakeConnector(pages([a_device("d1"), a_device("d2")])))
    connector = FakeConnector(pages([a_device("d1"), RecordError("not a date", source_id="d2", place="line 3")]))

    effect = read(opened, connector)

    assert changes(effect) == {}
    assert opened.ledger.pulls("invented", "things")[0].unreadable == (
        UnreadableRow(place="line 3", reason="not a date"),
    )
    assert opened.ledger.pulls("invented", "things")[0].rejected == {"not a date": 1}


@pytest.mark.parametrize("record_type", [RecordType.PERSON, None])
def test_a_person_who_could_not_be_read_keeps_all_memberships(opened, record_type):
    read(opened, FakeConnector(pages([a_person("p1"), an_employment("p1"), a_person("p2"), an_employment("p2")])))
    unreadable = RecordError("start is not a date", source_id="p1", record_type=record_type)

    effect = read(opened, FakeConnector(pages([a_person("p2"), an_employment("p2"), unreadable])))

    assert changes(effect) == {}


def test_the_person_of_a_membership_that_could_not_be_read_is_not_absent(opened):
    read(opened, FakeConnector(pages([a_person("p1"), an_employment("p1"), a_person("p2"), an_employment("p2")])))
    unreadable = RecordError("start is not a date", source_id="m-p1", record_type=RecordType.MEMBERSHIP)

    effect = read(opened, FakeConnector(pages([a_person("p2"), an_employment("p2"), unreadable])))

    assert changes(effect) == {}


def test_a_protected_person_who_could_not_be_read_is_not_absent(opened):
    read(opened, FakeConnector(pages([a_person("p1", protected=True), an_employment("p1"), a_person("p2")])))
    unreadable = RecordError("name is too long", source_id="p1", record_type=RecordType.PERSON)

    assert changes(read(opened, FakeConnector(pages([a_person("p2"), unreadable])))) == {}


def test_nothing_of_a_scope_is_absent_when_nobody_knows_which_rows_could_not_be_read(opened):
    read(opened, FakeConnector(pages([a_device("d1"), a_device("d2")])))
    connector = FakeConnector(lambda _: iter([Page([a_device("d1")], rejected=(RejectedRecord("id is empty"),))]))

    effect = read(opened, connector)

    assert changes(effect) == {}
    assert [(row.place, "no record of it is taken for absent" in row.reason) for row in effect.unreadable] == [
        ("", False),
        ("things", True),
    ]


def test_only_the_scope_with_such_rows_has_no_absence(opened):
    both = [Page([a_device("d1"), a_device("d2")], scope="a"), Page([a_device("d3"), a_device("d4")], scope="b")]
    read(opened, FakeConnector(lambda _: iter(both)))
    now = [Page([a_device("d1"), "id is empty"], scope="a"), Page([a_device("d3")], scope="b")]

    assert changes(read(opened, FakeConnector(lambda _: iter(now)))) == {"d4": RowChange.ABSENT}


def test_what_was_absent_is_back_when_its_row_is_there_and_cannot_be_read(opened):
    read(opened, FakeConnector(pages([a_device("d1"), a_device("d2")])))
    read(opened, FakeConnector(pages([a_device("d1")])))
    unreadable = RecordError("not a date", source_id="d2")

    assert changes(read(opened, FakeConnector(pages([a_device("d1"), unreadable])))) == {"d2": RowChange.RETURN}


def test_fifty_places_are_named_and_all_are_counted(opened):
    rows: list[Any] = [
        RecordError("not a date", source_id=f"x{number}", place=f"line {number}") for number in range(70)
    ]
    rows += [(a_device(), UnreadableFact("warranty_until", "not a date", "line 99"))]

    effect = read(opened, FakeConnector(pages(rows)))

    assert (len(effect.unreadable), effect.rejected) == (50, {"not a date": 70})
    assert effect.unreadable_facts == {"warranty_until: not a date": 1}


def test_unknown_words_are_counted_and_credentials_are_reported(opened):
    expiry = Credential("push certificate", datetime(2027, 3, 1, tzinfo=UTC), CredentialUse.APPLE_PUSH)
    read_records = Page(
        [(a_device(), UnknownValue("state", "frozen")), (expiry,)], drift=(UnknownValue("missing column", "unit"),)
    )

    pulled = pull(opened, FakeConnector(lambda _: iter([read_records])).source())

    assert pulled.credentials == (expiry,)
    assert pulled.effect is not None
    assert pulled.effect.drift == {"state=frozen": 1, "missing column=unit": 1}


# --- what differs -----------------------------------------------------------------------------------------------------


def test_a_second_pull_of_the_same_stages_nothing(opened):
    read_records = [a_person(), an_employment(), a_device(serial="DMPX000001", last_contact_at=CONTACT)]
    read(opened, FakeConnector(pages(read_records)))

    effect = read(opened, FakeConnector(pages(read_records)))

    assert (effect.seen, effect.rows, effect.is_first) == (3, (), False)


def test_a_later_contact_alone_is_no_change_of_the_record(opened):
    read(opened, FakeConnector(pages([a_device(last_contact_at=CONTACT)])))

    effect = read(opened, FakeConnector(pages([a_device(last_contact_at=CONTACT + timedelta(days=1))])))

    (row,) = effect.rows
    assert (row.change, row.record) == (RowChange.CONTACT, None)


def test_whatever_a_whole_pull_does_not_show_is_absent_and_comes_back_as_the_same(opened):
    both, entry = FakeConnector(pages([a_device("d1"), a_device("d2")])), FakeConnector(pages([a_device("d1")]))
    read(opened, both)

    assert changes(read(opened, entry)) == {"d2": RowChange.ABSENT}
    assert changes(read(opened, both)) == {"d2": RowChange.RETURN}


def test_a_pull_that_reads_some_never_makes_anything_absent_and_keeps_its_mark(opened):
    part = Part("things", ALL_RECORD_TYPES, reads="some")
    read(opened, FakeConnector(pages([a_device("d1"), a_device("d2")], mark="page 7"), part))
    later = FakeConnector(pages([a_device("d2", model="new")], mark="page 9"), part)

    effect = read(opened, later)

    assert (changes(effect), effect.mark) == ({"d2": RowChange.PUT}, "page 9")
    assert later.marks_given == ["page 7"]


def test_a_list_that_is_not_delivered_any_more_makes_nothing_absent(tmp_path):
    with Installation(tmp_path) as installation:
        installation.names = ("listor",)
        installation.write()
        first = installation.write_list("bibliotek", DAY, [{"Serienummer": serial(n)} for n in (1, 2)])
        installation.write_list("slojd", DAY, [{"Serienummer": serial(n)} for n in (3, 4)])
        with installation.open() as opened:
            opened.run()
            first.unlink()
            installation.advance_clock(days=1)
            installation.write_list("slojd", DAY + timedelta(days=1), [{"Serienummer": serial(3)}])

            (applied,) = opened.run().applied

        assert [(row.change.value, row.scope) for row in applied.effect.rows] == [("absent", "datorer_slojd")]


def test_files_that_were_read_to_their_end_before_are_unchanged(installation, opened):
    assert [entry.verdict for entry in opened.run("personal").pulled] == [Verdict.COMPLETE]
    assert [entry.verdict for entry in opened.run("personal").pulled] == [Verdict.UNCHANGED]


def test_a_file_that_was_held_is_read_again(installation, opened):
    opened.run("personal")
    installation.advance_clock(days=1)
    installation.staff = installation.staff[:1]
    installation.write_staff(installation.today)

    assert [len(opened.run("personal").held) for _ in range(2)] == [1, 1]


@pytest.mark.parametrize(
    ("key", "is_reread"),
    [('employment_forms = { "Tillsvidare" = "hourly" }', True), ('every = "2h"', False), ("max_shrink_ratio = 0.5", False)],
)  # fmt: skip
def test_the_same_file_is_read_again_when_it_would_be_read_otherwise(installation, key, is_reread):
    with installation.open() as opened:
        opened.run("personal")
    installation.keys["personal"] = key
    installation.write()

    with installation.open() as opened:
        (pulled,) = opened.run("personal").pulled

    assert pulled.verdict is (Verdict.COMPLETE if is_reread else Verdict.UNCHANGED)


def test_fingerprints_are_keyed(tmp_path):
    prints = []
    for name, key in (("a", "4e" * 32), ("b", "4e" * 32), ("c", "5f" * 32)):
        with Installation(tmp_path / name) as installation:
            (tmp_path / name / "secrets" / "privacy.key").write_text(key, encoding="ascii")
            with installation.open() as opened:
                effect = read(opened, FakeConnector(pages([a_person()])))
                prints.append(effect.rows[0].fingerprint)

    assert prints[0] == prints[1] != prints[2]


# --- canonical --------------------------------------------------------------------------------------------------------


def test_a_device_s_name_is_seen_by_rules_and_maps_and_is_not_kept(installation):
    installation.more = f"""
[[device_rule]]
when = {{ name = "{CANARY}s*" }}
purpose = "loan"

[[unit_map]]
source = "intune"
field = "name"
pattern = "*ipad*"
unit = "{SCHOOL}"
"""
    installation.write()
    with installation.open() as opened:
        opened.run("intune")

        names = [known.record.name_matches for known in opened.application.run_context.believed().known]
        assert {pattern for match in names for pattern, _ in match} == {f"{CANARY}s*", "*ipad*"}
        assert all(known.record.name is None for known in opened.application.run_context.believed().known)
        # A person's log-in is a key and is kept; the device's own name is not.
        assert f"{CANARY}s iPad" not in written(opened)


def test_a_serial_that_is_none_says_what_is_wrong_with_it(opened):
    effect = read(opened, FakeConnector(pages([a_device("d1", serial="0"), a_device("d2", serial=" dmpx000001 ")])))

    records = [row.record for row in effect.rows if isinstance(row.record, DeviceRecord)]
    read_records = {entry.source_id: (entry.serial, entry.serial_problem) for entry in records}
    assert read_records == {"d1": (None, "placeholder"), "d2": ("DMPX000001", None)}


# --- protected and erased ---------------------------------------------------------------------------------------------


def test_a_mark_on_the_last_page_masks_what_came_before(opened):
    read_records = (
        [a_person("p1")],
        [an_employment("p1", codes=("3101",)), a_person("p2")],
        [a_person("p1", protected=True)],
    )

    effect = read(opened, FakeConnector(pages(*read_records)))

    assert "p1" not in {row.source_id for row in effect.rows}
    assert f"p1@{DOMAIN}" not in written(opened)
    assert "3101" not in written(opened)
    assert f"p2@{DOMAIN}" in written(opened)


def test_a_mark_on_a_membership_protects_the_person_by_all_keys(opened):
    read_records = [a_person("p1")], [an_employment("p1", protected=True)]

    read(opened, FakeConnector(pages(*read_records)))

    key = canonical_key(Key(Scheme.ADDRESS, "", f"p1@{DOMAIN}"), {})
    assert key is not None
    assert opened.application.run_context.runner.rules.token_of(key).value in opened.ledger.protected_tokens()


def test_somebody_newly_protected_is_masked_in_the_records_of_other_sources(opened):
    read(opened, FakeConnector(pages([a_device("d1", keys=a_person("p1").keys, location="Bäckskolan")])), name="mdm")
    assert f"p1@{DOMAIN}" in written(opened)

    read(opened, FakeConnector(pages([a_person("p1", protected=True)])), name="register")

    assert f"p1@{DOMAIN}" not in written(opened)
    assert "Bäckskolan" not in written(opened)


def test_a_protected_person_s_device_is_masked_before_it_is_staged(opened):
    read(opened, FakeConnector(pages([a_person("p1", protected=True)])), name="register")

    pull(opened, FakeConnector(pages([a_device("d1", keys=a_person("p1").keys, location="Bäckskolan")])).source("mdm"))

    assert f"p1@{DOMAIN}" not in written(opened)
    assert "Bäckskolan" not in written(opened)


def test_a_mark_protects_even_when_the_pull_fails(opened):
    says = pages_then_error(SourceUnavailable("invented: hung up"), Page([a_person("p1", protected=True)]))

    read(opened, FakeConnector(pages([a_device("d1", keys=a_person("p1").keys)])), name="mdm")
    pull(opened, FakeConnector(says).source("register"))

    assert f"p1@{DOMAIN}" not in written(opened)


def test_a_mark_protects_even_when_the_pull_is_held(installation, opened):
    opened.run()
    assert login(1) in written(opened)
    installation.advance_clock(days=1)
    installation.staff = [StaffFileRow(n=1, mark="Sekretessmarkerad")]
    installation.write_staff(installation.today)

    assert opened.run("personal").held
    assert login(1) not in written(opened)


def test_no_log_line_and_no_byte_in_the_database_names_somebody_protected(tmp_path):
    out = io.StringIO()
    log.setup("DEBUG", json=True, to=out)
    with Installation(tmp_path) as installation:
        installation.staff[0] = StaffFileRow(n=1, mark="J")
        installation.write_staff(installation.today - timedelta(days=1))
        with installation.open() as opened:
            for _ in range(2):
                opened.run()
                installation.advance_clock(days=1)
                installation.write_staff(installation.today)
        kept = b"".join(
            file.read_bytes() for file in installation.database.parent.glob("fleetsync.db*") if file.is_file()
        )

    assert not [word for word in (login(1), civic(1), civic(1).replace("-", "")) if word.encode() in kept]
    assert CANARY not in out.getvalue()
    assert "pull applied" in out.getvalue()


def test_the_mark_itself_is_not_kept(opened):
    read(opened, FakeConnector(pages([a_person("p1", protected=True), an_employment("p1", protected=True)])))

    assert "protected" not in written(opened)


def test_the_erased_are_not_brought_back(opened):
    read_records = FakeConnector(pages([a_person("p1"), an_employment("p1"), a_person("p2")]))
    read(opened, read_records)
    tokens = person_tokens(a_person("p1"), opened.application.run_context.runner.rules.token_of, source="invented")
    opened.ledger.erase(tokens, opened.application.run_context.clock.now())

    effect = read(opened, read_records)

    assert [row.source_id for row in effect.rows] == []
    assert f"p1@{DOMAIN}" not in written(opened)
    assert f"p2@{DOMAIN}" in written(opened)


# --- side by side -----------------------------------------------------------------------------------------------------


def test_a_part_that_is_being_pulled_is_left_alone(opened):
    connector = FakeConnector(pages([a_device()]))
    opened.ledger.begin_pull("invented", "things", opened.application.run_context.clock.now())
    source = connector.source()

    assert sync.pull_source(opened.application.run_context, [(source, source.parts[0])]) == []
    assert connector.marks_given == []


def test_tokens_and_costs_of_a_source_outlive_a_pull(installation, opened):
    opened.run("intune")
    opened.run("intune")

    paths = [seen.path for seen in installation.graph.stub_server.log]
    assert sum("token" in path for path in paths) == 1
    assert opened.application.run_context.runner.meter("intune").requests["200"] == len(paths)


def test_a_pull_that_meets_a_locked_database_leaves_its_part_free(tmp_path, monkeypatch):
    monkeypatch.setattr("fleetsync.store.sqlite_database.WRITER_BUSY_MS", 20)
    with Installation(tmp_path) as installation, installation.open() as opened:
        other = sqlite3.connect(installation.database, isolation_level=None, check_same_thread=False)

        def says(_connect: Any) -> Iterator[Page]:
            yield Page([a_device("d1")])
            other.execute("BEGIN EXCLUSIVE")

        source = FakeConnector(says).source()
        run_context = opened.application.run_context
        with pytest.raises(DatabaseLocked):
            sync.pull_source(run_context, [(source, source.parts[0])])
        other.execute("ROLLBACK")

        assert pull(opened, FakeConnector(pages([a_device("d1")])).source()).verdict is Verdict.COMPLETE
        other.close()
        assert [stored.verdict for stored in opened.ledger.pulls("invented", "things")] == [None, Verdict.FAILED]
