"""The closed vocabularies of the core: record types, platforms, stages, purposes and the like, as enumerations.

Each value is also the text that the database, the metric labels and the API use. A word of a source that is not in
one of these lists is reported by its connector as unknown; it never becomes a new value here.
"""

from collections.abc import Mapping
from enum import StrEnum

CENTRAL = "central"  # slug of the unit of the central administration
UNPLACED = "unplaced"  # slug of the unit for persons and devices that no unit could be found for
RESERVED_UNITS = frozenset({CENTRAL, UNPLACED})

# Starts the value of a key that is kept as a keyed token instead of plain text.
TOKEN_PREFIX = "~"


class RecordType(StrEnum):
    """What a record is about."""

    DEVICE = "device"
    PERSON = "person"
    MEMBERSHIP = "membership"
    UNIT = "unit"
    GROUP = "group"
    HEADCOUNT = "headcount"


class DroppedKind(StrEnum):
    """What a connector leaves out on purpose, though it was read: it is counted and shown."""

    MAILBOX = "mailbox"  # a mail application's registration, no managed device
    DEFENDER_ONLY = "defender_only"  # seen by an antivirus service alone
    PRIVATE_PHONE = "private_phone"
    RELEASED = "released"  # a purchase that no longer belongs to the organisation at its vendor
    PRIVATE_DEVICE = "private_device"  # a register's entry of something that a person owns
    OTHER_CATEGORY = "other_category"  # no device of the kinds that the source is configured to read
    WITHOUT_SERIAL = "without_serial"  # one piece that was bought without a serial number to recognise it by
    CREDITED = "credited"  # a purchase that was taken back
    TELEPHONE_NUMBER = "telephone_number"  # a device known by the number of its telephone alone
    GUEST = "guest"  # an account of somebody from another organisation
    PERSON = "person"  # where no persons are kept, as the configuration says
    FUNCTION_ACCOUNT = "function_account"  # an account of a function, a room or a service, and of no person


class CredentialUse(StrEnum):
    """What a credential is for, and so what stops when it runs out: see `fleetsync.core.lifecycle.credentials`."""

    SIGN_IN = "sign_in"  # fleetsync's own, with which it reads the source
    APPLE_PUSH = "apple_push"  # the certificate with which an MDM reaches its Apple devices
    APPLE_ENROLMENT = "apple_enrolment"  # the token with which Apple hands new devices over to an MDM
    APPLE_APPS = "apple_apps"  # the token of the apps and books that were bought
    OTHER = "other"  # also of what was stored before uses were


class PartRole(StrEnum):
    """What kind of list a part of a source is. It decides what follows when the part lacks a record (`domain.md` §2.5)."""

    ROSTER = "roster"  # persons, memberships, units
    MDM = "mdm"  # devices under management, with their last contact
    LIST = "list"  # devices in use, as people write them down
    REGISTER = "register"  # the inventory of all devices that exist
    PURCHASES = "purchases"  # devices that were bought, delivered or not
    DETAILS = "details"  # facts about devices that other parts have, such as a warranty: makes no device by itself


class Scheme(StrEnum):
    """Kinds of key, strongest first; the order of definition is the order of strength."""

    OBJECT_ID = "object_id"  # of a directory, such as Entra ID
    NUMBER = "number"  # of a personnel or pupil system
    CIVIC = "civic"  # personal identity number; only ever a token
    ADDRESS = "address"  # e-mail address, UPN or EPPN
    ACCOUNT = "account"  # sAMAccountName


SCHEME_STRENGTH: Mapping[Scheme, int] = {scheme: rank for rank, scheme in enumerate(Scheme)}


class Platform(StrEnum):
    """A device's operating system, as the metric label spells it."""

    WINDOWS = "windows"
    MACOS = "macos"
    IPADOS = "ipados"
    IOS = "ios"
    TVOS = "tvos"
    ANDROID = "android"
    CHROMEOS = "chromeos"
    LINUX = "linux"
    OTHER = "other"


class FormFactor(StrEnum):
    """What sort of device it is."""

    COMPUTER = "computer"
    CHROMEBOOK = "chromebook"
    TABLET = "tablet"
    PHONE = "phone"
    TV = "tv"
    VIRTUAL = "virtual"
    OTHER = "other"


class Purpose(StrEnum):
    """What a device is for."""

    PERSONAL = "personal"
    SET = "set"  # shared by named groups, such as a class cart
    POOL = "pool"  # shared by a unit
    LOAN = "loan"
    ROOM = "room"
    STOCK = "stock"
    REPAIR = "repair"
    IGNORE = "ignore"  # counted nowhere
    UNSORTED = "unsorted"  # not known


class Ownership(StrEnum):
    """Who owns a device, as its source says."""

    ORGANISATION = "organisation"
    PERSONAL = "personal"


class Condition(StrEnum):
    """The state of a device as its source reports it."""

    ACTIVE = "active"
    PENDING = "pending"  # known, but not in use yet
    IN_REPAIR = "in_repair"
    LOST = "lost"
    WIPED = "wiped"
    DISABLED = "disabled"
    RETIRED = "retired"


class Compliance(StrEnum):
    """Whether a device meets the rules of its own MDM."""

    COMPLIANT = "compliant"
    NONCOMPLIANT = "noncompliant"
    GRACE = "grace"  # noncompliant, but still within the MDM's grace period


class MembershipType(StrEnum):
    """How a person belongs to a unit or group."""

    EMPLOYMENT = "employment"
    ENROLMENT = "enrolment"
    PLACEMENT = "placement"
    GROUP = "group"


class EmploymentForm(StrEnum):
    """Form of employment. UNKNOWN: the value could not be interpreted, or is blank in a roster that has the field."""

    PERMANENT = "permanent"
    FIXED = "fixed"
    HOURLY = "hourly"
    OTHER = "other"
    UNKNOWN = "unknown"


class Stage(StrEnum):
    """Where in its life cycle a device is. It has exactly one stage: the first that holds, in the order of definition."""

    RETIRED = "retired"
    LOST = "lost"
    IN_REPAIR = "in_repair"
    SILENT = "silent"  # long without contact, or gone from every MDM
    LOAN = "loan"
    ROOM = "room"
    STOCK = "stock"
    SHARED = "shared"  # of purpose set or pool
    IN_USE = "in_use"
    ORDERED = "ordered"  # only purchases know it
    UNSORTED = "unsorted"


class Subject(StrEnum):
    """What a gap or a row is about."""

    PERSON = "person"
    DEVICE = "device"
    UNIT = "unit"
    SET = "set"
    POOL = "pool"
    SOURCE = "source"


class CoveredBy(StrEnum):
    """What covers an owed device; no device counts twice."""

    OWN = "own"  # assigned to the person
    SET = "set"  # shared by named groups
    POOL = "pool"  # shared by a unit


class EntitlementMode(StrEnum):
    """How the devices that an entitlement owes are counted."""

    PER_HEAD = "per_head"  # a device per person: their own, or one of their group's set
    PERSONAL = "personal"  # a device per person, and only their own counts
    POOL = "pool"  # a device per so many children, shared by all of them


class RoundBy(StrEnum):
    """At which level a pool's number of devices is rounded up."""

    UNIT_AND_FORM = "unit_and_form"
    UNIT = "unit"
    MUNICIPALITY = "municipality"


class Severity(StrEnum):
    """How urgent a gap is."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
