import pytest

from fleetsync.core.model import Text


@pytest.mark.parametrize(("language", "said"), [("sv", "saknas"), ("en", "short"), ("de", "short")])
def test_a_sentence_is_said_in_the_language_that_was_asked_for(language: str, said: str) -> None:
    assert Text("saknas", "short").in_language(language) == said
