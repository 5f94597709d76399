"""Reading where HEAD and refs stand in a git directory that a task may have written to, without running git in it.

Only plain files are read, bounded, and links are not followed. What is odd is a fault, never a guess.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.git.command import text

_MOST_BYTES = 16 * 1024 * 1024
_MOST_REFS = 10_000
_DEEPEST = 5
_AN_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class OddGitDirectory(Exception):
    """The git directory is not as it was made; the message is a sentence about it."""


@dataclass(frozen=True, slots=True)
class ForeignRefs:
    """Where a git directory stands.

    Attributes:
        head: the commit HEAD names; None when its branch does not exist yet.
        others: other ids that refs and the stash name, sorted.
    """

    head: Oid | None
    others: tuple[Oid, ...]


def read_foreign_refs(git_dir: Path) -> ForeignRefs:
    """Where HEAD stands, and what else refs and entries of the stash name.

    Raises:
        OddGitDirectory
    """
    _require_folder(git_dir)
    _require_folder(git_dir / "refs")
    packed = _packed(git_dir)
    head = _resolved(git_dir, "HEAD", packed)
    named = {*packed.values(), *_loose(git_dir), *_stash(git_dir)}
    return ForeignRefs(head, tuple(sorted(one for one in named if one != head)))


def _resolved(git_dir: Path, name: str, packed: dict[str, Oid]) -> Oid | None:
    for _ in range(_DEEPEST):
        content = _read(git_dir, name)
        if content is None:
            return packed.get(name)
        value = text(content).strip()
        if _AN_OID.fullmatch(value):
            return Oid(value)
        if not value.startswith("ref: "):
            raise OddGitDirectory(f"{name} of its git directory cannot be read")
        name = value.removeprefix("ref: ").strip()
        parts = name.split("/")
        if parts[0] != "refs" or any(part in ("", ".", "..") for part in parts) or "\0" in name:
            raise OddGitDirectory("HEAD of its git directory names no ref")
    raise OddGitDirectory("HEAD of its git directory names itself")


def _packed(git_dir: Path) -> dict[str, Oid]:
    content = _read(git_dir, "packed-refs")
    found: dict[str, Oid] = {}
    for line in text(content or b"").splitlines():
        oid, _, name = line.partition(" ")
        if name.startswith("refs/") and _AN_OID.fullmatch(oid):
            found[name] = Oid(oid)
    return found


def _loose(git_dir: Path) -> Iterator[Oid]:
    count = 0
    for folder, folders, files in os.walk(git_dir / "refs", followlinks=False):
        folders.sort()
        for name in files:
            count += 1
            if count > _MOST_REFS:
                raise OddGitDirectory(f"it has more than {_MOST_REFS} refs")
            place = os.path.relpath(os.path.join(folder, name), git_dir)
            content = _read(git_dir, place) if not name.endswith(".lock") else None
            if content is not None and _AN_OID.fullmatch(value := text(content).strip()):
                yield Oid(value)


def _stash(git_dir: Path) -> Iterator[Oid]:
    """Entries of the stash below its newest one are named by its log alone (`git help stash`)."""
    for line in text(_read(git_dir, "logs/refs/stash") or b"").splitlines():
        fields = line.split(" ", 2)
        if len(fields) == 3 and _AN_OID.fullmatch(fields[1]):
            yield Oid(fields[1])


def _read(git_dir: Path, name: str) -> bytes | None:
    """A plain file below the git directory; None when there is none.

    Raises:
        OddGitDirectory: it is something else, or very long.
    """
    place = git_dir / name
    for parent in reversed(Path(name).parents[:-1]):
        with suppress(FileNotFoundError):
            if not stat.S_ISDIR((git_dir / parent).lstat().st_mode):
                raise OddGitDirectory(f"{parent} of its git directory is not a folder")
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OddGitDirectory(f"{name} of its git directory cannot be read: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            return None
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
            raise OddGitDirectory(f"{name} of its git directory is not a plain file")
        return file.read(_MOST_BYTES + 1)


def _require_folder(place: Path) -> None:
    try:
        mode = place.lstat().st_mode
    except OSError as error:
        raise OddGitDirectory("its git directory is gone") from error
    if not stat.S_ISDIR(mode):
        raise OddGitDirectory(f"a link or file stands in the place of {place.name}")
