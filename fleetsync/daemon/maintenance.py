"""The nightly upkeep of the database: delete what has been kept long enough, and write a copy."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.core.calendar import local_day
from fleetsync.daemon.composition import Application
from fleetsync.daemon.configured_ledger import retention_periods
from fleetsync.daemon.health import Health
from fleetsync.store.errors import StoreError

logger = log.get(__name__)

BACKUP_PATTERN = "fleetsync-*.db"


class Maintenance:
    """The jobs `purge` and `backup`. *application* returns the one in force."""

    def __init__(self, clock: Clock, health: Health, application: Callable[[], Application]) -> None:
        self._clock, self._health, self._application = clock, health, application

    def purge(self) -> None:
        """Delete the rows that have been kept long enough."""
        application = self._application()
        try:
            purged = application.ledger.purge(self._clock.now(), retention_periods(application.settings.database))
        except StoreError as error:
            logger.warning("purge failed; it is tried again at its next time", reason=str(error))
            return
        if purged:
            logger.info("purged", **purged)

    def backup(self) -> None:
        """Write the copy of today and delete the oldest ones. A failure is logged; the daemon goes on."""
        application, folder = self._application(), self._folder
        if folder is None:
            return
        try:
            day = local_day(self._clock.now(), application.run_context.policy.time_zone)
            application.ledger.backup(folder / BACKUP_PATTERN.replace("*", day.isoformat()))
            self._health.record_backup(self._clock.now())
            for old in sorted(folder.glob(BACKUP_PATTERN))[: -application.settings.database.keep_backups]:
                old.unlink()
        except (StoreError, OSError) as error:
            logger.warning("backup failed", reason=str(error))

    def find_last_backup(self) -> None:
        """Tell the health when the newest copy was written, which an earlier process may have done."""
        copies = sorted(self._folder.glob(BACKUP_PATTERN)) if self._folder is not None else []
        if copies:
            self._health.record_backup(datetime.fromtimestamp(copies[-1].stat().st_mtime, UTC))

    @property
    def _folder(self) -> Path | None:
        return self._application().settings.database.backup_folder
