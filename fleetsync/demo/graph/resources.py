"""The resources of Graph that the stub has: addresses, permissions, the fields of their rows, and their quirks."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fleetsync.demo.model import SourceRow

RowsProvider = Callable[[], Sequence[SourceRow]]
Listings = Mapping[str, RowsProvider]
"""The rows of further resources, by the name of the resource. A resource without rows is there, and empty."""

ENROLMENT_TOKEN = "enrolmentToken"
"""Names the token by which a device came, in a row of `apple_devices`. It is no field of the answer."""
DEVICE = "device"
"""Names the device in a row of `primary_users`. It is no field of the answer."""

DEVICES_PERMISSION = "DeviceManagementManagedDevices.Read.All"
SERVICE_PERMISSION = "DeviceManagementServiceConfig.Read.All"
USERS_PERMISSION = "User.Read.All"
ALL_PERMISSIONS = frozenset({DEVICES_PERMISSION, SERVICE_PERMISSION, USERS_PERMISSION})

_NULL_GUID = "00000000-0000-0000-0000-000000000000"
_NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class GraphResource:
    """A resource of Graph.

    *path*: a pattern; what it captures is the value of *owner_field* of the rows that are below it. *fields*: of each row
    beside those that the demo sets; *beta_fields*: those of the beta version alone. *default_fields*: what a row has
    unless others are asked for; None: all. *order*: the fields by which rows are ordered, of which each row differs.
    *counts_all*: `@odata.count` counts the listing, and only where it is asked for; else it counts the page. *refuses_select*:
    the listing fails with `$select`. *is_single*: it is one object and no listing.
    """

    name: str
    path: re.Pattern[str]
    permission: str
    fields: SourceRow
    versions: frozenset[str] = frozenset({"v1.0", "beta"})
    beta_fields: SourceRow = field(default_factory=dict)
    default_fields: frozenset[str] | None = None
    order: tuple[str, ...] = ("id",)
    owner_field: str = ""
    page_size: int = 1000
    largest_page: int = 1000
    counts_all: bool = False
    refuses_select: bool = False
    is_single: bool = False

    def rows(self, rows: Sequence[SourceRow], version: str, owner: str) -> list[SourceRow]:
        """*rows* in order, with all fields of *version*; only those of *owner*, where they have one."""
        rest = {**self.fields, **(self.beta_fields if version == "beta" else {})}
        own = (row for row in rows if not self.owner_field or row[self.owner_field] == owner)
        whole = ({name: value for name, value in {**rest, **row}.items() if name != self.owner_field} for row in own)
        return sorted(whole, key=self.key)

    def key(self, row: SourceRow) -> tuple[str, ...]:
        """Where a row stands in the listing."""
        return tuple(str(row[name]) for name in self.order)


_BETA = frozenset({"beta"})

# Most of these fields must never be stored.
RESOURCES = (
    GraphResource(
        "devices",
        re.compile(r"deviceManagement/managedDevices"),
        DEVICES_PERMISSION,
        {
            "activationLockBypassCode": None,
            "androidSecurityPatchLevel": "",
            "azureADDeviceId": _NULL_GUID,
            "azureADRegistered": True,
            "complianceGracePeriodExpirationDateTime": "9999-12-31T23:59:59Z",
            "deviceRegistrationState": "registered",
            "easActivated": False,
            "easActivationDateTime": _NEVER,
            "easDeviceId": "",
            "enrollmentProfileName": None,
            "ethernetMacAddress": None,
            "exchangeLastSuccessfulSyncDateTime": _NEVER,
            "freeStorageSpaceInBytes": 0,
            "iccid": None,
            "imei": "",
            "isSupervised": False,
            "jailBroken": "Unknown",
            "managedDeviceName": "",
            "managementCertificateExpirationDate": _NEVER,
            "meid": "",
            "notes": None,
            "phoneNumber": "",
            "subscriberCarrier": "",
            "totalStorageSpaceInBytes": 0,
            "udid": None,
            "userDisplayName": "",
            "wiFiMacAddress": "",
        },
        beta_fields={"lostModeState": "disabled"},
        order=("deviceName", "id"),
    ),
    GraphResource(
        "primary_users",
        re.compile(r"deviceManagement/managedDevices/([^/]+)/users"),
        DEVICES_PERMISSION,
        {"displayName": "", "userPrincipalName": "", "mail": None, "mobilePhone": None},
        owner_field=DEVICE,
    ),
    GraphResource(
        "autopilot",
        re.compile(r"deviceManagement/windowsAutopilotDeviceIdentities"),
        SERVICE_PERMISSION,
        {
            "groupTag": "",
            "purchaseOrderIdentifier": "",
            "productKey": "",
            "manufacturer": "",
            "model": "",
            "enrollmentState": "notContacted",
            "lastContactedDateTime": _NEVER,
            "addressableUserName": "",
            "userPrincipalName": "",
            "resourceName": "",
            "skuNumber": "",
            "systemFamily": "",
            "azureActiveDirectoryDeviceId": _NULL_GUID,
            "managedDeviceId": _NULL_GUID,
            "displayName": "",
        },
        refuses_select=True,
    ),
    GraphResource(
        "corporate_identifiers",
        re.compile(r"deviceManagement/importedDeviceIdentities"),
        SERVICE_PERMISSION,
        {
            "lastModifiedDateTime": _NEVER,
            "createdDateTime": _NEVER,
            "lastContactedDateTime": _NEVER,
            "description": "",
            "enrollmentState": "notContacted",
            "platform": "unknown",
        },
        versions=_BETA,
    ),
    GraphResource(
        "enrolment_tokens",
        re.compile(r"deviceManagement/depOnboardingSettings"),
        SERVICE_PERMISSION,
        {
            "appleIdentifier": "",
            "lastModifiedDateTime": _NEVER,
            "lastSuccessfulSyncDateTime": _NEVER,
            "lastSyncTriggeredDateTime": _NEVER,
            "shareTokenWithSchoolDataSyncService": False,
            "lastSyncErrorCode": 0,
            "tokenType": "appleSchoolManager",
            "syncedDeviceCount": 0,
            "dataSharingConsentGranted": True,
            "roleScopeTagIds": ["0"],
        },
        versions=_BETA,
    ),
    GraphResource(
        "apple_devices",
        re.compile(r"deviceManagement/depOnboardingSettings/([^/]+)/importedAppleDeviceIdentities"),
        SERVICE_PERMISSION,
        {
            "requestedEnrollmentProfileId": "",
            "requestedEnrollmentProfileAssignmentDateTime": _NEVER,
            "isSupervised": True,
            "discoverySource": "deviceEnrollmentProgram",
            "isDeleted": False,
            "createdDateTime": _NEVER,
            "lastContactedDateTime": _NEVER,
            "description": "",
            "enrollmentState": "notContacted",
            "platform": "ios",
        },
        versions=_BETA,
        owner_field=ENROLMENT_TOKEN,
    ),
    GraphResource(
        "push_certificate",
        re.compile(r"deviceManagement/applePushNotificationCertificate"),
        DEVICES_PERMISSION,
        {"appleIdentifier": "", "topicIdentifier": "", "lastModifiedDateTime": _NEVER, "certificate": None},
        is_single=True,
    ),
    GraphResource(
        "app_tokens",
        re.compile(r"deviceAppManagement/vppTokens"),
        SERVICE_PERMISSION,
        {
            "organizationName": "",
            "vppTokenAccountType": "education",
            "appleId": "",
            "lastSyncDateTime": _NEVER,
            "token": None,
            "lastModifiedDateTime": _NEVER,
            "state": "valid",
            "lastSyncStatus": "completed",
            "automaticallyUpdateApps": True,
            "countryOrRegion": "se",
        },
    ),
    GraphResource(
        "users",
        re.compile(r"users"),
        USERS_PERMISSION,
        {
            "businessPhones": [],
            "displayName": "",
            "givenName": None,
            "jobTitle": None,
            "mail": None,
            "mobilePhone": None,
            "officeLocation": None,
            "preferredLanguage": None,
            "surname": None,
            "accountEnabled": True,
            "companyName": None,
            "department": None,
            "employeeHireDate": None,
            "employeeId": None,
            "employeeOrgData": None,
            "employeeType": None,
            "onPremisesDomainName": None,
            "onPremisesSamAccountName": None,
            "proxyAddresses": [],
            "streetAddress": None,
            "userType": "Member",
        },
        default_fields=frozenset(
            {
                "businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
                "preferredLanguage", "surname", "userPrincipalName",
            }
        ),
        page_size=100,
        largest_page=999,
        counts_all=True,
    ),
)  # fmt: skip
