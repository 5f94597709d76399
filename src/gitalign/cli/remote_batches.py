"""Batch runs of a service, shown as `git align batch` shows them."""

from __future__ import annotations

from gitalign import facade
from gitalign.batches.running.state_document import load
from gitalign.cli.options import Options
from gitalign.cli.remote import said
from gitalign.cli.rendering.batches import show_batch_run
from gitalign.cli.rendering.console import console
from gitalign.documents.models.batches import BatchRunDocument


def batch_said(options: Options, document: BatchRunDocument, exit_code: int) -> int:
    """Print how a batch run stands; the exit code."""
    view = facade.BatchView(load(document), bool(document.get("is_alive")))
    said(options, document, lambda: show_batch_run(console(), view, everything=options.verbose))
    return exit_code
