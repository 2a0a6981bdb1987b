"""The keys of a `[[source]]` table, and their types."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, SecretStr

from fleetsync import log
from fleetsync.pull.contract.errors import SourceRefused

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d|w)")
_DURATION_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: object) -> timedelta:
    """`"90s"`, `"15m"`, `"1h"`, `"35d"`, `"2w"`; more than nothing. Raises ValueError."""
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError('must be a time such as "30m", "1h" or "7d"')
    return timedelta(**{_DURATION_UNITS[match[2]]: int(match[1])})


Duration: TypeAlias = Annotated[timedelta, BeforeValidator(parse_duration)]
Ratio: TypeAlias = Annotated[float, Field(ge=0, le=1)]
SourceName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class SourceSettings(BaseModel):
    """The keys that every `[[source]]` table has; a connector's `Settings` adds its own. Frozen; unknown keys are errors.

    A secret is declared as two fields, `x: SecretStr | None = None` (given by the environment alone) and
    `x_file: Path | None = None`, and read with `secret("x")` at each pull, so that a new one needs no restart.
    Folders to look for `<name>-<x>` in are given as validation context: `model_validate(table, context={"secrets_dirs":
    (Path(...),)})`; no key of the table can name them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: str
    name: SourceName
    every: Duration = timedelta(hours=1)
    expected_every: Duration | None = None
    """How often new content is due, where that is not *every* (a monthly file: 35d)."""
    namespace: str = ""
    """The namespace of this source's numbers, shared by sources with the same numbers; empty: its own."""
    counts: tuple[str, ...] = ()
    """The membership types for which this source is the basis of entitlements; for the others it is a witness."""
    counts_at: tuple[str, ...] = ()
    """The units for which that holds, where several systems share the municipality; empty: everywhere."""
    trust: int = 0
    """When two sources disagree about a field, the higher trust counts."""
    max_shrink_ratio: Ratio = 0.1
    max_growth_ratio: Annotated[float, Field(ge=0)] = 0.25
    turnover_max_shrink_ratio: Ratio = 0.5
    grace_pulls: Annotated[int, Field(ge=0)] = 2
    """A missing record is gone after this many further complete pulls; 0: with the first, and no hours are waited."""
    grace_hours: Annotated[int, Field(ge=0)] = 20
    allow_empty: tuple[str, ...] = ()
    """Parts that may be empty."""
    without: tuple[str, ...] = ()
    """Parts that this system does not have, or that are not wanted: they are never read. `["children"]`"""
    store_names: bool = False
    disabled: bool = False
    time_limit: Duration = timedelta(hours=1)
    """How long a pull of one part may take, waiting included."""
    wait_limit: Duration = timedelta(minutes=10)
    """How much of that may be waiting: between attempts, and because the source limits the rate (429, Retry-After)."""
    proxy: str | None = Field(default=None, repr=False)
    """Overrides `[network] proxy`; empty: no proxy."""
    no_proxy: tuple[str, ...] | None = None
    ca_file: Path | None = None

    _secrets_dirs: tuple[Path, ...] = PrivateAttr(default=())

    def model_post_init(self, context: Any, /) -> None:
        self._secrets_dirs = tuple((context or {}).get("secrets_dirs", ()))

    @property
    def number_namespace(self) -> str:
        """The namespace of this source's numbers: its own name, so that two sources meet only when declared."""
        return self.namespace or self.name

    @property
    def freshness_limit(self) -> timedelta:
        """How old the content may grow before it is late."""
        return self.expected_every or self.every

    def secret(self, key: str) -> SecretStr:
        """The secret *key* as it is now: environment, then `<key>_file`, then the folders for secrets.

        The log hides it from here on. Raises SourceRefused naming the keys to set, or the file that cannot be read.
        """
        secret = self._secret(key)
        log.hide(secret.get_secret_value())
        return secret

    def _secret(self, key: str) -> SecretStr:
        value = getattr(self, key)
        if isinstance(value, SecretStr):
            return value
        file = self._secret_file(key)
        if file is None:
            raise SourceRefused(
                f"{self.name}: no {key} is set. Put it in a file and name that as {key}_file in the [[source]] table, "
                f"or offer it to the daemon as the credential {self.name}-{key}"
            )
        return SecretStr(self._read(key, file))

    def has_secret(self, key: str) -> bool:
        """Whether *key* is set in any of the ways that `secret` knows."""
        return isinstance(getattr(self, key), SecretStr) or self._secret_file(key) is not None

    def _secret_file(self, key: str) -> Path | None:
        named: Path | None = getattr(self, f"{key}_file")
        if named is not None:
            return named
        offered = (folder / f"{self.name}-{key}" for folder in self._secrets_dirs)
        return next((file for file in offered if file.is_file()), None)

    def _read(self, key: str, file: Path) -> str:
        try:
            text = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            cause = error.strerror if isinstance(error, OSError) else "it is not text"
            raise SourceRefused(f"{self.name}: {key}_file {file} cannot be read ({cause})") from None
        if not text:
            raise SourceRefused(f"{self.name}: {key}_file {file} is empty. Write the secret into it")
        return text
