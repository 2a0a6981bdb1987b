"""How two texts are compared, and how one from outside is shown: names and ids are compared without regard to case, words of
files also without accents and punctuation.

Pure. Refuses to find likeness: two texts that differ in anything else are two.
"""

from unicodedata import normalize


def folded(text: str) -> str:
    """A name or an id as it is compared: NFC, without surrounding space, case-folded."""
    if text.isascii():  # nearly every key and serial; it has no accents to compose
        return text.strip().lower()
    # Folding can undo composition (ǰ), so it is composed again.
    return normalize("NFC", normalize("NFC", text).strip().casefold()).strip()


def printable(text: str) -> str:
    """*text* on one line, with a blank in the place of each line break and each character that commands a terminal."""
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)


def normalised_word(word: str, keep: str = "") -> str:
    """A word without case, accents, spaces and punctuation, those of *keep* apart: how words of files are compared."""
    return "".join(letter for letter in normalize("NFKD", word).casefold() if letter.isalnum() or letter in keep)
