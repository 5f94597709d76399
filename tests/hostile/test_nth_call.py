"""git dies or fails at its n-th call, for every n: nothing is lost, and the next command finishes the job."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.report import SUCCESSES
from gitalign.errors import GitAlignError
from tests.git.workspace import Workspace
from tests.runs import request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))

PARTS = 3
IS_THOROUGH = os.environ.get("GITALIGN_THOROUGH") == "1"
"""The calls are dealt out to as many tests, which can run side by side."""

COUNTING = """#!/bin/sh
# Calls are counted by adding a line to a file; the n-th one comes to a bad end.
echo "$1 $2" >> {count}
if [ "$(wc -l < {count})" -eq {number} ]; then {end}; fi
exec {git} "$@"
"""


def build(place: Path) -> Workspace:
    """A stack, a conflict and a linked work tree."""
    work = Workspace(place / "repo")
    work.commit("base", {"list": LINES})
    work.switch("x", "main")
    work.commit("x", {"own": b"1\n", "list": LINES.replace(b"line 20\n", b"twenty\n")})
    work.switch("x-two", "x")
    work.commit("x two", {"two": b"2\n"})
    work.switch("clash", "main")
    work.commit("clash", {"list": LINES.replace(b"line 3\n", b"drei\n")})
    work.switch("main")
    work.commit("main", {"extra": b"e\n", "list": LINES.replace(b"line 3\n", b"three\n")})
    work.git("worktree", "add", "-q", str(place / "wt"), "x-two")
    return work


def heads(work: Workspace) -> dict[str, str]:
    lines = work.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads").splitlines()
    return {line.split(" ")[0]: line.split(" ")[1] for line in lines if "backup-" not in line}


def stand_in(place: Path, number: int, end: str) -> Path:
    """A folder with a git that comes to an end at its n-th call."""
    place.mkdir(exist_ok=True)
    (place / "count").write_bytes(b"")
    script = COUNTING.format(count=place / "count", number=number, end=end, git=shutil.which("git"))
    (place / "git").write_text(script)
    (place / "git").chmod(0o755)
    return place


def calls_of_a_whole_run(place: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    place.mkdir()
    work = build(place)
    bin_ = stand_in(place / "bin", -1, ":")
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
        run(work.path, committer="preserve")
    return len((bin_ / "count").read_text().splitlines())


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(
    ("name", "end"), [("killed", "kill -9 $$"), ("failed", "echo 'fatal: the dog ate it' >&2; exit 128")]
)
def test_the_nth_call_of_git_goes_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, end: str, part: int
) -> None:
    """Edge cases 36, 43: whichever call it is, a branch is at before or after, no success is made up, and the rest is finished later."""
    total = calls_of_a_whole_run(tmp_path / "whole", monkeypatch)
    assert total > 15
    expected = heads(Workspace(tmp_path / "whole" / "repo"))
    for number in range(1 + part, total + 1, PARTS):
        if not IS_THOROUGH and number % 2 == (name == "killed"):
            continue  # every call goes wrong in one of the two ways
        where = f"call {number} of {total} {name}"
        place = tmp_path / f"{name}-{number}"
        place.mkdir()
        work = build(place)
        before = heads(work)
        bin_ = stand_in(place / "bin", number, end)
        told = ""
        with monkeypatch.context() as patched:
            patched.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
            try:
                report = run(work.path, committer="preserve")
            except GitAlignError as error:
                told = repr(error)
            else:
                # What is called a success is one.
                now = heads(work)
                for one in report.branches():
                    if one.verdict in SUCCESSES:
                        assert now[one.step.ref] == expected[one.step.ref], f"{where}: {one.step.ref} {one.verdict}"
        between = heads(work)
        assert between.keys() == before.keys(), where
        for ref, oid in between.items():
            assert oid in (before[ref], expected[ref]), f"{where}: {ref} {told}"
        facade.resume(request(work.path, committer="preserve"))
        report = run(work.path, committer="preserve")
        assert heads(work) == expected, f"{where}: {told}"
        assert work.git("-C", str(place / "wt"), "status", "--porcelain") == "", where
        assert "missing" not in work.git("fsck", "--full", "--no-dangling"), where
        assert not list((work.path / ".git").rglob("*.lock")), where
        shutil.rmtree(place)
