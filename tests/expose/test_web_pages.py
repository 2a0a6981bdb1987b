"""What the pages show: numbers, lists, past days, persons and devices, sources; and what they never show."""

import io
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path

import jsonschema
import msgspec
import pytest
from python_calamine import CalamineWorkbook

from fleetsync.clock import ManualClock
from fleetsync.core.coverage import build_context, reconcile
from fleetsync.core.lifecycle import GAPS
from fleetsync.core.measures import MEASURES
from fleetsync.core.model import (
    NOT_THERE,
    CoveredBy,
    Credential,
    CredentialUse,
    DeviceCase,
    DeviceRecord,
    EmploymentForm,
    MembershipRecord,
    Moment,
    Parking,
    PartRole,
    ScopeFindings,
    Subject,
)
from fleetsync.core.pull_progress import PullProgress, WaitReason
from fleetsync.core.snapshot import PAST_DAY_MEASURES, Snapshot, build_past_snapshot, build_snapshot
from fleetsync.expose import web
from fleetsync.expose.drill_down import DERIVED_MEASURES, measure_of, number_of
from fleetsync.expose.drill_down import drill_down as opened_number
from fleetsync.expose.lists.gaps import SEVERITY_RANK
from fleetsync.expose.lookup import Lookup
from tests.expose import example_page as e
from tests.expose.page_client import csrf_of, hrefs, open_client, read, signed_in_client, visible_text

PAST = (e.TODAY - timedelta(days=10)).isoformat()
MASKED = "p-edlevo-bj-5A-3"
CHILD = "p-lifecare-~cug0"
LISTS = ("/coverage", "/gaps", "/devices", "/assignments", "/sources", "/numbers/short")


def test_every_module_with_pages_is_in_the_table_of_such_modules():
    folder = Path(web.__file__).parent
    with_pages = {
        file.stem for file in folder.glob("*.py") if re.search(r"^@pages?[.(]", file.read_text("utf-8"), re.MULTILINE)
    }
    assert with_pages == set(web.PAGE_MODULES)


# --- every number opens -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", [measure.name for measure in MEASURES] + list(DERIVED_MEASURES))
def test_the_rows_of_every_number_add_up_to_it(measure):
    visible = e.example_view(4)
    concealed = Lookup(visible).concealed
    known = measure_of(measure)
    assert known is not None
    published = visible.numbers.get(measure, {})
    for labels in [dict(zip(known.labels, values, strict=True)) for values in published] + [{}, {"unit": "ekskolan"}]:
        behind = opened_number(visible, measure, labels, concealed)
        assert sum(row.count for row in behind.rows) == behind.number
        assert not any(row.subject is Subject.PERSON and row.subject_id in concealed for row in behind.rows)


def test_entitled_is_covered_and_short_and_unknown():
    visible = e.example_view(4)
    for unit in Lookup(visible).units:
        numbers = {name: number_of(visible, name, {"unit": unit}) for name in (
            "entitled", "covered", "short", "unknown", "not_working", "without")}  # fmt: skip
        assert numbers["entitled"] == numbers["covered"] + numbers["short"] + numbers["unknown"]
        assert numbers["short"] == numbers["not_working"] + numbers["without"]


@pytest.mark.parametrize("path", ["/", "/units/bjorkskolan", "/units/ugglan", f"/units/ekskolan?as_of={PAST}"])
def test_every_number_of_a_page_leads_to_rows_whose_sum_it_is(path):
    for href, number in set(
        re.findall(r'<a class="n[^"]*" href="([^"]+/numbers/[^"]+|/numbers/[^"]+)">([^<]+)</a>', read(path))
    ):
        if "," in number:
            continue  # children per device: leads to the devices it is divided by
        behind = read(unescape(href))
        assert f'<span class="big-number">{number}</span>' in behind, href
        assert re.search(r"Σ ([^<]+)</b>", behind)[1] == number or number == "0"  # type: ignore[index]


@pytest.mark.parametrize("path", ["/units/bjorkskolan", f"/units/bjorkskolan?as_of={PAST}"])
def test_the_counts_of_sets_open_into_their_devices(path):
    links = re.findall(r'<a class="n[^"]*" href="(/assignments[^"]+)">([^<]+)</a>', read(path))
    assert len(links) == 2 * len([row for row in e.example_snapshot(4).outcome.sets if row.unit == "bjorkskolan"])
    for href, count in links:
        assert signed_in_client()[1].get("/api/v1" + unescape(href)).get_json()["count"] == int(count), href


def test_a_number_is_narrowed_to_a_set_or_pool_and_never_to_a_person():
    _, client = signed_in_client()
    share = next(row for row in e.example_snapshot(4).outcome.shares if row.subject is Subject.SET and row.covered_set)
    text = visible_text(read(f"/numbers/covered?unit={share.unit}&shared={share.subject_id}"))
    assert f"Σ {share.covered_set} i 1 rad " in text
    person = next(
        row for row in e.example_snapshot(4).outcome.shares if row.subject is Subject.PERSON and row.covered_own
    )

    assert "Inget räknas här" in client.get(f"/numbers/covered?shared={person.subject_id}").text


def test_every_link_of_every_page_leads_somewhere():
    _, client = signed_in_client()
    known: set[str] = set()
    waiting = ["/", "/units/lindskolan", "/people/p-personec-s-ek-3"]
    while waiting and len(known) < 250:
        path = waiting.pop(0)
        answer = client.get(path, buffered=True)
        assert answer.status_code == 200, path
        if "text/html" not in answer.headers["Content-Type"]:
            continue
        for href in hrefs(answer.text):
            kind = re.sub(r"[-\w~+]+(?=$|\?)", "…", href.split("#")[0], count=1) + str(
                sorted(re.findall(r"[?&](\w+)", href))
            )
            if href.startswith("/") and kind not in known:
                known.add(kind)
                waiting.append(href.split("#")[0])


# --- the overview -----------------------------------------------------------------------------------------------------


def test_the_overview_answers_in_one_look():
    text = visible_text(read("/"))

    short = number_of(e.example_view(4), "short", {})
    entitled = number_of(e.example_view(4), "entitled", {})
    assert f"{short} av {entitled} verktyg saknas" in text
    assert "tisdag 24 november 2026" in text
    assert "intune/devices väntar på beslut" in text
    assert "Talen vilar på gamla uppgifter. jamf/devices är 4 dagar gammal" in text
    assert "Att göra i dag IT-strateg" in text
    assert "vilar på gamla uppgifter" in text
    assert "under larmgränsen sedan" in text
    assert "Lindskolan på prov" in text


@pytest.mark.parametrize("path", ["/", "/units/bjorkskolan"])
def test_the_year_is_drawn_when_more_is_known_than_the_small_curves_show(path):
    setup = e.page_setup()
    assert "Täckningen under året" not in read(path, open_client(setup, "tea"))

    setup.history.days = 300
    page = read(path, open_client(setup, "tea"))

    assert "Täckningen under året" in page
    assert "28 jan. 2026" in visible_text(page)  # the first day that is known
    assert page.count('class="spark big"') == len(re.findall(r"<dt>[^<]+ <small>(?:lägst|oförändrat) ", page)) > 1


def test_what_rests_on_fresh_data_is_not_called_old():
    fresh = [msgspec.structs.replace(state, as_of=e.TODAY) for state in e.parts()]
    outcome = msgspec.structs.replace(e.outcome(4), parts=tuple(fresh))
    setup = e.page_setup(e.snapshot_of(e.believed(4), outcome))

    assert "vilar på gamla uppgifter" not in read("/", open_client(setup, "tea"))


def test_the_overview_has_one_line_a_source_with_the_part_that_does_worst():
    parts = (
        e.part("intune", "devices", PartRole.MDM, as_of=e.TODAY),
        e.part(
            "intune",
            "autopilot",
            PartRole.PURCHASES,
            as_of=e.TODAY,
            reason="x",
            last_attempt_at=e.NOW,
            last_complete_at=e.at(1),
        ),
        e.part("jamf", "devices", PartRole.MDM, as_of=e.TODAY - timedelta(days=1), expected_every=timedelta(days=7)),
        e.part("jamf", "users", PartRole.ROSTER, as_of=e.TODAY),
    )
    outcome = msgspec.structs.replace(e.outcome(4), parts=parts)
    page = read("/", open_client(e.page_setup(e.snapshot_of(e.believed(4), outcome)), "tea"))

    listed = re.search(r'<ul class="fresh-list">.*?</ul>', page, re.DOTALL)
    assert listed is not None
    assert visible_text(listed[0]).strip() == "intune/autopilot hämtas inte från i dag jamf aktuell från i går"


@pytest.mark.parametrize("path", ["/", "/sources", "/sources/intune/autopilot"])
def test_a_part_that_its_system_does_not_have_is_called_so(path):
    reason = f"{NOT_THERE}grant DeviceManagementServiceConfig.Read.All"
    absent = e.part("intune", "autopilot", PartRole.PURCHASES, reason=reason, as_of=None, last_complete_at=None)
    outcome = msgspec.structs.replace(e.outcome(4), parts=(absent,))
    setup = e.page_setup(e.snapshot_of(e.believed(4, parts=(absent,)), outcome))

    assert "finns inte där" in visible_text(read(path, open_client(setup, "tea")))


def test_a_first_start_says_what_to_do():
    text = visible_text(read("/", open_client(e.page_setup(e.empty_snapshot()), "tea")))

    assert "Första start" in text
    assert "fleetsync check" in text
    assert "inte hämtad än" in text
    assert "0 av 0" not in text


def test_a_municipality_without_a_source_says_who_takes_the_first_step():
    snapshot = e.empty_snapshot()
    bare = msgspec.structs.replace(snapshot, outcome=msgspec.structs.replace(snapshot.outcome, parts=()))
    text = visible_text(read("/", open_client(e.page_setup(bare), "tea")))

    assert "Ingen källa är ansluten än" in text
    assert "Det första steget tar teknikern" in text
    assert "fleetsync init" in text


@pytest.mark.parametrize("path", ["/gaps", "/devices", "/coverage", "/units/unplaced"])
def test_before_the_first_pull_an_empty_list_says_why_it_is_empty(path):
    text = visible_text(read(path, open_client(e.page_setup(e.empty_snapshot()), "tea")))

    assert "Inget är hämtat än, så inget kan räknas. Se vad källorna väntar på" in text


FAILED = "intune: graph.microsoft.com refused our token (403). Grant DeviceManagementManagedDevices.Read.All"


@pytest.mark.parametrize("path", ["/sources", "/sources/intune/devices"])
def test_a_failure_is_told_in_the_language_of_the_reader_and_word_for_word_below(path):
    failing = e.part("intune", "devices", PartRole.MDM, reason=FAILED, last_attempt_at=e.NOW, last_complete_at=e.at(1))
    outcome = msgspec.structs.replace(e.outcome(4), parts=(failing,))
    client = open_client(e.page_setup(e.snapshot_of(e.believed(4, parts=(failing,)), outcome)), "tea")

    swedish, english = (visible_text(read(f"{path}?lang={language}", client)) for language in ("sv", "en"))

    assert "Källan släpper inte in oss" in swedish
    assert swedish.index("Felet ordagrant, på engelska") < swedish.index(FAILED)
    assert FAILED in english
    assert "does not let us in" not in english


def test_the_field_for_a_day_is_in_the_language_of_the_page_and_offers_days_that_are_known():
    client = open_client(e.page_setup(), "tea")
    english, page = read("/gaps?lang=en", client), read("/gaps?lang=sv", client)

    assert 'type="date"' not in page
    assert 'placeholder="åååå-mm-dd"' in page
    assert 'placeholder="yyyy-mm-dd"' in english
    offered = re.findall(r'<option value="(\d{4}-\d\d-\d\d)">([^<]+),', page)
    assert (str(e.TODAY - timedelta(days=1)), "i går") in offered


JULY = datetime(2026, 7, 13, 8, 0, tzinfo=UTC)
BREAK = "Skolorna har lov till och med"


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (JULY, ("16 aug. 2026", "Elever och barn räknas som i våras")),
        (datetime(2026, 11, 4, 8, 0, tzinfo=UTC), ("8 nov. 2026", "")),
        (datetime(2026, 11, 14, 8, 0, tzinfo=UTC), None),  # an ordinary Saturday
    ],
)
def test_during_a_break_the_overview_says_what_it_means_for_the_numbers(now, said):
    text = visible_text(read("/", open_client(e.page_setup(clock=ManualClock(now)), "tea")))

    assert (BREAK in text) == (said is not None)
    if said is not None:
        assert f"{BREAK} {said[0]}" in text
        assert said[1] in text
        assert ("våras" in text) == bool(said[1])


@pytest.mark.parametrize("path", [*LISTS, "/policy", "/units/unplaced", "/numbers/entitled", "/sources/jamf/devices"])
def test_no_page_breaks_while_there_is_nothing(path):
    read(path, open_client(e.page_setup(e.empty_snapshot()), "tea"))


def test_a_withdrawn_rule_is_called_withdrawn_and_not_unmet():
    ended = tuple(msgspec.structs.replace(rule, valid_to=date(2026, 10, 31)) for rule in e.POLICY.entitlements)
    policy = msgspec.structs.replace(e.POLICY, entitlements=ended)
    context = build_context(e.believed(4), policy, e.CALENDARS, Moment(e.NOW, e.TODAY))
    client = open_client(
        e.page_setup(build_snapshot(reconcile(context.believed, policy, e.CALENDARS, context.moment), context)), "tea"
    )

    overview = visible_text(read("/", client))
    assert "Ingen regel gäller i dag" in overview
    assert "Upphörde 1 nov. 2026" in overview
    assert "Alla 0 verktyg" not in overview
    assert "ingen har rätt enligt den från 1 nov. 2026" in visible_text(read("/policy", client))


def test_nothing_to_do_is_said():
    setup = e.page_setup(e.snapshot_of(e.believed(4), msgspec.structs.replace(e.outcome(4), episodes=())))

    assert "Inget att göra i dag." in read("/", open_client(setup, "tea"))


def test_a_moved_clock_is_said_on_every_page():
    client = open_client(e.page_setup(rehearsal_now=e.NOW), "tea")
    for path in ("/", *LISTS, "/policy", "/finns-inte"):
        assert "Klockan är ställd" in client.get(path).text


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_filter_keeps_what_it_says():
    rows = signed_in_client()[1].get("/api/v1/gaps?kind=stale&unit=ekskolan").get_json()["rows"]

    assert rows
    assert {(row["kind"], row["title"]["sv"], row["unit"]) for row in rows} == {("stale", "Ingen kontakt", "ekskolan")}


def test_roles_of_the_plan_filter_the_gaps():
    text = visible_text(read("/gaps?role=Sydnärke IT"))

    assert "Sydnärke IT" in text
    assert "0 rader" not in text


def test_a_list_sorts_both_ways_with_the_unknown_last():
    _, client = signed_in_client()
    ages = [row["age_school_days"] for row in client.get("/api/v1/gaps?sort=-age_school_days").get_json()["rows"]]
    known = [age for age in ages if age is not None]

    assert None in ages
    assert ages[: len(known)] == sorted(known, reverse=True)
    other = [row["age_school_days"] for row in client.get("/api/v1/gaps?sort=age_school_days").get_json()["rows"]]
    assert other[: len(known)] == sorted(known)


def test_what_matters_stands_first_without_a_choice():
    _, client = signed_in_client()
    kinds = {kind.id: kind.severity for kind in GAPS}
    gaps = client.get("/api/v1/gaps").get_json()["rows"]
    weights = [SEVERITY_RANK[kinds[row["kind"]]] for row in gaps]
    assert weights == sorted(weights)
    devices = client.get("/api/v1/devices").get_json()["rows"]
    idle = [row for row in devices if not row["works"]]

    assert devices[: len(idle)] == idle
    assert [row["gaps"] for row in idle] == sorted((row["gaps"] for row in idle), reverse=True)


def test_a_cleared_filter_keeps_the_day_that_is_asked_about():
    links = hrefs(read(f"/gaps?kind=stale&as_of={PAST}"))

    assert f"/gaps?as_of={PAST}" in links


def test_swedish_letters_stand_last():
    units = [row["unit"] for row in signed_in_client()[1].get("/api/v1/coverage?sort=unit").get_json()["rows"]]

    assert units.index("masen") < units.index("ugglan")
    assert units[-1] == "lindskolan"


def test_a_long_list_has_pages():
    setup = e.page_setup(e.example_snapshot(24))
    client = open_client(setup, "tea")
    first, last = read("/devices", client), read("/devices?page=999", client)

    assert "sida 1 av " in visible_text(first)
    assert 'rel="next"' in first
    assert 'rel="next"' not in last


@pytest.mark.parametrize("path", LISTS)
def test_every_list_downloads_what_it_shows(path):
    setup = e.page_setup()
    client = open_client(setup, "tea")
    answer = client.get(f"{path}?format=csv")
    lines = answer.data.decode("utf-8-sig").splitlines()
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(client.get(f"{path}?format=xlsx").data)).get_sheet_by_index(0)
    rows = client.get(f"{path}?format=json").get_json()

    assert answer.headers["Content-Disposition"].endswith('-2026-11-24.csv"')
    assert len(lines) - 1 == rows["count"] == len(rows["rows"]) == len(sheet.to_python()) - 1
    assert [note[1].rsplit(" ", 1)[1] for note in setup.decision_port.audited] == ["csv", "xlsx", "json"]


def test_a_download_keeps_the_filter():
    body = signed_in_client()[1].get("/gaps?kind=stale&format=csv").data.decode("utf-8-sig").splitlines()[1:]

    assert body
    assert all(line.startswith("Ingen kontakt;") for line in body)


# --- past days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/coverage", "/units/ekskolan", "/gaps", "/numbers/short", "/numbers/without", "/assignments",
             "/people/p-edlevo-ek-4A-0"],
)  # fmt: skip
def test_a_past_day_is_marked(path):
    assert "Så här såg det ut" in read(f"{path}?as_of={PAST}")
    assert "från den dagen" in read(f"{path}?as_of={PAST}")


def test_numbers_of_a_past_day_open_into_that_day():
    text = read(f"/units/ekskolan?as_of={PAST}")

    assert f"/numbers/entitled?as_of={PAST}" in text


@dataclass
class Otherwise(e.FakeHistory):
    """A past day on which a person was owed nothing, and their device served nobody or did not work."""

    person: str = ""
    device: str = ""
    worked: bool = False

    def past(self, day):
        now = self.shown_holder.snapshot
        return build_past_snapshot(
            now,
            Moment(e.at(10), day),
            [row for row in now.outcome.owed if row.subject_id != self.person],
            [
                msgspec.structs.replace(row, works=self.worked) if row.device == self.device else row
                for row in now.outcome.assignments
                if row.subject_id != self.person
            ],
            (),
            tuple(self.recorded_rows(day, day)),
        )


def at_another_past(**more):
    setup = e.page_setup()
    services = msgspec.structs.replace(setup.services, history=Otherwise(setup.shown_holder, **more))
    return open_client(replace(setup, services=services), "tea")


def a_working_assignment():
    return next(row for row in e.example_snapshot(4).outcome.assignments if row.by is CoveredBy.OWN and row.works)


def test_a_person_on_a_past_day_is_shown_by_what_was_known_then():
    assignment = a_working_assignment()
    client = at_another_past(person=assignment.subject_id)
    then = visible_text(read(f"/people/{assignment.subject_id}?as_of={PAST}", client))

    assert "Ingen regel gav rätt till något verktyg, så vitt var känt." in then
    assert "Inget eget verktyg räknades för personen." in then
    assert "Tillhör som det är i dag" in then
    assert "Inga avvikelser." in then
    now = visible_text(read(f"/people/{assignment.subject_id}", client))
    assert "som det är i dag" not in now


def test_a_device_on_a_past_day_is_shown_by_what_was_known_then():
    assignment = a_working_assignment()
    idle = visible_text(read(f"/devices/{assignment.device}?as_of={PAST}", at_another_past(device=assignment.device)))
    assert "Inte i drift den dagen" in idle
    assert "Så bedöms det som det är i dag" in idle
    alone = visible_text(
        read(f"/devices/{assignment.device}?as_of={PAST}", at_another_past(person=assignment.subject_id))
    )
    assert "Den dagen räknades verktyget inte för någon." in alone

    assert "I drift" in visible_text(read(f"/devices/{assignment.device}"))


def test_a_number_of_a_past_day_shows_whether_a_device_worked_then():
    assignment = a_working_assignment()
    client = at_another_past(device=assignment.device)
    path = f"/numbers/not_working?unit={assignment.unit}&as_of={PAST}"

    assert assignment.device in read(path, client)
    assert f"/devices/{assignment.device}?as_of={PAST}" in hrefs(read(path, client))


def test_a_person_who_shared_a_set_on_a_past_day_sees_which_set():
    member = next(case for case in e.example_snapshot(4).outcome.people if case.serving_set)

    text = visible_text(read(f"/people/{member.person.id}?as_of={PAST}"))
    assert f"Delade klassuppsättning {str(member.serving_set).partition('/')[2]}." in text


def test_who_is_not_shown_is_not_shown_of_a_past_day_either():
    _, client = signed_in_client()

    assert client.get(f"/people/{MASKED}?as_of={PAST}").status_code == 404
    for path in LISTS:
        assert MASKED not in client.get(f"{path}?as_of={PAST}&format=csv").text


@pytest.mark.parametrize(
    ("path", "code", "sentence"),
    [
        ("/gaps?as_of=2019-01-01", 404, "Det finns inga tal för 1 jan. 2019. De första är från"),
        ("/gaps?as_of=igår", 400, "Det gick inte att förstå"),
        (f"/numbers/devices?as_of={PAST}", 404, "sparas inte för gångna dagar"),
    ],
)
def test_a_day_without_numbers_is_said(path, code, sentence):
    answer = signed_in_client()[1].get(path)

    assert answer.status_code == code
    assert sentence in visible_text(answer.text)


def test_only_what_is_kept_is_asked_of_a_past_day():
    for measure in MEASURES:
        answer = signed_in_client()[1].get(f"/api/v1/numbers/{measure.name}?as_of={PAST}")
        assert answer.status_code == (200 if measure.name in PAST_DAY_MEASURES else 404)


# --- one device, one person -----------------------------------------------------------------------------------------------------


def a_device(**wanted: object) -> str:
    return next(
        case.device.id
        for case in e.example_snapshot(4).outcome.devices
        if all(getattr(case.placement, key) == value for key, value in wanted.items())
    )


def test_a_device_says_why_it_is_what_it_is():
    text = visible_text(read(f"/devices/{a_device(purpose='personal')}"))

    for sentence in (
        "Så bedöms det",
        "Till för personligt bruk · har en inloggning",
        "Innehavare",
        "Senaste kontakt",
        "intune/devices",
    ):
        assert sentence in text


def test_a_device_shows_its_past_assignments_and_no_hidden_person():
    assignment = a_working_assignment()
    text = read(f"/devices/{assignment.device}")
    text = visible_text(text)

    assert MASKED not in text
    assert "4 nov. 2026 fortfarande ja" in text
    assert "25 okt. 2026 4 nov. 2026 nej" in text
    assert re.search(r"visas inte \S.* · eget före 15 okt\. 2026 25 okt\. 2026", text)


def test_a_device_that_served_nobody_says_so():
    stock = next(case for case in e.example_snapshot(4).outcome.devices if case.placement.purpose == "stock")

    assert "Det har inte räknats för någon." in visible_text(read(f"/devices/{stock.device.id}"))


def with_a_second_mdm(**fields: object) -> tuple[Snapshot, DeviceCase]:
    """The example in which another MDM says something else of one device that Intune has, and the device."""
    known = list(e.known(4))
    row = next(
        row for row in known if row.source == "intune" and isinstance(row.record, DeviceRecord) and row.record.keys
    )
    other = msgspec.structs.replace(row.record, **fields)
    known.append(msgspec.structs.replace(row, source="jamf", record=other, last_contact_at=e.at(9)))
    input_ = e.believed(4, known=tuple(known))
    outcome = reconcile(input_, e.POLICY, e.CALENDARS, e.outcome(4).moment)
    case = next(
        case for case in outcome.devices if {known.source for known in case.device.records} >= {"intune", "jamf"}
    )
    return e.snapshot_of(input_, outcome), case


def test_a_disagreement_shows_both_values_their_sources_which_counts_and_why():
    snapshot, case = with_a_second_mdm(model="ThinkPad X1", encrypted=False)

    text = visible_text(read(f"/devices/{case.device.id}", open_client(e.page_setup(snapshot), "tea")))

    model = case.device.model
    assert (
        f"Modell {model} intune/devices ThinkPad X1 jamf/devices av flera MDM gäller det med senaste kontakten" in text
    )
    assert "Krypterat ja intune/devices nej jamf/devices" in text
    assert "oense" not in visible_text(read(f"/devices/{e.example_snapshot(4).outcome.devices[0].device.id}"))


def test_holders_on_whom_sources_disagree_are_linked_and_one_who_may_not_be_shown_is_not_named():
    snapshot, _ = with_a_second_mdm()
    others = [case for case in snapshot.outcome.people if case.person.keys and not case.person_state.is_child]
    snapshot, case = with_a_second_mdm(keys=others[-1].person.keys[:1])
    shown = read(f"/devices/{case.device.id}", open_client(e.page_setup(snapshot), "tea"))
    assert f'href="/people/{case.placement.holder}"' in shown
    assert f'href="/people/{others[-1].person.id}"' in shown
    past = read(f"/devices/{case.device.id}?as_of={PAST}", open_client(e.page_setup(snapshot), "tea"))
    assert f"{others[-1].person.id} jamf/devices" in visible_text(past)

    concealed = msgspec.structs.replace(snapshot, hidden=snapshot.hidden | {others[-1].person.id})
    hiding = read(f"/devices/{case.device.id}", open_client(e.page_setup(concealed), "tea"))

    assert others[-1].person.id not in hiding
    assert "visas inte jamf/devices" in visible_text(hiding)


def test_a_person_of_whom_two_registers_say_different_things_is_shown_with_both():
    known = list(e.known(4))
    row, record = next(
        (row, row.record)
        for row in known
        if isinstance(row.record, MembershipRecord) and row.record.membership == "employment"
    )
    person = next(other for other in known if other.ref == (row.source, "person", record.person))
    hourly = msgspec.structs.replace(record, employment_form=EmploymentForm.HOURLY)
    known.append(msgspec.structs.replace(person, source="entra"))
    known.append(msgspec.structs.replace(row, source="entra", record=hourly))
    input_ = e.believed(4, known=tuple(known))
    snapshot = e.snapshot_of(input_, reconcile(input_, e.POLICY, e.CALENDARS, e.outcome(4).moment))
    case = next(
        case for case in snapshot.outcome.people if any(each.source == "entra" for each in case.person.memberships)
    )

    text = visible_text(read(f"/people/{case.person.id}", open_client(e.page_setup(snapshot), "tea")))

    assert f"Anställningsform tillsvidare {row.source}/{row.part} timavlönad entra/{row.part}" in text
    assert "källan som ger rätt (counts) gäller; andra är vittnen" in text


def test_a_person_is_an_id_with_decisions_and_devices_and_the_look_is_noted():
    setup = e.page_setup()
    text = visible_text(read("/people/p-edlevo-ek-4A-0", open_client(setup, "tea")))

    assert "Elev 4A" in text
    assert "Elever i årskurs 1–9 ska ha" in text
    assert "Anställda ska inte ha Ingen anställning" in text
    assert ("tea", "viewed person", "p-edlevo-ek-4A-0") in setup.decision_port.audited


def test_a_person_known_only_to_a_witness_is_marked():
    input_ = e.believed(4)
    witnesses = tuple(
        msgspec.structs.replace(state, counts=state.counts and state.source != "personec") for state in input_.parts
    )
    input_ = msgspec.structs.replace(input_, parts=witnesses)
    outcome = reconcile(input_, e.POLICY, e.CALENDARS, e.outcome(4).moment)

    sentence = "Bara källor som inte ger rätt känner personen."
    assert sentence in visible_text(
        read("/people/p-personec-s-ek-0", open_client(e.page_setup(e.snapshot_of(input_, outcome)), "tea"))
    )
    assert sentence not in visible_text(read("/people/p-personec-s-ek-0", open_client(e.page_setup(), "tea")))


def test_log_ins_are_for_technicians_alone():
    setup = e.page_setup()
    assert "@edu.exempelby.se" in read("/people/p-edlevo-ek-4A-0", open_client(setup, "tea"))
    assert "@edu.exempelby.se" not in read("/people/p-edlevo-ek-4A-0", open_client(setup, "stina"))


@pytest.mark.parametrize("person", [MASKED, CHILD, "p-finns-inte"])
def test_a_person_who_may_not_be_shown_gets_the_answer_of_an_unknown_one(person):
    setup = e.page_setup()
    answer = open_client(setup, "tea").get(f"/people/{person}")
    other = open_client(setup, "tea").get("/people/p-ingen")

    assert answer.status_code == other.status_code == 404
    assert re.sub(r'value="[^"]+"|people/[^"&?]+', "", answer.text) == re.sub(
        r'value="[^"]+"|people/[^"&?]+', "", other.text
    )
    assert not setup.decision_port.audited


def test_nobody_hidden_stands_in_any_list_or_link():
    lookup, (_, client) = Lookup(e.example_view(4)), signed_in_client()
    concealed = lookup.concealed
    assert MASKED in concealed
    assert CHILD in concealed
    paths = ["/", *LISTS, *(f"/units/{slug}" for slug in lookup.units)]
    paths += [f"/numbers/{measure.name}" for measure in MEASURES] + [f"/numbers/{name}" for name in DERIVED_MEASURES]
    for path in paths:
        for form in ("", "format=csv", "format=json"):
            body = client.get(f"{path}?{form}").text
            assert not any(person in body for person in concealed), path


def test_hidden_persons_are_counted_in_one_row():
    text = visible_text(read("/numbers/entitled?entitlement=pupils"))

    assert re.search(r"\b2 visas inte", text)


@pytest.mark.parametrize("form", ["", "csv", "json", "print"])
def test_log_ins_stand_in_lists_for_technicians_alone_and_are_audited(form):
    setup = e.page_setup()
    tea, stina = open_client(setup, "tea"), open_client(setup, "stina")
    for path in (
        "/gaps?kind=device_not_working",
        "/hand-out",
        "/repair",
        "/assignments?by=own",
        "/numbers/not_working",
    ):
        separator = "&" if "?" in path else "?"
        setup.decision_port.audited.clear()
        assert "exempelby.se" in tea.get(f"{path}{separator}format={form}").text, path
        assert [who for who, _, _ in setup.decision_port.audited] == ["tea"], path
        assert "exempelby.se" not in stina.get(f"{path}{separator}format={form}").text, path


def test_a_list_that_shows_nobody_is_not_audited():
    setup = e.page_setup()
    open_client(setup, "tea").get("/gaps?kind=unmapped_unit")

    assert not setup.decision_port.audited


# --- search -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "leads"),
    [
        ("exb00025", "/devices/"),
        (" EXB00025 ", "/devices/"),
        ("Ekskolan", "/units/ekskolan"),
        ("ek", "/units/ekskolan"),
        ("p-edlevo-ek-4A-0", "/people/p-edlevo-ek-4A-0"),
    ],
)
def test_a_search_leads_to_an_opaque_id(typed, leads):
    client = open_client(e.page_setup(), "tea")
    answer = client.post("/search", data={"q": typed, "csrf": csrf_of(client, "/")})

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(leads)


def test_a_log_in_stands_in_no_address_and_in_no_note():
    setup = e.page_setup()
    client = open_client(setup, "tea")
    person = e.example_snapshot(4).outcome.people[0].person
    login = person.keys[0].value
    answer = client.post("/search", data={"q": login.upper(), "csrf": csrf_of(client, "/")})

    assert answer.headers["Location"] == f"/people/{person.id}"
    assert login not in str(setup.decision_port.audited)


@pytest.mark.parametrize("typed", ["", "finns inte", MASKED, CHILD, "exb"])
def test_a_search_for_nothing_or_for_the_hidden_finds_nothing(typed):
    client = open_client(e.page_setup(), "tea")
    answer = client.post("/search", data={"q": typed, "csrf": csrf_of(client, "/")})

    assert answer.status_code == 404
    assert "Ingen träff" in answer.text


# --- sources and decisions --------------------------------------------------------------------------------------------


def test_every_state_of_a_source_is_said():
    text = visible_text(read("/sources"))

    for sentence in ("aktuell", "väntar på beslut", "hämtas inte", "frusen", "22 dagar gammal", "var 35:e dag"):
        assert sentence in text


def test_while_a_part_is_being_pulled_its_page_and_the_sources_say_how_far_it_is():
    setup = e.page_setup()
    setup.shown_holder.under_way = (
        PullProgress(source="edlevo", part="pupils", records=1200, pages=3, seconds=42.0, waits_for=WaitReason.ANSWER),
    )
    client = open_client(setup, "tea")
    sentence = "1200 poster på 3 sidor hittills, 42 s; väntar på källans svar"

    assert visible_text(read("/sources", client)).count(f"hämtas nu: {sentence}") == 1
    assert f"Hämtas nu: {sentence}" in visible_text(read("/sources/edlevo/pupils", client))
    assert "ämtas nu" not in visible_text(read("/sources/edlevo/units", client))
    assert "data-under-way" not in read("/sources")  # such a page is read again every ten seconds


def test_what_the_last_whole_pull_did_not_take_up_is_shown_by_kind_with_its_places():
    text = visible_text(read("/sources/jamf/devices"))

    assert "Vad hämtning 4709 inte tog upp" in text
    assert (
        "serial is empty rad som inte gick att läsa datorer.csv raderna 17–18 2 "
        "warranty until: not a day uppgift som inte gick att läsa datorer.csv rad 4 och 2 till 3 "
        "Rum, Anteckning rubrik som inget fält tog upp datorer.csv 2 "
        "status=kassaskåp oväntat i källan – 2 "
        "brevlådor avsiktligt inte med – 12 privat telefon avsiktligt inte med – 1"
    ) in text
    # The newest pull of this part was held, and took everything up.
    assert "inte tog upp" not in visible_text(read("/sources/intune/devices"))


def test_what_could_not_be_read_in_a_list_that_has_not_changed_since_is_shown_too():
    text = visible_text(read("/sources/zuludesk/devices"))

    assert (
        "serial is empty rad som inte gick att läsa tallen, oförändrad sedan dess 3 "
        "status=kassaskåp oväntat i källan tallen, oförändrad sedan dess 1 "
        "Rum rubrik som inget fält tog upp tallen, oförändrad sedan dess 1"
    ) in text


def test_what_the_list_before_a_held_one_did_not_take_up_is_not_called_unchanged():
    before = ScopeFindings(pull=4600, unused_headers={"devices.csv": ("Rum",)})
    parts = [
        msgspec.structs.replace(state, scope_findings={"": before}) if state.name == "jamf/devices" else state
        for state in e.parts()
    ]
    outcome = msgspec.structs.replace(e.outcome(4), parts=tuple(parts))
    client = open_client(e.page_setup(e.snapshot_of(e.believed(4), outcome)), "tea")

    text = visible_text(read("/sources/jamf/devices", client))

    assert "Rum rubrik som inget fält tog upp listan före den 1" in text
    assert "oförändrad sedan dess" not in text


def test_the_page_of_a_part_names_the_files_that_are_no_lists():
    assert "Senaste försöket lämnade filer som inte är listor: Thumbs.db." in visible_text(
        read("/sources/zuludesk/devices")
    )
    assert "The last attempt left files that are no lists: Thumbs.db." in visible_text(
        read("/sources/zuludesk/devices?lang=en", open_client(e.page_setup(), "tea"))
    )
    assert "inte är listor" not in visible_text(read("/sources/jamf/devices"))


def test_the_page_of_a_part_says_what_stops_with_each_credential_and_marks_the_near_ones():
    credentials = tuple(
        Credential(name, e.at(-days), use)
        for name, days, use in (
            ("apps token", 200, CredentialUse.APPLE_APPS),
            ("push certificate", 5, CredentialUse.APPLE_PUSH),
            ("client secret", 20, CredentialUse.SIGN_IN),
        )
    )
    known = e.example_snapshot(4)
    parts = [
        msgspec.structs.replace(part, credentials=credentials) for part in known.outcome.parts if part.source == "jamf"
    ]
    outcome = msgspec.structs.replace(known.outcome, parts=tuple(parts))
    client = open_client(e.page_setup(msgspec.structs.replace(known, outcome=outcome)), "tea")
    page = read("/sources/jamf/devices", client)

    assert (
        "Behörigheter Vad Gäller till Sedan "
        "push certificate 29 nov. 2026 når MDM inga iPads och Mac-datorer, och var och en måste skrivas in på nytt "
        "client secret 14 dec. 2026 kan källan inte läsas längre "
        "apps token 12 juni 2027 installeras och uppdateras appar inte längre"
    ) in visible_text(page)
    section = page.partition("<h2>Behörigheter")[2].partition("</section>")[0]
    assert re.findall(r"#sign-(\w+)", section) == ["stop", "warn"]
    assert "Behörigheter" not in visible_text(read("/sources/jamf/devices"))


def test_a_held_pull_shows_what_it_would_change():
    text = visible_text(read("/sources/intune/devices"))

    assert "312 saknas" in text
    assert "230 → 41" in text
    assert "+287 Saknar verktyg" in text
    assert "avvisa den, och be den som exporterar om en ny" in text


def test_why_a_pull_is_held_is_said_in_the_readers_language():
    swedish, english = (
        visible_text(read(f"/sources/intune/devices?lang={language}", open_client(e.page_setup(), "tea")))
        for language in ("sv", "en")
    )

    for refusal in e.REFUSALS:
        assert refusal.text.sv in swedish
        assert refusal.text.en in english
        assert refusal.text.en not in swedish
    assert "fleetsync accept" not in swedish


def decide(client, **form):
    token = csrf_of(client, "/sources/intune/devices")
    return client.post("/sources/intune/devices", data={"csrf": token, "pull": "4711", **form}, follow_redirects=True)


@pytest.mark.parametrize("verb", ["accept", "reject"])
def test_a_decision_is_written_with_who_and_why(verb):
    setup = e.page_setup()
    answer = decide(open_client(setup, "stina"), decision=verb, reason=" Stängt för inventering ")

    assert setup.decision_port.decisions_taken == [
        (verb, "intune", "devices", "4711", "stina", "Stängt för inventering")
    ]
    assert "Beslutet är antecknat" in answer.text


def test_no_decision_without_a_reason():
    setup = e.page_setup()
    answer = decide(open_client(setup, "tea"), decision="accept", reason="  ")

    assert not setup.decision_port.decisions_taken
    assert "Skriv en motivering först." in answer.text


def test_a_decision_that_comes_too_late_is_refused():
    setup = e.page_setup()
    answer = decide(open_client(setup, "tea"), decision="accept", reason="Ja", pull="4000")

    assert not setup.decision_port.decisions_taken
    assert "no longer held" in answer.text


@pytest.mark.parametrize(
    "form", [{"decision": "kanske", "reason": "x"}, {"decision": "accept", "reason": "x", "pull": "x"}]
)
def test_a_form_that_makes_no_sense_is_refused(form):
    assert decide(open_client(e.page_setup(), "tea"), **form).status_code == 400


def test_a_plan_that_cannot_be_made_is_said():
    held = [msgspec.structs.replace(state, held_pull=1) if state.held_pull else state for state in e.parts()]
    outcome = msgspec.structs.replace(e.outcome(4), parts=tuple(held))
    setup = e.page_setup(e.snapshot_of(e.believed(4), outcome))

    assert "no longer held" in read("/sources/intune/devices", open_client(setup, "tea"))


# --- languages, looks, errors -----------------------------------------------------------------------------------------


def test_the_language_is_chosen_by_link_and_kept():
    client = open_client(e.page_setup(), "tea")
    assert '<html lang="sv"' in read("/", client)
    assert '<html lang="en"' in read("/?lang=en", client)
    assert "What to do today" in read("/", client)
    assert '<html lang="en"' in read("/?lang=tlh", client)


def test_the_theme_is_chosen_by_link_and_kept():
    client = open_client(e.page_setup(), "tea")
    assert 'data-theme="auto"' in read("/", client)
    read("/?theme=dark", client)
    assert 'data-theme="dark"' in read("/policy", client)


def test_the_configured_language_is_the_one_without_a_choice():
    assert '<html lang="en"' in read("/", open_client(e.page_setup(default_language="en"), "tea"))


@pytest.mark.parametrize("path", ["/finns-inte", "/units/finns-inte", "/devices/x", "/numbers/x", "/sources/a/b"])
def test_what_is_not_there_is_said_in_words(path):
    answer = signed_in_client()[1].get(path)

    assert answer.status_code == 404
    assert "Sidan finns inte" in answer.text


class Broken(e.FakeHistory):
    def parts(self):
        raise RuntimeError("alva.al@edu.exempelby.se and a secret")


def test_an_error_of_ours_shows_no_traceback_and_names_nobody(caplog):
    setup = e.page_setup()
    services = msgspec.structs.replace(setup.services, history=Broken(setup.shown_holder))
    answer = open_client(replace(setup, services=services), "tea").get("/sources")

    assert answer.status_code == 500
    assert "Något gick fel hos oss" in answer.text
    assert "Traceback" not in answer.text
    assert "secret" not in answer.text + caplog.text


def test_parked_gaps_are_marked_and_not_to_do():
    stale = next(row for row in e.outcome(4).episodes if row.kind == "stale")
    parking = Parking(kind="stale", subject_id=stale.subject_id, until=e.TODAY + timedelta(days=9))
    input_ = e.believed(4, parkings=(parking,))
    outcome = reconcile(input_, e.POLICY, e.CALENDARS, e.outcome(4).moment)
    client = open_client(e.page_setup(e.snapshot_of(input_, outcome)), "tea")

    assert client.get("/api/v1/gaps?kind=stale&state=parked").get_json()["count"] == 1
    assert "parkerad till 3 dec." in visible_text(read(f"/devices/{stale.subject_id}", client))


def test_a_membership_that_is_gone_is_said():
    known = [
        msgspec.structs.replace(row, gone=True, absent_since=e.at(3))
        if isinstance(row.record, MembershipRecord) and row.record.person == "s-ek-0"
        else row
        for row in e.known(4)
    ]
    input_ = e.believed(4, known=tuple(known))
    outcome = reconcile(input_, e.POLICY, e.CALENDARS, e.outcome(4).moment)

    assert "borta" in visible_text(
        read("/people/p-personec-s-ek-0", open_client(e.page_setup(e.snapshot_of(input_, outcome)), "tea"))
    )


# --- the API's description --------------------------------------------------------------------------------------------


def test_the_description_is_of_the_api_as_it_is():
    _, client = signed_in_client()
    document = client.get("/api/v1/openapi.json", buffered=True).get_json()
    routes = {
        re.sub(r"<(?:path:)?([^>]+)>", r"{\1}", rule.rule)
        for rule in client.application.url_map.iter_rules()
        if rule.rule.startswith("/api/")
    }

    assert set(document["paths"]) == routes
    for path in routes - {"/api/v1/openapi.json"}:
        known = path.replace("{measure}", "entitled").replace("{what}/{id_}", "units/ekskolan")
        answer = client.get(known).get_json()
        described = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer, {**described, "components": document["components"]})
