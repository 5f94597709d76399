"""A forecast that remembers against one that knows nothing: the same bytes, whatever moved in between."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign import facade
from gitalign.documents.execution_plans import dump_execution_batch
from gitalign.documents.forecasts import dump_forecast
from gitalign.engine.analysis import pairs as pairs_module
from tests import needs
from tests.git.workspace import Workspace
from tests.histories import RandomHistory, git
from tests.runs import request, run


def foreseen(repository: Path, merges: str) -> str:
    asked = request(repository, merges=merges)
    found = facade.forecast(asked, pairs=True)
    return json.dumps([dump_forecast(found), [dump_execution_batch(batch) for batch in facade.order(asked).batches]])


def moved(repository: Path, at: random.Random) -> None:
    """Something happens: a commit on a branch, a branch taken back, renamed, or put on another, or a new target."""
    names = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads/topic").splitlines()
    name, other = at.choice(names), at.choice(names)
    match at.randrange(6):
        case 0 | 1:
            tree = git(repository, "rev-parse", f"{other}^{{tree}}")
            made = git(repository, "commit-tree", "-m", "more", "-p", name, tree)
            git(repository, "update-ref", f"refs/heads/{name}", made)
        case 2:
            git(repository, "update-ref", f"refs/heads/{name}", f"{name}~1", check=False)
        case 3:
            git(repository, "branch", "-M", name, f"{name}x")
        case 4:
            git(repository, "update-ref", f"refs/heads/{name}", other)
        case _:
            made = git(repository, "commit-tree", "-m", "on", "-p", "main", f"{name}^{{tree}}")
            git(repository, "update-ref", "refs/heads/main", made)


@needs.examples(2, 15)
@given(seed=st.integers(0, 2**32), merges=st.sampled_from(["flatten", "merge-instead"]))
def test_memory_changes_nothing(seed: int, merges: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        at = random.Random(seed)
        repository = RandomHistory(at, odd=True).build(Path(folder) / "repo.git")
        foreseen(repository, merges)
        for turn in range(3):
            moved(repository, at)
            stranger = shutil.copytree(repository, Path(folder) / f"copy{turn}.git")
            shutil.rmtree(stranger / "gitalign")
            assert foreseen(repository, merges) == foreseen(stranger, merges).replace(f"copy{turn}.git", "repo.git")


@pytest.mark.parametrize("body", ["", "{}", "nonsense", '{"how":"replayed","tree":"x","changes":"!","own":"!"}'])
def test_damaged_memory_is_found_out_anew(tmp_path: Path, body: str) -> None:
    repository = RandomHistory(random.Random(84), odd=True).build(tmp_path / "repo.git")
    asked = request(repository, merges="flatten")
    before = facade.forecast(asked, pairs=True)
    assert any(cell.tree for cell in before.branches)
    assert before.clashes
    with sqlite3.connect(repository / "gitalign" / "gitalign.db") as connection:
        changed = connection.execute("update verdicts set body = ?", (body,))
        assert changed.rowcount > 3
    assert facade.forecast(asked, pairs=True) == before


def test_a_run_takes_no_result_from_memory(tmp_path: Path) -> None:
    repository = RandomHistory(random.Random(11), merges=False).build(tmp_path / "repo.git")
    cells = {cell.branch: cell.tree for cell in facade.forecast(request(repository), pairs=True).branches if cell.tree}
    assert len(cells) > 1
    run(repository)
    for name, tree in cells.items():
        assert git(repository, "rev-parse", f"{name}^{{tree}}") == tree


def test_only_pairs_of_what_moved_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = RandomHistory(random.Random(11), merges=False).build(tmp_path / "repo.git")
    asked = request(repository)
    merged: list[frozenset[str]] = []
    real = pairs_module._asked

    def noted(*words: object) -> object:
        pair = words[2]
        assert isinstance(pair, pairs_module._Pair)
        merged.append(frozenset({pair.one.name, pair.other.name}))
        return real(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(pairs_module, "_asked", noted)
    facade.forecast(asked, pairs=True)
    assert len(merged) > 1
    merged.clear()
    facade.forecast(asked, pairs=True)
    assert merged == []
    name = next(cell.branch for cell in facade.forecast(asked).branches if cell.tree)
    made = git(repository, "commit-tree", "-m", "more", "-p", name, f"{name}~1^{{tree}}")
    git(repository, "update-ref", f"refs/heads/{name}", made)
    facade.forecast(asked, pairs=True)
    assert all(name in pair for pair in merged)


def test_what_is_remembered_speaks_of_the_right_branches(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"1\n"})
    work.switch("one", "main")
    work.commit("one", {"f/x": b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"2\n"})
    work.git("branch", "scientific")
    elsewhere = facade.forecast(request(work.path, strategy="merge"), against=("scientific",))
    here = facade.forecast(request(work.path, strategy="merge"), against=("main",))
    assert [cell.paths for cell in elsewhere.branches] == [("f~scientific",)]
    assert [cell.paths for cell in here.branches] == [("f~main",)]
