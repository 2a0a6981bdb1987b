"""Proposals for those who may not read names of devices."""

from typing import Any

from fleetsync.core.model import Purpose
from fleetsync.core.proposals import (
    DeviceRuleProposal,
    LeftOver,
    PlaceEvidence,
    Proposals,
    UnitMapProposal,
    UnitProposal,
    without_device_names,
)

EVIDENCE = PlaceEvidence(devices=5, with_holder=0, placed=4, at_unit=4)


def place(field: str, **more: Any) -> UnitMapProposal:
    line: dict[str, Any] = {
        "source": "jamf",
        "pattern": "VRE*",
        "unit": "vretaskolan",
        "places": 1,
        "names_unit": False,
    }
    return UnitMapProposal(field=field, evidence=EVIDENCE, **(line | more))


def rule(field: str) -> DeviceRuleProposal:
    return DeviceRuleProposal(
        source="jamf", field=field, pattern="SAL*", purpose=Purpose.ROOM, evidence=EVIDENCE, sorts=5
    )


def rest(field: str) -> LeftOver:
    return LeftOver(source="jamf", field=field, pattern="Annas *", devices=3, lacking="unit")


def test_what_names_of_devices_give_evidence_of_is_left_out_and_the_rest_stays() -> None:
    unit = UnitProposal(slug="a", name="A", codes=(), school_forms=(), sources=("hr",), learners=1, employments=0)
    proposals = Proposals(
        organisation_number="212000-0000",
        units=(unit,),
        unit_maps=(place("name"), place("location")),
        device_rules=(rule("groups"), rule("name")),
        left_over=(rest("name"), rest("tag")),
    )

    assert without_device_names(proposals) == Proposals(
        organisation_number="212000-0000",
        units=(unit,),
        unit_maps=(place("location"),),
        device_rules=(rule("groups"),),
        left_over=(rest("tag"),),
    )
