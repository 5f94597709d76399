"""`RollbackRecoveryMechanisms`, as the original requests name it: one branch back to where it was, on undo, backups and sessions."""

from __future__ import annotations

import glob
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.core.names import HEADS, Oid, shell_word
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState, Publication
from gitalign.core.run import RunKind
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.dead_runs import recover_dead
from gitalign.engine.run.session import has_state, journal_of, open_for
from gitalign.errors import NotPermitted, UserError
from gitalign.git.asking import absent, kinds, retried
from gitalign.git.command import text
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository, open_repository
from gitalign.git.worktree import read_checkouts


class RollbackRecoveryMechanisms:
    """Puts one branch back to where it was before git-align touched it, from any state, and says what that came to.

    Calling it again when the branch is back already does nothing.

    Args:
        repo_path: any path inside the repository.
    """

    def __init__(self, repo_path: str | Path = ".") -> None:
        self._request = facade.Request(repo=repo_path)
        self._repository: Repository = open_repository(repo_path)

    def analyze_recovery_options(self, branch: str) -> dict[str, Any]:
        """Every way back there is, the best first. Changes nothing.

        Returns:
            `branch_name, stands_at, under_resolution, options[{method, commit, source, applicable, reason}]`.

        Raises:
            UserError: there is and was no such branch.
        """
        now = self._tip(branch)
        options: list[dict[str, Any]] = []
        for run_id, one in self._moves(branch):
            applies = now == one.update.after
            reason = "" if applies else "the branch is not where that run put it"
            options.append(_option("undo", one.update.before, run_id, applies, reason))
            if one.backup_ref is not None:
                kept = read_refs(self._repository, one.backup_ref).get(one.backup_ref)
                options.append(
                    _option("backup", kept, one.backup_ref, kept is not None, "" if kept else "it was removed")
                )
        for commit, subject in self._reflog(branch):
            options.append(
                _option("reflog", commit, subject, commit != now, "" if commit != now else "it stands there")
            )
        if now is None and not options:
            raise UserError(f"there is and was no branch {branch} here", hint="git align runs")
        return {
            "branch_name": branch,
            "stands_at": now,
            "under_resolution": self._is_under_resolution(branch),
            "options": options,
        }

    def initiate_rollback(
        self, branch: str, reason: str, *, permit: Permit | None = None, dry_run: bool = False
    ) -> dict[str, Any]:
        """Give up what is half done, then put the branch back to where it was before the newest run that moved it.

        Args:
            branch: by name.
            reason: for the record.
            permit: to move the branch; not needed for a dry run.
            dry_run: say what would be done.

        Returns:
            `rollback_operation{operation_id, branch_name, reason, rollback_method, backup_used, status,
            execution_time_seconds}`, `recovery_verification{state_restored, commit_hash_match, file_integrity}`,
            `rollback_impact{commits_lost, commits_taken_back}`. `status` is `restored`, `nothing_to_do`, `refused` (with
            `detail`) or `would_restore`.

        Raises:
            NotPermitted: without a permit.
            GitAlignError
        """
        if permit is None and not dry_run:
            raise NotPermitted("this would move the branch, which was not confirmed", hint="give a permit")
        started = time.monotonic()
        if not dry_run:
            self._recover()
        was_under_resolution = self._is_under_resolution(branch)
        now = self._tip(branch)
        move = next(self._moves(branch), None)
        is_refused = move is not None and now not in (move[1].update.before, move[1].update.after)
        if was_under_resolution and not dry_run and not is_refused:
            facade.resolve_abort(self._request, branch)
        status, detail, operation = "nothing_to_do", "", None
        if move is not None and now == move[1].update.after:
            status, detail, operation = self._take_back(branch, move[0], permit, dry_run=dry_run)
        elif is_refused:
            status = "refused"
            detail = "the branch is not where git-align put it: what was done since is not thrown away"
        elif was_under_resolution:
            status = "would_restore" if dry_run else "restored"
        wanted = move[1].update.before if move is not None else now
        return {
            "rollback_operation": {
                "operation_id": operation,
                "branch_name": branch,
                "reason": reason,
                "rollback_method": "undo" if operation else "abort_resolution" if was_under_resolution else None,
                "backup_used": move[1].backup_ref if move is not None else None,
                "status": status,
                "detail": detail,
                "execution_time_seconds": round(time.monotonic() - started, 6),
            },
            "recovery_verification": self.verify_restored_state(branch, wanted),
            "rollback_impact": {
                # The run's results stay pinned until `prune`: they can be had again by undoing the undo.
                "commits_lost": 0,
                "commits_taken_back": self._beyond(move[1]) if move is not None else 0,
            },
        }

    def _take_back(self, branch: str, run_id: str, permit: Permit | None, *, dry_run: bool) -> tuple[str, str, str]:
        """Undo a run for one branch: status, detail, and the run that did it."""
        if dry_run:
            return "would_restore", "", run_id
        request = facade.Request(repo=self._request.repo, only=(glob.escape(branch),))
        report = facade.undo(request, run_id, permit=permit)
        (publication,) = report.publications
        status = "restored" if publication.state is MoveState.MOVED else "refused"
        return status, publication.detail, report.run.id

    def restore_from_backup(self, branch: str, *, permit: Permit | None = None) -> dict[str, Any]:
        """Put the branch back to where its backup branch is; the same as a rollback while that is the newest run's.

        Raises:
            UserError: there is no backup of it, or it is of another run than the newest.
            NotPermitted, GitAlignError
        """
        move = next(self._moves(branch), None)
        if move is None or move[1].backup_ref is None:
            raise UserError(f"there is no backup of {branch} that a run made", hint="git branch --list 'backup-*'")
        kept = read_refs(self._repository, move[1].backup_ref).get(move[1].backup_ref)
        if kept != move[1].update.before:
            raise UserError(
                f"{move[1].backup_ref} is not where run {move[0]} made it", hint=f"git align undo {move[0]}"
            )
        return self.initiate_rollback(branch, "restore from backup", permit=permit)

    def restore_from_reflog(self, branch: str) -> dict[str, Any]:
        """Where the reflog says the branch was, with the command that puts it there. Moves nothing itself.

        A reflog says where a branch was, not where it belongs: choosing among its entries is a person's decision.

        Raises:
            UserError: there is no reflog of it.
        """
        found = self._reflog(branch)
        if not found:
            raise UserError(f"git keeps no reflog of {branch}", hint="git align undo last, or the backup branch")
        return {
            "branch_name": branch,
            "entries": [
                {"commit": commit, "what": subject, "command": _put_there(branch, commit)} for commit, subject in found
            ],
        }

    def verify_restored_state(self, branch: str, expected: str | None) -> dict[str, Any]:
        """Whether the branch is at a commit, its work tree is clean, and every object behind it can be read.

        Returns:
            `state_restored, commit_hash_match, file_integrity`.
        """
        now = self._tip(branch)
        matches = now is not None and now == expected
        holders = read_checkouts(self._repository, of_interest={HEADS + branch})
        is_whole = now is not None and self._is_readable(now)
        is_clean = all(one.state.value == "clean" for one in holders)
        return {
            "state_restored": matches and is_whole and is_clean and not self._is_under_resolution(branch),
            "commit_hash_match": matches,
            "file_integrity": is_whole and is_clean,
        }

    def _recover(self) -> None:
        """Finish or roll back what dead processes left; nothing that was stopped goes on, that would move other branches."""
        opened = open_for(self._request)
        if has_state(opened):
            with journal_of(opened) as journal:
                recover_dead(opened, journal, Caller())

    def _tip(self, branch: str) -> Oid | None:
        return read_refs(self._repository, HEADS + branch).get(HEADS + branch)

    def _moves(self, branch: str) -> Iterator[tuple[str, Publication]]:
        """(run, move) of every alignment that moved the branch and was not undone, newest first."""
        opened = open_for(self._request)
        if not has_state(opened):
            return
        with journal_of(opened) as journal:
            for run_id, one in journal.moves_of([HEADS + branch]):
                is_made = one.state in (MoveState.MOVED, MoveState.UNDONE)
                if is_made and journal.run(run_id).kind is RunKind.ALIGN:
                    yield run_id, one

    def _is_under_resolution(self, branch: str) -> bool:
        return any(one.session.branch == branch for one in facade.resolutions_under_way(self._request))

    def _reflog(self, branch: str) -> list[tuple[Oid, str]]:
        if self._tip(branch) is None:
            return []
        words = ("log", "-g", "--no-show-signature", "--format=%H %gs", "-n", "50", f"{HEADS}{branch}")
        listed = retried(lambda: self._repository.git.run(*words)).stdout
        found = [line.partition(" ") for line in text(listed).splitlines()]
        return [(Oid(commit), subject) for commit, _, subject in found]

    def _beyond(self, one: Publication) -> int:
        git = self._repository.git
        if absent(git, (one.update.after, one.update.before)):
            return 0
        words = ("rev-list", "--count", one.update.after, f"^{one.update.before}")
        return int(retried(lambda: git.run(*words)).stdout)

    def _is_readable(self, commit: Oid) -> bool:
        git = self._repository.git
        if kinds(git, [commit]) != ["commit"]:
            return False
        words = ("rev-list", "--objects", "--missing=print", "--quiet", "-n", "1", commit)
        return not retried(lambda: git.run(*words)).stdout.strip()


def _put_there(branch: str, commit: str) -> str:
    if branch.startswith("-"):  # `git branch` takes no such name
        return f"git update-ref {shell_word(HEADS + branch)} {commit}"
    return f"git branch -f {shell_word(branch)} {commit}"


def _option(method: str, commit: str | None, source: str, applicable: bool, reason: str) -> dict[str, Any]:
    return {"method": method, "commit": commit, "source": source, "applicable": applicable, "reason": reason}
