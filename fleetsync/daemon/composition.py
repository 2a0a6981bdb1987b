"""The composition root: builds the application of every command and of the daemon from a configuration.

Commands and daemon differ in what they do with it, not in how it is built. No other module connects settings, sources,
database and pipeline with each other.
"""

import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.core.model import ChangePlan
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.configured_ledger import clock_for, open_configured_ledger
from fleetsync.daemon.ledger_ports import LedgerAccounts, LedgerDecisions, LedgerHistory
from fleetsync.daemon.manual_decisions import LedgerManualDecisions
from fleetsync.daemon.memory_staging import MemoryStaging
from fleetsync.daemon.protection import LedgerProtection
from fleetsync.daemon.session_key import load_session_key
from fleetsync.expose.ports import FileInbox, HeadCountDesk, PublishedState, WebServices
from fleetsync.pull import registry
from fleetsync.pull.http import OutboundNetwork
from fleetsync.pull.overrides import read_overrides
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import NormalisationRules, PullRunner
from fleetsync.settings import Settings, SettingsError
from fleetsync.store.ledger import Ledger
from fleetsync.sync import RunContext


@dataclass(frozen=True)
class Application:
    """A configuration and everything that was built from it. A new configuration keeps the ledger."""

    settings: Settings
    sources: tuple[Source, ...]
    ledger: Ledger
    run_context: RunContext


@contextmanager
def open_application(settings: Settings) -> Iterator[Application]:
    """The application of a command, with its database closed afterwards."""
    clock = clock_for(settings)
    with open_configured_ledger(settings, clock) as ledger:
        yield build_application(settings, clock, ledger, Event())


def build_application(
    settings: Settings,
    clock: Clock,
    ledger: Ledger,
    stop: Event,
    show: Callable[[Snapshot], None] = lambda _: None,
    earlier: "Application | None" = None,
) -> Application:
    """The application of *settings* over *ledger*. Raises RegistryError, PullError.

    *stop* ends its pulls, *show* is called with each new snapshot. *earlier*: the application that it takes the place of,
    whose request counters go on counting, and whose pulls end on their own.
    """
    if not settings.privacy.persons and ledger.holds_persons():
        raise SettingsError(
            f"{settings.file_name}: [privacy] persons = false, but the database holds persons or their log-ins, which stay "
            "until they are deleted. Name a new database in [database] url, and delete the old one with its backups"
        )
    sources = registry.build_sources(settings)
    log.hide(*settings.secret_texts(), *(text for source in sources for text in source.secret_texts()))
    if settings.identity.overrides_file is not None:
        overrides = read_overrides(settings.identity.overrides_file, settings.policy, clock)
        ledger.set_overrides(overrides, "overrides file")
    network = OutboundNetwork(settings.network.proxy, settings.network.no_proxy, settings.network.ca_file)
    rules = _normalisation_rules(settings)
    runner = PullRunner(ledger, clock, rules, lambda source: network.for_source(source.settings))
    if earlier is not None:
        runner.continue_counting(earlier.run_context.runner)
    run_context = RunContext(
        ledger=ledger,
        sources=sources,
        policy=settings.policy,
        calendars=settings.calendars,
        clock=clock,
        runner=runner,
        show=show,
        stop=stop,
        staged_effect=ledger.effect,
    )
    return Application(settings, sources, ledger, run_context)


def _normalisation_rules(settings: Settings) -> NormalisationRules:
    key = settings.privacy_key()
    return NormalisationRules(
        policy=settings.policy,
        token_secret=key,
        row_secret=hmac.digest(key, b"rows", "sha256"),
        keeps_device_names=settings.privacy.store_device_names,
        keeps_persons=settings.privacy.persons,
    )


def with_memory_staging(application: Application, *, keeps_device_names: bool = False) -> Application:
    """The same application, except that pulls are staged in memory: for a run that writes nothing.

    *keeps_device_names*: the records in memory hold the names of devices, whatever the configuration keeps of them, except
    where it keeps no persons.
    """
    run_context = application.run_context
    staging = MemoryStaging(application.ledger)
    rules = run_context.runner.rules
    if keeps_device_names:
        rules = replace(rules, keeps_device_names=rules.keeps_persons)
    runner = PullRunner(staging, run_context.clock, rules, run_context.runner.network)
    return replace(application, run_context=replace(run_context, runner=runner, staged_effect=staging.effect))


def build_web_services(
    application: Callable[[], Application],
    published_state: PublishedState,
    plan_of_held: Callable[[int], ChangePlan | None],
    request_reconciliation: Callable[[], None],
    inbox: FileInbox,
    head_counts: HeadCountDesk,
) -> WebServices:
    """What the page may ask for. *application* returns the one in force, since a new configuration replaces it."""
    first = application()
    settings, clock = first.settings, first.run_context.clock
    return WebServices(
        published_state=published_state,
        history=LedgerHistory(lambda: application().run_context, lambda: published_state.snapshot),
        decisions=LedgerDecisions(lambda: application().run_context, plan_of_held, request_reconciliation),
        manual_decisions=LedgerManualDecisions(lambda: application().run_context, request_reconciliation),
        accounts=LedgerAccounts(first.ledger, lambda: application().run_context.moment().today),
        audit=first.ledger,
        protection=LedgerProtection(lambda: application().run_context),
        inbox=inbox,
        head_counts=head_counts,
        clock=clock,
        session_key=load_session_key(settings),
        municipality=settings.municipality.name,
        is_loopback=settings.web.address.is_loopback,
        public_url=settings.web.public_url or "",
        default_language=settings.language,
        rehearsal_now=clock.now() if clock.is_moved else None,
    )
