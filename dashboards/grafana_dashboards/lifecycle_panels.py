"""The dashboard about the life of the devices: what is old, silent, broken, with the wrong person or insecure."""

from typing import NamedTuple

from fleetsync.core.lifecycle import GAPS as GAP_KINDS
from fleetsync.core.model import Stage, Text
from fleetsync.expose.display_names import AGES_IN_YEARS, CONTACT_AGES, GAP_KIND_TITLES, STAGES_PLURAL
from grafana_dashboards.fleet_panels import devices_by_contact_age, devices_by_stage, gaps_by_kind
from grafana_dashboards.grafana import (
    BLUE,
    DAYS_UNIT,
    FEW_ARE_GOOD,
    GREEN,
    GREY,
    LINES,
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
    StatPanel,
    TablePanel,
    TrendPanel,
)
from grafana_dashboards.queries import (
    DAY_SECONDS,
    SELECTED_UNITS,
    WITH_UNIT_NAME,
    deduplicated,
    increase,
    open_gaps,
    total_without_trial,
)


class Watched(NamedTuple):
    """A kind of gap that has a number and a column of its own, under a short *title*."""

    kind: str
    title: Text
    color: str


WATCHED = (
    Watched("stale", Text("Ingen kontakt", "No contact"), YELLOW),
    Watched("long_in_repair", Text("Lång reparation", "Long in repair"), "purple"),
    Watched("leaver_holds", Text("Hos slutade", "Held by leavers"), RED),
    Watched("lost", Text("Borttappade", "Lost"), GREY),
    Watched("os_unsupported", Text("System utan stöd", "Unsupported"), BLUE),
    Watched("unencrypted", Text("Inte krypterade", "Unencrypted"), "light-blue"),
    Watched("over_age", Text("För gamla", "Over age"), "light-orange"),
)
STAT_WIDTH = 3
_OPEN = f'{SELECTED_UNITS},state="open"'
_STAGES_OVER_TIME = ("in_use", "shared", "loan", "stock", "ordered", "silent", "in_repair", "lost", "unsorted")
_CONTACT_COLORS = ("green", "semi-dark-green", "yellow", "orange", "red", "dark-red", GREY)


def open_or_none(kind: str) -> str:
    """Open gaps of *kind*; 0 for a kind that never had any, which is not published."""
    return f"{open_gaps(kind)} or vector(0)"


def watched_stat(watched: Watched, place: int) -> StatPanel:
    """How many gaps of the kind are open now, at the *place* in the first row."""
    remedies = {kind.id: kind.remedy for kind in GAP_KINDS}
    return StatPanel(
        watched.title,
        remedies[watched.kind],
        GridPosition(STAT_WIDTH * place, 0, STAT_WIDTH, 4),
        open_or_none(watched.kind),
        value_format("none", FEW_ARE_GOOD),
        f"/gaps?kind={watched.kind}&state=open",
    )


def devices_in_stage(stage: str, by: str = "") -> str:
    """Devices in *stage*, without units in trial."""
    return total_without_trial("fleetsync_devices", "unit, platform, stage", f'{SELECTED_UNITS},stage="{stage}"', by=by)


def devices_by_age() -> list[Series]:
    """One query per year of age, so that the bars keep the order of the years."""
    series = []
    for years in AGES_IN_YEARS:
        where = f'{SELECTED_UNITS},years="{years}"'
        devices = deduplicated("fleetsync_devices_by_age", "unit, platform, years", where)
        series.append(Series(f"sum by (years) ({devices})", "{{years}}"))
    return series


def contact_bands_over_time() -> list[Series]:
    """The bands of last contact as stacked areas, from today's contacts to none at all."""
    return [
        series._replace(legend=title, look={"color": fixed_color(color)})
        for series, title, color in zip(
            devices_by_contact_age(CONTACT_AGES), CONTACT_AGES.values(), _CONTACT_COLORS, strict=True
        )
    ]


def _open_of_unit(kind: str) -> str:
    """Open gaps of *kind* by unit, 0 where the unit has others only."""
    gaps = deduplicated("fleetsync_gaps", "unit, kind", f'{_OPEN},kind="{kind}"')
    units = deduplicated("fleetsync_unit_info", "unit", SELECTED_UNITS)
    return f"sum by (unit) ({gaps}) or {units} * 0"


_OLDEST_OPENED = deduplicated("fleetsync_gap_oldest_opened_timestamp_seconds", "unit, kind", _OPEN)
OLDEST_OF_UNIT = f"(time() - min by (unit) ({_OLDEST_OPENED})) / {DAY_SECONDS}"
_ALL_KINDS = Text("Alla slag", "All kinds")

NOW: tuple[Panel, ...] = (
    *(watched_stat(watched, place) for place, watched in enumerate(WATCHED)),
    StatPanel(
        Text("På reparation", "In repair"),
        Text("Verktyg som är på reparation nu, länge eller inte.", "Devices that are in repair now, for long or not."),
        GridPosition(STAT_WIDTH * len(WATCHED), 0, STAT_WIDTH, 4),
        devices_in_stage(Stage.IN_REPAIR),
        value_format("none", PLAIN),
        "/numbers/fleetsync_devices?stage=in_repair",
    ),
)

STATE_OF_DEVICES: tuple[Panel, ...] = (
    BarPanel(
        Text("Ålder", "Age"),
        Text(
            "Hela år sedan inköpet; utrangerade räknas inte. Okänd: ingen källa anger inköpsdagen.",
            "Whole years since the purchase; retired ones are left out. Unknown: no source says when it was bought.",
        ),
        GridPosition(0, 4, 7, 9),
        devices_by_age(),
        value_format("none", PLAIN, min=0),
        "/numbers/fleetsync_devices_by_age?years=${__field.labels.years}",
        AGES_IN_YEARS,
    ),
    devices_by_stage(GridPosition(7, 4, 7, 9)),
    gaps_by_kind(GridPosition(14, 4, 10, 9)),
)

OVER_TIME: tuple[Heading | Panel, ...] = (
    Heading(Text("Över tid", "Over time"), 13),
    TrendPanel(
        Text("Senaste kontakt", "Last contact"),
        Text(
            "Alla verktyg efter skoldagar sedan senaste kontakt. Växer det röda har verktyg slutat användas.",
            "All devices by school days since the last contact. When the red grows, devices are no longer used.",
        ),
        GridPosition(0, 14, 12, 9),
        contact_bands_over_time(),
        value_format("none", PLAIN, min=0, custom={**STACKED, "fillOpacity": 70, "lineWidth": 0}),
    ),
    TrendPanel(
        Text("Öppnade och stängda avvikelser per vecka", "Gaps opened and closed per week"),
        Text(
            "Alla slag, i hela kommunen, under de sju dygnen före. Över varandra: det blir fler.",
            "All kinds, in the whole municipality, in the seven days before. Opened above closed: they grow.",
        ),
        GridPosition(12, 14, 12, 9),
        [
            Series(
                f"sum({increase('fleetsync_gaps_opened_total', 'kind', '7d')})",
                Text("öppnade", "opened"),
                {"color": fixed_color(YELLOW)},
            ),
            Series(
                f"sum({increase('fleetsync_gaps_closed_total', 'kind', '7d')})",
                Text("stängda", "closed"),
                {"color": fixed_color(GREEN)},
            ),
        ],
        value_format("none", PLAIN, min=0, decimals=0, custom=LINES),
    ),
    TrendPanel(
        Text("Vad som bör åtgärdas", "What should be acted on"),
        Text("Öppna avvikelser av de slag som står överst.", "Open gaps of the kinds at the top."),
        GridPosition(0, 23, 12, 9),
        [
            Series(open_or_none(watched.kind), GAP_KIND_TITLES[watched.kind], {"color": fixed_color(watched.color)})
            for watched in WATCHED
        ],
        value_format("none", PLAIN, min=0, custom=LINES),
    ),
    TrendPanel(
        Text("Skeden", "Stages"),
        Text(
            "Utrangerade räknas inte. Varje verktyg är i ett skede.", "Retired ones are left out. Each is in one stage."
        ),
        GridPosition(12, 23, 12, 9),
        [Series(devices_in_stage(stage), STAGES_PLURAL[stage]) for stage in _STAGES_OVER_TIME],
        value_format("none", PLAIN, min=0, custom=STACKED, color={"mode": "palette-classic"}),
    ),
)

UNIT_BY_UNIT: tuple[Heading | Panel, ...] = (
    Heading(Text("Enhet för enhet", "Unit by unit"), 32),
    TablePanel(
        Text("Öppna avvikelser per enhet", "Open gaps by unit"),
        Text(
            "Klicka på ett tal för listan. Äldst: sedan den äldsta öppnades. Enheter på prov är med.",
            "Click a number for the list. Oldest: since the oldest was opened. Units in trial are in it.",
        ),
        GridPosition(0, 33, 24, 12),
        [LabelColumn("unit"), LabelColumn("name", Text("Enhet", "Unit"), width=210)],
        [
            QueryColumn(
                _ALL_KINDS,
                f"sum by (unit) ({deduplicated('fleetsync_gaps', 'unit, kind', _OPEN)}) {WITH_UNIT_NAME}",
                path="/gaps?unit=${__data.fields.unit}&state=open",
                width=80,
            ),
            *(
                QueryColumn(
                    watched.title,
                    _open_of_unit(watched.kind),
                    path=f"/gaps?unit=${{__data.fields.unit}}&kind={watched.kind}&state=open",
                    thresholds=threshold_steps((None, GREY), (1, YELLOW), (10, RED)),
                )
                for watched in WATCHED
            ),
            QueryColumn(Text("Äldst", "Oldest"), OLDEST_OF_UNIT, DAYS_UNIT, decimals=0, width=100),
        ],
        sort=_ALL_KINDS,
    ),
)

LIFECYCLE_PANELS: tuple[Heading | Panel, ...] = (*NOW, *STATE_OF_DEVICES, *OVER_TIME, *UNIT_BY_UNIT)
