"""Which files a branch, or a task, may change: profiles of the operator's. What is blocked is blocked, whatever is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessProfile:
    """Files that some branches may change, and files that what runs for them may not even read.

    Attributes:
        id: its name.
        branches: globs over whole names of branches; results of tasks are named `batch/<batch>/<task>`.
        allowed: patterns of paths, as in a `.gitignore`; none of them allows nothing.
        blocked: patterns of paths that are blocked, also where they are allowed.
        hidden: patterns of paths that are blocked, and that checks, tasks and resolvers of these branches cannot read.
    """

    id: str
    branches: tuple[str, ...]
    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessRules:
    """All profiles, in order.

    Attributes:
        profiles: the first that names a branch holds for it; one that none names may change every file.
    """

    profiles: tuple[AccessProfile, ...] = ()

    def of(self, branch: str) -> AccessProfile | None:
        """The profile that holds for a branch."""
        return next((one for one in self.profiles if _names(one.branches, branch)), None)

    def hidden_of(self, branch: str) -> tuple[str, ...]:
        """Patterns of what is hidden from what runs for a branch."""
        profile = self.of(branch)
        return profile.hidden if profile is not None else ()

    @property
    def hidden(self) -> tuple[str, ...]:
        """Patterns of what is hidden for any branch."""
        return tuple(dict.fromkeys(pattern for one in self.profiles for pattern in one.hidden))


def _names(globs: Sequence[str], branch: str) -> bool:
    return any(fnmatchcase(branch, glob) for glob in globs)
