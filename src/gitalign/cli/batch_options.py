"""Arguments and options that verbs of batches share."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from gitalign import facade
from gitalign.cli.options import PushHooks
from gitalign.cli.parameters import argument, option

if TYPE_CHECKING:
    from gitalign.batches.reading import PlanSource

File = Annotated[
    Path,
    argument(
        help="Tasks (YAML, TOML, JSON), a tasks.md of spec-kit, a batch plan, or the plan of order.", metavar="FILE"
    ),
]
BatchId = Annotated[str, argument(help="Batch run: its id, the beginning of one, or last.", metavar="[ID]")]
NamedBatch = Annotated[str, argument(help="Batch run: its id, the beginning of one, or last.", metavar="ID")]
Land = Annotated[
    bool, option("--land/--no-land", help="Land each batch when its tasks have completed, or leave it for later.")
]


@dataclass(frozen=True, kw_only=True)
class Landing:
    """How results land."""

    best_subset: Annotated[
        bool,
        option("--best-subset", help="Land the largest set of results that merges and passes, and name the others."),
    ] = False
    push: Annotated[
        bool, option("--push", help="Push what lands to where git push would, each batch under a lease.")
    ] = False
    push_hooks: PushHooks = False


class Confined(StrEnum):
    """Whether tasks are confined."""

    REQUIRE = "require"
    PREFER = "prefer"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a plan is made from, beside its file."""

    tasks: Annotated[
        Path | None,
        option("--tasks", help="Tasks, for a plan that does not say how they are run.", metavar="FILE"),
    ] = None
    command: Annotated[
        str | None,
        option(
            "--command",
            help="Command for tasks that have none. {id} and {title} stand for the task's.",
            metavar="COMMAND",
        ),
    ] = None
    target: Annotated[
        str | None,
        option("--target", help="Branch that results land on.", shown_default="the one in the file", metavar="BRANCH"),
    ] = None
    commit_leftovers: Annotated[
        bool,
        option("--commit-leftovers", help="Commit what tasks leave uncommitted, whatever the file says."),
    ] = False
    most_tasks: Annotated[
        int | None, option("--most-tasks", help="Most tasks in one batch.", bounds=(1, 10_000), metavar="N")
    ] = None

    no_history: Annotated[
        bool, option("--no-history", help="Plan as if these tasks had never run: do not read earlier batch runs.")
    ] = False

    def of(self, file: Path) -> PlanSource:
        """The source with its file."""
        from gitalign.batches.planning.make_plan import PlanRules
        from gitalign.batches.reading import PlanSource

        return PlanSource(
            file=file,
            tasks=self.tasks,
            command=shlex.split(self.command) if self.command is not None else (),
            target=self.target,
            commit_leftovers=self.commit_leftovers,
            rules=PlanRules(most_tasks=self.most_tasks),
            reads_history=not self.no_history,
        )


@dataclass(frozen=True, kw_only=True)
class Running:
    """How tasks are run."""

    max_concurrency: Annotated[
        int | None,
        option("--max-concurrency", help="Tasks side by side.", bounds=(1, 256), metavar="N", shown_default="3"),
    ] = None
    confinement: Annotated[
        Confined | None,
        option(
            "--confinement",
            help="Keep tasks away from all but their work tree: require, prefer or none.",
            shown_default="prefer",
        ),
    ] = None
    no_network: Annotated[bool, option("--no-network", help="Confined tasks cannot use the network.")] = False
    readable: Annotated[
        tuple[str, ...],
        option(
            "--readable",
            help="A file or folder that confined tasks may read; may be given several times.",
            metavar="PATH",
        ),
    ] = ()
    snapshot_every: Annotated[
        int | None,
        option(
            "--snapshot-every",
            help="Seconds between two snapshots of a running task's tree; conflicts between tasks are looked for then.",
            bounds=(1, 86_400),
            metavar="SECONDS",
            shown_default="60",
        ),
    ] = None
    squash: Annotated[
        bool | None, option("--squash/--no-squash", help="Land each result as one commit, or as a merge.")
    ] = None
    reruns: Annotated[
        int | None,
        option(
            "--reruns",
            help="How often a failed check runs again before a result is left out for it (with --best-subset).",
            bounds=(0, 10),
            metavar="N",
            shown_default="2",
        ),
    ] = None
    fetch: Annotated[
        bool | None,
        option("--fetch/--no-fetch", help="Ask the remote what the target is, or start from what is known of it."),
    ] = None
    again: Annotated[bool, option("--again", help="Run a plan again that has completed before.")] = False

    def options(self, configured: facade.BatchOptions, landing: Landing, *, lands: bool = True) -> facade.BatchOptions:
        """What the settings give, with what was typed in its place."""
        typed = {
            "max_concurrency": self.max_concurrency,
            "confinement": None if self.confinement is None else str(self.confinement),
            "network": False if self.no_network else None,
            "readable": (*configured.readable, *self.readable),
            "snapshot_every_s": None if self.snapshot_every is None else float(self.snapshot_every),
            "squash": self.squash,
            "reruns": self.reruns,
            "fetch": self.fetch,
        }
        given: dict[str, Any] = {name: value for name, value in typed.items() if value is not None}
        return replace(
            configured,
            **given,
            best_subset=landing.best_subset,
            push=landing.push,
            push_hooks=landing.push_hooks,
            lands=lands,
            again=self.again,
        )
