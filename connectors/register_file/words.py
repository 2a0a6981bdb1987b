"""The words of a register's lists for whether somebody goes there. A source's own table comes first."""

from collections.abc import Mapping

from fleetsync.pull.decoding import fold_word

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


def parse_status(word: str, own: Mapping[str, bool]) -> bool | None:
    """Whether somebody goes there, by a word for the state of a placement; None for an unknown one."""
    text = fold_word(word)
    return {fold_word(name): meaning for name, meaning in own.items()}.get(text, _STATUSES.get(text))


def is_known_status(word: str) -> bool:
    """Whether *word* is a word for the state of a placement. Yes, no and numbers stand in many other columns too."""
    text = fold_word(word)
    return text in _STATUSES and len(text) > 1 and text not in {"ja", "nej", "elev", "barn"}
