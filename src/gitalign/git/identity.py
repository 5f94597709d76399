"""Who stands as committer: the operator, at one instant per run."""

from __future__ import annotations

from datetime import datetime

from gitalign.errors import ConfigError, GitError
from gitalign.git.repository import Repository


def operator_ident(repository: Repository, *, at: datetime) -> bytes:
    """Committer value for rewritten commits: the operator's name and address as git knows them here, and `at`.

    Asked as the operator would ask: `git -c`, `GIT_COMMITTER_NAME`, and the configuration of the work tree that one stands
    in (`config --worktree`, `includeIf`) count.

    One instant per run makes a rewrite depend on nothing but its input: branches that share commits share the rewritten
    ones, and a resumed run makes the same objects again.

    Raises:
        ConfigError: git knows no name or address.

    Source: `git help var`, GIT_COMMITTER_IDENT.
    """
    try:
        line = repository.operator.run("var", "GIT_COMMITTER_IDENT").stdout.rstrip(b"\n")
    except GitError as error:
        raise ConfigError(
            f"git does not know who you are: {error.message.splitlines()[-1]}",
            hint='git config --global user.name "Your Name" && git config --global user.email you@example.org',
        ) from error
    who, _, zone = line.rsplit(b" ", 2)
    return who + b" %d " % int(at.timestamp()) + zone
