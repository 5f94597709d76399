"""The settings, section by section, each with its bounds; every unknown key is refused. Not here: where they come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import pathspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from gitalign.core.names import name_fault
from gitalign.core.outcome import FindingRule, Origin, Severity
from gitalign.core.policy import (
    AlreadyMerged,
    CheckedOut,
    CommitterPolicy,
    GroupExecution,
    MergesPolicy,
    Strategy,
    UnknownTarget,
)
from gitalign.core.validation import TESTS, Bounds, CommandCheck, FileCheck, StartupCheck, ValidationPlan

_MOST_MB = 16 * 1024 * 1024
_LONGEST_PREFIX_BYTES = 100
LONGEST_RETENTION_DAYS = 36_500
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Orchestration(BaseModel):
    """How a run is carried out: parallelism, time-outs, backups, breaker, logs, resources."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    max_memory_mb: Annotated[int, Field(ge=64, le=_MOST_MB)] = 500
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


class BranchStrategy(BaseModel):
    """A strategy for the branches that fit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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


class Alignment(BaseModel):
    """What a run does to branches."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
        if fault := name_fault(value):
            raise ValueError(f"must be fit for the name of a branch, but it {fault}")
        return value


class Detection(BaseModel):
    """What is looked for in aligned branches, and what keeps one from being published."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    detectors: tuple[str, ...] = ("markers", "encoding", "syntax", "paths", "python")
    refuse_severity: Literal["critical", "warning", "info", "none"] = "critical"
    refuse_introduced_by: tuple[Origin, ...] = ("integration",)

    def refusing(self) -> FindingRule:
        """The two settings as the rule that travels with detectors."""
        severity = None if self.refuse_severity == "none" else Severity(self.refuse_severity)
        return FindingRule(severity=severity, introduced_by=self.refuse_introduced_by)


def _one_line(value: str) -> str:
    if not value or "\n" in value or "\0" in value:
        raise ValueError("must be one line and not empty")
    return value


Words = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
Line = Annotated[str, AfterValidator(_one_line)]


def _patterns(value: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in value:
        try:
            pathspec.GitIgnoreSpec.from_lines([pattern])
        except ValueError as error:
            raise ValueError(f"{pattern!r} is no pattern of paths: {error}") from error
    return value


Patterns = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], AfterValidator(_patterns)]


class Check(BaseModel):
    """A command that is run on every result."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Line
    command: Words
    targets: tuple[str, ...] = ()
    paths: Patterns = ()
    timeout_seconds: Seconds = 600
    environment: Mapping[str, str] = Field(default_factory=dict)
    required: bool = True
    coverage_pattern: str | None = None
    min_coverage_percent: Annotated[float, Field(ge=0, le=100)] | None = None

    @field_validator("coverage_pattern")
    @classmethod
    def _has_a_group(cls, value: str | None) -> str | None:
        try:
            if value is not None and re.compile(value).groups < 1:
                raise ValueError("must have a group for the percentage, such as 'TOTAL.* (\\d+)%'")
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _can_be_told(self) -> Check:
        if self.min_coverage_percent is not None and self.coverage_pattern is None:
            raise ValueError("min_coverage_percent needs a coverage_pattern that finds the percentage in the output")
        return self


class CriticalFile(BaseModel):
    """A file that every result must have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Line
    checks: tuple[Literal["exists", "non_empty", "valid_json"], ...] = ("exists",)
    targets: tuple[str, ...] = ()
    required: bool = True


class Startup(BaseModel):
    """The service of a result is started and asked for a page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    module: Line = "src/main.py"
    factory: Line = "create_app"
    application: Line = "app"
    server: Words = ("uvicorn",)
    page: Line = "/"
    timeout_seconds: Seconds = 30
    targets: tuple[str, ...] = ()
    required: bool = True


class Validation(BaseModel):
    """Code that is run on results before they are published, and what it may do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    test_command: Words | None = None
    test_timeout_seconds: Seconds = 600
    checks: tuple[Check, ...] = ()
    critical_files: tuple[CriticalFile, ...] = ()
    startup: Startup | None = None
    work_trees: Annotated[int, Field(ge=1, le=256)] | None = None
    directory: str | None = None
    keep: tuple[str, ...] = ()
    pass_environment: tuple[str, ...] = ()
    read_only_paths: tuple[str, ...] = ()
    network: bool = False
    confinement: Literal["require", "prefer", "none"] = "prefer"
    fail_on_new_only: bool = True
    rerun_failed: bool = True
    max_memory_mb: Annotated[int, Field(ge=16, le=_MOST_MB)] = 2048
    max_disk_mb: Annotated[int, Field(ge=16, le=_MOST_MB)] = 2048
    max_processes: Annotated[int, Field(ge=4, le=4_194_304)] = 512

    @field_validator("directory")
    @classmethod
    def _is_absolute(cls, value: str | None) -> str | None:
        if value is not None and not Path(value).is_absolute():
            raise ValueError("must be an absolute path")
        return value

    @field_validator("read_only_paths")
    @classmethod
    def _are_absolute(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for path in value:
            if not path.startswith(("/", "~/")) or not path.strip("/~."):
                raise ValueError(f"{path!r} must be an absolute path, or begin with ~/")
        return value

    @field_validator("checks")
    @classmethod
    def _has_one_name_each(cls, value: tuple[Check, ...]) -> tuple[Check, ...]:
        names = [check.name for check in value]
        if twice := sorted({name for name in names if names.count(name) > 1 or name in (TESTS, "startup")}):
            raise ValueError(f"the name {twice[0]!r} stands twice, or is taken")
        return value

    def plan(self) -> ValidationPlan:
        """The settings as the value that travels with a run."""
        tests = (
            ()
            if self.test_command is None
            else (CommandCheck(name=TESTS, argv=self.test_command, timeout_s=self.test_timeout_seconds),)
        )
        return ValidationPlan(
            enabled=self.enabled,
            commands=(
                *(
                    CommandCheck(
                        name=one.name,
                        argv=one.command,
                        targets=one.targets,
                        paths=one.paths,
                        timeout_s=one.timeout_seconds,
                        environment=tuple(sorted(one.environment.items())),
                        required=one.required,
                        coverage_pattern=one.coverage_pattern,
                        min_coverage_percent=one.min_coverage_percent,
                    )
                    for one in self.checks
                ),
                *tests,
            ),
            files=tuple(
                FileCheck(path=one.path, asks=one.checks, targets=one.targets, required=one.required)
                for one in self.critical_files
            ),
            startup=None
            if self.startup is None
            else StartupCheck(
                module=self.startup.module,
                factory=self.startup.factory,
                application=self.startup.application,
                server=self.startup.server,
                page=self.startup.page,
                timeout_s=self.startup.timeout_seconds,
                targets=self.startup.targets,
                required=self.startup.required,
            ),
            work_trees=self.work_trees,
            keep=self.keep,
            pass_environment=self.pass_environment,
            read_only_paths=self.read_only_paths,
            network=self.network,
            confinement=self.confinement,
            new_only=self.fail_on_new_only,
            rerun=self.rerun_failed,
            bounds=Bounds(
                memory_bytes=self.max_memory_mb * 1024**2,
                disk_bytes=self.max_disk_mb * 1024**2,
                processes=self.max_processes,
            ),
            directory=self.directory,
        )


class Rule(BaseModel):
    """Branches whose whole name matches a glob go to a target."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: Annotated[str, Field(min_length=1)]
    target: Annotated[str, Field(min_length=1)]


class Categorization(BaseModel):
    """How branches are given to targets when their history is weighed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...] = ()
    keywords: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    decide_above: Annotated[float, Field(ge=0.5, le=1)] = 0.6
    cluster_cut: Annotated[float, Field(gt=0, le=100)] = 0.5


class Landing(BaseModel):
    """What is known of the order in which branches land."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dependencies: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)


class Telemetry(BaseModel):
    """What other systems are told of runs. Nothing, unless it is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metrics_file: Path | None = None
    traces: bool = False

    @field_validator("metrics_file")
    @classmethod
    def _is_absolute(cls, value: Path | None) -> Path | None:
        # Relative to what? To wherever the next command happens to be typed.
        if value is not None and not value.is_absolute():
            raise ValueError("must be an absolute path")
        return value


class Rules(BaseModel):
    """Which house rules hold, and what they keep from being published."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    packs: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    refuse: Literal["must", "never"] = "must"
