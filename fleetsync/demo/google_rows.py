"""The rows of Exempelby's Google Admin: the Chromebooks of one school, its organisational units and users.

They have texts that may never be stored: who used a device last, names, and addresses of networks.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from fleetsync.demo.managed_facts import ManagedFacts
from fleetsync.demo.model import SourceRow
from fleetsync.demo.names import CANARY, object_id_of
from fleetsync.demo.start_year import same_date

SCHOOLS_PATH = "/Skolor"
_OTHER_PATHS = ("/Konton", "/Konton/Personal")


def path_of(place: str) -> str:
    """The organisational unit of the devices of a school; that of all schools where nobody has placed them."""
    return f"{SCHOOLS_PATH}/{place}/Elever" if place else SCHOOLS_PATH


def google_row(facts: ManagedFacts) -> SourceRow:
    """The row of a Chromebook. The technicians' word for one without a holder is its annotated location."""
    return {
        "deviceId": facts.id,
        "serialNumber": facts.serial,
        "status": "ACTIVE",
        "annotatedUser": facts.login,
        "annotatedAssetId": f"CB-{facts.serial}",
        "annotatedLocation": facts.use,
        "notes": f"{CANARY}: lånad av",
        "model": facts.model,
        "osVersion": facts.version,
        "orgUnitPath": path_of(facts.place),
        "autoUpdateThrough": f"{same_date(2033, 6, 30)}",
        "recentUsers": ({"type": "USER_TYPE_MANAGED", "email": f"{CANARY}.senast@exempelby.se"},),
        "lastKnownNetwork": ({"ipAddress": f"{CANARY}-ip"},),
    }


def google_time(at: datetime | None) -> str:
    """An instant as Google writes it; "" for never."""
    return "" if at is None else f"{at:%Y-%m-%dT%H:%M:%S.003Z}"


def google_listings(devices: Sequence[SourceRow]) -> Mapping[str, Sequence[SourceRow]]:
    """The rows of each listing. Users are those of *devices*."""
    logins = dict.fromkeys(str(row["annotatedUser"]) for row in devices if row["annotatedUser"])
    paths = (str(row["orgUnitPath"]) for row in devices)
    return {
        "devices/chromeos": devices,
        "users": [_user(login) for login in logins],
        "orgunits": list(_organisational_units([*paths, *_OTHER_PATHS])),
    }


def _user(login: str) -> SourceRow:
    return {
        "id": f"g{int(object_id_of(login)[:13].replace('-', ''), 16)}",
        "primaryEmail": login,
        "name": {"givenName": CANARY.title(), "familyName": "Skyddsson"},
    }


def _organisational_units(paths: Sequence[str]) -> Iterator[SourceRow]:
    """Every unit that *paths* lie in, each once, below the root, which is not listed."""
    parts = (path.strip("/").split("/") for path in paths)
    chains = ("/" + "/".join(names[: depth + 1]) for names in parts for depth in range(len(names)))
    for path in dict.fromkeys(chains):
        parent, _, name = path.rpartition("/")
        yield {
            "orgUnitId": f"id:{object_id_of(path)}",
            "name": name,
            "orgUnitPath": path,
            "parentOrgUnitId": f"id:{object_id_of(parent)}",
            "description": CANARY,
        }
