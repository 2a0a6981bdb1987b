"""Locks as files next to the database: one for the daemon that pulls by the clock, and one per part.

A lock lives as long as the process that holds it: the kernel releases it when the process ends, however it ends.
Local disks only: on a network share such locks cannot be trusted.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote


class FileLock:
    """A held lock; `release` may be called twice."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class FileLocks:
    """The locks of one database; files in *folder*, created on use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def schedule(self) -> FileLock | None:
        """The lock of the daemon that pulls by the clock; None while another daemon has it."""
        return self._try_lock("schedule.lock")

    def part(self, source: str, part: str) -> FileLock | None:
        """The lock of one part; None while it is being pulled or decided elsewhere."""
        return self._try_lock(f"part.{quote(source, safe='')}.{quote(part, safe='')}.lock")

    @contextmanager
    def upgrade(self) -> Iterator[None]:
        """Exclusive use of the schema and the file; waits for its turn."""
        descriptor = self._open_file("upgrade.lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _try_lock(self, name: str) -> FileLock | None:
        descriptor = self._open_file(name)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return FileLock(descriptor)

    def _open_file(self, name: str) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
