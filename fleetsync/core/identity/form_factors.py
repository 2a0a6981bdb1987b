"""What sort of thing a device is, by its maker, model and platform."""

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
    """The platform as it counts: MDMs report an iPad as iOS."""
    return Platform.IPADOS if (record.model or "").startswith("iPad") else record.platform


def form_factor(
    manufacturer: str | None, model: str | None, platform: Platform, reference: ReferenceFacts
) -> FormFactor:
    """By the first of `reference.models` whose glob matches "manufacturer model", else by platform.

    Apple's maker is known by its platforms. An Android whose model says tab or pad is a tablet.
    """
    maker = manufacturer or ("Apple" if platform in APPLE_PLATFORMS else "")
    kind = folded(f"{maker} {model or ''}")
    for rule in reference.models:
        if rule.platform in (None, platform) and glob_test(rule.pattern)(kind):
            return rule.form_factor
    if platform is Platform.ANDROID and ("tab" in kind or "pad" in kind):
        return FormFactor.TABLET
    return _FORM_FACTOR_BY_PLATFORM[platform]
