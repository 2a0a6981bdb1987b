"""Makes a JSON body readable that is JSON but for a few bytes: a byte order mark, half a surrogate pair, a control character.

Everything else about the body stays. A place that was no letter becomes U+FFFD, so that the row or fact it stands in can be
told from a sound one; a control character becomes a blank.
"""

import codecs
import re

_REPLACED_CONTROLS = bytes(range(32)), b" " * 32
# In this order: an escaped backslash, a whole pair (both kept), half a pair.
_ESCAPES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_NO_NUMBERS = re.compile(rb"([:,\[]\s*)(?:NaN|-?Infinity)(?=\s*[,}\]])")
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def without_byte_order_mark(body: bytes) -> bytes:
    """*body* without a mark before it, as UTF-8."""
    if body.startswith(_UTF16_MARKS):
        return body.decode("utf-16", errors="replace").encode()
    return body.removeprefix(codecs.BOM_UTF8)


def repaired(body: bytes) -> bytes:
    """*body* with what is no letter replaced."""
    text = body.decode("utf-8", errors="replace").encode().translate(bytes.maketrans(*_REPLACED_CONTROLS))
    text = _ESCAPES.sub(lambda match: rb"\ufffd" if match["half"] else match[0], text)
    return _NO_NUMBERS.sub(rb"\1null", text)
