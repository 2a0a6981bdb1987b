"""The tables of config.toml, a class each: the keys, their allowed values and their defaults.

`config.example.toml` explains each key in words; a test keeps both in step. Defaults of the policy come from the core.
Nothing here reads a file or the environment.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from fleetsync.core.entitlement import MODES
from fleetsync.core.model import (
    CENTRAL,
    EligibilityCriteria,
    EmploymentForm,
    Entitlement,
    EntitlementMode,
    FormFactor,
    MembershipType,
    Platform,
    Policy,
    Purpose,
    RoundBy,
    Staleness,
)
from fleetsync.settings.listening import DEFAULT_LISTEN, DEFAULT_METRICS_LISTEN, ListenAddress, address
from fleetsync.settings.validation import SLUG

DEVICE_RULE_FIELDS = (
    "source", "location", "groups", "name", "login", "profile", "tag", "order", "status", "model", "platform",
)  # fmt: skip
UNIT_MAP_FIELDS = ("location", "groups", "name", "profile", "tag", "order", "status")

ORGANISATION_NUMBER_DIGITS = 10


def _field_defaults(noun: Any) -> Mapping[str, Any]:
    return {field.name: field.default for field in msgspec.structs.fields(noun)}


_ENTITLEMENT_DEFAULTS, _WHO_DEFAULTS, _STALENESS_DEFAULTS, _POLICY_DEFAULTS = map(
    _field_defaults, (Entitlement, EligibilityCriteria, Staleness, Policy)
)


def _valid_listen_address(text: str) -> str:
    address(text)
    return text


def _resolved_in_folder(path: Path, given: ValidationInfo) -> Path:
    """Relative paths start from the folder of the configuration, wherever the daemon is started."""
    return Path((given.context or {}).get("folder", "."), path.expanduser())


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        raise ValueError('must be the name of a time zone, such as "Europe/Stockholm"') from None
    return name


def _organisation_number(text: str) -> str:
    if sum(letter.isdigit() for letter in text) != ORGANISATION_NUMBER_DIGITS:
        raise ValueError('must hold ten digits each, such as "212000-0000"')
    return text


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError('must be an address such as "https://fleetsync.exempelby.se"')
    return text.rstrip("/")


def _mail_address(text: str) -> str:
    name, _, domain = text.rpartition("@")
    if not (name and domain) or any(each.isspace() or each in '<>,;:"' or not each.isprintable() for each in text):
        raise ValueError('must be one mail address, such as "rektor.vretaskolan@exempelby.se"')
    return text


def _at_least_one(addresses: tuple[str, ...]) -> tuple[str, ...]:
    # `min_length` would call a list with one faulty address empty too.
    if not addresses:
        raise ValueError("must name at least one mail address")
    return addresses


def _in_both_languages(value: Any) -> Any:
    return {"sv": value, "en": value} if isinstance(value, str) else value


Slug: TypeAlias = Annotated[str, Field(pattern=SLUG)]
NonEmptyTexts: TypeAlias = tuple[Annotated[str, Field(min_length=1)], ...]
ConfigPath: TypeAlias = Annotated[Path, AfterValidator(_resolved_in_folder)]
ListenText: TypeAlias = Annotated[str, AfterValidator(_valid_listen_address)]
WebAddress: TypeAlias = Annotated[str, AfterValidator(_web_address)]
MailAddress: TypeAlias = Annotated[str, AfterValidator(_mail_address)]
MailAddresses: TypeAlias = Annotated[tuple[MailAddress, ...], AfterValidator(_at_least_one)]
Language: TypeAlias = Literal["sv", "en"]
AtLeast1: TypeAlias = Annotated[int, Field(ge=1)]
AtLeast0: TypeAlias = Annotated[int, Field(ge=0)]
Ratio: TypeAlias = Annotated[float, Field(ge=0, le=1)]
GradeIndex: TypeAlias = Annotated[int, Field(ge=0, le=9)]


class ConfigTable(BaseModel):
    """Base of all tables: frozen, unknown keys are errors, error texts never quote values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class MunicipalityTable(ConfigTable):
    """`[municipality]`: the municipality that runs the daemon."""

    name: str = ""
    organisation_numbers: tuple[Annotated[str, AfterValidator(_organisation_number)], ...] = ()
    not_ours: NonEmptyTexts = ()
    time_zone: Annotated[str, AfterValidator(_known_zone)] = _POLICY_DEFAULTS["time_zone"]
    language: Language = "sv"


class DatabaseTable(ConfigTable):
    """`[database]`: where data are stored and for how long."""

    url: str = Field(default="/var/lib/fleetsync/fleetsync.db", min_length=1, repr=False)
    url_file: ConfigPath | None = None
    backup_folder: ConfigPath | None = None
    keep_backups: AtLeast1 = 14
    keep_ended_terms: AtLeast0 = 1
    keep_history_months: AtLeast1 = 18
    keep_pulls_days: AtLeast1 = 90
    keep_audit_months: AtLeast1 = 24


class WebTable(ConfigTable):
    """`[web]`: the page and the metrics."""

    listen: ListenText = DEFAULT_LISTEN
    metrics_listen: ListenText = DEFAULT_METRICS_LISTEN
    public_url: WebAddress | None = None
    session_key_file: ConfigPath | None = None
    trusted_proxies: AtLeast0 = 0
    language: Language | None = None

    @property
    def address(self) -> ListenAddress:
        """Where the page listens."""
        return address(self.listen)

    @property
    def metrics_address(self) -> ListenAddress | None:
        """Where the metrics listen; None: with the page, being the same address."""
        return None if address(self.metrics_listen) == self.address else address(self.metrics_listen)


class NetworkTable(ConfigTable):
    """`[network]`: how the sources are reached."""

    proxy: str | None = Field(default=None, repr=False)
    proxy_file: ConfigPath | None = None
    no_proxy: NonEmptyTexts = ()
    ca_file: ConfigPath | None = None


class CalendarTable(ConfigTable):
    """`[calendar]`: a shipped calendar by name, a file, or tables written here, which `schedule` checks."""

    name: str | None = None
    file: ConfigPath | None = None
    term: tuple[Mapping[str, Any], ...] | None = None
    closed: tuple[Mapping[str, Any], ...] | None = None
    preschool: Mapping[str, Any] | None = None
    unit: Mapping[str, Any] | None = None

    @property
    def inline_tables(self) -> dict[str, Any]:
        """The tables of a calendar that is written in the configuration itself, as `schedule` reads them."""
        tables = {key: getattr(self, key) for key in ("term", "closed", "preschool", "unit")}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in tables.items() if value}

    @model_validator(mode="after")
    def _check_single_kind(self) -> "CalendarTable":
        given = [self.name is not None, self.file is not None, bool(self.inline_tables)]
        if sum(given) > 1:
            raise ValueError("must give one of name, file, or [[calendar.term]] and what belongs to it")
        return self


class StalenessTable(ConfigTable):
    """`[staleness]`: after how many school days without contact a device counts as stale or silent."""

    stale_after_school_days: AtLeast1 = _STALENESS_DEFAULTS["stale_after_school_days"]
    silent_after_school_days: AtLeast1 = _STALENESS_DEFAULTS["silent_after_school_days"]
    by_platform: Mapping[Platform, AtLeast1] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_silent_after_stale(self) -> "StalenessTable":
        stale, silent = self.stale_after_school_days, self.silent_after_school_days
        if silent < stale:
            raise ValueError(
                f"silent_after_school_days = {silent} must not be less than stale_after_school_days = {stale}"
            )
        return self


class IdentityTable(ConfigTable):
    """`[identity]`: which log-ins belong together, and which belong to no person."""

    domain_aliases: Mapping[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    overrides_file: ConfigPath | None = None
    function_accounts: NonEmptyTexts = ()
    enrolment_managers: NonEmptyTexts = ()
    max_devices_per_user: AtLeast1 = _POLICY_DEFAULTS["max_devices_per_user"]
    match_on_civic_number: bool = _POLICY_DEFAULTS["match_on_civic_number"]


class UnitTable(ConfigTable):
    """`[[unit]]`: a school or a preschool."""

    slug: Slug
    name: Annotated[str, Field(min_length=1)]
    codes: NonEmptyTexts = ()
    school_forms: NonEmptyTexts = ()
    stale_after_school_days: AtLeast1 | None = None


class UnitMapTable(ConfigTable):
    """`[[unit_map]]`: which unit a source means by a word for a place."""

    source: Slug
    field: Literal[UNIT_MAP_FIELDS]  # type: ignore[valid-type]
    pattern: Annotated[str, Field(min_length=1)]
    unit: Slug


class DeviceRuleTable(ConfigTable):
    """`[[device_rule]]`: the purpose, unit or groups of devices whose records hold certain words."""

    when: Mapping[Literal[DEVICE_RULE_FIELDS], Annotated[str, Field(min_length=1)]]  # type: ignore[valid-type]
    purpose: Purpose | None = None
    unit: Slug | None = None
    groups: NonEmptyTexts = ()

    @model_validator(mode="after")
    def _check_not_empty(self) -> "DeviceRuleTable":
        if not self.when:
            raise ValueError('when must hold at least one condition, such as when = { location = "Lager*" }')
        if self.purpose is None and self.unit is None and not self.groups:
            raise ValueError("must say purpose, unit or groups")
        return self


class TitleTable(ConfigTable):
    """A title in both languages."""

    sv: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]


class WhoTable(ConfigTable):
    """`who` of an entitlement: which memberships it is for."""

    memberships: tuple[MembershipType, ...]
    school_forms: NonEmptyTexts = ()
    lowest_grade_index: GradeIndex | None = None
    highest_grade_index: GradeIndex | None = None
    employment: tuple[EmploymentForm, ...] = ()
    longer_than_months: AtLeast0 = _WHO_DEFAULTS["longer_than_months"]

    @model_validator(mode="after")
    def _check_consistent(self) -> "WhoTable":
        if not self.memberships:
            raise ValueError('memberships must name at least one, such as memberships = ["enrolment"]')
        if MembershipType.GROUP in self.memberships:
            raise ValueError('memberships = ["group"] owes nobody: name "enrolment", "placement" or "employment"')
        lowest, highest = self.lowest_grade_index, self.highest_grade_index
        if lowest is not None and highest is not None and highest < lowest:
            raise ValueError(f"highest_grade_index = {highest} must not be less than lowest_grade_index = {lowest}")
        return self


class EntitlementTable(ConfigTable):
    """`[[entitlement]]`: a line of the plan."""

    id: Slug
    title: Annotated[TitleTable, BeforeValidator(_in_both_languages)]
    origin: Annotated[str, Field(min_length=1)]
    who: WhoTable
    mode: EntitlementMode
    devices: AtLeast1 = _ENTITLEMENT_DEFAULTS["devices"]
    per: AtLeast1 = _ENTITLEMENT_DEFAULTS["per"]
    round_by: RoundBy = _ENTITLEMENT_DEFAULTS["round_by"]
    platforms: tuple[Platform, ...] = _ENTITLEMENT_DEFAULTS["platforms"]
    form_factors: tuple[FormFactor, ...] = _ENTITLEMENT_DEFAULTS["form_factors"]
    require: tuple[Literal["supported", "encrypted", "compliant"], ...] = _ENTITLEMENT_DEFAULTS["require"]
    target: Ratio = _ENTITLEMENT_DEFAULTS["target"]
    alert_below: Ratio = _ENTITLEMENT_DEFAULTS["alert_below"]
    alert_short: AtLeast1 = _ENTITLEMENT_DEFAULTS["alert_short"]
    alert_after_school_days: AtLeast0 = _ENTITLEMENT_DEFAULTS["alert_after_school_days"]
    on_leave: Literal["apart", "owed"] = _ENTITLEMENT_DEFAULTS["on_leave"]
    units: tuple[Slug, ...] = _ENTITLEMENT_DEFAULTS["units"]
    life_years: AtLeast1 | None = _ENTITLEMENT_DEFAULTS["life_years"]
    valid_from: date | None = _ENTITLEMENT_DEFAULTS["valid_from"]
    valid_to: date | None = _ENTITLEMENT_DEFAULTS["valid_to"]

    @model_validator(mode="after")
    def _check_consistent(self) -> "EntitlementTable":
        if not MODES[self.mode].takes_per and self.per != 1:
            raise ValueError(f'per = {self.per} is for mode = "pool" alone; remove it or change mode')
        if not MODES[self.mode].takes_devices and self.devices != 1:
            raise ValueError(f"devices = {self.devices} is not for a pool: how many share one device is per")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError(f"valid_to = {self.valid_to} is before valid_from = {self.valid_from}")
        if self.alert_below > self.target:
            raise ValueError(f"alert_below = {self.alert_below} must not be above target = {self.target}")
        return self


class LocalRaiseTable(ConfigTable):
    """What a local plan raises of one entitlement. None: as the entitlement itself says."""

    devices: AtLeast1 | None = None
    per: AtLeast1 | None = None
    target: Ratio | None = None
    platforms: tuple[Platform, ...] | None = None
    form_factors: tuple[FormFactor, ...] | None = None

    @model_validator(mode="after")
    def _check_not_empty(self) -> "LocalRaiseTable":
        given = self.model_dump(exclude_none=True)
        if not given:
            raise ValueError("must say what is raised: devices, per, target, platforms or form_factors")
        if () in given.values():
            raise ValueError("must name at least one platform or form factor that is accepted")
        return self


class LocalPlanTable(ConfigTable):
    """`[[local_plan]]`: the plan of one unit, which may promise more than the entitlements and never less."""

    unit: Slug
    document: Annotated[str, Field(min_length=1)]
    decided_on: date
    ends_on: date
    raises: Mapping[Slug, LocalRaiseTable] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_days(self) -> "LocalPlanTable":
        if self.ends_on < self.decided_on:
            raise ValueError(f"ends_on = {self.ends_on} is before decided_on = {self.decided_on}")
        return self


class MailTable(ConfigTable):
    """`[mail]`: the mail server, and who receives the weekly digest of which unit."""

    host: Annotated[str, Field(min_length=1)] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: MailAddress | None = None
    user: Annotated[str, Field(min_length=1)] | None = None
    password_file: ConfigPath | None = None
    recipients: Mapping[Slug, MailAddresses] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_consistent(self) -> "MailTable":
        if self.host is not None and self.sender is None:
            raise ValueError('sender is missing; write for example sender = "fleetsync@exempelby.se"')
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together: give both, or neither")
        if self.user is not None and self.security == "none":
            raise ValueError('security = "none" would send the password readable; use "starttls" or "tls"')
        return self


class PrivacyTable(ConfigTable):
    """`[privacy]`: which personal data are stored."""

    key_file: ConfigPath = Path("/etc/fleetsync/privacy.key")
    persons: bool = True
    store_device_names: bool = False
    store_names: bool = False


class ConfigTables(ConfigTable):
    """The whole configuration file."""

    municipality: MunicipalityTable = MunicipalityTable()
    database: DatabaseTable = DatabaseTable()
    web: WebTable = WebTable()
    network: NetworkTable = NetworkTable()
    calendar: CalendarTable = CalendarTable()
    staleness: StalenessTable = StalenessTable()
    identity: IdentityTable = IdentityTable()
    source: tuple[Mapping[str, Any], ...] = ()
    unit: tuple[UnitTable, ...] = ()
    unit_map: tuple[UnitMapTable, ...] = ()
    device_rule: tuple[DeviceRuleTable, ...] = ()
    entitlement: tuple[EntitlementTable, ...] = ()
    local_plan: tuple[LocalPlanTable, ...] = ()
    mail: MailTable = MailTable()
    privacy: PrivacyTable = PrivacyTable()
    jobs: Mapping[str, Any] = Field(default_factory=dict)

    @property
    def unit_slugs(self) -> frozenset[str]:
        """The slugs of the configured units, and of the central administration."""
        return frozenset({CENTRAL, *(unit.slug for unit in self.unit)})
