"""The columns of a register's lists, by the words of their headers."""

import re
from collections.abc import Sequence

from connectors.register_file.words import is_known_status
from fleetsync.pull.files import LOGIN_FIELDS, Cell, FileColumn, Suspicion, cell_text, look_like_days

CODE_FIELDS = ("unit_code", "cost_centre")
UNIT_FIELDS = ("unit", *CODE_FIELDS)
GROUP_FIELDS = ("school_class", "department")
# Days of a person or of the report are plainly no days of an enrolment.
_DAYS = Suspicion(
    look_like_days, unless=re.compile("fodel|birth|utskrift|uttag|rapport|andrad|uppdat|skapad|created|ansok|perdatum")
)


def _look_like_statuses(cells: Sequence[Cell]) -> bool:
    """Most of the cells say whether somebody goes there, or waits to."""
    return 2 * sum(is_known_status(cell_text(cell)) for cell in cells) > len(cells)


COLUMNS = (
    FileColumn(
        "person_number",
        ("elev-id", "elevnummer", "elevnr", "barn-id", "barnnummer", "person-guid", "studentnummer", "student id"),
        kind="id",
        deciding=True,
    ),
    FileColumn("civic_number", kind="id", deciding=True),
    FileColumn("eppn", ("eppn", "edupersonprincipalname"), deciding=True),
    FileColumn("upn", ("upn", "userprincipalname", "huvudnamn"), deciding=True),
    FileColumn(
        "login",
        ("användarnamn", "användare", "konto", "kontonamn", "elevkonto", "signatur", "inloggning", "username"),
        deciding=True,
    ),
    FileColumn("email", fallbacks=("mailadress", "elevens e-post", "e-post elev", "skolmail"), deciding=True),
    FileColumn("protected", refused_by=re.compile(r"skydd|sekret(?!er|ari)|sparr|kvarskriv|finger")),
    FileColumn("unit", fallbacks=("skolnamn", "förskolans namn", "skolans namn", "enhet namn"), deciding=True),
    FileColumn("unit_code", kind="id", deciding=True),
    FileColumn("cost_centre", kind="id", deciding=True),
    FileColumn("school_form", deciding=True),
    FileColumn("year"),
    FileColumn("school_class", ("klass", "klassnamn", "basgrupp", "hemklass")),
    FileColumn("department", ("avdelning", "grupp", "barngrupp", "gruppnamn")),
    FileColumn("group_type", ("grupptyp", "typ av grupp")),
    FileColumn(
        "start",
        kind="day",
        deciding=True,
        never_blank=True,
        suspected_by=_DAYS,
        fallbacks=("inskrivningsdatum", "inskriven", "inskriven from", "placeringsdatum", "placering from", "placerad fr.o.m."),
    ),
    FileColumn(
        "end",
        kind="day",
        deciding=True,
        suspected_by=_DAYS,
        fallbacks=("utskrivningsdatum", "utskriven", "inskriven tom", "placering tom", "placerad t.o.m.", "slutat"),
    ),
    FileColumn("status", ("status", "placeringsstatus", "elevstatus"), suspected_by=Suspicion(_look_like_statuses)),
)  # fmt: skip

# Without them coverage cannot be decided; of each group one column is enough.
NEEDED_FIELDS = {
    "person": ("person_number", "civic_number", *LOGIN_FIELDS[:-1]),
    "unit": UNIT_FIELDS,
    "school form": ("school_form",),
}
# A column that may be one of these, under a header that nobody named, leaves the membership's field unknown.
FIELD_OF_COLUMN = {"start": "start", "end": "end", "status": "end"}
