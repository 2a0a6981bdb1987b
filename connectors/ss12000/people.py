"""Reads pupils, children and staff: first the rows that refer to people, for marks of protection, then the people.

A mark on any reference counts, also on a row that is too old or left out, and so does the mark of a person without any
other row. So no person is handed on before every reference to them has been read. Nothing else is joined here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from connectors.ss12000.normalising import (
    ENDED_STATUSES,
    DatedMembership,
    RegisterPerson,
    protecting_word,
    register_person,
    resolve_school_form,
)
from connectors.ss12000.register_client import RegisterClient
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
    decode_hook,
    id_of,
)
from connectors.ss12000.settings import Settings
from fleetsync.core.model import MembershipType, RecordType
from fleetsync.pull.contract import Connect, Page, Params, PartMissing, RecordError, RejectedRecord, SourceRefused
from fleetsync.pull.decoding import (
    AFTER_SCHOOL_FORMS,
    DecodeHook,
    EnrolmentPeriod,
    IdNumbering,
    SourceRow,
    civic_number,
    clean_text,
    fold_text,
    is_child,
    make_id,
    parse_day,
    parse_day_or_none,
    parse_whole_number,
)

RECENT_PERIOD = timedelta(days=366)
RECORDS_PER_PAGE = 2000
MISSING_ID_REASON = "id is empty"
MIN_PERSONS_TO_ASK = 10  # fewer may all be guardians
_ENROLMENTS = frozenset({"enrolments", "enrolments[]"})
_GROUP_MEMBERSHIPS = frozenset({"groupMemberships", "groupMemberships[]"})
_FIELDS_OF_FACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "enroledAt": ("codes",),
        "placedAt": ("codes",),
        "dutyAt": ("codes",),
        "organisation": ("codes",),
        "group": ("group",),
        "schoolType": ("school_form",),
        "schoolYear": ("year",),
        "dutyPercent": ("share",),
        "startDate": ("start",),
        "endDate": ("end",),
        "cancelled": ("end",),
    }
)
"""Of a register's field that cannot be read, the field of a membership that is unknown then."""


class ReadingPeriod(NamedTuple):
    """The day of the run, and the first day on which a row may have ended and still be read."""

    today: date
    since: date

    def is_recent(self, end: str | None, latest: date | None) -> bool:
        """Whether a row runs, is to come, or ended within a year."""
        return min(parse_day_or_none(end) or date.max, latest or date.max) >= self.since


def reading_period(connect: Connect) -> ReadingPeriod:
    """The period of this run."""
    return ReadingPeriod(connect.today, connect.today - RECENT_PERIOD)


def queries_by_end_date(period: ReadingPeriod, *filters: Params) -> tuple[Params, ...]:
    """Queries for rows that did not end long ago: by all *filters* first, then by fewer, at last by none."""
    narrow = {name: value for query in filters for name, value in query.items()}
    wider = (narrow,) if narrow else ()
    return ({**narrow, "endDate.onOrAfter": period.since.isoformat()}, *wider, {})


def queries_by_relation(period: ReadingPeriod, kind: str) -> tuple[Params, ...]:
    """Queries for persons with a relation of *kind*; a filter by day is only allowed together with it."""
    of_kind = {"relationship.entity.type": kind}
    return ({**of_kind, "relationship.endDate.onOrAfter": period.since.isoformat()}, of_kind, {})


def is_open(row: Enrolment | RegisterPlacement | Duty | Group | GroupWithMembers) -> bool:
    """Whether a row has no last day at all. A day in 9999 proves nothing: it passes a filter that drops open rows."""
    return clean_text(row.end_date) is None


def _has_only_open_enrolments(period: ReadingPeriod) -> Callable[[Pupil], bool]:
    """Whether a person passes a filter by last day only because of an enrolment without a last day."""

    def test(person: Pupil) -> bool:
        rows = person.enrolments or ()
        shown = [row for row in rows if not is_open(row) and period.is_recent(row.end_date, None)]
        return any(map(is_open, rows)) and not shown

    return test


def _last_day(is_over: bool, meta: Meta | None) -> date | None:
    """The last day of what a status ends without a day: the day of the last change. None while it is not over.

    Without a day of change either it is `date.min`: the row is left out, and ends with the day it was seen last.
    """
    return (parse_day_or_none(meta.modified if meta else None) or date.min) if is_over else None


def _referenced_id(reference: ObjectReference | PersonReference | None) -> str | None:
    return None if reference is None else id_of(reference.id)


def _is_unreadable(reference: PersonReference | None) -> bool:
    """Whether there is a reference and nobody can say to whom."""
    return reference is not None and "id" in reference.unreadable


def _page(
    register: RegisterClient,
    raws: Sequence[RegisterPerson | DatedMembership],
    rejected: Iterable[RejectedRecord] = (),
) -> Page:
    """A page with what could not be read since the page before. An enrolment that could not be read is one of *rejected*."""
    facts = [fact for fact in register.take_facts() if fact.field not in _ENROLMENTS | _GROUP_MEMBERSHIPS]
    return Page([*raws, *facts], rejected=(*register.take_rejected(), *rejected))


def _in_pages(raws: Sequence[RegisterPerson | DatedMembership]) -> Iterator[Page]:
    for start in range(0, len(raws), RECORDS_PER_PAGE):
        yield Page(raws[start : start + RECORDS_PER_PAGE])


# ----------------------------------------------------------------------------------------------------------------- pupils


def pupils(register: RegisterClient, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Every person with an enrolment, with their enrolments and the groups they are in."""
    period, marks, seen = reading_period(connect), dict[str, str](), set[str]()
    torn_groups: list[RejectedRecord] = []
    in_groups = list(_group_memberships(register, settings, period, marks, torn_groups))
    yield _page(register, [], torn_groups)
    persons = enrolled = 0
    queries, hook = queries_by_relation(period, "enrolment"), _decode_hook(settings, connect, keeps=False)
    for people in register.pages("persons", Pupil, queries, hook, is_open=_has_only_open_enrolments(period)):
        raws: list[RegisterPerson | DatedMembership] = []
        for person in people:
            raws += _pupil(settings, period, person, marks, seen)
        persons += len(people)
        enrolled += sum(bool(person.enrolments) or not _ENROLMENTS.isdisjoint(person.unreadable) for person in people)
        yield _page(register, raws, _rejected_pupils(people))
    if persons >= MIN_PERSONS_TO_ASK and not enrolled:
        raise SourceRefused(
            f"{settings.name}: {persons} persons came and none has an enrolment: may this key read them? Let this client read the "
            f"enrolments of /persons at the register, then run: fleetsync check {settings.name}"
        )
    yield from _in_pages([membership for membership in in_groups if membership.person in seen])
    # A person marked in a class list is protected, even if they are no pupil.
    yield from _in_pages([RegisterPerson(person, mark=marks[person]) for person in sorted(marks.keys() - seen)])


def _rejected_pupils(people: Sequence[Pupil]) -> Iterator[RejectedRecord]:
    for person in people:
        source_id = id_of(person.id)
        if source_id is None:
            yield RejectedRecord(MISSING_ID_REASON)
        elif not _ENROLMENTS.isdisjoint(person.unreadable):
            yield RejectedRecord(
                "an enrolment cannot be read", source_id, f"{source_id}/", RecordType.MEMBERSHIP, is_prefix=True
            )


def _pupil(
    settings: Settings, period: ReadingPeriod, person: Pupil, marks: dict[str, str], seen: set[str]
) -> Iterator[RegisterPerson | DatedMembership]:
    source_id = id_of(person.id)
    mark = marks.get(source_id or "") or protecting_word(person.security_marking)
    if source_id is None or (source_id in seen and mark is None):
        return  # listed twice, since somebody moved between two pages
    memberships = list(_enrolments(period, source_id, person, mark is not None))
    # Of a person who left long ago only the mark counts. A person who never had an enrolment is a guardian, or staff.
    if not memberships and not (mark is not None and person.enrolments):
        return
    child = is_child([_enrolment_period(settings, person, row) for row in person.enrolments or ()], period.today)
    yield register_person(settings, source_id, person, child=child, mark=mark)
    if source_id not in seen:
        yield from memberships
    seen.add(source_id)


def _enrolments(period: ReadingPeriod, source_id: str, person: Pupil, marked: bool) -> Iterator[DatedMembership]:
    numbered = IdNumbering()
    for row in person.enrolments or ():
        latest = _latest_possible_end(person, row)
        if not period.is_recent(row.end_date, latest):
            continue
        organisation = _referenced_id(row.enroled_at)
        unreadable = _unreadable_fields(row, row.enroled_at)
        made = make_id(
            source_id,
            None if "codes" in unreadable else organisation or "",
            None if "school_form" in unreadable else fold_text(row.school_type),
            None if "start" in unreadable else _start_in_id(row.start_date),
        )
        yield DatedMembership(
            source_id=numbered(made.source_id),
            person=source_id,
            id_prefix=made.prefix,
            membership=MembershipType.ENROLMENT,
            organisation=organisation,
            form=row.school_type,
            year=row.school_year,
            start=row.start_date,
            end=row.end_date,
            latest_possible_end=None if latest == date.max else latest,
            marked=marked,
            unreadable=unreadable,
        )


def _start_in_id(start: str | None) -> str | None:
    """A first day as it stands in an id; None where it is filled in and no day."""
    try:
        parse_day(start, "startDate")
    except RecordError:
        return None
    return start or ""


def _unreadable_fields(row: SourceRow, organisation: SourceRow | None) -> tuple[str, ...]:
    """The fields of a membership that a row has filled in and that could not be read."""
    names = [*row.unreadable, *(("organisation",) if organisation is not None and organisation.unreadable else ())]
    return tuple(dict.fromkeys(field for name in names for field in _FIELDS_OF_FACTS.get(name, ())))


def _latest_possible_end(person: Pupil, row: Enrolment) -> date:
    """The last day on which an enrolment can have run, even if its end is later."""
    is_over = fold_text(person.person_status) in ENDED_STATUSES or bool(row.cancelled)
    return _last_day(is_over, person.meta) or date.max


def _enrolment_period(settings: Settings, person: Pupil, row: Enrolment) -> EnrolmentPeriod:
    return EnrolmentPeriod(
        form=(resolve_school_form(settings, row.school_type) or "").upper(),
        year=parse_whole_number(row.school_year),
        first=parse_day_or_none(row.start_date) or date.min,
        last=min(parse_day_or_none(row.end_date) or date.max, _latest_possible_end(person, row)),
    )


def _group_memberships(
    register: RegisterClient,
    settings: Settings,
    period: ReadingPeriod,
    marks: dict[str, str],
    torn: list[RejectedRecord],
) -> Iterator[DatedMembership]:
    """The members of the groups; none where the register has no groups. Groups with a member that cannot be read are added to
    *torn*.
    """
    try:
        for groups in register.pages("groups", GroupWithMembers, queries_of_groups(settings, period), is_open=is_open):
            for group in groups:
                torn.extend(_torn_group(settings, group))
                yield from _memberships_of_group(settings, period, group, marks)
    except PartMissing:
        return


def _torn_group(settings: Settings, group: GroupWithMembers) -> Iterator[RejectedRecord]:
    group_id = id_of(group.id)
    members = group.group_memberships or ()
    is_kind_needed = bool(settings.group_types) and "groupType" in group.unreadable
    is_torn = not _GROUP_MEMBERSHIPS.isdisjoint(group.unreadable) or any(
        "person" in row.unreadable or _is_unreadable(row.person) for row in members
    )
    if is_torn or is_kind_needed:
        reason = "a member cannot be read" if is_torn else "groupType cannot be read"
        prefix = None if group_id is None else f"{group_id}/"
        yield RejectedRecord(reason, group_id or "", prefix, RecordType.MEMBERSHIP, is_prefix=True)


def queries_of_groups(settings: Settings, period: ReadingPeriod) -> tuple[Params, ...]:
    """Groups of the types that are read, not ended long ago."""
    return (
        queries_by_end_date(period, {"groupType": list(settings.group_types)})
        if settings.group_types
        else queries_by_end_date(period)
    )


def is_wanted(settings: Settings, group_type: str | None) -> bool:
    """Whether groups of this type are read."""
    return not settings.group_types or fold_text(group_type) in {fold_text(wanted) for wanted in settings.group_types}


def _memberships_of_group(
    settings: Settings, period: ReadingPeriod, group: GroupWithMembers, marks: dict[str, str]
) -> Iterator[DatedMembership]:
    group_id = id_of(group.id)
    for member in group.group_memberships or ():
        person = _noted_person(member.person, marks)
        if group_id is None or person is None or not is_wanted(settings, group.group_type):
            continue
        membership = _group_membership(group_id, group, member, person)
        if period.is_recent(membership.end, membership.latest_possible_end):
            yield membership


def _group_membership(group_id: str, group: GroupWithMembers, member: GroupMembership, person: str) -> DatedMembership:
    unreadable = _unreadable_fields(member, None)
    # A first day of the member's own that cannot be read is not the group's.
    has_own_start = "start" in unreadable or clean_text(member.start_date) is not None
    start = member.start_date if has_own_start else group.start_date
    if not has_own_start and "startDate" in group.unreadable:
        unreadable = (*unreadable, "start")
    made = make_id(group_id, person, None if "start" in unreadable else _start_in_id(start))
    return DatedMembership(
        source_id=made.source_id,
        person=person,
        id_prefix=made.prefix,
        membership=MembershipType.GROUP,
        group=group_id,
        start=start,
        end=member.end_date,
        latest_possible_end=parse_day_or_none(group.end_date),
        unreadable=unreadable,
    )


def _noted_person(reference: PersonReference | None, marks: dict[str, str]) -> str | None:
    """The id of the person that *reference* means. A mark on the reference adds it to *marks*."""
    person = _referenced_id(reference)
    mark = None if reference is None else protecting_word(reference.security_marking)
    if person is not None and mark is not None:
        marks[person] = mark
    return person


# ------------------------------------------------------------------------------------------------------ children and staff


def children(register: RegisterClient, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Every person with a placement, with their placements. Of the child only the mark of protection is read."""
    period, marks, named = reading_period(connect), dict[str, str](), set[str]()
    memberships: list[DatedMembership] = []
    queries = queries_by_end_date(period)
    for placements in register.pages("placements", RegisterPlacement, queries, is_open=is_open):
        memberships += _recent_memberships((_placement(row, marks) for row in placements), period, named)
        yield _page(register, [], _rejected(placements))
    young = {
        membership.person
        for membership in memberships
        if (resolve_school_form(settings, membership.form) or "").upper() not in AFTER_SCHOOL_FORMS
    }
    people = PeopleReader(register, settings, marks, named, young)
    yield from people.of(memberships, MinimalPerson, queries_by_relation(period, "placement.child"), None)
    yield from _in_pages(people.recent_memberships(memberships, period))


def _placement(row: RegisterPlacement, marks: dict[str, str]) -> DatedMembership | None:
    source_id, person = id_of(row.id), _noted_person(row.child, marks)
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
        unreadable=_unreadable_fields(row, row.placed_at),
    )


def staff(register: RegisterClient, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Every person with a duty, with their duties and log-ins. A duty without a person is vacant and is not kept."""
    period, marks, named = reading_period(connect), dict[str, str](), set[str]()
    memberships: list[DatedMembership] = []
    for duties in register.pages("duties", Duty, queries_by_end_date(period), is_open=is_open):
        memberships += _recent_memberships((_duty(row, marks) for row in duties), period, named)
        yield _page(register, [], _rejected(duties))
    people = PeopleReader(register, settings, marks, named, set())
    kind = StaffPerson if settings.store_names or settings.read_civic_number else PersonWithLogins
    hook = _decode_hook(settings, connect, keeps=True)
    yield from people.of(memberships, kind, queries_by_relation(period, "duty"), hook)
    yield from _in_pages(people.recent_memberships(memberships, period))


def _duty(row: Duty, marks: dict[str, str]) -> DatedMembership | None:
    source_id, person = id_of(row.id), _noted_person(row.person, marks)
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
        unreadable=_unreadable_fields(row, row.duty_at),
    )


def _recent_memberships(
    memberships: Iterable[DatedMembership | None], period: ReadingPeriod, named: set[str]
) -> Iterator[DatedMembership]:
    """The memberships that are kept. Persons of all others are added to *named*, since a mark on them must count."""
    for membership in memberships:
        if membership is not None:
            named.add(membership.person)
            if period.is_recent(membership.end, None):
                yield membership


def _rejected(rows: Iterable[Duty | RegisterPlacement]) -> Iterator[RejectedRecord]:
    for row in rows:
        if id_of(row.id) is None:
            yield RejectedRecord(MISSING_ID_REASON)
        elif isinstance(row, RegisterPlacement) and _referenced_id(row.child) is None:
            yield RejectedRecord("child is empty", source_id=id_of(row.id), record_type=RecordType.MEMBERSHIP)
        elif isinstance(row, Duty) and _is_unreadable(row.person):  # without any person it is vacant
            yield RejectedRecord("person cannot be read", source_id=id_of(row.id), record_type=RecordType.MEMBERSHIP)


def _decode_hook(settings: Settings, connect: Connect, *, keeps: bool) -> DecodeHook:
    def civic_token(text: str) -> str | None:
        number = civic_number(text, connect.today) if keeps and settings.read_civic_number else None
        return None if number is None else connect.token(number.text)

    return decode_hook(civic_token, keeps_names=keeps and settings.store_names)


class PeopleReader:
    """Reads the people of kept rows, each once, and those of other rows (*named*) who are marked as protected."""

    def __init__(
        self, register: RegisterClient, settings: Settings, marks: dict[str, str], named: set[str], children: set[str]
    ) -> None:
        self._register, self._settings = register, settings
        self._marks, self._named, self._children = marks, named, children
        self._yielded: set[str] = set()
        self._last_days: dict[str, date] = {}

    def of(
        self,
        memberships: Sequence[DatedMembership],
        kind: type[MinimalPerson],
        queries: Sequence[Params],
        hook: DecodeHook | None,
    ) -> Iterator[Page]:
        """The people of *memberships*. Those that no page lists are looked up; the others are known by their id alone."""
        missing = dict.fromkeys(membership.person for membership in memberships)
        dated = {membership.person for membership in memberships if clean_text(membership.end) is not None}
        only_open = missing.keys() - dated
        is_open = (lambda person: id_of(person.id) in only_open) if only_open else None
        for people in self._register.pages("persons", kind, queries, hook, is_open=is_open):
            yield self._page(people, missing)
        for people in self._register.look_up("persons", list(missing), kind, hook):
            yield self._page(people, missing)
        yield from _in_pages([self._known_by_id(source_id) for source_id in missing])
        # A person marked on a row that is not kept is protected all the same.
        others = sorted(self._marks.keys() - self._yielded - missing.keys())
        yield from _in_pages([RegisterPerson(source_id, mark=self._marks[source_id]) for source_id in others])

    def _page(self, people: Iterable[MinimalPerson], missing: dict[str, None]) -> Page:
        raws: list[RegisterPerson] = []
        for person in people:
            source_id = id_of(person.id)
            if source_id is None or source_id not in self._named:
                continue
            mark = protecting_word(person.security_marking)
            if mark is not None:
                self._marks[source_id] = mark
            elif source_id not in missing:
                continue
            missing.pop(source_id, None)
            self._yielded.add(source_id)
            self._record_last_day(source_id, person)
            is_child_id, mark = source_id in self._children, self._marks.get(source_id)
            raws.append(register_person(self._settings, source_id, person, child=is_child_id, mark=mark))
        return _page(self._register, raws)

    def _known_by_id(self, source_id: str) -> RegisterPerson:
        return RegisterPerson(source_id, child=source_id in self._children, mark=self._marks.get(source_id))

    def _record_last_day(self, source_id: str, person: MinimalPerson) -> None:
        day = _last_day(fold_text(person.person_status) in ENDED_STATUSES, person.meta)
        if day is not None:
            self._last_days[source_id] = day

    def recent_memberships(
        self, memberships: Iterable[DatedMembership], period: ReadingPeriod
    ) -> list[DatedMembership]:
        """*memberships* without those that ended long ago.

        Those of people who have died or emigrated end on the day on which that was written down.
        """
        complete = (
            msgspec.structs.replace(
                membership,
                latest_possible_end=self._last_days.get(membership.person),
                marked=membership.person in self._marks,
            )
            for membership in memberships
        )
        return [row for row in complete if period.is_recent(row.end, row.latest_possible_end)]
