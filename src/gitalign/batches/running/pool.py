"""The work trees of a repository: few, kept warm, each in use by one task at a time, also across processes.

A tree is a folder `slot-<n>`. A lock says that a living process uses it; `slot.json` says what it holds. A tree whose process
is gone and that may hold work is an orphan: it is never reused before its content is pinned.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign.batches.running.slot_note import SlotNote, read_note, write_note
from gitalign.batches.running.task_tree import TaskTree
from gitalign.batches.running.tree_memory import TreeMemory
from gitalign.core.names import Oid
from gitalign.errors import OutOfSpace
from gitalign.git.repository import Repository
from gitalign.owned_folders import LOCK, is_folder
from gitalign.process_owner import HeldLock
from gitalign.tree_removal import remove_tree
from gitalign.worktrees.disposable import living_in

_SLOT = "slot-"
_MOST_SLOTS = 1_000


class Slot:
    """A work tree that this process holds.

    Attributes:
        number: of the slot, from 0.
        tree: its work tree.
        lock_path: what is held while the slot is.
    """

    def __init__(self, number: int, tree: TaskTree, lock: HeldLock) -> None:
        self.number = number
        self.folder = tree.folder
        self.lock_path = self.folder / LOCK
        self._lock = lock
        self.note = read_note(self.folder)
        self.tree = tree
        self.busy = threading.Lock()
        """Held while the tree is looked at or laid out: one at a time."""
        self.is_settled = False
        """What its task made has its place; no snapshot is to be taken any more. Changed while `busy` is held."""

    def write(self, **changes: object) -> None:
        """Change the note, on disk when this returns.

        Raises:
            OutOfSpace
        """
        self.note = replace(self.note, **changes)  # type: ignore[arg-type]
        write_note(self.folder, self.note)

    def release(self) -> None:
        """Let others use the tree."""
        self._lock.release()


@dataclass(frozen=True, slots=True)
class SlotView:
    """A slot as others see it."""

    number: int
    folder: Path
    note: SlotNote
    is_in_use: bool


class TreePool:
    """The slots of one repository.

    Args:
        repository: the repository.
        root: where slots are; made when it is not there.
        most: slots that are made before one is used that another set-up has prepared; more are made when all are in use.
    """

    def __init__(self, repository: Repository, root: Path, *, most: int = 8) -> None:
        self._repository = repository
        self.root = root
        self._most = most
        self._taking = threading.Lock()
        self._memories: dict[int, TreeMemory] = {}
        self._files_of: dict[Oid, Oid] = {}

    def take(self, prepared: str) -> Slot:
        """A slot that holds nothing of value: one that is prepared in the same way first, then one not prepared, then a new one.

        Raises:
            OutOfSpace
        """
        with self._taking:  # threads that try for the same slot would wait for one another
            return self._take(prepared)

    def _take(self, prepared: str) -> Slot:
        self._make_root()
        views = self.slots()
        free = [view for view in views if not view.is_in_use and not view.note.holds_work]
        order = {prepared: 0, "": 1}
        for view in sorted(free, key=lambda view: (order.get(view.note.prepared, 2), view.number)):
            if view.note.prepared not in order and len(views) < self._most:
                break  # rather a new slot than one whose products another set-up could use
            if (slot := self._held(view.number)) is not None:
                return slot
        for number in range(_MOST_SLOTS):
            if not os.path.lexists(self._folder(number)) and (slot := self._held(number)) is not None:
                return slot
        for view in free:
            if (slot := self._held(view.number)) is not None:
                return slot
        raise OutOfSpace(f"{_MOST_SLOTS} work trees at {self.root} are in use", hint="git align batch prune")

    def hold(self, number: int) -> Slot | None:
        """A slot by number, whatever it holds; None when another process uses it."""
        return self._locked(number) if is_folder(self._folder(number)) else None

    def slots(self) -> tuple[SlotView, ...]:
        """All slots, by number."""
        return tuple(sorted(self._views(), key=lambda view: view.number))

    def orphans(self) -> tuple[SlotView, ...]:
        """Slots that may hold work, whose process is gone, and in which nothing lives."""
        return tuple(
            view for view in self._views() if view.note.holds_work and not view.is_in_use and not living_in(view.folder)
        )

    def remove(self, number: int) -> bool:
        """Delete a slot that holds nothing of value and is not in use; whether it is gone."""
        slot = self.hold(number)
        if slot is None:
            return False
        try:
            if slot.note.holds_work or living_in(slot.folder):
                return False
            # The lock goes last: a process that waits for it finds no folder.
            for entry in slot.folder.iterdir():
                if entry.name != LOCK:
                    remove_tree(entry)
        finally:
            slot.release()
        with suppress(OSError):
            slot.folder.rmdir()
        return not os.path.lexists(slot.folder)

    def bytes_used(self) -> int:
        """Bytes on disk of all slots; what comes and goes meanwhile is left out."""
        total = 0
        for folder, _, files in os.walk(self.root):
            for name in files:
                with suppress(OSError):
                    total += os.lstat(os.path.join(folder, name)).st_blocks * 512
        return total

    def _held(self, number: int) -> Slot | None:
        """A slot, if it is free and holds nothing of value."""
        slot = self._locked(number)
        if slot is not None and (slot.note.holds_work or living_in(slot.folder)):
            slot.release()
            return None
        return slot

    def _locked(self, number: int) -> Slot | None:
        folder = self._folder(number)
        try:
            lock = HeldLock.take(folder / LOCK)
            if lock is None:
                return None
            try:
                folder.chmod(0o700)
                memory = self._memories.setdefault(number, TreeMemory(files_of=self._files_of))
                return Slot(number, TaskTree(folder, self._repository, memory), lock)
            except BaseException:
                lock.release()
                raise
        except OSError as error:
            raise OutOfSpace(
                f"cannot make a work tree at {folder}: {error.strerror}", hint="free some space"
            ) from error

    def _views(self) -> Iterator[SlotView]:
        if not is_folder(self.root):
            return
        for folder in self.root.iterdir():
            word = folder.name.removeprefix(_SLOT)
            if folder.name == f"{_SLOT}{word}" and word.isascii() and word.isdecimal() and is_folder(folder):
                yield SlotView(int(word), folder, read_note(folder), HeldLock.is_held(folder / LOCK))

    def _folder(self, number: int) -> Path:
        return self.root / f"{_SLOT}{number}"

    def _make_root(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise OutOfSpace(f"cannot make {self.root}: {error.strerror}", hint="name another folder") from error
        if not is_folder(self.root):
            raise OutOfSpace(f"{self.root} is not a folder", hint="name another folder")


def prepared_key(argv: tuple[str, ...], files: Mapping[str, bytes | None]) -> str:
    """Key under which the products of a set-up are used again: the command, and the contents of the files it depends on."""
    content = {
        "argv": argv,
        "files": {
            path: None if data is None else hashlib.sha256(data).hexdigest() for path, data in sorted(files.items())
        },
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()


def default_root(repository: Repository, environ: Mapping[str, str]) -> Path:
    """Where the work trees of a repository are: outside of it, and not among files that cleaners take for a cache."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(repository.common_dir))).hexdigest()[:16]
    state = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "git-align" / "trees" / name
