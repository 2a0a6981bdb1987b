"""Calendars and job times as people write them, and the messages when they are wrong."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.calendar import Calendar, Calendars, ClosedPeriod, Term
from fleetsync.schedule import (
    WEEKDAYS,
    Cron,
    ScheduleError,
    load_calendars,
    load_jobs,
    public_holidays,
    read_calendars,
    read_cron,
    schedules_dir,
    shipped_calendar,
)

AUTUMN = "[[term]]\nfirst = 2026-08-17\nlast = 2026-12-18\n"
SPRING = "[[term]]\nfirst = 2027-01-11\nlast = 2027-06-11\n"
HOSTLOV = '[[closed]]\nfirst = 2026-10-26\nlast = 2026-10-30\nlabel = "höstlov"\n'


def day(text: str) -> date:
    return date.fromisoformat(text)


def calendars(text: str) -> Calendars:
    return read_calendars(tomllib.loads(text), "our.toml")


def refusal(text: str) -> str:
    with pytest.raises(ScheduleError) as caught:
        calendars(text)
    return str(caught.value)


@pytest.fixture(scope="module")
def exempelby() -> Calendars:
    return load_calendars(shipped_calendar("exempelby"))


def days_of(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


# --------------------------------------------------------------------------------------------- what is shipped


@pytest.mark.parametrize("year", [2025, 2026, 2027])
def test_each_school_year_of_exempelby_has_the_178_days_and_12_lovdagar_of_the_ordinance(
    exempelby: Calendars, year: int
) -> None:
    school = exempelby.default
    first, last = date(year, 7, 1), date(year + 1, 6, 30)
    closed = [some for period in school.closed for some in days_of(period.first, period.last) if first <= some <= last]
    study_days = [period for period in school.closed if period.label == "studiedag" and first <= period.first <= last]

    assert school.school_days_between(first - timedelta(days=1), last) >= 178
    assert len(closed) - len(study_days) >= 12
    assert len(study_days) <= 5


def test_no_closed_day_of_exempelby_is_free_anyway(exempelby: Calendars) -> None:
    closed = {some for period in exempelby.default.closed for some in days_of(period.first, period.last)}

    assert not closed & public_holidays()
    assert all(some.weekday() < 5 for some in closed)


def test_exempelbys_hostlov_is_week_44_and_its_sportlov_week_8(exempelby: Calendars) -> None:
    weeks = {(period.label, period.first.isocalendar().week) for period in exempelby.default.closed}

    assert {week for label, week in weeks if label == "höstlov"} == {44}
    assert {week for label, week in weeks if label == "sportlov"} == {8}


def test_exempelbys_preschools_stay_open_in_summer_but_for_weeks_28_to_30(exempelby: Calendars) -> None:
    preschool = exempelby.for_unit("tallen", preschool=True)
    closed = {
        some.isocalendar().week for some in days_of(day("2027-06-28"), day("2027-08-08")) if preschool.is_in_break(some)
    }

    assert {28, 29, 30} <= closed
    assert preschool.is_school_day(day("2027-07-05"))
    assert preschool.is_school_day(day("2027-08-02"))


def test_the_example_to_copy_is_a_calendar() -> None:
    example = load_calendars(schedules_dir() / "municipality.example.toml")

    assert not example.for_unit("bergaskolan", preschool=False).is_school_day(day("2026-09-25"))
    assert example.default.is_school_day(day("2026-09-25"))
    assert example.for_unit("familjecentralen", preschool=False) == example.preschool


def test_a_calendar_that_is_not_shipped_is_refused_with_those_that_are() -> None:
    with pytest.raises(ScheduleError, match=r"exempelbyn.*use one of: exempelby,"):
        shipped_calendar("exempelbyn")


# ----------------------------------------------------------------------------------------------- public holidays


@pytest.mark.parametrize("text", ["2026-01-06", "2026-04-06", "2026-05-14", "2026-06-06", "2026-12-25", "2050-01-01"])
def test_swedish_public_holidays_are_known(text: str) -> None:
    assert day(text) in public_holidays()


@pytest.mark.parametrize("text", ["2026-06-19", "2026-12-24", "2026-12-31"])
def test_the_eves_on_which_no_school_is_open_are_known(text: str) -> None:
    assert day(text) in public_holidays()


@pytest.mark.parametrize("text", ["2026-04-02", "2026-05-15", "2026-09-06"])
def test_half_days_squeeze_days_and_sundays_are_no_public_holidays(text: str) -> None:
    assert day(text) not in public_holidays()


# ------------------------------------------------------------------------------------------------- calendars


def test_a_municipalitys_calendar_is_read_whole() -> None:
    assert calendars(SPRING + AUTUMN + HOSTLOV).default == Calendar(
        terms=(Term(day("2026-08-17"), day("2026-12-18")), Term(day("2027-01-11"), day("2027-06-11"))),
        closed=(ClosedPeriod(day("2026-10-26"), day("2026-10-30"), "höstlov"),),
        holidays=public_holidays(),
    )


def test_without_terms_nothing_is_known_and_weekdays_count() -> None:
    empty = calendars("")

    assert empty.default.is_school_day(day("2026-07-15"))
    assert empty.preschool.is_school_day(day("2026-07-15"))
    assert not empty.default.is_school_day(day("2026-12-25"))


def test_preschools_are_open_all_year_in_the_school_years_of_the_terms() -> None:
    preschool = calendars(AUTUMN + SPRING).preschool

    assert preschool.terms == (Term(day("2026-07-01"), day("2027-06-30")),)
    assert preschool.is_year_round


def test_preschools_may_have_closed_days_and_terms_of_their_own() -> None:
    own = AUTUMN.replace("term", "preschool.term") + HOSTLOV.replace("closed", "preschool.closed")

    preschool = calendars(AUTUMN + SPRING + own).preschool

    assert preschool.ends_on == day("2026-12-18")
    assert not preschool.is_school_day(day("2026-10-28"))


def test_a_units_closed_days_are_added_to_those_of_its_calendar() -> None:
    own = HOSTLOV.replace("[[closed]]", "[[unit.bergaskolan.closed]]").replace("2026-10", "2026-11")

    unit = calendars(AUTUMN + HOSTLOV + own.replace("2026-11-26", "2026-11-30")).for_unit(
        "bergaskolan", preschool=False
    )

    assert not unit.is_school_day(day("2026-10-28"))
    assert not unit.is_school_day(day("2026-11-30"))


def test_a_unit_with_terms_of_its_own_takes_nothing_over() -> None:
    own = SPRING.replace("term", "unit.bergaskolan.term")

    unit = calendars(AUTUMN + HOSTLOV + own).for_unit("bergaskolan", preschool=False)

    assert unit.terms == (Term(day("2027-01-11"), day("2027-06-11")),)
    assert unit.closed == ()


def test_a_unit_may_follow_the_preschools() -> None:
    all_of_them = calendars(AUTUMN + '[unit.familjecentralen]\nlike = "preschool"\n')

    assert all_of_them.for_unit("familjecentralen", preschool=False) == all_of_them.preschool


@pytest.mark.parametrize(
    ("text", "message_part"),
    [
        (
            AUTUMN + "[[term]]\nfirst = 2026-12-18\nlast = 2027-06-11\n",
            "[[term]] 2026-08-17 to 2026-12-18 and 2026-12-18",
        ),
        (AUTUMN + "[[term]]\nfirst = 2027-08-16\nlast = 2027-12-17\n", "add the term between"),
        ("[[term]]\nfirst = 2026-12-18\nlast = 2026-08-17\n", "[[term]] 1: last = 2026-08-17 is before first"),
        ("[[term]]\nfirst = 2026-12-18\n", "[[term]] 1: last is missing; write for example"),
        (
            '[[term]]\nfirst = "2026-08-17"\nlast = 2026-12-18\n',
            "[[term]] 1: first = '2026-08-17' must be a date without",
        ),
        ("[[term]]\nfirst = 2026-08-17T08:00:00\nlast = 2026-12-18\n", "[[term]] 1: first = "),
        (
            AUTUMN + SPRING + HOSTLOV.replace("2026-10-30", "2027-01-15"),
            "[[closed]] 1: 2026-12-19 lies outside of every",
        ),
        (HOSTLOV, "[[closed]] 1: 2026-10-26 lies outside of every term"),
        (AUTUMN + HOSTLOV.replace('"höstlov"', '" "'), "[[closed]] 1: label must say"),
        (AUTUMN + HOSTLOV.replace("label", "lable"), "[[closed]] 1: lable is unknown; did you mean label?"),
        (AUTUMN + "[[termin]]\n", "our.toml: termin is unknown; did you mean term?"),
        (AUTUMN + "[zzz]\n", "zzz is unknown; known are term, closed, preschool, unit"),
        (AUTUMN + "[preschool]\nopen = true\n", "[preschool]: open is unknown"),
        ("preschool = 1\n", "our.toml: preschool must be a table; write [preschool]"),
        ("term = 2026-08-17\n", "term must be given as tables; write [[term]]"),
        ("term = [1]\n", "term must be given as tables; write [[term]]"),
        (AUTUMN + "[unit]\nbergaskolan = 1\n", "[unit]: bergaskolan must be a table"),
        (AUTUMN + '[unit.bergaskolan]\nlike = "förskola"\n', "[unit.bergaskolan]: like = 'förskola' must be"),
        (AUTUMN + "[unit.bergaskolan]\nlike = []\n", "[unit.bergaskolan]: like = [] must be"),
        (AUTUMN + "[unit.bergaskolan]\nterms = 1\n", "[unit.bergaskolan]: terms is unknown; did you mean term?"),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_refused_with_file_table_key_and_remedy(
    text: str, message_part: str
) -> None:
    message = refusal(text)

    assert message.startswith("our.toml: ")
    assert message_part in message


@pytest.mark.parametrize(
    ("content", "message_part"),
    [(b"[[term]\n", "is not TOML"), ("label = 'höst'".encode("cp1252"), "is not UTF-8"), (None, "cannot be read")],
    ids=["torn", "cp1252", "missing"],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(
    tmp_path: Path, content: bytes | None, message_part: str
) -> None:
    file = tmp_path / "our.toml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ScheduleError, match=f"our.toml: {message_part}"):
        load_calendars(file)


# ------------------------------------------------------------------------------------------------------- jobs


def next_runs(cron: Cron, after: datetime, number: int) -> list[datetime]:
    trigger = CronTrigger(
        minute=cron.minute,
        hour=cron.hour,
        day=cron.day,
        month=cron.month,
        day_of_week=cron.weekday,
        timezone=ZoneInfo("Europe/Stockholm"),
    )
    runs: list[datetime] = []
    while len(runs) < number:
        after = trigger.get_next_fire_time(None, after) + timedelta(minutes=1)
        runs.append(after - timedelta(minutes=1))
    return runs


def test_the_new_day_is_judged_at_five_past_midnight_local_time() -> None:
    (job,) = (job for job in load_jobs({}, "config.toml") if job.name == "reconcile_day")

    (run,) = next_runs(job.at, datetime(2026, 11, 24, 12, tzinfo=UTC), 1)

    assert run.isoformat() == "2026-11-25T00:05:00+01:00"


def test_every_job_has_a_time_by_default() -> None:
    names = [job.name for job in load_jobs({}, "config.toml")]

    assert names == ["reconcile_day", "reconcile_hour", "digest", "purge", "backup"]


def test_a_time_of_the_configuration_replaces_the_default() -> None:
    jobs = {job.name: job.at for job in load_jobs({"backup": "30 5 * * mon-fri"}, "config.toml")}

    assert jobs["backup"] == Cron("30", "5", "*", "*", "mon-fri")
    assert jobs["purge"] == Cron("40", "3", "*", "*", "*")


def test_the_backup_may_be_off() -> None:
    assert "backup" not in {job.name for job in load_jobs({"backup": "off"}, "config.toml")}


def test_a_job_that_others_rely_on_is_never_off() -> None:
    with pytest.raises(ScheduleError, match=r'config\.toml: \[jobs\]: purge = "off" is refused'):
        load_jobs({"purge": "off"}, "config.toml")


def test_an_unknown_job_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(ScheduleError, match=r"config\.toml: \[jobs\]: bakcup is unknown; did you mean backup\?"):
        load_jobs({"bakcup": "30 5 * * *"}, "config.toml")


def test_defaults_may_come_from_another_file(tmp_path: Path) -> None:
    file = tmp_path / "jobs.toml"
    file.write_text('purge = "0 5 * * *"\nbackup = "x"\n', encoding="utf-8")

    with pytest.raises(ScheduleError, match=r"^jobs\.toml: backup = 'x' must be five fields"):
        load_jobs({"purge": "0 6 * * *"}, "config.toml", file)


@pytest.mark.parametrize(
    ("written", "message_part"),
    [
        (5, "must be five fields"),
        ("5 0 * *", "must be five fields"),
        ("60 0 * * *", "minute '60' must be"),
        ("5 24 * * *", "hour '24' must be"),
        ("5 0 0 * *", "day '0' must be"),
        ("5 0 * 13 *", "month '13' must be"),
        ("5 0 * jan *", "month 'jan' must be"),
        ("5, 0 * * *", "minute '' must be"),
        ("9-5 0 * * *", "minute '9-5' must be"),
        ("*/0 0 * * *", "minute '*/0' must be"),
        ("*/60 0 * * *", "minute '*/60' must be"),
        ("5/10 0 * * *", "minute '5/10' must be"),
        ("5-5/1 0 * * *", "minute '5-5/1' must be"),
        ("5 0 * * 1", "weekday '1' must be"),
        ("5 0 * * fri-mon", "weekday 'fri-mon' must be"),
        ("5 0 * * mon-wed-fri", "weekday 'mon-wed-fri' must be"),
        ("5 0 * * Mon", "weekday 'Mon' must be"),
        ("30 2 * * *", "hour '2' holds 02:00 to 02:59"),
        ("30 0,1-3 * * *", "hour '1-3' holds 02:00 to 02:59"),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused_by_field(written: object, message_part: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        read_cron(written, "config.toml: [jobs]: backup")

    assert str(caught.value).startswith("config.toml: [jobs]: backup")
    assert message_part in str(caught.value)


def test_weekday_names_mean_the_days_they_name() -> None:
    runs = next_runs(read_cron("0 6 * * mon,thu-fri", "config.toml"), datetime(2026, 11, 24, tzinfo=UTC), 3)

    assert [run.strftime("%a") for run in runs] == ["Thu", "Fri", "Mon"]


def field(lowest: int, highest: int) -> st.SearchStrategy[str]:
    ends = st.tuples(st.integers(lowest, highest), st.integers(lowest, highest)).map(sorted)
    steps = st.integers(1, highest - lowest)
    part = st.one_of(
        st.just("*"),
        st.builds("*/{}".format, steps),
        st.integers(lowest, highest).map(str),
        ends.map(lambda pair: f"{pair[0]}-{pair[1]}"),
        st.builds(lambda pair, step: f"{pair[0]}-{pair[1]}/{step}", ends, steps),
    )
    return st.lists(part, min_size=1, max_size=3).map(",".join)


WEEKDAY_PARTS = ("*", *WEEKDAYS, *(f"{first}-{last}" for first in WEEKDAYS for last in WEEKDAYS))


@given(
    minute=field(0, 59),
    hour=field(0, 23),
    weekday=st.lists(st.sampled_from(WEEKDAY_PARTS), min_size=1, max_size=3).map(",".join),
)
def test_every_accepted_time_is_valid_for_the_scheduler(minute: str, hour: str, weekday: str) -> None:
    try:
        cron = read_cron(f"{minute} {hour} * * {weekday}", "config.toml")
    except ScheduleError:
        return

    (run,) = next_runs(cron, datetime(2026, 11, 24, tzinfo=UTC), 1)
    assert run > datetime(2026, 11, 23, tzinfo=UTC)
