"""The verb `run`: align all branches and publish the results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gitalign import facade
from gitalign.cli.asking import permission
from gitalign.cli.options import (
    Fetch,
    Furthest,
    Input,
    Options,
    Partial,
    PushHooks,
    Resolutions,
    ResolveWith,
    Strategies,
    given,
    hook_settings,
    resolver_settings,
)
from gitalign.cli.parameters import option
from gitalign.cli.profiled import profiled
from gitalign.cli.rendering.console import console
from gitalign.cli.verb import verb
from gitalign.cli.working_set import Branches, planned

if TYPE_CHECKING:
    from gitalign.core.plan import Plan
    from gitalign.core.report import Report


@dataclass(frozen=True, kw_only=True)
class Files:
    """What a run reads and writes, and with how many workers."""

    input: Input = None
    plan_file: Annotated[
        Path | None,
        option("--plan", help="Run a saved plan; branches that moved since are refused.", metavar="FILE"),
    ] = None
    output: Annotated[Path | None, option("--output", help="Write the results file (JSON).", metavar="FILE")] = None
    output_stats: Annotated[
        Path | None,
        option("--output-stats", help="Write a profile of the run for `python -m pstats`.", metavar="FILE"),
    ] = None
    workers: Annotated[
        int | None, option("--workers", help="Workers per target.", metavar="NUMBER", bounds=(1, 256))
    ] = None


@dataclass(frozen=True, kw_only=True)
class Running:
    """What a run does with conflicts, and with its results."""

    fetch: Fetch = False
    push: Annotated[
        bool, option("--push", help="Push what this run and earlier ones moved, each branch under its own lease.")
    ] = False
    push_hooks: PushHooks = False
    no_checks: Annotated[bool, option("--no-checks", help="Do not run the configured checks; the report says so.")] = (
        False
    )
    resolutions: Resolutions = None
    resolve_with: ResolveWith = ()
    partial: Partial = False
    furthest: Furthest = False
    dry_run: Annotated[bool, option("--dry-run", help="Stop before anything moves: the same as plan.")] = False

    def settings(self) -> dict[str, object]:
        """The settings these stand for, by dotted key."""
        return {
            **resolver_settings(self.resolutions, self.resolve_with),
            **hook_settings(self.push_hooks),
            **given(
                {
                    "alignment.furthest": self.furthest or None,
                    "alignment.partial": self.partial or None,
                    "validation.enabled": False if self.no_checks else None,
                }
            ),
        }


@verb(acts=True)
def run(options: Options, files: Files, how: Strategies, which: Branches, own: Running) -> int:
    """Align all branches and publish the results. Can be undone."""
    from gitalign.cli.rendering.console import require_writable

    if files.output is not None:
        require_writable(files.output)
    if files.plan_file is not None:
        from gitalign.cli.saved_plan import refuse_beside_a_plan

        refuse_beside_a_plan(_said_by_a_plan(files, how, which, own))
    pushes = own.push or ((which.remote is not None or which.everywhere) and not own.dry_run)
    workers = given({"orchestration.max_workers_per_target": files.workers})
    request = options.request(
        which,
        input=files.input,
        fetch=own.fetch,
        push=pushes,
        overrides={**which.settings(), **how.settings(), **workers, **own.settings()},
    )
    known = _known(options, files, own, request)
    return known if known is not None else _made(options, files, own, request)


def _made(options: Options, files: Files, own: Running, request: facade.Request) -> int:
    """The run itself, planned, confirmed and made; its exit code."""
    from gitalign.cli.rendering.console import emit_report
    from gitalign.cli.rendering.progress import followed
    from gitalign.cli.saved_plan import read_plan
    from gitalign.core.plan import Permit

    profile = profiled(files.output_stats)
    if files.plan_file is None and not own.dry_run:
        facade.recover(request)  # the plan must see what a run that was cut off moves
    plan = read_plan(files.plan_file) if files.plan_file is not None else planned(options, request)
    if own.dry_run:
        _show_plan(options, plan, fetched=own.fetch)
        return 0
    given_by = permission(options, plan, push=request.push)
    if given_by is None:
        return 1
    permit = Permit(plan_id=plan.id, push=request.push, given_by=given_by)
    with profile, followed(options, plan) as (listeners, stop):
        report = facade.run(request, plan=plan, permit=permit, listeners=listeners, stop=stop)
    if files.output is not None:
        _write_results(files.output, report)
    if options.json:
        emit_report(report)
    elif not options.quiet:
        from gitalign.cli.advice import Typed
        from gitalign.cli.rendering.report import show_report

        show_report(console(), report, everything=options.verbose, typed=Typed.of(request), is_new=True)
    return report.exit_code()


def _show_plan(options: Options, plan: Plan, *, fetched: bool) -> None:
    if options.json:
        from gitalign.cli.rendering.console import emit_json
        from gitalign.documents import plans

        emit_json("plan", plans.dump(plan))
        return
    from gitalign.cli.rendering.plan import show_plan

    show_plan(console(), plan, everything=options.verbose, fetched=fetched)


def _write_results(place: Path, report: Report) -> None:
    from gitalign.cli.rendering.console import as_text, write_whole
    from gitalign.documents.formats import stamped
    from gitalign.documents.results_file import results_document

    write_whole(place, as_text(stamped("results", results_document(report))))


def _known(options: Options, files: Files, own: Running, request: facade.Request) -> int | None:
    """The exit code of a run that changes nothing and says nothing new, which needs not be made; None for any other."""
    named = (files.output, files.plan_file, files.output_stats)
    if options.json or options.verbose or own.dry_run or any(one is not None for one in named):
        return None
    if (answer := facade.known_answer(request)) is None:
        return None
    if not options.quiet:
        from gitalign.cli.rendering.known_answer import show_known

        show_known(answer)
    return answer.exit_code


def _said_by_a_plan(files: Files, how: Strategies, which: Branches, own: Running) -> dict[str, bool]:
    """Which options were typed that a saved plan answers itself."""
    return {
        "--strategy": how.strategy is not None,
        "--merges": how.merges is not None,
        "--resolutions": own.resolutions is not None,
        "--resolve-with": bool(own.resolve_with),
        "--partial": own.partial,
        "--input": files.input is not None,
        "--only": bool(which.only),
        "--exclude": bool(which.exclude),
        "--author": bool(which.author),
        "--since": which.since is not None,
        "--older-than": which.older_than is not None,
        "--target": bool(which.target),
        "--remote": which.remote is not None,
        "--all": which.everywhere,
        "--fetch": own.fetch,
    }
