"""Changed paths, patch ids and lines as read from real repositories, whole and damaged, by git that works and git that fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from gitalign.core.names import Oid
from gitalign.errors import GitError
from gitalign.git import diff_chunks, diffs
from gitalign.git.asking import kinds
from gitalign.git.command import Git
from gitalign.git.diffs import line_counts, listed_changes, patch_ids, path_changes, raw_changes
from gitalign.git.history import authorship, commits_beyond, load_graph
from gitalign.git.missing import Compared, missing_in
from gitalign.git.repository import Repository, open_repository
from tests.git.workspace import Workspace
from tests.histories import git


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "repository")


def _lose(space: Workspace, oid: str) -> None:
    (space.path / ".git/objects" / oid[:2] / oid[2:]).unlink()


def _opened(space: Workspace) -> Repository:
    return open_repository(space.path)


def _stub(folder: Path, script: str) -> str:
    place = folder / "git"
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    return str(place)


def _with_git(space: Workspace, executable: str) -> Repository:
    opened = _opened(space)
    return replace(opened, git=replace(opened.git, executable=executable))


def test_changed_paths_with_modes_ids_and_status(space: Workspace) -> None:
    root = Oid(space.commit("root", {"a": b"1", "with space\nand newline": b"2"}))
    empty = Oid(space.commit("empty", allow_empty=True))
    (space.path / "a").chmod(0o755)
    second = Oid(space.commit("second", {"with space\nand newline": None, "ü": b"3"}))
    answers = dict(raw_changes(_opened(space), [second, empty, root]))
    assert list(answers) == [second, empty, root]
    assert answers[empty] == ()
    assert [(change.path, change.old_mode, change.new_mode, change.status) for change in answers[second]] == [
        (b"a", b"100644", b"100755", b"M"),
        (b"with space\nand newline", b"100644", b"000000", b"D"),
        ("ü".encode(), b"000000", b"100644", b"A"),
    ]
    assert [change.path for change in answers[root]] == [b"a", b"with space\nand newline"]
    assert answers[root][0].new_oid.decode() == space.tip("HEAD:a")
    assert set(answers[root][0].old_oid) == set(b"0")


def test_changes_come_in_chunks_and_in_order(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffs, "_CHANGES_AT_ONCE", 2)
    commits = [Oid(space.commit(str(number), {"a": b"%d" % number})) for number in range(5)]
    assert [oid for oid, _ in raw_changes(_opened(space), commits)] == commits
    assert list(raw_changes(_opened(space), [])) == []


def test_wide_commits_are_asked_for_a_few_at_a_time(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held at once is bounded by paths, from the first answer on, whether changes are parsed or only listed."""
    monkeypatch.setattr(diffs, "_PATHS_AT_ONCE", 20)
    monkeypatch.setattr(diffs, "_PAIRS_AT_ONCE", 2)
    commits = [
        Oid(space.commit(str(number), {f"d/{name}": b"%d" % number for name in range(9)})) for number in range(7)
    ]
    sizes: list[int] = []
    whole = diffs._whole

    def noted(git: Git, words: Sequence[str], asked: Sequence[Compared]) -> bytes:
        sizes.append(len(asked))
        return whole(git, words, asked)

    monkeypatch.setattr(diffs, "_whole", noted)
    bounded = diffs._bounded
    monkeypatch.setattr(diffs, "_bounded", partial(bounded, first=3))
    for ask in (raw_changes, listed_changes):
        sizes.clear()
        assert [oid for oid, _ in ask(_opened(space), commits)] == commits
        assert sizes == [3, 2, 2]
    sizes.clear()
    monkeypatch.setattr(diffs, "_bounded", bounded)
    pairs = list(pairwise(commits))
    assert {pair for pair, _ in path_changes(_opened(space).git, pairs)} == set(pairs)
    assert sizes == [2, 2, 2]


def test_a_commit_with_a_missing_tree_is_left_out(space: Workspace) -> None:
    commits = [Oid(space.commit(str(number), {f"d{number}/a": b"%d" % number})) for number in range(4)]
    _lose(space, space.tip(f"{commits[3]}:d3"))
    assert [oid for oid, _ in raw_changes(_opened(space), commits)] == commits[:3]


def test_a_merge_changes_nothing_and_has_no_patch(space: Workspace) -> None:
    base = space.commit("base", {"a": b"1"})
    space.switch("x", base)
    space.commit("x", {"b": b"1"})
    space.switch("main")
    space.commit("main", {"c": b"1"})
    space.git("merge", "-q", "-m", "merge", "x")
    merge = Oid(space.tip("HEAD"))
    assert all(changes == () for _, changes in raw_changes(_opened(space), [merge]))
    assert patch_ids(_opened(space), [merge]) == {}


@pytest.mark.parametrize(
    ("where", "bound", "value"), [(diff_chunks, "_FIRST", 2), (diff_chunks, "_MOST_PATHS", 3), (diffs, "_READERS", 1)]
)
def test_patch_ids_are_gits_own_however_they_are_chunked(
    space: Workspace, monkeypatch: pytest.MonkeyPatch, where: ModuleType, bound: str, value: int
) -> None:
    text = b"one\n\n\n%d\n\n\ntwo\n"
    commits = [
        Oid(space.commit(str(number), {f"f{number % 3}": text % number, "g": text % number})) for number in range(7)
    ]
    # Blank lines of context would then stand there without their space, and be miscounted.
    space.git("config", "diff.suppressBlankEmpty", "true")
    commits.append(Oid(space.commit("empty", allow_empty=True)))
    monkeypatch.setattr(where, bound, value)
    found = patch_ids(_opened(space), commits, paths=dict.fromkeys(commits, 2))
    for oid in commits[:-1]:
        shown = space.git("-c", "diff.suppressBlankEmpty=false", "diff-tree", "-p", "--root", "--full-index", oid)
        answer = space.git("patch-id", "--stable", stdin=(shown + "\n").encode())
        assert found[oid] == answer.split()[0]
    assert commits[-1] not in found


def test_a_missing_file_costs_one_commit_its_patch_id(space: Workspace) -> None:
    """Edge case 43."""
    commits = [Oid(space.commit(str(number), {f"f{number}": b"%d\n" % number})) for number in range(5)]
    _lose(space, space.tip(f"{commits[2]}:f2"))
    assert list(patch_ids(_opened(space), commits)) == [*commits[:2], *commits[3:]]


def test_old_git_gives_no_patch_ids_to_binary_changes(space: Workspace) -> None:
    """Before 2.39 `git patch-id` gave any two changes of a binary file one id, and a commit would be lost."""
    plain = Oid(space.commit("text", {"a": b"Binary files x and y differ\n"}))
    binary = Oid(space.commit("binary", {"a": b"text\n", "b": b"\0\1"}))
    after = Oid(space.commit("text again", {"a": b"more\n"}))
    repository = _opened(space)
    assert set(patch_ids(repository, [plain, binary, after])) == {plain, binary, after}
    old = replace(repository, git_version=(2, 38, 1))
    assert set(patch_ids(old, [plain, binary, after])) == {plain, after}


FAILURES = {
    "killed": "kill -9 $$",
    "out of memory": "echo 'fatal: Out of memory, malloc failed' >&2; exit 128",
    "cut short": 'exec {git} "$@" | head -c 40',
}
"""Ways in which a call of git goes wrong; none of them says anything about an object."""


def _failing(space: Workspace, folder: Path, command: str, end: str, *, times: int) -> Repository:
    """A repository whose git goes wrong the first few times it is asked for a command."""
    count = folder / "count"
    count.write_bytes(b"")
    script = (
        f'if [ "$1" = {command} ]; then echo >> {count}; [ $(wc -l < {count}) -gt {times} ] || {{ {end}; exit; }}; fi'
    )
    return _with_git(space, _stub(folder, script.replace("{git}", "git") + '\nexec git "$@"'))


Ask = Callable[[Repository, list[Oid]], object]
QUESTIONS: dict[str, tuple[str, Ask]] = {
    "raw": ("diff-tree", lambda asked, commits: list(raw_changes(asked, commits))),
    "pairs": ("diff-tree", lambda asked, commits: list(path_changes(asked.git, list(pairwise(commits))))),
    "lines": ("diff-tree", lambda asked, commits: line_counts(asked.git, list(pairwise(commits)))),
    "patches": ("diff-tree", lambda asked, commits: patch_ids(asked, commits)),
    "ids of patches": ("patch-id", lambda asked, commits: patch_ids(asked, commits)),
    "graph": ("rev-list", lambda asked, commits: load_graph(asked, commits[-1:]).own(commits[-1], commits[0]).picks),
    "beyond": ("rev-list", lambda asked, commits: commits_beyond(asked.git, commits[-1:], commits[1])),
    "people": ("rev-list", lambda asked, commits: authorship(asked.git, commits)),
    "kinds": ("cat-file", lambda asked, commits: kinds(asked.git, [*commits, Oid("1" * 40)])),
}


@pytest.mark.parametrize("end", FAILURES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_passing_failure_of_git_is_no_answer(space: Workspace, tmp_path: Path, question: str, end: str) -> None:
    """Edge case 61: asked again it is answered, and one that lasts is an error."""
    commits = [Oid(space.commit(str(number), {f"f{number}": b"%d\n" % number})) for number in range(4)]
    command, ask = QUESTIONS[question]
    whole = ask(_opened(space), commits)
    assert whole
    assert ask(_failing(space, tmp_path, command, FAILURES[end], times=2), commits) == whole
    with pytest.raises(GitError):
        ask(_failing(space, tmp_path, command, FAILURES[end], times=1_000), commits)


def test_what_is_missing_is_named_and_nothing_else_is_left_out(space: Workspace) -> None:
    """Edge case 61."""
    commits = [Oid(space.commit(str(number), {f"d{number}/a": b"%d\n" % number})) for number in range(5)]
    folder, file = Oid(space.tip(f"{commits[3]}:d3")), Oid(space.tip(f"{commits[1]}:d1/a"))
    _lose(space, folder)
    _lose(space, file)
    missing: dict[Oid, Oid] = {}
    assert [oid for oid, _ in raw_changes(_opened(space), commits, missing=missing)] == [*commits[:3], commits[4]]
    assert missing == {commits[3]: folder}
    missing = {}
    assert list(patch_ids(_opened(space), commits, missing=missing)) == [commits[0], commits[2], commits[4]]
    assert missing == {commits[1]: file, commits[3]: folder}
    lost: dict[tuple[Oid, Oid], Oid] = {}
    pairs = list(pairwise(commits))
    assert set(line_counts(_opened(space).git, pairs, missing=lost)) == {pairs[1], pairs[3]}
    assert lost == {pairs[0]: file, pairs[2]: folder}
    lost = {}
    nowhere = Oid("1" * 40)
    told = dict(path_changes(_opened(space).git, [*pairs, (nowhere, commits[0])], missing=lost))
    assert set(told) == {pairs[0], pairs[1], pairs[3]}
    assert lost == {pairs[2]: folder, (nowhere, commits[0]): nowhere}


def test_an_old_missing_file_is_no_excuse_for_a_failure(space: Workspace, tmp_path: Path) -> None:
    """A partial copy lacks files that no comparison reads: a failure there is one of git, and is raised."""
    first = Oid(space.commit("1", {"old": b"old\n"}))
    second = Oid(space.commit("2", {"new": b"new\n"}))
    _lose(space, space.tip(f"{first}:old"))
    assert list(patch_ids(_opened(space), [second])) == [second]
    with pytest.raises(GitError):
        patch_ids(_failing(space, tmp_path, "diff-tree", FAILURES["out of memory"], times=1_000), [second])


def test_the_cut_of_a_shallow_copy_is_not_missing(space: Workspace, tmp_path: Path) -> None:
    for number in range(4):
        space.commit(str(number), {"a": b"%d\n" % number})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=2", f"file://{space.path}", str(clone))
    cut = Oid(git(clone, "rev-parse", "HEAD~"))
    assert missing_in(open_repository(clone).git, {0: Compared(cut)}, with_files=True) == {}
