"""Case-insensitive globs whose braces capture a piece of the text, to be looked up in the roster.

Pure. `*`, `?` and `[…]` are wildcards; `{unit}` and `{class}` capture one character or more. A captured text means
nothing until it equals a unit or a group of the roster: nothing is guessed here.
"""

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache

from msgspec import Struct

CAPTURE_SEPARATOR = "\x1f"  # between the captures of one pattern, in the order of its braces
ALTERNATIVE_SEPARATOR = "\x1e"  # between the two ways to split a text that can be split in more than one

_TOKEN = re.compile(r"\{(?P<brace>unit|class)\}|(?P<seq>\[!?\]?[^\]]*\])|(?P<plain>.)", re.DOTALL)
_WILDCARDS = {"*": ".*", "?": "."}


class Glob(Struct, frozen=True):
    """A compiled pattern: its `braces` in order, and one or two expressions that capture them differently."""

    braces: tuple[str, ...]
    alternatives: tuple[re.Pattern[str], ...]


@lru_cache(maxsize=4096)
def compile_glob(pattern: str) -> Glob:
    """The compiled form of *pattern*."""
    tokens = list(_TOKEN.finditer(unicodedata.normalize("NFC", pattern)))
    braces = tuple(token["brace"] for token in tokens if token["brace"])
    # "Vreta skola 2B" needs a first brace that takes much, "VRE-2B-017-x" one that takes little.
    catches = ("(.+)", "(.+?)") if braces else ("",)
    return Glob(braces, tuple(_compile(tokens, catch) for catch in catches))


def _compile(tokens: list[re.Match[str]], catch: str) -> re.Pattern[str]:
    return re.compile("".join(_token_regex(token, catch) for token in tokens), re.IGNORECASE | re.DOTALL)


def _token_regex(token: re.Match[str], catch: str) -> str:
    if token["brace"]:
        return catch
    if token["seq"]:
        return translate(token["seq"])[len("(?s:") : -len(r")\Z")]  # `translate` handles ranges that are invalid
    return _WILDCARDS.get(token["plain"]) or re.escape(token["plain"])


def is_match(pattern: str, text: str) -> bool:
    """Whether the whole of *text* matches *pattern*, ignoring case."""
    return compile_glob(pattern).alternatives[0].fullmatch(unicodedata.normalize("NFC", text)) is not None


def name_pattern_match(pattern: str, name: str) -> str | None:
    """The captures of the braces of *pattern* in *name*; "" for a match without braces, None for no match.

    Several captures are joined by U+001F in the order of the braces. A name that can be split in more than one way
    gives the split where earlier braces take as much as they can, then U+001E, then the one where they take as little:
    only the roster can tell which is meant, and it is not at hand while a record is read.
    """
    text = unicodedata.normalize("NFC", name)
    alternatives = compile_glob(pattern).alternatives
    matches = [match for expression in alternatives if (match := expression.fullmatch(text)) is not None]
    if not matches:
        return None
    return ALTERNATIVE_SEPARATOR.join(dict.fromkeys(CAPTURE_SEPARATOR.join(match.groups()) for match in matches))


class GlobSet:
    """Patterns that are all tried on many texts: a text is matched only with those whose beginning it has.

    Hundreds of units have a pattern of their own each ("VRE-*"), and every device's name is tried on all of them.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._places = {pattern: place for place, pattern in enumerate(dict.fromkeys(patterns))}
        self._by_beginning: dict[int, dict[str, list[str]]] = {}  # length of the beginning → beginning → patterns
        for pattern in self._places:
            beginning = _literal_beginning(pattern)
            self._by_beginning.setdefault(len(beginning), {}).setdefault(beginning, []).append(pattern)

    def matches(self, text: str) -> tuple[tuple[str, str], ...]:
        """Each pattern that matches *text* with its captures (`name_pattern_match`), in the order of the patterns."""
        candidates = sorted(self._candidates(unicodedata.normalize("NFC", text)), key=self._places.__getitem__)
        captures = ((pattern, name_pattern_match(pattern, text)) for pattern in candidates)
        return tuple((pattern, caught) for pattern, caught in captures if caught is not None)

    def _candidates(self, text: str) -> Iterable[str]:
        for length, by_beginning in self._by_beginning.items():
            beginning = text[:length]
            if beginning.isascii():
                yield from by_beginning.get(beginning.lower(), ())
            else:  # some other letters equal an ASCII one in any case, such as the Kelvin sign
                for patterns in by_beginning.values():
                    yield from patterns


def _literal_beginning(pattern: str) -> str:
    """What every text that matches *pattern* begins with, in lower case, as far as that is ASCII."""
    beginning = ""
    for token in _TOKEN.finditer(unicodedata.normalize("NFC", pattern)):
        letter = token["plain"]
        if letter is None or letter in _WILDCARDS or not letter.isascii():
            break
        beginning += letter.lower()
    return beginning


def parse_captures(braces: tuple[str, ...], caught: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The splits in *caught*, a result of `name_pattern_match`, each as (brace, text) pairs."""
    if not braces:
        return ((),)
    return tuple(
        tuple(zip(braces, split.split(CAPTURE_SEPARATOR), strict=True)) for split in caught.split(ALTERNATIVE_SEPARATOR)
    )
