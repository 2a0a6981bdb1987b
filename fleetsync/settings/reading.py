"""Reads every layer of the configuration, and finds variables that nothing reads.

Refuses variables and files that cannot be read. Opens no secret file that is not named after a key.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as CannotParse

from fleetsync.settings.errors import SettingsError
from fleetsync.settings.layers import (
    ARRAY_SECTIONS,
    CONFIG_VARIABLE,
    DEFAULT_FILES,
    NOW_VARIABLE,
    PREFIX,
    SOURCE_PREFIX,
    ConfigLayers,
    Layer,
    as_variable_name,
    find_config_file,
    process_environment,
    read_toml,
    secret_file_texts,
    secrets_dirs,
)
from fleetsync.settings.tables import ConfigTables


def read_layers(
    path: Path | None, environ: Mapping[str, str] | None, overrides: Mapping[str, Any] | None
) -> ConfigLayers:
    """Read all layers. Raises SettingsError if there is no configuration at all, or it cannot be read."""
    given = process_environment() if environ is None else environ
    file = path or find_config_file(given)
    folders = secrets_dirs(given)
    layers = (
        Layer("command line", overrides or {}),
        Layer("environment", _from_variables(given)),
        *(Layer("secret file", _from_files(folder), folder) for folder in folders),
        Layer(file.name if file else "configuration", read_toml(file) if file else {}, file=file),
    )
    if file is None and not any(layer.values for layer in layers):
        tried = ", ".join(map(str, DEFAULT_FILES))
        raise SettingsError(
            f"no configuration found: {CONFIG_VARIABLE} is not set, and there is none of {tried}. "
            "Write one with: fleetsync init"
        )
    return ConfigLayers(file, layers, dict(given), folders)


def unknown_variables(names: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Variables with our prefix that nothing reads. Most likely they are misspelt."""
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
    """The tables in the form that pydantic-settings needs to read variables. Never instantiated."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _MappingSource(EnvSettingsSource):
    """Reads variables from a mapping instead of the process."""

    def __init__(self, given: Mapping[str, str], prefix: str) -> None:
        self._given = {name.lower(): value for name, value in given.items()}
        super().__init__(_EnvironmentTables, case_sensitive=False, env_prefix=prefix, env_nested_delimiter="__")

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return dict(self._given)


def _from_variables(environ: Mapping[str, str]) -> dict[str, Any]:
    return _parse_source(_MappingSource(environ, PREFIX), "environment", PREFIX)


def _from_files(folder: Path) -> dict[str, Any]:
    texts = secret_file_texts(folder, ConfigTables.model_fields)
    return _parse_source(_MappingSource(texts, ""), f"secret file: {folder}", "")


def _parse_source(source: PydanticBaseSettingsSource, where: str, prefix: str) -> dict[str, Any]:
    try:
        return source()
    except CannotParse as error:
        # Its text names the field only; the cause behind it would quote the value.
        field = re.search(r'field "(\w+)"', str(error))
        name = prefix + (field[1].upper() if field and prefix else field[1] if field else "")
        raise SettingsError(f"{where}: {name} must be JSON where it is a list or a table") from None
