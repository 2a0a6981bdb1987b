"""Writes the configuration of Exempelby: config.toml, secrets, and the folders that files are delivered to.

It is what a municipality would write, and only what the demo needs. `config.example.toml` explains the keys.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from fleetsync.demo.days import exempelby_calendar
from fleetsync.demo.fleet import CHROMEBOOK_SCHOOL
from fleetsync.demo.graph import CLIENT, SECRET, TENANT
from fleetsync.demo.jamf_pro import SECRET as JAMF_PRO_SECRET
from fleetsync.demo.jamf_school import API_KEY as JAMF_SCHOOL_KEY
from fleetsync.demo.names import PUPIL_DOMAIN, STAFF_DOMAIN
from fleetsync.demo.oneroster import SECRET as ONEROSTER_SECRET
from fleetsync.demo.register import EXTRA_UNIT_CODES
from fleetsync.demo.rosters import units_of
from fleetsync.demo.shared_devices import POOL_WORD, SPECIAL_CARTS
from fleetsync.demo.source_tables import (
    apple_care_table,
    apple_table,
    children_list_table,
    entra_table,
    google_table,
    headcount_table,
    jamf_pro_table,
    jamf_school_table,
    oneroster_table,
    toml_list,
)
from fleetsync.demo.ss12000 import CLIENT as REGISTER_CLIENT
from fleetsync.demo.ss12000 import SECRET as REGISTER_SECRET
from fleetsync.demo.units import DEMO_UNITS, UNIT_BY_SLUG

MUNICIPALITY_NAME = "Exempelby kommun"
DELIVERIES = "deliveries"
CALENDAR_FILE = "calendar.toml"


class StubAddresses(msgspec.Struct, frozen=True):
    """Addresses of the stub servers; None for a system that is not configured.

    *register*: base and token address of the school register; with it, the configuration has schools. *oneroster*: those of
    a second register; with it, some units are in other rosters than the first. *google*: base address, and the key file of
    its service account. *apple*: base and token address, and the private key.
    """

    graph: str
    register: tuple[str, str] | None = None
    oneroster: tuple[str, str] | None = None
    entra: str | None = None
    jamf_pro: str | None = None
    jamf_school: str | None = None
    google: tuple[str, str] | None = None
    apple: tuple[str, str, str] | None = None


def write_configuration(folder: Path, addresses: StubAddresses, seed: int = 1, listen: str = "127.0.0.1:8470") -> Path:
    """Write config.toml and the files it names into *folder*. Returns the file. The seed decides the privacy key."""
    _write_secret(folder / "secrets" / "intune", SECRET)
    _write_secret(folder / "keys" / "privacy.key", sha256(f"exempelby/{seed}".encode()).hexdigest())
    _write_secret(folder / "secrets" / "skolregister", REGISTER_SECRET)
    _write_secret(folder / "secrets" / "oneroster", ONEROSTER_SECRET)
    _write_secret(folder / "secrets" / "jamf-school", JAMF_SCHOOL_KEY)
    _write_secret(folder / "secrets" / "jamf-pro", JAMF_PRO_SECRET)
    if addresses.google is not None:
        _write_secret(folder / "secrets" / "google", addresses.google[1])
    if addresses.apple is not None:
        _write_secret(folder / "secrets" / "apple.pem", addresses.apple[2])
    for name in ("personal", "datorer", "verkstad", "ekonomi", "barn", "antal"):
        (folder / DELIVERIES / name).mkdir(parents=True, exist_ok=True)
    (folder / "database").mkdir(parents=True, exist_ok=True)
    (folder / CALENDAR_FILE).write_text(exempelby_calendar(), encoding="utf-8")
    file = folder / "config.toml"
    file.write_text("\n".join(_config_tables(addresses, listen)) + "\n", encoding="utf-8")
    return file


def _write_secret(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text + "\n", encoding="ascii")


def _config_tables(addresses: StubAddresses, listen: str) -> Iterator[str]:
    yield from _base_tables(listen)
    yield from _units()
    yield from _sources(addresses)
    if addresses.register is not None:
        yield _register_table(*addresses.register, is_only_roster=addresses.oneroster is None)
        yield _SCHOOL_FILES
        yield from _school_rules()
    if addresses.oneroster is not None:
        yield oneroster_table(*addresses.oneroster)
        yield children_list_table(f"{DELIVERIES}/barn/placeringar_*.xlsx")
        yield headcount_table(f"{DELIVERIES}/antal/antal_*.csv")
    if addresses.entra is not None:
        yield entra_table(addresses.entra)
    if addresses.jamf_pro is not None:
        yield jamf_pro_table(addresses.jamf_pro)
    if addresses.jamf_school is not None:
        yield jamf_school_table(addresses.jamf_school)
    if addresses.google is not None:
        yield google_table(addresses.google[0], CHROMEBOOK_SCHOOL)
    if addresses.apple is not None:
        yield apple_table(*addresses.apple[:2])
        yield apple_care_table(*addresses.apple[:2])
    yield from _maps_and_rules()


def _base_tables(listen: str) -> Iterator[str]:
    yield f"""\
# Exempelby is invented, and so is everybody in it.

[municipality]
name = "{MUNICIPALITY_NAME}"
organisation_numbers = ["212000-0000"]

[database]
url = "database/fleetsync.db"

[web]
listen = "{listen}"
metrics_listen = "{listen}"

[calendar]
file = "{CALENDAR_FILE}"

[privacy]
key_file = "keys/privacy.key"

[identity]
function_accounts = ["reception.*@{STAFF_DOMAIN}"]
enrolment_managers = ["dem.*@{STAFF_DOMAIN}"]
"""


def _units() -> Iterator[str]:
    for unit in DEMO_UNITS:
        yield f"""\
[[unit]]
slug = "{unit.slug}"
name = "{unit.name}"
codes = {toml_list((*unit.codes, *EXTRA_UNIT_CODES.get(unit.slug, ())))}
school_forms = {toml_list(unit.forms)}
"""


def _sources(addresses: StubAddresses) -> Iterator[str]:
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


def _register_table(base_url: str, token_url: str, *, is_only_roster: bool) -> str:
    """The school register. It counts everywhere, unless it is one of several rosters."""
    counted_at = "" if is_only_roster else f"counts_at = {toml_list(units_of('ss12000'))}\n"
    return f"""\
[[source]]
kind = "ss12000"
name = "skolregister"
base_url = "{base_url}"
token_url = "{token_url}"
client_id = "{REGISTER_CLIENT}"
client_secret_file = "secrets/skolregister"
counts = ["enrolment", "placement"]
{counted_at}"""


_SCHOOL_FILES = f"""\
[[source]]
kind = "device_file"
name = "verkstad"
path = "{DELIVERIES}/verkstad/verkstad_*.csv"

[[source]]
kind = "ledger_file"
name = "ekonomi"
path = "{DELIVERIES}/ekonomi/inkop_*.csv"
articles = ["*iPad*"]
"""


def _school_rules() -> Iterator[str]:
    for cart in SPECIAL_CARTS:
        if cart.name_prefix:
            short = UNIT_BY_SLUG[cart.unit].short
            yield f"""\
[[device_rule]]
when = {{ name = "{short}-{cart.name_prefix}-*" }}
purpose = "set"
unit = "{cart.unit}"
groups = {toml_list(cart.groups)}
"""
    yield f"""\
[[device_rule]]
when = {{ login = "{{class}}-[0-9][0-9]@{PUPIL_DOMAIN}" }}
purpose = "set"

[[device_rule]]
when = {{ name = "{{unit}}-{{class}}-*" }}
purpose = "set"

[[device_rule]]
when = {{ name = "HOL-FKL-*" }}
purpose = "pool"
unit = "hojdens-skola-lag"

[[device_rule]]
when = {{ source = "intune", location = "Lån *" }}
purpose = "loan"

[[device_rule]]
when = {{ source = "intune", location = "Sal *" }}
purpose = "room"
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
    yield from _autopilot_maps()
    for unit in DEMO_UNITS:
        for location in ("Lager", "Lån", "Sal", POOL_WORD):
            yield f"""\
[[unit_map]]
source = "intune"
field = "location"
pattern = "{location} {unit.name}"
unit = "{unit.slug}"
"""
    yield """\
[[unit_map]]
source = "intune"
field = "location"
pattern = "Lager"
unit = "central"
"""


def _autopilot_maps() -> Iterator[str]:
    """A computer of Autopilot has the short name of its unit as group tag."""
    for unit in DEMO_UNITS:
        yield f"""\
[[unit_map]]
source = "intune"
field = "tag"
pattern = "{unit.short}"
unit = "{unit.slug}"
"""
