"""Whether a column under an unknown header looks like one that decides: dates, owners, or states of a device.

Pure. It never decides what a column means: it only says that a field may be in the file under a header that nobody named,
so that what is missing is not read as if it said the best.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from fleetsync.core.model import EmploymentForm
from fleetsync.pull.decoding import clean, fold_text, parse_condition, parse_day_or_none, parse_employment_form
from fleetsync.pull.files.values import Cell, cell_text

Looks: TypeAlias = Callable[[Sequence[Cell]], bool]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """*looks*: whether the cells of a column, none of them blank, look like the field; *header*: what else gives it away;
    *unless*: headers that plainly mean something else.
    """

    looks: Looks
    header: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None

    def holds(self, header: str, cells: Sequence[Cell]) -> bool:
        """*header*: folded. *cells*: those with something in them; a column without any is no sign."""
        if not cells or (self.unless is not None and self.unless.search(header)):
            return False
        return self.looks(cells) or (self.header is not None and bool(self.header.search(header)))


# Days in the forms of other countries too: that they cannot be read does not make them something else.
_DAY_FIRST = re.compile(r"\d{1,2}[-/. ](?:\d{1,2}|[a-zåäö]{3,9}\.?)[-/., ]+(?:\d{4}|\d{2})(?:[ ,T].*)?", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"(?:19|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])(?:[ T].*)?")
_MONTH_FIRST = re.compile(r"[a-zåäö]{3,9}\.? \d{1,2},? \d{4}(?:[ ,].*)?", re.IGNORECASE)
_EIGHT_DIGITS = re.compile(r"20\d{6}")
_NEVER = frozenset({"aldrig", "never"})

_OWNERS = frozenset(
    [
        "personal",
        "personally",
        "owned",
        "personligt",
        "ägd",
        "private",
        "privat",
        "privatägd",
        "privatägda",
        "byod",
        "egen",
        "dator",
        "company",
        "corporate",
        "företag",
        "företagsägd",
        "kommun",
        "kommunen",
        "kommunal",
        "kommunägd",
        "skola",
        "skolägd",
        "organisation",
        "organization",
    ]
) | {"personally owned", "personligt ägd", "egen dator", "company owned", "corporate owned"}
_PEOPLE = frozenset({"elev", "elever", "student", "students", "pupil", "pupils"})
_STATES = frozenset(
    {"wipe pending", "retire pending", "wipepending", "retirepending", "deprovisioned", "wipe issued", "retire issued"}
)


def look_like_days(cells: Sequence[Cell]) -> bool:
    """Most of the cells are days, in whatever form."""
    return _most(cells, _is_day)


def look_like_owners(cells: Sequence[Cell]) -> bool:
    """Most of the cells say who owns a device. "Personal" is also Swedish for staff, beside pupils."""
    words = {fold_text(cell_text(cell)) for cell in cells}
    return not words & _PEOPLE and _most(cells, lambda cell: fold_text(cell_text(cell)) in _OWNERS)


def look_like_employment_forms(cells: Sequence[Cell]) -> bool:
    """Most of the cells are words for a form of employment; a bare number is none here."""
    return _most(cells, _is_form)


def look_like_states(cells: Sequence[Cell]) -> bool:
    """Most of the cells say what became of a device."""
    return _most(cells, _is_state)


def _most(cells: Sequence[Cell], holds: Callable[[Cell], bool]) -> bool:
    return 2 * sum(1 for cell in cells if holds(cell)) > len(cells)


def _is_day(cell: Cell) -> bool:
    if isinstance(cell, date):
        return True
    text = clean(cell_text(cell))
    if _EIGHT_DIGITS.fullmatch(text):
        return parse_day_or_none(text) is not None
    forms = (_YEAR_FIRST, _DAY_FIRST, _MONTH_FIRST)
    return text.casefold() in _NEVER or any(form.fullmatch(text) for form in forms)


def _is_state(cell: Cell) -> bool:
    word = fold_text(cell_text(cell))
    return word in _STATES or parse_condition(word) is not None


def _is_form(cell: Cell) -> bool:
    word = cell_text(cell)
    return not word.isdigit() and len(word) > 1 and parse_employment_form(word) is not EmploymentForm.UNKNOWN
