"""What a register's row is called, and what becomes of it when a fact of that id cannot be read."""

from typing import Any

import pytest

from fleetsync.core.model import RecordType
from fleetsync.pull.contract import UncertainRecord
from tests.connectors.test_ss12000 import PUPIL, SCHOOL, enrolled, pupil, register_of, serving

GROUP = "330000cc-1111-4a4a-8c8c-000000000009"


@pytest.mark.parametrize(
    ("enrolment", "source_id", "prefix"),
    [
        ({"startDate": "i höst"}, "{unit}/gr/?", "{unit}/gr/"),
        ({"startDate": ["2026-08-17"]}, "{unit}/gr/?", "{unit}/gr/"),
        ({"schoolType": {"odd": 1}}, "{unit}/?/2026-08-17", "{unit}/"),
        ({"enroledAt": 7}, "?/gr/2026-08-17", ""),
    ],
)
def test_an_enrolment_is_uncertain_by_each_fact_of_its_id(
    enrolment: dict[str, Any], source_id: str, prefix: str
) -> None:
    whole = {"startDate": "2026-08-17", "schoolType": "GR", "enroledAt": {"id": SCHOOL}} | enrolment
    with register_of(persons=[pupil(enrolled() | whole)]) as register:
        (item,) = (item for item in register.items("pupils") if isinstance(item, UncertainRecord))

    assert item.record.source_id == f"{PUPIL}/{source_id.format(unit=SCHOOL)}"
    assert item.id_prefix == f"{PUPIL}/{prefix.format(unit=SCHOOL)}"


@pytest.mark.parametrize(
    ("member", "group", "uncertain"),
    [
        ({"startDate": "i höst"}, {"startDate": "2026-08-17"}, True),
        ({"startDate": ["x"]}, {"startDate": "2026-08-17"}, True),
        ({}, {"startDate": ["x"]}, True),
        ({}, {"startDate": "i höst"}, True),
        ({"startDate": "2026-08-17"}, {"startDate": ["x"]}, False),
        ({}, {"startDate": "2026-08-17"}, False),
    ],
)
def test_a_membership_of_a_class_is_uncertain_by_the_first_day_that_counts(
    member: dict[str, Any], group: dict[str, Any], uncertain: bool
) -> None:
    row = {"id": GROUP, "groupType": "Klass", "groupMemberships": [{"person": {"id": PUPIL}} | member]} | group
    with register_of(persons=[pupil(enrolled())], groups=[row]) as register:
        items = register.items("pupils")

    found = [item for item in items if isinstance(item, UncertainRecord)]
    assert [(item.record.source_id, item.id_prefix) for item in found] == (
        [(f"{GROUP}/{PUPIL}/?", f"{GROUP}/{PUPIL}/")] if uncertain else []
    )


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ({"groupType": ["Klass"]}, "groupType cannot be read"),
        ({"groupMemberships": [{"person": {"id": {}}}]}, "a member cannot be read"),
        ({"groupMemberships": [{"person": 7}]}, "a member cannot be read"),
    ],
)
def test_of_a_group_of_which_something_cannot_be_read_no_member_is_absent(group: dict[str, Any], reason: str) -> None:
    row = {"id": GROUP, "groupType": "Klass", "groupMemberships": [{"person": {"id": PUPIL}}]} | group
    with register_of(persons=[pupil(enrolled())], groups=[row]) as register:
        (rejected,) = register.rejected_records("pupils")

    assert (rejected.reason, rejected.source_id, rejected.is_prefix) == (reason, f"{GROUP}/", True)


def test_a_group_whose_type_cannot_be_read_is_present_and_keeps_what_was_believed() -> None:
    with register_of(groups=[{"id": GROUP, "displayName": "2B", "groupType": ["Klass"]}]) as register:
        (rejected,) = register.rejected_records("groups")

    assert (rejected.source_id, rejected.record_type) == (GROUP, RecordType.GROUP)


def test_a_duty_whose_person_cannot_be_read_is_not_vacant() -> None:
    with register_of(duties=[serving() | {"person": {"id": {}}}, serving() | {"person": None}]) as register:
        (rejected,) = register.rejected_records("staff")

    assert (rejected.reason, rejected.record_type) == ("person cannot be read", RecordType.MEMBERSHIP)
