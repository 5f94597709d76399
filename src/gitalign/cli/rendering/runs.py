"""Runs, and what is left of old ones, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.rendering.tables import plain_table, safe
from gitalign.core.run import RunRecord

if TYPE_CHECKING:
    from rich.console import Console

    from gitalign.core.retention import PruneReport


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


def show_prune(out: Console, report: PruneReport) -> None:
    """What was removed, or would be."""
    verb = "would remove" if report.dry_run else "removed"
    out.print(f"{verb} {len(report.anchors)} pins of {len(report.runs)} runs and {len(report.backups)} backup branches")
    for ref, reason in report.kept_backups:
        out.print(f"  kept {safe(ref)}: {safe(reason)}")
