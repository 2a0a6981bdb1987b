"""Every line has the same form and holds no secret and no personal data."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from fleetsync import log
from fleetsync.pull.contract import PullError


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    for name in log.LIBRARY_LEVELS:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is hidden is hidden for the whole process: another test's secret could be a word that is tested here."""
    monkeypatch.setattr(log._redaction, "_secrets", frozenset())


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_is_a_line_of_json_with_its_fields(out: io.StringIO) -> None:
    log.setup(to=out)

    log.get("fleetsync.pull").info("pull applied", source="jamf-north", seen=8123, seconds=41.7, whole=True, mark=None)

    (line,) = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "pull applied", "level": "info", "logger": "fleetsync.pull",
        "source": "jamf-north", "seen": 8123, "seconds": 41.7, "whole": True, "mark": None,
    }  # fmt: skip


def test_on_a_terminal_it_is_in_words() -> None:
    out = Terminal()
    log.setup(to=out)

    log.get("x").warning("pull held", source="jamf-north")

    assert "pull held" in out.getvalue()
    assert not out.getvalue().startswith("{")


@pytest.mark.parametrize("json_wanted", [True, False])
def test_the_shape_can_be_chosen(json_wanted: bool) -> None:
    out = Terminal()
    log.setup(json=json_wanted, to=out)

    log.get("x").warning("pull held")

    assert out.getvalue().startswith("{") is json_wanted


def test_lines_of_libraries_have_the_same_shape_and_pass_the_same_redaction(out: io.StringIO) -> None:
    log.setup(to=out, secrets=["hunter22"])

    logging.getLogger("some.library").warning("GET /v1/x?token=abc with %s", "hunter22", extra={"api_key": "abc"})

    (line,) = lines(out)
    assert line["event"] == "GET /v1/x?*** with ***"
    assert (line["level"], line["logger"], line["api_key"]) == ("warning", "some.library", "***")


@pytest.mark.parametrize("name", ["urllib3.connectionpool", "apscheduler.executors.default", "alembic.runtime"])
def test_chatty_libraries_are_quiet_below_warning(out: io.StringIO, name: str) -> None:
    log.setup("DEBUG", to=out)

    logging.getLogger(name).info("as usual")
    logging.getLogger(name).warning("not as usual")

    assert [line["event"] for line in lines(out)] == ["not as usual"]


def test_a_queue_of_requests_is_no_warning(out: io.StringIO) -> None:
    log.setup(to=out)

    logging.getLogger("waitress.queue").warning("Task queue depth is 1")

    assert out.getvalue() == ""


def test_the_level_holds_for_loggers_that_were_used_before(out: io.StringIO) -> None:
    log.setup("INFO", to=out)
    logger = log.get("fleetsync")
    logger.debug("not written")
    log.setup("DEBUG", to=out)
    logger.debug("written")
    log.setup("error", to=out)
    logger.warning("not written either")

    assert [line["event"] for line in lines(out)] == ["written"]


def test_an_unknown_level_is_refused(out: io.StringIO) -> None:
    with pytest.raises(ValueError, match="Unknown level"):
        log.setup("LOUD", to=out)


# ------------------------------------------------------------------------------------------------------------ redaction


@pytest.mark.parametrize(
    "key",
    ["token", "access_token", "client_secret", "password", "passphrase", "Authorization", "api_key", "apiKey", "api-key",
     "Cookie", "client_assertion", "private_key"],
)  # fmt: skip
def test_what_stands_under_the_key_of_a_secret_is_hidden(out: io.StringIO, key: str) -> None:
    log.setup(to=out)

    log.get("x").info("asked", **{key: "abc", "headers": {key: ["abc"]}})

    (line,) = lines(out)
    assert (line[key], line["headers"][key]) == ("***", "***")


def test_a_line_may_tell_whether_there_is_a_secret(out: io.StringIO) -> None:
    log.setup(to=out)

    log.get("x").info("asked", has_token=True, token=None)

    assert (lines(out)[0]["has_token"], lines(out)[0]["token"]) == (True, None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://mdm.exempelby.se/v1/x?token=abc&b=c failed", "https://mdm.exempelby.se/v1/x?*** failed"),
        ("url: /v1/x?token=abc (Caused by …)", "url: /v1/x?*** (Caused by …)"),
        ("postgresql://fleetsync:hunter2@db.exempelby.se/f", "postgresql://***@db.exempelby.se/f"),
        ("no holder anna.ek@skola.exempelby.se found", "no holder <address> found"),
        ("row of 20130412-1234 and 1304121234", "row of <number> and <number>"),
        ("row of 201304721234", "row of <number>"),
        ("what now? nothing", "what now? nothing"),
        ("12 345 records, unit 12345678, 2026-11-24T08:41:00", "12 345 records, unit 12345678, 2026-11-24T08:41:00"),
        ("seen 1763973660 of 20269999123", "seen 1763973660 of 20269999123"),
    ],
)
def test_what_might_be_personal_or_secret_is_taken_out_of_texts(text: str, shown: str) -> None:
    assert log.Redaction().text(text) == shown


def test_every_kind_of_value_is_looked_through(out: io.StringIO) -> None:
    log.setup(to=out, secrets=["hunter22"])

    log.get("x").info("seen", a={"b": ("hunter22", 1)}, c={"hunter22"}, d=ValueError("hunter22"), e=201304121234)

    (line,) = lines(out)
    assert (line["a"], line["c"], line["d"], line["e"]) == ({"b": ["***", 1]}, ["***"], "***", "<number>")


def test_a_secret_read_later_is_hidden_from_then_on(out: io.StringIO) -> None:
    log.setup(to=out)
    log.hide("hunter44", "abc")

    log.get("x").info("hunter44 abc")

    assert lines(out)[0]["event"] == "*** abc"  # too short to tell from any other word


def test_the_longer_of_two_overlapping_secrets_is_hidden_whole() -> None:
    assert log.Redaction(["hunter", "hunter22"]).text("hunter22") == "***"


@pytest.mark.parametrize("as_json", [True, False])
def test_an_exception_is_written_without_secrets_and_without_locals(as_json: bool) -> None:
    out = io.StringIO()
    log.setup(json=as_json, to=out, secrets=["hunter22"])

    def ask(credential: str) -> None:
        local = credential + "-derived-9f3a"
        raise ValueError(f"refused: https://mdm.exempelby.se/x?key={local} for {credential}")

    for tell in (log.get("ours").exception, logging.getLogger("theirs").exception):
        try:
            ask("hunter22")
        except ValueError:
            tell("pull failed")

    assert out.getvalue().count("in ask") == 2
    assert "hunter22" not in out.getvalue()
    assert "9f3a" not in out.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
def test_the_words_of_a_foreign_exception_are_not_written_and_ours_are(as_json: bool) -> None:
    out = io.StringIO()
    log.setup(json=as_json, to=out)

    try:
        try:
            raise OSError(28, "Anna Ek lives here")
        except OSError as error:
            raise PullError("jamf: the disk is full") from error
    except PullError:
        log.get("ours").exception("pull broke")

    assert "Anna" not in out.getvalue()
    assert all(word in out.getvalue() for word in ("PullError", "jamf: the disk is full", "OSError", "ENOSPC"))


secret_texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=8, max_size=40)


@given(secret_texts, st.text(max_size=20), st.text(max_size=20), st.sampled_from(["event", "url", "headers", "rows"]))
def test_a_known_secret_never_gets_out(secret: str, before: str, after: str, key: str) -> None:
    redaction = log.Redaction([secret])
    text = before + secret + after

    written = redaction(None, "info", {key: text, "nested": {text: [text, {key: (text,)}]}, "error": ValueError(text)})

    assert secret not in json.dumps(written, ensure_ascii=False).replace(log.HIDDEN, "")


# -------------------------------------------------------------------------------------------------------------- context


def test_a_job_s_fields_are_on_its_lines_and_on_no_other(out: io.StringIO) -> None:
    log.setup(to=out)
    logger = log.get("x")
    structlog.contextvars.bind_contextvars(stale="of the thread's last job")

    with log.bound_fields(run_id="7", source="jamf-north"):
        logger.info("inside")
        logging.getLogger("theirs").warning("inside too")
        with log.bound_fields(source="other"):
            logger.info("deeper")
        logger.info("inside again")

    kept = [{key: line.get(key) for key in ("run_id", "source", "stale")} for line in lines(out)]
    mine = {"run_id": "7", "source": "jamf-north", "stale": None}
    assert kept == [mine, mine, {"run_id": None, "source": "other", "stale": None}, mine]


def test_a_job_that_fails_leaves_no_fields_behind(out: io.StringIO) -> None:
    log.setup(to=out)

    with pytest.raises(ValueError, match="boom"), log.bound_fields(source="jamf-north"):
        raise ValueError("boom")
    log.get("x").info("after")

    assert "source" not in lines(out)[0]
