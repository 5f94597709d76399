"""What each kind of job does: one call of the facade, and the document that it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gitalign import facade
from gitalign.core.health import health_of_forecast, health_of_report
from gitalign.core.jobs import ALREADY_UNDONE, Job, JobKind, NewJob
from gitalign.core.plan import Permit, Plan, StepKind
from gitalign.core.publication import PushState
from gitalign.core.report import Report
from gitalign.core.run import UNFINISHED, RunKind, RunRecord, RunState
from gitalign.documents import listings, overviews, plans, reports
from gitalign.documents.conflict_groups import dump_conflicts
from gitalign.documents.forecasts import dump_forecast
from gitalign.documents.formats import stamped
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.errors import PlanRefused, UserError
from gitalign.facade.following import Following
from gitalign.service.working.asking_tasks import ASKING_TASKS
from gitalign.service.working.batch_tasks import BATCH_TASKS
from gitalign.service.working.came import JSON, Came, StillUnderWay, json_of
from gitalign.service.working.hold import Hold
from gitalign.service.working.mirrors import mirror_ready
from gitalign.service.working.remote_access import RemoteSettings
from gitalign.service.working.work_tree_tasks import WORK_TREE_TASKS
from gitalign.store.service.jobs import JobDocument, Jobs

_READ_THE_REMOTE = (JobKind.PLAN, JobKind.RUN)
_NOTHING_TO_DO = (StepKind.UP_TO_DATE, StepKind.LEAVE)
_MAY_PUSH = (JobKind.RUN, JobKind.UNDO, JobKind.RESUME)
_MEDIA = {
    facade.ReportFormat.JSON: JSON,
    facade.ReportFormat.HTML: "text/html; charset=utf-8",
    facade.ReportFormat.MARKDOWN: "text/markdown; charset=utf-8",
    facade.ReportFormat.JUNIT: "application/xml",
    facade.ReportFormat.SARIF: "application/sarif+json",
}


def carry_out(hold: Hold, jobs: Jobs, remotes: RemoteSettings) -> Came:
    """Carry out a job.

    Args:
        hold: the job.
        jobs: where plans are found.
        remotes: how remotes are reached.

    Raises:
        GitAlignError: it cannot be carried out.
        StillUnderWay
    """
    hold.require_not_quiet()
    hold.fence = _fence(hold, remotes.fence)
    request = request_of(hold)
    with mirror_ready(hold, request, remotes):
        if hold.fence is not None:
            # Before anything is looked at: from here on an earlier worker that comes to life pushes nothing more.
            facade.take_fence(request, stop=hold.stop)
        return _TASKS[hold.held.job.kind](hold, jobs)


def request_of(hold: Hold) -> facade.Request:
    """What the facade is asked with, from what the API took."""
    params, held = hold.held.job.params, hold.held
    settings = {
        "alignment.strategy": params.get("strategy"),
        "alignment.merges": params.get("merges"),
        "alignment.targets": params.get("targets") or None,
    }
    return facade.Request(
        repo=held.path,
        config_file=Path(held.config_file) if held.config_file else None,
        overrides={key: value for key, value in settings.items() if value is not None},
        only=tuple(params.get("only", ())),
        exclude=tuple(params.get("exclude", ())),
        fetch=bool(params.get("fetch")) and held.url is None,
        push=bool(params.get("push")) or (held.url is not None and held.job.kind in _READ_THE_REMOTE),
        remote=None if held.url is None else facade.MIRROR_REMOTE,
        needs_branches=True,
        surroundings=Surroundings(environ=hold.access.environ),
        fence=hold.fence,
    )


def _following(hold: Hold) -> Following:
    return {"listeners": [hold.listener], "stop": hold.stop, "checkpoint": hold.checkpoint}


def _pushes(hold: Hold) -> bool:
    """Whether results go to the remote. In a mirror they do: its branches are there, and here a fetch would lose them."""
    return bool(hold.held.job.params.get("push")) or hold.held.url is not None


def _fence(hold: Hold, policy: facade.FencePolicy) -> facade.PushFence | None:
    job = hold.held.job
    if policy is facade.FencePolicy.OFF or job.kind not in _MAY_PUSH or not _pushes(hold):
        return None
    return facade.PushFence(
        hold.held.repository_id,
        holder=f"job {job.id}, claim {job.token}",
        prove=lambda: hold.checkpoint("fence"),
        is_required=policy is facade.FencePolicy.REQUIRED,
        note=hold.note,
    )


def _permit_words(hold: Hold) -> str:
    """Who permits a run, for the journal; the same words in every attempt of the job."""
    return f"service job {hold.held.job.id}, asked for by {hold.held.job.created_by}"


def _fetch(hold: Hold, jobs: Jobs) -> Came:
    request = request_of(hold)
    if hold.held.url is None:
        facade.plan(replace(request, fetch=True), stop=hold.stop)
    document = stamped("status", overviews.dump_status(facade.status(request, stop=hold.stop)))
    return Came(outcome="ok", document=json_of(document))


def _plan(hold: Hold, jobs: Jobs) -> Came:
    plan = facade.plan(request_of(hold), stop=hold.stop)
    hold.note_plan(plan.id)
    document = JobDocument(media_type=JSON, body=plans.text_of(plan))
    return Came(outcome="ok", document=document, follow=_run_of(hold.held.job, plan))


def _run_of(job: Job, plan: Plan) -> NewJob | None:
    """The run that a schedule wants of its plan; None when there is nothing to align."""
    if job.params.get("then") != "run" or all(step.kind in _NOTHING_TO_DO for step in plan.steps):
        return None
    params = {name: job.params[name] for name in ("push", "quiet", "schedule") if name in job.params}
    return NewJob(
        repository=job.repository, kind=JobKind.RUN, params=params, plan_id=plan.id, created_by=job.created_by
    )


def _forecast(hold: Hold, jobs: Jobs) -> Came:
    pairs = bool(hold.held.job.params.get("pairs"))
    result = facade.forecast(request_of(hold), pairs=pairs, listeners=[hold.listener], stop=hold.stop)
    document = json_of(stamped("forecast", dump_forecast(result)))
    health = None if hold.held.job.is_narrowed else health_of_forecast(result, now=datetime.now(UTC))
    return Came(
        outcome=_word(result.exit_code()), document=document, is_interrupted=not result.is_complete, health=health
    )


def _conflicts(hold: Hold, jobs: Jobs) -> Came:
    request = request_of(hold)
    plan = facade.plan(request, whatever_is_checked_out=True, stop=hold.stop)
    branch = hold.held.job.params.get("branch")
    result = facade.conflicts(request, plan=plan, branch=branch, listeners=[hold.listener], stop=hold.stop)
    document = json_of(stamped("conflicts", dump_conflicts(result)))
    return Came(outcome=_word(result.exit_code()), document=document, is_interrupted=not result.is_complete)


def _run(hold: Hold, jobs: Jobs) -> Came:
    plan = _stored_plan(hold, jobs)
    permit = Permit(plan_id=plan.id, push=_pushes(hold), given_by=_permit_words(hold))
    # The plan says which branches and how; what the repository's settings forbid is still refused.
    request = replace(request_of(hold), overrides={}, only=(), exclude=(), fetch=False)
    earlier = _begun_before(hold, request, plan.id)
    report = None if earlier is None else _of_earlier(hold, request, earlier)
    if report is None:
        report = facade.run(request, plan=plan, permit=permit, **_following(hold))
    planned = jobs.of_plan(hold.held.job.repository, plan.id)
    is_whole = planned is not None and not planned.is_narrowed
    return replace(_reported(hold, report), health=health_of_report(report) if is_whole else None)


def _stored_plan(hold: Hold, jobs: Jobs) -> Plan:
    job = hold.held.job
    made = None if job.plan_id is None else jobs.of_plan(job.repository, job.plan_id)
    document = None if made is None else jobs.document(made.id)
    if document is None:
        raise PlanRefused("the plan is not there any more", hint="make a plan again")
    return plans.read(document.body)


def _begun_before(hold: Hold, request: facade.Request, plan_id: str) -> RunRecord | None:
    """The run that an earlier attempt began, after what dead processes left was finished or rolled back.

    Raises:
        StillUnderWay: the process of the earlier attempt is alive.
    """
    if hold.held.job.attempts == 1:
        return None
    facade.recover(request, stop=hold.stop)
    record = facade.run_permitted_as(request, _permit_words(hold), plan_id=plan_id)
    if record is not None:
        hold.run_id = record.id
        if record.state in UNFINISHED:
            raise StillUnderWay
    return record


def _of_earlier(hold: Hold, request: facade.Request, record: RunRecord) -> Report | None:
    """The report of the run that an earlier attempt began; None when that moved nothing and does not go on."""
    if record.state is RunState.FAILED:
        return None
    if record.state is RunState.INTERRUPTED and not hold.is_stop_asked:
        return facade.go_on(request, record.id, given_by=_permit_words(hold), **_following(hold))
    report = facade.show(request, record.id)
    # In a mirror nothing moved then: what was not pushed is made again, under the leases of the same plan.
    pushes = [one.push for one in report.publications]
    is_nothing_done = hold.held.url is not None and pushes and set(pushes) <= {PushState.NOT_PUSHED}
    return None if is_nothing_done and not hold.is_stop_asked else report


def _resume(hold: Hold, jobs: Jobs) -> Came:
    job = hold.held.job
    request = replace(request_of(hold), needs_branches=False)
    run_id = str(job.params["run_id"])
    if job.attempts > 1:
        known = next((one for one in facade.runs(request) if one.id == run_id), None)
        earlier = None if known is None else _begun_before(hold, request, known.plan_id)
        report = None if earlier is None else _of_earlier(hold, request, earlier)
        if report is not None:
            return _reported(hold, report)
    return _reported(hold, facade.go_on(request, run_id, given_by=_permit_words(hold), **_following(hold)))


def _undo(hold: Hold, jobs: Jobs) -> Came:
    job = hold.held.job
    request = replace(request_of(hold), needs_branches=False)
    run_id, push = str(job.params["run_id"]), _pushes(hold)
    if job.attempts > 1:
        facade.recover(request, stop=hold.stop)
        undos = [one for one in facade.runs(request, states=UNFINISHED) if one.kind is RunKind.UNDO]
        if any(one.undoes == run_id for one in undos):
            raise StillUnderWay
    facade.recover_before_undo(request, run_id)
    record = facade.run_to_undo(request, run_id, push=push)
    earlier = None if record.undone_by is None else facade.show(request, record.undone_by)
    if earlier is not None and _is_given_back(request, record, earlier):
        report = earlier
    else:
        permit = Permit(plan_id="*", push=push, given_by=_permit_words(hold))
        report = facade.undo(request, run_id, push=push, permit=permit, **_following(hold))
    # An earlier attempt of this job may have done it: then it is not true that nothing was done.
    report = replace(report, notices=tuple(one for one in report.notices if one != record.already_undone))
    is_mine = job.attempts > 1 and report.run.id == job.run_id
    if earlier is None or is_mine or (report.run.id, report.publications) != (earlier.run.id, earlier.publications):
        return _reported(hold, report)
    # The report is that of another job, which stays the one to look up by its run: this job has no run.
    report = replace(report, notices=(*report.notices, record.already_undone))
    return Came(outcome=ALREADY_UNDONE, document=_document(report))


def _is_given_back(request: facade.Request, record: RunRecord, undo: Report) -> bool:
    """True for a run that changed branches of a remote alone, as in a mirror, when its undo gave all of them back."""
    if record.moved:
        return False
    may_be_there = (PushState.PUSHED, PushState.UNKNOWN, PushState.NOT_PUSHED)
    sent = {one.update.ref for one in facade.show(request, record.id).publications if one.push in may_be_there}
    return sent <= {one.update.ref for one in undo.publications if one.push is PushState.PUSHED}


def _reported(hold: Hold, report: Report) -> Came:
    hold.run_id = report.run.id
    is_interrupted = report.run.state in (RunState.INTERRUPTED, *UNFINISHED)
    return Came(outcome=_word(report.exit_code()), document=_document(report), is_interrupted=is_interrupted)


def _document(report: Report) -> JobDocument:
    return JobDocument(media_type=JSON, body="".join(reports.text_pieces(report)))


def _report(hold: Hold, jobs: Jobs) -> Came:
    params = hold.held.job.params
    form = facade.ReportFormat(params.get("format", facade.ReportFormat.JSON.value))
    body = facade.write_up(request_of(hold), str(params["run_id"]), form=form, stop=hold.stop)
    return Came(outcome="ok", document=JobDocument(media_type=_MEDIA[form], body=body))


def _verify(hold: Hold, jobs: Jobs) -> Came:
    proofs = facade.verify(request_of(hold), str(hold.held.job.params["run_id"]), stop=hold.stop)
    if not proofs:
        raise UserError("the run has no certificates: it moved nothing", code="no_certificates")
    is_proved = all(proof.holds for proof in proofs)
    return Came(
        outcome="ok" if is_proved else "attention", document=json_of(stamped("proofs", listings.dump_proofs(proofs)))
    )


def _word(exit_code: int) -> str:
    return {0: "ok", 1: "attention", 130: "interrupted"}.get(exit_code, "failed")


_TASKS: Mapping[JobKind, Callable[[Hold, Jobs], Came]] = {
    JobKind.FETCH: _fetch,
    JobKind.PLAN: _plan,
    JobKind.FORECAST: _forecast,
    JobKind.CONFLICTS: _conflicts,
    JobKind.RUN: _run,
    JobKind.UNDO: _undo,
    JobKind.RESUME: _resume,
    JobKind.REPORT: _report,
    JobKind.VERIFY: _verify,
    **ASKING_TASKS,
    **BATCH_TASKS,
    **WORK_TREE_TASKS,
}
