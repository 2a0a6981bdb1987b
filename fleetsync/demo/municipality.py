"""The configuration of Exempelby: a folder with config.toml, secrets and the folders that files are delivered to.

It is a configuration as a municipality would write it; the keys mean what `config.example.toml` says. Refuses to say
anything that the world does not need.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from fleetsync.demo.graph import CLIENT, SECRET, TENANT
from fleetsync.demo.names import STAFF_DOMAIN
from fleetsync.demo.places import PLACES

NAME = "Exempelby kommun"
DELIVERIES = "deliveries"


class Addresses(msgspec.Struct, frozen=True):
    """Where the stand-ins answer."""

    graph: str


def write_configuration(folder: Path, addresses: Addresses, seed: int = 1, listen: str = "127.0.0.1:8470") -> Path:
    """Write config.toml and what it names into *folder*; returns the file. The same seed gives the same privacy key."""
    _write_secret(folder / "secrets" / "intune", SECRET)
    _write_secret(folder / "keys" / "privacy.key", sha256(f"exempelby/{seed}".encode()).hexdigest())
    for name in ("personal", "datorer"):
        (folder / DELIVERIES / name).mkdir(parents=True, exist_ok=True)
    (folder / "database").mkdir(parents=True, exist_ok=True)
    file = folder / "config.toml"
    file.write_text("\n".join(_lines(addresses, listen)) + "\n", encoding="utf-8")
    return file


def _write_secret(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text + "\n", encoding="ascii")


def _lines(addresses: Addresses, listen: str) -> Iterator[str]:
    yield from _house(listen)
    yield from _units()
    yield from _sources(addresses)
    yield from _maps_and_rules()


def _house(listen: str) -> Iterator[str]:
    yield f"""\
# Exempelby is invented, and so is everybody in it.

[municipality]
name = "{NAME}"
organisation_numbers = ["212000-0000"]

[database]
url = "database/fleetsync.db"

[web]
listen = "{listen}"

[calendar]
name = "exempelby"

[privacy]
key_file = "keys/privacy.key"

[identity]
function_accounts = ["reception.*@{STAFF_DOMAIN}"]
enrolment_managers = ["dem.*@{STAFF_DOMAIN}"]
"""


def _units() -> Iterator[str]:
    for place in PLACES:
        yield f"""\
[[unit]]
slug = "{place.slug}"
name = "{place.name}"
codes = {_words(place.codes)}
school_forms = {_words(place.forms)}
"""


def _sources(addresses: Addresses) -> Iterator[str]:
    yield f"""\
[[source]]
kind = "intune"
name = "intune"
tenant = "{TENANT}"
client_id = "{CLIENT}"
client_secret_file = "secrets/intune"
authority = "{addresses.graph}"
graph_root = "{addresses.graph}"

[[source]]
kind = "staff_file"
name = "personal"
path = "{DELIVERIES}/personal/personal_*.csv"
departments = ["31*", "32*", "33*"]
counts = ["employment"]

[[source]]
kind = "device_file"
name = "datorer"
path = "{DELIVERIES}/datorer/datorer_*.xlsx"
expected_every = "7d"
"""


def _maps_and_rules() -> Iterator[str]:
    yield f"""\
[[device_rule]]
when = {{ source = "intune", location = "Lager*" }}
purpose = "stock"

[[device_rule]]
when = {{ source = "intune", login = "reception.*@{STAFF_DOMAIN}" }}
purpose = "room"
"""
    for place in PLACES:
        yield f"""\
[[unit_map]]
source = "intune"
field = "location"
pattern = "Lager {place.name}"
unit = "{place.slug}"
"""
    yield """\
[[unit_map]]
source = "intune"
field = "location"
pattern = "Lager"
unit = "central"
"""


def _words(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
