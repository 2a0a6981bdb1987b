"""What the world of Exempelby is made of, and what is known to be true of it because it was made so.

Two halves that never meet in code: people and things, from which the sources' rows are written; and claims, holdings,
lives and flaws, which say in whose favour and on which days each of them counts. Spans are inclusive at both ends.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

import msgspec

from fleetsync.core.model import Platform, Stage
from fleetsync.demo.days import OPEN_END, WORLD_BEGINS

SourceRow = Mapping[str, object]
Observer = Literal["anybody", "who remembers", "who came later"]
"""Whether one must have watched while somebody was there whom the register has since forgotten."""


# ------------------------------------------------------------------------------------------------- people and things


class EmploymentContract(msgspec.Struct, frozen=True):
    """One employment as the personnel system has it. *known*: since when it is entered there; *form*: its word."""

    unit: str
    form: str = "Tillsvidare"
    first: date = date(2019, 8, 12)
    last: date | None = None
    percent: int = 100
    leave: tuple[date, date] | None = None
    known: date = date(2019, 1, 1)


class StaffMember(msgspec.Struct, frozen=True):
    """Somebody employed. *further*: log-ins beside the first; *mark*: what the column for protection says."""

    key: str
    number: str
    civic: str
    given: str
    family: str
    login: str
    contracts: tuple[EmploymentContract, ...]
    further_logins: tuple[str, ...] = ()
    mark: str = ""
    title: str = "Lärare"


class RegisterMembership(msgspec.Struct, frozen=True):
    """An enrolment or a placement as the school register has it. *known*, *end_known*: since when row and end are there.

    *form*: the register's word; *has_year* False: somebody forgot the year. *id* and *group*: of placements alone.
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
    """Somebody is in a class."""

    group: str
    first: date
    last: date | None
    known: date


class Learner(msgspec.Struct, frozen=True):
    """A pupil or a child. *cohort*: the year of its förskoleklass; *logins* and *marks*: what is said from a day on.

    *reference_marks*: marks that only references to it carry; *deleted*: from when on the register has forgotten it.
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
    """What a source says of a thing from *first* on; `row` None: it does not have it."""

    first: date
    row: SourceRow | None


class DemoDevice(msgspec.Struct, frozen=True):
    """A device. *used*: spans in which it is switched on; *enrolled_at*: when Intune got it.

    *intune*, *listed* and *repaired*: what Intune, the partner's list and the workshop's say of it, version by version;
    () where they never had it.
    """

    key: str
    serial: str
    unit: str
    used: tuple[tuple[date, date], ...]
    use_interval: int = 1  # school days from one use to the next; 0: on every weekday, breaks included
    enrolled_at: datetime | None = None
    intune_versions: tuple[RowVersion, ...] = ()
    list_versions: tuple[RowVersion, ...] = ()
    workshop_versions: tuple[RowVersion, ...] = ()


def text_on(texts: tuple[tuple[date, str], ...], day: date) -> str:
    """The text that holds on *day*; "" for none."""
    return next((text for first, text in reversed(texts) if first <= day), "")


def row_on(versions: tuple[RowVersion, ...], day: date) -> SourceRow | None:
    """What is said on *day*."""
    said = [version.row for version in versions if version.first <= day]
    return said[-1] if said else None


# --------------------------------------------------------------------------------------------------- what is true of it


class ExpectedOwed(msgspec.Struct, frozen=True):
    """A person is owed something, is on leave, or cannot be judged (`counts_as`: entitled, on_leave, undecided).

    *decidable_from*: since when some source gives a log-in; *group*: the class whose set serves him; *form*: of a child,
    which is owed a share of a pool.
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
    """A device serves the classes of a set, or, when it names none, the pool of its unit."""

    device_key: str
    unit: str
    groups: tuple[str, ...] = ()
    first: date = WORLD_BEGINS
    last: date = OPEN_END


class ExpectedHolding(msgspec.Struct, frozen=True):
    """A device is seen to be a person's own; *by*: by whom, see `Observer`."""

    person: str
    device_key: str
    first: date = WORLD_BEGINS
    last: date = OPEN_END
    observed_by: Observer = "anybody"


class ExpectedPhase(msgspec.Struct, frozen=True):
    """From *first* on a device is in this stage at this unit. Stage None: it is not there, or is nobody's to count."""

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
        """The phase it is in on *day*."""
        begun = [phase for phase in self.phases if phase.first <= day]
        return begun[-1] if begun else None


class ExpectedGap(msgspec.Struct, frozen=True):
    """Something is wrong from *first* to *last*.

    *outside_breaks*: people see it only when there is school. *after*: school days for which it must have been seen
    before it is one; *next_day*: what is found on the very first day is one the day after, whatever *after* says.
    *seen_by*: only on days of the partner's or the workshop's list; *by*: by whom, see `Observer`.
    """

    kind: str
    unit: str
    subject_key: str
    first: date = WORLD_BEGINS
    last: date = OPEN_END
    outside_breaks: bool = False
    after: int = 0
    opens_next_day: bool = False
    seen_by: Literal["everybody", "list", "workshop"] = "everybody"
    observed_by: Observer = "anybody"


class ExpectedAdjustment(msgspec.Struct, frozen=True):
    """An amount that a planted case adds to a published number, such as a cart that covers thirty of a class."""

    unit: str
    entitlement: str
    number: str
    amount: int
    first: date = WORLD_BEGINS
    last: date = OPEN_END
