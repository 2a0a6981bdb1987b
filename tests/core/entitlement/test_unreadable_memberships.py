"""A deciding fact of a membership that could not be read makes the person undecided, and says which fact of which source."""

from typing import Any

import pytest

from fleetsync.core.model import EmploymentForm, PersonState, UnitRecord
from tests.core.entitlement.entitlement_samples import (
    FIXED,
    HOURLY,
    PERMANENT,
    believed_record,
    decision,
    employed,
    enrolled,
    owed_by,
    person_state_of,
)


def undecided_reason(person_state: PersonState, entitlement: str) -> str | None:
    result = decision(person_state, entitlement)
    return result.reason.en if result.undecided else None


@pytest.mark.parametrize(
    ("fact", "fields"),
    [
        ("school form", {"form": None, "unreadable": ("school_form",)}),
        ("year", {"year": None, "unreadable": ("year",)}),
        ("first day", {"start": None, "unreadable": ("start",)}),
        ("last day", {"unreadable": ("end",)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_pupil_is_undecided_with_the_fact_and_its_source(fact: str, fields: dict[str, Any]) -> None:
    row = {"form": "GR", "year": 5, "start": "2024-08-19", **fields}
    person_state = person_state_of(enrolled(row.pop("form"), row.pop("year"), row.pop("start"), **row))

    assert owed_by(person_state) is None
    assert undecided_reason(person_state, "pupils") == f"The {fact} could not be read in sis"


@pytest.mark.parametrize(
    ("fact", "form", "fields"),
    [
        ("form of employment", None, {"unreadable": ("employment_form",)}),
        ("first day", PERMANENT, {"start": None, "unreadable": ("start",)}),
        ("first day", FIXED, {"start": None, "end": "2026-12-31", "unreadable": ("start",)}),
        ("last day", FIXED, {"unreadable": ("end",)}),
        ("last day", None, {"unreadable": ("end",)}),
    ],
)
def test_an_employee_is_undecided_with_the_fact_and_its_source(
    fact: str, form: EmploymentForm | None, fields: dict[str, Any]
) -> None:
    row = {"start": "2024-08-19", **fields}
    person_state = person_state_of(employed(form, row.pop("start"), **row))

    assert owed_by(person_state) is None
    assert undecided_reason(person_state, "staff") == f"The {fact} could not be read in hr"


def test_a_fact_that_changes_nothing_leaves_a_no_as_it_is() -> None:
    hourly = person_state_of(employed(HOURLY, "2024-08-19", unreadable=("end",)))
    other = person_state_of(enrolled("GY", 1, "2024-08-19", at=None, unreadable=("year",)))

    assert decision(hourly, "staff").reason.en == "Paid by the hour from 2024-08-19"
    assert undecided_reason(other, "pupils") is None


def test_a_membership_that_is_over_stays_over() -> None:
    person_state = person_state_of(employed(PERMANENT, None, "2026-03-31", unreadable=("start",)))

    assert (person_state.counted, owed_by(person_state)) == (False, None)
    assert undecided_reason(person_state, "staff") is None


def test_another_membership_that_entitles_decides() -> None:
    unclear = employed(None, "2024-08-19", unreadable=("employment_form",), at="bj")

    assert owed_by(person_state_of(unclear, employed(PERMANENT, "2024-08-19"))) == "staff"


def test_a_term_whose_length_hangs_on_an_unreadable_day_of_an_adjoining_one_is_undecided() -> None:
    running = employed(FIXED, "2026-11-01", "2026-12-15")
    earlier = employed(FIXED, None, "2026-10-31", unreadable=("start",))
    later = employed(FIXED, "2026-12-16", None, unreadable=("end",))

    assert decision(person_state_of(running), "staff").undecided is False
    for unclear in (earlier, later):
        assert undecided_reason(person_state_of(running, unclear), "staff") is not None


def test_which_enrolment_began_last_is_undecided_when_one_first_day_could_not_be_read() -> None:
    known = enrolled("GR", 5, "2024-08-19")
    unclear = enrolled("GR", 5, None, at="bj", unreadable=("start",))
    formless = enrolled(None, 5, "2026-08-17", at="bj", unreadable=("school_form",))

    assert undecided_reason(person_state_of(known, unclear), "pupils") == "The first day could not be read in sis"
    assert undecided_reason(person_state_of(known, formless), "pupils") == "The school form could not be read in sis"


# --- a register's word against a unit's -------------------------------------------------------------------------------


def organisation(code: str, *forms: str) -> Any:
    return believed_record(
        "sis", "units", UnitRecord(source_id=f"o-{code}", name=code, codes=(code,), school_forms=forms)
    )


@pytest.mark.parametrize(
    ("form", "at", "forms", "owes"),
    [
        ("GR", "ek", (), True),
        ("GR", "ek", ("GR", "GY"), True),
        ("GRAN", "ek", ("FKLASS",), True),
        ("GR", "ug", (), False),
        ("GR", "ek", ("GY",), False),
        ("GR", "ek", ("VUX", "FTH"), False),
        ("GR", "ek", ("FTH",), True),
        ("GR", "ek", ("NY",), True),
        ("GR", "nowhere", ("GY",), False),
        ("GR", "nowhere", (), True),
    ],
)
def test_a_form_that_the_unit_or_its_organisation_does_not_have_entitles_nobody(
    form: str, at: str, forms: tuple[str, ...], owes: bool
) -> None:
    person_state = person_state_of(enrolled(form, 1, "2024-08-19", at=at), beside=[organisation(at, *forms)])

    assert (owed_by(person_state) == "pupils") is owes
    assert (undecided_reason(person_state, "pupils") is None) is owes


def test_a_contradiction_is_shown_with_both_words() -> None:
    of_unit = person_state_of(enrolled("GR", 1, "2024-08-19", at="ug"))
    of_organisation = person_state_of(enrolled("GR", 1, "2024-08-19"), beside=[organisation("ek", "gy", "GYAN")])

    assert undecided_reason(of_unit, "pupils") == "The register says GR, but the unit has FS"
    assert undecided_reason(of_organisation, "pupils") == "The register says GR, but the organisation has GY, GYAN"
