"""Log-ins and addresses as keys of a person.

Pure. A bare account name belongs to many people and is no key: it needs the Windows domain that it is an account of.
"""

from collections.abc import Collection

from fleetsync.core.model import Key, Scheme


def login_key(login: str, domain: str = "") -> Key | None:
    r"""An address, or an account of a domain (`DOM\user`, or *domain*); None for a bare account name without *domain*."""
    if "@" in login:
        return Key(Scheme.ADDRESS, "", login)
    return Key(Scheme.ACCOUNT, domain, login) if domain or "\\" in login else None


def is_in_domains(address: str, domains: Collection[str]) -> bool:
    """Whether an address is of one of *domains*, without regard to case."""
    return address.rpartition("@")[2].casefold() in {domain.casefold() for domain in domains}
