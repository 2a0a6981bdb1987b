"""What people decide about gaps, facts and units, by page or command: implements `fleetsync.expose.manual_decisions`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date

from fleetsync.core.model import Correction, DeviceCount, Parking
from fleetsync.daemon.store_refusals import decision_error
from fleetsync.expose.manual_decisions import EnteredCorrection, EnteredParking, Publication
from fleetsync.store.ledger import Ledger, StoredCorrection, StoreError
from fleetsync.sync import RunContext


class LedgerManualDecisions:
    """`ManualDecisions` over the ledger. A decision is stored and audited, then *wake* asks for a reconciliation."""

    def __init__(self, run_context: Callable[[], RunContext], wake: Callable[[], object]) -> None:
        self._run_context, self._wake = run_context, wake

    @property
    def _ledger(self) -> Ledger:
        return self._run_context().ledger

    # --- gaps ---------------------------------------------------------------------------------------------------------

    def park(self, gaps: Sequence[tuple[str, str]], until: date, *, who: str, reason: str) -> None:
        """Leave gaps out of alerts until a day."""
        for kind, subject_id in gaps:
            self._ledger.park(Parking(kind=kind, subject_id=subject_id, until=until, reason=reason), who)
            self._ledger.audit(who, f"park {kind} until {until}", subject_id)
        self._wake()

    def unpark(self, gaps: Sequence[tuple[str, str]], *, who: str) -> None:
        """Let parked gaps be in alerts again."""
        try:
            for kind, subject_id in gaps:
                self._ledger.unpark(kind, subject_id)
                self._ledger.audit(who, f"unpark {kind}", subject_id)
        except StoreError as error:
            raise decision_error(error, "Avvikelsen är inte parkerad längre. Inget ändrades.") from None
        finally:
            self._wake()

    def parking(self, kind: str, subject_id: str) -> EnteredParking | None:
        """Who parked a gap."""
        stored = self._ledger.parking(kind, subject_id)
        if stored is None:
            return None
        return EnteredParking(until=stored.until, reason=stored.reason, who=stored.who, at=stored.at)

    # --- facts --------------------------------------------------------------------------------------------------------

    def correct(self, entry: Correction | DeviceCount, *, who: str) -> int:
        """Keep a correction. The audit names the field and never the value, which may be a person."""
        number = self._ledger.correct(entry, who)
        if isinstance(entry, DeviceCount):
            what, subject_id = f"counted {entry.count} working devices", entry.subject_id
        else:
            what, subject_id = f"corrected {entry.field}", entry.device
        self._ledger.audit(who, f"{what} until {entry.until}", subject_id)
        self._wake()
        return number

    def take_back(self, number: int, *, who: str) -> EnteredCorrection:
        """End a correction."""
        try:
            stored = self._ledger.take_back_correction(number, who)
        except StoreError as error:
            sv = f"Rättelse {number} gäller inte längre: den har upphört eller är redan återtagen."
            raise decision_error(error, sv) from None
        self._ledger.audit(who, f"took back the correction of {stored.field}", stored.subject_id)
        self._wake()
        return _entered(stored)

    def corrections(self, subject_ids: Collection[str] | None = None) -> Sequence[EnteredCorrection]:
        """Those that are kept."""
        return [_entered(stored) for stored in self._ledger.corrections(subject_ids)]

    # --- units --------------------------------------------------------------------------------------------------------

    def publish(self, unit: str, *, who: str) -> None:
        """End the trial of a unit."""
        self._ledger.publish(unit, who)
        self._ledger.audit(who, "publish", unit)
        self._wake()

    def unpublish(self, unit: str, *, who: str) -> None:
        """Put a unit in trial again."""
        try:
            self._ledger.unpublish(unit)
        except StoreError as error:
            sv = f"{unit} är redan på prov, eller har published = true i sin [[unit]]. Inget ändrades."
            raise decision_error(error, sv) from None
        self._ledger.audit(who, "unpublish", unit)
        self._wake()

    def publications(self) -> Mapping[str, Publication]:
        """By unit whose trial a person has ended."""
        return {unit: Publication(who=who, at=at) for unit, (who, at) in self._ledger.publications().items()}


def _entered(stored: StoredCorrection) -> EnteredCorrection:
    return EnteredCorrection(
        number=stored.id,
        subject_id=stored.subject_id,
        field=stored.field,
        value=stored.value,
        until=stored.until,
        reason=stored.reason,
        who=stored.who,
        at=stored.at,
        ended_at=stored.ended_at,
        ended_how="" if stored.ended_how is None else stored.ended_how.value,
        ended_by=stored.ended_by or "",
    )
