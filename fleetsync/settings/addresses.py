"""Addresses that may hold a password, and the file behind a database's.

Nothing here shows a password; it finds them, so that they can be refused, hidden or left out.
"""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fleetsync.log import HIDDEN

# Whoever stands before the @ of an address, and what follows its question mark.
_URL_SECRETS = re.compile(r"(?<=://)[^\s/@]+(?=@)|(?<=\?)\S+")


def url_password(url: str) -> str | None:
    """The password inside of an address, as written there."""
    try:
        return urlsplit(url).password or None
    except ValueError:
        return None


def password_spellings(url: str | None) -> tuple[str, ...]:
    """The password of *url* in all its spellings: as written, and as it is sent."""
    found = url_password(url or "")
    return (found, unquote(found)) if found else ()


def without_url_secrets(text: str) -> str:
    """*text* without what an address may hide before its @ and after its question mark; other text as it is."""
    return _URL_SECRETS.sub(HIDDEN, text) if "://" in text else text


def database_url(url: str, folder: Path) -> str:
    """A plain path is a SQLite file; a relative one counts from *folder*."""
    return url if "://" in url else f"sqlite:///{folder / Path(url).expanduser()}"


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite address; None for a server's, and for one in memory."""
    scheme, _, rest = url.partition(":///")
    name = rest.partition("?")[0]
    return Path(name) if scheme.startswith("sqlite") and name and not name.startswith(":memory:") else None


def is_new_database(url: str) -> bool:
    """Whether nothing is there yet. Of a server's we cannot know, so it is taken as one that holds something."""
    file = sqlite_file(url)
    if file is None:
        return url.startswith("sqlite")
    return not file.exists() or file.stat().st_size == 0
