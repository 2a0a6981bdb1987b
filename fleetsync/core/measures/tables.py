"""MEASURES and FACTS: every published number about the municipality, one entry each with its title and explanation."""

from fleetsync.core.measures.definitions import Fact, Measure
from fleetsync.core.measures.devices import (
    AGE_ROWS,
    AGES_IN_YEARS,
    CONTACT_AGES,
    PURPOSE_ROWS,
    WORKS_ROWS,
    age_in_years_counts,
    contact_age_counts,
    secure_device_counts,
    stage_counts,
    unit_platforms,
    unit_platforms_by,
)
from fleetsync.core.measures.fact_values import (
    calendar_end_values,
    coverage_ratio_values,
    entitlement_info_values,
    entitlement_values,
    unit_info_values,
    unit_published_values,
)
from fleetsync.core.measures.gaps import GAP_ROWS, gap_counts, gap_zero_labels, oldest_gap_values
from fleetsync.core.measures.publication import FIRST_TRIED
from fleetsync.core.measures.shares_and_decisions import (
    DECISION_ROWS,
    SHARE_ROWS,
    UNDECIDED_ROWS,
    cell_by_labels,
    cell_labels,
    decision_counts,
    share_counts,
    share_counts_by,
    undecided_counts,
)
from fleetsync.core.model import Stage, Text

CELL_LABELS = ("unit", "entitlement")
CELL_BY_LABELS = ("unit", "entitlement", "by")

MEASURES: tuple[Measure, ...] = (
    Measure(
        name="fleetsync_entitled",
        title=Text("Ska ha", "Entitled"),
        help=Text("Verktyg som planen ger rätt till (ska ha)", "Devices owed by the policy"),
        labels=CELL_LABELS,
        counts=share_counts("entitled"),
        case_rows=SHARE_ROWS,
        zero_labels=cell_labels,
    ),
    Measure(
        name="fleetsync_assigned",
        title=Text("Har", "Assigned"),
        help=Text("Verktyg som finns av dem som ska finnas (har)", "Owed devices that exist"),
        labels=CELL_BY_LABELS,
        counts=share_counts_by("assigned"),
        case_rows=SHARE_ROWS,
        zero_labels=cell_by_labels,
    ),
    Measure(
        name="fleetsync_covered",
        title=Text("Har och i drift", "Covered"),
        help=Text(
            "Verktyg som finns och är i drift: kontakt inom gränsen och hanterbara",
            "Owed devices that exist and work: in contact within the limit and manageable",
        ),
        labels=CELL_BY_LABELS,
        counts=share_counts_by("covered"),
        case_rows=SHARE_ROWS,
        zero_labels=cell_by_labels,
    ),
    Measure(
        name="fleetsync_covered_without_contact",
        title=Text("I drift enligt en lista, kontakt okänd", "Covered on a list's word alone"),
        help=Text(
            "Del av fleetsync_covered: verktyg som en lista utan kontakter nämner, och inget annat visar",
            "Part of fleetsync_covered: devices that a list without any contacts names, and nothing else shows",
        ),
        labels=CELL_LABELS,
        counts=share_counts("covered_without_contact"),
        case_rows=SHARE_ROWS,
        zero_labels=cell_labels,
    ),
    Measure(
        name="fleetsync_unknown",
        title=Text("Vet inte", "Unknown"),
        help=Text("Verktyg som inte kan avgöras (vet inte)", "Owed devices that cannot be decided"),
        labels=CELL_LABELS,
        counts=share_counts("unknown"),
        case_rows=SHARE_ROWS,
        zero_labels=cell_labels,
    ),
    Measure(
        name="fleetsync_short",
        title=Text("Saknar", "Short"),
        help=Text("Verktyg som saknas: ska ha − i drift − vet inte", "Devices short: entitled − covered − unknown"),
        labels=CELL_LABELS,
        counts=share_counts("short"),
        case_rows=SHARE_ROWS,
        zero_labels=cell_labels,
    ),
    Measure(
        name="fleetsync_surplus",
        title=Text("Över", "Surplus"),
        help=Text(
            "Verktyg över: lager, och det som klassuppsättningar och gemensamma har utöver vad de ska ha",
            "Devices over: stock, and what sets and pools have beyond what they owe",
        ),
        labels=CELL_LABELS,
        counts=share_counts("surplus"),
        case_rows=SHARE_ROWS,
        zero_labels=cell_labels,
    ),
    Measure(
        name="fleetsync_undecided",
        title=Text("Oavgjorda personer", "Undecided persons"),
        help=Text(
            "Personer vars skolform, årskurs eller anställningsform är okänd, också i lämnade antal; de ger ingen rätt",
            "Persons whose school form, year or employment form is unknown, also of head counts; they are owed nothing",
        ),
        labels=CELL_LABELS,
        counts=undecided_counts,
        case_rows=UNDECIDED_ROWS,
        zero_labels=cell_labels,
    ),
    Measure(
        name="fleetsync_on_leave",
        title=Text("Lediga anställda", "On leave"),
        help=Text("Anställda som är lediga och räknas för sig", "Employees on leave, counted apart"),
        labels=CELL_LABELS,
        counts=decision_counts("on_leave"),
        case_rows=DECISION_ROWS,
        zero_labels=cell_labels,
    ),
    Measure(
        name="fleetsync_heads",
        title=Text("Personer som ger rätt", "Heads"),
        help=Text(
            "Personer som ger rätt, också i lämnade antal; för gemensamma verktyg: barnen",
            "Persons who entitle, also of head counts; of a pool its children",
        ),
        labels=CELL_LABELS,
        counts=share_counts("heads"),
        case_rows=SHARE_ROWS,
        zero_labels=cell_labels,
    ),
    Measure(
        name="fleetsync_working_devices",
        title=Text("Verktyg i drift, utan tak", "Working devices, uncapped"),
        help=Text(
            "Verktyg i drift utan tak, för barn per verktyg", "Working devices, uncapped, for children per device"
        ),
        labels=CELL_LABELS,
        counts=share_counts("working_devices"),
        case_rows=SHARE_ROWS,
        zero_labels=cell_labels,
    ),
    Measure(
        name="fleetsync_devices",
        title=Text("Verktyg", "Devices"),
        help=Text("Kommunens verktyg efter skede", "The municipality's devices by stage"),
        labels=("unit", "platform", "stage"),
        counts=stage_counts,
        case_rows=PURPOSE_ROWS,
        zero_labels=unit_platforms_by(stage.value for stage in Stage),
    ),
    Measure(
        name="fleetsync_devices_by_contact_age",
        title=Text("Verktyg efter senaste kontakt", "Devices by last contact"),
        help=Text(
            "Kommunens verktyg efter skoldagar sedan senaste kontakt",
            "The municipality's devices by school days since the last contact; disjoint bands",
        ),
        labels=("unit", "platform", "age"),
        counts=contact_age_counts,
        case_rows=WORKS_ROWS,
        zero_labels=unit_platforms_by(CONTACT_AGES),
    ),
    Measure(
        name="fleetsync_devices_by_age",
        title=Text("Verktyg efter ålder", "Devices by age"),
        help=Text(
            "Kommunens verktyg, utom utrangerade, efter hela år sedan inköpet",
            "The municipality's devices, except retired ones, by whole years since the purchase; disjoint bands",
        ),
        labels=("unit", "platform", "years"),
        counts=age_in_years_counts,
        case_rows=AGE_ROWS,
        zero_labels=unit_platforms_by(AGES_IN_YEARS),
        publication=FIRST_TRIED,
    ),
    Measure(
        name="fleetsync_secure_devices",
        title=Text("Säkra verktyg", "Secure devices"),
        help=Text(
            "Verktyg i bruk som har stöd, är krypterade och följer reglerna",
            "Devices in use, shared or on loan that are supported, encrypted and compliant",
        ),
        labels=("unit", "platform"),
        counts=secure_device_counts,
        case_rows=WORKS_ROWS,
        zero_labels=unit_platforms,
    ),
    Measure(
        name="fleetsync_gaps",
        title=Text("Avvikelser", "Gaps"),
        help=Text("Avvikelser", "Gaps by kind, open or parked"),
        labels=("unit", "kind", "state"),
        counts=gap_counts,
        case_rows=GAP_ROWS,
        zero_labels=gap_zero_labels,
    ),
)

FACTS: tuple[Fact, ...] = (
    Fact(
        name="fleetsync_coverage_ratio",
        help=Text(
            "Täckning: i drift / ska ha; räkna aldrig medelvärde av den",
            "Covered / entitled, 0..1. Never average it: divide sums of covered by sums of entitled",
        ),
        labels=CELL_LABELS,
        values=coverage_ratio_values,
    ),
    Fact(
        name="fleetsync_coverage_target_ratio",
        help=Text("Målet för täckningen", "The goal of the coverage, 0..1"),
        labels=CELL_LABELS,
        values=entitlement_values("target"),
    ),
    Fact(
        name="fleetsync_coverage_alert_ratio",
        help=Text("Larmgränsen för täckningen", "The alarm limit of the coverage, 0..1"),
        labels=CELL_LABELS,
        values=entitlement_values("alert_below"),
    ),
    Fact(
        name="fleetsync_gap_oldest_opened_timestamp_seconds",
        help=Text(
            "När den äldsta avvikelsen öppnades", "When the oldest gap opened; left out where its age is unknown"
        ),
        labels=("unit", "kind", "state"),
        values=oldest_gap_values,
    ),
    Fact(
        name="fleetsync_entitlement_info",
        help=Text("Rättighetens namn", "An entitlement's title in Swedish and in English"),
        labels=("entitlement", "title", "title_en"),
        values=entitlement_info_values,
        publication=FIRST_TRIED,
    ),
    Fact(
        name="fleetsync_unit_info",
        help=Text("Enhetens namn, kod och skolformer", "A unit's name, first code and school forms"),
        labels=("unit", "name", "code", "school_forms"),
        values=unit_info_values,
    ),
    Fact(
        name="fleetsync_unit_published",
        help=Text("1 om enheten är publicerad, 0 om den är på prov", "1 if the unit is published, 0 while in trial"),
        labels=("unit",),
        values=unit_published_values,
    ),
    Fact(
        name="fleetsync_calendar_end_timestamp_seconds",
        help=Text("När den sista kända terminen slutar", "When the unit's last known term ends"),
        labels=("unit",),
        values=calendar_end_values,
    ),
)
