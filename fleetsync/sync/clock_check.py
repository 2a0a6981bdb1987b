"""Whether this machine's clock can be right. Under a clock that cannot be, nothing is applied, recorded or shown anew.

A machine may start before it knows the time, and a clock may be set wrong by hand. Reconciling at such an instant would
call devices silent or never in contact, and close days that have not come.
"""

from datetime import datetime, timedelta

from fleetsync.core.calendar import local_day
from fleetsync.core.model import Moment
from fleetsync.store.ledger import StoreError
from fleetsync.sync.context import RunContext

MAX_BACK = timedelta(hours=1)  # before the last reconciliation
MAX_AHEAD = timedelta(days=7)  # after it


class ClockRefused(StoreError):
    """This machine's clock differs too much from the last reconciliation. The text says what to do."""


def clock_problem(run_context: RunContext) -> str:
    """Why the clock cannot be believed; "": it can.

    A clock that was moved on purpose (FLEETSYNC_NOW) may run ahead as far as it likes, but not back.
    """
    newest, now = run_context.ledger.newest_reconciliation(), run_context.clock.now()
    if newest is None:
        return ""
    if now < newest.at - MAX_BACK:
        return _sentence(now, newest.at, "before")
    confirmed = run_context.ledger.clock_confirmed_at()
    known = newest.at if confirmed is None else max(newest.at, confirmed)
    if now > known + MAX_AHEAD and not run_context.clock.is_moved:
        return _sentence(now, newest.at, "after")
    return ""


def _sentence(now: datetime, newest: datetime, where: str) -> str:
    return (
        f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC, which is {_words(abs(now - newest))} {where} the last "
        f"reconciliation ({newest:%Y-%m-%d %H:%M} UTC). Nothing is applied or reconciled, and what was shown stays. "
        "If the clock is wrong, set it; all goes on by itself then. If it is right, run: fleetsync db confirm-clock"
    )


def _words(span: timedelta) -> str:
    return f"{span.days} days" if span >= timedelta(days=2) else f"{span.total_seconds() / 3600:.0f} hours"


def refuse_implausible_clock(run_context: RunContext) -> None:
    """Raise ClockRefused under a clock that cannot be right."""
    if problem := clock_problem(run_context):
        raise ClockRefused(problem)


def moment_to_show(run_context: RunContext) -> Moment:
    """Now; under a clock that cannot be right, the instant of the last reconciliation: what was shown stays."""
    newest = run_context.ledger.newest_reconciliation()
    if newest is None or not clock_problem(run_context):
        return run_context.moment()
    return Moment(newest.at, local_day(newest.at, run_context.policy.time_zone))
