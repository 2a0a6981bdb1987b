"""Reads the reference data that ships with fleetsync: facts about devices and systems, in the TOML files beside it.

Serials that identify no device, virtual machines, form factors of models, ends of support, and the words that files use.
Every row names its source and the day on which it was checked. A row without them is refused, and so is a word that two
rows give different meanings.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from fleetsync.core.model import (
    Condition,
    EmploymentForm,
    FormFactor,
    ModelRule,
    OsSupport,
    Platform,
    Purpose,
    ReferenceFacts,
    SerialRules,
)
from fleetsync.core.text import normalised_word

T = TypeVar("T")

DATA_FILES = (
    "device_words",
    "employment_forms",
    "models",
    "os_support",
    "placeholder_serials",
    "school_form_words",
    "unprotected_spellings",
    "virtual_machines",
)


class DeviceWords(msgspec.Struct, frozen=True):
    """What the words of device lists and registers mean. Keys have the form of `normalised_word`."""

    purposes: Mapping[str, Purpose]
    conditions: Mapping[str, Condition]


@cache
def load_tables(name: str) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    """The rows of one file by kind. Raises ValueError for a row without source or date."""
    return validated_tables(name, tomllib.loads((files(__name__) / f"{name}.toml").read_text(encoding="utf-8")))


def validated_tables(
    name: str, tables: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    """The rows by kind, frozen. Raises ValueError for a row without source or date."""
    for kind, rows in tables.items():
        for row in rows:
            if not row.get("source") or not isinstance(row.get("checked"), date):
                raise ValueError(f"{name}.toml: a [[{kind}]] lacks its source, or the day on which it was checked")
    return MappingProxyType({kind: tuple(map(MappingProxyType, rows)) for kind, rows in tables.items()})


@cache
def reference() -> ReferenceFacts:
    """The facts about serials, models and ends of support for the core. `checked_on` is the day of the oldest row."""
    return ReferenceFacts(
        serials=_serials(),
        models=tuple(_models()),
        os_support=tuple(_os_support()),
        checked_on=min(row["checked"] for name in DATA_FILES for rows in load_tables(name).values() for row in rows),
    )


@cache
def unprotected_spellings() -> frozenset[str]:
    """The case-folded values that mean "no protected identity". Every other value protects the person."""
    return words_for_no() | words_for_nothing()


@cache
def words_for_no() -> frozenset[str]:
    """The case-folded words and signs for "no" of lists, and a spreadsheet's FALSE in its languages."""
    return frozenset(_spellings("no"))


@cache
def words_for_nothing() -> frozenset[str]:
    """The case-folded words of a cell that is as good as blank, such as NULL."""
    return frozenset(_spellings("nothing"))


def _spellings(meaning: str) -> Iterator[str]:
    rows = load_tables("unprotected_spellings")["spelling"]
    return (word for row in rows if row["meaning"] == meaning for word in row["words"])


@cache
def employment_forms() -> Mapping[str, EmploymentForm]:
    """What the words and codes for forms of employment mean. Keys have the form of `normalised_word`."""
    return _meanings("employment_forms", "form", EmploymentForm)


@cache
def school_form_words() -> Mapping[str, str]:
    """The school form that the words of lists mean. Keys have the form of `normalised_word`."""
    return _meanings("school_form_words", "form", str)


@cache
def device_words() -> DeviceWords:
    """What the words for purpose and state in device lists and registers mean."""
    return DeviceWords(
        _meanings("device_words", "purpose", Purpose),
        _meanings("device_words", "condition", Condition),
    )


# --- reading the tables -----------------------------------------------------------------------------------------------


def _all_values(name: str, kind: str, key: str) -> Iterator[str]:
    return (value for row in load_tables(name)[kind] for value in row[key])


def _meanings(name: str, kind: str, meaning: Callable[[str], T]) -> Mapping[str, T]:
    return unambiguous_table(
        (normalised_word(word), meaning(row[kind])) for row in load_tables(name)[kind] for word in row["words"]
    )


def unambiguous_table(pairs: Iterable[tuple[str, T]]) -> Mapping[str, T]:
    """The pairs as a mapping. Raises ValueError for a word with two meanings."""
    meanings: dict[str, T] = {}
    for word, meaning in pairs:
        if meanings.setdefault(word, meaning) != meaning:
            raise ValueError(f"the word {word} means both {meanings[word]} and {meaning}")
    return MappingProxyType(meanings)


def _serials() -> SerialRules:
    return SerialRules(
        placeholders=frozenset(_all_values("placeholder_serials", "value", "serials")),
        placeholder_patterns=tuple(_all_values("placeholder_serials", "pattern", "patterns")),
        placeholder_prefixes=tuple(_all_values("placeholder_serials", "prefix", "prefixes")),
        virtual_serial_patterns=tuple(_all_values("virtual_machines", "serial", "patterns")),
        virtual_models=tuple(_all_values("virtual_machines", "model", "globs")),
        virtual_manufacturers=tuple(_all_values("virtual_machines", "manufacturer", "globs")),
    )


def _models() -> Iterator[ModelRule]:
    for row in load_tables("models")["model"]:
        for pattern in row["patterns"]:
            yield ModelRule(
                platform=Platform(row["platform"]) if "platform" in row else None,
                pattern=pattern,
                form_factor=FormFactor(row["form_factor"]),
                hardware_support_until=row.get("hardware_support_until"),
            )


def _os_support() -> Iterator[OsSupport]:
    for row in load_tables("os_support")["release"]:
        yield OsSupport(
            platform=Platform(row["platform"]),
            version_prefix=row["version"],
            edition=row.get("edition"),
            ends_on=row.get("ends_on"),
            estimated=row.get("estimated", False),
        )
