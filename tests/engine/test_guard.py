"""What must not move is decided anew before anything moves, whatever a plan or a journal says."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.core.names import Oid, TargetName
from gitalign.core.plan import Permit, Plan
from gitalign.core.plan_hash import plan_hash
from gitalign.core.publication import MoveState
from gitalign.documents import plans
from tests import warm
from tests.engine.test_ownership import under_way
from tests.git.workspace import Workspace
from tests.runs import request, run


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`main` could be moved onto `dev`; `release/1` is protected; `topic` is a feature of `main`."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    for name in ("dev", "topic", "release/1"):
        work.switch(name, "main")
        work.commit(name, {name.replace("/", "-"): b"x\n"})
    work.switch("main")
    work.commit("main", {"m": b"m\n"})
    work.git("checkout", "-q", "--detach")
    return work


def rehashed(plan: Plan) -> str:
    """A plan as JSON, with the digest that its contents have."""
    data = plans.dump(plan)
    made = plan_hash(
        snapshot=plan.snapshot, policy=plan.policy, targets=plan.targets, steps=plan.steps, excluded=plan.excluded
    )
    return json.dumps({**data, "id": made})


def forged(work: Workspace, branch: str) -> str:
    """A plan that says that `dev` is the only target, and that nothing is protected."""
    asked = request(work.path, targets=["dev"], protected=[])
    plan = facade.plan(facade.Request(repo=work.path, only=(branch,), overrides=asked.overrides))
    assert [step.branch.name for step in plan.steps] == [branch]
    return rehashed(plan)


@pytest.mark.parametrize("branch", ["main", "release/1"])
def test_a_forged_plan_moves_no_target_and_nothing_protected(work: Workspace, tmp_path: Path, branch: str) -> None:
    place = tmp_path / "plan.json"
    place.write_text(forged(work, branch))
    before = work.git("for-each-ref", "refs/heads")
    done = warm.run("run", "--plan", place, "--yes", "--repo", work.path)
    assert done.returncode == 2, done.stderr
    assert f"the plan moves {branch}, which is a target or protected here" in done.stderr
    assert work.git("for-each-ref", "refs/heads") == before
    assert warm.run("runs", "--repo", work.path).stdout.count("\n") <= 1, "nothing was begun"


@pytest.mark.parametrize("how", ["another commit", "another branch", "another commit for one branch"])
def test_a_forged_plan_aligns_onto_nothing_that_is_no_target(work: Workspace, tmp_path: Path, how: str) -> None:
    """Results would be proved against a `main` that never was."""
    plan = facade.plan(request(work.path, targets=["main"], only=("topic",)))
    evil = Oid(work.tip("dev"))
    target = replace(plan.targets[0], oid=evil)
    if how == "another branch":
        target = replace(target, name=TargetName("dev"), ref="refs/heads/dev")
    targets = plan.targets if "one branch" in how else (target,)
    steps = tuple(replace(step, target=targets[0], onto=evil) for step in plan.steps)
    place = tmp_path / "plan.json"
    place.write_text(rehashed(replace(plan, targets=targets, steps=steps)))
    before = work.git("for-each-ref", "refs/heads")
    settings = {"GITALIGN_ALIGNMENT__TARGETS": "[main]"}
    done = warm.run("run", "--plan", place, "--yes", "--repo", work.path, env=settings)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "the plan aligns" in done.stderr
    assert work.git("for-each-ref", "refs/heads") == before


def test_a_target_that_went_on_since_is_still_the_target(work: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "plan.json"
    assert warm.run("plan", "--save", place, "--only", "topic", "--repo", work.path).returncode == 0
    work.switch("main")
    work.commit("on", {"on": b"1\n"})
    work.git("checkout", "-q", "--detach")
    assert warm.run("run", "--plan", place, "--yes", "--repo", work.path).returncode == 0


def test_what_became_protected_since_the_plan_was_made_does_not_move(work: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "plan.json"
    assert warm.run("plan", "--save", place, "--only", "topic", "--repo", work.path).returncode == 0
    config = work.path / ".git" / "gitalign" / "config.yaml"
    config.parent.mkdir(exist_ok=True)
    config.write_text("alignment: {protected: ['top*']}\n")
    assert warm.run("run", "--plan", place, "--yes", "--repo", work.path).returncode == 2
    config.unlink()
    assert warm.run("run", "--plan", place, "--yes", "--repo", work.path).returncode == 0


def change(work: Workspace, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change every move that the journal has."""
    with closing(sqlite3.connect(work.path / ".git" / "gitalign" / "gitalign.db")) as database:
        for ref, body in database.execute("SELECT ref, body FROM publications").fetchall():
            data = json.loads(body)
            edit(data)
            database.execute(
                "UPDATE publications SET body = ?, ref = ? WHERE ref = ?",
                (json.dumps(data), data["update"]["ref"], ref),
            )
        database.commit()


def test_recovery_moves_no_target_whatever_the_journal_says(work: Workspace) -> None:
    with under_way(work.path, "refs") as process:
        process.kill()
    main = work.git("rev-parse", "main")

    def edit(data: dict[str, Any]) -> None:
        data["update"] = {"ref": "refs/heads/main", "before": main, "after": work.git("rev-parse", "dev")}

    change(work, edit)
    with closing(sqlite3.connect(work.path / ".git" / "gitalign" / "gitalign.db")) as database:
        ((text,),) = database.execute("SELECT body FROM plans").fetchall()
        data = json.loads(text)
        data["targets"] = [target for target in data["targets"] if target["name"] != "main"]
        database.execute("UPDATE plans SET body = ?", (rehashed(plans.load(data)),))
        database.commit()
    (report,) = facade.resume(request(work.path))
    assert work.git("rev-parse", "main") == main
    assert {one.state for one in report.publications} == {MoveState.HELD_BACK}


def test_undo_moves_no_target_whatever_the_journal_says(work: Workspace) -> None:
    run(work.path, only=("main", "release/1"), targets=["dev"], protected=[])
    main = work.git("rev-parse", "main")
    settings = next((work.path / ".git" / "gitalign" / "runs").glob("*/settings.json"))
    settings.unlink()
    held = [one for one in facade.undo_preview(request(work.path), "last") if one.state is MoveState.HELD_BACK]
    assert {one.update.ref for one in held} >= {"refs/heads/main", "refs/heads/release/1"}
    facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))
    assert work.git("rev-parse", "main") == main


def test_what_a_run_moved_under_its_own_settings_is_put_back_under_them(work: Workspace) -> None:
    """The operator aligned `main` onto `dev` with options; undo needs none of them."""
    before = work.git("rev-parse", "main")
    run(work.path, only=("main",), targets=["dev"], protected=[])
    assert work.git("rev-parse", "main") != before
    facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))
    assert work.git("rev-parse", "main") == before
