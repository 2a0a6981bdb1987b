"""Lists the configuration value by value: the value in force, its origin, and what has changed. Secrets are hidden."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from fleetsync.log import HIDDEN, looks_secret
from fleetsync.settings.addresses import without_url_secrets
from fleetsync.settings.errors import Loc
from fleetsync.settings.layers import NAME_KEYS, SOURCE_PREFIX, ConfigLayers, as_variable_name
from fleetsync.settings.tables import ConfigTables

SourceVariables = Mapping[str, Mapping[str, str]]
"""By source: the keys that come from the environment."""


class EffectiveValue(NamedTuple):
    """One value of the effective configuration, as `fleetsync check` shows it; secrets are hidden."""

    key: str
    value: str
    origin: str


def describe(tables: ConfigTables, variables: SourceVariables, layers: ConfigLayers) -> Iterator[EffectiveValue]:
    """Every value with its origin. Values of a source from the environment are hidden: any of them may be a secret."""
    for loc, value in effective_values(tables, variables).items():
        variable = _variable_name(loc, variables)
        if variable is not None:
            yield EffectiveValue(dotted_key(loc), HIDDEN, f"environment {variable}")
        else:
            yield EffectiveValue(dotted_key(loc), _displayed(loc, value), _origin(loc, tables, layers))


def effective_values(tables: ConfigTables, variables: SourceVariables) -> dict[Loc, Any]:
    """Every value in force by its place. Secrets are not hidden."""
    given: dict[Loc, Any] = {
        ("source", name, key): value for name, keys in variables.items() for key, value in keys.items()
    }
    return dict(_leaf_values((), tables)) | given


def changed_keys_between(old: Mapping[Loc, Any], new: Mapping[Loc, Any]) -> tuple[str, ...]:
    """The keys whose values differ, without the values."""
    return tuple(sorted({dotted_key(loc) for loc in old.keys() | new.keys() if old.get(loc) != new.get(loc)}))


def dotted_key(loc: Loc) -> str:
    """`source.jamf-north.every`."""
    return ".".join(map(str, loc))


def _variable_name(loc: Loc, variables: SourceVariables) -> str | None:
    section, *rest = map(str, loc)
    if section == "source" and len(rest) == 2 and rest[1] in variables.get(rest[0], {}):
        return f"{SOURCE_PREFIX}{as_variable_name(rest[0])}_{rest[1].upper()}"
    return None


def _origin(loc: Loc, tables: ConfigTables, layers: ConfigLayers) -> str:
    """Where a value comes from. For a URL that a `*_file` key names, that file."""
    section, *rest = map(str, loc)
    at_file: Loc = (section, "_".join([*rest, "file"]))
    file = getattr(getattr(tables, section, None), str(at_file[1]), None)
    if file is not None and layers.rank(at_file) < layers.rank(loc):
        return f"file {file}"
    return layers.origin(loc)


def _leaf_values(loc: Loc, value: Any) -> Iterator[tuple[Loc, Any]]:
    """Every value below *value* with its place. A list of plain values counts as a single value."""
    if isinstance(value, BaseModel):
        for key, inner in value:
            yield from _leaf_values((*loc, key), inner)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaf_values((*loc, str(key)), inner)
    elif _is_array_of_tables(value):
        for name, inner in _named_members(loc, value):
            yield from _leaf_values((*loc, name), inner)
    else:
        yield loc, value


def _is_array_of_tables(value: Any) -> bool:
    is_list = isinstance(value, list | tuple) and bool(value)
    return is_list and all(isinstance(each, BaseModel | Mapping) for each in value)


def _named_members(loc: Loc, array: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """The members of an array of tables by name, else by number, so that inserting a table is a single change."""
    key = NAME_KEYS.get(str(loc[0]), "") if len(loc) == 1 else ""
    seen: set[str] = set()
    for number, each in enumerate(array, 1):
        name = str((each.get(key) if isinstance(each, Mapping) else getattr(each, key, None)) or number)
        yield (name if name not in seen else f"{name} ({number})"), each
        seen.add(name)


def _displayed(loc: Loc, value: Any) -> str:
    if value is None or value in ("", ()):
        return "–"
    key = str(loc[-1])
    if looks_secret(key) and not key.endswith("_file"):
        return HIDDEN
    return without_url_secrets(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
