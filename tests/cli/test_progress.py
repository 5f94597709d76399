"""Progress fits the terminal, and the time left is a number worth having."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from gitalign import facade
from gitalign.cli.rendering.progress import Bars, PlainLines, Stage
from gitalign.cli.rendering.time_left import in_words
from gitalign.core.branch import Branch
from gitalign.core.events import Event, EventKind
from gitalign.core.names import BranchName, TargetName
from gitalign.core.plan import Plan, Step, StepKind
from tests.git.workspace import Workspace
from tests.runs import request

RECORDED = Path(__file__).parent / "recorded"
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Two branches of one target."""
    work = Workspace(tmp_path_factory.mktemp("progress") / "repo")
    work.commit("base", {"f": b"a\n"})
    for name in ("one", "two"):
        work.switch(name, "main")
        work.commit(name, {name: b"x\n"})
    work.switch("main")
    work.commit("more", {"g": b"a\n"})
    return facade.plan(request(work.path))


def event(kind: EventKind, **more: object) -> Event:
    branch, target = more.pop("branch", None), more.pop("target", "main")
    return Event(run_id="r", seq=1, at=AT, kind=kind, branch=branch, target=target, data=more)  # type: ignore[arg-type]


def with_steps(plan: Plan, kinds: list[tuple[StepKind, int]]) -> Plan:
    """The plan with these steps instead of its own."""
    first = plan.steps[0]

    def step(number: int, kind: StepKind, own: int) -> Step:
        branch: Branch = replace(first.branch, name=BranchName(f"b{number}"))
        return replace(first, branch=branch, kind=kind, own_commits=own, refusal=None)

    made = [step(number, kind, own) for number, (kind, own) in enumerate(kinds)]
    return SimpleNamespace(steps=tuple(made))  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["terminal", "frontend"])
def test_the_time_left_of_recorded_runs_is_near_the_truth(plan: Plan, name: str) -> None:
    """Once a run said 7,903 s, and 74 s soon afterwards. No number here is off by more than a factor of three."""
    rows = [line.split() for line in (RECORDED / f"{name}.txt").read_text().splitlines() if not line.startswith("#")]
    *parts, end = rows
    stage = Stage(with_steps(plan, [(StepKind(kind), int(own)) for _, kind, own in parts]))
    stage.take(event(EventKind.INTEGRATION_STARTED, steps=len(parts)), 0)
    told: list[tuple[float, float]] = []
    for number, (at, _, _) in enumerate(parts):
        now = int(at) / 1000
        stage.take(event(EventKind.STEP_FINISHED, branch=f"b{number}", done=number + 1, of=len(parts)), now)
        left, truth = stage.left_s(now), int(end[0]) / 1000 - now
        if left is None:
            assert now < 3 or number < 0.25 * len(parts) or number + 1 == len(parts), "it is worth a number by now"
        elif truth > 1:
            told.append((left, truth))
    assert len(told) > 100
    assert all(1 / 3 < left / truth < 3 for left, truth in told)


def test_no_number_before_it_is_worth_one(plan: Plan) -> None:
    """The first of many branches takes half a minute: that says nothing of the others."""
    stage = Stage(with_steps(plan, [(StepKind.REPLAY, 1)] * 200))
    stage.take(event(EventKind.RUN_STARTED), 0)
    stage.take(event(EventKind.INTEGRATION_STARTED, steps=200), 10)
    stage.take(event(EventKind.STEP_FINISHED, branch="b0", done=1, of=200), 40)
    assert stage.left(40) == ""
    for number in range(1, 100):
        stage.take(event(EventKind.STEP_FINISHED, branch=f"b{number}", done=number + 1, of=200), 40 + number / 10)
    assert stage.left(50) == "about 40 s left"
    assert stage.left(80) == "a few seconds left", "it counts down while nothing ends"
    assert stage.left(200) == "", "and says nothing rather than nonsense"
    stage.take(event(EventKind.VALIDATION_STARTED, branches=4, confinement="none"), 100)
    assert stage.left(104) == "", "checks have a pace of their own"
    stage.take(event(EventKind.BRANCH_VALIDATED, done=1, of=4), 400)
    assert stage.left(400) == "about 15 min left"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (3, "a few seconds left"), (31, "about 30 s left"), (58, "about 1 min left"), (7903, "about 2 h 12 min left")],
)  # fmt: skip
def test_time_in_words(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize("width", [60, 80, 120])
def test_bar_count_and_time_left_are_always_in_sight(plan: Plan, width: int) -> None:
    clock = map(float, range(0, 4000, 2))
    steps = with_steps(plan, [(StepKind.REPLAY, 3)] * 60).steps
    long = replace(steps[0].target, name=TargetName("a-target/with-a-name-that-goes-on-and-on-and-on-and-on-and-on"))
    bars = Bars(
        SimpleNamespace(steps=tuple(replace(one, target=long) for one in steps[:20]) + steps[20:]),  # type: ignore[arg-type]
        clock=lambda: next(clock),
    )
    bars(event(EventKind.INTEGRATION_STARTED, steps=60))
    for number in range(40):
        target = long.name if number < 20 else "main"
        outcome = ("aligned", "conflicted", "refused", "unchanged")[number % 4]
        bars(
            event(EventKind.STEP_FINISHED, branch=f"b{number}", target=target, outcome=outcome, done=number + 1, of=60)
        )
    out = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    out.print(bars)
    lines = out.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert all(len(line) <= width for line in lines)
    assert lines[0].startswith("aligning")
    assert "━━━━" in lines[0]
    assert "40/60" in lines[0]
    assert "s left" in lines[0]
    assert "20/40" in lines[1]
    assert "5 aligned" in lines[1]
    assert "20/20" in lines[2]


def test_bars_and_lines_follow_a_run(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    bars, lines = Bars(plan), PlainLines(plan)
    for one in (
        event(EventKind.RUN_STARTED),
        event(EventKind.STEP_FINISHED, outcome="aligned", done=1, of=2),
        event(EventKind.STOP_REQUESTED),
        event(EventKind.BREAKER_TRIPPED, failures=5, finished=9),
        event(EventKind.NOTICE, text="a\x1bb"),
        event(EventKind.STEP_FINISHED, outcome="failed", done=2, of=2),
    ):
        bars(one)
        lines(one)
    out = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    out.print(bars)
    shown = out.file.getvalue()  # type: ignore[attr-defined]
    assert "stopping; Ctrl-C stops at once" in shown
    assert "2/2" in shown
    assert "1 aligned, 1 failed" in shown
    said = capsys.readouterr().err
    assert "2 of 2 branches (1 aligned, 1 failed)" in said
    assert "circuit breaker: 5 of 9" in said
    assert "\x1b" not in said
