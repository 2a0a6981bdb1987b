"""What connectors share: each kind of value is read in one way, and what cannot be read is refused without its value."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fleetsync.core.model import Key, Platform, RecordType, Scheme
from fleetsync.pull.contract import Part, PartMissing, ProbeResult, RecordError, SourceRefused, UnknownValue
from fleetsync.pull.decoding import (
    IdNumbering,
    ZoneName,
    clean,
    clean_text,
    credential_result,
    fold_text,
    is_in_domains,
    known_text,
    known_word,
    local_noon,
    login_key,
    parse_boolean,
    parse_day_or_none,
    parse_instant,
    parse_whole_number,
    platform_of_model,
    platform_of_word,
    probe_part,
    read_platform,
    required_text,
    share_of_percent,
)
from fleetsync.pull.decoding.text import needs_only_stripping

# ------------------------------------------------------------------------------------------------------------------ text


@pytest.mark.parametrize("blank", [None, "", "  ", "\u00a0", "\u200b"])
def test_a_blank_is_none(blank: str | None) -> None:
    assert clean_text(blank) is None
    assert known_text(blank) is None
    assert fold_text(blank) == ""
    with pytest.raises(RecordError, match=r"^serialNumber is empty$"):
        required_text(blank, "serialNumber")


def test_text_has_one_spelling() -> None:
    assert clean_text(" A\u030asens\u00a0skola\u200b ") == "Åsens skola"
    assert clean_text(731) == "731"
    assert fold_text("KLASS ") == "klass"


def test_a_word_for_nothing_is_none() -> None:
    assert known_text("Unknown") is None
    assert known_text("N/A", {"n/a"}) is None
    assert known_text("Apple") == "Apple"


@given(st.text())
def test_cleaning_a_clean_text_never_changes_it(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


# ----------------------------------------------------------------------------------------------------------------- words


def test_an_unknown_word_means_nothing_and_is_reported() -> None:
    unknown: list[UnknownValue] = []
    words = {"company": 1, "personal": 2}

    assert known_word(words, "Company ", "owner", unknown) == 1
    assert known_word(words, None, "owner", unknown) is None
    assert unknown == []
    assert known_word(words, "Shared", "owner", unknown) is None
    assert unknown == [UnknownValue("owner", "Shared")]


# -------------------------------------------------------------------------------------------------------------- instants


@pytest.mark.parametrize(
    "text",
    ["2026-11-24T05:10:41Z", "2026-11-24T05:10:41.1234567Z", "2026-11-24T06:10:41+01:00", " 2026-11-24 05:10:41Z "],
)
def test_an_instant_is_read_with_any_decimals_and_zone(text: str) -> None:
    assert parse_instant(text, "lastSeen") == datetime(2026, 11, 24, 5, 10, 41, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", [None, "", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "1970-01-01 00:00:00"]
)
def test_never_is_none(text: str | None) -> None:
    assert parse_instant(text, "lastSeen", "Europe/Stockholm") is None


def test_an_instant_without_a_zone_is_refused_unless_the_connector_names_one() -> None:
    assert parse_instant("2026-07-01 06:00:00", "lastSeen", "Europe/Stockholm") == datetime(2026, 7, 1, 4, tzinfo=UTC)
    with pytest.raises(RecordError, match=r"^lastSeen is a time without a zone$"):
        parse_instant("2026-07-01 06:00:00", "lastSeen")


@pytest.mark.parametrize("text", ["i går", "2026-13-01T00:00:00Z", "2026-11-24", "24/11/2026 05:10", "1764000000"])
def test_what_is_no_instant_is_refused_without_its_value(text: str) -> None:
    with pytest.raises(RecordError, match=r"^lastSeen is not a time$"):
        parse_instant(text, "lastSeen", "UTC")


@given(st.timedeltas(timedelta(0), timedelta(days=40_000)))
def test_an_instant_is_always_read_as_it_was_written(age: timedelta) -> None:
    instant = datetime(1980, 1, 1, tzinfo=UTC) + age

    assert parse_instant(instant.isoformat(), "lastSeen") == instant.replace(microsecond=0)


def test_a_zone_of_the_configuration_is_one() -> None:
    adapter: TypeAdapter[str] = TypeAdapter(ZoneName)

    assert adapter.validate_python("Europe/Stockholm") == "Europe/Stockholm"
    for wrong in ("Stockholm", "", "../etc/passwd", "Europe"):
        with pytest.raises(ValidationError, match="must be a time zone such as"):
            adapter.validate_python(wrong)


def test_noon_lies_on_the_day() -> None:
    assert local_noon(date(2026, 7, 1)) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert local_noon(None) is None


# --------------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("value", "meaning"), [(True, True), (0, False), ("1", True), ("False", False), ("", None), (None, None)]
)
def test_yes_and_no_are_read_as_booleans_numbers_and_words(value: str | int | None, meaning: bool | None) -> None:
    assert parse_boolean(value, "isManaged") is meaning


@pytest.mark.parametrize(
    ("value", "meaning"), [("7", 7), (7.0, 7), (None, None), (" ", None), ("F", None), (float("inf"), None)]
)
def test_a_whole_number_is_read_or_unknown(value: str | float | None, meaning: int | None) -> None:
    assert parse_whole_number(value) == meaning


@pytest.mark.parametrize(
    ("percent", "share"),
    [(75, 0.75), ("75", 0.75), (140, 1.0), (-1, None), ("heltid", None), (None, None), ("nan", None)],
)
def test_a_share_lies_between_nothing_and_full_time(percent: str | float | None, share: float | None) -> None:
    assert share_of_percent(percent) == share


def test_a_day_is_read_or_unknown() -> None:
    assert parse_day_or_none("2026-08-17") == date(2026, 8, 17)
    assert parse_day_or_none("i höst") is None
    assert parse_day_or_none(None) is None


# -------------------------------------------------------------------------------------------------------------- platforms


@pytest.mark.parametrize(
    ("word", "platform"),
    [
        ("Windows 11 Education", Platform.WINDOWS),
        ("Windows Phone", Platform.OTHER),
        ("iPadOS 26", Platform.IPADOS),
        ("ChromeOS", Platform.CHROMEOS),
        ("OS X", Platform.MACOS),
        ("Ubuntu", Platform.LINUX),
        ("HarmonyOS", None),
        ("", None),
    ],
)
def test_a_word_names_a_platform_by_its_beginning(word: str, platform: Platform | None) -> None:
    assert platform_of_word(word) is platform


def test_a_word_of_the_source_outranks_the_shipped_ones() -> None:
    assert platform_of_word("Standardklient", {"standardklient": Platform.WINDOWS}) is Platform.WINDOWS
    assert platform_of_word("Windows", {"WINDOWS": Platform.OTHER}) is Platform.OTHER


def test_a_model_names_a_platform_where_it_can_run_nothing_else() -> None:
    assert platform_of_model("Apple iPad (10th generation)") is Platform.IPADOS
    assert platform_of_model("Latitude 3440") is None


def test_an_mdm_reports_an_ipad_as_ios_or_ipados() -> None:
    unknown: list[UnknownValue] = []

    assert read_platform("iOS", "iPad (10th generation)", "os", unknown) is Platform.IPADOS
    assert read_platform("iOS", "iPhone 15", "os", unknown) is Platform.IOS
    assert read_platform("Unknown", "iPad", "os", unknown) is Platform.OTHER
    assert unknown == []
    assert read_platform("HarmonyOS", None, "os", unknown) is Platform.OTHER
    assert unknown == [UnknownValue("os", "HarmonyOS")]


# ------------------------------------------------------------------------------------------------------------ keys and ids


def test_a_bare_account_name_is_no_key() -> None:
    assert login_key("anna@exempelby.se") == Key(Scheme.ADDRESS, "", "anna@exempelby.se")
    assert login_key(r"EXB\anna") == Key(Scheme.ACCOUNT, "", r"EXB\anna")
    assert login_key("anna", "EXB") == Key(Scheme.ACCOUNT, "EXB", "anna")
    assert login_key("anna") is None


def test_a_domain_is_compared_without_regard_to_case() -> None:
    assert is_in_domains("anna@Exempelby.se", ["exempelby.SE"])
    assert not is_in_domains("anna@skola.exempelby.se", ["exempelby.se"])


def test_equal_names_are_numbered() -> None:
    numbered = IdNumbering()

    assert [numbered(name) for name in ("a", "b", "a", "a")] == ["a", "b", "a/2", "a/3"]


# ---------------------------------------------------------------------------------------------------------------- probing

PART = Part("devices", (RecordType.DEVICE,))
OPTIONAL = Part("groups", (RecordType.GROUP,), optional=True)


def probe(part: Part, answer: bool | Exception, *, is_needed: bool = True) -> ProbeResult:
    def ask() -> bool:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return probe_part(
        part,
        ask,
        readable="can be read",
        empty="is empty",
        remedy="Grant it",
        missing_remedy="Leave it",
        is_needed=is_needed,
    )


def test_a_part_that_can_be_read_is_in_order() -> None:
    assert probe(PART, True) == ProbeResult("devices", ok=True, what="can be read")
    assert probe(PART, False) == ProbeResult("devices", ok=True, what="is empty")


def test_a_refused_part_says_what_to_grant() -> None:
    assert probe(PART, SourceRefused("refused")) == ProbeResult("devices", ok=False, what="refused", remedy="Grant it")


def test_a_missing_part_is_in_order_when_it_is_optional() -> None:
    assert probe(PART, PartMissing("no such part")) == ProbeResult(
        "devices", ok=False, what="no such part", remedy="Leave it"
    )
    assert probe(OPTIONAL, PartMissing("no such part")) == ProbeResult(
        "groups", ok=True, what="not there, and not needed here: no such part"
    )


def test_a_part_that_a_system_may_do_without_is_in_order_and_says_how_to_get_it() -> None:
    def lacks(missing: PartMissing) -> ProbeResult:
        return probe(PART, missing, is_needed=False)

    assert lacks(PartMissing("refused", is_forbidden=True)) == ProbeResult(
        "devices", ok=True, what="not there, and not needed here: refused", remedy="Grant it"
    )
    assert lacks(PartMissing("no such part")).remedy == "Leave it"
    assert not probe(PART, PartMissing("refused", is_forbidden=True)).ok
    assert not probe(PART, SourceRefused("wrong secret"), is_needed=False).ok


@pytest.mark.parametrize(
    ("days", "ok", "remedy"), [(31, True, ""), (30, True, "Renew"), (1, True, "Renew"), (0, False, "Renew")]
)
def test_a_credential_warns_thirty_days_before_it_expires(days: int, ok: bool, remedy: str) -> None:
    today = date(2026, 11, 24)
    result = credential_result(today + timedelta(days), today, "Renew")

    assert (result.ok, result.remedy) == (ok, remedy)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A\0skolan", "Askolan"),
        ("\x1b[2JiPad", "[2JiPad"),
        ("iPad\x07 é", "iPad é"),
        ("rad 1\nrad 2", "rad 1\nrad 2"),
        ("\0", None),
    ],
)
def test_control_characters_are_no_part_of_a_value(text: str, expected: str | None) -> None:
    assert clean_text(text) == expected
    assert clean(text) == (expected or "")
    assert not needs_only_stripping(text) or clean(text) == text.strip()
