"""The whole input of the core, read in one state of the database."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from sys import intern
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    CoverageDay,
    Credential,
    CredentialUse,
    Episode,
    Key,
    Login,
    Override,
    Parking,
    PartState,
    RunningAssignment,
    Scheme,
    ScopeFindings,
    Stage,
    StageSince,
    Subject,
)
from fleetsync.core.privacy import marked_refs
from fleetsync.store import tables as t
from fleetsync.store.bulk import read_many
from fleetsync.store.ledger.base import LedgerBase, believed_record_from_row, select_believed_records
from fleetsync.store.ledger.corrections import read_corrections
from fleetsync.store.ledger.hidden_persons import pending_marks, privacy_generation
from fleetsync.store.ledger.outcome_rows import (
    EPISODE_COLUMNS,
    RUNNING_ASSIGNMENT_COLUMNS,
    coverage_columns,
    coverage_from_row,
    episode_from_row,
    running_assignment_from_row,
)
from fleetsync.store.ledger.recorded_state import COVERAGE_DAYS, REOPENS_WITHIN, is_lately_closed
from fleetsync.store.ledger.revision import believed_revision
from fleetsync.store.ledger.turnovers import read_turnover


class BelievedLedger(LedgerBase):
    """The part of the ledger that reads the core's input."""

    def believed(self, parts: Sequence[PartState], remembered: BelievedState | None = None) -> BelievedState:
        """All that is believed, with the configured *parts* filled in with what their pulls have come to.

        Records of sources that are no longer configured are among it, until they are dropped. *remembered*: what was
        believed when it was last read or recorded. Where nobody has changed it since, only what people decided and the
        states of the parts are read.
        """
        now = self._clock.now()
        with self._read_transaction() as connection:
            privacy, revision = privacy_generation(connection), believed_revision(connection)
            if remembered is None or (remembered.privacy_generation, remembered.revision) != (privacy, revision):
                state = _read_state(connection, now - REOPENS_WITHIN)
            else:
                state = _without_long_closed(remembered, now)
            corrections, device_counts = read_corrections(connection)
            return msgspec.structs.replace(
                state,
                corrections=corrections,
                device_counts=device_counts,
                concealed=self._concealed(state.known, pending_marks(connection)),
                parts=_with_states(connection, parts),
                overrides=_overrides(connection),
                parkings=_parkings(connection),
                privacy_generation=privacy,
                revision=revision,
            )

    def _concealed(self, known: Sequence[BelievedRecord], marks: frozenset[str]) -> frozenset[str]:
        theirs = marked_refs(known, marks, self._token_of) if marks else {}
        return frozenset(each.thing_id for each in known if each.thing_id is not None and each.ref in theirs)

    def part_states(self, parts: Sequence[PartState]) -> tuple[PartState, ...]:
        """The configured *parts* with what their pulls have come to."""
        with self._read_transaction() as connection:
            return _with_states(connection, parts)


def _read_state(connection: Connection, closed_after: datetime) -> BelievedState:
    """What a process may remember, because every change of it advances the revision."""
    return BelievedState(
        known=_known_records(connection),
        logins=_logins(connection),
        episodes=_episodes(connection, closed_after),
        assignments=_running_assignments(connection),
        stages=_stages(connection),
        coverage=_coverage(connection),
        gap_unit_kinds=_gap_units_and_kinds(connection),
        turnover=read_turnover(connection),
    )


def _without_long_closed(remembered: BelievedState, now: datetime) -> BelievedState:
    """*remembered* without the episodes that can no longer go on."""
    episodes = [each for each in remembered.episodes if each.closed_at is None or is_lately_closed(each, now)]
    return msgspec.structs.replace(remembered, episodes=tuple(episodes))


def _known_records(connection: Connection) -> tuple[BelievedRecord, ...]:
    return tuple(map(believed_record_from_row, read_many(connection, select_believed_records())))


def _with_states(connection: Connection, parts: Sequence[PartState]) -> tuple[PartState, ...]:
    state = t.part_state.c
    statement = select(
        state.source,
        state.part,
        state.last_attempt_at,
        state.last_complete_at,
        state.first_complete_at,
        state.held_pull,
        state.reason,
        state.drift,
        state.unreadable_rows,
        state.unreadable_facts,
        state.unreadable_reason,
        state.unused_headers,
        state.left_files,
        state.contacts_untold,
    )
    states = {(row.source, row.part): dict(row._mapping) for row in connection.execute(statement)}
    scopes: dict[tuple[str, str], dict[str, date]] = {}
    findings: dict[tuple[str, str], dict[str, ScopeFindings]] = {}
    for row in connection.execute(select(t.part_scope)):
        scopes.setdefault((row.source, row.part), {})[row.scope] = row.as_of
        findings.setdefault((row.source, row.part), {})[row.scope] = row.findings
    credentials: dict[tuple[str, str], list[Credential]] = {}
    for row in connection.execute(select(t.credential).order_by(t.credential.c.name)):
        credential = Credential(row.name, row.expires_at, CredentialUse(row.use))
        credentials.setdefault((row.source, row.part), []).append(credential)
    return tuple(
        _with_state(part, states, scopes.get(at, {}), findings.get(at, {}), tuple(credentials.get(at, ())))
        for part in parts
        for at in ((part.source, part.part),)
    )


def _with_state(
    part: PartState,
    states: Mapping[tuple[str, str], dict[str, Any]],
    scopes: Mapping[str, date],
    findings: Mapping[str, ScopeFindings],
    credentials: tuple[Credential, ...],
) -> PartState:
    state = {**states.get((part.source, part.part), {}), "credentials": credentials}
    # A part is as old as the oldest of the files it was put together from.
    newest = {"scope_as_of": scopes, "scope_findings": findings, "as_of": min(scopes.values(), default=None)}
    return msgspec.structs.replace(part, **state, **newest)


def _logins(connection: Connection) -> tuple[Login, ...]:
    login = t.login.c
    statement = select(login.scheme, login.namespace, login.value, login.person, login.first_seen, login.last_seen)
    ordered = statement.order_by(login.scheme, login.namespace, login.value, login.person)
    scheme_of = {scheme.value: scheme for scheme in Scheme}
    return tuple(
        Login(Key(scheme_of[scheme], intern(namespace), value), person, first_seen, last_seen)
        for scheme, namespace, value, person, first_seen, last_seen in read_many(connection, ordered)
    )


def _episodes(connection: Connection, closed_after: datetime) -> tuple[Episode, ...]:
    gap = t.gap.c
    of_interest = gap.until.is_(None) | (gap.until > closed_after)
    statement = select(gap.until, *EPISODE_COLUMNS).where(of_interest).order_by(gap.id)
    episodes = [episode_from_row(row[1:], row[0]) for row in read_many(connection, statement)]
    running = {episode.key: episode for episode in episodes if episode.closed_at is None}
    # A row may also have ended because its unit, reason or parking changed; the last one of its key is the closing.
    ended = {episode.key: episode for episode in episodes if episode.closed_at is not None}
    return (*running.values(), *(episode for key, episode in ended.items() if key not in running))


def _gap_units_and_kinds(connection: Connection) -> frozenset[tuple[str, str]]:
    gap = t.gap.c
    statement = select(gap.unit, gap.kind).where(gap.subject != Subject.SOURCE.value).distinct()
    return frozenset((unit, kind) for unit, kind in connection.execute(statement))


def _running_assignments(connection: Connection) -> tuple[RunningAssignment, ...]:
    given = t.assignment.c
    statement = select(*RUNNING_ASSIGNMENT_COLUMNS).where(given.until.is_(None)).order_by(given.id)
    return tuple(running_assignment_from_row(row) for row in read_many(connection, statement))


def _stages(connection: Connection) -> dict[str, StageSince]:
    device = t.device.c
    statement = select(device.id, device.stage, device.stage_since).where(device.stage.is_not(None))
    stage_of = {stage.value: stage for stage in Stage}
    return {row: StageSince(stage_of[stage], since) for row, stage, since in read_many(connection, statement)}


def _coverage(connection: Connection) -> tuple[CoverageDay, ...]:
    day = t.coverage.c.day
    newest = connection.execute(select(day).order_by(day.desc()).limit(1)).scalar_one_or_none()
    if newest is None:
        return ()
    statement = select(*coverage_columns()).where(day > newest - timedelta(days=COVERAGE_DAYS))
    rows = connection.execute(statement.order_by(day, t.coverage.c.unit, t.coverage.c.entitlement))
    return tuple(coverage_from_row(row) for row in rows)


def _overrides(connection: Connection) -> tuple[Override, ...]:
    rows = connection.execute(select(t.override).order_by(t.override.c.id))
    return tuple(
        Override(
            serial=row.serial,
            login=None
            if row.login_scheme is None
            else Key(Scheme(row.login_scheme), row.login_namespace, row.login_value),
            person=Key(Scheme(row.person_scheme), row.person_namespace, row.person_value),
            until=row.until,
        )
        for row in rows
    )


def _parkings(connection: Connection) -> tuple[Parking, ...]:
    parked = t.parked.c
    statement = select(parked.kind, parked.subject_id, parked.until, parked.reason)
    rows = connection.execute(statement.order_by(parked.kind, parked.subject_id))
    return tuple(Parking(**row._mapping) for row in rows)
