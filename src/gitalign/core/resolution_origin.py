"""Where resolutions of conflicts come from. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OriginKind(StrEnum):
    """How a resolution came to be known."""

    RESOLVED = "resolved"
    """A person settled this conflict with git-align."""
    LEARNED = "learned"
    """A merge of the repository settled it."""
    RR_CACHE = "rr-cache"
    """git recorded it in a clone."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a resolution comes from.

    Attributes:
        by: name and address of who settled it, empty when it is not known.
        at: when.
        commit: the merge it was learned from, or the commit that was being replayed.
        branch: that was being aligned.
        path: of the file.
        imported_from: the file or ref it was brought in by; empty for one's own.
    """

    kind: OriginKind
    by: str = ""
    at: datetime | None = None
    commit: str = ""
    branch: str = ""
    path: str = ""
    imported_from: str = ""
