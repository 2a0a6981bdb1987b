"""Case-insensitive globs, with braces that catch a piece of the text for the roster to look up.

`*`, `?` and `[…]` are wild; `{unit}` and `{class}` catch one character or more. What a brace caught means nothing
until it equals a unit or a group of the roster: nothing here guesses.
"""

import re
import unicodedata
from fnmatch import translate
from functools import lru_cache

from msgspec import Struct

CAPTURE_SEPARATOR = "\x1f"  # between what the braces of one pattern caught, in their order
ALTERNATIVE_SEPARATOR = "\x1e"  # between the two ways of cutting a text that can be cut in more than one

_TOKEN = re.compile(r"\{(?P<brace>unit|class)\}|(?P<seq>\[!?\]?[^\]]*\])|(?P<plain>.)", re.DOTALL)
_WILDCARDS = {"*": ".*", "?": "."}


class Glob(Struct, frozen=True):
    """A compiled pattern: `braces` in their order, and one or two ways to cut what they catch."""

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
        return translate(token["seq"])[len("(?s:") : -len(r")\Z")]  # it knows about ranges that are none
    return _WILDCARDS.get(token["plain"]) or re.escape(token["plain"])


def is_match(pattern: str, text: str) -> bool:
    """Whether the whole of *text* fits *pattern*, case aside."""
    return compile_glob(pattern).alternatives[0].fullmatch(unicodedata.normalize("NFC", text)) is not None


def name_pattern_match(pattern: str, name: str) -> str | None:
    """What the braces of *pattern* caught in *name*; "" for a match without braces, None for none.

    Of several braces the pieces are joined by U+001F in their order. A name that can be cut in more than one way
    gives the cut where earlier braces take much, then U+001E, then the one where they take little: only the roster
    can tell which is meant, and where this runs (while a record is read) there is none.
    """
    text = unicodedata.normalize("NFC", name)
    found = [match for way in compile_glob(pattern).alternatives if (match := way.fullmatch(text)) is not None]
    if not found:
        return None
    return ALTERNATIVE_SEPARATOR.join(dict.fromkeys(CAPTURE_SEPARATOR.join(match.groups()) for match in found))


def parse_captures(braces: tuple[str, ...], caught: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The ways in *caught* (of `name_pattern_match`), each as (brace, text) pairs."""
    if not braces:
        return ((),)
    return tuple(
        tuple(zip(braces, way.split(CAPTURE_SEPARATOR), strict=True)) for way in caught.split(ALTERNATIVE_SEPARATOR)
    )
