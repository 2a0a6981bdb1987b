"""TELEMETRY: metrics about the daemon itself (sources, jobs, process), appended to the snapshot's text at each scrape.

They describe the daemon, not the municipality; for that see `core/measures`. Labels are names from the
configuration and values of small enumerations, never anything read from a source.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from fleetsync.core.measures import FIRST_PUBLISHED, FIRST_TRIED, Publication
from fleetsync.core.model import Credential

Labels = tuple[str, ...]
Samples = Iterable[tuple[Labels, float]]


@dataclass(frozen=True)
class PartStatus:
    """The state of one part of a source. Unknown instants are None; their series is left out."""

    source: str
    part: str
    is_up: bool
    is_held: bool
    expected_seconds: float | None  # None: nothing is due
    is_held_in_agreement: bool = False
    data_at: datetime | None = None
    attempt_at: datetime | None = None
    success_at: datetime | None = None
    seconds: float | None = None
    records: int = 0
    rejected: int = 0
    unreadable_facts: int = 0
    unused_headers: int = 0
    drift: int = 0


@dataclass(frozen=True)
class DaemonStatus:
    """The state of the daemon at one instant."""

    version: str
    revision: str
    parts: Sequence[PartStatus] = ()
    credentials: Mapping[tuple[str, str], Credential] = field(default_factory=dict)
    requests: Mapping[Labels, float] = field(default_factory=dict)
    pages: Mapping[Labels, float] = field(default_factory=dict)
    retries: Mapping[Labels, float] = field(default_factory=dict)
    rate_limited: Mapping[Labels, float] = field(default_factory=dict)
    verdicts: Mapping[Labels, float] = field(default_factory=dict)
    held_records: Mapping[Labels, float] = field(default_factory=dict)
    held_covered_change: Mapping[Labels, float] = field(default_factory=dict)
    jobs_missed: Mapping[Labels, float] = field(default_factory=dict)
    is_school_day: bool = False
    is_leader: bool = False
    schedule_holder: str | None = None
    reconcile_seconds: float | None = None
    reconcile_failures: int = 0
    reference_checked_at: datetime | None = None
    database_bytes: int | None = None
    makes_backups: bool = False
    backup_at: datetime | None = None
    digests_at: datetime | None = None
    unsent_digests: int = 0
    config_loaded_at: datetime | None = None
    is_config_good: bool = True


@dataclass(frozen=True)
class TelemetrySeries:
    """One family: a gauge, or a counter when its name ends in `_total`."""

    name: str
    help: str
    labels: Labels
    values: Callable[[DaemonStatus], Samples]
    publication: Publication = FIRST_PUBLISHED


def _per_part(ask: Callable[[PartStatus], float | datetime | None]) -> Callable[[DaemonStatus], Samples]:
    def values(daemon_status: DaemonStatus) -> Samples:
        for part in daemon_status.parts:
            answer = ask(part)
            if answer is not None:
                yield (part.source, part.part), answer.timestamp() if isinstance(answer, datetime) else float(answer)

    return values


def _single(ask: Callable[[DaemonStatus], float | datetime | None]) -> Callable[[DaemonStatus], Samples]:
    def values(daemon_status: DaemonStatus) -> Samples:
        answer = ask(daemon_status)
        if answer is not None:
            yield (), answer.timestamp() if isinstance(answer, datetime) else float(answer)

    return values


def _labelled(ask: Callable[[DaemonStatus], Mapping[Labels, float]]) -> Callable[[DaemonStatus], Samples]:
    return lambda daemon_status: sorted(ask(daemon_status).items())


PART_LABELS = ("source", "part")

TELEMETRY: tuple[TelemetrySeries, ...] = (
    TelemetrySeries(
        "fleetsync_source_up",
        "1 if the last attempt at the part worked",
        PART_LABELS,
        _per_part(lambda part: part.is_up),
    ),
    TelemetrySeries(
        "fleetsync_source_held",
        "1 while a pull of the part waits for a decision",
        PART_LABELS,
        _per_part(lambda part: part.is_held),
    ),
    TelemetrySeries(
        "fleetsync_source_held_in_agreement",
        "1 while the waiting pull of the part says what the held pulls before it said: it is probably true",
        PART_LABELS,
        _per_part(lambda part: part.is_held_in_agreement),
        FIRST_TRIED,
    ),
    TelemetrySeries(
        "fleetsync_source_held_records",
        "Records that the part's held pull would change if it were accepted: new, changed, returned or absent",
        (*PART_LABELS, "change"),
        _labelled(lambda daemon_status: daemon_status.held_records),
        FIRST_TRIED,
    ),
    TelemetrySeries(
        "fleetsync_source_held_covered_change",
        "How many more devices of all units would be covered if the part's held pull were accepted; negative: fewer",
        (*PART_LABELS, "entitlement"),
        _labelled(lambda daemon_status: daemon_status.held_covered_change),
        FIRST_TRIED,
    ),
    TelemetrySeries(
        "fleetsync_source_data_timestamp_seconds",
        "The instant that the believed content of the part speaks for",
        PART_LABELS,
        _per_part(lambda part: part.data_at),
    ),
    TelemetrySeries(
        "fleetsync_source_expected_interval_seconds",
        "How often new content of the part is due",
        PART_LABELS,
        _per_part(lambda part: part.expected_seconds),
    ),
    TelemetrySeries(
        "fleetsync_source_last_attempt_timestamp_seconds",
        "When the part was last tried",
        PART_LABELS,
        _per_part(lambda part: part.attempt_at),
    ),
    TelemetrySeries(
        "fleetsync_source_last_success_timestamp_seconds",
        "When a pull of the part was last complete or unchanged",
        PART_LABELS,
        _per_part(lambda part: part.success_at),
    ),
    TelemetrySeries(
        "fleetsync_source_last_duration_seconds",
        "How long the last attempt took",
        PART_LABELS,
        _per_part(lambda part: part.seconds),
    ),
    TelemetrySeries(
        "fleetsync_source_records",
        "Records of the part in its last complete pull",
        PART_LABELS,
        _per_part(lambda part: part.records),
    ),
    TelemetrySeries(
        "fleetsync_source_rejected_records",
        "Rows that could not be read in the last pull that read the part",
        PART_LABELS,
        _per_part(lambda part: part.rejected),
    ),
    TelemetrySeries(
        "fleetsync_source_unreadable_facts",
        "Facts of rows that could not be read in the last pull that read the part",
        PART_LABELS,
        _per_part(lambda part: part.unreadable_facts),
    ),
    TelemetrySeries(
        "fleetsync_source_unused_headers",
        "Headers that no field took up in the last pull that read the part",
        PART_LABELS,
        _per_part(lambda part: part.unused_headers),
    ),
    TelemetrySeries(
        "fleetsync_source_drift",
        "Unknown words met in the last pull that read the part",
        PART_LABELS,
        _per_part(lambda part: part.drift),
    ),
    TelemetrySeries(
        "fleetsync_source_credential_expiry_timestamp_seconds",
        "When a credential of the source runs out",
        ("source", "credential"),
        lambda daemon_status: (
            (labels, credential.expires_at.timestamp())
            for labels, credential in sorted(daemon_status.credentials.items())
        ),
    ),
    TelemetrySeries(
        "fleetsync_source_credential_info",
        "What a credential of the source is for: sign_in, apple_push, apple_enrolment, apple_apps or other",
        ("source", "credential", "use"),
        lambda daemon_status: (
            ((*labels, credential.use.value), 1) for labels, credential in sorted(daemon_status.credentials.items())
        ),
    ),
    TelemetrySeries(
        "fleetsync_source_requests_total",
        "Requests by status code; code none: no answer",
        ("source", "code"),
        _labelled(lambda daemon_status: daemon_status.requests),
    ),
    TelemetrySeries(
        "fleetsync_source_pages_total",
        "Pages read: of answers, or files",
        ("source",),
        _labelled(lambda daemon_status: daemon_status.pages),
        FIRST_TRIED,
    ),
    TelemetrySeries(
        "fleetsync_source_retries_total",
        "Requests tried again",
        ("source",),
        _labelled(lambda daemon_status: daemon_status.retries),
    ),
    TelemetrySeries(
        "fleetsync_source_rate_limited_seconds_total",
        "Seconds waited because the source asked for patience",
        ("source",),
        _labelled(lambda daemon_status: daemon_status.rate_limited),
    ),
    TelemetrySeries(
        "fleetsync_source_pulls_total",
        "Pulls since the start of the process, by verdict",
        ("source", "verdict"),
        _labelled(lambda daemon_status: daemon_status.verdicts),
    ),
    TelemetrySeries(
        "fleetsync_reconcile_duration_seconds",
        "How long the last reconciliation took",
        (),
        _single(lambda daemon_status: daemon_status.reconcile_seconds),
    ),
    TelemetrySeries(
        "fleetsync_reconcile_failures_total",
        "Reconciliations that ended in an error of our own",
        (),
        _single(lambda daemon_status: daemon_status.reconcile_failures),
    ),
    TelemetrySeries(
        "fleetsync_school_day",
        "1 on a school day of the municipality's calendar",
        (),
        _single(lambda daemon_status: daemon_status.is_school_day),
    ),
    TelemetrySeries(
        "fleetsync_leader",
        "1 if this daemon pulls by the schedule",
        (),
        _single(lambda daemon_status: daemon_status.is_leader),
    ),
    TelemetrySeries(
        "fleetsync_schedule_holder_info",
        "Which daemon on this database pulls by the schedule: its machine and process",
        ("holder",),
        lambda daemon_status: [((daemon_status.schedule_holder,), 1.0)] if daemon_status.schedule_holder else [],
    ),
    TelemetrySeries(
        "fleetsync_reference_data_timestamp_seconds",
        "When the shipped facts about models and operating systems were last checked",
        (),
        _single(lambda daemon_status: daemon_status.reference_checked_at),
    ),
    TelemetrySeries(
        "fleetsync_database_size_bytes",
        "Size of the database",
        (),
        _single(lambda daemon_status: daemon_status.database_bytes),
    ),
    TelemetrySeries(
        "fleetsync_backup_enabled",
        "1 if the daemon is to copy the database itself: it has a folder for copies, and the job is not off",
        (),
        _single(lambda daemon_status: daemon_status.makes_backups),
        FIRST_TRIED,
    ),
    TelemetrySeries(
        "fleetsync_backup_last_success_timestamp_seconds",
        "When the last copy of the database was made and verified",
        (),
        _single(lambda daemon_status: daemon_status.backup_at),
    ),
    TelemetrySeries(
        "fleetsync_build_info",
        "Version and revision of the program",
        ("version", "revision"),
        lambda daemon_status: [((daemon_status.version, daemon_status.revision), 1.0)],
    ),
    TelemetrySeries(
        "fleetsync_config_last_reload_successful",
        "1 if the configuration was good when it was last read",
        (),
        _single(lambda daemon_status: daemon_status.is_config_good),
    ),
    TelemetrySeries(
        "fleetsync_config_last_reload_success_timestamp_seconds",
        "When a good configuration was last read",
        (),
        _single(lambda daemon_status: daemon_status.config_loaded_at),
    ),
    TelemetrySeries(
        "fleetsync_digest_last_success_timestamp_seconds",
        "When a digest was last sent to a unit, since the daemon started",
        (),
        _single(lambda status: status.digests_at),
    ),
    TelemetrySeries(
        "fleetsync_digest_unsent",
        "Units whose digest of this week could not be sent at the last attempt; it is tried again every hour",
        (),
        _single(lambda status: status.unsent_digests),
    ),
    TelemetrySeries(
        "fleetsync_job_missed_total",
        "Runs of a job that were skipped because the one before still ran",
        ("task",),  # `job` is taken: Prometheus names its scrape targets so
        _labelled(lambda daemon_status: daemon_status.jobs_missed),
    ),
)


def families(daemon_status: DaemonStatus) -> Iterable[Metric]:
    """Every telemetry series of a daemon status."""
    for series in TELEMETRY:
        is_counter = series.name.endswith("_total")
        name = series.name.removesuffix("_total") if is_counter else series.name
        family = (CounterMetricFamily if is_counter else GaugeMetricFamily)(name, series.help, labels=series.labels)
        for labels, value in series.values(daemon_status):
            family.add_metric(labels, value)
        yield family


class _PrebuiltRegistry(CollectorRegistry):
    """A registry that hands out metrics built before, for the renderer of the client library."""

    def __init__(self, metrics: tuple[Metric, ...]) -> None:
        super().__init__(auto_describe=False)
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return iter(self._metrics)


def render_telemetry(daemon_status: DaemonStatus) -> bytes:
    """The telemetry of a daemon status and of this process as text format 0.0.4."""
    process = (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR)
    of_process = (metric for collector in process for metric in collector.collect())
    return generate_latest(_PrebuiltRegistry((*families(daemon_status), *of_process)))
