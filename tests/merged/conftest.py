"""A repository with branches that landed in every way, and some that did not; and a bare remote that has them all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.git.workspace import Workspace

LINES = [b"line %d\n" % number for number in range(30)]


def changed(*lines: int) -> bytes:
    """The file with some lines changed."""
    return b"".join(b"changed %d\n" % at if at in lines else line for at, line in enumerate(LINES))


def built(work: Workspace) -> None:
    """main, and branches by how they landed: contained, twice, picked, squashed, conflicting, reverted, spread, open."""
    work.commit("base", {"list": b"".join(LINES), "a": b"1\n"})
    for name, files in (
        ("contained", [{"c": b"1\n"}]),
        ("ahead", [{"d": b"1\n"}]),
        ("picked", [{"p": b"1\n"}, {"q": b"1\n"}]),
        ("squashed", [{"list": changed(2)}, {"list": changed(2, 3), "s": b"1\n"}]),
        ("squashed-long-ago", [{"a": b"2\n"}, {"a": b"3\n"}]),
        ("taken-back", [{"t": b"1\n"}, {"t": b"2\n"}]),
        ("spread", [{"u": b"1\n"}, {"v": b"1\n"}]),
        ("open", [{"o": b"1\n"}]),
        ("half", [{"h": b"1\n"}, {"i": b"1\n"}]),
    ):
        work.switch(name, "main")
        for number, some in enumerate(files):
            work.commit(f"{name} {number}", some)
    work.switch("main")
    work.commit("on", {"m": b"1\n"})
    work.git("merge", "-q", "--no-ff", "-m", "merge contained", "contained")
    work.git("merge", "-q", "--no-ff", "-m", "merge ahead", "ahead")
    for name in ("picked~1", "picked", "half"):
        work.git("cherry-pick", name)
    for name in ("squashed", "squashed-long-ago", "taken-back"):
        work.git("merge", "-q", "--squash", name)
        work.git("commit", "-qm", f"{name} as one")
    work.git("revert", "--no-edit", "HEAD")
    work.commit("one half", {"u": b"1\n", "w": b"1\n"})
    work.commit("the other half", {"v": b"1\n", "x": b"1\n"})
    work.commit("later", {"a": b"4\n", "list": changed(2, 3, 20)})


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("landed")
    work = Workspace(place / "repo")
    built(work)
    work.git("init", "-q", "--bare", "-b", "main", str(place / "remote"))
    work.git("remote", "add", "origin", str(place / "remote"))
    work.git("push", "-q", "-u", "origin", "--all")
    return place


@pytest.fixture
def work(landed: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(landed, tmp_path / "place", symlinks=True)
    work = Workspace(tmp_path / "place" / "repo")
    work.git("remote", "set-url", "origin", str(tmp_path / "place" / "remote"))
    return work
