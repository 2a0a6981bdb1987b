import pytest

from fleetsync.core.model import Text


@pytest.mark.parametrize(("language", "expected"), [("sv", "saknas"), ("en", "short"), ("de", "short")])
def test_a_sentence_is_given_in_swedish_or_else_in_english(language: str, expected: str) -> None:
    assert Text("saknas", "short").in_language(language) == expected
