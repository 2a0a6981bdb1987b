"""Finds one person with a protected identity by a key that somebody types, and takes wrong marks back: of one person,
or of all whom one pull marked.

There is no list of protected persons. Who is asked about is named by an exact key, and each question is in the audit.
"""

from collections.abc import Callable

from fleetsync.core.identity import canonical_key
from fleetsync.core.model import Key, Scheme, Text
from fleetsync.core.privacy import MAX_MARKS_UNASKED, tokenise_id
from fleetsync.daemon.store_refusals import decision_error
from fleetsync.expose import ports
from fleetsync.pull.decoding import civic_number, clean
from fleetsync.store.ledger import MarkingPull, ProtectedPerson, StoreError
from fleetsync.sync import RunContext


class LedgerProtection:
    """`ports.ProtectionDesk` over the ledger."""

    def __init__(self, run_context: Callable[[], RunContext]) -> None:
        self._run_context = run_context

    def find(self, key: str) -> ports.ProtectedState | None:
        """The person of an exact number, log-in or civic number, if they are protected."""
        run_context = self._run_context()
        person = run_context.ledger.find_protected(candidate_tokens(run_context, key))
        return None if person is None else _protected_state(person)

    def release(self, reference: str, *, who: str, reason: str) -> ports.ProtectedState:
        """Take back the mark of a person. Raises DecisionError."""
        try:
            return _protected_state(self._run_context().ledger.unprotect(reference, who, reason))
        except StoreError as error:
            raise decision_error(error, "Personen är inte skyddad, eller inte känd. Inget ändrades.") from None

    def marking_pulls(self) -> tuple[ports.MarkingPull, ...]:
        """The pulls that marked more persons than may be marked unasked, and whose marks stand."""
        pulls = self._run_context().ledger.marking_pulls(min_persons=MAX_MARKS_UNASKED + 1)
        return tuple(_marking_pull(each) for each in pulls)

    def marking_pull(self, pull: int) -> ports.MarkingPull:
        """What the marks of *pull* are, few or many. Raises DecisionError where none of them can be taken back."""
        run_context = self._run_context()
        standing = run_context.ledger.marking_pulls()
        marking = next((each for each in standing if each.pull == pull), None)
        if marking is None:
            names = ", ".join(f"{each.pull} ({each.source}/{each.part}, {each.persons} persons)" for each in standing)
            raise ports.DecisionError(
                Text(
                    f"Ingen märkning från hämtning {pull} gäller. Inget ändrades. Sidan visar hämtningar vars märkningar gäller.",
                    f"no mark of pull {pull} stands. Nothing was changed. Pulls whose marks stand: {names or 'none'}",
                )
            )
        if (marking.source, marking.part) not in {(state.source, state.part) for state in run_context.parts()}:
            raise ports.DecisionError(
                Text(
                    f"{marking.source}/{marking.part} finns inte längre i inställningarna, och en märkning upphör först när "
                    "dess del läses utan den. Lägg till källan igen, eller häv skyddet för en person i taget.",
                    f"{marking.source}/{marking.part} is not configured any more, and a mark ends only when its part is read "
                    "without it. Configure the source again, or release the persons one at a time",
                )
            )
        return _marking_pull(marking)

    def release_pull(self, pull: int, *, who: str, reason: str) -> ports.MarkingPull:
        """Take back the marks of *pull*. Raises DecisionError as `marking_pull` does."""
        self.marking_pull(pull)
        try:
            return _marking_pull(self._run_context().ledger.request_mark_release(pull, who, reason))
        except StoreError as error:
            raise decision_error(error, f"Ingen märkning från hämtning {pull} gäller. Inget ändrades.") from None


def _marking_pull(marking: MarkingPull) -> ports.MarkingPull:
    return ports.MarkingPull(
        pull=marking.pull,
        part=f"{marking.source}/{marking.part}",
        marked_at=marking.marked_at,
        persons=marking.persons,
        marked_elsewhere=marking.marked_elsewhere,
        is_released=marking.released_by is not None,
    )


def candidate_tokens(run_context: RunContext, text: str) -> frozenset[str]:
    """The tokens of every key that *text* may be: of each scheme and namespace in use, and a person's id at a source."""
    typed = clean(text)
    token_of = run_context.runner.rules.token_of
    namespaces = {(Scheme.ADDRESS.value, ""), *run_context.ledger.masked_key_namespaces()}
    namespaces |= {(Scheme.NUMBER.value, source.settings.number_namespace) for source in run_context.sources}
    aliases = run_context.policy.domain_aliases
    possible = (canonical_key(Key(Scheme(scheme), namespace, typed), aliases) for scheme, namespace in namespaces)
    tokens = {token_of(key).value for key in possible if key is not None}
    civic = civic_number(typed, run_context.moment().today)
    if civic is not None:
        tokens.add(token_of(Key(Scheme.CIVIC, "", civic.text)).value)
    if typed:
        tokens |= {tokenise_id(source.name, typed, token_of) for source in run_context.sources}
    return frozenset(tokens)


def _protected_state(person: ProtectedPerson) -> ports.ProtectedState:
    return ports.ProtectedState(
        reference=person.reference, since=person.since, parts=tuple("/".join(part) for part in person.parts)
    )
