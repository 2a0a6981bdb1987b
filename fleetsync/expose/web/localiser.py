"""How the page speaks: Swedish or English, with numbers, days and ages as each language writes them.

A sentence stands where it is used with both languages side by side (`t("Täckning", "Coverage")`), as the core's own
texts do: no catalogue to extract and compile, none that can lag behind. A test reads every template for it.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal
from markupsafe import Markup

from fleetsync.core.model import Text

LANGUAGES = ("sv", "en")
LOCALES: Mapping[str, Locale] = {"sv": Locale("sv", "SE"), "en": Locale("en", "GB")}
NO_BREAK = "\u00a0"
DASH = "–"
# A day inside a sentence; not one that is part of a file's name or of an instant.
_WRITTEN_DAY = re.compile(r"(?<![\w./-])\d{4}-\d{2}-\d{2}(?![\w/-]|\.\w)")


@dataclass(frozen=True)
class Localiser:
    """One reader's language and the municipality's time zone."""

    language: str
    zone: str

    @property
    def locale(self) -> Locale:
        """Babel's name of the language."""
        return LOCALES[self.language]

    def t(self, sv: str, en: str, **words: object) -> str:
        """The sentence; words are escaped where it goes into markup. Numbers are written as the language does."""
        written = {name: self.number(word) if type(word) is int else word for name, word in words.items()}
        return Markup(sv if self.language == "sv" else en).format(**written)  # noqa: S704 - literals of ours; words are escaped

    def translate(self, text: Text) -> str:
        """A text of the core, with its days as the language writes them."""
        return _WRITTEN_DAY.sub(self._spelled_day, text.in_language(self.language))

    def _spelled_day(self, written: re.Match[str]) -> str:
        try:
            return self.day(date.fromisoformat(written[0]))
        except ValueError:
            return written[0]

    def number(self, number: float) -> str:
        """1 234, with a real minus."""
        return str(format_decimal(number, locale=self.locale)).replace("-", "−")

    def decimal(self, number: float) -> str:
        """2,9: with one decimal, always."""
        return str(format_decimal(number, format="0.0", locale=self.locale))

    def percent(self, ratio: float | None) -> str:
        """93,4 %, rounded down: what is not all is never called 100 %."""
        if ratio is None:
            return DASH
        tenths = math.floor(ratio * 1000 + 1e-9)
        spelling = "0" if tenths in (0, 1000) else "0.0"
        figure = format_decimal(tenths / 10, format=spelling, locale=self.locale)
        return f"{figure}{NO_BREAK}%" if self.language == "sv" else f"{figure}%"

    def limit(self, ratio: float) -> str:
        """A configured ratio as it was written: 95 %."""
        figure = format_decimal(ratio * 100, format="0.##", locale=self.locale)
        return f"{figure}{NO_BREAK}%" if self.language == "sv" else f"{figure}%"

    def points(self, change: float) -> str:
        """A difference of two ratios, in percentage points with its sign."""
        tenths = round(change * 1000)
        sign = "+" if tenths > 0 else "−" if tenths < 0 else "±"
        return f"{sign}{format_decimal(abs(tenths) / 10, format='0.0', locale=self.locale)}"

    def local(self, at: datetime) -> datetime:
        """The instant on the municipality's clock."""
        return at.astimezone(ZoneInfo(self.zone))

    def day(self, day: date | datetime | None) -> str:
        """24 nov. 2026."""
        if day is None:
            return DASH
        return format_date(self._date(day), format="d MMM y", locale=self.locale).replace(" ", NO_BREAK)

    def short_day(self, day: date | datetime) -> str:
        """24 nov."""
        return format_date(self._date(day), format="d MMM", locale=self.locale).replace(" ", NO_BREAK)

    def long_day(self, day: date) -> str:
        """tisdag 24 november 2026."""
        return format_date(day, format="EEEE d MMMM y", locale=self.locale)

    def instant(self, at: datetime | None) -> str:
        """24 nov. 2026 07:05, local time."""
        if at is None:
            return DASH
        return format_datetime(self.local(at), format="d MMM y HH:mm", locale=self.locale).replace(" ", NO_BREAK)

    def clock_time(self, at: datetime) -> str:
        """07:05, local time."""
        return format_datetime(self.local(at), format="HH:mm", locale=self.locale)

    def ago(self, at: datetime | None, now: datetime) -> str:
        """för 3 timmar sedan."""
        if at is None:
            return self.t("aldrig", "never")
        return format_timedelta(at - now, add_direction=True, locale=self.locale).replace(" ", NO_BREAK)

    def days_old(self, day: date | None, today: date) -> str:
        """The age of a day in words."""
        if day is None:
            return self.t("aldrig hämtad", "never pulled")
        days = (today - day).days
        if days <= 0:
            return self.t("från i dag", "from today")
        if days == 1:
            return self.t("från i går", "from yesterday")
        return self.t("{n} dagar gammal", "{n} days old", n=days)

    def school_days(self, days: int) -> str:
        """n skoldagar."""
        return (
            self.t("{n} skoldag", "{n} school day", n=days)
            if days == 1
            else self.t("{n} skoldagar", "{n} school days", n=days)
        )

    def _date(self, day: date | datetime) -> date:
        return self.local(day).date() if isinstance(day, datetime) else day
