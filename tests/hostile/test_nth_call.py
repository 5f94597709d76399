"""git dies, fails or is cut short at its n-th call: nothing is lost, nothing wrong is published or remembered, and the next command finishes the job."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.report import SUCCESSES, Report
from gitalign.errors import GitAlignError
from tests.git.workspace import Workspace
from tests.runs import request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))

IS_THOROUGH = os.environ.get("GITALIGN_THOROUGH") == "1"
PARTS = 12 if IS_THOROUGH else 3
"""The calls are dealt out to as many tests, which can run side by side."""

ENDS = {
    "killed": "kill -9 $$",
    "failed": "echo 'fatal: Out of memory, malloc failed' >&2; exit 128",
    # A call that answers a list of questions must notice that answers are missing, even where git says that all is well.
    "cut short": 'case "$1 $2" in diff-tree*|patch-id*|rev-list*|for-each-ref*|"cat-file --batch-check"*) {git} "$@" | head -c 30; exit 0;; '
    "*) kill -9 $$;; esac",
}

COUNTING = """#!/bin/sh
# Calls are counted by adding a line to a file; the n-th one comes to a bad end.
echo "$1 $2" >> {count}
calls=0
while read -r _; do calls=$((calls + 1)); done < {count}
if [ "$calls" -eq {number} ]; then {end}; fi
exec {git} "$@"
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack, a conflict, a linked work tree, and commits that the target took, took back, or has otherwise."""
    place = tmp_path_factory.mktemp("template")
    work = Workspace(place / "repo")
    work.commit("base", {"list": LINES, "other": LINES})
    work.switch("x", "main")
    work.commit("x", {"own": b"1\n", "list": LINES.replace(b"line 20\n", b"twenty\n")})
    work.switch("x-two", "x")
    work.commit("x two", {"two": b"2\n"})
    work.switch("clash", "main")
    work.commit("clash", {"list": LINES.replace(b"line 3\n", b"drei\n")})
    work.switch("taken-back", "main")
    work.commit("taken back", {"other": LINES.replace(b"line 9\n", b"nine\n")})
    work.switch("emptied", "main")
    work.commit("becomes empty", {"extra": b"e\n"})
    work.commit("empty from the start", allow_empty=True)
    work.switch("main")
    work.commit("main", {"extra": b"e\n", "list": LINES.replace(b"line 3\n", b"three\n")})
    moved = LINES.replace(b"line 1\n", b"one\n")
    work.commit("before", {"other": moved})
    work.commit("taken", {"other": moved.replace(b"line 9\n", b"nine\n")})
    work.commit("and taken back", {"other": moved})
    work.git("worktree", "add", "-q", str(place / "wt"), "x-two")
    return place


def copied(template: Path, place: Path) -> Workspace:
    """A copy of the repository and its linked work tree."""
    shutil.copytree(template, place, symlinks=True)
    work = Workspace.__new__(Workspace)
    work.path, work.executable, work._minute = place / "repo", "git", 0
    # `git worktree repair` would mend the original, which is still there.
    inside = work.path / ".git" / "worktrees" / "wt"
    (place / "wt" / ".git").write_text(f"gitdir: {inside}\n")
    (inside / "gitdir").write_text(f"{place / 'wt' / '.git'}\n")
    return work


def heads(work: Workspace) -> dict[str, str]:
    lines = work.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads").splitlines()
    return {line.split(" ")[0]: line.split(" ")[1] for line in lines if "backup-" not in line}


def stories(report: Report) -> dict[str, tuple[object, ...]]:
    """What became of each branch, as far as it is the same from one run to the next."""
    outcomes = {one.step.ref: one.result.outcome for one in report.branches()}
    return {
        ref: (one.kind, getattr(one, "how", ""), getattr(one, "dropped", ()), getattr(one, "conflicts", ()))
        for ref, one in outcomes.items()
    }


def stand_in(place: Path, number: int, end: str) -> Path:
    """A folder with a git that comes to an end at its n-th call."""
    place.mkdir(exist_ok=True)
    (place / "count").write_bytes(b"")
    git = shutil.which("git")
    script = COUNTING.format(count=place / "count", number=number, end=end.replace("{git}", f"{git}"), git=git)
    (place / "git").write_text(script)
    (place / "git").chmod(0o755)
    return place


def aligned_with(bin_: Path, work: Workspace, monkeypatch: pytest.MonkeyPatch) -> Report:
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
        return run(work.path, strategy="rebase", committer="preserve", already_merged="fast-forward")


def chosen(calls: list[str], part: int) -> list[tuple[int, str]]:
    """(number of the call, how it ends): all of them, or every command once."""
    if IS_THOROUGH:
        numbers = [(number, end) for number in range(1, len(calls) + 1) for end in ENDS]
    else:
        first = {call.split(" ")[0]: number for number, call in reversed(list(enumerate(calls, 1)))}
        numbers = [(number, list(ENDS)[at % len(ENDS)]) for at, number in enumerate(sorted(first.values()))]
        # What decides which commits are upstream, in every way.
        numbers += [(first[command], end) for command in ("diff-tree", "patch-id") for end in ENDS]
    return sorted(set(numbers))[part::PARTS]


@pytest.mark.parametrize("part", range(PARTS))
def test_the_nth_call_of_git_goes_wrong(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    """Edge cases 36, 43, 61: whichever call it is, what is called a success is one, and the rest is finished later as if nothing had been."""
    whole = copied(template, tmp_path / "whole")
    counting = stand_in(tmp_path / "whole" / "bin", -1, ":")
    undisturbed = aligned_with(counting, whole, monkeypatch)
    told, expected = stories(undisturbed), heads(whole)
    assert expected["refs/heads/taken-back"] == expected["refs/heads/main"]
    calls = (counting / "count").read_text().splitlines()
    assert len(calls) > 15
    for number, end in chosen(calls, part):
        where = f"call {number} of {len(calls)} ({calls[number - 1]}) {end}"
        place = tmp_path / f"{end}-{number}"
        work = copied(template, place)
        before = heads(work)
        try:
            report = aligned_with(stand_in(place / "bin", number, ENDS[end]), work, monkeypatch)
        except GitAlignError as error:
            where += f": {error!r}"
        else:
            now, seen = heads(work), stories(report)
            assert seen == told or report.exit_code() != 0, where
            for one in report.branches():
                if one.verdict in SUCCESSES:
                    assert now[one.step.ref] == expected[one.step.ref], f"{where}: {one.step.ref} {one.verdict}"
                    assert seen[one.step.ref] == told[one.step.ref], where
        between = heads(work)
        assert between.keys() == before.keys(), where
        for ref, oid in between.items():
            assert oid in (before[ref], expected[ref]), f"{where}: {ref}"
        facade.resume(request(work.path, strategy="rebase", committer="preserve", already_merged="fast-forward"))
        again = run(work.path, strategy="rebase", committer="preserve", already_merged="fast-forward")
        assert heads(work) == expected, where
        stopped = "refs/heads/clash"
        assert stories(again)[stopped] == told[stopped], where
        assert work.git("-C", str(place / "wt"), "status", "--porcelain") == "", where
        assert "missing" not in work.git("fsck", "--full", "--no-dangling"), where
        assert not list((work.path / ".git").rglob("*.lock")), where
        shutil.rmtree(place)
