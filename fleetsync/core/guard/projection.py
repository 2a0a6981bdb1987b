"""What would be believed after a pull: its records, and the state of its part. Writes nothing."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from fleetsync.core.model import BelievedRecord, PartState, PullEffect, PullLimits, RowChange, StagedRow
from fleetsync.core.pull_findings import findings_of_part, worst_reason


def projected_records(
    before: Sequence[BelievedRecord], effect: PullEffect, limits: PullLimits
) -> tuple[BelievedRecord, ...]:
    """The part's records as they would be believed after *effect*: those of *before* in their order, then new ones.

    A record that it does not mention is the very same object.
    """
    rows = {row.ref: row for row in effect.rows}
    mentioned = {row.source_id for row in effect.rows}
    kept = [
        known
        if known.record.source_id not in mentioned or (row := rows.pop(known.ref[1:], None)) is None
        else _projected_record(known, row, effect, limits)
        for known in before
    ]
    fresh = [_new_record(row, effect) for row in rows.values() if row.change is RowChange.PUT]
    return (*kept, *fresh)


def _new_record(row: StagedRow, effect: PullEffect) -> BelievedRecord:
    assert row.record is not None, "a row that puts carries its record"
    return BelievedRecord(
        source=effect.source,
        part=effect.part,
        record=row.record,
        own_id=row.own_id,
        scope=row.scope,
        first_seen=effect.started_at,
        last_contact_at=row.last_contact_at,
        masked=row.masked,
    )


def _projected_record(known: BelievedRecord, row: StagedRow, effect: PullEffect, limits: PullLimits) -> BelievedRecord:
    if row.change is RowChange.ABSENT:
        return _record_missed_again(known, effect, limits)
    present = msgspec.structs.replace(
        known,
        absent_since=None,
        absent_pulls=0,
        gone=False,
        scope=row.scope,
        last_contact_at=row.last_contact_at or known.last_contact_at,
    )
    if row.change is not RowChange.PUT or row.record is None:
        return present
    return msgspec.structs.replace(present, record=row.record, masked=row.masked)


def _record_missed_again(known: BelievedRecord, effect: PullEffect, limits: PullLimits) -> BelievedRecord:
    if known.absent_since is None:
        is_gone = known.gone or limits.grace_pulls == 0  # no grace at all, so none of hours either
        return msgspec.structs.replace(known, absent_since=effect.started_at, absent_pulls=0, gone=is_gone)
    pulls = known.absent_pulls + 1
    waited = effect.started_at - known.absent_since
    is_gone = known.gone or (pulls >= limits.grace_pulls and waited >= timedelta(hours=limits.grace_hours))
    return msgspec.structs.replace(known, absent_pulls=pulls, gone=is_gone)


def projected_part_state(state: PartState, effect: PullEffect) -> PartState:
    """The part's state after *effect*. Of several files, the oldest decides how old the content is."""
    days = {**state.scope_as_of, **{scope.name: scope.as_of for scope in effect.scopes}}
    findings = findings_of_part(effect, state.scope_findings)
    return msgspec.structs.replace(
        state,
        last_attempt_at=effect.started_at,
        last_complete_at=effect.started_at,
        first_complete_at=state.first_complete_at or effect.started_at,
        as_of=min(days.values()),
        scope_as_of=days,
        held_pull=None,
        reason=None,
        scope_findings={**state.scope_findings, **{scope.name: scope.findings for scope in effect.scopes}},
        drift=sum(findings.drift.values()),
        unreadable_rows=sum(findings.rejected.values()),
        unreadable_facts=sum(findings.unreadable_facts.values()),
        unreadable_reason=worst_reason(findings.rejected, findings.unreadable_facts),
        unused_headers=sum(map(len, findings.unused_headers.values())),
    )
