"""Says in words what a pull took and what it left: rows, facts, headers, and what is dropped on purpose.

Pure. One wording for commands, page and gaps. Never holds a value of a person: places are files with lines, or ids.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from fleetsync.core.model import DroppedKind, PullEffect, RecordType, ScopeFindings, Text, UnreadableRow

MAX_PLACES = 6  # lines, stretches of lines or ids that are named for one reason
MAX_REASONS = 4
MAX_HEADERS = 60  # an export of a console has some forty that no field takes up
SUSPECTED_HEADER = (
    "header that may be "  # begins a key of `drift` for a header that no field took up and that may decide
)
LEFT_FILE = "file that is no list"  # begins a key of `drift` for a file whose name or content is none of a list
_FILE_PLACE = re.compile(r".+\.[A-Za-z]{2,5}")  # a whole file that could not be read
_LINE_PLACE = re.compile(r"(?P<file>.+) line (?P<line>\d+)")

Noun = tuple[Text, Text]  # of exactly one, and of any other count

_RECORD_NOUNS: Mapping[str, Noun] = {
    RecordType.DEVICE: (Text("verktyg", "device"), Text("verktyg", "devices")),
    RecordType.PERSON: (Text("person", "person"), Text("personer", "people")),
    RecordType.MEMBERSHIP: (Text("placering", "membership"), Text("placeringar", "memberships")),
    RecordType.UNIT: (Text("enhet", "unit"), Text("enheter", "units")),
    RecordType.GROUP: (Text("grupp", "group"), Text("grupper", "groups")),
    RecordType.HEADCOUNT: (Text("antal", "head count"), Text("antal", "head counts")),
}
_DROPPED_NOUNS: Mapping[str, Noun] = {
    DroppedKind.MAILBOX: (Text("brevlåda", "mailbox"), Text("brevlådor", "mailboxes")),
    DroppedKind.DEFENDER_ONLY: (
        Text("som bara Defender känner", "known to Defender alone"),
        Text("som bara Defender känner", "known to Defender alone"),
    ),
    DroppedKind.PRIVATE_PHONE: (Text("privat telefon", "private phone"), Text("privata telefoner", "private phones")),
    DroppedKind.RELEASED: (
        Text("inte längre kommunens hos säljaren", "no longer the municipality's at the vendor"),
        Text("inte längre kommunens hos säljaren", "no longer the municipality's at the vendor"),
    ),
    DroppedKind.PRIVATE_DEVICE: (
        Text("privat verktyg", "private device"),
        Text("privata verktyg", "private devices"),
    ),
    DroppedKind.OTHER_CATEGORY: (
        Text("av annat slag än det som läses", "of another kind than what is read"),
        Text("av annat slag än det som läses", "of another kind than what is read"),
    ),
    DroppedKind.WITHOUT_SERIAL: (
        Text("köpt utan serienummer", "bought without a serial number"),
        Text("köpta utan serienummer", "bought without a serial number"),
    ),
    DroppedKind.CREDITED: (
        Text("krediterat verktyg", "credited device"),
        Text("krediterade verktyg", "credited devices"),
    ),
    DroppedKind.TELEPHONE_NUMBER: (
        Text("som bara är känd genom IMEI", "known by its IMEI alone"),
        Text("som bara är kända genom IMEI", "known by their IMEI alone"),
    ),
    DroppedKind.GUEST: (Text("gästkonto", "guest account"), Text("gästkonton", "guest accounts")),
    DroppedKind.PERSON: (
        Text("post om en person, som inte sparas", "record of a person, which is not kept"),
        Text("poster om personer, som inte sparas", "records of persons, which are not kept"),
    ),
    DroppedKind.FUNCTION_ACCOUNT: (
        Text("funktionskonto", "function account"),
        Text("funktionskonton", "function accounts"),
    ),
}
_ROWS_LEFT_OUT: Noun = (Text("rad utelämnad", "row left out"), Text("rader utelämnade", "rows left out"))
_FILES_LEFT_OUT: Noun = (Text("fil utelämnad", "file left out"), Text("filer utelämnade", "files left out"))
_FACTS: Noun = (
    Text("uppgift gick inte att läsa", "fact could not be read"),
    Text("uppgifter gick inte att läsa", "facts could not be read"),
)
_DUPLICATES: Noun = (
    Text("id kom flera gånger med olika innehåll", "id came more than once with different content"),
    Text("id kom flera gånger med olika innehåll", "ids came more than once with different content"),
)
_MARKS: Noun = (
    Text("person nyligen märkt som skyddad", "person newly marked as protected"),
    Text("personer nyligen märkta som skyddade", "persons newly marked as protected"),
)
_HEADERS: Noun = (
    Text("rubrik som inget fält tog upp", "header that no field took up"),
    Text("rubriker som inget fält tog upp", "headers that no field took up"),
)


class PullReadout(Protocol):
    """What is asked of a pull: a `fleetsync.core.model.PullEffect`, or a stored pull as the page reads it."""

    @property
    def rejected(self) -> Mapping[str, int]: ...
    @property
    def unreadable_facts(self) -> Mapping[str, int]: ...
    @property
    def unreadable(self) -> Sequence[UnreadableRow]: ...
    @property
    def unused_headers(self) -> Mapping[str, Sequence[str]]: ...
    @property
    def drift(self) -> Mapping[str, int]: ...
    @property
    def dropped(self) -> Mapping[str, int]: ...
    @property
    def newly_marked(self) -> int: ...
    @property
    def conflicting_duplicates(self) -> int: ...


def taken(seen_by_type: Mapping[str, int], seen: int) -> Text:
    """What was read, such as "15 people". Memberships are named only where the part has no persons."""
    counts = {kind: count for kind, count in seen_by_type.items() if count}
    if RecordType.PERSON in counts:
        counts.pop(RecordType.MEMBERSHIP, None)
    if not counts:
        return _counted(seen, (Text("post", "record"), Text("poster", "records")))
    return _joined(", ", (_counted(count, _RECORD_NOUNS[kind]) for kind, count in counts.items()))


def left(pull: PullReadout) -> tuple[Text, ...]:
    """What was not taken, one clause each; nothing for a pull that was read whole and understood."""
    clauses = (
        *_rows_left_out(pull),
        *(Text(f"{note.place}: {note.reason}", f"{note.place}: {note.reason}") for note in notes(pull)),
        _facts_left_out(pull),
        *_counts_left(pull),
        _unexpected(pull.drift),
        _dropped(pull.dropped),
    )
    return tuple(clause for clause in clauses if clause is not None)


def notes(pull: PullReadout) -> tuple[UnreadableRow, ...]:
    """What follows from unreadable rows for a whole scope, which is its place."""
    return tuple(row for row in pull.unreadable if row.fact is None and row.reason not in pull.rejected)


def unused_headers(headers: Mapping[str, Sequence[str]]) -> tuple[Text, ...]:
    """One sentence per file: its headers that no field took up."""
    return tuple(
        _joined("", (Text(f"{file}: ", f"{file}: "), _counted(len(names), _HEADERS), _listed(names)))
        for file, names in headers.items()
        if names
    )


def dropped_noun(kind: str, count: int) -> Text:
    """What a `DroppedKind` is called, of *count* rows."""
    return _DROPPED_NOUNS[kind][count != 1]


def suspected_headers(drift: Mapping[str, int]) -> tuple[Text, ...]:
    """One sentence per header that may be a deciding field, with the two ways to answer."""
    suspected = (key.removeprefix(SUSPECTED_HEADER).partition("=") for key in drift if key.startswith(SUSPECTED_HEADER))
    return tuple(_suspected_header(field, header) for field, _, header in suspected)


def _suspected_header(field: str, header: str) -> Text:
    named, none = f'columns = {{ {field} = "{header}" }}', f"columns = {{ {field} = false }}"
    what = field.replace("_", " ")
    return Text(
        f'rubriken "{header}" kan vara {what}: till dess källans tabell svarar är det okänt. Namnge den, {named}, eller säg '
        f"att det inte finns, {none}",
        f'the header "{header}" may be {what}: until the source\'s table answers, that is unknown. Name it, {named}, or say '
        f"that there is none, {none}",
    )


def unread(rows: int, facts: int) -> tuple[Text, ...]:
    """Counts alone, for what is known of an earlier pull: "5 rows left out", "3 facts could not be read"."""
    counts = ((rows, _ROWS_LEFT_OUT), (facts, _FACTS))
    return tuple(_counted(count, noun) for count, noun in counts if count)


def findings_of_part(effect: PullEffect, before: Mapping[str, ScopeFindings]) -> ScopeFindings:
    """What cannot be read in a part once *effect* is believed: of each scope what its last reading could not.

    *before*: the findings by scope until then. What belongs to no scope that was read whole, such as a broken file, is
    counted as long as it is met.
    """
    by_scope = {**before, **{scope.name: scope.findings for scope in effect.scopes}}
    in_scopes = merged_findings(scope.findings for scope in effect.scopes)
    unscoped = ScopeFindings(
        rejected=Counter(effect.rejected) - Counter(in_scopes.rejected),
        unreadable_facts=Counter(effect.unreadable_facts) - Counter(in_scopes.unreadable_facts),
        unused_headers={
            file: headers for file, headers in effect.unused_headers.items() if file not in in_scopes.unused_headers
        },
        drift=Counter(effect.drift) - Counter(in_scopes.drift),
    )
    return merged_findings((*by_scope.values(), unscoped))


def merged_findings(findings: Iterable[ScopeFindings]) -> ScopeFindings:
    """The sum of *findings*."""
    several = tuple(findings)
    return ScopeFindings(
        rejected=_summed(each.rejected for each in several),
        unreadable_facts=_summed(each.unreadable_facts for each in several),
        unused_headers={file: headers for each in several for file, headers in each.unused_headers.items()},
        drift=_summed(each.drift for each in several),
    )


def _summed(counts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def left_files(names: Sequence[str]) -> Text | None:
    """Names the files beside the lists that are no lists; None where there are none."""
    if not names:
        return None
    listed = _listed(names)
    return Text(f"lämnade filer som inte är listor{listed.sv}", f"left files that are no lists{listed.en}")


def worst_reason(rejected: Mapping[str, int], unreadable_facts: Mapping[str, int]) -> str | None:
    """The most frequent reason for which a row or a fact could not be read."""
    counts = {**{fact_reason(reason): count for reason, count in unreadable_facts.items()}, **rejected}
    return min(counts, key=lambda reason: (-counts[reason], reason), default=None)


def fact_reason(key: str) -> str:
    """A key of `unreadable_facts` as a person reads it: "warranty until, not a day"."""
    field, _, reason = key.partition(": ")
    return f"{field.replace('_', ' ')}, {reason}" if reason else field.replace("_", " ")


def places(rows: Iterable[UnreadableRow], total: int) -> Text | None:
    """Where they stand, such as "personal.csv lines 17–21 and 12 more"; None where no place is known.

    *total*: how many there are in all.
    """
    lines: dict[str, list[int]] = {}
    ids: list[str] = []
    files: list[str] = []
    for row in rows:
        if match := _LINE_PLACE.fullmatch(row.place):
            lines.setdefault(match["file"], []).append(int(match["line"]))
        elif _FILE_PLACE.fullmatch(row.place):
            files.append(row.place)
        elif row.place:
            ids.append(row.place)
    stretches = [(file, stretch) for file, numbers in lines.items() for stretch in _stretches(numbers)]
    shown, shown_ids = stretches[:MAX_PLACES], ids[: max(0, MAX_PLACES - len(stretches))]
    shown_files = files[:MAX_PLACES]
    if not shown and not shown_ids and not shown_files:
        return None
    more = total - sum(stop - start + 1 for _, (start, stop) in shown) - len(shown_ids) - len(shown_files)
    by_file: dict[str, list[tuple[int, int]]] = {}
    for file, stretch in shown:
        by_file.setdefault(file, []).append(stretch)
    texts = [Text(file, file) for file in shown_files]
    texts += [_lines_text(file, of_file) for file, of_file in by_file.items()]
    if shown_ids:
        texts.append(Text(f"id {', '.join(shown_ids)}", f"id {', '.join(shown_ids)}"))
    tail = Text(f" och {more} till", f" and {more} more") if more > 0 else Text("", "")
    return _joined("", (_joined("; ", texts), tail))


# ------------------------------------------------------------------------------------------------------------- inside


def _rows_left_out(pull: PullReadout) -> Iterable[Text]:
    """One clause for whole files, one for rows."""
    broken = {row.reason for row in pull.unreadable if row.fact is None and _FILE_PLACE.fullmatch(row.place)}
    rows: dict[str, list[UnreadableRow]] = {}
    for row in pull.unreadable:
        if row.fact is None:
            rows.setdefault(row.reason, []).append(row)
    for noun, is_file in ((_FILES_LEFT_OUT, True), (_ROWS_LEFT_OUT, False)):
        reasons = {reason: count for reason, count in pull.rejected.items() if (reason in broken) is is_file}
        if reasons:
            yield _with_reasons(_counted(sum(reasons.values()), noun), reasons, rows)


def _facts_left_out(pull: PullReadout) -> Text | None:
    count = sum(pull.unreadable_facts.values())
    if not count:
        return None
    rows: dict[str, list[UnreadableRow]] = {}
    for row in pull.unreadable:
        if row.fact is not None:
            rows.setdefault(f"{row.fact}: {row.reason}", []).append(row)
    return _with_reasons(_counted(count, _FACTS), pull.unreadable_facts, rows)


def _with_reasons(head: Text, reasons: Mapping[str, int], rows: Mapping[str, Sequence[UnreadableRow]]) -> Text:
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    parts = [_reason(reason, count, rows.get(reason, ()), alone=len(ordered) == 1) for reason, count in ordered]
    more = len(parts) - MAX_REASONS
    if more > 0:
        noun = (Text("skäl till", "more reason"), Text("skäl till", "more reasons"))
        parts[MAX_REASONS:] = [_counted(more, noun)]
    return _joined("", (head, Text(": ", ": "), _joined(", ", parts)))


def _reason(reason: str, count: int, rows: Iterable[UnreadableRow], *, alone: bool) -> Text:
    what, _, why = reason.partition(": ")  # of a fact: its field and why; of a row the whole reason
    why = ", ".join(filter(None, (why, "" if alone or count == 1 else str(count))))
    where = places(rows, count)
    inner = _joined(": ", filter(None, (Text(why, why) if why else None, where)))
    what = what.replace("_", " ")
    return Text(f"{what} ({inner.sv})", f"{what} ({inner.en})") if inner.en else Text(what, what)


def _counts_left(pull: PullReadout) -> Iterable[Text]:
    for count, noun in ((pull.conflicting_duplicates, _DUPLICATES), (pull.newly_marked, _MARKS)):
        if count:
            yield _counted(count, noun)


def _unexpected(drift: Mapping[str, int]) -> Text | None:
    """Words that no table knows, and what else was not expected; headers that may decide have sentences of their own."""
    words = {key: count for key, count in drift.items() if not key.startswith((SUSPECTED_HEADER, LEFT_FILE))}
    if not words:
        return None
    ordered = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(key if count == 1 else f"{key} ({count})" for key, count in ordered[:MAX_REASONS])
    more = len(ordered) - MAX_REASONS
    tail = Text(f" och {more} till", f" and {more} more") if more > 0 else Text("", "")
    return Text(f"oväntat i källan: {shown}{tail.sv}", f"unexpected in the source: {shown}{tail.en}")


def _dropped(dropped: Mapping[str, int]) -> Text | None:
    if not dropped:
        return None
    counts = _joined(", ", (_counted(count, _DROPPED_NOUNS[kind]) for kind, count in dropped.items()))
    return Text(f"avsiktligt inte med: {counts.sv}", f"left out on purpose: {counts.en}")


def _listed(names: Sequence[str]) -> Text:
    shown, more = ", ".join(names[:MAX_HEADERS]), len(names) - MAX_HEADERS
    if more > 0:
        return Text(f": {shown} och {more} till", f": {shown} and {more} more")
    return Text(f": {shown}", f": {shown}")


def _stretches(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Sorted *numbers* as unbroken stretches: 2, 4, 5, 6 are (2, 2) and (4, 6)."""
    stretches: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if stretches and number == stretches[-1][1] + 1:
            stretches[-1] = (stretches[-1][0], number)
        else:
            stretches.append((number, number))
    return stretches


def _lines_text(file: str, stretches: Sequence[tuple[int, int]]) -> Text:
    texts = ", ".join(str(start) if start == stop else f"{start}–{stop}" for start, stop in stretches)
    if len(stretches) == 1 and stretches[0][0] == stretches[0][1]:
        return Text(f"{file} rad {texts}", f"{file} line {texts}")
    return Text(f"{file} raderna {texts}", f"{file} lines {texts}")


def _counted(count: int, noun: Noun) -> Text:
    word = noun[count != 1]
    return Text(f"{count} {word.sv}", f"{count} {word.en}")


def _joined(separator: str, texts: Iterable[Text]) -> Text:
    every = tuple(texts)
    return Text(separator.join(text.sv for text in every), separator.join(text.en for text in every))
