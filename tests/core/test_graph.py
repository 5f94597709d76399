"""The commit graph against drawings, and against git itself on random histories."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from gitalign.core import graph as graph_module
from gitalign.core import walks
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.core.own_commits import UnknownCommit
from gitalign.git.history import load_graph
from gitalign.git.repository import open_repository
from tests.core.drawing import draw, graph, graph_of
from tests.histories import git


def test_own_commits_of_a_linear_branch() -> None:
    drawn, tips = graph("main: A-B-C; x: A-D-E")
    own = drawn.own(tips["x"], tips["main"])
    assert own.picks == ("D", "E")
    assert own.merges == ()
    assert own.bases == ("A",)
    assert own.roots == ()
    assert own.count == 2
    assert not own.is_linear_on_target
    assert not own.hits_shallow
    assert drawn.behind_count(tips["x"], tips["main"]) == 2
    assert drawn.own_count(tips["x"], tips["main"]) == 2
    assert set(drawn.own_ids(tips["x"], tips["main"])) == {"D", "E"}
    assert len(drawn) == 5
    assert "A" in drawn
    assert "Z" not in drawn
    assert drawn.parents(Oid("B")) == ("A",)


def test_a_branch_on_the_targets_tip_is_linear_on_it_unless_it_holds_a_merge() -> None:
    drawn, tips = graph("main: A-B; x: B-C; y: A-S; m: B-M+S")
    assert drawn.own(tips["x"], tips["main"]).is_linear_on_target
    merged = drawn.own(tips["m"], tips["main"])
    assert merged.bases == ("B",)
    assert merged.merges == ("M",)
    assert not merged.is_linear_on_target
    assert drawn.behind_count(tips["m"], tips["main"]) == 0


def test_a_branch_that_the_target_contains_owns_nothing_and_stands_on_itself() -> None:
    drawn, tips = graph("main: A-B-C; x: A-B")
    own = drawn.own(tips["x"], tips["main"])
    assert (own.count, own.bases) == (0, ("B",))
    assert drawn.behind_count(tips["x"], tips["main"]) == 1
    assert drawn.own(tips["main"], tips["main"]).is_linear_on_target


def test_an_octopus_brings_every_arm_and_one_base() -> None:
    """Edge case 5."""
    drawn, tips = graph("main: A-B; x: A-C; y: A-D; z: A-E; o: C-O+D+E")
    own = drawn.own(tips["o"], tips["main"])
    assert set(own.picks) == {"C", "D", "E"}
    assert own.merges == ("O",)
    assert own.bases == ("A",)


def test_a_criss_cross_has_two_bases() -> None:
    """Edge case 25."""
    drawn, tips = graph("main: A-B-M+C-P; x: A-C-N+B-Q")
    assert set(drawn.own(tips["x"], tips["main"]).bases) == {"B", "C"}
    assert drawn.own(tips["x"], tips["main"]).picks == ("Q",)
    assert drawn.behind_count(tips["x"], tips["main"]) == 2


def test_branches_on_the_same_merges_are_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[Sequence[int]] = []
    below = walks.below

    def counted(parents: Sequence[tuple[int, ...]], starts: Sequence[int], *, floor: int) -> set[int]:
        walked.append(starts)
        return below(parents, starts, floor=floor)

    monkeypatch.setattr(walks, "below", counted)
    drawn, tips = graph("a: A-B; b: A-C; main: B-M+C; x: B-N+C; y: N-Y; z: C-O+B-Z")
    for name in ("x", "y", "z"):
        assert drawn.own_count(tips[name], tips["main"]) == {"x": 1, "y": 2, "z": 2}[name]
        assert set(drawn.own(tips[name], tips["main"]).bases) == {"B", "C"}
    assert len(walked) == 1


def test_a_base_below_a_better_one_is_no_base() -> None:
    drawn, tips = graph("main: A-B-C-D; x: A-E-M+C-F")
    assert drawn.own(tips["x"], tips["main"]).bases == ("C",)


def test_unrelated_histories_have_no_base_and_name_their_root() -> None:
    """Edge case 5."""
    drawn, tips = graph("main: A-B; x: R-S")
    own = drawn.own(tips["x"], tips["main"])
    assert (own.bases, own.roots, own.picks) == ((), ("R",), ("R", "S"))
    assert drawn.behind_count(tips["x"], tips["main"]) == 2


def test_a_shallow_commit_among_the_own_ones_hides_the_base() -> None:
    """Edge case 25."""
    drawn, tips = graph("main: A-B; x: S-T", shallow={"S"})
    assert drawn.own(tips["x"], tips["main"]).hits_shallow


def test_a_shallow_commit_on_the_targets_side_hides_the_base_too() -> None:
    """Edge case 25. Behind S may lie a commit of the branch: A would be a wrong base."""
    drawn, tips = graph("main: A-B-M+S; side: S; x: A-X-Y", shallow={"S"})
    assert drawn.own(tips["x"], tips["main"]).bases == ("A",)
    assert drawn.own(tips["x"], tips["main"]).hits_shallow


def test_a_shallow_commit_that_both_sides_have_hides_nothing() -> None:
    drawn, tips = graph("main: S-A-B; x: A-X", shallow={"S"})
    assert not drawn.own(tips["x"], tips["main"]).hits_shallow


def test_a_branch_that_the_target_contains_needs_no_hidden_history() -> None:
    drawn, tips = graph("main: A-M+S; x: A", shallow={"S"})
    assert not drawn.own(tips["x"], tips["main"]).hits_shallow


def test_ancestors() -> None:
    drawn, tips = graph("main: A-B-C; x: A-D")
    assert drawn.is_ancestor(Oid("A"), tips["x"])
    assert drawn.is_ancestor(tips["x"], tips["x"])
    assert not drawn.is_ancestor(tips["x"], Oid("A"))
    assert not drawn.is_ancestor(Oid("B"), tips["x"])
    assert not drawn.is_ancestor(Oid("D"), Oid("C"))
    drawn.own_count(tips["x"], tips["main"])  # now the target's ancestors are remembered
    assert drawn.is_ancestor(Oid("B"), tips["main"])
    assert not drawn.is_ancestor(Oid("D"), tips["main"])


def test_what_the_branches_of_a_target_have_and_lack_together() -> None:
    drawn, tips = graph("main: A-B-C-D; x: A-X; y: C-Y; z: B-M+Y; top: D-T")
    assert set(drawn.own_of_any([tips["x"], tips["y"]], tips["main"])) == {"X", "Y"}
    assert drawn.own_of_any([Oid("B")], tips["main"]) == []
    assert set(drawn.lacked_by_any([tips["x"], tips["top"]], tips["main"])) == {"B", "C", "D"}
    # z has B by its first parent and C through Y.
    assert set(drawn.lacked_by_any([tips["z"], tips["y"]], tips["main"])) == {"D"}
    assert drawn.lacked_by_any([tips["top"]], tips["main"]) == []
    lacks = drawn.lacks(tips["x"], tips["main"])
    assert [lacks(Oid(oid)) for oid in "ABCD"] == [False, True, True, True]


def test_a_commit_that_is_not_there_is_named() -> None:
    drawn, tips = graph("main: A-B")
    with pytest.raises(UnknownCommit, match="nowhere"):
        drawn.own(Oid("nowhere"), tips["main"])


def test_parents_outside_the_graph_are_left_out() -> None:
    cut = CommitGraph([(Oid("B"), (Oid("A"),))])
    assert cut.parents(Oid("B")) == ()


def test_remembered_targets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "_TARGETS_REMEMBERED", 2)
    drawn, _ = graph("main: A-B-C-D-E; x: A-X")
    assert [drawn.own_count(Oid("X"), Oid(target)) for target in "ABCDE"] == [1] * 5
    assert [drawn.own_count(Oid("E"), Oid(target)) for target in "ABCDE"] == [4, 3, 2, 1, 0]
    assert len(drawn._reach) <= 2


def test_fifty_thousand_commits_in_a_row_need_no_deep_recursion() -> None:
    drawn = CommitGraph(
        [(Oid(str(number)), (Oid(str(number - 1)),) if number else ()) for number in range(50_000, -1, -1)]
    )
    assert drawn.own(Oid("50000"), Oid("0")).count == 50_000
    assert drawn.behind_count(Oid("0"), Oid("50000")) == 50_000


def _random_repository(chance: random.Random, path: Path) -> list[str]:
    """A repository of commits with one to three parents and dates that lie; all ids."""
    git(path.parent, "init", "-q", "--bare", "-b", "main", str(path))
    stream = bytearray()
    marks: list[int] = []
    for mark in range(1, chance.randint(14, 40)):
        count = min(len(marks), chance.choices([0, 1, 2, 3], [3, 70, 24, 3])[0])
        recent = marks[-12:]
        parents = chance.sample(recent, min(count, len(recent))) if marks else []
        stream += b"commit refs/heads/c%d\nmark :%d\n" % (mark, mark)
        stream += b"committer C <c@example.org> %d +0000\ndata 0\n" % chance.randint(1_600_000_000, 1_600_000_050)
        for role, parent in zip((b"from", b"merge", b"merge"), parents, strict=False):
            stream += b"%b :%d\n" % (role, parent)
        stream += b"M 644 inline f\ndata <<E\n%d\nE\n\n" % mark
        marks.append(mark)
    git(path, "fast-import", "--quiet", stdin=bytes(stream))
    return git(path, "for-each-ref", "--format=%(objectname)", "refs/heads/").splitlines()


@pytest.mark.parametrize("seed", range(8))
def test_random_histories_give_what_git_gives(seed: int, tmp_path: Path) -> None:
    """Picks in git's order whatever the dates say, merge bases, counts. Edge cases 5 and 25."""
    chance = random.Random(seed)
    path = tmp_path / "repository"
    oids = _random_repository(chance, path)
    drawn = load_graph(open_repository(path), map(Oid, oids))
    assert len(drawn) == len(set(oids))
    for _ in range(25):
        tip, onto = (Oid(oid) for oid in chance.sample(oids, 2))
        own = drawn.own(tip, onto)
        order = ("rev-list", "--reverse", "--topo-order", "--right-only")
        assert list(own.picks) == git(path, *order, "--no-merges", f"{onto}...{tip}").split()
        assert list(own.merges) == git(path, *order, "--merges", f"{onto}...{tip}").split()
        bases = git(path, "merge-base", "--all", tip, onto, check=False).split()
        assert sorted(own.bases) == sorted(bases)
        lacked = git(path, "rev-list", f"{tip}..{onto}").split()
        assert drawn.behind_count(tip, onto) == len(lacked)
        assert set(drawn.lacked_by_any([tip], onto)) == set(lacked)
        lacks = drawn.lacks(tip, onto)
        assert all(lacks(Oid(oid)) for oid in lacked)
        assert not any(lacks(Oid(oid)) for oid in git(path, "rev-list", *bases).split()) if bases else True
        assert drawn.is_ancestor(tip, onto) == (tip in git(path, "rev-list", onto).split())
    some = [Oid(oid) for oid in chance.sample(oids, 4)]
    onto = Oid(chance.choice(oids))
    fresh = load_graph(open_repository(path), map(Oid, oids))
    counts = fresh.own_counts(map(Oid, oids), onto)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph_module, "_MOST_IN_SETS", 0)
        assert fresh.own_counts(map(Oid, oids), onto) == counts
    fresh.count_behind(map(Oid, oids), onto)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph_module, "beyond", None)  # every answer is there
        behind = {tip: fresh.behind_count(tip, onto) for tip in map(Oid, oids)}
    assert behind == {tip: drawn.behind_count(tip, onto) for tip in map(Oid, oids)}
    assert {tip: counts[tip] for tip in some} == {
        tip: len(git(path, "rev-list", f"{onto}..{tip}").split()) for tip in some
    }
    assert set(drawn.own_of_any(some, onto)) == set(git(path, "rev-list", *some, f"^{onto}").split())
    every = [set(git(path, "rev-list", f"{tip}..{onto}").split()) for tip in some]
    assert set(drawn.lacked_by_any(some, onto)) == set.union(*every)


def test_the_same_drawing_in_another_order_gives_the_same_answers() -> None:
    tips, parents = draw("main: A-B-M+C-P; c: A-C; x: C-N+B-Q; y: Q-R")
    one, other = graph_of(parents), graph_of(dict(reversed(parents.items())))
    for tip in tips.values():
        for onto in tips.values():
            assert set(one.own(tip, onto).picks) == set(other.own(tip, onto).picks)
            assert set(one.own(tip, onto).bases) == set(other.own(tip, onto).bases)
            assert one.behind_count(tip, onto) == other.behind_count(tip, onto)
