"""What is kept of the files of School Data Sync, and what their roles mean."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

import msgspec

from fleetsync.core.model import Key
from fleetsync.pull.contract import UnreadableFact
from fleetsync.pull.files import FileColumn, Suspicion, look_like_days

ORGANISATIONS, USERS, ROLES, CLASSES, ENROLMENTS = "orgs", "users", "roles", "classes", "enrollments"
NEEDED_FILES = (ORGANISATIONS, USERS, ROLES)
CLASS_FILES = (CLASSES, ENROLMENTS)
FILES = frozenset((*NEEDED_FILES, *CLASS_FILES))

# The columns of all files. One header means the same in each of them.
COLUMNS = (
    FileColumn("source_id", ("sourcedId",), kind="id"),
    FileColumn("name", ("name",)),
    FileColumn("type", ("type",)),
    FileColumn("parent", ("parentSourcedId",), kind="id"),
    FileColumn("directory_match", ("activeDirectoryMatchId",)),
    FileColumn("username", ("username",)),
    FileColumn("email", ("email",)),
    FileColumn("user", ("userSourcedId",), kind="id"),
    FileColumn("organisation", ("orgSourcedId",), kind="id"),
    FileColumn("class_id", ("classSourcedId",), kind="id"),
    FileColumn("role", ("role",)),
    FileColumn("grade", ("grade",)),
    FileColumn("start", ("roleStartDate",), kind="day", suspected_by=Suspicion(look_like_days)),
    FileColumn("end", ("roleEndDate",), kind="day", suspected_by=Suspicion(look_like_days)),
    FileColumn("title", ("title",)),
)
REQUIRED_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        ORGANISATIONS: ("source_id", "name", "type"),
        USERS: ("source_id", "username"),
        ROLES: ("user", "organisation", "role"),
        CLASSES: ("source_id", "organisation", "title"),
        ENROLMENTS: ("class_id", "user", "role"),
    }
)
"""The columns that the format requires of each file."""

PUPIL_ROLE = "student"
PARTS_OF_ROLES: Mapping[str, str | None] = MappingProxyType(
    {
        PUPIL_ROLE: "pupils",
        **dict.fromkeys(("alumni", "other"), None),
        **dict.fromkeys(
            (
                "principal", "chair", "professor", "researcher", "adjunct", "affiliate", "occupationaltherapist",
                "physicaltherapist", "speechtherapist", "visiontherapist", "paraprofessional", "specialservices",
                "advisor", "proctor", "nurse", "officestaff", "lecturer", "itadmin", "administrator", "teacher",
                "faculty", "staff", "teacherassistant", "assistant", "instructor", "substitute", "coach",
            ),
            "staff",
        ),
    }
)  # fmt: skip
ORGANISATION_TYPES = frozenset(
    {
        "school", "ministryofeducation", "localauthority", "department", "university", "region", "district", "college",
        "division", "local", "campus", "province", "state", "adulteducation", "researchcenter", "national",
        "municipality", "program", "departmentofeducation", "academictrust",
    }
)  # fmt: skip


class Organisation(msgspec.Struct, frozen=True, gc=False):
    """A row of orgs.csv."""

    source_id: str
    name: str
    type: str | None = None
    parent: str | None = None


class SchoolClass(msgspec.Struct, frozen=True, gc=False):
    """A row of classes.csv."""

    source_id: str
    title: str
    organisation: str | None = None


class User(msgspec.Struct, frozen=True, gc=False):
    """A row of users.csv. A civic number in place of the id is a token."""

    source_id: str
    keys: tuple[Key, ...] = ()


class Role(msgspec.Struct, frozen=True, gc=False):
    """A row of roles.csv. *year_code*: its grade; *unreadable*: its days that are unknown; *facts*: those that could not be read."""

    user: str
    place: str
    role: str | None = None
    organisation: str | None = None
    year_code: str | None = None
    start: date | None = None
    end: date | None = None
    unreadable: tuple[str, ...] = ()
    facts: tuple[UnreadableFact, ...] = ()


class ClassEnrolment(msgspec.Struct, frozen=True, gc=False):
    """A row of enrollments.csv."""

    user: str
    class_id: str
    place: str
    role: str | None = None
