"""What the cells of a column can look like, for layouts. Pure."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from fleetsync.pull.decoding import fold_text
from fleetsync.pull.files.layouts import Appearance, Looks
from fleetsync.pull.files.suspicion import look_like_days, look_like_employment_forms
from fleetsync.pull.files.values import Cell, cell_text

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_SERIAL = re.compile(r"(?=.*\d)[A-Z0-9][A-Z0-9./-]{4,29}", re.ASCII)  # log-ins are small letters
_DEVICE_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{8}-[0-9a-f]{16}", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,10}(?:[.,]\d+)?(?: ?%)?", re.ASCII)
_NUMBER_AND_MORE = re.compile(r"[A-Z]{0,3}\d{1,10}(?:[.,]\d+)?(?:[ -].*|%)?", re.IGNORECASE)
_CIVIC_NUMBER = re.compile(r"(?:19|20)?\d\d(?:0[1-9]|1[0-2])[0-36-9]\d[-+]?[0-9A-Z]{2}\d\d", re.IGNORECASE)
_TRUTHS = frozenset({"true", "false", "yes", "no", "ja", "nej", "1", "0"})
_MARKS = frozenset({"ja", "j", "x", "nej", "n", "skyddad", "sekretess", "sekretessmarkering", "skyddad folkbokföring"})
_NO_MARK = re.compile(r".*(?:\d{3}|@).*|.{41,}", re.DOTALL)


def appearance_of_words(noun: str, words: Collection[str]) -> Appearance:
    """Cells that are words of a vocabulary; *words*: as `fold_text` gives them."""
    return Appearance(noun, lambda cells: _most(fold_text(cell_text(cell)) in words for cell in cells))


def _appearance_of_form(noun: str, form: re.Pattern[str]) -> Appearance:
    return Appearance(noun, lambda cells: _most(form.fullmatch(cell_text(cell)) is not None for cell in cells))


def _look_like_serials(cells: Sequence[Cell]) -> bool:
    texts = [cell_text(cell) for cell in cells]
    is_varied = 2 * len(frozenset(texts)) > len(texts)
    return is_varied and _most(
        _SERIAL.fullmatch(text) is not None and not _DEVICE_ID.fullmatch(text) and not look_like_days([text])
        for text in texts
    )


def _numbers_of_form(form: re.Pattern[str]) -> Looks:
    def holds(cells: Sequence[Cell]) -> bool:
        texts = [cell_text(cell) for cell in cells]
        return _most(form.fullmatch(text) is not None and not _CIVIC_NUMBER.fullmatch(text) for text in texts)

    return holds


def _most(facts: Iterable[bool]) -> bool:
    counted = Counter(facts)
    return counted[True] > counted[False]


DAYS = Appearance("days", look_like_days)
FORMS = Appearance(
    "forms of employment",
    # A municipality has words of its own: those that nobody knows leave their person undecided.
    fits=lambda cells: (
        not look_like_days(cells) and not _most(_NO_MARK.fullmatch(cell_text(cell)) is not None for cell in cells)
    ),
    certain=look_like_employment_forms,
)
SERIALS = Appearance("serial numbers", _look_like_serials)
ADDRESSES = _appearance_of_form("log-ins or addresses", _ADDRESS)
DEVICE_IDS = _appearance_of_form("ids of devices", _DEVICE_ID)
# Employment numbers may begin with letters, as log-ins do, and the name of a cost centre may follow its number.
NUMBERS = Appearance("numbers", fits=_numbers_of_form(_NUMBER_AND_MORE), certain=_numbers_of_form(_NUMBER))
CIVIC_NUMBERS = _appearance_of_form("civic numbers", _CIVIC_NUMBER)
TRUTHS = appearance_of_words("words for yes and no", _TRUTHS)
MARKS = Appearance(
    "marks of protection",
    # Any word may be one; days, numbers and addresses are none.
    fits=lambda cells: not any(_NO_MARK.fullmatch(cell_text(cell)) for cell in cells),
    certain=lambda cells: all(fold_text(cell_text(cell)) in _MARKS for cell in cells),
)
