"""The commands with which a person meets the same conflict in a work tree of their own."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from gitalign.core.names import Oid, file_name_for
from gitalign.core.plan import Step


def reproduce_rebase(step: Step) -> tuple[str, ...]:
    """Commands that stop where the replay stopped. A detached work tree beside the clone; the branch is not touched."""
    folder = _folder(step)
    return (
        f"git worktree add --detach {folder} {step.seen}",
        f"git -C {folder} rebase {step.onto}",
        *_leave(folder),
    )


def reproduce_steps(step: Step, stops: Sequence[Oid]) -> tuple[str, ...]:
    """Commands that rebase in steps and stop where the iterative rebase stopped.

    Args:
        step: the branch.
        stops: commits of the target, oldest first, up to the one that stopped.
    """
    folder = _folder(step)
    return (
        f"git worktree add --detach {folder} {step.seen}",
        f"for onto in {' '.join(stops)}; do git -C {folder} rebase -q $onto || break; done",
        *_leave(folder),
    )


def reproduce_recreation(
    step: Step, settled: Sequence[tuple[Oid, Sequence[str]]], *, carrying: Oid | None = None
) -> tuple[str, ...]:
    """Commands that stop where making merges again stopped.

    git forgets what merges held beside the automatic merge: it stops at earlier ones whose conflicts were settled here, and not at
    all where only that could not be carried over.

    Args:
        step: the branch.
        settled: merges before that whose conflicts were settled as the old merge had settled them, with the paths.
        carrying: the merge whose own content could not be carried over.
    """
    folder = _folder(step)
    told: list[str] = [f"git worktree add --detach {folder} {step.seen}"]
    rebase = f"rebase --rebase-merges {step.onto}"
    if carrying is not None:
        editor = shlex.quote(f"sed -i '/^merge -C {carrying} /a break'")
        rebase = f"-c core.abbrev=no -c sequence.editor={editor} rebase -i --rebase-merges {step.onto}"
    told.append(f"git -C {folder} {rebase}")
    for merge, paths in settled:
        told.append(
            f"git -C {folder} --literal-pathspecs checkout {merge} -- {' '.join(shlex.quote(path) for path in paths)}"
        )
        told.append(f"git -C {folder} -c core.editor=true rebase --continue")
    if carrying is not None:
        told.append(f"git -C {folder} show --remerge-diff {carrying}")
    return (*told, *_leave(folder))


def reproduce_merge(step: Step) -> tuple[str, ...]:
    """Commands that meet the same conflict while merging the target in."""
    folder = _folder(step)
    return (
        f"git worktree add --detach {folder} {step.seen}",
        f"git -C {folder} merge --no-commit --no-ff {step.onto}",
        *_leave(folder),
    )


def reproduce_integration(step: Step) -> tuple[str, ...]:
    """Commands that meet the same conflict while merging the branch into the target."""
    folder = _folder(step)
    return (
        f"git worktree add --detach {folder} {step.onto}",
        f"git -C {folder} merge --no-commit --no-ff {step.seen}",
        *_leave(folder),
    )


def _folder(step: Step) -> str:
    return shlex.quote(f"../align-{file_name_for(step.branch.name)}")


def _leave(folder: str) -> tuple[str, ...]:
    return (f"git worktree remove --force {folder}",)
