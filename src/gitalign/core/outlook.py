"""A forecast or a run together with what can be said of the branches that stop: for pages and summaries. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitalign.core.conflict_groups import ConflictGroup
from gitalign.core.forecast import Forecast, Owner
from gitalign.core.hosting import Links
from gitalign.core.hunks import Hunk
from gitalign.core.names import Oid
from gitalign.core.shared_conflicts import SharedConflict


@dataclass(frozen=True, slots=True, kw_only=True)
class StopHunks:
    """Where in its files a branch stops.

    Attributes:
        hunks: the first few; `one` is stage 2, `other` stage 3 of the conflict (see `StageEntry`).
        left_out: how many more there are.
    """

    branch: str
    target: str
    hunks: tuple[Hunk, ...]
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedWork:
    """Branches that stop.

    Attributes:
        names: of all of them, sorted.
        groups: by clash, the one that helps most branches first.
        shared: what branches of different groups have in common, most branches first.
        hunks: of each branch that could be looked at, by name.
        unseen: how many could not be looked at, or not in time.
    """

    names: tuple[str, ...] = ()
    groups: tuple[ConflictGroup, ...] = ()
    shared: tuple[SharedConflict, ...] = ()
    hunks: tuple[StopHunks, ...] = ()
    unseen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a hosting service has of a repository.

    Attributes:
        links: addresses of its pages.
        tips: branch name -> commit, as this clone knows it.
    """

    links: Links
    tips: Mapping[str, Oid]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A forecast with what can be said of the branches that stop.

    Attributes:
        merged: branches whose every commit is in their target, sorted.
        squashed: further ones of which nothing is left to bring in, sorted.
        remotes: branch name and remote, of branches that are not here.
        published: what a hosting service has of it; None where none is known.
    """

    forecast: Forecast
    stopped: StoppedWork
    merged: tuple[str, ...]
    squashed: tuple[str, ...] = ()
    remotes: tuple[tuple[str, str], ...] = ()
    published: Published | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What can be said of a run beside its report.

    Attributes:
        owners: of the branches whose commits are still there, by name.
        merged: branches whose every commit is in their target, sorted.
        squashed: further ones of which nothing is left to bring in, sorted.
        remotes: branch name and remote, of branches that are not here.
        published: what a hosting service has of the repository; None where none is known.
    """

    owners: tuple[Owner, ...] = ()
    stopped: StoppedWork = StoppedWork()
    merged: tuple[str, ...] = ()
    squashed: tuple[str, ...] = ()
    remotes: tuple[tuple[str, str], ...] = ()
    published: Published | None = None
