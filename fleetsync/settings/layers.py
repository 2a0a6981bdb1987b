"""Where values come from: command line › environment › secret files › file › defaults; the only reader of the environment.

Each value keeps its origin, so that a refusal and `fleetsync check` can name it. Refuses a variable or a file that it
cannot read, and looks at no secret file that is not named for a key.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as CannotParse

from fleetsync.settings.errors import Loc, SettingsError
from fleetsync.settings.tables import ConfigTables

PREFIX = "FLEETSYNC_"
CONFIG_VARIABLE = "FLEETSYNC_CONFIG"
NOW_VARIABLE = "FLEETSYNC_NOW"
SOURCE_PREFIX = "FLEETSYNC_SOURCE_"
SECRETS_FOLDER = Path("/run/secrets")
DEFAULT_FILES = (Path("config.toml"), Path("/etc/fleetsync/config.toml"))

# How an array of tables names its members in a message.
NAME_KEYS: Mapping[str, str] = {"source": "name", "unit": "slug", "entitlement": "id"}
ARRAY_SECTIONS = frozenset({*NAME_KEYS, "unit_map", "device_rule"})


@dataclass(frozen=True)
class Layer:
    """The values of one origin."""

    kind: str  # "command line", "environment", "secret file", or the file's name
    values: Mapping[str, Any]
    folder: Path | None = None  # of a secret file

    def has_value_at(self, loc: Loc) -> bool:
        """Whether the value at *loc* comes from here (if from no layer above)."""
        here: Any = self.values
        for part in loc:
            if not isinstance(here, Mapping):
                return True
            if part not in here:
                return False
            here = here[part]
        return True

    def place(self, loc: Loc) -> tuple[str, str]:
        """Where *loc* stands in this layer and how it is written there."""
        if self.kind == "environment":
            return "environment:", _variable_or_file_name(loc, PREFIX, str.upper)
        if self.kind == "secret file":
            return "secret file:", _variable_or_file_name(loc, f"{self.folder}/", str.lower)
        return _place_in_tables(self.kind, self.values, loc)

    def origin(self, loc: Loc) -> str:
        """As `fleetsync check` shows it."""
        if self.kind in {"environment", "secret file"}:
            return f"{self.kind} {self.place(loc)[1]}"
        return self.kind


@dataclass(frozen=True)
class ConfigLayers:
    """All that was found, before it is judged."""

    path: Path | None
    layers: tuple[Layer, ...]  # the highest first
    environ: Mapping[str, str]
    secrets_dirs: tuple[Path, ...]

    @property
    def file_name(self) -> str:
        """How the file is called in messages."""
        return self.path.name if self.path else "configuration"

    @property
    def folder(self) -> Path:
        """From where relative paths count."""
        return self.path.parent.absolute() if self.path else Path.cwd()

    @property
    def merged(self) -> dict[str, Any]:
        """What counts: of each value the highest layer's."""
        merged: dict[str, Any] = {}
        for layer in reversed(self.layers):
            merged = _deep_merged(merged, layer.values)
        return merged

    def layer(self, loc: Loc) -> Layer | None:
        """The layer that decides *loc*; None: nobody says anything, the default holds."""
        return next((layer for layer in self.layers if layer.has_value_at(loc)), None)

    def place(self, loc: Loc) -> tuple[str, str]:
        """Where *loc* stands, for a message; of what nobody gave, where it should."""
        layer = self.layer(loc) or self.layer(loc[:-1])
        return layer.place(loc) if layer and layer.values else _place_in_tables(self.file_name, {}, loc)

    def origin(self, loc: Loc) -> str:
        """Which layer a value comes from: "command line", "environment FLEETSYNC_…", …, "default"."""
        layer = self.layer(loc)
        return layer.origin(loc) if layer else "default"

    def rank(self, loc: Loc) -> int:
        """0 for the highest layer; more than any for a default."""
        layer = self.layer(loc)
        return self.layers.index(layer) if layer else len(self.layers)


def notify_socket() -> str:
    """The address of the socket on which systemd takes messages about this process; "": it takes none."""
    return os.environ.get("NOTIFY_SOCKET", "")


def watchdog_seconds() -> float | None:
    """How often systemd must be told that this process is alive, in seconds; None: it need not be told."""
    microseconds, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or int(microseconds) == 0 or process not in ("", str(os.getpid())):
        return None
    return int(microseconds) / 1_000_000


def read_layers(
    path: Path | None, environ: Mapping[str, str] | None, overrides: Mapping[str, Any] | None
) -> ConfigLayers:
    """Everything that is given, from all places. Raises SettingsError when there is nothing, or it cannot be read."""
    given = os.environ if environ is None else environ
    found = path or _find_config_file(given)
    folders = secrets_dirs(given)
    layers = (
        Layer("command line", overrides or {}),
        Layer("environment", _from_variables(given)),
        *(Layer("secret file", _from_files(folder), folder) for folder in folders),
        Layer(found.name if found else "configuration", _from_toml(found) if found else {}),
    )
    if found is None and not any(layer.values for layer in layers):
        tried = ", ".join(map(str, DEFAULT_FILES))
        raise SettingsError(
            f"no configuration found: {CONFIG_VARIABLE} is not set, and there is none of {tried}. "
            "Write one with: fleetsync init"
        )
    return ConfigLayers(found, layers, dict(given), folders)


def secrets_dirs(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Folders for secrets: what systemd offers, then what containers do; the first that has a secret counts."""
    offered = environ.get("CREDENTIALS_DIRECTORY")
    return (*([Path(offered)] if offered else []), SECRETS_FOLDER)


def source_variables(names: Sequence[str], environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Name of a source → its keys that are given as FLEETSYNC_SOURCE_<NAME>_<KEY>; the longest name that fits."""
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    longest_first = sorted(names, key=len, reverse=True)
    for variable, value in environ.items():
        for name in longest_first:
            stem = SOURCE_PREFIX + as_variable_name(name) + "_"
            if variable.upper().startswith(stem) and len(variable) > len(stem):
                found[name][variable[len(stem) :].lower()] = value
                break
    return found


def as_variable_name(name: str) -> str:
    """`jamf-north` → `JAMF_NORTH`."""
    return name.upper().replace("-", "_")


def unknown_variables(names: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Variables with our prefix that mean nothing, most likely misspelt: they would be ignored in silence."""
    stems = tuple(SOURCE_PREFIX + as_variable_name(name) + "_" for name in names)
    return tuple(
        sorted(name for name in environ if name.upper().startswith(PREFIX) and not _is_known_variable(name, stems))
    )


def _is_known_variable(variable: str, stems: tuple[str, ...]) -> bool:
    name = variable.upper()
    section, is_nested, _ = name.removeprefix(PREFIX).partition("__")
    if name in {CONFIG_VARIABLE, NOW_VARIABLE} or name.startswith(stems):
        return True
    return section.lower() in ConfigTables.model_fields and (bool(is_nested) or section.lower() in ARRAY_SECTIONS)


# ----------------------------------------------------------------------------------------------------------- each layer


class _EnvironmentTables(ConfigTables, BaseSettings):
    """The same tables as the sources of pydantic-settings want to see them; never made into an object."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _MappingSource(EnvSettingsSource):
    """Variables from a mapping that is handed in, not from the process."""

    def __init__(self, given: Mapping[str, str], prefix: str) -> None:
        self._given = {name.lower(): value for name, value in given.items()}
        super().__init__(_EnvironmentTables, case_sensitive=False, env_prefix=prefix, env_nested_delimiter="__")

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return dict(self._given)


def _from_variables(environ: Mapping[str, str]) -> dict[str, Any]:
    return _parse_source(_MappingSource(environ, PREFIX), "environment", PREFIX)


def _from_files(folder: Path) -> dict[str, Any]:
    """Files called `<section>__<key>`; others in the folder are somebody else's, and are not opened."""
    named = {}
    for file in sorted(folder.iterdir()) if _is_readable(folder) else ():
        section, delimiter, _ = file.name.lower().partition("__")
        if delimiter and section in ConfigTables.model_fields and file.is_file():
            named[file.name] = read_text(file, f"secret file: {file}:")
    return _parse_source(_MappingSource(named, ""), f"secret file: {folder}", "")


def _is_readable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)


def _parse_source(source: PydanticBaseSettingsSource, where: str, prefix: str) -> dict[str, Any]:
    try:
        return source()
    except CannotParse as error:
        # Its text names the field and no value; the cause behind it would quote what was given.
        field = re.search(r'field "(\w+)"', str(error))
        name = prefix + (field[1].upper() if field and prefix else field[1] if field else "")
        raise SettingsError(f"{where}: {name} must be JSON where it is a list or a table") from None


def _find_config_file(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    return next((file for file in DEFAULT_FILES if file.is_file()), None)


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path, f"{path}:"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path.name}: is not TOML: {error}. Compare config.example.toml") from None


def read_text(path: Path, where: str) -> str:
    """A small file as text, without white space at its ends. Raises SettingsError, which names *where*."""
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise SettingsError(f"{where} cannot be read ({error.strerror}). Check the path and its permissions") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{where} is not UTF-8. Save it as UTF-8") from None


# --------------------------------------------------------------------------------------------------------------- places


def _deep_merged(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """*low* with the values of *high* laid over it, table by table; a list is replaced whole."""
    merged = dict(low)
    for key, value in high.items():
        under = merged.get(key)
        merged[key] = _deep_merged(under, value) if isinstance(value, Mapping) and isinstance(under, Mapping) else value
    return merged


def _variable_or_file_name(loc: Loc, prefix: str, case: Callable[[str], str]) -> str:
    """The name of the variable or file that holds *loc*; an array of tables stands in one, whole."""
    words = tuple(_key_path(loc))
    if loc and loc[0] in ARRAY_SECTIONS:
        return " ".join(filter(None, (prefix + case(words[0]), ".".join(words[1:]))))
    return prefix + case("__".join(words))


def _key_path(loc: Loc) -> Iterator[str]:
    return (part for part in loc if isinstance(part, str) and part != "[key]")


def _place_in_tables(file: str, values: Mapping[str, Any], loc: Loc) -> tuple[str, str]:
    """("config.toml: [[unit]] vretaskolan:", "slug"), ("config.toml: [web]", "listen")."""
    section, *rest = loc or ("",)
    if not rest:
        return f"{file}:", section_heading(str(section))
    if section in ARRAY_SECTIONS and isinstance(rest[0], int):
        return f"{file}: [[{section}]] {member_name(values, str(section), rest[0])}:", ".".join(_key_path(tuple(rest)))
    return f"{file}: [{section}]", ".".join(_key_path(tuple(rest)))


def section_heading(section: str) -> str:
    """`[web]`, `[[unit]]`: as it is written in the file."""
    return f"[[{section}]]" if section in ARRAY_SECTIONS else f"[{section}]"


def member_name(values: Mapping[str, Any], section: str, index: int) -> str:
    """How a member of an array of tables is called: its name, else its place, counted from 1."""
    entries = values.get(section)
    entry = entries[index] if isinstance(entries, list | tuple) and index < len(entries) else None
    name = entry.get(NAME_KEYS.get(section, "")) if isinstance(entry, Mapping) else None
    return name if isinstance(name, str) and name else str(index + 1)
