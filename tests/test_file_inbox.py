"""A mailed file given on the page of the real daemon: what it is, what it would change, and where it is kept."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import pytest

from fleetsync.cli.accounts import hash_password
from fleetsync.daemon.service import Daemon
from fleetsync.expose.ports import DecisionError, ReceivedFile
from fleetsync.settings import load
from tests.flow.daemon_process import wait_until
from tests.flow.installation import CANARY, Installation, StaffFileRow, serial
from tests.serving import PASSWORD, free_port, signed_in_session
from tests.store.ledger_samples import dump

WHO = "tekniker"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, port=free_port()) as built:
        yield built


@contextmanager
def serving(installation: Installation) -> Iterator[Daemon]:
    daemon = Daemon(load(installation.config, environ={}), installation.clock)
    daemon.start()
    try:
        wait_until(lambda: daemon.ledger.newest_pulls("personal", "staff"), "the staff file is read")
        wait_until(lambda: not (daemon.pulls.is_pulling or daemon.pulls.has_results), "the pulls are judged")
        yield daemon
    finally:
        daemon.close()


def mailed_staff(installation: Installation) -> tuple[str, bytes]:
    """The next edition of the staff file, with one employee more; it is not in the folder of the source."""
    installation.advance_clock(days=1)
    installation.staff.append(StaffFileRow(n=99))
    file = installation.write_staff(installation.today)
    content = file.read_bytes()
    file.unlink()
    return file.name, content


def examined(daemon: Daemon, name: str, content: bytes) -> ReceivedFile:
    inbox = daemon.services().inbox
    inbox.receive(WHO, name, content)
    wait_until(lambda: (shown := inbox.received(WHO)) is not None and shown.is_examined, "the file is examined")
    shown = inbox.received(WHO)
    assert shown is not None
    return shown


def test_a_file_shows_what_it_would_change_and_once_accepted_is_kept_and_read(installation: Installation) -> None:
    with serving(installation) as daemon:
        before = set(installation.deliveries.iterdir())
        name, content = mailed_staff(installation)
        shown = examined(daemon, name, content)
        assert set(installation.deliveries.iterdir()) == before, "nothing is kept before it is accepted"

        source = daemon.services().inbox.accept(WHO)
        copy = installation.deliveries / name
        wait_until(
            lambda: daemon.ledger.newest_pulls("personal", "staff")[0].seen > len(installation.staff),
            "the file is read",
        )

        assert (shown.kind, shown.source, shown.problem, source) == ("staff_file", "personal", "", "personal")
        assert shown.plan is not None
        assert shown.plan.new == 2  # a person and the employment
        assert copy.read_bytes() == content
        assert copy.stat().st_mode & 0o777 == 0o600
        assert CANARY not in repr(shown)
        audit = dump(installation.database)["audit"]
        assert [entry[2:] for entry in audit if entry[2] == WHO] == [(WHO, "gave a file", "personal")]
        assert daemon.services().inbox.received(WHO) is None


def test_a_source_that_reads_a_whole_folder_takes_a_file_of_any_name(installation: Installation) -> None:
    config = installation.config.read_text(encoding="utf-8")
    pattern = "/personal_*.csv"
    assert config.count(pattern) == 1
    installation.config.write_text(config.replace(pattern, ""), encoding="utf-8")
    with serving(installation) as daemon:
        shown = examined(daemon, "lista_2026-11-30.csv", mailed_staff(installation)[1])

        assert (shown.source, shown.problem) == ("personal", "")
        daemon.services().inbox.accept(WHO)
        assert (installation.deliveries / "lista_2026-11-30.csv").is_file()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("personal_x.csv", b"hello", "no kind of list could be read from it"),
        ("lista.csv", None, "by its name no single source reads it (personal reads personal_*.csv)"),
    ],
)
def test_a_file_that_is_refused_says_why_and_nothing_of_it_is_kept(
    installation: Installation, name: str, content: bytes | None, sentence: str
) -> None:
    with serving(installation) as daemon:
        before = set(installation.deliveries.iterdir())
        shown = examined(daemon, name, mailed_staff(installation)[1] if content is None else content)

        assert sentence in shown.problem
        with pytest.raises(DecisionError, match="no file that could be taken"):
            daemon.services().inbox.accept(WHO)
        assert set(installation.deliveries.iterdir()) == before


def test_a_list_of_which_no_source_is_configured_names_the_command_that_adds_it(installation: Installation) -> None:
    rows = [{"Serienummer": serial(number), "Enhet": "Bäckskolan", "Modell": "iPad"} for number in range(1, 4)]
    file = installation.write_list("skolan", installation.today, rows)
    with serving(installation) as daemon:
        shown = examined(daemon, file.name, file.read_bytes())

    assert "read as device_file, and no source of that kind is configured" in shown.problem
    assert "fleetsync load FILE" in shown.problem


def test_a_folder_that_cannot_be_written_is_named_and_the_file_can_be_accepted_later(
    installation: Installation,
) -> None:
    with serving(installation) as daemon:
        name, content = mailed_staff(installation)
        examined(daemon, name, content)
        away = installation.deliveries.rename(installation.deliveries.with_name("away"))

        with pytest.raises(DecisionError, match="cannot be written there"):
            daemon.services().inbox.accept(WHO)
        away.rename(installation.deliveries)

        assert daemon.services().inbox.accept(WHO) == "personal"


def test_a_file_that_was_discarded_is_forgotten(installation: Installation) -> None:
    with serving(installation) as daemon:
        examined(daemon, *mailed_staff(installation))
        daemon.services().inbox.discard(WHO)

        assert daemon.services().inbox.received(WHO) is None


def test_by_the_plain_form_a_technician_gives_a_file_that_no_other_form_could_carry(installation: Installation) -> None:
    with serving(installation) as daemon:
        daemon.ledger.add_account(WHO, hash_password(PASSWORD), "technician")
        installation.staff += [StaffFileRow(n=number) for number in range(200, 800)]
        name, content = mailed_staff(installation)
        inbox, page = daemon.services().inbox, f"{daemon.address}/sources/file"
        with signed_in_session(daemon.address, WHO) as session:
            token = re.search(r'name="csrf" value="([^"]+)"', session.get(page, timeout=30).text)
            assert token is not None
            form = {"csrf": unescape(token[1])}
            session.post(page, data=form, files={"file": (name, content)}, timeout=60)
            wait_until(lambda: (shown := inbox.received(WHO)) is not None and shown.is_examined, "it is examined")
            shown = session.get(page, timeout=30).text
            done = session.post(f"{page}/decision", data={**form, "decision": "accept"}, timeout=30)

        assert len(content) > 65_536
        assert "nya poster" in shown
        assert CANARY not in shown
        assert done.url == f"{daemon.address}/sources"
        assert (installation.deliveries / name).read_bytes() == content
