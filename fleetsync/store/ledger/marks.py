"""Which pull marked whom as protected, and how the marks of one wrong pull are taken back together.

Nothing is released in the moment of the decision: somebody who is rightly marked may be among the many. Each person's
mark ends when the next pull of the part reads that person without one, and no other part marks them. So nobody whom the
source still marks is ever stored in clear in between.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from fleetsync.store import tables as t
from fleetsync.store.database import database_of
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger import hidden_persons
from fleetsync.store.ledger.base import LedgerBase
from fleetsync.store.ledger.person_search import PersonSearch, search_persons
from fleetsync.store.ledger.redaction import read_anew

MARK_KEY = ("token", "source", "part")


class MarkingPull(msgspec.Struct, frozen=True, kw_only=True):
    """A pull that marked persons who are protected since. Holds counts, never a person."""

    pull: int
    source: str
    part: str
    marked_at: datetime
    persons: int  # whom it marked, and whose mark was not taken back
    marked_elsewhere: int  # of these: whom another part marks too, or another pull protected before
    released_by: str | None = None  # who takes its marks back; they end when the part is read without them


class MarkLedger(LedgerBase):
    """The part of the ledger that knows where a protection comes from."""

    def marked_tokens(self, source: str, part: str) -> frozenset[str]:
        """The tokens of persons whom the part is known to have marked."""
        mark = t.protection_mark.c
        with self._read_transaction() as connection:
            statement = select(mark.token).where(mark.source == source, mark.part == part)
            return frozenset(connection.execute(statement).scalars())

    def record_marks(self, pull: int, person_by_token: Mapping[str, str]) -> None:
        """Keep that *pull* marks these persons. What was recorded of the part before stays."""
        if not person_by_token:
            return
        with self._write_transaction(changes_believed=False) as connection:
            started_at = connection.execute(select(t.pull.c.started_at).where(t.pull.c.id == pull)).scalar_one()
            store_marks(connection, pull, person_by_token, started_at)

    def marking_pulls(self, min_persons: int = 1) -> tuple[MarkingPull, ...]:
        """The pulls that marked at least *min_persons* whose mark stands, newest first."""
        mark = t.protection_mark.c
        persons = func.count(mark.person.distinct())
        statement = (
            select(mark.pull_id, mark.source, mark.part, func.min(mark.marked_at), persons)
            .group_by(mark.pull_id, mark.source, mark.part)
            .having(persons >= min_persons)
            .order_by(mark.pull_id.desc())
        )
        with self._read_transaction() as connection:
            rows = connection.execute(statement).all()
            return tuple(_marking_pull(connection, *row) for row in rows)

    def request_mark_release(self, pull: int, who: str, reason: str) -> MarkingPull:
        """Take back the marks of *pull*, as soon as its part is read without them. StoreError when it marked nobody.

        The next pull of each part reads the persons anew.
        """
        mark = t.protection_mark.c
        with self._write_transaction() as connection:
            rows = connection.execute(select(t.protection_mark).where(mark.pull_id == pull)).all()
            if not rows:
                raise StoreError(
                    f"no mark of pull {pull} stands: it marked nobody, or its marks were taken back. Nothing was changed"
                )
            source, part, now = rows[0].source, rows[0].part, self._clock.now()
            values = {"pull_id": pull, "source": source, "part": part, "who": who, "reason": reason, "decided_at": now}
            upsert = database_of(connection).upsert(t.mark_release, ("pull_id",), ("who", "reason", "decided_at"))
            connection.execute(upsert, values)
            tokens = {row.token for row in rows}
            read_anew(connection, search_persons(connection, tokens, self._token_of, follow_reused_logins=False))
            what = f"takes back the marks of pull {pull}: {reason}"
            _write_audit(connection, now, who, what, f"{source}/{part}")
            persons = len({row.person for row in rows})
            return _marking_pull(connection, pull, source, part, min(row.marked_at for row in rows), persons)

    def persons_to_release(self, source: str, part: str) -> frozenset[str]:
        """The persons (tokens of their ids) whose marks by the part are to be taken back."""
        mark = t.protection_mark.c
        with self._read_transaction() as connection:
            release = t.mark_release.c
            of_part = select(release.pull_id).where(release.source == source, release.part == part)
            statement = select(mark.person).where(mark.source == source, mark.part == part, mark.pull_id.in_(of_part))
            return frozenset(connection.execute(statement).scalars())

    def take_back_marks(self, pull: int, *, unmarked: Collection[str], marked: Collection[str]) -> int:
        """Carry out what was decided, of the persons whom *pull* has read: the number of persons released.

        *unmarked*: whom it does not mark. They are protected no more, unless another part marks them, or another pull
        protected them before. *marked*: whom it still marks; their mark is its own from now on.
        """
        mark = t.protection_mark.c
        with self._write_transaction() as connection:
            source, part = _part_of(connection, pull)
            requests = connection.execute(select(t.mark_release)).all()
            for person in sorted(marked):
                of_person = (mark.source == source) & (mark.part == part) & (mark.person == person)
                connection.execute(update(t.protection_mark).where(of_person).values(pull_id=pull))
            ended = _end_marks(connection, source, part, unmarked)
            count = self._release(connection, ended) if ended else 0
            for request in _ended_requests(connection, requests):
                connection.execute(delete(t.mark_release).where(t.mark_release.c.pull_id == request.pull_id))
            if count:
                what = f"the marks of {count} persons ended: pull {pull} does not mark them any more"
                _write_audit(connection, self._clock.now(), _deciders(requests, source, part), what, f"{source}/{part}")
            return count

    def would_take_back(self, source: str, part: str, unmarked: Collection[str]) -> tuple[frozenset[str], int]:
        """What `take_back_marks` would release, without writing: the tokens, and the number of persons."""
        with self._read_transaction() as connection:
            ended = [row for row in _marks_of_part(connection, source, part) if row.person in unmarked]
            released, _ = self._released(connection, ended)
            return released, _persons_of(ended, released)

    def _release(self, connection: Connection, ended: Sequence[Any]) -> int:
        """Protect the persons of the *ended* marks no more, but those who are marked otherwise; how many."""
        released, search = self._released(connection, ended)
        rows = [{"of": token} for token in sorted(released)]
        if rows:
            connection.execute(delete(t.protected_token).where(t.protected_token.c.token == bindparam("of")), rows)
        _inherit_start(connection, search.tokens, min(row.marked_at for row in ended))
        read_anew(connection, search)
        hidden_persons.advance_privacy_generation(connection)
        return _persons_of(ended, released)

    def _released(self, connection: Connection, ended: Sequence[Any]) -> tuple[frozenset[str], PersonSearch]:
        """The protected tokens that no other mark keeps once these marks have *ended*, and all that is theirs."""
        search = search_persons(connection, {row.token for row in ended}, self._token_of, follow_reused_logins=False)
        others = _other_marks(connection, ended)
        kept = search_persons(connection, others, self._token_of, follow_reused_logins=False)
        protected = hidden_persons.protected_tokens(connection)
        return frozenset(protected.intersection(search.tokens) - kept.tokens), search


def all_marks(connection: Connection) -> Sequence[Mapping[str, Any]]:
    """Every mark that stands, as rows of its table."""
    return [dict(row._mapping) for row in connection.execute(select(t.protection_mark))]


def restore_marks(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep the marks *rows* beside those that are stored, after an older copy was restored."""
    if rows:
        connection.execute(database_of(connection).insert_new(t.protection_mark, MARK_KEY), list(rows))


def store_marks(connection: Connection, pull: int, person_by_token: Mapping[str, str], at: datetime) -> None:
    """Keep that *pull* marks these persons since *at*, in the caller's transaction. Whom its part marked before, it marked
    then. *at* is the instant at which they are protected: who was protected before it stays so without these marks.
    """
    source, part = _part_of(connection, pull)
    known = {each.person: (each.pull_id, each.marked_at) for each in _marks_of_part(connection, source, part)}
    rows = []
    for token, person in sorted(person_by_token.items()):
        pull_id, marked_at = known.get(person, (pull, at))
        mark = {"token": token, "source": source, "part": part, "person": person}
        rows.append({**mark, "pull_id": pull_id, "marked_at": marked_at})
    if rows:
        connection.execute(database_of(connection).insert_new(t.protection_mark, MARK_KEY), rows)


def _part_of(connection: Connection, pull: int) -> tuple[str, str]:
    row = connection.execute(select(t.pull.c.source, t.pull.c.part).where(t.pull.c.id == pull)).one()
    return row.source, row.part


def _marking_pull(
    connection: Connection, pull: int, source: str, part: str, marked_at: datetime, persons: int
) -> MarkingPull:
    mark = t.protection_mark.c
    tokens = select(mark.token).where(mark.pull_id == pull)
    elsewhere = (mark.source != source) | (mark.part != part)
    marked_elsewhere = select(mark.token).where(elsewhere, mark.token.in_(tokens))
    before = select(t.protected_token.c.token).where(t.protected_token.c.since < marked_at)
    is_kept = mark.token.in_(marked_elsewhere) | mark.token.in_(before)
    kept = select(func.count(mark.person.distinct())).where(mark.pull_id == pull, is_kept)
    release = select(t.mark_release.c.who).where(t.mark_release.c.pull_id == pull)
    return MarkingPull(
        pull=pull,
        source=source,
        part=part,
        marked_at=marked_at,
        persons=persons,
        marked_elsewhere=connection.execute(kept).scalar_one(),
        released_by=connection.execute(release).scalar_one_or_none(),
    )


def _marks_of_part(connection: Connection, source: str, part: str) -> Sequence[Any]:
    mark = t.protection_mark.c
    return connection.execute(select(t.protection_mark).where(mark.source == source, mark.part == part)).all()


def _end_marks(connection: Connection, source: str, part: str, persons: Collection[str]) -> Sequence[Any]:
    """Remove the part's marks of *persons*; the rows that were removed."""
    rows = [row for row in _marks_of_part(connection, source, part) if row.person in persons]
    if rows:
        mark = t.protection_mark.c
        is_ended = (mark.source == source) & (mark.part == part) & (mark.token == bindparam("of"))
        connection.execute(delete(t.protection_mark).where(is_ended), [{"of": row.token} for row in rows])
    return rows


def _persons_of(ended: Iterable[Any], released: Collection[str]) -> int:
    return len({row.person for row in ended if row.token in released})


def _other_marks(connection: Connection, ended: Sequence[Any]) -> frozenset[str]:
    """Tokens that stay protected: those of every other mark, and those that were protected before the *ended* ones."""
    gone = {(row.token, row.source, row.part) for row in ended}
    marked = (row.token for row in connection.execute(select(t.protection_mark)) if tuple(row[:3]) not in gone)
    since = t.protected_token.c.since
    earlier = since < min((row.marked_at for row in ended), default=datetime.max.replace(tzinfo=UTC))
    before = connection.execute(select(t.protected_token.c.token).where(earlier)).scalars()
    return frozenset(marked).union(before)


def _inherit_start(connection: Connection, tokens: Collection[str], marked_at: datetime) -> None:
    """The other marks of the same persons begin when the ended ones did: their protection is known to come from marks."""
    mark = t.protection_mark.c
    is_later = (mark.token == bindparam("of")) & (mark.marked_at > marked_at)
    rows = [{"of": token} for token in sorted(tokens)]
    connection.execute(update(t.protection_mark).where(is_later).values(marked_at=marked_at), rows)


def _ended_requests(connection: Connection, requests: Sequence[Any]) -> Sequence[Any]:
    standing = set(connection.execute(select(t.protection_mark.c.pull_id).distinct()).scalars())
    return [request for request in requests if request.pull_id not in standing]


def _deciders(requests: Sequence[Any], source: str, part: str) -> str:
    names = {request.who for request in requests if (request.source, request.part) == (source, part)}
    return ", ".join(sorted(names))


def _write_audit(connection: Connection, at: datetime, who: str, what: str, subject: str) -> None:
    connection.execute(insert(t.audit).values({"at": at, "who": who, "what": what, "subject": subject}))
