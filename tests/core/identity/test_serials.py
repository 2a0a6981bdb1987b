import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.identity import canonical_serial, compact_serial, is_virtual, vendor_class
from fleetsync.core.model import Platform, SerialRules

RULES = SerialRules(
    placeholders=frozenset({"Default String", "to be filled by o.e.m.", "system serial number", "(null string)", "."}),
    placeholder_patterns=(r"^(.)\1*$", r"^\d\.\d\.\d{3}$", r"^1?234567890?$"),
    placeholder_prefixes=("OEM default string",),
    virtual_serial_patterns=(r"^vmware-.*", r"^parallels-.*", r"^\d{4}(-\d{4}){5}-\d{2}$"),
    virtual_models=("Virtual Machine", "Cloud PC *", "VirtualMac*"),
    virtual_manufacturers=("QEMU", "innotek GmbH"),
)


def canonical(
    raw: str | None, manufacturer: str | None = None, model: str | None = None
) -> tuple[str | None, str | None]:
    return canonical_serial(raw, manufacturer, model, RULES)


@pytest.mark.parametrize(
    ("raw", "serial"),
    [
        (" pf2abc12 ", "PF2ABC12"),
        ("PF2\N{NO-BREAK SPACE}ABC 12", "PF2ABC12"),
        ("\N{ZERO WIDTH SPACE}PF2ABC12\x00", "PF2ABC12"),
        ("ＰＦ２ＡＢＣ１２", "PF2ABC12"),
        ("5cg-1234", "5CG-1234"),
        ("000123456", "000123456"),
        ("1E23456", "1E23456"),
    ],
)
def test_a_serial_is_kept_in_upper_case_without_invisible_characters(raw: str, serial: str) -> None:
    assert canonical(raw) == (serial, None)


@pytest.mark.parametrize("raw", [None, "", "  ", "\N{ZERO WIDTH SPACE}"])
def test_no_serial_is_no_problem(raw: str | None) -> None:
    assert canonical(raw) == (None, None)


@pytest.mark.parametrize(
    "raw",
    [
        "default string", "DefaultString", "To Be Filled By O.E.M.", "to be filled by OEM", "SYSTEM  SERIAL NUMBER",
        "(null string)", ".", "00000000", "xxxxxxx", "1.2.345", "1234567890", "OEM Default String000", "AB12", "A-B-1-2",
    ],
)  # fmt: skip
def test_a_placeholder_identifies_no_device(raw: str) -> None:
    assert canonical(raw) == (None, "placeholder")


@pytest.mark.parametrize("raw", ["1.23E+11", "1,23E+11", "5E+11", "1.23e11"])
def test_a_serial_that_a_spreadsheet_turned_into_a_number_is_damaged(raw: str) -> None:
    assert canonical(raw) == (None, "damaged")


@pytest.mark.parametrize(
    ("raw", "manufacturer", "model"),
    [
        ("VMware-56 4d 1a", None, None),
        ("parallels-1a 2b", "Parallels", None),
        ("1234-5678-1234-5678-1234-5678-12", "Microsoft Corporation", "Virtual Machine"),
        (None, "Microsoft Corporation", "virtual machine"),
        ("PF2ABC12", None, "Cloud PC Enterprise 2vCPU"),
        ("0", "INNOTEK GmbH", "VirtualBox"),
        (None, None, "VirtualMac2,1"),
    ],
)
def test_a_virtual_machine_has_no_serial(raw: str | None, manufacturer: str | None, model: str | None) -> None:
    assert canonical(raw, manufacturer, model) == (None, "virtual")


def test_a_surface_is_not_a_virtual_machine() -> None:
    assert not is_virtual("Microsoft Corporation", "Surface Laptop SE", RULES)
    assert canonical("123456789012", "Microsoft Corporation", "Surface Laptop SE") == ("123456789012", None)


@given(st.text(max_size=20))
def test_a_cleaned_serial_never_changes_again(raw: str) -> None:
    serial, problem = canonical(raw)

    assert serial is None or (problem is None and canonical(serial) == (serial, None))


@given(st.from_regex(r"[A-Z0-9]{6,10}", fullmatch=True), st.lists(st.sampled_from(" -._"), max_size=3))
def test_separators_never_make_another_serial(serial: str, separators: list[str]) -> None:
    assert compact_serial(serial[:2] + "".join(separators) + serial[2:]) == serial


@pytest.mark.parametrize(
    ("manufacturer", "platform", "vendor"),
    [
        ("Apple Inc.", Platform.OTHER, "apple"),
        ("apple", Platform.WINDOWS, "apple"),
        (None, Platform.IPADOS, "apple"),
        (" ", Platform.MACOS, "apple"),
        ("Acer", Platform.CHROMEOS, "chromeos"),
        (None, Platform.CHROMEOS, "chromeos"),
        ("Lenovo", Platform.WINDOWS, "other"),
        ("Lenovo", Platform.OTHER, "other"),
        (None, Platform.ANDROID, "other"),
        (None, Platform.OTHER, None),
        ("", Platform.OTHER, None),
    ],
)
def test_a_vendor_is_named_by_maker_or_platform(
    manufacturer: str | None, platform: Platform, vendor: str | None
) -> None:
    assert vendor_class(manufacturer, platform) == vendor
