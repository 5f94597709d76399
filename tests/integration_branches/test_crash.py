"""kill -9 before effects of a run that makes and moves integration branches, and of its undo; before all with GITALIGN_THOROUGH=1."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from tests.engine.test_crash import EFFECTS, IS_THOROUGH, again, leftovers, rehearse, sound
from tests.histories import git

SETTINGS = {"alignment.committer": "preserve", "alignment.strategy": "integration-branch"}
PERMIT = Permit(plan_id="*")


def sample(place: Path) -> Path:
    """The sample, in which half of the integration branches are there from before, one of them in a work tree."""
    repository = again(place)
    names = [f"topic/{number}" for number in range(0, 14, 2)]
    facade.run(facade.Request(repo=repository, only=tuple(names), overrides=SETTINGS), permit=PERMIT)
    made = next(iter(tips(repository, "integration")))
    git(repository, "worktree", "add", "-q", str(place / "integration"), made.removeprefix("refs/heads/"))
    tree = git(repository, "rev-parse", "main^{tree}")
    date = {"GIT_AUTHOR_DATE": "1800000000 +0000", "GIT_COMMITTER_DATE": "1800000000 +0000"}
    on = git(repository, "commit-tree", "-p", "main", "-m", "on", tree, env=date)
    git(repository, "update-ref", "refs/heads/main", on)
    return repository


def tips(repository: Path, folder: str) -> dict[str, str]:
    """Branch ref -> what its commit holds: tree and parents. The moment of a merge differs from run to run."""
    lines = git(
        repository, "for-each-ref", "--format=%(refname) %(tree) %(parent)", f"refs/heads/{folder}"
    ).splitlines()
    return dict(line.split(" ", 1) for line in lines)


@pytest.fixture
def whole(tmp_path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Integration branches before a run and after one that is not cut off."""
    repository = sample(tmp_path / "whole")
    before = tips(repository, "integration")
    facade.run(facade.Request(repo=repository, overrides=SETTINGS), permit=PERMIT)
    after = tips(repository, "integration")
    assert any(before.get(ref) not in (None, told) for ref, told in after.items())
    assert after.keys() > before.keys()
    return before, after


@pytest.mark.parametrize(
    "effect", sorted(EFFECTS) if IS_THOROUGH else ["journal", "pin", "keep", "refs", "save", "verify"]
)
def test_effects_of_a_run(whole: tuple[dict[str, str], dict[str, str]], tmp_path: Path, effect: str) -> None:
    before, after = whole
    repository = sample(tmp_path / "trial")
    stay = tips(repository, "topic")
    assert rehearse(repository, "integration", effect) == effect
    for ref, told in after.items():
        assert tips(repository, "integration").get(ref) in (before.get(ref), told)
    request = facade.Request(repo=repository, overrides=SETTINGS)
    facade.resume(request)
    assert tips(repository, "integration") == after
    assert tips(repository, "topic") == stay
    assert leftovers(repository) == []
    proofs = facade.verify(request)
    assert proofs
    assert all(proof.holds and proof.standing == "the branch is there" for proof in proofs)
    sound(repository)
    assert facade.resume(request) == ()
    again_nothing = facade.run(request, permit=PERMIT)
    assert again_nothing.publications == ()


@pytest.mark.parametrize(
    "effect", ["journal", "pin", "work tree", "refs", "save", "verify"] if IS_THOROUGH else ["pin", "refs", "save"]
)
def test_effects_of_an_undo(tmp_path: Path, effect: str) -> None:
    repository = sample(tmp_path / "trial")
    before = tips(repository, "integration")
    request = facade.Request(repo=repository, overrides=SETTINGS)
    facade.run(request, permit=PERMIT)
    after = tips(repository, "integration")
    assert rehearse(repository, "undo", effect) == effect
    facade.resume(request)
    undone = facade.runs(request)[0].kind == "undo" and facade.runs(request)[0].moved
    assert bool(undone) == (effect != "journal")
    assert tips(repository, "integration") == (before if undone else after)
    assert leftovers(repository) == []
    sound(repository)
