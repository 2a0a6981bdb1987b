"""The base class of all core values, and a sentence in both languages of the user interface.

Nothing here decides anything.
"""

import msgspec


class FrozenStruct(msgspec.Struct, frozen=True, gc=False):
    """The base class of all core values: immutable, and not tracked by the garbage collector.

    They contain no reference cycles, and there can be a million of them.
    """


class Text(FrozenStruct, frozen=True, array_like=True):
    """A sentence in Swedish and English. A reason cites days, never ages, so it stays true until the facts change."""

    sv: str
    en: str

    def in_language(self, language: str) -> str:
        """The sentence in *language* ("sv" or "en")."""
        return self.sv if language == "sv" else self.en
