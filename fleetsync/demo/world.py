"""The invented municipality Exempelby, built from a seed, and what each of its sources contains on a day.

The same seed always builds the same municipality, and reading a day changes nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import get_args

import msgspec

from fleetsync.demo.apple_rows import apple_listings
from fleetsync.demo.builder import WorldBuilder
from fleetsync.demo.days import SchoolDays
from fleetsync.demo.editions import (
    HEADCOUNT_DAYS,
    LEDGER_DAYS,
    LIST_DAYS,
    STAFF_FILE_DAYS,
    WHOLE_MUNICIPALITY_ON,
    WORKSHOP_DAYS,
    edition_on,
)
from fleetsync.demo.entra_rows import entra_users
from fleetsync.demo.google_rows import google_listings, google_time
from fleetsync.demo.intune_rows import apple_enrolment_rows, graph_time
from fleetsync.demo.jamf_pro_rows import jamf_pro_listings, with_contact
from fleetsync.demo.jamf_school_rows import is_pending, jamf_school_listings, jamf_school_time
from fleetsync.demo.model import DemoDevice, EmploymentContract, MdmName, SourceRow, StaffMember, SystemName
from fleetsync.demo.names import CANARY
from fleetsync.demo.oneroster_rows import oneroster_listings
from fleetsync.demo.preschool import PreschoolBuilder, add_children
from fleetsync.demo.pupil_cases import add_pupils
from fleetsync.demo.purchases import add_purchases, add_warranty_gaps
from fleetsync.demo.register import RegisterContents
from fleetsync.demo.rosters import RosterName, RosterPart, headcount_rows, members_of
from fleetsync.demo.school_years import ClassRegistry
from fleetsync.demo.shared_devices import add_shared_devices
from fleetsync.demo.staff import add_staff
from fleetsync.demo.units import school_days_of

FIRST_SCHOOL_NUMBER = 100_000  # beyond the numbers of the staff, so that none is given twice


class DemoWorld:
    """The municipality. *with_schools*: with pupils, children and their devices; without it there is only the staff.

    `case_counts` has the number of each special case. `canaries` has the texts that fleetsync may never store.
    """

    def __init__(self, seed: int = 1, *, with_schools: bool = False) -> None:
        self.seed = seed
        self.with_schools = with_schools
        self.builder = WorldBuilder(f"{seed}/staff")
        add_staff(self.builder)
        if with_schools:
            self.builder.merge(_build_schools(seed))
            add_warranty_gaps(self.builder)
        self._shown: SourceContents | None = None

    @cached_property
    def roster_parts(self) -> Mapping[RosterName, RosterPart]:
        """The pupils, children, classes and teachers that each roster knows."""
        return {roster: members_of(self.builder, roster) for roster in get_args(RosterName)}

    @property
    def case_counts(self) -> Mapping[str, int]:
        """How many there are of each special case."""
        return Counter(self.builder.case_counts)

    @property
    def canaries(self) -> tuple[str, ...]:
        """Texts about persons of whom nothing may be stored."""
        return (*self.builder.canaries, CANARY, CANARY.title())

    def contents_on(self, day: date) -> "SourceContents":
        """The content of every source on the morning of *day*."""
        contents = self._shown
        if contents is None or contents.day != day:
            # Cached, because every page of every listing reads the same day.
            contents = self._shown = SourceContents(world=self, day=day)
        return contents


def _build_schools(seed: int) -> WorldBuilder:
    builder = WorldBuilder(f"{seed}/schools", numbers_from=FIRST_SCHOOL_NUMBER)
    classes, preschools = ClassRegistry(builder.namer), PreschoolBuilder(builder)
    pupils = add_pupils(builder, classes, preschools)
    add_children(preschools)
    add_shared_devices(builder, pupils)
    add_purchases(builder)
    builder.classes += [*classes.all(), *preschools.departments.all]
    return builder


class SourceContents(msgspec.Struct, frozen=True, dict=True):
    """The content of all sources on one morning."""

    world: DemoWorld
    day: date

    @property
    def staff_file_day(self) -> date:
        """The day of the newest staff file."""
        return edition_on(STAFF_FILE_DAYS, self.day)

    @property
    def list_day(self) -> date:
        """The day of the partner's newest list of computers."""
        return edition_on(LIST_DAYS, self.day)

    @cached_property
    def employments(self) -> tuple[tuple[StaffMember, EmploymentContract], ...]:
        """The rows of the newest staff file."""
        newest = self.staff_file_day
        return tuple(
            (employee, job)
            for employee in self.world.builder.employees
            for job in employee.contracts
            if job.known <= newest
        )

    @property
    def is_whole_municipality(self) -> bool:
        """Whether the newest staff file is the one that covers the whole municipality by mistake."""
        return self.staff_file_day == WHOLE_MUNICIPALITY_ON

    @cached_property
    def register(self) -> RegisterContents:
        """All pupils and children, as a school register of the whole municipality would have them."""
        return RegisterContents(self.world.builder, self.day)

    @cached_property
    def school_register(self) -> RegisterContents:
        """The school register, which knows most of the units."""
        return RegisterContents(self.world.roster_parts["ss12000"], self.day)

    @cached_property
    def oneroster(self) -> Mapping[str, Sequence[SourceRow]]:
        """The rows of each listing of the register that speaks OneRoster."""
        return oneroster_listings(self.world.roster_parts["oneroster"], self.day)

    @cached_property
    def listed_children(self) -> RegisterContents:
        """The children in the newest list of a preschool."""
        return RegisterContents(self.world.roster_parts["children_list"], self.list_day)

    @property
    def headcount_day(self) -> date:
        """The day of the newest list of head counts."""
        return edition_on(HEADCOUNT_DAYS, self.day)

    @cached_property
    def headcounts(self) -> tuple[SourceRow, ...]:
        """The rows of the newest list of head counts."""
        return tuple(headcount_rows(self.world.roster_parts["headcount"], self.headcount_day))

    @cached_property
    def managed_devices(self) -> tuple[SourceRow, ...]:
        """All rows of Intune with the fields that the demo sets, ordered by name."""
        rows = (
            {
                **row,
                "enrolledDateTime": graph_time(device.enrolled_at),
                "lastSyncDateTime": graph_time(self._contact(device, "intune")),
            }
            for device, row in self._rows_of("intune", self.day)
        )
        return tuple(sorted(rows, key=lambda row: (str(row["deviceName"]), str(row["id"]))))

    def _rows_of(self, system: SystemName, day: date) -> Iterator[tuple[DemoDevice, SourceRow]]:
        """The devices that *system* has on *day*, with their rows."""
        for device in self.world.builder.devices:
            if (row := device.row_in(system, day)) is not None:
                yield device, row

    @cached_property
    def jamf_school(self) -> Mapping[str, Sequence[SourceRow]]:
        """The rows of each listing of Jamf School."""
        devices = tuple(
            {**row, "lastCheckin": jamf_school_time(None if is_pending(row) else self._contact(device, "jamf_school"))}
            for device, row in self._rows_of("jamf_school", self.day)
        )
        return jamf_school_listings(devices, self.register.learners, self.world.builder.classes, self.day)

    @cached_property
    def jamf_pro(self) -> Mapping[str, Sequence[SourceRow]]:
        """The rows of each resource of Jamf Pro."""
        return jamf_pro_listings(
            [
                with_contact(row, device.enrolled_at, self._contact(device, "jamf_pro"))
                for device, row in self._rows_of("jamf_pro", self.day)
            ]
        )

    @cached_property
    def google(self) -> Mapping[str, Sequence[SourceRow]]:
        """The rows of each listing of Google Admin."""
        return google_listings(
            [
                {
                    **row,
                    "lastEnrollmentTime": google_time(device.enrolled_at),
                    "lastSync": google_time(self._contact(device, "google")),
                }
                for device, row in self._rows_of("google", self.day)
            ]
        )

    @cached_property
    def apple(self) -> Mapping[str, Sequence[SourceRow]]:
        """The rows of each resource of Apple School Manager."""
        return apple_listings(self._apple_rows)

    @cached_property
    def _apple_rows(self) -> tuple[SourceRow, ...]:
        return tuple(row for _, row in self._rows_of("apple", self.day))

    @cached_property
    def apple_enrolments(self) -> tuple[SourceRow, ...]:
        """The devices that Apple hands over to Intune."""
        return tuple(apple_enrolment_rows(self._apple_rows))

    @cached_property
    def corporate_identifiers(self) -> tuple[SourceRow, ...]:
        """The computers that were entered in Intune by hand."""
        return tuple(row for _, row in self._rows_of("corporate", self.day))

    @cached_property
    def autopilot(self) -> tuple[SourceRow, ...]:
        """The rows of Autopilot."""
        return tuple(row for _, row in self._rows_of("autopilot", self.day))

    @cached_property
    def accounts(self) -> tuple[SourceRow, ...]:
        """The accounts of Entra ID."""
        return tuple(entra_users(self.world.builder.employees, self.day))

    def _contact(self, device: DemoDevice, mdm: MdmName) -> datetime | None:
        """When *device* was last in contact with *mdm*."""
        last = device.last_contact_by.get(mdm)
        return last_used(device, self.day if last is None else min(self.day, last + timedelta(days=1)))

    @cached_property
    def listed_computers(self) -> tuple[SourceRow, ...]:
        """The rows of the newest list of computers."""
        day, rows = self.list_day, []
        for device, row in self._rows_of("device_list", day):
            seen_at = last_used(device, day)
            rows.append({**row, "seen": seen_at.date() if seen_at else None})
        return tuple(rows)

    @property
    def ledger_day(self) -> date:
        """The day of the newest export of the ledger."""
        return edition_on(LEDGER_DAYS, self.day)

    @cached_property
    def purchases(self) -> tuple[SourceRow, ...]:
        """The devices in the newest export of the ledger."""
        return tuple(row for _, row in self._rows_of("ledger", self.ledger_day))

    @property
    def workshop_day(self) -> date:
        """The day of the workshop's newest list."""
        return edition_on(WORKSHOP_DAYS, self.day)

    @cached_property
    def workshop(self) -> tuple[SourceRow, ...]:
        """The rows of the workshop's newest list."""
        return tuple(
            {"serial": device.serial, **row} for device, row in self._rows_of("workshop_list", self.workshop_day)
        )


def last_used(device: DemoDevice, morning: date) -> datetime | None:
    """When *device* was last used before the *morning*, at a time that is the same day in all European zones."""
    days = school_days_of(device.unit)
    used = (_last_use(device, days, first, min(last, morning - timedelta(days=1))) for first, last in device.used)
    newest = max((day for day in used if day is not None), default=None)
    if newest is None:
        return None
    minute = sum(device.key.encode()) * 7 % 360
    at = datetime.combine(newest, time(7, 30), UTC) + timedelta(minutes=minute)
    return max(at, device.enrolled_at) if device.enrolled_at else at


def _last_use(device: DemoDevice, days: SchoolDays, first: date, last: date) -> date | None:
    """The last day of use in a span. A device is used on its first and last day, and every few school days between."""
    if last < first:
        return None
    if not device.use_interval:
        return max(first, last - timedelta(days=max(0, last.weekday() - 4)))
    newest = days.at_or_before(last)
    ends_here = any(span_first == first and span_last == last for span_first, span_last in device.used)
    if ends_here:
        return last
    for _ in range(device.use_interval):
        if days.index_of(newest) % device.use_interval == 0:
            break
        newest = days.at_or_before(newest - timedelta(days=1))
    return max(newest, first)
