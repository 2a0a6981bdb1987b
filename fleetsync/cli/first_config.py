"""Makes the text of a first configuration: a `[[source]]` table for each system, active as far as it is complete."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fleetsync.pull.contract import Connector
from fleetsync.pull.registry import (
    PART_OF_MEMBERSHIPS,
    RegistryError,
    build_source,
    load_connector,
    secret_keys,
)
from fleetsync.settings.toml_text import toml_text, toml_texts

CONFIG_HEAD = """\
# fleetsync: which systems are read, and what the plan promises.
# config.example.toml explains every key. Check this file with: fleetsync check

[municipality]
name = {name}

[database]
url = "database/fleetsync.db"

[privacy]
# The key that turns log-ins into tokens. Created at the first start. Keep a copy of it apart from the database.
key_file = "secrets/privacy.key"

[calendar]
# Without terms, every weekday that is not a public holiday counts. Your own terms go into a file:
# file = "calendar.toml"
"""
# Needed only by those who sign in with a certificate instead.
CERTIFICATE_SECRETS = frozenset({"key", "key_password"})
_DAY_IN_NAME = re.compile(r"\d{4}-?\d{2}(-?\d{2})?")


@dataclass(frozen=True)
class FirstSource:
    """A system that is to be read, with the values of its table that are known. `counts`: what it is the basis of."""

    kind: str
    values: Mapping[str, str] = field(default_factory=dict)
    counts: tuple[str, ...] = ()
    number: int = 1  # of the sources of its kind

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        name = self.kind.replace("_", "-")
        return name if self.number == 1 else f"{name}-{self.number}"

    @property
    def connector(self) -> Connector:
        """The connector of its kind."""
        return load_connector(self.kind)

    @property
    def missing(self) -> tuple[str, ...]:
        """Required keys without a value."""
        return tuple(key for key in required_keys(self.kind) if not self.values.get(key))

    @property
    def table(self) -> dict[str, Any]:
        """Its table, as it is read back."""
        return tomllib.loads("\n".join(self._entries()))

    def problem(self, folder: Path) -> str:
        """Why its table cannot be used as it stands; "" if it can. Relative paths count from *folder*."""
        if self.missing:
            return f"{', '.join(self.missing)} {'is' if len(self.missing) == 1 else 'are'} missing"
        try:
            build_source(self.table, "", folder=folder)
        except RegistryError as error:
            return str(error).removeprefix(f": [[source]] {self.name}: ")
        return ""

    def lines(self, *, is_active: bool) -> Iterator[str]:
        """Its table, as comments unless *is_active*, under the first sentence of the connector's documentation."""
        yield f"# {(self.connector.__doc__ or '').strip().splitlines()[0]}"
        comment = "" if is_active else "# "
        yield f"{comment}[[source]]"
        yield from (f"{comment}{entry}" for entry in self._entries())
        others = self._secrets[1:] if self.secret_files else ()
        yield from (
            f"# {key}_file = {toml_text(self._secret_file(key))}   # in place of the secret above" for key in others
        )

    def _entries(self) -> Iterator[str]:
        yield f"kind = {toml_text(self.kind)}"
        yield f"name = {toml_text(self.name)}"
        for key in dict.fromkeys((*required_keys(self.kind), *self.values)):
            yield f"{key} = {self._value(key)}"
        yield from (f"{key}_file = {toml_text(path)}" for key, path in self.secret_files.items())
        if self.counts:
            yield f"counts = {toml_texts(self.counts)}"

    def _value(self, key: str) -> str:
        value = self.values.get(key, "")
        if not value:
            return toml_text("<…>")
        return value if self._is_literal(key, value) else toml_text(value)

    def _is_literal(self, key: str, value: str) -> bool:
        """Whether a value is written as it is: a number, true, false or a list of a key that is no text."""
        annotation: Any = self.connector.Settings.model_fields[key].annotation
        if annotation in (str, Path):
            return False
        try:
            tomllib.loads(f"value = {value}")
        except tomllib.TOMLDecodeError:
            return False
        return True

    @property
    def secret_files(self) -> Mapping[str, str]:
        """The secret that signs in, by its key, with the file that is to hold it. Of several ways the first."""
        given = {key.removesuffix("_file") for key in self.values}
        secrets = self._secrets
        if not secrets or not given.isdisjoint(secrets):
            return {}
        return {secrets[0]: self._secret_file(secrets[0])}

    def missing_secrets(self, folder: Path) -> Mapping[str, str]:
        """Those of `secret_files` that are not there yet. Relative paths count from *folder*."""
        return {key: path for key, path in self.secret_files.items() if not (folder / path).exists()}

    @property
    def _secrets(self) -> tuple[str, ...]:
        return tuple(key for key in secret_keys(self.connector.Settings) if key not in CERTIFICATE_SECRETS)

    def _secret_file(self, key: str) -> str:
        return f"secrets/{self.kind}-{key}"


def required_keys(kind: str) -> tuple[str, ...]:
    """The keys that a table of this kind must have, besides kind and name; of files their path."""
    fields = load_connector(kind).Settings.model_fields
    return tuple(key for key, info in fields.items() if key not in {"kind", "name"} and info.is_required())


def with_organisation_number(text: str, number: str) -> str:
    """The text of a configuration that `config_text` made, with the municipality's organisation number."""
    heading = "[municipality]\n"
    return text.replace(heading, f"{heading}organisation_numbers = {toml_texts([number])}\n", 1) if number else text


def numbered(sources: Iterable[FirstSource]) -> Iterator[FirstSource]:
    """*sources*, each with its number among those of its kind."""
    seen: Counter[str] = Counter()
    for source in sources:
        seen[source.kind] += 1
        yield replace(source, number=seen[source.kind])


def with_counts(sources: Sequence[FirstSource]) -> tuple[FirstSource, ...]:
    """*sources*, each with the memberships that it is the basis of: the most special source of each has it."""
    parts = {source.name: {part.name for part in source.connector.PARTS} for source in sources}
    basis: dict[str, str] = {}
    for membership, part in PART_OF_MEMBERSHIPS.items():
        having = [source.name for source in sources if part in parts[source.name]]
        if having:
            basis[membership] = min(having, key=lambda name: len(parts[name] & set(PART_OF_MEMBERSHIPS.values())))
    return tuple(
        replace(source, counts=tuple(word for word, name in basis.items() if name == source.name)) for source in sources
    )


def pattern_of_editions(file: Path) -> str:
    """The path of a file, with a * for the day in its name, so that later editions are found too."""
    name = _DAY_IN_NAME.sub("*", file.name)
    return str(file.resolve().with_name(name))


def write_first_config(file: Path, text: str) -> None:
    """Write a configuration, with the folders that it names; nobody else may look into them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for folder in ("secrets", "database"):
        (file.parent / folder).mkdir(mode=0o700, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def config_text(name: str, sources: Iterable[FirstSource], folder: Path) -> str:
    """The whole configuration. A table that cannot be used yet stands as a comment."""
    tables = ("\n".join(source.lines(is_active=not source.problem(folder))) + "\n" for source in sources)
    return "\n".join([CONFIG_HEAD.format(name=toml_text(name)), *tables])
