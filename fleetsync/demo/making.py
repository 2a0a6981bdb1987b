"""The bench on which the world is made: people, their devices, and with each what is true of it.

Everything is made together with its truth, in one place, so that neither can be changed without the other.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Literal, TypeAlias, TypedDict, Unpack

from fleetsync.core.model import Platform, Stage
from fleetsync.demo.days import OPEN_END, WORLD_BEGINS
from fleetsync.demo.editions import LIST_DAYS, edition_from
from fleetsync.demo.names import SCHOOL_DOMAIN, STAFF_DOMAIN, Name, Namer, ascii_of, object_id_of
from fleetsync.demo.nouns import (
    Claim,
    Employee,
    Extra,
    Flaw,
    Holding,
    Job,
    Learner,
    Life,
    Phase,
    Row,
    SchoolClass,
    Sharing,
    Thing,
    Version,
    Watcher,
)
from fleetsync.demo.places import days_at, name_at

# The words of the plan and of the configuration that the world is lived by.
STALE_AFTER, SILENT_AFTER = 15, 60

LONG_AGO = date(2025, 6, 2)  # in use before the world begins
_LAPTOP: Row = {
    "operatingSystem": "Windows",
    "osVersion": "10.0.26200.7171",
    "manufacturer": "LENOVO",
    "model": "21M3EXMPL1",
    "deviceEnrollmentType": "windowsAzureADJoin",
    "isEncrypted": True,
}
_TABLET: Row = {
    "operatingSystem": "iPadOS",
    "osVersion": "26.1",
    "manufacturer": "Apple",
    "model": "iPad (A16)",
    "deviceEnrollmentType": "appleBulkWithUser",
    "isEncrypted": True,
}
_NEW_SYSTEM: tuple[date, Row] = (date(2026, 10, 5), {"osVersion": "27.0.1"})
_PLATFORMS = {"Windows": Platform.WINDOWS, "iPadOS": Platform.IPADOS, "iOS": Platform.IOS, "Android": Platform.ANDROID}

Used: TypeAlias = tuple[tuple[date, date], ...]
Phases: TypeAlias = Sequence[tuple[date, Stage | None, bool]]
Moves: TypeAlias = Sequence[tuple[date, str]]
Changes: TypeAlias = Sequence[tuple[date, Row | None]]


class Managed(TypedDict, total=False):
    """What may be unusual about a device in Intune: Graph's *fields*, how they change from a day on, what the lists say
    of it, at which unit it is counted where that is not where it is, and from when on at another, and whether it is on in
    breaks too.
    """

    enrolled: date
    used: Used
    fields: Row
    changes: Changes
    phases: Phases
    listed: bool
    repaired: tuple[Version, ...]
    shown_at: str
    moves: Moves
    always_on: bool


class Listed(TypedDict, total=False):
    """What may be unusual about a computer in the list."""

    first: date
    used: Used
    fields: Row
    changes: Changes
    phases: Phases


class When(TypedDict, total=False):
    """When a flaw is one; see `Flaw`."""

    first: date
    last: date
    after: int
    next_day: bool
    seen_by: Literal["everybody", "list", "workshop"]
    by: Watcher


class Making:
    """What has been made so far."""

    def __init__(self, seed: str, numbers_from: int = 1) -> None:
        self.namer = Namer(seed)
        self.employees: list[Employee] = []
        self.things: list[Thing] = []
        self.claims: list[Claim] = []
        self.holdings: list[Holding] = []
        self.lives: list[Life] = []
        self.flaws: list[Flaw] = []
        self.extras: list[Extra] = []
        self.learners: list[Learner] = []
        self.classes: list[SchoolClass] = []
        self.sharings: list[Sharing] = []
        self.planted: Counter[str] = Counter()
        self.canaries: list[str] = []
        self._mark = ascii_of(seed)
        self._numbers = count(numbers_from)

    def number(self) -> int:
        """The next number of anything."""
        return next(self._numbers)

    def take(self, other: "Making") -> None:
        """All that was made on another bench too."""
        for kind in (
            "employees",
            "things",
            "claims",
            "holdings",
            "lives",
            "flaws",
            "extras",
            "learners",
            "classes",
            "sharings",
            "canaries",
        ):
            getattr(self, kind).extend(getattr(other, kind))
        self.planted.update(other.planted)

    # --- people -------------------------------------------------------------------------------------------------------

    def employee(
        self,
        *jobs: Job,
        mark: str = "",
        login: str | None = None,
        further: Sequence[str] = (),
        name: Name | None = None,
        title: str = "Lärare",
    ) -> Employee:
        """Somebody with these employments; *login* "" for none, None for an ordinary one."""
        number = self.number()
        name = name or self.namer.name()
        made = Employee(
            key=f"{self._mark}-{number:04}",
            number=f"{100000 + number}",
            civic=self.namer.civic(1960, 2002),
            given=name.given,
            family=name.family,
            login=f"{name.account}@{STAFF_DOMAIN}" if login is None else login,
            jobs=jobs,
            further=tuple(further),
            mark=mark,
            title=title,
        )
        self.employees.append(made)
        return made

    def second_account(self, name: Name) -> str:
        """The log-in of the same person at the schools' own tenant."""
        return f"{name.account}@{SCHOOL_DOMAIN}"

    def owed(self, who: Employee, unit: str, first: date = WORLD_BEGINS, last: date = OPEN_END) -> None:
        """*who* is to have a device from *first* to *last*."""
        self.claims.append(Claim(who.key, unit, first=first, last=last))

    def own(self, who: Employee, thing: Thing, first: date = WORLD_BEGINS, last: date = OPEN_END) -> None:
        """*thing* is seen to be *who*'s."""
        self.holdings.append(Holding(who.key, thing.key, first, last))

    # --- devices ------------------------------------------------------------------------------------------------------

    def laptop(self, unit: str, login: str, **rest: Unpack[Managed]) -> Thing:
        """A laptop that Intune has, used every few school days."""
        return self._managed(f"PF{self.number():06X}", unit, login, _LAPTOP, rest)

    def tablet(self, unit: str, login: str, **rest: Unpack[Managed]) -> Thing:
        """An iPad that Intune has."""
        rest["changes"] = (*rest.get("changes", ()), _NEW_SYSTEM)
        return self._managed(f"DMPX{self.number():06}", unit, login, _TABLET, rest)

    def _managed(self, serial: str, unit: str, login: str, kind: Row, rest: Managed) -> Thing:
        enrolled = rest.get("enrolled", LONG_AGO)
        seen = enrolled + timedelta(days=1)
        said = {
            "id": self.namer.uuid(),
            "deviceName": f"EXB-{serial}",
            "serialNumber": serial,
            **held_by(login),
            "managementState": "managed",
            "managementAgent": "mdm",
            "managedDeviceOwnerType": "company",
            "complianceState": "compliant",
            "deviceCategoryDisplayName": name_at(unit),
            **kind,
            **rest.get("fields", {}),
        }
        thing = self._thing(
            str(said["serialNumber"]),
            unit,
            rest.get("used", ((enrolled, OPEN_END),)),
            enrolled_at=datetime.combine(enrolled, time(7, 15), UTC),
            intune=_versions(seen, said, rest.get("changes", ())),
            listed=_versions(enrolled, self._list_row(unit, login, said), ()) if rest.get("listed") else (),
            repaired=rest.get("repaired", ()),
            always_on=rest.get("always_on", False),
        )
        platform = _PLATFORMS[str(said["operatingSystem"])]
        phases = rest.get("phases", [(seen, Stage.IN_USE, True)])
        self.live(thing, platform, phases, rest.get("shown_at"), rest.get("moves", ()))
        return thing

    def computer(self, unit: str, login: str, **rest: Unpack[Listed]) -> Thing:
        """A computer that only the partner's list knows."""
        first = rest.get("first", LONG_AGO)
        serial = f"D{self.number():05}X"
        kind = {"serialNumber": serial, "manufacturer": "Dell", "model": "Latitude 5450"}
        said = {**self._list_row(unit, login, kind), **rest.get("fields", {})}
        used = rest.get("used", ((first, OPEN_END),))
        thing = self._thing(serial, unit, used, listed=_versions(first, said, rest.get("changes", ())))
        seen = edition_from(LIST_DAYS, first)
        self.live(thing, Platform.WINDOWS, rest.get("phases", [(seen, Stage.IN_USE, True)]))
        return thing

    def _list_row(self, unit: str, login: str, kind: Row) -> Row:
        return {
            "serial": kind["serialNumber"],
            "tag": f"SYD{self.number():05}",
            "maker": kind["manufacturer"],
            "model": kind["model"],
            "platform": "Windows",
            "unit": name_at(unit),
            "user": login,
            "status": "I drift",
            "bought": date(2024, 6, 3),
        }

    def _thing(
        self,
        serial: str,
        unit: str,
        used: Used,
        *,
        enrolled_at: datetime | None = None,
        intune: tuple[Version, ...] = (),
        listed: tuple[Version, ...] = (),
        repaired: tuple[Version, ...] = (),
        always_on: bool = False,
    ) -> Thing:
        number = self.number()
        thing = Thing(
            key=f"{self._mark}-{number:05}",
            serial=serial,
            unit=unit,
            used=used,
            every=0 if always_on else 1 + number % 4,
            enrolled_at=enrolled_at,
            intune=intune,
            listed=listed,
            repaired=repaired,
        )
        self.things.append(thing)
        return thing

    def live(
        self, thing: Thing, platform: Platform, phases: Phases, unit: str | None = None, moves: Moves = ()
    ) -> None:
        """The life of *thing*, at its unit until it *moves*."""
        places = [(date.min, unit or thing.unit), *moves]
        lived = []
        for day in sorted({first for first, _, _ in phases} | {first for first, _ in moves}):
            begun = [phase for phase in phases if phase[0] <= day]
            if begun:
                _, stage, works = begun[-1]
                at = [place for first, place in places if first <= day][-1]
                lived.append(Phase(day, stage, works, at, platform))
        self.lives.append(Life(thing.key, tuple(lived)))

    # --- what is wrong ------------------------------------------------------------------------------------------------

    def of_person(self, kind: str, who: Employee | Learner, unit: str, **when: Unpack[When]) -> None:
        """Something is wrong for *who*; nobody sees it in a break."""
        self.flaws.append(Flaw(kind, unit, who.key, outside_breaks=True, **when))

    def of_device(self, kind: str, thing: Thing, *, counted: bool = False, **when: Unpack[When]) -> None:
        """Something is wrong with *thing*; of kinds that count school days (*counted*) nobody sees it in a break."""
        self.flaws.append(Flaw(kind, thing.unit, thing.key, outside_breaks=counted, **when))


def held_by(login: str) -> Row:
    """Graph's fields of the primary user."""
    return {"userId": object_id_of(login) if login else "", "userPrincipalName": login, "emailAddress": login}


def falls_silent(unit: str, last_used: date, stage: Stage = Stage.IN_USE) -> Phases:
    """The phases of a device that was in use and is not switched on any more after *last_used*."""
    days = days_at(unit)
    return [
        (WORLD_BEGINS, stage, True),
        (days.after(last_used, STALE_AFTER + 1), stage, False),
        (days.after(last_used, SILENT_AFTER + 1), Stage.SILENT, False),
    ]


def _versions(first: date, row: Row, changes: Changes) -> tuple[Version, ...]:
    """What a source says from *first* on, each change on top of all before it; a change of None: not any more."""
    said: Row = row
    versions = [Version(first, row)]
    for day, change in sorted(changes, key=lambda one: one[0]):
        said = {**said, **(change or {})}
        versions.append(Version(day, None if change is None else said))
    return tuple(versions)


def settled(unit: str, start: date) -> date:
    """The day on which somebody who began on *start* should have got everything: three school days after it, or on the
    third of a term that he begins with.
    """
    days = days_at(unit)
    begins_with_term = start in {days.nth(first, 1) for first, _ in days.terms}
    return days.after(start - timedelta(days=1) if begins_with_term else start, 3)
