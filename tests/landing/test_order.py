"""The execution plan of real repositories: batches merge as a whole, dependencies hold, the document survives."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign import facade
from gitalign.core.execution_plan import HeldCode
from gitalign.core.names import Oid
from gitalign.documents.reading import Malformed
from gitalign.errors import ConfigError, GitCrashed, UserError
from gitalign.git.merge import MergeAnswer
from gitalign.integrate.lane import MergeWorker
from gitalign.landing.drawing import as_mermaid, as_text
from gitalign.landing.execution_plan import ExecutionPlan
from tests import needs, warm
from tests.git.workspace import Workspace
from tests.histories import RandomHistory, git
from tests.runs import request, run

LINES = [b"line %d\n" % number for number in range(30)]


def text(**changes: bytes) -> bytes:
    lines = list(LINES)
    for key, words in changes.items():
        lines[int(key[1:])] = words + b"\n"
    return b"".join(lines)


def branch(work: Workspace, name: str, start: str, files: dict[str, bytes | None]) -> None:
    work.switch(name, start)
    work.commit(f"on {name}", files)
    work.switch("main")


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """A hub that clashes with three, a stack of two, a loner, and one stuck on main with a branch on top."""
    made = Workspace(tmp_path / "repo")
    made.commit("base", {"list": text(), "other": text()})
    branch(made, "a-hub", "main", {"list": text(l3=b"h", l12=b"h", l22=b"h")})
    branch(made, "b", "main", {"list": text(l3=b"b")})
    branch(made, "c", "main", {"list": text(l12=b"c")})
    branch(made, "d", "main", {"list": text(l22=b"d")})
    branch(made, "loner", "main", {"new": b"1\n"})
    branch(made, "stack-1", "main", {"s": b"1\n"})
    branch(made, "stack-2", "stack-1", {"s": b"2\n"})
    branch(made, "stuck", "main", {"other": text(l5=b"stuck")})
    branch(made, "stuck-on-top", "stuck", {"t": b"1\n"})
    made.git("branch", "done")
    made.commit("main", {"other": text(l5=b"main")})
    return made


def ordered(repository: Path, **settings_: Any) -> ExecutionPlan:
    return facade.order(request(repository, **settings_))


def test_the_hub_lands_last_and_stacks_in_turn(work: Workspace) -> None:
    refs = work.git("for-each-ref")
    found = ordered(work.path)
    assert work.git("for-each-ref") == refs
    number = {name: batch.batch_id for batch in found.batches for name in batch.members}
    assert number == {"b": 0, "c": 0, "d": 0, "loner": 0, "stack-1": 0, "a-hub": 1, "stack-2": 1}
    assert (found.stops, found.least_stops) == (1, 1)
    assert [(one.first, one.then, one.saves) for one in found.advice] == [(("b", "c", "d"), "a-hub", 2)]
    assert found.dependencies == (("stack-1", "stack-2"), ("stuck", "stuck-on-top"))[:1]
    held = {one.branch: one.code for one in found.held}
    assert held["stuck"] is HeldCode.CONFLICT
    assert held["stuck-on-top"] in (HeldCode.CONFLICT, HeldCode.WAITS)
    assert held["done"] is HeldCode.NOTHING_TO_LAND
    assert found.tags["loner"] == ("auto-mergeable", "tag:parallel_safe")
    assert found.tags["b"] == ("merge-conflict-risk", "tag:sequential_required")
    assert found.exit_code() == 1
    (batch,) = found.batches[1:]
    assert [(one.first, one.paths) for one in batch.predicted_conflicts] == [
        ("b", ("list",)),
        ("c", ("list",)),
        ("d", ("list",)),
    ]
    assert batch.depends_on == (0,)
    assert found.metadata["total_batches"] == 2


def test_the_document_comes_back(work: Workspace) -> None:
    found = ordered(work.path)
    assert ExecutionPlan.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    document = found.to_dict()
    document["batches"][0]["members"].append("a-hub")
    with pytest.raises(Malformed, match="two batches"):
        ExecutionPlan.from_dict(document)
    document = found.to_dict()
    document["batches"][0]["depends_on"] = [1]
    with pytest.raises(Malformed, match="earlier"):
        ExecutionPlan.from_dict(document)


def test_drawings(work: Workspace) -> None:
    found = ordered(work.path)
    assert "batch 1: 2 branches, after 0, 3 predicted conflicts" in as_text(found)
    drawn = as_mermaid(found)
    assert drawn.count("subgraph") == drawn.count("  end") == 2
    place = {name: at for at, name in enumerate(found.order)}
    assert f"n{place['stack-1']} --> n{place['stack-2']}" in drawn
    assert drawn.count("-.-") == 3


def test_declared_dependencies_hold_and_circles_are_named(work: Workspace) -> None:
    needs = {"b": ("loner", "a-hub"), "loner": ("nowhere",)}
    found = ordered(work.path, landing__dependencies=needs)
    place = {name: batch.batch_id for batch in found.batches for name in batch.members}
    assert place["loner"] < place["b"] > place["a-hub"]
    assert found.metadata["missing_dependencies"] == [["nowhere", "loner"]]
    with pytest.raises(UserError, match="b before loner before b"):
        ordered(work.path, landing__dependencies={"b": ("loner",), "loner": ("b",)})
    with pytest.raises(UserError, match="circle: stack-1 before stack-2"):
        ordered(work.path, landing__dependencies={"stack-1": ("stack-2",)})
    with pytest.raises(ConfigError):
        ordered(work.path, landing__dependencies={"b": 3})


def test_the_verb(work: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "plan.json"
    done = warm.run("order", "-o", place, cwd=work.path)
    assert done.returncode == 1, done.stderr
    assert "before a-hub: 2 fewer stop" in done.stdout
    assert ExecutionPlan.from_dict(json.loads(place.read_text())) == ordered(work.path)
    drawn = warm.run("order", "--format", "mermaid", cwd=work.path)
    assert drawn.stdout.startswith("flowchart LR")


def test_clean_in_pairs_and_not_together(tmp_path: Path) -> None:
    """Two branches each move half of a folder away: only together do they leave open where a third's new file goes."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"d/1": text(l1=b"one"), "d/2": text(l1=b"two", l9=b"2"), "other": b"o\n"})
    branch(work, "a", "main", {"d/1": None, "e/1": text(l1=b"one")})
    branch(work, "b", "main", {"d/2": None, "f/2": text(l1=b"two", l9=b"2")})
    branch(work, "c", "main", {"d/new": b"n\n"})
    work.commit("main goes on", {"other": b"p\n"})
    foreseen = facade.forecast(request(work.path), pairs=True)
    assert foreseen.clashes == ()
    found = ordered(work.path)
    assert [batch.members for batch in found.batches] == [("c",), ("a", "b")]
    assert [(one.first, one.second, one.jointly) for one in found.predicted_conflicts] == [
        ("a", "c", True),
        ("b", "c", True),
    ]
    assert (found.stops, found.exit_code()) == (0, 0)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_merge_that_fails_once_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """The answer of a look in which git failed is not that of the next one."""
    work = Workspace(tmp_path / "repo")
    for name in "abcd":
        branch(work, name, "main", {name: b"1\n"}) if name != "a" else work.commit("base", {"list": text()})
    branch(work, "b-2", "b", {"upper": b"1\n"})
    work.commit("main goes on", {"other": b"p\n"})
    tips = set(work.git("for-each-ref", "--format=%(objectname)", "refs/heads").split())
    calls, merge = 0, MergeWorker.merge_histories

    def failing(self: MergeWorker, onto: Oid, ours: Oid, theirs: Oid, **more: Any) -> MergeAnswer:
        nonlocal calls
        if not {ours, theirs} <= tips:
            calls += 1
            if calls == at:
                raise GitCrashed("Out of memory", hint="")
        return merge(self, onto, ours, theirs, **more)

    monkeypatch.setattr(MergeWorker, "merge_histories", failing)
    torn = ordered(work.path)
    assert calls >= at, "no merge of several failed"
    monkeypatch.undo()
    sound = ordered(work.path)
    assert sound.predicted_conflicts == ()
    assert (sound.stops, sound.exit_code()) == (0, 0)
    assert torn.to_dict() != sound.to_dict()


def test_a_branch_that_only_several_others_together_stop_is_found_and_counted(tmp_path: Path) -> None:
    """Of a stack the upper part lands after those that move the folder away; git stops it there."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"d/1": text(l1=b"one"), "d/2": text(l1=b"two", l9=b"2"), "other": b"o\n"})
    branch(work, "a", "main", {"d/1": None, "p/1": text(l1=b"one")})
    branch(work, "b", "main", {"d/2": None, "p/2": text(l1=b"two", l9=b"2")})
    branch(work, "lower", "main", {"z": b"z\n"})
    branch(work, "upper", "lower", {"d/3": b"new\n"})
    found = ordered(work.path)
    (told,) = [one for one in found.predicted_conflicts if one.is_stop]
    assert (told.second, told.jointly, "d/3" in told.paths) == ("upper", True, True)
    assert (found.stops, found.least_stops, found.exit_code()) == (1, 0, 1)
    assert found.tags["upper"] == ("merge-conflict-risk", "tag:sequential_required")
    assert found.to_dict() == ordered(work.path).to_dict()
    for name in found.order[:-1]:
        work.switch(name)
        work.git("rebase", "-q", "main")
        work.switch("main")
        work.git("merge", "-q", "--ff-only", name)
    work.switch("upper")
    work.git("rebase", "-q", "main", check=False)
    assert "d/3" in work.git("status", "--porcelain") or "p/3" in work.git("status", "--porcelain")


def test_a_file_that_is_missing_keeps_two_apart_and_nobody_else(tmp_path: Path) -> None:
    """Edge case 41."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": text()})
    branch(work, "fine", "main", {"a": b"a\n"})
    branch(work, "one", "main", {"f": text(l3=b"one")})
    branch(work, "two", "main", {"f": text(l20=b"two")})
    work.commit("on", {"m": b"m\n"})
    blob = work.tip("two:f")
    (work.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    found = ordered(work.path)
    assert {name for batch in found.batches for name in batch.members} == {"fine", "one", "two"}
    assert (found.stops, found.exit_code()) == (1, 1)
    assert [(one.first, one.second, one.kinds) for one in found.predicted_conflicts] == [
        ("one", "two", ("cannot be merged",))
    ]


def test_dependencies_on_nobody_are_told_and_their_circles_refused(work: Workspace) -> None:
    found = ordered(work.path, landing__dependencies={"b": ["nowhere"]})
    assert found.metadata["missing_dependencies"] == [["nowhere", "b"]]
    with pytest.raises(UserError, match="X before Y before X"):
        ordered(work.path, landing__dependencies={"X": ["Y"], "Y": ["X"]})


@needs.examples(4, 30)
@given(seed=st.integers(0, 2**32))
def test_every_batch_lands_as_a_whole(seed: int) -> None:
    """Each member is merged by git onto what its batch has merged so far, on branches that a run really aligned."""
    with tempfile.TemporaryDirectory() as folder:
        repository = RandomHistory(random.Random(seed), odd=True).build(Path(folder) / "repo.git")
        found = ordered(repository, merges="flatten")
        assert found.batches or found.held
        again = ordered(repository, merges="flatten")
        assert json.dumps(found.to_dict()) == json.dumps(again.to_dict())
        run(repository, merges="flatten")
        for batch in found.batches:
            for target, members in batch.metadata["targets"].items():
                union = git(repository, "rev-parse", target)
                for name in members:
                    tree = git(repository, "merge-tree", "--write-tree", union, name).splitlines()[0]
                    union = git(repository, "commit-tree", "-m", "union", "-p", union, "-p", name, tree)
