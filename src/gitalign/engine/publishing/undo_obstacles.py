"""What a preview of an undo says of work trees; the undo itself looks at each again when it moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.names import branch_of, is_zero
from gitalign.core.publication import MoveState, Publication
from gitalign.core.snapshot import Checkout, CheckoutState
from gitalign.errors import GitAlignError
from gitalign.git.repository import Repository
from gitalign.git.untracked import changes_between, in_the_way
from gitalign.git.worktree import read_checkouts, work_tree_git


def with_obstacles(repository: Repository, previewed: Sequence[Publication]) -> tuple[Publication, ...]:
    """The preview, with branches held back whose work trees cannot follow, and the rest of their stacks with them.

    Raises:
        GitError
    """
    moves = {one.update.ref: one for one in previewed if one.state is MoveState.INTENDED}
    reasons = {
        checkout.ref: reason
        for checkout in read_checkouts(repository, of_interest=set(moves))
        if checkout.ref in moves and (reason := _obstacle(repository, checkout, moves[checkout.ref]))
    }
    first = {moves[ref].stack: ref for ref in reversed(reasons)}

    def held(one: Publication) -> Publication:
        if one.update.ref in reasons:
            return replace(one, state=MoveState.HELD_BACK, detail=reasons[one.update.ref])
        if one.update.ref in moves and one.stack in first:
            name = branch_of(first[one.stack])
            return replace(
                one, state=MoveState.HELD_BACK, detail=f"{name} of its stack is held back: {reasons[first[one.stack]]}"
            )
        return one

    return tuple(held(one) for one in previewed)


def _obstacle(repository: Repository, checkout: Checkout, one: Publication) -> str:
    if checkout.state is not CheckoutState.CLEAN:
        return f"its work tree {checkout.path} is {checkout.state}: {checkout.detail}"
    if is_zero(one.update.before) or is_zero(one.update.after):
        return ""
    try:
        git = work_tree_git(repository, checkout.path)
        found = in_the_way(git, changes_between(git, one.update.before, one.update.after))
    except (GitAlignError, OSError) as error:
        return f"the files of its work tree {checkout.path} cannot be read: {error}"
    return f"in its work tree {checkout.path}, these are not tracked and would be lost: {found}" if found else ""
