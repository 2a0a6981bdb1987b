"""What an account may see and do, as data: units, entitlements and permissions.

A role has a `Scope` (`ports.ROLE_SCOPES`). Nothing else in the web application decides by role.
"""

from enum import StrEnum

import msgspec


class Permission(StrEnum):
    """Something that is not tied to a unit."""

    LOGINS = "logins"  # see log-in names and names of persons
    PULL_DETAILS = "pull_details"  # see why a pull was held or failed: such sentences may name any unit
    DECISIONS = "decisions"  # accept and reject held pulls
    FACTS = "facts"  # park gaps, and correct facts of devices
    TRIALS = "trials"  # end and begin the trial of a unit
    HEAD_COUNTS = "head_counts"  # type how many persons the units that are seen have, and take such a number back
    PROTECTION = "protection"  # see whether a person is protected, and take a wrong mark back


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which units and entitlements an account sees (None: all of them), and its permissions."""

    units: frozenset[str] | None = None
    entitlements: frozenset[str] | None = None
    permissions: frozenset[Permission] = frozenset()

    @property
    def sees_everything(self) -> bool:
        """Whether neither units nor entitlements are restricted."""
        return self.units is None and self.entitlements is None

    def covers_unit(self, unit: str) -> bool:
        """Whether what belongs to *unit* may be seen. What has no unit ("") is for accounts that see all units."""
        return self.units is None or unit in self.units

    def covers_entitlement(self, entitlement: str) -> bool:
        """Whether what belongs to *entitlement* may be seen."""
        return self.entitlements is None or entitlement in self.entitlements

    def covers(self, unit: str, entitlement: str) -> bool:
        """Whether a row of *unit* and *entitlement* may be seen."""
        return self.covers_unit(unit) and self.covers_entitlement(entitlement)

    def allows(self, permission: Permission | None) -> bool:
        """Whether the account has *permission*; None asks for none."""
        return permission is None or permission in self.permissions


# Whether a person is protected is for its own role alone, and for no command that lists.
FULL_SCOPE = Scope(permissions=frozenset(Permission) - {Permission.PROTECTION})
EMPTY_SCOPE = Scope(units=frozenset(), entitlements=frozenset())  # of a visitor who has not signed in
