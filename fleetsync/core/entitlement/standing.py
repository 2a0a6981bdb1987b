"""Where each person belongs today and what he is owed; who comes, who has left, whom only a witness knows.

Pure. One person is owed by one rule. Whose identity is protected has neither unit nor groups, and the words about him
are those about anybody without a unit.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import cast

import msgspec

from fleetsync.core.calendar import Calendars, local_day
from fleetsync.core.entitlement.decisions import UNKNOWN_DAYS, Judgement, day_or_unknown, judge, say
from fleetsync.core.entitlement.ties import SCHOOLING, Bench, Current, Days, Rank, Tie, index_of, rank, schooling_on
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
    Turnover,
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
    turnover: Turnover | None = None,
) -> tuple[Standing, ...]:
    """The standing of each person, in the order given; asked on `moment.today`.

    A dated end is believed when its part has been read with content of a later day (`domain.md` §2.5): to judge a day
    to come, give parts whose `as_of` is that day. Until *turnover* turns, its copies are judged in place of what the
    registers say of school: who comes stands in `starts_on`, and `ends_on` is what the registers announce. From the
    turn until the first school day, what holds on that day is judged.
    """
    bench = Bench(
        policy=policy,
        calendars=calendars,
        book=book,
        parts={(part.source, part.part): part for part in parts},
        moment=moment,
        turnover=turnover,
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
    rows: tuple[Tie, ...]  # what the registers say; `ties` are what is judged, and differ until the school year turns
    judgement: Judgement
    starts_on: date | None
    endings: tuple[tuple[date, Tie], ...]  # of somebody who has left: the memberships that have begun and ended
    witnessed: tuple[Tie, ...]  # what sources that found nothing say of today
    placing: tuple[Current, ...]  # the memberships among which `main` is chosen
    main: Current | None  # the membership that places him

    @property
    def ended_on(self) -> date | None:
        """The last day of somebody who has left; None where nobody knows it, while a membership runs, or when none has
        begun and ended.
        """
        return _known(max((day for day, _ in self.endings), default=date.min))

    @property
    def has_login(self) -> bool:
        """Whether any source gives him a log-in."""
        return any(key.scheme in LOGIN_SCHEMES for key in self.person.keys)

    @property
    def is_in_a_roster(self) -> bool:
        """Whether a source that counts has ever had a membership of his, be it over or to come."""
        return any(tie.counts and tie.type is not MembershipType.GROUP for tie in self.rows + self.ties)


def _facts_of(person: Person, bench: Bench) -> Facts:
    rows = bench.rows(person)
    ties = bench.judged(person, rows)
    judgement = judge(ties, bench.days, bench.rules, bench)
    starts_on = _starts_on(rows, judgement, bench)
    endings = () if judgement.running else _endings(ties, bench.days)
    witnessed = tuple([tie for tie in ties if not tie.counts and _is_told_of(tie, bench.days)])
    placing = judgement.basis or tuple(map(_alone, _without_basis(rows, starts_on, endings, bench) or witnessed))
    return Facts(
        person=person,
        ties=ties,
        rows=rows,
        judgement=judgement,
        starts_on=starts_on,
        endings=endings,
        witnessed=witnessed,
        placing=placing,
        main=placing[0] if len(placing) == 1 else min(placing, key=_placing, default=None),
    )


def _starts_on(rows: Sequence[Tie], judgement: Judgement, bench: Bench) -> date | None:
    """The nearest first day, within 15 school days, from which he is owed a device and is owed none today."""
    if _owes_by_head(judgement):
        return None
    days = sorted({row.first for row in rows if row.founds and _starts_soon(row, bench)})
    return next((day for day in days if _owes_by_head(judge(rows, Days.on(day), bench.rules_of(day), bench))), None)


def _starts_soon(tie: Tie, bench: Bench) -> bool:
    if not bench.is_to_come(tie):
        return False
    return bench.calendar(tie.unit).school_days_between(bench.today, tie.first) <= STARTS_WITHIN_SCHOOL_DAYS


def _owes_by_head(judgement: Judgement) -> bool:
    return judgement.owner is not None and judgement.owner.mode is not Mode.POOL


def _endings(ties: Sequence[Tie], days: Days) -> tuple[tuple[date, Tie], ...]:
    begun = (tie for tie in ties if tie.founds and tie.first <= min(tie.last, days.of(tie)))
    return tuple((_end_of(tie, ties, days), tie) for tie in begun)


def _end_of(tie: Tie, ties: Sequence[Tie], days: Days) -> date:
    if not tie.holds_on(days.of(tie)):
        return tie.last
    # It runs and does not count: he has moved to another principal's school before the row was closed.
    moved = max(other.first for other in ties if other.counts and other.foreign and other.holds_on(days.of(other)))
    return moved - timedelta(days=1) if moved > date.min else moved


def _without_basis(
    rows: Sequence[Tie], starts_on: date | None, endings: Sequence[tuple[date, Tie]], bench: Bench
) -> list[Tie]:
    """What places somebody of whom nothing runs: what he comes to soon, else has left last, else comes to some day."""
    newest = max((day for day, _ in endings), default=None)
    if starts_on is None and newest is not None:
        return [tie for day, tie in endings if day == newest]
    to_come = [row for row in rows if row.founds and bench.is_to_come(row)]
    first = starts_on or min((tie.first for tie in to_come), default=None)
    return [tie for tie in to_come if tie.first == first]


def _is_told_of(tie: Tie, days: Days) -> bool:
    return not tie.foreign and tie.type is not MembershipType.GROUP and tie.holds_on(days.of(tie))


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
        grade_index=_grade_index(facts.main, bench.days),
        owed=_owed(facts, unit, ((class_group,) if class_group else ()) + groups),
        decisions=judgement.decisions,
        began_on=_known(main.first) if main else None,
        ends_on=_ends_on(facts, bench),
        may_return=_may_return(judgement),
        ended_on=facts.ended_on,
        starts_on=facts.starts_on,
        turned_on=_turned_on(facts, unit, (class_group, groups), bench),
        counted=bool(judgement.running),
        has_login=facts.has_login,
        only_in_witness=bool(facts.witnessed) and not facts.is_in_a_roster,
        is_child=_is_child(facts, bench),
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


def _grade_index(main: Current | None, days: Days) -> int | None:
    if main is None or main.tie.form is None:
        return None
    index = index_of(main.tie, days.of(main.tie))
    return index if index is not None and index >= 0 else None


def _ends_on(facts: Facts, bench: Bench) -> date | None:
    basis, turnover = facts.judgement.basis, bench.frozen
    announced: list[date] = []
    if turnover is not None and any(current.tie.copied_on for current in basis):
        announced = _announced_ends(facts.rows, turnover)
    return _known(max(announced or [current.last for current in basis], default=date.max))


def _announced_ends(rows: Sequence[Tie], turnover: Turnover) -> list[date]:
    """What the registers say by now of how long somebody stays whose copies are judged."""
    first, last = turnover.last_school_day, turnover.first_school_day
    return [
        row.last for row in rows if row.founds and row.type in SCHOOLING and row.first <= last and first <= row.last
    ]


def _turned_on(facts: Facts, unit: str, groups: tuple[str | None, tuple[str, ...]], bench: Bench) -> date | None:
    """The first school day, when what is judged now differs in grade index, unit or group from the copies."""
    turnover, main = bench.turnover, facts.main
    if turnover is None or turnover.turned_at is None or main is None or main.tie.type not in SCHOOLING:
        return None
    copies = bench.copies(facts.person)
    was = min(
        schooling_on(turnover.last_school_day, [tie for tie in copies if tie.founds], bench), key=_placing, default=None
    )
    if was is None:
        return None
    then = UNPLACED if facts.person.masked else was.tie.unit
    grouped = (None, ()) if facts.person.masked else _groups(copies, then, bench)
    before = (_grade_index(was, bench.days), then, grouped)
    return None if before == (_grade_index(main, bench.days), unit, groups) else turnover.first_school_day


def _placing(current: Current) -> Rank:
    return rank(current.tie)


def _may_return(judgement: Judgement) -> bool:
    return bool(judgement.basis) and all(current.returns_until is not None for current in judgement.basis)


def _known(day: date) -> date | None:
    return None if day in UNKNOWN_DAYS else day


def _is_child(facts: Facts, bench: Bench) -> bool:
    """Of förskola or förskoleklass, or a six-year-old whatever his form is called; in doubt he is."""
    if _owes_by_head(facts.judgement):
        return False
    return any(tie.is_child for tie in _telling(facts, bench)) or _grade_index(facts.main, bench.days) == 0


def _telling(facts: Facts, bench: Bench) -> Sequence[Tie]:
    """Of whom it is told that he is a child: by what holds, else by all that is to come, else by what placed him last.

    All, since the row that places him may be a fritidshem's, which tells nothing of his age.
    """
    holding = [tie for tie in facts.ties if tie.holds_on(bench.days.of(tie))]
    coming = [row for row in facts.rows if bench.is_to_come(row)]
    return holding or coming or ([facts.main.tie] if facts.main else facts.ties)


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
        if tie.record.group is None or not tie.holds_on(bench.days.of(tie)):
            continue
        group = bench.book.group(tie.known.source, tie.record.group)
        if group is not None and bench.unit_of_group(tie, group) in {unit, UNPLACED}:
            found = classes if folded(group.kind or "") == CLASS else others
            found.append((-tie.first.toordinal(), group.name))
    newest = min(classes)[1] if classes else None
    return newest, tuple(dict.fromkeys(name for _, name in sorted(others)))
