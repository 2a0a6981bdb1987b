"""Which serial number names a thing, and in which spelling it is compared.

Pure. Refuses to read a serial as a number, to swap O and 0, and to let a placeholder or a virtual machine join
anything (`reference/mdm-apis.md` §7.1-7.3).
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

# What a spreadsheet makes of a long number: 1.23E+11, 1,23E+11, 5E+11. "1E23456" can be a serial.
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+\d+|\d[.,]\d+E\d+")


class _CompiledSerialRules(Struct, frozen=True):
    placeholders: frozenset[str]
    placeholder_patterns: tuple[re.Pattern[str], ...]
    placeholder_prefixes: tuple[str, ...]
    virtual_patterns: tuple[re.Pattern[str], ...]


def canonical_serial(
    raw: str | None, manufacturer: str | None, model: str | None, rules: SerialRules
) -> tuple[str | None, SerialProblem | None]:
    """The serial as it is kept, or None and why it names nothing; (None, None) when there was none.

    Hyphens stay: `compact_serial` is what is compared. Too short a serial is a placeholder. A virtual machine has no
    serial, since clones share theirs, and is told by its model and maker too, with or without a serial.
    """
    serial = _cleaned(raw or "")
    known = _compile_rules(rules)
    if is_virtual(manufacturer, model, rules) or (serial and _any_matches(known.virtual_patterns, serial)):
        return None, "virtual"
    if not serial:
        return None, None
    if _SCIENTIFIC.fullmatch(serial):
        return None, "damaged"
    if len(compact_serial(serial)) < MIN_SERIAL_LENGTH or _is_placeholder(serial, known):
        return None, "placeholder"
    return serial, None


def compact_serial(serial: str) -> str:
    """Letters and digits alone: the spelling in which serials are compared."""
    return serial if serial.isalnum() else "".join(filter(str.isalnum, serial))


@lru_cache(maxsize=4096)
def vendor_class(manufacturer: str | None, platform: Platform) -> VendorClass | None:
    """Whose numbering a serial is of, so that a Lenovo and an Apple serial never meet; None: no vendor is named.

    A maker outranks the platform: Windows on an Apple computer has an Apple serial.
    """
    maker = folded(manufacturer or "")
    if maker.startswith("apple") or (not maker and platform in APPLE_PLATFORMS):
        return "apple"
    if platform is Platform.CHROMEOS:
        return "chromeos"
    return None if not maker and platform is Platform.OTHER else "other"


@lru_cache(maxsize=4096)
def is_virtual(manufacturer: str | None, model: str | None, rules: SerialRules) -> bool:
    """Whether maker or model is a virtual machine's; models may be globs."""
    maker, kind = folded(manufacturer or ""), folded(model or "")
    return any(glob_test(pattern)(kind) for pattern in rules.virtual_models) or any(
        glob_test(pattern)(maker) for pattern in rules.virtual_manufacturers
    )


def _cleaned(raw: str) -> str:
    visible = (sign for sign in normalize("NFKC", raw) if not sign.isspace() and category(sign) not in {"Cc", "Cf"})
    # Upper case can undo composition, and what is kept must not change when it is read again.
    return normalize("NFKC", "".join(visible).upper())


def _without_spaces_and_dots(text: str) -> str:
    return "".join(text.split()).casefold().replace(".", "")


def _is_placeholder(serial: str, known: _CompiledSerialRules) -> bool:
    bare = _without_spaces_and_dots(serial)
    return (
        bare in known.placeholders
        or bare.startswith(known.placeholder_prefixes)
        or _any_matches(known.placeholder_patterns, serial)  # "1.2.3" is told by its dots
        or _any_matches(known.placeholder_patterns, bare)
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
