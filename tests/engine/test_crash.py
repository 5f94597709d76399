"""kill -9 before effects: the next command leaves every branch at before or after, and nothing is lost.

Before one of each kind in every run of the tests, before every single one with GITALIGN_THOROUGH=1.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.events import Event
from gitalign.core.names import ref_of
from gitalign.core.plan import Permit
from gitalign.core.publication import Publication
from gitalign.core.report import Verdict
from gitalign.core.run import RunState
from gitalign.store.journal import open_journal
from tests import warm
from tests.engine.held import held_for_nothing
from tests.histories import RandomHistory, git

IS_THOROUGH = os.environ.get("GITALIGN_THOROUGH") == "1"
REQUEST = {"alignment.committer": "preserve"}


def sample(place: Path) -> Path:
    """A repository with branches, stacks and two linked work trees that hold branches."""
    repository = RandomHistory(random.Random(13), branches=14).build(place / "repo.git")
    for name in ("topic/0", "topic/1"):
        git(repository, "worktree", "add", "-q", str(place / name.replace("/", "-")), name)
    return repository


def rehearse(repository: Path, verb: str, number: int | str) -> str | None:
    """Name of the effect the process died before; None when it came to its end."""
    done = warm.call("tests.engine.rehearsal:main", repository, verb, number)
    if done.returncode == 0:
        return None
    assert done.returncode == -9, done.stderr
    return done.stdout.strip()


def tips(repository: Path) -> dict[str, str]:
    """Branch ref -> id, without backups."""
    lines = git(repository, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/topic").splitlines()
    return dict(line.split(" ") for line in lines)


def leftovers(repository: Path) -> list[str]:
    """Locks, keep files and quarantines."""
    found = [str(path) for path in repository.rglob("*.lock")] + list(map(str, held_for_nothing(repository)))
    quarantine = repository / "gitalign" / "quarantine"
    return found + ([str(path) for path in quarantine.iterdir()] if quarantine.exists() else [])


def sound(repository: Path) -> None:
    """Every object is there, even after a garbage collection; no work tree differs from its branch."""
    git(repository, "gc", "--quiet", "--prune=now")
    assert "missing" not in git(repository, "fsck", "--full", "--no-dangling")
    for line in git(repository, "worktree", "list", "--porcelain").splitlines():
        if line.startswith("worktree ") and not line.endswith("repo.git"):
            assert git(Path(line.removeprefix("worktree ")), "status", "--porcelain") == "", line


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str]]:
    """Where the branches of the sample stand, and where a run that is not cut off puts them."""
    repository = sample(tmp_path_factory.mktemp("expected"))
    before = tips(repository)
    facade.run(facade.Request(repo=repository, overrides=REQUEST), permit=Permit(plan_id="*"))
    after = tips(repository)
    assert before != after
    return before, after


def again(place: Path) -> Path:
    """A fresh copy of the sample."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return sample(place)


def test_effects_of_a_run(expected: tuple[dict[str, str], dict[str, str]], tmp_path: Path) -> None:
    """Edge cases 33, 37, 39."""
    before, after = expected

    def dies_before(number: int | str) -> str | None:
        repository = again(tmp_path / "trial")
        effect = rehearse(repository, "run", number)
        if effect is None:
            return None
        where = f"killed before effect {number} ({effect})"
        between = tips(repository)
        for ref, oid in between.items():
            assert oid in (before[ref], after[ref]), where
        request = facade.Request(repo=repository, overrides=REQUEST)
        reports = facade.resume(request)
        assert tips(repository) == after, where
        told = {branch.step.branch.name for report in reports for branch in report.branches()}
        assert {ref for ref in after if after[ref] != between[ref]} <= {ref_of(name) for name in told}, where
        assert leftovers(repository) == [], where
        assert all(record.state is RunState.FINISHED for record in facade.runs(request)), where
        sound(repository)
        again_nothing = facade.resume(request)
        assert again_nothing == (), where
        return effect

    died: set[str] = set()
    for number in range(1, 200, 1 if IS_THOROUGH else 16):
        effect = dies_before(number)
        if effect is None:
            break
        died.add(effect)
    # Two threads have effects, and some are saved by time: numbers may pass one by. `test_crash_matrix` has each of them in every run.
    for name in EFFECTS - died if IS_THOROUGH else ("refs",):
        assert dies_before(name) == name


EFFECTS = frozenset(
    {
        "quarantine",
        "store",
        "journal",
        "pin",
        "keep",
        "backups",
        "work tree",
        "refs",
        "save",
        "verify",
        "end",
    }
)


def test_effects_of_an_undo(expected: tuple[dict[str, str], dict[str, str]], tmp_path: Path) -> None:
    """Edge cases 33, 44. The run is made once; what it left is put back to the same place for each undo."""
    before, after = expected
    died: list[str] = []
    repository = again(tmp_path / "trial")
    request = facade.Request(repo=repository, overrides=REQUEST)
    facade.run(request, permit=Permit(plan_id="*"))
    shutil.copytree(tmp_path / "trial", tmp_path / "ran", symlinks=True)
    for number in ("refs", *range(1, 200, 1 if IS_THOROUGH else 11)):
        shutil.rmtree(tmp_path / "trial")
        shutil.copytree(tmp_path / "ran", tmp_path / "trial", symlinks=True)
        assert tips(repository) == after
        effect = rehearse(repository, "undo", number)
        if effect is None:
            break
        died.append(effect)
        where = f"killed before effect {number} ({effect})"
        for ref, oid in tips(repository).items():
            assert oid in (before[ref], after[ref]), where
        facade.resume(request)
        stands = tips(repository)
        undone = facade.runs(request)[0].kind == "undo" and facade.runs(request)[0].moved
        assert stands == (before if undone else after), where
        assert leftovers(repository) == [], where
        sound(repository)
    assert "refs" in died


def test_undo_right_after_a_killed_run_takes_that_run_back(
    expected: tuple[dict[str, str], dict[str, str]], tmp_path: Path
) -> None:
    repository, before = again(tmp_path / "trial"), expected[0]
    assert rehearse(repository, "run", "verify") == "verify"
    assert tips(repository) != before, "nothing had moved, so nothing is tested"
    done = warm.run("undo", "last", "--yes", cwd=repository)
    assert done.returncode == 0, done.stderr
    assert tips(repository) == before
    sound(repository)


def test_effects_of_a_run_that_goes_part_of_the_way(tmp_path: Path) -> None:
    settings = {**REQUEST, "alignment.partial": True}
    whole = facade.Request(repo=again(tmp_path / "whole"), overrides=settings)
    before = tips(tmp_path / "whole" / "repo.git")
    report = facade.run(whole, permit=Permit(plan_id="*"))
    partly = {ref_of(one.step.branch.name) for one in report.branches() if one.verdict is Verdict.PARTLY_ALIGNED}
    after = tips(tmp_path / "whole" / "repo.git")
    assert any(before[ref] != after[ref] for ref in partly)
    for effect in sorted(EFFECTS) if IS_THOROUGH else ("pin", "refs", "save"):
        repository = again(tmp_path / "trial")
        assert rehearse(repository, "partial", effect) == effect
        where = f"killed before {effect}"
        for ref, oid in tips(repository).items():
            assert oid in (before[ref], after[ref]), where
        request = facade.Request(repo=repository, overrides=settings)
        facade.resume(request)
        assert tips(repository) == after, where
        assert leftovers(repository) == [], where
        assert all(proof.holds for proof in facade.verify(request)), where
        sound(repository)


def test_killed_update_ref_leaves_locks_that_are_ours_and_go(tmp_path: Path) -> None:
    """Edge case 33: real lock files of a killed update-ref; a stranger's lock stays and is named."""
    repository = again(tmp_path / "trial")
    assert rehearse(repository, "run", "refs") == "refs"
    request = facade.Request(repo=repository, overrides=REQUEST)
    moves = [one.update for one in _moves(repository, facade.runs(request)[0].id) if one.state == "intended"]
    ours = repository / f"{moves[0].ref}.lock"
    ours.parent.mkdir(parents=True, exist_ok=True)
    ours.write_text(moves[0].after + "\n")
    strange = repository / f"{moves[1].ref}.lock"
    strange.parent.mkdir(parents=True, exist_ok=True)
    strange.write_text("0123456789" * 4 + "\n")
    reports = facade.resume(request)
    assert not ours.exists()
    assert strange.exists()
    report = next(report for report in reports if report.publications)
    held = {branch.step.ref: branch.verdict for branch in report.branches()}
    assert held[moves[0].ref] == "aligned"
    assert held[moves[1].ref] == "held_back"
    trail = json.dumps([str(event.data) for event in _events(repository, report.run.id)])
    assert "not provably ours" in trail


def _events(repository: Path, run_id: str) -> list[Event]:
    with closing(open_journal(repository / "gitalign" / "gitalign.db")) as journal:
        return list(journal.events(run_id))


def _moves(repository: Path, run_id: str) -> list[Publication]:
    with closing(open_journal(repository / "gitalign" / "gitalign.db")) as journal:
        return list(journal.publications(run_id))
