from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.identity import canonical_key
from fleetsync.core.model import TOKEN_PREFIX, Key, Scheme

ALIASES = {"edu.exempelby.se": "exempelby.se", "exempelby.onmicrosoft.com": "exempelby.se"}

texts = st.text(st.characters(codec="utf-8", categories=("L", "M", "N", "P", "Zs")), max_size=30)
keys = st.builds(Key, st.sampled_from(Scheme), texts, texts)


def canonical(scheme: Scheme, value: str, namespace: str = "") -> Key | None:
    return canonical_key(Key(scheme, namespace, value), ALIASES)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (" Anna.Ek@Exempelby.SE ", "anna.ek@exempelby.se"),
        ("SMTP:anna.ek@exempelby.se", "anna.ek@exempelby.se"),
        ("smtp: anna.ek@exempelby.se", "anna.ek@exempelby.se"),
        ("anna.ek@EDU.exempelby.se", "anna.ek@exempelby.se"),
        ("anna.ek@exempelby.onmicrosoft.com", "anna.ek@exempelby.se"),
        ("anna.ek@skolan.se", "anna.ek@skolan.se"),
        ("anna.ek+prov@exempelby.se", "anna.ek+prov@exempelby.se"),
        ("utan-domän", "utan-domän"),
        ("Vän_skolan.se#EXT#@exempelby.onmicrosoft.com", "vän_skolan.se#ext#@exempelby.onmicrosoft.com"),
    ],
)
def test_an_address_is_compared_without_case_prefix_and_alias_domain(raw: str, expected: str) -> None:
    assert canonical(Scheme.ADDRESS, raw, "ignored") == Key(Scheme.ADDRESS, "", expected)


def test_an_alias_is_followed_once_and_only_when_declared() -> None:
    aliases = {"a.se": "b.se", "b.se": "c.se"}

    assert canonical_key(Key(Scheme.ADDRESS, "", "x@a.se"), aliases) == Key(Scheme.ADDRESS, "", "x@b.se")


def test_composed_and_decomposed_letters_are_the_same_key() -> None:
    composed, decomposed = (normalize(form, "Åsa.Öström@exempelby.se") for form in ("NFC", "NFD"))

    assert composed != decomposed
    assert canonical(Scheme.ADDRESS, composed) == canonical(Scheme.ADDRESS, decomposed)


@pytest.mark.parametrize("scheme", [Scheme.ACCOUNT, Scheme.ADDRESS])
def test_a_windows_log_in_is_an_account_of_its_domain(scheme: Scheme) -> None:
    assert canonical(scheme, r"PERSONAL\AnnEk", "elsewhere") == Key(Scheme.ACCOUNT, "personal", "annek")


def test_an_account_keeps_its_namespace_in_lower_case() -> None:
    assert canonical(Scheme.ACCOUNT, "AnnEk", "ELEV") == Key(Scheme.ACCOUNT, "elev", "annek")


def test_an_account_with_an_at_sign_is_an_address() -> None:
    assert canonical(Scheme.ACCOUNT, "AnnEk@edu.exempelby.se", "ELEV") == canonical(
        Scheme.ADDRESS, "annek@exempelby.se"
    )


def test_an_object_id_is_lower_case_and_the_null_guid_identifies_nobody() -> None:
    assert canonical(Scheme.OBJECT_ID, "A1B2-C3", "Tenant") == Key(Scheme.OBJECT_ID, "tenant", "a1b2-c3")
    assert canonical(Scheme.OBJECT_ID, " 00000000-0000-0000-0000-000000000000") is None


def test_a_number_keeps_its_leading_zeros() -> None:
    assert canonical(Scheme.NUMBER, " 00123", "HR") == Key(Scheme.NUMBER, "hr", "00123")


@pytest.mark.parametrize("blank", ["", "  ", "\N{NO-BREAK SPACE}\t", "smtp:", " SMTP: ", "DOM\\ "])
def test_a_blank_address_identifies_nobody(blank: str) -> None:
    assert canonical(Scheme.ADDRESS, blank) is None


@pytest.mark.parametrize("scheme", list(Scheme))
def test_a_key_of_only_spaces_identifies_nobody(scheme: Scheme) -> None:
    assert canonical(scheme, " \t") is None


@given(keys, texts)
def test_a_token_is_never_changed(key: Key, value: str) -> None:
    token = Key(key.scheme, key.namespace, TOKEN_PREFIX + value)

    assert canonical_key(token, ALIASES) is token


@given(keys)
def test_a_canonical_key_never_changes_again(key: Key) -> None:
    once = canonical_key(key, {})

    assert once is None or canonical_key(once, {}) == once


@given(keys)
def test_case_and_composition_never_matter(key: Key) -> None:
    plain = canonical_key(key, {})

    for form in ("NFC", "NFD"):
        assert canonical_key(Key(key.scheme, normalize(form, key.namespace), normalize(form, key.value)), {}) == plain
