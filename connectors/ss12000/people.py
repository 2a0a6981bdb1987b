"""Who is read, and in which order: first the rows that refer to people, for their marks, then the people.

A mark of protection on any reference counts, also on a row that is too old or that is left out, and so does the mark of
a person who has no other row; so no person is handed on before all that refer to him has been read. Joins nothing else:
what a unit or a class means is not known here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import msgspec

from connectors.ss12000.child_rule import AFTER_SCHOOL_FORMS, EnrolmentPeriod, is_child
from connectors.ss12000.normalising import (
    ENDED_STATUSES,
    DatedMembership,
    RegisterPerson,
    is_marked,
    parse_day_or_none,
    parse_whole_number,
    register_person,
    resolve_school_form,
)
from connectors.ss12000.register_client import DecodeHook, RegisterClient
from connectors.ss12000.schema import (
    Duty,
    Enrolment,
    Group,
    GroupMembership,
    GroupWithMembers,
    Meta,
    MinimalPerson,
    ObjectReference,
    PersonReference,
    PersonWithLogins,
    Pupil,
    RegisterPlacement,
    StaffPerson,
    clean_text,
    decode_hook,
    fold_text,
    id_of,
)
from connectors.ss12000.settings import Settings
from fleetsync.core.model import MembershipType
from fleetsync.pull.contract import Connect, Page, Params, PartMissing
from fleetsync.pull.files import civic_number

RECENT_PERIOD = timedelta(days=366)
RECORDS_PER_PAGE = 2000
MISSING_ID_REASON = "id is empty"


class ReadingPeriod(NamedTuple):
    """The day of the run, and the first on which a row may have ended and still be read."""

    today: date
    since: date

    def is_recent(self, end: str | None, latest: date | None) -> bool:
        """Whether a row runs, is to come, or ended within a year."""
        return min(parse_day_or_none(end) or date.max, latest or date.max) >= self.since


def reading_period(connect: Connect) -> ReadingPeriod:
    """The days of this run."""
    return ReadingPeriod(connect.today, connect.today - RECENT_PERIOD)


def queries_by_end_date(days: ReadingPeriod, *filters: Params) -> tuple[Params, ...]:
    """Queries for rows that did not end long ago: by all *filters* at first, then by fewer, at last by none."""
    narrow = {name: value for one in filters for name, value in one.items()}
    wider = (narrow,) if narrow else ()
    return ({**narrow, "endDate.onOrAfter": days.since.isoformat()}, *wider, {})


def queries_by_relation(days: ReadingPeriod, kind: str) -> tuple[Params, ...]:
    """Queries for persons with a relation of *kind*; the days go only together with it."""
    of_kind = {"relationship.entity.type": kind}
    return ({**of_kind, "relationship.endDate.onOrAfter": days.since.isoformat()}, of_kind, {})


def is_open(row: Enrolment | RegisterPlacement | Duty | Group | GroupWithMembers) -> bool:
    """Whether a row has no last day at all. One in 9999 is no proof: it passes a filter that drops what has none."""
    return clean_text(row.end_date) is None


def _has_only_open_enrolments(days: ReadingPeriod) -> Callable[[Pupil], bool]:
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
    return (parse_day_or_none(meta.modified if meta else None) or date.min) if is_over else None


def _referenced_id(reference: ObjectReference | PersonReference | None) -> str | None:
    return None if reference is None else id_of(reference.id)


def _in_pages(raws: Sequence[RegisterPerson | DatedMembership]) -> Iterator[Page]:
    for start in range(0, len(raws), RECORDS_PER_PAGE):
        yield Page(raws[start : start + RECORDS_PER_PAGE])


# ----------------------------------------------------------------------------------------------------------------- pupils


def pupils(register: RegisterClient, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Everybody with an enrolment, with his enrolments and the groups he is in."""
    days, marks, seen = reading_period(connect), set[str](), set[str]()
    in_groups = list(_group_memberships(register, settings, days, marks))
    queries, hook = queries_by_relation(days, "enrolment"), _decode_hook(settings, connect, keeps=False)
    for people in register.pages("persons", Pupil, queries, hook, is_open=_has_only_open_enrolments(days)):
        raws: list[RegisterPerson | DatedMembership] = []
        for person in people:
            raws += _pupil(settings, days, person, marks, seen)
        yield Page(raws, rejected=tuple(MISSING_ID_REASON for person in people if id_of(person.id) is None))
    yield from _in_pages([tie for tie in in_groups if tie.person in seen])
    # Whoever is marked in a class list is protected, even if he is no pupil.
    yield from _in_pages([RegisterPerson(person, marked=True) for person in sorted(marks - seen)])


def _pupil(
    settings: Settings, days: ReadingPeriod, person: Pupil, marks: set[str], seen: set[str]
) -> Iterator[RegisterPerson | DatedMembership]:
    at = id_of(person.id)
    marked = at in marks or is_marked(person.security_marking)
    if at is None or (at in seen and not marked):
        return  # listed twice, since somebody moved between two pages
    ties = list(_enrolments(days, at, person, marked))
    # Of who left long ago only a mark is heard; who never had an enrolment is a guardian, or staff.
    if not ties and not (marked and person.enrolments):
        return
    child = is_child([_schooling(settings, person, row) for row in person.enrolments or ()], days.today)
    yield register_person(settings, at, person, child=child, marked=marked)
    if at not in seen:
        yield from ties
    seen.add(at)


def _enrolments(days: ReadingPeriod, at: str, person: Pupil, marked: bool) -> Iterator[DatedMembership]:
    names: dict[str, int] = {}
    for row in person.enrolments or ():
        latest = _latest_possible_end(person, row)
        if not days.is_recent(row.end_date, latest):
            continue
        name = f"{at}/{_referenced_id(row.enroled_at) or ''}/{fold_text(row.school_type)}/{row.start_date or ''}"
        names[name] = names.get(name, 0) + 1
        yield DatedMembership(
            source_id=name if names[name] == 1 else f"{name}/{names[name]}",
            person=at,
            membership=MembershipType.ENROLMENT,
            organisation=_referenced_id(row.enroled_at),
            form=row.school_type,
            year=row.school_year,
            start=row.start_date,
            end=row.end_date,
            latest_possible_end=None if latest == date.max else latest,
            marked=marked,
        )


def _latest_possible_end(person: Pupil, row: Enrolment) -> date:
    """The last day on which an enrolment can have run, whatever its end says."""
    is_over = fold_text(person.person_status) in ENDED_STATUSES or bool(row.cancelled)
    return _stopped(is_over, person.meta) or date.max


def _schooling(settings: Settings, person: Pupil, row: Enrolment) -> EnrolmentPeriod:
    return EnrolmentPeriod(
        form=(resolve_school_form(settings, row.school_type) or "").upper(),
        year=parse_whole_number(row.school_year),
        first=parse_day_or_none(row.start_date) or date.min,
        last=min(parse_day_or_none(row.end_date) or date.max, _latest_possible_end(person, row)),
    )


def _group_memberships(
    register: RegisterClient, settings: Settings, days: ReadingPeriod, marks: set[str]
) -> Iterator[DatedMembership]:
    """Who is in which group; nobody where the register has no groups."""
    try:
        for groups in register.pages("groups", GroupWithMembers, queries_of_groups(settings, days), is_open=is_open):
            for group in groups:
                yield from _memberships_of_group(settings, days, group, marks)
    except PartMissing:
        return


def queries_of_groups(settings: Settings, days: ReadingPeriod) -> tuple[Params, ...]:
    """Groups of the types that are read, not ended long ago."""
    return (
        queries_by_end_date(days, {"groupType": list(settings.group_types)})
        if settings.group_types
        else queries_by_end_date(days)
    )


def is_wanted(settings: Settings, group_type: str | None) -> bool:
    """Whether groups of this type are read."""
    return not settings.group_types or fold_text(group_type) in {fold_text(one) for one in settings.group_types}


def _memberships_of_group(
    settings: Settings, days: ReadingPeriod, group: GroupWithMembers, marks: set[str]
) -> Iterator[DatedMembership]:
    at = id_of(group.id)
    for member in group.group_memberships or ():
        person = _marked_person(member.person, marks)
        if at is None or person is None or not is_wanted(settings, group.group_type):
            continue
        tie = _group_membership(at, group, member, person)
        if days.is_recent(tie.end, tie.latest_possible_end):
            yield tie


def _group_membership(at: str, group: GroupWithMembers, member: GroupMembership, person: str) -> DatedMembership:
    start = member.start_date or group.start_date
    return DatedMembership(
        source_id=f"{at}/{person}/{start or ''}",
        person=person,
        membership=MembershipType.GROUP,
        group=at,
        start=start,
        end=member.end_date,
        latest_possible_end=parse_day_or_none(group.end_date),
    )


def _marked_person(reference: PersonReference | None, marks: set[str]) -> str | None:
    """Whom a reference means; a mark on it is noted."""
    person = _referenced_id(reference)
    if person is not None and reference is not None and is_marked(reference.security_marking):
        marks.add(person)
    return person


# ------------------------------------------------------------------------------------------------------ children and staff


def children(register: RegisterClient, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Everybody with a placement, with his placements; of the child itself only whether it is protected."""
    days, marks, named = reading_period(connect), set[str](), set[str]()
    ties: list[DatedMembership] = []
    for placements in register.pages("placements", RegisterPlacement, queries_by_end_date(days), is_open=is_open):
        ties += _recent_memberships((_placement(row, marks) for row in placements), days, named)
        yield Page([], rejected=tuple(_rejection_reasons(placements)))
    young = {
        tie.person for tie in ties if (resolve_school_form(settings, tie.form) or "").upper() not in AFTER_SCHOOL_FORMS
    }
    people = PeopleReader(register, settings, marks, named, young)
    yield from people.of(ties, MinimalPerson, queries_by_relation(days, "placement.child"), None)
    yield from _in_pages(
        [tie for tie in people.with_last_days(ties) if days.is_recent(tie.end, tie.latest_possible_end)]
    )


def _placement(row: RegisterPlacement, marks: set[str]) -> DatedMembership | None:
    source_id, person = id_of(row.id), _marked_person(row.child, marks)
    if source_id is None or person is None:
        return None
    return DatedMembership(
        source_id=source_id,
        person=person,
        membership=MembershipType.PLACEMENT,
        organisation=_referenced_id(row.placed_at),
        group=_referenced_id(row.group),
        form=row.school_type,
        start=row.start_date,
        end=row.end_date,
    )


def staff(register: RegisterClient, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Everybody with a duty, with his duties and log-ins. A duty without a person is vacant, and is nobody's."""
    days, marks, named = reading_period(connect), set[str](), set[str]()
    ties: list[DatedMembership] = []
    for duties in register.pages("duties", Duty, queries_by_end_date(days), is_open=is_open):
        ties += _recent_memberships((_duty(row, marks) for row in duties), days, named)
        yield Page([], rejected=tuple(_rejection_reasons(duties)))
    people = PeopleReader(register, settings, marks, named, set())
    kind = StaffPerson if settings.store_names or settings.read_civic_number else PersonWithLogins
    yield from people.of(ties, kind, queries_by_relation(days, "duty"), _decode_hook(settings, connect, keeps=True))
    yield from _in_pages(
        [tie for tie in people.with_last_days(ties) if days.is_recent(tie.end, tie.latest_possible_end)]
    )


def _duty(row: Duty, marks: set[str]) -> DatedMembership | None:
    source_id, person = id_of(row.id), _marked_person(row.person, marks)
    if source_id is None or person is None:
        return None
    return DatedMembership(
        source_id=source_id,
        person=person,
        membership=MembershipType.EMPLOYMENT,
        organisation=_referenced_id(row.duty_at),
        percent=row.duty_percent,
        start=row.start_date,
        end=row.end_date,
    )


def _recent_memberships(
    ties: Iterable[DatedMembership | None], days: ReadingPeriod, named: set[str]
) -> Iterator[DatedMembership]:
    """Those that are kept; whom the others name as well is noted, since his mark must be heard."""
    for tie in ties:
        if tie is not None:
            named.add(tie.person)
            if days.is_recent(tie.end, None):
                yield tie


def _rejection_reasons(rows: Iterable[Duty | RegisterPlacement]) -> Iterator[str]:
    for row in rows:
        if id_of(row.id) is None:
            yield MISSING_ID_REASON
        elif isinstance(row, RegisterPlacement) and _referenced_id(row.child) is None:
            yield "child is empty"


def _decode_hook(settings: Settings, connect: Connect, *, keeps: bool) -> DecodeHook:
    def civic_token(said: str) -> str | None:
        number = civic_number(said, connect.today) if keeps and settings.read_civic_number else None
        return None if number is None else connect.token(number.text)

    return decode_hook(civic_token, keeps_names=keeps and settings.store_names)


class PeopleReader:
    """The people of kept rows, each handed on once, and those of other rows (*named*) who are marked."""

    def __init__(
        self, register: RegisterClient, settings: Settings, marks: set[str], named: set[str], children: set[str]
    ) -> None:
        self._register, self._settings = register, settings
        self._marks, self._named, self._children = marks, named, children
        self._yielded: set[str] = set()
        self._stopped: dict[str, date] = {}

    def of(
        self,
        ties: Sequence[DatedMembership],
        kind: type[MinimalPerson],
        queries: Sequence[Params],
        hook: DecodeHook | None,
    ) -> Iterator[Page]:
        """The people of *ties*; those who are not listed are looked up, and who is not found either is known by id."""
        missing = dict.fromkeys(tie.person for tie in ties)
        only_open = missing.keys() - {tie.person for tie in ties if clean_text(tie.end) is not None}
        is_open = (lambda told: id_of(told.id) in only_open) if only_open else None
        for people in self._register.pages("persons", kind, queries, hook, is_open=is_open):
            yield self._page(people, missing)
        for people in self._register.look_up("persons", list(missing), kind, hook):
            yield self._page(people, missing)
        yield from _in_pages([self._unknown(person) for person in missing])
        # Whoever is marked on a row that is not kept is protected all the same.
        others = sorted(self._marks - self._yielded - missing.keys())
        yield from _in_pages([RegisterPerson(person, marked=True) for person in others])

    def _page(self, people: Iterable[MinimalPerson], missing: dict[str, None]) -> Page:
        raws: list[RegisterPerson] = []
        for told in people:
            at = id_of(told.id)
            if at is None or at not in self._named:
                continue
            if is_marked(told.security_marking):
                self._marks.add(at)
            elif at not in missing:
                continue
            missing.pop(at, None)
            self._yielded.add(at)
            self._record_last_day(at, told)
            raws.append(register_person(self._settings, at, told, child=at in self._children, marked=at in self._marks))
        return Page(raws)

    def _unknown(self, person: str) -> RegisterPerson:
        return RegisterPerson(person, child=person in self._children, marked=person in self._marks)

    def _record_last_day(self, person: str, told: MinimalPerson) -> None:
        day = _stopped(fold_text(told.person_status) in ENDED_STATUSES, told.meta)
        if day is not None:
            self._stopped[person] = day

    def with_last_days(self, ties: Iterable[DatedMembership]) -> Iterator[DatedMembership]:
        """*ties*, those of people who have died or emigrated ending on the day it was written down."""
        for tie in ties:
            yield _with_end_and_mark(tie, self._stopped.get(tie.person), tie.person in self._marks)


def _with_end_and_mark(tie: DatedMembership, latest: date | None, marked: bool) -> DatedMembership:
    return msgspec.structs.replace(tie, latest_possible_end=latest, marked=marked)
