"""Which listings are asked for a part, and how their pages follow each other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from connectors.oneroster.roles import (
    PUPIL_ROLE,
    LeftOutRow,
    RosterMembership,
    RosterPerson,
    is_deleted,
    roster_person,
    with_ids_united,
)
from connectors.oneroster.schema import (
    ClassPage,
    Enrolment,
    EnrolmentPage,
    Organisation,
    OrganisationPage,
    RowPage,
    SchoolClass,
    User,
    UserPage,
    decode_hook,
    every_path,
)
from connectors.oneroster.settings import Settings
from fleetsync.core.model import MembershipType, RecordType
from fleetsync.pull.contract import (
    Connect,
    DecodedResponse,
    Page,
    Params,
    Part,
    PartMissing,
    ProbeResult,
    RejectedRecord,
    UnreadableFact,
    WrongAnswer,
)
from fleetsync.pull.decoding import (
    OffsetPaging,
    RowReader,
    SourceRow,
    clean_text,
    fold_text,
    pages_of_accepted_query,
    probe_part,
    without_civic_number,
)

_PERSON_RECORDS = (RecordType.PERSON, RecordType.MEMBERSHIP)
PARTS = (
    Part("units", (RecordType.UNIT,)),
    Part("groups", (RecordType.GROUP,), after=("units",), optional=True),
    Part("pupils", _PERSON_RECORDS, after=("units", "groups")),
    Part("staff", _PERSON_RECORDS, after=("units",)),
)
RECORDS_PER_PAGE = 2000
MISSING_ID_REASON = "sourcedId is empty"
_LISTING_RELATIONS = ('rel="next"', 'rel="first"', 'rel="last"', 'rel="prev"')


class _Listing(msgspec.Struct, frozen=True):
    """A listing. *record_type*: what a row becomes where its part has several types."""

    path: str
    page: type[RowPage]
    row: type[SourceRow]
    record_type: RecordType | None = None
    may_be_missing: bool = False


_ORGANISATIONS = _Listing("orgs", OrganisationPage, Organisation)
_CLASSES = _Listing("classes", ClassPage, SchoolClass, may_be_missing=True)
_USERS = _Listing("users", UserPage, User)
_ENROLMENTS = _Listing("enrollments", EnrolmentPage, Enrolment, RecordType.MEMBERSHIP, may_be_missing=True)
_LISTINGS: Mapping[str, _Listing] = MappingProxyType(
    {"units": _ORGANISATIONS, "groups": _CLASSES, "pupils": _USERS, "staff": _USERS}
)


def _is_last_by_link(page: DecodedResponse[RowPage]) -> bool:
    """Whether a page has links to others, and none to a next one."""
    link = page.headers.get("link", "")
    return any(relation in link for relation in _LISTING_RELATIONS) and 'rel="next"' not in link


def _total_of(page: DecodedResponse[RowPage]) -> int | None:
    """How many rows the listing has, as a page says; None where it does not."""
    if page.body.total_count is not None:
        return page.body.total_count
    count = page.headers.get("x-total-count", "").strip()
    return int(count) if count.isdecimal() else None


class _ReadPage(msgspec.Struct, frozen=True):
    """A page of read rows. *total*: of all pages; None where the server does not say."""

    rows: Sequence[Any]
    facts: Sequence[UnreadableFact]
    rejected: tuple[RejectedRecord, ...]
    total: int | None


class _Register:
    """The listings of one server."""

    def __init__(self, settings: Settings, connect: Connect) -> None:
        self.settings, self.today, self._token_of = settings, connect.today, connect.token
        auth = settings.sign_in()
        self._needs = auth.scope
        self._client = connect(settings.base_url, auth, requests_per_minute=settings.requests_per_minute)

    def pages(self, listing: _Listing, size: int | None = None) -> Iterator[_ReadPage]:
        """All pages of a listing. A server that refuses to choose and to order fields is asked without.

        Raises PartMissing where the server does not have a listing that it may lack.
        """
        # Nothing of a row may be lost without the row: what is believed of it must stay then.
        reader = RowReader(
            listing.row,
            decode_hook(self._token_of, self.today),
            essential=every_path(listing.row),
            id_field="sourcedId",
            record_type=listing.record_type,
            normalise_id=self._person_id if listing is _USERS else clean_text,
        )
        for page, total in self._raw_pages(listing, size or self.settings.page_size):
            read = reader.read(page.rows or ())
            yield _ReadPage(read.rows, read.facts, tuple(read.rejected), total)

    def _person_id(self, value: object) -> str | None:
        return without_civic_number(value, self._token_of, self.today)

    def _raw_pages(self, listing: _Listing, size: int) -> Iterator[tuple[RowPage, int | None]]:
        fields = (field.encode_name for field in msgspec.structs.fields(listing.row) if field.name != "unreadable")
        narrow = {"fields": ",".join(fields), "sort": "sourcedId", "orderBy": "asc"}
        return pages_of_accepted_query(
            self._follow(listing, {**narrow, "limit": size}, is_optional=True),
            self._follow(listing, {"limit": size}, is_optional=False),
        )

    def _follow(self, listing: _Listing, query: Params, *, is_optional: bool) -> Iterator[tuple[RowPage, int | None]]:
        paging = OffsetPaging(query, "sourcedId")

        def next_page(page: DecodedResponse[RowPage]) -> Params | None:
            following = paging.following(page.body.rows or (), _total_of(page))
            return None if _is_last_by_link(page) else following

        pages = self._client.follow_with_headers(
            listing.path,
            paging.first(),
            decode=listing.page,
            next_page=next_page,
            needs=self._needs,
            may_be_missing=listing.may_be_missing,
            optional_query=is_optional,
        )
        for page in pages:
            if page.body.rows is None:
                raise WrongAnswer(
                    f"{self.settings.name}: the answer has no list of {listing.path}, not even an empty one. If it continues, "
                    f"check base_url, then run: fleetsync check {self.settings.name}"
                )
            yield page.body, _total_of(page)


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """The part whole. Of a part of people, rows of other roles are read too, since no filter is common to all servers."""
    yield from _READERS[part](part, _Register(settings, connect))


def _plain_rows(part: str, register: _Register) -> Iterator[Page]:
    """Organisations and classes: each row is a record."""
    for page in register.pages(_LISTINGS[part]):
        rows = [_kept_row(register.settings, row) for row in page.rows]
        yield Page([*rows, *page.facts], total=page.total, rejected=page.rejected)


def _kept_row(settings: Settings, row: Organisation | SchoolClass) -> Organisation | SchoolClass | LeftOutRow:
    is_wanted = not isinstance(row, SchoolClass) or _is_wanted(settings, row)
    return row if is_wanted and not is_deleted(row.status) else LeftOutRow()


def _is_wanted(settings: Settings, row: SchoolClass) -> bool:
    wanted = {fold_text(word) for word in settings.class_types}
    return not wanted or fold_text(row.class_type) in wanted


def _people(part: str, register: _Register) -> Iterator[Page]:
    """All people of the part. They are collected first, since one of them may be listed under several ids.

    A row that comes twice counts once: another one was then passed over, which the total shows.
    """
    people, total = dict[str, RosterPerson | LeftOutRow](), None
    for page in register.pages(_USERS):
        total = page.total
        rejected = list(page.rejected)
        for user in page.rows:
            source_id = clean_text(user.sourced_id)
            if source_id is None:
                rejected.append(RejectedRecord(MISSING_ID_REASON))
            elif source_id not in people:
                people[source_id] = roster_person(part, register.settings, source_id, user, register.today)
        yield Page(page.facts, rejected=tuple(rejected))
    united = with_ids_united(people.values())
    for start in range(0, len(united), RECORDS_PER_PAGE):
        yield Page(united[start : start + RECORDS_PER_PAGE])
    yield Page([], total=total)


class _ListedPupils(msgspec.Struct, frozen=True):
    """The pupils of a listing: *ids* are all their ids, each with the one they are kept under; *unreadable* are of other rows."""

    ids: dict[str, str] = msgspec.field(default_factory=dict)
    unreadable: set[str] = msgspec.field(default_factory=set)

    def note(self, page: Page) -> None:
        people = (raw for raw in page.raws if isinstance(raw, RosterPerson))
        self.ids.update((known, person.source_id) for person in people for known in person.ids)
        self.unreadable.update(rejected.source_id for rejected in page.rejected if rejected.source_id)


def _pupils(part: str, register: _Register) -> Iterator[Page]:
    """Pupils, then in which classes they are. The total is that of both listings, where both have one."""
    listed, total, in_classes = _ListedPupils(), None, None
    for page in _people(part, register):
        total = page.total
        listed.note(page)
        yield Page(page.raws, rejected=page.rejected)
    try:
        classes = _class_ids(register)
        for read in register.pages(_ENROLMENTS):
            in_classes = read.total
            yield _class_members(read, listed, classes)
    except PartMissing as missing:
        if not missing.has_json:
            raise  # it was another host that answered: a server that lacks classes says so in JSON
        yield Page([], total=total)
        return
    yield Page([], total=None if total is None or in_classes is None else total + in_classes)


def _class_members(read: _ReadPage, listed: _ListedPupils, classes: frozenset[str]) -> Page:
    """Who is in a class. Of a user who could not be read, what is believed stays."""
    raws: list[RosterMembership | LeftOutRow] = []
    rejected = list(read.rejected)
    for row in read.rows:
        source_id, user = clean_text(row.sourced_id), clean_text(row.user.sourced_id if row.user else None) or ""
        if source_id is None:
            rejected.append(RejectedRecord(MISSING_ID_REASON, record_type=RecordType.MEMBERSHIP))
        elif user in listed.unreadable:
            rejected.append(RejectedRecord("user cannot be read", source_id, source_id, RecordType.MEMBERSHIP))
        else:
            raws.append(_class_membership(source_id, row, listed.ids.get(user), classes))
    return Page([*raws, *read.facts], rejected=tuple(rejected))


def _class_ids(register: _Register) -> frozenset[str]:
    """The ids of the classes that are read."""
    rows = (_kept_row(register.settings, row) for page in register.pages(_CLASSES) for row in page.rows)
    ids = (clean_text(row.sourced_id) for row in rows if isinstance(row, SchoolClass))
    return frozenset(filter(None, ids))


def _class_membership(
    source_id: str, row: Enrolment, person: str | None, classes: frozenset[str]
) -> RosterMembership | LeftOutRow:
    group = clean_text(row.school_class.sourced_id if row.school_class else None)
    is_pupils = fold_text(row.role) == PUPIL_ROLE and not is_deleted(row.status)
    if person is None or group not in classes or not is_pupils:
        return LeftOutRow()
    return RosterMembership(
        source_id=source_id,
        person=person,
        membership=MembershipType.GROUP,
        organisation=clean_text(row.school.sourced_id if row.school else None),
        group=group,
        begin_date=row.begin_date,
        end_date=row.end_date,
    )


_READERS: Mapping[str, Callable[[str, _Register], Iterator[Page]]] = MappingProxyType(
    {"units": _plain_rows, "groups": _plain_rows, "pupils": _pupils, "staff": _people}
)


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """One row of each listing that a part needs: that proves sign-in, scope and address."""
    register = _Register(settings, connect)
    for part in PARTS:
        if part.name not in settings.without:
            yield _probe_listing(part, _LISTINGS[part.name], register)


def _probe_listing(part: Part, listing: _Listing, register: _Register) -> ProbeResult:
    return probe_part(
        part,
        lambda: bool(next(register.pages(listing, 1)).rows),
        readable=f"/{listing.path} can be read",
        empty=f"/{listing.path} can be read, and its first page is empty: a register that has some may have taken our right away",
        remedy=f"Ask the register's vendor for the scope of the [[source]] table, with /{listing.path} in it, and check that "
        f"base_url is the address above /{listing.path}",
    )
