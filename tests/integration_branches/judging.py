"""Running under `strategy: integration-branch`, and what git makes of the same branches."""

from __future__ import annotations

from pathlib import Path

from gitalign.core.plan import Permit
from gitalign.core.report import Report
from tests.git.workspace import Workspace
from tests.runs import run as run_with

UNDO = Permit(plan_id="*")


def run(repository: Path, *, only: tuple[str, ...] = (), push: bool = False, **settings: object) -> Report:
    """Plan and run under the strategy."""
    return run_with(repository, only=only, push=push, **{"strategy": "integration-branch", **settings})


def branches(work: Workspace) -> dict[str, str]:
    """Branch -> id."""
    lines = work.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads").splitlines()
    return dict(line.split(" ") for line in lines)


def as_git_merges(work: Workspace, name: str, target: str = "main") -> tuple[str, str, str]:
    """Tree, parents and message of `git merge --no-ff` with the target checked out."""
    before = work.tip(target)
    work.switch(target)
    work.git("merge", "-q", "--no-ff", "--no-edit", name)
    told = shape(work, "HEAD")
    work.git("reset", "-q", "--hard", before)
    return told


def shape(work: Workspace, name: str) -> tuple[str, str, str]:
    """Tree, parents and message of a commit."""
    tree, parents, message = work.git("log", "-1", "--format=%T%x00%P%x00%B", name).split("\0")
    return tree, parents, message
