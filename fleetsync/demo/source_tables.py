"""The `[[source]]` tables of Exempelby's systems, each with the rules that a municipality adds to it."""

from collections.abc import Iterable

from fleetsync.demo.apple import CLIENT as APPLE_CLIENT
from fleetsync.demo.apple import KEY_ID as APPLE_KEY_ID
from fleetsync.demo.entra_rows import ROOM_PREFIX
from fleetsync.demo.google_admin import ADMINISTRATOR
from fleetsync.demo.google_rows import SCHOOLS_PATH
from fleetsync.demo.graph import CLIENT, TENANT
from fleetsync.demo.jamf_pro import CLIENT as JAMF_PRO_CLIENT
from fleetsync.demo.jamf_school import NETWORK_ID
from fleetsync.demo.jamf_school_rows import PLACES_IN_JAMF_SCHOOL, RENAMED_PRESCHOOL
from fleetsync.demo.jamf_school_rows import ZONE as JAMF_SCHOOL_ZONE
from fleetsync.demo.oneroster import CLIENT as ONEROSTER_CLIENT
from fleetsync.demo.rosters import units_of
from fleetsync.demo.shared_devices import POOL_WORD
from fleetsync.demo.units import UNIT_BY_SLUG, unit_name

WARRANTIES_PER_PULL = 15


def toml_list(words: Iterable[str]) -> str:
    """A list of texts in TOML."""
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def oneroster_table(base_url: str, token_url: str) -> str:
    """The register that speaks OneRoster: it counts the pupils of its schools, and is a witness of their teachers."""
    return f"""\
[[source]]
kind = "oneroster"
name = "skolplattform"
base_url = "{base_url}"
token_url = "{token_url}"
client_id = "{ONEROSTER_CLIENT}"
client_secret_file = "secrets/oneroster"
counts = ["pupils"]
counts_at = {toml_list(units_of("oneroster"))}
"""


def children_list_table(path: str) -> str:
    """The list of a preschool that is not in the register."""
    return f"""\
[[source]]
kind = "register_file"
name = "barnlista"
path = "{path}"
counts = ["children"]
counts_at = {toml_list(units_of("children_list"))}
without = ["pupils"]
expected_every = "7d"
"""


def headcount_table(path: str) -> str:
    """The number of children of a preschool that is in no register."""
    return f"""\
[[source]]
kind = "headcount"
name = "antal"
path = "{path}"
counts = ["children"]
counts_at = {toml_list(units_of("headcount"))}
without = ["pupils", "staff"]
"""


def apple_table(base_url: str, token_url: str) -> str:
    """Apple School Manager. Its stub answers as often as it is asked, so that a replayed day need not wait."""
    return f"""\
[[source]]
kind = "apple_school_manager"
name = "apple"
base_url = "{base_url}"
token_url = "{token_url}"
client_id = "{APPLE_CLIENT}"
key_id = "{APPLE_KEY_ID}"
private_key_file = "secrets/apple.pem"
requests_per_minute = 60000
"""


def apple_care_table(base_url: str, token_url: str) -> str:
    """AppleCare, a few devices a day: all Macs, which are the oldest devices, at the first pull."""
    return f"""\
[[source]]
kind = "apple_care"
name = "apple-care"
base_url = "{base_url}"
token_url = "{token_url}"
client_id = "{APPLE_CLIENT}"
key_id = "{APPLE_KEY_ID}"
private_key_file = "secrets/apple.pem"
requests_per_minute = 60000
devices_per_pull = {WARRANTIES_PER_PULL}
every = "1d"
"""


def entra_table(graph: str) -> str:
    """Entra ID, a witness of the staff: it knows the employment numbers of the staff file, and further addresses."""
    return f"""\
[[source]]
kind = "entra_users"
name = "entra"
tenant = "{TENANT}"
client_id = "{CLIENT}"
client_secret_file = "secrets/intune"
authority = "{graph}"
graph_root = "{graph}"
namespace = "personal"
leave_out = ["{ROOM_PREFIX}*"]
needs_employee_id = true
"""


def jamf_pro_table(base_url: str) -> str:
    """Jamf Pro, which has no mobile devices."""
    return f"""\
[[source]]
kind = "jamf_pro"
name = "jamf-pro"
base_url = "{base_url}"
client_id = "{JAMF_PRO_CLIENT}"
client_secret_file = "secrets/jamf-pro"
without = ["mobile_devices"]
"""


def jamf_school_table(base_url: str) -> str:
    """Jamf School, whose groups say what a tablet without a holder is for, and one of whose locations has an old name."""
    return f"""\
[[source]]
kind = "jamf_school"
name = "jamf-school"
base_url = "{base_url}"
network_id = "{NETWORK_ID}"
api_key_file = "secrets/jamf-school"
zone = "{JAMF_SCHOOL_ZONE}"

[[device_rule]]
when = {{ source = "jamf-school", groups = "{POOL_WORD}" }}
purpose = "pool"

[[device_rule]]
when = {{ source = "jamf-school", groups = "Lager" }}
purpose = "stock"

[[unit_map]]
source = "jamf-school"
field = "location"
pattern = "{PLACES_IN_JAMF_SCHOOL[unit_name(RENAMED_PRESCHOOL)]}"
unit = "{RENAMED_PRESCHOOL}"
"""


def google_table(base_url: str, unit: str) -> str:
    """Google Admin, which has the Chromebooks of *unit*: those that nobody has are noted to be in stock."""
    return f"""\
[[source]]
kind = "google_admin"
name = "google"
base_url = "{base_url}"
service_account_file = "secrets/google"
administrator = "{ADMINISTRATOR}"

[[device_rule]]
when = {{ source = "google", tag = "Lager" }}
purpose = "stock"

[[unit_map]]
source = "google"
field = "location"
pattern = "{SCHOOLS_PATH}/{UNIT_BY_SLUG[unit].name}*"
unit = "{unit}"
"""
