"""`RepositoryOperations`, as the orchestrator's request names it; no branch is checked out, and nothing is reset."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from gitalign import child, facade
from gitalign.core.names import BranchName, display, new_name_fault, ref_of, zero_like
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState, RefUpdate
from gitalign.errors import UserError
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import open_repository

_TIMEOUT_S = 300.0
_PERMIT = Permit(plan_id="*", given_by="RepositoryOperations")


class RepositoryOperations:
    """Commands in a repository, and backup branches.

    Args:
        repo_path: any path inside the repository.
    """

    def __init__(self, repo_path: str | Path) -> None:
        self.repo_path = Path(repo_path)

    async def run_command(self, cmd: Sequence[str], cwd: str | None = None) -> tuple[str, str, int]:
        """Run a command of the caller's, in the caller's environment.

        Args:
            cmd: program and arguments; no shell.
            cwd: where; the repository without it.

        Returns:
            Standard output, standard error and exit code; a code other than 0 is not an error here.

        Raises:
            RuntimeError: no end after 300 s, everything it started is ended then; or there is no such program or folder.
        """
        words = [str(word) for word in cmd]
        place = Path(cwd) if cwd is not None else self.repo_path
        try:
            done = await asyncio.to_thread(child.run, words, env=os.environ, cwd=place, timeout_s=_TIMEOUT_S)
        except child.ChildTimedOut as error:
            raise RuntimeError(f"Command timed out: {' '.join(words)}") from error
        except OSError as error:
            raise RuntimeError(f"Command failed: {' '.join(words)}\nError: {error.strerror}") from error
        out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
        return out, err, done.returncode

    async def create_backup_branch(self, source_branch: str, backup_name: str) -> bool:
        """Make a branch where another stands. It may be there already, when it stands there.

        Returns:
            True; the backup is verified to stand where its source stands.

        Raises:
            RuntimeError: no such branch, not a name, or the name is taken.
        """
        return await asyncio.to_thread(self._create_backup, source_branch, backup_name)

    def _create_backup(self, source: str, name: str) -> bool:
        repository = open_repository(self.repo_path)
        if fault := new_name_fault(name):
            raise RuntimeError(f"Failed to create backup branch: the name {display(name)} {fault}")
        refs = read_refs(repository, "refs/heads")
        seen, ref = refs.get(ref_of(BranchName(source))), ref_of(BranchName(name))
        if seen is None:
            raise RuntimeError(f"Failed to create backup branch: there is no branch {display(source)}")
        if refs.get(ref, seen) != seen:
            raise RuntimeError(f"Failed to create backup branch: {display(name)} is taken by another commit")
        if ref in refs:
            return True
        door = RefUpdater(repository, forbidden=frozenset(), message=f"git-align: backup of {source}")
        try:
            refusal = door.move_own([RefUpdate(ref=ref, before=zero_like(seen), after=seen)])
        finally:
            door.close()
        if refusal is not None:
            raise RuntimeError(f"Failed to create backup branch: {refusal.reason}")
        return read_refs(repository, ref).get(ref) == seen

    async def rollback_to_backup(self, backup_branch: str, target_branch: str) -> bool:
        """Put a branch back to where its backup stands. A run: in the journal, undone by `git align undo`; the commits it
        leaves stay pinned. A clean work tree that has the branch follows; one with changes holds it back.

        Returns:
            True; False is never returned.

        Raises:
            RuntimeError: no such branch, or the branch could not be moved; the message says why.
        """
        request = facade.Request(repo=self.repo_path)
        try:
            report = await asyncio.to_thread(facade.move_branch, request, target_branch, backup_branch, permit=_PERMIT)
        except UserError as error:
            raise RuntimeError(f"Failed to rollback: {error.message}") from error
        if report is None:
            return True
        (publication,) = report.publications
        if publication.state is not MoveState.MOVED:
            raise RuntimeError(f"Failed to rollback: {publication.detail}")
        return True
