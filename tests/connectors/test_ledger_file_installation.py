"""A ledger's export in a running installation: what was bought beside what an MDM has."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleetsync.core import pull_findings
from fleetsync.core.model import Verdict
from tests.connectors.stand_in_faults import verdicts
from tests.flow.installation import SCHOOL, Installation, OpenInstallation, serial

PEOPLE = 12
ORDERED, CREDITED = 13, 14
TABLE = """
[[source]]
kind = "ledger_file"
name = "ekonomi"
path = "deliveries/inkop_*.csv"
settle_seconds = 0
cost_centre_is_unit = true
"""
HEAD = "Ordernr;Fakturadatum;Kostnadsställe;Artikel;Tillverkare;Serienummer;Antal;Belopp"


def line(*numbers: int, quantity: int, day: str = "2026-11-20", order: str = "4711") -> str:
    serials = ", ".join(map(serial, numbers))
    return f"{order};{day};3101;iPad (A16);Apple;{serials};{quantity},00;{quantity * 3990},00"


def write_ledger(installation: Installation, month: str, *lines: str) -> None:
    file = installation.deliveries / f"inkop_{month}.csv"
    file.write_text("\r\n".join((HEAD, *lines, "")), encoding="cp1252")


BOUGHT = (
    line(*range(1, PEOPLE + 1), quantity=PEOPLE, day="2025-06-02"),
    line(quantity=30),
    line(ORDERED, CREDITED, quantity=2),
)
CREDIT = line(CREDITED, quantity=-1, day="2026-11-22", order="4799")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    built = Installation(tmp_path, people=PEOPLE)
    built.more = TABLE
    with built:
        write_ledger(built, "2026-10", *BOUGHT, CREDIT)
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as application:
        yield application


def stages(opened: OpenInstallation) -> dict[tuple[str, str], int]:
    numbers = opened.snapshot.numbers["fleetsync_devices"]
    return {(labels[0], labels[-1]): int(number) for labels, number in numbers.items() if number}


def test_what_was_bought_and_is_in_no_mdm_is_ordered_and_what_was_credited_is_nothing(opened: OpenInstallation) -> None:
    assert set(verdicts(opened).values()) == {Verdict.COMPLETE}

    assert stages(opened) == {(SCHOOL, "in_use"): PEOPLE, (SCHOOL, "ordered"): 1}
    assert [opened.count(measure) for measure in ("entitled", "covered")] == [PEOPLE] * 2


def test_pieces_without_a_serial_number_are_named_where_the_pull_is_shown(opened: OpenInstallation) -> None:
    (pulled,) = (each for each in opened.run().pulled if each.source == "ekonomi")

    effect = opened.ledger.effect(pulled.pull)
    (sentence,) = pull_findings.left(effect)

    # Of the thirty of order 4711 fourteen came with serial numbers.
    assert sentence.en == "left out on purpose: 1 credited device, 16 bought without a serial number"


def test_a_device_that_is_credited_later_is_ordered_no_more(
    opened: OpenInstallation, installation: Installation
) -> None:
    write_ledger(installation, "2026-10", *BOUGHT)
    opened.run()
    assert stages(opened)[SCHOOL, "ordered"] == 2
    for day in range(1, 5):  # a missing record is gone after further pulls and hours
        installation.advance_clock(hours=24)
        write_ledger(installation, "2026-11", *BOUGHT, CREDIT, *(line(quantity=1, order=str(n)) for n in range(day)))
        opened.run()

    assert stages(opened)[SCHOOL, "ordered"] == 1


def test_the_article_of_an_invoice_is_no_model_where_an_mdm_knows_it(
    opened: OpenInstallation, installation: Installation
) -> None:
    invoiced = [each.replace("iPad (A16)", "Hyllvara 17") for each in BOUGHT]
    write_ledger(installation, "2026-10", *invoiced)
    opened.run()

    models = {case.device.model for case in opened.snapshot.outcome.devices if case.device_state.works}
    assert models == {"iPad (A16)"}
    assert opened.count("covered") == PEOPLE


def test_half_a_ledger_is_held_and_changes_no_number(opened: OpenInstallation, installation: Installation) -> None:
    opened.run()
    before = opened.snapshot.numbers
    installation.advance_clock(hours=1)
    write_ledger(installation, "2026-11", line(1, 2, quantity=2))

    (held,) = opened.run().held

    assert held.effect.source == "ekonomi"
    assert opened.snapshot.numbers == before


HEADERS = tuple(HEAD.split(";"))


def renamed(headers: list[str], place: int) -> list[str]:
    return [*headers[:place], "Fritext 9", *headers[place + 1 :]]


def swapped(headers: list[str], place: int) -> list[str]:
    """The headers with two that change places, and not the columns below them."""
    other = (place + 1) % len(headers)
    headers[place], headers[other] = headers[other], headers[place]
    return headers


def doubled(headers: list[str], place: int) -> list[str]:
    """The headers with one that stands over the following column too."""
    headers[(place + 1) % len(headers)] = headers[place]
    return headers


def blanked(headers: list[str], place: int) -> list[str]:
    return [*headers[:place], "", *headers[place + 1 :]]


@pytest.mark.parametrize("place", range(len(HEADERS)), ids=HEADERS)
@pytest.mark.parametrize("mutate", [renamed, swapped, doubled, blanked], ids=lambda mutate: mutate.__name__)
def test_a_changed_header_lowers_no_coverage_and_makes_no_device_of_a_credit(
    opened: OpenInstallation, installation: Installation, mutate: Callable[[list[str], int], list[str]], place: int
) -> None:
    opened.run()
    covered, before = opened.count("covered"), stages(opened)
    installation.advance_clock(hours=1)
    headers = ";".join(mutate(list(HEADERS), place))
    file = installation.deliveries / "inkop_2026-11.csv"
    file.write_text("\r\n".join((headers, *BOUGHT, CREDIT, "")), encoding="cp1252")

    opened.run()

    assert opened.count("covered") == covered
    assert sum(stages(opened).values()) == sum(before.values())
