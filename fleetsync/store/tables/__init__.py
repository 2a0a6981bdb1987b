"""The tables: one schema for every kind of database.

No statement is built here, and nothing that only one kind of database understands. A change here needs a migration.
Personal data lives in `record`, `staged_record`, `person`, `membership`, `login`, the intervals and what people
entered; `coverage`, `counter`, `reconciliation` and `pull` hold none and outlive them.
"""

from fleetsync.store.tables.believed import contact, record
from fleetsync.store.tables.columns import metadata, source_attribute
from fleetsync.store.tables.decisions import (
    account,
    api_token,
    audit,
    correction,
    digest_mail,
    erased_token,
    mark_release,
    override,
    parked,
    protected_token,
    protection_mark,
    turnover,
    turnover_membership,
    unit_state,
)
from fleetsync.store.tables.intervals import assignment, gap, owed
from fleetsync.store.tables.nonpersonal import counter, coverage, reconciliation, schedule_lease
from fleetsync.store.tables.outcome import device, login, membership, person, unit
from fleetsync.store.tables.pulls import (
    credential,
    part_scope,
    part_state,
    pending_mark,
    pull,
    pull_scope,
    staged_record,
)

__all__ = [
    "account",
    "api_token",
    "assignment",
    "audit",
    "contact",
    "correction",
    "counter",
    "coverage",
    "credential",
    "device",
    "digest_mail",
    "erased_token",
    "gap",
    "login",
    "mark_release",
    "membership",
    "metadata",
    "override",
    "owed",
    "parked",
    "part_scope",
    "part_state",
    "pending_mark",
    "person",
    "protected_token",
    "protection_mark",
    "pull",
    "pull_scope",
    "reconciliation",
    "record",
    "schedule_lease",
    "source_attribute",
    "staged_record",
    "turnover",
    "turnover_membership",
    "unit",
    "unit_state",
]
