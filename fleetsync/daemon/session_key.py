"""The key that signs the sessions of people who are signed in to the page."""

import os
import secrets

from fleetsync.settings import Settings, SettingsError

SESSION_KEY_BYTES = 32


def load_session_key(settings: Settings) -> bytes:
    """The key in `[web] session_key_file`; the file is created if it is missing. Raises SettingsError.

    Without that setting the key is new at each start, so that everybody has to sign in again.
    """
    file = settings.web.session_key_file
    if file is None:
        return secrets.token_bytes(SESSION_KEY_BYTES)
    try:
        if not file.exists():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as key_file:
                key_file.write(secrets.token_bytes(SESSION_KEY_BYTES))
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{settings.file_name}: [web] session_key_file {file} cannot be used ({error.strerror}). "
            "Give the service's user a folder where it may write"
        ) from None
