"""Finds passwords in URLs, so that they can be refused or hidden, and the file behind a database URL."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fleetsync.log import HIDDEN

# The user information before the @ of a URL, and what follows its question mark.
_URL_SECRETS = re.compile(r"(?<=://)[^\s/@]+(?=@)|(?<=\?)\S+")


def url_password(url: str) -> str | None:
    """The password in *url*, as it is written there; None: there is none."""
    try:
        return urlsplit(url).password or None
    except ValueError:
        return None


def password_spellings(url: str | None) -> tuple[str, ...]:
    """The password in *url* as it is written and as it is sent."""
    password = url_password(url or "")
    return (password, unquote(password)) if password else ()


def without_url_secrets(text: str) -> str:
    """*text* with the parts of a URL hidden that may hold a secret; other text unchanged."""
    return _URL_SECRETS.sub(HIDDEN, text) if "://" in text and sqlite_file(text) is None else text


def database_url(url: str, folder: Path) -> str:
    """The database URL for *url*, which may be the plain path of a SQLite file, relative to *folder*."""
    return url if "://" in url else f"sqlite:///{folder / Path(url).expanduser()}"


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL; None for a server and for a database in memory.

    What follows `sqlite:///` is a path as it is: `?`, `#` and `%` in it are letters of a name.
    """
    scheme, _, name = url.partition(":///")
    return Path(name) if scheme.startswith("sqlite") and name and not name.startswith(":memory:") else None


def is_new_database(url: str) -> bool:
    """Whether the database is still empty. A server counts as not empty, since we cannot know."""
    file = sqlite_file(url)
    if file is None:
        return url.startswith("sqlite")
    return not file.exists() or file.stat().st_size == 0
