"""Conservation: whatever is not accounted for is found, and never published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitalign.core.branch import Branch
from gitalign.core.names import BranchName, Oid, StepId, TargetName
from gitalign.core.outcome import Aligned, AlignedKind, Dropped, DropReason, Failed, Rewrite
from gitalign.core.plan import Step, StepKind, Target
from gitalign.core.policy import Strategy
from gitalign.git.merge import MergeWire, Wire
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import open_repository
from gitalign.integrate.conserve import conserve, verify_histories
from gitalign.integrate.lane import MergeWorker
from gitalign.integrate.shared_merges import SharedMerges
from tests.git.workspace import Workspace


class Scene:
    """A branch of two commits and its correct alignment, made by git itself."""

    def __init__(self, path: Path) -> None:
        self.work = work = Workspace(path)
        self.base = Oid(work.commit("base", {"a": b"a\n"}))
        work.switch("x", "main")
        self.olds = [Oid(work.commit("one", {"one": b"1\n"})), Oid(work.commit("two", {"two": b"2\n"}))]
        work.switch("main")
        self.onto = Oid(work.commit("main", {"extra": b"e\n"}))
        work.git("checkout", "-q", "--detach", "x")
        work.git("rebase", "-q", "main")
        self.news = [Oid(work.tip("HEAD~1")), Oid(work.tip("HEAD"))]
        work.git("checkout", "-q", "main")
        self.quarantine = Quarantine(open_repository(path), "run")
        self.lane = MergeWorker(
            self.quarantine,
            wire=MergeWire(Wire.SINGLE),
            attributes={self.onto: ()},
            shared=SharedMerges(),
            timeout_s=20,
        )
        self.aligned = Aligned(
            how=AlignedKind.REPLAYED,
            before=self.olds[1],
            after=self.news[1],
            onto=self.onto,
            tree=Oid(work.tip(f"{self.news[1]}^{{tree}}")),
            rewritten=tuple(Rewrite(old=old, new=new) for old, new in zip(self.olds, self.news, strict=True)),
        )
        target = Target(name=TargetName("main"), ref="refs/heads/main", oid=self.onto)
        self.step = Step(
            id=StepId(0),
            branch=Branch(name=BranchName("x"), target=target.name),
            target=target,
            kind=StepKind.REPLAY,
            strategy=Strategy.REBASE,
            seen=self.olds[1],
            onto=self.onto,
            own_commits=2,
            behind=1,
            stack=0,
        )

    def judge(self, aligned: Aligned) -> object:
        return conserve(self.step, aligned, picks=self.olds, merges=(), bases=(self.base,), lane=self.lane)

    def close(self) -> None:
        self.lane.close()
        self.quarantine.remove()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path / "repo")
    yield scene
    scene.close()


def test_what_git_made_passes(scene: Scene) -> None:
    assert scene.judge(scene.aligned) == scene.aligned
    assert verify_histories(scene.quarantine.git, [scene.aligned], known=[scene.onto], timeout_s=20) == {}


def test_whatever_is_not_accounted_for_fails(scene: Scene) -> None:
    one, two = scene.aligned.rewritten
    drop = Dropped(oid=one.old, reason=DropReason.UPSTREAM)
    broken = {
        "a commit is lost": replace(scene.aligned, rewritten=(two,)),
        "a commit is named twice": replace(scene.aligned, dropped=(drop,)),
        "a foreign commit is told": replace(
            scene.aligned, dropped=(Dropped(oid=scene.onto, reason=DropReason.UPSTREAM),)
        ),
        "two commits are exchanged": replace(
            scene.aligned, rewritten=(Rewrite(old=one.old, new=two.new), Rewrite(old=two.old, new=one.new))
        ),
        "the result ends elsewhere": replace(scene.aligned, after=one.new),
        "the tree is another": replace(scene.aligned, tree=Oid("1" * 40)),
    }
    for what, aligned in broken.items():
        outcome = scene.judge(aligned)
        assert isinstance(outcome, Failed), what
        assert (outcome.code, outcome.stage) == ("conservation", "conserve"), what


def test_a_difference_from_the_one_shot_merge_is_a_finding(scene: Scene) -> None:
    other = scene.work.git("commit-tree", "-p", scene.news[0], "-m", "two", f"{scene.onto}^{{tree}}")
    raw = scene.work.git("cat-file", "commit", scene.news[1]).replace(
        scene.work.tip(f"{scene.news[1]}^{{tree}}"), scene.work.tip(f"{scene.onto}^{{tree}}")
    )
    twin = Oid(scene.work.git("hash-object", "-w", "-t", "commit", "--stdin", stdin=raw.encode() + b"\n"))
    assert other
    one, two = scene.aligned.rewritten
    aligned = replace(
        scene.aligned,
        after=twin,
        tree=Oid(scene.work.tip(f"{scene.onto}^{{tree}}")),
        rewritten=(one, Rewrite(old=two.old, new=twin)),
    )
    outcome = scene.judge(aligned)
    assert isinstance(outcome, Aligned)
    assert [finding.code for finding in outcome.findings] == ["differs_from_one_shot_merge"]


def test_histories_that_git_tells_otherwise_are_found(scene: Scene) -> None:
    git, known = scene.quarantine.git, [scene.onto]
    one, two = scene.aligned.rewritten
    merged = replace(scene.aligned, how=AlignedKind.MERGED, rewritten=())
    elsewhere = replace(scene.aligned, onto=scene.base)
    short = replace(scene.aligned, rewritten=(two,))
    turned = replace(scene.aligned, rewritten=(two, one))
    for aligned in (merged, elsewhere, short, turned):
        faults = verify_histories(git, [aligned], known=known, timeout_s=20)
        assert set(faults) == {scene.news[1]}
    kept = replace(scene.aligned, rewritten=(Rewrite(old=one.new, new=one.new), two))
    assert verify_histories(git, [kept], known=known, timeout_s=20) == {}
    assert verify_histories(git, [], known=known, timeout_s=20) == {}
