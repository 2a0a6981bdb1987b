"""Sessions that were signed out, so that a copy of their cookie opens nothing.

Kept in memory until they would have ended by themselves. A restart forgets them, and ends all sessions as well unless a key
for them is configured.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

SESSION_LIFETIME = timedelta(hours=12)


@dataclass
class EndedSessions:
    """Ids of sessions, with when each was ended."""

    _ended_at: dict[str, datetime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self, session_id: str, now: datetime) -> None:
        """From now on the session is none."""
        with self._lock:
            kept = {each: at for each, at in self._ended_at.items() if now - at < SESSION_LIFETIME}
            self._ended_at = {**kept, session_id: now}

    def has_ended(self, session_id: str) -> bool:
        """Whether it was signed out."""
        return session_id in self._ended_at
