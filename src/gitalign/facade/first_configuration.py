"""A first configuration: what a repository says of itself, and the file that says it again."""

from __future__ import annotations

from pathlib import Path

from gitalign.core.first_configuration import RepositoryFacts
from gitalign.core.plan import Plan
from gitalign.core.test_commands import BUILD_FILES, test_commands
from gitalign.core.working_set import remotes_with_branches
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.session import Request, open_for
from gitalign.errors import GitError
from gitalign.git.command import text
from gitalign.git.repository import Repository

_LARGEST_BYTES = 256 * 1024


def find(request: Request) -> RepositoryFacts:
    """Look at a repository, bare or not. Changes nothing.

    Raises:
        UserError, GitError
    """
    opened = open_for(request)
    plan = make_plan(opened, request, whatever_is_checked_out=True)
    return RepositoryFacts(
        place=Path(opened.repository.common_dir) / "gitalign" / "config.yaml",
        plan=plan,
        remotes=remotes_with_branches(plan.snapshot),
        tests=test_commands(_build_files(opened.repository, plan)),
    )


def _build_files(repository: Repository, plan: Plan) -> dict[str, str]:
    """Read from the first target's commit, so that work trees do not count and a bare repository has them, too."""
    if not plan.targets:
        return {}
    git, tip = repository.git, plan.targets[0].oid
    listed = text(git.run("ls-tree", "-z", "--name-only", tip).stdout).split("\0")
    found = {}
    for name in (name for name in BUILD_FILES if name in listed):
        try:
            content = git.run("cat-file", "blob", f"{tip}:{name}").stdout
        except GitError:
            continue  # a link or folder of that name
        if len(content) <= _LARGEST_BYTES:
            found[name] = content.decode("utf-8", "replace")
    return found
