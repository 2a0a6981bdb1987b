"""Takes head counts that are typed, on the page or by command, and has their source read them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from fleetsync.core.model import RESERVED_UNITS, Text
from fleetsync.core.school_forms import FS, KNOWN_FORMS
from fleetsync.daemon.composition import Application
from fleetsync.daemon.typed_counts import COUNTED_WORDS, TypedCountFile
from fleetsync.expose.ports import CountedGroup, DecisionError, TypedCount
from fleetsync.pull.registry import Source

MAX_HEADS = 100_000
MAX_AUTHOR_CHARACTERS = 80
YEARS = range(10)
# A cell that begins so is a formula where the list is opened as a spreadsheet.
FORMULA_SIGNS = ("=", "+", "-", "@")


class HeadCounts:
    """`ports.HeadCountDesk`. *pull* has a source read soon."""

    def __init__(self, application: Callable[[], Application], pull: Callable[[str], None]) -> None:
        self._application, self._pull = application, pull

    def is_open(self) -> bool:
        """Whether a source is configured whose numbers are typed."""
        return self._source() is not None

    def typed_counts(self) -> Sequence[TypedCount]:
        """All that was typed, by unit, the newest first."""
        source = self._source()
        return () if source is None else self._file(source).read()

    def enter(self, count: TypedCount, *, who: str) -> TypedCount | None:
        """Keep a count, in place of one of the same day, which is returned. Raises DecisionError."""
        source = self._open_source()
        self._check(count, source)
        with self._file(source).changing() as counts:
            replaced = next((each for each in counts if each.place_and_day == count.place_and_day), None)
            if replaced is not None:
                counts.remove(replaced)
            counts.append(count)
        instead = "" if replaced is None else f" (before: {replaced.heads})"
        self._finish(source, who, "entered a head count", f"{_described(count)}{instead}")
        return replaced

    def remove(self, count: TypedCount, *, who: str) -> None:
        """Take a count back. Raises DecisionError when it is not there any more."""
        source = self._open_source()
        with self._file(source).changing() as counts:
            if count not in counts:
                raise DecisionError(
                    Text(
                        "Det antalet finns inte längre. Se listan igen.",
                        "this number is not there any more. Look at the list again",
                    )
                )
            counts.remove(count)
        self._finish(source, who, "took a head count back", _described(count))

    def _finish(self, source: Source, who: str, what: str, subject: str) -> None:
        self._application().ledger.audit(who, what, subject)
        self._pull(source.name)

    def _source(self) -> Source | None:
        typed = (source for source in self._application().sources if getattr(source.settings, "typed", False))
        return next((source for source in typed if not source.settings.disabled), None)

    def _open_source(self) -> Source:
        source = self._source()
        if source is None:
            raise DecisionError(
                Text(
                    'Ingen källa tar emot antal. Lägg till en [[source]] med kind = "headcount" och typed = true.',
                    'no source takes numbers that are typed. Add a [[source]] of kind = "headcount" with typed = true',
                )
            )
        return source

    def _file(self, source: Source) -> TypedCountFile:
        path = Path(getattr(source.settings, "path"))  # noqa: B009 - a kind of files has it, which its type does not say
        return TypedCountFile(path, self._application().run_context.clock)

    def _check(self, count: TypedCount, source: Source) -> None:
        """Refuse what the source could not read, or would read as something else."""
        run_context = self._application().run_context
        if count.unit not in {unit.slug for unit in run_context.policy.units} - RESERVED_UNITS:
            raise DecisionError(
                Text(f"{count.unit} är ingen enhet i inställningarna.", f"{count.unit} is no configured unit")
            )
        if not 0 <= count.heads <= MAX_HEADS:
            raise DecisionError(
                Text(
                    f"{count.heads} är inget antal personer. Skriv 0 till {MAX_HEADS}.",
                    f"{count.heads} is no number of persons: give 0 to {MAX_HEADS}",
                )
            )
        if count.counted_on > run_context.moment().today:
            raise DecisionError(
                Text(
                    f"{count.counted_on} har inte varit än. Skriv dagen då personerna räknades.",
                    f"{count.counted_on} is a day to come: give the day on which the persons were counted",
                )
            )
        if count.whom not in {part.name for part in source.parts}:
            raise DecisionError(
                Text(
                    f"{source.name} läser inte {COUNTED_WORDS[count.whom]}: källans tabell har dem i without.",
                    f"{source.name} does not read {count.whom}: its table has them in without",
                )
            )
        _check_group(count)
        _check_author(count.counted_by)


def _check_group(count: TypedCount) -> None:
    is_fitting = {
        CountedGroup.CHILDREN: count.school_form == FS and count.year is None,
        CountedGroup.PUPILS: count.school_form in KNOWN_FORMS - {FS} and (count.year is None or count.year in YEARS),
        CountedGroup.STAFF: not count.school_form and count.year is None,
    }
    if not is_fitting[count.whom]:
        raise DecisionError(
            Text(
                "Skolformen eller årskursen passar inte dem som räknas. Barn hör till FS, elever till en annan form och en "
                "årskurs från 0 till 9 eller alla, anställda till ingen.",
                "this school form or year does not go with whom is counted: children are of FS, pupils of another form and a "
                "year from 0 to 9 or all years, staff of none",
            )
        )


def _check_author(text: str) -> None:
    is_function = text.strip() == text and text.isprintable() and 0 < len(text) <= MAX_AUTHOR_CHARACTERS
    if not is_function or "@" in text or text.startswith(FORMULA_SIGNS):
        raise DecisionError(
            Text(
                "Skriv vilken funktion som svarar för antalet, till exempel ”rektor Vretaskolan”: ingen adress, inget "
                f"personnamn, högst {MAX_AUTHOR_CHARACTERS} tecken.",
                'write the function that answers for the number, such as "rektor Vretaskolan": no address and no name of a '
                f"person, at most {MAX_AUTHOR_CHARACTERS} signs",
            )
        )


def _described(count: TypedCount) -> str:
    group = " ".join(filter(None, (count.whom, count.school_form, "" if count.year is None else str(count.year))))
    return f"{count.unit} {group} {count.counted_on}: {count.heads}"
