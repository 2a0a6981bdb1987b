"""SS12000, trap by trap: the standard's two versions, and what registers do instead."""

import json
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.ss12000 import PARTS, Settings, normalise, probe, pull
from connectors.ss12000.normalising import protecting_word
from connectors.ss12000.register_client import DATE_FILTERS
from fleetsync.core.model import (
    GroupRecord,
    Key,
    MembershipRecord,
    MembershipType,
    PersonRecord,
    Record,
    RecordType,
    Scheme,
    UnitRecord,
)
from fleetsync.data import unprotected_spellings
from fleetsync.pull.contract import (
    Bearer,
    ClientSecret,
    MarkWord,
    MutualTls,
    NoAuth,
    NormalisedItem,
    PageTokenExpired,
    PartMissing,
    ProbeResult,
    RecordError,
    RejectedRecord,
    SourceRefused,
    SourceUnavailable,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding.text import fold_word
from tests.connectors.case_runner import TODAY, CaseRunner, FakeConnect, RecordedFault, as_new, running_case
from tests.connectors.case_runner import fake_connect as what_is_given
from tests.connectors.ss12000_case import BASE, CASE, LISTINGS
from tests.test_contract import NEVER_KEPT, structs, words

SCHEMAS = Path(__file__).parent / "ss12000_schema"
MONTHS_AGO = "2025-11-23"  # a year before the day of the run
META = {"created": "2021-06-01T06:10:00+02:00", "modified": "2026-10-02T00:30:00+02:00"}
SCHOOL, PUPIL, TEACHER, CHILD = (f"{part}00000-1111-4a4a-8c8c-000000000009" for part in ("0a1", "7b0", "7e0", "7c0"))


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


# ------------------------------------------------------------------------------------------------ a register of one's own


class Asked(msgspec.Struct, frozen=True):
    """A request as the register got it."""

    method: str
    resource: str
    query: dict[str, list[str]]
    body: Any = None


Reply = tuple[int, Any]
Answer = Callable[[Asked], Reply]


class _Handler(BaseHTTPRequestHandler):
    requests_made: list[Asked]
    answer: Answer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass

    def _reply(self, body: Any = None) -> None:
        parts = urlsplit(self.path)
        request = Asked(self.command, parts.path.removeprefix("/"), parse_qs(parts.query), body)
        self.requests_made.append(request)
        status, text = type(self).answer(request)
        sent = json.dumps(text).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))


class RegisterRun:
    """What a pull of a register of one's own asks and comes to."""

    def __init__(self, url: str, requests_made: list[Asked]) -> None:
        self.requests_made = requests_made
        self.table = {"kind": "ss12000", "name": "register", "base_url": url, "auth": "none"}

    def settings(self, **keys: Any) -> Settings:
        return Settings.model_validate(self.table | keys)

    def noted(self, part: str, today: date = TODAY, **keys: Any) -> list[NormalisedItem]:
        return as_new(self.items(part, today, **keys))

    def items(self, part: str, today: date = TODAY, **keys: Any) -> list[NormalisedItem]:
        settings = self.settings(**keys)
        result: list[NormalisedItem] = []
        with self._given(settings, today) as connect:
            for page in pull(part, settings, connect):
                for raw in page.raws:
                    result += normalise(part, settings, raw)
        return result

    def rejected_records(self, part: str) -> list[RejectedRecord]:
        settings = self.settings()
        with self._given(settings, TODAY) as connect:
            return [rejected for page in pull(part, settings, connect) for rejected in page.rejected]

    def rejected(self, part: str) -> list[str]:
        return [rejected.reason for rejected in self.rejected_records(part)]

    def findings(self, **keys: Any) -> dict[str | None, ProbeResult]:
        settings = self.settings(**keys)
        with self._given(settings, TODAY) as connect:
            return {finding.part: finding for finding in probe(settings, connect)}

    @contextmanager
    def _given(self, settings: Settings, today: date) -> Iterator[FakeConnect]:
        with what_is_given(settings) as connect:
            connect.today = today
            yield connect

    def records(self, part: str, **keys: Any) -> list[Record]:
        return [record for record in self.noted(part, **keys) if isinstance(record, Record)]

    def people(self, part: str, **keys: Any) -> dict[str, PersonRecord]:
        return {record.source_id: record for record in self.records(part, **keys) if isinstance(record, PersonRecord)}

    def ties(self, part: str, **keys: Any) -> list[MembershipRecord]:
        return [record for record in self.records(part, **keys) if isinstance(record, MembershipRecord)]

    def queries(self, resource: str) -> list[dict[str, list[str]]]:
        return [request.query for request in self.requests_made if request.resource == resource]


@contextmanager
def answering(answer: Answer) -> Iterator[RegisterRun]:
    requests: list[Asked] = []
    handler = type("Handler", (_Handler,), {"requests_made": requests, "answer": staticmethod(answer)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield RegisterRun(f"http://127.0.0.1:{server.server_port}", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def holding(request: Asked, *, lookup: int | None = 404, **resources: Sequence[Any]) -> Reply:
    """A register that holds *resources* and knows no filter; *lookup*: the status of what it does not have."""
    resource, _, rest = request.resource.partition("/")
    held = resources.get(resource, ())
    if rest == "lookup":
        ids = () if request.body is None else request.body["ids"]
        return (lookup, {}) if lookup else (200, [record for record in held if record["id"] in ids])
    return 200, {"data": list(held)}


def register_of(**resources: Any) -> AbstractContextManager[RegisterRun]:
    return answering(partial(holding, **resources))


def pupil(*enrolments: dict[str, Any], **more: Any) -> dict[str, Any]:
    fields = {"id": PUPIL, "meta": META, "eduPersonPrincipalNames": ["ek@edu.exempelby.se"], "enrolments": enrolments}
    return fields | more


def enrolled(form: str | None = "GR", start: str | None = "2026-08-17", **more: Any) -> dict[str, Any]:
    return {"enroledAt": {"id": SCHOOL}, "schoolType": form, "startDate": start} | more


def placed(**more: Any) -> dict[str, Any]:
    fields = {
        "id": "f00d",
        "placedAt": {"id": SCHOOL},
        "child": {"id": CHILD},
        "schoolType": "FS",
        "startDate": "2026-08-17",
    }
    return fields | more


def serving(**more: Any) -> dict[str, Any]:
    return {"id": "c0de", "person": {"id": TEACHER}, "dutyAt": {"id": SCHOOL}, "startDate": "2026-08-10"} | more


def group(*members: dict[str, Any], **more: Any) -> dict[str, Any]:
    fields = {
        "id": "33cc",
        "displayName": "5A",
        "groupType": "Klass",
        "startDate": "2026-08-17",
        "groupMemberships": members,
    }
    return fields | more


def the_tie(*enrolments: dict[str, Any], **person: Any) -> MembershipRecord:
    with register_of(persons=[pupil(*enrolments, **person)]) as register:
        (tie,) = register.ties("pupils")
    return tie


def the_person(part: str = "pupils", settings: dict[str, Any] | None = None, **resources: Any) -> PersonRecord:
    with register_of(**resources) as register:
        (person,) = register.people(part, **(settings or {})).values()
    return person


# ------------------------------------------------------------------------------------------------------------ what is kept


def test_an_organisation_is_read_whole_with_its_letters_composed(runner: CaseRunner) -> None:
    units = {record.source_id: record for record in runner.records("units") if isinstance(record, UnitRecord)}
    school, unit, preschool, *_ = (units[f"0a100000-1111-4a4a-8c8c-00000000000{number}"] for number in (3, 4, 5))

    assert (school.name, school.kind, school.codes) == ("Ängsskolan", "Skola", ())
    assert unit == UnitRecord(
        source_id="0a100000-1111-4a4a-8c8c-000000000004",
        name="Ängsskolan F-6",
        kind="Skolenhet",
        codes=("01234567",),
        parent="0a100000-1111-4a4a-8c8c-000000000003",
        school_forms=("FKLASS", "GR", "FTH"),
    )
    # A preschool has no skolenhetskod.
    assert (preschool.codes, preschool.school_forms) == (("F2311",), ("FS",))


def test_an_organisation_keeps_its_principals_number_and_its_last_day(runner: CaseRunner) -> None:
    units = {record.name: record for record in runner.records("units") if isinstance(record, UnitRecord)}

    assert units["Exempelby kommun"].organisation_number == "SE2120000000"
    assert units["Gamla skolan"].end == date(2024, 6, 30)


def test_an_organisation_without_a_name_is_called_by_its_code() -> None:
    expected = {"id": SCHOOL, "organisationCode": 2311, "displayName": " "}
    with register_of(organisations=[expected, {"id": "0A2"}, {"displayName": "Utan id"}]) as register:
        settings = register.settings()
        with what_is_given(settings) as connect:
            (page,) = pull("units", settings, connect)
        units = [normalise("units", settings, raw)[0] for raw in page.raws[:2]]

        assert [(record.name, record.source_id) for record in units if isinstance(record, UnitRecord)] == [
            ("2311", SCHOOL),
            ("0a2", "0a2"),
        ]
        with pytest.raises(RecordError, match="id is empty"):
            normalise("units", settings, page.raws[2])


def test_classes_and_departments_are_read_and_teaching_groups_and_old_ones_are_not(runner: CaseRunner) -> None:
    groups = {record.name: record for record in runner.records("groups") if isinstance(record, GroupRecord)}

    assert set(groups) == {"5A", "4A", "Blåbäret", "Fadderklass", "Lekgrupp"}
    assert groups["5A"] == GroupRecord(
        source_id="33000000-1111-4a4a-8c8c-000000000001",
        name="5A",
        kind="Klass",
        unit="0a100000-1111-4a4a-8c8c-000000000003",
        school_form="GR",
        start=date(2026, 8, 17),
        end=date(2027, 6, 11),
    )


def test_all_groups_are_read_where_no_types_are_named(runner: CaseRunner) -> None:
    assert "Musik 5" in {
        getattr(record, "name", None) for record in runner.records("groups", runner.settings_with(group_types=()))
    }
    assert "groupType" not in runner.server.asked[-1]


def test_a_pupil_is_read_whole_and_twice_listed_is_one(runner: CaseRunner) -> None:
    at = "7b000000-1111-4a4a-8c8c-000000000001"
    records_of_person = [
        record for record in runner.records("pupils") if at in (record.source_id, getattr(record, "person", None))
    ]

    assert records_of_person == [
        PersonRecord(
            source_id=at,
            keys=(
                Key(Scheme.OBJECT_ID, "exempelby-tenant", "0e0e0e0e-0001"),
                Key(Scheme.ADDRESS, "", "alek1504@edu.exempelby.se"),
                Key(Scheme.ADDRESS, "", "alek1504@elev.exempelby.se"),
            ),
        ),
        MembershipRecord(
            source_id=f"{at}/0a100000-1111-4a4a-8c8c-000000000004/gr/2021-08-16",
            person=at,
            membership=MembershipType.ENROLMENT,
            codes=("0a100000-1111-4a4a-8c8c-000000000004",),
            school_form="GR",
            year=5,
            start=date(2021, 8, 16),
        ),
        MembershipRecord(
            source_id=f"{at}/0a100000-1111-4a4a-8c8c-000000000004/fth/2021-08-16",
            person=at,
            membership=MembershipType.ENROLMENT,
            codes=("0a100000-1111-4a4a-8c8c-000000000004",),
            school_form="FTH",
            start=date(2021, 8, 16),
            end=date(2027, 6, 30),
        ),
        MembershipRecord(
            source_id=f"33000000-1111-4a4a-8c8c-000000000001/{at}/2026-08-17",
            person=at,
            membership=MembershipType.GROUP,
            group="33000000-1111-4a4a-8c8c-000000000001",
            start=date(2026, 8, 17),
            end=date(2027, 6, 11),
        ),
        MembershipRecord(
            source_id=f"33000000-1111-4a4a-8c8c-000000000002/{at}/2025-08-18",
            person=at,
            membership=MembershipType.GROUP,
            group="33000000-1111-4a4a-8c8c-000000000002",
            start=date(2025, 8, 18),
            end=date(2026, 6, 11),
        ),
    ]


def test_guardians_and_former_pupils_are_nobody(runner: CaseRunner) -> None:
    people = {record.source_id for record in runner.records("pupils") if isinstance(record, PersonRecord)}

    assert "7a000000-1111-4a4a-8c8c-000000000001" not in people
    assert "7b000000-1111-4a4a-8c8c-000000000007" not in people


def test_staff_serve_where_the_register_says_whatever_the_level(runner: CaseRunner) -> None:
    duties = {
        record.source_id[-1]: record for record in runner.records("staff") if isinstance(record, MembershipRecord)
    }

    assert duties["1"] == MembershipRecord(
        source_id="c0d00000-1111-4a4a-8c8c-000000000001",
        person="7e000000-1111-4a4a-8c8c-000000000001",
        membership=MembershipType.EMPLOYMENT,
        codes=("0a100000-1111-4a4a-8c8c-000000000003",),
        share=0.8,
        start=date(2026, 8, 10),
        end=date(2027, 6, 18),
    )
    assert duties["3"].codes == ("0a100000-1111-4a4a-8c8c-000000000001",)
    # Overtime is full time; an end of 9999 is none; a form of employment is not known, and is not made up.
    assert (duties["3"].share, duties["2"].end, duties["7"].share) == (1.0, None, None)
    assert {duty.employment_form for duty in duties.values()} == {None}


def test_a_vacant_duty_is_nobodys_and_an_old_one_is_left_out(runner: CaseRunner) -> None:
    duties = {record.source_id[-1] for record in runner.records("staff") if isinstance(record, MembershipRecord)}

    assert duties == {"1", "2", "3", "5", "7"}


def test_who_is_employed_and_not_to_be_found_is_known_by_id_alone(runner: CaseRunner) -> None:
    people = {record.source_id: record for record in runner.records("staff") if isinstance(record, PersonRecord)}

    assert people["7e000000-1111-4a4a-8c8c-000000000005"] == PersonRecord(
        source_id="7e000000-1111-4a4a-8c8c-000000000005"
    )


def test_a_share_that_is_none_is_not_known() -> None:
    with register_of(duties=[serving(dutyPercent=text, id=str(text)) for text in ("80", "halv", -5, 0)]) as register:
        assert [tie.share for tie in register.ties("staff")] == [0.8, None, None, 0.0]


# ----------------------------------------------------------------------------------------------------------- what is asked


def test_a_following_page_is_asked_for_by_token_and_size_alone(runner: CaseRunner) -> None:
    runner.pages("pupils")
    queries = [
        parse_qs(urlsplit(address).query)
        for address in runner.server.asked
        if urlsplit(address).path == f"{BASE}/persons"
    ]

    of_pupils = {"relationship.entity.type": ["enrolment"]}
    assert queries == [
        of_pupils | {"relationship.endDate.onOrAfter": [MONTHS_AGO], "limit": ["500"]},
        {"pageToken": ["sida-1"], "limit": ["500"]},
        {"pageToken": ["sida-2"], "limit": ["500"]},
    ]


@pytest.mark.parametrize(
    ("part", "resource", "query"),
    [
        ("units", "organisations", {}),
        ("groups", "groups", {"groupType": ["Klass", "Avdelning"], "endDate.onOrAfter": [MONTHS_AGO]}),
        ("children", "placements", {"endDate.onOrAfter": [MONTHS_AGO]}),
        ("staff", "duties", {"endDate.onOrAfter": [MONTHS_AGO]}),
        ("children", "persons", {"relationship.entity.type": ["placement.child"],
                                 "relationship.endDate.onOrAfter": [MONTHS_AGO]}),
        ("staff", "persons", {"relationship.entity.type": ["duty"], "relationship.endDate.onOrAfter": [MONTHS_AGO]}),
    ],
)  # fmt: skip
def test_a_part_asks_for_what_it_reads(
    runner: CaseRunner, part: str, resource: str, query: dict[str, list[str]]
) -> None:
    runner.pages(part)
    queries = [
        parse_qs(urlsplit(address).query)
        for address in runner.server.asked
        if urlsplit(address).path == f"{BASE}/{resource}"
    ]

    assert [record for record in queries if "pageToken" not in record] == [query | {"limit": ["500"]}]


def refusing(*names: str) -> Answer:
    """A register that does not take any filter that begins so."""

    def answer(request: Asked) -> Reply:
        if any(name.startswith(names) for name in request.query):
            return 400, {"code": "BAD_REQUEST", "message": "unknown filter"}
        return holding(request, persons=[pupil(enrolled())], groups=[group({"person": {"id": PUPIL}})])

    return answer


@pytest.mark.parametrize(
    ("refused", "taken"),
    [
        (("relationship.endDate", "endDate"), {"relationship.entity.type": ["enrolment"], "limit": ["500"]}),
        (("relationship", "endDate"), {"limit": ["500"]}),
        (("limit",), {"relationship.entity.type": ["enrolment"], "relationship.endDate.onOrAfter": [MONTHS_AGO]}),
        (("limit", "relationship", "endDate", "groupType"), {}),
    ],
)
def test_a_filter_that_is_refused_is_left_and_the_whole_is_read(
    refused: tuple[str, ...], taken: dict[str, list[str]]
) -> None:
    with answering(refusing(*refused)) as register:
        assert len(register.records("pupils")) == 3
        assert register.queries("persons")[-1] == taken


ENDED = "2026-09-30"


def filtering(*, drops: Sequence[str] = (), **resources: Sequence[dict[str, Any]]) -> Answer:
    """A register that filters by last day, and of some resources *drops* what has none as a database does by itself."""

    def is_shown(resource: str, row: dict[str, Any], after: str) -> bool:
        keeps = resource not in drops
        return any(
            keeps if "endDate" not in record else record["endDate"] >= after for record in row.get("enrolments", [row])
        )

    def answer(request: Asked) -> Reply:
        if request.method == "POST":
            return 404, {}
        after = next((values[0] for name, values in request.query.items() if name in DATE_FILTERS), "")
        rows = [
            row for row in resources.get(request.resource, ()) if not after or is_shown(request.resource, row, after)
        ]
        return 200, {"data": rows[: int(request.query["limit"][0])]}

    return answer


def in_class(at: str, **days: Any) -> dict[str, Any]:
    return group({"person": {"id": PUPIL}}, id=at, **days)


@pytest.mark.parametrize(
    ("part", "resources"),
    [
        ("pupils", {"persons": [pupil(enrolled(), id="stays"), pupil(enrolled(endDate=ENDED), id="leaves")]}),
        ("groups", {"groups": [in_class("stays"), in_class("leaves", endDate=ENDED)]}),
        ("children", {"placements": [placed(id="stays"), placed(id="leaves", endDate=ENDED)]}),
        ("staff", {"duties": [serving(id="stays"), serving(id="leaves", endDate=ENDED)]}),
    ],
)
@pytest.mark.parametrize("drops", [True, False])
def test_who_stays_is_read_whatever_a_filter_by_last_day_does(
    part: str, resources: dict[str, Any], drops: bool
) -> None:
    (resource,) = resources
    with answering(filtering(drops=[resource] if drops else (), **resources)) as register:
        named = {record.source_id.partition("/")[0] for record in register.records(part)}

        assert {"stays", "leaves"} <= named
        assert bool(DATE_FILTERS & register.queries(resource)[-1].keys()) is not drops


def test_members_of_a_class_without_an_end_are_read_though_a_filter_drops_it() -> None:
    answer = filtering(drops=["groups"], persons=[pupil(enrolled())], groups=[in_class("stays")])
    with answering(answer) as register:
        assert [tie.group for tie in register.ties("pupils") if tie.group] == ["stays"]
        # What has dropped once is not asked again.
        assert [dict.fromkeys(query) for query in register.queries("persons")] == [
            {"relationship.entity.type": None, "limit": None}
        ]


@pytest.mark.parametrize("end", [{}, {"endDate": ENDED}])
def test_people_without_an_end_are_read_with_their_marks_though_a_filter_drops_them(end: dict[str, str]) -> None:
    teacher = {"id": TEACHER, "securityMarking": "Sekretessmarkering"}
    with answering(filtering(drops=["persons"], duties=[serving(**end)], persons=[teacher | end])) as register:
        assert register.people("staff")[TEACHER].protected
        assert bool(DATE_FILTERS & register.queries("persons")[-1].keys()) is bool(end)


def test_where_everything_has_a_last_day_the_whole_is_looked_through_and_nothing_is_told_twice() -> None:
    with answering(filtering(duties=[serving(endDate=ENDED)])) as register:
        assert len(register.ties("staff")) == 1
        assert [query.get("endDate.onOrAfter") for query in register.queries("duties")] == [[MONTHS_AGO], None]


OLD = [serving(id=f"old-{number}", person={"id": f"gone-{number}"}, endDate="2020-06-30") for number in range(3)]
STAYING = [serving(id=f"open-{number}", person={"id": f"stays-{number}"}) for number in range(3)]
ETERNAL = [serving(id="eternal", person={"id": "eternal"}, endDate="9999-12-31")]


def paged(duties: Sequence[dict[str, Any]], *, drops: bool) -> Answer:
    """A register of *duties*, two a page, whose filter by last day drops what has none, or does not."""

    def answer(request: Asked) -> Reply:
        if request.resource != "duties":
            return (200, {"data": []}) if request.resource == "persons" else (404, {})
        after, at = request.query.get("pageToken", [f"{request.query.get('endDate.onOrAfter', [''])[0]}|0"])[0].split(
            "|"
        )
        rows = [record for record in duties if not after or record.get("endDate", "" if drops else "9999") >= after]
        following = f"{after}|{int(at) + 2}" if int(at) + 2 < len(rows) else None
        return 200, {"data": rows[int(at) : int(at) + 2], "pageToken": following}

    return answer


@pytest.mark.parametrize("drops", [True, False])
@pytest.mark.parametrize(
    "duties", [OLD + STAYING, ETERNAL + STAYING, OLD + ETERNAL + STAYING, ETERNAL + OLD + STAYING[:1]]
)
def test_all_who_stay_are_read_wherever_they_stand_and_whoever_ends_in_9999(
    duties: list[dict[str, Any]], drops: bool
) -> None:
    with answering(paged(duties, drops=drops)) as register:
        expected = [tie.source_id for tie in register.ties("staff")]

    assert sorted(expected) == sorted(record["id"] for record in duties if record not in OLD)


def test_a_row_without_a_last_day_that_comes_through_is_proof_enough() -> None:
    with answering(paged([*ETERNAL, *OLD, *STAYING], drops=False)) as register:
        register.ties("staff")

        assert [query for query in register.queries("duties") if "pageToken" not in query] == [
            {"endDate.onOrAfter": [MONTHS_AGO], "limit": ["500"]}
        ]


def test_a_pupil_who_is_shown_for_another_row_is_no_proof() -> None:
    both = pupil(enrolled(), enrolled("FTH", endDate="2027-06-30"), id="both")
    answer = filtering(drops=["persons"], persons=[both, pupil(enrolled(), id="stays")])

    with answering(answer) as register:
        assert set(register.people("pupils")) == {"both", "stays"}


def test_what_refuses_everything_is_refused_with_the_registers_words() -> None:
    with (
        answering(lambda _: (400, {"code": "X", "message": "no such customer"})) as register,
        pytest.raises(SourceRefused, match=r"^register: .*no such customer.*fleetsync check register"),
    ):
        register.noted("units")


def test_edlevo_is_always_told_of_which_relation_it_is() -> None:
    def edlevo(request: Asked) -> Reply:
        about = [name for name in request.query if name.startswith("relationship.")]
        if request.resource == "persons" and about and "relationship.entity.type" not in about:
            return 400, {}
        return holding(request, persons=[pupil(enrolled())])

    with answering(edlevo) as register:
        assert len(register.records("pupils")) == 2
        assert len(register.queries("persons")) == 1
        assert register.findings()["pupils"].ok
        assert register.queries("persons")[-1] == {"relationship.entity.type": ["enrolment"], "limit": ["1"]}


def test_the_prefix_of_the_base_address_stays(runner: CaseRunner) -> None:
    runner.pages("units", runner.settings_with(base_url=f"{runner.server.url}{BASE}/"))

    assert urlsplit(runner.server.asked[0]).path == f"{BASE}/organisations"


def test_a_bare_array_is_a_listing_too() -> None:
    def bare(request: Asked) -> Reply:
        return 200, [{"id": SCHOOL, "displayName": "Ängsskolan"}]

    with answering(bare) as register:
        assert len(register.records("units")) == 1


def test_an_empty_page_with_a_token_is_not_the_end_and_an_extra_one_is() -> None:
    pages = {
        None: {"data": [], "pageToken": "a"},
        "a": {"data": [{"id": SCHOOL}], "pageToken": "b"},
        "b": {"data": []},
    }

    def paging(request: Asked) -> Reply:
        return 200, pages[request.query.get("pageToken", [None])[0]]

    with answering(paging) as register:
        assert len(register.records("units")) == 1
        assert len(register.requests_made) == 3


def test_a_token_that_comes_again_is_a_circle() -> None:
    with (
        answering(lambda _: (200, {"data": [], "pageToken": "a"})) as register,
        pytest.raises(SourceUnavailable, match="a loop of pages"),
    ):
        register.noted("units")


@pytest.mark.parametrize("status", [400, 410])
def test_a_token_that_grew_old_says_begin_again(runner: CaseRunner, status: int) -> None:
    runner.server.fail(LISTINGS["pupils"], 1, RecordedFault(status, CASE.recorded("refused.json").read_bytes()))

    with pytest.raises(PageTokenExpired):
        runner.pages("pupils")


# --------------------------------------------------------------------------------------------------- what is not there


@pytest.mark.parametrize("status", [404, 405, 501])
@pytest.mark.parametrize("part", [part.name for part in PARTS])
def test_a_part_that_is_not_there_is_missing_and_not_empty(runner: CaseRunner, part: str, status: int) -> None:
    runner.server.fail(LISTINGS[part], 0, RecordedFault(status, b"{}"))

    with pytest.raises(PartMissing):
        runner.pages(part)


@pytest.mark.parametrize("part", ["children", "staff"])
def test_without_persons_nobody_knows_who_is_protected_and_nothing_is_read(runner: CaseRunner, part: str) -> None:
    runner.server.fail(LISTINGS["pupils"], 0, RecordedFault(404, b"{}"))

    with pytest.raises(PartMissing):
        runner.pages(part)


def test_without_groups_pupils_are_read_all_the_same(runner: CaseRunner) -> None:
    runner.server.fail(LISTINGS["groups"], 0, RecordedFault(501, b"{}"))
    ties = [record for record in runner.records("pupils") if isinstance(record, MembershipRecord)]

    assert {tie.membership for tie in ties} == {MembershipType.ENROLMENT}
    assert len(ties) == 15


def test_groups_that_may_not_be_read_are_no_missing_groups(runner: CaseRunner) -> None:
    runner.server.fail(LISTINGS["groups"], 0, RecordedFault(403, b"{}"))

    with pytest.raises(SourceRefused, match="Grant the permission groups"):
        runner.pages("pupils")


def test_only_groups_may_be_missing_without_being_a_failure() -> None:
    assert [part.name for part in PARTS if part.optional] == ["groups"]


# ------------------------------------------------------------------------------------------------------------- look-ups


def many_duties(count: int) -> list[dict[str, Any]]:
    return [serving(id=f"c0de-{number}", person={"id": f"11aa-{number}"}) for number in range(count)]


def looking_up(largest: int, duties: Sequence[Any]) -> Answer:
    """A register that lists nobody, and answers a look-up of up to *largest*."""

    def answer(request: Asked) -> Reply:
        if request.resource == "persons/lookup":
            ids = request.body["ids"]
            if len(ids) > largest:
                return 503, {"code": "TOO_LARGE", "message": ""}
            return 200, [{"id": person, "eduPersonPrincipalNames": [f"{person}@exempelby.se"]} for person in ids]
        return holding(request, duties=duties)

    return answer


def sizes(register: RegisterRun) -> list[int]:
    return [len(request.body["ids"]) for request in register.requests_made if request.resource == "persons/lookup"]


def test_who_is_not_listed_is_looked_up_500_at_once_and_answered_with_a_bare_array() -> None:
    with answering(looking_up(500, many_duties(1001))) as register:
        people = register.people("staff")

        assert sizes(register) == [500, 500, 1]
        assert len(people) == 1001
        assert all(person.keys for person in people.values())


def test_a_look_up_that_is_too_large_is_halved_and_stays_so() -> None:
    with answering(looking_up(130, many_duties(300))) as register:
        people = register.people("staff")

        assert sizes(register) == [300, 150, 75, 75, 75, 75]
        assert all(person.keys for person in people.values())


def test_a_look_up_of_more_than_may_be_asked_for_is_halved_too() -> None:
    def strict(request: Asked) -> Reply:
        if request.resource == "persons/lookup" and len(request.body["ids"]) > 100:
            return 400, {"code": "BAD_REQUEST", "message": "at most 100 ids"}
        return looking_up(100, many_duties(300))(request)

    with answering(strict) as register:
        assert all(person.keys for person in register.people("staff").values())
        assert sizes(register) == [300, 150, 75, 75, 75, 75]


def test_a_look_up_that_is_not_taken_however_small_fails_the_part_with_the_registers_code() -> None:
    def never(request: Asked) -> Reply:
        if request.resource == "persons/lookup":
            return 400, {"code": "BAD_REQUEST", "message": f"Okänt id: {request.body['ids'][0]} (Alva Ek)"}
        return looking_up(0, many_duties(3))(request)

    with answering(never) as register, pytest.raises(SourceRefused, match=r"\(400\): BAD_REQUEST\. ") as refusal:
        register.noted("staff")
    assert "11aa" not in str(refusal.value)
    assert "Alva" not in str(refusal.value)


def test_a_look_up_that_is_asked_for_patience_waits_and_is_not_halved() -> None:
    refused = iter([True, True])

    def busy(request: Asked) -> Reply:
        if request.resource == "persons/lookup" and next(refused, False):
            return 429, {"code": "TOO_MANY_REQUESTS", "message": ""}
        return looking_up(500, many_duties(300))(request)

    with answering(busy) as register:
        assert len(register.people("staff")) == 300
        assert sizes(register) == [300, 300, 300]


def test_a_look_up_that_fails_however_small_fails_the_part() -> None:
    with answering(looking_up(0, many_duties(100))) as register:
        with pytest.raises(SourceUnavailable):
            register.noted("staff")

        assert sizes(register)[:3] == [100, 50, 25]
        assert set(sizes(register)[3:]) == {25}


def test_who_is_listed_is_not_looked_up() -> None:
    with register_of(duties=[serving()], persons=[{"id": TEACHER.upper()}]) as register:
        assert list(register.people("staff")) == [TEACHER]
        assert sizes(register) == []


# ----------------------------------------------------------------------------------------------------- protected identities


def protected(records: Sequence[Record]) -> set[str]:
    return {record.source_id for record in records if isinstance(record, PersonRecord) and record.protected}


def test_every_mark_in_the_recorded_register_protects_on_whatever_reference_it_stands(runner: CaseRunner) -> None:
    result = {
        part: {at[:3] + at[-1] for at in protected(runner.records(part))} for part in ("pupils", "children", "staff")
    }

    assert result == {
        # on the person and in a class list (2); in the list of a group that is not read (6); a teacher in a class list
        "pupils": {"7b02", "7b06", "7e03"},
        # on a reference of the last page (2); on the child (3)
        "children": {"7c02", "7c03"},
        # on the person; on a duty that is too old to be read
        "staff": {"7e02", "7e04"},
    }


def test_a_mark_on_the_person_marks_their_rows_too(runner: CaseRunner) -> None:
    for part in ("pupils", "children", "staff"):
        records = runner.records(part)
        marked = {record.person for record in records if isinstance(record, MembershipRecord) and record.protected}

        assert marked == protected(records) & {
            record.person for record in records if isinstance(record, MembershipRecord)
        }


@given(st.one_of(st.text("abcdefghijklmnopqrstuvwxyzåäöÅÄÖ ?!", min_size=1), st.integers(), st.floats(allow_nan=False)))
def test_a_mark_always_protects_unless_it_plainly_says_no(word: str | float) -> None:
    plainly_no = fold_word(word) in unprotected_spellings()

    assert (protecting_word(word) is None) is plainly_no


@pytest.mark.parametrize(
    "mark", ["Skyddad folkbokföring", nfd("Skyddad folkbokföring"), "INGEN?", "Kvarskrivning", 1, True, 2.5]
)
def test_whatever_is_written_as_a_mark_protects(mark: Any) -> None:
    assert the_person(persons=[pupil(enrolled(), securityMarking=mark)]).protected


@pytest.mark.parametrize("mark", ["Ingen", "ingen", None, ""])
def test_no_mark_does_not(mark: Any) -> None:
    assert not the_person(persons=[pupil(enrolled(), securityMarking=mark)]).protected


def test_a_mark_is_heard_from_a_person_listed_a_second_time() -> None:
    twice = [pupil(enrolled()), pupil(enrolled(), securityMarking="Sekretessmarkering")]
    with register_of(persons=twice) as register:
        records = register.records("pupils")

        assert protected(records) == {PUPIL}
        assert sum(isinstance(record, MembershipRecord) for record in records) == 1
    marked = {"id": TEACHER, "securityMarking": "Sekretessmarkering"}
    with register_of(duties=[serving()], persons=[{"id": TEACHER}, marked, {"id": TEACHER}]) as register:
        assert protected(register.records("staff")) == {TEACHER}


LONG_AGO = "2024-06-11"
LOGIN = Key(Scheme.ADDRESS, "", "ek@edu.exempelby.se")


@pytest.mark.parametrize(
    ("part", "resources"),
    [
        ("pupils", {"persons": [pupil(enrolled(endDate=LONG_AGO), securityMarking="Sekretessmarkering")]}),
        (
            "staff",
            {
                "duties": [serving(person={"id": PUPIL}, endDate=LONG_AGO)],
                "persons": [pupil(securityMarking="Sekretessmarkering")],
            },
        ),
    ],
)
def test_a_mark_is_heard_from_who_left_long_ago_so_that_other_sources_know_them(
    part: str, resources: dict[str, Any]
) -> None:
    with register_of(**resources) as register:
        assert register.records(part) == [PersonRecord(source_id=PUPIL, keys=(LOGIN,), protected=True)]
        unmarked = [{**person, "securityMarking": "Ingen"} for person in resources["persons"]]
    with register_of(**{**resources, "persons": unmarked}) as register:
        assert register.records(part) == []


def test_of_a_child_that_left_long_ago_a_mark_is_heard_and_no_key() -> None:
    gone = [placed(endDate=LONG_AGO)]
    marked = pupil(id=CHILD, securityMarking="Sekretessmarkering")

    assert the_person("children", placements=gone, persons=[marked]) == PersonRecord(source_id=CHILD, protected=True)


def test_a_guardian_is_nobodys_even_if_marked_and_listed() -> None:
    guardian = pupil(id="7a00", securityMarking="Sekretessmarkering")
    with register_of(persons=[guardian], duties=[serving()], placements=[placed()]) as register:
        result = {part: set(register.people(part)) for part in ("pupils", "staff", "children")}

    assert result == {"pupils": set(), "staff": {TEACHER}, "children": {CHILD}}


def test_a_mark_is_heard_from_a_row_that_cannot_be_read() -> None:
    row = placed(startDate="snart", child={"id": CHILD, "securityMarking": "Sekretessmarkering"})
    with register_of(placements=[row, placed(id="f00e")], persons=[{"id": CHILD}]) as register:
        settings = register.settings()
        with what_is_given(settings) as connect:
            raws = [raw for page in pull("children", settings, connect) for raw in page.raws]
        person, broken, whole = raws

        assert normalise("children", settings, person) == (
            PersonRecord(source_id=CHILD, protected=True, child=True),
            MarkWord("securityMarking", "Sekretessmarkering"),
        )
        assert normalise("children", settings, whole)
        record, fact = normalise("children", settings, broken)
        assert isinstance(record, MembershipRecord)
        assert (record.start, record.unreadable) == (None, ("start",))
        assert fact == UnreadableFact("startDate", "is not a date", record.source_id)


def test_a_guardians_mark_is_the_guardians(runner: CaseRunner) -> None:
    # Alva's guardian is marked, and owns placements; neither is decoded.
    people = {record.source_id: record for record in runner.records("pupils") if isinstance(record, PersonRecord)}

    assert not people["7b000000-1111-4a4a-8c8c-000000000001"].protected


# ------------------------------------------------------------------------------------------------------------- children


def test_of_a_child_in_preschool_there_is_an_id_and_its_places(runner: CaseRunner) -> None:
    at = "7c000000-1111-4a4a-8c8c-000000000001"
    its = [record for record in runner.records("children") if at in (record.source_id, getattr(record, "person", None))]

    assert its == [
        PersonRecord(source_id=at, child=True),
        MembershipRecord(
            source_id="f0000000-1111-4a4a-8c8c-000000000001",
            person=at,
            membership=MembershipType.PLACEMENT,
            codes=("0a100000-1111-4a4a-8c8c-000000000005",),
            group="33000000-1111-4a4a-8c8c-000000000004",
            school_form="FS",
            start=date(2025, 1, 13),
        ),
        MembershipRecord(
            source_id="f0000000-1111-4a4a-8c8c-000000000002",
            person=at,
            membership=MembershipType.PLACEMENT,
            codes=("0a100000-1111-4a4a-8c8c-000000000004",),
            school_form="FS",
            start=date(2026, 8, 17),
        ),
    ]


def test_no_key_of_a_child_is_ever_decoded_with_its_placements() -> None:
    child = pupil(id=CHILD, emails=[{"value": "ek@elev.exempelby.se", "type": "Skola elev"}])

    assert the_person("children", placements=[placed()], persons=[child]).keys == ()


@pytest.mark.parametrize(
    ("form", "is_child"), [("FS", True), (None, True), ("NATTIS", True), ("FTH", False), ("OPPFTH", False)]
)
def test_who_is_in_after_school_care_alone_is_no_child_of_preschool(form: str | None, is_child: bool) -> None:
    assert the_person("children", placements=[placed(schoolType=form)]).child is is_child


def test_a_child_without_a_reference_and_a_place_without_an_id_are_told(runner: CaseRunner) -> None:
    assert [rejected.reason for page in runner.pages("children") for rejected in page.rejected] == ["child is empty"]
    with register_of(placements=[placed(id=None)], duties=[serving(id=None)], persons=[pupil(id=None)]) as register:
        assert [register.rejected(part) for part in ("children", "staff", "pupils")] == [["id is empty"]] * 3


CLASS_ZERO = enrolled("FKLASS", "2026-08-17", endDate="2027-06-30")
YEAR_ONE = enrolled("GR", "2027-08-16", schoolYear=1)


@pytest.mark.parametrize(
    ("today", "is_child"),
    [
        (date(2026, 8, 1), True),  # neither has begun: the first to come
        (date(2026, 11, 24), True),
        (date(2027, 7, 20), True),  # it has ended, and the other has not begun
        (date(2027, 8, 16), False),
    ],
)
def test_who_is_in_class_zero_is_a_child_until_year_one_begins(today: date, is_child: bool) -> None:
    with register_of(persons=[pupil(CLASS_ZERO, YEAR_ONE, enrolled("FTH", "2026-08-17"))]) as register:
        (person,) = (record for record in register.noted("pupils", today) if isinstance(record, PersonRecord))

    assert person.child is is_child
    assert person.keys == (Key(Scheme.ADDRESS, "", "ek@edu.exempelby.se"),)


@pytest.mark.parametrize(
    ("today", "year", "is_child"),
    [
        (date(2028, 6, 30), 1, False),
        (date(2028, 7, 1), 1, True),
        (date(2028, 7, 1), 2, False),
        (date(2026, 9, 1), 0, True),
    ],
)
def test_a_six_year_old_is_a_child_whatever_the_year_is_called(today: date, year: int, is_child: bool) -> None:
    with register_of(persons=[pupil(enrolled("GR", "2026-08-17", schoolYear=year))]) as register:
        (person,) = (record for record in register.noted("pupils", today) if isinstance(record, PersonRecord))

    assert person.child is is_child


IN_CLASS_ZERO = enrolled("FKLASS")
LATER = {"start": "2026-09-01"}


def unknown_form(form: str | None, **more: Any) -> dict[str, Any]:
    return enrolled(form, **LATER, **more)


@pytest.mark.parametrize(
    "rows",
    [
        [IN_CLASS_ZERO, enrolled("KU", **LATER)],
        [IN_CLASS_ZERO, enrolled("FTH", **LATER)],
        [IN_CLASS_ZERO, unknown_form("Fritidsklubb")],
        [IN_CLASS_ZERO, unknown_form("Fritidsklubb", schoolYear=1)],
        [IN_CLASS_ZERO, enrolled("GR", **LATER)],  # without a year: it may be hers
        [IN_CLASS_ZERO, enrolled("GR", start="2027-08-16", schoolYear=1)],
        [IN_CLASS_ZERO, enrolled("GR", **LATER, schoolYear=1, endDate="2026-10-02")],  # and back again
        [enrolled("FKLASS", endDate="2026-10-02"), enrolled("KU", **LATER)],
        [enrolled("FKLASS", start="2027-01-11"), enrolled("KU", **LATER)],
        [unknown_form("Förskoleklass")],
        [unknown_form("FSK"), enrolled("FTH")],
        [unknown_form(None)],
        [unknown_form("FSK", schoolYear="F")],
        [unknown_form("FSK", schoolYear=0)],
        # They may be in förskola, of which this part does not know.
        [enrolled("KU")],
        [enrolled("FTH", start="2027-08-16")],
    ],
)
def test_a_row_of_any_other_kind_makes_no_pupil_of_a_child(rows: list[dict[str, Any]]) -> None:
    assert the_person(persons=[pupil(*rows)]).child
    assert the_person(persons=[pupil(*reversed(rows))]).child


@pytest.mark.parametrize(
    "rows",
    [
        [IN_CLASS_ZERO, enrolled("GR", **LATER, schoolYear=1)],
        [IN_CLASS_ZERO, enrolled("SAM", start="2026-08-01", schoolYear=1)],
        [IN_CLASS_ZERO, enrolled("GY", **LATER)],
        # Between two terms, and the row of förskoleklass was never ended.
        [enrolled("FKLASS", start="2020-08-17"), enrolled("GR", **LATER, schoolYear=5, endDate="2026-11-01")],
        [enrolled("GR", schoolYear=4), enrolled("FTH", **LATER)],
        [enrolled("GR", schoolYear=4), enrolled("KU", **LATER)],
        [enrolled("GR", schoolYear=4), unknown_form("Fritidsklubb")],
        [enrolled("GR", schoolYear=4, endDate="2026-11-01"), unknown_form("Fritidsklubb")],
        [enrolled("GR"), enrolled("FTH", **LATER)],
        [enrolled("FKLASS", endDate="2026-08-18"), enrolled("GR", **LATER)],  # of a grade that is not told
        [unknown_form("XGR", schoolYear=8)],
        [enrolled("GYAN", **LATER), unknown_form("Lärling")],
    ],
)
def test_a_pupil_stays_a_pupil_whatever_else_they_attend(rows: list[dict[str, Any]]) -> None:
    assert not the_person(persons=[pupil(*rows)]).child
    assert not the_person(persons=[pupil(*reversed(rows))]).child


def test_year_one_of_gymnasium_is_never_a_six_year_olds() -> None:
    with register_of(persons=[pupil(enrolled("GY", "2028-08-14", schoolYear=1))]) as register:
        (person,) = (
            record for record in register.noted("pupils", date(2028, 9, 1)) if isinstance(record, PersonRecord)
        )

    assert not person.child


def test_a_year_is_read_as_it_was_called_when_the_row_ended() -> None:
    year_one = enrolled("GR", "2027-08-16", schoolYear=1, endDate="2028-06-09")
    with register_of(persons=[pupil(year_one)]) as register:
        (person,) = (
            record for record in register.noted("pupils", date(2028, 7, 20)) if isinstance(record, PersonRecord)
        )

    assert not person.child


def test_who_has_nothing_but_after_school_care_is_a_pupil() -> None:
    assert not the_person(persons=[pupil(enrolled("FTH"))]).child


# -------------------------------------------------------------------------------------------------------------- days


def test_a_cancelled_enrolment_ends_on_the_local_day_of_the_last_change() -> None:
    assert the_tie(enrolled(cancelled=True, endDate="2031-06-30")).end == date(2026, 10, 2)
    assert the_tie(enrolled(cancelled=True), meta={"modified": "2026-10-01T22:30:00Z"}).end == date(2026, 10, 2)
    assert the_tie(enrolled(cancelled=True, endDate="2026-09-15")).end == date(2026, 9, 15)
    assert the_tie(enrolled(cancelled=False, endDate="2031-06-30")).end == date(2031, 6, 30)


@pytest.mark.parametrize("meta", [None, {}, {"modified": "nyss"}])
def test_one_that_was_cancelled_nobody_knows_when_is_left_out_and_ends_with_the_day_it_was_seen(meta: Any) -> None:
    with register_of(persons=[pupil(enrolled(cancelled=True), enrolled("FTH"), meta=meta)]) as register:
        assert [tie.school_form for tie in register.ties("pupils")] == ["FTH"]


def test_one_that_was_called_off_before_it_began_never_was() -> None:
    with register_of(persons=[pupil(enrolled(start="2027-01-11", cancelled=True), enrolled("FTH"))]) as register:
        assert [tie.school_form for tie in register.ties("pupils")] == ["FTH"]


@pytest.mark.parametrize("status", ["Avliden", "Utvandrad", "UTVANDRAD"])
def test_all_rows_of_who_has_died_or_emigrated_end_on_the_day_it_was_written_down(status: str) -> None:
    ended = {"meta": META, "personStatus": status}
    with register_of(
        persons=[pupil(enrolled(), **ended), {"id": CHILD, **ended}, {"id": TEACHER, **ended}],
        placements=[placed()],
        duties=[serving(endDate="2026-09-30")],
    ) as register:
        ends = {part: [tie.end for tie in register.ties(part)] for part in ("pupils", "children", "staff")}

    assert ends == {"pupils": [date(2026, 10, 2)], "children": [date(2026, 10, 2)], "staff": [date(2026, 9, 30)]}


def test_who_died_nobody_knows_when_is_left_without_rows() -> None:
    with register_of(placements=[placed()], persons=[{"id": CHILD, "personStatus": "Avliden"}]) as register:
        assert register.records("children") == [PersonRecord(source_id=CHILD, child=True)]


@pytest.mark.parametrize(
    ("end", "is_read"), [("2025-11-22", False), ("2025-11-23", True), ("9999-12-31", True), ("snart", True)]
)
def test_rows_that_ended_within_a_year_are_read(end: str, is_read: bool) -> None:
    with register_of(placements=[placed(endDate=end)]) as register:
        settings = register.settings()
        with what_is_given(settings) as connect:
            pages = list(pull("children", settings, connect))

    assert bool([raw for page in pages for raw in page.raws]) is is_read


def test_a_day_that_is_none_is_unknown_and_costs_nothing_else(runner: CaseRunner) -> None:
    settings, at = runner.settings, "7b000000-1111-4a4a-8c8c-000000000008"
    raws = [raw for page in runner.pages("pupils") for raw in page.raws if raw.person == at]
    person, unknown_form, broken = raws

    assert isinstance(normalise("pupils", settings, person)[0], PersonRecord)
    assert normalise("pupils", settings, unknown_form)
    record, fact = as_new(normalise("pupils", settings, broken))
    assert isinstance(record, MembershipRecord)
    assert record.unreadable == ("start",)
    assert fact == UnreadableFact("startDate", "is not a date", record.source_id)


def test_enrolments_that_differ_in_less_than_place_form_and_first_day_are_numbered(runner: CaseRunner) -> None:
    at = "7b000000-1111-4a4a-8c8c-000000000006"
    ids = [record.source_id for record in runner.records("pupils") if getattr(record, "person", None) == at]
    school = "0a100000-1111-4a4a-8c8c-000000000004"

    assert ids == [f"{at}/{school}/gr/2023-08-16", f"{at}/{school}/gr/2023-08-16/2", f"{at}/{school}/gran/2026-08-17"]


def test_a_row_in_a_class_has_the_days_of_the_class_where_it_has_none() -> None:
    of_class = {"endDate": "2027-06-11"}
    members: list[dict[str, Any]] = [
        {"person": {"id": PUPIL}},
        {"person": {"id": PUPIL}, "startDate": "2026-10-01", "endDate": "2026-10-31"},
        {"person": {"id": PUPIL}, "startDate": "2026-11-02", "endDate": "2030-06-11"},
        {"person": None},
    ]
    with register_of(persons=[pupil(enrolled())], groups=[group(*members, **of_class), group(id=None)]) as register:
        days = [(tie.start, tie.end) for tie in register.ties("pupils") if tie.membership is MembershipType.GROUP]

    assert days == [
        (date(2026, 8, 17), date(2027, 6, 11)),
        (date(2026, 10, 1), date(2026, 10, 31)),
        (date(2026, 11, 2), date(2027, 6, 11)),
    ]


# -------------------------------------------------------------------------------------------------------------- words


def test_words_that_no_version_has_are_kept_raw_and_told(runner: CaseRunner) -> None:
    expected = {
        part.name: {record for record in runner.noted(part.name) if isinstance(record, UnknownValue)} for part in PARTS
    }
    units = {record.name: record for record in runner.records("units") if isinstance(record, UnitRecord)}

    assert expected == {
        "units": {UnknownValue("organisationType", "Campus"), UnknownValue("schoolType", "XGR")},
        "groups": {UnknownValue("schoolType", "FSK")},
        "pupils": {
            UnknownValue("schoolType", "XGR"),
            UnknownValue("schoolYear", "tre"),
            UnknownValue("personStatus", "Bortrest"),
        },
        "children": set(),
        "staff": {UnknownValue("emails.type", "Hemlig")},
    }
    assert (units["Lägergården"].kind, units["Friskolan Fjällvråken"].school_forms) == ("Campus", ("GR", "XGR"))


@pytest.mark.parametrize("form", ["GRS", "TR", "GRAN", "KOMVUX", "VUXSARTR", "SAM"])
def test_forms_of_both_versions_and_of_the_national_register_are_known(form: str) -> None:
    with register_of(persons=[pupil(enrolled(form))]) as register:
        assert [record for record in register.noted("pupils") if isinstance(record, UnknownValue)] == []


def test_a_form_means_what_the_table_says_of_this_register(runner: CaseRunner) -> None:
    settings = runner.settings_with(school_forms={"fsk": "FKLASS"})
    noted = runner.noted("groups", settings)

    assert [record for record in noted if isinstance(record, UnknownValue)] == []
    assert "FKLASS" in {record.school_form for record in noted if isinstance(record, GroupRecord)}
    assert the_person(settings={"school_forms": {"FSK": "FKLASS"}}, persons=[pupil(enrolled("FSK"))]).child


@pytest.mark.parametrize(
    ("text", "year"), [(5, 5), ("5", 5), (5.0, 5), (None, None), ("", None), ("fem", None), (10, 10), (1e400, None)]
)
def test_a_year_is_a_number_however_it_is_written(text: Any, year: int | None) -> None:
    if text == 1e400:
        text = "9" * 5000
    assert the_tie(enrolled(schoolYear=text)).year == year


def test_a_placement_of_version_two_zero_needs_no_form_and_no_stamp(runner: CaseRunner) -> None:
    (tie,) = (
        record
        for record in runner.records("children")
        if record.source_id.endswith("5") and isinstance(record, MembershipRecord)
    )

    assert tie.school_form is None


# --------------------------------------------------------------------------------------------------------------- keys


def keys_of(settings: dict[str, Any] | None = None, **person: Any) -> list[str]:
    expected = pupil(enrolled(), **{"eduPersonPrincipalNames": None} | person)
    return [key.value for key in the_person(settings=settings, persons=[expected]).keys]


def mails(*kinds: str | None) -> list[dict[str, Any]]:
    return [{"value": f"{number}@exempelby.se", "type": kind} for number, kind in enumerate(kinds)]


def test_private_mail_is_never_a_key_and_of_a_type_nobody_knows_neither() -> None:
    kinds = ("Privat", "PRIVAT", "Skola elev", nfd("Arbete övrigt"), "Skola personal", "Hemlig", None)

    assert keys_of(emails=mails(*kinds)) == ["2@exempelby.se", "3@exempelby.se", "4@exempelby.se"]


def test_where_our_domains_are_told_they_decide_but_never_for_private_mail() -> None:
    emails = [*mails("Privat", None, "Hemlig"), {"value": "x@gmail.example", "type": "Skola elev"}]

    assert keys_of({"mail_domains": ("Exempelby.se",)}, emails=emails) == ["1@exempelby.se", "2@exempelby.se"]


def test_principal_names_come_before_addresses_and_nothing_is_said_twice() -> None:
    names = ["a@edu.exempelby.se", " ", "1@exempelby.se"]

    assert keys_of(
        eduPersonPrincipalNames=names, emails=[*mails("Skola elev", "Skola elev"), {"type": "Skola elev"}, "?"]
    ) == [
        "a@edu.exempelby.se",
        "1@exempelby.se",
        "0@exempelby.se",
    ]


def test_identifiers_are_keys_by_context_and_the_others_are_not_kept() -> None:
    identifiers = {
        "https://exempelby.se/anstnr": {"scheme": "number"},
        "https://exempelby.se/hr/": {"scheme": "number", "namespace": "personal"},
        "https://exempelby.se/AD": {"scheme": "account", "namespace": "EXB"},
    }
    expected = [
        {"value": 4711, "context": "https://exempelby.se/anstnr/"},
        {"value": "17", "context": "https://exempelby.se/HR"},
        {"value": "larek", "context": "https://exempelby.se/ad"},
        {"value": " ", "context": "https://exempelby.se/ad"},
        {"value": "x", "context": "https://exempelby.se/annat"},
        {"value": "x"},
    ]
    person = the_person(
        settings={"identifiers": identifiers}, persons=[pupil(enrolled(), externalIdentifiers=expected)]
    )

    assert person.keys[:3] == (
        Key(Scheme.NUMBER, "register", "4711"),
        Key(Scheme.NUMBER, "personal", "17"),
        Key(Scheme.ACCOUNT, "EXB", "larek"),
    )
    assert len(person.keys) == 4


def test_an_object_id_without_a_tenant_would_be_anybodys() -> None:
    with pytest.raises(ValidationError, match="needs a namespace"):
        Settings.model_validate({**CASE.table, "identifiers": {"x": {"scheme": "object_id"}}})


# -------------------------------------------------------------------------------------------- names and civic numbers

TOLD = {"id": TEACHER, "givenName": "Lars", "familyName": nfd("Åkesson"), "civicNo": {"value": "19850412-0000"}}


def test_neither_name_nor_civic_number_is_kept_unasked() -> None:
    assert the_person("staff", duties=[serving()], persons=[TOLD]) == PersonRecord(source_id=TEACHER)


def test_names_of_staff_are_kept_where_that_is_asked_for() -> None:
    person = the_person("staff", {"store_names": True}, duties=[serving()], persons=[TOLD])

    assert (person.name, person.keys) == ("Lars Åkesson", ())


def test_of_a_civic_number_there_is_a_token_where_that_is_asked_for() -> None:
    request = {"read_civic_number": True}
    person = the_person("staff", request, duties=[serving()], persons=[TOLD])
    bare = the_person("staff", request, duties=[serving()], persons=[TOLD | {"civicNo": "198504120000"}])
    blank = the_person("staff", request, duties=[serving()], persons=[TOLD | {"civicNo": {"value": ""}}])

    assert (person.name, blank.keys) == (None, ())
    assert person.keys == bare.keys
    assert [(key.scheme, key.is_token) for key in person.keys] == [(Scheme.CIVIC, True)]


def test_pupils_and_children_have_neither_even_then() -> None:
    person = pupil(enrolled(), **{name: value for name, value in TOLD.items() if name != "id"})
    request = {"store_names": True, "read_civic_number": True}

    assert the_person(settings=request, persons=[person]).name is None
    assert {key.scheme for key in the_person(settings=request, persons=[person]).keys} == {Scheme.ADDRESS}


@pytest.mark.parametrize("module", ["schema", "normalising", "people", "register_client"])
def test_no_structure_of_any_module_has_a_field_for_what_is_never_kept(module: str) -> None:
    fields = {
        name
        for struct in structs(import_module(f"connectors.ss12000.{module}"))
        for field in msgspec.structs.fields(struct)
        for name in (field.name, field.encode_name)
    }

    assert [name for name in fields if words(name) & NEVER_KEPT] == []


# --------------------------------------------------------------------------------------------------------- signing in

MTLS = {"certificate_file": "/srv/c.pem", "certificate_key_file": "/srv/k.pem"}


def signed_in(**keys: Any) -> Any:
    table = {"kind": "ss12000", "name": "register", "base_url": "https://register.exempelby.se/v2.0"}
    return Settings.model_validate(table | keys).sign_in()


def test_the_four_ways_to_sign_in_and_a_certificate_beside_them() -> None:
    by_secret = {"token_url": "https://register.exempelby.se/token", "client_id": "us", "client_secret": "x"}
    certificate = (Path("/srv/c.pem"), Path("/srv/k.pem"))
    request = signed_in(**by_secret, scope="ss12000", auth_style="basic")

    assert isinstance(request, ClientSecret)
    assert (request.token_url, request.client_id, request.scope, request.style) == (
        "https://register.exempelby.se/token",
        "us",
        "ss12000",
        "basic",
    )
    assert isinstance(signed_in(auth="bearer", token="x"), Bearer)
    assert signed_in(auth="none") == NoAuth()
    assert signed_in(auth="mtls", **MTLS) == MutualTls(*certificate, NoAuth())
    both = signed_in(**by_secret, **MTLS)
    assert isinstance(both, MutualTls)
    assert isinstance(both.inner_auth, ClientSecret)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({}, "needs token_url"),
        ({"token_url": "https://exempelby.se"}, "needs client_id"),
        ({"auth": "mtls"}, "needs certificate_file"),
        ({"auth": "none", "certificate_file": "/srv/c.pem"}, "belong together"),
        ({"auth": "none", "base_url": "register.exempelby.se"}, "base_url"),
    ],
)
def test_a_table_that_cannot_work_says_what_it_needs(keys: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        signed_in(**keys)


def test_a_secret_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceRefused, match="client_secret_file"):
        signed_in(token_url="https://exempelby.se", client_id="us")


def test_credentials_go_to_the_token_address_in_the_form(runner: CaseRunner) -> None:
    runner.pages("units", runner.settings_with(scope="ss12000"))

    assert runner.server.signed_in == [
        {
            "grant_type": "client_credentials",
            "client_id": "fleetsync",
            "client_secret": "hemlig-7f3a-mycket",
            "scope": "ss12000",
        }
    ]


def test_requests_come_no_faster_than_the_table_says(runner: CaseRunner) -> None:
    runner.pages("pupils", runner.settings_with(requests_per_minute=6))

    assert max(runner.waited) > 5


# ------------------------------------------------------------------------------------------------ one odd value in one row


def facts_of(part: str, **resources: Sequence[Any]) -> tuple[list[Record], list[UnreadableFact], list[RejectedRecord]]:
    with register_of(**resources) as register:
        items = register.noted(part)
        rejected = register.rejected_records(part)
    return (
        [item for item in items if isinstance(item, Record)],
        [item for item in items if isinstance(item, UnreadableFact)],
        rejected,
    )


def test_a_null_among_the_enrolments_is_named_and_covers_the_persons_rows_alone() -> None:
    records, _, rejected = facts_of("pupils", persons=[pupil(enrolled(), None), pupil(enrolled(), id="other")])  # type: ignore[arg-type]

    assert len([record for record in records if isinstance(record, MembershipRecord)]) == 2
    (row,) = rejected
    assert (row.reason, row.source_id, row.is_prefix) == ("an enrolment cannot be read", f"{row.place}/", True)


@pytest.mark.parametrize(
    ("enrolment", "unreadable"),
    [
        ({"schoolYear": {"value": 4}}, ("year",)),
        ({"schoolYear": "fyra"}, ("year",)),
        ({"schoolType": ["GR"]}, ("school_form",)),
        ({"endDate": ["2027-06-11"]}, ("end",)),
        ({"endDate": "31/12 -27"}, ("end",)),
        ({"startDate": "i höst"}, ("start",)),
        ({"enroledAt": 7}, ("codes",)),
        ({"enroledAt": {"id": {}}}, ("codes",)),
        ({"cancelled": "kanske"}, ("end",)),
        ({"cancelled": "false"}, ()),
        ({"schoolYear": "4"}, ()),
        ({"enroledAt": "0a100000-1111-4a4a-8c8c-000000000004"}, ()),
    ],
)
def test_a_fact_of_an_enrolment_that_cannot_be_read_is_unknown_and_one_that_is_clear_is_read(
    enrolment: dict[str, Any], unreadable: tuple[str, ...]
) -> None:
    records, facts, rejected = facts_of("pupils", persons=[pupil(enrolled() | enrolment)])
    (tie,) = (record for record in records if isinstance(record, MembershipRecord))

    assert tie.unreadable == unreadable
    assert rejected == []
    assert bool(facts) == bool(unreadable) or enrolment == {"schoolYear": "fyra"}


@pytest.mark.parametrize("mark", [{"value": "Sekretessmarkering"}, ["x"], True, 3])
def test_a_mark_of_any_kind_protects(mark: object) -> None:
    records, _, _ = facts_of("pupils", persons=[pupil(enrolled(), securityMarking=mark)])

    assert all(record.protected for record in records if isinstance(record, PersonRecord | MembershipRecord))


@pytest.mark.parametrize(
    ("part", "resource", "row"), [("staff", "duties", serving), ("children", "placements", placed)]
)
def test_a_row_whose_person_cannot_be_read_is_present_and_keeps_what_was_believed(
    part: str, resource: str, row: Callable[..., dict[str, Any]]
) -> None:
    name = "person" if part == "staff" else "child"
    _, _, (rejected,) = facts_of(part, **{resource: [row(**{name: ["x"]})]})

    assert rejected.source_id == row()["id"]
    assert rejected.record_type is RecordType.MEMBERSHIP


def test_persons_without_any_enrolment_are_no_empty_register() -> None:
    persons = [{"id": f"p{number}"} for number in range(30)]
    with register_of(persons=persons) as register, pytest.raises(SourceRefused, match="30 persons came and none has"):
        register.records("pupils")


@pytest.mark.parametrize("status", [400, 422, 500, 501])
def test_a_server_that_fails_on_a_filter_is_asked_without_it(status: int) -> None:
    plain = partial(holding, persons=[pupil(enrolled())])

    def answer(request: Asked) -> Reply:
        is_filtered = any("." in name for name in request.query)
        return (status, {"code": status}) if is_filtered and request.resource == "persons" else plain(request)

    with answering(answer) as register:
        assert len(register.people("pupils")) == 1


@pytest.mark.parametrize("token", ["", "   ", "\t", None])
def test_a_page_token_of_blanks_is_none(token: str | None) -> None:
    plain = partial(holding, persons=[pupil(enrolled())])

    def answer(request: Asked) -> Reply:
        status, body = plain(request)
        return (status, body | {"pageToken": token}) if status == 200 else (status, body)

    with answering(answer) as register:
        assert len(register.people("pupils")) == 1


def test_a_part_that_is_turned_off_is_not_probed() -> None:
    with register_of() as register:
        assert "children" not in register.findings(without=["children"])


# --------------------------------------------------------------------------------------------------------------- probe


def test_a_probe_asks_each_resource_once_for_one_object(runner: CaseRunner) -> None:
    findings = runner.findings()

    assert [finding.what for finding in findings] == [
        f"/{resource} can be read" for resource in ("organisations", "groups", "persons", "placements", "duties")
    ]
    assert len(runner.server.asked) == 5
    assert all("limit=1" in request for request in runner.server.asked)


def test_a_probe_tells_what_is_empty_missing_and_refused() -> None:
    statuses = {"groups": 404, "placements": 501, "duties": 403, "organisations": 200, "persons": 200}

    with answering(lambda request: (statuses[request.resource], {"data": []})) as register:
        result = register.findings(counts=["children"])
        uncounted = register.findings()

    assert {part: finding.ok for part, finding in result.items()} == {
        "units": True, "groups": True, "pupils": True, "children": False, "staff": False
    }  # fmt: skip
    assert result["units"].what == "/organisations can be read, and is empty"
    assert result["children"].remedy.startswith("Take children out of counts")
    assert uncounted["children"].ok
    assert uncounted["children"].what.startswith("not there, and not needed here")
    assert result["groups"].remedy == ""
    assert "/duties" in result["staff"].remedy


def test_a_probe_finds_the_way_a_pull_would_take() -> None:
    with answering(refusing("limit", "relationship")) as register:
        assert all(finding.ok for finding in register.findings().values())
    with answering(lambda _: (400, {})) as register:
        assert not any(finding.ok for finding in register.findings().values())


# -------------------------------------------------------------------------------------------------- the recorded pages

PLANTED = {
    "organisations-1.json": {"data.7.organisationType", "data.6.schoolTypes.1", "data.1.organisationType"},
    "groups-1.json": {"data.0.groupMemberships.1.person.securityMarking"},
    "groups-2.json": {"data.2.groupMemberships.0.person.securityMarking", "data.4.schoolType"},
    "persons-1.json": {"data.1.securityMarking"},
    "persons-2.json": {
        "data.1.enrolments.2.schoolType",
        "data.3.personStatus",
        "data.3.enrolments.0.schoolType",
        "data.3.enrolments.0.schoolYear",
        "data.3.enrolments.1.startDate",
    },
    "persons-3.json": {"data.0.emails.1.type", "data.5.securityMarking", "data.7.id"},
    "placements-1.json": {"data.4"},
    "placements-2.json": {"data.2.child", "data.3.child.securityMarking"},
    "duties-1.json": set(),
    "duties-2.json": {"data.0.dutyRole", "data.2.dutyPercent"},
}


@pytest.mark.parametrize("name", CASE.payloads)
def test_a_recorded_page_keeps_to_the_standard_but_for_what_is_planted(name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name.partition('-')[0]}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    page = json.loads(CASE.recorded(name).read_text(encoding="utf-8"))
    faults = jsonschema.Draft202012Validator(schema).iter_errors(page)

    assert {".".join(map(str, fault.absolute_path)) for fault in faults} == PLANTED[name]
