from typing import Any

import pytest

from fleetsync.core.lifecycle.support_dates import SupportDates
from fleetsync.core.model import FormFactor, ModelRule, OsSupport, Platform, ReferenceFacts
from tests.core.lifecycle.lifecycle_samples import day, device

ANY = OsSupport(platform=Platform.WINDOWS, version_prefix="10.0.26100", ends_on=day("2026-10-13"))
EDUCATION = OsSupport(
    platform=Platform.WINDOWS, version_prefix="10.0.26100", edition="Education", ends_on=day("2027-10-12")
)
IPADOS = OsSupport(platform=Platform.IPADOS, version_prefix="17", ends_on=None)
OLD_IPAD = ModelRule(
    platform=Platform.IPADOS,
    pattern="apple ipad7,*",
    form_factor=FormFactor.TABLET,
    hardware_support_until=day("2026-05-11"),
)
DATELESS = ModelRule(pattern="*", form_factor=FormFactor.COMPUTER)
BOOK = SupportDates(ReferenceFacts(os_support=(ANY, EDUCATION, IPADOS), models=(DATELESS, OLD_IPAD)))


def windows(version: str | None, edition: str | None = None) -> Any:
    return device(os_version=version, os_edition=edition)


@pytest.mark.parametrize(
    ("version", "edition", "row"),
    [
        ("10.0.26100.4061", None, ANY),
        ("10.0.26100", "Windows 11 Education", EDUCATION),
        ("10.0.26100.1", "Windows 11 Pro", ANY),
        ("10.0.261001", None, None),
        ("10.0.22631.1", None, None),
        (None, None, None),
    ],
)
def test_a_release_is_found_by_whole_numbers_and_its_edition_first(
    version: str | None, edition: str | None, row: OsSupport | None
) -> None:
    assert BOOK.os_release(windows(version, edition)) == row


def test_a_prefix_that_ends_with_a_dot_fits_what_follows() -> None:
    row = OsSupport(platform=Platform.MACOS, version_prefix="14.", ends_on=None)
    book = SupportDates(ReferenceFacts(os_support=(row,)))

    assert book.os_release(device(platform=Platform.MACOS, os_version="14.7")) == row
    assert book.os_release(device(platform=Platform.MACOS, os_version="15.1")) is None


def test_another_platform_has_other_releases() -> None:
    assert BOOK.os_release(device(platform=Platform.LINUX, os_version="10.0.26100")) is None


def test_what_a_source_gives_comes_before_what_is_known_of_the_model() -> None:
    ipad = {"platform": Platform.IPADOS, "manufacturer": "Apple", "model": "iPad7,11"}

    assert BOOK.hardware_support_end(device(**ipad)) == day("2026-05-11")
    assert BOOK.hardware_support_end(device(**ipad)) == day("2026-05-11")
    assert BOOK.hardware_support_end(device(**ipad, support_until=day("2030-01-01"))) == day("2030-01-01")
    assert BOOK.hardware_support_end(device(model="iPad7,11")) is None
    assert SupportDates(ReferenceFacts()).hardware_support_end(device(**ipad)) is None


@pytest.mark.parametrize(
    ("fields", "supported"),
    [
        ({"os_version": "10.0.26100"}, True),
        ({"os_version": "10.0.99999"}, None),
        ({"os_version": "10.0.26100", "support_until": day("2026-10-01")}, False),
        ({"support_until": day("2030-01-01")}, None),
        ({"platform": Platform.CHROMEOS, "support_until": day("2030-01-01")}, True),
        ({"platform": Platform.CHROMEOS}, None),
        ({"platform": Platform.IPADOS, "os_version": "17.6"}, True),
    ],
)
def test_an_unknown_release_is_never_supported(fields: dict[str, Any], supported: bool | None) -> None:
    assert BOOK.is_supported(device(**fields), day("2026-10-13")) is supported


def test_support_lasts_through_its_last_day() -> None:
    assert BOOK.is_supported(windows("10.0.26100"), day("2026-10-13")) is True
    assert BOOK.is_supported(windows("10.0.26100"), day("2026-10-14")) is False


def test_a_release_that_the_shipped_data_lack_is_unlisted_whichever_device_asks_first() -> None:
    unlisted, listed = windows("10.0.99999.1"), windows("10.0.26100.7")

    assert [BOOK.is_release_unlisted(device_) for device_ in (unlisted, unlisted, listed, listed)] == [
        True, True, False, False,
    ]  # fmt: skip
    assert not BOOK.is_release_unlisted(windows(None))
    assert not BOOK.is_release_unlisted(device(platform=Platform.CHROMEOS, os_version="130.0"))
