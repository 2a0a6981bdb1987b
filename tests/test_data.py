"""Reference data: every row has a source and a day, and every word has one meaning."""

import re
from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

import pytest

from fleetsync.core.identity.serials import canonical_serial
from fleetsync.core.model import Condition, EmploymentForm, FormFactor, ModelRule, Platform, Purpose
from fleetsync.core.text import normalised_word
from fleetsync.data import (
    DATA_FILES,
    device_words,
    employment_forms,
    load_tables,
    reference,
    unambiguous_table,
    unprotected_spellings,
    validated_tables,
)
from fleetsync.pull.decoding.text import fold_word

ROWS = [(name, kind, row) for name in DATA_FILES for kind, rows in load_tables(name).items() for row in rows]


@pytest.mark.parametrize(("name", "kind", "row"), ROWS)
def test_every_row_has_its_source_and_the_day_it_was_checked(name: str, kind: str, row: Mapping[str, Any]) -> None:
    assert row["source"].strip()
    assert type(row["checked"]) is date
    assert date(2026, 1, 1) <= row["checked"]


def test_every_file_of_the_folder_is_named() -> None:
    from importlib.resources import files

    files_in_folder = {
        file.name.removesuffix(".toml") for file in files("fleetsync.data").iterdir() if file.name.endswith(".toml")
    }
    assert files_in_folder == set(DATA_FILES)


def test_every_pattern_compiles() -> None:
    serials = reference().serials
    for pattern in (*serials.placeholder_patterns, *serials.virtual_serial_patterns):
        re.compile(pattern)


@pytest.mark.parametrize(
    "serial",
    ["To Be Filled By O.E.M.", "System Serial Number", "Default string", "0000000", "xxxxxxxx", "123456789", "0123456789",
     "OEM Default String 7", "None", "1.0.0", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "-------", "010101010"],
)  # fmt: skip
def test_a_placeholder_identifies_no_device(serial: str) -> None:
    assert canonical_serial(serial, "Exempel", "Modell", reference().serials) == (None, "placeholder")


@pytest.mark.parametrize(
    "serial", ["PF4EXAMPL", "DMPEXAMPLE34", "5CG1234XYZ", "C02XL0GTJGH5", "1234ABCD", "R9WN1234567"]
)
def test_a_real_serial_stays(serial: str) -> None:
    assert canonical_serial(serial, "LENOVO", "ThinkPad L13", reference().serials) == (serial, None)


@pytest.mark.parametrize(
    ("serial", "manufacturer", "model"),
    [
        ("VMware-56 4d 1f 2a", "VMware, Inc.", "VMware7,1"),
        ("1234-5678-9012-3456-7890-1234-56", "Microsoft Corporation", "Virtual Machine"),
        ("Parallels-1A 2B", "Parallels Software International Inc.", "Parallels Virtual Platform"),
        ("X12345", "QEMU", "Standard PC (Q35 + ICH9, 2009)"),
        ("X12345", "Microsoft Corporation", "Cloud PC Enterprise 2vCPU/8GB/128GB"),
        ("Z12345", "Apple Inc.", "VirtualMac2,1"),
        ("4C4C4544-0042-3510-8052-B4C04F4A4D32", "Okänd", "Okänd"),
    ],
)
def test_a_virtual_machine_is_recognised(serial: str, manufacturer: str, model: str) -> None:
    assert canonical_serial(serial, manufacturer, model, reference().serials) == (None, "virtual")


def test_a_surface_is_a_real_device_of_a_manufacturer_of_virtual_machines() -> None:
    assert (
        canonical_serial("012345678953", "Microsoft Corporation", "Surface Laptop Go 3", reference().serials)[1]
        != "virtual"
    )


def rule_of(manufacturer: str, model: str, platform: Platform) -> ModelRule | None:
    text = f"{manufacturer} {model}".strip().casefold()
    rules = (rule for rule in reference().models if rule.platform in {None, platform})
    return next((rule for rule in rules if fnmatchcase(text, rule.pattern)), None)


@pytest.mark.parametrize(
    ("manufacturer", "model", "platform", "form_factor"),
    [
        ("Apple", "iPad13,18", Platform.IPADOS, FormFactor.TABLET),
        ("Apple", "iPad (10th generation)", Platform.OTHER, FormFactor.TABLET),
        ("Apple", "iPhone14,5", Platform.IOS, FormFactor.PHONE),
        ("Apple", "AppleTV14,1", Platform.TVOS, FormFactor.TV),
        ("Apple Inc.", "MacBookAir10,1", Platform.MACOS, FormFactor.COMPUTER),
        ("Apple Inc.", "Mac14,2", Platform.MACOS, FormFactor.COMPUTER),
        ("Apple Inc.", "VirtualMac2,1", Platform.MACOS, FormFactor.VIRTUAL),
        ("LENOVO", "21EXS00100", Platform.WINDOWS, FormFactor.COMPUTER),
        ("Microsoft Corporation", "Surface Hub 2S", Platform.WINDOWS, FormFactor.OTHER),
        ("HP", "Pro Tablet 408 G1", Platform.WINDOWS, FormFactor.TABLET),
        ("", "Acer Chromebook Spin 511", Platform.CHROMEOS, FormFactor.CHROMEBOOK),
        ("", "ASUS Chromebox 4", Platform.CHROMEOS, FormFactor.COMPUTER),
        ("", "okänd modell", Platform.CHROMEOS, FormFactor.CHROMEBOOK),
        ("samsung", "SM-T500", Platform.ANDROID, FormFactor.TABLET),
        ("samsung", "SM-A515F", Platform.ANDROID, FormFactor.PHONE),
        ("Google", "Pixel Tablet", Platform.ANDROID, FormFactor.TABLET),
        ("", "Lenovo ThinkPad L13 Gen 5", Platform.OTHER, FormFactor.COMPUTER),
    ],
)
def test_a_model_has_its_form_factor(
    manufacturer: str, model: str, platform: Platform, form_factor: FormFactor
) -> None:
    rule = rule_of(manufacturer, model, platform)

    assert rule is not None
    assert rule.form_factor is form_factor


def test_an_unknown_model_matches_no_rule() -> None:
    assert rule_of("Exempel", "Apparat 9", Platform.OTHER) is None


@pytest.mark.parametrize(
    ("model", "ends_on"),
    [
        ("iPad7,11", date(2026, 5, 11)),
        ("iPad 7th generation (Wi-Fi)", date(2026, 5, 11)),
        ("iPad17,1", None),
        ("iPad7,1", date(2026, 9, 17)),
        ("iPad13,1", date(2027, 9, 15)),
        ("iPad13,18", None),
        ("iPad Air 11-inch (M3)", None),
    ],
)
def test_an_end_of_hardware_support_belongs_to_exactly_its_model(model: str, ends_on: date | None) -> None:
    rule = rule_of("Apple", model, Platform.IPADOS)

    assert rule is not None
    assert rule.hardware_support_until == ends_on


def ends(platform: Platform, version: str, edition: str | None = None) -> date | None:
    (release,) = [
        row
        for row in reference().os_support
        if (row.platform, row.version_prefix, row.edition) == (platform, version, edition)
    ]
    return release.ends_on


def test_windows_ends_by_build_and_edition() -> None:
    assert ends(Platform.WINDOWS, "10.0.26100", "enterprise") == date(2027, 10, 12)
    assert ends(Platform.WINDOWS, "10.0.26100", "pro") == date(2026, 10, 13)
    assert ends(Platform.WINDOWS, "10.0.26100", "ltsc") == date(2029, 10, 9)
    assert ends(Platform.WINDOWS, "10.0.19045", "enterprise") == date(2025, 10, 14)


def test_every_end_is_an_estimate_except_those_of_windows() -> None:
    for row in reference().os_support:
        assert row.estimated == (row.platform is not Platform.WINDOWS)


def test_no_release_is_listed_twice() -> None:
    keys = [(row.platform, row.version_prefix, row.edition) for row in reference().os_support]

    assert len(keys) == len(set(keys))
    assert all(re.fullmatch(r"\d+(\.\d+)*", row.version_prefix) for row in reference().os_support)


def test_the_age_of_the_reference_is_its_oldest_row() -> None:
    assert reference().checked_on == min(row["checked"] for _, _, row in ROWS)


def test_only_these_spellings_mean_no_protection() -> None:
    assert unprotected_spellings() == {
        *("ingen", "inga", "inget", "ej", "ingen sekretess", "ingen sekretessmarkering", "inget skydd"),
        *("ingen skyddad identitet", "ej sekretess", "ej skyddad"),
        *("0", "0.0", "0,0"),
        *("nej", "n", "no", "nei", "nein", "non", "ei"),
        *("-", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212", "--"),
        *("falskt", "false", "faux", "falsch", "epätosi", "falsk", "usann", "onwaar", "falso", "fałsz"),
        *("", "null", "nil", "none", "(null)", "(none)", "(tom)", "(tomt)", "(empty)", "(blank)"),
        *("saknas", "(saknas)", "(ingen)", "(inga)"),
    }


def test_the_spellings_are_kept_in_the_form_in_which_they_are_compared() -> None:
    assert all(word == fold_word(word) for word in unprotected_spellings())


def test_every_form_of_employment_has_a_word() -> None:
    assert set(employment_forms().values()) == set(EmploymentForm)


def test_words_of_devices_are_recognised_in_any_spelling() -> None:
    words = device_words()

    assert words.purposes[normalised_word("Klass-SET")] is Purpose.SET
    assert words.conditions[normalised_word("I drift")] is Condition.ACTIVE
    assert set(words.conditions.values()) == set(Condition)
    assert set(words.purposes.values()) == set(Purpose) - {Purpose.UNSORTED}


@pytest.mark.parametrize(
    "row", [{"checked": date(2026, 1, 1)}, {"source": "", "checked": date(2026, 1, 1)}, {"source": "x"}]
)
def test_a_row_without_source_or_day_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"words\.toml: a \[\[word\]\] lacks"):
        validated_tables("words", {"word": [row]})


def test_a_word_with_two_meanings_is_refused() -> None:
    with pytest.raises(ValueError, match="means both 1 and 2"):
        unambiguous_table([("lån", 1), ("lån", 2)])
