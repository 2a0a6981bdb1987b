"""Finds out which column of a file is which field: by the headers that Swedish registers use, or by configuration.

Headers are compared without case, accents, spaces and punctuation. Nothing is guessed: if two columns could be one field,
or a required one is missing, the file is refused with the setting that corrects it. Such a message shows the headers of
the file, and never a line that may be a person's record.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fleetsync.pull.contract import SourceRefused
from fleetsync.pull.files.values import Cell, ColumnKind, cell_text, is_blank

# Titles and dates of printing stand above the headers of many reports.
MAX_HEADER_SEARCH_LINES: Final = 20

HEADER_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    # people
    "civic_number": ("personnummer", "pnr", "personnr", "person-id", "identifierare", "personidentitet"),
    "person_number": (
        "anställningsnummer",
        "anstnr",
        "anst.nr",
        "anställningsnr",
        "personalnummer",
        "elev-id",
        "barn-id",
    ),
    "object_id": ("objekt-id", "object id", "entra-id", "azure ad-id"),
    "login": ("användarnamn", "användare", "konto", "kontonamn", "signatur", "inloggning", "upn", "eppn", "username"),
    "email": ("e-post", "mail", "mejl", "e-postadress", "epost skola", "e-post arbete", "email"),
    "name": ("namn", "elevnamn", "fullständigt namn"),
    "protected": (
        "sekretess",
        "sekretessmarkering",
        "skyddad",
        "skyddad identitet",
        "skyddsnivå",
        "skyddade uppgifter",
    ),
    # employments
    "employment_form": ("anställningsform", "anst.form", "anställningstyp", "form av anställning"),
    "start": ("från", "from", "fr.o.m.", "fom", "startdatum", "anst.from", "anställd from", "börjar", "placerad from"),
    "end": ("till", "tom", "t.o.m.", "t o m", "slutdatum", "anst.tom", "anställd tom", "slutar", "placerad tom"),
    "share": ("sysselsättningsgrad", "syssgrad", "syss.grad", "ssg", "%", "tjänstgöringsgrad"),
    "leave_from": ("ledig from", "ledig fr.o.m.", "tjänstledig from", "frånvaro from"),
    "leave_to": ("ledig tom", "ledig t.o.m.", "tjänstledig tom", "frånvaro tom"),
    "job": ("befattning", "tjänst", "titel", "aid", "etikett"),
    # schools
    "unit": ("enhet", "skola", "skolenhet", "förskola", "arbetsplats", "enhetsnamn", "organisation", "plats"),
    "unit_code": ("skolenhetskod", "enhetskod", "skolkod"),
    "cost_centre": ("kostnadsställe", "kst", "ansvar"),
    "school_form": ("skolform", "verksamhetsform", "verksamhet"),
    "year": ("årskurs", "åk", "årskurs/stadie", "årsk"),
    "group": ("klass", "avdelning", "grupp", "undervisningsgrupp"),
    "children": ("antal barn", "antal elever", "antal", "barn"),
    # devices
    "serial": ("serienummer", "serienr", "s/n", "sn", "serial number", "serial", "serienummer (s/n)"),
    "asset_tag": (
        "inventarienummer",
        "inv.nr",
        "inventarienr",
        "stöldmärkning",
        "asset tag",
        "märkning",
        "datornummer",
    ),
    "device_name": ("datornamn", "enhetens namn", "device name", "hostname"),
    "manufacturer": ("tillverkare", "fabrikat", "märke", "manufacturer"),
    "model": ("modell", "modellbeteckning", "produkt", "artikel", "benämning", "model"),
    "platform": ("plattform", "operativsystem", "os", "platform"),
    "os_version": ("os-version", "operativsystemsversion", "version", "os version"),
    "status": ("status", "läge", "tillstånd"),
    "purpose": ("syfte", "användning", "typ av användning", "ändamål", "purpose"),
    "groups": ("klasser", "grupper"),
    "last_contact": (
        "senast sedd",
        "senaste kontakt",
        "senast inloggad",
        "senast ansluten",
        "last seen",
        "last contact",
    ),
    "enrolled": ("registrerad", "registreringsdatum", "enrolled"),
    # purchases
    "order": ("ordernummer", "order", "ordernr", "beställningsnummer", "inköpsorder"),
    "purchased": ("inköpsdatum", "inköpt", "leveransdatum", "köpdatum", "purchase date"),
    "delivery": ("beräknad leverans", "levereras", "förväntad leverans"),
    "quantity": ("kvantitet", "antal enheter", "st", "quantity"),
    "price": ("pris", "belopp", "á-pris", "apris", "styckpris", "kostnad"),
    "warranty": ("garanti", "garanti t.o.m.", "garantidatum", "garanti slut", "warranty"),
    "as_of": ("utskriftsdatum", "uttagsdatum", "rapportdatum", "per datum", "avser datum"),
}
"""Swedish headers per field, for columns without headers of their own. Some headers stand under several fields: a
connector names only the fields that its kind of file has."""


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A field that a connector looks for.

    *aliases*: headers that mean it; none: those of `HEADER_WORDS`; the field's own name always does. *required*:
    without it the file is refused. *deciding*: coverage depends on it, so that its absence is reported (`OpenedFile.missing_fields`).
    *kind*: `id` is text that identifies, in which decimals are damage. *digits*: the lengths that an all-digit value
    can have; a shorter one lost its leading zeros.
    """

    field: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    deciding: bool = False
    kind: ColumnKind = "text"
    digits: tuple[int, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """All headers that mean this field."""
        return (*(self.aliases or HEADER_WORDS.get(self.field, ())), self.field)


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """The position of each field. *line*: the row number of the headers, 0 for a file without any."""

    line: int
    width: int
    places: Mapping[str, int]


def fold_header(header: str) -> str:
    """A header without case, accents, spaces and punctuation; a percent sign stays, being a header itself."""
    plain = unicodedata.normalize("NFKD", header).casefold()
    return "".join(letter for letter in plain if letter.isalnum() or letter == "%")


def header_names_by_field(
    columns: Sequence[FileColumn], configured: Mapping[str, str | int]
) -> dict[str, frozenset[str]]:
    """Per field the folded headers that mean it, configuration first; a header that configuration gave to one field
    means no other.

    Raises ValueError when two columns of a connector share a word: nobody could tell which is meant.
    """
    given = {field: fold_header(str(header)) for field, header in configured.items()}
    taken = frozenset(given.values())
    names: dict[str, frozenset[str]] = {}
    owners: dict[str, str] = {}
    for column in columns:
        if column.field in given:
            names[column.field] = frozenset({given[column.field]})
            continue
        names[column.field] = frozenset(map(fold_header, column.words)) - taken
        for word in names[column.field]:
            if owners.setdefault(word, column.field) != column.field:
                raise ValueError(f"the header {word} means both {owners[word]} and {column.field}")
    return names


def header_score(
    cells: Sequence[Cell], columns: Sequence[FileColumn], names: Mapping[str, frozenset[str]]
) -> tuple[int, int]:
    """How many fields a line names if it is the header: the required ones, then all."""
    needed = {column.field: names[column.field] for column in columns if column.required}
    return count_known_headers(cells, needed), count_known_headers(cells, names)


def count_known_headers(cells: Sequence[Cell], names: Mapping[str, frozenset[str]]) -> int:
    """How many fields this line names if it is the header."""
    words = {fold_header(cell_text(cell)) for cell in cells if isinstance(cell, str)}
    return sum(1 for headers in names.values() if headers & words)


def find_header(
    head: Sequence[tuple[int, Sequence[Cell]]],
    columns: Sequence[FileColumn],
    configured: Mapping[str, str | int],
    where: str,
) -> HeaderRow:
    """The header among the first lines of a file. *where* begins each message: source and file.

    Raises SourceRefused: a needed header is missing, two mean one field, there is none at all, or `columns` is wrong.
    """
    _check_configured(columns, configured, where)
    if any(isinstance(place, int) for place in configured.values()):
        return _header_from_numbers(head, columns, configured, where)
    names = header_names_by_field(columns, configured)
    needed = sum(1 for column in columns if column.required)
    for number, cells in head:
        required, known = header_score(cells, columns, names)
        # For a kind of file without required columns any known header is enough.
        if required == needed and known:
            return HeaderRow(number, _width(cells), _column_positions(cells, names, configured, where))
    raise _no_header(head, columns, names, configured, where)


def _check_configured(columns: Sequence[FileColumn], configured: Mapping[str, str | int], where: str) -> None:
    fields = [column.field for column in columns]
    for field in configured:
        if field not in fields:
            raise SourceRefused(
                f"{where}: columns names the field {field}, which this kind of file does not have. "
                f"Its fields are: {', '.join(fields)}"
            )


def _header_from_numbers(
    head: Sequence[tuple[int, Sequence[Cell]]],
    columns: Sequence[FileColumn],
    configured: Mapping[str, str | int],
    where: str,
) -> HeaderRow:
    """A file without headers, whose columns are known by number."""
    places = {field: place - 1 for field, place in configured.items() if isinstance(place, int)}
    if len(places) != len(configured) or min(places.values()) < 0:
        raise SourceRefused(f"{where}: columns must name either headers or numbers from 1 for a file without headers")
    missing = [column.field for column in columns if column.required and column.field not in places]
    if missing:
        raise SourceRefused(
            f"{where}: columns gives no number for {', '.join(missing)}. Add it to the [[source]] table"
        )
    width = max((_width(cells) for _, cells in head), default=0)
    beyond = sorted(field for field, place in places.items() if place >= width)
    if head and beyond:
        raise SourceRefused(
            f"{where}: the file has {width} columns, and columns puts {', '.join(beyond)} beyond the last"
        )
    return HeaderRow(0, width, places)


def _width(cells: Sequence[Cell]) -> int:
    width = len(cells)
    while width and is_blank(cells[width - 1]):
        width -= 1
    return width


def _column_positions(
    cells: Sequence[Cell], names: Mapping[str, frozenset[str]], configured: Mapping[str, str | int], where: str
) -> dict[str, int]:
    words = [fold_header(cell_text(cell)) for cell in cells]
    places: dict[str, int] = {}
    for field, headers in names.items():
        matching = [place for place, word in enumerate(words) if word in headers]
        if len(matching) > 1:
            shown = " and ".join(f'"{_shown(cells[place])}"' for place in matching)
            remedy = "Rename one of them" if field in configured else f'Choose: columns = {{ {field} = "…" }}'
            raise SourceRefused(f"{where}: the headers {shown} both mean {field}. {remedy} in the [[source]] table")
        if matching:
            places[field] = matching[0]
    return places


# ------------------------------------------------------------------------------------------------ saying what is missing

_DIGITS = re.compile(r"\d")
_MAX_HEADER_DIGITS = 4
# A single word of a record can happen to be a header ("barn"), so a line is shown only when two of its words are.
_MIN_KNOWN_HEADERS = 2


def _no_header(
    head: Sequence[tuple[int, Sequence[Cell]]],
    columns: Sequence[FileColumn],
    names: Mapping[str, frozenset[str]],
    configured: Mapping[str, str | int],
    where: str,
) -> SourceRefused:
    number, cells = max(head, key=lambda line: count_known_headers(line[1], names), default=(0, ()))
    lacking = (each for each in columns if each.required and not count_known_headers(cells, {"": names[each.field]}))
    missing = next(lacking, columns[0])
    looked_for = configured.get(missing.field) or ", ".join(dict.fromkeys(missing.words))
    problem = f"{where}: no header for {missing.field}. Looked for: {looked_for}."
    if count_known_headers(cells, names) < _MIN_KNOWN_HEADERS or _may_be_a_record(cells):
        return SourceRefused(
            f"{problem} Hardly any header is one that we know, so the file may have none. Export it with headers, name them "
            f'in the [[source]] table: columns = {{ {missing.field} = "…" }}, or number the columns of a file without '
            f"headers: columns = {{ {missing.field} = 1 }}"
        )
    there = ", ".join(_shown(cell) for cell in cells if not is_blank(cell))
    return SourceRefused(
        f"{problem} In row {number} there are: {there}. Name it in the [[source]] table: "
        f'columns = {{ {missing.field} = "…" }}'
    )


def _shown(cell: Cell) -> str:
    return cell_text(cell)[:40]


def _may_be_a_record(cells: Sequence[Cell]) -> bool:
    """Whether a line could be a person's record: it contains a number, a date or an address."""
    texts = [cell_text(cell) for cell in cells]
    return any("@" in text or len(_DIGITS.findall(text)) > _MAX_HEADER_DIGITS for text in texts)
