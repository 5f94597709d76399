"""Every effect of a run, cut off in every way, followed by every command: the model is that a branch is at before or after.

One follow-up for each way of being cut off in every run of the tests, all of them with GITALIGN_THOROUGH=1.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.errors import GitAlignError, UserError
from tests import warm
from tests.engine.faults import FaultyGit
from tests.engine.template import NAMES, Model, heads, is_clean
from tests.git.workspace import Workspace
from tests.runs import request, run

IS_THOROUGH = os.environ.get("GITALIGN_THOROUGH") == "1"

BETWEEN = (
    *("quarantine", "results", "journal", "store", "backups", "pin", "keep", "work tree lock", "work tree"),
    *("refs", "refs moved", "save", "verify", "end"),
)
"""We die between two effects: after the one before, and before the one that is named."""

CHILDREN = (
    ("index-pack", 1, "killed with us"),
    ("index-pack", 1, "killed with us after it acted"),
    ("hash-object", 1, "killed with us after it acted"),
    ("pack-objects", 1, "killed with us"),
    ("pack-objects", 1, "killed with us after it acted"),
    ("read-tree", 1, "killed with us after it acted"),
    ("read-tree", 1, "killed with us while it writes"),
    ("update-ref", 1, "transaction killed with us when prepared"),
    ("update-ref", 1, "transaction killed with us when committed"),
    ("update-ref", 2, "transaction killed with us when prepared"),
    ("update-ref", 2, "transaction killed with us when committed"),
)
"""A git and we die, whether it acted or not. `index-pack` stores the run's commits, `pack-objects` holds what it leaves. The first `update-ref` makes refs of our own, the second one moves branches."""

NO_SPACE = (
    ("index-pack", 1),
    ("pack-objects", 1),
    ("hash-object", 1),
    ("read-tree", 1),
    ("update-ref", 1),
    ("update-ref", 2),
)
"""A git finds no room on the disk; we go on or end by ourselves."""

NEXT = ("resume", "two at once", "prune", "undo")

CUTS: list[tuple[str, ...]] = [
    *(("between", name) for name in BETWEEN),
    *(("child", verb, str(number), end) for verb, number, end in CHILDREN),
    *(("no space", verb, str(number)) for verb, number in NO_SPACE),
]
CELLS = [
    (cut, follow_up)
    for number, cut in enumerate(CUTS)
    for at, follow_up in enumerate(NEXT)
    if IS_THOROUGH or at == number % len(NEXT)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(tmp_path_factory.mktemp("matrix") / "template")


def cut_off(work: Workspace, faulty: FaultyGit, cut: tuple[str, ...]) -> None:
    words: tuple[object, ...] = ("tests.engine.rehearsal:main", work.path, "run")
    match cut:
        case ("between", name):
            assert warm.call(*words, name).returncode == -9  # type: ignore[arg-type]
        case ("child", verb, number, end):
            with faulty.going_wrong(verb, end, number=int(number)):
                done = warm.call(*words, "never", env={"PATH": os.environ["PATH"]})  # type: ignore[arg-type]
            assert done.returncode == -9, done.stderr
        case (_, verb, number):
            with faulty.going_wrong(verb, "no space", number=int(number)), suppress(GitAlignError):
                run(work.path, committer="preserve")
            assert faulty.calls >= int(number)


@pytest.mark.parametrize(("cut", "follow_up"), CELLS, ids=[f"{'-'.join(cut)}-{name}" for cut, name in CELLS])
def test_cut_off_and_followed_up(tmp_path: Path, model: Model, cut: tuple[str, ...], follow_up: str) -> None:
    """Edge cases 33, 62, 63, 64."""
    work = model.copy(tmp_path / "real")
    asked = request(work.path)
    cut_off(work, FaultyGit(tmp_path / "faulty"), cut)
    between = heads(work)
    for name in NAMES:
        assert between[name] in (model.before[name], model.after[name])
    all_moved = follow(work, follow_up)
    is_clean(work)
    if follow_up == "undo":
        assert heads(work) == (model.before if all_moved else between)
        return
    facade.resume(asked)
    if cut[0] == "no space":
        run(work.path)  # what was held back is said to be, and done when asked for again
    assert heads(work) == model.after
    assert facade.resume(asked) == ()
    is_clean(work)
    if follow_up == "resume" or cut[0] == "no space":
        work.git("gc", "--quiet", "--prune=now")
        assert "missing" not in work.git("fsck", "--full", "--no-dangling")


TURNS = 3 if IS_THOROUGH else 1
STEP = TURNS if IS_THOROUGH else 19


@pytest.mark.parametrize("turn", range(TURNS))
@pytest.mark.parametrize("end", ["killed with us", "killed before", "refused"])
def test_the_recovery_is_cut_off_or_fails_as_well(tmp_path: Path, model: Model, end: str, turn: int) -> None:
    """At its n-th call of git, whichever that is; the next recovery finishes what is left."""
    numbers = range(4 + turn, 60, STEP)  # the first ones open the repository
    for number in numbers:
        work = model.copy(tmp_path / str(number) / "real")
        faulty = FaultyGit(tmp_path / str(number) / "faulty")
        cut_off(work, faulty, ("child", "read-tree", "1", "killed with us while it writes"))
        with faulty.going_wrong("*", end, number=number):
            done = warm.run("resume", "--json", cwd=work.path, env={"PATH": os.environ["PATH"]})
        is_reached = faulty.calls >= number
        if end == "killed with us" and is_reached:
            assert done.returncode == -9
        else:
            assert done.returncode in (0, 1, 3), done.stderr
        if done.returncode == 0:
            assert heads(work) == model.after, f"call {number}: a success that is none"
        stands = heads(work)
        assert all(stands[name] in (model.before[name], model.after[name]) for name in NAMES)
        facade.resume(request(work.path))
        run(work.path)
        assert heads(work) == model.after, f"call {number}"
        is_clean(work)
        shutil.rmtree(tmp_path / str(number))
        if not is_reached:
            break


def follow(work: Workspace, follow_up: str) -> bool:
    """What is typed next; True when an undo found something to undo."""
    asked = request(work.path)
    if follow_up == "two at once":
        both = [warm.start("resume", cwd=work.path) for _ in range(2)]
        for one in both:
            out, err = one.communicate()
            assert one.returncode in (0, 1), out + err
    elif follow_up == "undo":
        with suppress(UserError):  # nothing had moved
            facade.undo(asked, "last", permit=Permit(plan_id="*"))
            return True
    elif follow_up == "prune":
        facade.prune(asked)
    else:
        facade.resume(asked)
    return False
