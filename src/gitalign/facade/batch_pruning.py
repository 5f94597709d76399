"""Removing old batch runs: refs, logs and rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gitalign.batches.pruning import BatchPruner, BatchRetention, PrunedBatchRun
from gitalign.configuration.settings import LONGEST_RETENTION_DAYS
from gitalign.core.retention import PruneReport
from gitalign.documents.models.status import PruneReportDocument
from gitalign.documents.status import dump_prune_report
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.session import Request, open_for
from gitalign.errors import UserError
from gitalign.facade.batch_context import batch_context, configured_options
from gitalign.facade.opened_batches import has_batch_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedBatchRuns:
    """Old batch runs after a clean-up, oldest first."""

    runs: tuple[PrunedBatchRun, ...]
    older_than_days: int
    dry_run: bool


def prune_batch_runs(
    request: Request,
    *,
    older_than_days: int | None = None,
    unlanded: bool = False,
    dry_run: bool = False,
    caller: Caller | None = None,
) -> PrunedBatchRuns:
    """Remove old batch runs with their refs and logs. A run that holds what has not landed stays, unless it is asked for.

    Args:
        request: which repository.
        older_than_days: since they ended; None for `batch.retention_days`.
        unlanded: also runs that hold results or uncommitted work which no branch or tag holds.
        dry_run: change nothing.
        caller: who asks.

    Raises:
        UserError: not an age.
        GitError, StoreError, OutOfSpace
    """
    opened = open_for(request)
    days = opened.config.batch.retention_days if older_than_days is None else older_than_days
    if not 0 <= days <= LONGEST_RETENTION_DAYS:
        raise UserError(
            f"an age of {days} days is not from 0 to {LONGEST_RETENTION_DAYS}", hint="git align batch prune --help"
        )
    if not has_batch_runs(opened):
        return PrunedBatchRuns(runs=(), older_than_days=days, dry_run=dry_run)
    caller = caller or Caller()
    with batch_context(opened, configured_options(opened), caller) as context:
        what = BatchRetention(
            older_than=timedelta(days=days),
            now=opened.now(),
            unlanded=unlanded,
            busy={view.note.batch_id for view in context.pool.slots() if view.note.holds_work},
            dry_run=dry_run,
        )
        pruner = BatchPruner(opened.repository, context.store, what, checkpoint=caller.checkpoint)
        return PrunedBatchRuns(runs=pruner.prune(), older_than_days=days, dry_run=dry_run)


def pruned_content(report: PruneReport, batches: PrunedBatchRuns) -> PruneReportDocument:
    """The members of the document `pruned`."""
    gone = [one.batch_run for one in batches.runs if not one.kept_because]
    kept = [(one.batch_run, one.kept_because) for one in batches.runs if one.kept_because]
    return dump_prune_report(report, gone, kept=kept, batch_days=batches.older_than_days)
