"""What use cases that run tasks work with: options, work trees, the store of batch runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gitalign.batches.merging.target_place import TargetReader
from gitalign.batches.running.context import BatchContext, BatchSettings
from gitalign.batches.running.pool import TreePool, default_root
from gitalign.batches.running.secrets import SecretBook
from gitalign.core.access import AccessRules
from gitalign.core.validation import Bounds, ValidationPlan
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.session import OpenRepository, Request, open_for
from gitalign.errors import UserError
from gitalign.facade.opened_batches import batch_store
from gitalign.git.identity import operator_ident
from gitalign.git.worktree import work_trees
from gitalign.validate.confine import confinement_for

_BOUNDS = Bounds(memory_bytes=8 * 1024**3, disk_bytes=10 * 1024**3, processes=1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """How a batch run is carried out.

    Attributes:
        max_concurrency: tasks side by side at most.
        min_concurrency: so many at least, whatever memory, load and locks say; no more than `max_concurrency` count.
        memory_of_all_bytes: of all tasks together, from which on no more are begun; None for most of the machine's.
        confinement: `require`, `prefer` or `none`.
        network: tasks may use it.
        readable: files and folders that confined tasks may read beside system and tools.
        lands: land each batch; False leaves that for `resume_batches`.
        squash: one plain commit for each result, in place of a merge.
        snapshot_every_s: between two snapshots of a running task's tree.
        trees: where work trees are made; None for the user's state folder.
        again: run a plan that has been run to its end before.
        fetch: ask the target's remote what it has before anything starts.
        push: push what lands, each batch under a lease.
        push_hooks: let a push run and send what `git push` would.
        best_subset: land the largest set of results that merges and passes, in place of all or nothing.
        reruns: how often a failed check is run again before a result is left out for it.
        bounds: what one task may use.
    """

    max_concurrency: int = 3
    min_concurrency: int = 1
    memory_of_all_bytes: int | None = None
    confinement: str = "prefer"
    network: bool = True
    readable: tuple[str, ...] = ()
    lands: bool = True
    squash: bool = False
    snapshot_every_s: float = 60.0
    trees: Path | None = None
    again: bool = False
    fetch: bool = True
    push: bool = False
    push_hooks: bool = False
    best_subset: bool = False
    reruns: int = 2
    bounds: Bounds = _BOUNDS


def batch_options(request: Request) -> BatchOptions:
    """The options that the settings of a repository (`batch`) give.

    Raises:
        ConfigError, GitError
        UserError: work trees would lie in the repository.
    """
    return configured_options(open_for(request))


def configured_options(opened: OpenRepository) -> BatchOptions:
    """See `batch_options`."""
    settings = opened.config.batch
    return BatchOptions(
        max_concurrency=settings.max_concurrency,
        min_concurrency=settings.min_concurrency,
        memory_of_all_bytes=None if settings.max_memory_of_all_mb is None else settings.max_memory_of_all_mb * 1024**2,
        confinement=settings.confinement,
        network=settings.network,
        readable=settings.readable,
        squash=settings.merge_strategy == "squash",
        snapshot_every_s=float(settings.snapshot_every_seconds),
        trees=_trees(opened, settings.worktree_dir) if settings.worktree_dir is not None else None,
        fetch=settings.fetch,
        reruns=settings.reruns,
        bounds=Bounds(
            memory_bytes=settings.max_memory_mb * 1024**2,
            disk_bytes=settings.max_disk_mb * 1024**2,
            processes=settings.max_processes,
        ),
    )


def _trees(opened: OpenRepository, folder: Path) -> Path:
    """Where the work trees of this repository are below the folder of the settings.

    Raises:
        UserError: it lies in the repository.
    """
    repository, wanted = opened.repository, Path(os.path.realpath(folder))
    for place in (Path(repository.common_dir), *work_trees(repository)):
        if wanted.is_relative_to(Path(place).resolve()):
            raise UserError(
                f"batch.worktree_dir is {folder}, which lies in the repository: git and other tools would see work trees",
                hint="name a folder outside of it",
            )
    return wanted / default_root(repository, opened.surroundings.environ).name


def batch_settings(opened: OpenRepository, options: BatchOptions) -> BatchSettings:
    """How tasks run on this machine.

    Raises:
        UserError: confinement is required, and there is none.
    """
    plan = ValidationPlan(
        confinement=options.confinement,
        network=options.network,
        read_only_paths=options.readable,
        bounds=options.bounds,
    )
    state = default_root(opened.repository, opened.surroundings.environ).parent.parent
    return BatchSettings(
        confinement=confinement_for(plan, Path(opened.repository.common_dir), environ=opened.surroundings.environ),
        ports=state / "ports",
        max_concurrency=options.max_concurrency,
        min_concurrency=options.min_concurrency,
        memory_of_all_bytes=options.memory_of_all_bytes,
        bounds=options.bounds,
        snapshot_every_s=options.snapshot_every_s,
    )


def target_reader(opened: OpenRepository) -> TargetReader:
    """Reads where targets stand, here and on their remotes."""
    return TargetReader(repository=opened.repository, settings=opened.config.pushing())


@contextmanager
def batch_context(opened: OpenRepository, options: BatchOptions, caller: Caller) -> Iterator[BatchContext]:
    """What a batch run works with, in this process."""
    ident = operator_ident(opened.repository, at=opened.now()).rsplit(b" ", 2)[0]
    root = options.trees or default_root(opened.repository, opened.surroundings.environ)
    with batch_store(opened) as store:
        yield BatchContext(
            repository=opened.repository,
            store=store,
            pool=TreePool(opened.repository, root, most=2 * options.max_concurrency),
            settings=batch_settings(opened, options),
            surroundings=opened.surroundings,
            stop=caller.stop,
            ident=ident.decode("utf-8", "surrogateescape"),
            secrets=SecretBook(opened.surroundings),
            access=opened.config.access.rules() or AccessRules(),
            checkpoint=caller.checkpoint,
            start_of=lambda target: target_reader(opened).here(target).onto,
        )
