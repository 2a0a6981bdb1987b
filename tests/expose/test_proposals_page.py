"""The page of what may be configured: evidence, lines that are a configuration, and no device or person by name."""

import re
import tomllib
from html import unescape

import pytest
from msgspec.structs import replace

from fleetsync.core.proposals import Proposals, UnitProposal
from fleetsync.expose.gate import visible_proposals
from fleetsync.expose.ports import ROLE_SCOPES, AccountRole
from fleetsync.expose.scope import FULL_SCOPE, Permission, Scope
from tests.core.proposals.test_device_names import place, rest, rule
from tests.expose import example_page as e
from tests.expose.page_client import open_client, read, visible_text

PROPOSED = Proposals(
    organisation_number="212000-0000",
    unit_maps=(place("location", unit="ekskolan"), place("name", pattern="Annas *", unit="ekskolan")),
    device_rules=(rule("groups"),),
    left_over=(rest("name"), rest("tag")),
)


def page(proposed: Proposals | None, path: str = "/sources/proposals", who: str = "tea") -> str:
    setup = e.page_setup()
    setup.shown_holder.proposed = proposed
    return read(path, open_client(setup, who))


def block(text: str, name: str) -> str:
    found = re.search(rf'<pre id="{name}"[^>]*>(.*?)</pre>', text, re.DOTALL)
    assert found is not None, name
    return unescape(found[1])


def test_each_proposal_stands_with_its_evidence_and_its_lines_are_a_configuration() -> None:
    text = page(PROPOSED)

    assert "jamf location = VRE* Ekskolan 5 0 4 av 4 1" in visible_text(text)
    assert 'organisation_numbers = ["212000-0000"]' in unescape(text)
    line = {"source": "jamf", "field": "location", "pattern": "VRE*", "unit": "ekskolan"}
    assert tomllib.loads(block(text, "unit-map-lines")) == {"unit_map": [line]}
    when = {"source": "jamf", "groups": "SAL*"}
    assert tomllib.loads(block(text, "device-rule-lines")) == {"device_rule": [{"when": when, "purpose": "room"}]}
    assert 'data-copies="unit-map-lines"' in text


def test_a_unit_in_doubt_stands_as_a_comment_with_the_reason() -> None:
    of_school = UnitProposal(
        slug="ek", name="Ek", codes=("1",), school_forms=("GR",), sources=("sis",), learners=9, employments=2
    )
    department = replace(of_school, slug="vard", learners=0, lacks_learners=True)
    principal = replace(of_school, slug="fri", organisation_number="556000-0000")

    lines = block(
        page(Proposals(organisation_number="212000-0000", units=(of_school, department, principal))), "unit-lines"
    )

    assert [unit["slug"] for unit in tomllib.loads(lines)["unit"]] == ["ek"]
    assert "# No pupil or child belongs to it. Remove the signs in front" in lines
    assert "# Its organisation number is 556000-0000 and not 212000-0000" in lines
    assert {'# slug = "vard"', '# slug = "fri"'} <= set(lines.splitlines())


def test_no_name_of_a_device_is_on_the_page_though_the_proposals_hold_some() -> None:
    text = page(Proposals(unit_maps=PROPOSED.unit_maps, left_over=PROPOSED.left_over))

    assert text.count("Annas *") == 1, "the one of the tag, which is no name"


def test_proposals_that_are_being_worked_out_are_not_waited_for() -> None:
    text = page(None, "/sources/proposals?lang=en")

    assert "The proposals are being worked out" in visible_text(text)
    assert "data-under-way" in text


def test_that_there_is_nothing_to_propose_is_said() -> None:
    assert "Inget att föreslå" in visible_text(page(Proposals()))


def test_the_sources_lead_to_it() -> None:
    assert 'href="/sources/proposals"' in page(Proposals(), "/sources")


@pytest.mark.parametrize("role", AccountRole)
def test_the_roles_that_may_read_what_sources_say_see_it(role: AccountRole) -> None:
    scope = ROLE_SCOPES[role]
    is_seen = visible_proposals(PROPOSED, scope) != Proposals()

    assert (
        is_seen is (role in {AccountRole.TECHNICIAN, AccountRole.STRATEGIST}) is scope.allows(Permission.PULL_DETAILS)
    )


def test_an_account_of_one_unit_sees_none() -> None:
    scope = Scope(units=frozenset({"ekskolan"}), permissions=FULL_SCOPE.permissions)

    assert visible_proposals(PROPOSED, scope) == Proposals()
