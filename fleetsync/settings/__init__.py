"""Loads config.toml, the environment and secret files into one frozen value, `Settings`.

`tables` defines the keys, `layers` knows where a value may come from, `reading` reads it, `policy` builds the policy of
the core, `errors` and `validation` word what is wrong, `effective` lists the values in force, `listening` has the
addresses of the daemon, `loading` puts it all together, and `proposed_policy` lays a policy that is only tried over it.
An unknown key, section or unit is an error that names the nearest known one. `[[source]]` tables are passed through
unchecked: their keys belong to the connectors, and `pull.registry` checks them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fleetsync.settings.effective import EffectiveValue
    from fleetsync.settings.errors import SettingsError, did_you_mean
    from fleetsync.settings.layers import has_config_file, notify_socket, watchdog_seconds
    from fleetsync.settings.loading import (
        Settings,
        changed_keys,
        keys_needing_restart,
        load,
        secret_file_warning,
        unknown_environment,
    )
    from fleetsync.settings.proposed_policy import read_proposed_policy, untried_name_patterns
    from fleetsync.settings.validation import validation_messages

# Name → module. Imported when it is asked for: `fleetsync healthcheck` needs `listening` and none of these.
_MODULES = {
    "EffectiveValue": "effective",
    "Settings": "loading",
    "SettingsError": "errors",
    "changed_keys": "loading",
    "did_you_mean": "errors",
    "has_config_file": "layers",
    "keys_needing_restart": "loading",
    "load": "loading",
    "notify_socket": "layers",
    "read_proposed_policy": "proposed_policy",
    "secret_file_warning": "loading",
    "unknown_environment": "loading",
    "untried_name_patterns": "proposed_policy",
    "validation_messages": "validation",
    "watchdog_seconds": "layers",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


__all__ = [
    "EffectiveValue",
    "Settings",
    "SettingsError",
    "changed_keys",
    "did_you_mean",
    "has_config_file",
    "keys_needing_restart",
    "load",
    "notify_socket",
    "read_proposed_policy",
    "secret_file_warning",
    "unknown_environment",
    "untried_name_patterns",
    "validation_messages",
    "watchdog_seconds",
]
