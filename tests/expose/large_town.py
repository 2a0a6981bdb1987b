"""A municipality of many persons and units, so that tests can count what a page costs as it grows.

Everybody is staff with a device; most devices work, some have been silent, some have no log-in. Nothing is random.
"""

from datetime import date
from functools import cache

import msgspec

from fleetsync.core.coverage import build_context, reconcile
from fleetsync.core.model import BelievedState, EmploymentForm, MembershipType, Moment, Platform, Unit
from fleetsync.core.snapshot import Snapshot, build_snapshot
from tests.expose import example_page as e

TREES = ("Björk", "Ek", "Lind", "Alm", "Tall", "Gran", "Rönn", "Hassel", "Ask", "Asp")


def unit_at(place: int) -> Unit:
    """The unit at *place*: every third is a förskola, and every tenth is in trial."""
    tree, number = TREES[place % len(TREES)], place // len(TREES) + 1
    is_preschool = place % 3 == 0
    return Unit(
        slug=f"enhet-{place:03d}",
        name=f"Förskolan {tree}en {number}" if is_preschool else f"{tree}skolan {number}",
        codes=(f"k{place}",),
        school_forms=("FS",) if is_preschool else ("FKLASS", "GR"),
        published=place % 10 != 0,
    )


@cache
def large_snapshot(people: int, units: int) -> Snapshot:
    """*people* persons with a device each, spread over *units* units, of which the fifth, tenth … have the most short."""
    records = e.PageRecords()
    places = tuple(unit_at(place) for place in range(units))
    for number in range(people):
        place, who, login = number % units, f"p{number}", f"person{number}@exempelby.se"
        records.person("personec", "staff", who, login)
        records.add_membership(
            "personec",
            "staff",
            who,
            MembershipType.EMPLOYMENT,
            codes=(f"k{place}",),
            employment_form=EmploymentForm.PERMANENT,
            start=date(2020, 8, 1),
        )
        is_short = number // units % 10 < place % 5
        records.device(
            "intune",
            Platform.WINDOWS,
            f"ThinkPad L13 Gen {number % 4 + 1}",
            login=None if is_short and number % 2 else login,
            silent=40.0 if is_short else 0.3 + number % 5,
        )
    policy = msgspec.structs.replace(e.POLICY, units=places, unit_maps=(), device_rules=())
    believed = BelievedState(known=tuple(records.known), parts=e.parts())
    outcome = reconcile(believed, policy, e.CALENDARS, Moment(e.at(0.01), e.TODAY))
    return build_snapshot(outcome, build_context(believed, policy, e.CALENDARS, outcome.moment))
