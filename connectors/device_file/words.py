"""The words of lists of devices for states, owners, managers and compliance. A source's own table comes before them."""

from fleetsync.core.model import Compliance, Condition, Ownership

NEVER = frozenset(
    {"aldrig", "never", "aldrig inloggad", "aldrig ansluten", "aldrig sedd", "never connected", "ej inloggad"}
)
# What Intune's portal and Google's console say beside the words of lists.
STATES = {
    "managed": Condition.ACTIVE,
    "enrolled": Condition.ACTIVE,
    "provisioned": Condition.ACTIVE,
    "discovered": Condition.PENDING,
    "preprovisioned": Condition.PENDING,
    "retire pending": Condition.RETIRED,
    "retire issued": Condition.RETIRED,
    "retirepending": Condition.RETIRED,
    "deprovisioned": Condition.RETIRED,
    "wipe pending": Condition.WIPED,
    "wipe issued": Condition.WIPED,
    "wipepending": Condition.WIPED,
    "delete pending": Condition.RETIRED,
    "hanterad": Condition.ACTIVE,
    "väntar på tillbakadragning": Condition.RETIRED,
    "väntar på rensning": Condition.WIPED,
}
OWNERSHIPS = {
    **dict.fromkeys(
        ("company", "corporate", "organisation", "organization", "företag", "företagsägd"), Ownership.ORGANISATION
    ),
    **dict.fromkeys(("kommun", "kommunen", "kommunal", "kommunägd", "skola", "skolägd"), Ownership.ORGANISATION),
    **dict.fromkeys(("personal", "personally owned", "private", "byod"), Ownership.PERSONAL),
    **dict.fromkeys(
        ("privat", "privatägd", "privatägda", "personlig", "personligt", "personligt ägd", "egen"), Ownership.PERSONAL
    ),
}
NOT_KNOWN = frozenset({"unknown", "okänd", "okänt", "none", "null", "n/a", "-"})
MANAGERS = frozenset(
    [
        "intune",
        "mdm",
        "ja",
        "yes",
        "true",
        "jamf",
        "google",
        "mosyle",
        "kandji",
        "workspace",
        "configmgr",
        "co-managed",
        "comanaged",
    ]
) | {"jamf pro", "jamf school", "mdm/configmgr", "configuration manager"}
NO_MANAGERS = frozenset({"eas", "exchange activesync", "mde", "mssense", "microsoft defender for endpoint", "none"}) | {
    "microsoft sense",
    "ej hanterad",
    "ohanterad",
    "unmanaged",
    "nej",
    "no",
    "false",
}
COMPLIANCES = {
    **dict.fromkeys(("compliant", "efterlever", "kompatibel", "ja", "yes", "true"), Compliance.COMPLIANT),
    **dict.fromkeys(
        ("not compliant", "noncompliant", "ej kompatibel", "inte kompatibel", "nej", "no", "false"),
        Compliance.NONCOMPLIANT,
    ),
}
