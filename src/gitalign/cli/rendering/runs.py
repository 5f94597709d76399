"""Runs, and what is left of old ones, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.rendering.tables import many, plain_table, safe
from gitalign.core.run import RunRecord

if TYPE_CHECKING:
    from rich.console import Console

    from gitalign.documents.models.status import PruneReportDocument


def show_runs(out: Console, runs: Sequence[RunRecord], *, everything: bool = False) -> None:
    """Every run, newest first. An id begins with the time of its start (UTC)."""
    if not runs:
        out.print("nothing was run here yet. [bold]next:[/] git align plan")
        return
    started = ("started",) if everything else ()
    table = plain_table("run", "what", *started, "outcome", "branches", "moved", "", right=("branches", "moved"))
    for run in runs:
        remarks = [f"undoes {run.undoes}"] if run.undoes else []
        remarks += [f"{run.pushed} on a remote"] if run.pushed else []
        if run.undone_by:
            part = "" if run.undone == run.moved else f"{run.undone} of {run.moved} "
            remarks.append(f"{part}undone by {run.undone_by}")
        when = (f"{run.started_at:%Y-%m-%d %H:%M:%S}Z",) if everything else ()
        table.add_row(run.id, run.kind.value, *when, run.outcome, str(run.total), str(run.moved), "; ".join(remarks))
    out.print(table)


def show_under_way(console: Console, record: RunRecord) -> None:
    """One line about a run that another process is carrying out, and what to type when that process is gone."""
    host, _, rest = record.owner.partition("|")
    pid = rest.split("|")[1] if rest.count("|") > 0 else "unknown"
    console.print(safe(f"run {record.id} is under way: process {pid} on {host}"))
    console.print(safe(f"when that process is gone for certain: git align resume --take-over {record.id}"))


PRUNE_WOULD = "remove pins and backup branches"


def prune_question(runs: int, backups: int) -> str:
    """What is asked before old runs are removed."""
    return f"Remove the pins of {runs} runs and {backups} backup branches? These runs cannot be undone then."


def show_prune(out: Console, document: PruneReportDocument) -> None:
    """What was removed of old runs and old batch runs, or would be."""
    verb = "would remove" if document["dry_run"] else "removed"
    runs, pins, backups = (len(document[name]) for name in ("runs", "anchors", "backups"))
    out.print(f"{verb} {pins} pins of {runs} runs and {backups} backup branches")
    for ref, reason in document["kept_backups"]:
        out.print(f"  kept {safe(ref)}: {safe(reason)}")
    gone, kept = document.get("batch_runs", ()), document.get("kept_batch_runs", ())
    if gone or kept:
        show_old_batch_runs(out, gone, kept, days=document.get("batch_days", 0), dry_run=document["dry_run"])


def show_old_batch_runs(
    out: Console, gone: Sequence[str], kept: Sequence[tuple[str, str]], *, days: int, dry_run: bool
) -> None:
    """Which old batch runs were removed, or would be, and why others stay."""
    verb = "would remove" if dry_run else "removed"
    out.print(f"{verb} {many(len(gone), 'batch run', 'batch runs')} older than {many(days, 'day', 'days')}")
    for batch_run, reason in kept:
        out.print(safe(f"  kept {batch_run}: {reason}"))
