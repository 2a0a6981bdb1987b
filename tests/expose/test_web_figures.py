"""Coverage figures and trends, freshness of parts, and the policy in sentences."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.entitlement import RULES
from fleetsync.core.model import (
    DeviceRule,
    EligibilityCriteria,
    Entitlement,
    EntitlementMode,
    MembershipType,
    PartRole,
    PartState,
    Platform,
    Policy,
    Purpose,
    Staleness,
    Text,
    UnitMap,
)
from fleetsync.expose.lookup import freshness, is_overdue
from fleetsync.expose.web import policy_sentences
from fleetsync.expose.web.coverage_overview import CoverageFigures
from fleetsync.expose.web.localiser import Localiser
from fleetsync.expose.web.template_helpers import BAR_WIDTH, bar_parts, trend_polyline
from tests.expose import example_page as e

UNITS = {unit.slug: unit for unit in e.UNITS}
PUPILS = next(rule for rule in RULES if rule.id == "pupils")
SV, EN = Localiser("sv", "Europe/Stockholm"), Localiser("en", "Europe/Stockholm")


def days_back(*ratios: float) -> list[tuple[date, float]]:
    """A trend that ends today."""
    return [
        (e.TODAY - timedelta(days=back), ratio) for back, ratio in zip(range(len(ratios))[::-1], ratios, strict=True)
    ]


def figures(entitled: int = 100, covered: int = 90, unknown: int = 0, **more: object) -> CoverageFigures:
    return CoverageFigures(entitled=entitled, covered=covered, assigned=covered, unknown=unknown,
                   short=entitled - covered - unknown, rule=PUPILS, **more)  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize(
    ("covered", "status"),
    [(100, "met"), (99, "below"), (95, "below"), (94, "alarm"), (0, "alarm")],
)
def test_a_ratio_meets_the_target_or_is_below_it_or_rings(covered, status):
    assert figures(covered=covered).status == status


def test_few_short_do_not_ring_however_low_the_ratio():
    assert figures(entitled=8, covered=4).status == "below"


def test_nothing_entitled_has_no_status():
    assert figures(entitled=0, covered=0).status == "none"
    assert CoverageFigures().status == "none"
    assert CoverageFigures().heads_per_device is None


def test_the_unbroken_stretch_below_the_limit_has_a_beginning():
    assert figures(trend=days_back(0.9, 0.97, 0.94, 0.93, 0.9)).below_since == (e.TODAY - timedelta(days=2), False)


def test_a_stretch_older_than_our_first_day_began_before_it():
    assert figures(trend=days_back(0.9, 0.9)).below_since == (e.TODAY - timedelta(days=1), True)


def test_who_does_not_ring_has_no_beginning():
    assert figures(covered=99, trend=days_back(0.9, 0.99)).below_since is None


def test_the_change_is_over_thirty_days():
    ratios = [0.5] * 20 + [0.8] + [0.9] * 30

    assert change_of(figures(trend=days_back(*ratios))) == (0.1, e.TODAY - timedelta(days=30))
    assert figures(trend=days_back(0.9)).change is None


def change_of(shown: Any) -> tuple[float, date]:
    difference, day = shown.change
    return round(difference, 9), day


def test_a_change_names_the_day_that_it_is_to():
    silent_for_weeks = ((e.TODAY - timedelta(days=40), 0.5), (e.TODAY, 0.9))

    assert change_of(figures(trend=days_back(0.7, 0.8, 0.9))) == (0.2, e.TODAY - timedelta(days=2))
    assert change_of(figures(trend=silent_for_weeks)) == (0.4, e.TODAY - timedelta(days=40))


# --- drawings ---------------------------------------------------------------------------------------------------------

counts = st.integers(min_value=0, max_value=5_000)


@given(counts, counts, counts, counts)
def test_a_bar_is_always_full_and_in_order(covered, idle, unknown, without):
    entitled = covered + idle + unknown + without
    drawn = bar_parts(CoverageFigures(entitled=entitled, covered=covered, assigned=covered + idle, unknown=unknown))

    assert sum(width for _, _, width in drawn) == pytest.approx(BAR_WIDTH if entitled else 0, abs=0.1)
    assert [x for _, x, _ in drawn] == sorted(x for _, x, _ in drawn)
    assert {name for name, _, _ in drawn} == {
        name
        for name, count in zip(("works", "idle", "unknown", "lack"), (covered, idle, unknown, without), strict=True)
        if count
    }


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=2, max_size=60))
def test_a_curve_always_stays_inside_its_frame(ratios):
    drawn = trend_polyline(days_back(*ratios))
    assert drawn is not None
    for point in drawn["points"].split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= drawn["width"]
        assert 0 <= y <= drawn["height"]


def test_one_day_is_no_curve():
    assert trend_polyline(days_back(0.9)) is None
    assert trend_polyline(()) is None


# --- how old ----------------------------------------------------------------------------------------------------------


def part(**more: object) -> PartState:
    return PartState(source="jamf", part="devices", role=PartRole.MDM, types=(), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({}, "never"),
        ({"as_of": e.TODAY}, "fresh"),
        ({"as_of": e.TODAY - timedelta(days=1), "expected_every": timedelta(hours=1)}, "fresh"),
        ({"as_of": e.TODAY - timedelta(days=2), "expected_every": timedelta(hours=1)}, "old"),
        ({"as_of": e.TODAY - timedelta(days=30), "expected_every": timedelta(days=35)}, "fresh"),
        ({"as_of": e.TODAY - timedelta(days=90), "disabled": True}, "frozen"),
        ({"as_of": e.TODAY, "held_pull": 7, "reason": "x", "last_attempt_at": e.NOW}, "held"),
        ({"as_of": e.TODAY, "reason": "x", "last_attempt_at": e.NOW, "last_complete_at": e.at(1)}, "failing"),
        ({"as_of": e.TODAY, "reason": "x", "last_attempt_at": e.NOW, "last_complete_at": e.NOW}, "fresh"),
        ({"reason": "x", "last_attempt_at": e.NOW}, "failing"),
    ],
)
def test_a_part_has_one_word_for_how_it_does(more, word):
    assert freshness(part(**more), e.TODAY) == word


def test_what_was_never_pulled_is_overdue_and_what_is_frozen_is_not():
    assert is_overdue(part(), e.TODAY)
    assert not is_overdue(part(disabled=True), e.TODAY)


# --- the rules read aloud ---------------------------------------------------------------------------------------------


def test_the_plan_is_read_aloud():
    sentences = {rule.id: " ".join(policy_sentences.entitlement_sentences(rule, UNITS, SV)) for rule in RULES[:3]}

    assert sentences["staff"].startswith(
        "1 verktyg per person: ett eget, eller en del i en klassuppsättning. Gäller den som är anställd tillsvidare "
        "eller på visstid i mer än 3 månader. Godtas: dator, Chromebook eller platta."
    )
    assert (
        "Gäller elever i årskurs 1–9 i grundskola, anpassad grundskola, specialskola och sameskola."
        in sentences["pupils"]
    )
    assert (
        "Ett gemensamt verktyg per påbörjade 5 barn, avrundat uppåt per enhet och skolform." in sentences["preschool"]
    )
    assert (
        "Målet är 100\u00a0%. Larm när täckningen legat under 95\u00a0% i 5 skoldagar och minst 5 saknas."
        in sentences["pupils"]
    )


def test_what_a_municipality_narrows_is_read_aloud():
    rule = Entitlement(
        id="own",
        title=Text("Egna", "Own"),
        origin="x",
        who=EligibilityCriteria(memberships=(MembershipType.ENROLMENT,), school_forms=("GR",)),
        mode=EntitlementMode.PERSONAL,
        platforms=(Platform.CHROMEOS,),
        require=("supported", "encrypted"),
        target=0.985,
        units=("ekskolan",),
        valid_from=date(2026, 8, 1),
        valid_to=date(2027, 6, 30),
    )
    sentences = " ".join(policy_sentences.entitlement_sentences(rule, UNITS, EN)).replace("\u00a0", " ")

    assert "1 device of their own each. For children of grundskola." in sentences
    assert "Only ChromeOS. The device must be supported and be encrypted." in sentences
    assert "The target is 98.5%." in sentences
    assert "Only at Ekskolan. In force from 1 Aug 2026. In force until 30 Jun 2027." in sentences


def test_a_device_rule_is_read_aloud():
    rule = DeviceRule(
        when={"location": "Lager*", "platform": "ipados"}, purpose=Purpose.STOCK, unit="central", groups=("1A",)
    )

    assert policy_sentences.device_rule_sentence(rule, UNITS, SV) == (
        "När platsen är ”Lager*” och plattformen är ”ipados” ligger verktyget i lager, hör till Centralt och betjänar 1A."
    )
    assert policy_sentences.device_rule_sentence(
        DeviceRule(when={"name": "VRE-*"}, purpose=Purpose.IGNORE), UNITS, EN
    ) == ("When the name is “VRE-*”, the device is ignored.")
    assert policy_sentences.device_rule_sentence(
        DeviceRule(when={"name": "A&B"}, unit="ekskolan", groups=("1A",)), UNITS, EN
    ) == ("When the name is “A&amp;B”, the device belongs to Ekskolan and serves 1A.")


def test_what_sources_call_the_units_is_one_sentence_for_what_follows_one_another():
    assert policy_sentences.unit_map_sentences(
        [
            UnitMap(source="intune", field="location", pattern=pattern, unit="ekskolan")
            for pattern in ("Lager Ek", "Sal Ek")
        ],
        UNITS,
        SV,
    ) == ["Ekskolan: platsen i intune är ”Lager Ek” eller ”Sal Ek”."]


def test_silence_is_read_aloud():
    policy = msgspec.structs.replace(Policy(), staleness=Staleness(by_platform={"chromeos": 20}))
    sentences = " ".join(policy_sentences.staleness_sentences(policy, SV))

    assert "inom 15 skoldagar" in sentences
    assert "Efter 60 skoldagar" in sentences
    assert sentences.endswith("För ChromeOS: 20 skoldagar.")


@pytest.mark.parametrize(("days", "width", "most"), [(45, 72, 36), (45, 150, 45), (365, 720, 365), (2, 72, 2)])
def test_a_curve_has_no_more_points_than_can_be_told_apart(days, width, most):
    trend = [(e.TODAY - timedelta(days=back), 0.5 + back % 3 / 10) for back in range(days - 1, -1, -1)]
    drawn = trend_polyline(trend, (width, 18))
    assert drawn is not None
    points = [tuple(map(float, point.split(","))) for point in drawn["points"].split()]

    assert len(points) <= most
    assert len(points) >= most / 2
    assert (points[0][0], points[-1]) == (2.0, drawn["end"])
    assert points == sorted(points)
