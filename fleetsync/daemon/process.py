"""Two small duties of a daemon: telling systemd how it goes, and keeping the key of the page's sessions."""

import os
import secrets
import socket

from fleetsync.settings import Settings, SettingsError, notify_socket

SESSION_KEY_BYTES = 32


def notify_systemd(state: str) -> None:
    """Say *state* ("READY=1") to systemd, where it started us and wants to know. Never fails."""
    address = notify_socket()
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
            door.sendall(state.encode())
    except OSError:
        return


def load_session_key(settings: Settings) -> bytes:
    """The key that signs the page's sessions; without a file for it, a new one each start: everyone signs in again."""
    file = settings.web.session_key_file
    if file is None:
        return secrets.token_bytes(SESSION_KEY_BYTES)
    try:
        if not file.exists():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as made:
                made.write(secrets.token_bytes(SESSION_KEY_BYTES))
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{settings.file_name}: [web] session_key_file {file} cannot be used ({error.strerror}). "
            "Give the service's user a folder where it may write"
        ) from None
