"""How two texts are compared."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.text import folded


@given(st.text() | st.text(st.characters(max_codepoint=127)))
def test_a_text_is_folded_as_its_composed_form_is(text):
    composed = normalize("NFC", text).strip().casefold()

    assert folded(text) == normalize("NFC", composed).strip()


@pytest.mark.parametrize("text", [" Åsa@Exempelby.se", "A\u030asa@exempelby.se\t", "ÅSA@EXEMPELBY.SE"])
def test_case_space_and_the_encoding_of_an_accent_make_no_difference(text):
    assert folded(text) == "åsa@exempelby.se"
