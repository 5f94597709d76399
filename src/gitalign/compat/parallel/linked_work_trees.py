"""Linked work trees of branches, made and removed with care."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gitalign import facade
from gitalign.batches.running.pool import default_root
from gitalign.compat.parallel.execution_plan import default_target
from gitalign.core.names import Oid, display, name_fault, ref_of, zero_like
from gitalign.core.publication import RefUpdate
from gitalign.engine.runtime.surroundings import utc_now
from gitalign.errors import GitAlignError, UserError
from gitalign.git.refs import RefUpdater, commit_of, read_refs
from gitalign.git.repository import Repository, open_repository
from gitalign.git.worktree import read_checkouts

_UNSAFE = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 50
_TIMEOUT_S = 300.0


class WorktreeConflictError(UserError):
    """A work tree cannot be made or removed as it stands; nothing was changed."""

    code = "worktree_conflict"


@dataclass
class WorktreeInfo:
    """A linked work tree.

    Attributes:
        epic_id: what it was made for; None where its branch does not say.
        status: `active`, or `merged` when its branch moved since it was made and the target holds it.
        created_at: when it was made; None where that was not noted.
    """

    path: str
    branch: str
    epic_id: int | None
    status: str
    created_at: datetime | None = None
    merged_at: datetime | None = None


class LinkedWorkTrees:
    """Linked work trees of one repository, outside of it.

    Args:
        project_path: any path inside the repository.
        folder: where they are made; None for a folder of this repository among the user's state.
        target: branch that they are cut from and merged into; None for the default one.
    """

    def __init__(self, project_path: Path, folder: Path | None = None, *, target: str | None = None) -> None:
        self._project_path = project_path
        self._folder = folder
        self._target = target

    def create(self, epic_id: int, epic_name: str) -> WorktreeInfo:
        """As `WorktreeManager.create_worktree`."""
        repository = open_repository(self._project_path)
        words = _UNSAFE.sub("-", epic_name.lower()).strip("-")[:_LONGEST_NAME].strip("-")
        branch = f"epic-{epic_id}-{words}" if words else f"epic-{epic_id}"
        fault = name_fault(branch)
        own = default_root(repository, os.environ)
        root = self._folder or own.parent / "linked" / own.name
        folder = root / f"epic-{epic_id}"
        if fault is not None or os.path.lexists(folder) or ref_of(branch) in read_refs(repository, ref_of(branch)):
            why = fault or f"{display(branch)} or {folder} are there already"
            raise WorktreeConflictError(why, hint=f"look at it, or remove it: git worktree remove {folder}")
        base = commit_of(repository, ref_of(self._name_of_target()))
        _move(repository, RefUpdate(ref=ref_of(branch), before=zero_like(base), after=base))
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            repository.git.run("worktree", "add", "--quiet", str(folder), branch, timeout_s=_TIMEOUT_S)
        except BaseException:
            _move(repository, RefUpdate(ref=ref_of(branch), before=base, after=zero_like(base)))
            raise
        created_at = utc_now()
        _note_file(str(folder)).write_text(f"{base} {created_at.isoformat()}\n", encoding="ascii")
        return WorktreeInfo(str(folder), branch, epic_id, "active", created_at=created_at)

    def all(self) -> list[WorktreeInfo]:
        """As `WorktreeManager.list_worktrees`."""
        repository = open_repository(self._project_path)
        tip = commit_of(repository, ref_of(self._name_of_target()))
        main = os.path.realpath(repository.work_tree) if repository.work_tree is not None else ""
        found = []
        for one in read_checkouts(repository):
            if os.path.realpath(one.path) != main:
                branch = one.ref.removeprefix("refs/heads/")
                number = re.match(r"epic-([0-9]+)(-|$)", branch)
                commit, (base, created_at) = commit_of(repository, one.ref), _noted(one.path)
                status = "merged" if commit != base and _is_in(repository, commit, tip) else "active"
                epic_id = int(number[1]) if number else None
                found.append(WorktreeInfo(one.path, branch, epic_id, status, created_at=created_at))
        return found

    def at(self, path: str) -> WorktreeInfo:
        """The one at a path.

        Raises:
            UserError: there is none.
            GitError
        """
        for one in self.all():
            if os.path.realpath(one.path) == os.path.realpath(path):
                return one
        raise UserError(f"{path} is not a linked work tree of this repository", hint="git worktree list")

    def remove(self, path: str) -> None:
        """As `WorktreeManager.remove_worktree`."""
        repository = open_repository(self._project_path)
        if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(default_root(repository, os.environ))):
            facade.prune_batch_trees(facade.Request(repo=self._project_path))
            return
        info = self.at(path)
        tip = commit_of(repository, ref_of(self._name_of_target()))
        if not _is_in(repository, commit_of(repository, ref_of(info.branch)), tip):
            raise WorktreeConflictError(f"{display(info.branch)} is not on the target", hint="merge it first")
        # Without --force git refuses one with changes or untracked files (`git help worktree`).
        done = repository.git.run("worktree", "remove", "--", info.path, accept=(0, 128), timeout_s=_TIMEOUT_S)
        if done.returncode != 0:
            raise WorktreeConflictError(f"{info.path} holds changes", hint=f"git -C {info.path} status")

    def _name_of_target(self) -> str:
        return self._target or default_target(self._project_path)


def _is_in(repository: Repository, commit: Oid, tip: Oid) -> bool:
    words = ("merge-base", "--is-ancestor", commit, tip)
    return repository.git.run(*words, accept=(0, 1)).returncode == 0


def _move(repository: Repository, update: RefUpdate) -> None:
    door = RefUpdater(repository, forbidden=frozenset(), message="git-align: work tree")
    try:
        refusal = door.move([update])
    finally:
        door.close()
    if refusal is not None:
        raise WorktreeConflictError(f"cannot move {update.ref}: {refusal.reason}", hint="git worktree list")


def _note_file(folder: str) -> Path:
    """Where a work tree notes what it was made from: in its own git directory, which goes with it."""
    return Path(open_repository(folder).git_dir) / "gitalign-epic"


def _noted(folder: str) -> tuple[str | None, datetime | None]:
    """The commit a work tree was made from, and when; None each where that was not noted."""
    try:
        base, _, at = _note_file(folder).read_text("ascii").strip().partition(" ")
        return base, datetime.fromisoformat(at)
    except (OSError, ValueError, GitAlignError):
        return None, None
