"""Batch runs of a service: which one, followed to its end, shown as `git align batch` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitalign import facade
from gitalign.batches.running.state import Request as Asked
from gitalign.batches.running.state_document import load
from gitalign.cli.options import Options
from gitalign.cli.remote import Ended, Remote, carried_out, said
from gitalign.cli.rendering.batch_advice import show_failure
from gitalign.cli.rendering.batches import show_batch_run
from gitalign.cli.rendering.console import console
from gitalign.documents.models.batches import BatchRunDocument
from gitalign.errors import UserError
from gitalign.input_file import read_bounded

if TYPE_CHECKING:
    from gitalign.cli.advice import Typed
    from gitalign.client import Client
    from gitalign.documents.models.service import JobDocument

_LARGEST_BYTES = 16 * 1024 * 1024


def batch_named(client: Client, repository: str, batch_id: str) -> str:
    """The id of a batch run; `last` is the newest that the service carried out.

    Raises:
        UserError: there is none.
    """
    if batch_id != "last":
        return batch_id
    cursor: str | None = None
    while True:
        page = client.list_batches(repository, cursor=cursor)
        for job in page["jobs"]:
            if job["run_id"] is not None:
                return job["run_id"]
        cursor = page["next"]
        if cursor is None:
            raise UserError(
                "the service has carried out no batch run of this repository yet",
                hint="git align remote batch-run FILE",
                code="unknown_batch",
            )


def text_of_tasks(file: Path) -> str:
    """The text of a file of tasks.

    Raises:
        UserError: it cannot be read, or is no text.
    """
    try:
        return read_bounded(file, most_bytes=_LARGEST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not text in UTF-8: {error.reason}", hint="name a file of tasks") from error


def batch_view(document: BatchRunDocument) -> facade.BatchView:
    """A batch run from its document."""
    batches: list[Mapping[str, Any]] = [*document["batches"]]
    undone = {number: str(one["undone_by"]) for number, one in enumerate(batches) if one.get("undone_by")}
    is_paused = document.get("state") == "paused"
    return facade.BatchView(
        load(document),
        bool(document.get("is_alive")),
        undone=undone,
        asked=Asked.PAUSE if is_paused else Asked.NONE,
    )


def batch_said(options: Options, document: BatchRunDocument, typed: Typed) -> None:
    """Print how a batch run stands."""
    view = batch_view(document)
    said(options, document, lambda: show_batch_run(console(), view, everything=options.verbose, typed=typed))
    if options.quiet and not options.json and view.status not in ("completed", "undone"):
        show_failure(console(stderr=True), view, typed=typed)


def batch_followed(options: Options, client: Client, remote: Remote, job: JobDocument) -> int:
    """Follow a job that carries a batch run out, and print how it stands then; the exit code."""
    ended: Ended[BatchRunDocument] = carried_out(options, client, job, BatchRunDocument)
    batch_said(options, ended.document, remote.typed(job["repository"]))
    return ended.exit_code


def asked_of_batch(options: Options, job: JobDocument, batch: str, wish: str) -> int:
    """Print that a batch run was asked for something; the exit code."""
    said(options, job, lambda: console().print(f"batch run {batch} was asked to {wish}", markup=False))
    return 0
