"""The command line in a process of its own that fills a disk before an effect, and goes on.

Words: DISK LEFT EFFECT WORD...: where the disk is mounted, how many KiB stay free, and what `git-align` is called with. The effect
is the name of a checkpoint, or its number from 1 on; `report` is the moment before the report file is written, `memory` the one
after the run got a folder in memory. Says on standard error when it fills the disk. For the disk `/dev/shm` the process gets a
small one of its own.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.engine.run import carry_out
from gitalign.git.object_memory import MEMORY, MemoryFolder
from gitalign.start import main as command_line

BALLAST = "ballast"
VERBS = ("run", "resume", "recover", "undo", "restore", "push")
_NEW_MOUNTS = 0x00020000
"""`man 2 unshare` (CLONE_NEWNS)."""


def fill(disk: Path, left_kib: int) -> None:
    """Leave so many KiB free on the disk that is mounted there."""
    state = os.statvfs(disk)
    with (disk / BALLAST).open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, max(state.f_bavail * state.f_frsize - left_kib * 1024, 1))


def main() -> None:
    disk, left_kib, wanted = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    effects = itertools.count(1)
    if disk == MEMORY:
        _get_memory_of_our_own()

    def checkpoint(name: str) -> None:
        if wanted in (str(next(effects)), name) and not (disk / BALLAST).exists():
            fill(disk, left_kib)
            os.write(2, f"filled before {name}\n".encode())

    def before(name: str, call: Any) -> Any:
        def filled(*words: Any, **more: Any) -> Any:
            checkpoint(name)
            return call(*words, **more)

        return filled

    def claim(cls: type[MemoryFolder], memory: Path, *, note: Path) -> MemoryFolder | None:
        folder = claimed(memory, note=note)
        checkpoint("memory")
        return folder

    for verb in VERBS:
        setattr(facade, verb, partial(getattr(facade, verb), checkpoint=checkpoint))
    setattr(carry_out, "kept", before("report", getattr(carry_out, "kept")))  # noqa: B009, B010 (not exported)
    claimed, MemoryFolder.claim = MemoryFolder.claim, classmethod(claim)  # type: ignore[method-assign, assignment]
    sys.argv[1:] = sys.argv[4:]
    command_line()


def _get_memory_of_our_own() -> None:
    """A small one; the folder of the tests, which may be in memory as well, stays where it is."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "unshare")
    here = Path.cwd()
    mounts = [["--make-rprivate", "/"], ["-t", "tmpfs", "-o", "size=160m", "tmpfs", str(MEMORY)]]
    if here.is_relative_to(MEMORY):
        tests = MEMORY / here.relative_to(MEMORY).parts[0]
        mounts.append(
            ["--no-canonicalize", "--bind", f"/proc/{os.getpid()}/fd/{os.open(tests, os.O_PATH)}", str(tests)]
        )
    for words in mounts:
        if "--bind" in words:
            Path(words[-1]).mkdir()
        subprocess.run(["mount", *words], check=True)
    os.chdir(here)
