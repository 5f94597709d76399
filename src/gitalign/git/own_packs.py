"""Objects read from packs that hold each of them whole, as all packs of a quarantine do.

Format: `git help gitformat-pack` (pack version 2, index version 2).
"""

from __future__ import annotations

import mmap
import struct
import zlib
from bisect import bisect_left
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

_INDEX_HEAD = b"\377tOc\0\0\0\2"
_NAMES_AT = 8 + 256 * 4
_PLACE = struct.Struct(">II")
_KINDS = (1, 2, 3)
_FAR = 1 << 31


class Unreadable(ValueError):
    """A pack, or an object in it, is not of the form that is read here."""


class OwnPacks:
    """The packs of a folder, as they are when it is opened.

    Args:
        folder: of packs.
        id_bytes: length of an id.
        most_bytes: longer objects are unreadable.

    Raises:
        OSError
        Unreadable
    """

    def __init__(self, folder: Path, *, id_bytes: int, most_bytes: int) -> None:
        self._open = ExitStack()
        self._id_bytes = id_bytes
        self._most_bytes = most_bytes
        self._packs: list[mmap.mmap] = []
        self._entries: list[bytes] = []
        with ExitStack() as until_open:
            until_open.callback(self._open.close)
            for index in sorted(folder.glob("pack-*.idx")):
                self._entries += _entries(index, number=len(self._packs), id_bytes=id_bytes)
                self._packs.append(_mapped(index.with_suffix(".pack"), self._open))
            until_open.pop_all()
        # One list for all packs: most objects that are asked for are in none of them.
        self._entries.sort()

    def __enter__(self) -> OwnPacks:
        """Nothing more is needed."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of the files."""
        self._packs = []
        self._open.close()

    def read(self, oid: bytes) -> tuple[int, bytes] | None:
        """Kind (1 commit, 2 tree, 3 blob) and content of an object; None when no pack has it.

        Raises:
            Unreadable: it is a difference to another object, or too long, or broken.
        """
        entries = self._entries
        number = bisect_left(entries, oid)
        if number == len(entries) or not entries[number].startswith(oid):
            return None
        pack, at = _PLACE.unpack_from(entries[number], self._id_bytes)
        if at >= _FAR:
            raise Unreadable("a pack of more than 2 GB")
        return _object_at(self._packs[pack], at, most_bytes=self._most_bytes)


def ids_in(index: Path, *, id_bytes: int) -> set[str]:
    """Ids of the objects of a pack.

    Raises:
        OSError
        Unreadable: an index of another version.
    """
    return {entry[:id_bytes].hex() for entry in _entries(index, number=0, id_bytes=id_bytes)}


def _entries(index: Path, *, number: int, id_bytes: int) -> list[bytes]:
    """Of each object in a pack: its id, the number of the pack, and where it begins."""
    data = index.read_bytes()
    if data[: len(_INDEX_HEAD)] != _INDEX_HEAD:
        raise Unreadable(f"{index} is an index of another version")
    (count,) = struct.unpack_from(">I", data, _NAMES_AT - 4)
    offsets_at = _NAMES_AT + count * (id_bytes + 4)
    pack = struct.pack(">I", number)
    return [
        data[at : at + id_bytes] + pack + data[offset_at : offset_at + 4]
        for at, offset_at in zip(
            range(_NAMES_AT, _NAMES_AT + count * id_bytes, id_bytes),
            range(offsets_at, offsets_at + count * 4, 4),
            strict=True,
        )
    ]


def _object_at(pack: mmap.mmap, at: int, *, most_bytes: int) -> tuple[int, bytes]:
    byte = pack[at]
    kind, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & 128:
        at += 1
        byte = pack[at]
        size |= (byte & 127) << shift
        shift += 7
    if kind not in _KINDS or size > most_bytes:
        raise Unreadable(f"an object of kind {kind} and {size} bytes")
    try:
        # What is not compressed has five bytes more for each 16 kB or so, and six around it (RFC 1950, 1951).
        content = zlib.decompressobj().decompress(pack[at + 1 : at + size + size // 1000 + 100], size + 1)
    except zlib.error as error:
        raise Unreadable(str(error)) from error
    if len(content) != size:
        raise Unreadable(f"an object has {len(content)} bytes instead of {size}")
    return kind, content


def _mapped(path: Path, opened: ExitStack) -> mmap.mmap:
    with path.open("rb") as file:
        return opened.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
