"""MODES: the ways in which an entitlement can owe devices, one entry each.

Pure data. An entry says to whom devices are owed, which devices serve them, which settings the mode takes, and the
sentence that the page reads aloud. Code asks the entry and never branches on the mode itself. A new mode is a member of
`EntitlementMode` and an entry here.
"""

from collections.abc import Mapping

from fleetsync.core.model import CoveredBy, Entitlement, EntitlementMode, FrozenStruct, Subject, Text


class Mode(FrozenStruct, frozen=True, kw_only=True):
    """How an entitlement of one mode counts.

    `owes`: PERSON, each person is owed `devices`; POOL, each unit is owed places for every `per` persons begun.
    `served_by`: the kinds of assignment that cover what is owed. `takes_per` and `takes_devices`: whether the setting of
    that name may differ from 1. `sentence` has the places {n} (devices), {per} and {where} (how it is rounded).
    """

    owes: Subject
    served_by: frozenset[CoveredBy]
    takes_per: bool
    takes_devices: bool
    sentence: Text

    @property
    def owes_persons(self) -> bool:
        """Whether each person is owed devices, in contrast to the unit's pool."""
        return self.owes is Subject.PERSON


MODES: Mapping[EntitlementMode, Mode] = {
    EntitlementMode.PER_HEAD: Mode(
        owes=Subject.PERSON,
        served_by=frozenset({CoveredBy.OWN, CoveredBy.SET}),
        takes_per=False,
        takes_devices=True,
        sentence=Text(
            "{n} verktyg per person: ett eget, eller en del i en klassuppsättning.",
            "{n} device each: their own, or a share in a set.",
        ),
    ),
    EntitlementMode.PERSONAL: Mode(
        owes=Subject.PERSON,
        served_by=frozenset({CoveredBy.OWN}),
        takes_per=False,
        takes_devices=True,
        sentence=Text("{n} eget verktyg per person.", "{n} device of their own each."),
    ),
    EntitlementMode.POOL: Mode(
        owes=Subject.POOL,
        served_by=frozenset({CoveredBy.POOL}),
        takes_per=True,
        takes_devices=False,
        sentence=Text(
            "Ett gemensamt verktyg per påbörjade {per} barn, avrundat uppåt {where}.",
            "One shared device per {per} children begun, rounded up {where}.",
        ),
    ),
}


def mode_of(rule: Entitlement) -> Mode:
    """The entry of a rule's mode."""
    return MODES[rule.mode]


def is_served_by(rule: Entitlement, by: CoveredBy) -> bool:
    """Whether assignments of the kind *by* cover what the rule owes."""
    return by in MODES[rule.mode].served_by
