"""The children of the five preschools, and those of them who are planted.

Of each age 180 have a place, and go on to förskoleklass with everybody else. All their texts carry canaries: of a
child nothing is kept that says who it is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta

import msgspec

from fleetsync.core.model import UNPLACED
from fleetsync.demo.builder import WorldBuilder
from fleetsync.demo.days import OPEN_END, WORLD_BEGINS
from fleetsync.demo.model import ExpectedOwed, Learner, RegisterMembership, SchoolClass
from fleetsync.demo.names import Namer
from fleetsync.demo.school_years import LAST_COHORT, PROTECTION_MARKS, YEARS, counting_span
from fleetsync.demo.units import PRESCHOOL_UNITS

PRESCHOOL_YEARS = 5  # years in preschool
PLACES_PER_COHORT = {"gasslan": 46, "fagelboet": 40, "skogsgarden": 36, "aspangen": 32, "sjostjarnan": 26}
DEPARTMENTS = ("Blåbäret", "Hjortronet", "Lingonet", "Odonet")
NEWLY_MARKED_ON = date(2026, 11, 2)
STARTED_ON, LEFT_ON = date(2026, 10, 5), date(2026, 10, 9)
MOVED_ON = date(2026, 1, 12)
_ALWAYS = date(2019, 1, 1)


class PreschoolDepartments:
    """The departments of the preschools."""

    def __init__(self, namer: Namer) -> None:
        self.all = tuple(
            SchoolClass(namer.uuid(), place.slug, name, _ALWAYS, None, _ALWAYS, "Avdelning")
            for place in PRESCHOOL_UNITS
            for name in DEPARTMENTS
        )

    def of(self, unit: str, number: int) -> str:
        """The id of a department of *unit*."""
        ids = [one.id for one in self.all if one.unit == unit]
        return ids[number % len(ids)]


class PreschoolBuilder:
    """Gives children their places in preschool, cohort by cohort."""

    def __init__(self, builder: WorldBuilder) -> None:
        self.builder = builder
        self.departments = PreschoolDepartments(builder.namer)
        self._units = [unit for unit, places in PLACES_PER_COHORT.items() for _ in range(places)]

    @property
    def places(self) -> int:
        """How many of each cohort have one."""
        return len(self._units)

    def unit(self, nth: int) -> str | None:
        """Where the *nth* of a cohort goes; None for one who goes to nobody's of ours."""
        return self._units[nth] if nth < len(self._units) else None

    def place(self, cohort: int, unit: str, nth: int, **changes: object) -> RegisterMembership:
        """A place from the August in which the child is one until the July before förskoleklass."""
        first, last = date(cohort - PRESCHOOL_YEARS, 8, 10), date(cohort, 7, 31)
        stay = RegisterMembership(
            unit, "FS", first, last, known=first - timedelta(days=90), id=self.builder.namer.uuid()
        )
        placed = msgspec.structs.replace(stay, group=self.departments.of(unit, nth))
        return msgspec.structs.replace(placed, **changes)

    def add_expected_owed(
        self, person: str, cohort: int, unit: str, first: date = WORLD_BEGINS, last: date = OPEN_END
    ) -> None:
        """The child counts at *unit* while it is of the age, from *first* to *last*."""
        for year in YEARS:
            begins, ends = counting_span(year)
            begins, ends = max(begins, first), min(ends, last)
            if 1 <= cohort - year <= PRESCHOOL_YEARS and begins <= ends:
                self.builder.expected_owed.append(
                    ExpectedOwed(person, unit, "preschool", first=begins, last=ends, form="FS")
                )

    def child(self, cohort: int, nth: int, placements: Sequence[RegisterMembership], **changes: object) -> Learner:
        """A child in the register."""
        hidden = self.builder.namer.canary_name()
        made = Learner(
            key=f"child-{cohort}-{nth:03}",
            id=self.builder.namer.uuid(),
            cohort=cohort,
            given=hidden.given,
            family=hidden.family,
            civic=self.builder.namer.civic(cohort - 6, cohort - 6),
            placements=tuple(placements),
            known=min(stay.known for stay in placements),
        )
        learner = msgspec.structs.replace(made, **changes)
        self.builder.learners.append(learner)
        self.builder.canaries += [hidden.given, learner.civic]
        return learner


# ------------------------------------------------------------------------------------------------------ the planted ones

ChildCaseMaker = Callable[[PreschoolBuilder, int, int, str], None]


def _ordinary(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    child = preschools.child(cohort, nth, [preschools.place(cohort, unit, nth)])
    preschools.add_expected_owed(child.key, cohort, unit)


def _protected(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    mark = (_ALWAYS, PROTECTION_MARKS[nth % len(PROTECTION_MARKS)])
    child = preschools.child(cohort, nth, [preschools.place(cohort, unit, nth)], marks=(mark,))
    preschools.add_expected_owed(child.key, cohort, UNPLACED)


def _newly_marked(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    """Marked by a reference alone, in the placement that comes on the very last page."""
    stay = preschools.place(cohort, unit, nth, id="ffffffff-ffff-4fff-bfff-ffffffffffff")
    child = preschools.child(cohort, nth, [stay], reference_marks=((NEWLY_MARKED_ON, "Sekretessmarkering"),))
    preschools.add_expected_owed(child.key, cohort, unit, last=NEWLY_MARKED_ON - timedelta(days=1))
    preschools.add_expected_owed(child.key, cohort, UNPLACED, first=NEWLY_MARKED_ON)


def _starts(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    stay = preschools.place(cohort, unit, nth, first=STARTED_ON, known=STARTED_ON - timedelta(days=14))
    preschools.add_expected_owed(preschools.child(cohort, nth, [stay]).key, cohort, unit, first=STARTED_ON)


def _leaves(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    stay = preschools.place(cohort, unit, nth, last=LEFT_ON, end_known=LEFT_ON - timedelta(days=14))
    preschools.add_expected_owed(preschools.child(cohort, nth, [stay]).key, cohort, unit, last=LEFT_ON)


def _at_two(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    """Lives at two places and has two places; the one that began later counts, once."""
    other = next(place.slug for place in PRESCHOOL_UNITS if place.slug != unit)
    second = preschools.place(cohort, other, nth, first=MOVED_ON, known=MOVED_ON - timedelta(days=14))
    child = preschools.child(cohort, nth, [preschools.place(cohort, unit, nth), second])
    preschools.add_expected_owed(child.key, cohort, unit, last=MOVED_ON - timedelta(days=1))
    preschools.add_expected_owed(child.key, cohort, other, first=MOVED_ON)


# The cohort in which they are, which is three years old in 2026/27, and how many; those who start come on top.
PLANTED_COHORT = 2029
_CHILD_CASES: tuple[tuple[str, int, ChildCaseMaker], ...] = (
    ("child_protected", 5, _protected),
    ("child_newly_marked", 1, _newly_marked),
    ("child_leaves", 6, _leaves),
    ("child_at_two_preschools", 3, _at_two),
)
NEW_CHILDREN, NEW_CHILDREN_UNIT = 8, "gasslan"


def _child_case_makers() -> Iterator[tuple[str, ChildCaseMaker]]:
    for name, number, make in _CHILD_CASES:
        for _ in range(number):
            yield name, make


def add_children(preschools: PreschoolBuilder) -> None:
    """The children who are too young for förskoleklass in all of the world's years."""
    for cohort in range(LAST_COHORT + 1, LAST_COHORT + 1 + PRESCHOOL_YEARS):
        _add_cohort(preschools, cohort, list(_child_case_makers()) if cohort == PLANTED_COHORT else [])
    for number in range(NEW_CHILDREN):
        _starts(preschools, PLANTED_COHORT, preschools.places + number, NEW_CHILDREN_UNIT)
        preschools.builder.case_counts["child_starts"] += 1


def _add_cohort(preschools: PreschoolBuilder, cohort: int, planted: Iterable[tuple[str, ChildCaseMaker]]) -> None:
    # Spread over the preschools: every twelfth is somebody out of the ordinary.
    waiting = dict(zip(range(0, preschools.places, 12), planted, strict=False))
    for nth in range(preschools.places):
        unit = preschools.unit(nth)
        assert unit is not None, "nth is one of those who have a place"
        name, make = waiting.get(nth, ("", _ordinary))
        make(preschools, cohort, nth, unit)
        if name:
            preschools.builder.case_counts[name] += 1
