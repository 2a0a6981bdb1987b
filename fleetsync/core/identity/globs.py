"""Patterns of configuration and reference data: shell globs, compared case-folded over the whole text."""

from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache
from re import compile as compiled

from fleetsync.core.text import folded


@lru_cache(maxsize=4096)
def glob_test(pattern: str) -> Callable[[str], bool]:
    """A test of folded text against *pattern*; bounded, since patterns come from configuration only."""
    expression = compiled(translate(folded(pattern)))
    return lambda text: expression.match(text) is not None
