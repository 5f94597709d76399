"""Whether two registered names are one repository: publishing is exclusive for each of them alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from gitalign.core.addresses import parsed_address
from gitalign.core.jobs import JobKind, ServedRepository
from gitalign.core.names import display
from gitalign.errors import Contradiction, UserError
from gitalign.facade import git_directories


def identity_of(path: str, url: str | None) -> Hashable | None:
    """Equal for two names of one repository: device and inode of its common git directory, or its address.

    Args:
        path: of the folder.
        url: its address; None for a folder that was registered as such.

    Returns:
        None where it cannot be seen from here.
    """
    if url is None:
        found = git_directories(path)
        return None if found is None else found.identity
    try:
        return parsed_address(url).identity
    except UserError:  # of an earlier release
        return None


def require_new(known: Iterable[ServedRepository], *, path: str, url: str | None) -> None:
    """Refuse a repository that is registered already, under whatever name, link or spelling.

    Args:
        known: those that are registered, or that were registered before.
        path: of the new one.
        url: of the new one; None for a folder.

    Raises:
        Contradiction
    """
    mine = identity_of(path, url)
    for other in known:
        is_same = mine is not None and (other.url is None) == (url is None)
        if is_same and identity_of(other.path, other.url) == mine:
            raise Contradiction(
                f"this repository is registered already, as {display(other.name)}",
                hint=f"use {display(other.name)}: one repository has one name, so that one job alone moves its branches",
                code="registered_twice",
            )


def require_folder(kind: JobKind, url: str | None) -> None:
    """Refuse what needs branches of its own in a repository that is known by its address.

    Args:
        kind: of the job.
        url: of the repository; None for a folder.

    Raises:
        Contradiction
    """
    if url is not None and kind.needs_folder:
        raise Contradiction(
            "batches and work trees need a repository that is registered as a folder: this one has no branches of its own",
            hint="git align repo add NAME PATH",
            code="not_for_addresses",
        )
