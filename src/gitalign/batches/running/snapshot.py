"""What a task's tree holds that is not in the repository yet, and bringing it there under a ref of ours.

The task's index is never touched: changes are read with an index of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitalign.batches.running.foreign_head import ForeignRefs, OddGitDirectory, read_foreign_refs
from gitalign.batches.running.task_tree import TaskTree
from gitalign.core.commit import new_commit
from gitalign.core.names import Oid
from gitalign.errors import GitError, MissingObject
from gitalign.git.command import raw, text
from gitalign.git.objects import CommitWriter
from gitalign.git.repository import Repository
from gitalign.git.storing import taken_over
from gitalign.worktrees.file_marks import FileChanges

_TIMEOUT_S = 300.0
_MOST_BY_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a tree holds.

    Attributes:
        base: the commit its task started from.
        head: the commit that the task's HEAD names; the base when the task's git directory cannot be read.
        tree: id of all files as they are now, ignored ones and nested repositories left out.
        is_dirty: whether the files differ from those of `head`.
        others: commits that other refs of the task, and its stash, name.
        nested: nested repositories, which no snapshot holds.
        fault: why the task's git directory counts for nothing; empty when it does.
    """

    base: Oid
    head: Oid
    tree: Oid
    is_dirty: bool
    others: tuple[Oid, ...] = ()
    nested: tuple[str, ...] = ()
    fault: str = ""

    @property
    def is_untouched(self) -> bool:
        """True when there is nothing that the base does not have."""
        return self.head == self.base and not self.is_dirty and not self.others


def look(tree: TaskTree) -> Seen:
    """What a tree holds now. Its task may still be running: the answer is of some moment during the look.

    Raises:
        GitError: files cannot be read; nothing was taken.
        OutOfSpace
    """
    assert tree.base is not None
    files, nested = _files_now(tree)
    fault = ""
    refs = ForeignRefs(None, ())
    try:
        refs = read_foreign_refs(tree.task_git_dir)
    except OddGitDirectory as error:
        fault = str(error)
    commits = _known_commits(tree, refs)
    if refs.head is not None and refs.head not in commits:
        fault = f"its HEAD names {refs.head[:12]}, which is not a commit that can be read"
    head = refs.head if refs.head in commits and refs.head is not None else tree.base
    others = tuple(one for one in refs.others if one in commits and one not in (head, tree.base))
    return Seen(
        base=tree.base,
        head=head,
        tree=files,
        is_dirty=files != commits[head],
        others=others,
        nested=nested,
        fault=fault,
    )


def commit_files(tree: TaskTree, seen: Seen, *, message: str, ident: bytes, parents: Sequence[Oid] = ()) -> Oid:
    """Write a commit of the files on top of HEAD into the store of ours.

    Args:
        tree: what was looked at.
        seen: what it holds.
        message: of the commit.
        ident: author and committer.
        parents: further parents.

    Raises:
        OutOfSpace
    """
    commit = new_commit(
        tree=seen.tree, parents=(seen.head, *parents), author=ident, committer=ident, message=raw(message)
    )
    writer = CommitWriter(tree.own_objects, object_format=_format_of(seen.tree))
    (oid,) = writer.write([commit])
    return oid


def bring_home(repository: Repository, tree: TaskTree, tip: Oid, *, batch_id: str) -> Path | None:
    """Bring a commit of a tree, complete, into the repository.

    Returns:
        The `.keep` file that holds its pack until a ref names the commit.

    Raises:
        GitError: something behind it is missing, malformed or not what its id says; no ref may name it.
        OutOfSpace
    """
    assert tree.base is not None
    name = taken_over(tree.git, repository.git, [tip], [tree.base], mark=f"git-align {batch_id}", timeout_s=_TIMEOUT_S)
    return Path(repository.objects_dir) / "pack" / f"pack-{name}.keep"


def release(keep: Path | None) -> None:
    """Let git treat a pack like any other, once a ref names what is in it."""
    if keep is not None:
        with suppress(OSError):
            keep.unlink()


def _files_now(tree: TaskTree) -> tuple[Oid, tuple[str, ...]]:
    """Id of all files as they are, and nested repositories, which cannot be taken in."""
    changes = tree.changes()
    if changes is not None and not changes:
        base = tree.files_of_base(lambda base: _commits(tree, [base]).get(base))
        if base is not None:
            return base, ()
    is_as_laid_out = tree.renew_reader()
    nested = None
    if changes is not None and is_as_laid_out and len(changes.changed) + len(changes.added) <= _MOST_BY_NAME:
        nested = _add_by_name(tree, changes)
    if nested is None:
        nested = _add_everything(tree)
    return Oid(text(tree.reader.run("write-tree", timeout_s=_TIMEOUT_S).stdout).strip()), nested


def _add_by_name(tree: TaskTree, changes: FileChanges) -> tuple[str, ...] | None:
    """As `_add_everything`, of what is known to have changed; None when it has to be done with everything.

    Source: `git help update-index` (--add, --remove, --stdin), which refuses what is not a file.
    """
    try:
        others: list[bytes] = []
        if changes.added:
            paths = [f":(top,literal){path}" for path in changes.added]
            words = ("ls-files", "-z", "--others", "--exclude-standard", "--", *paths)
            others = [one for one in tree.reader.run(*words, timeout_s=_TIMEOUT_S).stdout.split(b"\0") if one]
        files = [one for one in others if not one.endswith(b"/")] + [raw(path) for path in changes.changed]
        listed = b"".join(one + b"\0" for one in files)
        if listed:
            words = ("update-index", "--add", "--remove", "-z", "--stdin")
            tree.reader.run(*words, stdin=listed, timeout_s=_TIMEOUT_S)
    except (GitError, OSError):
        tree.renew_reader(afresh=True)
        return None
    return tuple(text(one).rstrip("/") for one in others if one.endswith(b"/"))


def _add_everything(tree: TaskTree) -> tuple[str, ...]:
    """Bring our index up to date with the files; nested repositories, which cannot be taken in."""
    listed = tree.reader.run("ls-files", "-z", "--others", "--exclude-standard", timeout_s=_TIMEOUT_S).stdout
    nested = tuple(text(one) for one in listed.split(b"\0") if one.endswith(b"/"))
    left_out = [f":(top,exclude,literal){one.rstrip('/')}" for one in nested]
    for attempt in (1, 2, 3):
        try:
            tree.reader.run("add", "--all", "--", ":/", *left_out, timeout_s=_TIMEOUT_S)
            break
        except GitError:
            if attempt == 3:  # files come and go while the task runs
                raise
    return tuple(one.rstrip("/") for one in nested)


def _known_commits(tree: TaskTree, refs: ForeignRefs) -> dict[Oid, Oid]:
    """Commits of refs of a task, and the base, as `_commits`."""
    assert tree.base is not None
    if not refs.others and refs.head in (None, tree.base):
        files = tree.files_of_base(lambda base: _commits(tree, [base]).get(base))
        if files is None:
            raise MissingObject(f"commit {tree.base} cannot be read", hint="git fsck")
        return {tree.base: files}
    return _commits(tree, [*([refs.head] if refs.head else []), *refs.others, tree.base])


def _commits(tree: TaskTree, oids: Sequence[Oid]) -> dict[Oid, Oid]:
    """Those of the ids that name commits which can be read, each with its tree."""
    asked = "".join(f"{oid}^{{commit}}\n{oid}^{{tree}}\n" for oid in oids).encode("ascii")
    answer = tree.git.run("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=asked).stdout
    lines = text(answer).splitlines()
    found: dict[Oid, Oid] = {}
    for oid, kind, files in zip(oids, lines[::2], lines[1::2], strict=True):
        if kind == f"commit {oid}" and files.startswith("tree "):
            found[oid] = Oid(files.removeprefix("tree "))
    return found


def _format_of(oid: Oid) -> str:
    return "sha1" if len(oid) == 40 else "sha256"
