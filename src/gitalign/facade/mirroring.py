"""Mirrors: repositories of a service that hold what a remote has. Runs on one are runs on the branches of its remote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import open_for
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.space import require_space
from gitalign.errors import GitError
from gitalign.git.mirror import REMOTE as MIRROR_REMOTE
from gitalign.git.mirror import fetch_mirror, is_fetched, make_mirror, tidy_mirror

_TIDIED_S = 600.0


def mirror_of(place: Path, url: str, *, environ: Mapping[str, str]) -> None:
    """Make a mirror where there is none; nothing is fetched.

    Args:
        place: its folder; the one above it is there.
        url: of the remote, which was checked before.
        environ: what git inherits from.

    Raises:
        GitError, StoreError
    """
    make_mirror(place, url, environ=environ)


def was_fetched(request: Request) -> bool:
    """True when a mirror knows a branch of its remote.

    Raises:
        GitError
    """
    return is_fetched(open_for(request).repository)


def bring_up_to_date(
    request: Request, *, timeout_s: float, stop: StopSignal | None = None, only_new: bool = False
) -> None:
    """Fetch all that the remote of a mirror has, and forget what it has not any more. One process at a time does so.

    Args:
        request: which mirror.
        timeout_s: how long the remote may take to send, in seconds.
        stop: ends it when it is cancelled.
        only_new: do nothing when something was fetched before.

    Raises:
        RemoteError: the remote cannot be reached, refuses, or takes too long.
        GitError, OutOfSpace
    """
    repository = open_for(request, stop).repository
    if only_new and is_fetched(repository):
        return
    require_space(repository)
    fetch_mirror(repository, timeout_s=timeout_s)
    try:
        tidy_mirror(repository, timeout_s=_TIDIED_S)
    except GitError:
        import logging

        logging.getLogger("gitalign.service").warning("git gc failed in %s", repository.common_dir, exc_info=True)


__all__ = ["MIRROR_REMOTE", "Request", "bring_up_to_date", "mirror_of", "was_fetched"]
