"""The secret key that turns log-ins into tokens: 32 bytes as hexadecimal digits in a file of their own.

Created once, while there is no database. Never created again beside a database: no stored token would match any more.
"""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from fleetsync.settings.errors import SettingsError
from fleetsync.settings.layers import read_text

KEY_BYTES = 32
CREDENTIAL_NAME = "privacy-key"  # its file name in a folder for secrets


def key_file(configured: Path, secrets_dirs: Iterable[Path]) -> Path:
    """The file of the key: in the first folder for secrets that has it, else where the configuration says."""
    offered = (folder / CREDENTIAL_NAME for folder in secrets_dirs)
    return next((file for file in offered if file.is_file()), configured)


def read_or_make(file: Path, may_make: bool) -> bytes:
    """The key, created if it is missing and *may_make*. Raises SettingsError if it is lost, unreadable or no key."""
    if not file.exists():
        if not may_make:
            raise SettingsError(_lost_key_message(file))
        _create_key_file(file)
    return _parse_key(read_text(file, f"[privacy] key_file {file}"), file)


def _create_key_file(file: Path) -> None:
    """Create the file at once and for its owner alone. If another process was first, the key of that process counts."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as written:
            written.write(secrets.token_hex(KEY_BYTES) + "\n")
            written.flush()
            os.fsync(written.fileno())
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise SettingsError(
            f"[privacy] key_file {file} cannot be created ({error.strerror}). Create it and give it to the user of the daemon: "
            + _make_key_command(file)
        ) from None


def _parse_key(text: str, file: Path) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"[privacy] key_file {file} must hold {2 * KEY_BYTES} hexadecimal digits and nothing else. "
            "If it was changed, restore it from where you keep your secrets"
        )
    return key


def _lost_key_message(file: Path) -> str:
    return (
        f"[privacy] key_file {file} is missing although there is a database. Restore it: under a new key every token is "
        "new, so that protected persons are not recognised, the erased come back, and children and persons known by a "
        f"civic number alone look like new ones. With a new database, or if it is lost for good: {_make_key_command(file)}"
    )


def _make_key_command(file: Path) -> str:
    return f"openssl rand -hex {KEY_BYTES} > {file} && chmod 600 {file}"
