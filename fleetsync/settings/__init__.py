"""config.toml, the environment and secret files as one frozen value; a message names file, table, key and remedy.

`tables` says which keys there are, `reading` finds what was given and where (and alone reads the environment), `policy`
makes the core's nouns of it, `refusals` says what is wrong, `showing` what holds, `configured` is the result. Refuses what it does not know:
an unknown key, section or unit is an error with the nearest known one. `[[source]]` tables pass through as they are:
which keys a source has, its connector says, and `pull.registry` asks it.
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
