"""What git is in the middle of in a work tree: rebase, am, merge, cherry-pick, revert, a sequence of them, bisect.

Asked of every work tree, whether its folder is there or not: `git worktree` keeps what is in progress for it to come back.
Source: `git help gitrepository-layout`; wt-status.c, wt_status_get_state, and branch.c, prepare_checked_out_branches, of git 2.39.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gitalign.core.names import HEADS
from gitalign.errors import GitError
from gitalign.git.command import Git, text

_FILES = {
    "MERGE_HEAD": "a merge is in progress",
    "CHERRY_PICK_HEAD": "a cherry-pick is in progress",
    "REVERT_HEAD": "a revert is in progress",
    "BISECT_LOG": "a bisect is in progress",
}
_SEQUENCES = {
    "pick": "a sequence of cherry-picks is in progress",
    "p": "a sequence of cherry-picks is in progress",
    "revert": "a sequence of reverts is in progress",
}


def in_progress(git: Git) -> Iterator[tuple[str, str]]:
    """What is in progress in one work tree.

    Args:
        git: bound to the git directory of the work tree.

    Returns:
        (branch ref that it holds besides the one checked out, or empty; what it is, in words).

    Raises:
        GitError: git cannot say, or a file that is there cannot be read.
    """
    place = Path(git.git_dir)
    yield from _rebase(place)
    start = _line(place / "BISECT_START")
    if start:
        yield (start if start.startswith(HEADS) else HEADS + start), "a bisect is in progress"
    for name, words in _FILES.items():
        if (place / name).exists():
            yield "", words
    if (place / "sequencer").exists():
        command = _line(place / "sequencer" / "todo").partition(" ")[0]
        yield "", _SEQUENCES.get(command, "a sequence of cherry-picks or reverts is in progress")
    yield from _in_reftable(git)


def _rebase(place: Path) -> Iterator[tuple[str, str]]:
    for folder in ("rebase-merge", "rebase-apply"):
        if not (place / folder).exists():
            continue
        name = _line(place / folder / "head-name")
        is_am = folder == "rebase-apply" and (place / folder / "applying").exists()
        yield (name if name.startswith(HEADS) else ""), "git am is in progress" if is_am else "a rebase is in progress"
        for line in _lines(place / folder / "update-refs"):
            if line.startswith(HEADS):
                yield line, "a rebase is in progress that will move it too"


def _in_reftable(git: Git) -> Iterator[tuple[str, str]]:
    """The heads that the reftable back end keeps among its refs instead of in files (git 2.45; `git help pseudoref`)."""
    place = Path(git.git_dir)
    if not (place / "reftable").exists():
        return
    names = ("CHERRY_PICK_HEAD", "REVERT_HEAD")
    asked = "".join(f"{name}\n" for name in names).encode()
    answers = text(git.run("cat-file", "--batch-check=%(objecttype)", stdin=asked).stdout).splitlines()
    for name, answer in zip(names, answers, strict=True):
        if answer == "commit":
            yield "", _FILES[name]


def _line(path: Path) -> str:
    return next(iter(_lines(path)), "")


def _lines(path: Path) -> list[str]:
    try:
        return text(path.read_bytes()).splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise GitError(f"cannot read {path}: {error.strerror}", hint="make it readable for this user") from error
