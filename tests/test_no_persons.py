"""`[privacy] persons = false`: coverage by head counts, with no person in the store or in anything that comes out."""

import io
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from fleetsync import log
from fleetsync.cli.accounts import hash_password
from fleetsync.clock import ManualClock
from fleetsync.core.identity import canonical_key
from fleetsync.core.model import (
    DeviceRecord,
    Key,
    MembershipRecord,
    PersonRecord,
    Policy,
    PullLimits,
    Record,
    Scheme,
    Verdict,
)
from fleetsync.core.privacy import key_tokeniser, record_tokens
from fleetsync.daemon.service import Daemon
from fleetsync.pull.http import OutboundNetwork
from fleetsync.pull.registry import RegistryError, Source, build_source
from fleetsync.pull.runner import NormalisationRules, PullRunner
from fleetsync.settings import SettingsError, load
from tests.connectors.case_runner import CaseRunner, running_case
from tests.flow.daemon_process import run_command
from tests.flow.installation import CANARY, SCHOOL, Installation, OpenInstallation, device, login
from tests.serving import PASSWORD, free_port, serving_daemon, signed_in_session
from tests.store.ledger_samples import MONDAY, SECRET, believed_records, ledger_at
from tests.test_contract import CASES, PARTS

PEOPLE = 12
COUNTS = """
[identity]
function_accounts = ["vagn.*"]

[[source]]
kind = "headcount"
name = "antal"
path = "deliveries/antal_*.csv"
counts = ["pupils", "staff"]
settle_seconds = 0
"""
HEAD = "Enhetskod;Avser;Skolform;Årskurs;Antal;Datum;Lämnat av"
MIN_CHARACTERS = 5  # a shorter id is in many other texts too


class InstallationWithoutPersons(Installation):
    """An MDM, a list of devices and head counts; nobody is kept."""

    def write(self) -> Path:
        self.names, self.more = ("intune", "listor"), self.more or COUNTS
        super().write()
        return keep_no_persons(self)

    def write_counts(self, *rows: str) -> None:
        file = self.deliveries / "antal_2026-11-20.csv"
        file.write_text("\n".join((HEAD, *rows, "")), encoding="utf-8")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[InstallationWithoutPersons]:
    built = InstallationWithoutPersons(tmp_path, people=PEOPLE, port=free_port())
    with built:
        built.devices.append(device(PEOPLE + 1, f"vagn.{CANARY}@exempelby.se"))
        built.devices.append(device(PEOPLE + 2, ""))
        row = {"Serienummer": "DMPX000001", "Enhet": "Bäckskolan", "Användare": login(1), "Status": "I bruk"}
        built.write_list("backskolan", built.today, [row])
        built.write_counts(
            "3101;anställda;;;5;2026-11-02;rektor Bäckskolan", "3101;elever;GR;;10;2026-11-02;rektor Bäckskolan"
        )
        yield built


@pytest.fixture
def opened(installation: InstallationWithoutPersons) -> Iterator[OpenInstallation]:
    with installation.open() as application:
        report = application.run()
        assert {(each.source, each.verdict) for each in report.pulled} == {
            (name, Verdict.COMPLETE) for name in ("antal", "intune", "listor")
        }
        yield application


# --- the numbers ------------------------------------------------------------------------------------------------------


def test_heads_are_covered_by_the_devices_that_have_a_user_and_by_no_other(opened: OpenInstallation) -> None:
    numbers = {
        id_: (opened.count("entitled", entitlement=id_), opened.count("covered", entitlement=id_))
        for id_ in ("staff", "pupils")
    }

    # Twelve have a user; that of a function account and the one without any have no purpose.
    assert numbers == {"staff": (5, 5), "pupils": (10, 7)}
    assert opened.count("short", entitlement="pupils") == 3
    assert {case.placement.purpose.value for case in opened.snapshot.outcome.devices} == {"personal", "unsorted"}


def test_nobody_is_believed_owed_or_named_in_a_gap(opened: OpenInstallation) -> None:
    outcome = opened.snapshot.outcome

    assert not opened.ledger.holds_persons()
    assert (outcome.people, outcome.logins) == ((), ())
    assert {debt.subject_id for debt in outcome.owed} == {f"staff@{SCHOOL}", f"pupils@{SCHOOL}"}
    assert not any(case.placement.holder or case.placement.holder_problems for case in outcome.devices)
    assert {gap.subject.value for gap in outcome.episodes} <= {"device", "pool", "unit", "source"}


# --- nothing of a person, anywhere ------------------------------------------------------------------------------------


def bytes_in(folder: Path) -> bytes:
    """Everything that is written in *folder*: the database with its journal and its locks."""
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def canaries_in(content: bytes) -> set[bytes]:
    """The names and object ids of the installation's persons in *content*."""
    pattern = re.compile(rb"(?i)" + CANARY.encode() + rb"\w*|aaaaaaaa-0000-4000-8000-\d{12}|~[a-z2-7]{32}")
    return {match.group() for match in pattern.finditer(content)}


def test_no_byte_of_the_database_and_no_line_of_the_log_has_anything_of_a_person(
    installation: InstallationWithoutPersons,
) -> None:
    out = io.StringIO()
    log.setup("DEBUG", json=True, to=out)
    with installation.open() as opened:
        for _ in range(2):
            opened.run()
            installation.advance_clock(days=1)
            installation.devices[0]["userPrincipalName"] = f"ny.{CANARY}@exempelby.se"
        kept = bytes_in(installation.database.parent)

    assert b"DMPX000001" in kept
    assert canaries_in(kept) == set()
    assert "pull applied" in out.getvalue()
    assert canaries_in(out.getvalue().encode()) == set()


@pytest.mark.parametrize(
    "words",
    [
        ("check",),
        ("check", "--request"),
        ("sync", "--dry-run"),
        ("sync",),
        ("map",),
        *((name, "--format", "csv") for name in ("devices", "gaps", "coverage", "assignments", "sources")),
        ("explain", "unit", SCHOOL),
    ],
    ids=" ".join,
)
def test_no_command_says_anything_of_a_person(
    installation: InstallationWithoutPersons, opened: OpenInstallation, words: tuple[str, ...]
) -> None:
    done = run_command(installation.config, *words)

    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert len(done.output) > 20
    assert canaries_in(done.output.encode()) == set()


def test_no_page_no_export_and_no_metric_has_anything_of_a_person(
    installation: InstallationWithoutPersons, opened: OpenInstallation
) -> None:
    daemon = Daemon(load(installation.config, environ={}), installation.clock)
    daemon.ledger.add_account("tekniker", hash_password(PASSWORD), "technician")
    with serving_daemon(daemon), signed_in_session(daemon.address, "tekniker") as browser:
        pages = dict(all_pages(browser, daemon.address))

    assert {"/", "/metrics", "/sources", f"/units/{SCHOOL}"} <= pages.keys()
    assert len(pages) > 30
    assert {path: found for path, body in pages.items() if (found := canaries_in(body))} == {}


def all_pages(browser: requests.Session, address: str) -> Iterator[tuple[str, bytes]]:
    """Every page and download that a link leads to from the overview; of one kind of page at most eight."""
    queue, read, kinds = ["/", "/metrics", f"/units/{SCHOOL}"], set[str](), dict[str, int]()
    while queue:
        path = queue.pop(0)
        kind = re.sub(r"[^/]*\d[^/]*", "…", path.partition("?")[0]) + path.partition("?")[1]
        kinds[kind] = kinds.get(kind, 0) + (path not in read)
        if path in read or kinds[kind] > 8:
            continue
        read.add(path)
        answer = browser.get(address + path, timeout=30)
        assert answer.status_code == 200, path
        yield path, answer.content
        if "html" in answer.headers["Content-Type"]:
            queue += links_of(answer.text, path)


def links_of(page: str, path: str) -> Iterable[str]:
    for href in re.findall(r'href="([^"]+)"', page):
        to = urlsplit(urljoin(path, href.replace("&amp;", "&")))
        if not to.netloc and not to.path.startswith("/static"):
            yield f"{to.path}?{to.query}" if to.query else to.path


# --- every kind of source ---------------------------------------------------------------------------------------------


@pytest.fixture
def runner(kind: str, tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASES[kind], tmp_path) as here:
        yield here


@pytest.mark.parametrize(("kind", "part"), PARTS)
def test_the_runner_stages_nothing_of_a_person_whatever_a_connector_gives(
    runner: CaseRunner, part: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    database = tmp_path_factory.mktemp("database") / "fleetsync.db"
    rules = NormalisationRules(Policy(), SECRET, SECRET, keeps_persons=False)
    with ledger_at(database) as ledger:
        pull_runner = PullRunner(ledger, ManualClock(MONDAY), rules, lambda _: OutboundNetwork())
        source = Source(runner.settings, runner.module)
        pulled = pull_runner.pull(source, runner.part(part), threading.Event())
        assert pulled.verdict is Verdict.COMPLETE, pulled.reason
        effect = ledger.effect(pulled.pull)
        ledger.apply(effect, PullLimits())
        records = [known.record for known in believed_records(ledger)]
        assert not ledger.holds_persons()
        kept = bytes_in(database.parent).lower()

    given = runner.records(part)
    of_persons = [record for record in given if isinstance(record, PersonRecord | MembershipRecord)]
    assert bool(of_persons) == ("person" in effect.dropped)
    assert not any(isinstance(record, PersonRecord | MembershipRecord) for record in records)
    assert not any(record.keys or record.name for record in records if isinstance(record, DeviceRecord))
    assert [text for text in personal_texts(given, runner.settings.name) if text.lower().encode() in kept] == []


def personal_texts(records: Sequence[Record], source: str) -> set[str]:
    """Keys in any spelling, their tokens, ids and names of persons, and names of devices."""
    token_of, texts = key_tokeniser(SECRET), set[str]()
    for record in records:
        if isinstance(record, PersonRecord | DeviceRecord):
            canonical = tuple(filter(None, (canonical_key(key, {}) for key in record.keys)))
            texts |= {key.value for key in (*record.keys, *canonical)} | {token_of(key).value for key in canonical}
            texts |= {record.name or ""}
        if isinstance(record, PersonRecord | MembershipRecord):
            texts |= {record.source_id, *record_tokens(record, token_of, source=source).of_persons}
    of_devices = {
        text for record in records if isinstance(record, DeviceRecord) for text in (record.serial, record.asset_tag)
    }
    return {text for text in texts - of_devices if len(text) >= MIN_CHARACTERS}


USER = Key(Scheme.ADDRESS, "", "tuva.exempel@exempelby.se")


@pytest.mark.parametrize(
    ("fields", "has_user", "is_managers"),
    [
        ({"keys": (USER,)}, True, False),
        ({}, False, False),
        ({"unreadable": ("keys",)}, True, False),
        ({"keys": (Key(Scheme.ADDRESS, "", "Vagn.1@exempelby.se"),)}, False, False),
        ({"keys": (Key(Scheme.ADDRESS, "", "enrol@exempelby.se"),)}, False, True),
        ({"keys": (USER,), "enrolled_by_manager": True}, False, True),
        ({"enrolled_by_manager": True}, False, True),
    ],
    ids=["user", "nobody", "unreadable", "function account", "enrolment manager", "by a manager", "without a log-in"],
)
def test_of_a_devices_user_is_kept_that_there_is_one(
    tmp_path: Path, fields: dict[str, Any], has_user: bool, is_managers: bool
) -> None:
    policy = Policy(function_accounts=("vagn.*",), enrolment_managers=("enrol@*",))
    rules = NormalisationRules(policy, SECRET, SECRET, keeps_persons=False)
    settings = build_source({"kind": "device_file", "name": "listor", "path": str(tmp_path)}, "config.toml").settings

    kept = rules.canonical(DeviceRecord(source_id="d", serial="DMPX000001", **fields), settings)
    assert kept == DeviceRecord(source_id="d", serial="DMPX000001", has_user=has_user, enrolled_by_manager=is_managers)


def test_a_part_that_gives_persons_is_never_asked_for_and_counts_nothing() -> None:
    table = {"kind": "ss12000", "name": "register", "base_url": "https://register.exempelby.se", "auth": "none"}

    source = build_source(table | {"counts": ["pupils", "children"]}, "config.toml", keeps_persons=False)
    assert [part.name for part in source.parts] == ["units", "groups"]
    assert not source.counted_parts
    assert set(source.settings.without) == {"pupils", "children", "staff"}


def test_a_source_that_has_nothing_but_persons_is_refused(tmp_path: Path) -> None:
    table = CASES["staff_file"].filled_table("", tmp_path)

    with pytest.raises(RegistryError, match=r"reads nothing but persons.*persons = false.*headcount"):
        build_source(table, "config.toml", keeps_persons=False)


# --- what cannot be together ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[identity]\noverrides_file = "o.csv"\n', r"\[identity\] overrides_file under .* names persons"),
        ('[[device_rule]]\nwhen = { login = "vagn*" }\npurpose = "set"\n', r"\[\[device_rule\]\] 1: when.login"),
        ('[[device_rule]]\nwhen = { name = "{unit}-*" }\npurpose = "set"\n', r"\[\[device_rule\]\] 1: braces"),
        (
            '[[unit_map]]\nsource = "intune"\nfield = "name"\npattern = "{unit}-*"\nunit = "backskolan"\n',
            r"\[\[unit_map\]\] 1: braces",
        ),
    ],
    ids=["overrides", "login", "braces of a rule", "braces of a map"],
)
def test_what_needs_persons_is_refused_with_what_to_do(
    installation: InstallationWithoutPersons, more: str, message: str
) -> None:
    installation.more = more
    config = installation.write()

    with pytest.raises(SettingsError, match=message):
        load(config, environ={})


@pytest.mark.parametrize("key", ["store_names", "store_device_names"])
def test_names_are_refused(installation: InstallationWithoutPersons, key: str) -> None:
    text = installation.config.read_text(encoding="utf-8").replace("persons = false", f"persons = false\n{key} = true")
    installation.config.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError, match=f"{key} = true under .* names are personal"):
        load(installation.config, environ={})


def keep_no_persons(installation: Installation) -> Path:
    """Write the configuration with `persons = false`."""
    config = installation.config
    text = config.read_text(encoding="utf-8").replace("[privacy]\n", "[privacy]\npersons = false\n")
    config.write_text(text, encoding="utf-8")
    return config


@pytest.mark.parametrize("names", [("personal", "intune"), ("intune",)], ids=["persons", "log-ins of devices"])
def test_a_database_that_holds_persons_or_log_ins_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with Installation(tmp_path) as installation:
        installation.names = names
        installation.write()
        with installation.open() as opened:
            opened.run()
            assert opened.ledger.holds_persons()
        keep_no_persons(installation)

        refused = pytest.raises(SettingsError, match=r"persons = false, but the database holds persons.*new database")
        with refused, installation.open():
            pass


@pytest.mark.parametrize("table", ["owed", "assignment", "gap"])
def test_a_database_is_refused_while_it_holds_what_former_persons_were_owed_or_had(tmp_path: Path, table: str) -> None:
    with Installation(tmp_path) as installation:
        installation.names = ("personal", "intune")
        installation.write()
        installation.devices.pop()  # so that a person has a gap too
        with installation.open() as opened:
            opened.run()
        keep_only(installation.database, table)
        keep_no_persons(installation)

        with pytest.raises(SettingsError, match="the database holds persons"), installation.open():
            pass


def keep_only(database: Path, kept: str) -> None:
    """Empty every table but *kept* and those of the database itself."""
    with closing(sqlite3.connect(database)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            if name not in {kept, "alembic_version"} and not name.startswith("sqlite_"):
                connection.execute(f'DELETE FROM "{name}"')
        connection.commit()
        assert connection.execute(f'SELECT count(*) FROM "{kept}"').fetchone()[0]
