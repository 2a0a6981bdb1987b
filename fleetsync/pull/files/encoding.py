"""Decodes a text file by rule: byte order mark, then strict UTF-8, then the configured fallback.

Never by statistics, which read Swedish cp1252 as cp1250: wrong letters and no error. A text that was encoded twice is
refused, because a log-in or a unit with a broken letter would match nothing without any error.
"""

import codecs
import re
import unicodedata
from dataclasses import dataclass

from fleetsync.pull.contract import SourceRefused, SourceUnavailable

# UTF-32 first: its mark begins with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# å ä ö é ü Å Ä Ö É Ü as their UTF-8 bytes look in cp1252 and in ISO 8859-1, and a mark in the middle of nowhere.
_DOUBLE_ENCODED = re.compile("Ã[¥¤¶©¼…„–‰œ\x85\x84\x96\x89\x9c]|ï»¿")
_CONTROL_CHARACTERS = re.compile("[\x80-\x9f]")

# å ä ö Å Ä Ö é of cp850 (DOS) and MacRoman have bytes that cp1252 reads as other signs, without an error.
_READ_TOO_EASILY = frozenset({"cp1252"})
_DOS_INSIDE = re.compile(r"(?<=[^\W\d_])[„”†](?=[^\W\d_])|(?<=[a-zåäöé])Ž|™(?=[^\W\d_])")
_MAC_INSIDE = re.compile(r"(?<=[a-zåäöé])[ŒŠ]|(?<=[^\W\d_])Œ(?=[^\W\d_])")
# These occur in names and prose too: only a text without a single Swedish letter is taken for another encoding.
_DOS_AT_ALL = re.compile(r"(?<=[^\W\d_])[„”†‚]|[„†™Ž](?=[^\W\d_])")
_MAC_AT_ALL = re.compile(r"(?<=[^\W\d_])[šŠŒ€…]|[šŠŒ€…](?=[^\W\d_])")
_SIGN_OF_ANOTHER = re.compile("[„”†‚™ŽšŠŒ€…]")  # each of the four patterns needs one of them
_SWEDISH_LETTERS = re.compile("[åäöÅÄÖ]")


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A file's text (NFC) and the encoding that gave it."""

    text: str
    encoding: str


def decode(content: bytes, fallback: str, where: str) -> DecodedText:
    """The text of *content*. *where* begins each message: source and file.

    Raises SourceRefused when no rule applies, SourceUnavailable when the file ends in the middle of a letter.
    """
    decoded = _decode_with_bom(content, where) or _decode_without_bom(content, fallback, where)
    text = decoded.text
    if "\0" in text:
        raise SourceRefused(
            f"{where}: it holds zero bytes: not a text file, or UTF-16 without a byte order mark. "
            f'Save it as CSV UTF-8, or set encoding = "utf-16-le"'
        )
    if _DOUBLE_ENCODED.search(text):
        raise SourceRefused(
            f"{where}: its letters were encoded twice (å ä ö stand as two characters). Export it again as UTF-8, without "
            "opening it in between"
        )
    if "\ufffd" in text:
        raise SourceRefused(f"{where}: letters were lost before it came here (�). Export it again as UTF-8")
    return DecodedText(unicodedata.normalize("NFC", text), decoded.encoding)


def _decode_with_bom(content: bytes, where: str) -> DecodedText | None:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            text = _decode_strict(content, encoding)
            if text is None:
                raise SourceRefused(f"{where}: it begins as {encoding} and goes on as something else. Export it again")
            return DecodedText(text, encoding)
    return None


def _decode_without_bom(content: bytes, fallback: str, where: str) -> DecodedText:
    # UTF-16 of plain letters is valid UTF-8 with zero bytes between: only its own name can tell.
    if not (fallback.startswith("utf-16") and b"\0" in content):
        text = _decode_strict(content, "utf-8")
        if text is not None:
            return DecodedText(text, "utf-8")
        if _is_truncated_utf8(content):
            raise SourceUnavailable(f"{where}: it ends in the middle of a letter. Is it still being written?")
    text = _decode_strict(content, fallback)
    if text is None or _CONTROL_CHARACTERS.search(text):
        raise SourceRefused(
            f"{where}: it is neither UTF-8 nor {fallback}. Save it as CSV UTF-8, or set encoding in the [[source]] table: "
            'encoding = "cp850" for an export of DOS descent, encoding = "mac_roman" for one of an older Mac'
        )
    other = _likely_encoding(text) if fallback in _READ_TOO_EASILY else None
    if other is not None:
        raise SourceRefused(
            f"{where}: read as {fallback}, it has signs inside of words, as {other} looks when it is read so. Save it as "
            f'CSV UTF-8, or set encoding = "{other}" in the [[source]] table'
        )
    return DecodedText(text, fallback)


def _likely_encoding(text: str) -> str | None:
    """The encoding that a text was more likely written in, by letters that stand where no word has them."""
    if _SIGN_OF_ANOTHER.search(text) is None:
        return None
    if _DOS_INSIDE.search(text):
        return "cp850"
    if _MAC_INSIDE.search(text):
        return "mac_roman"
    if _SWEDISH_LETTERS.search(text):
        return None
    dos, mac = len(_DOS_AT_ALL.findall(text)), len(_MAC_AT_ALL.findall(text))
    return None if not dos and not mac else "cp850" if dos > mac else "mac_roman"


def _decode_strict(content: bytes, encoding: str) -> str | None:
    # The error of a decoder holds the whole file: it ends here, and no message or traceback carries it on.
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _is_truncated_utf8(content: bytes) -> bool:
    """Whether this is UTF-8, with letters beyond ASCII, up to its last bytes."""
    if content.endswith(b"\n"):
        return False
    for cut in (1, 2, 3):
        if content[:-cut] and not content[:-cut].isascii() and _decode_strict(content[:-cut], "utf-8") is not None:
            return True
    return False
