"""Which devices an entitlement accepts, which of them exist to be counted, and why one does not work for it.

Pure. A fact that no source gives never meets a requirement; one that could not be read leaves it open.
"""

from collections.abc import Mapping

from fleetsync.core.lifecycle.unreadable_facts import unreadable_reason
from fleetsync.core.model import Compliance, DeviceCase, Entitlement, Stage, Text

_UNCOUNTED_STAGES = frozenset({Stage.RETIRED, Stage.LOST, None})
_FACTS_OF_REQUIREMENT: Mapping[str, tuple[str, ...]] = {
    "supported": ("os_version", "os_edition", "support_until", "platform", "model"),
    "encrypted": ("encrypted",),
    "compliant": ("compliance",),
}
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


def may_accept(entitlement: Entitlement, case: DeviceCase) -> bool:
    """Whether an entitlement accepts a device, or would if a platform or model that could not be read were of its kind."""
    device, unreadable = case.device, case.device.unreadable
    if entitlement.platforms and device.platform not in entitlement.platforms and "platform" not in unreadable:
        return False
    is_kind_open = "platform" in unreadable or "model" in unreadable
    return case.device_state.ours and (device.form_factor in entitlement.form_factors or is_kind_open)


def works_for(entitlement: Entitlement, case: DeviceCase) -> tuple[bool | None, Text]:
    """Whether a device works for an entitlement and meets its requirements, and why; None: it cannot be decided.

    What is certainly not met decides before what could not be read.
    """
    works, reason = case.device_state.works, case.device_state.works_reason
    if works is False:
        return works, reason
    met = {required: _meets(required, case) for required in entitlement.require}
    if (unmet := next((required for required, is_met in met.items() if is_met is False), None)) is not None:
        return False, _UNMET_REASONS[unmet]
    if works is None:
        return works, reason
    if (undecided := next((required for required, is_met in met.items() if is_met is None), None)) is not None:
        return None, unreadable_reason(case.device, _FACTS_OF_REQUIREMENT[undecided]) or reason
    return True, reason


def not_working_reason_for(entitlement: Entitlement, case: DeviceCase) -> Text | None:
    """Why a device does not work for an entitlement; None when it works, or when that cannot be decided."""
    works, reason = works_for(entitlement, case)
    return reason if works is False else None


def _meets(requirement: str, case: DeviceCase) -> bool | None:
    """Whether a device meets a requirement; None where a fact that decides it could not be read."""
    device = case.device
    is_met = {
        "supported": case.device_state.supported is True,
        "encrypted": device.encrypted is True,
        "compliant": device.compliance is Compliance.COMPLIANT,
    }[requirement]
    is_open = case.device_state.supported is None if requirement == "supported" else True
    facts_unreadable = any(fact in device.unreadable for fact in _FACTS_OF_REQUIREMENT[requirement])
    return None if not is_met and is_open and facts_unreadable else is_met


def is_countable(case: DeviceCase) -> bool:
    """Whether a device exists to be counted: not retired, lost, gone or ignored. Silent ones and those in repair count."""
    return bool(case.device.records) and case.device_state.stage not in _UNCOUNTED_STAGES


def counts_as_assigned(entitlement: Entitlement, case: DeviceCase) -> bool:
    """Whether a device exists and is accepted, as far as it can be read; requirements only decide whether it works."""
    return is_countable(case) and may_accept(entitlement, case)
