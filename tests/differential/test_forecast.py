"""The forecast against the run it foresees: same verdict, same tree, same stop, same paths."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign import facade
from gitalign.core.forecast import Prospect
from gitalign.core.outcome import Aligned, Conflicted
from gitalign.core.report import Verdict
from gitalign.documents.forecasts import dump_forecast
from gitalign.errors import UserError
from gitalign.process_owner import this_owner
from tests import needs
from tests.git.workspace import Workspace
from tests.histories import RandomHistory, draw, git
from tests.runs import request, run

_SAME = {
    Verdict.ALIGNED: Prospect.CLEAN,
    Verdict.UNCHANGED: Prospect.UNCHANGED,
    Verdict.CONFLICTED: Prospect.CONFLICT,
    Verdict.REFUSED: Prospect.REFUSED,
    Verdict.FAILED: Prospect.FAILED,
}


def refs(repository: Path) -> str:
    return git(repository, "for-each-ref")


@needs.examples(5, 35)
@given(
    seed=st.integers(0, 2**32),
    how=st.sampled_from(["rebase", "flatten", "merge", "merge-instead", "recreate", "iterative", "auto"]),
)
def test_a_run_does_what_the_forecast_said(seed: int, how: str) -> None:
    """Edge cases 6, 7, 12."""
    ways: dict[str, dict[str, Any]] = {
        "rebase": {},
        "flatten": {"merges": "flatten"},
        "merge": {"strategy": "merge"},
        "merge-instead": {"merges": "merge-instead"},
        "recreate": {"merges": "recreate"},
        "iterative": {"strategy": "iterative", "iterative_step": 1, "merges": "flatten"},
        "auto": {"strategy": "auto"},
    }
    asked = ways[how]
    with tempfile.TemporaryDirectory() as folder:
        history = RandomHistory(random.Random(seed), merges=how != "rebase", odd=True)
        repository = history.build(Path(folder) / "repo.git")
        # The run works on a copy: a conflict the forecast remembers would be no witness.
        untouched = shutil.copytree(repository, Path(folder) / "copy.git")
        before = refs(repository)
        foreseen = facade.forecast(request(repository, **asked))
        assert refs(repository) == before
        report = run(untouched, **asked)
        cells = {cell.branch: cell for cell in foreseen.branches}
        assert len(cells) == len(report.branches()) >= 3
        for branch in report.branches():
            cell, outcome = cells[branch.step.branch.name], branch.result.outcome
            where = f"seed {seed}, {how}, {cell.branch}"
            assert cell.prospect is _SAME[branch.verdict], where
            assert cell.assigned, where
            if isinstance(outcome, Aligned):
                assert cell.tree == git(untouched, "rev-parse", f"{branch.step.ref}^{{tree}}"), where
            if isinstance(outcome, Conflicted):
                assert (cell.commit, cell.position, cell.total) == (outcome.commit, outcome.position, outcome.total)
                assert cell.paths == outcome.paths, where
                assert cell.conflicts == outcome.conflicts, where


@pytest.fixture
def two_targets(tmp_path: Path) -> Path:
    """x is clean on main, where it belongs, and stops on scientific."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("scientific", "main")
    work.commit("other", {"f": b"theirs\n"})
    work.switch("x", "main")
    work.commit("edit", {"f": b"mine\n"})
    work.switch("main")
    work.commit("on", {"g": b"1\n"})
    return work.path


def test_a_branch_is_tried_on_every_target(two_targets: Path) -> None:
    """Edge case 7."""
    found = facade.forecast(request(two_targets), against=("main", "scientific"))
    cells = {(cell.branch, cell.target): cell for cell in found.branches}
    assert cells["x", "main"].prospect is Prospect.CLEAN
    assert cells["x", "scientific"].prospect is Prospect.CONFLICT
    assert cells["x", "scientific"].paths == ("f",)
    assert cells["x", "main"].assigned
    assert not cells["x", "scientific"].assigned
    assert [one.path for one in found.contested("scientific")] == ["f"]
    assert found.contested("main") == ()
    assert found.exit_code() == 1


def test_the_same_input_gives_the_same_bytes(two_targets: Path) -> None:
    """Edge case 7."""
    asked = request(two_targets)
    said = {json.dumps(dump_forecast(facade.forecast(asked, against=("main", "scientific")))) for _ in range(3)}
    assert len(said) == 1


def test_an_unknown_target_is_refused_by_name(two_targets: Path) -> None:
    with pytest.raises(UserError, match="unknown target 'nowhere'; there are main, scientific"):
        facade.forecast(request(two_targets), against=("nowhere",))


def test_a_repository_without_branches_is_foreseen(tmp_path: Path) -> None:
    """Edge case 5."""
    place = tmp_path / "repo.git"
    draw("main: A-B", place)
    found = facade.forecast(request(place))
    assert found.branches == ()
    assert found.exit_code() == 0


def test_unrelated_and_cut_off_histories_have_their_names(tmp_path: Path) -> None:
    """Edge cases 5, 25."""
    place = tmp_path / "repo.git"
    draw("main: A-B; x: A-D; orphan: Z", place)
    cells = {cell.branch: cell for cell in facade.forecast(request(place)).branches}
    assert cells["orphan"].code == "unrelated_history"
    assert cells["x"].prospect is Prospect.CLEAN
    copy = tmp_path / "copy.git"
    draw("main: A-B-C-D; x: A-E-F-G", tmp_path / "deep.git")
    git(tmp_path, "clone", "-q", "--bare", "--depth=2", "--no-single-branch", f"file://{tmp_path}/deep.git", str(copy))
    (cell,) = facade.forecast(request(copy)).branches
    assert (cell.prospect, cell.code) == (Prospect.REFUSED, "needs_deepening")


def test_what_a_killed_forecast_left_is_swept_and_a_living_one_is_let_be(two_targets: Path) -> None:
    """Pruning beside a forecast, and a forecast after one that was killed."""
    folder = two_targets / ".git" / "gitalign" / "quarantine"
    dead, living = folder / "forecast-dead", folder / "forecast-living"
    for place, owner in ((dead, this_owner().replace("|", "|0", 1)), (living, this_owner())):
        place.mkdir(parents=True)
        (place / "owner").write_text(owner)
    facade.forecast(request(two_targets))
    assert sorted(entry.name for entry in folder.iterdir()) == ["forecast-living"]
    run(two_targets)
    facade.prune(request(two_targets), older_than_days=0)
    assert living.is_dir()
