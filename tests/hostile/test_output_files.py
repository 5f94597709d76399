"""Where results may be written: devices and links are written to, never replaced."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests import needs, warm
from tests.git.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": b"1\n"})
    work.switch("x", "main")
    work.commit("x", {"own": b"1\n"})
    work.switch("main")
    work.commit("main", {"extra": b"e\n"})
    return work


def write_to(work: Workspace, place: Path) -> subprocess.CompletedProcess[str]:
    """A run that writes its results file to a place."""
    return warm.run("run", "--repo", work.path, "--yes", "-q", "--output", place)


def test_a_device_stays_a_device(work: Workspace, tmp_path: Path) -> None:
    """Edge case 36: `--output /dev/null`, rehearsed on a null device of our own."""
    needs.root("make devices")
    device = tmp_path / "null"
    os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    device.write_bytes(b"probe")
    assert write_to(work, device).returncode == 0
    assert stat.S_ISCHR(device.lstat().st_mode), "the device was replaced by a file"


def test_a_link_stays_a_link_and_its_file_is_written(work: Workspace, tmp_path: Path) -> None:
    """Edge case 36."""
    real = tmp_path / "real.json"
    real.write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to(real)
    assert write_to(work, link).returncode == 0
    assert link.is_symlink()
    assert json.loads(real.read_text())


def test_what_cannot_be_written_is_told_before_the_run(work: Workspace, tmp_path: Path) -> None:
    """Edge case 36."""
    x = work.tip("x")
    for place in (tmp_path / "no" / "such" / "folder.json", tmp_path):
        done = write_to(work, place)
        assert done.returncode in (2, 3), done.stderr
        assert str(place.parent) in done.stderr.replace("\n", "")
        assert "Traceback" not in done.stderr
    assert work.tip("x") == x
