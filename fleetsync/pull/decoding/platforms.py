"""Which platform a device has, by the words of MDMs and lists.

Pure. The name of an operating system decides; a model decides only where it can run nothing else. A maker of computers
says nothing about the operating system.
"""

from collections.abc import Mapping
from functools import lru_cache

from fleetsync.core.model import Platform
from fleetsync.pull.contract import UnknownValue
from fleetsync.pull.decoding.text import fold_text, known_text

_PREFIXES = (  # how the name of an operating system begins; the first that fits decides
    ("windows mobile", Platform.OTHER),
    ("windowsmobile", Platform.OTHER),
    ("windows phone", Platform.OTHER),
    ("windowsphone", Platform.OTHER),
    ("win", Platform.WINDOWS),
    ("chrome", Platform.CHROMEOS),
    ("ipad", Platform.IPADOS),
    ("iphone", Platform.IOS),
    ("ios", Platform.IOS),
    ("mac", Platform.MACOS),
    ("os x", Platform.MACOS),
    ("apple tv", Platform.TVOS),
    ("tvos", Platform.TVOS),
    ("android", Platform.ANDROID),
    ("linux", Platform.LINUX),
    ("ubuntu", Platform.LINUX),
)
_MODELS = (
    ("ipad", Platform.IPADOS),
    ("iphone", Platform.IOS),
    ("macbook", Platform.MACOS),
    ("imac", Platform.MACOS),
    ("mac mini", Platform.MACOS),
    ("apple tv", Platform.TVOS),
    ("chromebook", Platform.CHROMEOS),
    ("galaxy tab", Platform.ANDROID),
)


def platform_of_word(word: object, configured: Mapping[str, Platform] | None = None) -> Platform | None:
    """The platform that a word for an operating system names; None for a blank and for an unknown word.

    *configured*: words of the source's own; they outrank the shipped ones.
    """
    folded = fold_text(word)
    own = {fold_text(name): platform for name, platform in (configured or {}).items()}
    return own[folded] if folded in own else _shipped_platform(folded)


@lru_cache(maxsize=1 << 10)
def _shipped_platform(folded: str) -> Platform | None:
    return next((platform for prefix, platform in _PREFIXES if folded.startswith(prefix)), None)


def platform_of_model(model: object) -> Platform | None:
    """The platform of a model that can run no other; None for every other model."""
    folded = fold_text(model)
    return next((platform for name, platform in _MODELS if name in folded), None)


def read_platform(system: object, model: object, field: str, unknown: list[UnknownValue]) -> Platform:
    """The platform that an MDM reports. An unknown *system* is OTHER, and is added to *unknown* under *field*.

    An iPad is reported as iOS or iPadOS, by the age of its record: the model decides.
    """
    word = known_text(system)
    platform = platform_of_word(word)
    if platform is None and word is not None:
        unknown.append(UnknownValue(field, word))
    if platform is Platform.IOS and fold_text(model).startswith("ipad"):
        return Platform.IPADOS
    return platform or Platform.OTHER
