"""What the page and the lists need from the rest of the application, as Protocols. Daemon and commands implement them.

Nothing here reaches a database: `expose` shows a snapshot, asks these ports, and writes nothing but decisions.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from fleetsync.clock import Clock
from fleetsync.core.model import (
    AssignmentInterval,
    ChangePlan,
    CoverageSum,
    HoldReason,
    PartState,
    Text,
    UnreadableRow,
    Verdict,
)
from fleetsync.core.proposals import Proposals
from fleetsync.core.pull_progress import PullProgress
from fleetsync.core.snapshot import Snapshot
from fleetsync.expose.manual_decisions import ManualDecisions
from fleetsync.expose.metrics import Exposition
from fleetsync.expose.scope import FULL_SCOPE, Permission, Scope
from fleetsync.expose.telemetry import DaemonStatus


class PullSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a part, as lists show it."""

    pull: int
    source: str
    part: str
    started_at: datetime
    verdict: Verdict | None  # None: under way
    reason: str = ""
    refusals: tuple[HoldReason, ...] = ()  # of a held pull: what the guard found, in both languages
    seen: int = 0
    rejected: Mapping[str, int] = {}  # records that could not be read, by why
    drift: Mapping[str, int] = {}  # values that the connector does not know, as field=value
    unreadable_facts: Mapping[str, int] = {}  # by "field: reason"
    unreadable: tuple[UnreadableRow, ...] = ()  # the first rows and facts that could not be read, with their places
    unused_headers: Mapping[str, tuple[str, ...]] = {}  # file → headers that no field took up
    dropped: Mapping[str, int] = {}  # rows left out on purpose, by `DroppedKind`
    newly_marked: int = 0  # persons newly found to be protected
    conflicting_duplicates: int = 0  # ids that came more than once with different content
    seconds: float | None = None
    decided: str = ""  # "accepted", "rejected", "dissolved"; "" where no decision was needed
    decided_by: str = ""


class PublishedState(Protocol):
    """What is shown now; each attribute is replaced by one assignment and may be read by any thread."""

    @property
    def snapshot(self) -> Snapshot: ...
    @property
    def exposition(self) -> Exposition: ...
    def daemon_status(self) -> DaemonStatus: ...
    def pulls_under_way(self) -> Sequence[PullProgress]:
        """How far each pull is that has not ended. Never asks the database."""
        ...

    def proposals(self) -> Proposals | None:
        """What may be configured by what is believed now; None: it is being worked out. A request never waits for it."""
        ...

    def is_alive(self) -> bool:
        """Whether the main loop made a round recently."""
        ...

    def is_ready(self) -> bool:
        """Whether the database answers and there is a snapshot."""
        ...


class HistoryReader(Protocol):
    """What was known on past days."""

    def past(self, day: date) -> Snapshot | None:
        """What was published on *day*; None when nothing was."""
        ...

    def coverage_sums(
        self,
        first: date,
        last: date,
        entitlements: Collection[str],
        *,
        units: Collection[str] | None = None,
        by_unit: bool,
    ) -> Sequence[CoverageSum]:
        """Covered and owed devices from *first* to *last*, both included, by day, entitlement and, if *by_unit*, unit.

        *units*: the ones that are summed; None: all.
        """
        ...

    def first_day(self) -> date | None:
        """The first day with numbers."""
        ...

    def assignments_of(self, device: str) -> Sequence[AssignmentInterval]:
        """Which persons, sets and pools a device has served, the newest first."""
        ...

    def previous_holders(self, devices: Collection[str]) -> Mapping[str, Sequence[AssignmentInterval]]:
        """Device → its ended assignments to persons, the newest first; for the *devices* that had any."""
        ...

    def parts(self) -> Sequence[PartState]:
        """Every configured part with the result of its pulls, as the database has it now."""
        ...

    def pulls(self, source: str, part: str, limit: int = 20) -> Sequence[PullSummary]:
        """Newest first."""
        ...

    def newest_pulls(self, source: str, part: str) -> Sequence[PullSummary]:
        """The newest pull of each verdict, newest first."""
        ...

    def refusals(self, source: str, part: str) -> Sequence[HoldReason]:
        """Why the part's held pull is held; empty where no pull is held."""
        ...


class DecisionError(Exception):
    """A decision that cannot be taken. `text` says why and what to do; in English alone where the system below said it."""

    def __init__(self, text: Text | str) -> None:
        self.text = text if isinstance(text, Text) else Text(text, text)
        super().__init__(self.text.en)


class LeftoverPull(msgspec.Struct, frozen=True, kw_only=True):
    """A held pull of a source or part that is no longer configured. It can only be rejected."""

    pull: int
    source: str
    part: str
    started_at: datetime


class Decisions(Protocol):
    """Decisions by people. A decision is written and the main loop is woken; a web request never reconciles."""

    def plan(self, source: str, part: str, pull: int) -> ChangePlan:
        """What a held pull would change. Raises DecisionError."""
        ...

    def accept(self, source: str, part: str, pull: int, *, who: str, reason: str) -> None: ...
    def reject(self, source: str, part: str, pull: int, *, who: str, reason: str) -> None: ...
    def leftover_pulls(self) -> Sequence[LeftoverPull]:
        """The held pulls that no page of a part shows, because it is no longer configured."""
        ...


class ProtectedState(msgspec.Struct, frozen=True, kw_only=True):
    """That a person is protected. Holds no name, key or place."""

    reference: str  # opaque
    since: datetime | None  # None: the mark waits for the decision on a held pull
    parts: tuple[str, ...] = ()  # source/part of the person's records and devices


class MarkingPull(msgspec.Struct, frozen=True, kw_only=True):
    """A pull that marked many persons at once. Holds counts, never a person."""

    pull: int
    part: str  # source/part
    marked_at: datetime
    persons: int  # whom it marked, and whose mark stands
    marked_elsewhere: int  # of these: whom another part or an earlier pull protects too
    is_released: bool  # its marks are taken back, and end when the part is read without them


class ProtectionDesk(Protocol):
    """What the role `protection` may ask and decide. There is no list of protected persons."""

    def marking_pulls(self) -> Sequence[MarkingPull]:
        """The pulls that marked many persons at once, newest first."""
        ...

    def release_pull(self, pull: int, *, who: str, reason: str) -> MarkingPull:
        """Take back the marks of a pull, and write it into the audit. Raises DecisionError.

        They end when the next pull of the part reads the persons without a mark.
        """
        ...

    def find(self, key: str) -> ProtectedState | None:
        """The person of an exact number, log-in or civic number; None for nobody who is protected."""
        ...

    def release(self, reference: str, *, who: str, reason: str) -> ProtectedState:
        """Take back the mark of a person, and write it into the audit. Raises DecisionError."""
        ...


LARGEST_FILE_BYTES = 20 * 1024 * 1024


class ReceivedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that an account gave, and what is known of it. Holds counts and facts of devices, never a person."""

    name: str
    is_examined: bool = False
    problem: str = ""  # why it cannot be taken, and what to do; then nothing of it is kept
    kind: str = ""
    source: str = ""  # that would read it
    taken: tuple[Text, ...] = ()  # by part: what was read of it and what was left
    rows: tuple[str, ...] = ()  # the first, as they were understood
    hold_reasons: tuple[Text, ...] = ()  # why it would wait for a decision
    plan: ChangePlan | None = None  # what it would change


class FileInbox(Protocol):
    """Files that are given on the page. One at a time for each account; it is in memory alone until it is accepted."""

    def receive(self, who: str, name: str, content: bytes) -> None:
        """Take a file in place of the account's earlier one, and look at it in the background."""
        ...

    def received(self, who: str) -> ReceivedFile | None:
        """The account's file; None: there is none."""
        ...

    def accept(self, who: str) -> str:
        """Keep the file where its source reads it, have it read, and write it into the audit.

        Returns the name of the source. Raises DecisionError.
        """
        ...

    def discard(self, who: str) -> None:
        """Forget the file."""
        ...


class CountedGroup(StrEnum):
    """Whom a head count counts."""

    CHILDREN = "children"
    PUPILS = "pupils"
    STAFF = "staff"


class TypedCount(msgspec.Struct, frozen=True, kw_only=True):
    """A head count as somebody typed it. *counted_by*: the function that answers for it, never a person."""

    unit: str  # slug
    whom: CountedGroup
    school_form: str = ""  # "" of staff
    year: int | None = None  # None: all years together
    heads: int
    counted_on: date
    counted_by: str

    @property
    def place_and_day(self) -> tuple[str, CountedGroup, str, int | None, date]:
        """What it counts, and when: one number is kept of each."""
        return self.unit, self.whom, self.school_form, self.year, self.counted_on


class HeadCountDesk(Protocol):
    """Head counts that are typed. They are kept in the file of a source of head counts, and believed once that is read."""

    def is_open(self) -> bool:
        """Whether a source is configured whose numbers are typed."""
        ...

    def typed_counts(self) -> Sequence[TypedCount]:
        """All that was typed, by unit, the newest first. Raises DecisionError when the file cannot be read."""
        ...

    def enter(self, count: TypedCount, *, who: str) -> TypedCount | None:
        """Keep a count, in place of one of the same day, which is returned; and write it into the audit.

        Raises DecisionError.
        """
        ...

    def remove(self, count: TypedCount, *, who: str) -> None:
        """Take a count back, so that the one before it counts, and write it into the audit. Raises DecisionError."""
        ...


class AccountRole(StrEnum):
    """The role of a signed-in person. What it may see and do stands in ROLE_SCOPES."""

    TECHNICIAN = "technician"
    STRATEGIST = "strategist"
    PRINCIPAL = "principal"
    PROTECTION = "protection"


ROLES_OF_UNITS = frozenset({AccountRole.PRINCIPAL})
"""Roles that see the units of their account alone."""

# Technicians administer accounts and need log-in names; nobody else does.
ROLE_SCOPES: Mapping[AccountRole, Scope] = {
    AccountRole.TECHNICIAN: FULL_SCOPE,
    AccountRole.STRATEGIST: Scope(
        permissions=frozenset(
            {
                Permission.PULL_DETAILS,
                Permission.DECISIONS,
                Permission.FACTS,
                Permission.TRIALS,
                Permission.HEAD_COUNTS,
            }
        )
    ),
    AccountRole.PRINCIPAL: Scope(units=frozenset(), permissions=frozenset({Permission.FACTS, Permission.HEAD_COUNTS})),
    AccountRole.PROTECTION: Scope(permissions=frozenset({Permission.PROTECTION})),
}


class SignInAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account that may sign in."""

    name: str
    role: AccountRole
    password_hash: str
    changed_at: datetime
    units: tuple[str, ...] = ()  # of a role of `ROLES_OF_UNITS`


def scope_of_account(account: SignInAccount, role_scopes: Mapping[AccountRole, Scope] = ROLE_SCOPES) -> Scope:
    """What the account may see and do: by its role, and of a principal in the units of the account."""
    scope = role_scopes[account.role]
    if account.role not in ROLES_OF_UNITS:
        return scope
    return msgspec.structs.replace(scope, units=frozenset(account.units))


# Of those who may have a token. A token reads the API and /metrics; it decides nothing.
TOKEN_ROLES = (AccountRole.TECHNICIAN, AccountRole.STRATEGIST, AccountRole.PRINCIPAL)
TOKEN_PREFIX = "fleetsync_"  # makes a leaked token recognisable; no secret


class AccountReader(Protocol):
    """Local accounts, and tokens of programs."""

    def account_of_token(self, token_hash: str) -> SignInAccount | None:
        """What the token with this SHA-256 may see, as an account called "token NAME"; None: it does not count."""
        ...

    def account(self, name: str) -> SignInAccount | None: ...


class AuditLog(Protocol):
    """Records who looked at what and who decided what. Persons are recorded by id, never by name or log-in."""

    def audit(self, who: str, what: str, subject: str) -> None: ...


class WebServices(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the web application needs."""

    published_state: PublishedState
    history: HistoryReader
    decisions: Decisions
    manual_decisions: ManualDecisions
    accounts: AccountReader
    audit: AuditLog
    protection: ProtectionDesk
    inbox: FileInbox
    head_counts: HeadCountDesk
    clock: Clock  # ages are relative to its now
    session_key: bytes
    municipality: str
    is_loopback: bool  # reachable from this machine only
    public_url: str = ""
    default_language: str = "sv"
    rehearsal_now: datetime | None = None  # the moved clock's instant at start, shown on every page
    role_scopes: Mapping[AccountRole, Scope] = msgspec.field(default_factory=lambda: ROLE_SCOPES)
