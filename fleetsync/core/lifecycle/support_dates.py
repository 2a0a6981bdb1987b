"""Until when a device's system and hardware are supported, by dates shipped with fleetsync or given by its source.

Pure. An unknown release is unknown, never "supported".
"""

from collections.abc import Callable
from datetime import date
from functools import cached_property

from msgspec import Struct

from fleetsync.core.identity.globs import glob_test
from fleetsync.core.model import Device, ModelRule, OsSupport, Platform, ReferenceFacts
from fleetsync.core.text import folded


class SupportDates(Struct, frozen=True, dict=True):
    """The shipped support dates; each release and each model is looked up once."""

    reference: ReferenceFacts

    @cached_property
    def _os_release_cache(self) -> dict[tuple[Platform, str, str], OsSupport | None]:
        return {}

    @cached_property
    def _model_support_cache(self) -> dict[tuple[Platform, str], date | None]:
        return {}

    @cached_property
    def _model_rules(self) -> tuple[tuple[ModelRule, Callable[[str], bool]], ...]:
        dated = (rule for rule in self.reference.models if rule.hardware_support_until is not None)
        return tuple((rule, glob_test(rule.pattern)) for rule in dated)

    def os_release(self, device: Device) -> OsSupport | None:
        """The release that *device* runs: the longest matching version prefix, one for its edition first; None: not listed."""
        if device.os_version is None:
            return None
        key = (device.platform, device.os_version, folded(device.os_edition or ""))
        if key not in self._os_release_cache:
            fitting = [row for row in self.reference.os_support if _matches_release(row, *key)]
            self._os_release_cache[key] = max(fitting, key=_specificity, default=None)
        return self._os_release_cache[key]

    @cached_property
    def _listed_platforms(self) -> frozenset[Platform]:
        return frozenset(row.platform for row in self.reference.os_support)

    @cached_property
    def _unlisted_release_cache(self) -> dict[tuple[Platform, str], bool]:
        return {}

    def is_release_unlisted(self, device: Device) -> bool:
        """Whether *device* runs a release that the shipped data do not have in any edition, of a platform that they have."""
        if device.os_version is None or device.platform not in self._listed_platforms:
            return False
        key = (device.platform, device.os_version)
        if key not in self._unlisted_release_cache:
            self._unlisted_release_cache[key] = not any(_has_release(row, *key) for row in self.reference.os_support)
        return self._unlisted_release_cache[key]

    def hardware_support_end(self, device: Device) -> date | None:
        """The last day of the hardware's support: as a source gives it, else as listed for the model."""
        if device.support_until is not None:
            return device.support_until
        if not self._model_rules:
            return None
        key = (device.platform, folded(f"{device.manufacturer or ''} {device.model or ''}"))
        if key not in self._model_support_cache:
            fitting = (
                rule for rule, matches in self._model_rules if _applies_to_platform(rule, key[0]) and matches(key[1])
            )
            rule = next(fitting, None)
            self._model_support_cache[key] = rule.hardware_support_until if rule else None
        return self._model_support_cache[key]

    def is_supported(self, device: Device, day: date) -> bool | None:
        """Whether system and hardware are supported on *day*; None when no date is known.

        ChromeOS has one date for both, and its source gives it. Elsewhere supported hardware does not imply a supported
        system.
        """
        os_release, hardware_support_end = self.os_release(device), self.hardware_support_end(device)
        ends = [end for end in (os_release.ends_on if os_release else None, hardware_support_end) if end is not None]
        if any(end < day for end in ends):
            return False
        is_known = os_release is not None or (device.platform is Platform.CHROMEOS and hardware_support_end is not None)
        return True if is_known else None


def _matches_release(row: OsSupport, platform: Platform, version: str, edition: str) -> bool:
    return _has_release(row, platform, version) and (row.edition is None or folded(row.edition) in edition)


def _has_release(row: OsSupport, platform: Platform, version: str) -> bool:
    if row.platform is not platform:
        return False
    rest = version.removeprefix(row.version_prefix)
    # "1" must not take "15.1", nor "10.0.2262" take "10.0.22621".
    return version.startswith(row.version_prefix) and (row.version_prefix.endswith(".") or not rest[:1].isdigit())


def _specificity(row: OsSupport) -> tuple[int, bool]:
    return (len(row.version_prefix), row.edition is not None)


def _applies_to_platform(rule: ModelRule, platform: Platform) -> bool:
    return rule.platform is None or rule.platform is platform
