import pytest

from fleetsync.core.lifecycle import GAPS, ROUTES, ActingRole, acting_roles
from fleetsync.core.model import FormFactor, Subject

STRATEGIST, TECHNICIAN = ActingRole.STRATEGIST, ActingRole.TECHNICIAN
LOCAL, PARTNER = ActingRole.LOCAL_TECHNICIAN, ActingRole.PARTNER


@pytest.mark.parametrize(
    ("kind", "entitlement", "form_factor", "roles"),
    [
        ("no_device", "pupils", None, (STRATEGIST,)),
        ("no_device", "staff", None, (PARTNER,)),
        ("device_not_working", "staff", FormFactor.COMPUTER, (PARTNER,)),
        ("device_not_working", "staff", FormFactor.TABLET, (TECHNICIAN, LOCAL)),
        ("device_not_working", "pupils", FormFactor.TABLET, (LOCAL,)),
        ("stale", "pupils", FormFactor.COMPUTER, (LOCAL,)),
        ("pool_short", "preschool", None, (STRATEGIST,)),
        ("leaver_holds", "staff", FormFactor.COMPUTER, (LOCAL,)),
        ("unsorted", None, FormFactor.TABLET, (TECHNICIAN,)),
        ("over_age", None, FormFactor.TABLET, (STRATEGIST,)),
        ("source_stale", None, None, (TECHNICIAN,)),
        ("os_unsupported", "pupils", FormFactor.COMPUTER, (TECHNICIAN,)),
    ],
)
def test_who_acts_on_a_gap(
    kind: str, entitlement: str | None, form_factor: FormFactor | None, roles: tuple[ActingRole, ...]
) -> None:
    assert acting_roles(kind, entitlement, form_factor) == roles


def test_every_kind_has_somebody_who_acts() -> None:
    for kind in GAPS:
        for entitlement in (None, "staff", "pupils", "preschool"):
            assert acting_roles(kind.id, entitlement, None)


def test_no_route_speaks_of_a_kind_that_is_none() -> None:
    kinds = {kind.id for kind in GAPS}

    assert {kind for route in ROUTES for kind in route.kinds} <= kinds


def test_every_kind_is_told_in_both_languages_and_has_a_name_of_its_own() -> None:
    assert len({kind.id for kind in GAPS}) == len(GAPS)
    assert len({kind.title.sv for kind in GAPS}) == len({kind.title.en for kind in GAPS}) == len(GAPS)
    for kind in GAPS:
        assert kind.remedy.sv.endswith(".")
        assert kind.remedy.en.endswith(".")


def test_every_gap_of_a_person_keeps_out_of_breaks() -> None:
    assert {kind.opening_rule.value for kind in GAPS if kind.subject is Subject.PERSON} == {"outside_breaks"}
