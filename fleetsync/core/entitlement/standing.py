"""Where each person belongs today and what he is owed; who comes, who has left, whom only a witness knows.

Pure. One person is owed by one rule. Whose identity is protected has neither unit nor groups, and the words about him
are those about anybody without a unit.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import cast

import msgspec

from fleetsync.core.calendar import Calendars, local_day
from fleetsync.core.entitlement.decisions import UNKNOWN_DAYS, Judgement, day_or_unknown, index_of, judge, say
from fleetsync.core.entitlement.ties import Bench, Current, Tie, rank
from fleetsync.core.identity import UnitBook, folded
from fleetsync.core.model import (
    UNPLACED,
    MembershipRecord,
    MembershipType,
    Mode,
    Moment,
    Owed,
    PartState,
    Person,
    Policy,
    Scheme,
    Standing,
    Subject,
    Text,
)

STARTS_WITHIN_SCHOOL_DAYS = 15
CLASS = "klass"  # groupType of the group that a set serves first
LOGIN_SCHEMES = frozenset({Scheme.OBJECT_ID, Scheme.ADDRESS, Scheme.ACCOUNT})

NO_UNIT = Text("Ingen enhet är känd", "No unit is known")
EMPLOYED_THERE = Text("Anställd där från {0}", "Employed there from {0}")
ATTENDS_THERE = Text("Går där från {0}", "Attends from {0}")
LARGEST_OF = Text(
    "{0}; av {1} anställningar räknas den med störst andel, annars den som började först",
    "{0}; of {1} employments the largest share counts, else the earliest start",
)
LATEST_OF = Text("{0}; av {1} räknas den som började senast", "{0}; of {1} the one that began last counts")


def stand(
    people: Sequence[Person],
    book: UnitBook,
    policy: Policy,
    calendars: Calendars,
    parts: Sequence[PartState],
    moment: Moment,
) -> tuple[Standing, ...]:
    """The standing of each person, in the order given; asked on `moment.today`.

    A dated end is believed when its part has been read with content of a later day (`domain.md` §2.5): to judge a day
    to come, give parts whose `as_of` is that day.
    """
    bench = Bench(
        policy=policy,
        calendars=calendars,
        book=book,
        parts={(part.source, part.part): part for part in parts},
        moment=moment,
    )
    files = Rosters.of(people, bench)
    return tuple([_stand(_facts_of(person, bench), bench, files) for person in people])


class Rosters(msgspec.Struct, frozen=True):
    """The days that the staff rosters which count speak for."""

    staff_as_of: tuple[date, ...]

    @classmethod
    def of(cls, people: Iterable[Person], bench: Bench) -> "Rosters":
        """Found by what they hold: a part is a staff roster when employments came from it."""
        told = {
            (tie.source, tie.part)
            for person in people
            for tie in person.memberships
            if cast("MembershipRecord", tie.record).membership is MembershipType.EMPLOYMENT
        }
        counting = (part for name in told if (part := bench.parts.get(name)) is not None and part.counts)
        return cls(tuple(part.as_of for part in counting if part.as_of is not None))

    def may_not_know_yet(self, first_seen: date) -> bool:
        """Whether a staff roster is older than somebody's first sighting."""
        return any(as_of < first_seen for as_of in self.staff_as_of)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """One person, with what follows from his memberships today."""

    person: Person
    ties: tuple[Tie, ...]
    judgement: Judgement
    starts_on: date | None
    endings: tuple[tuple[date, Tie], ...]  # of somebody who has left: the memberships that have begun and ended
    witnessed: tuple[Tie, ...]  # what sources that found nothing say of today
    placing: tuple[Current, ...]  # the memberships among which `main` is chosen
    main: Current | None  # the membership that places him

    @property
    def ended_on(self) -> date | None:
        """The last day of somebody who has left; None while a membership runs, or when none has begun and ended."""
        return max((day for day, _ in self.endings), default=None)

    @property
    def has_login(self) -> bool:
        """Whether any source gives him a log-in."""
        return any(key.scheme in LOGIN_SCHEMES for key in self.person.keys)

    @property
    def is_in_a_roster(self) -> bool:
        """Whether a source that counts has ever had a membership of his, be it over or to come."""
        return any(tie.counts and tie.type is not MembershipType.GROUP for tie in self.ties)


def _facts_of(person: Person, bench: Bench) -> Facts:
    ties = tuple([bench.tie(known, cast("MembershipRecord", known.record)) for known in person.memberships])
    judgement = judge(ties, bench.today, bench.rules, bench)
    starts_on = _starts_on(ties, judgement, bench)
    endings = () if judgement.running else _endings(ties, bench.today)
    witnessed = tuple([tie for tie in ties if not tie.counts and _is_told_of(tie, bench.today)])
    placing = judgement.basis or tuple(map(_alone, _without_basis(ties, starts_on, endings, bench.today) or witnessed))
    return Facts(
        person=person,
        ties=ties,
        judgement=judgement,
        starts_on=starts_on,
        endings=endings,
        witnessed=witnessed,
        placing=placing,
        main=placing[0] if len(placing) == 1 else min(placing, key=lambda current: rank(current.tie), default=None),
    )


def _starts_on(ties: Sequence[Tie], judgement: Judgement, bench: Bench) -> date | None:
    """The nearest first day, within 15 school days, from which he is owed a device and is owed none today."""
    if _owes_by_head(judgement):
        return None
    days = sorted({tie.first for tie in ties if tie.founds and _starts_soon(tie, bench)})
    return next((day for day in days if _owes_by_head(judge(ties, day, bench.rules_of(day), bench))), None)


def _starts_soon(tie: Tie, bench: Bench) -> bool:
    if not bench.today < tie.first <= tie.last:
        return False
    return bench.calendar(tie.unit).school_days_between(bench.today, tie.first) <= STARTS_WITHIN_SCHOOL_DAYS


def _owes_by_head(judgement: Judgement) -> bool:
    return judgement.owner is not None and judgement.owner.mode is not Mode.POOL


def _endings(ties: Sequence[Tie], today: date) -> tuple[tuple[date, Tie], ...]:
    begun = (tie for tie in ties if tie.founds and tie.first <= min(tie.last, today))
    return tuple((_end_of(tie, ties, today), tie) for tie in begun)


def _end_of(tie: Tie, ties: Sequence[Tie], today: date) -> date:
    if not tie.holds_on(today):
        return tie.last
    # It runs and does not count: he has moved to another principal's school before the row was closed.
    moved = max(other.first for other in ties if other.counts and other.foreign and other.holds_on(today))
    return moved - timedelta(days=1)


def _without_basis(
    ties: Sequence[Tie], starts_on: date | None, endings: Sequence[tuple[date, Tie]], today: date
) -> list[Tie]:
    """What places somebody of whom nothing runs: what he comes to soon, else has left last, else comes to some day."""
    newest = max((day for day, _ in endings), default=None)
    if starts_on is None and newest is not None:
        return [tie for day, tie in endings if day == newest]
    to_come = [tie for tie in ties if tie.founds and today < tie.first <= tie.last]
    first = starts_on or min((tie.first for tie in to_come), default=None)
    return [tie for tie in to_come if tie.first == first]


def _is_told_of(tie: Tie, day: date) -> bool:
    return not tie.foreign and tie.type is not MembershipType.GROUP and tie.holds_on(day)


def _alone(tie: Tie) -> Current:
    return Current(tie, tie.first, tie.last)


def _stand(facts: Facts, bench: Bench, files: Rosters) -> Standing:
    person, main, judgement = facts.person, facts.main, facts.judgement
    unit = UNPLACED if main is None or person.masked else main.tie.unit
    class_group, groups = (None, ()) if person.masked else _groups(facts.ties, unit, bench)
    return Standing(
        person=person.id,
        unit=unit,
        unit_reason=_why_there(facts, unit),
        class_group=class_group,
        groups=groups,
        school_form=main.tie.form if main else None,
        grade_index=_grade_index(facts.main, bench.today),
        owed=_owed(facts, unit, ((class_group,) if class_group else ()) + groups),
        decisions=judgement.decisions,
        began_on=_known(main.first) if main else None,
        ends_on=_ends_on(judgement),
        may_return=_may_return(judgement),
        ended_on=facts.ended_on,
        starts_on=facts.starts_on,
        counted=bool(judgement.running),
        has_login=facts.has_login,
        only_in_witness=bool(facts.witnessed) and not facts.is_in_a_roster,
        is_child=_is_child(facts, bench.today),
        not_yet_in_roster=_is_not_yet_in_roster(facts, bench, files),
    )


def _owed(facts: Facts, unit: str, groups: tuple[str, ...]) -> Owed | None:
    rule = facts.judgement.owner
    if rule is None or rule.mode is Mode.POOL:
        return None
    return Owed(
        entitlement=rule.id,
        subject=Subject.PERSON,
        subject_id=facts.person.id,
        unit=unit,
        groups=groups,
        count=rule.devices,
        decidable=facts.has_login and not facts.person.masked,
        reason=facts.judgement.reason,
    )


def _why_there(facts: Facts, unit: str) -> Text:
    main = facts.main
    if main is None or unit == UNPLACED:
        return NO_UNIT
    is_employed = main.tie.type is MembershipType.EMPLOYMENT
    reason = say(EMPLOYED_THERE if is_employed else ATTENDS_THERE, day_or_unknown(main.tie.first))
    others = len(facts.placing)
    if others == 1:
        return reason
    return say(LARGEST_OF if is_employed else LATEST_OF, reason, others)


def _grade_index(main: Current | None, day: date) -> int | None:
    if main is None or main.tie.form is None:
        return None
    index = index_of(main.tie, day)
    return index if index is not None and index >= 0 else None


def _ends_on(judgement: Judgement) -> date | None:
    return _known(max((current.last for current in judgement.basis), default=date.max))


def _may_return(judgement: Judgement) -> bool:
    return bool(judgement.basis) and all(current.returns_until is not None for current in judgement.basis)


def _known(day: date) -> date | None:
    return None if day in UNKNOWN_DAYS else day


def _is_child(facts: Facts, day: date) -> bool:
    """Of förskola or förskoleklass, or a six-year-old whatever his form is called; in doubt he is."""
    if _owes_by_head(facts.judgement):
        return False
    told = [tie for tie in facts.ties if tie.holds_on(day)] or ([facts.main.tie] if facts.main else facts.ties)
    return any(tie.is_child for tie in told) or _grade_index(facts.main, day) == 0


def _is_not_yet_in_roster(facts: Facts, bench: Bench, files: Rosters) -> bool:
    person = facts.person
    if facts.is_in_a_roster or not person.records or not facts.has_login:
        return False
    return files.may_not_know_yet(local_day(person.first_seen, bench.policy.time_zone))


# --- groups -----------------------------------------------------------------------------------------------------------


def _groups(ties: Sequence[Tie], unit: str, bench: Bench) -> tuple[str | None, tuple[str, ...]]:
    """The class that began last, and the other groups, latest first; groups of other units are not his there."""
    classes: list[tuple[int, str]] = []
    others: list[tuple[int, str]] = []
    for tie in ties:
        if tie.record.group is None or not tie.holds_on(bench.today):
            continue
        group = bench.book.group(tie.known.source, tie.record.group)
        if group is not None and bench.unit_of_group(tie, group) in {unit, UNPLACED}:
            found = classes if folded(group.kind or "") == CLASS else others
            found.append((-tie.first.toordinal(), group.name))
    newest = min(classes)[1] if classes else None
    return newest, tuple(dict.fromkeys(name for _, name in sorted(others)))
