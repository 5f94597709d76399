"""The settings, section by section, each with its bounds; every unknown key is refused. Not here: where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, field_validator, model_validator

from gitalign.configuration.section import Section
from gitalign.core.findings import FindingRule, Origin, Severity
from gitalign.core.names import new_name_fault
from gitalign.core.policy import (
    AlreadyMerged,
    CheckedOut,
    CommitterPolicy,
    GroupExecution,
    MergesPolicy,
    Strategy,
    UnknownTarget,
)

MOST_MB = 16 * 1024 * 1024
_LONGEST_PREFIX_BYTES = 100
LONGEST_RETENTION_DAYS = 36_500
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Orchestration(Section):
    """How a run is carried out: parallelism, time-outs, backups, breaker, logs, resources."""

    enable_parallelization: bool = True
    max_workers_per_target: Annotated[int, Field(ge=1, le=256)] = 4
    group_execution: GroupExecution = GroupExecution.PARALLEL
    branch_alignment_timeout_seconds: Seconds = 300
    integration_timeout_seconds: Seconds = 60
    error_detection_timeout_seconds: Seconds = 30
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 2
    enable_backup_branches: bool = False
    backup_branch_prefix: str = "backup"
    auto_cleanup_backups: bool = False
    enable_circuit_breaker: bool = True
    failure_threshold_percent: Annotated[float, Field(gt=0, le=100)] | None = 50
    failure_threshold_count: Annotated[int, Field(ge=1, le=1_000_000)] | None = 5
    breaker_counts_conflicts: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_per_branch: bool = True
    audit_trail_enabled: bool = True
    max_memory_mb: Annotated[int, Field(ge=64, le=MOST_MB)] = 500
    max_concurrent_git_ops: Annotated[int, Field(ge=1, le=256)] = 8

    @field_validator("backup_branch_prefix")
    @classmethod
    def _is_a_ref_part(cls, value: str) -> str:
        if (
            not value
            or value.startswith(("-", ".", "/"))
            or any(char in value for char in " ~^:?*[\\")
            or ".." in value
            or not value.isprintable()
            or len(value.encode()) > _LONGEST_PREFIX_BYTES
        ):
            raise ValueError(
                f"must be usable at the start of a branch name, and at most {_LONGEST_PREFIX_BYTES} bytes long"
            )
        return value


class BranchStrategy(Section):
    """A strategy for the branches that fit."""

    strategy: Strategy
    merges: MergesPolicy | None = None
    match: Annotated[str, Field(min_length=1)] | None = None
    target: Annotated[str, Field(min_length=1)] | None = None
    tag: Annotated[str, Field(min_length=1)] | None = None
    metric: Annotated[str, Field(min_length=1)] | None = None
    at_least: FiniteFloat | None = None
    at_most: FiniteFloat | None = None

    @model_validator(mode="after")
    def _can_hold(self) -> BranchStrategy:
        has_bound = self.at_least is not None or self.at_most is not None
        if (self.metric is not None) != has_bound:
            raise ValueError("a metric needs at_least or at_most, and these need a metric")
        if self.match is None and self.target is None and self.tag is None and self.metric is None:
            raise ValueError("needs match, target, tag or metric; alignment.strategy goes for all branches")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is above at_most: no number fits")
        if self.match is not None and self.match.startswith("refs/heads/"):
            raise ValueError("match is a glob over names of branches, without refs/heads/")
        if self.merges is not None and (
            self.strategy in (Strategy.MERGE, Strategy.INTEGRATION_BRANCH)
            or (self.strategy is Strategy.REBASE_MERGES and self.merges is not MergesPolicy.RECREATE)
        ):
            raise ValueError(f"merges means nothing beside the strategy {self.strategy}, which keeps them")
        return self


class Alignment(Section):
    """What a run does to branches."""

    targets: tuple[str, ...] = ()
    strategy: Strategy = Strategy.REBASE
    strategies: tuple[BranchStrategy, ...] = ()
    merges: MergesPolicy = MergesPolicy.MERGE_INSTEAD
    already_merged: AlreadyMerged = AlreadyMerged.LEAVE
    checked_out: CheckedOut = CheckedOut.MOVE
    committer: CommitterPolicy = CommitterPolicy.OPERATOR
    unknown_target: UnknownTarget = UnknownTarget.SKIP
    protected: tuple[str, ...] = ("release/*", "releases/*", "hotfix/*")
    remote: str = "origin"
    push_hooks: Literal["hold", "run"] = "hold"
    retention_days: Annotated[int, Field(ge=0, le=LONGEST_RETENTION_DAYS)] = 30
    documenter: str | None = None
    summaries: bool = False
    furthest: bool = False
    partial: bool = False
    integration_prefix: str = "integration"
    iterative_step: Annotated[int, Field(ge=1, le=100_000)] = 20

    @field_validator("remote")
    @classmethod
    def _is_no_option(cls, value: str) -> str:
        if not value or value.startswith("-"):
            raise ValueError("must be the name of a remote")
        return value

    @field_validator("integration_prefix")
    @classmethod
    def _is_branch_name(cls, value: str) -> str:
        if fault := new_name_fault(value):
            raise ValueError(f"must be fit for the name of a branch, but it {fault}")
        return value


class Detection(Section):
    """What is looked for in aligned branches, and what keeps one from being published."""

    detectors: tuple[str, ...] = ("markers", "encoding", "syntax", "paths", "python")
    refuse_severity: Literal["critical", "warning", "info", "none"] = "critical"
    refuse_introduced_by: tuple[Origin, ...] = ("integration",)

    def refusing(self) -> FindingRule:
        """The two settings as the rule that travels with detectors."""
        severity = None if self.refuse_severity == "none" else Severity(self.refuse_severity)
        return FindingRule(severity=severity, introduced_by=self.refuse_introduced_by)


class Rule(Section):
    """Branches whose whole name matches a glob go to a target."""

    match: Annotated[str, Field(min_length=1)]
    target: Annotated[str, Field(min_length=1)]


class Categorization(Section):
    """How branches are given to targets when their history is weighed."""

    rules: tuple[Rule, ...] = ()
    keywords: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    decide_above: Annotated[float, Field(ge=0.5, le=1)] = 0.6
    cluster_cut: Annotated[float, Field(gt=0, le=100)] = 0.5


class Landing(Section):
    """What is known of the order in which branches land."""

    dependencies: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)


class Telemetry(Section):
    """What other systems see of runs. Nothing, unless it is asked for."""

    metrics_file: Path | None = None
    traces: bool = False

    @field_validator("metrics_file")
    @classmethod
    def _is_absolute(cls, value: Path | None) -> Path | None:
        # Relative to what? To wherever the next command happens to be typed.
        if value is not None and not value.is_absolute():
            raise ValueError("must be an absolute path")
        return value


class Rules(Section):
    """Which house rules hold, and what they keep from being published."""

    packs: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    refuse: Literal["must", "never"] = "must"
