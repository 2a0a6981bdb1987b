"""Logs once when the database cannot be used, and once when it can be used again."""

import threading

from fleetsync import log
from fleetsync.store.errors import StoreError

logger = log.get(__name__)


class OutageLog:
    """What was logged last of one database; may be used from any thread."""

    def __init__(self) -> None:
        self._kind = ""  # of the error that the last attempt ended in; "": it worked
        self._mutex = threading.Lock()

    def note(self, error: StoreError) -> None:
        """The database could not be used. Logged unless the same kind of error was the last one."""
        kind = type(error).__name__
        with self._mutex:
            is_news, self._kind = self._kind != kind, kind
        if is_news:
            logger.warning("database cannot be used", reason=str(error))

    def end(self) -> None:
        """The database was written to."""
        with self._mutex:
            was_out, self._kind = bool(self._kind), ""
        if was_out:
            logger.info("database can be used again")
