"""Grades by which OneRoster and School Data Sync say in which year of school somebody is: the source's own first. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict

from fleetsync.pull.contract import UnknownValue
from fleetsync.pull.decoding.text import clean_text, fold_text


class Grade(BaseModel):
    """What a grade means: a school form and, where it has one, a year."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: str
    year: int | None = None


# The codes of CEDS. Which of them Swedish registers use for whom is our own reading.
_GRADES: Mapping[str, Grade] = MappingProxyType(
    {
        **dict.fromkeys(("it", "pr", "pk", "tk"), Grade(form="FS")),
        **dict.fromkeys(("kg", "00", "0"), Grade(form="FKLASS", year=0)),
        **{text: Grade(form="GR", year=year) for year in range(1, 10) for text in (f"{year}", f"{year:02}")},
    }
)


def parse_grade(
    text: str | None, configured: Mapping[str, Grade], unknown: list[UnknownValue], field: str
) -> Grade | None:
    """What a grade means; None for a blank, and for an unknown word, which is added to *unknown* under the name of *field*."""
    own = {fold_text(word): meaning for word, meaning in configured.items()}
    grade = own.get(fold_text(text)) or _GRADES.get(fold_text(text))
    if grade is None and (word := clean_text(text)) is not None:
        unknown.append(UnknownValue(field, word))
    return grade
