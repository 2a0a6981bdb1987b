"""The tables of config.toml, one class each: which keys there are, what each may be, what it is without being said.

`config.example.toml` says in words what each key means; a test keeps the two alike. A default of a policy is the core's
own. Nothing here reads a file or the environment.
"""

from collections.abc import Mapping
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from fleetsync.core.entitlement import MODES
from fleetsync.core.model import (
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
from fleetsync.settings.errors import SLUG

DEVICE_RULE_FIELDS = (
    "source", "location", "groups", "name", "login", "profile", "tag", "order", "status", "model", "platform",
)  # fmt: skip
UNIT_MAP_FIELDS = ("location", "groups", "name", "profile", "tag", "order", "status")

PORTS = range(1, 65536)
ORGANISATION_NUMBER_DIGITS = 10


def _field_defaults(noun: Any) -> Mapping[str, Any]:
    return {field.name: field.default for field in msgspec.structs.fields(noun)}


_ENTITLEMENT_DEFAULTS, _WHO_DEFAULTS, _STALENESS_DEFAULTS, _POLICY_DEFAULTS = map(
    _field_defaults, (Entitlement, EligibilityCriteria, Staleness, Policy)
)


class ListenAddress(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def address(text: str) -> ListenAddress:
    """`127.0.0.1:8470`, `[::1]:8470`, `localhost:8470`. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) not in PORTS or not host.strip("[]"):
        raise ValueError('must be host:port, such as "127.0.0.1:8470"')
    return ListenAddress(host.removeprefix("[").removesuffix("]"), int(port))


def _valid_listen_address(text: str) -> str:
    address(text)
    return text


def _resolved_in_folder(path: Path, given: ValidationInfo) -> Path:
    """A relative path counts from the folder of the configuration, so that a start from elsewhere changes nothing."""
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


def _in_both_languages(value: Any) -> Any:
    return {"sv": value, "en": value} if isinstance(value, str) else value


Slug: TypeAlias = Annotated[str, Field(pattern=SLUG)]
NonEmptyTexts: TypeAlias = tuple[Annotated[str, Field(min_length=1)], ...]
ConfigPath: TypeAlias = Annotated[Path, AfterValidator(_resolved_in_folder)]
ListenText: TypeAlias = Annotated[str, AfterValidator(_valid_listen_address)]
WebAddress: TypeAlias = Annotated[str, AfterValidator(_web_address)]
Language: TypeAlias = Literal["sv", "en"]
AtLeast1: TypeAlias = Annotated[int, Field(ge=1)]
AtLeast0: TypeAlias = Annotated[int, Field(ge=0)]
Ratio: TypeAlias = Annotated[float, Field(ge=0, le=1)]
GradeIndex: TypeAlias = Annotated[int, Field(ge=0, le=9)]


class ConfigTable(BaseModel):
    """Frozen; an unknown key is an error; no error text holds what was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class MunicipalityTable(ConfigTable):
    """Whose daemon this is."""

    name: str = ""
    organisation_numbers: tuple[Annotated[str, AfterValidator(_organisation_number)], ...] = ()
    not_ours: NonEmptyTexts = ()
    time_zone: Annotated[str, AfterValidator(_known_zone)] = _POLICY_DEFAULTS["time_zone"]
    language: Language = "sv"


class DatabaseTable(ConfigTable):
    """Where it is kept, and for how long."""

    url: str = Field(default="/var/lib/fleetsync/fleetsync.db", min_length=1, repr=False)
    url_file: ConfigPath | None = None
    backup_folder: ConfigPath | None = None
    keep_backups: AtLeast1 = 14
    keep_ended_terms: AtLeast0 = 1
    keep_history_months: AtLeast1 = 18
    keep_pulls_days: AtLeast1 = 90
    keep_audit_months: AtLeast1 = 24


class WebTable(ConfigTable):
    """The page and the metrics."""

    listen: ListenText = "127.0.0.1:8470"
    metrics_listen: ListenText | None = None
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
        """Where the metrics listen; None: with the page."""
        return address(self.metrics_listen) if self.metrics_listen else None


class NetworkTable(ConfigTable):
    """The road to the sources."""

    proxy: str | None = Field(default=None, repr=False)
    proxy_file: ConfigPath | None = None
    no_proxy: NonEmptyTexts = ()
    ca_file: ConfigPath | None = None


class CalendarTable(ConfigTable):
    """School days: a shipped calendar by name, a file, or written here; its insides are `schedule`'s to judge."""

    name: str | None = None
    file: ConfigPath | None = None
    term: tuple[Mapping[str, Any], ...] | None = None
    closed: tuple[Mapping[str, Any], ...] | None = None
    preschool: Mapping[str, Any] | None = None
    unit: Mapping[str, Any] | None = None

    @property
    def inline_tables(self) -> dict[str, Any]:
        """The tables of a calendar that stands in the configuration itself, as `schedule` reads them."""
        tables = {key: getattr(self, key) for key in ("term", "closed", "preschool", "unit")}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in tables.items() if value}

    @model_validator(mode="after")
    def _check_one_way(self) -> "CalendarTable":
        ways = [self.name is not None, self.file is not None, bool(self.inline_tables)]
        if sum(ways) > 1:
            raise ValueError("must give one of name, file, or [[calendar.term]] and what belongs to it")
        return self


class StalenessTable(ConfigTable):
    """When silence means something."""

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
    """Which log-ins are one, and which are nobody."""

    domain_aliases: Mapping[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    overrides_file: ConfigPath | None = None
    function_accounts: NonEmptyTexts = ()
    enrolment_managers: NonEmptyTexts = ()
    max_devices_per_user: AtLeast1 = _POLICY_DEFAULTS["max_devices_per_user"]
    match_on_civic_number: bool = _POLICY_DEFAULTS["match_on_civic_number"]


class UnitTable(ConfigTable):
    """A school, a förskola."""

    slug: Slug
    name: Annotated[str, Field(min_length=1)]
    codes: NonEmptyTexts = ()
    school_forms: NonEmptyTexts = ()
    stale_after_school_days: AtLeast1 | None = None


class UnitMapTable(ConfigTable):
    """A source's word for a place, and the unit that is meant."""

    source: Slug
    field: Literal[UNIT_MAP_FIELDS]  # type: ignore[valid-type]
    pattern: Annotated[str, Field(min_length=1)]
    unit: Slug


class DeviceRuleTable(ConfigTable):
    """What devices with certain words in their records are for."""

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
    """Whom an entitlement is for."""

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
    """A line of the plan."""

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
    on_unit_change: Literal["follows", "stays"] = _ENTITLEMENT_DEFAULTS["on_unit_change"]
    units: tuple[Slug, ...] = _ENTITLEMENT_DEFAULTS["units"]
    price_kronor: AtLeast0 | None = _ENTITLEMENT_DEFAULTS["price_kronor"]
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


class PrivacyTable(ConfigTable):
    """What is kept of people."""

    key_file: ConfigPath = Path("/etc/fleetsync/privacy.key")
    store_device_names: bool = False
    store_names: bool = False


class PricesTable(ConfigTable):
    """What a device costs, in whole kronor, where its entitlement does not say."""

    computer: AtLeast0 | None = None
    chromebook: AtLeast0 | None = None
    tablet: AtLeast0 | None = None


class ConfigTables(ConfigTable):
    """The whole file."""

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
    privacy: PrivacyTable = PrivacyTable()
    jobs: Mapping[str, Any] = Field(default_factory=dict)
    prices: PricesTable = PricesTable()
