import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.clock import Clock, ManualClock

AUGUST = datetime(2027, 8, 16, 6, 0, tzinfo=timezone(timedelta(hours=2)))


def test_now_is_aware_utc_and_the_real_time():
    before = datetime.now(UTC)
    now = Clock().now()

    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC


def test_a_moved_clock_runs_on_from_where_it_was_moved_to():
    clock = Clock.moved_to(AUGUST)
    first = clock.now()
    threading.Event().wait(0.01)

    assert AUGUST <= first < clock.now() < AUGUST + timedelta(minutes=5)
    assert clock.is_moved


def test_moving_the_clock_leaves_monotonic_time_alone():
    before = Clock().monotonic()
    moved = Clock.moved_to(AUGUST).monotonic()

    assert before <= moved <= Clock().monotonic()


def test_a_set_clock_stands_where_it_was_set():
    clock = ManualClock(AUGUST)
    assert clock.now() == clock.now() == AUGUST

    clock.set(AUGUST + timedelta(days=1))
    assert clock.now() == AUGUST + timedelta(days=1)
    assert clock.now().tzinfo is UTC
    assert clock.is_moved


def test_an_unmoved_clock_says_so():
    assert not Clock().is_moved


@pytest.mark.parametrize("build", [ManualClock, Clock.moved_to, ManualClock(AUGUST).set])
def test_an_instant_without_a_zone_is_refused(build):
    with pytest.raises(ValueError, match="needs its zone"):
        build(datetime(2027, 8, 16))  # noqa: DTZ001 - that is what is refused


def test_a_wait_ends_at_once_on_stop():
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()

    assert Clock().wait(3600, stop)


@given(st.floats(max_value=0, allow_nan=False))
def test_a_wait_of_nothing_or_less_never_waits(seconds):
    assert not Clock().wait(seconds, threading.Event())


@given(st.floats(min_value=0, allow_nan=False, allow_infinity=True))
def test_no_wait_is_ever_too_long_to_be_stopped(seconds):
    stop = threading.Event()
    stop.set()

    assert ManualClock(AUGUST).wait(seconds, stop)
