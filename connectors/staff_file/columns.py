"""The columns of a staff file, by the words of their headers."""

import re

from fleetsync.pull.files import (
    LOGIN_FIELDS,
    FileColumn,
    Suspicion,
    look_like_days,
    look_like_employment_forms,
)

CODE_FIELDS = ("unit_code", "workplace", "cost_centre")
# Days of a person or of the report are plainly no days of an employment.
_DAYS = Suspicion(
    look_like_days, unless=re.compile("fodel|birth|utskri|uttag|rapport|andrad|uppdat|skapad|created|semester")
)
COLUMNS = (
    FileColumn("person_number", kind="id"),
    FileColumn("civic_number", kind="id"),
    FileColumn("eppn", ("eppn", "edupersonprincipalname"), deciding=True),
    FileColumn("upn", ("upn", "userprincipalname", "huvudnamn"), deciding=True),
    FileColumn(
        "login",
        ("användarnamn", "användare", "konto", "kontonamn", "signatur", "inloggning", "username"),
        deciding=True,
    ),
    FileColumn("email", deciding=True),
    FileColumn(
        "further_logins",
        ("fler inloggningar", "ytterligare inloggningar", "övriga konton", "andra konton", "further log-ins"),
        deciding=True,
    ),
    FileColumn("name"),
    FileColumn("given_name", ("förnamn", "tilltalsnamn", "first name"), fallbacks=("förnamnsmå",)),
    FileColumn("family_name", ("efternamn", "last name"), fallbacks=("efternamnsmå",)),
    FileColumn("protected", refused_by=re.compile(r"skydd|sekret(?!er|ari)|sparr|kvarskriv|finger")),
    FileColumn("unit", deciding=True),
    FileColumn("unit_code", kind="id", deciding=True),
    FileColumn("workplace", ("arbetsställe", "arbetsställenummer", "arb.ställe nr", "organisationsid"), kind="id", deciding=True),
    FileColumn("cost_centre", kind="id", deciding=True),
    FileColumn("employment_form", deciding=True, suspected_by=Suspicion(look_like_employment_forms)),
    FileColumn("pay_form", ("löneform", "avlöningsform")),
    FileColumn("start", kind="day", deciding=True, never_blank=True, suspected_by=_DAYS),
    FileColumn("end", kind="day", deciding=True, suspected_by=_DAYS),
    FileColumn("leave_from", kind="day"),
    FileColumn("leave_to", kind="day"),
    FileColumn("share", kind="number"),
)  # fmt: skip

# Without them coverage cannot be decided; of log-ins and of units one column is enough.
NEEDED_FIELDS = {"login": LOGIN_FIELDS, "unit": ("unit", *CODE_FIELDS), "start": ("start",)}
