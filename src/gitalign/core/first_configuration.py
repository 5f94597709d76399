"""What a repository says of itself, for a first configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gitalign.core.exclusions import ExclusionCode
from gitalign.core.plan import Plan
from gitalign.core.test_commands import TestCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFacts:
    """What `init` found.

    Attributes:
        place: the file that git-align reads by itself, in the git directory.
        plan: of all branches, as the repository stands.
        remotes: whose branches the clone knows.
        tests: commands that may run the tests, the likeliest first.
    """

    place: Path
    plan: Plan
    remotes: tuple[str, ...]
    tests: tuple[TestCommand, ...]

    def left_out(self, *codes: ExclusionCode) -> tuple[str, ...]:
        """Branches that are left out for one of these reasons."""
        return tuple(str(one.branch) for one in self.plan.excluded if one.code in codes)
