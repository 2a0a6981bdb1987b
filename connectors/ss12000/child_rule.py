"""Who is a child of förskola or förskoleklass, by his enrolments: of him no log-in is kept.

Pure. In doubt he is one, as in the core: a word that nobody knows may be this register's own for förskoleklass. Refuses to
let a row that tells nothing of his age, such as fritidshem or kulturskola, make a pupil of a child in förskoleklass.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

CHILD_FORMS = frozenset({"FS", "FKLASS"})
COMPULSORY_FORMS = frozenset({"GR", "GRAN", "GRS", "TR", "SP", "SAM"})  # children as well, in year 0
OLDER_FORMS = frozenset({
    "GY", "GYS", "GYAN", "YH", "FHS", "HS", "KOMVUX", "SARVUX", "SARVUXGR", "SARVUXGY", "SFI", "VUX", "VUXSFI", "VUXGR",
    "VUXGY", "VUXSARGR", "VUXSARTR", "VUXSARGY",
})  # fmt: skip
AFTER_SCHOOL_FORMS = frozenset({"FTH", "OPPFTH"})
AGELESS_FORMS = AFTER_SCHOOL_FORMS | {"KU", "KKU", "STF", "ABU", "AU"}
# The enums of 2.0.0 and 2.1.0 together, and what the national register of school units adds.
SCHOOL_FORMS = CHILD_FORMS | COMPULSORY_FORMS | OLDER_FORMS | AGELESS_FORMS
# From that day the six-year-olds are in year 1 of the ten-year school.
TEN_YEAR_SCHOOL_FROM = date(2028, 7, 1)


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
        """Whether it is a child's: of förskola, förskoleklass, or a six-year-old's whatever it is called."""
        if self.form in OLDER_FORMS:  # they have a year 1 of their own
            return False
        return self.form in CHILD_FORMS or (self.year is not None and self.year < self._lowest_pupil_year(today))

    def may_be_of_child(self, today: date) -> bool:
        """Whether it is a child's, or of a form that nobody knows without a year that tells of a pupil."""
        return self.is_of_child(today) or (self.form not in SCHOOL_FORMS and self.year is None)

    def proves_not_child(self, today: date) -> bool:
        """Whether it shows that he is no child: begun, and of a grade. One of the first grade must run, since from there
        somebody may go back to förskoleklass.
        """
        if not self.has_begun(today) or self.form in OLDER_FORMS:
            return self.has_begun(today)
        if self.form not in COMPULSORY_FORMS or self.year is None or self.is_of_child(today):
            return False
        return self.last >= today or self.year > self._lowest_pupil_year(today)

    def _lowest_pupil_year(self, today: date) -> int:
        """The lowest year that is no six-year-old's, on the day on which this row's year was true."""
        read_on = max(self.first, min(today, self.last))
        return 1 if read_on < TEN_YEAR_SCHOOL_FROM else 2


def is_child(rows: Sequence[EnrolmentPeriod], today: date) -> bool:
    """By what runs, is to come, or began last among the rows that tell of his age; all other rows are history.

    Where no row tells of it: a pupil once after-school care has begun, as it does with school. Till then he may be in
    förskola, whose placements are read elsewhere.
    """
    telling = [row for row in rows if row.form not in AGELESS_FORMS or row.is_of_child(today)]
    if not telling:
        return not any(row.form in AFTER_SCHOOL_FORMS and row.has_begun(today) for row in rows)
    if any(row.proves_not_child(today) for row in rows):
        return False
    latest = max((row.first for row in telling if row.has_begun(today)), default=date.max)
    return any(row.may_be_of_child(today) for row in telling if row.last >= today or row.first == latest)
