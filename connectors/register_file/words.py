"""The words of a register's lists for years, and for whether somebody goes there. A source's own table comes first."""

import re
from collections.abc import Mapping

from fleetsync.pull.decoding import fold_text

_STATUSES = {
    **dict.fromkeys(
        (
            "", "aktiv", "aktuell", "pågående", "placerad", "inskriven", "går", "elev", "barn", "beviljad", "accepterad",
            "active", "ja", "1",
        ),
        True,
    ),
    **dict.fromkeys(
        (
            "kö", "köar", "i kö", "köplats", "sökande", "ansökan", "ansökt", "erbjuden", "erbjudande", "erbjuden plats",
            "avslutad", "avslutat", "inaktiv", "utskriven", "uppsagd", "slutat", "utflyttad", "avliden", "tackat nej",
            "makulerad", "inactive", "nej", "0",
        ),
        False,
    ),
}  # fmt: skip
_YEAR = re.compile(r"(?:åk|årskurs|årsk|år)?\.? ?(\d{1,2})")
_YEAR_OF_SIX_YEAR_OLDS = frozenset({"f", "f-klass", "fklass", "förskoleklass", "åk f", "fsk", "fk"})


def parse_year(word: str) -> int | None:
    """The year label: 5, 05, "Åk 5" and "F" (0, förskoleklass); None for what is none."""
    text = _folded(word)
    if text in _YEAR_OF_SIX_YEAR_OLDS:
        return 0
    match = _YEAR.fullmatch(text)
    return None if match is None else int(match[1])


def _folded(word: str) -> str:
    return " ".join(fold_text(word).split())


def parse_status(word: str, own: Mapping[str, bool]) -> bool | None:
    """Whether somebody goes there, by a word for the state of a placement; None for an unknown one."""
    text = _folded(word)
    return {_folded(name): meaning for name, meaning in own.items()}.get(text, _STATUSES.get(text))


def is_known_status(word: str) -> bool:
    """Whether *word* is a word for the state of a placement. Yes, no and numbers stand in many other columns too."""
    text = _folded(word)
    return text in _STATUSES and len(text) > 1 and text not in {"ja", "nej", "elev", "barn"}
