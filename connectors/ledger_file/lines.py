"""Reads a line of a ledger: how many pieces of what, with which serial numbers, bought or credited."""

import re
from datetime import date
from decimal import Decimal

import msgspec

from fleetsync.pull.contract import FileRow, RecordError, UnreadableFact
from fleetsync.pull.decoding import parse_number
from fleetsync.pull.files import MisfitRow, RowFacts

MAX_PIECES = 10_000  # a quantity above is no number of devices
_SEPARATORS = re.compile(r"[,;|\r\n\t]+")
_SERIAL = re.compile(r"(?=.*\d)[A-Z0-9][A-Z0-9._+-]{3,39}", re.ASCII)
_MIN_CHARACTERS_OF_LISTED_SERIAL = 7  # of serials that only blanks separate; shorter words are groups of one serial
_TRAILING_MINUS = re.compile(r"(.*\d)\s*-")
_BRACKETED = re.compile(r"\((.*\d.*)\)")


class LedgerLine(msgspec.Struct, frozen=True, gc=False):
    """What is kept of a line. *serials*: in capitals. *pieces*: how many it bought or credited, with serials or without."""

    serials: tuple[str, ...] = ()
    pieces: int = 0
    is_credit: bool = False
    order: str | None = None
    purchased_on: date | None = None
    model: str | None = None
    warranty_until: date | None = None
    unit: str | None = None
    unreadable: tuple[UnreadableFact, ...] = ()


def read_line(row: FileRow) -> LedgerLine:
    """What is kept of *row*. Raises RecordError where nobody can say which devices it is about, or whether they were bought."""
    facts = RowFacts(row)
    serials = _serials(row, facts)
    quantity = facts.fact("quantity", "quantity", lambda: _quantity(row))
    model = row.text("model")
    return LedgerLine(
        serials=serials,
        pieces=_pieces(quantity, serials, model),
        is_credit=_is_credit(row, serials),
        order=row.text("order"),
        purchased_on=facts.day("purchased", "purchased_on"),
        model=model,
        warranty_until=facts.day("warranty", "warranty_until"),
        unit=row.text("unit_code") or row.text("cost_centre") or row.text("unit"),
        unreadable=facts.unreadable,
    )


def misfit_reader(row: MisfitRow) -> tuple[str | None, None]:
    """The id of a line whose fields are not those of the header, where it is certain."""
    return _only(split_serials(row.certain("serial") or "")[0]), None


# --- serial numbers ---------------------------------------------------------------------------------------------------


def _serials(row: FileRow, facts: RowFacts) -> tuple[str, ...]:
    """The serials of a line. A note in their place ("se följesedel") is none; what may be one and cannot be read is refused."""
    serials, other_texts = split_serials(row.text("serial") or "")
    if any(any(map(str.isdigit, text)) for text in other_texts):
        raise RecordError("serial holds text that cannot be told from a serial number")
    if other_texts:
        facts.note("serial", "holds text that is no serial number")
    return serials


def split_serials(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The serials of a cell, each once and in capitals, and the texts in it that are none."""
    parts = [part for part in _SEPARATORS.split(text.upper()) if part.strip()]
    found = [(part, _serials_of_part(part.split())) for part in parts]
    serials = dict.fromkeys(serial for _, of_part in found for serial in of_part)
    return tuple(serials), tuple(part for part, of_part in found if not of_part)


def _serials_of_part(words: list[str]) -> tuple[str, ...]:
    """Several serials that blanks separate, or one that is written in groups; none for words of a sentence."""
    is_list = len(words) == 1 or all(len(word) >= _MIN_CHARACTERS_OF_LISTED_SERIAL for word in words)
    if is_list and all(_SERIAL.fullmatch(word) for word in words):
        return tuple(words)
    joined = "".join(words)
    is_grouped = all(any(map(str.isdigit, word)) for word in words)
    return (joined,) if is_grouped and _SERIAL.fullmatch(joined) else ()


# --- numbers ----------------------------------------------------------------------------------------------------------


def _with_leading_sign(text: str) -> str:
    """A number with its sign before it: ledgers write "5-" and "(5)" as well."""
    match = _TRAILING_MINUS.fullmatch(text) or _BRACKETED.fullmatch(text)
    return text.replace("\u2212", "-") if match is None else f"-{match[1].strip()}"


def _quantity(row: FileRow) -> Decimal | None:
    text = row.text("quantity")
    quantity = None if text is None else parse_number(_with_leading_sign(text), "quantity")
    if quantity is not None and (quantity % 1 or abs(quantity) > MAX_PIECES):
        raise RecordError("quantity is no number of devices")
    return quantity


def _pieces(quantity: Decimal | None, serials: tuple[str, ...], model: str | None) -> int:
    """How many pieces a line is about. One that names none is one piece, and a line of totals none at all."""
    if quantity is None:
        return len(serials) or int(model is not None)
    return max(len(serials), int(abs(quantity)))


def _is_credit(row: FileRow, serials: tuple[str, ...]) -> bool:
    """By the sign of quantity or amount; of an amount nothing else is read."""
    signs = [_is_negative(text) for field in ("quantity", "amount") if (text := row.text(field)) is not None]
    if True not in signs and None in signs and serials:
        raise RecordError("quantity or amount does not say whether it was bought or credited", source_id=_only(serials))
    return True in signs


def _is_negative(text: str) -> bool | None:
    """Whether a number is below zero, however it is written; None for what is no number."""
    if text.startswith("#") or not any(map(str.isdigit, text)):
        return None
    return _with_leading_sign(text).startswith("-")


def _only(serials: tuple[str, ...]) -> str | None:
    """The id of a line that is about a single device."""
    return serials[0] if len(serials) == 1 else None
