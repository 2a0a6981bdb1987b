"""School calendars and job times, read from TOML into the plain values that the core and the daemon work with.

Public holidays become plain dates here, so that the core needs no library for them. Refuses a calendar that
contradicts itself and a job time that is probably a mistake. Each message names file, table, key and remedy. Knows
nothing about the scheduler that runs the jobs.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from fleetsync.core.calendar import Calendar, Calendars, ClosedPeriod, Term, school_year

# Wider than any calendar in use. Beyond it a public holiday counts like any weekday.
YEARS_OF_HOLIDAYS = range(2015, 2051)
# The eves of Midsummer, Christmas and New Year are not public holidays by law, but no school is open on them.
HOLIDAY_CATEGORIES = ("public", "de_facto")
LONGEST_BREAK_DAYS = 100  # no summer break is longer: a longer gap between two terms is a forgotten term

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CRON_FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12)}
OPTIONAL_JOBS = frozenset({"backup", "digest"})
DST_CHANGE_HOUR = 2


class ScheduleError(Exception):
    """A calendar or a job time cannot be used. The text says where it is and what to write instead."""


class Cron(Struct, frozen=True):
    """Five cron fields in local time. `weekday` holds names, mon to sun."""

    minute: str
    hour: str
    day: str
    month: str
    weekday: str


class ScheduledJob(Struct, frozen=True):
    """A job of the daemon and its times."""

    name: str
    at: Cron


# ------------------------------------------------------------------------------------------------------- where


def shipped_folder(name: str) -> Path:
    """The folder of that name that is shipped: in an installed package, else in the repository."""
    package = Path(str(files("fleetsync")))
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name


def schedules_dir() -> Path:
    """The folder of the shipped schedules."""
    return shipped_folder("schedules")


def shipped_calendar(name: str) -> Path:
    """The file of the shipped calendar *name* (`exempelby`). Raises ScheduleError, which lists the shipped ones."""
    names = sorted(path.stem for path in schedules_dir().glob("*.toml") if path.stem != "jobs" and "." not in path.stem)
    if name not in names:
        raise ScheduleError(f"calendar {name!r} is not shipped; use one of: {', '.join(names)}, or name a file")
    return schedules_dir() / f"{name}.toml"


# --------------------------------------------------------------------------------------------------- calendars


def load_calendars(file: Path) -> Calendars:
    """The calendars of a file. Raises ScheduleError if it cannot be read or contradicts itself."""
    return read_calendars(_read_toml(file), file.name)


def read_calendars(table: Mapping[str, object], where: str) -> Calendars:
    """The calendars of a table that is already read. Messages begin with *where*, the name of the file.

    Without terms, every weekday that is not a public holiday counts. Preschools are open all year within the school
    years of the terms, unless they have terms of their own.
    """
    _refuse_unknown(table, ("term", "closed", "preschool", "unit"), where)
    school = _read_calendar(table, where, ())
    own = _subtable(table, "preschool", where)
    preschool_at = f"{where}: [preschool]"
    _refuse_unknown(own, ("term", "closed"), preschool_at)
    preschool = _read_calendar(own, preschool_at, _whole_school_years(school.terms), is_year_round=True)
    units = _subtable(table, "unit", where)
    bases = {"school": school, "preschool": preschool}
    return Calendars(
        default=school,
        preschool=preschool,
        units={
            slug: _read_unit_calendar(_subtable(units, slug, f"{where}: [unit]"), bases, f"{where}: [unit.{slug}]")
            for slug in units
        },
    )


@cache
def public_holidays() -> frozenset[date]:
    """Sweden's public holidays and the eves on which no school is open, from 2015 to 2050."""
    import holidays

    return frozenset(holidays.country_holidays("SE", years=YEARS_OF_HOLIDAYS, categories=HOLIDAY_CATEGORIES))


def _whole_school_years(terms: Sequence[Term]) -> tuple[Term, ...]:
    if not terms:
        return ()
    return (Term(date(school_year(terms[0].first), 7, 1), date(school_year(terms[-1].last) + 1, 6, 30)),)


def _read_unit_calendar(table: Mapping[str, object], bases: Mapping[str, Calendar], where: str) -> Calendar:
    """The calendar of a unit: its own terms and closed days, or those of its kind plus its own closed days."""
    _refuse_unknown(table, ("like", "term", "closed"), where)
    like = table.get("like", "school")
    if not isinstance(like, str) or like not in bases:
        raise ScheduleError(f'{where}: like = {like!r} must be "school" or "preschool"')
    base = bases[like]
    own = _read_calendar(table, where, base.terms, is_year_round=base.is_year_round)
    if "term" in table:
        return own
    return Calendar(own.terms, base.closed + own.closed, own.holidays, own.is_year_round)


def _read_calendar(
    table: Mapping[str, object], where: str, default_terms: tuple[Term, ...], is_year_round: bool = False
) -> Calendar:
    terms = tuple(
        Term(*_first_and_last_day(entry, at)) for at, entry in _array_of_tables(table, "term", where, ("first", "last"))
    )
    terms = tuple(sorted(terms, key=lambda term: term.first)) or default_terms
    _refuse_overlaps_and_holes(terms, where)
    closed = []
    for at, entry in _array_of_tables(table, "closed", where, ("first", "last", "label")):
        period = ClosedPeriod(*_first_and_last_day(entry, at), _read_label(entry, at))
        _refuse_outside_of_terms(period, terms, at)
        closed.append(period)
    return Calendar(terms, tuple(closed), public_holidays(), is_year_round)


def _refuse_overlaps_and_holes(terms: Iterable[Term], where: str) -> None:
    for earlier, later in pairwise(terms):
        both = f"{where}: [[term]] {earlier.first} to {earlier.last} and {later.first} to {later.last}"
        if later.first <= earlier.last:
            raise ScheduleError(f"{both} overlap; correct last of the former or first of the latter")
        if (later.first - earlier.last).days > LONGEST_BREAK_DAYS:
            raise ScheduleError(f"{both} are more than {LONGEST_BREAK_DAYS} days apart; add the term between them")


def _refuse_outside_of_terms(period: ClosedPeriod, terms: Iterable[Term], at: str) -> None:
    days = set(range(period.first.toordinal(), period.last.toordinal() + 1))
    for term in terms:
        days.difference_update(range(term.first.toordinal(), term.last.toordinal() + 1))
    if days:
        raise ScheduleError(
            f"{at}: {date.fromordinal(min(days))} lies outside of every term, where there is no school anyway; "
            "correct first or last, add its [[term]], or remove the entry"
        )


def _first_and_last_day(entry: Mapping[str, object], at: str) -> tuple[date, date]:
    first, last = _read_date(entry, "first", at), _read_date(entry, "last", at)
    if last < first:
        raise ScheduleError(f"{at}: last = {last} is before first = {first}; swap or correct them")
    return first, last


def _read_date(entry: Mapping[str, object], key: str, at: str) -> date:
    value = entry.get(key)
    if value is None:
        raise ScheduleError(f"{at}: {key} is missing; write for example {key} = 2026-08-17")
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ScheduleError(f"{at}: {key} = {value!r} must be a date without quotation marks or time: 2026-08-17")
    return value


def _read_label(entry: Mapping[str, object], at: str) -> str:
    label = entry.get("label")
    if not isinstance(label, str) or not label.strip():
        raise ScheduleError(f'{at}: label must say what the days are; write for example label = "höstlov"')
    return label


# -------------------------------------------------------------------------------------------------------- jobs


def load_jobs(overrides: Mapping[str, object], where: str, file: Path | None = None) -> tuple[ScheduledJob, ...]:
    """All jobs with their times: the shipped times (or those of *file*), replaced by name by *overrides*.

    *overrides* is the table `[jobs]` of the configuration, *where* the name of that file. A job set to "off" is left
    out. Only `OPTIONAL_JOBS` may be off.
    """
    defaults_file = file or schedules_dir() / "jobs.toml"
    defaults = _read_toml(defaults_file)
    _refuse_unknown(overrides, defaults, f"{where}: [jobs]")
    jobs = []
    for name, default in defaults.items():
        value, at = (overrides[name], f"{where}: [jobs]") if name in overrides else (default, defaults_file.name)
        if value != "off":
            jobs.append(ScheduledJob(name, read_cron(value, f"{at}: {name}")))
        elif name not in OPTIONAL_JOBS:
            raise ScheduleError(f'{at}: {name} = "off" is refused: the daemon relies on it; give it a time instead')
    return tuple(jobs)


def read_cron(value: object, where: str) -> Cron:
    """Five cron fields as written. Raises ScheduleError, which says which field is wrong and what it may hold."""
    fields = value.split() if isinstance(value, str) else []
    if len(fields) != len(CRON_FIELDS) + 1:
        raise ScheduleError(
            f'{where} = {value!r} must be five fields, minute hour day month weekday: "15 6 * * mon-fri"'
        )
    for (name, limits), text in zip(CRON_FIELDS.items(), fields, strict=False):
        for part in text.split(","):
            _check_cron_part(part, name, limits, where)
    for part in fields[-1].split(","):
        _check_cron_weekday(part, where)
    _check_not_in_dst_change_hour(fields[1], where)
    return Cron(*fields)


def _check_cron_part(part: str, name: str, limits: tuple[int, int], where: str) -> None:
    lowest, highest = limits
    if match := re.fullmatch(r"\*(?:/([0-9]{1,2}))?", part):
        low, high, step = lowest, highest, match[1]
    elif match := re.fullmatch(r"([0-9]{1,2})(?:-([0-9]{1,2})(?:/([0-9]{1,2}))?)?", part):
        low, high, step = int(match[1]), int(match[2] or match[1]), match[3]
    else:
        low, high, step = 1, 0, None
    # The scheduler refuses a step wider than its range, even in 5-5/1, but only when it starts.
    if not lowest <= low <= high <= highest or (step and not 1 <= int(step) <= high - low):
        raise ScheduleError(
            f"{where}: {name} {part!r} must be *, */5, or numbers from {lowest} to {highest} such as 5, 5-10 or 5,10"
        )


def _check_cron_weekday(part: str, where: str) -> None:
    names = [part] if part == "*" else part.split("-")
    known = part == "*" or (len(names) <= 2 and all(name in WEEKDAYS for name in names))
    if not known or (names != ["*"] and [WEEKDAYS.index(name) for name in names] != sorted(map(WEEKDAYS.index, names))):
        raise ScheduleError(
            f"{where}: weekday {part!r} must be *, or names such as mon, mon-fri or mon,thu; "
            "numbers are refused because 1 is Monday to some and Tuesday to others"
        )


def _check_not_in_dst_change_hour(text: str, where: str) -> None:
    for part in text.split(","):
        low, _, high = part.partition("/")[0].partition("-")
        if low != "*" and int(low) <= DST_CHANGE_HOUR <= int(high or low):
            raise ScheduleError(
                f"{where}: hour {part!r} holds 02:00 to 02:59, which is missing on one night in March and comes twice "
                "on one in October; choose another hour"
            )


# -------------------------------------------------------------------------------------------------------- TOML


def _read_toml(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScheduleError(f"{file}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except UnicodeDecodeError as error:
        raise ScheduleError(f"{file}: is not UTF-8; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ScheduleError(f"{file}: is not TOML: {error}; compare municipality.example.toml") from error


def _refuse_unknown(table: Mapping[str, object], known: Iterable[str], where: str) -> None:
    names = list(known)
    for key in table:
        if key not in names:
            nearest = get_close_matches(key, names, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(names)}"
            raise ScheduleError(f"{where}: {key} is unknown; {hint}")


def _subtable(parent: Mapping[str, object], key: str, where: str) -> Mapping[str, object]:
    value = parent.get(key, {})
    if not isinstance(value, dict):
        raise ScheduleError(f"{where}: {key} must be a table; write [{key}]")
    return value


def _array_of_tables(
    table: Mapping[str, object], key: str, where: str, known: Sequence[str]
) -> Iterable[tuple[str, Mapping[str, object]]]:
    """The tables of an array, each with the words for it in a message."""
    entries = table.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ScheduleError(f"{where}: {key} must be given as tables; write [[{key}]] above each")
    for number, entry in enumerate(entries, start=1):
        at = f"{where}: [[{key}]] {number}"
        _refuse_unknown(entry, known, at)
        yield at, entry
