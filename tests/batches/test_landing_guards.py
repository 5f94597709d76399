"""What stands between merged results and the target: house rules, and that nothing is lacking before and after the move."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gitalign.batches.merging.decide import Decision, decide
from gitalign.batches.merging.land import CERTIFICATE, LandOptions
from gitalign.batches.planning.tasks import Task
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.state import MergeStatus, Status
from gitalign.core.names import Oid
from gitalign.errors import InvariantBroken
from tests.batches.runs import Bench, sh
from tests.batches.test_batch_landing import lander, outcome_of
from tests.batches.trees import World, grown, world

__all__ = ["world"]


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


def test_a_house_rule_refuses_the_batch_and_names_whose_result_breaks_it(bench: Bench) -> None:
    before = bench.world.tip
    rules: dict[str, Any] = {"rules__packs": ["python"], "detection__detectors": []}
    grown(bench.world, "good", {"good.py": "'m'\nx = 1\n"})
    grown(bench.world, "bad", {"bad.py": "x = eval(input())\n"})
    run = bench.run(*(Task(id=name, branch=name) for name in ("good", "bad")), lander=lander(bench, **rules))
    outcome = outcome_of(run)
    assert (run.status, outcome.merge_status, outcome.landed) == (Status.FAILED, MergeStatus.REFUSED, None)
    assert outcome.reason.startswith("bad: ")
    assert "no-dangerous-calls" in outcome.reason
    assert bench.world.tip == before
    alone = bench.new(Task(id="good", branch="good"), batch_id="20261127-180001-abcdef")
    landed = outcome_of(run_batches(bench.context(), alone.id, lander(bench, **rules)))
    certificate = bench.world.repository.state_dir / "runs" / landed.landing_run / CERTIFICATE
    assert json.loads(certificate.read_text())["rules"] == "passed"
    assert bench.world.tip == landed.landed != before


@pytest.mark.parametrize("lacks", ["a result", "what the target was"])
def test_a_merge_that_lacks_a_commit_does_not_land(bench: Bench, lacks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if merging had lost it: whatever made the merged commit, it is asked of git before anything moves."""
    before = bench.world.tip

    def losing(*words: Any, **more: Any) -> Decision:
        decision = decide(*words, **more)
        judgement = decision.judgement
        assert judgement is not None
        tips = {"a result": judgement.merged.commits[judgement.merged.merged[0]], "what the target was": root}
        return replace(decision, judgement=replace(judgement, merged=replace(judgement.merged, tip=tips[lacks])))

    root = Oid(bench.world.git("commit-tree", "-m", "rootless", "main^{tree}"))
    monkeypatch.setattr("gitalign.batches.merging.land.decide", losing)
    with pytest.raises(InvariantBroken, match="the merged batch lacks commit"):
        bench.run(sh("a", "echo a > a"), sh("b", "echo b > b"), lander=lander(bench))
    assert bench.world.tip == before
    monkeypatch.undo()
    run = bench.resume(lander=lander(bench))
    assert run.status is Status.COMPLETED
    assert bench.world.git("show", "main:a", "main:b") == "a\nb"


def test_a_target_that_is_put_elsewhere_right_after_the_move_gets_the_batch_again(bench: Bench) -> None:
    """Another program writes the branch without looking at what stands there; its commit and the batch are both in the end."""
    theirs = grown(bench.world, "theirs", {"theirs": "1\n"})
    bench.world.git("checkout", "-q", "--detach")

    def overwrite(name: str) -> None:
        if name == "verify" and not seen:
            seen.append(bench.world.tip)
            bench.world.git("update-ref", "refs/heads/main", theirs)

    seen: list[str] = []
    run = bench.run(sh("a", "echo a > a"), lander=lander(bench, checkpoint=overwrite))
    outcome = outcome_of(run)
    assert len(seen) == 1
    assert seen[0] != outcome.landed == bench.world.tip
    assert (run.status, outcome.merge_status) == (Status.COMPLETED, MergeStatus.SUCCESS)
    assert bench.world.git("show", "main:a", "main:theirs") == "a\n1"


def test_a_target_that_never_keeps_the_batch_is_no_success(bench: Bench) -> None:
    before = bench.world.tip

    def overwrite(name: str) -> None:
        if name == "verify":
            bench.world.git("update-ref", "refs/heads/main", before)

    run = bench.run(sh("a", "echo a > a"), lander=lander(bench, checkpoint=overwrite, options=LandOptions(attempts=1)))
    outcome = outcome_of(run)
    assert (run.status, outcome.merge_status, outcome.landed) == (Status.PENDING, MergeStatus.TARGET_MOVED, None)
    assert "another process moved it right after" in outcome.reason
    assert bench.world.tip == before
    bench.world.git("reset", "-q", "--hard")
    landed = bench.resume(lander=lander(bench))
    assert (landed.status, outcome_of(landed).landed) == (Status.COMPLETED, bench.world.tip)
    assert bench.world.git("show", "main:a") == "a"
