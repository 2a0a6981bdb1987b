"""What is raised when a configuration cannot be used, and the hint at the word that was probably meant.

Imports no library: `fleetsync healthcheck` uses it twice a minute.
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches

Loc = tuple[int | str, ...]


class SettingsError(Exception):
    """The configuration cannot be used. The text says what is wrong, where, and what to write, one line per fault."""


def did_you_mean(word: str, known: Iterable[str], shown: Callable[[str], str] = str) -> str:
    """The end of a message, with a leading space: "Did you mean X?", or the known words if none is near."""
    names = sorted(set(known))
    nearest = get_close_matches(word, names, n=1, cutoff=0.6)
    if nearest:
        return f" Did you mean {shown(nearest[0])}?"
    return f" Known are {', '.join(map(shown, names))}" if names else ""
