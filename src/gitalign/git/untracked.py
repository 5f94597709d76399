"""What lies in a work tree without being tracked, where a move of its branch would write or delete.

git keeps untracked files, but overwrites ignored ones, and deletes an ignored folder whole, even with a repository in it (`git help
read-tree`, -u; measured on 2.39 for checkout, merge, rebase and read-tree alike). An ignored file can be the only copy of something,
so each of them is an obstacle here.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from gitalign.core.names import Oid
from gitalign.git.command import Git, raw, text
from gitalign.git.trees import blob_id

_TIMEOUT_S = 300.0
_NONE = "000000"
_SUBMODULE = "160000"
_SYMLINK = "120000"
_SHOWN = 3
_NAMED = 1000

Change = tuple[str, str, bytes]
"""Old mode, new mode, path; mode 000000 where there is none."""


def changes_between(git: Git, before: Oid, after: Oid) -> list[Change]:
    """Paths that differ between two commits or trees, renames taken apart.

    Raises:
        GitError
    """
    done = git.run("diff-tree", "-r", "--no-renames", "--raw", "-z", before, after, timeout_s=_TIMEOUT_S)
    fields = done.stdout.split(b"\0")
    return [
        (text(head[1:7]), text(head[8:14]), path)
        for head, path in zip(fields[0::2], fields[1::2], strict=False)
        if head
    ]


def in_the_way(git: Git, changes: Sequence[Change]) -> str:
    """What of a work tree would be lost, in words; empty when nothing would.

    Args:
        git: of the work tree.
        changes: that are to be made in it.

    Raises:
        GitError
    """
    if not changes:
        return ""
    desk = _Desk.of(git)
    found = list(dict.fromkeys(_bounded(desk.obstacles(changes))))
    if not found:
        return ""
    more = "" if len(found) <= _SHOWN else f" and {len(found) - _SHOWN} more"
    return f"{', '.join(found[:_SHOWN])}{more}"


def _bounded(found: Iterator[str]) -> Iterator[str]:
    for _, one in zip(range(_NAMED), found, strict=False):
        yield one


@dataclass(frozen=True, slots=True)
class _Desk:
    """A work tree and what its index tracks.

    Attributes:
        tracked: names, as the file system compares them.
        flagged: of those marked assume-unchanged or skip-worktree, mode and id; `git status` does not look at their files.
    """

    git: Git
    root: bytes
    folded: Callable[[bytes], bytes]
    tracked: frozenset[bytes]
    flagged: dict[bytes, tuple[str, str]]

    @staticmethod
    def of(git: Git) -> _Desk:
        assert git.work_tree is not None
        ignores_case = git.run("config", "--type=bool", "--get", "core.ignoreCase", accept=(0, 1)).stdout == b"true\n"
        folded = _without_case if ignores_case else _as_it_is
        tracked, flagged = set[bytes](), dict[bytes, tuple[str, str]]()
        # Source: `git help ls-files`, -v: lower case for assume-unchanged, S for skip-worktree.
        for line in git.run("ls-files", "-v", "--stage", "-z", timeout_s=_TIMEOUT_S).stdout.split(b"\0"):
            head, _, path = line.partition(b"\t")
            if path:
                tag, mode, oid, _ = text(head).split(" ")
                tracked.add(folded(path))
                if tag == "S" or tag.islower():
                    flagged[path] = (mode, oid)
        return _Desk(git, os.fsencode(git.work_tree), folded, frozenset(tracked), flagged)

    def obstacles(self, changes: Sequence[Change]) -> Iterator[str]:
        """Names of what is in the way, for people."""
        is_there: dict[bytes, bool] = {b"": True}
        for old, new, path in changes:
            if old == _SUBMODULE and self._is_populated(path):
                yield f"{text(path)} (a submodule with its own files, which git would not move along)"
            elif new != _NONE and self.folded(path) not in self.tracked:
                yield from self._above(path, is_there)
                if is_there[os.path.dirname(path)]:
                    yield from self._at(path)
            elif path in self.flagged and self._differs(path, *self.flagged[path]):
                yield f"{text(path)} (changed, and marked so that git status does not show it)"

    def _above(self, path: bytes, is_there: dict[bytes, bool]) -> Iterator[str]:
        """Of the folders that a new file needs, the first that is something else, or a repository of its own.

        Args:
            is_there: folder -> whether something can lie in it; filled.
        """
        above = b""
        for folder in accumulate(path.split(b"/")[:-1], lambda one, two: one + b"/" + two):
            if folder not in is_there:
                mode = self._mode(folder) if is_there[above] else None
                is_there[folder] = mode is not None and stat.S_ISDIR(mode)
                if is_there[folder] and self._is_repository(folder):
                    is_there[folder] = False
                    yield f"{text(folder)}/ (a repository of its own)"
                elif mode is not None and not is_there[folder] and self.folded(folder) not in self.tracked:
                    yield text(folder)
            above = folder

    def _at(self, path: bytes) -> Iterator[str]:
        mode = self._mode(path)
        if mode is None:
            return
        if not stat.S_ISDIR(mode):
            yield text(path)
        elif self._is_repository(path):
            yield f"{text(path)}/ (a repository of its own)"
        else:
            yield from self._inside(path)

    def _inside(self, folder: bytes) -> Iterator[str]:
        """The first file that is not tracked below a folder; empty folders are not worth keeping."""
        for place, folders, files in os.walk(os.path.join(self.root, folder), onerror=_raise):
            below = os.path.relpath(place, self.root)
            for name in sorted([*files, *(one for one in folders if os.path.islink(os.path.join(place, one)))]):
                path = os.path.join(below, name)
                if self.folded(path) not in self.tracked:
                    yield text(path)
                    return
            folders.sort()

    def _differs(self, path: bytes, mode: str, oid: str) -> bool:
        """Whether the file of a flagged path is there with other content than the index has."""
        found = self._mode(path)
        if found is None:
            return False
        if mode == _SYMLINK or stat.S_ISLNK(found):
            place = os.path.join(self.root, path)
            is_link = mode == _SYMLINK and stat.S_ISLNK(found)
            return not is_link or blob_id(os.readlink(place), object_format=_format(oid)) != oid
        if not stat.S_ISREG(found):
            return True
        done = self.git.run("hash-object", "--stdin-paths", stdin=_quoted(path) + b"\n", timeout_s=_TIMEOUT_S)
        return text(done.stdout).strip() != oid

    def _is_populated(self, path: bytes) -> bool:
        mode = self._mode(path)
        if mode is None:
            return False
        return not stat.S_ISDIR(mode) or any(True for _ in os.scandir(os.path.join(self.root, path)))

    def _is_repository(self, folder: bytes) -> bool:
        return os.path.lexists(os.path.join(self.root, folder, b".git"))

    def _mode(self, path: bytes) -> int | None:
        """Kind of what is there, links not followed; None when there is nothing.

        Raises:
            OSError: it cannot be looked at.
        """
        try:
            return os.lstat(os.path.join(self.root, path)).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None


def _as_it_is(path: bytes) -> bytes:
    return path


def _without_case(path: bytes) -> bytes:
    return raw(unicodedata.normalize("NFC", text(path)).casefold())


def _format(oid: str) -> str:
    return "sha1" if len(oid) == 40 else "sha256"


def _quoted(path: bytes) -> bytes:
    """A path as `--stdin-paths` reads it: C-quoted where it holds a line end or begins with a quote."""
    if not path.startswith(b'"') and b"\n" not in path:
        return path
    return b'"%b"' % path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")


def _raise(error: OSError) -> None:
    raise error
