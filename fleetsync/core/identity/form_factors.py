"""Decides the form factor of a device (computer, tablet, phone, …) from its manufacturer, model and platform.

The model table is reference data and is passed in. Nothing is guessed from names of devices or persons. Pure.
"""

from fleetsync.core.identity.globs import glob_test
from fleetsync.core.identity.serials import APPLE_PLATFORMS
from fleetsync.core.model import DeviceRecord, FormFactor, Platform, ReferenceFacts
from fleetsync.core.text import folded

_FORM_FACTOR_BY_PLATFORM = {
    Platform.WINDOWS: FormFactor.COMPUTER,
    Platform.MACOS: FormFactor.COMPUTER,
    Platform.LINUX: FormFactor.COMPUTER,
    Platform.CHROMEOS: FormFactor.CHROMEBOOK,
    Platform.IPADOS: FormFactor.TABLET,
    Platform.IOS: FormFactor.PHONE,
    Platform.ANDROID: FormFactor.PHONE,
    Platform.TVOS: FormFactor.TV,
    Platform.OTHER: FormFactor.OTHER,
}


def platform_of(record: DeviceRecord) -> Platform:
    """The platform of a record. Some MDMs report an iPad as iOS; it counts as iPadOS."""
    return Platform.IPADOS if (record.model or "").startswith("iPad") else record.platform


def form_factor(
    manufacturer: str | None, model: str | None, platform: Platform, reference: ReferenceFacts
) -> FormFactor:
    """The form factor of the first rule in `reference.models` whose glob matches "manufacturer model", else by platform.

    On Apple platforms a missing manufacturer is Apple. An Android model with "tab" or "pad" in its name is a tablet.
    """
    maker = manufacturer or ("Apple" if platform in APPLE_PLATFORMS else "")
    maker_and_model = folded(f"{maker} {model or ''}")
    for rule in reference.models:
        if rule.platform in (None, platform) and glob_test(rule.pattern)(maker_and_model):
            return rule.form_factor
    if platform is Platform.ANDROID and ("tab" in maker_and_model or "pad" in maker_and_model):
        return FormFactor.TABLET
    return _FORM_FACTOR_BY_PLATFORM[platform]
