"""Brings the keys of persons (log-ins, numbers, object ids) into one spelling, so that sources can be compared.

Keeps what distinguishes persons: dots and plus signs stay, and a domain stands for another only when the configuration
declares it. A key that is already a token is left unchanged. Pure.
"""

from collections.abc import Mapping

from fleetsync.core.model import Key, Scheme
from fleetsync.core.text import folded

NULL_GUID = "00000000-0000-0000-0000-000000000000"
GUEST_MARK = "#ext#"


def canonical_key(key: Key, domain_aliases: Mapping[str, str]) -> Key | None:
    r"""*key* in the form in which it is compared, or None when it identifies nobody (blank, the null GUID).

    *domain_aliases*: alias → the domain it stands for, both in lower case; applied once. `DOM\user` becomes an account
    in the namespace `dom`, whatever its scheme. An account with an at sign is an address: Windows allows none in a
    sAMAccountName, and Jamf has one field for both. A token is returned unchanged.
    """
    if key.is_token:
        return key
    namespace, value = folded(key.namespace), folded(key.value)
    match key.scheme:
        case Scheme.OBJECT_ID:
            return _key_or_none(Scheme.OBJECT_ID, namespace, "" if value == NULL_GUID else value)
        case Scheme.ADDRESS | Scheme.ACCOUNT:
            return _login_key(key.scheme, namespace, value, domain_aliases)
        case _:
            return _key_or_none(key.scheme, namespace, value)


def _key_or_none(scheme: Scheme, namespace: str, value: str) -> Key | None:
    return Key(scheme, namespace, value) if value else None


def _login_key(scheme: Scheme, namespace: str, value: str, domain_aliases: Mapping[str, str]) -> Key | None:
    if "\\" in value:
        domain, _, account = value.rpartition("\\")
        return _key_or_none(Scheme.ACCOUNT, domain.strip(), account.strip())
    if scheme is Scheme.ACCOUNT and "@" not in value:
        return _key_or_none(scheme, namespace, value)
    return _key_or_none(Scheme.ADDRESS, "", _address(value.removeprefix("smtp:").strip(), domain_aliases))


def _address(value: str, domain_aliases: Mapping[str, str]) -> str:
    if GUEST_MARK in value:
        return value  # a guest belongs to another tenant: the domain after the mark is not theirs
    name, at, domain = value.rpartition("@")
    return name + at + domain_aliases.get(domain, domain)
