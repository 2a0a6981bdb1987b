"""The configuration as the daemon uses it: frozen, judged whole, with the calendar read and the policy made.

A new configuration is a new value; nothing in an old one changes. Its `repr` shows no value, since some are secret.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from stat import S_IRGRP, S_IROTH, S_IWGRP, S_IWOTH
from typing import Any

from pydantic import ValidationError

from fleetsync.core.calendar import Calendars
from fleetsync.core.model import CENTRAL, Policy
from fleetsync.schedule import ScheduledJob, ScheduleError, load_calendars, load_jobs, read_calendars, shipped_calendar
from fleetsync.settings import effective, privacy_key
from fleetsync.settings import layers as r
from fleetsync.settings.addresses import database_url, is_new_database, password_spellings, sqlite_file, url_password
from fleetsync.settings.errors import SettingsError, did_you_mean, validation_messages
from fleetsync.settings.policy import contradictions, policy_of
from fleetsync.settings.tables import (
    ConfigTables,
    DatabaseTable,
    IdentityTable,
    MunicipalityTable,
    NetworkTable,
    PrivacyTable,
    UnitTable,
    WebTable,
)

# What is built once, when the daemon starts; a change of it is refused until then.
NEEDS_RESTART: tuple[tuple[str, str], ...] = (
    ("database", "url"),
    ("web", "listen"),
    ("web", "metrics_listen"),
    ("web", "trusted_proxies"),
    ("privacy", "key_file"),
)


@dataclass(frozen=True, repr=False)
class Settings:
    """Everything that was configured."""

    municipality: MunicipalityTable
    database: DatabaseTable  # `url` as SQLAlchemy reads it
    web: WebTable
    network: NetworkTable
    identity: IdentityTable
    privacy: PrivacyTable
    units: tuple[UnitTable, ...]
    sources: tuple[Mapping[str, Any], ...]  # raw tables; `pull.registry` judges them
    source_variables: effective.SourceVariables  # by source: keys given by the environment, secrets among them
    policy: Policy
    calendars: Calendars
    jobs: tuple[ScheduledJob, ...]
    clock_start: datetime | None
    secrets_dirs: tuple[Path, ...]
    path: Path | None
    tables: ConfigTables  # what was judged, with `database` and `network` as above
    reading: r.ConfigLayers

    @property
    def file_name(self) -> str:
        """How the file is called in messages."""
        return self.reading.file_name

    @property
    def folder(self) -> Path:
        """From where relative paths in the file count."""
        return self.reading.folder

    @property
    def language(self) -> str:
        """The page's language where its reader has chosen none: "sv" or "en"."""
        return self.web.language or self.municipality.language

    @property
    def database_file(self) -> Path | None:
        """The file of a SQLite database; None for a server or one in memory."""
        return sqlite_file(self.database.url)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What works and should not stay so: secret files that others can read or write."""
        return tuple(filter(None, map(secret_file_warning, self._secret_files())))

    def _secret_files(self) -> tuple[Path, ...]:
        files = (self.privacy.key_file, self.web.session_key_file, self.database.url_file, self.network.proxy_file)
        return tuple(file for file in files if file is not None)

    def secret_texts(self) -> tuple[str, ...]:
        """The passwords in addresses, for the log to hide; those of sources, `registry.Source` knows."""
        return (*password_spellings(self.database.url), *password_spellings(self.network.proxy))

    def privacy_key(self) -> bytes:
        """The secret under which log-ins become tokens; made, mode 0600, while there is no database yet.

        Raises SettingsError when it is missing beside a database, cannot be made, or is not a key.
        """
        file = privacy_key.key_file(self.privacy.key_file, self.secrets_dirs)
        return privacy_key.read_or_make(file, may_make=is_new_database(self.database.url))

    def describe(self) -> tuple[effective.EffectiveValue, ...]:
        """The effective configuration with the origin of each value, secrets hidden.

        A source's table is shown as it stands, so `registry.sources` should have accepted it first.
        """
        return tuple(effective.describe(self.tables, self.source_variables, self.reading))


def load(
    path: Path | None = None, *, environ: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """The configuration of *path*, else of $FLEETSYNC_CONFIG, ./config.toml, /etc/fleetsync/config.toml.

    *environ* None: the process's. *overrides*: what the command line says, as nested tables. Raises SettingsError with
    one line for each fault.
    """
    found = r.read_layers(path, environ, overrides)
    tables = _validated_tables(found)
    database, network = _with_address_files(tables, found)
    names = [source["name"] for source in tables.source]
    _refuse_key_beside_database(tables.privacy.key_file, database.url, found)
    return Settings(
        municipality=tables.municipality,
        database=database,
        web=tables.web,
        network=network,
        identity=tables.identity,
        privacy=tables.privacy,
        units=tables.unit,
        sources=tables.source,
        source_variables=r.source_variables(names, found.environ),
        policy=policy_of(tables),
        calendars=_load_calendars(tables, found),
        jobs=_load_jobs(tables, found),
        clock_start=_clock_start(tables.web, found.environ),
        secrets_dirs=found.secrets_dirs,
        path=found.path,
        tables=tables.model_copy(update={"database": database, "network": network}),
        reading=found,
    )


def unknown_environment(settings: Settings) -> tuple[str, ...]:
    """Variables named FLEETSYNC_… that nothing reads; most likely they are misspelt."""
    return r.unknown_variables([source["name"] for source in settings.sources], settings.reading.environ)


def changed_keys(old: Settings, new: Settings) -> tuple[str, ...]:
    """The keys that differ, without their values: "web.listen", "source.jamf-north.every"."""
    before, after = (effective.effective_values(settings.tables, settings.source_variables) for settings in (old, new))
    return effective.changed_keys_between(before, after)


def keys_needing_restart(old: Settings, new: Settings) -> tuple[str, ...]:
    """Changed keys that only a restart can bring about: "[database] url"."""
    return tuple(
        f"[{section}] {key}"
        for section, key in NEEDS_RESTART
        if getattr(getattr(old, section), key) != getattr(getattr(new, section), key)
    )


def secret_file_warning(file: Path) -> str | None:
    """A warning when a secret file can be read or written by more than its owner; None when not, or it is not there."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return None
    if not mode & (S_IRGRP | S_IROTH | S_IWGRP | S_IWOTH):
        return None
    return f"{file} can be read or written by others than its owner ({mode & 0o777:o}). Run: chmod 600 {file}"


# -------------------------------------------------------------------------------------------------------------- judging


def _validated_tables(found: r.ConfigLayers) -> ConfigTables:
    merged = found.merged
    refused = [*_unknown_sections(found), *_passwords_in_config_file(found), *_unnamed_sources(merged, found.file_name)]
    if refused:
        raise SettingsError("\n".join(refused))
    try:
        tables = ConfigTables.model_validate(merged, context={"folder": found.folder})
    except ValidationError as error:
        raise SettingsError("\n".join(validation_messages(error, ConfigTables, found.place))) from None
    refused = list(contradictions(tables, found.file_name))
    if refused:
        raise SettingsError("\n".join(refused))
    return tables


def _unknown_sections(found: r.ConfigLayers) -> Iterator[str]:
    for section in found.merged:
        if section not in ConfigTables.model_fields:
            where, _ = found.place((section,))
            yield f"{where} [{section}] is not a known section." + did_you_mean(
                section, ConfigTables.model_fields, r.section_heading
            )


def _passwords_in_config_file(found: r.ConfigLayers) -> Iterator[str]:
    """Passwords inside of addresses that stand in the file itself; secrets by key are the registry's, by their type."""
    in_file = found.layers[-1].values
    for section, key in (("database", "url"), ("network", "proxy")):
        table = in_file.get(section)
        value = table.get(key) if isinstance(table, Mapping) else None
        if isinstance(value, str) and url_password(value):
            yield (
                f"{found.file_name}: [{section}] {key} holds a password, which may not stand in {found.file_name}: "
                f"put the whole address in a file and name it in {key}_file"
            )


def _unnamed_sources(merged: Mapping[str, Any], file: str) -> Iterator[str]:
    sources = merged.get("source", ())
    for index, source in enumerate(sources if isinstance(sources, list | tuple) else ()):
        if isinstance(source, Mapping):
            for key in ("kind", "name"):
                if not isinstance(source.get(key), str) or not source[key]:
                    yield f"{file}: [[source]] {r.member_name(merged, 'source', index)}: {key} is missing"


def _with_address_files(tables: ConfigTables, found: r.ConfigLayers) -> tuple[DatabaseTable, NetworkTable]:
    """With the addresses that stand in files of their own."""
    url = _read_address_file(tables.database, "database", "url", found) or tables.database.url
    proxy = _read_address_file(tables.network, "network", "proxy", found) or tables.network.proxy
    return (
        tables.database.model_copy(update={"url": database_url(url, found.folder)}),
        tables.network.model_copy(update={"proxy": proxy}),
    )


def _read_address_file(
    table: DatabaseTable | NetworkTable, section: str, key: str, found: r.ConfigLayers
) -> str | None:
    """The content of `<key>_file`, unless a higher layer gives *key* itself."""
    file = getattr(table, f"{key}_file")
    here, there = found.rank((section, key)), found.rank((section, f"{key}_file"))
    if file is None or here < there:
        return None
    where, _ = found.place((section, f"{key}_file"))
    if here == there:
        raise SettingsError(f"{where} {key} and {key}_file are both given. Remove one of them")
    return r.read_text(file, f"{where} {key}_file {file}")


def _refuse_key_beside_database(key: Path, url: str, found: r.ConfigLayers) -> None:
    database = sqlite_file(url)
    if database is not None and database.resolve().parent in key.resolve().parents:
        where, _ = found.place(("privacy", "key_file"))
        raise SettingsError(
            f"{where} key_file {key} lies in the database's folder. A copy of the database must not carry "
            "the key to its tokens: put it elsewhere, such as /etc/fleetsync/privacy.key"
        )


def _load_calendars(tables: ConfigTables, found: r.ConfigLayers) -> Calendars:
    calendar, where = tables.calendar, f"{found.file_name}: [calendar]"
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
    known = {unit.slug for unit in tables.unit} | {CENTRAL}
    for slug in calendars.units:
        if slug not in known:
            raise SettingsError(
                f"{where} [unit.{slug}] is no [[unit]] of {found.file_name}." + did_you_mean(slug, known)
            )
    return calendars


def _load_jobs(tables: ConfigTables, found: r.ConfigLayers) -> tuple[ScheduledJob, ...]:
    try:
        return load_jobs(tables.jobs, found.file_name)
    except ScheduleError as error:
        raise SettingsError(str(error)) from None


def _clock_start(web: WebTable, environ: Mapping[str, str]) -> datetime | None:
    text = environ.get(r.NOW_VARIABLE)
    if not text:
        return None
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        start = None
    if start is None or start.utcoffset() is None:
        raise SettingsError(
            f"environment: {r.NOW_VARIABLE} must be an instant with its zone, such as 2027-08-16T06:00+02:00"
        )
    if not web.address.is_loopback:
        raise SettingsError(
            f"environment: {r.NOW_VARIABLE} is for training and is refused while [web] listen is open to other machines. "
            "Unset it, or listen on 127.0.0.1"
        )
    return start
