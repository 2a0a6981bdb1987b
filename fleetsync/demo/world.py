"""Exempelby: an invented municipality, whole, from one seed. What each source says on a day follows from it.

A world is a value: the same seed makes the same world, and asking it about a day changes nothing.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

import msgspec

from fleetsync.demo.days import SchoolDays
from fleetsync.demo.editions import LIST_DAYS, STAFF_FILE_DAYS, WHOLE_MUNICIPALITY_ON, WORKSHOP_DAYS, edition_on
from fleetsync.demo.fleet import plant_fleet
from fleetsync.demo.making import Making
from fleetsync.demo.names import CANARY
from fleetsync.demo.nouns import Employee, Job, Row, Thing, current
from fleetsync.demo.places import days_at
from fleetsync.demo.planted_pupils import plant_pupils
from fleetsync.demo.preschool import Nursery, plant_children
from fleetsync.demo.register import Register
from fleetsync.demo.school_years import Classes
from fleetsync.demo.staff import plant_staff

SCHOOLS_COUNT_FROM = 100_000  # so that no number or serial is given twice
NEVER = "0001-01-01T00:00:00Z"  # as Graph writes it


class Exempelby:
    """The municipality. What was planted, and in which numbers, is `planted`; no canary may ever get through.

    *with_schools*: with its pupils and children, and all devices that are theirs; without, with the staff alone.
    """

    def __init__(self, seed: int = 1, *, with_schools: bool = False) -> None:
        self.seed = seed
        self.with_schools = with_schools
        self.made = Making(f"{seed}/staff")
        plant_staff(self.made)
        if with_schools:
            self.made.take(_schools(seed))
        self._shown: Showing | None = None

    @property
    def planted(self) -> Mapping[str, int]:
        """How many of each case there are."""
        return Counter(self.made.planted)

    @property
    def canaries(self) -> tuple[str, ...]:
        """Texts of people of whom nothing may be kept."""
        return (*self.made.canaries, CANARY, CANARY.title())

    def at(self, day: date) -> "Showing":
        """What every source says on the morning of *day*."""
        shown = self._shown
        if shown is None or shown.day != day:
            # Every page of every listing asks for the same day.
            shown = self._shown = Showing(world=self, day=day)
        return shown


def _schools(seed: int) -> Making:
    m = Making(f"{seed}/schools", numbers_from=SCHOOLS_COUNT_FROM)
    classes, nursery = Classes(m.namer), Nursery(m)
    desk = plant_pupils(m, classes, nursery)
    plant_children(nursery)
    plant_fleet(m, desk)
    m.classes += [*classes.all(), *nursery.departments.all]
    return m


class Showing(msgspec.Struct, frozen=True, dict=True):
    """One morning of Exempelby, as its sources tell it."""

    world: Exempelby
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
    def employments(self) -> tuple[tuple[Employee, Job], ...]:
        """The rows of the newest staff file."""
        newest = self.staff_file_day
        return tuple((who, job) for who in self.world.made.employees for job in who.jobs if job.known <= newest)

    @property
    def is_for_all(self) -> bool:
        """Whether the newest staff file is the one that was exported for the whole municipality."""
        return self.staff_file_day == WHOLE_MUNICIPALITY_ON

    @cached_property
    def register(self) -> Register:
        """The school register."""
        return Register(self.world.made, self.day)

    @cached_property
    def managed_devices(self) -> tuple[Row, ...]:
        """All rows of Intune, with every field that Graph would have for them, in the order of names."""
        rows = (self._managed(thing) for thing in self.world.made.things if thing.intune)
        return tuple(
            sorted((row for row in rows if row is not None), key=lambda row: (str(row["deviceName"]), str(row["id"])))
        )

    def _managed(self, thing: Thing) -> Row | None:
        row = current(thing.intune, self.day)
        if row is None:
            return None
        seen_at = last_used(thing, self.day)
        return {
            **row,
            "enrolledDateTime": _graph_time(thing.enrolled_at),
            "lastSyncDateTime": _graph_time(seen_at),
        }

    @cached_property
    def listed_computers(self) -> tuple[Row, ...]:
        """The rows of the newest list of computers."""
        day = self.list_day
        rows = []
        for thing in self.world.made.things:
            if (row := current(thing.listed, day)) is not None:
                seen_at = last_used(thing, day)
                rows.append({**row, "seen": seen_at.date() if seen_at else None})
        return tuple(rows)

    @property
    def workshop_day(self) -> date:
        """The day that the workshop's newest list speaks for."""
        return edition_on(WORKSHOP_DAYS, self.day)

    @cached_property
    def workshop(self) -> tuple[Row, ...]:
        """The rows of the workshop's newest list."""
        day = self.workshop_day
        said = ((thing, current(thing.repaired, day)) for thing in self.world.made.things if thing.repaired)
        return tuple({"serial": thing.serial, **row} for thing, row in said if row is not None)


def last_used(thing: Thing, morning: date) -> datetime | None:
    """When *thing* was last switched on before the *morning*; at a time of the working day, so that zones agree."""
    days = days_at(thing.unit)
    used = (_last_use(thing, days, first, min(last, morning - timedelta(days=1))) for first, last in thing.used)
    newest = max((day for day in used if day is not None), default=None)
    if newest is None:
        return None
    minute = sum(thing.key.encode()) * 7 % 360
    at = datetime.combine(newest, time(7, 30), UTC) + timedelta(minutes=minute)
    return max(at, thing.enrolled_at) if thing.enrolled_at else at


def _last_use(thing: Thing, days: SchoolDays, first: date, last: date) -> date | None:
    """The last day of use in a span: its first and its last day, and every so many school days between."""
    if last < first:
        return None
    if not thing.every:
        return max(first, last - timedelta(days=max(0, last.weekday() - 4)))
    newest = days.at_or_before(last)
    ends_here = any(span_first == first and span_last == last for span_first, span_last in thing.used)
    if ends_here:
        return last
    for _ in range(thing.every):
        if days.index_of(newest) % thing.every == 0:
            break
        newest = days.at_or_before(newest - timedelta(days=1))
    return max(newest, first)


def _graph_time(at: datetime | None) -> str:
    return NEVER if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
