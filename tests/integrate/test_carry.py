"""Making merges again: nothing a merge holds of its own is thrown away unseen, and it undoes nothing of the target's."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.outcome import Aligned, AlignedKind, Conflicted, Refused
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

LINES = [b"line %d\n" % number for number in range(60)]


def _with(**changes: str) -> bytes:
    """The lines with some of them changed: `l3="x"`."""
    lines = list(LINES)
    for name, text in changes.items():
        lines[int(name[1:])] = text.encode() + b"\n"
    return b"".join(lines)


def _settled(tmp_path: Path, *, ours: str, merged: bytes, target: bytes) -> Workspace:
    """`x` changed line 5 to `ours`, main to `five d`; `merged` is what the merge made of it, `target` what main has now."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": _with()})
    work.switch("x", "main")
    work.commit("X", {"f": _with(l5=ours)})
    work.switch("main")
    work.commit("D", {"f": _with(l5="five d")})
    work.switch("x")
    work.git("merge", "-q", "main", check=False)
    work.commit("M", {"f": merged})
    work.commit("Y", {"y": b"1\n"})
    work.switch("main")
    work.commit("T", {"f": target})
    return work


def _recorded(work: Workspace, content: bytes) -> None:
    """Somebody else met the clash of `x`'s first commit with main, and rerere recorded how it was settled."""
    work.git("config", "rerere.enabled", "true")
    work.switch("other", "x~2")
    work.git("merge", "-q", "main", check=False)
    work.commit("settled", {"f": content})
    work.switch("main")
    work.git("branch", "-D", "other")


def test_a_rung_leaves_what_else_the_merge_changed_in_the_file(tmp_path: Path) -> None:
    merged = _with(l5="five settled", l50="a fix")
    work = _settled(tmp_path, ours="five  x", merged=merged, target=_with(l5="five x"))
    outcome = branch(run(work.path, strategy="rebase-merges", resolutions__rungs=["whitespace"]), "x").result.outcome
    assert isinstance(outcome, Aligned), outcome
    assert outcome.how is AlignedKind.RECREATED
    assert [one.resolver for one in outcome.resolved] == ["whitespace"]
    fixed = work.git("show", "x:f").splitlines()
    assert fixed[50] == "a fix"
    assert fixed[5].split() == ["five", "x"]
    assert all(proof.holds for proof in facade.verify(request(work.path)))


def test_a_resolution_on_record_leaves_what_else_the_merge_changed_in_the_file(tmp_path: Path) -> None:
    merged = _with(l5="five settled", l20="twenty", l50="a fix")
    work = _settled(tmp_path, ours="five x", merged=merged, target=_with(l5="five t", l30="thirty"))
    _recorded(work, _with(l5="five x and t", l30="thirty"))
    outcome = branch(run(work.path, strategy="rebase-merges", resolutions__apply=True), "x").result.outcome
    assert isinstance(outcome, Aligned), outcome
    assert work.git("show", "x:f").encode() + b"\n" == _with(l5="five x and t", l20="twenty", l30="thirty", l50="a fix")


@pytest.mark.parametrize("beside", ["l4", "l6"])
def test_what_touches_the_conflict_is_left_to_a_person(beside: str, tmp_path: Path) -> None:
    """Whether the line beside it belongs to the decision, nobody can tell."""
    merged = _with(**{"l5": "five settled", beside: "beside"})
    work = _settled(tmp_path, ours="five x", merged=merged, target=_with(l5="five t"))
    _recorded(work, _with(l5="five x and t"))
    before = work.tip("x")
    outcome = branch(run(work.path, strategy="rebase-merges", resolutions__apply=True), "x").result.outcome
    assert isinstance(outcome, Conflicted), outcome
    assert (outcome.recreating, outcome.paths) == (work.tip("x~1"), ("f",))
    assert "own changes from its conflict resolution" in outcome.unresolved[0]
    assert work.tip("x") == before


def test_a_decision_about_another_conflict_is_not_replaced(tmp_path: Path) -> None:
    """The old merge settled two conflicts; the new one has one of them and another one that is on record."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": _with()})
    work.switch("x", "main")
    work.commit("X", {"f": _with(l5="five x", l40="forty x")})
    work.switch("main")
    work.commit("D", {"f": _with(l5="five d", l40="forty d")})
    work.switch("x")
    work.git("merge", "-q", "main", check=False)
    work.commit("M", {"f": _with(l5="five settled", l40="forty settled")})
    work.commit("Y", {"y": b"1\n"})
    work.switch("main")
    work.commit("T", {"f": _with(l5="five t", l40="forty x")})
    _recorded(work, _with(l5="five x and t", l40="forty x"))
    outcome = branch(run(work.path, strategy="rebase-merges", resolutions__apply=True), "x").result.outcome
    assert isinstance(outcome, Conflicted), outcome
    assert outcome.recreating == work.tip("x~1")


def test_the_decision_of_the_branch_goes_before_what_is_on_record(tmp_path: Path) -> None:
    """Two files conflict; one as it did then, and a rung would settle it, too."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": _with(), "g": _with()})
    work.switch("x", "main")
    work.commit("X", {"f": _with(l5="five  x"), "g": _with(l5="five  x")})
    work.switch("main")
    work.commit("D", {"f": _with(l5="five x"), "g": _with(l5="five d")})
    work.switch("x")
    work.git("merge", "-q", "main", check=False)
    work.commit("M", {"f": _with(l5="five settled"), "g": _with(l5="g settled", l50="a fix")})
    work.commit("Y", {"y": b"1\n"})
    work.switch("main")
    work.commit("T", {"g": _with(l5="five x")})
    outcome = branch(run(work.path, strategy="rebase-merges", resolutions__rungs=["whitespace"]), "x").result.outcome
    assert isinstance(outcome, Aligned), outcome
    assert {one.path: one.resolver for one in outcome.resolved} == {"f": "merge", "g": "whitespace"}
    assert work.git("show", "x:f").splitlines()[5] == "five settled"
    assert work.git("show", "x:g").splitlines()[50] == "a fix"


def _listing(tmp_path: Path, *, name: str = "log") -> Workspace:
    """A list merged by union, from which a merge took a line away on purpose."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"log": b"a\nb\nc\n", ".gitattributes": b"log* merge=union\n"})
    work.switch("x", "main")
    work.commit("X", {"log": b"a\nb\nc\nx\n"})
    work.switch("main")
    work.commit("D", {"log": b"a\nb\nc\nd\n"})
    work.switch("x")
    work.git("merge", "-q", "--no-commit", "main", check=False)
    work.commit("M", {"log": None, name: b"a\nc\nx\n"} if name != "log" else {"log": b"a\nc\nx\n"})
    work.commit("Y", {"y": b"1\n"})
    work.switch("main")
    return work


@pytest.mark.parametrize("name", ["log", "log-renamed"])
def test_nothing_is_carried_over_by_a_driver_that_calls_everything_clean(name: str, tmp_path: Path) -> None:
    work = _listing(tmp_path, name=name)
    work.commit("T", {"log": b"a\nb2\nc\nd\ne\n"})
    before = work.tip("x")
    outcome = branch(run(work.path, strategy="rebase-merges"), "x").result.outcome
    assert isinstance(outcome, Refused), outcome
    assert outcome.code == "merge_driver"
    assert work.tip("x~1")[:12] in outcome.reason
    assert "log" in outcome.reason
    assert work.tip("x") == before
    merged = branch(run(work.path, strategy="auto"), "x").result.outcome
    assert isinstance(merged, Aligned), merged
    assert merged.how is AlignedKind.MERGED


def test_a_driver_says_nothing_where_the_target_left_the_file_alone(tmp_path: Path) -> None:
    work = _listing(tmp_path)
    work.commit("T", {"other": b"1\n"})
    outcome = branch(run(work.path, strategy="rebase-merges"), "x").result.outcome
    assert isinstance(outcome, Aligned), outcome
    assert work.git("show", "x:log") == "a\nc\nx"


def _buried(tmp_path: Path, *, squashed: bool = False, options: tuple[str, ...] = ("-s", "ours")) -> Workspace:
    """`x` has merged a side of two commits; main has taken the first of them, as it is or together with more."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": _with()})
    work.switch("z", "main")
    work.commit("Z1", {"f": _with(l5="zed one")})
    work.commit("Z2", {"z2": b"1\n"})
    work.switch("x", "main")
    work.commit("X", {"x": b"1\n"})
    work.git("merge", "-q", "--no-ff", *options, "-m", "merge z", "z")
    work.switch("main")
    work.commit("T", {"g": b"1\n"})
    if squashed:
        work.commit("takes Z1, and more", {"f": _with(l5="zed one", l50="fifty")})
    else:
        work.git("cherry-pick", "z~1")
    work.git("branch", "-D", "z")
    work._minute += 1
    return work


@pytest.mark.parametrize("squashed", [False, True])
def test_a_side_that_was_buried_undoes_nothing_of_the_targets(squashed: bool, tmp_path: Path) -> None:
    work = _buried(tmp_path, squashed=squashed)
    merge = work.tip("x")
    outcome = branch(run(work.path, strategy="rebase-merges"), "x").result.outcome
    assert isinstance(outcome, Refused), outcome
    assert outcome.code == "merge_collapsed"
    assert merge[:12] in outcome.reason
    assert "(Z1)" in outcome.reason
    assert work.tip("x") == merge
    merged = branch(run(work.path, strategy="auto"), "x").result.outcome
    assert isinstance(merged, Aligned), merged
    assert merged.how is AlignedKind.MERGED
    assert work.git("show", "x:f").splitlines()[5] == "zed one"


def test_what_a_merge_took_back_of_its_own_line_undoes_nothing_of_the_targets(tmp_path: Path) -> None:
    """The commit that was dropped is on the side the merge was made on."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": _with()})
    work.switch("z", "main")
    work.commit("Z", {"z": b"1\n"})
    work.switch("x", "main")
    work.commit("X1", {"f": _with(l5="five")})
    work.commit("X2", {"x": b"1\n"})
    work.git("merge", "-q", "--no-commit", "z")
    work.commit("M takes X1 back", {"f": _with()})
    work.switch("main")
    work.commit("T", {"g": b"1\n"})
    work.git("cherry-pick", "x~2")
    outcome = branch(run(work.path, only=("x",), strategy="rebase-merges"), "x").result.outcome
    assert isinstance(outcome, Refused), outcome
    assert outcome.code == "merge_collapsed"


@pytest.mark.parametrize("slipped", [{"n": b"slipped in\n"}, {"f": _with(l5="zed one", l40="slipped in")}])
def test_a_merge_that_took_nothing_back_keeps_what_was_slipped_in(slipped: dict[str, bytes], tmp_path: Path) -> None:
    work = _buried(tmp_path, options=())
    work.switch("x")
    for name, content in slipped.items():
        (work.path / name).write_bytes(content)
    work.git("add", "-A")
    work.git("commit", "-q", "--amend", "--no-edit")
    work.switch("main")
    outcome = branch(run(work.path, strategy="rebase-merges"), "x").result.outcome
    assert isinstance(outcome, Aligned), outcome
    assert outcome.how is AlignedKind.RECREATED
    assert {name: work.git("show", f"x:{name}").encode() + b"\n" for name in slipped} == slipped
    assert all(proof.holds for proof in facade.verify(request(work.path)))


def test_what_is_said_of_a_result_unlike_the_one_shot_merge_is_true(tmp_path: Path) -> None:
    """A commit of the branch takes back another one, which the target has: a rebase takes it back there, a merge does not."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": _with()})
    work.switch("z", "main")
    work.commit("Z", {"z": b"1\n"})
    work.switch("x", "main")
    work.commit("X", {"f": _with(l5="five")})
    work.commit("takes X back", {"f": _with()})
    work.git("merge", "-q", "--no-edit", "z")
    work.git("branch", "-D", "z")
    work.switch("main")
    work.commit("T", {"g": b"1\n"})
    work.git("cherry-pick", "x~2")
    outcome = branch(run(work.path, strategy="rebase-merges"), "x").result.outcome
    assert isinstance(outcome, Aligned), outcome
    (finding,) = outcome.findings
    assert finding.code == "differs_from_one_shot_merge"
    assert "what they held of their own was carried over" in finding.message
    assert "git rebase" not in finding.message
