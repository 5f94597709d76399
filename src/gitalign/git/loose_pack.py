"""Packs written from the objects of a quarantine, each read once.

`git pack-objects` opens such a file three times and compresses everything again, which takes longer than the merges that made the
objects. What is written here is handed to `git index-pack`, which reckons every id from what it is given: a wrong byte could only
make packing fail, and git packs by itself then.

Formats: `git help gitformat-pack` (before 2.38 in Documentation/technical/pack-format.txt); a loose object is the zlib stream of
`<kind> <size>\\0<body>`.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from gitalign.core.names import Oid
from gitalign.git.commit_packs import entry_head
from gitalign.git.deflating import deflated
from gitalign.git.own_packs import OwnPacks, Unreadable

_KINDS = {b"commit": 1, b"tree": 2, b"blob": 3}
_TREE, _COMMIT, _BLOB = 2, 1, 3
_SUBMODULE = b"160000 "
_READ_BYTES = 1 << 16
_LARGEST_BYTES = 16 * 1024 * 1024
_PACK_BYTES = 16 * 1024 * 1024
_WORTH_COMPRESSING_BYTES = 512
"""Folders and commits are names of objects for the most part, which no compression makes shorter; neither is what is short."""
_RAW_ID_BYTES = {"sha1": 20, "sha256": 32}


class NotPackable(ValueError):
    """An object that is not written here: too long to be held, or not as it should be. git says what is wrong with it."""


class LooseObjects:
    """Loose objects of one object directory, and those that are in packs of it.

    Args:
        folder: the object directory.
        object_format: `sha1` or `sha256`.

    Raises:
        OSError: the folder cannot be read.
        NotPackable: a pack cannot be read here.
    """

    def __init__(self, folder: Path, *, object_format: str) -> None:
        self._object_format = object_format
        self._entry = re.compile(rb"([^\0]+)\0(.{%d})" % _RAW_ID_BYTES[object_format], re.DOTALL)
        self._ids = re.compile(rb"[^\0]+\0(.{%d})" % _RAW_ID_BYTES[object_format], re.DOTALL)
        try:
            self._packs = OwnPacks(folder / "pack", id_bytes=_RAW_ID_BYTES[object_format], most_bytes=_LARGEST_BYTES)
        except Unreadable as error:
            raise NotPackable(str(error)) from error
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._there: dict[str, frozenset[str]] = {}

    def __enter__(self) -> LooseObjects:
        """Nothing more is needed."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of the folder and its packs."""
        os.close(self._folder)
        self._packs.__exit__(kind, error, at)

    def behind(self, tips: Iterable[Oid]) -> Iterator[bytes]:
        """Packs of the objects that can be reached from some commits through objects that are there.

        A pack is made when it is asked for, and is as long as can be held in memory. A commit comes after everything that it stands
        on: the first packs without the others hold no commit that is not whole.

        Raises:
            NotPackable, OSError
        """
        seen: set[bytes] = set()
        pack = _Pack(self._object_format)
        for tip in tips:
            for tree, commit in self._commits(bytes.fromhex(tip), seen):
                self._add_files(tree, pack, seen)
                pack.add(_COMMIT, commit)
                if pack.is_full:
                    yield pack.ended()
                    pack = _Pack(self._object_format)
        if pack.count:
            yield pack.ended()

    def _commits(self, tip: bytes, seen: set[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Commits that were not seen before, parents first: each with the id of its tree."""
        waiting = [tip]
        held: dict[bytes, tuple[bytes, bytes]] = {}
        while waiting:
            oid = waiting[-1]
            if oid not in seen and oid not in held:
                # Commits are in packs for the most part, files and folders are not.
                found = self._packed(oid) or self._loose(oid)
                if found is None:
                    seen.add(oid)
                else:
                    kind, body = found
                    if kind != _COMMIT:
                        raise NotPackable(f"{oid.hex()} is not a commit")
                    tree, *parents = _named_by_commit(body)
                    held[oid] = tree, body
                    waiting += [parent for parent in parents if parent not in seen]
                    continue
            waiting.pop()
            if oid in held:
                seen.add(oid)
                yield held.pop(oid)

    def _add_files(self, tree: bytes, pack: _Pack, seen: set[bytes]) -> None:
        waiting = [] if tree in seen else [tree]
        while waiting:
            oid = waiting.pop()
            seen.add(oid)
            found = self._loose(oid) or self._packed(oid)
            if found is None:
                continue
            kind, body = found
            if kind == _TREE:
                new = self._named_by_tree(body).difference(seen)
                seen |= new
                waiting += new
            pack.add(kind, body)

    def named(self, oids: Iterable[str]) -> Iterator[bytes]:
        """Packs of the loose objects with some ids; those that are not there any more are left out.

        Raises:
            NotPackable, OSError
        """
        pack = _Pack(self._object_format)
        for oid in oids:
            data = self._read(oid)
            if data is None:
                continue
            pack.add(*_parsed(data))
            if pack.is_full:
                yield pack.ended()
                pack = _Pack(self._object_format)
        if pack.count:
            yield pack.ended()

    def _loose(self, oid: bytes) -> tuple[int, bytes] | None:
        name = oid.hex()
        # Most of what a folder names is not here: a look into a list costs less than a file that is not there.
        data = self._read(name) if name[2:] in self._listed(name[:2]) else None
        return None if data is None else _parsed(data)

    def _listed(self, folder: str) -> frozenset[str]:
        """The files of a folder, as they were when it was first asked for."""
        if folder not in self._there:
            try:
                handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._folder)
            except FileNotFoundError:
                self._there[folder] = frozenset()
                return self._there[folder]
            try:
                self._there[folder] = frozenset(os.listdir(handle))
            finally:
                os.close(handle)
        return self._there[folder]

    def _packed(self, oid: bytes) -> tuple[int, bytes] | None:
        try:
            return self._packs.read(oid)
        except Unreadable as error:
            raise NotPackable(f"object {oid.hex()}: {error}") from error

    def _read(self, oid: str) -> bytes | None:
        """The content of a loose object, unpacked; None when it is not there."""
        try:
            handle = os.open(f"{oid[:2]}/{oid[2:]}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._folder)
        except FileNotFoundError:
            return None
        try:
            data = os.read(handle, _READ_BYTES)
            if len(data) == _READ_BYTES:
                size = os.fstat(handle).st_size
                if size > _LARGEST_BYTES:
                    raise NotPackable(f"object {oid} has {size} bytes")
                rest = [data]
                while more := os.read(handle, size):
                    rest.append(more)
                data = b"".join(rest)
        finally:
            os.close(handle)
        unpacking = zlib.decompressobj()
        try:
            content = unpacking.decompress(data, _LARGEST_BYTES)
        except zlib.error as error:
            raise NotPackable(f"object {oid}: {error}") from error
        if not unpacking.eof:
            raise NotPackable(f"object {oid} is too long, or cut off")
        return content

    def _named_by_tree(self, body: bytes) -> set[bytes]:
        if _SUBMODULE not in body:
            return set(self._ids.findall(body))
        return {oid for entry, oid in self._entry.findall(body) if not entry.startswith(_SUBMODULE)}


class _Pack:
    """A pack that is being put together."""

    def __init__(self, object_format: str) -> None:
        self._digest = hashlib.new(object_format)
        self._pieces: list[bytes] = []
        self._bytes = 0
        self.count = 0

    @property
    def is_full(self) -> bool:
        return self._bytes > _PACK_BYTES

    def add(self, kind: int, body: bytes) -> None:
        level = 1 if kind == _BLOB and len(body) > _WORTH_COMPRESSING_BYTES else 0
        packed = deflated(body, level)
        self._pieces += (entry_head(kind, len(body)), packed)
        self._bytes += len(packed)
        self.count += 1

    def ended(self) -> bytes:
        content = b"".join((b"PACK", (2).to_bytes(4, "big"), self.count.to_bytes(4, "big"), *self._pieces))
        self._pieces = []
        self._digest.update(content)
        return content + self._digest.digest()


def _parsed(data: bytes) -> tuple[int, bytes]:
    head, _, body = data.partition(b"\0")
    kind, _, size = head.partition(b" ")
    if kind not in _KINDS or size != b"%d" % len(body):
        raise NotPackable(f"an object begins with {head[:40]!r}")
    return _KINDS[kind], body


def _named_by_commit(body: bytes) -> list[bytes]:
    """The tree of a commit, then its parents."""
    named: list[bytes] = []
    for line in body.split(b"\n"):
        word, _, oid = line.partition(b" ")
        if word != (b"parent" if named else b"tree"):
            break
        named.append(bytes.fromhex(oid.decode("ascii")))
    if not named:
        raise NotPackable(f"a commit begins with {body[:40]!r}")
    return named
