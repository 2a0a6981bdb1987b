"""What a pull took and left, in words: counts, reasons and places, singular and plural, in both languages."""

from datetime import UTC, date, datetime
from typing import Any

from fleetsync.core import pull_findings
from fleetsync.core.model import DroppedKind, PulledScope, PullEffect, RecordType, ScopeFindings, Text, UnreadableRow

STAFF = "personal_2026-11-24.csv"
SHORT = "fewer fields than the header"


def a_pull(**values: Any) -> PullEffect:
    moment = datetime(2026, 11, 24, 6, tzinfo=UTC)
    return PullEffect(pull=1, source="personal", part="staff", started_at=moment, scopes=(), rows=(), seen=0, **values)


def rows(reason: str, *lines: int, file: str = STAFF, fact: str | None = None) -> tuple[UnreadableRow, ...]:
    return tuple(UnreadableRow(place=f"{file} line {line}", reason=reason, fact=fact) for line in lines)


def left(**values: Any) -> list[str]:
    return [clause.en for clause in pull_findings.left(a_pull(**values))]


def test_what_was_taken_names_people_without_their_memberships() -> None:
    assert pull_findings.taken({RecordType.PERSON: 15, RecordType.MEMBERSHIP: 16}, 31) == Text(
        "15 personer", "15 people"
    )
    assert pull_findings.taken({RecordType.PERSON: 1, RecordType.MEMBERSHIP: 1}, 2).en == "1 person"
    assert pull_findings.taken({RecordType.MEMBERSHIP: 2}, 2).en == "2 memberships"
    assert pull_findings.taken({RecordType.UNIT: 1, RecordType.GROUP: 3}, 4).en == "1 unit, 3 groups"
    assert pull_findings.taken({}, 0) == Text("0 poster", "0 records")


def test_a_pull_that_was_read_whole_leaves_nothing() -> None:
    assert left() == []
    assert pull_findings.unused_headers({"datorer.csv": ()}) == ()


def test_rows_left_out_are_counted_with_their_reason_and_their_lines() -> None:
    unreadable = rows(SHORT, 17, 18, 19, 20, 21)

    assert left(rejected={SHORT: 5}, unreadable=unreadable) == [
        "5 rows left out: fewer fields than the header (personal_2026-11-24.csv lines 17–21)"
    ]
    assert left(rejected={SHORT: 1}, unreadable=unreadable[:1]) == [
        "1 row left out: fewer fields than the header (personal_2026-11-24.csv line 17)"
    ]


def test_several_reasons_have_a_count_each_the_most_frequent_first() -> None:
    unreadable = (*rows("login is empty", 4), *rows(SHORT, 9, 11))

    assert left(rejected={"login is empty": 1, SHORT: 2}, unreadable=unreadable)[0] == (
        "3 rows left out: fewer fields than the header (2: personal_2026-11-24.csv lines 9, 11), "
        "login is empty (personal_2026-11-24.csv line 4)"
    )


def test_more_reasons_than_anybody_reads_are_counted() -> None:
    many = {f"field {number} is empty": 10 - number for number in range(6)}

    assert left(rejected=many)[0].endswith("field 3 is empty (7), 2 more reasons")


def test_facts_are_named_by_field_reason_and_place() -> None:
    facts = rows("not a day", 2, 4, 9, file="datorer.csv", fact="warranty_until")

    assert left(rejected={SHORT: 1}, unreadable_facts={"warranty_until: not a day": 3}, unreadable=facts) == [
        "1 row left out: fewer fields than the header",
        "3 facts could not be read: warranty until (not a day: datorer.csv lines 2, 4, 9)",
    ]


def test_places_of_rows_are_not_taken_for_those_of_facts() -> None:
    unreadable = (*rows("id is empty", 3), *rows("not a day", 4, fact="end"))

    assert left(rejected={"id is empty": 1}, unreadable_facts={"end: not a day": 1}, unreadable=unreadable) == [
        f"1 row left out: id is empty ({STAFF} line 3)",
        f"1 fact could not be read: end (not a day: {STAFF} line 4)",
    ]


def test_a_reason_whose_places_are_not_known_stands_alone() -> None:
    assert left(rejected={"id is empty": 2}) == ["2 rows left out: id is empty"]
    assert left(rejected={"id is empty": 1}, unreadable=(UnreadableRow(place="", reason="id is empty"),)) == [
        "1 row left out: id is empty"
    ]


def test_more_than_a_few_places_are_counted() -> None:
    scattered = rows(SHORT, *range(2, 22, 2))

    assert pull_findings.places(scattered, 18) == Text(
        f"{STAFF} raderna 2, 4, 6, 8, 10, 12 och 12 till", f"{STAFF} lines 2, 4, 6, 8, 10, 12 and 12 more"
    )


def test_places_of_several_files_and_ids_stand_side_by_side() -> None:
    places = (
        *rows(SHORT, 3, file="a.csv"),
        *rows(SHORT, 5, 6, file="b.csv"),
        UnreadableRow(place="4711", reason=SHORT),
    )

    assert pull_findings.places(places, 4) == Text(
        "a.csv rad 3; b.csv raderna 5–6; id 4711", "a.csv line 3; b.csv lines 5–6; id 4711"
    )


def test_marks_duplicates_and_what_is_dropped_on_purpose_are_counted() -> None:
    dropped = {DroppedKind.MAILBOX: 12, DroppedKind.PRIVATE_PHONE: 1, DroppedKind.DEFENDER_ONLY: 2}

    assert left(conflicting_duplicates=2, newly_marked=1, dropped=dropped) == [
        "2 ids came more than once with different content",
        "1 person newly marked as protected",
        "left out on purpose: 12 mailboxes, 1 private phone, 2 known to Defender alone",
    ]


def test_every_kind_that_is_dropped_and_every_type_of_record_has_a_word() -> None:
    assert all(pull_findings.dropped_noun(kind, 2).sv for kind in DroppedKind)
    assert all(pull_findings.taken({kind: 2}, 2).en for kind in RecordType)


def test_headers_that_no_field_took_up_are_listed_by_file() -> None:
    headers = {"datorer.csv": ("Rum", "Anteckning"), "plattor.csv": tuple(f"Kolumn {number}" for number in range(62))}

    first, second = pull_findings.unused_headers(headers)
    assert first.en == "datorer.csv: 2 headers that no field took up: Rum, Anteckning"
    assert second.sv.startswith("plattor.csv: 62 rubriker som inget fält tog upp: Kolumn 0, ")
    assert second.en.endswith("Kolumn 59 and 2 more")


def test_the_worst_reason_is_the_most_frequent_of_rows_and_facts() -> None:
    assert pull_findings.worst_reason({}, {}) is None
    assert pull_findings.worst_reason({SHORT: 2}, {"warranty_until: not a day": 3}) == "warranty until, not a day"
    assert pull_findings.worst_reason({SHORT: 3}, {"warranty": 3}) == SHORT


def test_counts_alone_are_enough_for_an_earlier_pull() -> None:
    assert [clause.en for clause in pull_findings.unread(1, 2)] == ["1 row left out", "2 facts could not be read"]
    assert pull_findings.unread(0, 0) == ()


def test_what_follows_for_a_whole_file_is_said_after_the_rows() -> None:
    note = UnreadableRow(place="datorer", reason="nothing of it is taken for absent")

    assert left(rejected={"serial is empty": 1}, unreadable=(*rows("serial is empty", 4), note)) == [
        "1 row left out: serial is empty (personal_2026-11-24.csv line 4)",
        "datorer: nothing of it is taken for absent",
    ]


def test_unknown_words_are_named_with_their_count() -> None:
    assert left(drift={"status=kassaskåp": 2, "platform=beos": 1}) == [
        "unexpected in the source: status=kassaskåp (2), platform=beos"
    ]
    assert left(drift={f"status=word {number}": 1 for number in range(6)})[0].endswith("word 3 and 2 more")


def test_a_header_that_may_decide_is_named_with_both_answers() -> None:
    drift = {"header that may be last_contact=Senast på nätet": 1}

    assert left(drift=drift) == []
    assert pull_findings.suspected_headers(drift)[0].en == (
        'the header "Senast på nätet" may be last contact: until the source\'s table answers, that is unknown. Name it, '
        'columns = { last_contact = "Senast på nätet" }, or say that there is none, columns = { last_contact = false }'
    )


def test_a_whole_file_that_could_not_be_read_is_no_row() -> None:
    broken = UnreadableRow(place="tallskolan.csv", reason="a quotation mark is not closed")

    assert left(rejected={broken.reason: 1, SHORT: 2}, unreadable=(broken, *rows(SHORT, 4, 5))) == [
        "1 file left out: a quotation mark is not closed (tallskolan.csv)",
        f"2 rows left out: fewer fields than the header ({STAFF} lines 4–5)",
    ]


# --- a part of several files ------------------------------------------------------------------------------------------


def an_effect(*scopes: PulledScope, **fields: Any) -> PullEffect:
    defaults: dict[str, Any] = {"pull": 2, "source": "listor", "part": "devices", "rows": (), "seen": 1}
    return PullEffect(started_at=datetime(2026, 11, 24, 6, tzinfo=UTC), scopes=scopes, **(defaults | fields))


def test_of_each_file_counts_what_its_last_reading_could_not_read() -> None:
    before = {
        "a": ScopeFindings(pull=1, rejected={"too long": 2}, unused_headers={"a.csv": ("Rum",)}),
        "b": ScopeFindings(pull=1, rejected={"too long": 5}, drift={"status=skåp": 1}),
    }
    read = ScopeFindings(pull=2, rejected={"too long": 1}, unreadable_facts={"warranty_until: is not a date": 3})
    effect = an_effect(
        PulledScope(name="b", as_of=date(2026, 11, 24), findings=read),
        rejected={"too long": 1},
        unreadable_facts={"warranty_until: is not a date": 3},
    )

    assert pull_findings.findings_of_part(effect, before) == ScopeFindings(
        rejected={"too long": 3},
        unreadable_facts={"warranty_until: is not a date": 3},
        unused_headers={"a.csv": ("Rum",)},
    )


def test_what_belongs_to_no_file_that_was_read_whole_counts_as_long_as_it_is_met() -> None:
    broken = an_effect(
        PulledScope(name="a", as_of=date(2026, 11, 24)),
        rejected={"it is empty": 1},
        drift={"file that is no list=readme.txt": 1},
        unused_headers={"b.csv": ("Rum",)},
    )

    assert pull_findings.findings_of_part(broken, {}) == ScopeFindings(
        rejected={"it is empty": 1},
        drift={"file that is no list=readme.txt": 1},
        unused_headers={"b.csv": ("Rum",)},
    )
    assert pull_findings.findings_of_part(an_effect(*broken.scopes), {}) == ScopeFindings()


def test_files_that_are_no_lists_are_named_once() -> None:
    assert pull_findings.left_files(()) is None
    named = pull_findings.left_files(("Thumbs.db", "readme.txt"))
    assert named is not None
    assert named.en == "left files that are no lists: Thumbs.db, readme.txt"
    assert named.sv == "lämnade filer som inte är listor: Thumbs.db, readme.txt"
