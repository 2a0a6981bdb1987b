"""Which records are one thing, which keys are one person, and which unit an organisation is.

Pure. Never by a name, never by "closest": what shares no key stands apart, and what the keys contradict is taken apart
and said to be so. Nothing here depends on the order in which records or sources are given.
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
