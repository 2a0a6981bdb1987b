"""The log: an event per line, as JSON for machines and in words on a terminal.

Every line, also of libraries, is redacted as the last step before it is written: secrets by key and by value, query
strings, mail addresses, civic numbers. No caller may rely on that. Of an exception from a library only the type and the
place are written, since its text may quote a record.
"""

import errno
import logging
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars, merge_contextvars
from structlog.processors import ExceptionRenderer, JSONRenderer, TimeStamper
from structlog.stdlib import BoundLogger, ProcessorFormatter

HIDDEN = "***"

# Libraries that log too much at their own levels, or URLs with secrets.
LIBRARY_LEVELS: Mapping[str, int] = {
    "urllib3": logging.WARNING,
    "apscheduler": logging.WARNING,
    "waitress.queue": logging.ERROR,  # warns of every request that waits for a thread
    "alembic": logging.WARNING,
}

_SECRET_KEY = re.compile(
    r"token|secret|passw|passphrase|private[_-]?key|authorization|api[_-]?key|cookie|client[_-]?assertion",
    re.IGNORECASE,
)
_QUERY_STRING = re.compile(r"(?P<url>(?:https?://|/)[^\s?#'\"<>]*)\?[^\s'\"<>)\]]*")
_USER_IN_URL = re.compile(r"(?<=://)[^\s/@'\"]+@")
_MAIL_ADDRESS = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
# Twelve or ten digits whose middle is a month and a day (day + 60 in a coordination number).
_CIVIC_NUMBER = re.compile(
    r"(?<![\w.-])(?:19|20)?\d{2}(?:0\d|1[0-2])(?:[0-2]\d|3[01]|6[1-9]|[78]\d|9[01])[-+]?\d{4}(?![\w.])"
)
_OUR_PACKAGES = frozenset({"fleetsync", "connectors"})
_MIN_SECRET_LENGTH = 4  # a shorter one would match in ordinary words

LogEvent = MutableMapping[str, Any]


def looks_secret(key: str) -> bool:
    """Whether values under *key* must never be shown: `client_secret`, `apiKey`, `Authorization`."""
    return _SECRET_KEY.search(key) is not None


class Redaction:
    """The last step before a line is written. `hide` adds secrets as they are read."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: frozenset[str] = frozenset()
        self.hide(*secrets)

    def hide(self, *secrets: str) -> None:
        """Never show these values from now on."""
        self._secrets |= {secret for secret in secrets if len(secret) >= _MIN_SECRET_LENGTH}

    def __call__(self, _logger: Any, _method: str, event: LogEvent) -> LogEvent:
        return {str(key): self._value(str(key), value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """*text* without secrets, query strings, mail addresses and civic numbers."""
        # The longest first: of a secret that begins with another secret, nothing is left.
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        text = _QUERY_STRING.sub(rf"\g<url>?{HIDDEN}", text)
        text = _USER_IN_URL.sub(f"{HIDDEN}@", text)
        text = _MAIL_ADDRESS.sub("<address>", text)
        return _CIVIC_NUMBER.sub("<number>", text)

    def _value(self, key: str, value: Any) -> Any:
        if looks_secret(key) and not isinstance(value, bool | None):
            return HIDDEN
        if key == "timestamp" or value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, Mapping):
            return {self.text(str(inner)): self._value(str(inner), each) for inner, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", each) for each in value]
        shown = self.text(str(value))
        return value if isinstance(value, int) and shown == str(value) else shown


_redaction = Redaction()


def setup(level: str = "INFO", json: bool | None = None, secrets: Iterable[str] = (), to: TextIO | None = None) -> None:
    """Send every line, also of libraries, to *to* (stdout). *json* None: JSON unless *to* is a terminal.

    Raises ValueError for an unknown level.
    """
    out = to or sys.stdout
    as_json = not out.isatty() if json is None else json
    _redaction.hide(*secrets)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_base_processors(), ProcessorFormatter.wrap_for_formatter],
        wrapper_class=BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a new level must reach loggers that were used before
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        ProcessorFormatter(foreign_pre_chain=_base_processors(), processors=_rendering_processors(as_json))
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, quiet in LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(quiet, root.level))


def is_set_up() -> bool:
    """Whether `setup` was called. Before that nothing is redacted, so nothing should be logged."""
    return structlog.is_configured()


def hide(*secrets: str) -> None:
    """Never write these values from now on. For secrets that are read after `setup`, at each pull."""
    _redaction.hide(*secrets)


def get(name: str) -> BoundLogger:
    """The logger of a module."""
    logger: BoundLogger = structlog.stdlib.get_logger(name)
    return logger


@contextmanager
def bound_fields(**fields: object) -> Iterator[None]:
    """Every line inside carries *fields* (`source`, `part`) and no other bound field.

    A thread of a pool keeps its context from job to job, so each job starts without fields and restores the context.
    """
    before = get_contextvars()
    clear_contextvars()
    bind_contextvars(**fields)
    try:
        yield
    finally:
        clear_contextvars()
        bind_contextvars(**before)


def _base_processors() -> list[Any]:
    return [
        merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        TimeStamper(fmt="iso", utc=True),
    ]


def _rendering_processors(as_json: bool) -> list[Any]:
    """The last processors of a line. Exceptions become values before the redaction, so that it covers their text.

    Never with local variables: a token that was an argument would appear in the log.
    """
    begin = ProcessorFormatter.remove_processors_meta
    if as_json:
        return [
            begin,
            ExceptionRenderer(_exception_chain_fields),
            _redaction,
            JSONRenderer(ensure_ascii=False, default=str),
        ]
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return [begin, ExceptionRenderer(_exception_text), _redaction, console]


def _exception_chain_fields(exc_info: Any) -> list[dict[str, Any]]:
    """The exception and its causes, outermost first: type, text if it is ours, and places in the code."""
    return [
        {
            "exc_type": type(error).__name__,
            "exc_value": _safe_message(error),
            "frames": [
                f"{at.f_code.co_filename}:{line} in {at.f_code.co_name}" for at, line in _traceback_frames(error)
            ],
        }
        for error in _exception_chain(exc_info[1])
    ]


def _exception_text(exc_info: Any) -> str:
    lines = []
    for error in _exception_chain_fields(exc_info):
        lines += [f"{error['exc_type']}: {error['exc_value']}", *(f"  {place}" for place in error["frames"])]
    return "\n".join(lines)


def _safe_message(error: BaseException) -> str:
    """The text of our own errors. Of other errors at most the error number: their text may quote what they were given."""
    if type(error).__module__.partition(".")[0] in _OUR_PACKAGES:
        return str(error)
    number = error.errno if isinstance(error, OSError) else None
    return errno.errorcode.get(number, "") if number is not None else ""


def _traceback_frames(error: BaseException) -> Iterator[tuple[Any, int]]:
    return traceback.walk_tb(error.__traceback__)


def _exception_chain(error: BaseException | None) -> Iterator[BaseException]:
    visited: list[BaseException] = []
    while error is not None and error not in visited:
        visited.append(error)
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
