"""What another policy changes is counted per unit and rule, and what stays is left out."""

from datetime import UTC, date, datetime
from typing import Any

from fleetsync.core.coverage import policy_effect
from fleetsync.core.model import (
    Assignment,
    CoverageDay,
    CoveredBy,
    Moment,
    Outcome,
    OwedDevices,
    Subject,
    Text,
)

DAY = date(2026, 11, 24)
WHY = Text("därför", "because")


def outcome(**result: Any) -> Outcome:
    return Outcome(moment=Moment(datetime(2026, 11, 24, 6, tzinfo=UTC), DAY), **result)


def numbers(unit: str, entitlement: str, **counts: int) -> CoverageDay:
    return CoverageDay(day=DAY, unit=unit, entitlement=entitlement, **{"entitled": 0, **counts})


def owed(person: str, unit: str = "ekskolan", entitlement: str = "pupils") -> OwedDevices:
    return OwedDevices(
        entitlement=entitlement, subject=Subject.PERSON, subject_id=person, unit=unit, count=1, reason=WHY
    )


def pool(heads: int) -> OwedDevices:
    return OwedDevices(
        entitlement="preschool",
        subject=Subject.POOL,
        subject_id="pool",
        unit="tallen",
        count=-(-heads // 5),
        heads=heads,
        reason=WHY,
    )


def serving(device: str) -> Assignment:
    return Assignment(
        device=device,
        by=CoveredBy.OWN,
        entitlement="pupils",
        subject_id="p1",
        unit="ekskolan",
        works=True,
        reason=WHY,
    )


def test_people_and_devices_are_counted_in_both_directions() -> None:
    before = outcome(
        coverage=(numbers("ekskolan", "pupils", entitled=2, covered_own=1),),
        owed=(owed("p1"), owed("p2")),
        assignments=(serving("d1"),),
    )
    after = outcome(
        coverage=(numbers("ekskolan", "pupils", entitled=2, covered_own=2),),
        owed=(owed("p2"), owed("p3")),
        assignments=(serving("d2"), serving("d3")),
    )

    (effect,) = policy_effect(before, after)

    assert (effect.unit, effect.entitlement) == ("ekskolan", "pupils")
    assert (effect.people_gained, effect.people_lost) == (1, 1)
    assert (effect.devices_gained, effect.devices_lost) == (2, 1)
    assert effect.before == before.coverage[0]
    assert effect.after == after.coverage[0]


def test_a_withdrawn_rule_loses_everybody_it_owed() -> None:
    before = outcome(coverage=(numbers("ekskolan", "pupils", entitled=1),), owed=(owed("p1"),))

    (effect,) = policy_effect(before, outcome())

    assert effect.after is None
    assert effect.people_lost == 1
    (back,) = policy_effect(outcome(), before)
    assert (back.before, back.people_gained) == (None, 1)


def test_children_of_a_pool_are_counted_as_heads() -> None:
    before = outcome(coverage=(numbers("tallen", "preschool", entitled=2),), owed=(pool(10),))
    after = outcome(coverage=(numbers("tallen", "preschool", entitled=3),), owed=(pool(13),))

    assert [(effect.people_gained, effect.people_lost) for effect in policy_effect(before, after)] == [(3, 0)]
    assert [(effect.people_gained, effect.people_lost) for effect in policy_effect(after, before)] == [(0, 3)]


def test_what_is_left_over_is_no_change_and_what_becomes_uncertain_is() -> None:
    before = outcome(coverage=(numbers("ekskolan", "pupils", surplus=1), numbers("ekskolan", "staff", entitled=1)))
    after = outcome(
        coverage=(numbers("ekskolan", "pupils", surplus=9), numbers("ekskolan", "staff", entitled=1, unknown=1))
    )

    assert [effect.entitlement for effect in policy_effect(before, after)] == ["staff"]
