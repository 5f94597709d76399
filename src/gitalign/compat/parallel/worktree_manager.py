"""`WorktreeManager`, as the parallel orchestration's request names it.

Tasks of batches do not use these work trees: they have trees of their own (`gitalign.batches.running.pool`).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from gitalign.compat.parallel.linked_work_trees import LinkedWorkTrees, WorktreeConflictError, WorktreeInfo
from gitalign.compat.parallel.merge_validator import MergeValidator

__all__ = ["WorktreeConflictError", "WorktreeInfo", "WorktreeManager"]


class WorktreeManager:
    """Linked work trees of one repository, outside of it.

    Args:
        project_path: any path inside the repository.
        worktree_dir: where they are made; None for a folder of this repository among the user's state.
        target: branch that they are cut from and merged into; None for the default one.
    """

    def __init__(
        self, project_path: str | Path, worktree_dir: str | Path | None = None, *, target: str | None = None
    ) -> None:
        self.project_path = Path(project_path)
        self._target = target
        folder = Path(worktree_dir) if worktree_dir is not None else None
        self._trees = LinkedWorkTrees(self.project_path, folder, target=target)

    async def create_worktree(self, epic_id: int, epic_name: str) -> WorktreeInfo:
        """A new work tree on a new branch `epic-<id>-<name>`, from where the target stands now.

        Raises:
            WorktreeConflictError: branch or folder are there already; they are left as they are.
            GitError
        """
        return await asyncio.to_thread(self._trees.create, epic_id, epic_name)

    async def list_worktrees(self) -> list[WorktreeInfo]:
        """Every linked work tree that holds a branch.

        Raises:
            GitError
        """
        return await asyncio.to_thread(self._trees.all)

    async def merge_worktree(self, path: str) -> bool:
        """Merge the branch of a work tree, as `MergeValidator.merge_worktree`."""

        info = await asyncio.to_thread(self._trees.at, path)
        return await MergeValidator(self.project_path, None, target=self._target).merge_worktree(path, info.branch)

    async def remove_worktree(self, path: str) -> None:
        """Remove a work tree that is clean and whose branch is on the target. The branch stays.

        Raises:
            WorktreeConflictError: it holds something that is nowhere else.
            GitError
        """
        await asyncio.to_thread(self._trees.remove, path)
