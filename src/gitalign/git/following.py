"""A work tree that follows its branch, in one piece with the branch itself.

From before its first file changes until its branch has moved, the work tree's `index.lock` is there, with the id of our run in it, so
that no other git changes index or HEAD meanwhile. git works on a copy of the index beside it, which takes the place of the index
when all files are there. A process that finds such a lock of a run whose process is gone knows that the work tree is under way, and that the
lock is ours.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign.core.names import Oid, display
from gitalign.errors import GitDied, GitError, GitTimedOut, OutOfSpace
from gitalign.git.command import Git, said_in
from gitalign.git.mending import bring, differing
from gitalign.git.ref_locks import open_files_of_git
from gitalign.git.worktree import WorkTreeMove, lock_text, own_index_name, work_tree_git

_TIMEOUT_S = 300.0
_WAIT_S = 60.0
_POLL_S = 0.1
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Follower:
    """One work tree under way for one run.

    Args:
        move: the work tree, and the branch it holds.
        run_id: of the run that moves the branch.
    """

    move: WorkTreeMove
    run_id: str

    def begin(self) -> str:
        """Lock the index. Empty when done, otherwise why not.

        Raises:
            OutOfSpace
        """
        with _as_git_errors(self.move.path):
            own = Path(self._git.git_dir) / f"{own_index_name(self.run_id)}.lock-text"
            try:
                with own.open("wb") as file:
                    file.write(lock_text(self.run_id))
                    file.flush()
                    os.fsync(file.fileno())
                try:
                    os.link(own, self._lock)  # there with its text, or not at all
                except FileExistsError:
                    return f"the index of its work tree {self.move.path} is in use: index.lock is there"
                except OSError:
                    return self._made_without_links()
            finally:
                own.unlink(missing_ok=True)
        return ""

    def _made_without_links(self) -> str:
        try:
            with self._lock.open("xb") as file:
                file.write(lock_text(self.run_id))
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            return f"the index of its work tree {self.move.path} is in use: index.lock is there"
        return ""

    def follow(self, before: Oid, after: Oid) -> str:
        """Move index and files from `before` to `after`; HEAD stays. Empty when done, otherwise why not (it is at `before` again).

        A `read-tree` that fails or ends half-way is put right at once, and tried once more when it was killed.

        Raises:
            GitError, OutOfSpace: it is not known or not whole; the lock stays, and recovery puts it right.

        Source: `git help read-tree`, two-tree merge: refuses to touch what differs from `before`, and untracked files in the way.
        """
        for is_last in (False, True):
            own = self._copied()
            try:
                done = own.run("read-tree", "-m", "-u", before, after, accept=(0, 1, 128), timeout_s=_TIMEOUT_S)
                if done.returncode == 0:
                    self._take_index()
                    return ""
                reason, is_passing = said_in(done.stderr)[:500], False
            except (GitDied, GitTimedOut) as error:
                reason, is_passing = error.message, isinstance(error, GitDied)
            except GitError as error:
                reason, is_passing = error.message, False
            left = self.bring(before, after, forward=False)
            if left or is_last or not is_passing:
                break
        changed = f"; {left} was changed meanwhile" if left else ""
        return f"its work tree {self.move.path} cannot follow: {reason}{changed}"

    def bring(self, before: Oid, after: Oid, *, forward: bool) -> str:
        """Make index and files those of `after` or `before`, whatever mixture is there; names of what a person changed, which stays.

        Raises:
            GitError, OutOfSpace: it is not whole; doing it again goes on.
        """
        with _as_git_errors(self.move.path):
            own = self._copied()
            left = bring(own, differing(self._git, before, after), forward=forward)
            self._take_index()
        names = ", ".join(display(os.fsdecode(name)) for name in left[:_NAMED])
        return names + (f" and {len(left) - _NAMED} more" if len(left) > _NAMED else "")

    def end(self) -> None:
        """Give the index back."""
        for name in (own_index_name(self.run_id), f"{own_index_name(self.run_id)}.lock"):
            (Path(self._git.git_dir) / name).unlink(missing_ok=True)
        if self._holds_lock():
            self._lock.unlink(missing_ok=True)

    def wait_for_git(self) -> None:
        """Wait until a git that outlived the process that started it has ended.

        Raises:
            GitTimedOut
        """
        lock = Path(self._git.git_dir) / f"{own_index_name(self.run_id)}.lock"
        deadline = time.monotonic() + _WAIT_S
        while lock.exists() and str(lock) in open_files_of_git():
            if time.monotonic() > deadline:
                raise GitTimedOut(f"git read-tree is still at work in {self.move.path}", hint="git align resume")
            time.sleep(_POLL_S)
        lock.unlink(missing_ok=True)

    @property
    def _git(self) -> Git:
        return work_tree_git(self.move.repository, self.move.path)

    @property
    def _lock(self) -> Path:
        return Path(self._git.git_dir) / "index.lock"

    def _holds_lock(self) -> bool:
        try:
            return self._lock.read_bytes() == lock_text(self.run_id)
        except OSError:
            return False

    def _copied(self) -> Git:
        """git on a copy of the index."""
        git = self._git
        own = Path(git.git_dir) / own_index_name(self.run_id)
        with _as_git_errors(self.move.path):
            for left in (own, own.with_name(f"{own.name}.lock")):  # of a git that was killed
                left.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                # With its time: git compares that with the times of files to know which of them it must look into.
                shutil.copy2(Path(git.git_dir) / "index", own)
        return replace(git, variables={**git.variables, "GIT_INDEX_FILE": str(own)})

    def _take_index(self) -> None:
        own = Path(self._git.git_dir) / own_index_name(self.run_id)
        with _as_git_errors(self.move.path), suppress(FileNotFoundError):
            own.replace(own.parent / "index")


@contextmanager
def _as_git_errors(path: str) -> Iterator[None]:
    """Errors of the file system as errors of git, with the work tree they are about."""
    try:
        yield
    except OSError as error:
        raise OutOfSpace(
            f"in work tree {path}, {error.filename or 'a file'} cannot be written: {error.strerror}",
            hint="free space or make the folder writable, then: git align resume",
        ) from error
