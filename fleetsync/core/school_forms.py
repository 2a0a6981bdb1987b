"""School forms (skolformer), and whether a person's enrolments make them a child of förskola or förskoleklass.

Pure. This is the one list of the forms that are known. A form outside of it is kept as it was written and never entitles
anybody. When in doubt a person is a child, because a child's log-ins are stored only as tokens: an unknown form may be a
register's own word for förskoleklass. A row that says nothing of age, such as fritidshem or kulturskola, never turns a
child of förskoleklass into a pupil.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from fleetsync.core.calendar import grade_index

FS = "FS"
FKLASS = "FKLASS"
CHILD_FORMS = frozenset({FS, FKLASS})
GRADED_FORMS = ("GR", "GRAN", "GRS", "TR", "SP", "SAM")  # GRAN, GRS and TR: anpassad grundskola, by age of the source
AFTER_SCHOOL_FORMS = frozenset({"FTH", "OPPFTH"})
AGELESS_FORMS = AFTER_SCHOOL_FORMS | {"KU", "KKU", "STF", "ABU", "AU"}  # of persons of any age
UPPER_FORMS = frozenset({"GY", "GYS", "GYAN", "YH", "FHS", "HS"})
ADULT_FORMS = frozenset(
    {"KOMVUX", "SARVUX", "SARVUXGR", "SARVUXGY", "SFI", "VUX", "VUXSFI", "VUXGR", "VUXGY"}
    | {"VUXSARGR", "VUXSARTR", "VUXSARGY"}
)
OLDER_FORMS = UPPER_FORMS | ADULT_FORMS
STANDARD_FORMS = CHILD_FORMS.union(GRADED_FORMS, AGELESS_FORMS, OLDER_FORMS)
"""The enums of SS12000 2.0 and 2.1 together, and what the national register of school units adds."""
# PC (pedagogisk omsorg) is Tieto's word and in no standard: a register that sends it has it reported as unknown.
FORMS_WITHOUT_YEAR = AGELESS_FORMS | {"PC"}
KNOWN_FORMS = STANDARD_FORMS | FORMS_WITHOUT_YEAR

_SCHOOLS_OF_CHILDREN = CHILD_FORMS.union(GRADED_FORMS)
_COMPULSORY_SCHOOLS = frozenset({FKLASS, *GRADED_FORMS})
_TELLING_FORMS = _SCHOOLS_OF_CHILDREN | OLDER_FORMS
# A school for the one form may well have the other, and not say so. A förskola has no grades.
_FITTING_FORMS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(CHILD_FORMS, _SCHOOLS_OF_CHILDREN),
    **dict.fromkeys(GRADED_FORMS, _COMPULSORY_SCHOOLS),
    **dict.fromkeys(UPPER_FORMS, UPPER_FORMS),
    **dict.fromkeys(ADULT_FORMS, OLDER_FORMS),
}

_FIRST_GRADE = 1


def contradicts_forms(form: str, forms: Iterable[str]) -> bool:
    """Whether a place that has *forms* has none that goes with *form*; a place without any, or with unknown ones, may."""
    capitals = {other.strip().upper() for other in forms} - AGELESS_FORMS
    is_told = bool(capitals) and capitals <= _TELLING_FORMS
    return is_told and form in _FITTING_FORMS and _FITTING_FORMS[form].isdisjoint(capitals)


class EnrolmentPeriod(NamedTuple):
    """An enrolment. *form*: in capitals, "" for none. Unknown first day: `date.min`; open end: `date.max`."""

    form: str
    year: int | None
    first: date
    last: date

    def has_begun(self, today: date) -> bool:
        """Whether it runs or has ended."""
        return self.first <= today

    def is_of_child(self, today: date) -> bool:
        """Whether it is a child's: of förskola, förskoleklass, or a six-year-old's in any other form."""
        if self.form in OLDER_FORMS:  # they have a year 1 of their own
            return False
        grade = self._grade(today)
        return self.form in CHILD_FORMS or (grade is not None and grade < _FIRST_GRADE)

    def may_be_of_child(self, today: date) -> bool:
        """Whether it is a child's, or has an unknown form and no year that shows a pupil."""
        return self.is_of_child(today) or (self.form not in STANDARD_FORMS and self.year is None)

    def proves_not_child(self, today: date) -> bool:
        """Whether it shows that the person is no child: begun, and of a grade.

        An enrolment in the first grade must run, because a pupil may go back from there to förskoleklass.
        """
        if not self.has_begun(today) or self.form in OLDER_FORMS:
            return self.has_begun(today)
        grade = self._grade(today)
        if self.form not in GRADED_FORMS or grade is None or grade < _FIRST_GRADE:
            return False
        return self.last >= today or grade > _FIRST_GRADE

    def _grade(self, today: date) -> int | None:
        """The grade index, read on the day on which this row's year was true."""
        return None if self.year is None else grade_index(self.year, max(self.first, min(today, self.last)))


def is_child(enrolments: Sequence[EnrolmentPeriod], today: date) -> bool:
    """Whether a person is a child, by the enrolments that run, are to come, or began last.

    Only enrolments that say something of age count; older ones are history. Without any such enrolment the person is a
    pupil once after-school care has begun, since that begins with school. Before that they may be in förskola, whose
    placements are another part.
    """
    telling = [row for row in enrolments if row.form not in AGELESS_FORMS or row.is_of_child(today)]
    if not telling:
        return not any(row.form in AFTER_SCHOOL_FORMS and row.has_begun(today) for row in enrolments)
    if any(row.proves_not_child(today) for row in enrolments):
        return False
    latest = max((row.first for row in telling if row.has_begun(today)), default=date.max)
    return any(row.may_be_of_child(today) for row in telling if row.last >= today or row.first == latest)
