"""The origins of configuration values: command line › environment › secret files › config.toml › defaults.

The only module that reads the environment. Each value keeps its origin, so that error messages and `fleetsync check` can
name it. Imports no library, since `fleetsync healthcheck` uses it twice a minute; `reading` reads whole layers.
"""

import os
import tomllib
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetsync.settings.errors import Loc, SettingsError

PREFIX = "FLEETSYNC_"
CONFIG_VARIABLE = "FLEETSYNC_CONFIG"
NOW_VARIABLE = "FLEETSYNC_NOW"
SOURCE_PREFIX = "FLEETSYNC_SOURCE_"
SECRETS_FOLDER = Path("/run/secrets")
DEFAULT_FILES = (Path("config.toml"), Path("/etc/fleetsync/config.toml"))

# The key by which messages name the members of an array of tables.
NAME_KEYS: Mapping[str, str] = {"source": "name", "unit": "slug", "entitlement": "id"}
ARRAY_SECTIONS = frozenset({*NAME_KEYS, "unit_map", "device_rule", "local_plan"})


@dataclass(frozen=True)
class Layer:
    """The values of a single origin."""

    kind: str  # "command line", "environment", "secret file", or the file's name
    values: Mapping[str, Any]
    folder: Path | None = None  # the folder of secret files
    file: Path | None = None  # the configuration file

    def has_value_at(self, loc: Loc) -> bool:
        """Whether this layer has a value at *loc*."""
        here: Any = self.values
        for part in loc:
            if not isinstance(here, Mapping):
                return True
            if part not in here:
                return False
            here = here[part]
        return True

    def place(self, loc: Loc) -> tuple[str, str]:
        """The words for the place of *loc* in this layer, and how the key is written there."""
        if self.kind == "environment":
            return "environment:", _variable_or_file_name(loc, PREFIX, str.upper)
        if self.kind == "secret file":
            return "secret file:", _variable_or_file_name(loc, f"{self.folder}/", str.lower)
        return _place_in_tables(self.kind, self.values, loc)

    def origin(self, loc: Loc) -> str:
        """The words of `fleetsync check` for a value at *loc*."""
        if self.kind in {"environment", "secret file"}:
            return f"{self.kind} {self.place(loc)[1]}"
        return self.kind


@dataclass(frozen=True)
class ConfigLayers:
    """Everything that was read, before it is validated."""

    path: Path | None
    layers: tuple[Layer, ...]  # the highest first
    environ: Mapping[str, str]
    secrets_dirs: tuple[Path, ...]

    @property
    def file_name(self) -> str:
        """The name of the file in messages."""
        return self.path.name if self.path else "configuration"

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.parent.absolute() if self.path else Path.cwd()

    @property
    def merged(self) -> dict[str, Any]:
        """All values; where layers differ, the highest layer counts."""
        merged: dict[str, Any] = {}
        for layer in reversed(self.layers):
            merged = _deep_merged(merged, layer.values)
        return merged

    def layer(self, loc: Loc) -> Layer | None:
        """The highest layer with a value at *loc*; None: the default holds."""
        return next((layer for layer in self.layers if layer.has_value_at(loc)), None)

    def place(self, loc: Loc) -> tuple[str, str]:
        """The words for the place of *loc* in a message. If no layer has it: where it belongs."""
        layer = self.layer(loc) or self.layer(loc[:-1])
        return layer.place(loc) if layer and layer.values else _place_in_tables(self.file_name, {}, loc)

    def origin(self, loc: Loc) -> str:
        """The layer a value comes from: "command line", "environment FLEETSYNC_…", …, "default"."""
        layer = self.layer(loc)
        return layer.origin(loc) if layer else "default"

    def rank(self, loc: Loc) -> int:
        """0 for the highest layer, more for lower ones, most for a default."""
        layer = self.layer(loc)
        return self.layers.index(layer) if layer else len(self.layers)


def process_environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def notify_socket() -> str:
    """The address of the socket on which systemd takes messages about this process; "": it takes none."""
    return os.environ.get("NOTIFY_SOCKET", "")


def watchdog_seconds() -> float | None:
    """How often systemd must be told that this process is alive, in seconds; None: it need not be told."""
    microseconds, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or int(microseconds) == 0 or process not in ("", str(os.getpid())):
        return None
    return int(microseconds) / 1_000_000


def secrets_dirs(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders for secrets: first that of systemd, then that of containers. The first that has a secret counts."""
    offered = environ.get("CREDENTIALS_DIRECTORY")
    return (*([Path(offered)] if offered else []), SECRETS_FOLDER)


def secret_file_texts(folder: Path, sections: Container[str]) -> dict[str, str]:
    """The contents of the files named `<section>__<key>`. Other files in the folder are not ours and are not opened."""
    texts = {}
    for file in sorted(folder.iterdir()) if _is_readable(folder) else ():
        section, delimiter, _ = file.name.lower().partition("__")
        if delimiter and section in sections and file.is_file():
            texts[file.name] = read_text(file, f"secret file: {file}:")
    return texts


def _is_readable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)


def source_variables(names: Sequence[str], environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """By source: the keys given as FLEETSYNC_SOURCE_<NAME>_<KEY>. Of several names that fit, the longest counts."""
    by_source: dict[str, dict[str, str]] = {name: {} for name in names}
    longest_first = sorted(names, key=len, reverse=True)
    for variable, value in environ.items():
        for name in longest_first:
            stem = SOURCE_PREFIX + as_variable_name(name) + "_"
            if variable.upper().startswith(stem) and len(variable) > len(stem):
                by_source[name][variable[len(stem) :].lower()] = value
                break
    return by_source


def as_variable_name(name: str) -> str:
    """`jamf-north` → `JAMF_NORTH`."""
    return name.upper().replace("-", "_")


def find_config_file(environ: Mapping[str, str]) -> Path | None:
    """The file that $FLEETSYNC_CONFIG names, else the first default file that exists."""
    named = environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    return next((file for file in DEFAULT_FILES if file.is_file()), None)


def has_config_file() -> bool:
    """Whether there is a configuration where it is looked for: the variable's file, or one of the default files."""
    return find_config_file(process_environment()) is not None


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a configuration file. Raises SettingsError."""
    try:
        return tomllib.loads(read_text(path, f"{path}:"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path.name}: is not TOML: {error}. Compare config.example.toml") from None


def read_text(path: Path, where: str) -> str:
    """A small file as text, stripped. Raises SettingsError with a message that begins with *where*."""
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise SettingsError(f"{where} cannot be read ({error.strerror}). Check the path and its permissions") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{where} is not UTF-8. Save it as UTF-8") from None


# --------------------------------------------------------------------------------------------------------------- places


def _deep_merged(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """*low* with the values of *high* laid over it, table by table. A list is replaced as a whole."""
    merged = dict(low)
    for key, value in high.items():
        under = merged.get(key)
        merged[key] = _deep_merged(under, value) if isinstance(value, Mapping) and isinstance(under, Mapping) else value
    return merged


def _variable_or_file_name(loc: Loc, prefix: str, case: Callable[[str], str]) -> str:
    """The name of the variable or file that holds *loc*. An array of tables is given by a single one."""
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
    """The heading of a section in the file: `[web]`, `[[unit]]`."""
    return f"[[{section}]]" if section in ARRAY_SECTIONS else f"[{section}]"


def member_name(values: Mapping[str, Any], section: str, index: int) -> str:
    """The name of a member of an array of tables in messages: its own name, else its number from 1."""
    entries = values.get(section)
    entry = entries[index] if isinstance(entries, list | tuple) and index < len(entries) else None
    name = entry.get(NAME_KEYS.get(section, "")) if isinstance(entry, Mapping) else None
    return name if isinstance(name, str) and name else str(index + 1)
