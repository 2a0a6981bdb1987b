"""The gap kinds of units, sets, pools and sources: one pure function per kind, giving the gap's reason, or None.

Low coverage is a gap only when it has stayed low or fell much at once. Numbers that rest on a source which no longer
delivers are not evaluated further.
"""

from datetime import date, timedelta

from fleetsync.core import pull_findings
from fleetsync.core.entitlement import mode_of
from fleetsync.core.lifecycle.credentials import CONSEQUENCES, ExpiryStep, in_step
from fleetsync.core.lifecycle.evidence import GapEvidence
from fleetsync.core.model import CoverageDay, CoverageShare, DeviceSet, Entitlement, LocalPlan, PartState, Text, Unit
from fleetsync.core.unit_directory import UnmappedOrganisation

DROP_RATIO = 0.05
DROP_DEVICES = 10
DROP_WITHIN = timedelta(days=7)


def below_target(evidence: GapEvidence, row: CoverageDay) -> Text | None:
    """Below the alarm and short by enough for some school days; or fallen by 5 points and 10 persons in a week."""
    rule = evidence.context.rules_by_id.get(row.entitlement)
    if rule is None or row.ratio is None:
        return None
    open_reason = evidence.open_gap_reasons.get(("below_target", f"{row.entitlement}@{row.unit}"))
    if open_reason is not None and _is_below(row, rule):
        # Still below is still open, however far back past days are stored.
        return open_reason
    dropped = _coverage_before_drop(evidence, row)
    if dropped is not None:
        return Text(
            f"täckningen var {dropped.covered} av {dropped.entitled} den {dropped.day}",
            f"coverage was {dropped.covered} of {dropped.entitled} on {dropped.day}",
        )
    since = _below_since(evidence, row, rule)
    last = evidence.coverage_fresh_until(row.entitlement)
    if (
        since is None
        or evidence.context.calendar_of(row.unit).school_days_between(since, last) < rule.alert_after_school_days
    ):
        return None
    limit = round(100 * rule.alert_below)
    return Text(f"täckningen under {limit} % sedan {since}", f"coverage below {limit} % since {since}")


def _is_below(row: CoverageDay, rule: Entitlement) -> bool:
    return row.ratio is not None and row.ratio < rule.alert_below and row.short >= rule.alert_short


def _below_since(evidence: GapEvidence, row: CoverageDay, rule: Entitlement) -> date | None:
    """The first day of the unbroken stretch of days below the limit that ends with today's row."""
    if not _is_below(row, rule):
        return None
    since = row.day
    for earlier in evidence.earlier_coverage.get((row.unit, row.entitlement), ()):
        if not _is_below(earlier, rule):
            break
        since = earlier.day
    return since


def _coverage_before_drop(evidence: GapEvidence, row: CoverageDay) -> CoverageDay | None:
    """The newest day of the last week since which coverage has fallen by 5 points and 10 devices."""
    last = evidence.coverage_fresh_until(row.entitlement)
    for earlier in evidence.earlier_coverage.get((row.unit, row.entitlement), ()):
        if last - earlier.day > DROP_WITHIN:
            return None
        fell = (earlier.ratio or 0.0) - (row.ratio or 0.0)
        # Ratios of whole numbers: five points are five points, whatever the last bit says.
        if fell >= DROP_RATIO - 1e-9 and earlier.covered - row.covered >= DROP_DEVICES:
            return earlier
    return None


def no_calendar(evidence: GapEvidence, unit: Unit) -> Text | None:
    """The unit has no calendar, or it ends within sixty days."""
    calendar = evidence.context.calendar_of(unit.slug)
    if not calendar.needs_new_calendar(evidence.today):
        return None
    if calendar.ends_on is None:
        return Text("ingen kalender; vardagar räknas", "no calendar; weekdays count")
    return Text(f"kalendern slutar {calendar.ends_on}", f"the calendar ends on {calendar.ends_on}")


def no_local_plan(evidence: GapEvidence, unit: Unit) -> Text | None:
    """No local plan of the unit has been decided yet. Asked only where the municipality follows local plans at all."""
    plans = evidence.context.policy.local_plans
    if not plans or _decided_local_plans(evidence, unit):
        return None
    return Text("ingen lokal plan är inlagd", "no local plan is entered")


def local_plan_expired(evidence: GapEvidence, unit: Unit) -> Text | None:
    """The unit's last local plan has ended, and none has taken its place."""
    decided = _decided_local_plans(evidence, unit)
    if not decided or unit.slug in evidence.context.local_plans:
        return None
    last = max(decided, key=lambda plan: plan.ends_on)
    return Text(f"”{last.document}” gällde till {last.ends_on}", f"”{last.document}” ended on {last.ends_on}")


def _decided_local_plans(evidence: GapEvidence, unit: Unit) -> list[LocalPlan]:
    plans = evidence.context.policy.local_plans
    return [plan for plan in plans if plan.unit == unit.slug and plan.decided_on <= evidence.today]


def unmapped_unit(evidence: GapEvidence, organisation: UnmappedOrganisation) -> Text | None:
    """An organisation that has not ended, that no unit lists, and that is not known to be another principal's."""
    if organisation.ends_on is not None and organisation.ends_on < evidence.today:
        return None
    source = organisation.source
    return Text(f"organisation i {source} utan enhet", f"organisation in {source} without a unit")


def set_short(_: GapEvidence, device_set: DeviceSet) -> Text | None:
    """A set's members are short of devices after all sets have been shared out."""
    short, working = device_set.short, device_set.working
    if short <= 0:
        return None
    return Text(f"saknar {short}: {working} i drift", f"short of {short}: {working} working")


def pool_short(evidence: GapEvidence, pool: CoverageShare) -> Text | None:
    """A unit's shared devices are fewer than its children are owed, or its devices fewer than its head counts say."""
    if pool.short <= 0:
        return None
    working = pool.working_devices
    rule = evidence.context.rules_by_id[pool.entitlement]
    heads = Text("personer", "persons") if mode_of(rule).owes_persons else Text("barn", "children")
    return Text(
        f"saknar {pool.short}: {working} i drift för {pool.heads} {heads.sv}",
        f"short of {pool.short}: {working} working for {pool.heads} {heads.en}",
    )


def source_stale(evidence: GapEvidence, part: PartState) -> Text | None:
    """The part's content is older than expected, or it was tried and never read whole."""
    if part.disabled or part.is_not_there or part.last_attempt_at is None or not evidence.is_overdue(part):
        return None
    if part.as_of is None:
        return Text("aldrig hämtad hel", "never pulled whole")
    return Text(f"innehållet gäller {part.as_of}", f"its content speaks for {part.as_of}")


def credential_expiring(evidence: GapEvidence, part: PartState) -> Text | None:
    """A credential of the source expires within thirty days, and not within seven."""
    return _expiry_reason(evidence, part, ExpiryStep.EXPIRING)


def credential_lapsing(evidence: GapEvidence, part: PartState) -> Text | None:
    """A credential of the source expires within seven days, or has expired."""
    return _expiry_reason(evidence, part, ExpiryStep.URGENT)


def _expiry_reason(evidence: GapEvidence, part: PartState, step: ExpiryStep) -> Text | None:
    near = () if part.disabled else in_step(part.credentials, step, evidence.context.moment.at)
    clauses = [
        Text(
            f"{credential.name} gäller till {day}, sedan {then.sv}",
            f"{credential.name} is good until {day}, then {then.en}",
        )
        for credential in near
        for day in (evidence.context.local_day(credential.expires_at),)
        for then in (CONSEQUENCES[credential.use],)
    ]
    if not clauses:
        return None
    return Text("; ".join(clause.sv for clause in clauses), "; ".join(clause.en for clause in clauses))


def schema_drift(_: GapEvidence, part: PartState) -> Text | None:
    """The last complete pull held values that its connector does not know."""
    if not part.drift:
        return None
    return Text(
        "källan använder ord som kopplingen inte känner", "the source uses words that its connector does not know"
    )


def rows_unreadable(_: GapEvidence, part: PartState) -> Text | None:
    """Rows, or facts of rows, of the last complete pull could not be read: what was believed of them stays."""
    clauses = pull_findings.unread(part.unreadable_rows, part.unreadable_facts)
    if part.disabled or not clauses:
        return None
    sv, en = ", ".join(clause.sv for clause in clauses), ", ".join(clause.en for clause in clauses)
    reason = part.unreadable_reason
    return Text(f"{sv}; oftast: {reason}", f"{en}; most often: {reason}") if reason else Text(sv, en)


def pull_held(_: GapEvidence, part: PartState) -> Text | None:
    """A pull is held until a person decides about it."""
    if part.held_pull is None:
        return None
    return Text(f"hämtning {part.held_pull} väntar på beslut", f"pull {part.held_pull} waits for a decision")
