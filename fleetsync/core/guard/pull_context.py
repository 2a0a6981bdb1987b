"""What the guard must know besides a pull, and the sizes below which shares say nothing."""

from collections.abc import Mapping

import msgspec

from fleetsync.core.model import PartRole
from fleetsync.core.school_forms import KNOWN_FORMS

# Numbers of records: of few, a share moves by a single one.
FEW_RECORDS = 10  # up to so many, (e) asks only whether any id is known; (d) and (g) compare single records
SHARE_FLOOR = 2  # (d): one blank of few is more than ten points, and no change of meaning


class PullContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard must know besides the pull: the part's role, the time of year, how old the believed content is, and
    which words were known or unknown before.
    """

    role: PartRole
    in_turnover_window: bool = False
    as_of_by_scope: Mapping[str, str] = {}  # file name, or "" → ISO day that the believed content describes
    contacts_untold: int = 0  # as `PartState.contacts_untold`
    known_school_forms: frozenset[str] = KNOWN_FORMS  # in capitals
    unknown_words: Mapping[str, int] = {}  # as `PullEffect.drift`: the most of each in a recent complete pull

    @property
    def is_turning(self) -> bool:
        """Whether the pull may change much because it is a roster in the turnover between two school years."""
        return self.in_turnover_window and self.role is PartRole.ROSTER
