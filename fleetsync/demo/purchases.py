"""What is known of Exempelby's devices from their purchase.

Some were bought and never enrolled: they are in Autopilot or Apple School Manager, and in no MDM. Of others the warranty ends.
"""

from datetime import timedelta

from fleetsync.core.model import UNPLACED, Stage
from fleetsync.demo.apple_rows import WARRANTY_OF_MACS_UNTIL
from fleetsync.demo.builder import STALE_AFTER, WorldBuilder
from fleetsync.demo.start_year import same_weekday
from fleetsync.demo.units import school_days_of

LISTED_ON, ORDERED_ON = same_weekday(2026, 2, 2), same_weekday(2026, 5, 4)
WARRANTY_NOTICE = timedelta(days=90)
COMPUTERS_AT, COMPUTERS, TABLETS = "vretaskolan", 12, 8


def add_purchases(builder: WorldBuilder) -> None:
    """Adds computers that Autopilot knows since one day, and tablets that Apple knows by the day of their order."""
    for _ in range(COMPUTERS):
        device = builder.add_bought_computer(COMPUTERS_AT, LISTED_ON, [(LISTED_ON, Stage.ORDERED, False)])
        builder.add_device_gap("never_enrolled", device, first=LISTED_ON, after=STALE_AFTER + 1, counted=True)
        builder.case_counts["computer_never_enrolled"] += 1
    opens_on = school_days_of(UNPLACED).after(ORDERED_ON, STALE_AFTER + 1)
    for _ in range(TABLETS):
        device = builder.add_bought_tablet(UNPLACED, ORDERED_ON, [(ORDERED_ON, Stage.ORDERED, False)])
        builder.add_device_gap("never_enrolled", device, first=opens_on, counted=True)
        builder.case_counts["tablet_never_enrolled"] += 1


def add_warranty_gaps(builder: WorldBuilder) -> None:
    """Expects that the warranty of each Mac ends soon, by what AppleCare says of it."""
    first = WARRANTY_OF_MACS_UNTIL - WARRANTY_NOTICE
    for device in builder.devices:
        if "jamf_pro" in device.rows and "apple" in device.rows:
            builder.add_device_gap("warranty_ending", device, first=first, last=WARRANTY_OF_MACS_UNTIL)
            builder.case_counts["mac_with_warranty_ending"] += 1
