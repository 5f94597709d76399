"""What a run says of its own memory."""

from __future__ import annotations

import os
import subprocess
import sys


def test_the_memory_of_whoever_started_us_is_not_ours() -> None:
    code = "from gitalign.engine.limits import MemoryWatch; print(MemoryWatch.peak_own_bytes())"
    large = (
        "import os, subprocess, sys\n"
        "held = b'x' * 300_000_000\n"
        "pid = os.fork()\n"
        f"if not pid: os.execv(sys.executable, [sys.executable, '-c', {code!r}])\n"
        "os.waitpid(pid, 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", large], capture_output=True, text=True, env=dict(os.environ), check=True
    )
    assert 5_000_000 < int(done.stdout) < 200_000_000
