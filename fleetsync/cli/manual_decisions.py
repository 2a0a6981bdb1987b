"""What the commands of decisions by hand share: what may be decided about, and keeping it with a reconciliation after it."""

from fleetsync import sync
from fleetsync.daemon.composition import Application
from fleetsync.daemon.manual_decisions import LedgerManualDecisions
from fleetsync.expose.gate import view_for
from fleetsync.expose.lookup import Lookup
from fleetsync.expose.scope import FULL_SCOPE


def current_lookup(application: Application) -> Lookup:
    """Everything that is known now."""
    return Lookup(view_for(sync.rebuild_snapshot(application.run_context), FULL_SCOPE))


def manual_decisions(application: Application) -> LedgerManualDecisions:
    """Keeps decisions; each is followed by a reconciliation."""
    run_context = application.run_context
    return LedgerManualDecisions(lambda: run_context, lambda: sync.reconcile_now(run_context))
