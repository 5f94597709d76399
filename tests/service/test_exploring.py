"""Interleavings of workers at one job, searched by a schedule explorer, which needs a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.service.exploring import SCENARIOS


def test_no_interleaving_gives_a_job_to_two_workers() -> None:
    program = Path(sys.executable).with_name("frontrun")
    words = [str(program), sys.executable, "-m", "tests.service.exploring"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("holds=True") == len(SCENARIOS)
    assert "explored=1\n" not in done.stdout, "there is more than one order"
