"""The columns of a list of devices, by the words of their headers."""

import re

from fleetsync.pull.files import FileColumn, Suspicion, look_like_days, look_like_owners, look_like_states

COLUMNS = (
    FileColumn("serial", kind="id", deciding=True),
    FileColumn("asset_tag", kind="id", fallbacks=("annotated asset id",)),
    FileColumn("device_name"),
    FileColumn("manufacturer"),
    FileColumn("model"),
    FileColumn("platform"),
    FileColumn("os_version", kind="id"),
    FileColumn("unit", deciding=True),
    FileColumn("unit_code", kind="id", deciding=True),
    FileColumn("cost_centre", kind="id", deciding=True),
    FileColumn("location", ("placering", "rum", "lokal", "location"), fallbacks=("annotated location",)),
    FileColumn("groups", ("klass", "klasser", "grupp", "grupper", "arbetslag", "avdelning")),
    FileColumn("purpose"),
    FileColumn(
        "holder",
        ("innehavare", "användare", "användarnamn", "inloggning", "tilldelad", "upn", "e-post", "konto", "holder", "user"),
        fallbacks=(
            "primary user upn",
            "primär användares upn",
            "primary user principal name",
            "user principal name",
            "annotated user",
            "username",
            "primary user email address",
            "primary user",
            "assigned user",
        ),
        deciding=True,
    ),
    FileColumn("person_number", kind="id"),
    FileColumn("status", suspected_by=Suspicion(look_like_states, re.compile("state|status|lage$|tillstand"))),
    FileColumn("state"),
    FileColumn("ownership", suspected_by=Suspicion(look_like_owners)),
    FileColumn("is_lost", ("is lost mode enabled",)),
    FileColumn("is_trashed"),
    FileColumn("managed_by"),
    FileColumn("compliance"),
    FileColumn("encrypted"),
    FileColumn("last_contact", kind="day", deciding=True, suspected_by=Suspicion(look_like_days)),
    FileColumn("purchased", kind="day"),
    FileColumn("warranty", kind="day"),
    FileColumn("order", kind="id"),
)  # fmt: skip

# Without them devices cannot be joined or placed; for the unit one column is enough.
NEEDED_FIELDS = {"serial": ("serial",), "unit": ("unit", "unit_code", "cost_centre")}
# A column that may be one of these, under a header that nobody named, leaves the record's field unknown.
FIELD_OF_COLUMN = {"last_contact": "last_contact_at", "ownership": "ownership", "status": "condition"}
