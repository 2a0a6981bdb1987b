"""What an MDM knows about a device of Exempelby, in no vendor's words. The row of each MDM is made of it."""

from collections.abc import Mapping

import msgspec

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
