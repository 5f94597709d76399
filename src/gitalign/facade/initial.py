"""A first configuration: what a repository says of itself, and the file that says it again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gitalign.core.exclusions import ExclusionCode
from gitalign.core.plan import Plan
from gitalign.core.test_commands import BUILD_FILES, TestCommand, test_commands
from gitalign.core.working_set import remotes_with_branches
from gitalign.engine.run.session import Request, make_plan, open_for
from gitalign.errors import GitError
from gitalign.git.command import text
from gitalign.git.repository import Repository

_LARGEST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What `init` found.

    Attributes:
        place: the file that git-align reads without being told to, in the git directory.
        plan: of all branches, as the repository stands.
        remotes: whose branches the clone knows.
        tests: commands that may run the tests, the likeliest first.
    """

    place: Path
    plan: Plan
    remotes: tuple[str, ...]
    tests: tuple[TestCommand, ...]

    def left_out(self, *codes: ExclusionCode) -> tuple[str, ...]:
        """Branches that are left out for one of these reasons."""
        return tuple(str(one.branch) for one in self.plan.excluded if one.code in codes)


def find(request: Request) -> Found:
    """Look at a repository, bare or not. Changes nothing.

    Raises:
        UserError, GitError
    """
    opened = open_for(request)
    plan = make_plan(opened, request, whatever_is_checked_out=True)
    return Found(
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
