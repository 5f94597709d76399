"""Work trees of batches: which there are, and removing those that hold nothing of value."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from gitalign.batches.running.context import BatchContext
from gitalign.batches.running.pool import SlotView, TreePool, default_root
from gitalign.batches.running.recovering import recover_trees
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.session import Request, open_for
from gitalign.errors import GitAlignError
from gitalign.facade.batch_context import BatchOptions, batch_context, configured_options


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTree:
    """A work tree.

    Attributes:
        folder: where it is.
        batch_id, task_id: whose work it holds; empty when it holds nothing of value.
        kept_because: why it stays; empty when it was removed, or would be.
    """

    folder: str
    batch_id: str = ""
    task_id: str = ""
    kept_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDisk:
    """The disk that work trees of a repository use, of all its batch runs.

    Attributes:
        folder: where they are.
        work_trees: how many.
        bytes_used: by them.
        bytes_free: left for this user where they are.
        most_bytes_of_a_task: from which on a task is ended.
    """

    folder: str
    work_trees: int
    bytes_used: int
    bytes_free: int
    most_bytes_of_a_task: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTrees:
    """Work trees after a clean-up.

    Attributes:
        trees: all there were, by number.
        bytes_before, bytes_after: on disk.
    """

    trees: tuple[BatchTree, ...]
    bytes_before: int
    bytes_after: int
    dry_run: bool


def prune_batch_trees(request: Request, *, dry_run: bool = False, options: BatchOptions | None = None) -> BatchTrees:
    """Remove work trees that hold nothing of value. What killed runs left in theirs is pinned first.

    A tree that a living process uses, or works in, stays; so does one with something that no commit can hold.

    Args:
        request: which repository.
        dry_run: change nothing.
        options: says where work trees are; None for what the settings give.

    Raises:
        GitError, StoreError
    """
    opened = open_for(request)
    with batch_context(opened, options or configured_options(opened), Caller()) as context:
        pool = context.pool
        before = pool.bytes_used()
        faults = {} if dry_run else _recovered(context)
        trees = tuple(_pruned(context, view, faults, dry_run=dry_run) for view in pool.slots())
        return BatchTrees(trees=trees, bytes_before=before, bytes_after=pool.bytes_used(), dry_run=dry_run)


def batch_disk(request: Request) -> BatchDisk:
    """Measure the disk that work trees use. Every file is looked at: tenths of a second for many trees.

    Raises:
        ConfigError, GitError
        UserError: work trees would lie in the repository.
    """
    opened = open_for(request)
    options = configured_options(opened)
    pool = TreePool(opened.repository, options.trees or default_root(opened.repository, opened.surroundings.environ))
    place = next(one for one in (pool.root, *pool.root.parents) if one.exists())
    return BatchDisk(
        folder=str(pool.root),
        work_trees=len(pool.slots()),
        bytes_used=pool.bytes_used(),
        bytes_free=shutil.disk_usage(place).free,
        most_bytes_of_a_task=options.bounds.disk_bytes,
    )


def _recovered(context: BatchContext) -> dict[str, str]:
    """Pin what orphans hold; runs of which that was not possible, with why."""
    faults: dict[str, str] = {}
    for batch_id in sorted({view.note.batch_id for view in context.pool.orphans()}):
        try:
            recover_trees(context, batch_id)
        except GitAlignError as error:
            faults[batch_id] = error.message
    return faults


def _pruned(context: BatchContext, view: SlotView, faults: dict[str, str], *, dry_run: bool) -> BatchTree:
    note = view.note
    kept = ""
    if view.is_in_use:
        kept = "a living process uses it"
    elif note.holds_work and (note.reason or not dry_run):
        kept = note.reason or faults.get(note.batch_id, "a process works in it")
    elif not dry_run and not context.pool.remove(view.number):
        kept = "a process works in it"
    return BatchTree(folder=str(view.folder), batch_id=note.batch_id, task_id=note.task_id, kept_because=kept)
