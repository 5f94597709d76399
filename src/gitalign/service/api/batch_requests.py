"""Bodies of requests about batches."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from gitalign.service.api.requests import Body, PlanId, Word

PlanName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(yaml|yml|toml|json|md)$")]
PlanText = Annotated[str, StringConstraints(min_length=1, max_length=16 * 1024 * 1024)]
TaskName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
TaskNames = Annotated[list[TaskName], Field(max_length=10_000)]
CommandWords = Annotated[list[Word], Field(max_length=1_000)]


class NewBatchPlan(Body):
    """A task list or a plan, as `git align batch plan` takes it in a file; the ending of its name says how it is written.

    `tasks` says how the tasks of a plan are run that does not say so itself.
    """

    name: PlanName = "tasks.yaml"
    text: PlanText
    tasks_name: PlanName = "tasks.yaml"
    tasks: PlanText | None = None
    command: CommandWords = Field(default=[])
    target: Word | None = None
    commit_leftovers: bool = False
    most_tasks: Annotated[int, Field(ge=1, le=10_000)] | None = None


class Landing(Body):
    """How results land."""

    best_subset: bool = False
    push: bool = False
    push_hooks: bool = False


class NewBatchRun(Landing):
    """A run of a plan that was submitted before, by its digest: its commands are executed on the machine of a worker."""

    plan_id: PlanId
    max_concurrency: Annotated[int, Field(ge=1, le=256)] | None = None
    squash: bool = False
    lands: bool = True
    fetch: bool = True
    again: bool = False


class Resuming(Body):
    """Going on with a batch run."""

    lands: bool = True


class Retrying(Resuming):
    """Running again what failed, and what is named."""

    tasks: TaskNames = Field(default=[])
