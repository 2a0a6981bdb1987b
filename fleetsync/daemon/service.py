"""The daemon: one process that pulls on schedule, reconciles, and serves the page and the metrics.

Work happens elsewhere: `SourcePulls` pulls in a pool of threads, `Reconciler` judges and reconciles in one thread. The
main loop here only watches for signals and for decisions of other processes. The snapshot is rebuilt before the daemon
listens, so that a restart leaves no hole in any series; its addresses are bound before that, so that one in use is
reported at once. It stops within ten seconds in any state.
"""

import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event
from types import FrameType

from fleetsync import log, sync
from fleetsync.clock import Clock
from fleetsync.core.proposals import Proposals
from fleetsync.core.pull_progress import PullProgress
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.composition import build_application, build_web_services
from fleetsync.daemon.configured_ledger import clock_for, open_configured_ledger
from fleetsync.daemon.digests import Digests
from fleetsync.daemon.file_inbox import FileInbox
from fleetsync.daemon.head_counts import HeadCounts
from fleetsync.daemon.health import BACKUP_JOB, Health, pull_job_name
from fleetsync.daemon.held_changes import with_held_changes
from fleetsync.daemon.http_servers import METRICS_THREADS, PAGE_THREADS, Server, open_server
from fleetsync.daemon.leadership import Leadership
from fleetsync.daemon.maintenance import Maintenance
from fleetsync.daemon.memory import Memory
from fleetsync.daemon.reconciler import Reconciler
from fleetsync.daemon.scheduler import JobScheduler
from fleetsync.daemon.source_pulls import SourcePulls
from fleetsync.daemon.systemd import READY, STOPPING, Watchdog, notify_systemd
from fleetsync.expose.metrics import Exposition
from fleetsync.expose.ports import WebServices
from fleetsync.expose.telemetry import DaemonStatus
from fleetsync.expose.web import create_app, largest_body, metrics_wsgi
from fleetsync.pull.contract import PullError
from fleetsync.schedule import ScheduleError
from fleetsync.settings import Settings, SettingsError, changed_keys, keys_needing_restart, load
from fleetsync.store.errors import StoreError, StoreUnavailable
from fleetsync.store.ledger import RENEW_SECONDS, Ledger

logger = log.get(__name__)

LOOP_SECONDS = 1.0
DATABASE_POLL_SECONDS = RENEW_SECONDS  # how soon a decision of another process is shown
STOP_SECONDS = 8.0


class Daemon:
    """The running service. `run` returns when a signal or `stop` asked for it.

    *page_server*: a server for the page that answers already, and has the daemon's page from the first snapshot on.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, page_server: Server | None = None) -> None:
        self.stop = Event()
        self.clock = clock or clock_for(settings)
        self.ledger: Ledger = open_configured_ledger(settings, self.clock)
        self.application = build_application(settings, self.clock, self.ledger, self.stop, self._show)
        self.health = Health(self.clock, self.ledger)
        self.maintenance = Maintenance(self.clock, self.health, lambda: self.application)
        self._reload_requested, self._reconcile_requested = Event(), Event()
        self.pulls = SourcePulls(self.clock, self.health, lambda: self.application, self._reconcile_requested.set)
        self._memory = Memory()
        self.reconciler = Reconciler(
            self.clock,
            self.health,
            lambda: self.application,
            self.pulls,
            self._reconcile_requested,
            self.stop,
            self._memory.give_back,
        )
        self.digests = Digests(self.clock, self.health, lambda: self.application, lambda: self.snapshot, self.stop)
        self._inbox = FileInbox(lambda: self.application, self.reconciler.run_between, self.pulls.enqueue)
        self.scheduler = JobScheduler(self.clock)
        self._watchdog = Watchdog(self.clock)
        self.leadership = Leadership(
            self.ledger, self.pulls, self.reconciler, on_taken=self._schedule_jobs, on_lost=self.scheduler.clear
        )
        self._page_server = page_server
        self._servers: list[Server] = []
        self._shown: tuple[Snapshot, Exposition] | None = None
        self._shown_reconciliation_id = 0
        self._last_poll = 0.0

    # --- what is shown ------------------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that is shown now."""
        assert self._shown is not None, "nothing is served before the first snapshot"
        return self._shown[0]

    @property
    def exposition(self) -> Exposition:
        """The metrics text of that snapshot."""
        assert self._shown is not None, "nothing is served before the first snapshot"
        return self._shown[1]

    def daemon_status(self) -> DaemonStatus:
        """How the daemon is doing. Never asks the database."""
        leadership = self.leadership
        status = self.health.daemon_status(
            self.application, is_leader=leadership.is_leader, schedule_holder=leadership.holder
        )
        return with_held_changes(status, self.health.parts, self.reconciler.plan_of)

    def pulls_under_way(self) -> Sequence[PullProgress]:
        """How far each pull of this daemon is that has not ended."""
        return self.application.run_context.runner.under_way.progress()

    def proposals(self) -> Proposals | None:
        """What may be configured by what is believed now; None: it is being worked out."""
        return self.reconciler.proposals()

    def is_alive(self) -> bool:
        """Whether the main loop has turned lately, and the scheduler looks for due jobs."""
        return self.health.is_alive() and self.scheduler.is_alive()

    def is_ready(self) -> bool:
        """Whether the database answers and there is a snapshot."""
        return self._shown is not None and self.health.is_database_reachable()

    def _show(self, snapshot: Snapshot) -> None:
        self._shown = (snapshot, Exposition(snapshot, sync.counter_totals(self.ledger)))
        self._memory.settle(snapshot.outcome.moment.today)
        newest = self.ledger.newest_reconciliation()
        self._shown_reconciliation_id = newest.id if newest else 0

    # --- start and stop -----------------------------------------------------------------------------------------------

    def run(self, when_up: Callable[[], None] = lambda: None) -> None:
        """Serve until a signal or `stop` ends it. *when_up* is called once the daemon listens."""
        self._install_signal_handlers()
        self.start()
        when_up()
        try:
            while not self.clock.wait(LOOP_SECONDS, self.stop):
                self.tick()
        finally:
            self.close()

    def start(self) -> None:
        """Bind the addresses, rebuild the snapshot, then listen, then work."""
        self._bind_addresses()
        begun = self.clock.monotonic()
        self._show(sync.rebuild_snapshot(self.application.run_context))
        self.health.record_reconciliation(self.clock.monotonic() - begun)
        self.health.refresh_from_database(self.application)
        self.maintenance.find_last_backup()
        self._memory.give_back()
        self._serve()
        self.reconciler.start()
        self.scheduler.start()
        self._schedule_jobs()
        logger.info(
            "started",
            address=self.address,
            sources=len(self.application.sources),
            leader=self.leadership.is_leader,
            schedule_held_by=self.leadership.holder,
        )
        notify_systemd(READY)

    @property
    def address(self) -> str:
        """The URL of the page."""
        host = self.application.settings.web.address.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._servers[0].port}"

    def close(self) -> None:
        """Stop everything: begin no new work, let pulls end at their next page, close the servers last."""
        notify_systemd(STOPPING)
        self.stop.set()
        self._reconcile_requested.set()
        self.scheduler.stop()
        self.pulls.shut_down()
        deadline = self.clock.monotonic() + STOP_SECONDS
        while (self.pulls.is_pulling or self.reconciler.is_running()) and self.clock.monotonic() < deadline:
            self.clock.wait(0.05, Event())
        for server in self._servers:
            server.stop()
        self.leadership.release()
        self.ledger.close()
        logger.info("stopped")

    def _install_signal_handlers(self) -> None:
        def stop(_number: int, _frame: FrameType | None) -> None:
            if self.stop.is_set():
                os._exit(1)  # a second signal means: do not wait
            self.stop.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, lambda _number, _frame: self._reload_requested.set())

    def _bind_addresses(self) -> None:
        web, file = self.application.settings.web, self.application.settings.file_name
        page = self._page_server or open_server(file, "listen", web.address, PAGE_THREADS, web.trusted_proxies)
        self._servers = [page]
        if web.metrics_address is not None:
            self._servers.append(open_server(file, "metrics_listen", web.metrics_address, METRICS_THREADS))

    def _serve(self) -> None:
        services = self.services()
        page, *metrics = self._servers
        app = create_app(services)
        page.serve(app.wsgi_app, largest_body(app))
        for server in metrics:
            server.serve(metrics_wsgi(services))

    def services(self) -> WebServices:
        """What the page may ask for."""
        return build_web_services(
            lambda: self.application,
            self,
            self.reconciler.plan_of,
            self._reconcile_requested.set,
            self._inbox,
            HeadCounts(lambda: self.application, self.pulls.enqueue),
        )

    # --- main loop ----------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """One turn of the main loop. An error in it is logged, and the next turn tries again."""
        self.health.record_heartbeat()
        self._watchdog.feed(is_alive=self.scheduler.is_alive())
        self.scheduler.wake()
        try:
            if self._reload_requested.is_set():
                self._reload_requested.clear()
                self.reload()
            if self.clock.monotonic() - self._last_poll >= DATABASE_POLL_SECONDS:
                self._last_poll = self.clock.monotonic()
                self._poll_database()
        except StoreUnavailable as error:
            logger.debug("database not read", reason=str(error))  # the store has logged the outage, once
        except Exception:
            logger.exception("main loop broke")

    def _poll_database(self) -> None:
        """Show what other processes decided, and take over the schedule when its daemon has ended."""
        self.leadership.poll()
        newest = self.ledger.newest_reconciliation()
        if newest is not None and newest.id != self._shown_reconciliation_id and not self.pulls.are_results_due:
            self._show(sync.rebuild_snapshot(self.application.run_context))
            self.reconciler.refresh_plans()
            self._memory.give_back()
        self.health.refresh_from_database(self.application)
        # A `fleetsync sync` of another process may have succeeded where the daemon was refused.
        self.pulls.forget_refusals(self.health.working_parts() & set(self.pulls.refused_parts))

    def _schedule_jobs(self, changed_sources: frozenset[str] = frozenset()) -> None:
        """Replace all jobs. Does nothing in a daemon that only shows what another daemon with the lease does."""
        if not self.leadership.is_leader:
            return
        self.scheduler.clear()
        for source in self.application.sources:
            if not source.settings.disabled:
                first_at = self.pulls.first_pull_at(source, is_changed=source.name in changed_sources)
                call = partial(self.pulls.enqueue, source.name)
                self.scheduler.add_interval_job(pull_job_name(source.name), source.settings.every, first_at, call)
        self._reconcile_requested.set()
        calls = {
            "purge": self.maintenance.purge,
            BACKUP_JOB: self.maintenance.backup,
            "digest": self.digests.start_sending,
        }
        time_zone = self.application.run_context.policy.time_zone
        for job in self.application.settings.jobs:
            self.scheduler.add_cron_job(job, time_zone, calls.get(job.name, self._reconcile_requested.set))

    # --- a new configuration ------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Load the configuration and use it from now on. If it is wrong, the old one stays and a metric says so."""
        old = self.application.settings
        try:
            new = load(old.path)
            refused = keys_needing_restart(old, new)
            if refused:
                raise SettingsError(f"{', '.join(refused)} changed, which needs a restart; nothing was changed now")
            application = build_application(
                new, self.clock, self.ledger, self.stop, self._show, earlier=self.application
            )
        except (SettingsError, ScheduleError, StoreError, PullError) as error:
            self.health.record_config_refused()
            logger.warning("configuration refused; the old one stays", reason=str(error))
            return
        except Exception:
            self.health.record_config_refused()
            logger.exception("configuration could not be loaded; the old one stays")
            return
        changed = changed_keys(old, new)
        self.application = application
        self.health.record_config_loaded()
        logger.info("configuration loaded", changed=list(changed))
        self.pulls.forget_refusals()  # the person that refused parts waited for may have changed the configuration
        self.health.refresh_from_database(application)
        self._schedule_jobs(frozenset(key.split(".")[1] for key in changed if key.startswith("source.")))
        if not self.leadership.is_leader:
            self._show(sync.rebuild_snapshot(application.run_context))
