"""Loads config.toml, the environment and secret files into one frozen value, `Settings`.

`tables` defines the keys, `layers` reads the values and remembers where each came from, `policy` builds the policy of
the core, `errors` words what is wrong, `effective` lists the values in force, `loading` puts it all together. An unknown
key, section or unit is an error that names the nearest known one. `[[source]]` tables are passed through unchecked:
their keys belong to the connectors, and `pull.registry` checks them.
"""

from fleetsync.settings.effective import EffectiveValue
from fleetsync.settings.errors import SettingsError, did_you_mean, validation_messages
from fleetsync.settings.layers import notify_socket, watchdog_seconds
from fleetsync.settings.loading import (
    Settings,
    changed_keys,
    keys_needing_restart,
    load,
    secret_file_warning,
    unknown_environment,
)

__all__ = [
    "EffectiveValue",
    "Settings",
    "SettingsError",
    "changed_keys",
    "did_you_mean",
    "keys_needing_restart",
    "load",
    "notify_socket",
    "secret_file_warning",
    "unknown_environment",
    "validation_messages",
    "watchdog_seconds",
]
