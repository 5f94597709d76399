"""Which commits are upstream already, against what `git rev-list --cherry-mark` says of the same histories."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, Conflicted, Unchanged
from gitalign.core.plan import Permit
from gitalign.errors import InvariantBroken
from gitalign.git import diffs
from gitalign.git.history import load_graph
from gitalign.git.repository import Repository, open_repository
from gitalign.integrate.upstream import UpstreamIndex
from tests.git.workspace import Workspace
from tests.histories import RandomHistory, git
from tests.runs import branch, request, run


def _heads(path: Path) -> dict[str, Oid]:
    lines = git(path, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads/").splitlines()
    return {name: Oid(oid) for name, _, oid in (line.partition(" ") for line in lines)}


def _opened(path: Path) -> tuple[Repository, CommitGraph, dict[str, Oid]]:
    repository, heads = open_repository(path), _heads(path)
    return repository, load_graph(repository, heads.values()), heads


def _git_says(path: Path, tip: Oid, onto: Oid) -> set[str]:
    """Own commits that git rebase skips: marked by rev-list, but not those that were empty from the start."""
    marked = git(path, "rev-list", "--cherry-mark", "--right-only", "--no-merges", f"{onto}...{tip}").split()
    same = {oid[1:] for oid in marked if oid.startswith("=")}
    return {oid for oid in same if git(path, "diff-tree", "--root", "--no-commit-id", "-r", "--name-only", oid)}


def _agree(path: Path, *targets: str) -> int:
    """Compare every branch with every target; how many twins were found."""
    repository, graph, heads = _opened(path)
    pairs = [(tip, heads[target]) for target in targets for name, tip in heads.items() if name != target]
    index = UpstreamIndex.build(repository, graph, pairs)
    found = 0
    for tip, onto in pairs:
        equivalents = index.matches(tip, onto)
        assert set(equivalents) == _git_says(path, tip, onto)
        for twin in equivalents.values():
            assert graph.is_ancestor(twin, onto)
            assert not graph.is_ancestor(twin, tip)
        found += len(equivalents)
    return found


class _Picked:
    """A repository whose branch `x` and whose `main` do the same things in their own way."""

    def __init__(self, path: Path) -> None:
        self.space = Workspace(path)
        self.base = self.space.commit(
            "base", {"f": b"".join(b"line %d\n" % number for number in range(30)), "g": b"g\n"}
        )
        self.space.git("branch", "x")

    def on(self, branch: str) -> Workspace:
        self.space.switch(branch)
        return self.space

    def equivalents(self, tip: str = "x", onto: str = "main") -> dict[Oid, Oid]:
        repository, graph, heads = _opened(self.space.path)
        # Every branch is in the index, so that there is something to choose wrongly from.
        pairs = [(heads[name], heads[onto]) for name in heads if name != onto]
        index = UpstreamIndex.build(repository, graph, pairs)
        found = dict(index.matches(heads[tip], heads[onto]))
        assert set(found) == _git_says(self.space.path, heads[tip], heads[onto])
        return found


@pytest.fixture
def picked(tmp_path: Path) -> _Picked:
    return _Picked(tmp_path / "repository")


@pytest.mark.parametrize("seed", range(12))
def test_random_histories_with_picks_upstream(seed: int, tmp_path: Path) -> None:
    """Edge cases 2 and 8."""
    path = RandomHistory(random.Random(seed), branches=6, merges=seed % 2 == 1).build(tmp_path / "repository")
    _agree(path, "main", "topic/0")


def test_the_random_histories_do_contain_picks(tmp_path: Path) -> None:
    found = [
        _agree(RandomHistory(random.Random(seed), branches=6).build(tmp_path / str(seed)), "main", "topic/0")
        for seed in (0, 2, 4)
    ]
    assert sum(found) > 0


def test_the_same_blobs_under_another_id(picked: _Picked) -> None:
    own = picked.on("x").commit("mine", {"g": b"changed\n"})
    twin = picked.on("main").commit("theirs", {"g": b"changed\n"})
    assert picked.equivalents() == {own: twin}


def test_the_same_patch_on_another_base(picked: _Picked) -> None:
    """Other blobs, other line numbers, same patch: only the text tells."""
    text = (picked.space.path / "f").read_bytes()
    own = picked.on("x").commit("mine", {"f": text.replace(b"line 25\n", b"new\n")})
    moved = text.replace(b"line 1\n", b"line 1\nmore\nand more\n")
    picked.on("main").commit("shift", {"f": moved})
    twin = picked.space.commit("theirs", {"f": moved.replace(b"line 25\n", b"new\n")})
    assert picked.equivalents() == {own: twin}


def test_white_space_does_not_count(picked: _Picked) -> None:
    own = picked.on("x").commit("mine", {"g": b"if (a) b\n", "white space": b"1\n"})
    twin = picked.on("main").commit("theirs", {"g": b"if (a)  b \n", "whitespace": b" 1\n"})
    assert picked.equivalents() == {own: twin}


def test_line_endings_do_not_count(picked: _Picked) -> None:
    """Edge case 10."""
    own = picked.on("x").commit("mine", {"new": b"a\nb\n"})
    twin = picked.on("main").commit("theirs", {"new": b"a\r\nb\r\n"})
    assert picked.equivalents() == {own: twin}


def test_a_patch_that_differs_in_one_line_is_another_one(picked: _Picked) -> None:
    picked.on("x").commit("mine", {"g": b"changed\n"})
    picked.on("main").commit("theirs", {"g": b"changed otherwise\n"})
    assert picked.equivalents() == {}


def test_modes_count(picked: _Picked) -> None:
    """Edge case 11. Same content, but one side makes the file executable as well."""
    space = picked.on("x")
    (space.path / "g").chmod(0o755)
    space.commit("mode and content", {"g": b"changed\n"})
    space.commit("a new script", {"run": b"true\n"})
    (space.path / "f").chmod(0o755)
    own = space.commit("mode alone")
    space = picked.on("main")
    space.commit("content", {"g": b"changed\n"})
    (space.path / "run").write_bytes(b"true\n")
    (space.path / "run").chmod(0o755)
    space.commit("a new script that can run")
    (space.path / "f").chmod(0o755)
    twin = space.commit("mode alone")
    assert picked.equivalents() == {own: twin}


def test_binary_files_count_by_their_ids(picked: _Picked) -> None:
    space = picked.on("x")
    space.commit("mine", {"one": b"\0\1", "two": b"\0\2"})
    space = picked.on("main")
    space.commit("theirs", {"one": b"\0\1", "two": b"\0\3"})
    assert picked.equivalents() == {}


def test_links_and_renames(picked: _Picked) -> None:
    """Edge case 6: a rename is a deletion and an addition here as it is for git."""
    for name in ("x", "main"):
        space = picked.on(name)
        (space.path / "link").symlink_to("f")
        (space.path / "g").rename(space.path / "h")
        space.commit(f"link and rename on {name}")
    assert len(picked.equivalents()) == 1


def test_a_commit_that_was_empty_from_the_start_is_never_upstream(picked: _Picked) -> None:
    """Edge case 1: rev-list marks it, git rebase keeps it."""
    picked.on("x").commit("mine", allow_empty=True)
    picked.on("main").commit("theirs", allow_empty=True)
    assert picked.equivalents() == {}


def test_a_twin_that_the_branch_has_itself_is_no_twin(picked: _Picked) -> None:
    """The target's pick came to the branch by a merge, and was undone there: the branch's own commit counts."""
    twin = picked.on("main").commit("theirs", {"g": b"changed\n"})
    picked.space.commit("beyond", {"far": b"1\n"})
    picked.space.git("branch", "behind", "x")
    space = picked.on("x")
    space.git("merge", "-q", "--no-ff", "-m", "merge", twin)
    space.commit("undo", {"g": b"g\n"})
    space.commit("again", {"g": b"changed\n"})
    assert picked.equivalents() == {}


def test_of_two_twins_the_one_the_branch_lacks_is_named(picked: _Picked) -> None:
    first = picked.on("main").commit("theirs", {"g": b"changed\n"})
    space = picked.on("x")
    space.git("merge", "-q", "--no-ff", "-m", "merge", first)
    space.commit("undo", {"g": b"g\n"})
    own = space.commit("again", {"g": b"changed\n"})
    space = picked.on("main")
    undone = space.commit("undo", {"g": b"g\n"})
    second = space.commit("theirs again", {"g": b"changed\n"})
    equivalents = picked.equivalents()
    assert equivalents[Oid(own)] == second
    assert undone in equivalents.values()


def test_a_root_commit_has_a_patch(picked: _Picked) -> None:
    """Edge case 5."""
    space = picked.space
    space.git("checkout", "-q", "--orphan", "alone")
    space.git("rm", "-rfq", ".")
    root = space.commit("root", {"only": b"1\n"})
    twin = picked.on("main").commit("theirs", {"only": b"1\n"})
    assert picked.equivalents("alone") == {root: twin}


def test_names_that_git_quotes(picked: _Picked) -> None:
    """Edge case 12."""
    odd: dict[str, bytes | None] = {
        "größe": b"1\n",
        'tab\tand "quote"': b"2\n",
        b"\xff".decode("utf-8", "surrogateescape"): b"3\n",
    }
    own = picked.on("x").commit("mine", odd)
    twin = picked.on("main").commit("theirs", {**odd, "größe": b" 1\n"})
    assert picked.equivalents() == {own: twin}


def test_diff_settings_of_the_operator_change_nothing(picked: _Picked) -> None:
    """Edge case 42."""
    text = (picked.space.path / "f").read_bytes()
    own = picked.on("x").commit("mine", {"f": text.replace(b"line 25\n", b"new\n\n"), "ü": b"1\n"})
    moved = text.replace(b"line 1\n", b"more\n\nline 1\n")
    picked.on("main").commit("shift", {"f": moved})
    twin = picked.space.commit("theirs", {"f": moved.replace(b"line 25\n", b"new\n\n"), "ü": b"1\n"})
    for key, value in {
        "diff.noprefix": "true",
        "diff.suppressBlankEmpty": "true",
        "diff.renames": "copies",
        "diff.context": "9",
        "diff.algorithm": "patience",
        "diff.external": "false",
        "color.ui": "always",
        "core.quotePath": "true",
        "diff.relative": "true",
        "diff.orderFile": "/dev/null",
        "diff.interHunkContext": "50",
        "log.showSignature": "true",
    }.items():
        picked.space.git("config", key, value)
    assert picked.equivalents() == {own: twin}


def test_a_missing_file_leaves_one_commit_without_a_twin(picked: _Picked) -> None:
    """Edge case 43: the other commits of the same branch are still compared."""
    space = picked.on("x")
    space.commit("lost", {"g": b"lost\n"})
    own = space.commit("kept", {"f": b"kept\n"})
    space = picked.on("main")
    space.commit("lost too", {"g": b" lost\n"})
    twin = space.commit("kept too", {"f": b" kept\n"})
    blob = space.git("rev-parse", "x~:g")
    (space.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    repository, graph, heads = _opened(space.path)
    index = UpstreamIndex.build(repository, graph, [(heads["x"], heads["main"])])
    assert index.matches(heads["x"], heads["main"]) == {own: twin}


def test_a_missing_tree_leaves_one_commit_without_a_twin(picked: _Picked) -> None:
    """Edge case 43."""
    space = picked.on("x")
    own = space.commit("kept", {"f": b"kept\n"})
    space.commit("lost", {"sub/g": b"lost\n"})
    twin = picked.on("main").commit("kept too", {"f": b"kept\n"})
    tree = space.git("rev-parse", "x:sub")
    (space.path / ".git/objects" / tree[:2] / tree[2:]).unlink()
    repository, graph, heads = _opened(space.path)
    index = UpstreamIndex.build(repository, graph, [(heads["x"], heads["main"])])
    assert index.matches(heads["x"], heads["main"]) == {own: twin}


def test_one_index_serves_many_targets_and_reads_every_commit_once(
    picked: _Picked, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = picked.space
    space.git("branch", "other")
    own = picked.on("x").commit("mine", {"g": b"changed\n"})
    equivalents = {
        branch: picked.on(branch).commit(f"on {branch}", {"g": b"changed\n"}) for branch in ("main", "other")
    }
    read: list[Oid] = []

    def counted(repository: Repository, commits: list[Oid], *, missing: dict[Oid, Oid] | None = None) -> object:
        read.extend(commits)
        return diffs.raw_changes(repository, commits, missing=missing)

    monkeypatch.setattr("gitalign.integrate.upstream.raw_changes", counted)
    repository, graph, heads = _opened(space.path)
    pairs = [(heads["x"], heads["main"]), (heads["x"], heads["other"]), (heads["other"], heads["main"])]
    index = UpstreamIndex.build(repository, graph, pairs)
    assert index.matches(*pairs[0]) == {own: equivalents["main"]}
    assert index.matches(*pairs[1]) == {own: equivalents["other"]}
    assert index.matches(*pairs[2]) == {equivalents["other"]: equivalents["main"]}
    assert len(read) == len(set(read)) > 0


def test_the_answers_do_not_depend_on_the_order_of_the_questions(picked: _Picked) -> None:
    picked.on("x").commit("mine", {"g": b"changed\n"})
    for number in range(3):
        picked.on("main").commit(f"theirs {number}", {"g": b"changed\n"})
        picked.space.commit(f"undone {number}", {"g": b"g\n"})
    picked.space.git("branch", "y", "x~")
    repository, graph, heads = _opened(picked.space.path)
    pairs = [(heads["x"], heads["main"]), (heads["y"], heads["main"])]
    answers = [
        UpstreamIndex.build(repository, graph, some).matches(*pairs[0]) for some in (pairs, pairs[::-1], pairs[:1])
    ]
    assert answers[0]
    assert answers[0] == answers[1] == answers[2]


def test_a_pair_nobody_announced_is_a_bug_and_not_an_empty_answer(picked: _Picked) -> None:
    repository, graph, heads = _opened(picked.space.path)
    index = UpstreamIndex.build(repository, graph, [])
    with pytest.raises(InvariantBroken, match="not built"):
        index.matches(heads["x"], heads["main"])


def _lose(space: Workspace, revision: str) -> Oid:
    oid = Oid(space.tip(revision))
    (space.path / ".git/objects" / oid[:2] / oid[2:]).unlink()
    return oid


def test_a_commit_that_is_upstream_is_dropped_without_reading_its_file(tmp_path: Path) -> None:
    """In a partial copy git rebase succeeds there: only merging at once, which nothing depends on, would read the file."""
    space = Workspace(tmp_path / "repo")
    space.commit("base", {"f": b"1\n"})
    space.switch("x", "main")
    space.commit("mine", {"big": b"big\n"})
    space.switch("main")
    space.commit("else", {"g": b"1\n"})
    space.git("cherry-pick", "x")
    space.commit("on", {"big": b"big\nand more\n"})
    _lose(space, "x:big")
    result = branch(run(space.path, already_merged="fast-forward"), "x").result.outcome
    assert isinstance(result, Aligned), result
    assert space.tip("x") == space.tip("main")
    assert [one.code for one in result.findings] == ["one_shot_merge_not_possible"]


@pytest.mark.parametrize("conflicts", [False, True])
def test_what_could_not_be_compared_is_named_and_not_remembered(tmp_path: Path, conflicts: bool) -> None:
    """Edge case 61: the target took the commit and reverted it; one of the two patches cannot be read until its file is there."""
    space = Workspace(tmp_path / "repo")
    lines = [b"%d\n" % number for number in range(20)]
    mine, theirs = [*lines], [*lines]
    mine[10], theirs[1] = b"ten\n", b"one\n"
    space.commit("base", {"f": b"".join(lines)})
    space.switch("x", "main")
    space.commit("mine", {"f": b"".join(mine)})
    space.switch("main")
    space.commit("theirs", {"f": b"".join(theirs)})
    space.git("cherry-pick", "x")
    picked = space.tip("main")
    theirs[9 if conflicts else 2] = b"other\n"
    space.commit("reverted and on", {"f": b"".join(theirs)})
    blob = space.tip(f"{picked}:f")
    place = space.path / ".git/objects" / blob[:2] / blob[2:]
    hidden = place.rename(tmp_path / "hidden")
    report = run(space.path, already_merged="leave")
    assert [notice for notice in report.notices if picked in notice and blob in notice]
    outcome = branch(report, "x").result.outcome
    if conflicts:
        assert isinstance(outcome, Conflicted)
    else:
        assert isinstance(outcome, Aligned)
        told = [one.message for one in outcome.findings if one.code == "commit_not_compared"]
        assert [words for words in told if picked in words and blob in words]
        facade.undo(request(space.path), "last", permit=Permit(plan_id="*", given_by="test"))
    hidden.rename(place)
    again = branch(run(space.path, already_merged="leave"), "x").result.outcome
    assert isinstance(again, Unchanged), again
