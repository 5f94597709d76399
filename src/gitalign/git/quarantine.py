"""The quarantine: a private git directory in which merges are made.

Its object store is new and empty with the repository's store behind it, so whatever a merge writes stays out of the
repository until it is wanted. It has a configuration of its own and no hooks, so nothing in the repository or the
operator's configuration can run or change a verdict. Its work tree holds nothing but the target's attribute files, so
merge drivers depend on the target alone, never on what is checked out.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from gitalign.errors import GitAlignError, InvariantBroken, OutOfSpace
from gitalign.git.alternates import alternates_file
from gitalign.git.command import Git, raw
from gitalign.git.flushing import flush
from gitalign.git.object_memory import MEMORY, MemoryFolder, MemoryLost, remove_noted
from gitalign.git.repository import Repository
from gitalign.git.result_packs import ResultPacks
from gitalign.owned_folders import is_folder, left_in, own, remove_folder
from gitalign.process_owner import HeldLock
from gitalign.shared_files import make_folder

_MERGE_CONFIG = (
    # git's defaults, spelt out: since 2.41 merge-tree reads configuration (`git help merge-tree`).
    ("merge.renames", "true"),
    ("merge.directoryRenames", "conflict"),
    ("merge.conflictStyle", "merge"),
    ("merge.renormalize", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.autocrlf", "false"),
    ("core.precomposeUnicode", "false"),
    ("core.protectHFS", "false"),
    ("core.protectNTFS", "false"),
    # What is written here is packed again or thrown away: no time is spent on making it small, or on links.
    ("core.looseCompression", "0"),
    ("core.createObject", "rename"),
)

_POINTER = "memory"
_FOLDER = "quarantine"

T = TypeVar("T")


class Quarantine:
    """Private object store and git directories of one run.

    Loose objects are kept in memory (a tmpfs) where there is one: a merge writes several small files, and making a file
    costs a journalling file system more than the merge itself. What is kept there is bounded; beyond the bound it is
    packed to disk.

    Args:
        repository: the repository behind it.
        run_id: names the folder `<state_dir>/quarantine/<run_id>`.
        memory: where loose objects may be kept in memory; None keeps everything on disk.

    Attributes:
        path: the folder on disk.
        objects: the object directory, wherever it is at the moment.
    """

    def __init__(self, repository: Repository, run_id: str, *, memory: Path | None = MEMORY) -> None:
        self.repository = repository
        self.path = repository.state_dir / _FOLDER / run_id
        self.objects = self.path / "objects"
        self._benches: dict[str, Git] = {}
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._held: HeldLock | None = None
        self._memory: MemoryFolder | None = None
        self._packs: ResultPacks | None = None
        self._emptying: threading.Thread | None = None
        self._moves = 0
        is_mine = False
        try:
            make_folder(self.path / "pack")
            _require_folder(self.path.parent)
            self._held = own(self.path)
            is_mine = True
            self._memory = MemoryFolder.claim(memory, note=self.path / _POINTER) if memory is not None else None
            self._begin()
            self.git = self._git_dir("plain", ())
        except OSError as error:
            if is_mine:
                self.remove()
            raise _not_written(error, self.path) from error

    def _begin(self) -> None:
        """Keep objects in memory, unless it is full already."""
        try:
            self._stand_in(self._memory.path if self._memory else self.path / "on-disk")
        except OSError:
            if self._memory is None:
                raise
            self._memory.remove()
            self._memory = None
            self._begin()

    @property
    def has_lost_memory(self) -> bool:
        """True when the folder in memory is gone, and objects with it."""
        memory = self._memory
        return memory is not None and memory.is_lost

    def require_memory(self) -> None:
        """Refuse to go on when objects are gone; see `in_quarantine`.

        Raises:
            MemoryLost
        """
        if self.has_lost_memory:
            raise MemoryLost(
                "the folder in /dev/shm with the objects of this run was removed; nothing was moved", hint="run again"
            )

    def with_room(self, call: Callable[[], T]) -> T:
        """What `call` makes; when memory was not enough for its objects, made again on disk.

        Raises:
            whatever `call` raises, when neither memory nor a move to disk at that moment is the cause.
        """
        before = self._moves
        try:
            return call()
        except GitAlignError as error:
            # What is written while another thread moves everything to disk loses its temporary file.
            if not (isinstance(error, OutOfSpace) and self.leave_memory()) and not self.has_moved(before):
                raise
            return call()

    @property
    def moves(self) -> int:
        """How often the objects were moved so far; for `has_moved`."""
        return self._moves

    def has_moved(self, before: int) -> bool:
        """Whether the objects were moved since `moves` was `before`, so that one may have been missing for a moment.

        A move that is under way is waited for.
        """
        with self._flushing:
            return self._moves != before

    def keep_within_bounds(self) -> None:
        """Pack what is in memory to disk when it has become much. Called now and then by the workers."""
        memory = self._memory
        if memory is None or not memory.is_full:
            return
        if self._flushing.acquire(blocking=False):
            try:
                if self._memory is memory:
                    self._flush(memory.path)
            finally:
                self._flushing.release()

    def leave_memory(self) -> bool:
        """Go on with objects on disk, because memory was not enough; False when they are there already, or lost.

        What is written to memory while the disk takes its place cannot be read until it is packed, too: see `has_moved`.
        """
        with self._flushing:
            memory = self._memory
            if memory is None or memory.is_lost:
                return False
            self._flush(memory.path)
            self._stand_in(self.path / "on-disk")
            try:
                self._flush(memory.path)
            except BaseException:
                self._stand_in(memory.path)  # the disk is full, too: what was made stays readable
                raise
            self._memory = None
            self._moves += 1
            memory.remove()
            return True

    def _stand_in(self, folder: Path) -> None:
        """Make `folder` the object directory; packs are on disk in any case."""
        make_folder(folder / "info")
        if not (folder / "pack").is_symlink():
            (folder / "pack").symlink_to(self.path / "pack")
        (folder / "info" / "alternates").write_bytes(alternates_file(self.repository.object_stores()))
        swap = self.path / "objects.new"
        swap.unlink(missing_ok=True)
        swap.symlink_to(folder)
        swap.rename(self.objects)

    def _flush(self, where: Path) -> None:
        flush(where, self.git, folder=self.path, object_format=self.repository.object_format)

    def bench(self, attributes: Sequence[tuple[str, bytes]]) -> Git:
        """git for merges under the given attribute files.

        Args:
            attributes: (path, content) of every `.gitattributes` of the target.

        Raises:
            OutOfSpace
        """
        key = hashlib.sha256(b"".join(raw(path) + b"\0" + content + b"\0" for path, content in attributes)).hexdigest()[
            :16
        ]
        with self._lock:
            if key not in self._benches:
                try:
                    self._benches[key] = self._git_dir(key, attributes)
                except OSError as error:
                    raise _not_written(error, self.path) from error
            return self._benches[key]

    def aside(self) -> Path:
        """An empty object directory beside the quarantine's own, in memory where that is; no git looks there by itself.

        Raises:
            OutOfSpace
        """
        folder = self.objects.resolve() / "aside"
        try:
            make_folder(folder / "pack")
        except OSError as error:
            raise OutOfSpace(f"cannot make {folder}: {error.strerror}", hint="free space, then run again") from error
        return folder

    @property
    def packs(self) -> ResultPacks:
        """The new objects of results, on their way into the repository."""
        if self._packs is None:
            self._packs = ResultPacks(self.git, self.repository, self.path)
        return self._packs

    def empty(self) -> None:
        """Begin to delete what is in memory, while other work goes on: what is wanted of it is in the repository by now.

        Nothing is merged or read here any more. `remove` waits for the end.
        """
        with self._flushing:
            memory, self._memory = self._memory, None
        if memory is None:
            return
        emptying = threading.Thread(target=memory.remove, name="empties")
        try:
            emptying.start()
        except RuntimeError:  # no more threads are allowed here
            memory.remove()
        else:
            self._emptying = emptying

    def remove(self) -> None:
        """Delete the quarantine with everything in it."""
        if self._emptying is not None:
            self._emptying.join()
        if self._memory is not None:
            self._memory.remove()
        remove_quarantine(self.path)
        if self._held is not None:
            self._held.release()

    def _git_dir(self, key: str, attributes: Sequence[tuple[str, bytes]]) -> Git:
        git_dir = self.path / f"git-{key}"
        work_tree = self.path / f"attributes-{key}"
        make_folder(git_dir / "refs")
        make_folder(work_tree)
        objects = git_dir / "objects"
        if not objects.is_symlink():
            objects.symlink_to(self.objects)
        lines = ["[core]", "\trepositoryformatversion = 1", "\tbare = false"]
        mode = self.path.stat().st_mode
        lines += [f"\tsharedRepository = {mode & 0o666:04o}"] if mode & stat.S_ISGID else []
        lines += ["[extensions]", f"\tobjectFormat = {self.repository.object_format}"]
        (git_dir / "config").write_bytes("\n".join(lines).encode() + b"\n")
        (git_dir / "HEAD").write_bytes(b"ref: refs/heads/none\n")
        shallow = Path(self.repository.common_dir) / "shallow"
        if shallow.exists():
            shutil.copyfile(shallow, git_dir / "shallow")
        make_folder(git_dir / "info")
        own = Path(self.repository.common_dir) / "info" / "attributes"
        if own.is_file():
            (git_dir / "info" / "attributes").write_bytes(own.read_bytes())
        for path, content in attributes:
            place = work_tree / os.fsdecode(raw(path))
            if not Path(os.path.normpath(place)).is_relative_to(work_tree):
                raise InvariantBroken(f"attribute file {path!r} lies outside the quarantine")
            make_folder(place.parent)
            place.write_bytes(content)
        variables = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}
        return replace(
            self.repository.git,
            git_dir=str(git_dir),
            work_tree=str(work_tree),
            config=_MERGE_CONFIG,
            variables=variables,
        )

    def ungated(self, git: Git) -> Git:
        """The same git outside the process bound: for the conversations that each worker holds open."""
        return replace(git, gate=None)


def remove_quarantine(path: Path, *, memory: Path = MEMORY) -> None:
    """Delete a quarantine, also one whose process is gone: the folder, and what it keeps in memory.

    Links are not followed, and in memory only what a dead process left is removed: the note of where it is may be forged.

    Args:
        path: `<state_dir>/quarantine/<name>`.
        memory: where quarantines keep objects in memory.
    """
    if path.parent.name != _FOLDER:
        raise InvariantBroken(f"{path} is not a quarantine")
    if not is_folder(path.parent):
        return
    remove_noted(path / _POINTER, memory=memory)
    with contextlib.suppress(OSError):
        remove_folder(path.parent.parent, _FOLDER, path.name)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def sweep_quarantines(folder: Path, *, glob: str = "*", keep: Collection[str] = ()) -> None:
    """Delete the quarantines in a folder whose process is gone.

    Args:
        folder: `<state_dir>/quarantine`.
        glob: of names to look at.
        keep: names that stay whatever became of their process; recovery deals with those.
    """
    for entry in left_in(folder, glob=glob):
        if entry.name not in keep:
            remove_quarantine(entry)


def _not_written(error: OSError, folder: Path) -> OutOfSpace:
    message = f"cannot write {error.filename or folder}: {error.strerror}"
    return OutOfSpace(message, hint="free space or make the git directory writable, then run again")


def _require_folder(folder: Path) -> None:
    if not is_folder(folder):
        raise OSError(errno.ELOOP, "a link stands there, which would not be followed when it is removed", str(folder))
