"""Threads of a process take memory from one heap."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys, threading
from gitalign.one_heap import share_heap
if sys.argv[1] == "shared":
    share_heap()
ready = threading.Barrier(5)
def hold():
    held = [b"x" * 10_000 for _ in range(100)]
    ready.wait()
threads = [threading.Thread(target=hold) for _ in range(4)]
for thread in threads:
    thread.start()
ready.wait()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives each thread a heap of its own")
@pytest.mark.parametrize("how", ["shared", "as they are"])
def test_threads_share_one_heap(how: str) -> None:
    words = [sys.executable, "-c", PROGRAM, how]
    heaps = subprocess.run(words, capture_output=True, text=True, check=True).stdout.count("<heap nr=")
    assert heaps == 1 if how == "shared" else heaps > 1


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from gitalign.one_heap import share_heap

    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    share_heap()
