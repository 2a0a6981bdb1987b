"""What a daemon no longer needs is freed, although the collector does not look through what lasts."""

import ctypes
import gc
import weakref
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from fleetsync.daemon.memory import Memory

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


class Cycle:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def collected_by_nobody_else() -> Iterator[None]:
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


def test_what_is_garbage_when_a_snapshot_is_shown_is_freed() -> None:
    memory, cycle = Memory(), Cycle()
    seen = weakref.ref(cycle)
    del cycle

    memory.settle(MONDAY)

    assert seen() is None


def test_what_was_in_use_then_is_freed_on_the_next_day() -> None:
    memory, cycle = Memory(), Cycle()
    seen = weakref.ref(cycle)
    memory.settle(MONDAY)
    del cycle
    memory.settle(MONDAY)
    assert seen() is not None  # set apart

    memory.settle(TUESDAY)

    assert seen() is None


def test_what_lasts_is_set_apart() -> None:
    memory = Memory()
    lasting = [Cycle() for _ in range(1000)]

    memory.settle(MONDAY)

    assert gc.get_freeze_count() >= len(lasting)


def _resident_bytes() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library gives memory back by itself")
def test_memory_that_is_free_is_given_back_to_the_system() -> None:
    memory = Memory()
    blocks = [bytes(4000) for _ in range(20_000)]
    last_of_each_hundred = blocks[::100]  # keep the areas between them from being given back by themselves
    del blocks
    before = _resident_bytes()

    memory.give_back()

    assert last_of_each_hundred
    assert before - _resident_bytes() > 40_000_000
