"""The device lists that consoles and inventories export, by their headers.

The order is the one in which the system writes them. Where a header is assumed, `tests/recorded/device_file/provenance.toml`
says so.
"""

from connectors.device_file.words import COMPLIANCES, MANAGERS, NO_MANAGERS, NOT_KNOWN, OWNERSHIPS, STATES
from fleetsync.pull.files import (
    ADDRESSES,
    DAYS,
    DEVICE_IDS,
    SERIALS,
    TRUTHS,
    ExportLayout,
    LayoutColumn,
    appearance_of_words,
)

# "Yes" says as little of compliance as of anything else.
_TRUTH_WORDS = frozenset({"ja", "yes", "true", "nej", "no", "false"})
_NOT_JUDGED = frozenset(
    {"not evaluated", "in grace period", "config manager", "see configmgr", "error", "conflict", "inte utvärderad"}
)
_OWNERS = appearance_of_words("owners", OWNERSHIPS.keys() | NOT_KNOWN)
_MANAGERS = appearance_of_words("managers", (MANAGERS | NO_MANAGERS | NOT_KNOWN) - _TRUTH_WORDS)
_STATES = appearance_of_words("states of devices", STATES.keys())
_COMPLIANCES = appearance_of_words(
    "words for compliance", (COMPLIANCES.keys() | NOT_KNOWN | _NOT_JUDGED) - _TRUTH_WORDS
)
_GOOGLE_STATES = appearance_of_words(
    "states of Chromebooks",
    {"active", "provisioned", "deprovisioned", "disabled", "inactive", "delinquent", "pre_provisioned", "shipped"},
)

INTUNE = ExportLayout(
    name="Intune's portal",
    columns=(
        LayoutColumn("Device ID", spellings=("Enhets-ID",), appearance=DEVICE_IDS),
        LayoutColumn("Device name", "device_name", spellings=("Enhetsnamn",)),
        LayoutColumn("Enrollment date", spellings=("Registreringsdatum",), appearance=DAYS),
        LayoutColumn("Last check-in", "last_contact", spellings=("Senaste incheckning",), needed=True, appearance=DAYS),
        LayoutColumn("Azure AD Device ID", spellings=("Azure AD-enhets-ID", "Microsoft Entra Device ID"), appearance=DEVICE_IDS),
        LayoutColumn("OS version", "os_version", spellings=("OS-version", "Operativsystemversion")),
        LayoutColumn("Azure AD registered", spellings=("Azure AD-registrerad",), appearance=TRUTHS),
        LayoutColumn("EAS activation ID", spellings=("EAS-aktiverings-ID",)),
        LayoutColumn("Serial number", "serial", spellings=("Serienummer",), needed=True, appearance=SERIALS),
        LayoutColumn("Manufacturer", "manufacturer", spellings=("Tillverkare",)),
        LayoutColumn("Model", "model", spellings=("Modell",), needed=True),
        LayoutColumn("EAS activated", spellings=("EAS aktiverat",), appearance=TRUTHS),
        LayoutColumn("IMEI"),
        LayoutColumn("Last EAS sync time", spellings=("Senaste EAS-synkronisering",), appearance=DAYS),
        LayoutColumn("EAS reason", spellings=("EAS-orsak",)),
        LayoutColumn("EAS status", spellings=("EAS-status",)),
        LayoutColumn(
            "Compliance grace period expiration", spellings=("Respitperiod för efterlevnad upphör",), appearance=DAYS
        ),
        LayoutColumn("Security patch level", spellings=("Säkerhetskorrigeringsnivå",)),
        LayoutColumn("Wi-Fi MAC", spellings=("Wi-Fi-MAC",)),
        LayoutColumn("MEID"),
        LayoutColumn("Subscriber carrier", spellings=("Operatör",)),
        LayoutColumn("Total storage", spellings=("Totalt lagringsutrymme",)),
        LayoutColumn("Free storage", spellings=("Ledigt lagringsutrymme",)),
        LayoutColumn("Management name", spellings=("Hanteringsnamn",)),
        LayoutColumn("Category", "location", spellings=("Kategori",)),
        LayoutColumn("UserId", spellings=("Användar-ID",), appearance=DEVICE_IDS),
        LayoutColumn(
            "Primary user UPN",
            "holder",
            spellings=("Primär användares UPN", "UPN för primär användare"),
            needed=True,
            may_be_blank=True,
            appearance=ADDRESSES,
        ),
        LayoutColumn("Primary user email address", spellings=("Primär användares e-postadress",), appearance=ADDRESSES),
        LayoutColumn("Primary user display name", spellings=("Primär användares visningsnamn",)),
        LayoutColumn("WiFiIPv4Address"),
        LayoutColumn("WiFiSubnetID"),
        LayoutColumn("Compliance", "compliance", spellings=("Efterlevnad",), needed=True, appearance=_COMPLIANCES),
        LayoutColumn("Managed by", "managed_by", spellings=("Hanteras av",), needed=True, appearance=_MANAGERS),
        LayoutColumn("Ownership", "ownership", spellings=("Ägarskap",), needed=True, appearance=_OWNERS),
        LayoutColumn("Device state", "state", spellings=("Enhetstillstånd",), needed=True, appearance=_STATES),
        LayoutColumn("Intune registered", spellings=("Intune-registrerad",), appearance=TRUTHS),
        LayoutColumn("Supervised", spellings=("Övervakad",), appearance=TRUTHS),
        LayoutColumn("Encrypted", "encrypted", spellings=("Krypterad",), needed=True, appearance=TRUTHS),
        LayoutColumn("OS", "platform", needed=True),
        LayoutColumn("SkuFamily"),
        LayoutColumn("JoinType"),
        LayoutColumn("Phone number", spellings=("Telefonnummer",)),
        LayoutColumn("Jailbroken", spellings=("Upplåst",), appearance=TRUTHS),
        LayoutColumn("ICCID"),
        LayoutColumn("EthernetMAC"),
        LayoutColumn("CellularTechnology"),
        LayoutColumn("ProcessorArchitecture"),
    ),
    telling=(
        "Azure AD Device ID",
        "Last check-in",
        "Primary user UPN",
        "Compliance",
        "Managed by",
        "Ownership",
        "Device state",
    ),
    at_least=5,
)  # fmt: skip

GOOGLE = ExportLayout(
    name="ChromeOS devices (Google's console or GAM)",
    columns=(
        LayoutColumn("deviceId", appearance=DEVICE_IDS),
        LayoutColumn("annotatedAssetId", "asset_tag", appearance=SERIALS),
        LayoutColumn("annotatedLocation", "location"),
        LayoutColumn("annotatedUser", "holder", needed=True, may_be_blank=True, appearance=ADDRESSES),
        LayoutColumn("autoUpdateExpiration"),
        LayoutColumn("bootMode"),
        LayoutColumn("ethernetMacAddress"),
        LayoutColumn("firmwareVersion"),
        LayoutColumn("lastEnrollmentTime", appearance=DAYS),
        LayoutColumn("lastSync", "last_contact", needed=True, appearance=DAYS),
        LayoutColumn("macAddress"),
        LayoutColumn("meid"),
        LayoutColumn("model", "model", needed=True),
        LayoutColumn("notes"),
        LayoutColumn("orderNumber", "order"),
        LayoutColumn("orgUnitPath"),
        LayoutColumn("osVersion", "os_version"),
        LayoutColumn("platformVersion"),
        LayoutColumn("serialNumber", "serial", needed=True, appearance=SERIALS),
        LayoutColumn("status", "status", needed=True, appearance=_GOOGLE_STATES),
        LayoutColumn("supportEndDate", appearance=DAYS),
    ),
    telling=("deviceId", "annotatedAssetId", "annotatedLocation", "annotatedUser", "lastSync", "orgUnitPath"),
    at_least=4,
)

JAMF_SCHOOL = ExportLayout(
    name="Jamf School",
    columns=(
        LayoutColumn("ActivationLockBypassCode"),
        LayoutColumn("AssetTag", "asset_tag"),
        LayoutColumn("AvailableCapacity"),
        LayoutColumn("BackupEnabled", appearance=TRUTHS),
        LayoutColumn("BluetoothMAC"),
        LayoutColumn("CurrentIPAddress"),
        LayoutColumn("DateModified", appearance=DAYS),
        LayoutColumn("DeviceUDID", appearance=DEVICE_IDS),
        LayoutColumn("EnrollType"),
        LayoutColumn("EnrollmentDate", appearance=DAYS),
        LayoutColumn("EthernetMAC"),
        LayoutColumn("IsLostModeEnabled", "is_lost", needed=True, appearance=TRUTHS),
        LayoutColumn("IsManaged", "managed_by", needed=True, appearance=TRUTHS),
        LayoutColumn("IsShared", appearance=TRUTHS),
        LayoutColumn("IsSupervised", appearance=TRUTHS),
        LayoutColumn("IsTrashed", "is_trashed", needed=True, appearance=TRUTHS),
        LayoutColumn("LastConnected", "last_contact", needed=True, appearance=DAYS),
        LayoutColumn("LocationName", "location", needed=True),
        LayoutColumn("ManagementID", appearance=DEVICE_IDS),
        LayoutColumn("MemberOf"),
        LayoutColumn("Model", "model", needed=True),
        LayoutColumn("Name", "device_name"),
        LayoutColumn("Notes"),
        LayoutColumn("OsVersion", "os_version", needed=True),
        LayoutColumn("OwnerEmail", "holder", needed=True, may_be_blank=True, appearance=ADDRESSES),
        LayoutColumn("OwnerFirstName"),
        LayoutColumn("OwnerLastName"),
        LayoutColumn("OwnerUsername"),
        LayoutColumn("Region"),
        LayoutColumn("SchoolNumber"),
        LayoutColumn("SerialNumber", "serial", needed=True, appearance=SERIALS),
        LayoutColumn("SupportsProfiles"),
        LayoutColumn("WiFiMAC"),
        LayoutColumn("iTunesLoggedIn", appearance=TRUTHS),
        LayoutColumn("DeviceType"),
        LayoutColumn("Username"),
    ),
    telling=(
        "DeviceUDID",
        "IsLostModeEnabled",
        "IsSupervised",
        "IsTrashed",
        "LastConnected",
        "LocationName",
        "OwnerEmail",
        "ManagementID",
    ),
    at_least=5,
)

SNIPE_IT = ExportLayout(
    name="Snipe-IT's custom asset report",
    columns=(
        LayoutColumn("Company", spellings=("Företag",)),
        LayoutColumn("Asset Name", "device_name", spellings=("Tillgångsnamn",)),
        LayoutColumn("Asset Tag", "asset_tag", spellings=("Tillgångstagg",), appearance=SERIALS),
        LayoutColumn("Model", "model", spellings=("Modell",), needed=True),
        LayoutColumn("Model No.", spellings=("Modellnr.",)),
        LayoutColumn("Category", spellings=("Kategori",)),
        LayoutColumn("Manufacturer", "manufacturer", spellings=("Tillverkare",)),
        LayoutColumn("Serial", "serial", spellings=("Serie", "Serienummer"), needed=True, appearance=SERIALS),
        LayoutColumn("Purchased", "purchased", spellings=("Purchase Date", "Köpt", "Inköpsdatum"), appearance=DAYS),
        LayoutColumn("Cost", spellings=("Kosta", "Inköpspris")),
        LayoutColumn("EOL"),
        LayoutColumn("Warranty", spellings=("Garanti",)),
        LayoutColumn("Warranty Expires", "warranty", spellings=("Garanti upphör",), appearance=DAYS),
        LayoutColumn("Order Number", "order", spellings=("Ordernummer",)),
        LayoutColumn("Supplier", spellings=("Leverantör",)),
        LayoutColumn("Location", "location", spellings=("Plats",)),
        LayoutColumn("Default Location", spellings=("Standardplats",)),
        LayoutColumn("Checked Out", spellings=("Checked Out To", "Checkat ut", "Utcheckad till")),
        LayoutColumn("Type", spellings=("Typ",)),
        LayoutColumn("Username", spellings=("Användarnamn",)),
        LayoutColumn("Email", "holder", needed=True, may_be_blank=True, appearance=ADDRESSES),
        LayoutColumn("Employee No."),
        LayoutColumn("Manager", spellings=("Chef",)),
        LayoutColumn("Department", spellings=("Avdelning",)),
        LayoutColumn("Status", "status", needed=True),
        LayoutColumn("Checkout Date", spellings=("Utcheckningsdatum",), appearance=DAYS),
        LayoutColumn("Last Checkin Date", spellings=("Senaste incheckningsdatum",), appearance=DAYS),
        LayoutColumn("Created At", spellings=("Skapad",), appearance=DAYS),
        LayoutColumn("Last Audit", spellings=("Senaste inventering",), appearance=DAYS),
        LayoutColumn("Notes", spellings=("Anteckningar",)),
    ),
    telling=("Asset Tag", "Model No.", "Warranty Expires", "Default Location", "Checked Out", "Checkout Date", "Employee No."),
    at_least=4,
)  # fmt: skip

LAYOUTS = (INTUNE, GOOGLE, JAMF_SCHOOL, SNIPE_IT)
