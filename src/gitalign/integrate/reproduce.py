"""The commands with which a person meets the same conflict in a work tree of their own."""

from __future__ import annotations

import shlex

from gitalign.core.names import file_name_for
from gitalign.core.plan import Step


def reproduce_rebase(step: Step) -> tuple[str, ...]:
    """Commands that stop where the replay stopped. A detached work tree beside the clone; the branch is not touched."""
    folder = _folder(step)
    return (
        f"git worktree add --detach {folder} {step.seen}",
        f"git -C {folder} rebase {step.onto}",
        *_leave(folder),
    )


def reproduce_merge(step: Step) -> tuple[str, ...]:
    """Commands that meet the same conflict while merging the target in."""
    folder = _folder(step)
    return (
        f"git worktree add --detach {folder} {step.seen}",
        f"git -C {folder} merge --no-commit --no-ff {step.onto}",
        *_leave(folder),
    )


def _folder(step: Step) -> str:
    return shlex.quote(f"../align-{file_name_for(step.branch.name)}")


def _leave(folder: str) -> tuple[str, ...]:
    return (f"git worktree remove --force {folder}",)
