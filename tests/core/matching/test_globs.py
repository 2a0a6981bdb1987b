import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.matching import GlobSet, globs, name_pattern_match
from fleetsync.core.matching.globs import compile_glob, is_match, parse_captures


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("VRE-*", "vre-017"),
        ("*vagn*", "iPad-vagn 3"),
        ("sal ?", "Sal B"),
        ("vik[0-9]@*", "vik7@exempelby.se"),
        ("vik[!0-9]@*", "vikx@exempelby.se"),
        ("*@edu.exempelby.se", "alva@edu.exempelby.se"),
        ("björk*", unicodedata.normalize("NFD", "Björkskolan")),
        ("a.b", "A.B"),
    ],
)
def test_a_glob_matches_the_whole_text_in_any_case(pattern: str, text: str) -> None:
    assert is_match(pattern, text)
    assert name_pattern_match(pattern, text) == ""


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("VRE-*", "x vre-017"), ("sal ?", "sal 10"), ("vik[!0-9]@*", "vik7@a"), ("a.b", "axb"), ("*vagn", "vagn 3")],
)
def test_a_glob_does_not_match_a_piece_of_the_text(pattern: str, text: str) -> None:
    assert not is_match(pattern, text)
    assert name_pattern_match(pattern, text) is None


def test_a_bracket_that_is_never_closed_stands_for_itself() -> None:
    assert is_match("[abc", "[ABC")


def test_braces_catch_the_text_as_it_is_spelled() -> None:
    assert name_pattern_match("{unit} {class}", "Ugglan 2B") == "Ugglan\x1f2B"


def test_a_name_that_can_be_cut_in_two_ways_gives_both() -> None:
    caught = name_pattern_match("{unit} {class}", "Norra Ekskolan 2B")

    assert caught is not None
    assert parse_captures(compile_glob("{unit} {class}").braces, caught) == (
        (("unit", "Norra Ekskolan"), ("class", "2B")),
        (("unit", "Norra"), ("class", "Ekskolan 2B")),
    )


def test_a_brace_catches_at_least_one_character() -> None:
    assert name_pattern_match("{unit}-*", "-017") is None


def test_without_braces_there_is_one_way_that_catches_nothing() -> None:
    assert parse_captures((), "") == ((),)


@given(st.text(alphabet="abåÅ-[]{}*?.\\^ ", max_size=12))
def test_every_pattern_compiles_and_every_text_matches_the_star(text: str) -> None:
    name_pattern_match(text, text)

    assert is_match("*", text)


@given(st.text(alphabet="abåÅ- .()+", min_size=1, max_size=12))
def test_a_text_without_wildcards_always_matches_itself(text: str) -> None:
    assert is_match(text, text.swapcase())


odd_letters = st.text(alphabet="abkKsSiIåÅßéE\u0301\u212a\u017f\u0130-[]{}*?! ", max_size=6)
patterns = st.one_of(odd_letters, st.builds("{}{}".format, odd_letters, st.sampled_from(["*", "-{unit}", "{class}*"])))


@given(st.lists(patterns, max_size=8), odd_letters)
def test_a_set_of_globs_always_matches_as_its_globs_one_by_one(each: list[str], text: str) -> None:
    one_by_one = [(pattern, name_pattern_match(pattern, text)) for pattern in dict.fromkeys(each)]

    assert GlobSet(each).matches(text) == tuple(pair for pair in one_by_one if pair[1] is not None)


def test_of_hundreds_of_globs_a_text_is_matched_only_with_those_it_begins_as(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def counted(pattern: str, text: str) -> str | None:
        tried.append(pattern)
        return name_pattern_match(pattern, text)

    names = GlobSet([*(f"EX-{unit:03}-*" for unit in range(500)), "*-vagn"])
    monkeypatch.setattr(globs, "name_pattern_match", counted)

    assert names.matches("ex-017-0042") == (("EX-017-*", ""),)
    assert tried == ["EX-017-*", "*-vagn"]
