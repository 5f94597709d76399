"""What a hosting service has of a repository, as this clone knows it. Nothing is asked of the service."""

from __future__ import annotations

from collections.abc import Mapping

from gitalign.core.hosting import Host, links_of
from gitalign.core.names import HEADS
from gitalign.core.outlook import Published
from gitalign.git.asking import retried
from gitalign.git.command import text
from gitalign.git.refs import read_tips
from gitalign.git.repository import Repository


def address_of(repository: Repository, remote: str) -> str:
    """Where a remote is fetched from; empty where there is no such remote.

    Source: `git help remote` (get-url; exit code 2 for a remote that is not there).
    """
    done = retried(lambda: repository.operator.run("remote", "get-url", "--", remote, accept=(0, 2)))
    return next(iter(text(done.stdout).splitlines()), "") if done.returncode == 0 else ""


def published(repository: Repository, remote: str, hosts: Mapping[str, Host]) -> Published | None:
    """Links to the pages of a remote, and the branches it has; None where its service is unknown, or there is no such remote.

    Args:
        repository: the repository.
        remote: its name.
        hosts: services of the operator's own.

    Raises:
        GitError
    """
    links = links_of(address_of(repository, remote), hosts)
    if links is None:
        return None
    prefix = f"refs/remotes/{remote}/"
    found = [(tip, prefix) for tip in read_tips(repository, prefix.rstrip("/"))]
    if repository.work_tree is None:
        # A mirror has the branches of its remote as its own.
        found += [(tip, HEADS) for tip in read_tips(repository, HEADS.rstrip("/"))]
    tips = {tip.ref.removeprefix(place): tip.oid for tip, place in found if tip.symbolic_target is None}
    return Published(links=links, tips=tips)
