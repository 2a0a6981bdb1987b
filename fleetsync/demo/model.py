"""Data types of the demo municipality: its people and devices, and the results that fleetsync should publish.

The two halves do not know each other. The rows of the sources are written from people and devices. The expected numbers
are added up from the `Expected…` types. Spans are inclusive at both ends.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

import msgspec

from fleetsync.core.model import Platform, Stage
from fleetsync.demo.days import OPEN_END, WORLD_BEGINS

SourceRow = Mapping[str, object]
MdmName = Literal["intune", "jamf_school", "jamf_pro", "google"]
SystemName = MdmName | Literal["device_list", "workshop_list", "autopilot", "corporate", "apple", "ledger"]
"""The systems that have rows of devices: MDMs, the partner's and the workshop's lists, and those that know what was bought."""
Observer = Literal["any", "early", "late"]
"""Which installations see a fact about a person whom the register deletes later.

`any`: all; `early`: those that first ran before the deletion; `late`: those that first ran after it.
"""


# --- people and devices -----------------------------------------------------------------------------------------------


class EmploymentContract(msgspec.Struct, frozen=True):
    """An employment in the personnel system. *known*: the day it was entered. *form*: the system's word for it."""

    unit: str
    form: str = "Tillsvidare"
    first: date = date(2019, 8, 12)
    last: date | None = None
    percent: int = 100
    leave: tuple[date, date] | None = None
    known: date = date(2019, 1, 1)


class StaffMember(msgspec.Struct, frozen=True):
    """An employee. *mark*: text in the column for protected identity.

    *further_logins*: log-ins beside the first. *aliases*: addresses that only the directory of accounts knows.
    """

    key: str
    number: str
    civic: str
    given: str
    family: str
    login: str
    contracts: tuple[EmploymentContract, ...]
    further_logins: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    mark: str = ""
    title: str = "Lärare"


class RegisterMembership(msgspec.Struct, frozen=True):
    """An enrolment or a placement in the school register. *known*, *end_known*: the days they were entered.

    *form*: the register's word for the school form. *has_year*: False where the year is missing. *id*, *group*: only of
    placements.
    """

    unit: str
    form: str
    first: date
    last: date | None = None
    known: date = date(2019, 1, 1)
    end_known: date = date(2019, 1, 1)
    has_year: bool = True
    id: str = ""
    group: str = ""


class SchoolClass(msgspec.Struct, frozen=True):
    """A class of one school year, or a department of a preschool."""

    id: str
    unit: str
    name: str
    first: date
    last: date | None
    known: date
    kind: str = "Klass"


class ClassMembership(msgspec.Struct, frozen=True):
    """The membership of a learner in a class."""

    group: str
    first: date
    last: date | None
    known: date


class Learner(msgspec.Struct, frozen=True):
    """A pupil or a child. *cohort*: the year of the förskoleklass. *logins*, *marks*: texts, each from a day on.

    *reference_marks*: marks that only references to the learner carry. *deleted*: the day the register deletes the
    learner.
    """

    key: str
    id: str
    cohort: int
    given: str
    family: str
    civic: str
    logins: tuple[tuple[date, str], ...] = ()
    enrolments: tuple[RegisterMembership, ...] = ()
    placements: tuple[RegisterMembership, ...] = ()
    classes: tuple[ClassMembership, ...] = ()
    marks: tuple[tuple[date, str], ...] = ()
    reference_marks: tuple[tuple[date, str], ...] = ()
    known: date = date(2019, 1, 1)
    deleted: date | None = None


class RowVersion(msgspec.Struct, frozen=True):
    """The row of a device in a source from *first* on; None: the source does not have the device."""

    first: date
    row: SourceRow | None


class DemoDevice(msgspec.Struct, frozen=True):
    """A device. *used*: spans in which it is used. *enrolled_at*: when it was enrolled in its MDM.

    *rows*: the versions of its row in each system that has or had it. *last_contact_by*: the last day of contact with an
    MDM that it has left.
    """

    key: str
    serial: str
    unit: str
    used: tuple[tuple[date, date], ...]
    use_interval: int = 1  # school days from one use to the next; 0: on every weekday, breaks included
    enrolled_at: datetime | None = None
    rows: Mapping[SystemName, tuple[RowVersion, ...]] = {}
    last_contact_by: Mapping[MdmName, date] = {}

    def row_in(self, system: SystemName, day: date) -> SourceRow | None:
        """Its row in *system* on *day*; None where the system does not have it."""
        versions = self.rows.get(system)
        return row_on(versions, day) if versions else None


def text_on(texts: tuple[tuple[date, str], ...], day: date) -> str:
    """The text that is valid on *day*; "" for none."""
    return next((text for first, text in reversed(texts) if first <= day), "")


def row_on(versions: tuple[RowVersion, ...], day: date) -> SourceRow | None:
    """The row that is valid on *day*; None for none."""
    rows = [version.row for version in versions if version.first <= day]
    return rows[-1] if rows else None


# --- expected results -------------------------------------------------------------------------------------------------


class ExpectedOwed(msgspec.Struct, frozen=True):
    """A person who is owed a device, is on leave, or is undecided (`counts_as`: entitled, on_leave, undecided).

    *decidable_from*: the day from which a source gives a log-in. *group*: the class whose set serves the person. *form*:
    the school form of a child, who is owed a share of a pool.
    """

    person: str
    unit: str
    entitlement: str = "staff"
    counts_as: str = "entitled"
    first: date = WORLD_BEGINS
    last: date = OPEN_END
    decidable_from: date = WORLD_BEGINS
    group: str = ""
    form: str = ""


class ExpectedSharing(msgspec.Struct, frozen=True):
    """A device that serves the classes of a set or, without *groups*, the pool of its unit."""

    device_key: str
    unit: str
    groups: tuple[str, ...] = ()
    first: date = WORLD_BEGINS
    last: date = OPEN_END


class ExpectedHolding(msgspec.Struct, frozen=True):
    """A device that is assigned to a person. *observed_by*: see `Observer`."""

    person: str
    device_key: str
    first: date = WORLD_BEGINS
    last: date = OPEN_END
    observed_by: Observer = "any"


class ExpectedPhase(msgspec.Struct, frozen=True):
    """The stage and unit of a device from *first* on. Stage None: the device is not counted."""

    first: date
    stage: Stage | None
    works: bool
    unit: str
    platform: Platform


class ExpectedStages(msgspec.Struct, frozen=True):
    """All phases of a device, in order."""

    device_key: str
    phases: tuple[ExpectedPhase, ...]

    def phase_on(self, day: date) -> ExpectedPhase | None:
        """The phase of the device on *day*; None before the first."""
        begun = [phase for phase in self.phases if phase.first <= day]
        return begun[-1] if begun else None


class ExpectedGap(msgspec.Struct, frozen=True):
    """A gap that is open from *first* to *last*.

    *outside_breaks*: it does not open during a break. *after*: school days from the first sight until it opens.
    *opens_next_day*: what the very first run finds opens on the next day, without waiting for *after*. *seen_by*: it
    becomes visible only with an edition of that list. *observed_by*: see `Observer`.
    """

    kind: str
    unit: str
    subject_key: str
    first: date = WORLD_BEGINS
    last: date = OPEN_END
    outside_breaks: bool = False
    after: int = 0
    opens_next_day: bool = False
    seen_by: Literal["any", "list", "workshop"] = "any"
    observed_by: Observer = "any"


class ExpectedAdjustment(msgspec.Struct, frozen=True):
    """An amount that a special case adds to an expected number, such as a cart that covers thirty pupils."""

    unit: str
    entitlement: str
    number: str
    amount: int
    first: date = WORLD_BEGINS
    last: date = OPEN_END
