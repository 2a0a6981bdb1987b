"""Loads and validates the whole configuration into `Settings`, with calendars and policy.

A new configuration is a new value; an old one never changes. `repr` shows no value, since some are secret.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from stat import S_IRGRP, S_IROTH, S_IWGRP, S_IWOTH
from typing import Any

from pydantic import ValidationError

from fleetsync.core.calendar import Calendars
from fleetsync.core.model import Policy
from fleetsync.schedule import ScheduledJob, ScheduleError, load_calendars, load_jobs, read_calendars, shipped_calendar
from fleetsync.settings import effective, privacy_key
from fleetsync.settings.addresses import database_url, is_new_database, password_spellings, sqlite_file, url_password
from fleetsync.settings.errors import SettingsError, did_you_mean
from fleetsync.settings.layers import (
    NOW_VARIABLE,
    ConfigLayers,
    member_name,
    read_text,
    section_heading,
    source_variables,
)
from fleetsync.settings.local_plans import local_plan_contradictions
from fleetsync.settings.policy import contradictions, policy_of
from fleetsync.settings.reading import read_layers, unknown_variables
from fleetsync.settings.tables import (
    ConfigTables,
    DatabaseTable,
    IdentityTable,
    MailTable,
    MunicipalityTable,
    NetworkTable,
    PrivacyTable,
    UnitTable,
    WebTable,
)
from fleetsync.settings.validation import validation_messages

# Used only once, when the daemon starts. A reload that changes one of these is refused.
NEEDS_RESTART: tuple[tuple[str, str], ...] = (
    ("database", "url"),
    ("web", "listen"),
    ("web", "metrics_listen"),
    ("web", "trusted_proxies"),
    ("privacy", "key_file"),
)


@dataclass(frozen=True, repr=False)
class Settings:
    """The whole configuration, validated."""

    municipality: MunicipalityTable
    database: DatabaseTable  # `url` as SQLAlchemy reads it
    web: WebTable
    network: NetworkTable
    identity: IdentityTable
    mail: MailTable
    privacy: PrivacyTable
    units: tuple[UnitTable, ...]
    sources: tuple[Mapping[str, Any], ...]  # unchecked tables; `pull.registry` checks them
    source_variables: effective.SourceVariables  # by source: keys from the environment, secrets among them
    policy: Policy
    calendars: Calendars
    jobs: tuple[ScheduledJob, ...]
    clock_start: datetime | None
    secrets_dirs: tuple[Path, ...]
    path: Path | None
    tables: ConfigTables  # the validated tables, with `database` and `network` as above
    layers: ConfigLayers

    @property
    def file_name(self) -> str:
        """The name of the file in messages."""
        return self.layers.file_name

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the file start from."""
        return self.layers.folder

    @property
    def language(self) -> str:
        """The language of the page until a reader chooses: "sv" or "en"."""
        return self.web.language or self.municipality.language

    @property
    def database_file(self) -> Path | None:
        """The file of a SQLite database; None for a server or a database in memory."""
        return sqlite_file(self.database.url)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Faults that do not prevent a start: secret files that other users can read or write."""
        return tuple(filter(None, map(secret_file_warning, self._secret_files())))

    def _secret_files(self) -> tuple[Path, ...]:
        files = (
            self.privacy.key_file,
            self.web.session_key_file,
            self.database.url_file,
            self.network.proxy_file,
            self.mail.password_file,
        )
        return tuple(file for file in files if file is not None)

    def secret_texts(self) -> tuple[str, ...]:
        """Passwords in URLs, which the log must hide. `registry.Source` knows the secrets of sources."""
        return (*password_spellings(self.database.url), *password_spellings(self.network.proxy))

    def privacy_key(self) -> bytes:
        """The secret key that turns log-ins into tokens. Created (mode 0600) while there is no database.

        Raises SettingsError if it is missing although there is a database, cannot be created, or is not a key.
        """
        file = privacy_key.key_file(self.privacy.key_file, self.secrets_dirs)
        return privacy_key.read_or_make(file, may_make=is_new_database(self.database.url))

    def mail_password(self) -> str:
        """The password of `[mail]`, read anew each time; "" without one. Raises SettingsError if it cannot be read."""
        file = self.mail.password_file
        return "" if file is None else read_text(file, f"{self.file_name}: [mail] password_file {file}").strip()

    def describe(self) -> tuple[effective.EffectiveValue, ...]:
        """The effective configuration with the origin of each value, secrets hidden.

        Tables of sources are shown unchecked, so `registry.build_sources` should have accepted them first.
        """
        return tuple(effective.describe(self.tables, self.source_variables, self.layers))


def load(
    path: Path | None = None, *, environ: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """The configuration of *path*, else of $FLEETSYNC_CONFIG, ./config.toml, /etc/fleetsync/config.toml.

    *environ*: the environment; None: that of the process. *overrides*: values of the command line, as nested tables.
    Raises SettingsError with a line for each fault.
    """
    try:
        return _load(path, environ, overrides)
    except RecursionError:
        name = path.name if path else "configuration"
        raise SettingsError(f"{name}: is nested too deeply to be read. Compare config.example.toml") from None


def _load(path: Path | None, environ: Mapping[str, str] | None, overrides: Mapping[str, Any] | None) -> Settings:
    layers = read_layers(path, environ, overrides)
    tables = validated_tables(layers)
    database, network = _with_address_files(tables, layers)
    names = [source["name"] for source in tables.source]
    _refuse_key_beside_database(tables.privacy.key_file, database.url, layers)
    return Settings(
        municipality=tables.municipality,
        database=database,
        web=tables.web,
        network=network,
        identity=tables.identity,
        mail=tables.mail,
        privacy=tables.privacy,
        units=tables.unit,
        sources=tables.source,
        source_variables=source_variables(names, layers.environ),
        policy=policy_of(tables),
        calendars=_load_calendars(tables, layers),
        jobs=_load_jobs(tables, layers),
        clock_start=_clock_start(tables.web, layers.environ),
        secrets_dirs=layers.secrets_dirs,
        path=layers.path,
        tables=tables.model_copy(update={"database": database, "network": network}),
        layers=layers,
    )


def unknown_environment(settings: Settings) -> tuple[str, ...]:
    """Variables named FLEETSYNC_… that nothing reads. Most likely they are misspelt."""
    return unknown_variables([source["name"] for source in settings.sources], settings.layers.environ)


def changed_keys(old: Settings, new: Settings) -> tuple[str, ...]:
    """The keys that differ, without their values: "web.listen", "source.jamf-north.every"."""
    before, after = (effective.effective_values(settings.tables, settings.source_variables) for settings in (old, new))
    return effective.changed_keys_between(before, after)


def keys_needing_restart(old: Settings, new: Settings) -> tuple[str, ...]:
    """Changed keys that take effect only after a restart: "[database] url"."""
    return tuple(
        f"[{section}] {key}"
        for section, key in NEEDS_RESTART
        if getattr(getattr(old, section), key) != getattr(getattr(new, section), key)
    )


def secret_file_warning(file: Path) -> str | None:
    """A warning if others than its owner can read or write a secret file; None: they cannot, or there is no file."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return None
    if not mode & (S_IRGRP | S_IROTH | S_IWGRP | S_IWOTH):
        return None
    return f"{file} can be read or written by others than its owner ({mode & 0o777:o}). Run: chmod 600 {file}"


# ----------------------------------------------------------------------------------------------------------- validation


def validated_tables(layers: ConfigLayers) -> ConfigTables:
    merged = layers.merged
    refused = [
        *_unknown_sections(layers),
        *_passwords_in_config_file(layers),
        *_unnamed_sources(merged, layers.file_name),
    ]
    if refused:
        raise SettingsError("\n".join(refused))
    try:
        tables = ConfigTables.model_validate(merged, context={"folder": layers.folder})
    except ValidationError as error:
        raise SettingsError("\n".join(validation_messages(error, ConfigTables, layers.place))) from None
    refused = [*contradictions(tables, layers.file_name), *local_plan_contradictions(tables, layers)]
    if refused:
        raise SettingsError("\n".join(refused))
    return tables


def _unknown_sections(layers: ConfigLayers) -> Iterator[str]:
    for section in layers.merged:
        if section not in ConfigTables.model_fields:
            where, _ = layers.place((section,))
            yield f"{where} [{section}] is not a known section." + did_you_mean(
                section, ConfigTables.model_fields, section_heading
            )


def _passwords_in_config_file(layers: ConfigLayers) -> Iterator[str]:
    """Messages about passwords in URLs in the file itself. `pull.registry` refuses the secrets of sources."""
    in_file = layers.layers[-1].values
    for section, key in (("database", "url"), ("network", "proxy")):
        table = in_file.get(section)
        value = table.get(key) if isinstance(table, Mapping) else None
        if isinstance(value, str) and url_password(value):
            yield (
                f"{layers.file_name}: [{section}] {key} holds a password, which may not stand in {layers.file_name}: "
                f"put the whole address in a file and name it in {key}_file"
            )


def _unnamed_sources(merged: Mapping[str, Any], file: str) -> Iterator[str]:
    sources = merged.get("source", ())
    for index, source in enumerate(sources if isinstance(sources, list | tuple) else ()):
        if isinstance(source, Mapping):
            for key in ("kind", "name"):
                if not isinstance(source.get(key), str) or not source[key]:
                    yield f"{file}: [[source]] {member_name(merged, 'source', index)}: {key} is missing"


def _with_address_files(tables: ConfigTables, layers: ConfigLayers) -> tuple[DatabaseTable, NetworkTable]:
    """The tables with the URLs filled in that `url_file` and `proxy_file` name."""
    url = _read_address_file(tables.database, "database", "url", layers) or tables.database.url
    proxy = _read_address_file(tables.network, "network", "proxy", layers) or tables.network.proxy
    return (
        tables.database.model_copy(update={"url": database_url(url, layers.folder)}),
        tables.network.model_copy(update={"proxy": proxy}),
    )


def _read_address_file(table: DatabaseTable | NetworkTable, section: str, key: str, layers: ConfigLayers) -> str | None:
    """The content of `<key>_file`; None: there is none, or a higher layer gives *key* itself."""
    file = getattr(table, f"{key}_file")
    here, there = layers.rank((section, key)), layers.rank((section, f"{key}_file"))
    if file is None or here < there:
        return None
    where, _ = layers.place((section, f"{key}_file"))
    if here == there:
        raise SettingsError(f"{where} {key} and {key}_file are both given. Remove one of them")
    return read_text(file, f"{where} {key}_file {file}")


def _refuse_key_beside_database(key: Path, url: str, layers: ConfigLayers) -> None:
    database = sqlite_file(url)
    if database is not None and database.resolve().parent in key.resolve().parents:
        where, _ = layers.place(("privacy", "key_file"))
        raise SettingsError(
            f"{where} key_file {key} lies in the database's folder. A copy of the database must not carry "
            "the key to its tokens: put it elsewhere, such as /etc/fleetsync/privacy.key"
        )


def _load_calendars(tables: ConfigTables, layers: ConfigLayers) -> Calendars:
    calendar, where = tables.calendar, f"{layers.file_name}: [calendar]"
    try:
        if calendar.name is not None:
            return load_calendars(shipped_calendar(calendar.name))
        if calendar.file is not None:
            calendars = load_calendars(calendar.file)
        else:
            calendars = read_calendars(calendar.inline_tables, where)
    except ScheduleError as error:
        text = str(error)
        raise SettingsError(text if text.startswith(where) else f"{where} {text}") from None
    known = tables.unit_slugs
    for slug in calendars.units:
        if slug not in known:
            raise SettingsError(
                f"{where} [unit.{slug}] is no [[unit]] of {layers.file_name}." + did_you_mean(slug, known)
            )
    return calendars


def _load_jobs(tables: ConfigTables, layers: ConfigLayers) -> tuple[ScheduledJob, ...]:
    try:
        return load_jobs(tables.jobs, layers.file_name)
    except ScheduleError as error:
        raise SettingsError(str(error)) from None


def _clock_start(web: WebTable, environ: Mapping[str, str]) -> datetime | None:
    text = environ.get(NOW_VARIABLE)
    if not text:
        return None
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        start = None
    if start is None or start.utcoffset() is None:
        raise SettingsError(
            f"environment: {NOW_VARIABLE} must be an instant with its zone, such as 2027-08-16T06:00+02:00"
        )
    if not web.address.is_loopback:
        raise SettingsError(
            f"environment: {NOW_VARIABLE} is for training and is refused while [web] listen is open to other machines. "
            "Unset it, or listen on 127.0.0.1"
        )
    return start
