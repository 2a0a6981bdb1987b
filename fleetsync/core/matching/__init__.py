"""Which device belongs to whom, what it is for, and where it is. This module only re-exports; start at `match`."""

from fleetsync.core.matching.globs import GlobSet, name_pattern_match
from fleetsync.core.matching.holders import account_type_of
from fleetsync.core.matching.match import MatchingResult, match
from fleetsync.core.matching.rules import FIELD_READERS

__all__ = ["FIELD_READERS", "GlobSet", "MatchingResult", "account_type_of", "match", "name_pattern_match"]
