"""The gate between a snapshot and everybody who looks at it: page, JSON API, commands.

`view_for` cuts a snapshot down to the units and entitlements of a `Scope`. Lookups, lists, pages and numbers are built
from the result, so none of them can show more. No other module of `expose/web` or `expose/lists` reads an outcome; a
test checks that. With a full scope the snapshot passes through unchanged.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Protocol, TypeVar

import msgspec

from fleetsync.core.calendar import Calendars
from fleetsync.core.disagreements import Disagreement, device_disagreements, person_disagreements
from fleetsync.core.entitlement import mode_of, owed_to_pools
from fleetsync.core.identity import UnitDirectory
from fleetsync.core.measures import MEASURES, CountedCases, Labels, Measure
from fleetsync.core.model import (
    Assignment,
    AssignmentInterval,
    ChangePlan,
    CoverageDay,
    CoverageShare,
    CoverageSum,
    DeviceCase,
    DeviceSet,
    Entitlement,
    Episode,
    HoldReason,
    LocalPlan,
    Outcome,
    OwedDevices,
    PartState,
    PersonCase,
    Policy,
    RoundBy,
    Subject,
    Unit,
)
from fleetsync.core.proposals import Proposals, without_device_names
from fleetsync.core.snapshot import Numbers, Snapshot
from fleetsync.expose.ports import HistoryReader, PullSummary, ReceivedFile
from fleetsync.expose.scope import Permission, Scope

ENTITLEMENT_LABEL, UNIT_LABEL = "entitlement", "unit"
REASON_NOT_SHOWN = "the reason is not shown to this account"


def view_for(snapshot: Snapshot, scope: Scope) -> "VisibleSnapshot":
    """*snapshot* as an account with *scope* may see it."""
    return VisibleSnapshot(snapshot, scope)


def time_zone_of(snapshot: Snapshot) -> str:
    """The municipality's time zone, which every account may know."""
    return snapshot.context.policy.time_zone


class VisibleSnapshot:
    """One snapshot, restricted to one scope. Its attributes are those of the outcome, without what is out of scope."""

    def __init__(self, snapshot: Snapshot, scope: Scope) -> None:
        self.scope = scope
        self._whole = snapshot
        self._numbers_by_unit: dict[str, Mapping[str, Numbers]] = {}  # by measure; filled when it is asked for

    @cached_property
    def _outcome(self) -> Outcome:
        outcome = self._whole.outcome
        return outcome if self.scope.sees_everything else _restricted_outcome(outcome, self.scope)

    # --- when -------------------------------------------------------------------------------------------------------------

    @property
    def at(self) -> datetime:
        """The instant of the reconciliation."""
        return self._outcome.moment.at

    @property
    def today(self) -> date:
        """The local day that the snapshot describes."""
        return self._outcome.moment.today

    @property
    def as_of(self) -> date | None:
        """The past day; None for the current snapshot."""
        return self._whole.as_of

    # --- rows of the outcome ------------------------------------------------------------------------------------------------

    @property
    def units(self) -> Sequence[Unit]:
        """Visible units."""
        return self._outcome.units

    @property
    def people(self) -> Sequence[PersonCase]:
        """Visible persons; those who are counted and never listed included (`hidden`). Empty for a past day."""
        return self._outcome.people

    @property
    def devices(self) -> Sequence[DeviceCase]:
        """Visible devices. Empty for a past day."""
        return self._outcome.devices

    @property
    def sets(self) -> Sequence[DeviceSet]:
        """Visible sets. Empty for a past day."""
        return self._outcome.sets

    @property
    def owed(self) -> Sequence[OwedDevices]:
        """What persons and pools are owed."""
        return self._outcome.owed

    @property
    def assignments(self) -> Sequence[Assignment]:
        """Which device serves which person, set or pool."""
        return self._outcome.assignments

    @property
    def shares(self) -> Sequence[CoverageShare]:
        """The parts that the numbers of a unit and entitlement are summed from."""
        return self._outcome.shares

    @property
    def coverage(self) -> Sequence[CoverageDay]:
        """The numbers per unit and entitlement."""
        return self._outcome.coverage

    @property
    def episodes(self) -> Sequence[Episode]:
        """Open gaps, parked ones included."""
        return self._outcome.episodes

    @property
    def hidden(self) -> frozenset[str]:
        """Ids of persons who are counted and never listed: protected persons and children."""
        return self._whole.hidden

    # --- what it was judged by ----------------------------------------------------------------------------------------------

    @cached_property
    def policy(self) -> Policy:
        """The policy, without the rules and names that concern other units and entitlements."""
        policy, scope = self._whole.context.policy, self.scope
        if scope.sees_everything:
            return policy
        return msgspec.structs.replace(
            policy,
            entitlements=tuple(_rules_in_scope(policy.entitlements, scope)),
            local_plans=tuple(_local_plans_in_scope(policy.local_plans, scope)),
            units=tuple(unit for unit in policy.units if scope.covers_unit(unit.slug)),
            unit_maps=tuple(line for line in policy.unit_maps if scope.covers_unit(line.unit)),
            device_rules=tuple(
                rule for rule in policy.device_rules if rule.unit is None or scope.covers_unit(rule.unit)
            ),
        )

    @property
    def time_zone(self) -> str:
        """The municipality's time zone."""
        return time_zone_of(self._whole)

    @property
    def calendars(self) -> Calendars:
        """School calendars."""
        return self._whole.context.calendars

    @property
    def unit_directory(self) -> UnitDirectory:
        """Units and groups as the sources name them."""
        return self._whole.context.unit_directory

    # --- what sources say differently ---------------------------------------------------------------------------------------

    def device_disagreements(self, case: DeviceCase) -> Sequence[Disagreement]:
        """What sources say differently about a visible device, without what names a unit that is out of scope."""
        named = {case.placement.holder, *case.placement.contradicted_by, *case.placement.claimed_by}
        people = {each.person.id: each.person for each in self._whole.outcome.people if each.person.id in named}
        return self._in_scope(device_disagreements(case, people, self._whole.context))

    def person_disagreements(self, case: PersonCase) -> Sequence[Disagreement]:
        """What sources say differently about a visible person, without what names a unit that is out of scope."""
        return self._in_scope(person_disagreements(case, self._whole.context))

    def _in_scope(self, disagreements: Iterable[Disagreement]) -> Sequence[Disagreement]:
        return [
            disagreement
            for disagreement in disagreements
            if disagreement.field != "unit" or all(self.scope.covers_unit(claim.value) for claim in disagreement.claims)
        ]

    # --- numbers ------------------------------------------------------------------------------------------------------------

    @cached_property
    def numbers(self) -> Mapping[str, Numbers]:
        """The published numbers per measure and labels that are in scope."""
        if self.scope.sees_everything:
            return self._whole.numbers
        return {
            measure.name: self._numbers_in_scope(measure) for measure in MEASURES if measure.name in self._whole.numbers
        }

    def _numbers_in_scope(self, measure: Measure) -> Numbers:
        published = self._whole.numbers[measure.name]
        if self.scope.entitlements is None or ENTITLEMENT_LABEL in measure.labels:
            return {labels: number for labels, number in published.items() if self._covers_labels(measure, labels)}
        # Such a number adds up rows of several entitlements: only its rows say what is in scope.
        sums: defaultdict[Labels, int] = defaultdict(int)
        for labels, count, _ in self.counts(measure):
            sums[labels] += count
        return dict(sums)

    def numbers_of_unit(self, measure: Measure, unit: str) -> Numbers:
        """The published numbers of *measure* whose label is *unit*. Raises KeyError for what a past day does not keep."""
        by_unit = self._numbers_by_unit.get(measure.name)
        if by_unit is None:
            by_unit = self._numbers_by_unit[measure.name] = _grouped_by_unit(measure, self.numbers[measure.name])
        return by_unit.get(unit, {})

    def counts(self, measure: Measure) -> CountedCases:
        """The cases that *measure* counts, with their labels, as far as they are in scope."""
        counts = measure.counts(self._outcome, self._whole.context)
        if self.scope.sees_everything:
            return counts
        return (counted for counted in counts if self._covers_labels(measure, counted[0]))

    def _covers_labels(self, measure: Measure, labels: Labels) -> bool:
        named = dict(zip(measure.labels, labels, strict=True))
        return (UNIT_LABEL not in named or self.scope.covers_unit(named[UNIT_LABEL])) and (
            ENTITLEMENT_LABEL not in named or self.scope.covers_entitlement(named[ENTITLEMENT_LABEL])
        )

    def pools_owed(self, rounding: RoundBy) -> Iterator[OwedDevices]:
        """What the visible pools of children would be owed with *rounding*. Rounding over the municipality needs everybody."""
        whole = self._whole
        states = [case.person_state for case in whole.outcome.people]
        owed = owed_to_pools(states, whole.context, rounding)
        rules = whole.context.rules_by_id
        of_children = (pool for pool in owed if not mode_of(rules[pool.entitlement]).owes_persons)
        return (pool for pool in of_children if self.scope.covers(pool.unit, pool.entitlement))


def _grouped_by_unit(measure: Measure, numbers: Numbers) -> Mapping[str, Numbers]:
    place = measure.labels.index(UNIT_LABEL)
    by_unit: defaultdict[str, dict[Labels, int]] = defaultdict(dict)
    for labels, number in numbers.items():
        by_unit[labels[place]][labels] = number
    return by_unit


# --- restricting an outcome ---------------------------------------------------------------------------------------------------


def _restricted_outcome(outcome: Outcome, scope: Scope) -> Outcome:
    people = tuple(_people_in_scope(outcome.people, scope))
    owed = _rows_in_scope(outcome.owed, scope)
    assignments = _rows_in_scope(outcome.assignments, scope)
    shares = _rows_in_scope(outcome.shares, scope)
    person_ids = {case.person.id for case in people} | {row.subject_id for row in owed}
    served = {row.device for row in assignments}
    devices = tuple(_devices_in_scope(outcome.devices, scope, person_ids, served))
    subject_ids = person_ids | served | {case.device.id for case in devices} | {row.subject_id for row in shares}
    return Outcome(
        moment=outcome.moment,
        units=tuple(unit for unit in outcome.units if scope.covers_unit(unit.slug)),
        people=people,
        devices=devices,
        sets=tuple(row for row in outcome.sets if scope.covers(row.unit, row.entitlement or "")),
        owed=owed,
        assignments=assignments,
        shares=shares,
        coverage=_rows_in_scope(outcome.coverage, scope),
        episodes=tuple(row for row in outcome.episodes if _is_visible_episode(row, scope, subject_ids)),
        gap_unit_kinds=frozenset(pair for pair in outcome.gap_unit_kinds if scope.covers_unit(pair[0])),
    )


class _RowOfEntitlement(Protocol):
    """A row that belongs to a unit and an entitlement."""

    @property
    def unit(self) -> str: ...
    @property
    def entitlement(self) -> str: ...


_Row = TypeVar("_Row", bound=_RowOfEntitlement)


def _rows_in_scope(rows: Iterable[_Row], scope: Scope) -> tuple[_Row, ...]:
    return tuple(row for row in rows if scope.covers(row.unit, row.entitlement))


def _people_in_scope(people: Iterable[PersonCase], scope: Scope) -> Iterator[PersonCase]:
    """Persons of the units, with the decisions of the entitlements; without any decision for them nobody is left."""
    for case in people:
        state = case.person_state
        decisions = tuple(row for row in state.decisions if scope.covers_entitlement(row.entitlement))
        is_concerned = scope.entitlements is None or any(row.owed or row.undecided or row.on_leave for row in decisions)
        if scope.covers_unit(state.unit) and is_concerned:
            owed = state.owed if state.owed and scope.covers_entitlement(state.owed.entitlement) else None
            yield msgspec.structs.replace(
                case, person_state=msgspec.structs.replace(state, decisions=decisions, owed=owed)
            )


def _devices_in_scope(
    devices: Iterable[DeviceCase], scope: Scope, person_ids: set[str], served: set[str]
) -> Iterator[DeviceCase]:
    """Devices placed in the units; with restricted entitlements those that serve one of them or its persons."""
    for case in devices:
        placement = case.placement
        is_concerned = scope.entitlements is None or case.device.id in served or (placement.holder or "") in person_ids
        if scope.covers_unit(placement.unit) and is_concerned:
            other = placement.conflicting_unit
            shown = other if other is not None and scope.covers_unit(other) else None
            yield msgspec.structs.replace(case, placement=msgspec.structs.replace(placement, conflicting_unit=shown))


def _is_visible_episode(episode: Episode, scope: Scope, subject_ids: set[str]) -> bool:
    if not scope.covers_unit(episode.unit):
        return False
    if scope.entitlements is None or episode.subject_id in subject_ids:
        return True
    entitlement, separator, _ = episode.subject_id.partition("@")  # a unit's or pool's gap of one entitlement
    return episode.subject in {Subject.UNIT, Subject.POOL} and bool(separator) and scope.covers_entitlement(entitlement)


def _local_plans_in_scope(plans: Iterable[LocalPlan], scope: Scope) -> Iterator[LocalPlan]:
    for plan in plans:
        if scope.covers_unit(plan.unit):
            raises = tuple(each for each in plan.raises if scope.covers_entitlement(each.entitlement))
            yield msgspec.structs.replace(plan, raises=raises)


def _rules_in_scope(rules: Iterable[Entitlement], scope: Scope) -> Iterator[Entitlement]:
    for rule in rules:
        units = tuple(slug for slug in rule.units if scope.covers_unit(slug))
        if scope.covers_entitlement(rule.id) and (units or not rule.units):
            yield msgspec.structs.replace(rule, units=units)


# --- what does not come from a snapshot -----------------------------------------------------------------------------------------


def visible_coverage_sums(
    history: HistoryReader,
    scope: Scope,
    days: tuple[date, date],
    entitlements: Collection[str],
    units: Collection[str] | None,
) -> Sequence[CoverageSum]:
    """Recorded numbers of past days that are in scope: by unit for *units*, of all units together for None."""
    first, last = days
    entitlements = [entitlement for entitlement in entitlements if scope.covers_entitlement(entitlement)]
    kept = scope.units if units is None else [unit for unit in units if scope.covers_unit(unit)]
    return history.coverage_sums(first, last, entitlements, units=kept, by_unit=units is not None)


def visible_intervals(rows: Iterable[AssignmentInterval], scope: Scope) -> Sequence[AssignmentInterval]:
    """Past assignments of a device that are in scope."""
    return [row for row in rows if scope.covers(row.assignment.unit, row.assignment.entitlement)]


def visible_previous_holders(
    history: HistoryReader, scope: Scope, devices: Collection[str]
) -> Mapping[str, Sequence[str]]:
    """Device → the persons whom it served before, the last one first, as far as that is in scope."""
    ended = history.previous_holders(devices)
    visible = {device: visible_intervals(intervals, scope) for device, intervals in ended.items()}
    return {device: [row.assignment.subject_id for row in intervals] for device, intervals in visible.items()}


def visible_parts(parts: Iterable[PartState], scope: Scope) -> tuple[PartState, ...]:
    """Every part; why its last attempt failed only for accounts that may read it."""
    if scope.allows(Permission.PULL_DETAILS):
        return tuple(parts)
    # That there is a reason is part of the state ("failing"); what it says is not.
    return tuple(
        msgspec.structs.replace(
            part, reason=REASON_NOT_SHOWN if part.reason else None, scope_findings={}, left_files=()
        )
        for part in parts
    )


def visible_pulls(pulls: Iterable[PullSummary], scope: Scope) -> Sequence[PullSummary]:
    """Pulls of a part; reasons and unreadable values only for accounts that may read them."""
    if scope.allows(Permission.PULL_DETAILS):
        return list(pulls)
    return [
        msgspec.structs.replace(
            pull,
            reason=REASON_NOT_SHOWN if pull.reason else "",
            refusals=(),
            rejected={},
            drift={},
            unreadable_facts={},
            unreadable=(),
            unused_headers={},
        )
        for pull in pulls
    ]


def visible_refusals(refusals: Iterable[HoldReason], scope: Scope) -> Sequence[HoldReason]:
    """Why a pull is held, only for accounts that may read it."""
    return list(refusals) if scope.allows(Permission.PULL_DETAILS) else []


def visible_proposals(proposals: Proposals, scope: Scope) -> Proposals:
    """What may be configured, for an account that sees everything and may read what sources say; for others nothing.

    Names of devices are left out: a name may be its holder's.
    """
    if not scope.sees_everything or not scope.allows(Permission.PULL_DETAILS):
        return Proposals()
    return without_device_names(proposals)


def visible_received_file(received: ReceivedFile, scope: Scope) -> ReceivedFile:
    """What a file that was given is and would change; its rows only for accounts that see everything."""
    plan = None if received.plan is None else visible_plan(received.plan, scope)
    rows = received.rows if scope.sees_everything else ()
    return msgspec.structs.replace(received, plan=plan, rows=rows)


def visible_plan(plan: ChangePlan, scope: Scope) -> ChangePlan:
    """What a held pull would change in the units and entitlements in scope.

    Examples of persons and devices only for accounts that may read what sources say.
    """
    if not scope.allows(Permission.PULL_DETAILS):
        plan = msgspec.structs.replace(plan, samples=())
    if scope.sees_everything:
        return plan
    is_of_all_rules = scope.entitlements is None
    return msgspec.structs.replace(
        plan,
        coverage_changes=tuple(
            change for change in plan.coverage_changes if scope.covers(change.unit, change.entitlement)
        ),
        coverage_totals=(),
        gaps_opened={},
        gaps_closed={},
        units=tuple(each for each in plan.units if is_of_all_rules and scope.covers_unit(each.unit)),
        samples=tuple(each for each in plan.samples if is_of_all_rules and scope.covers_unit(each.unit)),
    )
