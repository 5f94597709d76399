"""A run says how each branch ended, and how many of each target did: at once, and when it is shown later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import warm
from tests.git.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """Two targets: one branch of `main` aligns, one conflicts; both of `scientific` align."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.git("branch", "scientific")
    work.switch("scientific")
    work.commit("science", {"s": b"1\n"})
    for name in ("sci/one", "sci/two"):
        work.switch(name, "scientific")
        work.commit(name, {name: b"1\n"})
    for name, path in (("clean", "c"), ("clash", "f")):
        work.switch(name, "main")
        work.commit(name, {path: b"2\n"})
    work.switch("main")
    work.commit("main", {"f": b"3\n"})
    work.switch("scientific")
    work.commit("more science", {"s": b"2\n"})
    work.switch("main")
    return work


def test_every_branch_and_every_target_has_its_state(work: Workspace) -> None:
    done = warm.run("run", "--yes", cwd=work.path)
    assert done.returncode == 1
    shown = warm.run("show", "last", cwd=work.path)
    for text in (done.stdout, shown.stdout):
        assert "main: 1 aligned, 1 conflicted" in text
        assert "scientific: 2 aligned" in text
        verdicts = {line.split()[0]: line.split()[1] for line in text.splitlines() if len(line.split()) > 1}
        assert {name: verdicts[name] for name in ("clean", "clash", "sci/one", "sci/two")} == {
            "clean": "aligned",
            "clash": "conflicted",
            "sci/one": "aligned",
            "sci/two": "aligned",
        }
    report = json.loads(warm.run("show", "last", "--json", cwd=work.path).stdout)
    assert sorted((one["target"], one["branch"], one["verdict"]) for one in report["branches"]) == [
        ("main", "clash", "conflicted"),
        ("main", "clean", "aligned"),
        ("scientific", "sci/one", "aligned"),
        ("scientific", "sci/two", "aligned"),
    ]
