"""The command `fleetsync token`: a token is shown once, kept by its hash, and taken back at once; each is in the audit."""

import hashlib
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetsync.cli import root
from fleetsync.clock import ManualClock
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.daemon.ledger_ports import LedgerAccounts
from fleetsync.expose.ports import AccountRole
from fleetsync.settings import load
from tests.expose import example_page as e

CONFIG = """
[database]
url = "{folder}/data/fleetsync.db"
[privacy]
key_file = "{folder}/privacy.key"
[[unit]]
slug = "ekskolan"
name = "Ekskolan"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "config.toml").write_text(CONFIG.format(folder=tmp_path))
    return tmp_path / "config.toml"


def run(config, *words):
    return CliRunner().invoke(root, ["--config", str(config), "token", *words])


def accounts(config, today=e.TODAY):
    ledger = open_configured_ledger(load(config, environ={}), ManualClock(e.NOW))
    return ledger, LedgerAccounts(ledger, lambda: today)


def hashed(token):
    return hashlib.sha256(token.encode()).hexdigest()


def test_a_token_is_shown_once_and_only_its_hash_is_kept(config):
    token = run(config, "create", "grafana", "--role", "principal", "--unit", "ekskolan").stdout.strip()
    ledger, port = accounts(config)
    account = port.account_of_token(hashed(token))
    ledger.close()

    assert account is not None
    assert (account.name, account.role, account.units) == ("token grafana", AccountRole.PRINCIPAL, ("ekskolan",))
    assert not any(token.encode() in file.read_bytes() for file in config.parent.rglob("*") if file.is_file())
    assert run(config, "list").stdout.split("\t") == ["grafana", "principal", "ekskolan", "no end", f"used {e.TODAY}\n"]


def test_a_token_ends_after_its_last_day_and_when_it_is_revoked(config):
    token = run(config, "create", "excel", "--until", "2026-11-24").stdout.strip()
    for today, counts in ((date(2026, 11, 24), True), (date(2026, 11, 25), False)):
        ledger, port = accounts(config, today)
        assert (port.account_of_token(hashed(token)) is not None) == counts
        ledger.close()

    assert run(config, "revoke", "excel").output == "excel is revoked\n"
    ledger, port = accounts(config)
    assert port.account_of_token(hashed(token)) is None
    ledger.close()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("create", "x", "--role", "principal"), "names its units"),
        (("create", "x", "--unit", "ekskolan"), "leave out --unit"),
        (("create", "x", "--role", "principal", "--unit", "eskolan"), "is no unit"),
        (("revoke", "x"), "there is no token of that name"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(config, words, sentence):
    result = run(config, *words)

    assert result.exit_code != 0
    assert sentence in str(result.output) + str(result.exception)


def test_a_name_is_given_once(config):
    assert run(config, "create", "grafana").exit_code == 0
    second = run(config, "create", "grafana")

    assert second.exit_code != 0
    assert "exists already" in str(second.output) + str(second.exception)
