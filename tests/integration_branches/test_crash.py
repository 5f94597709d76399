"""kill -9 before effects of a run that makes and moves integration branches, and of its undo; before all with GITALIGN_THOROUGH=1."""

from __future__ import annotations

import shutil
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


class Kept:
    """The sample before and after a run that is not cut off, made once, and put back to the same place for each test.

    Attributes:
        before: integration branches before the run.
        after: and after it.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        repository = sample(place / "trial")
        self._keep("before")
        self.before = tips(repository, "integration")
        facade.run(facade.Request(repo=repository, overrides=SETTINGS), permit=PERMIT)
        self._keep("after")
        self.after = tips(repository, "integration")
        assert any(self.before.get(ref) not in (None, told) for ref, told in self.after.items())
        assert self.after.keys() > self.before.keys()

    def _keep(self, name: str) -> None:
        shutil.copytree(self._place / "trial", self._place / name, symlinks=True)

    def put_back(self, name: str) -> Path:
        """A fresh repository, `before` or `after` the run."""
        shutil.rmtree(self._place / "trial")
        shutil.copytree(self._place / name, self._place / "trial", symlinks=True)
        return self._place / "trial" / "repo.git"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("kept"))


@pytest.mark.parametrize(
    "effect", sorted(EFFECTS) if IS_THOROUGH else ["journal", "pin", "keep", "refs", "save", "verify"]
)
def test_effects_of_a_run(kept: Kept, effect: str) -> None:
    before, after = kept.before, kept.after
    repository = kept.put_back("before")
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
def test_effects_of_an_undo(kept: Kept, effect: str) -> None:
    before, after = kept.before, kept.after
    repository = kept.put_back("after")
    request = facade.Request(repo=repository, overrides=SETTINGS)
    assert tips(repository, "integration") == after
    assert rehearse(repository, "undo", effect) == effect
    facade.resume(request)
    undone = facade.runs(request)[0].kind == "undo" and facade.runs(request)[0].moved
    assert bool(undone) == (effect != "journal")
    assert tips(repository, "integration") == (before if undone else after)
    assert leftovers(repository) == []
    sound(repository)
