"""How two texts are compared: without regard to case, to space around them, or to how an accent is encoded.

Pure. Refuses to find likeness: two texts that differ in anything else are two.
"""

from unicodedata import normalize


def folded(text: str) -> str:
    """*text* as it is compared: NFC, without surrounding space, case-folded."""
    if text.isascii():  # nearly every key and serial; it has no accents to compose
        return text.strip().lower()
    # Folding can undo composition (ǰ), so it is composed again.
    return normalize("NFC", normalize("NFC", text).strip().casefold()).strip()
