"""Invents names, log-ins and civic numbers that belong to nobody. A seed always gives the same ones.

Texts about children and persons with protected identity contain a canary word. One search over everything that was
written shows whether such a text got through. Civic numbers have a wrong check digit, so no real person has them.
"""

import unicodedata
from datetime import date, timedelta
from hashlib import sha256
from random import Random
from uuid import UUID

import msgspec

CANARY = "kanarie"
STAFF_DOMAIN = "exempelby.se"
SCHOOL_DOMAIN = "skola.exempelby.se"
PUPIL_DOMAIN = "elev.exempelby.se"

_BEGINNINGS = (
    "Al", "Bri", "Cel", "Dor", "El", "Fam", "Gri", "Hal", "Il", "Jor", "Kel", "Lov", "Mir", "Nel", "Ol", "Pir", "Rol",
    "Sel", "Til", "Ur", "Vel", "Yl", "Åv", "Äl", "Öl",
)  # fmt: skip
_ENDINGS = (
    "bina", "dor", "fina", "gard", "hild", "ina", "kus", "leif", "mund", "nora", "ora", "rik", "sia", "tina", "ulf",
    "vina", "wina", "ynja", "åsa", "öna",
)  # fmt: skip
_FAMILIES = (
    "Exempelsson", "Påhittberg", "Låtsasgren", "Diktkvist", "Sagolund", "Fabelström", "Hittepåsson", "Fantasidal",
    "Mallberg", "Provander", "Skissgren", "Utkastsson", "Modellqvist", "Figurin", "Rollberg", "Rekvisitasson",
    "Kulissgren", "Scenander", "Maskvall", "Attrappsson",
)  # fmt: skip


class Name(msgspec.Struct, frozen=True):
    """A given and a family name, and the log-in name made of them."""

    given: str
    family: str
    account: str


class Namer:
    """Gives out names and numbers; no account and no number is given twice."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)
        self._taken: set[str] = set()
        self._count = 0

    def name(self) -> Name:
        """A name of a person that may be stored."""
        given = self._random.choice(_BEGINNINGS) + self._random.choice(_ENDINGS)
        return self._unique(given, self._random.choice(_FAMILIES))

    def canary_name(self) -> Name:
        """A name, with the canary, of a person about whom nothing may be stored."""
        self._count += 1
        return Name(f"{CANARY.title()}{self._count:05}", "Skyddsson", f"{CANARY}{self._count:05}.skyddsson")

    def _unique(self, given: str, family: str) -> Name:
        stem = f"{ascii_of(given)}.{ascii_of(family)}"
        account = next(
            candidate for candidate in (stem, *(f"{stem}{n}" for n in range(2, 1000))) if candidate not in self._taken
        )
        self._taken.add(account)
        return Name(given, family, account)

    def civic(self, first_year: int, last_year: int) -> str:
        """A civic number of twelve digits with a wrong check digit."""
        born = date(first_year, 1, 1) + timedelta(days=self._random.randrange(365 * (last_year - first_year + 1)))
        nine = f"{born:%y%m%d}{self._random.randrange(1000):03}"
        wrong = (_check_digit(nine) + 1 + self._random.randrange(9)) % 10
        return f"{born:%Y%m%d}{nine[6:]}{wrong}"

    def pupil_account(self) -> str:
        """A pupil's log-in name: random letters and a number."""
        self._count += 1
        letters = "".join(self._random.choice("bcdfghjklmnpqrstvwxz") for _ in range(4))
        return f"{letters}{self._count:04}"

    def uuid(self) -> str:
        """A random id."""
        return str(UUID(int=self._random.getrandbits(128), version=4))


def object_id_of(login: str) -> str:
    """The directory's id of an account."""
    return str(UUID(bytes=sha256(login.encode()).digest()[:16], version=4))


def ascii_of(text: str) -> str:
    """*text* in small letters a to z."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if letter.isascii() and letter.isalnum())


def _check_digit(nine: str) -> int:
    doubled = [int(digit) * (2 - position % 2) for position, digit in enumerate(nine)]
    return -sum(value // 10 + value % 10 for value in doubled) % 10
