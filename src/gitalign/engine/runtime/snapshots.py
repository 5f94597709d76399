"""What is read of a repository before anything is decided: refs, work trees, and the commits that branches point to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from gitalign.core.filters import Filters, TipCommit
from gitalign.core.names import HEADS, Oid
from gitalign.core.snapshot import Snapshot
from gitalign.git.history import authorship
from gitalign.git.refs import read_tips
from gitalign.git.repository import Repository, is_without_work_tree
from gitalign.git.worktree import read_checkouts_and_head


def take_snapshot(repository: Repository, *, now: datetime) -> Snapshot:
    """Read every ref once, and what every work tree holds.

    Args:
        repository: the repository.
        now: UTC.

    Raises:
        GitError
    """
    tips = read_tips(repository)
    branches = {tip.ref for tip in tips if tip.ref.startswith(HEADS)}
    checkouts, head = read_checkouts_and_head(repository, of_interest=branches)
    return Snapshot(
        repository=repository.common_dir,
        object_format=repository.object_format,
        taken_at=now,
        tips=tips,
        checkouts=checkouts,
        is_shallow=repository.is_shallow,
        head=head,
        is_bare=is_without_work_tree(repository),
    )


def with_commits(repository: Repository, filters: Filters, commits: Iterable[Oid]) -> Filters:
    """The filters with the commits that branches point to, where they look at them.

    Args:
        repository: has the commits.
        filters: as `filters_of` made them.
        commits: those that can be read.

    Raises:
        GitError
    """
    if not filters.reads_commits:
        return filters
    wrote = authorship(repository.git, sorted(set(commits)))
    return replace(filters, tips={oid: TipCommit(one.name, one.author, one.authored_at) for oid, one in wrote.items()})
