"""How two texts are compared."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.text import folded, normalised_word, printable


@given(st.text() | st.text(st.characters(max_codepoint=127)))
def test_a_text_is_folded_as_its_composed_form_is(text):
    composed = normalize("NFC", text).strip().casefold()

    assert folded(text) == normalize("NFC", composed).strip()


@pytest.mark.parametrize("text", [" Åsa@Exempelby.se", "A\u030asa@exempelby.se\t", "ÅSA@EXEMPELBY.SE"])
def test_case_space_and_the_encoding_of_an_accent_make_no_difference(text):
    assert folded(text) == "åsa@exempelby.se"


@given(st.text(max_size=20))
def test_normalising_a_word_twice_changes_nothing(word: str) -> None:
    assert normalised_word(normalised_word(word)) == normalised_word(word)


@pytest.mark.parametrize(("keep", "expected"), [("", "syssgrad"), ("%", "syssgrad%")])
def test_a_word_has_no_case_accent_space_or_punctuation_that_is_not_kept(keep: str, expected: str) -> None:
    assert normalised_word(" Sy\u0301ss.grad (%)", keep) == expected


@given(st.text())
def test_what_is_shown_is_one_line_without_commands(text: str) -> None:
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)
    assert printable("Åsa, 3 B") == "Åsa, 3 B"
