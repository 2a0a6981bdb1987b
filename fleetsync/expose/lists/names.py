"""What units, persons, devices, sets and rules are called in a list, in both languages.

A person is a class and an id; for accounts that may see log-ins, a name and a log-in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fleetsync.core.model import CENTRAL, UNPLACED, Assignment, CoveredBy, MembershipType, Person, Scheme, Subject, Text
from fleetsync.expose.lookup import Lookup

RESERVED_UNIT_NAMES: Mapping[str, Text] = {
    UNPLACED: Text("Utan enhet", "Without a unit"),
    CENTRAL: Text("Centralt", "Central"),
}
SUBJECT_BY: Mapping[CoveredBy, Subject] = {
    CoveredBy.OWN: Subject.PERSON,
    CoveredBy.SET: Subject.SET,
    CoveredBy.POOL: Subject.POOL,
}
NOT_SHOWN_NAME = Text("visas inte", "not shown")
LOGIN_SCHEMES = (Scheme.ADDRESS, Scheme.ACCOUNT)


@dataclass(frozen=True)
class SubjectNames:
    """Names from today's cases, as far as the account may see them."""

    lookup: Lookup
    may_see_logins: bool

    def subject(self, subject: Subject, subject_id: str) -> Text:
        """The name of any subject of a gap, an assignment or a measure's row."""
        if not subject_id:
            return NOT_SHOWN_NAME
        if subject is Subject.PERSON:
            return self.person(subject_id)
        if subject is Subject.DEVICE:
            return self.device(subject_id)
        if subject is Subject.SET:
            groups = subject_id.partition("/")[2]
            return Text(f"Klassuppsättning {groups}", f"Set {groups}")
        if subject is Subject.POOL:
            return Text("Gemensamma verktyg", "Pool")
        if subject is Subject.UNIT and "@" in subject_id:
            return self.rule(subject_id.partition("@")[0])
        return self.unit(subject_id) if subject is Subject.UNIT else same_text(subject_id)

    def unit(self, slug: str) -> Text:
        """What people call the unit."""
        if slug in RESERVED_UNIT_NAMES:
            return RESERVED_UNIT_NAMES[slug]
        unit = self.lookup.units.get(slug)
        return same_text(unit.name if unit else slug)

    def person(self, person_id: str) -> Text:
        """Pupil of a class, or employee."""
        case = self.lookup.person(person_id)
        if case is None:
            return Text("Person", "Person")
        if case.person.name and self.may_see_logins:
            return same_text(case.person.name)
        if group := case.person_state.class_group:
            return Text(f"Elev {group}", f"Pupil {group}")
        memberships = {getattr(known.record, "membership", None) for known in case.person.memberships}
        if MembershipType.ENROLMENT in memberships:
            return Text("Elev", "Pupil")
        return Text("Anställd", "Employee") if MembershipType.EMPLOYMENT in memberships else Text("Person", "Person")

    def device(self, device_id: str) -> Text:
        """Its model."""
        case = self.lookup.devices.get(device_id)
        return same_text(case.device.model) if case and case.device.model else Text("Verktyg", "Device")

    def rule(self, rule_id: str) -> Text:
        """An entitlement's title."""
        rule = self.lookup.rules.get(rule_id)
        return rule.title if rule else same_text(rule_id)

    def shared(self, subject_id: str) -> Text:
        """The name of a set or pool among those of all units."""
        entitlement, is_pool, unit = subject_id.partition("@")
        if is_pool:
            rule, name = self.rule(entitlement), self.unit(unit)
            return Text(f"{name.sv}, {rule.sv}", f"{name.en}, {rule.en}")
        unit, _, groups = subject_id.partition("/")
        name = self.unit(unit)
        return Text(f"{name.sv} {groups}", f"{name.en} {groups}")

    def identifier(self, subject: Subject, subject_id: str) -> str:
        """What distinguishes it from others of the same name; "" where the name is enough.

        A serial, or a log-in where it may be seen; else an id.
        """
        if subject is Subject.DEVICE:
            case = self.lookup.devices.get(subject_id)
            return (case.device.serial if case else None) or subject_id
        if subject is not Subject.PERSON:
            return ""
        person = self.lookup.person(subject_id) if self.may_see_logins else None
        return (login_of(person.person) if person else None) or subject_id

    def visible_id(self, assignment: Assignment) -> str:
        """The id of the person, set or pool that is served; "" for a person who is not shown."""
        is_shown = assignment.by is not CoveredBy.OWN or self.lookup.person(assignment.subject_id)
        return assignment.subject_id if is_shown else ""


def login_of(person: Person) -> str | None:
    """What *person* signs in with, as people know it: an address before an account; None where no source gives one."""
    known = {key.scheme: key.value for key in reversed(person.keys) if not key.is_token}
    return next((known[scheme] for scheme in LOGIN_SCHEMES if scheme in known), None)


def same_text(text: str) -> Text:
    """A text that is the same in both languages."""
    return Text(text, text)
