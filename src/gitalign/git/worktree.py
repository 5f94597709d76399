"""Work trees of the operator: which branches they hold, in what state, and how one follows its branch.

They are never an instrument. A work tree is touched only when the branch it holds moves, and only when it is clean.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from gitalign.core.names import HEADS, Oid
from gitalign.core.plan import Checkout, CheckoutState
from gitalign.errors import GitAlignError
from gitalign.git.command import Git, text
from gitalign.git.repository import Repository

_TIMEOUT_S = 300.0
_BUSY_FILES = {
    "MERGE_HEAD": "a merge is in progress",
    "CHERRY_PICK_HEAD": "a cherry-pick is in progress",
    "REVERT_HEAD": "a revert is in progress",
    "BISECT_LOG": "a bisect is in progress",
}


@dataclass(frozen=True, slots=True)
class _Listed:
    path: str
    branch: str | None
    is_bare: bool
    is_locked: bool
    is_missing: bool
    git_dir: str


def read_checkouts(repository: Repository, *, of_interest: Collection[str] | None = None) -> tuple[Checkout, ...]:
    """Every work tree that holds a branch, is rebasing one, or started a bisect from one.

    Args:
        of_interest: full refs; work trees of other branches are not looked into. None looks into all.

    Source: `git help worktree` (list --porcelain -z, since 2.36); gitrepository-layout for states in progress.
    """
    found: list[Checkout] = []
    for listed in _list(repository):
        if listed.is_bare:
            continue
        busy = dict(_busy(Path(listed.git_dir)))
        held = {f"{listed.branch}"} if listed.branch else set()
        for ref in sorted(held | set(busy)):
            if ref and (of_interest is None or ref in of_interest):
                state, detail = _state(repository, listed, busy.get(ref) or next(iter(busy.values()), ""))
                found.append(Checkout(path=listed.path, ref=ref, state=state, detail=detail))
    return tuple(found)


def read_holders(repository: Repository) -> dict[str, list[str]]:
    """Branch ref -> work trees that hold it, are rebasing it, or started a bisect from it; what state they are in is not asked."""
    found: dict[str, list[str]] = {}
    for listed in _list(repository):
        if not listed.is_bare:
            for ref in {listed.branch, *dict(_busy(Path(listed.git_dir)))}:
                if ref:
                    found.setdefault(ref, []).append(listed.path)
    return found


def work_trees(repository: Repository) -> tuple[Path, ...]:
    """Folders of every work tree that is there."""
    return tuple(Path(listed.path) for listed in _list(repository) if not listed.is_bare)


def _list(repository: Repository) -> list[_Listed]:
    done = repository.git.run("worktree", "list", "--porcelain", "-z", timeout_s=_TIMEOUT_S)
    by_path = {_resolved(path): git_dir for path, git_dir in _linked(repository)}
    listed: list[_Listed] = []
    for number, block in enumerate(done.stdout.split(b"\0\0")):
        lines = dict(line.partition(b" ")[::2] for line in block.split(b"\0") if line)
        if b"worktree" not in lines:
            continue
        path = text(lines[b"worktree"])
        is_main = number == 0
        git_dir = repository.common_dir if is_main else by_path.get(_resolved(path), "")
        if (
            is_main
            and b"bare" not in lines
            and repository.work_tree is not None
            and repository.git_dir == repository.common_dir
        ):
            path = repository.work_tree
        listed.append(
            _Listed(
                path=path,
                branch=text(lines[b"branch"]) if b"branch" in lines else None,
                is_bare=b"bare" in lines,
                is_locked=b"locked" in lines,
                is_missing=b"prunable" in lines or not os.path.isdir(path),
                git_dir=git_dir,
            )
        )
    return listed


def _linked(repository: Repository) -> Iterator[tuple[str, str]]:
    """(path of a linked work tree, its git directory)."""
    folder = Path(repository.common_dir) / "worktrees"
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        pointer = entry / "gitdir"
        if pointer.is_file():
            place = text(pointer.read_bytes()).removesuffix("\n")
            yield os.path.dirname(place if os.path.isabs(place) else os.path.join(entry, place)), str(entry)


def _resolved(path: str) -> str:
    return os.path.realpath(path)


def _busy(git_dir: Path) -> Iterator[tuple[str, str]]:
    """(branch ref or empty, what is in progress) for a work tree's git directory."""
    if not str(git_dir) or not git_dir.is_dir():
        return
    for folder in ("rebase-merge", "rebase-apply"):
        name = _line(git_dir / folder / "head-name")
        if (git_dir / folder).is_dir():
            yield (name if name.startswith(HEADS) else ""), "a rebase is in progress"
            for line in _lines(git_dir / folder / "update-refs"):
                if line.startswith(HEADS):
                    yield line, "a rebase is in progress that will move it too"
    start = _line(git_dir / "BISECT_START")
    if start:
        yield (start if start.startswith(HEADS) else HEADS + start), "a bisect is in progress"
    for name, words in _BUSY_FILES.items():
        if (git_dir / name).exists():
            yield "", words


def _line(path: Path) -> str:
    return next(iter(_lines(path)), "")


def _lines(path: Path) -> list[str]:
    try:
        return text(path.read_bytes()).splitlines()
    except OSError:
        return []


def _state(repository: Repository, listed: _Listed, busy: str) -> tuple[CheckoutState, str]:
    if listed.is_missing:
        return CheckoutState.MISSING, "its folder is gone; git worktree prune forgets it"
    if busy:
        return CheckoutState.BUSY, busy
    if listed.is_locked:
        return CheckoutState.LOCKED, "git worktree unlock frees it"
    try:
        # Filters first: asking for changes may already run them.
        if _is_filtered(repository, listed.path):
            return CheckoutState.FILTERED, "content filters would have to run to move its files"
        if changed := _changed(repository, listed.path):
            return CheckoutState.DIRTY, changed
    except GitAlignError as error:
        return CheckoutState.DIRTY, f"its state cannot be told: {error.message[:200]}"
    return CheckoutState.CLEAN, ""


def work_tree_git(repository: Repository, path: str) -> Git:
    """git for one work tree, with the operator's settings for files (line endings, modes); hooks and monitors stay off."""
    pointer = Path(path) / ".git"
    git_dir = str(pointer)
    if pointer.is_file():
        place = text(pointer.read_bytes()).strip().removeprefix("gitdir: ")
        git_dir = place if os.path.isabs(place) else os.path.join(path, place)
    elif not pointer.is_dir():
        git_dir = repository.git_dir
    return Git(
        git_dir=os.path.realpath(git_dir),
        work_tree=path,
        executable=repository.git.executable,
        gate=repository.git.gate,
    )


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

    def obstacle(self, expected: Oid) -> str:
        """Why it cannot follow now, read afresh; empty when it can."""
        for checkout in read_checkouts(self.repository, of_interest={self.ref}):
            if checkout.path != self.path:
                return f"it is checked out in {checkout.path} now"
            if checkout.state is not CheckoutState.CLEAN:
                return f"its work tree {self.path} is {checkout.state}: {checkout.detail}"
        return self.obstacle_head(expected)

    def obstacle_head(self, expected: Oid) -> str:
        """Why it cannot follow as far as its HEAD is concerned; empty when it stands on `expected`."""
        git = work_tree_git(self.repository, self.path)
        head = text(git.run("rev-parse", "--verify", "HEAD", accept=(0, 128)).stdout).strip()
        return (
            ""
            if head == expected
            else f"its work tree {self.path} stands on {head[:12] or 'nothing'}, not on {expected[:12]}"
        )

    def follow(self, before: Oid, after: Oid) -> str:
        """Move index and files from `before` to `after`; HEAD stays. Empty when done, otherwise why not (nothing was changed).

        Source: `git help read-tree`, two-tree merge: refuses to touch what differs from `before`, and untracked files in the way.
        """
        git = work_tree_git(self.repository, self.path)
        done = git.run("read-tree", "-m", "-u", before, after, accept=(0, 1, 128), timeout_s=_TIMEOUT_S)
        return (
            ""
            if done.returncode == 0
            else f"its work tree {self.path} cannot follow: {text(done.stderr).strip()[:500]}"
        )

    def stands_at(self, oid: Oid) -> bool:
        """True when the index holds exactly the tree of `oid`."""
        git = work_tree_git(self.repository, self.path)
        return git.run("diff-index", "--cached", "--quiet", oid, accept=(0, 1)).returncode == 0
