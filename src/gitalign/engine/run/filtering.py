"""What a request asks for, as filters; and the commits that they look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from gitalign.core.filters import Filters, TipCommit
from gitalign.core.names import Oid
from gitalign.git.dates import moment
from gitalign.git.history import authorship
from gitalign.git.repository import Repository

if TYPE_CHECKING:
    from gitalign.engine.run.session import Request


def filters_of(repository: Repository, request: Request, *, now: int) -> Filters:
    """The filters of a request, without the commits that they look at.

    Args:
        repository: its git reads the dates.
        request: what is asked.
        now: seconds since the epoch.

    Raises:
        UserError: a date that is none.
        GitError
    """

    def asked(given: str | None, option: str) -> int | None:
        return None if given is None else moment(repository, given, option=option, now=now)

    return Filters(
        only=request.only,
        exclude=request.exclude,
        authors=request.authors,
        since=asked(request.since, "--since"),
        before=asked(request.older_than, "--older-than"),
    )


def is_filtered(request: Request) -> bool:
    """True when a request asks for some of the branches."""
    return any((request.only, request.exclude, request.authors, request.since, request.older_than))


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
