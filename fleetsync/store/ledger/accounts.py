"""Who may sign in, who did what, and what people decided by hand.

A password is never seen here: only its scrypt hash comes in, and goes out to be compared.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from fleetsync.core.masking import Tokeniser
from fleetsync.core.model import Key, Override, Parking
from fleetsync.store import tables as t
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger import redaction
from fleetsync.store.ledger.base import LedgerBase
from fleetsync.store.ledger.hidden_persons import child_tokens, erased_tokens, protected_tokens


class StoredAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in. *units* of the role `unit`, *entitlement* of the role `partner`."""

    name: str
    password_hash: str
    role: str
    units: tuple[str, ...] = ()
    entitlement: str | None = None
    created_at: datetime


class AccountLedger(LedgerBase):
    """The part of the ledger that people write by hand."""

    def add_account(
        self, name: str, scrypt_hash: str, role: str, units: Sequence[str] = (), entitlement: str | None = None
    ) -> None:
        """Let *name* sign in. StoreError when the name is taken."""
        row = {
            "name": name,
            "password_hash": scrypt_hash,
            "role": role,
            "units": tuple(units),
            "entitlement": entitlement,
            "created_at": self._clock.now(),
        }
        statement = self._database.insert_new(t.account, ("name",))
        with self._write_transaction() as connection:
            made = connection.execute(statement.values(row)).rowcount
        if not made:
            raise StoreError("the account exists already. To give it another password: fleetsync user passwd NAME")

    def set_password(self, name: str, scrypt_hash: str) -> None:
        """Another password; sessions of the old one end. StoreError for an unknown name."""
        with self._write_transaction() as connection:
            # A session is known by this instant: an account with another password is another account.
            changed = {"password_hash": scrypt_hash, "created_at": self._clock.now()}
            found = update(t.account).where(t.account.c.name == name).values(changed)
            _require_account(connection.execute(found).rowcount)

    def remove_account(self, name: str) -> None:
        """No longer let *name* sign in. StoreError for an unknown name."""
        with self._write_transaction() as connection:
            _require_account(connection.execute(delete(t.account).where(t.account.c.name == name)).rowcount)

    def account(self, name: str) -> StoredAccount | None:
        """The account of that name."""
        with self._read_transaction() as connection:
            row = connection.execute(select(t.account).where(t.account.c.name == name)).one_or_none()
            return None if row is None else StoredAccount(**row._mapping)

    def accounts(self) -> tuple[StoredAccount, ...]:
        """All accounts, by name."""
        with self._read_transaction() as connection:
            rows = connection.execute(select(t.account).order_by(t.account.c.name))
            return tuple(StoredAccount(**row._mapping) for row in rows)

    def audit(self, who: str, what: str, subject: str | None = None) -> None:
        """Note that *who* did *what* to *subject*, which is an opaque id: a log-in or a name never stands here."""
        with self._write_transaction() as connection:
            row = {"at": self._clock.now(), "who": who, "what": what, "subject": subject}
            connection.execute(insert(t.audit).values(row))

    # --- decisions by hand ------------------------------------------------------------------------------------------

    def park(self, parking: Parking, who: str) -> None:
        """Take a gap out of alerts until a day; an earlier parking of the same gap is replaced."""
        row = msgspec.structs.asdict(parking) | {"who": who, "at": self._clock.now()}
        key = ("kind", "subject_id")
        statement = self._database.upsert(t.parked, key, [name for name in row if name not in key])
        with self._write_transaction() as connection:
            connection.execute(statement, row)

    def set_overrides(self, overrides: Sequence[Override], who: str) -> None:
        """Make *overrides*, all of the overrides file, the ones that hold.

        The file goes on naming people who are hidden by now: keys of the protected and of children are kept as tokens,
        and no row names somebody erased. A log-in that is said to be a protected person's is one of his keys.
        """
        with self._write_transaction() as connection:
            connection.execute(delete(t.override))
            if not overrides:
                return
            known = _OverrideFilter.now(connection, self._token_of)
            kept = [told for one in overrides if (told := known.told(one)) is not None]
            if kept:
                rows = [_override_row(one, who, self._clock.now()) for one in kept]
                connection.execute(insert(t.override), rows)
            fresh = known.fresh(kept)
            if fresh:
                redaction.protect(connection, fresh, self._clock.now(), self._token_of)
        if fresh:
            self._database.scrub_deleted_bytes()

    def publish(self, unit: str, who: str) -> None:
        """End the trial of *unit*; nothing where it has ended."""
        row = {"unit": unit, "published_at": self._clock.now(), "published_by": who}
        with self._write_transaction() as connection:
            connection.execute(self._database.insert_new(t.unit_state, ("unit",)).values(row))

    def published_units(self) -> frozenset[str]:
        """The units whose trial has ended."""
        with self._read_transaction() as connection:
            return frozenset(connection.execute(select(t.unit_state.c.unit)).scalars())


def _require_account(count: int) -> None:
    if count != 1:
        raise StoreError("there is no account of that name. Check its spelling")


@dataclass(frozen=True, slots=True)
class _OverrideFilter:
    """Who is hidden while the overrides are read, as far as they have to know."""

    token_of: Tokeniser
    protected: frozenset[str]
    children: frozenset[str]
    erased: frozenset[str]

    @classmethod
    def now(cls, connection: Connection, token_of: Tokeniser) -> Self:
        children = frozenset().union(*child_tokens(connection, token_of).values())
        return cls(token_of, protected_tokens(connection), children, erased_tokens(connection))

    def told(self, override: Override) -> Override | None:
        """The override as it may be kept; None when it names somebody erased."""
        login = override.login
        if self._token(override.person) in self.erased or (login is not None and self._token(login) in self.erased):
            return None
        kept = self._stored_key(login) if login is not None else None
        return msgspec.structs.replace(override, login=kept, person=self._stored_key(override.person))

    def fresh(self, overrides: Iterable[Override]) -> frozenset[str]:
        """Tokens of log-ins of the protected that no mark has told."""
        theirs = (one.login for one in overrides if one.person.value in self.protected)
        return frozenset(self._token(login) for login in theirs if login is not None) - self.protected

    def _stored_key(self, key: Key) -> Key:
        token = self.token_of(key)
        return token if token.value in self.protected or token.value in self.children else key

    def _token(self, key: Key) -> str:
        return self.token_of(key).value


def _override_row(override: Override, who: str, at: datetime) -> dict[str, Any]:
    login = override.login
    return {
        "serial": override.serial,
        "login_scheme": None if login is None else login.scheme.value,
        "login_namespace": None if login is None else login.namespace,
        "login_value": None if login is None else login.value,
        "person_scheme": override.person.scheme.value,
        "person_namespace": override.person.namespace,
        "person_value": override.person.value,
        "until": override.until,
        "who": who,
        "at": at,
    }
