"""The facts of a device that stand in a source and could not be read, and the sentence about the first that decides.

Pure. An unreadable fact is unknown: it is taken neither for the best nor for the worst.
"""

from collections.abc import Iterable, Mapping

from fleetsync.core.model import Device, PartRole, Text

FACT_NAMES: Mapping[str, Text] = {
    "last_contact_at": Text("senaste kontakten", "the last contact"),
    "enrolled_at": Text("inskrivningens dag", "the day of enrolment"),
    "ownership": Text("ägaren", "the ownership"),
    "managed": Text("hanteringen", "whether it is managed"),
    "condition": Text("skicket", "its condition"),
    "platform": Text("plattformen", "the platform"),
    "model": Text("modellen", "the model"),
    "purpose": Text("syftet", "the purpose"),
    "keys": Text("innehavaren", "the holder"),
    "os_version": Text("systemets version", "the system's version"),
    "os_edition": Text("systemets utgåva", "the system's edition"),
    "support_until": Text("hårdvarans stöd", "the hardware's support"),
    "encrypted": Text("krypteringen", "the encryption"),
    "compliance": Text("efterlevnaden", "the compliance"),
}
_ROLES_PROVING_OWNERSHIP = frozenset({PartRole.PURCHASES, PartRole.REGISTER})
_DECIDING_FACTS = ("condition", "ownership", "platform", "model", "purpose")


def unreadable_reason(device: Device, fields: Iterable[str]) -> Text | None:
    """The sentence about the first of *fields* that could not be read; None when all could."""
    field = next((field for field in fields if field in device.unreadable), None)
    if field is None:
        return None
    source, name = device.unreadable[field], FACT_NAMES[field]
    return Text(
        f"vet inte: {name.sv} gick inte att läsa i {source}", f"unknown: {name.en} could not be read in {source}"
    )


def undecided_fact_reason(device: Device) -> Text | None:
    """Why it cannot be decided whether a device can work at all, its management and contact apart; None when it can."""
    facts = (fact for fact in _DECIDING_FACTS if fact != "ownership" or not is_ownership_proven(device))
    return unreadable_reason(device, facts)


def is_ownership_proven(device: Device) -> bool:
    """Whether a device is the municipality's whatever an MDM says: bought, registered or listed by it."""
    is_listed = device.ever_in_list and not device.may_be_personal_by_lists
    return is_listed or not _ROLES_PROVING_OWNERSHIP.isdisjoint(device.roles)
