"""The verb `undo`: put back what a run moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from gitalign import facade
from gitalign.cli import advice
from gitalign.cli.advice import Advice, Typed
from gitalign.cli.asking import asked
from gitalign.cli.options import Options, PushHooks, RunId, hook_settings
from gitalign.cli.parameters import option
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.progress import followed
from gitalign.cli.rendering.publications import show_outcome, show_preview
from gitalign.cli.rendering.tables import many
from gitalign.cli.verb import verb
from gitalign.cli.working_set import Filters
from gitalign.core.names import display, is_zero
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.report import has_moved
from gitalign.core.run import RunKind, RunState

if TYPE_CHECKING:
    from gitalign.core.report import Report
    from gitalign.core.run import RunRecord
    from gitalign.facade import Request


@dataclass(frozen=True, kw_only=True)
class Undoing:
    """Options of this verb alone."""

    push: Annotated[bool, option("--push", help="Also put back on the remote what was pushed.")] = False
    push_hooks: PushHooks = False
    dry_run: Annotated[bool, option("--dry-run", help="Show what would be put back.")] = False


@verb(acts=True)
def undo(run_id: RunId, which: Filters, own: Undoing, options: Options) -> int:
    """Put back what a run moved.

    A branch that has moved since stays where it is. An undo can be undone.
    """
    request = options.request(which, overrides=hook_settings(own.push_hooks))
    if not own.dry_run:
        facade.recover_before_undo(request, run_id)  # before anything is counted
    elif not options.json:
        for cut_off in facade.cut_off_runs(request):
            console().print(f"note: run {cut_off} was cut off. undo first finishes it or takes it back.")
    preview = facade.undo_preview(request, run_id, push=own.push)
    if own.dry_run:
        show_preview(options, preview)
        return 0
    record = facade.run_to_undo(request, run_id, push=own.push)
    if _is_undone(record, push=own.push) and not (which.are_given() or options.json):
        console().print(record.already_undone)
        return 0
    if _changes(preview) and not asked(options, _question(record, preview)):
        return 1
    permit = Permit(plan_id="*", push=own.push, given_by="--yes" if options.yes else "prompt")
    with followed(options) as (listeners, stop):
        report = facade.undo(request, run_id, push=own.push, permit=permit, listeners=listeners, stop=stop)
    show_outcome(options, report)
    if not (options.json or options.quiet):
        if report.exit_code() == 0:
            console().print("[dim]left: pins of runs (refs/gitalign), their journal and logs[/]")
        advice.show(console(), _after_undo(request, report, push=own.push))
    return report.exit_code()


def _after_undo(request: Request, report: Report, *, push: bool) -> list[Advice]:
    typed = Typed.of(request)
    commands = []
    if report.run.undoes and not push and facade.is_on_a_remote(request, report.run.undoes):
        also = typed.command("undo", "--push", report.run.undoes)
        commands.append(Advice(also, "puts back on the remote, too, what was pushed"))
    if has_moved(report):
        flags = ("--push",) if push else ()
        commands.append(Advice(typed.command("undo", *flags, report.run.id), "brings them forward again"))
    if report.exit_code():  # what was not put back needs the pins
        return [*commands, *_once_more(report, typed, push=push)]
    forget = typed.command("prune", "--older-than", "0")
    return [*commands, Advice(forget, "removes pins and logs; then nothing can be undone")]


def _once_more(report: Report, typed: Typed, *, push: bool) -> list[Advice]:
    """The same undo again, for branches that it did not put back."""
    if report.run.undoes is None:
        return []
    flags = ("--push",) if push else ()
    again = typed.command("undo", *flags, report.run.undoes)
    return [Advice(again, "puts back the others, when what holds them back is out of the way")]


def _is_undone(record: RunRecord, *, push: bool) -> bool:
    """True when all of a run is taken back already; what a push may still have to do on a remote is not known here."""
    if record.undone_by is None or record.undone != record.moved:
        return False
    return not record.moved or not push


def _changes(preview: Sequence[Publication]) -> list[Publication]:
    """What an undo would change, here or on a remote."""
    return [one for one in preview if one.state is MoveState.INTENDED or one.push is PushState.UNKNOWN]


def _question(record: RunRecord, preview: Sequence[Publication]) -> str:
    """What a person is asked before an undo: which run it is, and what changes where."""
    changes = _changes(preview)
    here = [one for one in changes if one.state is MoveState.INTENDED]
    there = [one for one in changes if one.push is PushState.UNKNOWN]
    deleted = sum(is_zero(one.update.after) for one in here)
    deleted_there = sum(is_zero(one.pushed_oid) for one in there)
    kind = {
        RunKind.UNDO: "the undo ",
        RunKind.PUSH: "the push ",
        RunKind.PRUNE: "the prune ",
        RunKind.BATCH: "the batch ",
        RunKind.MOVE: "the move ",
    }.get(record.kind, "run ")
    parts = [f"{many(len(here), 'branch', 'branches')} here"] if here else []
    parts += [f"{many(len(there), 'branch', 'branches')} on {display(there[0].remote or '')}"] if there else []
    gone = f"; {deleted + deleted_there} of these are deleted" if deleted + deleted_there else ""
    verb = "Finish" if record.state is RunState.PUBLISHING else "Undo"
    return f"{verb} {kind}{record.id}? It changes {' and '.join(parts)}{gone}."
