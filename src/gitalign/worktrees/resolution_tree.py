"""A disposable work tree in which a person resolves a conflict. It belongs to us; git does the work in it, a person decides.

It is a linked work tree with a detached HEAD, so the person has the repository's configuration, merge tools and rerere at hand,
and no branch is held or moved by it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign.core.conflict import StageEntry
from gitalign.core.manual_resolution import Look, ResolutionSession, Stand
from gitalign.core.names import Oid, shell_word
from gitalign.errors import GitError, OutOfSpace, UserError
from gitalign.git.command import Git, raw, text
from gitalign.git.refs import read_refs
from gitalign.git.remerge import merge_again
from gitalign.git.repository import Repository
from gitalign.tree_removal import remove_tree
from gitalign.worktrees.rebase_state import commit_at, last_picked, progress
from gitalign.worktrees.resolution_course import Course

_TIMEOUT_S = 600.0
# The plain course of a rebase or merge, whatever the operator's configuration prefers for others.
_PLAIN = (
    ("rebase.autoSquash", "false"),
    ("rebase.autoStash", "false"),
    ("rebase.updateRefs", "false"),
    ("rebase.rebaseMerges", "false"),
    ("rebase.backend", "merge"),
    ("merge.autoStash", "false"),
    ("rerere.enabled", "true"),
    ("rerere.autoUpdate", "false"),
    ("commit.gpgSign", "false"),
    # `git commit` in a rebase starts it, and in newer git its `rerere gc` has the lock that the rebase needs a moment later.
    ("maintenance.auto", "false"),
    ("gc.auto", "0"),
)
_MARK = "gitalign-session"
_OURS, _THEIRS = 2, 3
_MARKS = (re.compile(rb"^<{7}([ \r]|$)", re.MULTILINE), re.compile(rb"^>{7}([ \r]|$)", re.MULTILINE))
"""Labels may be missing: rerere leaves markers without them when it settles a part of a file."""


def begin(repository: Repository, session: ResolutionSession) -> None:
    """Make the work tree, with the files of the branch.

    Raises:
        GitError, OutOfSpace
    """
    folder = Path(session.folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutOfSpace(
            f"cannot make {folder.parent}: {error.strerror}", hint="name another folder with --dir"
        ) from error
    words = ("worktree", "add", "--detach", "--force", str(folder), session.seen)
    repository.git.run(*words, timeout_s=_TIMEOUT_S)
    linked = _linked(repository, folder)
    if linked is None:
        raise GitError(f"git made no work tree at {folder}", hint="name another folder with --dir")
    (linked / _MARK).write_bytes(raw(session.ref))


def look(repository: Repository, session: ResolutionSession) -> Look:
    """Where the session stands, read from its work tree.

    Raises:
        GitError
    """
    now = read_refs(repository).get(session.ref)
    folder = Path(session.folder)
    git_dir = _own(repository, session)
    if git_dir is None or not (git_dir / "HEAD").exists():
        return Look(session=session, stand=Stand.GONE, now=now)
    git = inside(repository, session)
    head = commit_at(git, "HEAD")
    if head is None:
        return Look(session=session, stand=Stand.GONE, now=now)
    course = Course.read(str(git_dir))
    if course is not None and course.rest is not None:
        position = len(course.picks) - len(course.rest) + 1
        return Look(session=session, stand=Stand.READY, head=head, position=position, total=len(course.picks), now=now)
    is_under_way = (git_dir / "rebase-merge").is_dir() or (git_dir / "MERGE_HEAD").exists()
    if not is_under_way:
        stand = Stand.LEFT if head == session.seen else Stand.DONE
        return Look(session=session, stand=stand, head=head, now=now)
    position, total = progress(git_dir, course)
    entries = _unmerged(git)
    changed = [] if entries else _changed(git)
    stopped_at = commit_at(git, "MERGE_HEAD" if session.is_merge else "REBASE_HEAD")
    if stopped_at is None and (entries or changed):
        stopped_at = last_picked(git_dir, course)
    if stopped_at is not None and course is not None:
        stopped_at = course.known(stopped_at)
    subject = ""
    if stopped_at is not None:
        subject = text(git.run("log", "-1", "--format=%s", stopped_at).stdout).rstrip("\n")
    return Look(
        session=session,
        stand=Stand.STOPPED if entries else Stand.READY,
        head=head,
        position=position,
        total=total,
        stopped_at=stopped_at,
        subject=subject,
        entries=entries,
        marked=marked(folder, changed),
        now=now,
    )


def stage(repository: Repository, session: ResolutionSession, paths: Sequence[str]) -> None:
    """Say that paths are resolved as they are in the work tree, deleted ones included."""
    git = inside(repository, session)
    git.run("add", "--all", "--force", "--", *(f":(top,literal){path}" for path in paths), timeout_s=_TIMEOUT_S)


def take(repository: Repository, session: ResolutionSession, path: str, *, stage: int) -> None:
    """Have a conflicted file as one side has it; deleted when that side has none."""
    git = inside(repository, session)
    if any(entry.path == path and entry.stage == stage for entry in _unmerged(git)):
        side = "--ours" if stage == _OURS else "--theirs"
        git.run("checkout", "--quiet", side, "--", f":(top,literal){path}", timeout_s=_TIMEOUT_S)
    else:
        remove_tree(Path(session.folder) / path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedConflict:
    """A conflict within a file, as it was met and as a person left it."""

    path: str
    marked: bytes
    content: bytes


def resolved_conflicts(
    repository: Repository, session: ResolutionSession, *, marker_size: int
) -> list[ResolvedConflict]:
    """Conflicts within files that were resolved since git stopped; git keeps their stages until it goes on.

    Args:
        repository: the repository.
        session: of the branch.
        marker_size: characters of a marker in what is given.

    Source: `git help ls-files` (--resolve-undo).
    """
    git = inside(repository, session)
    stages: dict[bytes, dict[int, tuple[bytes, bytes]]] = {}
    for line in git.run("ls-files", "--resolve-undo", "-z").stdout.split(b"\0"):
        if line:
            head, _, path = line.partition(b"\t")
            mode, oid, stage = head.split(b" ")
            stages.setdefault(path, {})[int(stage)] = (mode, oid)
    found: list[ResolvedConflict] = []
    for path, sides in stages.items():
        if not {_OURS, _THEIRS} <= sides.keys() or any(not mode.startswith(b"100") for mode, _ in sides.values()):
            continue
        now = git.run("ls-files", "--stage", "-z", "--", f":(top,literal){text(path)}").stdout
        if not now.startswith(b"100"):
            continue
        base, ours, theirs = (
            git.run("cat-file", "blob", text(sides[stage][1])).stdout if stage in sides else b"" for stage in (1, 2, 3)
        )
        again = merge_again(
            repository.git,
            ours=ours,
            base=base,
            theirs=theirs,
            marker_size=marker_size,
            object_format=repository.object_format,
        )
        content = git.run("cat-file", "blob", text(now.split(b" ")[1])).stdout
        if again is not None:
            found.append(ResolvedConflict(path=text(path), marked=again.marked, content=content))
    return found


def go_on(repository: Repository, session: ResolutionSession) -> str:
    """Have git itself continue a rebase: it stops again at the next conflict, or ends; what it said."""
    done = inside(repository, session).run("rebase", "--continue", accept=range(256), timeout_s=_TIMEOUT_S)
    return text(done.stderr).strip()


def skip(repository: Repository, session: ResolutionSession) -> str:
    """Have git itself leave out the commit that stopped; what it said."""
    done = inside(repository, session).run("rebase", "--skip", accept=range(256), timeout_s=_TIMEOUT_S)
    return text(done.stderr).strip()


def end(repository: Repository, session: ResolutionSession) -> None:
    """Remove the work tree, whatever state it is in. The branch was never held by it.

    The folder is a path that was stored: what is not the linked work tree made for this very session stays.
    """
    # No `git worktree prune`: it would forget work trees of people whose disk is not there at the moment.
    forget = ("worktree", "remove", "--force", "--force", session.folder)
    if _own(repository, session) is not None:
        repository.git.run(*forget, accept=range(256))
        remove_tree(Path(session.folder))
    elif not os.path.lexists(session.folder):
        repository.git.run(*forget, accept=range(256))


def not_landed(repository: Repository, session: ResolutionSession) -> str:
    """What the work tree holds that is in no commit, in words; empty when it can go. Ignored files do not count.

    Raises:
        GitError
    """
    git = inside(repository, session)
    listed = git.run("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", timeout_s=_TIMEOUT_S)
    paths = [text(line[3:]) for line in listed.stdout.split(b"\0") if line]
    paths = [path for path in paths if not path.endswith(".orig")]  # `git mergetool` leaves them
    if not paths:
        return ""
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def not_added(repository: Repository, session: ResolutionSession) -> list[str]:
    """Tracked files that are otherwise in the work tree than in its index."""
    done = inside(repository, session).run("diff-files", "--name-only", "-z", "--ignore-submodules", accept=(0, 1))
    return [text(path) for path in done.stdout.split(b"\0") if path]


def inside(repository: Repository, session: ResolutionSession) -> Git:
    """git in the work tree; hooks do not run for what we start.

    Raises:
        UserError: it is not the session's work tree.
    """
    linked = _own(repository, session)
    if linked is None:
        raise UserError(
            f"{session.folder} is not the work tree that was made for {session.branch}",
            hint=f"close the resolution; the folder stays: git align resolve {shell_word(session.branch)} --abort",
        )
    return replace(
        repository.git,
        git_dir=str(linked),
        work_tree=session.folder,
        config=(*repository.git.config, *_PLAIN),
    )


def _own(repository: Repository, session: ResolutionSession) -> Path | None:
    """The git directory of the session's work tree; None when its folder is another work tree, or none."""
    folder = Path(session.folder)
    linked = _linked(repository, folder)
    if linked is None:
        return None
    try:
        return linked if (linked / _MARK).read_bytes() == raw(session.ref) else None
    except FileNotFoundError:
        # Made by an earlier release, which marked none; in our own folder it is ours all the same.
        return linked if folder.parent == repository.state_dir / "resolving" else None


def _linked(repository: Repository, folder: Path) -> Path | None:
    """The git directory of a linked work tree of this repository: each names the other (gitrepository-layout, worktrees)."""
    link = folder / ".git"
    try:
        if not stat.S_ISREG(link.lstat().st_mode):
            return None
        linked = Path(os.path.realpath(folder / text(link.read_bytes()).strip().removeprefix("gitdir: ")))
        back = linked / text((linked / "gitdir").read_bytes()).strip()
    except OSError:
        return None
    is_here = linked.parent == Path(os.path.realpath(repository.common_dir)) / "worktrees"
    return linked if is_here and os.path.realpath(back) == os.path.realpath(link) else None


def _unmerged(git: Git) -> tuple[StageEntry, ...]:
    found: list[StageEntry] = []
    for line in git.run("ls-files", "--unmerged", "-z", timeout_s=_TIMEOUT_S).stdout.split(b"\0"):
        if line:
            head, _, path = line.partition(b"\t")
            mode, oid, stage = head.split(b" ")
            found.append(StageEntry(stage=int(stage), mode=text(mode), oid=Oid(text(oid)), path=text(path)))
    return tuple(found)


def marked(folder: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Those of the files that hold both kinds of conflict marker."""
    return tuple(path for path in paths if _holds_marks(folder / path))


def _changed(git: Git) -> list[str]:
    words = ("diff-index", "--cached", "--name-only", "-z", "--diff-filter=AM", "HEAD")
    return [text(path) for path in git.run(*words).stdout.split(b"\0") if path]


def _holds_marks(place: Path) -> bool:
    try:
        content = b"" if place.is_symlink() else place.read_bytes()
    except OSError:
        return False
    return all(mark.search(content) for mark in _MARKS)
