"""Sends each unit its weekly digest, once a week, on school days alone. What fails is tried again at the next hour.

Nothing waits for the mail server: the mails are sent in a thread of their own, and a failure is a log line and a metric.
"""

from collections.abc import Callable
from datetime import date, timedelta
from threading import Event, Lock, Thread

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.composition import Application
from fleetsync.daemon.health import Health
from fleetsync.daemon.ledger_ports import LedgerHistory
from fleetsync.daemon.mail import Mailer, MailError, open_mailer
from fleetsync.expose.digest import DAYS_BACK, Digest, build_digest, first_day_of_week, write_digest
from fleetsync.expose.gate import view_for
from fleetsync.expose.scope import Scope
from fleetsync.expose.web.localiser import Localiser
from fleetsync.settings import SettingsError
from fleetsync.store.errors import StoreError

logger = log.get(__name__)


def digest_of(application: Application, snapshot: Snapshot, unit: str) -> Digest:
    """The digest of *unit* from *snapshot* and what was published a week before. Raises KeyError for an unknown unit."""
    scope = Scope(units=frozenset({unit}))
    history = LedgerHistory(lambda: application.run_context, lambda: snapshot)
    before = history.past(snapshot.outcome.moment.today - timedelta(days=DAYS_BACK))
    public_url = application.settings.web.public_url or ""
    return build_digest(unit, view_for(snapshot, scope), view_for(before, scope) if before else None, public_url)


def due_units(application: Application, snapshot: Snapshot, today: date) -> list[str]:
    """Published units with recipients for whom *today* is a school day, and who have had no digest this week."""
    sent = application.ledger.digests_of_week(first_day_of_week(today))
    units = {unit.slug: unit for unit in snapshot.outcome.units}
    calendars, directory = application.run_context.calendars, snapshot.context.unit_directory
    return [
        slug
        for slug in application.settings.mail.recipients
        if slug not in sent
        and slug in units
        and units[slug].published
        and calendars.for_unit(slug, directory.is_preschool_only(slug)).is_school_day(today)
    ]


class Digests:
    """The job `digest`. *application* returns the one in force, *snapshot* what is shown now."""

    def __init__(
        self,
        clock: Clock,
        health: Health,
        application: Callable[[], Application],
        snapshot: Callable[[], Snapshot],
        stop: Event,
    ) -> None:
        self._clock, self._health, self._stop = clock, health, stop
        self._application, self._snapshot = application, snapshot
        self._is_sending = Lock()

    def start_sending(self) -> None:
        """Send what is due, in a thread of its own; nothing while one is sending, or where no mail is configured."""
        if self._application().settings.mail.host is not None:
            # A mail server that answers slowly must not keep the process from ending.
            Thread(target=self.send_due, name="digests", daemon=True).start()

    def send_due(self) -> None:
        """Send each digest that is due. A failure is logged and counted; it is tried again at the next time of the job."""
        if not self._is_sending.acquire(blocking=False):
            return
        try:
            application, today = self._application(), self._application().run_context.moment().today
            due = due_units(application, self._snapshot(), today)
            sent = self._send(application, due, first_day_of_week(today)) if due else 0
            self._health.record_digests(sent=sent, unsent=len(due) - sent)
        except StoreError as error:
            logger.warning("digests not sent; tried again at the next time", reason=str(error))
        except Exception:
            logger.exception("digests broke")
        finally:
            self._is_sending.release()

    def _send(self, application: Application, units: list[str], week: date) -> int:
        """How many were sent."""
        sent = 0
        try:
            with open_mailer(application.settings) as mailer:
                for unit in units:
                    if self._stop.is_set():
                        break
                    sent += self._send_one(application, mailer, unit, week)
        except (MailError, SettingsError) as error:
            logger.warning(
                "digests not sent; tried again at the next time", unsent=len(units) - sent, reason=str(error)
            )
        if sent:
            logger.info("digests sent", units=sent)
        return sent

    def _send_one(self, application: Application, mailer: Mailer, unit: str, week: date) -> int:
        if not application.ledger.claim_digest(unit, week):
            return 0
        try:
            send_digest(application, mailer, self._snapshot(), unit)
        except Exception:
            application.ledger.release_digest(unit, week)
            raise
        return 1


def send_digest(application: Application, mailer: Mailer, snapshot: Snapshot, unit: str) -> None:
    """Send *unit* its digest now. Raises MailError."""
    settings = application.settings
    digest = digest_of(application, snapshot, unit)
    text = write_digest(digest, Localiser(settings.language, settings.municipality.time_zone))
    recipients = settings.mail.recipients[unit]
    mailer.send(recipients, text.subject, text.plain, text.html, f"{unit}.{digest.day}")
