"""Files that are not tracked, where a run would write others. Imported when a branch is checked out that would move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gitalign.core.names import Oid
from gitalign.core.plan import Plan, Step, StepKind
from gitalign.core.snapshot import Checkout, CheckoutState
from gitalign.errors import GitAlignError
from gitalign.git.command import Git, text
from gitalign.git.repository import Repository
from gitalign.git.untracked import Change, changes_between, in_the_way
from gitalign.git.worktree import work_tree_git


def obstructed(repository: Repository, plan: Plan) -> Iterator[tuple[str, Checkout]]:
    """Work trees that hold something untracked where their branches will bring files; looked at again when they are moved."""
    for step in plan.steps:
        if step.checkout is None or step.refusal is not None or step.kind in (StepKind.UP_TO_DATE, StepKind.LEAVE):
            continue
        held = Checkout(path=step.checkout, ref=step.moved_ref, state=CheckoutState.OBSTRUCTED)
        try:
            git = work_tree_git(repository, step.checkout)
            found = in_the_way(git, _brought(git, step))
        except (GitAlignError, OSError) as error:
            yield step.checkout, replace(held, state=CheckoutState.UNCLEAR, detail=f"its files cannot be read: {error}")
            continue
        if found:
            yield step.checkout, replace(held, detail=f"not tracked, and would be lost: {found}")


def _brought(git: Git, step: Step) -> list[Change]:
    """What a step will change in the files of what it moves, as far as that is known before anything is merged."""
    if step.kind is StepKind.FAST_FORWARD:
        return changes_between(git, step.seen, step.onto)
    done = git.run("merge-base", "--all", step.seen, step.onto, accept=(0, 1))
    bases = [Oid(base) for base in text(done.stdout).split()] or [step.seen]
    changes = [change for base in bases for change in changes_between(git, base, step.onto)]
    if step.kind is StepKind.INTEGRATE:
        changes += changes_between(git, step.moved_from, step.onto)
        changes += [change for base in bases for change in changes_between(git, base, step.seen)]
    return changes
