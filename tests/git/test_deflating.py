"""Short zlib streams are what git and zlib read, at every length that matters."""

from __future__ import annotations

import random
import subprocess
import zlib
from pathlib import Path

import pytest

from gitalign.git.deflating import deflated
from tests.git.workspace import Workspace


@pytest.mark.parametrize("level", [0, 1, 6])
def test_every_length_is_read_back(level: int) -> None:
    chance = random.Random(3)
    for size in (0, 1, 300, 511, 4_095, 4_096, 4_097, 16_384, 65_535, 65_536, 200_000):
        for data in (chance.randbytes(size), b"line of text\n" * (size // 13)):
            unpacking = zlib.decompressobj()
            assert unpacking.decompress(deflated(data, level)) == data
            assert unpacking.eof
            assert not unpacking.unused_data
            assert len(deflated(data, level)) <= len(zlib.compress(data, level)) * 1.05 + 20


@pytest.mark.parametrize("level", [0, 1])
def test_git_reads_it_as_a_loose_object(tmp_path: Path, level: int) -> None:
    work = Workspace(tmp_path / "repository")
    for size in (0, 200, 4_096, 5_000, 70_000):
        data = (b"some words %d\n" % size) * (size // 12)
        oid = work.git("hash-object", "-w", "--stdin", stdin=data)
        place = work.path / ".git/objects" / oid[:2] / oid[2:]
        place.chmod(0o644)
        place.write_bytes(deflated(b"blob %d\0%b" % (len(data), data), level))
        shown = subprocess.run(["git", "cat-file", "blob", oid], cwd=work.path, capture_output=True, check=True).stdout
        assert shown == data
    work.git("fsck", "--full", "--strict")
