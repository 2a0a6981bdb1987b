"""The first half of a reconciliation: who is who, which device is which, and which device belongs to whom.

Pure. Nothing is counted here.
"""

from datetime import date

import msgspec
from msgspec.structs import replace

from fleetsync.core.calendar import Calendars
from fleetsync.core.context import Context
from fleetsync.core.entitlement import MembershipIndex, copied_groups, person_states, refresh_copies, turn_if_due
from fleetsync.core.identity import build_unit_directory, resolve_devices, resolve_people
from fleetsync.core.lifecycle import device_states
from fleetsync.core.matching import match
from fleetsync.core.measures import entitlements_with_few_unplaced
from fleetsync.core.model import BelievedState, DeviceCase, Login, Moment, Person, PersonState, Policy


class Resolution(msgspec.Struct, frozen=True):
    """Everything that is known before anything is counted.

    `context` has the turnover as it stands after this reconciliation. `hidden`: the entitlements of which too few
    persons are without a unit to be shown as `unplaced`.
    """

    context: Context
    people: tuple[Person, ...]
    states: tuple[PersonState, ...]
    cases: tuple[DeviceCase, ...]
    logins: tuple[Login, ...]
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


def resolve(context: Context) -> Resolution:
    """People, devices and their matching, under *context* with the turnover brought up to date."""
    people, context = _people_and_turnover(context)
    devices = resolve_devices(context)
    states = person_states(people, context)
    matching = match(devices, people, {state.person: state for state in states}, context)
    evaluated = device_states(devices, matching.placements, context)
    cases = tuple(
        DeviceCase(device=device, placement=placement, device_state=device_state)
        for device, placement, device_state in zip(devices, matching.placements, evaluated, strict=True)
    )
    return Resolution(context, people, states, cases, matching.logins, entitlements_with_few_unplaced(states))


def _people_and_turnover(context: Context) -> tuple[tuple[Person, ...], Context]:
    """The people with the copies of their memberships, and the context with the turnover as it stands now.

    Until the school year turns, the unit directory has the groups as they were on the last school day.
    """
    believed, policy = context.believed, context.policy
    copies = context.turnover.copies if context.turnover else ()
    people = resolve_people(believed.known, believed.parts, policy, copies)
    turnover = refresh_copies(people, MembershipIndex(context))
    if turnover is not None and turnover.copies != copies:
        people = resolve_people(believed.known, believed.parts, policy, turnover.copies)
    turnover = turn_if_due(people, MembershipIndex(replace(context, turnover=turnover)))
    directory = context.unit_directory
    if groups := copied_groups(turnover):
        directory = build_unit_directory((*believed.known, *groups), policy)
    return people, replace(context, turnover=turnover, unit_directory=directory)
