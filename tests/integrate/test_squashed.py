"""The rung `squash_merged`: what is left of a stack whose lower part was squashed into the target. Edge case 13.

The oracle is what a person would type: `git rebase --onto main parent child`.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.outcome import Aligned, Conflicted
from gitalign.core.report import Report
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

LINES = [b"line %d\n" % number for number in range(30)]


def text_with(changes: dict[int, bytes]) -> bytes:
    return b"".join(changes.get(number, line) for number, line in enumerate(LINES))


def aligned(work: Workspace, *, only: tuple[str, ...] = (), **settings: object) -> Report:
    return run(work.path, only=only, push=False, resolutions__rungs=["squash_merged"], **settings)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`child` stands on two commits of `parent`, which main has as one."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": text_with({}), "g": text_with({})})
    work.switch("parent", "main")
    work.commit("p1", {"f": text_with({10: b"p1\n"})})
    work.commit("p2", {"f": text_with({10: b"p2\n"})})
    work.switch("child", "parent")
    work.commit("c", {"f": text_with({10: b"child\n"}), "own": b"1\n"})
    work.switch("main")
    work.commit("squash of parent", {"f": text_with({10: b"p2\n"})})
    work.commit("elsewhere", {"g": text_with({3: b"main\n"})})
    return work


def test_what_the_target_has_from_the_branch_itself_is_no_conflict(work: Workspace) -> None:
    tip = work.tip("child")
    assert isinstance(branch(run(work.path), "child").result.outcome, Conflicted)
    report = aligned(work)
    outcome = branch(report, "child").result.outcome
    assert isinstance(outcome, Aligned)
    work.git("branch", "oracle", tip)
    work.git("rebase", "-q", "--onto", "main", f"{tip}~1", "oracle")
    assert work.tip("child^{tree}") == work.tip("oracle^{tree}")
    assert work.git("log", "--format=%s", "main..child") == "c"
    assert [one.reason.value for one in outcome.dropped] == ["became_empty", "became_empty"]
    (told,) = outcome.resolved
    assert (told.path, told.resolver) == ("f", "squash_merged")
    assert work.git("log", "-1", "--format=%s", told.source.rsplit(" ", 1)[1]) == "p2"
    assert all(proof.holds for proof in facade.verify(request(work.path)))


def test_by_a_merge_the_branch_keeps_what_it_made_of_it(work: Workspace) -> None:
    assert isinstance(branch(run(work.path, strategy="merge"), "child").result.outcome, Conflicted)
    assert isinstance(branch(aligned(work, strategy="merge"), "child").result.outcome, Aligned)
    assert work.git("show", "child:f").encode() + b"\n" == text_with({10: b"child\n"})
    assert work.git("show", "child:g").encode() + b"\n" == text_with({3: b"main\n"})


@pytest.mark.parametrize("strategy", ["rebase", "merge"])
@pytest.mark.parametrize("what", ["the same lines", "other lines", "mode"])
def test_where_the_target_went_on_the_conflict_stays(work: Workspace, strategy: str, what: str) -> None:
    if what == "mode":
        (work.path / "f").chmod(0o755)
        work.git("commit", "-qam", "mode")
    else:
        work.commit(
            "on", {"f": text_with({10: b"p2, and more\n"} if what == "the same lines" else {10: b"p2\n", 25: b"x\n"})}
        )
    tip = work.tip("child")
    assert isinstance(branch(aligned(work, strategy=strategy), "child").result.outcome, Conflicted)
    assert work.tip("child") == tip


def test_in_steps_it_is_settled_where_the_squash_came_in(work: Workspace) -> None:
    work.commit("on", {"f": text_with({10: b"p2\n", 25: b"x\n"})})
    outcome = branch(aligned(work, strategy="iterative", iterative_step=1), "child").result.outcome
    assert isinstance(outcome, Aligned)
    assert work.git("show", "child:f").encode() + b"\n" == text_with({10: b"child\n", 25: b"x\n"})
    assert work.git("log", "-1", "--format=%s", outcome.resolved[0].source.rsplit(" ", 1)[1]) == "p2"


def test_a_branch_that_lacks_the_later_commit_is_not_settled_by_one_that_has_it(work: Workspace) -> None:
    work.git("branch", "half", "parent~1")
    for name in ("aaa", "zzz"):
        work.git("branch", name, "child")
    report = aligned(work, orchestration__max_workers_per_target=1)
    assert isinstance(branch(report, "half").result.outcome, Conflicted)
    for name in ("aaa", "child", "zzz"):
        assert isinstance(branch(report, name).result.outcome, Aligned)
    assert work.tip("aaa") == work.tip("child") == work.tip("zzz")


def test_what_the_squash_left_out_is_kept(work: Workspace) -> None:
    work.git("switch", "-q", "parent")
    work.git("reset", "-q", "--hard", "parent~2")
    work.commit("p1", {"f": text_with({10: b"p1\n"}), "left": b"out\n"})
    work.commit("p2", {"f": text_with({10: b"p2\n"})})
    work.git("switch", "-q", "main")
    assert isinstance(branch(aligned(work), "parent").result.outcome, Aligned)
    assert work.git("show", "parent:left") == "out"
    assert work.git("log", "--format=%s", "main..parent") == "p1"


def test_arms_that_were_flattened_are_no_line(work: Workspace) -> None:
    """What stands in another arm does not stand upon the commit."""
    work.git("checkout", "-q", "-b", "forked", "parent~2")
    work.commit("left arm", {"f": text_with({10: b"left\n"})})
    work.git("checkout", "-q", "-b", "arm", "parent~2")
    work.commit("right arm", {"f": text_with({10: b"p2\n"}), "right": b"1\n"})
    work.git("checkout", "-q", "forked")
    work.git("merge", "-q", "-s", "ours", "-m", "joined", "arm")
    work.git("branch", "-qD", "arm")
    work.git("checkout", "-q", "main")
    outcome = branch(aligned(work, merges="flatten"), "forked").result.outcome
    assert isinstance(outcome, Conflicted)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_tree_as_rebasing_what_was_not_squashed(tmp_path: Path, seed: int) -> None:
    at = random.Random(seed)
    work = Workspace(tmp_path / "repo")
    names = ("f", "g", "h")
    work.commit("base", {name: text_with({}) for name in names})
    for number in range(4):
        start = work.tip("main")
        work.switch(f"child{number}", "main")
        now: dict[str, dict[int, bytes]] = {name: {} for name in names}

        def edit(word: str, now: dict[str, dict[int, bytes]] = now) -> None:
            for name in at.sample(names, at.randrange(1, 3)):
                now[name] = {**now[name], at.choice([4, 5, 12, 20]): b"%b %d\n" % (word.encode(), at.randrange(1000))}
            work.commit(word, {name: text_with(now[name]) for name in names})

        below, above = at.randrange(1, 4), at.randrange(1, 3)
        for one in range(below):
            edit(f"p{one}")
        squashed = {name: text_with(now[name]) for name in names}
        for one in range(above):
            edit(f"c{one}")
        # Each child was squashed into a target of its own.
        work.switch(f"target{number}", start)
        work.commit("squash", squashed)
        work.commit("elsewhere", {f"x{number}": b"1\n"})
        work.switch("main")
        tip = work.tip(f"child{number}")
        outcome = branch(
            aligned(work, only=(f"child{number}",), targets=[f"target{number}"]), f"child{number}"
        ).result.outcome
        assert isinstance(outcome, Aligned)
        work.git("branch", "-f", "oracle", tip)
        work.git("rebase", "-q", "--onto", f"target{number}", f"{tip}~{above}", "oracle")
        work.git("switch", "-q", "main")
        assert work.tip(f"child{number}^{{tree}}") == work.tip("oracle^{tree}")
