"""Accounts, the audit log, and what people decided by hand.

Never sees a password: only its scrypt hash comes in, and goes out to be compared.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from fleetsync.core.model import Key, Override, Parking
from fleetsync.core.privacy import HiddenTokens, Storage, Tokeniser, hidden_tokens, storage_of_key
from fleetsync.store import tables as t
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger import redaction
from fleetsync.store.ledger.base import LedgerBase
from fleetsync.store.ledger.hidden_persons import child_tokens, erased_tokens, protected_tokens


class StoredAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account that may sign in. *units* of the role `principal`, *entitlement* of the role `partner`."""

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
        with self._write_transaction(changes_believed=False) as connection:
            added = connection.execute(statement.values(row)).rowcount
        if not added:
            raise StoreError("the account exists already. To give it another password: fleetsync user passwd NAME")

    def set_password(self, name: str, scrypt_hash: str) -> None:
        """Change the password; sessions of the old one end. StoreError for an unknown name."""
        with self._write_transaction(changes_believed=False) as connection:
            # A session is known by this instant: an account with another password is another account.
            changed = {"password_hash": scrypt_hash, "created_at": self._clock.now()}
            statement = update(t.account).where(t.account.c.name == name).values(changed)
            _require_account(connection.execute(statement).rowcount)

    def remove_account(self, name: str) -> None:
        """No longer let *name* sign in. StoreError for an unknown name."""
        with self._write_transaction(changes_believed=False) as connection:
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
        """Record that *who* did *what* to *subject*, which is an opaque id, never a log-in or a name."""
        with self._write_transaction(changes_believed=False) as connection:
            row = {"at": self._clock.now(), "who": who, "what": what, "subject": subject}
            connection.execute(insert(t.audit).values(row))

    # --- decisions by hand ------------------------------------------------------------------------------------------

    def park(self, parking: Parking, who: str) -> None:
        """Take a gap out of alerts until a day; an earlier parking of the same gap is replaced."""
        row = msgspec.structs.asdict(parking) | {"who": who, "at": self._clock.now()}
        key = ("kind", "subject_id")
        statement = self._database.upsert(t.parked, key, [name for name in row if name not in key])
        with self._write_transaction(changes_believed=False) as connection:
            connection.execute(statement, row)

    def set_overrides(self, overrides: Sequence[Override], who: str) -> None:
        """Replace all overrides by *overrides*, the content of the overrides file.

        The file may name people who are hidden by now: keys of protected persons and of children are kept as tokens,
        and no row names an erased person. A log-in that is given to a protected person is one of that person's keys.
        """
        with self._write_transaction(changes_believed=False) as connection:
            connection.execute(delete(t.override))
            newly_protected = self._insert_overrides(connection, overrides, who) if overrides else frozenset()
            if newly_protected:
                redaction.protect(connection, newly_protected, self._clock.now(), self._token_of)
        if newly_protected:
            self._database.scrub_deleted_bytes()

    def _insert_overrides(self, connection: Connection, overrides: Sequence[Override], who: str) -> frozenset[str]:
        """Store *overrides* as far as they may be; tokens of log-ins that they make protected."""
        privacy = _OverrideFilter(self._token_of, self._hidden_tokens(connection))
        kept = [stored for override in overrides if (stored := privacy.filter(override)) is not None]
        if kept:
            rows = [_override_row(override, who, self._clock.now()) for override in kept]
            connection.execute(insert(t.override), rows)
        return privacy.newly_protected(kept)

    def _hidden_tokens(self, connection: Connection) -> HiddenTokens:
        children = child_tokens(connection, self._tokens_of_keys)
        return hidden_tokens("", children, protected_tokens(connection), erased_tokens(connection))

    def publish(self, unit: str, who: str) -> None:
        """End the trial of *unit*; nothing where it has ended."""
        row = {"unit": unit, "published_at": self._clock.now(), "published_by": who}
        with self._write_transaction(changes_believed=False) as connection:
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
    """Decides how overrides may be stored, by who is hidden when they are read."""

    token_of: Tokeniser
    hidden: HiddenTokens

    def filter(self, override: Override) -> Override | None:
        """The override as it may be stored; None when it names an erased person."""
        person = self._stored_key(override.person)
        login = None if override.login is None else self._stored_key(override.login)
        if person is None or (override.login is not None and login is None):
            return None
        return msgspec.structs.replace(override, login=login, person=person)

    def newly_protected(self, overrides: Iterable[Override]) -> frozenset[str]:
        """Tokens of log-ins that the overrides give to protected persons, and that are not protected yet."""
        logins = (override.login for override in overrides if override.person.value in self.hidden.protected)
        tokens = frozenset(self.token_of(login).value for login in logins if login is not None)
        return tokens - self.hidden.protected

    def _stored_key(self, key: Key) -> Key | None:
        token = self.token_of(key)
        match storage_of_key(token.value, self.hidden):
            case Storage.DROPPED:
                return None
            case Storage.PLAIN:
                return key
            case _:
                return token


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
