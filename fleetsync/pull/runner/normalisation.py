"""How a connector's records are made canonical: keys, serials, names and tokens, by the configuration of the run."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import msgspec

from fleetsync import version
from fleetsync.core.identity import canonical_key, canonical_serial
from fleetsync.core.matching import GlobSet, account_type_of
from fleetsync.core.model import DeviceRecord, Key, PersonRecord, Policy, Record
from fleetsync.core.privacy import HiddenTokens, Tokeniser, key_tokeniser, without_person
from fleetsync.pull.contract import RawRecord, SourceSettings
from fleetsync.pull.registry import secret_keys

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class NormalisationRules:
    """How records are made canonical, from the configuration of the run."""

    policy: Policy
    token_secret: bytes
    row_secret: bytes
    keeps_device_names: bool = False
    keeps_persons: bool = True

    @cached_property
    def token_of(self) -> Tokeniser:
        """Makes tokens of keys."""
        return key_tokeniser(self.token_secret)

    @cached_property
    def name_patterns(self) -> tuple[str, ...]:
        """The patterns over a device's name that `[[device_rule]]` and `[[unit_map]]` ask for."""
        rules = (rule.when["name"] for rule in self.policy.device_rules if "name" in rule.when)
        maps = (unit_map.pattern for unit_map in self.policy.unit_maps if unit_map.field == "name")
        return tuple(dict.fromkeys((*rules, *maps)))

    @cached_property
    def _name_globs(self) -> GlobSet:
        return GlobSet(self.name_patterns)

    def read_settings_fingerprint(self, settings: SourceSettings) -> str:
        """What decides how a file's bytes become records, as one word: when it changes, the file is read again."""
        model = type(settings)
        left_out = {*SourceSettings.model_fields, *secret_keys(model), *(f"{key}_file" for key in secret_keys(model))}
        own = settings.model_dump(mode="json", exclude=left_out - {"kind", "namespace", "store_names"} | {"path"})
        kept = (self.keeps_device_names, self.keeps_persons)
        # Who is a function account is known while a row is read, where its log-in is not kept.
        accounts = () if self.keeps_persons else (self.policy.function_accounts, self.policy.enrolment_managers)
        ours = (self.name_patterns, kept, accounts, self.policy.domain_aliases, self.policy.reference.serials)
        text = msgspec.json.encode((version(), own, ours), order="deterministic")
        return hashlib.blake2b(text, digest_size=6, key=self.row_secret[:64]).hexdigest()

    def judging_fingerprint(self, settings: SourceSettings, hidden: HiddenTokens) -> str:
        """Everything beside a record itself that decides how it is stored, as one word."""
        tokens = [sorted(getattr(hidden, name)) for name in HiddenTokens.__struct_fields__]
        text = msgspec.json.encode((self.read_settings_fingerprint(settings), tokens))
        return hashlib.blake2b(text, digest_size=16, key=self.row_secret[:64]).hexdigest()

    def row_fingerprint(self, record: Record, *, is_masked: bool) -> int:
        """A keyed hash of the fields of *record* before masking, and of whether the row is masked."""
        return self._hash(record, b"1" if is_masked else b"0")

    def raw_hash(self, raw: RawRecord) -> int | None:
        """A keyed hash of a row as its connector reads it; None for a value that cannot be written down."""
        try:
            return self._hash(raw, type(raw).__name__.encode())
        except (TypeError, ValueError, OverflowError):
            return None

    def _hash(self, value: object, suffix: bytes) -> int:
        hashed = self._keyed_hash.copy()
        hashed.update(_encode(value) + suffix)
        return int.from_bytes(hashed.digest(), "big")

    @cached_property
    def _keyed_hash(self) -> hashlib.blake2b:
        return hashlib.blake2b(digest_size=8, key=self.row_secret[:64])

    def canonical(self, record: Record, settings: SourceSettings) -> Record:
        """*record* with canonical keys and serial, and with a name only where names are kept."""
        if isinstance(record, DeviceRecord):
            return self._canonical_device(record)
        if isinstance(record, PersonRecord):
            name = record.name if settings.store_names else None
            return msgspec.structs.replace(record, keys=self._canonical_keys(record.keys), name=name)
        return record

    def _canonical_device(self, record: DeviceRecord) -> DeviceRecord:
        serial, problem = canonical_serial(
            record.serial, record.manufacturer, record.model, self.policy.reference.serials
        )
        canonical = msgspec.structs.replace(
            record,
            serial=serial,
            serial_problem=problem,
            name=record.name if self.keeps_device_names else None,
            name_matches=self._name_globs.matches(record.name) if record.name else (),
            keys=self._canonical_keys(record.keys),
        )
        return canonical if self.keeps_persons else self._without_person(canonical)

    def _without_person(self, record: DeviceRecord) -> DeviceRecord:
        account = account_type_of(record, self.policy) if record.keys else None
        has_user = account == "person" or "keys" in record.unreadable
        is_managers = record.enrolled_by_manager or account == "manager"
        return without_person(record, has_user=has_user, is_managers=is_managers)

    def _canonical_keys(self, keys: Iterable[Key]) -> tuple[Key, ...]:
        canonical = (canonical_key(key, self.policy.domain_aliases) for key in keys)
        return tuple(dict.fromkeys(key for key in canonical if key is not None))
