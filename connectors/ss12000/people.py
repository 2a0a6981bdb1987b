"""Who is read, and in which order: first the rows that refer to people, for their marks, then the people.

A mark of protection on any reference counts, also on a row that is too old or that is left out, and so does the mark of
a person who has no other row; so no person is handed on before all that refer to him has been read. Joins nothing else:
what a unit or a class means is not known here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import msgspec

from connectors.ss12000.asking import Hook, Register
from connectors.ss12000.kept import (
    OVER,
    Someone,
    Tie,
    day_if_any,
    form_of,
    is_marked,
    someone,
    whole_number,
)
from connectors.ss12000.settings import Settings
from connectors.ss12000.wire import (
    Account,
    Child,
    Duty,
    Employee,
    Enrolment,
    Group,
    GroupMembership,
    Members,
    Meta,
    PersonReference,
    Placement,
    Pupil,
    Reference,
    hook,
    id_of,
    same,
    text,
)
from connectors.ss12000.young import AFTER_SCHOOL, Schooling, is_child
from fleetsync.core.model import MembershipType
from fleetsync.pull.contract import Connect, Page, Params, PartMissing
from fleetsync.pull.files import civic_number

RECENTLY = timedelta(days=366)
AT_ONCE = 2000
NO_ID = "id is empty"


class Days(NamedTuple):
    """The day of the run, and the first on which a row may have ended and still be read."""

    today: date
    since: date

    def is_recent(self, end: str | None, latest: date | None) -> bool:
        """Whether a row runs, is to come, or ended within a year."""
        return min(day_if_any(end) or date.max, latest or date.max) >= self.since


def days_of(connect: Connect) -> Days:
    """The days of this run."""
    return Days(connect.today, connect.today - RECENTLY)


def dated(days: Days, *filters: Params) -> tuple[Params, ...]:
    """Queries for rows that did not end long ago: by all *filters* at first, then by fewer, at last by none."""
    narrow = {name: value for one in filters for name, value in one.items()}
    wider = (narrow,) if narrow else ()
    return ({**narrow, "endDate.onOrAfter": days.since.isoformat()}, *wider, {})


def related(days: Days, kind: str) -> tuple[Params, ...]:
    """Queries for persons with a relation of *kind*; the days go only together with it."""
    of_kind = {"relationship.entity.type": kind}
    return ({**of_kind, "relationship.endDate.onOrAfter": days.since.isoformat()}, of_kind, {})


def is_open(row: Enrolment | Placement | Duty | Group | Members) -> bool:
    """Whether a row has no last day at all. One in 9999 is no proof: it passes a filter that drops what has none."""
    return text(row.end_date) is None


def _has_only_open(days: Days) -> Callable[[Pupil], bool]:
    """Whether somebody is shown by a filter by last day only for an enrolment without one."""

    def test(person: Pupil) -> bool:
        rows = person.enrolments or ()
        shown = [row for row in rows if not is_open(row) and days.is_recent(row.end_date, None)]
        return any(map(is_open, rows)) and not shown

    return test


def _stopped(is_over: bool, meta: Meta | None) -> date | None:
    """The last day of what is over by a word without a day: that of the last change.

    Where that is not told either, the beginning of time: the row is left out, and ends with the day it was seen last.
    """
    return (day_if_any(meta.modified if meta else None) or date.min) if is_over else None


def _at(reference: Reference | PersonReference | None) -> str | None:
    return None if reference is None else id_of(reference.id)


def _in_pages(raws: Sequence[Someone | Tie]) -> Iterator[Page]:
    for start in range(0, len(raws), AT_ONCE):
        yield Page(raws[start : start + AT_ONCE])


# ----------------------------------------------------------------------------------------------------------------- pupils


def pupils(register: Register, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Everybody with an enrolment, with his enrolments and the groups he is in."""
    days, marks, seen = days_of(connect), set[str](), set[str]()
    in_groups = list(_in_groups(register, settings, days, marks))
    queries, hook = related(days, "enrolment"), _hook(settings, connect, keeps=False)
    for people in register.pages("persons", Pupil, queries, hook, is_open=_has_only_open(days)):
        raws: list[Someone | Tie] = []
        for person in people:
            raws += _pupil(settings, days, person, marks, seen)
        yield Page(raws, rejected=tuple(NO_ID for person in people if id_of(person.id) is None))
    yield from _in_pages([tie for tie in in_groups if tie.person in seen])
    # Whoever is marked in a class list is protected, even if he is no pupil.
    yield from _in_pages([Someone(person, marked=True) for person in sorted(marks - seen)])


def _pupil(settings: Settings, days: Days, person: Pupil, marks: set[str], seen: set[str]) -> Iterator[Someone | Tie]:
    at = id_of(person.id)
    marked = at in marks or is_marked(person.security_marking)
    if at is None or (at in seen and not marked):
        return  # listed twice, since somebody moved between two pages
    ties = list(_enrolments(days, at, person, marked))
    # Of who left long ago only a mark is heard; who never had an enrolment is a guardian, or staff.
    if not ties and not (marked and person.enrolments):
        return
    child = is_child([_schooling(settings, person, row) for row in person.enrolments or ()], days.today)
    yield someone(settings, at, person, child=child, marked=marked)
    if at not in seen:
        yield from ties
    seen.add(at)


def _enrolments(days: Days, at: str, person: Pupil, marked: bool) -> Iterator[Tie]:
    names: dict[str, int] = {}
    for row in person.enrolments or ():
        latest = _latest(person, row)
        if not days.is_recent(row.end_date, latest):
            continue
        name = f"{at}/{_at(row.enroled_at) or ''}/{same(row.school_type)}/{row.start_date or ''}"
        names[name] = names.get(name, 0) + 1
        yield Tie(
            source_id=name if names[name] == 1 else f"{name}/{names[name]}",
            person=at,
            membership=MembershipType.ENROLMENT,
            at=_at(row.enroled_at),
            form=row.school_type,
            year=row.school_year,
            start=row.start_date,
            end=row.end_date,
            latest=None if latest == date.max else latest,
            marked=marked,
        )


def _latest(person: Pupil, row: Enrolment) -> date:
    """The last day on which an enrolment can have run, whatever its end says."""
    is_over = same(person.person_status) in OVER or bool(row.cancelled)
    return _stopped(is_over, person.meta) or date.max


def _schooling(settings: Settings, person: Pupil, row: Enrolment) -> Schooling:
    return Schooling(
        form=(form_of(settings, row.school_type) or "").upper(),
        year=whole_number(row.school_year),
        first=day_if_any(row.start_date) or date.min,
        last=min(day_if_any(row.end_date) or date.max, _latest(person, row)),
    )


def _in_groups(register: Register, settings: Settings, days: Days, marks: set[str]) -> Iterator[Tie]:
    """Who is in which group; nobody where the register has no groups."""
    try:
        for groups in register.pages("groups", Members, queries_of_groups(settings, days), is_open=is_open):
            for group in groups:
                yield from _members(settings, days, group, marks)
    except PartMissing:
        return


def queries_of_groups(settings: Settings, days: Days) -> tuple[Params, ...]:
    """Groups of the types that are read, not ended long ago."""
    return dated(days, {"groupType": list(settings.group_types)}) if settings.group_types else dated(days)


def is_wanted(settings: Settings, group_type: str | None) -> bool:
    """Whether groups of this type are read."""
    return not settings.group_types or same(group_type) in {same(one) for one in settings.group_types}


def _members(settings: Settings, days: Days, group: Members, marks: set[str]) -> Iterator[Tie]:
    at = id_of(group.id)
    for member in group.group_memberships or ():
        person = _marked_person(member.person, marks)
        if at is None or person is None or not is_wanted(settings, group.group_type):
            continue
        tie = _member(at, group, member, person)
        if days.is_recent(tie.end, tie.latest):
            yield tie


def _member(at: str, group: Members, member: GroupMembership, person: str) -> Tie:
    start = member.start_date or group.start_date
    return Tie(
        source_id=f"{at}/{person}/{start or ''}",
        person=person,
        membership=MembershipType.GROUP,
        group=at,
        start=start,
        end=member.end_date,
        latest=day_if_any(group.end_date),
    )


def _marked_person(reference: PersonReference | None, marks: set[str]) -> str | None:
    """Whom a reference means; a mark on it is noted."""
    person = _at(reference)
    if person is not None and reference is not None and is_marked(reference.security_marking):
        marks.add(person)
    return person


# ------------------------------------------------------------------------------------------------------ children and staff


def children(register: Register, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Everybody with a placement, with his placements; of the child itself only whether it is protected."""
    days, marks, named = days_of(connect), set[str](), set[str]()
    ties: list[Tie] = []
    for placements in register.pages("placements", Placement, dated(days), is_open=is_open):
        ties += _recent((_placement(row, marks) for row in placements), days, named)
        yield Page([], rejected=tuple(_faults(placements)))
    young = {tie.person for tie in ties if (form_of(settings, tie.form) or "").upper() not in AFTER_SCHOOL}
    people = People(register, settings, marks, named, young)
    yield from people.of(ties, Child, related(days, "placement.child"), None)
    yield from _in_pages([tie for tie in people.stopped(ties) if days.is_recent(tie.end, tie.latest)])


def _placement(row: Placement, marks: set[str]) -> Tie | None:
    source_id, person = id_of(row.id), _marked_person(row.child, marks)
    if source_id is None or person is None:
        return None
    return Tie(
        source_id=source_id,
        person=person,
        membership=MembershipType.PLACEMENT,
        at=_at(row.placed_at),
        group=_at(row.group),
        form=row.school_type,
        start=row.start_date,
        end=row.end_date,
    )


def staff(register: Register, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Everybody with a duty, with his duties and log-ins. A duty without a person is vacant, and is nobody's."""
    days, marks, named = days_of(connect), set[str](), set[str]()
    ties: list[Tie] = []
    for duties in register.pages("duties", Duty, dated(days), is_open=is_open):
        ties += _recent((_duty(row, marks) for row in duties), days, named)
        yield Page([], rejected=tuple(_faults(duties)))
    people = People(register, settings, marks, named, set())
    kind = Employee if settings.store_names or settings.read_civic_number else Account
    yield from people.of(ties, kind, related(days, "duty"), _hook(settings, connect, keeps=True))
    yield from _in_pages([tie for tie in people.stopped(ties) if days.is_recent(tie.end, tie.latest)])


def _duty(row: Duty, marks: set[str]) -> Tie | None:
    source_id, person = id_of(row.id), _marked_person(row.person, marks)
    if source_id is None or person is None:
        return None
    return Tie(
        source_id=source_id,
        person=person,
        membership=MembershipType.EMPLOYMENT,
        at=_at(row.duty_at),
        percent=row.duty_percent,
        start=row.start_date,
        end=row.end_date,
    )


def _recent(ties: Iterable[Tie | None], days: Days, named: set[str]) -> Iterator[Tie]:
    """Those that are kept; whom the others name as well is noted, since his mark must be heard."""
    for tie in ties:
        if tie is not None:
            named.add(tie.person)
            if days.is_recent(tie.end, None):
                yield tie


def _faults(rows: Iterable[Duty | Placement]) -> Iterator[str]:
    for row in rows:
        if id_of(row.id) is None:
            yield NO_ID
        elif isinstance(row, Placement) and _at(row.child) is None:
            yield "child is empty"


def _hook(settings: Settings, connect: Connect, *, keeps: bool) -> Hook:
    def civic_token(said: str) -> str | None:
        number = civic_number(said, connect.today) if keeps and settings.read_civic_number else None
        return None if number is None else connect.token(number.text)

    return hook(civic_token, keeps_names=keeps and settings.store_names)


class People:
    """The people of kept rows, each handed on once, and those of other rows (*named*) who are marked."""

    def __init__(
        self, register: Register, settings: Settings, marks: set[str], named: set[str], children: set[str]
    ) -> None:
        self._register, self._settings = register, settings
        self._marks, self._named, self._children = marks, named, children
        self._handed_on: set[str] = set()
        self._stopped: dict[str, date] = {}

    def of(
        self, ties: Sequence[Tie], kind: type[Child], queries: Sequence[Params], hook: Hook | None
    ) -> Iterator[Page]:
        """The people of *ties*; those who are not listed are looked up, and who is not found either is known by id."""
        missing = dict.fromkeys(tie.person for tie in ties)
        only_open = missing.keys() - {tie.person for tie in ties if text(tie.end) is not None}
        is_open = (lambda told: id_of(told.id) in only_open) if only_open else None
        for people in self._register.pages("persons", kind, queries, hook, is_open=is_open):
            yield self._page(people, missing)
        for people in self._register.looked_up("persons", list(missing), kind, hook):
            yield self._page(people, missing)
        yield from _in_pages([self._unknown(person) for person in missing])
        # Whoever is marked on a row that is not kept is protected all the same.
        others = sorted(self._marks - self._handed_on - missing.keys())
        yield from _in_pages([Someone(person, marked=True) for person in others])

    def _page(self, people: Iterable[Child], missing: dict[str, None]) -> Page:
        raws: list[Someone] = []
        for told in people:
            at = id_of(told.id)
            if at is None or at not in self._named:
                continue
            if is_marked(told.security_marking):
                self._marks.add(at)
            elif at not in missing:
                continue
            missing.pop(at, None)
            self._handed_on.add(at)
            self._note_stop(at, told)
            raws.append(someone(self._settings, at, told, child=at in self._children, marked=at in self._marks))
        return Page(raws)

    def _unknown(self, person: str) -> Someone:
        return Someone(person, child=person in self._children, marked=person in self._marks)

    def _note_stop(self, person: str, told: Child) -> None:
        day = _stopped(same(told.person_status) in OVER, told.meta)
        if day is not None:
            self._stopped[person] = day

    def stopped(self, ties: Iterable[Tie]) -> Iterator[Tie]:
        """*ties*, those of people who have died or emigrated ending on the day it was written down."""
        for tie in ties:
            yield _with(tie, self._stopped.get(tie.person), tie.person in self._marks)


def _with(tie: Tie, latest: date | None, marked: bool) -> Tie:
    return msgspec.structs.replace(tie, latest=latest, marked=marked)
