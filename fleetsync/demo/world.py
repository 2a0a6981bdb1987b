"""Exempelby: an invented municipality, whole, from one seed. What each source says on a day follows from it.

A world is a value: the same seed makes the same world, and asking it about a day changes nothing.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

import msgspec

from fleetsync.demo.builder import WorldBuilder
from fleetsync.demo.days import SchoolDays
from fleetsync.demo.editions import LIST_DAYS, STAFF_FILE_DAYS, WHOLE_MUNICIPALITY_ON, WORKSHOP_DAYS, edition_on
from fleetsync.demo.model import DemoDevice, EmploymentContract, SourceRow, StaffMember, row_on
from fleetsync.demo.names import CANARY
from fleetsync.demo.preschool import PreschoolBuilder, add_children
from fleetsync.demo.pupil_cases import add_pupils
from fleetsync.demo.register import RegisterContents
from fleetsync.demo.school_years import ClassRegistry
from fleetsync.demo.shared_devices import add_shared_devices
from fleetsync.demo.staff import add_staff
from fleetsync.demo.units import school_days_of

FIRST_SCHOOL_NUMBER = 100_000  # so that no number or serial is given twice
NEVER = "0001-01-01T00:00:00Z"  # as Graph writes it


class DemoWorld:
    """The municipality. What was planted, and in which numbers, is `case_counts`; no canary may ever get through.

    *with_schools*: with its pupils and children, and all devices that are theirs; without, with the staff alone.
    """

    def __init__(self, seed: int = 1, *, with_schools: bool = False) -> None:
        self.seed = seed
        self.with_schools = with_schools
        self.builder = WorldBuilder(f"{seed}/staff")
        add_staff(self.builder)
        if with_schools:
            self.builder.merge(_build_schools(seed))
        self._shown: SourceContents | None = None

    @property
    def case_counts(self) -> Mapping[str, int]:
        """How many of each case there are."""
        return Counter(self.builder.case_counts)

    @property
    def canaries(self) -> tuple[str, ...]:
        """Texts of people of whom nothing may be kept."""
        return (*self.builder.canaries, CANARY, CANARY.title())

    def contents_on(self, day: date) -> "SourceContents":
        """What every source says on the morning of *day*."""
        shown = self._shown
        if shown is None or shown.day != day:
            # Every page of every listing asks for the same day.
            shown = self._shown = SourceContents(world=self, day=day)
        return shown


def _build_schools(seed: int) -> WorldBuilder:
    builder = WorldBuilder(f"{seed}/schools", numbers_from=FIRST_SCHOOL_NUMBER)
    classes, preschools = ClassRegistry(builder.namer), PreschoolBuilder(builder)
    desk = add_pupils(builder, classes, preschools)
    add_children(preschools)
    add_shared_devices(builder, desk)
    builder.classes += [*classes.all(), *preschools.departments.all]
    return builder


class SourceContents(msgspec.Struct, frozen=True, dict=True):
    """One morning of Exempelby, as its sources tell it."""

    world: DemoWorld
    day: date

    @property
    def staff_file_day(self) -> date:
        """The day that the newest staff file speaks for."""
        return edition_on(STAFF_FILE_DAYS, self.day)

    @property
    def list_day(self) -> date:
        """The day that the newest list of computers speaks for."""
        return edition_on(LIST_DAYS, self.day)

    @cached_property
    def employments(self) -> tuple[tuple[StaffMember, EmploymentContract], ...]:
        """The rows of the newest staff file."""
        newest = self.staff_file_day
        return tuple((who, job) for who in self.world.builder.employees for job in who.contracts if job.known <= newest)

    @property
    def is_whole_municipality(self) -> bool:
        """Whether the newest staff file is the one that was exported for the whole municipality."""
        return self.staff_file_day == WHOLE_MUNICIPALITY_ON

    @cached_property
    def register(self) -> RegisterContents:
        """The school register."""
        return RegisterContents(self.world.builder, self.day)

    @cached_property
    def managed_devices(self) -> tuple[SourceRow, ...]:
        """All rows of Intune, with every field that Graph would have for them, in the order of names."""
        rows = (self._managed(thing) for thing in self.world.builder.devices if thing.intune_versions)
        return tuple(
            sorted((row for row in rows if row is not None), key=lambda row: (str(row["deviceName"]), str(row["id"])))
        )

    def _managed(self, thing: DemoDevice) -> SourceRow | None:
        row = row_on(thing.intune_versions, self.day)
        if row is None:
            return None
        seen_at = last_used(thing, self.day)
        return {
            **row,
            "enrolledDateTime": _graph_time(thing.enrolled_at),
            "lastSyncDateTime": _graph_time(seen_at),
        }

    @cached_property
    def listed_computers(self) -> tuple[SourceRow, ...]:
        """The rows of the newest list of computers."""
        day = self.list_day
        rows = []
        for thing in self.world.builder.devices:
            if (row := row_on(thing.list_versions, day)) is not None:
                seen_at = last_used(thing, day)
                rows.append({**row, "seen": seen_at.date() if seen_at else None})
        return tuple(rows)

    @property
    def workshop_day(self) -> date:
        """The day that the workshop's newest list speaks for."""
        return edition_on(WORKSHOP_DAYS, self.day)

    @cached_property
    def workshop(self) -> tuple[SourceRow, ...]:
        """The rows of the workshop's newest list."""
        day = self.workshop_day
        said = (
            (thing, row_on(thing.workshop_versions, day))
            for thing in self.world.builder.devices
            if thing.workshop_versions
        )
        return tuple({"serial": thing.serial, **row} for thing, row in said if row is not None)


def last_used(thing: DemoDevice, morning: date) -> datetime | None:
    """When *thing* was last switched on before the *morning*; at a time of the working day, so that zones agree."""
    days = school_days_of(thing.unit)
    used = (_last_use(thing, days, first, min(last, morning - timedelta(days=1))) for first, last in thing.used)
    newest = max((day for day in used if day is not None), default=None)
    if newest is None:
        return None
    minute = sum(thing.key.encode()) * 7 % 360
    at = datetime.combine(newest, time(7, 30), UTC) + timedelta(minutes=minute)
    return max(at, thing.enrolled_at) if thing.enrolled_at else at


def _last_use(thing: DemoDevice, days: SchoolDays, first: date, last: date) -> date | None:
    """The last day of use in a span: its first and its last day, and every so many school days between."""
    if last < first:
        return None
    if not thing.use_interval:
        return max(first, last - timedelta(days=max(0, last.weekday() - 4)))
    newest = days.at_or_before(last)
    ends_here = any(span_first == first and span_last == last for span_first, span_last in thing.used)
    if ends_here:
        return last
    for _ in range(thing.use_interval):
        if days.index_of(newest) % thing.use_interval == 0:
            break
        newest = days.at_or_before(newest - timedelta(days=1))
    return max(newest, first)


def _graph_time(at: datetime | None) -> str:
    return NEVER if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
