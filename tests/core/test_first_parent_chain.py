"""The target's own line: where branches leave it, and what it has at each place."""

from __future__ import annotations

from gitalign.core.first_parent_chain import FirstParentChain
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid


def graph(text: str) -> CommitGraph:
    """`D: C X; C: B` is a commit D with the parents C and X, above a commit C with the parent B; children first."""
    rows = []
    for part in text.split(";"):
        commit, _, parents = part.partition(":")
        rows.append((Oid(commit.strip()), tuple(map(Oid, parents.split()))))
    return CommitGraph(rows)


# main: A-B-C-M-D, where M merges the side line B-X-Y; `on` stands on C, `late` on X, `both` has merged C in above X.
HISTORY = graph("both: on2 C; on2: X; late: X; on: C; D: M; M: C Y; Y: X; X: B; C: B; B: A; A:")
LINE = FirstParentChain(HISTORY, Oid("D"))


def test_the_line_goes_by_first_parents() -> None:
    assert LINE.commits == ("D", "M", "C", "B", "A")
    assert [LINE.is_merge(place) for place in range(5)] == [False, True, False, False, False]
    assert LINE.place(Oid("X")) is None


def test_the_fork_is_the_newest_commit_of_the_line_that_the_branch_has() -> None:
    assert [LINE.fork(Oid(name)) for name in ("on", "late", "both")] == [2, 3, 2]


def test_all_that_is_shared_came_at_one_place() -> None:
    assert [LINE.joined(Oid(name)) for name in ("on", "late", "both")] == [2, 1, 1]


def test_what_a_branch_has_beyond_a_place() -> None:
    late = Oid("late")
    assert [LINE.own(late, place).picks for place in range(4)] == [("late",), ("late",), ("X", "late"), ("X", "late")]
    for place in range(4):
        assert LINE.own(late, place).picks == HISTORY.own(late, LINE.commits[place]).picks


def test_a_commit_is_there_from_where_it_came_in() -> None:
    assert [LINE.has_at(place, Oid("Y")) for place in range(4)] == [True, True, False, False]
    assert not LINE.has_at(0, Oid("late"))


def test_a_branch_that_has_nothing_of_the_line() -> None:
    line = FirstParentChain(graph("far: P; M: A P; P:; A:"), Oid("M"))
    assert line.fork(Oid("far")) is None
