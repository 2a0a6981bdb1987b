"""One request: its account, language and day. Page functions get everything they show from here.

Snapshots come through the gate: `visible` and `lookup` hold only what the account may see.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from flask import abort, current_app, g, request

from fleetsync.core.calendar import local_day
from fleetsync.core.model import (
    Assignment,
    AssignmentInterval,
    ChangePlan,
    CoverageSum,
    Episode,
    HoldReason,
    PartState,
    Text,
    Verdict,
)
from fleetsync.core.proposals import Proposals
from fleetsync.core.pull_progress import progress_sentence
from fleetsync.expose.gate import (
    VisibleSnapshot,
    time_zone_of,
    visible_coverage_sums,
    visible_intervals,
    visible_parts,
    visible_plan,
    visible_proposals,
    visible_pulls,
    visible_refusals,
)
from fleetsync.expose.lists.definitions import ListContext
from fleetsync.expose.lookup import Lookup, overdue_parts
from fleetsync.expose.ports import DecisionError, PullSummary, SignInAccount, WebServices, scope_of_account
from fleetsync.expose.scope import EMPTY_SCOPE, Permission, Scope
from fleetsync.expose.web.ended_sessions import EndedSessions
from fleetsync.expose.web.indexed_snapshot import IndexedSnapshot, PublishedIndexes, SnapshotIndexes
from fleetsync.expose.web.limiter import SignInLimiter
from fleetsync.expose.web.localiser import LANGUAGES, Localiser

READ_VERDICTS = frozenset({Verdict.COMPLETE, Verdict.HELD})  # such a pull read the whole part
EXTENSION_KEY = "fleetsync"
THEMES = ("auto", "light", "dark")
NO_NUMBERS_MESSAGE = "no numbers of that day"


class NoNumbersForDayError(Exception):
    """Nothing was published on the day that was asked for."""

    def __init__(self, day: date) -> None:
        super().__init__(NO_NUMBERS_MESSAGE)
        self.day = day


@dataclass(frozen=True)
class App:
    """What the application holds for all requests."""

    services: WebServices
    snapshot_indexes: SnapshotIndexes
    limiter: SignInLimiter
    ended_sessions: EndedSessions
    is_secure: bool  # reached over https: cookies are sent over https only


def current_app_state() -> App:
    """The state of the running application."""
    state = current_app.extensions[EXTENSION_KEY]
    assert isinstance(state, App), "create_app put it there"
    return state


def request_context() -> "RequestContext":
    """The context of the running request."""
    if "request_context" not in g:
        g.request_context = RequestContext()
    context = g.request_context
    assert isinstance(context, RequestContext), "nobody else writes it"
    return context


def chosen_language(default: str) -> str:
    """The language of this request: that of the address, else the one kept in the cookie, else *default*."""
    candidates = (request.args.get("lang"), request.cookies.get("lang"))
    return next((language for language in candidates if language is not None and language in LANGUAGES), default)


def chosen_theme() -> str:
    """The theme of this request: auto, light or dark."""
    candidates = (request.args.get("theme"), request.cookies.get("theme"))
    return next((theme for theme in candidates if theme is not None and theme in THEMES), "auto")


class RequestContext:
    """Read once per request; the snapshot stays the same for the whole request."""

    def __init__(self) -> None:
        self.services = current_app_state().services
        self._published: PublishedIndexes = current_app_state().snapshot_indexes.newest(self.services.published_state)
        self.now: datetime = self.services.clock.now()
        self.account: SignInAccount | None = None

    # --- the reader ---------------------------------------------------------------------------------------------------------

    @cached_property
    def localiser(self) -> Localiser:
        """The reader's language: that of the address, else the chosen one, else the configured one."""
        return Localiser(chosen_language(self.services.default_language), self._time_zone)

    @property
    def theme(self) -> str:
        """auto, light or dark."""
        return chosen_theme()

    @property
    def scope(self) -> Scope:
        """What the account may see, by its role and units; nothing before the sign-in."""
        return EMPTY_SCOPE if self.account is None else scope_of_account(self.account, self.services.role_scopes)

    @property
    def may_see_logins(self) -> bool:
        """Whether log-ins may be shown."""
        return self.scope.allows(Permission.LOGINS)

    @property
    def may_decide(self) -> bool:
        """Whether the account may accept and reject held pulls."""
        return self.scope.allows(Permission.DECISIONS)

    @property
    def may_correct(self) -> bool:
        """Whether the account may park gaps and correct facts of devices."""
        return self.scope.allows(Permission.FACTS)

    @property
    def has_read_nothing(self) -> bool:
        """Whether no pull was ever complete, so that an empty list says nothing about the municipality."""
        return all(part.as_of is None for part in self.parts)

    @property
    def may_park(self) -> bool:
        """Whether gaps may be parked from this page: those of a past day may not."""
        return self.may_correct and self.as_of is None

    # --- the day ------------------------------------------------------------------------------------------------------------

    @property
    def _time_zone(self) -> str:
        return time_zone_of(self._published.snapshot)

    @cached_property
    def today(self) -> date:
        """The local day of now."""
        return local_day(self.now, self._time_zone)

    @cached_property
    def as_of(self) -> date | None:
        """The past day of the address; None: now. An unreadable day is a bad request."""
        text = request.args.get("as_of", "").strip()
        if not text:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            abort(400)
        return day if day != self.today else None

    @property
    def school_resumes_on(self) -> date | None:
        """The next school day while the schools have a break; None on all other days, ordinary weekends included."""
        calendar = self.latest.calendars.default
        return calendar.first_school_day(self.today) if calendar.is_in_break(self.today) else None

    @property
    def is_summer(self) -> bool:
        """Whether the schools are between two school years."""
        summer = self.latest.calendars.default.summer_break(self.today)
        return summer is not None and summer.last_school_day < self.today < summer.first_school_day

    @property
    def day(self) -> date:
        """The local day that is asked about."""
        return self.visible.today

    # --- what may be seen ---------------------------------------------------------------------------------------------------

    @property
    def today_indexes(self) -> IndexedSnapshot:
        """The current snapshot with its indexes, as the account may see it."""
        return self._published.today(self.scope)

    @cached_property
    def day_indexes(self) -> IndexedSnapshot:
        """The snapshot of the day that is asked about. Raises NoNumbersForDayError for a day without numbers."""
        day = self.as_of
        if day is None:
            return self.today_indexes
        past = self._published.past(self.scope, day, lambda: self.services.history.past(day))
        if past is None:
            raise NoNumbersForDayError(day)
        return past

    @property
    def lookup(self) -> Lookup:
        """Today's cases: what is shown beside a past number is today's."""
        return self.today_indexes.lookup

    @property
    def latest(self) -> VisibleSnapshot:
        """The current snapshot, as the account may see it."""
        return self.today_indexes.visible

    @property
    def visible(self) -> VisibleSnapshot:
        """The snapshot of the day that is asked about. Raises NoNumbersForDayError for a day without numbers."""
        return self.day_indexes.visible

    @property
    def list_context(self) -> ListContext:
        """What the lists of the day that is asked about read."""
        return self.day_indexes.list_context

    @cached_property
    def live_list_context(self) -> ListContext:
        """What lists read whose rows change while the snapshot stays the same."""
        lookup = self.lookup
        return ListContext(
            scope=self.scope, today=self.today, open_lookup=lambda: lookup, open_parts=lambda: self.parts
        )

    @property
    def serving(self) -> Mapping[str, Assignment]:
        """Assignments by device, on the day that is asked about."""
        return self.day_indexes.serving

    @property
    def gaps(self) -> Mapping[str, Sequence[Episode]]:
        """Open gaps by subject, on the day that is asked about."""
        return self.list_context.gaps

    def coverage_sums(self, first: date, last: date, units: Collection[str] | None) -> Sequence[CoverageSum]:
        """Recorded numbers from *first* to *last*: by unit for *units*, of all units together for None."""
        return visible_coverage_sums(self.services.history, self.scope, (first, last), self.lookup.rules, units)

    def assignments_of(self, device_id: str) -> Sequence[AssignmentInterval]:
        """Which persons, sets and pools a device has served, the newest first."""
        return visible_intervals(self.services.history.assignments_of(device_id), self.scope)

    # --- sources ------------------------------------------------------------------------------------------------------------

    @cached_property
    def parts(self) -> tuple[PartState, ...]:
        """Every configured part, as the database has it now."""
        return visible_parts(self.services.history.parts(), self.scope)

    @cached_property
    def overdue(self) -> tuple[PartState, ...]:
        """Parts that make the numbers old."""
        return tuple(overdue_parts(self.parts, self.today))

    @cached_property
    def under_way(self) -> Mapping[str, Text]:
        """How far the pulls are that have not ended, in a sentence each, by source/part."""
        return {each.name: progress_sentence(each) for each in self.services.published_state.pulls_under_way()}

    @cached_property
    def proposals(self) -> Proposals | None:
        """What may be configured; None: it is being worked out."""
        proposals = self.services.published_state.proposals()
        return None if proposals is None else visible_proposals(proposals, self.scope)

    def pulls(self, part: PartState) -> Sequence[PullSummary]:
        """The newest pulls of a part."""
        return visible_pulls(self.services.history.pulls(part.source, part.part), self.scope)

    def last_read(self, part: PartState) -> PullSummary | None:
        """The newest pull that read the part to its end, however many have found it unchanged since."""
        newest = self.services.history.newest_pulls(part.source, part.part)
        read = next((pull for pull in newest if pull.verdict in READ_VERDICTS and pull.decided != "rejected"), None)
        return None if read is None else visible_pulls([read], self.scope)[0]

    def refusals(self, part: PartState) -> Sequence[HoldReason]:
        """Why the held pull of a part is held."""
        return visible_refusals(self.services.history.refusals(part.source, part.part), self.scope)

    def plan(self, part: PartState) -> tuple[ChangePlan | None, str]:
        """(what the held pull of *part* would change, why that cannot be said)."""
        if part.held_pull is None:
            return None, ""
        try:
            plan = self.services.decisions.plan(part.source, part.part, part.held_pull)
        except DecisionError as refusal:
            return None, self.localiser.translate(refusal.text)
        return visible_plan(plan, self.scope), ""

    # --- helpers of pages ---------------------------------------------------------------------------------------------------

    def works_on_day(self, device_id: str) -> tuple[bool | None, Text] | None:
        """(whether the device worked on the day that is asked about, None for undecided; why); None for a device
        that is not known on that day.
        """
        if self.as_of is None:
            case = self.lookup.devices.get(device_id)
            return (case.device_state.works, case.device_state.works_reason) if case else None
        assignment = self.serving.get(device_id)
        return (assignment.works, assignment.reason) if assignment else None

    def unit_name(self, slug: str) -> str:
        """What people call the unit."""
        return self.localiser.translate(self.today_indexes.list_context.names.unit(slug))

    def write_audit(self, what: str, subject: str = "") -> None:
        """Record in the audit what the account looked at."""
        if self.account is not None:
            self.services.audit.audit(self.account.name, what, subject)
