"""Puts the rows of all lists together: one person for all rows of theirs, and each membership in the newest list that has it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import msgspec

from connectors.register_file.rows import Attendance, ListedGroup, RegisterRow
from fleetsync.core.model import MembershipType, RecordType
from fleetsync.pull.contract import RejectedRecord, SourceFile, UnknownValue, UnreadableFact
from fleetsync.pull.decoding import EnrolmentPeriod, IdNumbering, is_child, make_id
from fleetsync.pull.files import PersonKeys


@dataclass
class ReadList:
    """A list that was read to its end."""

    file: SourceFile
    rows: list[RegisterRow] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)


class ListedPerson(msgspec.Struct, frozen=True, gc=False):
    """A person of the lists. *child*: of förskola or förskoleklass, or perhaps so. *mark*: the word that protects them."""

    person: str
    keys: PersonKeys = PersonKeys()
    child: bool = False
    mark: str | None = None


class ListedMembership(msgspec.Struct, frozen=True, gc=False):
    """A membership of a person. *id_prefix*: what its id begins with before a fact that could not be read; "" for none."""

    source_id: str
    id_prefix: str
    person: str
    membership: MembershipType
    attendance: Attendance
    group: str | None = None
    marked: bool = False
    unknown_values: tuple[UnknownValue, ...] = ()
    facts: tuple[UnreadableFact, ...] = ()


NumberedRow = tuple[int, RegisterRow]
"""A row with the number of its list."""
ListRaw = ListedPerson | ListedMembership | ListedGroup


@dataclass
class ListRecords:
    """What a list gives for a part. *left*: rows that may belong to the part, or not."""

    raws: list[ListRaw] = field(default_factory=list)
    left: list[RejectedRecord] = field(default_factory=list)


def groups_of(lists: Sequence[ReadList]) -> list[ListRecords]:
    """The groups of each of *lists*; a group that several name is the newest one's. *lists*: the oldest first."""
    records, seen = [ListRecords() for _ in lists], set[str]()
    for number in reversed(range(len(lists))):
        attended = (row.attendance for row in lists[number].rows if row.attendance is not None)
        for group in (attendance.group for attendance in attended if attendance.group is not None):
            if group.source_id not in seen:
                seen.add(group.source_id)
                records[number].raws.append(group)
    return records


def people_of(part: str, lists: Sequence[ReadList], today: date) -> list[ListRecords]:
    """The people of *part* and their memberships, by the list that they are taken from. *lists*: the oldest first."""
    rows: defaultdict[str, list[NumberedRow]] = defaultdict(list)
    for number, each in enumerate(lists):
        for row in each.rows:
            rows[row.person.person].append((number, row))
    records = [ListRecords() for _ in lists]
    for person, of_person in rows.items():
        # Always in the same list, so that nothing changes when another one becomes the newest.
        home = min({number for number, _ in of_person}, key=lambda number: lists[number].file.scope)
        _add_person(part, person, of_person, today, records, home)
    return records


def _add_person(
    part: str, person: str, rows: Sequence[NumberedRow], today: date, records: Sequence[ListRecords], home: int
) -> None:
    attended = [(number, row) for number, row in rows if row.attendance is not None]
    of_part = [(number, row) for number, row in attended if row.attendance is not None and row.attendance.part == part]
    mark = next((row.person.mark for _, row in rows if row.person.mark is not None), None)
    # A person whose rows are all left out is not kept, unless marked: they may hold a device of ours.
    is_listed = bool(of_part) or (mark is not None and not attended)
    if is_listed:
        records[home].raws.append(_listed_person(part, person, [row for _, row in rows], mark, today))
        for number, membership in _memberships(part, person, of_part, mark is not None):
            records[number].raws.append(membership)
    for number, row in attended:
        if row.attendance is not None and row.attendance.part != part and row.attendance.is_of_unknown_part:
            records[number].left.append(_left_row(person, row, is_listed))


def _left_row(person: str, row: RegisterRow, is_listed: bool) -> RejectedRecord:
    """A row of which nobody knows whether it is of the part: what is believed of the person there stays."""
    if is_listed:
        prefix = f"{person}/"
        return RejectedRecord("school form is not known", row.place, prefix, RecordType.MEMBERSHIP, is_prefix=True)
    return RejectedRecord("school form is not known", row.place, person)


def _listed_person(part: str, person: str, rows: Sequence[RegisterRow], mark: str | None, today: date) -> ListedPerson:
    if part == "children":  # of a child in förskola no key is kept
        return ListedPerson(person, child=True, mark=mark)
    attended = [row.attendance for row in rows if row.attendance is not None]
    return ListedPerson(
        person=person,
        keys=PersonKeys.of([row.person for row in rows]),
        child=is_child([_period(each) for each in attended], today),
        mark=mark,
    )


def _period(attendance: Attendance) -> EnrolmentPeriod:
    return EnrolmentPeriod(
        form=attendance.form or "",
        year=attendance.year,
        first=attendance.start or date.min,
        last=attendance.end or date.max,
    )


def _memberships(
    part: str, person: str, rows: Sequence[NumberedRow], marked: bool
) -> Iterator[tuple[int, ListedMembership]]:
    """Each membership once, with the number of the newest list that has it."""
    of_list: defaultdict[int, list[ListedMembership]] = defaultdict(list)
    for number, row in rows:
        of_list[number] += _memberships_of_row(part, person, row, marked)
    seen: set[str] = set()
    for number in sorted(of_list, reverse=True):
        new = [membership for membership in of_list[number] if membership.source_id not in seen]
        seen.update(membership.source_id for membership in new)
        yield from ((number, membership) for membership in _numbered(new))


def _numbered(memberships: Iterable[ListedMembership]) -> Iterator[ListedMembership]:
    """Different memberships of one id get numbers, in an order that does not depend on that of the rows."""
    by_content = {msgspec.json.encode(_content(membership)): membership for membership in memberships}
    numbered = IdNumbering()
    for _, membership in sorted(by_content.items()):
        yield msgspec.structs.replace(membership, source_id=numbered(membership.source_id))


def _content(membership: ListedMembership) -> ListedMembership:
    return msgspec.structs.replace(membership, unknown_values=(), facts=())


def _memberships_of_row(part: str, person: str, row: RegisterRow, marked: bool) -> Iterator[ListedMembership]:
    attendance = row.attendance
    assert attendance is not None, "only rows with an attendance are given"
    unit = next(iter(attendance.codes), attendance.unit_name or "").casefold()
    start = None if "start" in attendance.unreadable else str(attendance.start or "")
    form = None if attendance.is_of_unknown_part else attendance.form or ""
    group = None if attendance.group is None else attendance.group.source_id
    of_unit = make_id(person, unit, form, start)
    is_child_row = part == "children"
    yield ListedMembership(
        source_id=of_unit.source_id,
        id_prefix=of_unit.prefix,
        person=person,
        membership=MembershipType.PLACEMENT if is_child_row else MembershipType.ENROLMENT,
        attendance=msgspec.structs.replace(attendance, group=None),
        group=group if is_child_row else None,
        marked=marked,
        unknown_values=row.unknown_values,
        facts=row.facts,
    )
    if group is None or is_child_row:
        return
    of_group = make_id(group, person, start)
    yield ListedMembership(
        source_id=of_group.source_id,
        id_prefix=of_group.prefix,
        person=person,
        membership=MembershipType.GROUP,
        attendance=msgspec.structs.replace(attendance, group=None, form=None, year=None),
        group=group,
        marked=marked,
    )
