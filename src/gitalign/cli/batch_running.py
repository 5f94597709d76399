"""Carrying out a batch run at the terminal, and asking one that another process runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.rendering import batches as rendering
from gitalign.cli.rendering.batch_advice import show_failure
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.tables import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitalign.batches.running.events import BatchListener
    from gitalign.batches.running.state import BatchRun
    from gitalign.batches.running.state import Request as Asked
    from gitalign.engine.run.contexts import Caller


def resumed(
    options: Options, batch_id: str, wanted: facade.BatchOptions, going_on: facade.GoingOn | None = None
) -> int:
    """Go on with a batch run until it ends or is stopped; the exit code."""
    request = options.request()
    return carried_out(
        options,
        lambda caller, listeners: facade.resume_batches(
            request, batch_id, options=wanted, caller=caller, listeners=listeners, going_on=going_on
        ),
        before="this batch run has ended: nothing else was left to do",
    )


def carried_out(
    options: Options,
    carry_out: Callable[[Caller, Sequence[BatchListener]], BatchRun],
    *,
    before: str = "this plan has completed before; --again runs it again",
) -> int:
    """Run, with progress, until it ends or is stopped; the exit code.

    Args:
        options: of the command line.
        carry_out: does it.
        before: what is said of a run that had ended before.
    """
    from gitalign.batches.running.state import Status
    from gitalign.engine.run.contexts import Caller
    from gitalign.engine.runtime.signals import StopSignal, handling_signals
    from gitalign.engine.runtime.surroundings import utc_now

    signals = StopSignal()
    begun = utc_now()
    lines = rendering.EventLines(shown=not (options.quiet or options.json))
    if not options.quiet:
        signals.on_change(lambda: None if signals.cancel_requested else lines.say_stopping())
    listeners = [lines]
    with handling_signals(signals):
        ended = carry_out(Caller(stop=signals), listeners)
    view = facade.batch_status(options.request(), ended.id)
    if options.json:
        emit_json("batch-run", facade.batch_content(view))
    elif not options.quiet:
        if ended.finished_at is not None and ended.finished_at < begun:
            console().print(before)
        rendering.show_batch_run(console(), view)
    elif not ended.status.is_final or ended.status is Status.FAILED:
        show_failure(console(stderr=True), view)
    was_stopped = ended.status in (Status.STOPPED, Status.CANCELLED)
    if was_stopped or (signals.stop_requested and ended.status is not Status.COMPLETED):
        return 130
    return 0 if ended.status is Status.COMPLETED else 1


def warn(options: Options, target: str | None) -> None:
    """Say on standard error what would keep results from landing as things stand now."""
    if options.quiet:
        return
    for words in facade.landing_warnings(options.request(), target):
        console(stderr=True).print(f"[yellow]warning:[/] {safe(words)}", soft_wrap=True)


def ask(options: Options, batch_id: str, request: Asked) -> int:
    """Ask the process of a batch run for something; the exit code."""
    view = facade.ask_batch(options.request(), batch_id, request)
    if options.json:
        emit_json("batch-run", facade.batch_content(view))
    elif not options.quiet:
        console().print(f"batch run {view.run.id} was asked to {request.value or 'go on'}")
    return 0
