"""Planning: the rules hold for random graphs of tasks, and for cases worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitalign.batches.planning.earlier import EarlierPair, EarlierTask, Foresight
from gitalign.batches.planning.make_plan import PlanRules, judged, make_plan
from gitalign.batches.planning.plan import (
    BatchPlan,
    ConflictType,
    ExecutionMode,
    FileConflict,
    IssueCode,
    PlannedBatch,
    select_mode,
)
from gitalign.batches.planning.plan_document import from_dict, to_dict
from gitalign.batches.planning.predicting import predict
from gitalign.batches.planning.tasks import Need, NeedKind, Task, TaskList, TaskListError
from gitalign.core.path_overlap import overlapping

PROJECT = UUID("6f1b7a0e-0000-4000-8000-000000000001")
AT = datetime(2026, 11, 27, tzinfo=UTC)


def planned(*tasks: Task, foresight: Foresight | None = None, rules: PlanRules | None = None) -> BatchPlan:
    return make_plan(
        TaskList(tasks=tasks),
        project_id=PROJECT,
        at=AT,
        foresight=foresight or Foresight(),
        rules=rules or PlanRules(),
    )


def waves(plan: BatchPlan) -> list[list[str]]:
    return [list(batch.task_ids) for batch in plan.batches]


@st.composite
def task_lists(draw: st.DrawFn) -> TaskList:
    """Tasks whose hard dependencies form no circle; soft ones may."""
    size = draw(st.integers(0, 12))
    order = draw(st.permutations(range(size)))
    tasks: list[Task] = []
    for at, number in enumerate(order):
        hard = draw(st.lists(st.sampled_from(order[:at]), unique=True, max_size=3)) if at else []
        others = [one for one in order if one != number and one not in hard]
        soft = draw(st.lists(st.sampled_from(others), unique=True, max_size=2)) if others else []
        tasks.append(
            Task(
                id=f"t{number}",
                needs=(*(Need(f"t{one}") for one in hard), *(Need(f"t{one}", NeedKind.SOFT) for one in soft)),
                touches=tuple(draw(st.lists(st.sampled_from(["a.py", "src/", "src/b.py", "*.md"]), max_size=2))),
                priority=draw(st.integers(-3, 3)),
            )
        )
    return TaskList(tasks=tuple(draw(st.permutations(tasks))))


@settings(max_examples=50)
@given(tasks=task_lists(), most=st.one_of(st.none(), st.integers(1, 4)), ageing=st.integers(0, 3))
def test_rules_of_a_plan(tasks: TaskList, most: int | None, ageing: int) -> None:
    plan = make_plan(tasks, project_id=PROJECT, at=AT, rules=PlanRules(most_tasks=most, ageing=ageing))
    by_id = tasks.by_id()
    batch_of = {task_id: batch.batch_id for batch in plan.batches for task_id in batch.task_ids}
    assert sorted(batch_of) == sorted(by_id)
    assert plan.total_tasks == len(by_id)
    ignored = [issue.message for issue in plan.issues if issue.code is IssueCode.IGNORED_SOFT_DEPENDENCY]
    for task in tasks.tasks:
        for need in task.needs:
            is_ignored = any(text.startswith(f"task {task.id} does not wait for {need.task}:") for text in ignored)
            assert is_ignored or batch_of[need.task] < batch_of[task.id]
            assert not (is_ignored and need.kind is NeedKind.HARD)
            if not is_ignored:
                assert batch_of[need.task] in plan.batches[batch_of[task.id]].depends_on
    for number, batch in enumerate(plan.batches):
        assert batch.batch_id == number
        assert batch.task_ids
        assert batch.can_parallel == (len(batch.task_ids) > 1)
        assert most is None or len(batch.task_ids) <= most
        assert all(one < number for one in batch.depends_on)
        for one, other in combinations(batch.task_ids, 2):
            # A name without a wildcard is a path from the top.
            paths = [
                [
                    name if "*" in name or "?" in name or "[" in name else f"/{name.lstrip('/')}"
                    for name in by_id[task].touches
                ]
                for task in (one, other)
            ]
            assert not overlapping(*paths)
    assert len({batch_of[one] for one in plan.critical_path}) == len(plan.critical_path)
    assert plan.mode is not None
    assert (plan.mode.execution_mode is ExecutionMode.PARALLEL) == any(one.can_parallel for one in plan.batches)
    assert from_dict(to_dict(plan)) == plan
    assert make_plan(tasks, project_id=PROJECT, at=AT, rules=PlanRules(most_tasks=most, ageing=ageing)) == plan


def test_a_diamond() -> None:
    plan = planned(
        Task(id="d", needs=(Need("b"), Need("c"))),
        Task(id="b", needs=(Need("a"),)),
        Task(id="c", needs=(Need("a"),)),
        Task(id="a"),
    )
    assert waves(plan) == [["a"], ["b", "c"], ["d"]]
    assert [batch.depends_on for batch in plan.batches] == [(), (0,), (1,)]
    assert plan.critical_path == ("a", "b", "d")


def test_a_task_that_has_waited_goes_before_one_of_the_same_priority() -> None:
    """`old` is kept apart from all others; without ageing newer tasks of better priority would always pass it."""
    tasks = [Task(id="old", priority=2, touches=("x",))]
    tasks += [
        Task(id=f"n{at}", priority=0, touches=("x",), needs=(Need(f"n{at - 1}"),) if at else ()) for at in range(6)
    ]
    assert waves(planned(*tasks)).index(["old"]) == 2
    assert waves(planned(*tasks, rules=PlanRules(ageing=0))).index(["old"]) == 6


def test_paths_that_clashed_before_keep_tasks_apart() -> None:
    tasks = (Task(id="a"), Task(id="b"), Task(id="c", touches=("docs/",)))
    assert waves(planned(*tasks)) == [["a", "b", "c"]]
    known = Foresight(
        tasks={"a": EarlierTask(run="r1", changed=("docs/[x].md",))},
        pairs={frozenset(("a", "b")): EarlierPair(run="r1", has_conflicted=True, paths=("src/x.py",))},
    )
    plan = planned(*tasks, foresight=known)
    assert waves(plan) == [["a"], ["b", "c"]]
    kinds = {one.task_ids: one.conflict_type for one in plan.predicted_conflicts}
    assert kinds == {("a", "b"): ConflictType.SAME_FILE, ("a", "c"): ConflictType.SAME_DIRECTORY}


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("src/a.py", "/src/a.py", ConflictType.SAME_FILE),
        ("src/", "src/a.py", ConflictType.SAME_DIRECTORY),
        ("src/*.py", "**/a*", ConflictType.POTENTIAL),
    ],
)
def test_kinds_of_predicted_conflicts(first: str, second: str, kind: ConflictType) -> None:
    (conflict,) = planned(Task(id="a", touches=(first,)), Task(id="b", touches=(second,))).predicted_conflicts
    assert conflict.conflict_type is kind


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([Task(id="a"), Task(id="a")], "the id a is used 2 times"),
        ([Task(id="a", needs=(Need("bild"),)), Task(id="build")], "no task bild; did you mean build?"),
        ([Task(id="a", needs=(Need("a"),))], "depends on itself"),
        ([Task(id="a", needs=(Need("b"), Need("b"))), Task(id="b")], "b is named twice"),
        (
            [Task(id="a", needs=(Need("b"),)), Task(id="b", needs=(Need("c"),)), Task(id="c", needs=(Need("a"),))],
            "circle of dependencies: ",
        ),
        ([Task(id="a/b")], "holds signs other than"),
        ([Task(id="-x")], "begins with '-'"),
        ([Task(id="a.lock")], "ends with .lock"),
        ([Task(id="a..b")], "holds .."),
        ([Task(id="x" * 101)], "longer than 100"),
        ([Task(id="a", touches=("!x",))], "touches[0]: '!x' begins with !"),
    ],
)
def test_what_no_plan_is_made_of(tasks: list[Task], words: str) -> None:
    with pytest.raises(TaskListError) as error:
        planned(*tasks)
    assert words in error.value.message
    assert error.value.exit_code == 2


def test_a_circle_is_shown_in_the_order_of_dependencies() -> None:
    with pytest.raises(TaskListError) as error:
        planned(Task(id="a", needs=(Need("b"),)), Task(id="b", needs=(Need("a"),)))
    assert error.value.message in (
        "tasks: a circle of dependencies: a -> b -> a",
        "tasks: a circle of dependencies: b -> a -> b",
    )


def plan_of(*batches: PlannedBatch, conflicts: tuple[FileConflict, ...] = ()) -> BatchPlan:
    return BatchPlan(project_id=PROJECT, created_at=AT, batches=batches, predicted_conflicts=conflicts)


def batch(number: int, *ids: str, parallel: bool = True) -> PlannedBatch:
    return PlannedBatch(batch_id=number, task_ids=ids, can_parallel=parallel)


def conflict(*ids: str, kind: ConflictType = ConflictType.SAME_FILE) -> FileConflict:
    return FileConflict(task_ids=ids, predicted_files=("src/a.py",), conflict_type=kind)


@pytest.mark.parametrize(
    ("plan", "mode", "reason"),
    [
        (plan_of(), ExecutionMode.SEQUENTIAL, "no batch has more than one task"),
        (plan_of(batch(0, "a"), batch(1, "b")), ExecutionMode.SEQUENTIAL, "no batch has more than one task"),
        (plan_of(batch(0, "a", "b", parallel=False)), ExecutionMode.SEQUENTIAL, "can run in parallel"),
        (plan_of(batch(0, "a"), batch(1, "b", "c")), ExecutionMode.PARALLEL, "1 of 2 batches can run in parallel"),
        (
            plan_of(batch(0, "a", "b"), conflicts=(conflict("a", "b"),)),
            ExecutionMode.SEQUENTIAL,
            "critical conflict in batch 0: a and b change src/a.py",
        ),
        (plan_of(batch(0, "a", "b"), batch(1, "c"), conflicts=(conflict("a", "c"),)), ExecutionMode.PARALLEL, ""),
        (
            plan_of(batch(0, "a", "b"), conflicts=(conflict("a", "b", kind=ConflictType.POTENTIAL),)),
            ExecutionMode.PARALLEL,
            "",
        ),
    ],
)
def test_the_mode_and_its_reason(plan: BatchPlan, mode: ExecutionMode, reason: str) -> None:
    """Rows 140 and 141: parallel when a batch can and has more than one task, and no critical conflict is foreseen."""
    chosen = select_mode(plan)
    assert chosen.execution_mode is mode
    assert reason in chosen.reason
    assert chosen.reason


def test_issues_of_a_plan() -> None:
    tasks = TaskList(tasks=(Task(id="a"), Task(id="b"), Task(id="c")))
    plan = judged(
        BatchPlan(
            project_id=PROJECT,
            created_at=AT,
            batches=(batch(0, "a", "b"), batch(1)),
            predicted_conflicts=(conflict("a", "b"),),
            task_list=tasks,
        )
    )
    assert [(one.code, one.message) for one in plan.issues] == [
        (IssueCode.EMPTY_BATCH, "batch 1 has no tasks"),
        (IssueCode.UNASSIGNED_TASKS, "in no batch: c"),
        (IssueCode.HIGH_CONFLICT_RATE, "2 of 2 tasks are expected to change files that another one changes"),
    ]
    assert judged(plan) == plan
    assert planned().metadata["reason"] == "no_tasks"


def test_a_plan_of_a_thousand_tasks_is_made_in_a_moment() -> None:
    import time

    tasks = [
        Task(id=f"t{at}", touches=(f"src/p{at % 300}/",), needs=(Need(f"t{at - 7}"),) if at > 7 else ())
        for at in range(1000)
    ]
    started = time.process_time()
    assert planned(*tasks).total_tasks == 1000
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (["src/"], ["docs/"], None),
        (["CHANGES.rst"], ["README.md"], None),
        (["README.md"], ["docs/"], None),
        (["README.md"], ["/README.md"], ConflictType.SAME_FILE),
        (["src/a.py"], ["src/"], ConflictType.SAME_DIRECTORY),
        (["*.md"], ["docs/"], ConflictType.SAME_DIRECTORY),
        (["docs/a.md"], ["docs/b.md"], None),
        (["docs/*.md"], ["src/*.md"], None),
        (["*.md"], ["docs/*.md"], ConflictType.POTENTIAL),
    ],
)
def test_plain_names_are_paths_from_the_top(one: list[str], other: list[str], kind: ConflictType | None) -> None:
    tasks = [Task(id=name, touches=tuple(touches)) for name, touches in (("x", one), ("y", other))]
    found = predict(tasks).conflicts
    assert [conflict.conflict_type for conflict in found] == ([] if kind is None else [kind])
