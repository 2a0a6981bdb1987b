"""Finds one person with a protected identity by a key that somebody types, and takes a wrong mark back.

There is no list of protected persons. Who is asked about is named by an exact key, and each question is in the audit.
"""

from collections.abc import Callable

from fleetsync.core.identity import canonical_key
from fleetsync.core.model import Key, Scheme
from fleetsync.core.privacy import tokenise_id
from fleetsync.expose import ports
from fleetsync.pull.decoding import civic_number, clean
from fleetsync.store.ledger import ProtectedPerson, StoreError
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
            raise ports.DecisionError(str(error)) from None


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
