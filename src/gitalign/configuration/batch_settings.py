"""How batches of tasks are planned, run and landed, where neither the task list nor the command says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from gitalign.configuration.section import Section
from gitalign.configuration.settings import LONGEST_RETENTION_DAYS, MOST_MB

OTHER_NAMES: Mapping[str, str] = {"parallel": "batch", "parallel_execution": "batch"}
"""Names by which the original requests know the section, and ours."""


class Batch(Section):
    """Batches of tasks."""

    enabled: bool = True
    max_concurrency: Annotated[int, Field(ge=1, le=256)] = 3
    min_concurrency: Annotated[int, Field(ge=1, le=256)] = 1
    strategy: Literal["dependency", "priority"] = "dependency"
    worktree_dir: Path | None = None
    merge_strategy: Literal["regular", "squash"] = "regular"
    confinement: Literal["require", "prefer", "none"] = "prefer"
    network: bool = True
    readable: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    snapshot_every_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    reruns: Annotated[int, Field(ge=0, le=10)] = 2
    fetch: bool = True
    max_memory_mb: Annotated[int, Field(ge=16, le=MOST_MB)] = 8_192
    max_memory_of_all_mb: Annotated[int, Field(ge=16, le=MOST_MB)] | None = None
    max_disk_mb: Annotated[int, Field(ge=16, le=MOST_MB)] = 10_240
    max_processes: Annotated[int, Field(ge=8, le=100_000)] = 1_024
    retention_days: Annotated[int, Field(ge=0, le=LONGEST_RETENTION_DAYS)] = 30

    @model_validator(mode="after")
    def _are_bounds(self) -> Batch:
        if self.min_concurrency > self.max_concurrency:
            raise ValueError("min_concurrency is above max_concurrency")
        return self

    @field_validator("worktree_dir")
    @classmethod
    def _is_absolute(cls, value: Path | None) -> Path | None:
        # A folder in the repository would be seen by git and by every tool that walks it.
        if value is not None and not value.is_absolute():
            raise ValueError("must be an absolute path: work trees lie outside of the repository")
        return value
