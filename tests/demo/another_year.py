"""Describes Exempelby for another school year and prints what is wrong with it: `python -m tests.demo.another_year`.

A process has one year, so each needs a process. Arguments: the year, `sources` or `numbers`, and days. `sources`: what
the sources and the expected numbers have on each day. `numbers`: whether each published number of that day is true.
"""

import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from fleetsync.demo.start_year import START_YEAR


def main(arguments: Sequence[str]) -> None:
    year, what, *days = arguments
    START_YEAR.choose(int(year))
    check = {"sources": empty_sources, "numbers": untrue_numbers}[what]
    for day in map(date.fromisoformat, days):
        sys.stdout.write(f"{day} {list(check(day))}\n")


def empty_sources(day: date) -> Iterator[object]:
    from fleetsync.demo.truth import GroundTruth
    from fleetsync.demo.world import DemoWorld

    world = DemoWorld(with_schools=True)
    contents, truth = world.contents_on(day), GroundTruth(world)
    rows = {
        "employments": contents.employments,
        "learners": contents.register.learners,
        "jamf_school": contents.jamf_school["devices"],
        "google": contents.google["devices/chromeos"],
        "computers": contents.listed_computers,
        "workshop": contents.workshop,
        "coverage": truth.coverage(day),
        "devices": truth.devices(day),
        "gaps": truth.gaps(day),
    }
    yield from (name for name, content in rows.items() if not content)
    if (pupils := sum(row.heads for row in truth.coverage(day).values() if row.entitlement == "pupils")) < 2500:
        yield f"{pupils} pupils"


def untrue_numbers(day: date) -> Iterator[object]:
    from fleetsync import log
    from fleetsync.daemon.composition import build_application
    from fleetsync.daemon.configured_ledger import open_configured_ledger
    from fleetsync.demo.replay import DemoEnvironment, run_day
    from fleetsync.demo.truth import GroundTruth
    from tests.truth.comparison import differences

    log.setup("ERROR")
    with TemporaryDirectory() as folder:
        demo = DemoEnvironment(Path(folder), with_schools=True)
        with demo.open() as settings, open_configured_ledger(settings, demo.clock) as ledger:
            application = build_application(settings, demo.clock, ledger, Event())
            yield from differences(run_day(demo, application, day).outcome, GroundTruth(demo.world, day), day)


if __name__ == "__main__":
    main(sys.argv[1:])
