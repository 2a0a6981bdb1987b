"""Which devices an entitlement accepts, which of them exist to be counted, and why one does not work for it.

Pure. An unknown fact never meets a requirement.
"""

from collections.abc import Mapping

from fleetsync.core.model import Compliance, DeviceCase, Entitlement, Stage, Text

_UNCOUNTED_STAGES = frozenset({Stage.RETIRED, Stage.LOST, None})
_UNMET_REASONS: Mapping[str, Text] = {
    "supported": Text("dess system har inget känt stöd, vilket krävs", "its system is not known to be supported"),
    "encrypted": Text("inte känt som krypterat, vilket krävs", "not known to be encrypted, as is required"),
    "compliant": Text("följer inte reglerna i MDM, vilket krävs", "does not comply by its MDM, as is required"),
}


def accepts(entitlement: Entitlement, case: DeviceCase) -> bool:
    """Whether a device is the municipality's and of a platform and form factor that the entitlement accepts."""
    device = case.device
    if entitlement.platforms and device.platform not in entitlement.platforms:
        return False
    return device.form_factor in entitlement.form_factors and case.device_state.ours


def not_working_reason_for(entitlement: Entitlement, case: DeviceCase) -> Text | None:
    """Why a device does not work for an entitlement: its own reason, or an unmet requirement; None when it works."""
    if not case.device_state.works:
        return case.device_state.works_reason
    return next((_UNMET_REASONS[required] for required in entitlement.require if not _meets(required, case)), None)


def _meets(requirement: str, case: DeviceCase) -> bool:
    if requirement == "supported":
        return case.device_state.supported is True
    if requirement == "encrypted":
        return case.device.encrypted is True
    return case.device.compliance is Compliance.COMPLIANT


def is_countable(case: DeviceCase) -> bool:
    """Whether a device exists to be counted: not retired, lost, gone or ignored. Silent ones and those in repair count."""
    return bool(case.device.records) and case.device_state.stage not in _UNCOUNTED_STAGES


def counts_as_assigned(entitlement: Entitlement, case: DeviceCase) -> bool:
    """Whether a device exists and is accepted; further requirements only decide whether it works for the entitlement."""
    return is_countable(case) and accepts(entitlement, case)
