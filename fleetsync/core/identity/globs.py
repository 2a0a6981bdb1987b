"""Matches text against shell globs from configuration and reference data.

Case is ignored and the pattern must match the whole text. Regular expressions are not accepted. Pure.
"""

from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache
from re import compile as compiled

from fleetsync.core.text import folded


@lru_cache(maxsize=4096)
def glob_test(pattern: str) -> Callable[[str], bool]:
    """A function that tests folded text against *pattern*. The cache is bounded; patterns come from configuration only."""
    expression = compiled(translate(folded(pattern)))
    return lambda text: expression.match(text) is not None
