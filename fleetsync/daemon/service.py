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
from fleetsync.core.model import Plan
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.health import Health, job_of
from fleetsync.daemon.house import build, clock_of, open_store, retention
from fleetsync.daemon.jobs import Timetable
from fleetsync.daemon.notices import notify, session_key
from fleetsync.daemon.services import LedgerAccounts, LedgerDecisions, LedgerHistory
from fleetsync.daemon.serving import METRICS_THREADS, PAGE_THREADS, Server, listening
from fleetsync.expose.metrics import Exposition
from fleetsync.expose.ports import Services
from fleetsync.expose.telemetry import Pulse
from fleetsync.expose.web import metrics_wsgi, wsgi
from fleetsync.pull.contract import Part, PullError
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import Pulled
from fleetsync.schedule import ScheduleError
from fleetsync.settings import Settings, SettingsError, changed_keys, load, what_needs_restart
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger import Ledger

logger = log.get(__name__)

LOOP_SECONDS = 1.0
LOOK_SECONDS = 5.0  # how soon a decision of another process is shown
STOP_SECONDS = 8.0
REFUSED_SECONDS = 6 * 3600.0  # a source that refuses us is asked no sooner by the schedule: some lock accounts out
COPY = "fleetsync-*.db"


class Daemon:
    """The running service. `run` returns when it was asked to stop."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.stop = Event()
        self.clock = clock or clock_of(settings)
        self._reload = Event()
        self._wake = Event()
        self._brought: queue.SimpleQueue[Pulled] = queue.SimpleQueue()
        self._pulling: set[str] = set()
        self._changed: set[str] = set()  # sources whose tables a new configuration changed
        self._refused: dict[tuple[str, str], float] = {}  # parts that wait for a person, since when
        self._plans: dict[int, Plan] = {}
        self._guard = Lock()
        self._pool = ThreadPoolExecutor(sync.WORKERS, thread_name_prefix="pull")
        self.ledger: Ledger = open_store(settings, self.clock)
        self.house = build(settings, self.clock, self.ledger, self.stop, self._show)
        self.health = Health(self.clock, self.ledger)
        self._timetable = Timetable()
        self._lease = self.ledger.schedule_lease()
        self._servers: list[Server] = []
        self._working: Thread | None = None
        self._shown: tuple[Snapshot, Exposition] | None = None
        self._recorded = 0
        self._looked_at = 0.0

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

    def pulse(self) -> Pulse:
        """How the daemon does; never asks the database."""
        return self.health.pulse(self.house, is_leader=self._lease is not None)

    def is_alive(self) -> bool:
        """Whether the main loop went round lately."""
        return self.health.is_alive()

    def is_ready(self) -> bool:
        """Whether the database answers and there is a snapshot."""
        return self._shown is not None and self.health.is_database_there()

    def _show(self, snapshot: Snapshot) -> None:
        self._shown = (snapshot, Exposition(snapshot, sync.totals(self.ledger)))
        newest = self.ledger.newest_reconciliation()
        self._recorded = newest.id if newest else 0

    # --- life ---------------------------------------------------------------------------------------------------------

    def run(self, when_up: Callable[[], None] = lambda: None) -> None:
        """Serve until a signal or `stop` says no; call *when_up* once it is listening."""
        self._listen_to_signals()
        self.start()
        when_up()
        try:
            while not self.clock.wait(LOOP_SECONDS, self.stop):
                self.turn()
        finally:
            self.close()

    def start(self) -> None:
        """Rebuild the snapshot, then listen, then work."""
        begun = self.clock.monotonic()
        self._show(sync.rebuilt(self.house.world))
        self.health.reconciled(self.clock.monotonic() - begun)
        self.health.look(self.house)
        self._look_for_copies()
        self._serve()
        self._working = Thread(target=self._reconcile_for_ever, name="reconcile", daemon=True)
        self._working.start()
        self._timetable.start()
        self._plan_work()
        logger.info("started", address=self.address, sources=len(self.house.sources), leader=self._lease is not None)
        notify("READY=1")

    @property
    def address(self) -> str:
        """Where the page is."""
        host = self.house.settings.web.address.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._servers[0].port}"

    def turn(self) -> None:
        """One turn of the main loop. What breaks in it is told, and the next turn tries again."""
        self.health.beat()
        try:
            if self._reload.is_set():
                self._reload.clear()
                self.reload()
            if self.clock.monotonic() - self._looked_at >= LOOK_SECONDS:
                self._looked_at = self.clock.monotonic()
                self._look()
        except Exception:
            logger.exception("main loop broke")

    def _look(self) -> None:
        """See what other processes did: their decisions are shown, and a lease that was left is taken."""
        if self._lease is None:
            self._lease = self.ledger.schedule_lease()
            if self._lease is not None:
                self._plan_work()
        newest = self.ledger.newest_reconciliation()
        if newest is not None and newest.id != self._recorded and self._brought.empty():
            self._show(sync.rebuilt(self.house.world))
            self._plans = sync.plans_of_held(self.house.world)
        self.health.look(self.house)
        for source, part in self.health.working() & self._refused.keys():  # somebody's `fleetsync sync` got through
            self._refused.pop((source, part), None)

    def close(self) -> None:
        """Stop everything: no new work, pulls end at their next page, the door last."""
        notify("STOPPING=1")
        self.stop.set()
        self._wake.set()
        self._timetable.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)
        deadline = self.clock.monotonic() + STOP_SECONDS
        while (self._pulling or self._is_working()) and self.clock.monotonic() < deadline:
            self.clock.wait(0.05, Event())
        for server in self._servers:
            server.stop()
        if self._lease is not None:
            self._lease.release()
        self.ledger.close()
        logger.info("stopped")

    def _is_working(self) -> bool:
        return self._working is not None and self._working.is_alive()

    def _listen_to_signals(self) -> None:
        def stop(_number: int, _frame: FrameType | None) -> None:
            if self.stop.is_set():
                os._exit(1)  # asked twice: whoever asks does not want to wait
            self.stop.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, lambda _number, _frame: self._reload.set())

    def _serve(self) -> None:
        web, file = self.house.settings.web, self.house.settings.file_name
        services = self.services()
        self._servers = [listening(file, "listen", wsgi(services), web.address, PAGE_THREADS, web.trusted_proxies)]
        if web.metrics_address is not None:
            machines = metrics_wsgi(services)
            self._servers.append(listening(file, "metrics_listen", machines, web.metrics_address, METRICS_THREADS))
        for server in self._servers:
            server.start()

    def services(self) -> Services:
        """What the page is given."""
        settings = self.house.settings
        return Services(
            showing=self,
            history=LedgerHistory(lambda: self.house.world, lambda: self.snapshot),
            decisions=LedgerDecisions(lambda: self.house.world, self._plan_of, self._wake.set),
            accounts=LedgerAccounts(self.ledger),
            audit=self.ledger,
            clock=self.clock,
            session_key=session_key(settings),
            municipality=settings.municipality.name,
            is_loopback=settings.web.address.is_loopback,
            public_url=settings.web.public_url or "",
            default_language=settings.language,
            rehearsal_now=self.clock.now() if self.clock.is_moved else None,
        )

    def _plan_of(self, pull: int) -> Plan | None:
        return self._plans.get(pull)

    # --- work ---------------------------------------------------------------------------------------------------------

    def _plan_work(self) -> None:
        """Schedule everything anew; only the daemon with the lease works, and others show what it does."""
        if self._lease is None:
            return
        self._timetable.clear()
        for source in self.house.sources:
            if not source.settings.disabled:
                self._timetable.every(
                    job_of(source.name),
                    source.settings.every,
                    self._first_pull(source),
                    partial(self._enqueue, source.name),
                )
        self._wake.set()
        calls = {"purge": self._purge, "backup": self._backup, "heartbeat": lambda: None}
        for job in self.house.settings.jobs:
            self._timetable.at(job, self.house.world.policy.time_zone, calls.get(job.name, self._wake.set))

    def _first_pull(self, source: Source) -> datetime:
        """At once, unless the last attempt was within its interval and worked: a restart is no reason to ask again.

        Real time: the schedule knows no moved clock.
        """
        real_now = Clock().now()
        mine = [part for part in self.health.parts if part.source == source.name]
        attempts = [part.last_attempt_at for part in mine]
        newest = max((at for at in attempts if at is not None), default=None)
        has_worked = {(part.source, part.part) for part in mine} <= self.health.working()
        if newest is None or None in attempts or not has_worked or source.name in self._changed:
            return real_now
        waited = self.clock.now() - newest
        return real_now + max(timedelta(0), source.settings.every - waited)

    def _enqueue(self, name: str) -> None:
        with self._guard:
            if name in self._pulling or self.stop.is_set():
                self.health.missed(job_of(name))
                return
            self._pulling.add(name)
        self._pool.submit(self._pull, name)

    def _pull(self, name: str) -> None:
        try:
            world = self.house.world
            source = next((one for one in world.sources if one.name == name), None)
            if source is not None:
                for pulled in sync.pull_source(world, list(self._due(source)), None):
                    self._remember_refusal(pulled)
                    self._brought.put(pulled)
        except Exception:
            logger.exception("pull broke", source=name)
        finally:
            with self._guard:
                self._pulling.discard(name)
            self._wake.set()

    def _due(self, source: Source) -> Iterable[tuple[Source, Part]]:
        """The parts of a source that do not wait for a person."""
        now = self.clock.monotonic()
        for part in source.parts:
            since = self._refused.get((source.name, part.name))
            if since is None or now - since >= REFUSED_SECONDS:
                yield source, part

    def _remember_refusal(self, pulled: Pulled) -> None:
        at = (pulled.source, pulled.part)
        if pulled.needs_person:
            self._refused[at] = self.clock.monotonic()
        else:
            self._refused.pop(at, None)

    def _reconcile_for_ever(self) -> None:
        while not self.stop.is_set():
            self._wake.wait(1.0)
            if self._wake.is_set() and not self.stop.is_set():
                self._wake.clear()
                self._reconcile()

    def _reconcile(self) -> None:
        begun = self.clock.monotonic()
        world, brought = self.house.world, self._drained()
        try:
            if brought:
                report = sync.settle(world, brought)
                self.health.brought(report.pulled, [one.pulled for one in report.held])
            else:
                sync.reconcile_anew(world)
            self._plans = sync.plans_of_held(world)
            self.health.look(self.house)
        except Exception:
            self.health.reconcile_failed()
            logger.exception("reconciliation broke; what was shown before stays")
        else:
            self.health.reconciled(self.clock.monotonic() - begun)

    def _drained(self) -> list[Pulled]:
        found = []
        while not self._brought.empty():
            found.append(self._brought.get())
        return found

    def _purge(self) -> None:
        gone = self.ledger.purge(self.clock.now(), retention(self.house.settings.database))
        if gone:
            logger.info("purged", **gone)

    def _backup(self) -> None:
        folder = self.house.settings.database.backup_folder
        if folder is None:
            return
        try:
            day = local_day(self.clock.now(), self.house.world.policy.time_zone)
            self.ledger.backup(folder / COPY.replace("*", day.isoformat()))
            self.health.backed_up(self.clock.now())
            for old in sorted(folder.glob(COPY))[: -self.house.settings.database.keep_backups]:
                old.unlink()
        except (StoreError, OSError) as error:
            logger.warning("backup failed", reason=str(error))

    def _look_for_copies(self) -> None:
        """When the last copy was made, also by the daemon before this one."""
        folder = self.house.settings.database.backup_folder
        copies = sorted(folder.glob(COPY)) if folder is not None else []
        if copies:
            self.health.backed_up(datetime.fromtimestamp(copies[-1].stat().st_mtime, UTC))

    # --- a new configuration ------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Load the configuration beside the old one, and swap; on any fault the old one stays and a metric says so."""
        old = self.house.settings
        try:
            new = load(old.path)
            refused = what_needs_restart(old, new)
            if refused:
                raise SettingsError(f"{', '.join(refused)} changed, which needs a restart; nothing was changed now")
            house = build(new, self.clock, self.ledger, self.stop, self._show, self.house.world.runner.meters)
        except (SettingsError, ScheduleError, StoreError, PullError) as error:
            self.health.config_refused()
            logger.warning("configuration refused; the old one stays", reason=str(error))
            return
        changed = changed_keys(old, new)
        self.house = house
        self.health.config_loaded()
        logger.info("configuration loaded", changed=list(changed))
        self._refused.clear()  # whoever was waited for has been here
        self.health.look(house)
        self._changed = {key.split(".")[1] for key in changed if key.startswith("source.")}
        self._plan_work()
        self._changed = set()
        if self._lease is None:
            self._show(sync.rebuilt(house.world))
