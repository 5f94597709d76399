"""What git itself says of a rebase or merge that is in progress in a work tree."""

from __future__ import annotations

import re
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.git.asking import retried
from gitalign.git.command import Git, text
from gitalign.worktrees.resolution_course import Course

_A_PICK = re.compile(r"p(?:ick)? ([0-9a-f]{40}|[0-9a-f]{64})\b")
_BY_ITSELF = re.compile(r"(rebase|pull)( -i| .*)? \((pick|start|finish|reset)\)|reset: |checkout: ")


def commit_at(git: Git, name: str) -> Oid | None:
    """The commit that a name of git's stands for in a work tree, if there is one.

    Raises:
        GitError: that cannot be found out; what is in progress is never guessed.
    """
    # Exit code 1 is that of a name that stands for nothing.
    words = ("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}")
    done = retried(lambda: git.run(*words, accept=(0, 1)))
    return Oid(text(done.stdout).strip()) if done.returncode == 0 else None


def progress(git_dir: Path, course: Course | None) -> tuple[int, int]:
    """Which of how many commits of a branch is being applied; 1 of 1 where git does not say.

    Args:
        git_dir: of the work tree.
        course: what was planned, where git's list is only a part of it.
    """
    try:
        done, of = (int((git_dir / "rebase-merge" / name).read_text()) for name in ("msgnum", "end"))
    except (OSError, ValueError):
        return 1, 1
    total = of if course is None else max(of, len(course.picks))
    return total - of + done, total


def last_picked(git_dir: Path, course: Course | None) -> Oid | None:
    """The commit that git picked last; it notes that before it merges, and `REBASE_HEAD` only behind that, if it does not fail.

    Args:
        git_dir: of the work tree.
        course: which commits are of the branch, or stand for one; others are made up to have git stop.

    Source: sequencer.c, save_todo and error_with_patch.
    """
    try:
        done = (git_dir / "rebase-merge" / "done").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    picked = _A_PICK.match(done.rstrip("\n").rpartition("\n")[2])
    if picked is None:
        return None
    oid = Oid(picked[1])
    return oid if course is None or course.known(oid) in course.picks else None


def made_by_hand(git: Git) -> frozenset[Oid]:
    """Commits that a person made in a work tree, as its reflog has them; those that `git rebase` picked by itself are none.

    Source: `git help reflog`; sequencer.c, reflog_message.
    """
    if commit_at(git, "HEAD") is None:
        return frozenset()
    listed = retried(lambda: git.run("log", "-g", "--no-show-signature", "--format=%H %gs", "HEAD"))
    found = [line.partition(" ") for line in text(listed.stdout).splitlines()]
    return frozenset(Oid(oid) for oid, _, words in found if words and _BY_ITSELF.match(words) is None)
