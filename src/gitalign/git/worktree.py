"""Work trees of the operator: which branches they hold, in what state, and how one follows its branch.

They are never an instrument. A work tree is touched only when the branch it holds moves, and only when it is clean.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.core.snapshot import Checkout, CheckoutState
from gitalign.errors import GitAlignError, GitDied
from gitalign.git.command import Git, said_in, text
from gitalign.git.in_progress import in_progress
from gitalign.git.repository import Repository
from gitalign.git.untracked import changes_between, in_the_way

_TIMEOUT_S = 300.0
_FAILED = 128


@dataclass(frozen=True, slots=True)
class _Listed:
    """A work tree as git lists it.

    Attributes:
        path: its folder; for messages only where `fault` says that it is not known.
        git_dirs: its git directory; several where more than one work tree was made at the same place.
        fault: why nothing can be said of its files, in words; empty when its files can be looked at.
    """

    path: str
    branch: str | None
    is_bare: bool
    is_locked: bool
    is_missing: bool
    git_dirs: tuple[str, ...]
    fault: str = ""


def read_checkouts(repository: Repository, *, of_interest: Collection[str] | None = None) -> tuple[Checkout, ...]:
    """Every work tree that holds a branch, is rebasing one, or started a bisect from one.

    Args:
        of_interest: full refs; work trees of other branches are not looked into. None looks into all.

    Source: `git help worktree` (list --porcelain -z, since 2.36); gitrepository-layout for states in progress.
    """
    return read_checkouts_and_head(repository, of_interest=of_interest)[0]


def read_checkouts_and_head(
    repository: Repository, *, of_interest: Collection[str] | None = None
) -> tuple[tuple[Checkout, ...], str | None]:
    """What `read_checkouts` and `repository.head_of` say, from one listing."""
    found: list[Checkout] = []
    every = _list(repository)
    for listed in every:
        if listed.is_bare:
            continue
        busy = _busy(repository, listed)
        held = {f"{listed.branch}"} if listed.branch else set()
        for ref in sorted(held | set(busy)):
            if ref and (of_interest is None or ref in of_interest):
                state, detail = _state(repository, listed, busy.get(ref) or next(iter(busy.values()), ""))
                found.append(Checkout(path=listed.path, ref=ref, state=state, detail=detail))
    return tuple(found), every[0].branch if every else None


def read_holders(repository: Repository) -> dict[str, list[str]]:
    """Branch ref -> work trees that hold it, are rebasing it, or started a bisect from it; what state they are in is not asked."""
    found: dict[str, list[str]] = {}
    for listed in _list(repository):
        if not listed.is_bare:
            for ref in {listed.branch, *_busy(repository, listed)}:
                if ref:
                    found.setdefault(ref, []).append(listed.path)
    return found


def marked_work_trees(repository: Repository, run_id: str) -> list[tuple[str, str]]:
    """Work trees that a run began to move and did not end, as (path, branch ref); see `gitalign.git.following`."""
    found: list[tuple[str, str]] = []
    for listed in _list(repository):
        if listed.branch is None or listed.is_bare or listed.is_missing or listed.fault:
            continue
        git_dir = Path(work_tree_git(repository, listed.path).git_dir)
        if (git_dir / own_index_name(run_id)).exists() or _read(git_dir / "index.lock") == lock_text(run_id):
            found.append((listed.path, listed.branch))
    return found


def own_index_name(run_id: str) -> str:
    """File name of the copy of the index on which a run works, beside the index."""
    return f"index-of-{run_id}"


def lock_text(run_id: str) -> bytes:
    """What `index.lock` holds while a run moves a work tree."""
    return f"git-align {run_id}\n".encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _busy(repository: Repository, listed: _Listed) -> dict[str, str]:
    """Branch ref, or empty -> what is in progress in a work tree."""
    return dict(one for git_dir in listed.git_dirs for one in in_progress(_git_for(repository, git_dir)))


def work_trees(repository: Repository) -> tuple[Path, ...]:
    """Folders of every work tree that is there."""
    return tuple(Path(listed.path) for listed in _list(repository) if not listed.is_bare)


def _list(repository: Repository) -> list[_Listed]:
    done = repository.git.run("worktree", "list", "--porcelain", "-z", timeout_s=_TIMEOUT_S)
    by_path: dict[str, list[str]] = {}
    for path, git_dir in _linked(repository):
        by_path.setdefault(_resolved(path), []).append(git_dir)
    listed: list[_Listed] = []
    for number, block in enumerate(done.stdout.split(b"\0\0")):
        lines = dict(line.partition(b" ")[::2] for line in block.split(b"\0") if line)
        if b"worktree" not in lines:
            continue
        branch = text(lines[b"branch"]) if b"branch" in lines else None
        if number == 0:
            listed.append(_main(repository, branch, is_bare=b"bare" in lines))
            continue
        path = text(lines[b"worktree"])
        git_dirs = tuple(by_path.get(_resolved(path), ()))
        is_missing = b"prunable" in lines or not os.path.isdir(path)
        listed.append(
            _Listed(
                path=path,
                branch=branch,
                is_bare=b"bare" in lines,
                is_locked=b"locked" in lines,
                is_missing=is_missing,
                git_dirs=git_dirs,
                fault=""
                if is_missing or _leads_back(path, git_dirs)
                else f"its .git does not lead to {' or '.join(git_dirs)}",
            )
        )
    return listed


def _main(repository: Repository, branch: str | None, *, is_bare: bool) -> _Listed:
    """The main work tree. git guesses its folder from the git directory's name, wrongly where that lies elsewhere.

    Source: worktree.c, get_main_worktree; `git help init`, --separate-git-dir; `git help config`, core.worktree.
    """
    common = repository.common_dir
    place = _main_folder(repository, is_bare=is_bare)
    fault = ""
    if is_bare:
        head = text(repository.git.run("symbolic-ref", "--quiet", "HEAD", accept=(0, 1)).stdout).rstrip("\n")
        branch = head or None
    if is_bare and place is None:
        git = replace(_git_for(repository, common), work_tree=os.path.dirname(common))
        if os.path.basename(common) != ".git" and os.path.exists(os.path.join(common, "index")):
            fault = "it has an index, so its files are somewhere; name them: git --git-dir=… --work-tree=… align …"
            return _Listed(common, branch, False, False, False, (common,), fault)
        if os.path.basename(common) != ".git" or not _has_files(git):
            return _Listed(common, branch, True, False, False, (common,))
        place = os.path.dirname(common)
        fault = (
            "core.bare is true, but its files are here; git config core.bare false, or delete the files and .git/index"
        )
    elif place is None:
        fault = "git does not record where its main work tree is; run git align there"
    return _Listed(
        path=place or common,
        branch=branch,
        is_bare=False,
        is_locked=False,
        is_missing=place is not None and not os.path.isdir(place),
        git_dirs=(common,),
        fault=fault,
    )


def _main_folder(repository: Repository, *, is_bare: bool) -> str | None:
    """The folder that was named, else the one that configuration or the name of the git directory tells, unless it is bare."""
    common = repository.common_dir
    if repository.work_tree is not None and repository.git_dir == common:
        return repository.work_tree
    if is_bare:
        return None
    done = repository.git.run("config", "--get", "core.worktree", accept=(0, 1))
    if done.returncode == 0:
        return os.path.realpath(os.path.join(common, text(done.stdout).removesuffix("\n")))
    return os.path.dirname(common) if os.path.basename(common) == ".git" else None


def _has_files(git: Git) -> bool:
    """Whether any file of the index is there: a bare repository has neither."""
    assert git.work_tree is not None
    if not os.path.exists(os.path.join(git.git_dir, "index")):
        return False
    names = git.run("ls-files", "-z", timeout_s=_TIMEOUT_S).stdout.split(b"\0")
    folder = os.fsencode(git.work_tree)
    return any(os.path.lexists(os.path.join(folder, name)) for name in names if name)


def _leads_back(path: str, git_dirs: tuple[str, ...]) -> bool:
    """Whether the `.git` of a linked work tree names its git directory; another repository may have been made there."""
    pointer = Path(path) / ".git"
    return pointer.is_file() and _resolved(_pointed_to(path, pointer)) in {_resolved(one) for one in git_dirs}


def _pointed_to(path: str, pointer: Path) -> str:
    place = text(pointer.read_bytes()).removesuffix("\n").removeprefix("gitdir: ")
    return os.path.join(path, place)


def _linked(repository: Repository) -> Iterator[tuple[str, str]]:
    """(path of a linked work tree, its git directory)."""
    folder = Path(repository.common_dir) / "worktrees"
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        pointer = entry / "gitdir"
        if pointer.is_file():
            place = text(pointer.read_bytes()).removesuffix("\n")
            yield os.path.dirname(os.path.join(entry, place)), str(entry)


def _resolved(path: str) -> str:
    return os.path.realpath(path)


def _state(repository: Repository, listed: _Listed, busy: str) -> tuple[CheckoutState, str]:
    if listed.is_missing:
        return CheckoutState.MISSING, "its folder is gone; git worktree prune forgets it"
    if busy:
        return CheckoutState.BUSY, busy
    if listed.fault:
        return CheckoutState.UNCLEAR, listed.fault
    if listed.is_locked:
        return CheckoutState.LOCKED, "git worktree unlock frees it"
    fault = ""
    for _ in range(2):
        try:
            # Filters first: asking for changes may already run them.
            if _is_filtered(repository, listed.path):
                return CheckoutState.FILTERED, "content filters would have to run to move its files"
            changed = _changed(repository, listed.path)
            return (CheckoutState.DIRTY, changed) if changed else (CheckoutState.CLEAN, "")
        except GitAlignError as error:
            fault = error.message[:200]
            if not isinstance(error, GitDied):  # what killed git may have had nothing to do with this work tree
                break
    return CheckoutState.UNCLEAR, f"its state cannot be read: {fault}"


def _git_for(repository: Repository, git_dir: str) -> Git:
    return replace(repository.git, git_dir=git_dir)


def work_tree_git(repository: Repository, path: str) -> Git:
    """git for one work tree, with the operator's settings for files (line endings, modes); hooks and monitors stay off."""
    pointer = Path(path) / ".git"
    git_dir = str(pointer)
    if pointer.is_file():
        git_dir = _pointed_to(path, pointer)
    elif not pointer.is_dir():
        git_dir = repository.common_dir  # only a main work tree can be without (core.worktree)
    return replace(repository.git, git_dir=os.path.realpath(git_dir), work_tree=path, config=())


def _changed(repository: Repository, path: str) -> str:
    """The first tracked changes of a work tree in words, empty when it is clean. Untracked files alone do not count."""
    done = work_tree_git(repository, path).run(
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=no",
        "--ignore-submodules=none",
        "--no-renames",
        timeout_s=_TIMEOUT_S,
    )
    names = [text(line.split(b" ", 8)[-1]) for line in done.stdout.split(b"\0") if line[:2] in (b"1 ", b"u ")]
    if not names:
        return ""
    return f"uncommitted changes in {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _is_filtered(repository: Repository, path: str) -> bool:
    git = work_tree_git(repository, path)
    if git.run("config", "--get-regexp", r"^filter\..*\.(clean|smudge|process)$", accept=(0, 1)).returncode != 0:
        return False
    files = git.run("ls-files", "-z", "--", ":(top)", accept=(0,)).stdout
    attributes = git.run("check-attr", "-z", "--stdin", "filter", stdin=files).stdout.split(b"\0")
    return any(value not in (b"unspecified", b"unset") for value in attributes[2::3])


@dataclass(frozen=True, slots=True)
class WorkTreeMove:
    """A work tree that can follow its branch from one commit to another."""

    repository: Repository
    path: str
    ref: str

    def obstacle(self, before: Oid, after: Oid) -> str:
        """Why it cannot follow from `before` to `after` now, read afresh; empty when it can."""
        for checkout in read_checkouts(self.repository, of_interest={self.ref}):
            if checkout.path != self.path:
                return f"it is checked out in {checkout.path} now"
            if checkout.state is not CheckoutState.CLEAN:
                return f"its work tree {self.path} is {checkout.state}: {checkout.detail}"
        return self.obstacle_head(before) or self._obstacle_files(before, after)

    def _obstacle_files(self, before: Oid, after: Oid) -> str:
        git = work_tree_git(self.repository, self.path)
        try:
            found = in_the_way(git, changes_between(git, before, after))
        except OSError as error:
            return f"in its work tree {self.path}, {error.filename} cannot be looked at: {error.strerror}"
        if found:
            return f"in its work tree {self.path}, these are not tracked and would be lost: {found}"
        # Files of a copy or of a backup have other times than the index says, and read-tree takes that for changes.
        done = git.run("update-index", "-q", "--refresh", accept=(0, 1, 128), timeout_s=_TIMEOUT_S)
        is_locked = (Path(git.git_dir) / "index.lock").exists()
        why = "is in use: index.lock is there" if is_locked else f"cannot be refreshed: {said_in(done.stderr)[:500]}"
        return f"the index of its work tree {self.path} {why}" if done.returncode == _FAILED else ""

    def obstacle_head(self, expected: Oid) -> str:
        """Why it cannot follow as far as its HEAD is concerned; empty when it stands on `expected`."""
        git = work_tree_git(self.repository, self.path)
        head = text(git.run("rev-parse", "--verify", "HEAD", accept=(0, 128)).stdout).strip()
        return (
            ""
            if head == expected
            else f"its work tree {self.path} stands on {head[:12] or 'nothing'}, not on {expected[:12]}"
        )

    def stands_at(self, oid: Oid) -> bool:
        """True when the index holds exactly the tree of `oid`."""
        git = work_tree_git(self.repository, self.path)
        return git.run("diff-index", "--cached", "--quiet", oid, accept=(0, 1)).returncode == 0
