"""Decides which records of different sources describe the same person, device or unit.

Records are joined by exact keys only, never by a person's name and never by similarity. Records that share no key stay
apart; where keys contradict each other the records are separated, and the result says so. The result never depends on
the order in which records or sources are given. Pure.
"""

from fleetsync.core.identity.devices import resolve_devices
from fleetsync.core.identity.keys import canonical_key
from fleetsync.core.identity.people import resolve_people
from fleetsync.core.identity.serials import canonical_serial, compact_serial, is_virtual, vendor_class
from fleetsync.core.identity.units import build_unit_directory
from fleetsync.core.text import folded
from fleetsync.core.unit_directory import UnitDirectory, UnmappedOrganisation

__all__ = [
    "UnitDirectory",
    "UnmappedOrganisation",
    "build_unit_directory",
    "canonical_key",
    "canonical_serial",
    "compact_serial",
    "folded",
    "is_virtual",
    "resolve_devices",
    "resolve_people",
    "vendor_class",
]
