"""Bringing index and files of a work tree to one of two commits, path by path, from whatever mixture of both is there.

`git read-tree` that is killed half-way, or finds no room on the disk, leaves files of the old commit, files of the new one, missing
files and one that is written in part. All of these are ours to replace, because their content is in the repository. A file with
any other content was written by a person and is never touched.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from gitalign.core.names import Oid
from gitalign.errors import GitError
from gitalign.git.command import Git, text

_TIMEOUT_S = 300.0
_NONE = "000000"
_SUBMODULE, _SYMLINK, _EXECUTABLE = "160000", "120000", "100755"
_NAMED_AT_ONCE = 200
_BLOCK_BYTES = 1 << 20

Entry = tuple[str, str]
"""Mode and id of a file; mode 000000 where there is none."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path that differs between the two commits."""

    name: bytes
    before: Entry
    after: Entry


def differing(git: Git, before: Oid, after: Oid) -> list[Path]:
    """Paths that differ between two commits or trees, renames taken apart.

    Raises:
        GitError
    """
    done = git.run("diff-tree", "-r", "--no-renames", "--raw", "-z", before, after, timeout_s=_TIMEOUT_S)
    fields = done.stdout.split(b"\0")
    paths: list[Path] = []
    for head, name in zip(fields[0::2], fields[1::2], strict=False):
        if head:
            old_mode, new_mode, old, new, _ = text(head[1:]).split(" ")
            paths.append(Path(name, (old_mode, old), (new_mode, new)))
    return paths


def bring(git: Git, paths: Sequence[Path], *, forward: bool) -> list[bytes]:
    """Make index and files of a work tree those of one of the two commits, where a person changed nothing.

    Args:
        git: of the work tree; its index is changed in place, so it must be one that no other process writes.
        paths: that differ between the commits; no other path is touched.
        forward: to `after`; otherwise to `before`.

    Returns:
        Paths whose file or index entry is neither of the two, which are left as they are.

    Raises:
        GitError, OutOfSpace: some may be done and others not; doing it again goes on.
        OSError: a file cannot be read or deleted.

    Source: `git help update-index` (--index-info, --skip-worktree), `git help checkout-index` (-f, -u, -z, --stdin).
    """
    desk = _Desk.of(git)
    left = set(_set_entries(git, paths, desk, forward=forward))
    states = desk.states(paths)
    wanted = {one.name: one.after if forward else one.before for one in paths}
    ours = [one.name for one in paths if states[one.name].is_ours and one.name not in desk.skipped]
    left |= {one.name for one in paths if not states[one.name].is_ours}
    for name in ours:
        if wanted[name][0] == _NONE:
            desk.delete(name)
    to_write = [
        name for name in ours if wanted[name][0] not in (_NONE, _SUBMODULE) and states[name].entry != wanted[name]
    ]
    blocked = {name for name in to_write if not desk.has_room(name)}
    # The others are named as well, so that the index learns what their files look like now.
    named = [name for name in ours if wanted[name][0] not in (_NONE, _SUBMODULE) and name not in blocked]
    if named:
        words = ("checkout-index", "-f", "-u", "-q", "-z", "--stdin")
        git.run(*words, stdin=b"".join(name + b"\0" for name in named), timeout_s=_TIMEOUT_S)
    written = desk.states([one for one in paths if one.name in to_write and one.name not in blocked])
    if not desk.is_filtered and (missed := [name for name, state in written.items() if state.entry != wanted[name]]):
        raise GitError(f"git checkout-index did not write {text(missed[0])}", hint="git align resume")
    return sorted(left | blocked)


def _set_entries(git: Git, paths: Iterable[Path], desk: _Desk, *, forward: bool) -> list[bytes]:
    """Change the index; paths whose entry is neither of the two."""
    foreign: list[bytes] = []
    gone: list[bytes] = []
    made: list[bytes] = []
    hidden: list[bytes] = []
    for one in paths:
        there = desk.entries.get(one.name, (_NONE, ""))
        wanted = one.after if forward else one.before
        if not any(_is_same(there, entry) for entry in (one.before, one.after)):
            foreign.append(one.name)
        elif not _is_same(there, wanted):
            line = b"%b %b\t%b\0" % (wanted[0].lstrip("0").encode() or b"0", wanted[1].encode(), one.name)
            (gone if wanted[0] == _NONE else made).append(line)
            if one.name in desk.skipped and wanted[0] != _NONE:
                hidden.append(one.name + b"\0")
    if gone or made:
        git.run("update-index", "-z", "--index-info", stdin=b"".join(gone + made), timeout_s=_TIMEOUT_S)
    if hidden:
        git.run("update-index", "-z", "--skip-worktree", "--stdin", stdin=b"".join(hidden), timeout_s=_TIMEOUT_S)
    return foreign


def _is_same(one: Entry, other: Entry) -> bool:
    return one == other or one[0] == other[0] == _NONE


@dataclass(frozen=True, slots=True)
class _State:
    """What is at a path.

    Attributes:
        entry: it is this; None when it is neither before nor after.
        is_ours: its content is in the repository, or there is none.
    """

    entry: Entry | None
    is_ours: bool


@dataclass(slots=True)
class _Desk:
    """A work tree and its index.

    Attributes:
        entries: path -> mode and id in the index.
        skipped: paths that a sparse checkout leaves out.
    """

    git: Git
    root: bytes
    has_modes: bool
    is_filtered: bool
    entries: dict[bytes, Entry] = field(default_factory=dict)
    skipped: set[bytes] = field(default_factory=set)

    @staticmethod
    def of(git: Git) -> _Desk:
        assert git.work_tree is not None
        modes = git.run("config", "--type=bool", "--get", "core.fileMode", accept=(0, 1)).stdout != b"false\n"
        filters = git.run("config", "--get-regexp", r"^filter\..*\.(clean|smudge|process)$", accept=(0, 1))
        desk = _Desk(git, os.fsencode(git.work_tree), modes, filters.returncode == 0)
        # Source: `git help ls-files`, -t: S for skip-worktree.
        for line in git.run("ls-files", "-t", "--stage", "-z", timeout_s=_TIMEOUT_S).stdout.split(b"\0"):
            head, _, name = line.partition(b"\t")
            if name:
                tag, mode, oid, _ = text(head).split(" ")
                desk.entries[name] = (mode, oid)
                if tag == "S":
                    desk.skipped.add(name)
        return desk

    def states(self, paths: Sequence[Path]) -> dict[bytes, _State]:
        """What is at each path."""
        states: dict[bytes, _State] = {}
        unclear: list[Path] = []
        for one in paths:
            state = self._state(one)
            if state is None:
                unclear.append(one)
            else:
                states[one.name] = state
        # As they are stored, where line ends or encodings differ in the work tree. Programs of filters are never started.
        converted = {} if self.is_filtered else self._converted([one.name for one in unclear])
        for one in unclear:
            state = self._matching(one, converted.get(one.name, ""))
            states[one.name] = state or _State(None, self._is_begun(one))
        return states

    def _state(self, one: Path) -> _State | None:
        """What is at a path; None when its content as it stands is in neither commit."""
        place = self._place(one.name)
        try:
            found = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            none = next((entry for entry in (one.before, one.after) if entry[0] == _NONE), None)
            return _State(none, True)
        if _SUBMODULE in (one.before[0], one.after[0]):
            # Files of a submodule do not move along: git makes and leaves its folder.
            return _State(None, stat.S_ISDIR(found.st_mode))
        if stat.S_ISDIR(found.st_mode):
            return _State(None, True)  # deleted only when it is empty
        if stat.S_ISLNK(found.st_mode):
            oid = _blob_id(os.readlink(place), len(one.after[1]))
            entry = next((entry for entry in (one.before, one.after) if entry == (_SYMLINK, oid)), None)
            return _State(entry, entry is not None)
        if not stat.S_ISREG(found.st_mode):
            return _State(None, False)
        return self._matching(one, _file_id(place, found.st_size, len(one.after[1])))

    def _matching(self, one: Path, oid: str) -> _State | None:
        """Which of the two a file with this content is; None when it is neither."""
        entries = [entry for entry in (one.before, one.after) if entry[1] == oid and entry[0] != _NONE]
        if not entries:
            return None
        if not self.has_modes:
            return _State(entries[0], True)
        is_executable = bool(os.lstat(self._place(one.name)).st_mode & stat.S_IXUSR)
        return _State(next((entry for entry in entries if is_executable == (entry[0] == _EXECUTABLE)), None), True)

    def _converted(self, names: Sequence[bytes]) -> dict[bytes, str]:
        found: dict[bytes, str] = {}
        for start in range(0, len(names), _NAMED_AT_ONCE):
            chunk = names[start : start + _NAMED_AT_ONCE]
            done = self.git.run("hash-object", "--", *map(os.fsdecode, chunk), timeout_s=_TIMEOUT_S)
            found |= zip(chunk, text(done.stdout).split(), strict=True)
        return found

    def _is_begun(self, one: Path) -> bool:
        """Whether a file holds the first part of what git was writing: nothing in it is a person's alone."""
        if self.is_filtered:
            return False
        with open(self._place(one.name), "rb") as file:
            content = file.read()
        for mode, oid in (one.after, one.before):
            if mode != _NONE:
                words = ("cat-file", "--filters", f"--path={os.fsdecode(one.name)}", oid)
                whole = self.git.run(*words, timeout_s=_TIMEOUT_S).stdout
                if whole.startswith(content):
                    return True
        return False

    def delete(self, name: bytes) -> None:
        """Delete a file, and the folders that are empty then."""
        place = self._place(name)
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            if stat.S_ISDIR(os.lstat(place).st_mode):
                return
            os.unlink(place)
        folder = os.path.dirname(place)
        with suppress(OSError):
            while folder != self.root and folder.startswith(self.root):
                os.rmdir(folder)
                folder = os.path.dirname(folder)

    def has_room(self, name: bytes) -> bool:
        """Whether a file can be written without anything else being replaced; an empty folder in its place goes."""
        place = self._place(name)
        above = os.path.dirname(name)
        while above:
            with suppress(FileNotFoundError, NotADirectoryError):
                if not stat.S_ISDIR(os.lstat(os.path.join(self.root, above)).st_mode):
                    return False
            above = os.path.dirname(above)
        if os.path.isdir(place) and not os.path.islink(place):
            with suppress(OSError):
                os.rmdir(place)
            return not os.path.lexists(place)
        return True

    def _place(self, name: bytes) -> bytes:
        return os.path.join(self.root, name)


def _digest(size: int, digits: int) -> hashlib._Hash:
    digest = hashlib.new("sha1" if digits == 40 else "sha256", usedforsecurity=False)
    digest.update(b"blob %d\0" % size)
    return digest


def _blob_id(content: bytes, digits: int) -> str:
    digest = _digest(len(content), digits)
    digest.update(content)
    return digest.hexdigest()


def _file_id(place: bytes, size: int, digits: int) -> str:
    digest = _digest(size, digits)
    with open(place, "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
