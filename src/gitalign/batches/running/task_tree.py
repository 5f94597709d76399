"""The work tree of one task: a folder with a git directory of its own, which knows the user's objects and nothing else of it.

Beside it, out of the task's way, lie a git directory and an index of ours. With these files are laid out and changes read;
what the task writes into its own git directory is never run and never configures git of ours.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gitalign.batches.running.tree_memory import LaidOut, TreeMemory, is_rule, state_of
from gitalign.core.names import Oid
from gitalign.errors import GitError, OutOfSpace
from gitalign.git.alternates import alternates_file
from gitalign.git.command import Git
from gitalign.git.repository import Repository
from gitalign.tree_removal import remove_tree
from gitalign.worktrees.disposable import DisposableTree, attribute_files, copy_index
from gitalign.worktrees.file_marks import FileChanges, marks_of

# Files are what the repository holds: no conversion by settings of this machine.
_PLAIN = (
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.autocrlf", "false"),
    ("core.precomposeUnicode", "false"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.looseCompression", "1"),
    ("advice.addEmbeddedRepo", "false"),
)
_PACK_S = 600.0
_NO_OTHERS = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}


class TaskTree(DisposableTree):
    """A work tree for one task after another.

    Args:
        folder: for it alone; made when it is not there.
        repository: whose commits it holds.
        memory: how this process left it, from one object of the same folder to the next.

    Attributes:
        git: sees the files of the tree, the objects of the repository, and those of the task; with an index of ours,
            which stays as the files were laid out.
        reader: the same with a second index, which follows what the task does.
        cache: a folder that stays from one task to the next.
        secrets: where secrets of the present task are while it runs.
        base: the commit that the present task started from.
    """

    def __init__(self, folder: Path, repository: Repository, memory: TreeMemory | None = None) -> None:
        self.folder = folder
        self._memory = memory or TreeMemory()
        self._is_restored = False
        self.cache = folder / "cache"
        self.secrets = folder / "secrets"
        self._own = folder / "git"
        self._hiding = folder / "hiding"
        self._repository = repository
        self.base: Oid | None = None
        git = Git(
            git_dir=str(self._own),
            executable=repository.git.executable,
            gate=repository.git.gate,
            config=_PLAIN,
            variables=_NO_OTHERS,
            inherited=repository.git.inherited,
            processes=repository.git.processes,
        )
        super().__init__(
            folder / "work", git, objects=Path(repository.objects_dir), object_format=repository.object_format
        )
        self._is_used = self._own.exists()
        self._seen_index = folder / "seen.index"
        self.reader = replace(self._git, variables={**self._git.variables, "GIT_INDEX_FILE": str(self._seen_index)})
        try:
            self.cache.mkdir(exist_ok=True)
        except OSError as error:
            raise OutOfSpace(f"cannot make {self.cache}: {error.strerror}", hint="free some space") from error

    @property
    def git(self) -> Git:
        """Git of ours on this tree."""
        return self._git

    @property
    def own_objects(self) -> Path:
        """Where git of ours writes."""
        return self._own / "objects"

    @property
    def task_git_dir(self) -> Path:
        """The git directory that the task sees."""
        return self.tree / ".git"

    def start_from(self, base: Oid, *, keep: Sequence[str] = ()) -> None:
        """Have exactly the files of a commit, with HEAD on it, and of what was there before only what matches `keep`.

        Raises:
            GitError, OutOfSpace
        """
        self.base = base
        self.drop_secrets()
        try:
            self._forget_indexes_of_the_dead()
            self._seen_index.unlink(missing_ok=True)
            if self.is_hiding:
                self._discard()
                self._hiding.unlink()
            self._renew()
        except OSError as error:
            raise OutOfSpace(f"cannot write {self._own}: {error.strerror}", hint="free some space") from error
        self.hold(base, keep=keep)  # git takes a commit for its tree
        if not self._is_restored:
            self._memory.laid_out = None if keep or self._has_submodules else self._laid_out_now(base)

    def changes(self) -> FileChanges | None:
        """What is not as it was laid out; None when that is not known, and git has to look at every file."""
        self._memory.changes = None
        laid_out = self._known()
        with suppress(OSError):
            self._memory.changes = laid_out.marks.changes(str(self.tree)) if laid_out is not None else None
        return self._memory.changes

    def end_task(self) -> None:
        """Note that what was seen last is what the task leaves; nothing of it runs any more."""
        self._memory.end_task()

    def _known(self) -> LaidOut | None:
        """How the files were laid out from the present base, when this process did that, and no other one since."""
        laid_out = self._memory.laid_out
        if laid_out is None or (laid_out.base, laid_out.index) != (self.base, state_of(self._index)):
            return None
        return laid_out

    def renew_reader(self, *, afresh: bool = False) -> bool:
        """Have the index of `reader` there; whether it is as the files were laid out.

        Args:
            afresh: also when it is there already.

        Raises:
            OutOfSpace
        """
        if self._seen_index.exists() and not afresh:
            return False
        try:
            if self._index.exists():
                copy_index(self._index, self._seen_index)
        except OSError as error:
            raise OutOfSpace(f"cannot write {self._seen_index}: {error.strerror}", hint="free some space") from error
        return True

    def files_of_base(self, read: Callable[[Oid], Oid | None]) -> Oid | None:
        """Id of all files of the base; `read` is asked when this process does not know it yet."""
        assert self.base is not None
        known = self._memory.files_of.get(self.base) or read(self.base)
        if known is not None:
            self._memory.files_of[self.base] = known
        return known

    def _laid_out_now(self, base: Oid) -> LaidOut | None:
        with suppress(OSError):
            marks = marks_of(str(self.tree))
            index = state_of(self._index)
            if marks is not None and index is not None:
                return LaidOut(base, index, marks)
        return None

    def _tidy(self, keep: Sequence[str]) -> bool:
        self._is_restored = not keep and self._restored()
        if self._is_restored:
            return True
        self._memory.laid_out = None
        return super()._tidy(keep)

    def _restored(self) -> bool:
        """Have the files again as they were laid out from the same commit; False when git has to lay out everything."""
        laid_out = self._known()
        # A moment after its task nothing else can have changed it than what may change it at any later moment, too.
        changes = self._memory.take_left()
        if changes is None:
            changes = self.changes()
        if changes is None or laid_out is None or any(is_rule(path) for path in (*changes.changed, *changes.added)):
            return False
        try:
            for path in (*changes.added, *changes.changed):
                remove_tree(self.tree / path)
            if changes.changed:
                listed = b"".join(os.fsencode(path) + b"\0" for path in changes.changed)
                self._git.run("checkout-index", "--quiet", "--force", "--index", "-z", "--stdin", stdin=listed)
                marks = laid_out.marks.renewed(str(self.tree), changes.changed)
                index = state_of(self._index)
                self._memory.laid_out = LaidOut(laid_out.base, index, marks) if marks and index else None
        except (OSError, GitError):
            return False
        return True

    def _lay_out(self, tree: Oid) -> None:
        if self._is_restored:
            return
        if self._rules is None and self._index.exists():
            self._rules = self._rules_in_index()
        super()._lay_out(tree)

    def _forget_indexes_of_the_dead(self) -> None:
        """Remove locks that git of a killed process left: this one alone uses the tree."""
        for index in (self._index, self._seen_index):
            index.with_name(index.name + ".lock").unlink(missing_ok=True)

    @property
    def is_hiding(self) -> bool:
        """Whether files are hidden from the present task: it must not be given `objects`, nor `cache`."""
        return self._hiding.exists()

    def hide(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Take files away from the task; their paths. Git works there as in a sparse checkout, without what the files hold.

        What the task's index and ours say about these files stays: its result has them as they are.

        Source: `git help update-index` (--skip-worktree), `git help pack-objects`, `git help ls-tree` (-r, -t).

        Raises:
            GitError, OutOfSpace
        """
        assert self.base is not None
        hidden = self._named_by(patterns)
        try:
            self._hiding.touch()
            listed = b"".join(os.fsencode(path) + b"\0" for path in hidden)
            self._git.run("update-index", "--skip-worktree", "-z", "--stdin", stdin=listed)
            for path in hidden:
                with suppress(FileNotFoundError, IsADirectoryError):
                    (self.tree / path).unlink()
            self._give_objects(self.base, {os.fsencode(path) for path in hidden})
            copy_index(self._index, self.task_git_dir / "index")
        except OSError as error:
            raise OutOfSpace(f"cannot hide {error.filename}: {error.strerror}", hint="free some space") from error
        return hidden

    def _give_objects(self, base: Oid, hidden: set[bytes]) -> None:
        """Have the task's git know the files of the base that are not hidden, and nothing of the repository."""
        root = self._git.run("rev-parse", f"{base}^{{tree}}").stdout.strip()
        visible = {base.encode("ascii"), root}
        for line in self._git.run("ls-tree", "-r", "-t", "-z", "--full-tree", base).stdout.split(b"\0"):
            head, _, path = line.partition(b"\t")
            if path and b" commit " not in head and path not in hidden:
                visible.add(head.rpartition(b" ")[2])
        place = self.task_git_dir / "objects"
        listed = b"\n".join(visible) + b"\n"
        done = self._git.run("pack-objects", "-q", str(place / "pack/pack"), stdin=listed, timeout_s=_PACK_S)
        (place / f"pack/pack-{done.stdout.decode('ascii').strip()}.promisor").touch()
        (place / "info/alternates").unlink()
        (self.task_git_dir / "shallow").write_text(f"{base}\n", encoding="ascii")
        # Without a promisor, git commits nothing beside entries whose objects are not there (`git help partial-clone`).
        with (self.task_git_dir / "config").open("a", encoding="ascii") as file:
            file.write('[remote "hidden"]\n\turl = /dev/null/hidden\n\tpromisor = true\n')

    def put_secrets(self, values: Mapping[str, bytes]) -> None:
        """Write secrets, each in a file of its name that only this user can read.

        Raises:
            OutOfSpace
        """
        self.drop_secrets()
        if not values:
            return
        try:
            self.secrets.mkdir(mode=0o700)
            for name, value in values.items():
                handle = os.open(self.secrets / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(value)
        except OSError as error:
            self.drop_secrets()
            raise OutOfSpace(f"cannot write {self.secrets}: {error.strerror}", hint="free some space") from error

    def drop_secrets(self) -> None:
        """Delete the secrets that are there."""
        remove_tree(self.secrets)

    def adopt(self, base: Oid) -> None:
        """Take over the tree of a process that was killed, as it is: files, index and git directory stay.

        Args:
            base: the commit that its task started from.
        """
        self.base = base
        self.drop_secrets()
        with suppress(OSError):
            self._forget_indexes_of_the_dead()
            self._seen_index.unlink(missing_ok=True)

    @property
    def is_in_place(self) -> bool:
        """Whether the tree is still the folder that was made: nothing has put another, or a link, in its place."""
        return self._is_in_place()

    def _rules_in_index(self) -> frozenset[bytes] | None:
        """Attribute files that the files of an earlier process were laid out under; None when that is not known."""
        try:
            listed = self._git.run("ls-files", "--stage", "-z").stdout
        except GitError:
            return None
        return attribute_files(listed)

    def _renew(self) -> None:
        """A git directory of ours without anything of an earlier task."""
        remove_tree(self._own)
        for folder in ("refs", "objects/info", "info"):
            (self._own / folder).mkdir(parents=True)
        (self._own / "config").write_text(self._configuration(is_bare=False), encoding="ascii")
        (self._own / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
        # The repository's stores come first: what the task writes can never stand in for an object that is there.
        stores = (*self._repository.object_stores(), self.task_git_dir / "objects")
        (self._own / "objects/info/alternates").write_bytes(alternates_file(stores))
        shallow = Path(self._repository.common_dir) / "shallow"
        if shallow.exists():
            shutil.copyfile(shallow, self._own / "shallow")

    def _pretend(self, tree: Oid) -> None:
        """Make the task's git directory: HEAD detached on the base, an index that matches, objects by way of the repository."""
        assert self.base is not None
        place = self.task_git_dir
        for folder in ("refs/heads", "refs/tags", "objects/info", "objects/pack", "info", "hooks"):
            (place / folder).mkdir(parents=True)
        (place / "objects/info/alternates").write_bytes(alternates_file(self._repository.object_stores()))
        (place / "config").write_text(self._configuration(is_bare=False), encoding="ascii")
        (place / "HEAD").write_text(f"{self.base}\n", encoding="ascii")
        shallow = self._own / "shallow"
        if shallow.exists():
            shutil.copyfile(shallow, place / "shallow")
        copy_index(self._index, place / "index")

    def _configuration(self, *, is_bare: bool) -> str:
        object_format = self._repository.object_format
        lines = ["[core]", f"\trepositoryformatversion = {0 if object_format == 'sha1' else 1}"]
        lines += [f"\tbare = {str(is_bare).lower()}", "\tlogAllRefUpdates = true"]
        lines += [] if object_format == "sha1" else ["[extensions]", f"\tobjectFormat = {object_format}"]
        return "\n".join(lines) + "\n"
