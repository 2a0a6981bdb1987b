"""The children of the five preschools, with the special cases among them.

Each age has 180 children in preschool, who go on to förskoleklass with the others. All their texts contain the canary,
because nothing that identifies a child may be stored.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta

import msgspec

from fleetsync.core.model import UNPLACED
from fleetsync.demo.builder import WorldBuilder
from fleetsync.demo.days import OPEN_END, WORLD_BEGINS, YEARS
from fleetsync.demo.model import ExpectedOwed, Learner, RegisterMembership, SchoolClass
from fleetsync.demo.names import Namer
from fleetsync.demo.rosters import counted_until
from fleetsync.demo.school_years import LAST_COHORT, PROTECTION_MARKS, counting_span
from fleetsync.demo.start_year import same_weekday
from fleetsync.demo.units import PRESCHOOL_UNITS

PRESCHOOL_YEARS = 5  # years that a child spends in preschool
PLACES_PER_COHORT = {"gasslan": 46, "fagelboet": 40, "skogsgarden": 36, "aspangen": 32, "sjostjarnan": 26}
DEPARTMENTS = ("Blåbäret", "Hjortronet", "Lingonet", "Odonet")
NEWLY_MARKED_ON = same_weekday(2026, 11, 2)
STARTED_ON, LEFT_ON = same_weekday(2026, 10, 5), same_weekday(2026, 10, 9)
MOVED_ON = same_weekday(2026, 1, 12)
_ALWAYS = date(2019, 1, 1)


class PreschoolDepartments:
    """The departments of the preschools."""

    def __init__(self, namer: Namer) -> None:
        self.all = tuple(
            SchoolClass(namer.uuid(), demo_unit.slug, name, _ALWAYS, None, _ALWAYS, "Avdelning")
            for demo_unit in PRESCHOOL_UNITS
            for name in DEPARTMENTS
        )

    def of(self, unit: str, number: int) -> str:
        """The id of a department of *unit*."""
        ids = [department.id for department in self.all if department.unit == unit]
        return ids[number % len(ids)]


class PreschoolBuilder:
    """Builds children with their preschool placements, cohort by cohort."""

    def __init__(self, builder: WorldBuilder) -> None:
        self.builder = builder
        self.departments = PreschoolDepartments(builder.namer)
        self._units = [unit for unit, places in PLACES_PER_COHORT.items() for _ in range(places)]

    @property
    def places(self) -> int:
        """How many children of each cohort are in preschool."""
        return len(self._units)

    def unit(self, nth: int) -> str | None:
        """The preschool of the *nth* child of a cohort. None for a child outside of the municipality's preschools."""
        return self._units[nth] if nth < len(self._units) else None

    def placement(self, cohort: int, unit: str, nth: int, **changes: object) -> RegisterMembership:
        """A placement from the August in which the child is one year old to the July before förskoleklass."""
        first, last = date(cohort - PRESCHOOL_YEARS, 8, 10), date(cohort, 7, 31)
        placement = RegisterMembership(
            unit, "FS", first, last, known=first - timedelta(days=90), id=self.builder.namer.uuid()
        )
        placed = msgspec.structs.replace(placement, group=self.departments.of(unit, nth))
        return msgspec.structs.replace(placed, **changes)

    def add_expected_owed(
        self, person: str, cohort: int, unit: str, first: date = WORLD_BEGINS, last: date = OPEN_END
    ) -> None:
        """Expects that the child counts at *unit* while it is of preschool age, from *first* to *last*."""
        for year in YEARS:
            begins, ends = counting_span(year)
            begins, ends = max(begins, first), min(ends, last)
            if 1 <= cohort - year <= PRESCHOOL_YEARS and begins <= ends:
                self.builder.expected_owed.append(
                    ExpectedOwed(person, unit, "preschool", first=begins, last=ends, form="FS")
                )

    def add_child(self, cohort: int, nth: int, placements: Sequence[RegisterMembership], **changes: object) -> Learner:
        """Adds a child to the register."""
        name = self.builder.namer.canary_name()
        child = Learner(
            key=f"child-{cohort}-{nth:03}",
            id=self.builder.namer.uuid(),
            cohort=cohort,
            given=name.given,
            family=name.family,
            civic=self.builder.namer.civic(cohort - 6, cohort - 6),
            placements=tuple(placements),
            known=min(placement.known for placement in placements),
        )
        learner = msgspec.structs.replace(child, **changes)
        self.builder.learners.append(learner)
        self.builder.canaries += [name.given, learner.civic]
        return learner


# --- special cases ----------------------------------------------------------------------------------------------------

ChildCaseMaker = Callable[[PreschoolBuilder, int, int, str], None]


def _ordinary(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    child = preschools.add_child(cohort, nth, [preschools.placement(cohort, unit, nth)])
    preschools.add_expected_owed(child.key, cohort, unit)


def _protected(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    mark = (_ALWAYS, PROTECTION_MARKS[nth % len(PROTECTION_MARKS)])
    child = preschools.add_child(cohort, nth, [preschools.placement(cohort, unit, nth)], marks=(mark,))
    preschools.add_expected_owed(child.key, cohort, UNPLACED)


def _newly_marked(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    """The mark is only in a reference: that of the placement on the last page."""
    placement = preschools.placement(cohort, unit, nth, id="ffffffff-ffff-4fff-bfff-ffffffffffff")
    child = preschools.add_child(cohort, nth, [placement], reference_marks=((NEWLY_MARKED_ON, "Sekretessmarkering"),))
    preschools.add_expected_owed(child.key, cohort, unit, last=NEWLY_MARKED_ON - timedelta(days=1))
    preschools.add_expected_owed(child.key, cohort, UNPLACED, first=NEWLY_MARKED_ON)


def _starts(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    placement = preschools.placement(cohort, unit, nth, first=STARTED_ON, known=STARTED_ON - timedelta(days=14))
    preschools.add_expected_owed(preschools.add_child(cohort, nth, [placement]).key, cohort, unit, first=STARTED_ON)


def _leaves(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    placement = preschools.placement(cohort, unit, nth, last=LEFT_ON, end_known=LEFT_ON - timedelta(days=14))
    preschools.add_expected_owed(preschools.add_child(cohort, nth, [placement]).key, cohort, unit, last=LEFT_ON)


def _at_two(preschools: PreschoolBuilder, cohort: int, nth: int, unit: str) -> None:
    """A child with two placements. Only the one that began later counts."""
    other = next(demo_unit.slug for demo_unit in PRESCHOOL_UNITS if demo_unit.slug != unit)
    second = preschools.placement(cohort, other, nth, first=MOVED_ON, known=MOVED_ON - timedelta(days=14))
    child = preschools.add_child(cohort, nth, [preschools.placement(cohort, unit, nth), second])
    preschools.add_expected_owed(child.key, cohort, unit, last=counted_until(unit, MOVED_ON))
    preschools.add_expected_owed(child.key, cohort, other, first=MOVED_ON)


# The cohort of the special cases, three years old in 2026/27. Children who start late are additional.
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
    """Adds the children who are too young for förskoleklass in all years of the demo."""
    for cohort in range(LAST_COHORT + 1, LAST_COHORT + 1 + PRESCHOOL_YEARS):
        _add_cohort(preschools, cohort, list(_child_case_makers()) if cohort == PLANTED_COHORT else [])
    for number in range(NEW_CHILDREN):
        _starts(preschools, PLANTED_COHORT, preschools.places + number, NEW_CHILDREN_UNIT)
        preschools.builder.case_counts["child_starts"] += 1


def _add_cohort(preschools: PreschoolBuilder, cohort: int, cases: Iterable[tuple[str, ChildCaseMaker]]) -> None:
    # Spread over the preschools: every twelfth child is a special case.
    case_by_number = dict(zip(range(0, preschools.places, 12), cases, strict=False))
    for nth in range(preschools.places):
        unit = preschools.unit(nth)
        assert unit is not None, "nth is below the number of places"
        name, make = case_by_number.get(nth, ("", _ordinary))
        make(preschools, cohort, nth, unit)
        if name:
            preschools.builder.case_counts[name] += 1
