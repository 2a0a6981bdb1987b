"""Cleans serial numbers, and decides which of them identify a device.

A serial is text: it is never read as a number, and O and 0 stay different. Placeholders ("System Serial Number"),
serials damaged by a spreadsheet and those of virtual machines identify nothing, and the reason is returned
(`domain.md` §3). Pure.
"""

import re
from functools import lru_cache
from typing import Literal
from unicodedata import category, normalize

from msgspec import Struct

from fleetsync.core.identity.globs import glob_test
from fleetsync.core.model import Platform, SerialRules
from fleetsync.core.text import folded

SerialProblem = Literal["placeholder", "virtual", "damaged"]
VendorClass = Literal["apple", "chromeos", "other"]

MIN_SERIAL_LENGTH = 5  # compact; Dell has 7, Lenovo 8, Apple 10-12 (fusioninventory-for-glpi#978)
APPLE_PLATFORMS = frozenset({Platform.MACOS, Platform.IPADOS, Platform.IOS, Platform.TVOS})

# How a spreadsheet writes a long number: 1.23E+11, 1,23E+11, 5E+11. "1E23456" can be a serial.
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+\d+|\d[.,]\d+E\d+")


class _CompiledSerialRules(Struct, frozen=True):
    placeholders: frozenset[str]
    placeholder_patterns: tuple[re.Pattern[str], ...]
    placeholder_prefixes: tuple[str, ...]
    virtual_patterns: tuple[re.Pattern[str], ...]


def canonical_serial(
    raw: str | None, manufacturer: str | None, model: str | None, rules: SerialRules
) -> tuple[str | None, SerialProblem | None]:
    """The serial as it is kept and None, or None and why it identifies no device; (None, None) when there was none.

    Hyphens stay; serials are compared by `compact_serial`. A serial that is too short is a placeholder. A virtual machine
    has no serial, since clones share theirs; it is recognised by serial, model or manufacturer.
    """
    serial = _cleaned(raw or "")
    compiled_rules = _compile_rules(rules)
    if is_virtual(manufacturer, model, rules) or (serial and _any_matches(compiled_rules.virtual_patterns, serial)):
        return None, "virtual"
    if not serial:
        return None, None
    if _SCIENTIFIC.fullmatch(serial):
        return None, "damaged"
    if len(compact_serial(serial)) < MIN_SERIAL_LENGTH or _is_placeholder(serial, compiled_rules):
        return None, "placeholder"
    return serial, None


def compact_serial(serial: str) -> str:
    """The serial without anything but letters and digits: the form in which serials are compared."""
    return serial if serial.isalnum() else "".join(filter(str.isalnum, serial))


@lru_cache(maxsize=4096)
def vendor_class(manufacturer: str | None, platform: Platform) -> VendorClass | None:
    """Which vendor's numbering a serial belongs to, so that equal serials of two vendors are not joined; None: unknown.

    The manufacturer outranks the platform: an Apple computer that runs Windows has an Apple serial.
    """
    maker = folded(manufacturer or "")
    if maker.startswith("apple") or (not maker and platform in APPLE_PLATFORMS):
        return "apple"
    if platform is Platform.CHROMEOS:
        return "chromeos"
    return None if not maker and platform is Platform.OTHER else "other"


@lru_cache(maxsize=4096)
def is_virtual(manufacturer: str | None, model: str | None, rules: SerialRules) -> bool:
    """Whether the manufacturer or model is that of a virtual machine, by the globs of *rules*."""
    folded_maker, folded_model = folded(manufacturer or ""), folded(model or "")
    return any(glob_test(pattern)(folded_model) for pattern in rules.virtual_models) or any(
        glob_test(pattern)(folded_maker) for pattern in rules.virtual_manufacturers
    )


def _cleaned(raw: str) -> str:
    if raw.isascii() and raw.isprintable():  # nearly every serial: a space is the only thing to take out of it
        return raw.replace(" ", "").upper()
    visible = (char for char in normalize("NFKC", raw) if not char.isspace() and category(char) not in {"Cc", "Cf"})
    # Upper case can undo composition. The result must not change when it is cleaned again.
    return normalize("NFKC", "".join(visible).upper())


def _without_spaces_and_dots(text: str) -> str:
    return "".join(text.split()).casefold().replace(".", "")


def _is_placeholder(serial: str, rules: _CompiledSerialRules) -> bool:
    bare = _without_spaces_and_dots(serial)
    return (
        bare in rules.placeholders
        or bare.startswith(rules.placeholder_prefixes)
        or _any_matches(rules.placeholder_patterns, serial)  # "1.2.3" is recognised by its dots
        or (bare != serial.lower() and _any_matches(rules.placeholder_patterns, bare))  # patterns do not ask for case
    )


def _any_matches(patterns: tuple[re.Pattern[str], ...], text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern in patterns)


@lru_cache(maxsize=8)
def _compile_rules(rules: SerialRules) -> _CompiledSerialRules:
    def expressions(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)

    return _CompiledSerialRules(
        placeholders=frozenset(map(_without_spaces_and_dots, rules.placeholders)),
        placeholder_patterns=expressions(rules.placeholder_patterns),
        placeholder_prefixes=tuple(map(_without_spaces_and_dots, rules.placeholder_prefixes)),
        virtual_patterns=expressions(rules.virtual_serial_patterns),
    )
