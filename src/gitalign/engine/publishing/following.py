"""The work trees that move along with the branches of one stack, and their return when the branches do not move."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.names import Oid
from gitalign.core.publication import Publication
from gitalign.engine.runtime.checkpoints import Checkpoint
from gitalign.git.following import Follower
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository
from gitalign.git.worktree import WorkTreeMove, marked_work_trees


class StackFollowers:
    """Work trees of one stack. Each stays locked from its first change until `settle`, which follows the move of the branches.

    Args:
        repository: the repository.
        run_id: of the run that moves the stack.
    """

    def __init__(self, repository: Repository, run_id: str) -> None:
        self._repository = repository
        self._run_id = run_id
        self._begun: list[tuple[Follower, Publication]] = []
        self._unclear: Follower | None = None

    def follow(self, one: Publication, checkpoint: Checkpoint) -> str:
        """Move the work tree of a branch. Empty when done, otherwise why not.

        Raises:
            GitError: it is not known or not whole; it stays locked, and recovery puts it right.
        """
        assert one.work_tree is not None
        move = WorkTreeMove(self._repository, one.work_tree, one.update.ref)
        before, after = one.update.before, one.update.after
        is_ready = _stands_ready(move, one)
        if not is_ready and (obstacle := move.obstacle(before, after)):
            return obstacle
        follower = Follower(move, self._run_id)
        checkpoint("work tree lock")
        if obstacle := follower.begin():
            return obstacle
        self._begun.append((follower, one))
        if is_ready:
            return ""
        checkpoint("work tree")
        self._unclear = follower
        obstacle = follower.follow(before, after)
        self._unclear = None
        return obstacle

    def settle(self) -> None:
        """Bring each work tree to where its branch stands, and unlock it.

        Raises:
            GitError: recovery puts it right.
        """
        if not self._begun:
            return
        now = read_refs(self._repository, *(one.update.ref for _, one in self._begun))
        while self._begun:
            follower, one = self._begun[-1]
            stands = now.get(one.update.ref)
            if follower is self._unclear or (stands != one.update.after and follower.move.stands_at(one.update.after)):
                _bring(follower, one, stands)
            follower.end()
            self._begun.pop()


def _stands_ready(move: WorkTreeMove, one: Publication) -> bool:
    """True when the work tree followed already and only the ref is missing (a crash between the two)."""
    return (
        not move.obstacle_head(one.update.before)
        and move.stands_at(one.update.after)
        and not move.stands_at(one.update.before)
    )


def _bring(follower: Follower, one: Publication, stands: Oid | None) -> str:
    """Bring a work tree to where its branch stands; names of what a person changed, which stays.

    A branch that another process moved elsewhere has a work tree as that process found it, unless that took it along.
    """
    if stands is not None and stands not in (one.update.before, one.update.after) and follower.move.stands_at(stands):
        return ""
    return follower.bring(one.update.before, one.update.after, forward=stands == one.update.after)


def mend_work_trees(repository: Repository, run_id: str, publications: Sequence[Publication]) -> list[str]:
    """Put right the work trees that a run began to move and did not end; what was done, in words.

    Raises:
        GitError: it is not whole yet; doing it again goes on.
    """
    marked = marked_work_trees(repository, run_id)
    if not marked:
        return []
    moves = {one.update.ref: one for one in publications}
    now = read_refs(repository, "refs/heads")
    notes: list[str] = []
    for path, ref in marked:
        follower = Follower(WorkTreeMove(repository, path, ref), run_id)
        follower.wait_for_git()
        one = moves.get(ref)
        left = _bring(follower, one, now.get(ref)) if one is not None else ""
        follower.end()
        notes.append(
            f"work tree {path} was left half-way and is whole again"
            if not left
            else f"work tree {path} was left half-way; it is at {now.get(ref, Oid('nothing'))[:12]} again, except for what was "
            f"changed there since and stays as it is: {left}"
        )
    return notes
