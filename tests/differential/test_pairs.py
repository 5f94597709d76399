"""The clash map against merging every pair with git: pruning never loses a clash, and names the same paths."""

from __future__ import annotations

import random
import subprocess
import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from gitalign import facade
from gitalign.core.forecast import Forecast, Prospect
from gitalign.core.pair_conflicts import Basis
from gitalign.core.report import Verdict
from gitalign.engine.runtime.signals import StopSignal
from tests import needs
from tests.git.workspace import Workspace
from tests.histories import RandomHistory, draw, git
from tests.runs import request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))


class GitDied(Exception):
    """git's merge failed an assertion of its own, as it does on some histories."""


def merge_tree(repository: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        ["git", "merge-tree", "--write-tree", *words], cwd=repository, capture_output=True, check=False
    )
    if b"Assertion" in done.stderr:
        raise GitDied
    assert done.returncode in (0, 1), done.stderr
    return done


def conflicted_paths(repository: Path, one: str, other: str) -> set[str] | None:
    """What git says of merging two branches; None for a clean merge. Paths git invents are left out."""
    sides = [f"refs/heads/{one}", f"refs/heads/{other}"]
    done = merge_tree(repository, "-z", "--name-only", "--no-messages", *sides)
    if not done.returncode:
        return None
    named = done.stdout.split(b"\0")[1:]
    return {path.decode("utf-8", "surrogateescape") for path in named if path and b"~" not in path}


@needs.examples(4, 25)
@given(seed=st.integers(0, 2**32), how=st.sampled_from(["rebase", "flatten", "merge"]))
def test_every_clash_of_all_pairs_is_found(seed: int, how: str) -> None:
    """Edge cases 6, 7, 12."""
    asked: dict[str, Any] = {"rebase": {}, "flatten": {"merges": "flatten"}, "merge": {"strategy": "merge"}}[how]
    with tempfile.TemporaryDirectory() as folder:
        chance = random.Random(seed)
        history = RandomHistory(chance, branches=9, merges=how != "rebase", odd=chance.random() < 0.5)
        repository = history.build(Path(folder) / "repo.git")
        foreseen = facade.forecast(request(repository, **asked), pairs=True)
        report = run(repository, **asked)
        told = {(clash.one, clash.other): clash for clash in foreseen.clashes if clash.basis is Basis.ALIGNED}
        unmerged = {(pair.one, pair.other) for pair in foreseen.unmerged}
        counted = 0
        for target in foreseen.targets:
            names = sorted(
                branch.step.branch.name
                for branch in report.branches()
                if branch.step.target.name == target.name
                and (
                    branch.verdict is Verdict.ALIGNED
                    or (branch.verdict is Verdict.UNCHANGED and branch.step.kind == "up_to_date")
                )
            )
            for one, other in combinations(names, 2):
                where = f"seed {seed}, {how}: {one}, {other}"
                counted += 1
                try:
                    truth = conflicted_paths(repository, one, other)
                except GitDied:
                    assert (one, other) in unmerged, where
                    continue
                clash = told.pop((one, other), None)
                assert (clash is None) == (truth is None), f"{where}: git says {truth}"
                if clash is not None and truth is not None:
                    # Of some conflicts (a file in the way of a renamed folder) git lists no stages; then its messages name the paths.
                    assert {path for path in clash.paths if "~" not in path} == truth or not truth, where
                    assert clash.paths, where
        assert not told
        assert counted == sum(count.branches * (count.branches - 1) // 2 for count in foreseen.pairs)
        for count in foreseen.pairs:
            assert count.pruned + count.merged + count.undecided + count.failed == count.pairs


class InPart(NamedTuple):
    """A branch that does not align, merged with its target by git in one piece."""

    commit: str
    stops: set[bytes]
    changes: set[bytes]


def in_part(repository: Path, target: str, branch: str) -> InPart:
    """What git makes of it, without a line of ours."""
    sides = [f"refs/heads/{target}", f"refs/heads/{branch}"]
    done = merge_tree(repository, "-z", "--name-only", "--messages", *sides)
    fields = done.stdout.split(b"\0")
    tree = fields[0].strip().decode()
    stops: set[bytes] = set()
    at = 1
    # git may talk of a conflict it then finds resolved: the verdict counts.
    while done.returncode and at < len(fields) and fields[at]:
        stops.add(fields[at])
        at += 1
    at += 1
    while done.returncode and at < len(fields) and fields[at].strip().isdigit():
        count = int(fields[at])
        if fields[at + count + 1].startswith(b"CONFLICT"):
            stops.update(fields[at + 1 : at + 1 + count])
        at += count + 3
    commit = git(repository, "commit-tree", "-m", "in part", "-p", sides[0], tree).strip()
    listed = subprocess.run(
        ["git", "diff-tree", "-r", "-z", "--name-only", "--no-renames", sides[0], commit],
        cwd=repository,
        capture_output=True,
        check=True,
    )
    return InPart(commit, stops, set(listed.stdout.split(b"\0")) - {b""})


def merges_cleanly(repository: Path, one: str, other: str) -> bool:
    return merge_tree(repository, one, other).returncode == 0


def undecided_pairs(foreseen: Forecast) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for contest in foreseen.contests:
        everybody = {*contest.stopping, *contest.changing}
        found |= {(min(one, other), max(one, other)) for one in contest.stopping for other in everybody if one != other}
    return found


def own_commits(repository: Path, target: str, tip: str) -> set[str]:
    return set(git(repository, "rev-list", tip, f"^refs/heads/{target}").split())


@needs.examples(3, 30)
@example(seed=2**32, how="flatten")
@example(seed=500_086, how="flatten")
@given(seed=st.integers(0, 2**32), how=st.sampled_from(["rebase", "flatten", "merge", "refuse"]))
def test_branches_that_stop_are_compared_as_far_as_git_merges_them(seed: int, how: str) -> None:
    asked: dict[str, Any] = {
        "rebase": {},
        "flatten": {"merges": "flatten"},
        "merge": {"strategy": "merge"},
        "refuse": {"merges": "refuse"},
    }[how]
    with tempfile.TemporaryDirectory() as folder:
        chance = random.Random(seed)
        history = RandomHistory(chance, branches=9, merges=how != "rebase", odd=chance.random() < 0.5)
        repository = history.build(Path(folder) / "repo.git")
        before = {line.split()[1]: line.split()[0] for line in git(repository, "show-ref").splitlines()}
        foreseen = facade.forecast(request(repository, **asked), pairs=True)
        run(repository, **asked)
        told = {(clash.one, clash.other): clash for clash in foreseen.clashes if clash.basis is not Basis.ALIGNED}
        undecided = undecided_pairs(foreseen)
        unmerged = {(pair.one, pair.other) for pair in foreseen.unmerged}
        seen: set[tuple[str, str]] = set()
        for target in foreseen.targets:
            cells = {cell.branch: cell for cell in foreseen.branches if cell.target == target.name}
            stopping = {
                name: in_part(repository, target.name, name)
                for name, cell in cells.items()
                if cell.prospect is Prospect.CONFLICT or cell.code == "contains_merges"
            }
            aligned = {
                name
                for name, cell in cells.items()
                if cell.prospect is Prospect.CLEAN
                or (cell.prospect is Prospect.UNCHANGED and cell.kind == "up_to_date")
            }
            for one, other in combinations(sorted({*stopping, *aligned}), 2):
                if not {one, other} & stopping.keys():
                    continue
                where = f"seed {seed}, {how}: {one}, {other}"
                seen.add((one, other))
                if (one, other) in undecided:
                    assert (one, other) not in told, where
                    continue
                tips = [before[f"refs/heads/{name}"] for name in (one, other)]
                if own_commits(repository, target.name, tips[0]) & own_commits(repository, target.name, tips[1]):
                    sides = tips
                else:
                    sides = [
                        stopping[name].commit if name in stopping else f"refs/heads/{name}" for name in (one, other)
                    ]
                try:
                    is_clean = merges_cleanly(repository, *sides)
                except GitDied:
                    assert (one, other) in unmerged, where
                else:
                    assert is_clean == ((one, other) not in told), where
            for contest in foreseen.contests:
                if contest.target == target.name:
                    path = contest.path.encode("utf-8", "surrogateescape")
                    named = {
                        name
                        for name, one in stopping.items()
                        if path in {p.partition(b"~")[0] for p in one.stops} | one.stops
                    }
                    assert set(contest.stopping) == named, f"seed {seed}: {contest}"
                    for name in contest.changing:
                        assert name in aligned or path in stopping[name].changes, f"seed {seed}: {contest}"
        assert told.keys() <= seen
        assert undecided <= seen


def branches_of(tmp_path: Path, **changed: dict[str, bytes | None]) -> Path:
    """A repository whose branches differ from main as said; None takes a file away."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES, "d/a": LINES * 2, "d/b": LINES * 3})
    for name, files in changed.items():
        work.switch(name, "main")
        work.commit(name, files)
    work.switch("main")
    work.commit("on", {"g": b"1\n"})
    return work.path


def clashes_of(place: Path) -> tuple[list[tuple[str, str]], int]:
    """Clashing pairs, and how many pairs were merged."""
    found = facade.forecast(request(place), pairs=True)
    return [(clash.one, clash.other) for clash in found.clashes], sum(count.merged for count in found.pairs)


def test_pairs_that_share_nothing_are_not_merged(tmp_path: Path) -> None:
    place = branches_of(tmp_path, x={"f": b"x\n"}, y={"new": b"y\n"}, z={"d/a": b"z\n"})
    assert clashes_of(place) == ([], 0)


def test_the_same_change_twice_is_no_clash(tmp_path: Path) -> None:
    place = branches_of(tmp_path, x={"f": b"same\n"}, y={"f": b"same\n", "own": b"y\n"})
    assert clashes_of(place) == ([], 0)


def test_a_file_added_to_a_folder_another_branch_renamed_is_looked_at(tmp_path: Path) -> None:
    """Edge case 6."""
    moved: dict[str, bytes | None] = {"d/a": None, "d/b": None, "e/a": LINES * 2, "e/b": LINES * 3}
    place = branches_of(tmp_path, mover=moved, adder={"d/new": b"n\n"}, other={"elsewhere": b"o\n"})
    assert clashes_of(place) == ([("adder", "mover")], 1)


def test_a_file_where_another_branch_has_a_folder_is_a_clash(tmp_path: Path) -> None:
    """Edge case 12."""
    place = branches_of(tmp_path, file={"n": b"1\n"}, folder={"n/m": b"2\n"})
    assert clashes_of(place) == ([("file", "folder")], 1)


def test_a_stack_does_not_clash_with_itself(tmp_path: Path) -> None:
    """Edge case 22: what the upper branch does to lines of the lower one is no clash of the two."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES})
    work.switch("lower", "main")
    work.commit("lower", {"f": LINES.replace(b"line 3\n", b"three\n")})
    work.switch("upper", "lower")
    work.commit("upper", {"f": LINES.replace(b"line 3\n", b"drei\n")})
    work.switch("main")
    work.commit("on", {"g": b"1\n"})
    found = facade.forecast(request(work.path), pairs=True)
    assert {cell.prospect for cell in found.branches} == {Prospect.CLEAN}
    assert found.clashes == ()
    assert [count.merged for count in found.pairs] == [1]


def test_a_stopped_comparison_says_so(tmp_path: Path) -> None:
    """Edge case 42."""
    place = tmp_path / "repo.git"
    draw("main: A-B; x: A-D; y: A-E", place)
    stop = StopSignal()
    stop.request_stop()
    before = git(place, "for-each-ref")
    found = facade.forecast(request(place), pairs=True, stop=stop)
    assert not found.is_complete
    assert found.exit_code() == 130
    assert found.clashes == ()
    assert git(place, "for-each-ref") == before
