"""Everything built once from a configuration: what the daemon and the commands both stand on."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.memory_staging import MemoryStaging
from fleetsync.pull import registry
from fleetsync.pull.http import OutboundNetwork, RequestMeter
from fleetsync.pull.overrides import read_overrides
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import NormalisationRules, PullRunner
from fleetsync.settings import Settings
from fleetsync.settings.tables import DatabaseTable
from fleetsync.store.ledger import RETENTION, Ledger, open_ledger
from fleetsync.sync import RunContext


@dataclass(frozen=True)
class Application:
    """A configuration with all that was built from it. The ledger outlives a new configuration."""

    settings: Settings
    sources: tuple[Source, ...]
    ledger: Ledger
    run_context: RunContext


def clock_for(settings: Settings) -> Clock:
    """The real clock, or one moved to where a rehearsal starts."""
    return Clock() if settings.clock_start is None else Clock.moved_to(settings.clock_start)


def open_configured_ledger(settings: Settings, clock: Clock) -> Ledger:
    """The configured database, migrated. Raises StoreRefused, SettingsError."""
    return open_ledger(settings.database.url, clock, secret_key=settings.privacy_key())


def build_application(
    settings: Settings,
    clock: Clock,
    ledger: Ledger,
    stop: Event,
    show: Callable[[Snapshot], None] = lambda _: None,
    meters: dict[str, RequestMeter] | None = None,
) -> Application:
    """The house of *settings* over *ledger*; *meters* of an older one count on. Raises RegistryError, PullError."""
    sources = registry.build_sources(settings)
    log.hide(*settings.secret_texts(), *(text for source in sources for text in source.secret_texts()))
    policy = settings.policy
    if settings.identity.overrides_file is not None:
        ledger.set_overrides(read_overrides(settings.identity.overrides_file, policy, clock), "overrides file")
    key = settings.privacy_key()
    rules = NormalisationRules(
        policy=policy,
        token_secret=key,
        row_secret=hmac.digest(key, b"rows", "sha256"),
        keeps_device_names=settings.privacy.store_device_names,
    )
    network = OutboundNetwork(settings.network.proxy, settings.network.no_proxy, settings.network.ca_file)
    run_context = RunContext(
        ledger=ledger,
        sources=sources,
        policy=policy,
        calendars=settings.calendars,
        clock=clock,
        runner=PullRunner(ledger, clock, rules, lambda source: network.for_source(source.settings), meters),
        show=show,
        stop=stop,
        staged_effect=ledger.effect,
    )
    return Application(settings, sources, ledger, run_context)


def with_memory_staging(application: Application) -> Application:
    """The same house with a staging area in memory, for a run that writes nothing."""
    run_context = application.run_context
    staging = MemoryStaging(application.ledger)
    runner = PullRunner(staging, run_context.clock, run_context.runner.rules, run_context.runner.network)
    return replace(application, run_context=replace(run_context, runner=runner, staged_effect=staging.effect))


DAYS_PER_YEAR = 365  # days
ENDED_ROW_KINDS = ("record", "login", "override", "parked")
HISTORY_ROW_KINDS = ("owed", "assignment", "gap", "reconciliation")


def retention_periods(database: DatabaseTable) -> Mapping[str, timedelta]:
    """How long each kind of row is kept: `[database] keep_…` where there is such a key, else the store's own."""
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
