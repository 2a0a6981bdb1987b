"""The daemon: one process that pulls by the schedule, reconciles in one thread, and shows the snapshot.

Pulls wait side by side in a pool of their own; what they bring goes to the one reconciling thread,
which is fed by a coalescing event. The snapshot is rebuilt before anything listens, so a restart leaves no hole in any
series, and it is replaced by one assignment. Stopping is done within ten seconds in any state.
"""

import os
import queue
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event, Lock, Thread
from types import FrameType

from fleetsync import log, sync
from fleetsync.clock import Clock
from fleetsync.core.calendar import local_day
from fleetsync.core.model import ChangePlan
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.composition import build_application, clock_for, open_configured_ledger, retention_periods
from fleetsync.daemon.health import Health, pull_job_name
from fleetsync.daemon.http_servers import METRICS_THREADS, PAGE_THREADS, Server, open_server
from fleetsync.daemon.ledger_ports import LedgerAccounts, LedgerDecisions, LedgerHistory
from fleetsync.daemon.process import load_session_key, notify_systemd
from fleetsync.daemon.scheduler import JobScheduler
from fleetsync.expose.metrics import Exposition
from fleetsync.expose.ports import WebServices
from fleetsync.expose.telemetry import DaemonStatus
from fleetsync.expose.web import metrics_wsgi, wsgi
from fleetsync.pull.contract import Part, PullError
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import PullResult
from fleetsync.schedule import ScheduleError
from fleetsync.settings import Settings, SettingsError, changed_keys, keys_needing_restart, load
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger import Ledger

logger = log.get(__name__)

LOOP_SECONDS = 1.0
DATABASE_POLL_SECONDS = 5.0  # how soon a decision of another process is shown
STOP_SECONDS = 8.0
REFUSED_RETRY_SECONDS = (
    6 * 3600.0
)  # a source that refuses us is asked no sooner by the schedule: some lock accounts out
BACKUP_PATTERN = "fleetsync-*.db"


class Daemon:
    """The running service. `run` returns when it was asked to stop."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.stop = Event()
        self.clock = clock or clock_for(settings)
        self._reload_requested = Event()
        self._reconcile_requested = Event()
        self._finished_pulls: queue.SimpleQueue[PullResult] = queue.SimpleQueue()
        self._sources_being_pulled: set[str] = set()
        self._changed_sources: set[str] = set()  # sources whose tables a new configuration changed
        self._refused_since: dict[tuple[str, str], float] = {}  # parts that wait for a person, since when
        self._plans_of_held: dict[int, ChangePlan] = {}
        self._lock = Lock()
        self._pull_pool = ThreadPoolExecutor(sync.WORKERS, thread_name_prefix="pull")
        self.ledger: Ledger = open_configured_ledger(settings, self.clock)
        self.application = build_application(settings, self.clock, self.ledger, self.stop, self._show)
        self.health = Health(self.clock, self.ledger)
        self._job_scheduler = JobScheduler()
        self._lease = self.ledger.schedule_lease()
        self._servers: list[Server] = []
        self._reconcile_thread: Thread | None = None
        self._shown: tuple[Snapshot, Exposition] | None = None
        self._shown_reconciliation_id = 0
        self._last_poll = 0.0

    # --- what is shown ------------------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        """What is shown now."""
        assert self._shown is not None, "nothing is served before the first snapshot"
        return self._shown[0]

    @property
    def exposition(self) -> Exposition:
        """Its text."""
        assert self._shown is not None, "nothing is served before the first snapshot"
        return self._shown[1]

    def daemon_status(self) -> DaemonStatus:
        """How the daemon does; never asks the database."""
        return self.health.daemon_status(self.application, is_leader=self._lease is not None)

    def is_alive(self) -> bool:
        """Whether the main loop went round lately."""
        return self.health.is_alive()

    def is_ready(self) -> bool:
        """Whether the database answers and there is a snapshot."""
        return self._shown is not None and self.health.is_database_reachable()

    def _show(self, snapshot: Snapshot) -> None:
        self._shown = (snapshot, Exposition(snapshot, sync.counter_totals(self.ledger)))
        newest = self.ledger.newest_reconciliation()
        self._shown_reconciliation_id = newest.id if newest else 0

    # --- life ---------------------------------------------------------------------------------------------------------

    def run(self, when_up: Callable[[], None] = lambda: None) -> None:
        """Serve until a signal or `stop` says no; call *when_up* once it is listening."""
        self._install_signal_handlers()
        self.start()
        when_up()
        try:
            while not self.clock.wait(LOOP_SECONDS, self.stop):
                self.tick()
        finally:
            self.close()

    def start(self) -> None:
        """Rebuild the snapshot, then listen, then work."""
        begun = self.clock.monotonic()
        self._show(sync.rebuild_snapshot(self.application.run_context))
        self.health.record_reconciliation(self.clock.monotonic() - begun)
        self.health.refresh_from_database(self.application)
        self._find_last_backup()
        self._start_servers()
        self._reconcile_thread = Thread(target=self._reconcile_loop, name="reconcile", daemon=True)
        self._reconcile_thread.start()
        self._job_scheduler.start()
        self._schedule_jobs()
        logger.info(
            "started", address=self.address, sources=len(self.application.sources), leader=self._lease is not None
        )
        notify_systemd("READY=1")

    @property
    def address(self) -> str:
        """Where the page is."""
        host = self.application.settings.web.address.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._servers[0].port}"

    def tick(self) -> None:
        """One turn of the main loop. What breaks in it is told, and the next turn tries again."""
        self.health.record_heartbeat()
        try:
            if self._reload_requested.is_set():
                self._reload_requested.clear()
                self.reload()
            if self.clock.monotonic() - self._last_poll >= DATABASE_POLL_SECONDS:
                self._last_poll = self.clock.monotonic()
                self._poll_database()
        except Exception:
            logger.exception("main loop broke")

    def _poll_database(self) -> None:
        """See what other processes did: their decisions are shown, and a lease that was left is taken."""
        if self._lease is None:
            self._lease = self.ledger.schedule_lease()
            if self._lease is not None:
                self._schedule_jobs()
        newest = self.ledger.newest_reconciliation()
        if newest is not None and newest.id != self._shown_reconciliation_id and self._finished_pulls.empty():
            self._show(sync.rebuild_snapshot(self.application.run_context))
            self._plans_of_held = sync.plans_of_held(self.application.run_context)
        self.health.refresh_from_database(self.application)
        for source, part in (
            self.health.working_parts() & self._refused_since.keys()
        ):  # somebody's `fleetsync sync` got through
            self._refused_since.pop((source, part), None)

    def close(self) -> None:
        """Stop everything: no new work, pulls end at their next page, the door last."""
        notify_systemd("STOPPING=1")
        self.stop.set()
        self._reconcile_requested.set()
        self._job_scheduler.stop()
        self._pull_pool.shutdown(wait=False, cancel_futures=True)
        deadline = self.clock.monotonic() + STOP_SECONDS
        while (self._sources_being_pulled or self._is_reconciler_alive()) and self.clock.monotonic() < deadline:
            self.clock.wait(0.05, Event())
        for server in self._servers:
            server.stop()
        if self._lease is not None:
            self._lease.release()
        self.ledger.close()
        logger.info("stopped")

    def _is_reconciler_alive(self) -> bool:
        return self._reconcile_thread is not None and self._reconcile_thread.is_alive()

    def _install_signal_handlers(self) -> None:
        def stop(_number: int, _frame: FrameType | None) -> None:
            if self.stop.is_set():
                os._exit(1)  # asked twice: whoever asks does not want to wait
            self.stop.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, lambda _number, _frame: self._reload_requested.set())

    def _start_servers(self) -> None:
        web, file = self.application.settings.web, self.application.settings.file_name
        services = self.services()
        self._servers = [open_server(file, "listen", wsgi(services), web.address, PAGE_THREADS, web.trusted_proxies)]
        if web.metrics_address is not None:
            machines = metrics_wsgi(services)
            self._servers.append(open_server(file, "metrics_listen", machines, web.metrics_address, METRICS_THREADS))
        for server in self._servers:
            server.start()

    def services(self) -> WebServices:
        """What the page is given."""
        settings = self.application.settings
        return WebServices(
            published_state=self,
            history=LedgerHistory(lambda: self.application.run_context, lambda: self.snapshot),
            decisions=LedgerDecisions(
                lambda: self.application.run_context, self._plan_of, self._reconcile_requested.set
            ),
            accounts=LedgerAccounts(self.ledger),
            audit=self.ledger,
            clock=self.clock,
            session_key=load_session_key(settings),
            municipality=settings.municipality.name,
            is_loopback=settings.web.address.is_loopback,
            public_url=settings.web.public_url or "",
            default_language=settings.language,
            rehearsal_now=self.clock.now() if self.clock.is_moved else None,
        )

    def _plan_of(self, pull: int) -> ChangePlan | None:
        return self._plans_of_held.get(pull)

    # --- work ---------------------------------------------------------------------------------------------------------

    def _schedule_jobs(self) -> None:
        """Schedule everything anew; only the daemon with the lease works, and others show what it does."""
        if self._lease is None:
            return
        self._job_scheduler.clear()
        for source in self.application.sources:
            if not source.settings.disabled:
                self._job_scheduler.add_interval_job(
                    pull_job_name(source.name),
                    source.settings.every,
                    self._first_pull_at(source),
                    partial(self._enqueue_pull, source.name),
                )
        self._reconcile_requested.set()
        calls = {"purge": self._purge, "backup": self._backup}
        for job in self.application.settings.jobs:
            self._job_scheduler.add_cron_job(
                job, self.application.run_context.policy.time_zone, calls.get(job.name, self._reconcile_requested.set)
            )

    def _first_pull_at(self, source: Source) -> datetime:
        """At once, unless the last attempt was within its interval and worked: a restart is no reason to ask again.

        Real time: the schedule knows no moved clock.
        """
        real_now = Clock().now()
        mine = [part for part in self.health.parts if part.source == source.name]
        attempts = [part.last_attempt_at for part in mine]
        newest = max((at for at in attempts if at is not None), default=None)
        has_worked = {(part.source, part.part) for part in mine} <= self.health.working_parts()
        if newest is None or None in attempts or not has_worked or source.name in self._changed_sources:
            return real_now
        waited = self.clock.now() - newest
        return real_now + max(timedelta(0), source.settings.every - waited)

    def _enqueue_pull(self, name: str) -> None:
        with self._lock:
            if name in self._sources_being_pulled or self.stop.is_set():
                self.health.record_missed_job(pull_job_name(name))
                return
            self._sources_being_pulled.add(name)
        self._pull_pool.submit(self._pull_source, name)

    def _pull_source(self, name: str) -> None:
        try:
            run_context = self.application.run_context
            source = next((one for one in run_context.sources if one.name == name), None)
            if source is not None:
                for pulled in sync.pull_source(run_context, list(self._due_parts(source)), None):
                    self._record_refusal(pulled)
                    self._finished_pulls.put(pulled)
        except Exception:
            logger.exception("pull broke", source=name)
        finally:
            with self._lock:
                self._sources_being_pulled.discard(name)
            self._reconcile_requested.set()

    def _due_parts(self, source: Source) -> Iterable[tuple[Source, Part]]:
        """The parts of a source that do not wait for a person."""
        now = self.clock.monotonic()
        for part in source.parts:
            since = self._refused_since.get((source.name, part.name))
            if since is None or now - since >= REFUSED_RETRY_SECONDS:
                yield source, part

    def _record_refusal(self, pulled: PullResult) -> None:
        at = (pulled.source, pulled.part)
        if pulled.needs_operator:
            self._refused_since[at] = self.clock.monotonic()
        else:
            self._refused_since.pop(at, None)

    def _reconcile_loop(self) -> None:
        while not self.stop.is_set():
            self._reconcile_requested.wait(1.0)
            if self._reconcile_requested.is_set() and not self.stop.is_set():
                self._reconcile_requested.clear()
                self._reconcile()

    def _reconcile(self) -> None:
        begun = self.clock.monotonic()
        run_context, brought = self.application.run_context, self._drain_finished_pulls()
        try:
            if brought:
                report = sync.judge_and_apply(run_context, brought)
                self.health.record_pulls(report.pulled, [one.pulled for one in report.held])
            else:
                sync.reconcile_now(run_context)
            self._plans_of_held = sync.plans_of_held(run_context)
            self.health.refresh_from_database(self.application)
        except Exception:
            self.health.record_reconcile_failure()
            logger.exception("reconciliation broke; what was shown before stays")
        else:
            self.health.record_reconciliation(self.clock.monotonic() - begun)

    def _drain_finished_pulls(self) -> list[PullResult]:
        found = []
        while not self._finished_pulls.empty():
            found.append(self._finished_pulls.get())
        return found

    def _purge(self) -> None:
        gone = self.ledger.purge(self.clock.now(), retention_periods(self.application.settings.database))
        if gone:
            logger.info("purged", **gone)

    def _backup(self) -> None:
        folder = self.application.settings.database.backup_folder
        if folder is None:
            return
        try:
            day = local_day(self.clock.now(), self.application.run_context.policy.time_zone)
            self.ledger.backup(folder / BACKUP_PATTERN.replace("*", day.isoformat()))
            self.health.record_backup(self.clock.now())
            for old in sorted(folder.glob(BACKUP_PATTERN))[: -self.application.settings.database.keep_backups]:
                old.unlink()
        except (StoreError, OSError) as error:
            logger.warning("backup failed", reason=str(error))

    def _find_last_backup(self) -> None:
        """When the last copy was made, also by the daemon before this one."""
        folder = self.application.settings.database.backup_folder
        copies = sorted(folder.glob(BACKUP_PATTERN)) if folder is not None else []
        if copies:
            self.health.record_backup(datetime.fromtimestamp(copies[-1].stat().st_mtime, UTC))

    # --- a new configuration ------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Load the configuration beside the old one, and swap; on any fault the old one stays and a metric says so."""
        old = self.application.settings
        try:
            new = load(old.path)
            refused = keys_needing_restart(old, new)
            if refused:
                raise SettingsError(f"{', '.join(refused)} changed, which needs a restart; nothing was changed now")
            application = build_application(
                new, self.clock, self.ledger, self.stop, self._show, self.application.run_context.runner.meters
            )
        except (SettingsError, ScheduleError, StoreError, PullError) as error:
            self.health.record_config_refused()
            logger.warning("configuration refused; the old one stays", reason=str(error))
            return
        changed = changed_keys(old, new)
        self.application = application
        self.health.record_config_loaded()
        logger.info("configuration loaded", changed=list(changed))
        self._refused_since.clear()  # whoever was waited for has been here
        self.health.refresh_from_database(application)
        self._changed_sources = {key.split(".")[1] for key in changed if key.startswith("source.")}
        self._schedule_jobs()
        self._changed_sources = set()
        if self._lease is None:
            self._show(sync.rebuild_snapshot(application.run_context))
