"""Exports of known systems: recognised by their headers, read whole, and never read wrong without a word."""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.device_file.columns import COLUMNS as DEVICE_COLUMNS
from connectors.device_file.layouts import LAYOUTS as DEVICE_LAYOUTS
from connectors.staff_file.columns import COLUMNS as STAFF_COLUMNS
from connectors.staff_file.layouts import LAYOUTS as STAFF_LAYOUTS
from fleetsync.cli.errors import CommandError
from fleetsync.cli.file_kinds import kind_of_file
from fleetsync.core.model import Condition, DeviceRecord, MembershipRecord, Platform
from fleetsync.pull.files import ExportLayout
from fleetsync.pull.files.layouts import recognise_layout
from fleetsync.pull.registry import load_connector
from tests.connectors.case_runner import fake_connect
from tests.connectors.connector_case import CANARY, RECORDED
from tests.connectors.layout_mutations import (
    CASES,
    LayoutCase,
    Table,
    layout_installation,
    silent_changes,
)
from tests.flow.installation import civic

LAYOUTS = (*DEVICE_LAYOUTS, *STAFF_LAYOUTS)
of_each_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
of_each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@of_each_layout
def test_a_layout_survives_that_one_telling_header_is_missing(layout: ExportLayout) -> None:
    headers = {column.header for column in layout.columns}

    assert set(layout.telling) <= headers
    assert 1 < layout.at_least < len(layout.telling)


@of_each_layout
def test_a_layout_reads_only_fields_that_its_connector_has(layout: ExportLayout) -> None:
    columns = DEVICE_COLUMNS if layout in DEVICE_LAYOUTS else STAFF_COLUMNS

    assert layout.fields <= {column.field for column in columns}


@of_each_layout
def test_no_header_of_a_layout_means_two_things(layout: ExportLayout) -> None:
    spellings = Counter(spelling for column in layout.columns for spelling in column.folded)

    assert max(spellings.values()) == 1


@of_each_layout
def test_a_layout_is_recognised_as_itself(layout: ExportLayout) -> None:
    headers = frozenset().union(*(column.folded for column in layout.columns))

    assert recognise_layout(headers, LAYOUTS) is layout


def records(name: str, folder: Path) -> list[Any]:
    """What the connector makes of a recorded export."""
    case = next(each for each in CASES if each.name == name)
    (folder / case.file).write_bytes((RECORDED / case.kind / case.file).read_bytes())
    module: Any = load_connector(case.kind)
    table = {"kind": case.kind, "name": "export", "path": str(folder / case.file), "settle_seconds": 0}
    settings = module.Settings.model_validate(table)
    (part,) = module.PARTS
    with fake_connect(settings) as connect:
        raws = [raw for page in module.pull(part.name, settings, connect) for raw in page.raws]
    return [item for raw in raws for item in module.normalise(part.name, settings, raw)]


def test_jamf_schools_bin_and_lost_mode_are_conditions(tmp_path: Path) -> None:
    devices = [record for record in records("jamf_school", tmp_path) if isinstance(record, DeviceRecord)]

    conditions = {device.serial: device.condition for device in devices if device.condition is not Condition.ACTIVE}
    assert conditions == {"DMPEX00010": Condition.LOST, "DMPEX00011": Condition.RETIRED}
    assert {device.platform for device in devices} == {Platform.IPADOS}


def test_agdas_first_day_is_that_of_this_employment(tmp_path: Path) -> None:
    employments = [record for record in records("agda", tmp_path) if isinstance(record, MembershipRecord)]

    assert employments[0].start == date(2019, 8, 1)  # ANSTDATUM, of the first employment, is 2015-01-01


@of_each_case
def test_no_value_that_is_not_read_is_kept(case: LayoutCase, tmp_path: Path) -> None:
    kept = repr([record for record in records(case.name, tmp_path) if not isinstance(record, DeviceRecord)])

    assert CANARY not in kept.casefold()
    assert not any(civic(n) in kept or civic(n).replace("-", "") in kept for n in range(1, 13))


def probe(case: LayoutCase, folder: Path, content: bytes | None = None) -> str:
    """What `fleetsync check` says of the export."""
    file = folder / case.file
    file.write_bytes(case.written(case.table()) if content is None else content)
    module: Any = load_connector(case.kind)
    table = {"kind": case.kind, "name": "export", "path": str(file), "settle_seconds": 0}
    settings = module.Settings.model_validate(table)
    with fake_connect(settings) as connect:
        (result,) = module.probe(settings, connect)
    return str(result.what)


@of_each_case
def test_a_check_says_which_export_was_recognised_and_what_is_read_of_it(case: LayoutCase, tmp_path: Path) -> None:
    said = probe(case, tmp_path)

    layout = next(each for each in LAYOUTS if f"recognised as an export of {each.name}" in said)
    assert "no column for" not in said
    header = set(case.table()[0])
    for column in layout.columns:
        spelling = next(iter(header & {column.header, *column.spellings}), None)
        if column.field is not None and spelling is not None:
            assert f"{spelling} → {column.field.replace('_', ' ')}" in said


def test_a_renamed_column_is_named_with_what_it_may_be_called_now(tmp_path: Path) -> None:
    case = CASES[0]
    content = case.written(case.table()).replace(b"Last check-in", b"Most recent contact")

    said = probe(case, tmp_path, content)

    assert said.endswith(
        'it is an export of Intune\'s portal without the column "Last check-in" (last contact); is "Most recent contact" '
        'it? Name the column in the [[source]] table: columns = { last_contact = "Most recent contact" }, or say that '
        "there is none: columns = { last_contact = false }"
    )


def test_a_column_that_holds_something_else_is_named(tmp_path: Path) -> None:
    case = CASES[0]
    content = case.written(case.table()).replace(b"Last check-in", b"X").replace(b"Model", b"Last check-in")

    said = probe(case, tmp_path, content.replace(b"X", b"Model", 1))

    assert 'export of Intune\'s portal, but under "Last check-in" there are hardly any days. Is the header' in said


def test_an_export_that_its_kind_refuses_is_read_as_no_other_kind(tmp_path: Path) -> None:
    case = CASES[0]
    whole, changed = tmp_path / "hel.csv", tmp_path / "ändrad.csv"
    whole.write_bytes(case.written(case.table()))
    changed.write_bytes(whole.read_bytes().replace(b"Last check-in", b"Most recent contact"))

    assert kind_of_file(whole) == "device_file"
    with pytest.raises(CommandError, match=r"read as device_file: .* without the column"):
        kind_of_file(changed)


# ------------------------------------------------------------------------------------------------- changed headers


def changed_tables(case: LayoutCase) -> Iterator[tuple[str, Table]]:
    """Each change of each header, with words for it."""
    header = case.table()[0]
    for mutate in case.mutations:
        for place, word in enumerate(header):
            for table in mutate(case.table(), place):
                yield f"{case.name}, {mutate.__name__} {word}", table


def test_no_changed_header_changes_a_number_silently(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    silent: list[str] = []
    for case in CASES:
        folder = tmp_path / case.name
        folder.mkdir()
        with layout_installation(case, folder) as installation:
            before = installation.read(case.table())
            assert before.outcome is not None, before.reason
            for change, table in changed_tables(case):
                after = installation.read(table)
                changes = silent_changes(before, after)
                came = "refused" if after.outcome is None else "right" if after.numbers == before.numbers else "unknown"
                counts["silent" if changes else came] += 1
                silent += [f"{change}: {each}" for each in changes]
    with capsys.disabled():
        sys.stdout.write(f"\n{counts.total()} changed headers: {dict(counts)}, silently wrong: {counts['silent']}\n")

    assert silent == []
    assert counts.total() >= 300
    assert min(counts[came] for came in ("refused", "right", "unknown")) > 0
