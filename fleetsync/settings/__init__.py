"""config.toml, the environment and secret files as one frozen value; a message names file, table, key and remedy.

`tables` says which keys there are, `reading` finds what was given and where (and alone reads the environment), `policy`
makes the core's nouns of it, `refusals` says what is wrong, `showing` what holds, `configured` is the result. Refuses what it does not know:
an unknown key, section or unit is an error with the nearest known one. `[[source]]` tables pass through as they are:
which keys a source has, its connector says, and `pull.registry` asks it.
"""

from fleetsync.settings.configured import (
    Settings,
    changed_keys,
    load,
    open_to_others,
    unknown_environment,
    what_needs_restart,
)
from fleetsync.settings.reading import notify_socket
from fleetsync.settings.refusals import SettingsError, did_you_mean, faults
from fleetsync.settings.showing import Line

__all__ = [
    "Line",
    "Settings",
    "SettingsError",
    "changed_keys",
    "did_you_mean",
    "faults",
    "load",
    "notify_socket",
    "open_to_others",
    "unknown_environment",
    "what_needs_restart",
]
