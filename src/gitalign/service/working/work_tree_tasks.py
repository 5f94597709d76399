"""What jobs about the work trees of a project do: made, merged, brought up to date, resolved, removed, each for an epic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.batches.planning.plan import BatchPlan, PlannedBatch
from gitalign.batches.planning.tasks import Task, TaskList
from gitalign.batches.reading import project_id_of
from gitalign.batches.running.state import Landed, MergeStatus
from gitalign.compat.parallel.execution_plan import runnable
from gitalign.compat.parallel.worktree_manager import WorktreeConflictError, WorktreeInfo, WorktreeManager
from gitalign.core.jobs import JobKind
from gitalign.core.manual_resolution import Look, Stand
from gitalign.core.names import display
from gitalign.core.outcome import Conflicted
from gitalign.core.plan import Permit
from gitalign.core.report import SUCCESSES, Report, Verdict
from gitalign.documents.reading import time_text
from gitalign.engine.run.contexts import Caller
from gitalign.engine.runtime.surroundings import Surroundings, utc_now
from gitalign.errors import Contradiction, NotFound
from gitalign.git.repository import open_repository
from gitalign.service.working.came import Came, json_of
from gitalign.service.working.hold import Hold
from gitalign.store.service.jobs import Jobs

_MOST_STOPS = 1_000
_SIDES = {"ours": ("theirs", "ours"), "theirs": ("ours", "theirs")}
"""`ours` is the side of the epic. In a rebase git calls that `theirs`: first that word, then the one in a merge."""


class _Trees:
    def __init__(self, hold: Hold) -> None:
        self.hold = hold
        self.params = hold.held.job.params
        config_file = hold.held.config_file
        self.request = facade.Request(
            repo=hold.held.path,
            config_file=Path(config_file) if config_file else None,
            surroundings=Surroundings(environ=hold.access.environ),
        )
        self.manager = WorktreeManager(hold.held.path)

    def all(self) -> list[WorktreeInfo]:
        """Work trees of epics, by number."""
        listed = asyncio.run(self.manager.list_worktrees())
        return sorted((one for one in listed if one.epic_id is not None), key=lambda one: one.epic_id or 0)

    def of_epic(self) -> WorktreeInfo:
        """The work tree of the epic that the job is about.

        Raises:
            NotFound
        """
        epic = self.params["epic"]
        found = next((one for one in self.all() if one.epic_id == epic), None)
        if found is None:
            raise NotFound(
                f"epic {epic} has no work tree", hint="POST …/worktrees/EPIC/create", code="unknown_worktree"
            )
        return found

    @property
    def permit_words(self) -> str:
        """Who permits what moves branches."""
        return f"service job {self.hold.held.job.id}, asked for by {self.hold.held.job.created_by}"


def _list(trees: _Trees) -> Any:
    return [_row(one) for one in trees.all()]


def _show(trees: _Trees) -> Any:
    return _row(trees.of_epic())


def _create(trees: _Trees) -> Any:
    try:
        info = asyncio.run(trees.manager.create_worktree(trees.params["epic"], trees.params.get("epic_name", "")))
    except WorktreeConflictError:
        if trees.hold.held.job.attempts == 1:
            raise
        info = trees.of_epic()  # an earlier attempt made it
    return _row(info)


def _remove(trees: _Trees) -> Any:
    info = trees.of_epic()
    asyncio.run(trees.manager.remove_worktree(info.path))
    return {"message": f"the work tree of epic {info.epic_id} is removed; its branch {display(info.branch)} stays"}


def _merge(trees: _Trees) -> Any:
    info = trees.of_epic()
    repository = open_repository(trees.hold.held.path)
    batch = PlannedBatch(batch_id=0, task_ids=("epic",))
    plan = BatchPlan(project_id=project_id_of(repository), created_at=utc_now(), batches=(batch,))
    tasks = TaskList(tasks=(Task(id="epic", branch=info.branch),))
    plan = runnable(plan, tasks, project_path=Path(trees.hold.held.path), target=None)
    configured = facade.batch_options(trees.request)
    options = replace(configured, lands=True, again=True, squash=bool(trees.params.get("squash")))
    permit = Permit(plan_id=facade.plan_digest(plan), given_by=trees.permit_words)
    caller = Caller(stop=trees.hold.stop, checkpoint=trees.hold.checkpoint)
    run = facade.start_batches(trees.request, plan, permit=permit, options=options, caller=caller)
    landed = run.batches[0].outcome or Landed(merge_status=MergeStatus.WAITING, reason="it was not merged")
    if landed.merge_status not in (MergeStatus.SUCCESS, MergeStatus.SKIPPED):
        why = landed.reason or f"it ended with {landed.merge_status}"
        raise Contradiction(
            f"epic {info.epic_id} is not merged: {why}", hint="GET …/worktrees/EPIC/conflicts", code="merge_conflict"
        )
    message = f"Merge {info.branch}" if landed.landed is not None else f"{run.target} holds {info.branch} already"
    return {"commit_sha": landed.landed, "message": message}


def _sync(trees: _Trees) -> Any:
    info, strategy = trees.of_epic(), str(trees.params.get("strategy", "merge"))
    request = replace(trees.request, only=(info.branch,), overrides={"alignment.strategy": strategy})
    plan = facade.plan(request)
    permit = Permit(plan_id=plan.id, given_by=trees.permit_words)
    hold = trees.hold
    report = facade.run(
        request, plan=plan, permit=permit, listeners=[hold.listener], stop=hold.stop, checkpoint=hold.checkpoint
    )
    return _synced(report, info, strategy)


def _synced(report: Report, info: WorktreeInfo, strategy: str) -> dict[str, Any]:
    row = next((one for one in report.branches() if one.step.branch.name == info.branch), None)
    if row is None:
        said = {"status": "error", "message": f"{info.branch} takes no part in runs", "conflicts": []}
    else:
        is_done = row.verdict in SUCCESSES
        outcome = row.result.outcome
        entries = outcome.entries if isinstance(outcome, Conflicted) else ()
        said = {
            "status": "success" if is_done else "conflict" if row.verdict is Verdict.CONFLICTED else "error",
            "message": row.detail or f"{info.branch} is {row.verdict}",
            "conflicts": sorted({entry.path for entry in entries}),
        }
    return {**said, "strategy": strategy, "run_id": report.run.id}


def _conflicts(trees: _Trees) -> Any:
    info = trees.of_epic()
    request = replace(trees.request, only=(info.branch,))
    plan = facade.plan(request, whatever_is_checked_out=True)
    found = facade.conflicts(request, plan=plan, stop=trees.hold.stop)
    rows = [(conflict, branch) for branch in found.branches for conflict in branch.conflict.conflicts]
    return [
        {"file": path, "status": conflict.kind, "details": conflict.message.strip()}
        for conflict, _ in rows
        for path in conflict.paths
    ]


def _resolve(trees: _Trees) -> Any:
    info, strategy = trees.of_epic(), str(trees.params.get("strategy", "manual"))
    look = facade.resolve(trees.request, info.branch)
    if strategy == "manual":
        return _left_to_a_person(look, strategy)
    in_rebase, in_merge = _SIDES[strategy]
    side = in_merge if look.session.is_merge else in_rebase
    files: dict[str, None] = {}
    for _ in range(_MOST_STOPS):
        if look.stand is not Stand.STOPPED:
            break
        for path in look.paths:
            facade.resolve_path(trees.request, info.branch, path, side=side)
            files[path] = None
        look = facade.resolve_continue(trees.request, info.branch)
    if look.stand is not Stand.DONE:
        return _left_to_a_person(look, strategy)
    permit = Permit(plan_id="*", given_by=trees.permit_words)
    report = facade.resolve_finish(trees.request, info.branch, permit=permit, stop=trees.hold.stop)
    return {
        "status": "resolved" if report.exit_code() == 0 else "error",
        "strategy": strategy,
        "message": f"{info.branch}: run {report.run.id}",
        "files_resolved": list(files),
        "conflicts": [],
    }


def _left_to_a_person(look: Look, strategy: str) -> dict[str, Any]:
    return {
        "status": "manual_required",
        "strategy": strategy,
        "message": f"resolve {look.session.branch} in {look.session.folder}, or over the API",
        "files_resolved": [],
        "conflicts": list(look.paths),
    }


def _row(info: WorktreeInfo) -> dict[str, Any]:
    return {
        "epic_id": info.epic_id,
        "path": info.path,
        "branch": info.branch,
        "status": info.status,
        "created_at": None if info.created_at is None else time_text(info.created_at),
        "merged_at": None if info.merged_at is None else time_text(info.merged_at),
    }


_ACTIONS: Mapping[str, Callable[[_Trees], Any]] = {
    "list": _list,
    "show": _show,
    "create": _create,
    "remove": _remove,
    "merge": _merge,
    "sync": _sync,
    "conflicts": _conflicts,
    "resolve": _resolve,
}


def _carry_out(hold: Hold, jobs: Jobs) -> Came:
    trees = _Trees(hold)
    return Came(outcome="ok", document=json_of({"answer": _ACTIONS[str(trees.params["action"])](trees)}))


WORK_TREE_TASKS: Mapping[JobKind, Callable[[Hold, Jobs], Came]] = {
    JobKind.WORK_TREE: _carry_out,
    JobKind.WORK_TREE_CHANGE: _carry_out,
}
