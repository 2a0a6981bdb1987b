"""Everything built once from a configuration: what the daemon and the commands both stand on."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.rehearsal import Rehearsal
from fleetsync.pull import registry
from fleetsync.pull.http import Meter, Network
from fleetsync.pull.overrides import read_overrides
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import Rules, Runner
from fleetsync.settings import Settings
from fleetsync.settings.tables import Database
from fleetsync.store.ledger import RETENTION, Ledger, open_ledger
from fleetsync.sync import World


@dataclass(frozen=True)
class House:
    """A configuration with all that was built from it. The ledger outlives a new configuration."""

    settings: Settings
    sources: tuple[Source, ...]
    ledger: Ledger
    world: World


def clock_of(settings: Settings) -> Clock:
    """The real clock, or one moved to where a rehearsal starts."""
    return Clock() if settings.clock_start is None else Clock.moved_to(settings.clock_start)


def open_store(settings: Settings, clock: Clock) -> Ledger:
    """The configured database, migrated. Raises StoreRefused, SettingsError."""
    return open_ledger(settings.database.url, clock, secret_key=settings.privacy_key())


def build(
    settings: Settings,
    clock: Clock,
    ledger: Ledger,
    stop: Event,
    show: Callable[[Snapshot], None] = lambda _: None,
    meters: dict[str, Meter] | None = None,
) -> House:
    """The house of *settings* over *ledger*; *meters* of an older one count on. Raises RegistryError, PullError."""
    sources = registry.sources(settings)
    log.hide(*settings.secret_texts(), *(text for source in sources for text in source.secret_texts()))
    policy = settings.policy
    if settings.identity.overrides_file is not None:
        ledger.set_overrides(read_overrides(settings.identity.overrides_file, policy, clock), "overrides file")
    key = settings.privacy_key()
    rules = Rules(
        policy=policy,
        token_secret=key,
        row_secret=hmac.digest(key, b"rows", "sha256"),
        keeps_device_names=settings.privacy.store_device_names,
    )
    network = Network(settings.network.proxy, settings.network.no_proxy, settings.network.ca_file)
    world = World(
        ledger=ledger,
        sources=sources,
        policy=policy,
        calendars=settings.calendars,
        clock=clock,
        runner=Runner(ledger, clock, rules, lambda source: network.for_source(source.settings), meters),
        show=show,
        stop=stop,
        effect_of=ledger.effect,
    )
    return House(settings, sources, ledger, world)


def rehearsing(house: House) -> House:
    """The same house with a staging area in memory, for a run that writes nothing."""
    world = house.world
    staging = Rehearsal(house.ledger)
    runner = Runner(staging, world.clock, world.runner.rules, world.runner.network)
    return replace(house, world=replace(world, runner=runner, effect_of=staging.effect))


YEAR = 365  # days
ENDED = ("record", "login", "correction", "override", "parked", "individual")
HISTORY = ("owed", "assignment", "gap", "reconciliation")


def retention(database: Database) -> Mapping[str, timedelta]:
    """How long each kind of row is kept: `[database] keep_…` where there is such a key, else the store's own."""
    ended, history = RETENTION["record"] * database.keep_ended_terms, _months(database.keep_history_months)
    return {
        **RETENTION,
        **dict.fromkeys(ENDED, ended),
        **dict.fromkeys(HISTORY, history),
        "pull": timedelta(days=database.keep_pulls_days),
        "audit": _months(database.keep_audit_months),
    }


def _months(count: int) -> timedelta:
    return timedelta(days=-(-count * YEAR // 12))
