"""What jobs do for every other verb of the command line: one call of the facade each, and the verb's own document."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.categorize import documents as categories
from gitalign.core.jobs import JobKind
from gitalign.core.manual_resolution import Look
from gitalign.core.plan import Permit
from gitalign.core.report import Report
from gitalign.documents import listings, reports
from gitalign.documents.formats import stamped
from gitalign.documents.paths import dump_path_claims
from gitalign.documents.protections import dump_protection
from gitalign.documents.status import dump_look
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.errors import UserError
from gitalign.service.working.came import Came, json_of
from gitalign.service.working.hold import Hold
from gitalign.store.service.jobs import JobDocument, Jobs

MOST_SIDE_BYTES = 256 * 1024
"""Of one side of a file in conflict; larger ones are looked at where the repository is."""
_CATEGORIES: Mapping[str, tuple[str, Callable[..., Any]]] = {
    "simple": ("branch-list", categories.simple_document),
    "detailed": ("categories", categories.detailed_document),
    "clustered": ("clusters", categories.clustered_document),
}


def _request(hold: Hold, **more: Any) -> facade.Request:
    params, held = hold.held.job.params, hold.held
    settings = {
        "alignment.strategy": params.get("strategy"),
        "alignment.targets": params.get("targets") or None,
    }
    return facade.Request(
        repo=held.path,
        config_file=Path(held.config_file) if held.config_file else None,
        overrides={key: value for key, value in settings.items() if value is not None},
        only=tuple(params.get("only", ())),
        exclude=tuple(params.get("exclude", ())),
        surroundings=Surroundings(environ=hold.access.environ),
        **more,
    )


def permit_of(hold: Hold, *, push: bool = False) -> Permit:
    """The permit of a job, which the journal keeps."""
    job = hold.held.job
    return Permit(plan_id="*", push=push, given_by=f"service job {job.id}, asked for by {job.created_by}")


def _said(name: str, content: Any, exit_code: int = 0) -> Came:
    words = {0: "ok", 1: "attention", 130: "interrupted"}
    return Came(outcome=words.get(exit_code, "failed"), document=json_of(stamped(name, content)))


def _reported(hold: Hold, report: Report) -> Came:
    hold.run_id = report.run.id
    body = "".join(reports.text_pieces(report))
    outcome = {0: "ok", 1: "attention"}.get(report.exit_code(), "interrupted")
    return Came(outcome=outcome, document=JobDocument(media_type="application/json", body=body))


def _doctor(hold: Hold, jobs: Jobs) -> Came:
    checks = facade.doctor(_request(hold))
    return _said("checks", listings.dump_checks(checks), 3 if any(one.ok is False for one in checks) else 0)


def _categories(hold: Hold, jobs: Jobs) -> Came:
    params = hold.held.job.params
    as_of = params.get("as_of")
    result = facade.categorize(
        _request(hold, needs_branches=True),
        as_of=None if as_of is None else datetime.fromisoformat(as_of).replace(tzinfo=UTC),
        clusters=bool(params.get("clusters", True)),
    )
    name, content = _CATEGORIES[str(params.get("format", "detailed"))]
    return _said(name, content(result), result.exit_code())


def _order(hold: Hold, jobs: Jobs) -> Came:
    request = _request(hold, needs_branches=True)
    plan = facade.plan(request, whatever_is_checked_out=True, stop=hold.stop)
    result = facade.order(request, plan=plan, listeners=[hold.listener], stop=hold.stop)
    return _said("execution-plan", result.to_dict(), result.exit_code())


def _protections(hold: Hold, jobs: Jobs) -> Came:
    found = facade.protections(_request(hold), tuple(hold.held.job.params.get("branches", ())))
    is_sound = all(one.state == "satisfied" for one in found)
    return _said("protections", {"protections": [dump_protection(one) for one in found]}, 0 if is_sound else 1)


def _settings(hold: Hold, jobs: Jobs) -> Came:
    return _said("repository-settings", facade.settings_shown(_request(hold)))


def _claims(hold: Hold, jobs: Jobs) -> Came:
    return _said("path-claims", dump_path_claims(facade.path_claims(_request(hold))))


def _claim(hold: Hold, jobs: Jobs) -> Came:
    params = hold.held.job.params
    answer = facade.claim_paths(
        _request(hold),
        holder=str(params["holder"]),
        patterns=tuple(params["patterns"]),
        minutes=int(params.get("minutes", 120)),
        note=str(params.get("note", "")),
    )
    content = dump_path_claims(answer.held or [answer.claim], refused=bool(answer.held))
    return _said("path-claims", content, int(bool(answer.held)))


def _release(hold: Hold, jobs: Jobs) -> Came:
    params, request = hold.held.job.params, _request(hold)
    released = facade.release_paths(request, holder=str(params["holder"]), claim_id=params.get("claim_id"))
    return _said("path-claims", dump_path_claims(facade.path_claims(request), released=released))


def _touches(hold: Hold, jobs: Jobs) -> Came:
    patterns, request = tuple(hold.held.job.params["patterns"]), _request(hold, needs_branches=True)
    found = facade.touching(request, patterns)
    claims = [one for one in facade.path_claims(request) if one.overlaps(patterns)]
    return _said("path-touches", facade.touches_content(patterns, found), int(bool(found or claims)))


def _story(hold: Hold, jobs: Jobs) -> Came:
    params = hold.held.job.params
    story = facade.branch_story(_request(hold), str(params["run_id"]), str(params["branch"]), stop=hold.stop)
    return _said("branch-story", facade.story_content(story))


def _resolutions(hold: Hold, jobs: Jobs) -> Came:
    known, faults = facade.resolutions(_request(hold))
    rows = [facade.known_resolution_content(one) for one in known]
    return _said("known-resolutions", {"resolutions": rows, "faults": list(faults)})


def _resolution(hold: Hold, jobs: Jobs) -> Came:
    known = facade.resolution(_request(hold), str(hold.held.job.params["name"]))
    return _said("known-resolutions", {"resolutions": [facade.known_resolution_content(one) for one in known]})


def _forget(hold: Hold, jobs: Jobs) -> Came:
    gone, used = facade.forget_resolution(_request(hold), str(hold.held.job.params["name"]))
    return _said("forgotten-resolutions", facade.forgotten_content(gone, used))


def _learn(hold: Hold, jobs: Jobs) -> Came:
    again = bool(hold.held.job.params.get("again"))
    lessons, recorded = facade.learn_resolutions(_request(hold), again=again, stop=hold.stop)
    code = 130 if hold.stop.stop_requested else 0
    return _said("learned-resolutions", facade.learned_content(lessons, recorded), code)


def _export(hold: Hold, jobs: Jobs) -> Came:
    with tempfile.TemporaryDirectory(prefix="git-align-resolutions-") as folder:
        place = Path(folder) / "resolutions.tar"
        count = facade.export_resolutions(_request(hold), place)
        archive = base64.b64encode(place.read_bytes()).decode("ascii") if place.exists() else ""
    return _said("exported-resolutions", {"exported": count, "archive": archive})


def _import(hold: Hold, jobs: Jobs) -> Came:
    params, text = hold.held.job.params, jobs.input_of(hold.held.job.id)
    with tempfile.TemporaryDirectory(prefix="git-align-resolutions-") as folder:
        source, is_ref = str(params.get("ref", "")), text is None
        if text is not None:
            place = Path(folder) / "resolutions.tar"
            place.write_bytes(base64.b64decode(json.loads(text)["archive"]))
            source = str(place)
        recorded, faults = facade.import_resolutions(
            _request(hold), source, is_ref=is_ref, again=bool(params.get("again"))
        )
    content = {**facade.recorded_content(recorded), "faults": list(faults)}
    return _said("imported-resolutions", content, 1 if faults or recorded.refused else 0)


def _resolving(hold: Hold, jobs: Jobs) -> Came:
    looks = facade.resolutions_under_way(_request(hold))
    return _said("resolutions-under-way", listings.dump_resolutions_under_way(looks))


def _resolve(hold: Hold, jobs: Jobs) -> Came:
    params, request = hold.held.job.params, _request(hold)
    branch, action = str(params["branch"]), str(params.get("action", "look"))
    if action == "abort":
        facade.resolve_abort(request, branch)
        return _said("closed-resolution", {"stand": "closed"})
    if action == "finish":
        report = facade.resolve_finish(
            request, branch, permit=permit_of(hold), listeners=[hold.listener], stop=hold.stop
        )
        return _reported(hold, report)
    if action == "take":
        is_resolved = _take(request, branch, params, jobs.input_of(hold.held.job.id))
        if not is_resolved:
            raise UserError("conflict markers are left in it", hint="remove them, then hand it in again")
    elif action == "continue":
        facade.resolve_continue(request, branch)
    elif action == "skip":
        facade.resolve_skip(request, branch)
    look = facade.resolve(request, branch)
    return _said("resolution", {**dump_look(look), "files": _files(request, look)}, 1)


def _take(request: facade.Request, branch: str, params: Mapping[str, Any], text: str | None) -> bool:
    path = str(params["path"])
    if text is not None:
        return facade.resolve_with(request, branch, path, base64.b64decode(json.loads(text)["content"]))
    return facade.resolve_path(request, branch, path, side=str(params["side"]))


def _files(request: facade.Request, look: Look) -> list[dict[str, Any]]:
    """The sides of every path in conflict, in base64: files are bytes."""
    if not look.entries:
        return []
    names = {1: "base", 2: "ours", 3: "theirs"}
    found = facade.conflict_sides(request, look.session.branch, most_bytes=MOST_SIDE_BYTES)
    return [
        {
            "path": path,
            "sides": {
                names[stage]: None if content is None else base64.b64encode(content).decode("ascii")
                for stage, content in sides.items()
            },
        }
        for path, sides in sorted(found.items())
    ]


def _prune(hold: Hold, jobs: Jobs) -> Came:
    params, request = hold.held.job.params, _request(hold)
    days, dry_run = params.get("older_than_days"), bool(params.get("dry_run"))
    if not dry_run:
        facade.recover(request, stop=hold.stop)
    report = facade.prune(request, older_than_days=days, backups=bool(params.get("backups")), dry_run=dry_run)
    batches = facade.prune_batch_runs(request, older_than_days=days, dry_run=dry_run)
    return _said("pruned", facade.pruned_content(report, batches))


def _prune_merged(hold: Hold, jobs: Jobs) -> Came:
    params, request = hold.held.job.params, _request(hold)
    squashed, dry_run = bool(params.get("squashed")), bool(params.get("dry_run"))
    if not dry_run:
        facade.recover(request, stop=hold.stop)
    found = facade.merged_branches(request, stop=hold.stop)
    chosen = {one.branch for one in found.to_delete(squashed=squashed)}
    if dry_run or not chosen:
        content = listings.dump_merged_branches(found.branches, chosen=chosen, dry_run=dry_run)
        return _said("merged-branches", content)
    report = facade.prune_merged(
        request,
        squashed=squashed,
        found=found,
        permit=permit_of(hold),
        listeners=[hold.listener],
        stop=hold.stop,
        checkpoint=hold.checkpoint,
    )
    assert report is not None
    return _reported(hold, report)


def _restore(hold: Hold, jobs: Jobs) -> Came:
    params, request = hold.held.job.params, _request(hold)
    branch, run_id, push = str(params["branch"]), params.get("run_id"), bool(params.get("push"))
    if params.get("dry_run"):
        return _said("moves", listings.dump_moves(facade.restore_preview(request, branch, run_id, push=push)))
    report = facade.restore(
        request,
        branch,
        run_id,
        push=push,
        permit=permit_of(hold, push=push),
        listeners=[hold.listener],
        stop=hold.stop,
        checkpoint=hold.checkpoint,
    )
    return _reported(hold, report)


def _push(hold: Hold, jobs: Jobs) -> Came:
    params, request = hold.held.job.params, replace(_request(hold), push=True)
    run_id = params.get("run_id")
    if params.get("dry_run"):
        return _said("moves", listings.dump_moves(facade.push_preview(request, run_id)))
    report = facade.push(
        request,
        run_id,
        permit=permit_of(hold, push=True),
        listeners=[hold.listener],
        stop=hold.stop,
        checkpoint=hold.checkpoint,
    )
    return _said("moves", listings.dump_moves(())) if report is None else _reported(hold, report)


ASKING_TASKS: Mapping[JobKind, Callable[[Hold, Jobs], Came]] = {
    JobKind.CATEGORIES: _categories,
    JobKind.CLAIM: _claim,
    JobKind.CLAIMS: _claims,
    JobKind.DOCTOR: _doctor,
    JobKind.ORDER: _order,
    JobKind.PROTECTIONS: _protections,
    JobKind.PRUNE: _prune,
    JobKind.PRUNE_MERGED: _prune_merged,
    JobKind.PUSH: _push,
    JobKind.RELEASE: _release,
    JobKind.RESOLUTION: _resolution,
    JobKind.RESOLUTIONS: _resolutions,
    JobKind.RESOLUTIONS_EXPORT: _export,
    JobKind.RESOLUTIONS_FORGET: _forget,
    JobKind.RESOLUTIONS_IMPORT: _import,
    JobKind.RESOLUTIONS_LEARN: _learn,
    JobKind.RESOLVE: _resolve,
    JobKind.RESOLVING: _resolving,
    JobKind.RESTORE: _restore,
    JobKind.SETTINGS: _settings,
    JobKind.STORY: _story,
    JobKind.TOUCHES: _touches,
}
