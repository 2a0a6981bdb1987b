"""Tells systemd how the daemon is doing: that it is ready, that it stops, and regularly that it is alive.

Does nothing where systemd did not start the daemon. Never fails: a lost message must not stop the daemon.
"""

import socket

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.settings import notify_socket, watchdog_seconds

logger = log.get(__name__)

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"


def notify_systemd(state: str) -> None:
    """Send *state* (`READY`, `STOPPING`, `ALIVE`) to systemd if it asked for such messages."""
    address = notify_socket()
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
            connection.sendall(state.encode())
    except OSError:
        return


class Watchdog:
    """Feeds systemd's watchdog at half the interval that `WatchdogSec=` of the unit file asks for.

    The main loop calls `feed` at each turn, so that a main loop that hangs stops feeding too.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        interval = watchdog_seconds()
        self._feed_after = None if interval is None else interval / 2
        self._fed_at = float("-inf")
        self._was_alive = True

    def feed(self, *, is_alive: bool) -> None:
        """Send `ALIVE` if it is due and *is_alive*. Otherwise systemd ends and restarts the daemon in time."""
        if self._feed_after is None:
            return
        if self._was_alive and not is_alive:
            logger.error("watchdog starved", reason="the scheduler stands still", remedy="systemd restarts the daemon")
        self._was_alive = is_alive
        now = self._clock.monotonic()
        if is_alive and now - self._fed_at >= self._feed_after:
            self._fed_at = now
            notify_systemd(ALIVE)
