"""An account that is restricted to one unit, or one entitlement, sees nothing of the others anywhere."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from fleetsync import expose
from fleetsync.core.measures import MEASURES
from fleetsync.expose.drill_down import DERIVED_MEASURES, drill_down, number_of
from fleetsync.expose.gate import view_for
from fleetsync.expose.lists import API_LISTS, COMMAND_LISTS, ListContext
from fleetsync.expose.lists.json_rows import json_rows
from fleetsync.expose.lookup import Lookup
from fleetsync.expose.ports import ROLE_SCOPES, ROLES_OF_UNITS, AccountRole
from fleetsync.expose.scope import FULL_SCOPE, Permission, Scope
from fleetsync.expose.web import create_app
from fleetsync.expose.web.registry import PAGES
from tests.expose import example_page as e
from tests.expose.page_client import csrf_of, every_page, hrefs, open_client, submit_sign_in

UNIT = "ekskolan"
UNIT_SCOPE = Scope(units=frozenset({UNIT}))
RULE_SCOPE = Scope(entitlements=frozenset({"staff"}))
OTHER_UNITS = [unit for unit in e.UNITS if unit.slug != UNIT]
PAST = "2026-11-14"
FOLDER = Path(expose.__file__ or "").parent


def restricted_setup(scope: Scope = UNIT_SCOPE) -> e.PageSetup:
    return e.page_setup(role_scopes={**ROLE_SCOPES, AccountRole.STRATEGIST: scope})


def context_of(scope: Scope) -> ListContext:
    visible = view_for(e.example_snapshot(4), scope)
    lookup = Lookup(visible)
    return ListContext(scope=scope, today=e.TODAY, open_lookup=lambda: lookup, open_parts=e.parts)


def traces_of_other_units(text: str) -> set[str]:
    """Names and slugs of other units, and ids of their persons and devices, that stand in *text*."""
    outcome = e.example_snapshot(4).outcome
    own_devices = {case.device.id for case in outcome.devices if case.placement.unit == UNIT}
    own_devices |= {row.device for row in outcome.assignments if row.unit == UNIT}
    words = {word for unit in OTHER_UNITS for word in (unit.slug, unit.name)} - {"central", "Centralt"}
    ids = {case.person.id for case in outcome.people if case.person_state.unit != UNIT}
    ids |= {case.device.id for case in outcome.devices} - own_devices
    ids |= {case.device.serial for case in outcome.devices if case.device.serial and case.device.id not in own_devices}
    found_words = {word for word in words if re.search(rf"\b{re.escape(word)}\b", text)}
    return found_words | (ids & set(re.findall(r"[\w~-]+", text)))


def linked_pages(client, start: list[str], most: int = 400) -> dict[str, str]:
    """Every page that can be reached from *start*, by its address."""
    texts: dict[str, str] = {}
    waiting = list(start)
    while waiting and len(texts) < most:
        path = waiting.pop(0)
        if path in texts or path.startswith("/static/"):
            continue
        answer = client.get(path, buffered=True)
        assert answer.status_code == 200, path
        texts[path] = answer.text if "text/html" in answer.headers["Content-Type"] else ""
        plain = [href.split("#")[0] for href in hrefs(texts[path]) if "sort=" not in href and "theme=" not in href]
        waiting += [href for href in plain if href.startswith("/") and "lang=" not in href]
    return texts


def test_a_restricted_account_reaches_no_page_that_tells_of_another_unit():
    client = open_client(restricted_setup(), "stina")
    paths = [path for path in every_page() if client.get(path).status_code == 200]
    texts = linked_pages(client, ["/", f"/units/{UNIT}", "/assignments", f"/units/{UNIT}?as_of={PAST}", *paths])

    assert len(texts) > 100
    assert {path: traces for path, text in texts.items() if (traces := traces_of_other_units(text))} == {}


@pytest.mark.parametrize(
    "path", ["/", "/units/ugglan", "/policy", "/gaps", "/devices", "/api/v1/devices", "/numbers/short"]
)
def test_the_traces_are_there_for_an_account_that_is_not_restricted(path):
    assert traces_of_other_units(open_client(e.page_setup(), "stina").get(path).text)


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("day", ["", PAST])
def test_a_restricted_account_downloads_nothing_of_another_unit(form, day):
    client = open_client(restricted_setup(), "stina")
    numbers = [
        f"/numbers/{name.removeprefix('fleetsync_')}" for name in (*DERIVED_MEASURES, *(m.name for m in MEASURES))
    ]
    for path in (*(f"/{definition.name}" for definition in API_LISTS), *numbers):
        answer = client.get(f"{path}?format={form}&as_of={day}")
        assert traces_of_other_units(answer.text) == set(), path
        api_answer = client.get(f"/api/v1{path}?as_of={day}")
        assert traces_of_other_units(api_answer.text) == set(), path


@pytest.mark.parametrize("unit", [unit.slug for unit in OTHER_UNITS] + ["unplaced"])
def test_a_page_of_another_unit_does_not_exist_for_a_restricted_account(unit):
    client = open_client(restricted_setup(), "stina")

    assert client.get(f"/units/{unit}").status_code == 404
    assert client.get(f"/api/v1/coverage?unit={unit}").get_json()["count"] == 0
    assert client.get(f"/api/v1/numbers/entitled?unit={unit}").get_json()["count"] == 0


def test_persons_and_devices_of_another_unit_do_not_exist_for_a_restricted_account():
    setup = restricted_setup()
    client = open_client(setup, "stina")
    outcome = e.example_snapshot(4).outcome
    person = next(case.person for case in outcome.people if case.person_state.unit == "bjorkskolan")
    device = next(case.device for case in outcome.devices if case.placement.unit == "bjorkskolan")
    token = csrf_of(client, "/")

    assert client.get(f"/people/{person.id}").status_code == 404
    assert client.get(f"/devices/{device.id}").status_code == 404
    for text in (person.id, person.keys[0].value, device.serial, "bjorkskolan", "Björkskolan"):
        assert client.post("/search", data={"q": text, "csrf": token}).status_code == 404
    assert not setup.decision_port.audited


def test_a_restricted_account_sees_its_own_unit_as_everybody_does():
    restricted, full = (open_client(setup, "stina") for setup in (restricted_setup(), e.page_setup()))
    for path in (f"/api/v1/coverage?unit={UNIT}", f"/api/v1/devices?unit={UNIT}", f"/api/v1/assignments?unit={UNIT}",
                 f"/api/v1/gaps?unit={UNIT}", f"/api/v1/numbers/short?unit={UNIT}",
                 f"/api/v1/numbers/entitled?unit={UNIT}&as_of={PAST}"):  # fmt: skip
        own = restricted.get(path).get_json()
        assert own["count"] > 0
        assert own == full.get(path).get_json()


def test_what_a_pull_was_refused_for_is_kept_from_accounts_without_that_permission():
    setup = restricted_setup()
    client = open_client(setup, "stina")
    text = client.get("/sources/intune/devices").text

    assert not any(refusal.text.sv in text for refusal in e.REFUSALS)
    assert "Godta hämtningen" not in text
    assert "reason" not in client.get("/api/v1/sources").get_json()["rows"][0]
    form = {"csrf": csrf_of(client, "/"), "pull": "4711", "decision": "accept", "reason": "Ja"}
    assert client.post("/sources/intune/devices", data=form).status_code == 403
    assert not setup.decision_port.decisions_taken


def test_files_and_words_of_a_source_are_kept_from_accounts_without_that_permission():
    client = open_client(restricted_setup(), "stina")
    text = client.get("/sources/zuludesk/devices").text

    assert "Thumbs.db" not in text
    assert "kassaskåp" not in text
    assert "left_files" not in client.get("/api/v1/sources").get_json()["rows"][0]


def test_the_metrics_of_all_units_are_refused_to_a_restricted_account():
    public_url = "https://verktyg.exempelby.se"
    scopes = {**ROLE_SCOPES, AccountRole.STRATEGIST: UNIT_SCOPE}
    client = create_app(e.page_setup(public_url=public_url, role_scopes=scopes).services).test_client()
    answers = {}
    for name in ("stina", "tea"):
        submit_sign_in(client, name, base_url=public_url)
        answers[name] = client.get("/metrics", base_url=public_url).status_code
        client.delete_cookie("__Host-fleetsync", domain="verktyg.exempelby.se")

    assert answers == {"stina": 403, "tea": 200}


def test_a_page_that_needs_a_permission_is_refused_without_it(monkeypatch):
    entry = replace(PAGES["pages.policy"], needs=Permission.DECISIONS)
    monkeypatch.setitem(PAGES, "pages.policy", entry)

    assert open_client(restricted_setup(), "stina").get("/policy").status_code == 403
    assert open_client(e.page_setup(), "stina").get("/policy").status_code == 200


# --- the table of pages -----------------------------------------------------------------------------------------------


def test_every_page_is_in_the_table_and_the_navigation_follows_it():
    client = open_client(e.page_setup(), "stina")
    rules = client.application.url_map.iter_rules()
    served = {rule.endpoint for rule in rules if rule.endpoint.startswith("pages.") and "GET" in (rule.methods or ())}
    navigation = re.findall(r'<a href="([^"]+)"', client.get("/").text.partition("<nav")[2].partition("</nav>")[0])

    assert served == set(PAGES)
    allowed = ROLE_SCOPES[AccountRole.STRATEGIST].allows
    assert navigation == [entry.rule for entry in PAGES.values() if entry.is_in_navigation and allowed(entry.needs)]
    assert all(PAGES[entry.section].is_in_navigation for entry in PAGES.values())


@pytest.mark.parametrize("entry", PAGES.values(), ids=PAGES)
def test_every_page_marks_its_section_and_says_so_when_it_keeps_no_past_days(entry):
    path = every_page()[list(PAGES).index(entry.endpoint)]
    client = open_client(e.page_setup(), "petra" if entry.needs is Permission.PROTECTION else "stina")
    current = re.search(r'href="([^"]+)" aria-current="(?:page|true)"', client.get(path).text)

    assert current is not None
    assert current[1] == PAGES[entry.section].rule
    is_marked = "banner past" in client.get(f"{path}?as_of={PAST}").text
    assert is_marked == entry.keeps_past_days


def test_contributing_says_where_a_page_goes():
    text = (FOLDER.parents[1] / "CONTRIBUTING.md").read_text()

    assert re.search(r"^\| a page \| 2 \| .*`fleetsync/expose/web/pages\.py`", text, re.MULTILINE)


# --- the gate itself --------------------------------------------------------------------------------------------------


def test_a_full_scope_changes_nothing():
    snapshot = e.example_snapshot(4)
    visible = view_for(snapshot, FULL_SCOPE)

    assert visible.numbers is snapshot.numbers
    assert visible.episodes is snapshot.outcome.episodes
    assert visible.policy is snapshot.context.policy


@pytest.mark.parametrize("role", AccountRole)
def test_every_role_but_that_of_a_unit_sees_all_units_and_entitlements(role):
    assert ROLE_SCOPES[role].sees_everything is (role not in ROLES_OF_UNITS)
    assert ROLE_SCOPES[role].allows(Permission.LOGINS) == (role is AccountRole.TECHNICIAN)


@pytest.mark.parametrize(
    "scope", [UNIT_SCOPE, RULE_SCOPE, Scope(units=frozenset({"unplaced"}))], ids=["unit", "rule", "unplaced"]
)
@pytest.mark.parametrize("measure", [measure.name for measure in MEASURES] + list(DERIVED_MEASURES))
def test_the_rows_of_a_restricted_number_add_up_to_it(measure, scope):
    visible = view_for(e.example_snapshot(4), scope)
    opened = drill_down(visible, measure, {}, visible.hidden)

    assert sum(row.count for row in opened.rows) == opened.number == number_of(visible, measure, {})
    assert all(row.count > 0 for row in opened.rows)


def test_a_scope_of_one_entitlement_shows_its_persons_devices_and_gaps_alone():
    context = context_of(RULE_SCOPE)
    outcome = e.example_snapshot(4).outcome
    staff = {row.subject_id for row in outcome.owed if row.entitlement == "staff"}

    assert {row["entitlement"] for row in rows_of("coverage", context)} == {"staff"}
    assert {row["entitlement"] for row in rows_of("assignments", context)} == {"staff"}
    assert {row["person_id"] for row in rows_of("people", context) if row["owed"]} == staff - e.example_snapshot(
        4
    ).hidden
    assert rows_of("gaps", context)
    assert not any("pupils" in str(row) for row in rows_of("gaps", context))
    assert len(rows_of("devices", context)) < len(rows_of("devices", context_of(FULL_SCOPE)))
    assert [rule.id for rule in context.visible.policy.entitlements] == ["staff"]


def rows_of(name, context):
    definition = COMMAND_LISTS[name]
    return json_rows(definition, definition.rows(context), context)


def test_an_account_that_has_not_signed_in_sees_nothing():
    visible = view_for(e.example_snapshot(4), Scope(units=frozenset(), entitlements=frozenset()))

    assert not visible.people
    assert not visible.devices
    assert not visible.episodes
    assert not any(number for numbers in visible.numbers.values() for number in numbers.values())


BEHIND_THE_GATE = [
    *sorted((FOLDER / "web").glob("*.py")),
    *sorted((FOLDER / "lists").glob("*.py")),
    FOLDER / "lookup.py",
    FOLDER / "drill_down.py",
]


@pytest.mark.parametrize("path", BEHIND_THE_GATE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_behind_the_gate_reads_an_outcome_or_its_context(path):
    attributes = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    # The rows of the derived measures are computed from the view that the gate hands them.
    allowed = {"outcome"} if path.name == "drill_down.py" else set()

    assert attributes & {"outcome", "view"} <= allowed


@pytest.mark.parametrize("path", sorted((FOLDER / "web" / "templates").glob("*.html")), ids=lambda path: path.name)
def test_no_template_reads_an_outcome(path):
    assert "outcome" not in path.read_text()


def test_the_gate_passes_on_everything_that_a_snapshot_holds_of_a_unit():
    """A restricted outcome names each field that it restricts; a new field of `Outcome` must be thought of here."""
    restricted = view_for(e.example_snapshot(4), Scope(units=frozenset({"bjorkskolan"})))._outcome
    never_shown = {
        "closed_episodes",
        "logins",
        "resolved_ids",
        "parts",
        "policy_fingerprint",
        "turnover",
        "agreed_corrections",
    }
    empty = {name for name in msgspec.structs.asdict(restricted) if not getattr(restricted, name)}

    assert empty - {"gap_unit_kinds"} == never_shown


def test_a_unit_that_is_out_of_scope_is_in_no_disagreement():
    known = e.example_snapshot(4)
    case = next(case for case in known.outcome.devices if case.placement.unit == UNIT)
    placed = msgspec.structs.replace(case.placement, conflicting_unit=OTHER_UNITS[0].slug)
    contradicted = msgspec.structs.replace(case, placement=placed)

    assert [each.field for each in view_for(known, FULL_SCOPE).device_disagreements(contradicted)] == ["unit"]
    assert view_for(known, UNIT_SCOPE).device_disagreements(contradicted) == []
