"""The weekly digest: what it says, when it is sent, and that a mail server that fails holds nothing up."""

import email
import email.policy
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from fleetsync import log
from fleetsync.clock import ManualClock
from fleetsync.daemon.composition import Application, build_application
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.daemon.digests import Digests, digest_of
from fleetsync.daemon.health import Health
from fleetsync.expose.digest import build_digest, write_digest
from fleetsync.expose.gate import view_for
from fleetsync.expose.scope import Scope
from fleetsync.expose.web.localiser import Localiser
from fleetsync.settings import load
from fleetsync.sync import rebuild_snapshot
from tests.expose import example_page as e
from tests.serving import free_port

UNIT = "ekskolan"
STUDY_DAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
SATURDAY, NEXT_MONDAY = date(2026, 11, 28), date(2026, 11, 30)
HOLIDAY = date(2026, 12, 25)


class Inbox:
    """An SMTP server on loopback that keeps what it receives, or refuses it."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.recipients: list[list[str]] = []
        self.refusal = ""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refusal:
            return self.refusal
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def port(inbox: Inbox) -> Iterator[int]:
    port = free_port()
    controller = Controller(
        inbox,
        hostname="127.0.0.1",
        port=port,
        auth_require_tls=False,
        authenticator=lambda _server, _session, _envelope, _mechanism, data: AuthResult(
            success=isinstance(data, LoginPassword) and data.password == b"right"
        ),
    )
    controller.start()
    yield port
    controller.stop()


CONFIG = """
[database]
url = "{folder}/data/fleetsync.db"
[privacy]
key_file = "{folder}/privacy.key"
[web]
public_url = "https://verktyg.exempelby.se"
[calendar]
name = "exempelby"
[[unit]]
slug = "ekskolan"
name = "Ekskolan"
school_forms = ["GR"]
[[unit]]
slug = "lindskolan"
name = "Lindskolan"
school_forms = ["GR"]
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "fleetsync@exempelby.se"
recipients = {{ ekskolan = ["rektor.ek@exempelby.se", "bitr.ek@exempelby.se"], lindskolan = ["rektor.li@exempelby.se"] }}
"""


class Sending:
    """An installation of two units, one of them published, whose digests are sent on given days."""

    def __init__(self, folder: Path, port: int) -> None:
        (folder / "data").mkdir(exist_ok=True)
        (folder / "config.toml").write_text(CONFIG.format(folder=folder, port=port))
        settings = load(folder / "config.toml", environ={})
        self.clock = ManualClock(e.NOW)
        self.ledger = open_configured_ledger(settings, self.clock)
        self.ledger.publish(UNIT, "tests")
        self.application: Application = build_application(settings, self.clock, self.ledger, Event())
        self.health = Health(self.clock, self.ledger)

    def send_on(self, day: date) -> None:
        """As the job does it at eight o'clock."""
        self.clock.set(datetime(day.year, day.month, day.day, 7, tzinfo=UTC))
        snapshot = rebuild_snapshot(self.application.run_context)
        Digests(self.clock, self.health, lambda: self.application, lambda: snapshot, Event()).send_due()

    @property
    def status(self) -> Any:
        return self.health.daemon_status(self.application, is_leader=True)


@pytest.fixture
def sending(tmp_path: Path, port: int) -> Iterator[Sending]:
    installation = Sending(tmp_path, port)
    yield installation
    installation.ledger.close()


# --- when it is sent ----------------------------------------------------------------------------------------------------


def test_a_published_unit_gets_one_mail_a_week_also_over_a_restart(sending, inbox, tmp_path, port):
    sending.send_on(TUESDAY)
    sending.send_on(TUESDAY + timedelta(days=1))
    sending.ledger.close()
    restarted = Sending(tmp_path, port)
    restarted.send_on(TUESDAY + timedelta(days=2))
    assert inbox.recipients == [["rektor.ek@exempelby.se", "bitr.ek@exempelby.se"]]

    restarted.send_on(NEXT_MONDAY)
    assert len(inbox.mails) == 2
    assert restarted.status.digests_at.date() == NEXT_MONDAY
    restarted.ledger.close()


@pytest.mark.parametrize("day", [STUDY_DAY, SATURDAY, HOLIDAY, date(2026, 10, 28), date(2026, 7, 6)])
def test_nothing_is_sent_on_a_day_without_school(sending, inbox, day):
    sending.send_on(day)

    assert inbox.mails == []
    assert sending.status.unsent_digests == 0


def test_a_mail_names_its_sender_its_week_and_no_recipient(sending, inbox):
    sending.send_on(TUESDAY)
    (mail,) = inbox.mails

    assert mail["From"] == "fleetsync@exempelby.se"
    assert mail["Subject"] == "Digitala verktyg på Ekskolan, vecka 48"
    assert "rektor" not in mail.as_string()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail.get_body(("plain",)).get_content().count("https://") == 1


# --- when the server fails ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", ["451 try later", "550 no"])
def test_a_mail_that_is_refused_is_counted_and_sent_when_it_is_taken(sending, inbox, refusal):
    inbox.refusal = refusal
    sending.send_on(TUESDAY)
    assert (sending.status.unsent_digests, sending.status.digests_at) == (1, None)

    inbox.refusal = ""
    sending.send_on(TUESDAY)
    assert (sending.status.unsent_digests, len(inbox.mails)) == (0, 1)


def test_a_server_that_does_not_answer_is_said_without_any_address(sending, inbox, tmp_path):
    sending.ledger.close()
    unanswered = Sending(tmp_path, free_port())
    logged = io.StringIO()
    log.setup(to=logged)
    try:
        unanswered.send_on(TUESDAY)
    finally:
        structlog.reset_defaults()
    printed = logged.getvalue()

    assert unanswered.status.unsent_digests == 1
    assert "Check [mail] host and port" in printed
    assert "rektor" not in printed
    unanswered.ledger.close()


# --- what it says -------------------------------------------------------------------------------------------------------


def example_digest(unit=UNIT):
    scope = Scope(units=frozenset({unit}))
    now, before = (
        e.example_snapshot(4),
        e.FakeHistory(e.SnapshotHolder(e.example_snapshot(4))).past(e.TODAY - timedelta(days=28)),
    )
    assert before is not None
    return build_digest(unit, view_for(now, scope), view_for(before, scope), "https://verktyg.exempelby.se")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("sv", ("har ett verktyg i drift", "Att göra", "en vecka sedan")),
        ("en", ("have a working device", "To do", "a week ago")),
    ],
)
def test_the_counts_are_those_that_are_published_in_both_languages(language, words):
    text = write_digest(example_digest(), Localiser(language, "Europe/Stockholm"))
    row = next(row for row in e.example_snapshot(4).outcome.coverage if (row.unit, row.entitlement) == (UNIT, "pupils"))

    for form in (text.plain, text.html):
        assert f"{row.covered} {'av' if language == 'sv' else 'of'} {row.entitled}" in form.replace("\u00a0", " ")
        assert all(word in form for word in words)
        assert "https://verktyg.exempelby.se/units/ekskolan" in form


def test_no_person_device_or_other_unit_stands_in_any_digest():
    outcome = e.example_snapshot(4).outcome
    for unit in ("ekskolan", "bjorkskolan", "ugglan", "central"):
        digest = example_digest(unit)
        for language in ("sv", "en"):
            text = write_digest(digest, Localiser(language, "Europe/Stockholm"))
            whole = text.subject + text.plain + text.html
            assert "@" not in whole
            assert not any(case.person.id in whole for case in outcome.people)
            assert not any(case.device.serial in whole for case in outcome.devices if case.device.serial)
            assert not any(known.name in whole for known in e.UNITS if known.slug not in {unit, "central"})


def test_the_name_of_a_unit_is_text_in_the_mail_and_no_markup():
    text = write_digest(replace(example_digest(), unit_name="A & <b>B</b>"), Localiser("sv", "Europe/Stockholm"))

    assert text.subject == "Digitala verktyg på A & <b>B</b>, vecka 48"
    assert "&lt;b&gt;" in text.html
    assert "<b>" not in text.html


def test_before_anything_was_published_a_digest_says_nothing_of_a_change(sending):
    snapshot = rebuild_snapshot(sending.application.run_context)
    text = write_digest(digest_of(sending.application, snapshot, UNIT), Localiser("sv", "Europe/Stockholm"))

    assert "Inget just nu." in text.plain
    assert "vecka sedan" not in text.plain
