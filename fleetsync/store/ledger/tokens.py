"""Tokens of programs that read the API, and which unit was sent its digest of which week.

Never sees a token: only its hash comes in.
"""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import delete, insert, select, update

from fleetsync.store import tables as t
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger.base import LedgerBase


class StoredToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token by its hash. *last_day*: the last one on which it counts; None: it has no end."""

    name: str
    token_hash: str
    role: str
    units: tuple[str, ...] = ()
    last_day: date | None = None
    created_at: datetime
    created_by: str
    last_used_on: date | None = None


class TokenLedger(LedgerBase):
    """The part of the ledger that machines and mails have to do with."""

    def add_token(
        self, name: str, token_hash: str, role: str, units: Sequence[str], last_day: date | None, who: str
    ) -> None:
        """Let a program read as *role*. StoreError when the name is taken."""
        row = {
            "name": name,
            "token_hash": token_hash,
            "role": role,
            "units": tuple(units),
            "last_day": last_day,
            "created_at": self._clock.now(),
            "created_by": who,
        }
        statement = self._database.insert_new(t.api_token, ("name",))
        with self._write_transaction(changes_believed=False) as connection:
            added = connection.execute(statement.values(row)).rowcount
        if not added:
            raise StoreError(
                "a token of that name exists already. To replace it: fleetsync token revoke NAME, then create"
            )

    def revoke_token(self, name: str) -> None:
        """No longer let a program read. StoreError for an unknown name."""
        with self._write_transaction(changes_believed=False) as connection:
            removed = connection.execute(delete(t.api_token).where(t.api_token.c.name == name)).rowcount
        if not removed:
            raise StoreError("there is no token of that name. They stand in: fleetsync token list")

    def tokens(self) -> Sequence[StoredToken]:
        """All tokens, by name."""
        with self._read_transaction() as connection:
            rows = connection.execute(select(t.api_token).order_by(t.api_token.c.name))
            return [StoredToken(**row._mapping) for row in rows]

    def token_of_hash(self, token_hash: str) -> StoredToken | None:
        """The token with this hash."""
        with self._read_transaction() as connection:
            row = connection.execute(select(t.api_token).where(t.api_token.c.token_hash == token_hash)).one_or_none()
            return None if row is None else StoredToken(**row._mapping)

    def note_token_use(self, name: str, day: date) -> None:
        """Keep the newest day on which a token was used."""
        statement = update(t.api_token).where(t.api_token.c.name == name).values(last_used_on=day)
        with self._write_transaction(changes_believed=False) as connection:
            connection.execute(statement)

    # --- digests ----------------------------------------------------------------------------------------------------------

    def claim_digest(self, unit: str, week: date) -> bool:
        """Note that *unit* is sent its digest of the week that begins on *week*; False: it has been noted before.

        Noted before it is sent: when the process dies in between, the unit misses a mail and never gets one twice.
        """
        with self._write_transaction(changes_believed=False) as connection:
            mail = t.digest_mail.c
            if connection.execute(select(mail.unit).where(mail.unit == unit, mail.week == week)).first() is not None:
                return False
            connection.execute(delete(t.digest_mail).where(mail.unit == unit))
            connection.execute(insert(t.digest_mail).values(unit=unit, week=week, sent_at=self._clock.now()))
            return True

    def release_digest(self, unit: str, week: date) -> None:
        """Forget that a digest was sent: it could not be."""
        mail = t.digest_mail.c
        with self._write_transaction(changes_believed=False) as connection:
            connection.execute(delete(t.digest_mail).where(mail.unit == unit, mail.week == week))

    def digests_of_week(self, week: date) -> frozenset[str]:
        """The units that have been sent their digest of the week that begins on *week*."""
        with self._read_transaction() as connection:
            statement = select(t.digest_mail.c.unit).where(t.digest_mail.c.week == week)
            return frozenset(connection.execute(statement).scalars())
