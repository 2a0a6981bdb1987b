"""What an MDM knows about a device of Exempelby, in no vendor's words. The row of each MDM is made of it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from operator import itemgetter

import msgspec
from msgspec.structs import replace

from fleetsync.core.model import Platform

FactChanges = Mapping[str, object]  # fields of `ManagedFacts`


class ManagedFacts(msgspec.Struct, frozen=True):
    """What an MDM knows about a device, in no vendor's words.

    *place*: the name of a unit or building; "" where nobody has set one. *use*: the technicians' word for a device
    without a holder, such as "Lager" (stock). *system*: as Intune spells it. *login*: of the holder; "" for none.
    """

    id: str = ""
    serial: str = ""
    name: str = ""
    login: str = ""
    place: str = ""
    use: str = ""
    manufacturer: str = ""
    model: str = ""
    system: str = ""
    version: str = ""
    is_encrypted: bool = True
    is_compliant: bool = True
    is_personal: bool = False
    is_shared: bool = False
    is_mailbox: bool = False
    is_enrolled_by_manager: bool = False
    is_enrolment_pending: bool = False


# Releases that the shipped reference data know. Their support ends from the autumn of 2027 on, also in the demo.
LAPTOP = ManagedFacts(system="Windows", version="10.0.26200.7171", manufacturer="LENOVO", model="21M3EXMPL1")
TABLET = ManagedFacts(system="iPadOS", version="26.1", manufacturer="Apple", model="iPad (A16)")
MAC = ManagedFacts(system="macOS", version="26.1", manufacturer="Apple", model="MacBook Air (13-inch, M3, 2024)")
CHROMEBOOK = ManagedFacts(
    system="ChromeOS", version="142.0.7444.181", manufacturer="HP", model="HP Chromebook 11 G9 EE"
)
PLATFORMS = {
    "Windows": Platform.WINDOWS,
    "iPadOS": Platform.IPADOS,
    "iOS": Platform.IOS,
    "Android": Platform.ANDROID,
    "macOS": Platform.MACOS,
    "ChromeOS": Platform.CHROMEOS,
}


def fact_versions(
    first: date, facts: ManagedFacts, changes: Iterable[tuple[date, FactChanges]]
) -> Iterator[tuple[date, ManagedFacts]]:
    """What an MDM knows from *first* on. Each change builds on those before it."""
    yield first, facts
    for day, change in sorted(changes, key=itemgetter(0)):
        facts = replace(facts, **change)
        yield day, facts
