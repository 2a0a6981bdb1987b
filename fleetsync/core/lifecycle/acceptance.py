"""Which devices an entitlement takes, and which of those are there to be counted.

Pure. An unknown fact never meets a requirement.
"""

from fleetsync.core.model import Compliance, DeviceCase, Entitlement, Stage

_GONE_FOR_GOOD = frozenset({Stage.RETIRED, Stage.LOST, None})


def accepts(entitlement: Entitlement, case: DeviceCase) -> bool:
    """Whether a device is of a platform and form factor the rule takes, the municipality's, and as it requires."""
    device = case.device
    if entitlement.platforms and device.platform not in entitlement.platforms:
        return False
    if device.form_factor not in entitlement.form_factors or not case.life.ours:
        return False
    return all(_meets(requirement, case) for requirement in entitlement.require)


def _meets(requirement: str, case: DeviceCase) -> bool:
    if requirement == "supported":
        return case.life.supported is True
    if requirement == "encrypted":
        return case.device.encrypted is True
    return case.device.compliance is Compliance.COMPLIANT


def counts_as_assigned(entitlement: Entitlement, case: DeviceCase) -> bool:
    """Whether an accepted device exists: not retired, lost, gone or ignored; silent and in repair do."""
    return bool(case.device.records) and case.life.stage not in _GONE_FOR_GOOD and accepts(entitlement, case)
