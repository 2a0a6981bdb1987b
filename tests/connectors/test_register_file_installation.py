"""A register's lists in a running installation: pupils and children of two schools, each with a list of its own."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from fleetsync import sync
from fleetsync.cli.file_kinds import kind_of_file
from fleetsync.core.model import Outcome, Verdict
from fleetsync.daemon.composition import with_memory_staging
from fleetsync.sync.judging import effects_of, judge
from fleetsync.sync.reconciliation import reconcile_believed, with_pulls_applied
from tests.connectors.register_file_case import CASE
from tests.connectors.stand_in_faults import verdicts
from tests.flow.installation import OTHER_SCHOOL, SCHOOL, Installation, OpenInstallation, serial

PUPILS, CHILDREN = 30, 12
TABLE = """
[[source]]
kind = "register_file"
name = "elevlistor"
path = "deliveries/elever_*.csv"
counts = ["pupils", "children"]
settle_seconds = 0

[[unit]]
slug = "asens-forskola"
name = "Åsens förskola"
school_forms = ["FS"]
"""
HEADERS = (
    "Elev-ID", "Personnummer", "Elevkonto", "Skola", "Skolform", "Årskurs", "Klass", "Avdelning", "Från", "Till",
    "Status", "Sekretess",
)  # fmt: skip
NAMES = {SCHOOL: "Bäckskolan", OTHER_SCHOOL: "Ängsskolan", "asens-forskola": "Åsens förskola"}


def pupil(n: int, unit: str = SCHOOL, **cells: str) -> list[str]:
    row = dict(zip(HEADERS, ("",) * len(HEADERS), strict=True)) | {
        "Elev-ID": f"{70000 + n}",
        "Personnummer": f"20150{n % 9 + 1}12-{1000 + n}",
        "Elevkonto": f"elev{n}@edu.exempelby.se",
        "Skola": NAMES[unit],
        "Skolform": "Grundskola",
        "Årskurs": "5",
        "Klass": "5B",
        "Från": "2021-08-16",
        "Till": "2031-06-12",
        "Status": "Aktiv",
    }
    return list((row | cells).values())


def child(n: int) -> list[str]:
    forms = {"Skolform": "Förskola", "Årskurs": "", "Klass": "", "Avdelning": "Blåbäret", "Elevkonto": ""}
    return pupil(1000 + n, "asens-forskola", **forms, Från="2024-08-12", Till="2027-07-31")


ROWS = [*(pupil(n) for n in range(PUPILS)), *(child(n) for n in range(CHILDREN))]
WAITING = pupil(900, Status="Kö")


def write_list(
    installation: Installation, name: str, rows: Sequence[Sequence[str]], headers: Sequence[str] = HEADERS
) -> None:
    text = "".join(";".join(row) + "\r\n" for row in (headers, *rows))
    (installation.deliveries / f"elever_{name}.csv").write_bytes(text.encode("cp1252"))


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    built = Installation(tmp_path, people=3)
    built.more = TABLE
    built.devices += [
        {**built.devices[0], "id": f"00000000-0000-4000-8000-{n:012}", "serialNumber": serial(n), "userId": "",
         "userPrincipalName": f"elev{n - 100}@edu.exempelby.se", "emailAddress": ""}
        for n in range(100, 100 + PUPILS)
    ]  # fmt: skip
    with built:
        write_list(built, "norr_2026-11-20", [*ROWS, WAITING])
        write_list(built, "syd_2026-11-20", [pupil(n, OTHER_SCHOOL) for n in range(500, 510)])
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as application:
        yield application


def entitled(opened: OpenInstallation, entitlement: str) -> dict[str, int]:
    """The number of each unit, and those that cannot be decided."""
    snapshot = opened.snapshot
    numbers: Counter[str] = Counter()
    for name in ("entitled", "undecided"):
        for labels, number in snapshot.numbers[f"fleetsync_{name}"].items():
            if labels[1] == entitlement:
                numbers[labels[0] if name == "entitled" else name] += int(number)
    return {unit: number for unit, number in numbers.items() if number}


def test_pupils_and_children_of_all_lists_are_owed_devices(opened: OpenInstallation) -> None:
    assert set(verdicts(opened).values()) == {Verdict.COMPLETE}

    assert entitled(opened, "pupils") == {SCHOOL: PUPILS, OTHER_SCHOOL: 10}
    assert entitled(opened, "preschool") == {"asens-forskola": 3}  # one for five of twelve
    assert opened.count("covered", SCHOOL, "pupils") == PUPILS


# --- a header that changes ----------------------------------------------------------------------------------------------


def renamed(headers: list[str], place: int) -> list[str]:
    return [*headers[:place], "Fritext 9", *headers[place + 1 :]]


def blanked(headers: list[str], place: int) -> list[str]:
    return [*headers[:place], "", *headers[place + 1 :]]


def swapped(headers: list[str], place: int) -> list[str]:
    """The headers with two that change places, and not the columns below them."""
    other = (place + 1) % len(headers)
    headers[place], headers[other] = headers[other], headers[place]
    return headers


def doubled(headers: list[str], place: int) -> list[str]:
    """The headers with one that stands over the following column too."""
    headers[(place + 1) % len(headers)] = headers[place]
    return headers


def outcome_of_next_run(opened: OpenInstallation) -> Outcome:
    """What the next run would come to, with the pulls that would be believed."""
    run_context = with_memory_staging(opened.application).run_context
    pulled = sync.pull_side_by_side(run_context, opened.due("elevlistor"))
    believed, moment = run_context.believed(), run_context.moment()
    effects = effects_of(judge(run_context, believed, pulled, moment).accepted)
    return reconcile_believed(run_context, with_pulls_applied(run_context, believed, effects), moment).outcome


def numbers(outcome: Outcome) -> dict[tuple[str, str], tuple[int, int]]:
    """By unit and entitlement how many are entitled and covered."""
    return {(row.unit, row.entitlement): (row.entitled, row.covered) for row in outcome.coverage if row.entitled}


def undecided(outcome: Outcome) -> int:
    return sum(row.undecided for row in outcome.coverage)


@pytest.mark.parametrize("mutate", [renamed, blanked, swapped, doubled], ids=lambda mutate: mutate.__name__)
def test_a_changed_header_changes_no_number_silently(
    opened: OpenInstallation, installation: Installation, mutate: Callable[[list[str], int], list[str]]
) -> None:
    opened.run()
    before = opened.snapshot.outcome
    installation.advance_clock(hours=24)
    silent = []
    for place, header in enumerate(HEADERS):
        write_list(installation, "norr_2026-11-24", [*ROWS, WAITING], mutate(list(HEADERS), place))
        after = outcome_of_next_run(opened)
        lost = {key: pair for key, pair in numbers(before).items() if numbers(after).get(key) != pair}
        if (lost or numbers(after).keys() - numbers(before).keys()) and undecided(after) <= undecided(before):
            silent.append((header, lost, numbers(after)))

    assert silent == []


@pytest.mark.parametrize("name", CASE.files)
def test_a_list_of_a_register_is_recognised_by_its_headers(name: str) -> None:
    assert kind_of_file(CASE.recorded(name)) == "register_file"


def test_half_a_list_is_held_and_changes_no_number(opened: OpenInstallation, installation: Installation) -> None:
    opened.run()
    before = opened.snapshot.numbers
    installation.advance_clock(hours=24)
    write_list(installation, "norr_2026-11-24", ROWS[: PUPILS // 2])

    assert {f"{each.effect.source}/{each.effect.part}" for each in opened.run().held} == {
        "elevlistor/pupils",
        "elevlistor/children",
    }
    assert opened.snapshot.numbers == before


def test_a_list_that_cannot_be_read_keeps_its_school_and_the_others_move_on(
    opened: OpenInstallation, installation: Installation
) -> None:
    opened.run()
    installation.advance_clock(hours=24)
    (installation.deliveries / "elever_norr_2026-11-24.csv").write_bytes(b"")
    write_list(installation, "syd_2026-11-24", [pupil(n, OTHER_SCHOOL) for n in range(500, 511)])
    opened.run()

    assert entitled(opened, "pupils") == {SCHOOL: PUPILS, OTHER_SCHOOL: 11}


def test_somebody_who_moves_is_at_the_new_school_though_the_old_list_still_names_them(
    opened: OpenInstallation, installation: Installation
) -> None:
    opened.run()
    installation.advance_clock(hours=24)
    arrived = pupil(0, OTHER_SCHOOL, Från="2026-11-24")
    write_list(installation, "syd_2026-11-24", [*(pupil(n, OTHER_SCHOOL) for n in range(500, 510)), arrived])
    opened.run()
    assert entitled(opened, "pupils") == {SCHOOL: PUPILS - 1, OTHER_SCHOOL: 11}

    for day in (25, 26, 27):  # the old list drops them, the new one has not changed
        installation.advance_clock(hours=24)
        write_list(installation, f"norr_2026-11-{day}", [*ROWS[1:], WAITING, pupil(day, Status="Kö")])
        opened.run()

    assert entitled(opened, "pupils") == {SCHOOL: PUPILS - 1, OTHER_SCHOOL: 11}


def test_nothing_of_a_child_and_no_civic_number_is_in_the_database(
    opened: OpenInstallation, installation: Installation
) -> None:
    opened.run()
    files = installation.database.parent.glob("fleetsync.db*")
    stored = b"".join(file.read_bytes() for file in files if file.is_file())

    assert pupil(0)[2].encode() in stored
    for row in ROWS:
        assert row[1].encode() not in stored
        assert row[1].replace("-", "").encode() not in stored
