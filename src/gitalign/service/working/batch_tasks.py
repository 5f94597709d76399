"""What jobs about batches do: the engine of `git align batch`, within what the operator allows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.batches.planning.make_plan import PlanRules
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.plan_document import from_dict, to_dict
from gitalign.batches.reading import PlanSource
from gitalign.batches.running.batch_store import AlreadyRunning
from gitalign.batches.running.state import BatchRun, Status
from gitalign.compat.parallel.execution_plan import runnable
from gitalign.core.jobs import ALREADY_UNDONE, JobKind
from gitalign.core.plan import Permit
from gitalign.documents.formats import stamped
from gitalign.engine.run.contexts import Caller
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.errors import PlanRefused
from gitalign.service.working.batch_watch import BatchWatch
from gitalign.service.working.came import Came, StillUnderWay, json_of
from gitalign.service.working.hold import Hold
from gitalign.store.service.jobs import JobDocument, Jobs
from gitalign.views.batch import batch_page


def _request(hold: Hold) -> facade.Request:
    config_file = hold.held.config_file
    return facade.Request(
        repo=hold.held.path,
        config_file=Path(config_file) if config_file else None,
        surroundings=Surroundings(environ=hold.access.environ),
    )


def _permit_words(hold: Hold) -> str:
    """Who permits a batch run; the same words in every attempt of the job."""
    return f"service job {hold.held.job.id}, asked for by {hold.held.job.created_by}"


def _plan(hold: Hold, jobs: Jobs) -> Came:
    """The plan of a text that was submitted; nothing of it runs."""
    hold.batches.require_allowed()
    params, texts = hold.held.job.params, json.loads(jobs.input_of(hold.held.job.id) or "{}")
    with tempfile.TemporaryDirectory(prefix="git-align-plan-") as folder:
        # In files, because the reader takes files: their endings say how they are written.
        place = Path(folder) / str(params["name"])
        place.write_text(texts["text"], encoding="utf-8")
        tasks = Path(folder) / f"tasks-{params.get('tasks_name', 'tasks.yaml')}" if "tasks" in texts else None
        if tasks is not None:
            tasks.write_text(texts["tasks"], encoding="utf-8")
        source = PlanSource(
            file=place,
            tasks=tasks,
            command=tuple(params.get("command", ())),
            target=params.get("target"),
            commit_leftovers=bool(params.get("commit_leftovers")),
            rules=PlanRules(most_tasks=params.get("most_tasks")),
        )
        plan = facade.plan_batches(_request(hold), source)
    hold.batches.require_harmless(plan.task_list)
    hold.note_plan(facade.plan_digest(plan))
    return Came(outcome="ok", document=json_of(stamped("batch-plan", to_dict(plan))))


def _stored_plan(hold: Hold, jobs: Jobs) -> BatchPlan:
    job = hold.held.job
    text = jobs.input_of(job.id)
    if text is not None:  # the plan of a project, as it was when the run was asked for
        return runnable(from_dict(json.loads(text)), None, project_path=Path(hold.held.path), target=None)
    made = None if job.plan_id is None else jobs.of_plan(job.repository, job.plan_id, kind=JobKind.BATCH_PLAN)
    document = None if made is None else jobs.document(made.id)
    if document is None:
        raise PlanRefused("the plan is not there any more", hint="submit it again")
    plan = from_dict(json.loads(document.body))
    if facade.plan_digest(plan) != job.plan_id:
        raise PlanRefused("the plan is not the one that was looked at", hint="submit it again")
    return plan


def _options(hold: Hold, request: facade.Request) -> facade.BatchOptions:
    """How tasks run: as the repository's settings say, confined at least as the service's do, and as was asked."""
    params, configured = hold.held.job.params, facade.batch_options(request)
    wanted: dict[str, Any] = {
        name: params[name]
        for name in ("max_concurrency", "squash", "push", "push_hooks", "best_subset", "lands", "again", "fetch")
        if name in params
    }
    return replace(configured, confinement=hold.batches.stricter(configured.confinement), **wanted)


def _run(hold: Hold, jobs: Jobs) -> Came:
    hold.batches.require_allowed()
    request, plan = _request(hold), _stored_plan(hold, jobs)
    hold.batches.require_harmless(plan.task_list)
    earlier = _begun_before(hold, request)
    if earlier is None and hold.held.job.params.get("project"):
        unfinished = facade.batch_of_plan(request, plan)
        earlier = None if unfinished is None else unfinished.run.id
    if earlier is not None:
        return _gone_on(hold, request, earlier, facade.GoingOn())
    options = _options(hold, request)
    permit = Permit(plan_id=facade.plan_digest(plan), push=options.push, given_by=_permit_words(hold))
    with BatchWatch(hold, request) as watch:
        ended = facade.start_batches(
            request, plan, permit=permit, options=options, caller=_caller(hold), listeners=[watch.listener]
        )
    return _ended(hold, request, ended)


def _begun_before(hold: Hold, request: facade.Request) -> str | None:
    """The batch run that an earlier attempt of this job began; its permit names the job."""
    if hold.held.job.attempts == 1:
        return None
    if hold.run_id is not None:
        return hold.run_id
    words = _permit_words(hold)
    return next((one.run.id for one in facade.batch_list(request) if one.run.options.get("given_by") == words), None)


def _resume(hold: Hold, jobs: Jobs) -> Came:
    return _go_on(hold, facade.GoingOn())


def _retry(hold: Hold, jobs: Jobs) -> Came:
    return _go_on(hold, facade.GoingOn(retry=True, task_ids=tuple(hold.held.job.params.get("tasks", ()))))


def _land(hold: Hold, jobs: Jobs) -> Came:
    hold.batches.require_allowed()
    request, params = _request(hold), hold.held.job.params
    permit = Permit(plan_id="*", push=bool(params.get("push")), given_by=_permit_words(hold))
    facade.land_undone_again(request, str(params["run_id"]), push=bool(params.get("push")), permit=permit)
    return _go_on(hold, facade.GoingOn(only_land=True))


def _go_on(hold: Hold, going_on: facade.GoingOn) -> Came:
    hold.batches.require_allowed()
    request = _request(hold)
    view = facade.batch_status(request, str(hold.held.job.params["run_id"]))
    hold.batches.require_harmless(view.run.plan.task_list)
    return _gone_on(hold, request, view.run.id, going_on)


def _gone_on(hold: Hold, request: facade.Request, batch_id: str, going_on: facade.GoingOn) -> Came:
    """Go on with a batch run; one that an earlier attempt of this job brought to its end stays as it is."""
    hold.run_id = batch_id
    is_again = hold.held.job.attempts > 1
    status = facade.batch_status(request, batch_id).run.status
    if is_again and status is Status.COMPLETED:
        return _ended(hold, request, facade.batch_status(request, batch_id).run)
    if is_again and status is not Status.FAILED:
        going_on = replace(going_on, retry=False, task_ids=())
    try:
        with BatchWatch(hold, request, batch_id) as watch:
            ended = facade.resume_batches(
                request,
                batch_id,
                options=_options(hold, request),
                caller=_caller(hold),
                listeners=[watch.listener],
                going_on=going_on,
            )
    except AlreadyRunning:
        if is_again:
            raise StillUnderWay from None
        raise
    return _ended(hold, request, ended)


def _caller(hold: Hold) -> Caller:
    return Caller(stop=hold.stop, checkpoint=hold.checkpoint)


def _ended(hold: Hold, request: facade.Request, run: BatchRun) -> Came:
    hold.run_id = run.id
    view = facade.batch_status(request, run.id)
    was_stopped = run.status in (Status.STOPPED, Status.CANCELLED)
    was_stopped |= hold.stop.stop_requested and run.status not in (Status.COMPLETED, Status.FAILED)
    outcome = "ok" if run.status is Status.COMPLETED else "interrupted" if was_stopped else "attention"
    document = json_of(stamped("batch-run", facade.batch_content(view)))
    return Came(outcome=outcome, document=document, is_interrupted=was_stopped)


def _undo(hold: Hold, jobs: Jobs) -> Came:
    request, params = _request(hold), hold.held.job.params
    push = bool(params.get("push"))
    facade.recover(request, stop=hold.stop)
    found = facade.batch_landings(request, str(params["run_id"]), push=push)
    facade.require_landings(found)
    mine = _undone_by_this_job(request, hold, found)
    is_done_before = not found.left(push=push) and not mine
    if found.left(push=push):
        permit = Permit(plan_id="*", push=push, given_by=_permit_words(hold))
        found = facade.undo_batches(
            request, found.batch_run, push=push, permit=permit, stop=hold.stop, checkpoint=hold.checkpoint
        )
    found = replace(found, dry_run=False, undone_now=(*mine, *found.undone_now))
    hold.run_id = found.batch_run
    document = json_of(stamped("batch-landings", facade.landings_content(found)))
    outcome = ALREADY_UNDONE if is_done_before else "attention" if found.left(push=push) else "ok"
    return Came(outcome=outcome, document=document)


def _undone_by_this_job(request: facade.Request, hold: Hold, found: facade.BatchLandings) -> tuple[str, ...]:
    """Landings that an earlier attempt of this job put back."""
    if hold.held.job.attempts == 1:
        return ()
    began = {one.id: one.started_at for one in facade.runs(request)}
    return tuple(
        one.landing_run
        for one in found.landings
        if one.undone_by in began and began[one.undone_by] >= hold.held.job.created_at
    )


def _report(hold: Hold, jobs: Jobs) -> Came:
    request, job = _request(hold), hold.held.job
    view = facade.batch_status(request, str(job.params["run_id"]), measures_disk=True)
    history = facade.batch_events(request, view.run.id)
    body = batch_page(facade.batch_content(view), history.events, name=job.repository, status=view.status)
    return Came(outcome="ok", document=JobDocument(media_type="text/html; charset=utf-8", body=body))


def _list(hold: Hold, jobs: Jobs) -> Came:
    views = facade.batch_list(_request(hold))
    document = stamped("batch-runs", {"batch_runs": [facade.batch_content(view) for view in views]})
    return Came(outcome="ok", document=json_of(document))


BATCH_TASKS: Mapping[JobKind, Callable[[Hold, Jobs], Came]] = {
    JobKind.BATCH_PLAN: _plan,
    JobKind.BATCH_RUN: _run,
    JobKind.BATCH_RESUME: _resume,
    JobKind.BATCH_RETRY: _retry,
    JobKind.BATCH_LAND: _land,
    JobKind.BATCH_UNDO: _undo,
    JobKind.BATCH_REPORT: _report,
    JobKind.BATCH_LIST: _list,
}
