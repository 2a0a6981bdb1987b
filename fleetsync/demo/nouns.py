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

Row = Mapping[str, object]
Watcher = Literal["anybody", "who remembers", "who came later"]
"""Whether one must have watched while somebody was there whom the register has since forgotten."""


# ------------------------------------------------------------------------------------------------- people and things


class Job(msgspec.Struct, frozen=True):
    """One employment as the personnel system has it. *known*: since when it is entered there; *form*: its word."""

    unit: str
    form: str = "Tillsvidare"
    first: date = date(2019, 8, 12)
    last: date | None = None
    percent: int = 100
    leave: tuple[date, date] | None = None
    known: date = date(2019, 1, 1)


class Employee(msgspec.Struct, frozen=True):
    """Somebody employed. *further*: log-ins beside the first; *mark*: what the column for protection says."""

    key: str
    number: str
    civic: str
    given: str
    family: str
    login: str
    jobs: tuple[Job, ...]
    further: tuple[str, ...] = ()
    mark: str = ""
    title: str = "Lärare"


class Stay(msgspec.Struct, frozen=True):
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


class InClass(msgspec.Struct, frozen=True):
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
    enrolments: tuple[Stay, ...] = ()
    placements: tuple[Stay, ...] = ()
    classes: tuple[InClass, ...] = ()
    marks: tuple[tuple[date, str], ...] = ()
    reference_marks: tuple[tuple[date, str], ...] = ()
    known: date = date(2019, 1, 1)
    deleted: date | None = None


class Version(msgspec.Struct, frozen=True):
    """What a source says of a thing from *first* on; `row` None: it does not have it."""

    first: date
    row: Row | None


class Thing(msgspec.Struct, frozen=True):
    """A device. *used*: spans in which it is switched on; *enrolled_at*: when Intune got it.

    *intune*, *listed* and *repaired*: what Intune, the partner's list and the workshop's say of it, version by version;
    () where they never had it.
    """

    key: str
    serial: str
    unit: str
    used: tuple[tuple[date, date], ...]
    every: int = 1  # school days from one use to the next; 0: on every weekday, breaks included
    enrolled_at: datetime | None = None
    intune: tuple[Version, ...] = ()
    listed: tuple[Version, ...] = ()
    repaired: tuple[Version, ...] = ()


def said_on(texts: tuple[tuple[date, str], ...], day: date) -> str:
    """The text that holds on *day*; "" for none."""
    return next((text for first, text in reversed(texts) if first <= day), "")


def current(versions: tuple[Version, ...], day: date) -> Row | None:
    """What is said on *day*."""
    said = [version.row for version in versions if version.first <= day]
    return said[-1] if said else None


# --------------------------------------------------------------------------------------------------- what is true of it


class Claim(msgspec.Struct, frozen=True):
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


class Sharing(msgspec.Struct, frozen=True):
    """A device serves the classes of a set, or, when it names none, the pool of its unit."""

    thing: str
    unit: str
    groups: tuple[str, ...] = ()
    first: date = WORLD_BEGINS
    last: date = OPEN_END


class Holding(msgspec.Struct, frozen=True):
    """A device is seen to be a person's own; *by*: by whom, see `Watcher`."""

    person: str
    thing: str
    first: date = WORLD_BEGINS
    last: date = OPEN_END
    by: Watcher = "anybody"


class Phase(msgspec.Struct, frozen=True):
    """From *first* on a device is in this stage at this unit. Stage None: it is not there, or is nobody's to count."""

    first: date
    stage: Stage | None
    works: bool
    unit: str
    platform: Platform


class Life(msgspec.Struct, frozen=True):
    """All phases of a device, in order."""

    thing: str
    phases: tuple[Phase, ...]

    def on(self, day: date) -> Phase | None:
        """The phase it is in on *day*."""
        begun = [phase for phase in self.phases if phase.first <= day]
        return begun[-1] if begun else None


class Flaw(msgspec.Struct, frozen=True):
    """Something is wrong from *first* to *last*.

    *outside_breaks*: people see it only when there is school. *after*: school days for which it must have been seen
    before it is one; *next_day*: what is found on the very first day is one the day after, whatever *after* says.
    *seen_by*: only on days of the partner's or the workshop's list; *by*: by whom, see `Watcher`.
    """

    kind: str
    unit: str
    about: str
    first: date = WORLD_BEGINS
    last: date = OPEN_END
    outside_breaks: bool = False
    after: int = 0
    next_day: bool = False
    seen_by: Literal["everybody", "list", "workshop"] = "everybody"
    by: Watcher = "anybody"


class Extra(msgspec.Struct, frozen=True):
    """An amount that a planted case adds to a published number, such as a cart that covers thirty of a class."""

    unit: str
    entitlement: str
    number: str
    amount: int
    first: date = WORLD_BEGINS
    last: date = OPEN_END
