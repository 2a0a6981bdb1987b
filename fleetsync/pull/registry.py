"""Builds a source from its `[[source]]` table: the connector by file name, the keys by the connector's own `Settings`.

No connector is named here: the folder `connectors/` and the entry points `fleetsync.connectors` are the list. A secret
that stands in the file itself is refused, and no message quotes it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from inspect import getdoc
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, cast, get_args

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from fleetsync.core.model import MembershipType, PartRole, PullLimits
from fleetsync.pull.contract import Connector, Part, SourceRefused, SourceSettings
from fleetsync.settings import Settings, SettingsError, did_you_mean, secret_file_warning, validation_messages

# `counts` names parts; the type of a part's memberships is accepted as a name of the part.
PART_OF_MEMBERSHIPS: Mapping[str, str] = {
    MembershipType.EMPLOYMENT: "staff",
    MembershipType.ENROLMENT: "pupils",
    MembershipType.PLACEMENT: "children",
}

CONNECTORS_PACKAGE = "connectors"
ENTRY_POINT_GROUP = "fleetsync.connectors"


class RegistryError(SettingsError):
    """A `[[source]]` table or a connector cannot be used. The text says which, why, and what to write instead."""


@dataclass(frozen=True)
class Source:
    """A configured source: the connector that reads it, and what its table says. Its `repr` holds no secret."""

    settings: SourceSettings
    module: Connector

    @property
    def name(self) -> str:
        """The source's name, as it appears in metrics, logs and on the page."""
        return self.settings.name

    @property
    def kind(self) -> str:
        """The kind of connector: the name of its file."""
        return self.settings.kind

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that are read, in the connector's order."""
        return tuple(part for part in self.module.PARTS if part.name not in self.settings.without)

    @property
    def roles(self) -> frozenset[PartRole]:
        """The roles of its parts."""
        return frozenset(part.role for part in self.parts)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Secret files that other users of the machine can read or write."""
        named = (getattr(self.settings, f"{key}_file", None) for key in secret_keys(type(self.settings)))
        return tuple(filter(None, (secret_file_warning(file) for file in named if isinstance(file, Path))))

    def part(self, name: str) -> Part:
        """The part called *name*. Raises RegistryError, which names the nearest."""
        match = next((part for part in self.parts if part.name == name), None)
        if match is None:
            known = [part.name for part in self.parts]
            raise RegistryError(f"{self.name}: {name} is no part of this source." + did_you_mean(name, known))
        return match

    def counts(self, part: str) -> bool:
        """Whether *part* is the basis of entitlements; else it is a witness."""
        return any(each.name == part and each.name_in_counts in self.counted_parts for each in self.module.PARTS)

    @property
    def counted_parts(self) -> frozenset[str]:
        """The parts that are the basis of entitlements, by the names that `counts` has for them."""
        return frozenset(PART_OF_MEMBERSHIPS.get(word, word) for word in self.settings.counts)

    def secret_texts(self) -> tuple[str, ...]:
        """The secrets that can be read now, for the log to hide. A pull reports those that cannot."""
        return tuple(self._secrets())

    def _secrets(self) -> Iterator[str]:
        for key in secret_keys(type(self.settings)):
            with suppress(SourceRefused):
                if self.settings.has_secret(key):
                    yield self.settings.secret(key).get_secret_value()

    def limits(self, part: str) -> PullLimits:
        """How much a pull of *part* may change before a person must decide."""
        own = self.settings
        return PullLimits(
            max_shrink_ratio=own.max_shrink_ratio,
            turnover_max_shrink_ratio=own.turnover_max_shrink_ratio,
            max_growth_ratio=own.max_growth_ratio,
            allow_empty=part in own.allow_empty,
            may_begin_empty=any(each.may_be_empty for each in self.module.PARTS if each.name == part),
            grace_pulls=own.grace_pulls,
            grace_hours=float(own.grace_hours),
        )


# ---------------------------------------------------------------------------------------------------------------- kinds


def connector_kinds() -> tuple[str, ...]:
    """All kinds there are: files and folders of `connectors/`, and those that installed packages add."""
    return tuple(sorted({*_connector_modules(), *_installed_connectors()}))


def load_connector(kind: str) -> Connector:
    """The module of *kind*. Raises RegistryError for an unknown one, and for one that cannot be loaded."""
    if kind in _connector_modules():
        return _checked_connector(kind, import_module(f"{CONNECTORS_PACKAGE}.{kind}"))
    added = _installed_connectors().get(kind)
    if added is None:
        raise RegistryError(f"kind = {_quoted(kind)} is not known." + did_you_mean(kind, connector_kinds()))
    try:
        return _checked_connector(kind, added.load())
    except (ImportError, AttributeError) as error:
        raise RegistryError(
            f"kind {kind} of the installed package {added.value} cannot be loaded ({type(error).__name__}). "
            "Install the package again, or ask its author"
        ) from error


def permission_sentence(connector: Connector) -> str:
    """What the connector's docstring says it must be granted, and where: all that stands behind "Permission:".

    Empty where it does not say.
    """
    match = re.search(r"Permissions?: (.*?)(?:\.(?=\s)|\n\n)", getdoc(connector) or "", re.DOTALL)
    return " ".join(match[1].split()) if match else ""


@cache
def _connector_modules() -> frozenset[str]:
    spec = find_spec(CONNECTORS_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    return frozenset(module.name for module in iter_modules(folders or ()) if not module.name.startswith("_"))


@cache
def _installed_connectors() -> Mapping[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def _checked_connector(kind: str, module: Any) -> Connector:
    missing = [name for name in ("PARTS", "Settings", "pull", "normalise") if not hasattr(module, name)]
    if missing:
        raise RegistryError(
            f"kind {kind} is no connector: it does not have {', '.join(missing)}. See fleetsync.pull.contract"
        )
    return cast("Connector", module)


# -------------------------------------------------------------------------------------------------------------- sources


def build_sources(settings: Settings) -> tuple[Source, ...]:
    """All configured sources in the order of the file. Raises RegistryError with one line for each fault."""
    sources, refused = [], []
    for table in settings.sources:
        try:
            sources.append(
                build_source(
                    table,
                    settings.file_name,
                    given=settings.source_variables.get(str(table.get("name")), {}),
                    secrets_dirs=settings.secrets_dirs,
                    folder=settings.folder,
                    may_store_names=settings.privacy.store_names,
                    keeps_persons=settings.privacy.persons,
                )
            )
        except RegistryError as error:
            refused.append(str(error))
    refused += _overlapping_counts(sources, settings.file_name)
    refused += _unknown_counted_units(sources, settings)
    if refused:
        raise RegistryError("\n".join(refused))
    return tuple(sources)


def build_source(
    table: Mapping[str, Any],
    where: str,
    *,
    given: Mapping[str, str] | None = None,
    secrets_dirs: Iterable[Path] = (),
    folder: Path | None = None,
    may_store_names: bool = True,
    keeps_persons: bool = True,
) -> Source:
    """One `[[source]]` *table* of the file called *where*, judged by its connector.

    *given*: keys that the environment gives; they outrank the table's. Relative paths of the table count from *folder*.
    *keeps_persons* False: the parts that give persons are never read, as if `without` named them, and count nothing.
    Raises RegistryError with one line for each fault.
    """
    at = f"{where}: [[source]] {_source_label(table)}:"
    try:
        module = load_connector(str(table.get("kind", "")))
    except RegistryError as error:
        raise RegistryError(f"{at} {error}") from None
    model, variables = module.Settings, dict(given or {})
    refused = list(_inline_secrets(table, model, at, where))
    if refused:
        raise RegistryError("\n".join(refused))
    try:
        settings = model.model_validate(
            {**_with_absolute_paths(table, model, folder), **variables}, context={"secrets_dirs": tuple(secrets_dirs)}
        )
    except ValidationError as error:
        places = _KeyLocations(at, table, variables)
        raise RegistryError("\n".join(dict.fromkeys(validation_messages(error, model, places)))) from None
    source = Source(settings, module)
    refused = list(_contradictions(source, at, may_store_names))
    if refused:
        raise RegistryError("\n".join(refused))
    return source if keeps_persons else _without_persons(source, at)


def _without_persons(source: Source, at: str) -> Source:
    """*source* without the parts that give persons. Raises RegistryError where it has no others."""
    of_persons = [part for part in source.module.PARTS if part.gives_persons]
    named = {part.name_in_counts for part in of_persons}
    settings = source.settings.model_copy(
        update={
            "without": tuple(dict.fromkeys((*source.settings.without, *(part.name for part in of_persons)))),
            "counts": tuple(sorted(source.counted_parts - named)),
        }
    )
    without = Source(settings, source.module)
    if not without.parts:
        raise RegistryError(
            f"{at} it reads nothing but persons, and [privacy] persons = false keeps none. Remove the source, and give head "
            'counts in its place (kind = "headcount")'
        )
    return without


def secret_keys(model: type[SourceSettings]) -> tuple[str, ...]:
    """The keys of *model* that are secrets by their type."""
    return tuple(key for key, field in model.model_fields.items() if _annotation_contains(field.annotation, SecretStr))


@dataclass(frozen=True)
class _KeyLocations:
    """Says where a key was given: by an environment variable, or in the table."""

    at: str
    table: Mapping[str, Any]
    variables: Mapping[str, str]

    def __call__(self, loc: tuple[int | str, ...]) -> tuple[str, str]:
        words = [part for part in loc if isinstance(part, str) and part != "[key]"]
        if words and words[0] in self.variables:
            name = str(self.table.get("name")).upper().replace("-", "_")
            return "environment:", f"FLEETSYNC_SOURCE_{name}_{words[0].upper()}"
        return self.at, ".".join(words)


def _source_label(table: Mapping[str, Any]) -> str:
    return _quoted(str(table.get("name") or "without name")).strip("'")


def _quoted(text: str) -> str:
    """A word from the configuration, short enough for a message."""
    return repr(text if len(text) <= 63 else text[:60] + "…")


def _inline_secrets(table: Mapping[str, Any], model: type[SourceSettings], at: str, file: str) -> Iterator[str]:
    for key in secret_keys(model):
        if key in table:
            yield f"{at} {key} may not stand in {file}: put it in a file and name it in {key}_file"
    for key, value in table.items():
        if key in model.model_fields and isinstance(value, str) and _has_password(value):
            name = f"FLEETSYNC_SOURCE_{str(table.get('name')).upper().replace('-', '_')}_{key.upper()}"
            yield f"{at} {key} holds a password, which may not stand in {file}: give the address as {name}"


def _has_password(text: str) -> bool:
    """Whether an address has a user before its @. It may be a token, without a colon."""
    _, scheme, rest = text.partition("://")
    return bool(scheme) and "@" in rest.partition("/")[0]


def _with_absolute_paths(table: Mapping[str, Any], model: type[SourceSettings], folder: Path | None) -> dict[str, Any]:
    """The table with its relative paths counted from the configuration's folder."""
    if folder is None:
        return dict(table)
    return {
        key: str(folder / Path(value).expanduser()) if isinstance(value, str) and _is_path(model, key) else value
        for key, value in table.items()
    }


def _is_path(model: type[SourceSettings], key: str) -> bool:
    field: FieldInfo | None = model.model_fields.get(key)
    return field is not None and _annotation_contains(field.annotation, Path)


def _annotation_contains(annotation: object, wanted: type) -> bool:
    return annotation is wanted or any(_annotation_contains(inner, wanted) for inner in get_args(annotation))


def _overlapping_counts(sources: Iterable[Source], where: str) -> Iterator[str]:
    """Two rosters that both counted at one unit would double the denominator."""
    founders: dict[str, list[Source]] = {}
    for source in sources:
        for part in sorted(source.counted_parts):
            for founder in founders.setdefault(part, []):
                if (shared := _shared_units(source, founder)) is not None:
                    yield (
                        f"{where}: [[source]] {source.name}: counts {part}{shared}, as {founder.name} does. Exactly one "
                        "source may count a part at a unit; leave it out of counts of the other, which is a witness "
                        "then (counts = [] where it has no more), or share the units between them by counts_at"
                    )
            founders[part].append(source)


def _shared_units(source: Source, other: Source) -> str | None:
    """Where both would count, as words of a message; None: nowhere."""
    mine, others = source.settings.counts_at, other.settings.counts_at
    if not mine or not others:
        return ""
    shared = sorted(set(mine) & set(others))
    return f" at {', '.join(shared)}" if shared else None


def _unknown_counted_units(sources: Iterable[Source], settings: Settings) -> Iterator[str]:
    known = [unit.slug for unit in settings.units]
    for source in sources:
        for slug in source.settings.counts_at:
            if slug not in known:
                yield (
                    f"{settings.file_name}: [[source]] {source.name} counts_at: {_quoted(slug)} is no unit."
                    + did_you_mean(slug, known)
                )


def _contradictions(source: Source, at: str, may_store_names: bool) -> Iterator[str]:
    known, without = [part.name for part in source.module.PARTS], source.settings.without
    for key, names, known_names in (
        ("counts", sorted(source.counted_parts), [part.name_in_counts for part in source.module.PARTS]),
        ("allow_empty", source.settings.allow_empty, known),
        ("without", without, known),
    ):
        for name in names:
            if name not in known_names:
                yield f"{at} {key}: {_quoted(name)} is no part of kind {source.kind}." + did_you_mean(name, known_names)
    for name in sorted(part.name for part in source.module.PARTS if source.counts(part.name) and part.name in without):
        yield f"{at} counts and without both name {name}: a part that is not read cannot count. Take it out of one of them"
    if not source.parts:
        yield f"{at} without names every part of kind {source.kind}. Leave one, or write disabled = true"
    if source.settings.store_names and not may_store_names:
        yield f"{at} store_names = true needs store_names = true under [privacy]; set that, or remove this"
