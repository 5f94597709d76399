"""Many commits written as one pack: one file with its index instead of thousands of small ones.

The store is a quarantine's, private and short-lived: whatever of it is wanted is packed by git afterwards, which reckons every
id again (`index-pack`), so a wrong byte here could only make a run fail.

Format: `git help gitformat-pack` (pack version 2, index version 2).
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.errors import OutOfSpace
from gitalign.git.deflating import deflated

_COMMIT = 1
_MOST_BYTES = 1 << 30


def write_commit_packs(folder: Path, commits: Mapping[Oid, bytes], *, object_format: str, level: int = 1) -> list[Path]:
    """Write commits into as few packs as hold them; git finds them there as soon as their index is there.

    Args:
        folder: the `pack` folder of an object directory.
        commits: id -> bytes.
        object_format: `sha1` or `sha256`.
        level: of compression; 0 for what is thrown away.

    Returns:
        The index files.

    Raises:
        OutOfSpace
    """
    written: list[Path] = []
    part: dict[Oid, bytes] = {}
    size = 0
    for oid, data in commits.items():
        part[oid] = data
        size += len(data)
        if size > _MOST_BYTES:
            written.append(_write(folder, part, object_format, level))
            part, size = {}, 0
    if part:
        written.append(_write(folder, part, object_format, level))
    return written


def remove_pack(index: Path) -> None:
    """Remove a pack by its index; the index goes first, so that no one starts to read what is about to go."""
    index.unlink(missing_ok=True)
    index.with_suffix(".pack").unlink(missing_ok=True)


def _write(folder: Path, commits: Mapping[Oid, bytes], object_format: str, level: int) -> Path:
    digest = hashlib.sha1 if object_format == "sha1" else hashlib.sha256
    pieces = [b"PACK" + struct.pack(">II", 2, len(commits))]
    entries: list[tuple[bytes, int, int]] = []
    at = len(pieces[0])
    for oid, data in commits.items():
        entry = entry_head(_COMMIT, len(data)) + deflated(data, level)
        entries.append((bytes.fromhex(oid), zlib.crc32(entry), at))
        pieces.append(entry)
        at += len(entry)
    body = b"".join(pieces)
    check = digest(body, usedforsecurity=False).digest()
    entries.sort()
    counts = [0] * 256
    for name, _, _ in entries:
        counts[name[0]] += 1
    index = b"".join(
        (
            b"\377tOc",
            struct.pack(">I", 2),
            struct.pack(">256I", *accumulate(counts)),
            *(name for name, _, _ in entries),
            struct.pack(f">{len(entries)}I", *(crc for _, crc, _ in entries)),
            struct.pack(f">{len(entries)}I", *(offset for _, _, offset in entries)),
            check,
        )
    )
    index += digest(index, usedforsecurity=False).digest()
    stem = folder / f"pack-{digest(check, usedforsecurity=False).hexdigest()}"
    place, partial = stem.with_suffix(".idx"), stem.with_suffix(".part")
    if place.exists():
        return place
    try:
        stem.with_suffix(".pack").write_bytes(body + check)
        partial.write_bytes(index)
        os.rename(partial, place)
    except OSError as error:
        raise OutOfSpace(
            f"cannot write {error.filename or folder}: {error.strerror}", hint="free space, then: git align resume"
        ) from error
    return place


def entry_head(kind: int, size: int) -> bytes:
    """What stands before an object in a pack: its kind and its size in bytes, in groups of seven bits, the lowest first."""
    head = bytearray()
    byte, size = kind << 4 | size & 15, size >> 4
    while size:
        head.append(byte | 128)
        byte, size = size & 127, size >> 7
    head.append(byte)
    return bytes(head)
