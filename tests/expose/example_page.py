"""Exempelby for tests of the page: three schools, two förskolor, rosters and MDMs, with gaps of most kinds.

Everything is invented and constructed, nothing is random, so that a test can name what it looks at.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from werkzeug.security import generate_password_hash

from fleetsync.clock import Clock, ManualClock
from fleetsync.core.calendar import Calendar, Calendars, ClosedPeriod, Term
from fleetsync.core.coverage import build_context, reconcile
from fleetsync.core.entitlement import RULES
from fleetsync.core.model import (
    Assignment,
    AssignmentInterval,
    BelievedRecord,
    BelievedState,
    ChangePlan,
    Compliance,
    Correction,
    CoverageChange,
    CoverageDay,
    CoverageSum,
    CoveredBy,
    DeviceCount,
    DeviceRecord,
    DeviceRule,
    EmploymentForm,
    Episode,
    GroupRecord,
    HoldReason,
    Key,
    MembershipRecord,
    MembershipType,
    Moment,
    Outcome,
    Ownership,
    PartRole,
    PartState,
    PersonRecord,
    Platform,
    Policy,
    Purpose,
    Record,
    RecordType,
    SampledChange,
    Scheme,
    ScopeFindings,
    Subject,
    Text,
    Unit,
    UnitMap,
    UnitRecord,
    UnitRecordChanges,
    UnreadableRow,
    Verdict,
)
from fleetsync.core.proposals import Proposals
from fleetsync.core.pull_progress import PullProgress
from fleetsync.core.snapshot import Snapshot, build_past_snapshot, build_snapshot
from fleetsync.data import reference
from fleetsync.expose.gate import VisibleSnapshot, view_for
from fleetsync.expose.manual_decisions import EnteredCorrection, EnteredParking, Publication
from fleetsync.expose.metrics import Exposition
from fleetsync.expose.ports import (
    AccountRole,
    DecisionError,
    LeftoverPull,
    MarkingPull,
    ProtectedState,
    PullSummary,
    ReceivedFile,
    SignInAccount,
    TypedCount,
    WebServices,
)
from fleetsync.expose.scope import FULL_SCOPE
from fleetsync.expose.telemetry import DaemonStatus, PartStatus

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 6, 5, tzinfo=UTC)
PASSWORD = "en lång invented mening"
FIRST_NAMES = ("alva", "bo", "cilla", "dag", "edith", "folke", "gun", "hugo", "iris", "jonas", "karin", "love")
LAST_NAMES = ("al", "berg", "dal", "ek", "fors", "gran", "hed", "lind", "mo", "ny", "rask", "sten", "vik")

UNITS = (
    Unit(slug="bjorkskolan", name="Björkskolan", codes=("bj",), school_forms=("FKLASS", "GR"), published=True),
    Unit(slug="ekskolan", name="Ekskolan", codes=("ek",), school_forms=("GR",), published=True),
    Unit(slug="lindskolan", name="Lindskolan", codes=("li",), school_forms=("FKLASS", "GR")),
    Unit(slug="masen", name="Förskolan Måsen", codes=("ma",), school_forms=("FS",), published=True),
    Unit(slug="ugglan", name="Förskolan Ugglan", codes=("ug",), school_forms=("FS",), published=True),
    Unit(slug="central", name="Centralt", codes=("ce",), published=True),
)
CALENDARS = Calendars(
    default=Calendar(
        terms=(
            Term(date(2026, 1, 8), date(2026, 6, 11)),
            Term(date(2026, 8, 17), date(2026, 12, 18)),
            Term(date(2027, 1, 11), date(2027, 6, 10)),
        ),
        closed=(ClosedPeriod(date(2026, 11, 2), date(2026, 11, 6), "höstlov"),),
    )
)
SCHOOLS = {"bj": "Björkskolan", "ek": "Ekskolan", "li": "Lindskolan"}
POLICY = Policy(
    entitlements=RULES,
    units=UNITS,
    unit_maps=(
        UnitMap(source="jamf", field="location", pattern="Ugglan", unit="ugglan"),
        UnitMap(source="jamf", field="location", pattern="Måsen*", unit="masen"),
        UnitMap(source="jamf", field="location", pattern="Björk*", unit="bjorkskolan"),
        UnitMap(source="jamf", field="location", pattern="Lind*", unit="lindskolan"),
        UnitMap(source="jamf", field="location", pattern="Ek*", unit="ekskolan"),
        UnitMap(source="intune", field="location", pattern="Lager*", unit="central"),
    ),
    device_rules=(
        DeviceRule(when={"groups": "{unit} {class}"}, purpose=Purpose.SET, name="[[device_rule]] 1"),
        DeviceRule(when={"location": "Lager*"}, purpose=Purpose.STOCK, name="[[device_rule]] 2"),
        DeviceRule(when={"location": "*förskoleklass*"}, purpose=Purpose.POOL, name="[[device_rule]] 3"),
    ),
    reference=reference(),
    fingerprint="exempelby",
)


def at(days_ago: float = 0.0) -> datetime:
    return NOW - timedelta(days=days_ago)


def part(source: str, name: str, role: PartRole, *types: RecordType, **more: Any) -> PartState:
    defaults: dict[str, Any] = {
        "last_attempt_at": at(0.02),
        "last_complete_at": at(0.02),
        "as_of": TODAY,
        "first_complete_at": at(90),
    }
    return PartState(source=source, part=name, role=role, types=types, **{**defaults, **more})


def parts() -> tuple[PartState, ...]:
    """All parts: Personec monthly, Jamf three days old and failing, Intune held."""
    of_people = (RecordType.PERSON, RecordType.MEMBERSHIP)
    return (
        part("personec", "staff", PartRole.ROSTER, *of_people, counts=True, as_of=date(2026, 11, 2),
             expected_every=timedelta(days=35), last_complete_at=at(21)),
        part("edlevo", "units", PartRole.ROSTER, RecordType.UNIT),
        part("edlevo", "pupils", PartRole.ROSTER, *of_people, counts=True),
        part("edlevo", "groups", PartRole.ROSTER, RecordType.GROUP, RecordType.MEMBERSHIP),
        part("lifecare", "children", PartRole.ROSTER, *of_people, counts=True),
        part("intune", "devices", PartRole.MDM, RecordType.DEVICE, held_pull=4711,
             reason="312 of 486 devices are absent; the limit is 49", last_complete_at=at(1), as_of=date(2026, 11, 23)),
        part("jamf", "devices", PartRole.MDM, RecordType.DEVICE, as_of=date(2026, 11, 20), last_complete_at=at(4),
             reason="jamf: the server refused our token (401). Make a new one, then run: fleetsync check jamf"),
        part("zuludesk", "devices", PartRole.MDM, RecordType.DEVICE, disabled=True, as_of=date(2026, 6, 1),
             last_complete_at=at(170), left_files=("Thumbs.db",),
             scope_findings={"tallen": ScopeFindings(pull=1, rejected={"serial is empty": 3}, drift={"status=kassaskåp": 1},
                                                     unused_headers={"tallen.csv": ("Rum",)})}),
    )  # fmt: skip


REFUSALS = (
    HoldReason(
        "shrink",
        Text(
            "312 av 486 poster (device) saknas; gränsen är 49", "312 of 486 device records are absent; the limit is 49"
        ),
    ),
    HoldReason("filled", Text("fältet serial är ifyllt för 10,0 %", "the field serial is filled for 10.0%")),
)


class PageRecords:
    """Collects the believed records of the example."""

    def __init__(self) -> None:
        self.known: list[BelievedRecord] = []
        self.people = 0
        self.serial = 0

    def add(self, source: str, name: str, record: Record, **more: Any) -> None:
        defaults = {"first_seen": at(80), "own_id": f"-{source}-{record.source_id}"[-40:], **more}
        self.known.append(BelievedRecord(source=source, part=name, record=record, **defaults))

    def login(self, domain: str) -> str:
        number, first = divmod(self.people, len(FIRST_NAMES))
        self.people += 1
        again, last = divmod(number, len(LAST_NAMES))
        name = f"{FIRST_NAMES[first]}.{LAST_NAMES[last]}{again or ''}"
        return f"{name}@{domain}"

    def person(self, source: str, name: str, who: str, login: str | None, **more: Any) -> None:
        keys = (Key(Scheme.ADDRESS, "", login),) if login else ()
        self.add(source, name, PersonRecord(source_id=who, keys=keys), **more)

    def add_membership(self, source: str, name: str, who: str, membership: MembershipType, **more: Any) -> None:
        masked = more.pop("masked", False)
        group = more.get("group")
        record = MembershipRecord(
            source_id=f"{who}-{membership}{group or ''}", person=who, membership=membership, **more
        )
        self.add(source, name, record, masked=masked)

    def device(self, source: str, platform: Platform, model: str, *, silent: float = 0.1, **more: Any) -> None:
        self.serial += 1
        serial = f"EXB{self.serial:05d}"
        login = more.pop("login", None)
        maker = "Apple" if platform is Platform.IPADOS else "Lenovo"
        record = DeviceRecord(
            source_id=serial.lower(),
            serial=serial,
            manufacturer=maker,
            model=model,
            platform=platform,
            keys=(Key(Scheme.ADDRESS, "", login),) if login else (),
            enrolled_at=at(400),
            managed=True,
            ownership=Ownership.ORGANISATION,
            encrypted=self.serial % 9 != 0,
            compliance=Compliance.COMPLIANT,
            **{"os_version": "10.0.26100.4" if maker == "Lenovo" else "26.1", **more},
        )
        self.add(source, "devices", record, last_contact_at=at(silent))


def _school(builder: PageRecords, code: str, years: Sequence[int], size: int) -> None:
    name = SCHOOLS[code]
    unit = f"u-{code}"
    builder.add("edlevo", "units", UnitRecord(source_id=unit, name=name, kind="Skolenhet", codes=(code,)))
    for year in years:
        for letter in "AB":
            group = f"{code}-{year}{letter}"
            builder.add(
                "edlevo", "groups", GroupRecord(source_id=group, name=f"{year}{letter}", kind="Klass", unit=unit)
            )
            for seat in range(size):
                _pupil(builder, code, year, group, seat)
            if year <= 3:
                for place in range(size - 3 * (year == 2)):
                    silent = 44.0 if place % 8 == 7 else 4.2
                    builder.device("jamf", Platform.IPADOS, "iPad (9th generation)", silent=silent,
                                groups=(f"{name} {year}{letter}",), location=name)  # fmt: skip


def _pupil(builder: PageRecords, code: str, year: int, group: str, seat: int) -> None:
    who = f"{group}-{seat}"
    masked = (code, year, seat) == ("bj", 5, 3)
    login = builder.login("edu.exempelby.se")
    has_login = not (seat == 11 and year > 6)
    builder.person("edlevo", "pupils", who, login if has_login and not masked else None, masked=masked)
    builder.add_membership("edlevo", "pupils", who, MembershipType.ENROLMENT, codes=() if masked else (code,), school_form="GR",
             year=None if (code, year, seat) == ("ek", 8, 1) else year, start=date(2026, 8, 17), masked=masked)  # fmt: skip
    if not masked:
        builder.add_membership("edlevo", "groups", who, MembershipType.GROUP, group=group, start=date(2026, 8, 17))
    missing = 5 if code == "li" else 17
    if year > 3 and has_login and not masked and (seat * 7 + year) % missing != 0:
        silent = 40.0 if (seat + year) % 13 == 0 else 0.3
        builder.device("intune", Platform.WINDOWS, "ThinkPad L13 Gen 3", login=login, silent=1 + silent)


def _staff(builder: PageRecords, code: str, count: int) -> None:
    for number in range(count):
        who = f"s-{code}-{number}"
        login = builder.login("exempelby.se")
        builder.person("personec", "staff", who, login)
        form = EmploymentForm.HOURLY if number % 11 == 10 else EmploymentForm.PERMANENT
        leave = {"leave_from": date(2026, 9, 1), "leave_to": date(2027, 3, 1)} if number % 15 == 14 else {}
        builder.add_membership("personec", "staff", who, MembershipType.EMPLOYMENT, codes=(code,), employment_form=form,
                 start=date(2020, 8, 1), end=date(2026, 12, 1) if number == 2 else None, **leave)  # fmt: skip
        if form is EmploymentForm.PERMANENT and number % 17 != 3:
            builder.device(
                "intune", Platform.WINDOWS, "ThinkPad X13 Gen 4", login=login, silent=1.2 if number % 9 else 38
            )
        if number == 5:
            builder.device("intune", Platform.WINDOWS, "ThinkPad T480", login=login, silent=1.4)


def _children(builder: PageRecords, code: str, form: str, count: int, devices: int, location: str) -> None:
    for number in range(count):
        who = f"~c{code}{number}"
        builder.person("lifecare", "children", who, None)
        builder.add_membership("lifecare", "children", who, MembershipType.PLACEMENT, codes=(code,), school_form=form,
                 start=date(2026, 8, 17))  # fmt: skip
    for number in range(devices):
        builder.device("jamf", Platform.IPADOS, "iPad (10th generation)", location=location,
                    silent=4.1 if number % 6 else 50.0)  # fmt: skip


@cache
def known(size: int = 24) -> tuple[BelievedRecord, ...]:
    """Everything believed; *size* pupils a class."""
    builder = PageRecords()
    _school(builder, "bj", range(1, 7), size)
    _school(builder, "ek", range(4, 10), size)
    _school(builder, "li", range(1, 4), size)
    for code, count in (("bj", 31), ("ek", 38), ("li", 17), ("ug", 12), ("ma", 9), ("ce", 8)):
        _staff(builder, code, count)
    _children(builder, "ug", "FS", 63, 13, "Ugglan")
    _children(builder, "ma", "FS", 41, 6, "Måsen")
    _children(builder, "bj", "FKLASS", 22, 5, "Björk förskoleklass")
    for number in range(14):
        builder.device("intune", Platform.WINDOWS, "ThinkPad L13 Gen 3", location="Lager Centralt", silent=3 + number)
    for number in range(9):
        builder.device(
            "jamf", Platform.IPADOS, "iPad (9th generation)", silent=5, location="Okänd plats" if number % 2 else None
        )
    for number in range(3):
        builder.device("intune", Platform.WINDOWS, "ThinkPad L13", login=f"okand{number}@exempelby.se", silent=2)
    return tuple(builder.known)


def believed(size: int = 24, **more: Any) -> BelievedState:
    return BelievedState(**{"known": known(size), "parts": parts(), "episodes": old_episodes(size), **more})


@cache
def old_episodes(size: int) -> tuple[Episode, ...]:
    """The gaps as they were found three weeks ago, so that they have an age; some were found by the first pulls."""
    first = reconcile(
        BelievedState(known=known(size), parts=parts()), POLICY, CALENDARS, Moment(at(21), TODAY - timedelta(days=21))
    )
    return tuple(
        msgspec.structs.replace(episode, opened_at=at(5 + number % 40), known_before=number % 4 == 0)
        for number, episode in enumerate(first.episodes)
    )


@cache
def outcome(size: int = 24) -> Outcome:
    return reconcile(believed(size), POLICY, CALENDARS, Moment(at(0.01), TODAY))


@cache
def example_snapshot(size: int = 24) -> Snapshot:
    """The snapshot of the whole municipality."""
    return snapshot_of(believed(size), outcome(size))


@cache
def example_view(size: int = 24) -> VisibleSnapshot:
    """The same snapshot as an account sees it whose scope is not restricted."""
    return view_for(example_snapshot(size), FULL_SCOPE)


def snapshot_of(input_: BelievedState, outcome: Outcome) -> Snapshot:
    return build_snapshot(outcome, build_context(input_, POLICY, CALENDARS, outcome.moment))


@cache
def empty_snapshot() -> Snapshot:
    """A first start: configured, and nothing pulled yet."""
    waiting = tuple(
        msgspec.structs.replace(state, last_attempt_at=None, last_complete_at=None, as_of=None, first_complete_at=None,
                                held_pull=None, reason=None, disabled=False)
        for state in parts()
    )  # fmt: skip
    empty = BelievedState(parts=waiting)
    bare = msgspec.structs.replace(POLICY, units=())
    outcome = reconcile(empty, bare, CALENDARS, Moment(NOW, TODAY))
    return build_snapshot(outcome, build_context(empty, bare, CALENDARS, outcome.moment))


# --- the ports, kept in memory ----------------------------------------------------------------------------------------


@dataclass
class SnapshotHolder:
    """What is shown; tests replace the snapshot."""

    snapshot: Snapshot
    alive: bool = True
    ready: bool = True
    under_way: tuple[PullProgress, ...] = ()
    proposed: Proposals | None = None
    _rendered: tuple[Snapshot, Exposition] | None = None

    @property
    def exposition(self) -> Exposition:
        """Rendered once per snapshot, as the daemon does it."""
        if self._rendered is None or self._rendered[0] is not self.snapshot:
            self._rendered = (self.snapshot, Exposition(self.snapshot, {}))
        return self._rendered[1]

    def daemon_status(self) -> DaemonStatus:
        statuses = [PartStatus(part.source, part.part, True, False, 3600.0) for part in self.snapshot.outcome.parts]
        return DaemonStatus(version="0.1.0", revision="test", parts=statuses, is_school_day=True, is_leader=True)

    def pulls_under_way(self) -> tuple[PullProgress, ...]:
        return self.under_way

    def proposals(self) -> Proposals | None:
        return self.proposed

    def is_alive(self) -> bool:
        return self.alive

    def is_ready(self) -> bool:
        return self.ready


@dataclass
class FakeHistory:
    """Past days, computed from today: the further back, the less was covered."""

    shown_holder: SnapshotHolder
    days: int = 45

    def past(self, day: date) -> Snapshot | None:
        if not self.first_day() <= day <= TODAY:
            return None
        now = self.shown_holder.snapshot
        rows = tuple(self.recorded_rows(day, day))
        moment = Moment(datetime(day.year, day.month, day.day, 22, tzinfo=UTC), day)
        owed: Iterable[Any] = now.outcome.owed
        serving: Iterable[Assignment] = now.outcome.assignments
        return build_past_snapshot(now, moment, tuple(owed), tuple(serving), now.outcome.episodes, rows)

    def coverage_sums(
        self,
        first: date,
        last: date,
        entitlements: Collection[str],
        *,
        units: Collection[str] | None = None,
        by_unit: bool,
    ) -> Sequence[CoverageSum]:
        sums: defaultdict[tuple[date, str, str], list[int]] = defaultdict(lambda: [0, 0])
        for row in self.recorded_rows(first, last):
            if (units is None or row.unit in units) and row.entitlement in entitlements:
                cell = sums[row.day, row.unit if by_unit else "", row.entitlement]
                cell[0] += row.covered
                cell[1] += row.entitled
        return [CoverageSum(*key, *cell) for key, cell in sorted(sums.items())]

    def recorded_rows(self, first: date, last: date) -> Iterator[CoverageDay]:
        days = [TODAY - timedelta(days=back) for back in range(self.days, -1, -1)]
        return (row for day in days if first <= day <= last for row in self._rows(day))

    def _rows(self, day: date) -> Iterator[CoverageDay]:
        back = (TODAY - day).days
        for row in self.shown_holder.snapshot.outcome.coverage:
            wave = (back * 7 + len(row.unit) * 3) % 5
            lost = min(row.covered_own, (back // 9 + wave // 3) * max(1, row.entitled // 60))
            gained = back // 20 if row.covered_own + back // 20 + 9 <= row.entitled - row.unknown else 0
            yield msgspec.structs.replace(row, day=day, covered_own=row.covered_own - lost + gained)

    def first_day(self) -> date:
        return TODAY - timedelta(days=self.days)

    def assignments_of(self, device: str) -> Sequence[AssignmentInterval]:
        """For each device that serves a person: for twenty days, before that not working, before that another person's."""
        assignments = self.shown_holder.snapshot.outcome.assignments
        current = next((assignment for assignment in assignments if assignment.device == device), None)
        if current is None:
            return ()
        idle = msgspec.structs.replace(current, works=not current.works)
        other = msgspec.structs.replace(current, by=CoveredBy.OWN, subject_id="p-edlevo-bj-5A-3")  # a protected person
        return (
            AssignmentInterval(current, at(20)),
            AssignmentInterval(idle, at(30), at(20)),
            AssignmentInterval(other, at(40), at(30), known_before=True),
        )

    def previous_holders(self, devices: Collection[str]) -> Mapping[str, Sequence[AssignmentInterval]]:
        """Of each device that serves somebody: the intervals above that have ended."""
        of_each = {device: [row for row in self.assignments_of(device) if row.until is not None] for device in devices}
        return {device: intervals for device, intervals in of_each.items() if intervals}

    def refusals(self, source: str, part: str) -> Sequence[HoldReason]:
        return REFUSALS if source == "intune" else ()

    def parts(self) -> Sequence[PartState]:
        return self.shown_holder.snapshot.outcome.parts

    def newest_pulls(self, source: str, part: str) -> Sequence[PullSummary]:
        """The newest of each verdict."""
        return list({pull.verdict: pull for pull in reversed(self.pulls(source, part))}.values())[::-1]

    def pulls(self, source: str, part: str, limit: int = 20) -> Sequence[PullSummary]:
        verdicts = (Verdict.HELD if source == "intune" else Verdict.COMPLETE, Verdict.COMPLETE, Verdict.UNCHANGED)
        if source == "jamf":
            verdicts = (Verdict.FAILED, Verdict.FAILED, Verdict.COMPLETE)
        return [
            PullSummary(pull=4711 - place, source=source, part=part, started_at=at(place / 24), verdict=verdict, seen=486,
                     seconds=12.4, reason="312 of 486 device records are absent" if verdict is Verdict.HELD else "",
                     refusals=REFUSALS if verdict is Verdict.HELD else (),
                     **({**NOT_TAKEN_UP, "rejected": {"serial is empty": place}} if place else {}))
            for place, verdict in enumerate((*verdicts, Verdict.COMPLETE)[:limit])
        ]  # fmt: skip


NOT_TAKEN_UP: Mapping[str, Any] = {
    "unreadable_facts": {"warranty_until: not a day": 3},
    "unreadable": (
        UnreadableRow(place="datorer.csv line 17", reason="serial is empty"),
        UnreadableRow(place="datorer.csv line 18", reason="serial is empty"),
        UnreadableRow(place="datorer.csv line 4", reason="not a day", fact="warranty_until"),
    ),
    "unused_headers": {"datorer.csv": ("Rum", "Anteckning")},
    "dropped": {"mailbox": 12, "private_phone": 1},
    "drift": {"status=kassaskåp": 2},
}


@dataclass
class FakeDecisions:
    """Records decisions and audit entries."""

    decisions_taken: list[tuple[str, ...]] = field(default_factory=list)
    audited: list[tuple[str, str, str]] = field(default_factory=list)
    leftovers: list[LeftoverPull] = field(default_factory=list)

    def leftover_pulls(self) -> Sequence[LeftoverPull]:
        return self.leftovers

    def plan(self, source: str, part: str, pull: int) -> ChangePlan:
        if pull != 4711:
            raise DecisionError("this pull is no longer held. Look at the newest one")
        return ChangePlan(
            new=3, changed=12, absent=312, assignments_ended=298, gaps_opened={"no_device": 287, "not_in_mdm": 25},
            coverage_changes=(CoverageChange(unit="ekskolan", entitlement="pupils", entitled_before=264, entitled_after=264,
                          covered_before=230, covered_after=41),),
            coverage_totals=(CoverageChange(unit="", entitlement="pupils", entitled_before=900, entitled_after=900,
                          covered_before=810, covered_after=621),),
            units=(UnitRecordChanges(unit="bjorkskolan", changed=12), UnitRecordChanges(unit="ekskolan", new=3, absent=312)),
            samples=(SampledChange(change="absent", subject=Subject.DEVICE, subject_id="d-intune-exb00041", unit="ekskolan", label="EXB00041"),
                     SampledChange(change="absent", subject=Subject.PERSON, subject_id="p-edlevo-ek-4A-0", unit="ekskolan"),
                     SampledChange(change="new", subject=Subject.PERSON, subject_id="p-of-tomorrow", unit="bjorkskolan")),
        )  # fmt: skip

    def accept(self, source: str, part: str, pull: int, *, who: str, reason: str) -> None:
        self._take("accept", source, part, pull, who, reason)

    def reject(self, source: str, part: str, pull: int, *, who: str, reason: str) -> None:
        self._take("reject", source, part, pull, who, reason)

    def _take(self, verb: str, source: str, part: str, pull: int, who: str, reason: str) -> None:
        if pull != 4711:
            raise DecisionError("this pull is no longer held. Look at the newest one")
        self.decisions_taken.append((verb, source, part, str(pull), who, reason))

    def audit(self, who: str, what: str, subject: str) -> None:
        self.audited.append((who, what, subject))


@cache
def _hash() -> str:
    return generate_password_hash(PASSWORD, method="scrypt:1024:8:1")


@dataclass
class FakeProtection:
    """Knows one protected person, and one whose mark waits."""

    released: list[tuple[str, str, str]] = field(default_factory=list)

    def find(self, key: str) -> ProtectedState | None:
        known = {"4711": at(3), "4712": None}
        if key not in known:
            return None
        return ProtectedState(reference="p-opaque", since=known[key], parts=("personal/staff",))

    def release(self, reference: str, *, who: str, reason: str) -> ProtectedState:
        if reference != "p-opaque":
            raise DecisionError("this person is not protected, or is not known. Nothing was changed")
        self.released.append((reference, who, reason))
        return ProtectedState(reference=reference, since=None, parts=("personal/staff",))

    def marking_pulls(self) -> tuple[MarkingPull, ...]:
        released = {reference for reference, _, _ in self.released}
        return tuple(
            MarkingPull(
                pull=pull,
                part="personal/staff",
                marked_at=at(3),
                persons=40,
                marked_elsewhere=2,
                is_released=str(pull) in released,
            )
            for pull in (17, 12)
        )

    def release_pull(self, pull: int, *, who: str, reason: str) -> MarkingPull:
        marking = next((each for each in self.marking_pulls() if each.pull == pull), None)
        if marking is None:
            raise DecisionError(f"no mark of pull {pull} stands. Nothing was changed")
        self.released.append((str(pull), who, reason))
        return marking


class FakeAccounts:
    """An account of each role."""

    def __init__(self) -> None:
        common = {"password_hash": _hash(), "changed_at": at(100)}
        self.accounts: dict[str, SignInAccount] = {
            "tea": SignInAccount(name="tea", role=AccountRole.TECHNICIAN, **common),  # type: ignore[arg-type]
            "stina": SignInAccount(name="stina", role=AccountRole.STRATEGIST, **common),  # type: ignore[arg-type]
            "rut": SignInAccount(name="rut", role=AccountRole.PRINCIPAL, units=("ekskolan",), **common),  # type: ignore[arg-type]
            "petra": SignInAccount(name="petra", role=AccountRole.PROTECTION, **common),  # type: ignore[arg-type]
        }

    def account(self, name: str) -> SignInAccount | None:
        return self.accounts.get(name)

    def account_of_token(self, token_hash: str) -> SignInAccount | None:
        """The token of each account is its name."""
        hashed = {hashlib.sha256(name.encode()).hexdigest(): account for name, account in self.accounts.items()}
        return hashed.get(token_hash)


@dataclass
class FakeInbox:
    """Keeps what was given, and what became of it."""

    files: dict[str, ReceivedFile] = field(default_factory=dict)
    contents: list[bytes] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    refusal: str = ""

    def receive(self, who: str, name: str, content: bytes) -> None:
        self.files[who] = ReceivedFile(name=name)
        self.contents.append(content)

    def received(self, who: str) -> ReceivedFile | None:
        return self.files.get(who)

    def accept(self, who: str) -> str:
        if self.refusal:
            raise DecisionError(self.refusal)
        self.accepted.append(self.files.pop(who).name)
        return "personec"

    def discard(self, who: str) -> None:
        self.files.pop(who, None)


@dataclass
class FakeManualDecisions:
    """Keeps what was decided; what one test enters, the same test reads."""

    parked: dict[tuple[str, str], EnteredParking] = field(default_factory=dict)
    entered: list[EnteredCorrection] = field(default_factory=list)
    published: dict[str, Publication] = field(default_factory=dict)

    def park(self, gaps: Sequence[tuple[str, str]], until: date, *, who: str, reason: str) -> None:
        self.parked |= dict.fromkeys(gaps, EnteredParking(until=until, reason=reason, who=who, at=NOW))

    def unpark(self, gaps: Sequence[tuple[str, str]], *, who: str) -> None:
        for gap in gaps:
            if gap not in self.parked:
                raise DecisionError(f"{':'.join(gap)} is not parked. Nothing was changed")
            del self.parked[gap]

    def parking(self, kind: str, subject_id: str) -> EnteredParking | None:
        return self.parked.get((kind, subject_id))

    def correct(self, entry: Correction | DeviceCount, *, who: str) -> int:
        number = len(self.entered) + 1
        self.entered.append(
            EnteredCorrection(
                number=number,
                subject_id=entry.subject_id if isinstance(entry, DeviceCount) else entry.device,
                field="count" if isinstance(entry, DeviceCount) else entry.field,
                value=str(entry.count) if isinstance(entry, DeviceCount) else entry.value,
                until=entry.until,
                reason=entry.reason,
                who=who,
                at=NOW,
            )
        )
        return number

    def take_back(self, number: int, *, who: str) -> EnteredCorrection:
        entered = self.entered[number - 1]
        if entered.ended_how:
            raise DecisionError(f"no correction {number} is in force")
        self.entered[number - 1] = msgspec.structs.replace(entered, ended_at=NOW, ended_how="taken_back", ended_by=who)
        return entered

    def corrections(self, subject_ids: Collection[str] | None = None) -> Sequence[EnteredCorrection]:
        return [each for each in self.entered if subject_ids is None or each.subject_id in subject_ids]

    def publish(self, unit: str, *, who: str) -> None:
        self.published[unit] = Publication(who=who, at=NOW)

    def unpublish(self, unit: str, *, who: str) -> None:
        if unit not in self.published:
            raise DecisionError(f"{unit} was not published by a decision. Nothing was changed")
        del self.published[unit]

    def publications(self) -> Mapping[str, Publication]:
        return self.published


@dataclass
class FakeHeadCounts:
    """Keeps what was typed; *refusal*: why nothing is."""

    counts: list[TypedCount] = field(default_factory=list)
    entered_by: list[str] = field(default_factory=list)
    refusal: Text | str = ""
    open: bool = True

    def is_open(self) -> bool:
        return self.open

    def typed_counts(self) -> list[TypedCount]:
        return list(self.counts)

    def enter(self, count: TypedCount, *, who: str) -> TypedCount | None:
        if self.refusal:
            raise DecisionError(self.refusal)
        replaced = next((each for each in self.counts if each.place_and_day == count.place_and_day), None)
        if replaced is not None:
            self.counts.remove(replaced)
        self.counts.append(count)
        self.entered_by.append(who)
        return replaced

    def remove(self, count: TypedCount, *, who: str) -> None:
        if count not in self.counts:
            raise DecisionError("this number is not there any more")
        self.counts.remove(count)


@dataclass
class PageSetup:
    """What a test of the page may look at and replace."""

    shown_holder: SnapshotHolder
    history: FakeHistory
    decision_port: FakeDecisions
    account_port: FakeAccounts
    protection_port: FakeProtection
    inbox_port: FakeInbox
    manual_port: FakeManualDecisions
    head_count_port: FakeHeadCounts
    services: WebServices


def page_setup(snapshot: Snapshot | None = None, *, clock: Clock | None = None, **more: Any) -> PageSetup:
    shown = SnapshotHolder(example_snapshot(4) if snapshot is None else snapshot)
    history, decisions, accounts = FakeHistory(shown), FakeDecisions(), FakeAccounts()
    protection, inbox = FakeProtection(), FakeInbox()
    manual, head_counts = FakeManualDecisions(), FakeHeadCounts()
    defaults: Mapping[str, Any] = {
        "session_key": b"an invented key of the page's sessions",
        "municipality": "Exempelby",
        "is_loopback": True,
        **more,
    }
    services = WebServices(
        published_state=shown,
        history=history,
        decisions=decisions,
        manual_decisions=manual,
        accounts=accounts,
        audit=decisions,
        protection=protection,
        inbox=inbox,
        head_counts=head_counts,
        clock=clock or ManualClock(NOW),
        **defaults,
    )
    return PageSetup(shown, history, decisions, accounts, protection, inbox, manual, head_counts, services)
