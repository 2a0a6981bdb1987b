"""The panels about gaps, devices and the sources that all numbers come from."""

from collections.abc import Iterable

from fleetsync.core.lifecycle import GAPS as GAP_KINDS
from fleetsync.core.model import Subject, Text
from fleetsync.expose.display_names import CONTACT_AGES, GAP_KIND_TITLES, PLATFORMS, STAGES_PLURAL
from grafana_dashboards.grafana import (
    BLUE,
    DAYS_UNIT,
    GREEN,
    GREY,
    PLAIN,
    RED,
    STACKED,
    YELLOW,
    GridPosition,
    fixed_color,
    threshold_steps,
    value_format,
)
from grafana_dashboards.panels import (
    BarPanel,
    Heading,
    LabelColumn,
    Panel,
    QueryColumn,
    Series,
    TablePanel,
    TrendPanel,
)
from grafana_dashboards.queries import (
    ALLOWED_AGE,
    CONTENT_AGE,
    DAY_SECONDS,
    PART,
    SELECTED_UNITS,
    deduplicated,
    of_source_part,
    open_gaps,
    with_label_copy,
)


def open_gaps_about(*subjects: Subject) -> str:
    """Open gaps about these subjects, without units in trial."""
    return open_gaps("|".join(kind.id for kind in GAP_KINDS if kind.subject in subjects))


def gaps_in_state(state: str) -> str:
    """Gaps in *state* by kind, 0 for a kind that has gaps in another state only."""
    in_state = deduplicated("fleetsync_gaps", "unit, kind", f'{SELECTED_UNITS},state="{state}"')
    in_any_state = deduplicated("fleetsync_gaps", "unit, kind, state", SELECTED_UNITS)
    return f"sum by (kind) ({in_state}) and on (kind) sum by (kind) ({in_any_state}) > 0"


_OLDEST_OPENED = deduplicated(
    "fleetsync_gap_oldest_opened_timestamp_seconds", "unit, kind", f'{SELECTED_UNITS},state="open"'
)


def gaps_by_kind(position: GridPosition) -> TablePanel:
    """A table of the kinds of gaps: how many are open and parked, and how old the oldest is."""
    return TablePanel(
        Text("Att göra, efter slag", "What to do, by kind"),
        Text(
            "Klicka för listan. Äldst: sedan den äldsta öppnades; vad som fanns redan från början har ingen ålder.",
            "Click for the list. Oldest: since the oldest was opened; what was there from the start has no age.",
        ),
        position,
        [LabelColumn("kind"), LabelColumn("what", Text("Slag", "Kind"), GAP_KIND_TITLES)],
        [
            QueryColumn(
                Text("Öppna", "Open"),
                with_label_copy(gaps_in_state("open"), "kind", "what"),
                path="/gaps?kind=${__data.fields.kind}&state=open",
                width=90,
            ),
            QueryColumn(
                Text("Parkerade", "Parked"),
                gaps_in_state("parked"),
                path="/gaps?kind=${__data.fields.kind}&state=parked",
                thresholds=threshold_steps((None, GREY), (1, "text")),
                width=100,
            ),
            QueryColumn(
                Text("Äldst", "Oldest"),
                f"(time() - min by (kind) ({_OLDEST_OPENED})) / {DAY_SECONDS}",
                DAYS_UNIT,
                decimals=0,
                width=100,
            ),
        ],
        sort=Text("Öppna", "Open"),
    )


GAPS: tuple[Heading | Panel, ...] = (
    Heading(Text("Avvikelser", "Gaps"), 33),
    TrendPanel(
        Text("Öppna avvikelser över tid", "Open gaps over time"),
        Text(
            "Parkerade räknas inte här. Enheter på prov räknas inte in.",
            "Parked ones are not in this. Units in trial are left out.",
        ),
        GridPosition(0, 34, 12, 11),
        [
            Series(open_gaps_about(Subject.PERSON), Text("om personer", "about people"), {"color": fixed_color(BLUE)}),
            Series(
                open_gaps_about(Subject.DEVICE), Text("om verktyg", "about devices"), {"color": fixed_color(YELLOW)}
            ),
            # Units, sets and pools have so few gaps that they share a line.
            Series(
                open_gaps_about(Subject.UNIT, Subject.SET, Subject.POOL),
                Text("om enheter och uppsättningar", "about units and sets"),
                {"color": fixed_color(RED)},
            ),
        ],
        value_format("none", PLAIN, min=0, custom=STACKED),
    ),
    gaps_by_kind(GridPosition(12, 34, 12, 11)),
)


def devices_by_contact_age(ages: Iterable[str]) -> list[Series]:
    """One query per band of last contact, so that bars and lines keep the order of the bands."""
    series = []
    for age in ages:
        devices = deduplicated(
            "fleetsync_devices_by_contact_age", "unit, platform, age", f'{SELECTED_UNITS},age="{age}"'
        )
        series.append(Series(f"sum by (age) ({devices})", "{{age}}"))
    return series


_IN_EACH_STAGE = deduplicated("fleetsync_devices", "unit, platform, stage", SELECTED_UNITS)
_IN_USE = deduplicated("fleetsync_devices", "unit, platform, stage", f'{SELECTED_UNITS},stage=~"in_use|shared|loan"')
_SECURE = deduplicated("fleetsync_secure_devices", "unit, platform", SELECTED_UNITS)


def devices_by_stage(position: GridPosition) -> BarPanel:
    """A bar for each stage that a device is in."""
    return BarPanel(
        Text("Efter skede", "By stage"),
        Text(
            "Vart och ett i ett skede; telefoner och utrangerade med.",
            "Each in one stage; phones and retired ones too.",
        ),
        position,
        [Series(f"sort_desc(sum by (stage) ({_IN_EACH_STAGE}) > 0)", "{{stage}}")],
        value_format("none", PLAIN, min=0),
        "/numbers/fleetsync_devices?stage=${__field.labels.stage}",
        {stage: words for stage, words in STAGES_PLURAL.items() if stage},
    )


DEVICES: tuple[Heading | Panel, ...] = (
    Heading(Text("Verktyg", "Devices"), 45),
    devices_by_stage(GridPosition(0, 46, 8, 9)),
    BarPanel(
        Text("Senaste kontakt", "Last contact"),
        Text(
            "Över 15 skoldagar är verktyget inte i drift; lov räknas inte.",
            "After 15 school days a device is not working; holidays do not count.",
        ),
        GridPosition(8, 46, 8, 9),
        devices_by_contact_age(CONTACT_AGES),
        value_format("none", PLAIN, min=0),
        "/numbers/fleetsync_devices_by_contact_age?age=${__field.labels.age}",
        CONTACT_AGES,
    ),
    BarPanel(
        Text("Säkra, av dem i bruk", "Secure, of those in use"),
        Text(
            "Stöd, kryptering och regler uppfyllda. Vad en källa inte rapporterar gör inget verktyg säkert.",
            "Supported, encrypted and compliant. What a source does not report makes no device secure.",
        ),
        GridPosition(16, 46, 8, 9),
        [
            Series(
                f"sort(sum by (platform) ({_SECURE}) / (sum by (platform) ({_IN_USE}) > 0))",
                "{{platform}}",
            )
        ],
        value_format(
            "percentunit", threshold_steps((None, RED), (0.8, YELLOW), (0.95, GREEN)), decimals=0, min=0, max=1
        ),
        "/numbers/fleetsync_secure_devices?platform=${__field.labels.platform}",
        PLATFORMS,
    ),
)

_SHARE_OF_ALLOWED_AGE = Text("Av tillåten ålder", "Of allowed age")
_SOME_ARE_ODD = threshold_steps((None, GREY), (1, YELLOW))

SOURCES: tuple[Heading | Panel, ...] = (
    Heading(Text("Källor", "Sources"), 55),
    TablePanel(
        Text("Vad talen vilar på", "What the numbers rest on"),
        Text(
            "En källa som tystnat gör talen gamla, aldrig lägre.",
            "A source that is silent makes numbers old, never lower.",
        ),
        GridPosition(0, 56, 24, 10),
        [LabelColumn("source", Text("Källa", "Source")), LabelColumn("part", Text("Del", "Part"))],
        [
            QueryColumn(
                Text("Senaste försöket", "Last attempt"),
                of_source_part("up"),
                path="/sources",
                words=(("0", Text("misslyckades", "failed"), RED), ("1", Text("gick bra", "worked"), GREEN)),
            ),
            QueryColumn(
                Text("Beslut", "Decision"),
                of_source_part("held"),
                path="/sources",
                words=(("0", Text("–", "–"), GREY), ("1", Text("väntar", "held"), RED)),
            ),
            QueryColumn(
                Text("Innehållets ålder", "Age of content"), f"({CONTENT_AGE}) / {DAY_SECONDS}", DAYS_UNIT, decimals=1
            ),
            QueryColumn(Text("Gammalt efter", "Old after"), f"{ALLOWED_AGE} / {DAY_SECONDS}", DAYS_UNIT, decimals=0),
            QueryColumn(
                _SHARE_OF_ALLOWED_AGE,
                f"({CONTENT_AGE}) / on ({PART}) {ALLOWED_AGE}",
                "percentunit",
                thresholds=threshold_steps((None, "text"), (1, RED)),
                decimals=0,
            ),
            QueryColumn(Text("Poster", "Records"), of_source_part("records")),
            QueryColumn(Text("Oläsliga", "Rejected"), of_source_part("rejected_records"), thresholds=_SOME_ARE_ODD),
            QueryColumn(Text("Okända ord", "Unknown words"), of_source_part("drift"), thresholds=_SOME_ARE_ODD),
        ],
        sort=_SHARE_OF_ALLOWED_AGE,
    ),
)
