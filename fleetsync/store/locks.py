"""Locks as files next to the database: one for the daemon that pulls by the clock, and one per part.

A lock lives as long as the process that holds it: the kernel releases it when the process ends, however it ends.
Local disks only: on a network share such locks cannot be trusted.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

SCHEDULE_LOCK = "schedule.lock"


class FileLock:
    """A held lock; `release` may be called twice."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class FileLease(FileLock):
    """The lease of the schedule, which cannot be lost before its process ends."""

    def renew(self) -> bool:
        """It is held."""
        return True


class FileLocks:
    """The locks of one database; files in *folder*, created on use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def schedule(self) -> FileLease | None:
        """The lease of the daemon that pulls by the clock; None while another daemon has it. The file says which."""
        descriptor = self._try_lock(SCHEDULE_LOCK)
        if descriptor is None:
            return None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{socket.gethostname()} (process {os.getpid()})".encode())
        return FileLease(descriptor)

    def schedule_holder(self) -> str | None:
        """Which daemon has the lease: its machine and process; None: no daemon."""
        descriptor = self._try_lock(SCHEDULE_LOCK)
        if descriptor is not None:
            os.close(descriptor)
            return None
        return (self._folder / SCHEDULE_LOCK).read_text(encoding="utf-8")

    def part(self, source: str, part: str) -> FileLock | None:
        """The lock of one part; None while it is being pulled or decided elsewhere."""
        descriptor = self._try_lock(f"part.{quote(source, safe='')}.{quote(part, safe='')}.lock")
        return None if descriptor is None else FileLock(descriptor)

    @contextmanager
    def upgrade(self) -> Iterator[None]:
        """Exclusive use of the schema and the file; waits for its turn."""
        descriptor = self._open_file("upgrade.lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _try_lock(self, name: str) -> int | None:
        """The open file, locked; None while it is locked elsewhere."""
        descriptor = self._open_file(name)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _open_file(self, name: str) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
