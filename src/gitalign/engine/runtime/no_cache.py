"""A cache of verdicts that holds nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime


class NoCache:
    """For merges about which earlier verdicts say nothing. Implements `ports.VerdictCache`."""

    def look_up(self, keys: object) -> Mapping[str, str]:
        """Nothing is known."""
        return {}

    def keep(self, verdicts: Mapping[str, str], *, at: datetime) -> None:
        """Nothing is kept."""
