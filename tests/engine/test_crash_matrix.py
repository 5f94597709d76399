"""Every effect of a run, cut off in every way, followed by every command: the model is that a branch is at before or after.

In every run of the tests each kind: each moment, each end of a child with us and without us, each command that follows. All
pairs of them with GITALIGN_THOROUGH=1.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.core.run import UNFINISHED
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

ALONE = (
    ("index-pack", 1, "killed before"),
    ("index-pack", 1, "killed after"),
    ("pack-objects", 1, "killed before"),
    ("pack-objects", 1, "killed after"),
    ("hash-object", 1, "killed after"),
    ("read-tree", 1, "killed before"),
    ("read-tree", 1, "killed after"),
    ("read-tree", 1, "killed while it writes"),
    ("update-ref", 1, "killed before"),
    ("update-ref", 1, "transaction killed when prepared"),
    ("update-ref", 1, "transaction killed when committed"),
    ("update-ref", 2, "transaction killed when prepared"),
    ("update-ref", 2, "transaction killed when committed"),
    ("update-ref", 2, "transaction killed half-way"),
)
"""A git dies, and we go on."""

NO_SPACE = (
    ("index-pack", 1),
    ("pack-objects", 1),
    ("hash-object", 1),
    ("read-tree", 1),
    ("update-ref", 1),
    ("update-ref", 2),
)
"""A git finds no room on the disk; we go on or end by ourselves."""

NEXT = ("resume", "run", "undo", "restore", "prune", "two at once", "one of two is killed")
"""`two at once`: the second one asks for the recovery while the first one is in the middle of it."""

CUTS: list[tuple[str, ...]] = [
    *(("between", name) for name in BETWEEN),
    *(("child", verb, str(number), end) for verb, number, end in CHILDREN),
    *(("alone", verb, str(number), end) for verb, number, end in ALONE),
    *(("no space", verb, str(number)) for verb, number in NO_SPACE),
]
USUAL = [*CUTS[: len(BETWEEN)], *CUTS[len(BETWEEN) :: 2]]
CELLS = [(cut, follow_up) for cut in CUTS for follow_up in NEXT]
if not IS_THOROUGH:
    CELLS = [(cut, NEXT[number % len(NEXT)]) for number, cut in enumerate(USUAL)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    warm.get_ready()
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
        case (_, verb, number, *end):
            with (
                faulty.going_wrong(verb, end[0] if end else "no space", number=int(number)),
                suppress(GitAlignError),
            ):
                run(work.path, committer="preserve")
            assert faulty.calls >= int(number)


@pytest.mark.parametrize(("cut", "follow_up"), CELLS, ids=[f"{'-'.join(cut)}-{name}" for cut, name in CELLS])
def test_cut_off_and_followed_up(tmp_path: Path, model: Model, cut: tuple[str, ...], follow_up: str) -> None:
    """Edge cases 33, 62, 63, 64."""
    work = model.copy(tmp_path / "real")
    asked = request(work.path, committer="preserve")
    cut_off(work, FaultyGit(tmp_path / "faulty"), cut)
    between = heads(work)
    for name in NAMES:
        assert between[name] in (model.before[name], model.after[name])
    put_back = follow(work, follow_up)
    is_clean(work)
    if follow_up == "undo":
        assert heads(work) == (model.before if put_back else between)
        return
    if follow_up == "run":
        assert heads(work) == model.after, "a run finishes what was cut off, and does the rest"
    facade.resume(asked)
    if cut[0] in ("alone", "no space") and not put_back:
        run(work.path, committer="preserve")  # what was held back is said to be, and done when asked for again
    assert heads(work) == {**model.after, **{name: model.before[name] for name in put_back}}
    assert facade.resume(asked) == ()
    is_clean(work)
    if follow_up == "resume" or cut[0] in ("alone", "no space"):
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


def follow(work: Workspace, follow_up: str) -> tuple[str, ...]:
    """What is typed next; the branches that it put back."""
    asked = request(work.path, committer="preserve")
    permit = Permit(plan_id="*")
    match follow_up:
        case "two at once":
            overlapping(work, is_killed=False)
        case "one of two is killed":
            overlapping(work, is_killed=True)
        case "run":
            facade.run(asked, permit=permit)
        case "undo":
            with suppress(UserError):  # nothing had moved
                facade.undo(asked, "last", permit=permit)
                return NAMES
        case "restore":
            with suppress(UserError):
                facade.restore(asked, "held", permit=permit)
                return ("held",)
        case "prune":
            facade.prune(asked)
        case _:
            facade.resume(asked)
    return ()


def overlapping(work: Workspace, *, moment: str = "claim", is_killed: bool) -> None:
    """Two recoveries: the second one knows that there is something to recover, and asks, while the first one is at it."""
    is_cut_off = any(one.state in UNFINISHED for one in facade.runs(request(work.path)))
    with started(work, moment) as first:
        if not is_cut_off:
            assert first.ends() in (0, 1)
            return
        assert (first.says(), first.says()) == ("asks", "waits")
        with started(work, "never") as second:
            assert second.says() == "asks"
            if is_killed:
                first.process.kill()
            else:
                first.goes_on()
                assert first.ends() in (0, 1)
            assert second.ends() in (0, 1)


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_recovery_in_the_middle_of_its_moves_is_waited_for(tmp_path: Path, model: Model, is_killed: bool) -> None:
    """Some branches have moved, others have not; the one that waits finds the rest done, or does it."""
    work = model.copy(tmp_path / "real")
    cut_off(work, FaultyGit(tmp_path / "faulty"), ("between", "work tree lock"))
    overlapping(work, moment="refs moved", is_killed=is_killed)
    assert heads(work) == model.after
    is_clean(work)


class Started:
    """A `tests.engine.overlapping`, its input and what it says."""

    def __init__(self, work: Workspace, moment: str) -> None:
        hears, self._tells = os.pipe()
        self._hears, says = os.pipe()
        self.process = warm.begin("tests.engine.overlapping:main", work.path, moment, stdin=hears, stdout=says)
        os.close(hears)
        os.close(says)
        self._said = os.fdopen(self._hears)

    def says(self) -> str:
        """The next line; empty when it has ended."""
        return self._said.readline().strip()

    def goes_on(self) -> None:
        """It need not wait any more."""
        os.write(self._tells, b"\n")

    def ends(self) -> int:
        """Its exit code."""
        _, err = self.process.communicate()
        assert "Traceback" not in err, err
        assert self.process.returncode is not None
        return self.process.returncode

    def close(self) -> None:
        """Let it end, however far it is."""
        os.close(self._tells)
        self.process.wait()
        self._said.close()


def started(work: Workspace, moment: str) -> closing[Started]:
    return closing(Started(work, moment))
