"""What a request asks for, as filters; and the commits that they look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.filters import Filters
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
        if given is None:
            return None
        from gitalign.git.dates import moment  # its patterns take as long to compile as a plan of some branches

        return moment(repository, given, option=option, now=now)

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
