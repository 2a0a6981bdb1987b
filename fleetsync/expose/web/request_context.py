"""One request: who asks, in which language, about which day; the page functions ask it for everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from flask import abort, current_app, g, request

from fleetsync.core.calendar import local_day
from fleetsync.core.model import Assignment, ChangePlan, Episode, PartState, Text
from fleetsync.core.snapshot import Snapshot
from fleetsync.expose.ports import AccountRole, DecisionError, SignInAccount, WebServices
from fleetsync.expose.web.limiter import SignInLimiter
from fleetsync.expose.web.localiser import LANGUAGES, Localiser
from fleetsync.expose.web.lookup import Lookup, LookupCache, gaps_by_subject, overdue_parts

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
    lookup_cache: LookupCache
    limiter: SignInLimiter
    is_secure: bool  # reached over https: cookies are for that road alone


def current_app_state() -> App:
    """The running application's."""
    found = current_app.extensions[EXTENSION_KEY]
    assert isinstance(found, App), "create_app put it there"
    return found


def request_context() -> "RequestContext":
    """The running request's."""
    if "request_context" not in g:
        g.request_context = RequestContext()
    found = g.request_context
    assert isinstance(found, RequestContext), "nobody else writes it"
    return found


class RequestContext:
    """Read once per request; the snapshot is the same from its first look to its last."""

    def __init__(self) -> None:
        self.services = current_app_state().services
        self.latest: Snapshot = self.services.published_state.snapshot
        self.now: datetime = self.services.clock.now()
        self.account: SignInAccount | None = None

    @cached_property
    def localiser(self) -> Localiser:
        """The reader's language: what the link says, else what was chosen, else the configured one."""
        asked = (request.args.get("lang"), request.cookies.get("lang"), self.services.default_language)
        language = next(one for one in asked if one in LANGUAGES)
        return Localiser(language or "sv", self.latest.context.policy.time_zone)

    @property
    def theme(self) -> str:
        """auto, light or dark."""
        asked = (request.args.get("theme"), request.cookies.get("theme"))
        return next((one for one in asked if one in THEMES and one is not None), "auto")

    @cached_property
    def today(self) -> date:
        """The local day of now."""
        return local_day(self.now, self.latest.context.policy.time_zone)

    @cached_property
    def as_of(self) -> date | None:
        """The past day that is asked about; None: now. An unreadable one is a bad request."""
        text = request.args.get("as_of", "").strip()
        if not text:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            abort(400)
        return day if day != self.today else None

    @cached_property
    def snapshot(self) -> Snapshot:
        """What is asked about. Raises NoPastError for a day without numbers."""
        if self.as_of is None:
            return self.latest
        past = self.services.history.past(self.as_of)
        if past is None:
            raise NoNumbersForDayError(self.as_of)
        return past

    @property
    def day(self) -> date:
        """The local day that is asked about."""
        return self.snapshot.outcome.moment.today

    @property
    def lookup(self) -> Lookup:
        """Of now: what stands beside a past number is today's."""
        return current_app_state().lookup_cache.for_snapshot(self.latest)

    @cached_property
    def serving(self) -> Mapping[str, Assignment]:
        """By device, on the day that is asked about."""
        return {one.device: one for one in self.snapshot.outcome.assignments}

    @cached_property
    def gaps(self) -> Mapping[str, Sequence[Episode]]:
        """By subject, on the day that is asked about."""
        return self.lookup.gaps if self.as_of is None else gaps_by_subject(self.snapshot)

    @cached_property
    def concealed(self) -> frozenset[str]:
        """Persons who are counted and never listed; of a past day those too whom nobody knows any more."""
        return self.lookup.concealed | self.snapshot.hidden

    @cached_property
    def parts(self) -> tuple[PartState, ...]:
        """Every configured part, as the database has it now."""
        return tuple(self.services.history.parts())

    @cached_property
    def overdue(self) -> tuple[PartState, ...]:
        """Parts that make the numbers old."""
        return tuple(overdue_parts(self.parts, self.today))

    def plan(self, part: PartState) -> tuple[ChangePlan | None, str]:
        """(what the held pull of *part* would change, why that cannot be said)."""
        if part.held_pull is None:
            return None, ""
        try:
            return self.services.decisions.plan(part.source, part.part, part.held_pull), ""
        except DecisionError as refusal:
            return None, str(refusal)

    @property
    def may_see_logins(self) -> bool:
        """Whether log-ins may be shown: whoever administers accounts needs them, nobody else does."""
        return self.account is not None and self.account.role is AccountRole.TECHNICIAN

    def works_on_day(self, device_id: str) -> tuple[bool, Text] | None:
        """(whether the device worked on the day that is asked about, why); None where that is not known."""
        if self.as_of is None:
            case = self.lookup.devices.get(device_id)
            return (case.device_state.works, case.device_state.works_reason) if case else None
        given = self.serving.get(device_id)
        return (given.works, given.reason) if given else None

    def unit_name(self, slug: str) -> str:
        """What people call the unit."""
        reserved: Mapping[str, tuple[str, str]] = {
            "unplaced": ("Utan enhet", "Without a unit"),
            "central": ("Centralt", "Central"),
        }
        if slug in reserved:
            return str(self.localiser.t(*reserved[slug]))
        unit = self.lookup.units.get(slug)
        return unit.name if unit else slug

    def write_audit(self, what: str, subject: str = "") -> None:
        """Write into the audit what somebody looked at."""
        if self.account is not None:
            self.services.audit.audit(self.account.name, what, subject)
