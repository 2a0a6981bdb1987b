"""The first half of a reconciliation: who is who, which device is which, and which device belongs to whom.

Pure. Nothing is counted here.
"""

from datetime import date

import msgspec
from msgspec.structs import replace

from fleetsync.core.calendar import Calendars
from fleetsync.core.context import Context, EarlierCases
from fleetsync.core.entitlement import MembershipIndex, copied_groups, person_states, refresh_copies, turn_if_due
from fleetsync.core.identity import build_unit_directory, resolve_devices, resolve_people
from fleetsync.core.lifecycle import device_states
from fleetsync.core.matching import MatchingResult, match
from fleetsync.core.measures import entitlements_with_few_unplaced
from fleetsync.core.model import (
    BelievedState,
    Device,
    DeviceCase,
    DeviceState,
    Moment,
    Person,
    PersonState,
    Placement,
    Policy,
    Turnover,
)


class Resolution(msgspec.Struct, frozen=True):
    """Everything that is known before anything is counted.

    `context` has the turnover as it stands after this reconciliation. `hidden`: the entitlements of which too few
    persons are without a unit to be shown as `unplaced`.
    """

    context: Context
    people: tuple[Person, ...]
    states: tuple[PersonState, ...]
    cases: tuple[DeviceCase, ...]
    matching: MatchingResult
    hidden: frozenset[str]


def build_context(
    believed: BelievedState, policy: Policy, calendars: Calendars, moment: Moment, *, known_until: date | None = None
) -> Context:
    """The context of a reconciliation of *believed* at *moment*, with the stored turnover.

    *known_until*: an explicit day up to which all sources are taken to have been read; for a day to come.
    """
    return Context(
        believed=believed,
        policy=policy,
        calendars=calendars,
        moment=moment,
        unit_directory=build_unit_directory(believed.known, policy),
        turnover=believed.turnover,
        known_until=known_until,
    )


def resolve(
    context: Context, matched: MatchingResult | None = None, turnover_before: Turnover | None = None
) -> Resolution:
    """People, devices and their matching, under *context* with the turnover brought up to date.

    *matched* and *turnover_before*: of the reconciliation that `context.earlier` is of.
    """
    people, context = _people_and_turnover(context)
    if matched is not None and context.turnover != turnover_before:
        context, matched = replace(context, earlier=EarlierCases()), None
    devices = resolve_devices(context)
    states = person_states(people, context)
    by_person = {person_state.person: person_state for person_state in states}
    matching = match(devices, people, by_person, context, matched)
    evaluated = device_states(devices, matching.placements, context)
    cases = tuple(
        _device_case(context.earlier.devices.get(device.id), device, placement, device_state)
        for device, placement, device_state in zip(devices, matching.placements, evaluated, strict=True)
    )
    return Resolution(context, people, states, cases, matching, entitlements_with_few_unplaced(states))


def _device_case(
    earlier: DeviceCase | None, device: Device, placement: Placement, device_state: DeviceState
) -> DeviceCase:
    if (
        earlier is not None
        and earlier.device is device
        and earlier.placement is placement
        and earlier.device_state is device_state
    ):
        return earlier
    return DeviceCase(device=device, placement=placement, device_state=device_state)


def _people_and_turnover(context: Context) -> tuple[tuple[Person, ...], Context]:
    """The people with the copies of their memberships, and the context with the turnover as it stands now.

    Until the school year turns, the unit directory has the groups as they were on the last school day.
    """
    believed, policy = context.believed, context.policy
    copies = context.turnover.copies if context.turnover else ()
    earlier = context.earlier.people
    people = resolve_people(believed.known, believed.parts, policy, copies, earlier)
    turnover = refresh_copies(people, MembershipIndex(context))
    if turnover is not None and turnover.copies != copies:
        people = resolve_people(believed.known, believed.parts, policy, turnover.copies, earlier)
    turnover = turn_if_due(people, MembershipIndex(replace(context, turnover=turnover)))
    directory = context.unit_directory
    if groups := copied_groups(turnover):
        directory = build_unit_directory((*believed.known, *groups), policy)
    return people, replace(context, turnover=turnover, unit_directory=directory)
