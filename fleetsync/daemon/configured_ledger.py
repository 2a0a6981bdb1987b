"""The database and the clock of a configuration, for commands that need no source and no page."""

from collections.abc import Mapping
from datetime import timedelta

from fleetsync.clock import Clock
from fleetsync.settings import Settings
from fleetsync.settings.tables import DatabaseTable
from fleetsync.store.ledger import RETENTION, Ledger, open_ledger

DAYS_PER_YEAR = 365
ENDED_ROW_KINDS = ("record", "login", "override", "parked")
HISTORY_ROW_KINDS = ("correction", "owed", "assignment", "gap", "reconciliation")


def clock_for(settings: Settings) -> Clock:
    """The real clock, or one that starts at the instant in FLEETSYNC_NOW."""
    return Clock() if settings.clock_start is None else Clock.moved_to(settings.clock_start)


def open_configured_ledger(settings: Settings, clock: Clock) -> Ledger:
    """The configured database, upgraded to this version. Raises StoreRefused, SettingsError."""
    return open_ledger(settings.database.url, clock, secret_key=settings.privacy_key())


def retention_periods(database: DatabaseTable) -> Mapping[str, timedelta]:
    """By kind of row, how long it is kept: `[database] keep_…` where there is such a key, else the store's default."""
    ended, history = RETENTION["record"] * database.keep_ended_terms, _months_as_timedelta(database.keep_history_months)
    return {
        **RETENTION,
        **dict.fromkeys(ENDED_ROW_KINDS, ended),
        **dict.fromkeys(HISTORY_ROW_KINDS, history),
        "pull": timedelta(days=database.keep_pulls_days),
        "audit": _months_as_timedelta(database.keep_audit_months),
    }


def _months_as_timedelta(count: int) -> timedelta:
    return timedelta(days=-(-count * DAYS_PER_YEAR // 12))
