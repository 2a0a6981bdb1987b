"""The dashboard about the pulls of the sources and the daemon itself."""

from fleetsync.core.lifecycle.credentials import NOTICE, URGENT_NOTICE
from fleetsync.core.model import CredentialUse, Text
from fleetsync.expose.display_names import VERDICTS
from grafana_dashboards.grafana import (
    DAYS_UNIT,
    FEW_ARE_GOOD,
    GREEN,
    GREY,
    HOURS_UNIT,
    LINES,
    NONE_IS_GOOD,
    PLAIN,
    RED,
    STACKED,
    TEXT,
    YELLOW,
    GridPosition,
    ValueFormat,
    threshold_steps,
    value_format,
)
from grafana_dashboards.panels import (
    Heading,
    LabelColumn,
    Panel,
    QueryColumn,
    Series,
    StatPanel,
    TablePanel,
    TrendPanel,
)
from grafana_dashboards.queries import (
    ALLOWED_AGE,
    CONTENT_AGE,
    DAY_SECONDS,
    OVERDUE,
    PART,
    SELECTED_SOURCES,
    increase,
    of_source_part,
    with_label_copy,
)

HOUR_SECONDS = 3600
# As the alerts FleetsyncBackupOld, FleetsyncNotReconciling and FleetsyncReferenceDataOld; a test compares.
BACKUP_OLD_HOURS, NUMBERS_OLD_MINUTES, REFERENCE_OLD_DAYS = 48, 180, 180
_PER_PART = f"and on ({PART}) {of_source_part('up', SELECTED_SOURCES)}"
_PAGE_OF_PART = "/sources/${__data.fields.source}/${__data.fields.part}"
# A link needs the label itself, which is hidden; a copy of it is shown under a title.
_SOURCE_COLUMNS = (LabelColumn("source"), LabelColumn("of", Text("Källa", "Source")))
_PART_COLUMNS = (*_SOURCE_COLUMNS, LabelColumn("part"), LabelColumn("what", Text("Del", "Part")))
_SOME_ARE_ODD = threshold_steps((None, GREY), (1, YELLOW))
_SHARE = Text("Av tillåten", "Of allowed")
_CREDENTIAL_SECONDS = "max by (source, credential) (fleetsync_source_credential_expiry_timestamp_seconds) - time()"
_DAYS_LEFT_COLORS = threshold_steps((None, RED), (URGENT_NOTICE.days, YELLOW), (NOTICE.days, "text"))
CREDENTIAL_USES = {
    CredentialUse.SIGN_IN.value: Text("läsa källan", "reading the source"),
    CredentialUse.APPLE_PUSH.value: Text("nå iPads och Mac-datorer", "reaching iPads and Macs"),
    CredentialUse.APPLE_ENROLMENT.value: Text("skriva in iPads och Mac-datorer", "enrolling iPads and Macs"),
    CredentialUse.APPLE_APPS.value: Text("installera appar", "installing apps"),
    CredentialUse.OTHER.value: Text("annat", "other"),
}


def selected(expr: str) -> str:
    """*expr* of the chosen sources only."""
    return f"({expr}) {_PER_PART}"


def of_chosen(metric: str) -> str:
    """A series by source and part of the chosen sources; *metric* without its prefix."""
    return of_source_part(metric, SELECTED_SOURCES)


def total(metric: str) -> str:
    """The sum of *metric* over all chosen sources; 0 with none."""
    return f"sum({of_chosen(metric)}) or vector(0)"


def last_day(metric: str, labels: str = "source", where: str = "") -> str:
    """How much a counter of the chosen sources grew within a day, by source."""
    chosen = f"{SELECTED_SOURCES},{where}" if where else SELECTED_SOURCES
    return f"sum by (source) ({increase(metric, labels, '1d', chosen)})"


def verdicts_of_last_day(verdict: str) -> str:
    """Pulls with *verdict* within a day, by source."""
    return last_day("fleetsync_source_pulls_total", "source, verdict", f'verdict="{verdict}"')


_REQUESTS = last_day("fleetsync_source_requests_total", "source, code")
# A source of files sends no request.
_NO_REQUESTS = f"{last_day('fleetsync_source_pages_total')} * 0"
_PULLS = increase("fleetsync_source_pulls_total", "source, verdict", "1d", SELECTED_SOURCES)

HEADLINE: tuple[Panel, ...] = (
    StatPanel(
        Text("För gamla", "Overdue"),
        Text(
            "Delar av källor vars innehåll är äldre än väntat. Talen vilar på dem.",
            "Parts of sources whose content is older than expected. The numbers rest on them.",
        ),
        GridPosition(0, 0, 3, 4),
        f"count({OVERDUE} {_PER_PART}) or vector(0)",
        value_format("none", NONE_IS_GOOD),
        "/sources",
    ),
    StatPanel(
        Text("Väntar på beslut", "Held"),
        Text("Hämtningar som ser orimliga ut: godta eller avvisa.", "Pulls that look implausible: accept or reject."),
        GridPosition(3, 0, 3, 4),
        total("held"),
        value_format("none", NONE_IS_GOOD),
        "/sources",
    ),
    StatPanel(
        Text("Samstämmiga", "Held that agree"),
        Text(
            "Tre hämtningar i rad säger detsamma: det är troligen sant, och någon behöver godta det.",
            "Three pulls in a row say the same: it is probably true, and somebody needs to accept it.",
        ),
        GridPosition(6, 0, 3, 4),
        total("held_in_agreement"),
        value_format("none", FEW_ARE_GOOD),
        "/sources",
    ),
    StatPanel(
        Text("Misslyckade", "Failing"),
        Text("Delar vars senaste försök misslyckades.", "Parts of which the last attempt failed."),
        GridPosition(9, 0, 3, 4),
        f"count({of_chosen('up')} == 0) or vector(0)",
        value_format("none", NONE_IS_GOOD),
        "/sources",
    ),
    StatPanel(
        Text("Gick inte att läsa", "Could not be read"),
        Text(
            "Rader och uppgifter i senaste hämtningen. Det som var känt om dem gäller.",
            "Rows and facts of the last pull. What was known of them stays.",
        ),
        GridPosition(12, 0, 3, 4),
        f"sum({of_chosen('rejected_records')} + {of_chosen('unreadable_facts')}) or vector(0)",
        value_format("none", FEW_ARE_GOOD),
        "/gaps?kind=rows_unreadable",
    ),
    StatPanel(
        Text("Behörighet kvar", "Credential left"),
        Text("Den behörighet som går ut först.", "The credential that expires first."),
        GridPosition(15, 0, 3, 4),
        f"min({_CREDENTIAL_SECONDS}) / {DAY_SECONDS}",
        value_format(DAYS_UNIT, _DAYS_LEFT_COLORS, decimals=0),
        "/gaps?kind=credential_expiring",
    ),
    StatPanel(
        Text("Säkerhetskopia", "Backup"),
        Text(
            "Hur gammal den senaste kontrollerade kopian av databasen är.",
            "How old the last verified copy of the database is.",
        ),
        GridPosition(18, 0, 3, 4),
        f"(time() - max(fleetsync_backup_last_success_timestamp_seconds)) / {HOUR_SECONDS}",
        value_format(HOURS_UNIT, threshold_steps((None, "text"), (BACKUP_OLD_HOURS, RED)), decimals=0, noValue="–"),
        "/sources",
    ),
    StatPanel(
        Text("Talen räknades", "Numbers counted"),
        Text("Minuter sedan talen senast räknades om.", "Minutes since the numbers were last counted."),
        GridPosition(21, 0, 3, 4),
        "(time() - max(fleetsync_snapshot_timestamp_seconds)) / 60",
        value_format(
            Text("suffix:min", "suffix:min"), threshold_steps((None, "text"), (NUMBERS_OLD_MINUTES, RED)), decimals=0
        ),
        "/coverage",
    ),
)

PARTS: tuple[Heading | Panel, ...] = (
    TablePanel(
        Text("Källorna, del för del", "The sources, part by part"),
        Text(
            "En källa som tystnat gör talen gamla, aldrig lägre. Ej lästa: rader och uppgifter. Klicka för delens sida.",
            "A source that is silent makes numbers old, never lower. Not read: rows and facts. Click for the page of the part.",
        ),
        GridPosition(0, 4, 24, 12),
        _PART_COLUMNS,
        [
            QueryColumn(
                Text("Försök", "Attempt"),
                with_label_copy(with_label_copy(of_chosen("up"), "source", "of"), "part", "what"),
                path=_PAGE_OF_PART,
                words=(("0", Text("misslyckades", "failed"), RED), ("1", Text("gick bra", "worked"), GREEN)),
            ),
            QueryColumn(
                Text("Beslut", "Decision"),
                f"{of_chosen('held')} + {of_chosen('held_in_agreement')}",
                path=_PAGE_OF_PART,
                words=(
                    ("0", Text("–", "–"), GREY),
                    ("1", Text("väntar", "held"), RED),
                    ("2", Text("väntar, troligen sant", "held, probably true"), YELLOW),
                ),
                width=150,
            ),
            QueryColumn(
                Text("Ålder", "Age"),
                selected(f"({CONTENT_AGE}) / {DAY_SECONDS}"),
                DAYS_UNIT,
                decimals=1,
            ),
            QueryColumn(
                Text("Gammalt efter", "Old after"), selected(f"{ALLOWED_AGE} / {DAY_SECONDS}"), DAYS_UNIT, decimals=0
            ),
            QueryColumn(
                _SHARE,
                selected(f"({CONTENT_AGE}) / on ({PART}) {ALLOWED_AGE}"),
                "percentunit",
                thresholds=threshold_steps((None, "text"), (1, RED)),
                decimals=0,
            ),
            QueryColumn(
                Text("Försökt för", "Tried"),
                f"(time() - {of_chosen('last_attempt_timestamp_seconds')}) / {HOUR_SECONDS}",
                Text("suffix:tim sedan", "suffix:h ago"),
                decimals=1,
            ),
            QueryColumn(Text("Tog", "Took"), of_chosen("last_duration_seconds"), "suffix:s", decimals=1, width=80),
            QueryColumn(Text("Poster", "Records"), of_chosen("records"), path=_PAGE_OF_PART, width=90),
            QueryColumn(
                Text("Ej lästa", "Not read"),
                f"{of_chosen('rejected_records')} + {of_chosen('unreadable_facts')}",
                path=_PAGE_OF_PART,
                thresholds=_SOME_ARE_ODD,
            ),
            QueryColumn(
                Text("Okända ord", "Unknown words"),
                of_chosen("drift"),
                path=_PAGE_OF_PART,
                thresholds=_SOME_ARE_ODD,
            ),
        ],
        sort=_SHARE,
    ),
)

TRAFFIC: tuple[Heading | Panel, ...] = (
    Heading(Text("Hämtning och behörighet", "Pulls and credentials"), 16),
    TablePanel(
        Text("Senaste dygnet, per källa", "The last day, by source"),
        Text(
            "Sidor: svar eller filer. Väntat: så länge källan bad oss vänta. Omförsök är ofarliga när de är få.",
            "Pages: answers or files. Waited: as long as the source asked us to. A few retries are harmless.",
        ),
        GridPosition(0, 17, 15, 9),
        _SOURCE_COLUMNS,
        [
            QueryColumn(
                Text("Frågor", "Requests"),
                with_label_copy(f"{_REQUESTS} or {_NO_REQUESTS}", "source", "of"),
                decimals=0,
            ),
            QueryColumn(Text("Sidor", "Pages"), last_day("fleetsync_source_pages_total"), decimals=0),
            QueryColumn(
                Text("Omförsök", "Retries"),
                last_day("fleetsync_source_retries_total"),
                decimals=0,
                thresholds=_SOME_ARE_ODD,
            ),
            QueryColumn(
                Text("Väntat", "Waited"),
                last_day("fleetsync_source_rate_limited_seconds_total"),
                "suffix:s",
                decimals=0,
                thresholds=threshold_steps((None, GREY), (60, YELLOW)),
            ),
            *(
                QueryColumn(title, verdicts_of_last_day(verdict), decimals=0, thresholds=colors)
                for verdict, title, colors in (
                    ("complete", Text("Kompletta", "Complete"), None),
                    ("unchanged", Text("Oförändrade", "Unchanged"), None),
                    ("held", Text("Väntade", "Held"), _SOME_ARE_ODD),
                    ("failed", Text("Misslyckade", "Failed"), _SOME_ARE_ODD),
                )
            ),
        ],
        sort=Text("Frågor", "Requests"),
    ),
    TablePanel(
        Text("Behörigheter", "Credentials"),
        Text("Dagar kvar, och vad som slutar fungera sedan.", "Days left, and what stops working then."),
        GridPosition(15, 17, 9, 9),
        [
            LabelColumn("source", Text("Källa", "Source"), width=90),
            LabelColumn("credential", Text("Behörighet", "Credential"), width=170),
            LabelColumn("use", Text("Behövs för att", "Needed for"), CREDENTIAL_USES),
        ],
        [
            QueryColumn(
                Text("Kvar", "Left"),
                f"({_CREDENTIAL_SECONDS}) / {DAY_SECONDS} * on (source, credential) group_right"
                f" max by (source, credential, use) (fleetsync_source_credential_info{{{SELECTED_SOURCES}}})",
                DAYS_UNIT,
                path="/gaps?kind=credential_expiring",
                decimals=0,
                thresholds=_DAYS_LEFT_COLORS,
                width=100,
            ),
        ],
        sort=Text("Kvar", "Left"),
        is_ascending=True,
        if_empty=Text("Ingen behörighet har ett känt slut", "No credential has a known end"),
    ),
    TrendPanel(
        Text("Innehållets ålder av den tillåtna", "Age of content of the allowed"),
        Text("Över 100 % är delen för gammal.", "Above 100 % the part is too old."),
        GridPosition(0, 26, 12, 9),
        [Series(selected(f"({CONTENT_AGE}) / on ({PART}) {ALLOWED_AGE}"), "{{source}}/{{part}}")],
        value_format(
            "percentunit",
            threshold_steps((None, "transparent"), (1, RED)),
            min=0,
            decimals=0,
            custom={**LINES, "lineWidth": 1, "thresholdsStyle": {"mode": "line"}},
            color={"mode": "palette-classic"},
        ),
    ),
    TrendPanel(
        Text("Hämtningar per dygn, efter utfall", "Pulls per day, by verdict"),
        Text("Alla valda källor, under dygnet före.", "All chosen sources, in the day before."),
        GridPosition(12, 26, 12, 9),
        [Series(f"sum by (verdict) ({_PULLS})", "{{verdict}}")],
        value_format("none", PLAIN, min=0, decimals=0, custom=STACKED, color={"mode": "palette-classic"}),
        words={verdict: words for verdict, words in VERDICTS.items() if verdict},
    ),
)


def _daemon_stat(column: int, title: Text, about: Text, expr: str, values: ValueFormat) -> StatPanel:
    return StatPanel(title, about, GridPosition(4 * column, 36, 4, 4), expr, values, "/sources")


DAEMON: tuple[Heading | Panel, ...] = (
    Heading(Text("Tjänsten", "The daemon"), 35),
    _daemon_stat(
        0,
        Text("Svarar", "Answering"),
        Text("Hur många instanser som svarar.", "How many instances answer."),
        'sum(up{job="fleetsync"})',
        value_format("none", threshold_steps((None, RED), (1, GREEN))),
    ),
    _daemon_stat(
        1,
        Text("Hämtar efter schemat", "Pulling by the schedule"),
        Text("Precis en instans hämtar; de andra visar.", "Exactly one instance pulls; the others show."),
        "sum(max by (instance) (fleetsync_leader))",
        value_format("none", threshold_steps((None, RED), (1, GREEN), (2, RED))),
    ),
    _daemon_stat(
        2,
        Text("Utlämning av mätvärden", "Scrape time"),
        Text("Hur länge Prometheus väntar på svaret.", "How long Prometheus waits for the answer."),
        'max(scrape_duration_seconds{job="fleetsync"}) * 1000',
        value_format("suffix:ms", TEXT, decimals=0),
    ),
    _daemon_stat(
        3,
        Text("Minne", "Memory"),
        Text("Det mesta som en instans använder.", "The most that an instance uses."),
        'max(process_resident_memory_bytes{job="fleetsync"})',
        value_format("bytes", TEXT, decimals=0),
    ),
    _daemon_stat(
        4,
        Text("Uppgifter om modeller", "Reference data"),
        Text(
            "Dygn sedan de medföljande uppgifterna om modeller och system kontrollerades.",
            "Days since the shipped facts about models and systems were checked.",
        ),
        f"(time() - max(fleetsync_reference_data_timestamp_seconds)) / {DAY_SECONDS}",
        value_format(DAYS_UNIT, threshold_steps((None, "text"), (REFERENCE_OLD_DAYS, YELLOW)), decimals=0),
    ),
    _daemon_stat(
        5,
        Text("Överhoppade körningar", "Skipped runs"),
        Text(
            "Körningar det senaste dygnet som hoppades över för att den förra pågick.",
            "Runs of the last day that were skipped because the one before was still going.",
        ),
        f"sum({increase('fleetsync_job_missed_total', 'task', '1d')}) or vector(0)",
        value_format("none", FEW_ARE_GOOD, decimals=0),
    ),
    TrendPanel(
        Text("Omräkning", "Reconciliation"),
        Text("Hur länge den senaste omräkningen tog.", "How long the last reconciliation took."),
        GridPosition(0, 40, 12, 7),
        [Series("max(fleetsync_reconcile_duration_seconds)", Text("sekunder", "seconds"))],
        value_format("suffix:s", PLAIN, min=0, decimals=1, custom=LINES),
    ),
    TrendPanel(
        Text("Databasen", "The database"),
        Text("Databasens storlek på disken.", "The size of the database on disk."),
        GridPosition(12, 40, 12, 7),
        [Series("max(fleetsync_database_size_bytes)", Text("storlek", "size"))],
        value_format("bytes", PLAIN, min=0, decimals=0, custom=LINES),
    ),
)

SYNC_PANELS: tuple[Heading | Panel, ...] = (*HEADLINE, *PARTS, *TRAFFIC, *DAEMON)
