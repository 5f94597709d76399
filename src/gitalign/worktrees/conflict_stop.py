"""A conflict laid out in the work tree of a session exactly as the engine met it, in the middle of a rebase or merge of git's own.

git is only brought to stop there: it merges nothing by itself, so neither merge drivers nor other settings of the operator's have
a say in what a person is asked. From then on the work tree is like any other in which git stopped: `git add`, `git mergetool`,
`git rebase --continue` do what they do everywhere.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign.core.commit import RawCommit, unseen_commit
from gitalign.core.names import Oid
from gitalign.core.stand_in import stand_in
from gitalign.errors import InvariantBroken
from gitalign.git.command import Git, raw, text
from gitalign.git.merge import OURS_MARK, THEIRS_MARK, MergeAnswer, with_side_names
from gitalign.git.trees import TreeChanges, write_blobs, write_commit, write_tree

_TIMEOUT_S = 600.0
_MARKER_FILE = b".git-align-stops-here"
_LABEL = re.compile(rb"^(<{7,}|>{7,}) [0-9a-f]{40,64}(:[^\r\n]*)?(?=\r?$)", re.MULTILINE)
_ID = "[0-9a-f]{40,64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """What is to be in the work tree at a stop.

    Attributes:
        tree: files, with conflict markers where there are any.
        answer: stages, under names that people know.
    """

    tree: Oid
    answer: MergeAnswer


def laid_out(git: Git, answer: MergeAnswer, *, ours: str, theirs: str, label: str) -> Laid:
    """The files and stages of a merge that is not clean, with the names git would give in a work tree.

    Args:
        git: sees the objects of the merge, and is where new ones are written.
        answer: with marks for the two sides.
        ours, theirs: names of the sides, as they become part of invented paths.
        label: of their side in conflict markers.

    Raises:
        GitError, OutOfSpace
    """
    named = with_side_names(answer, ours=ours, theirs=theirs)
    in_tree = _invented(git, answer)
    changes: dict[bytes, tuple[str, Oid] | None] = {}
    for before, after in zip(answer.entries, named.entries, strict=True):
        path = in_tree.get(before.path, before.path)
        found = git.run("ls-tree", "-z", answer.tree, "--", f":(literal){path}").stdout
        if not found:
            continue
        mode, kind, oid = text(found.split(b"\t", 1)[0]).split(" ")
        if kind == "blob" and mode != "120000":
            content = git.run("cat-file", "blob", oid, timeout_s=_TIMEOUT_S).stdout
            told = _LABEL.sub(lambda found: _labelled(found, raw(label)), content)
            if told != content:
                (oid,) = write_blobs(git, [told], object_format="sha1" if len(oid) == 40 else "sha256")
        if path != after.path:
            changes[raw(path)] = None
        changes[raw(after.path)] = (mode, Oid(oid))
    return Laid(tree=write_tree(git, answer.tree, changes) if changes else answer.tree, answer=named)


def _labelled(found: re.Match[bytes], theirs: bytes) -> bytes:
    return b"%b %b%b" % (found[1], b"HEAD" if found[1].startswith(b"<") else theirs, found[2] or b"")


def _invented(git: Git, answer: MergeAnswer) -> dict[str, str]:
    """Path with marks -> path in the tree, of those that git invented from the ids of the sides."""
    marked = [entry.path for entry in answer.entries if "\0" in entry.path]
    if not marked:
        return {}
    names = text(git.run("ls-tree", "-r", "-z", "--name-only", answer.tree, timeout_s=_TIMEOUT_S).stdout).split("\0")
    found: dict[str, str] = {}
    for path in marked:
        pattern = re.escape(path)
        for mark in (OURS_MARK, THEIRS_MARK):
            pattern = pattern.replace(re.escape(mark), f"~{_ID}")
        name = next((one for one in names if re.fullmatch(pattern, one)), None)
        if name is not None:
            found[path] = name
    return found


def carriers(git: Git, laid: Laid, *, tip: Oid) -> tuple[RawCommit, RawCommit]:
    """Two commits that hold files and stages of a stop, so that these can be brought into the repository like a result."""
    zero = "0" * len(tip)
    stages: TreeChanges = {
        b"%d" % number: (entry.mode, entry.oid)
        for number, entry in enumerate(laid.answer.entries)
        if entry.mode != "160000" and entry.oid != zero
    }
    return unseen_commit(laid.tree, tip), unseen_commit(write_tree(git, None, stages), tip)


def stop_rebase(git: Git, session_git: Git, tip: Oid, commit: tuple[Oid, RawCommit], rest: Sequence[Oid]) -> None:
    """Bring git to stop at a commit, in a rebase onto `tip`.

    It is given a commit in its place whose one change is sure to clash, so that it stops whatever it is configured to do.

    Args:
        git: of the repository.
        session_git: of the work tree, which is clean; where its HEAD is, it goes back to on `git rebase --abort`.
        tip: the result so far.
        commit: at which to stop.
        rest: what is to be picked after it.

    Raises:
        GitError, OutOfSpace
    """
    oid, old = commit
    like = "sha1" if len(tip) == 40 else "sha256"
    one, other = write_blobs(git, [secrets.token_bytes(32), secrets.token_bytes(32)], object_format=like)
    below = write_commit(git, stand_in(oid, old, tree=_with(git, tip, one), parents=(tip,)))
    above = write_commit(git, stand_in(oid, old, tree=_with(git, tip, other), parents=(below,)))
    todo = Path(session_git.git_dir) / "git-align-todo"
    todo.write_text("".join(f"pick {one}\n" for one in (above, *rest)), encoding="ascii")
    editing = {**session_git.variables, "GIT_SEQUENCE_EDITOR": f"cp {shlex.quote(str(todo))}"}
    words = ("rebase", "--interactive", "--empty=drop", "--no-fork-point", "--onto", tip, tip)
    done = replace(session_git, variables=editing).run(*words, accept=range(256), timeout_s=_TIMEOUT_S)
    todo.unlink()
    if not (Path(session_git.git_dir) / "rebase-merge").is_dir():
        raise InvariantBroken(f"git rebase did not stop: {text(done.stderr)[-500:]}")
    session_git.run("update-ref", "--no-deref", "REBASE_HEAD", oid)


def _with(git: Git, tip: Oid, blob: Oid) -> Oid:
    tree = Oid(text(git.run("rev-parse", f"{tip}^{{tree}}").stdout).strip())
    return write_tree(git, tree, {_MARKER_FILE: ("100644", blob)})


def stop_merge(session_git: Git, onto: Oid, message: bytes) -> None:
    """Bring git to the middle of a merge, with nothing merged yet.

    Source: `git help merge` (--strategy=ours takes nothing of theirs, and asks no driver).
    """
    words = ("merge", "--strategy=ours", "--no-ff", "--no-commit", "-m", text(message), onto)
    session_git.run(*words, timeout_s=_TIMEOUT_S)


def put_conflict(session_git: Git, laid: Laid) -> None:
    """Put files and stages of a conflict into the work tree and its index, in place of what is there.

    Raises:
        GitError
    """
    session_git.run("read-tree", "--reset", "-u", laid.tree, timeout_s=_TIMEOUT_S)
    entries = laid.answer.entries
    zero = "0" * len(laid.tree)
    lines = [b"0 %b\t%b\0" % (zero.encode(), raw(path)) for path in dict.fromkeys(entry.path for entry in entries)]
    lines += [b"%b %b %d\t%b\0" % (raw(one.mode), raw(one.oid), one.stage, raw(one.path)) for one in entries]
    session_git.run("update-index", "-z", "--index-info", stdin=b"".join(lines), timeout_s=_TIMEOUT_S)
    session_git.run("update-index", "-q", "--refresh", accept=(0, 1), timeout_s=_TIMEOUT_S)
    session_git.run("rerere", accept=range(256), timeout_s=_TIMEOUT_S)
