"""How far conflicting branches align, against trying every first parent of the target with git itself."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gitalign import facade
from gitalign.core.conflict import AlignablePoint, Undetermined
from gitalign.core.outcome import Aligned, Conflicted
from gitalign.core.plan import StepKind
from gitalign.core.report import Report, Verdict
from tests import needs
from tests.histories import RandomHistory, git
from tests.oracle import Judge, Judgement
from tests.runs import request, run


def grown(repository: Path, at: random.Random, *, merges: int) -> None:
    """The target merges some branches in; others stand on what was merged, or pick from them."""
    topics = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads/topic").splitlines()
    for number in range(merges):
        topic = at.choice(topics)
        merged = git(repository, "merge-tree", "--write-tree", "main", topic, check=False).splitlines()
        tree = merged[0] if len(merged) == 1 else git(repository, "rev-parse", "main^{tree}")
        made = git(repository, "commit-tree", "-m", f"merge {topic}", "-p", "main", "-p", topic, tree)
        git(repository, "update-ref", "refs/heads/main", made)
        below = f"{topic}~{at.randint(0, 1)}"
        start = below if git(repository, "rev-parse", "-q", "--verify", below, check=False) else topic
        tree = git(repository, "rev-parse", f"{at.choice(topics)}^{{tree}}")
        late = git(repository, "commit-tree", "-m", f"late {number}", "-p", start, tree)
        git(repository, "update-ref", f"refs/heads/late/{number}", late)
        tree = git(repository, "rev-parse", f"{at.choice([*topics, late])}^{{tree}}")
        made = git(repository, "commit-tree", "-m", f"on {number}", "-p", "main", tree)
        git(repository, "update-ref", "refs/heads/main", made)


def judged(judge: Judge, tip: str, onto: str, *, merging: bool) -> Judgement:
    return judge.merge(tip, onto) if merging else judge.rebase(tip, onto)


def compare(repository: Path, report: Report, judge: Judge, *, seed: int) -> int:
    """Hold what was found for every conflicting branch against git; how many were compared."""
    compared = 0
    for branch in report.branches():
        step, outcome = branch.step, branch.result.outcome
        if not isinstance(outcome, Conflicted):
            continue
        where = f"seed {seed}, {step.branch.name}"
        found = outcome.alignable_point
        line = git(repository, "rev-list", "--first-parent", step.onto).splitlines()
        has = set(git(repository, "rev-list", step.seen).splitlines())
        forks = [oid for oid in line if oid in has]
        if not forks:
            assert isinstance(found, Undetermined), where
            assert found.code == "no_common_line", where
            continue
        if isinstance(found, Undetermined) and found.code == "git_crashed":
            # A search does not get past a merge that git itself dies of: there must be one on the way.
            merging = step.kind is StepKind.MERGE
            tried = line[: line.index(forks[0])]
            assert any(judged(judge, step.seen, oid, merging=merging).has_crashed for oid in tried), where
            continue
        assert isinstance(found, AlignablePoint), f"{where}: {found}"
        assert found.fork == forks[0], where
        places = {oid: place for place, oid in enumerate(line)}
        clean, broken = places[found.clean], places[found.broken]
        assert clean == broken + 1, where
        assert (found.advanced_by, found.remaining) == (places[forks[0]] - clean, clean), where
        assert found.is_merge == (len(git(repository, "rev-parse", f"{found.broken}^@").split()) > 1), where
        merging = step.kind is StepKind.MERGE
        if clean != places[forks[0]]:
            assert judged(judge, step.seen, found.clean, merging=merging).is_clean, where
        stopped = judged(judge, step.seen, found.broken, merging=merging)
        if stopped.has_crashed:
            continue
        assert not stopped.is_clean, where
        if not merging:
            assert found.commit == stopped.stopped_at, where
            assert set(found.paths) == {path for _, _, _, path in stopped.entries}, where
        else:
            # git names its side of an invented path by the word it was given: an id here, the target's name there.
            plain = {path.partition("~")[0] for path in found.paths}
            assert plain == {path.partition("~")[0] for _, _, _, path in stopped.entries}, where
        compared += 1
    return compared


def built(folder: str, seed: int, *, merges: bool, odd: bool) -> Path:
    at = random.Random(seed)
    repository = RandomHistory(at, merges=merges, odd=odd).build(Path(folder) / "repo.git")
    grown(repository, at, merges=at.randint(0, 3))
    return repository


@needs.examples(4, 30)
@given(
    seed=st.integers(0, 2**32), how=st.sampled_from(["rebase", "flatten", "merge-instead", "merge"]), odd=st.booleans()
)
def test_both_commits_are_as_git_finds_them(seed: int, how: str, odd: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = built(folder, seed, merges=how not in ("rebase", "merge"), odd=odd)
        merges = "flatten" if how == "flatten" else "merge-instead"
        report = run(repository, furthest=True, strategy="merge" if how == "merge" else "rebase", merges=merges)
        compare(repository, report, Judge(repository, Path(folder) / "judge"), seed=seed)


@needs.examples(4)
@given(seed=st.integers(0, 2**32), how=st.sampled_from(["rebase", "flatten", "merge-instead", "merge"]))
def test_part_of_the_way_is_what_git_makes_of_it(seed: int, how: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = built(folder, seed, merges=how not in ("rebase", "merge"), odd=False)
        before = tips(repository)
        report = run(
            repository,
            partial=True,
            strategy="merge" if how == "merge" else "rebase",
            merges="flatten" if how == "flatten" else "merge-instead",
        )
        judge = Judge(repository, Path(folder) / "judge")
        for branch in report.branches():
            step, outcome = branch.step, branch.result.outcome
            where = f"seed {seed}, {step.branch.name}"
            now = git(repository, "rev-parse", step.ref)
            if branch.verdict is not Verdict.PARTLY_ALIGNED:
                assert not isinstance(outcome, Conflicted) or now == before[step.ref], where
                continue
            assert isinstance(outcome, Aligned), where
            of_git = judged(judge, step.seen, outcome.onto, merging=step.kind is StepKind.MERGE)
            assert of_git.is_clean, where
            assert git(repository, "rev-parse", f"{now}^{{tree}}") == of_git.tree == outcome.tree, where
            # Never away from what it has: everything it shared with its target it still shares.
            lost = git(repository, "rev-list", git(repository, "merge-base", step.seen, step.onto), f"^{now}")
            assert not lost, where
        assert git(repository, "rev-parse", "main") == before["refs/heads/main"]
        assert all(proof.holds for proof in facade.verify(request(repository)))


def tips(repository: Path) -> dict[str, str]:
    listed = git(repository, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads").splitlines()
    return dict(line.split(" ") for line in listed)


def test_enough_is_compared(tmp_path: Path) -> None:
    """That the property above does not hold of nothing."""
    compared = 0
    for seed in range(6):
        (tmp_path / str(seed)).mkdir()
        repository = built(str(tmp_path / str(seed)), seed, merges=False, odd=False)
        report = run(repository, furthest=True)
        compared += compare(repository, report, Judge(repository, tmp_path / str(seed) / "judge"), seed=seed)
    assert compared >= 6


@needs.examples(2, 15)
@given(seed=st.integers(0, 2**32))
def test_asked_again_everything_is_remembered(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = built(folder, seed, merges=True, odd=False)
        first = run(repository, furthest=True)
        again = run(repository, furthest=True)
        before = {
            one.branch: one.outcome.alignable_point for one in first.results if isinstance(one.outcome, Conflicted)
        }
        after = {
            one.branch: one.outcome.alignable_point for one in again.results if isinstance(one.outcome, Conflicted)
        }
        assert after == before
        audit = repository / "gitalign" / "runs" / again.run.id / "audit.jsonl"
        assert "furthest_started" not in audit.read_text()


def test_a_crash_of_git_on_the_way_is_said(tmp_path: Path) -> None:
    """git 2.39 dies of a file that is a link on one side (merge-ort.c, handle_content_merge); found by chance."""
    repository = built(str(tmp_path), 2438601, merges=True, odd=False)
    report = run(repository, furthest=True, strategy="rebase", merges="flatten")
    judge = Judge(repository, tmp_path / "judge")
    compare(repository, report, judge, seed=2438601)
    step = next(branch.step for branch in report.branches() if branch.step.branch.name == "topic/1")
    line = git(repository, "rev-list", "--first-parent", step.onto).splitlines()
    crashes = any(judge.rebase(step.seen, oid).has_crashed for oid in line)
    said = [getattr(branch.result.outcome, "alignable_point", None) for branch in report.branches()]
    assert any(isinstance(one, Undetermined) and one.code == "git_crashed" for one in said) == crashes
