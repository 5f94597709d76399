"""Settings: one YAML file, environment and flags over it, every key known and every value checked.

Read only from files the operator names or keeps in the git directory, never from a work tree: a branch must not be able to
change what a run does.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gitalign.core.outcome import FindingRule, Origin, Severity
from gitalign.core.policy import (
    AlreadyMerged,
    BreakerPolicy,
    CheckedOut,
    CommitterPolicy,
    GroupExecution,
    Limits,
    MergesPolicy,
    Policy,
    Strategy,
    UnknownTarget,
)
from gitalign.core.validation import TESTS, Bounds, CommandCheck, FileCheck, StartupCheck, ValidationPlan
from gitalign.errors import ConfigError
from gitalign.strict_yaml import NotStrict, load_yaml

_LARGEST_BYTES = 1024 * 1024
_ENVIRONMENT = "GITALIGN_"
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
    enable_backup_branches: bool = True
    backup_branch_prefix: str = "backup"
    auto_cleanup_backups: bool = False
    enable_circuit_breaker: bool = True
    failure_threshold_percent: Annotated[float, Field(gt=0, le=100)] | None = 50
    failure_threshold_count: Annotated[int, Field(ge=1)] | None = 5
    breaker_counts_conflicts: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_per_branch: bool = True
    audit_trail_enabled: bool = True
    max_memory_mb: Annotated[int, Field(ge=64)] = 500
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
        ):
            raise ValueError("must be usable at the start of a branch name")
        return value


class Alignment(BaseModel):
    """What a run does to branches."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    targets: tuple[str, ...] = ()
    strategy: Strategy = Strategy.REBASE
    merges: MergesPolicy = MergesPolicy.MERGE_INSTEAD
    already_merged: AlreadyMerged = AlreadyMerged.FAST_FORWARD
    checked_out: CheckedOut = CheckedOut.MOVE
    committer: CommitterPolicy = CommitterPolicy.OPERATOR
    unknown_target: UnknownTarget = UnknownTarget.SKIP
    protected: tuple[str, ...] = ("release/*", "releases/*", "hotfix/*")
    remote: str = "origin"
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 30
    documenter: str | None = None
    summaries: bool = False

    @field_validator("remote")
    @classmethod
    def _is_no_option(cls, value: str) -> str:
        if not value or value.startswith("-"):
            raise ValueError("must be the name of a remote")
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


class Check(BaseModel):
    """A command that is run on every result."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Line
    command: Words
    targets: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
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
    network: bool = False
    confinement: Literal["require", "prefer", "none"] = "prefer"
    fail_on_new_only: bool = True
    rerun_failed: bool = True
    max_memory_mb: Annotated[int, Field(ge=16)] = 2048
    max_disk_mb: Annotated[int, Field(ge=16)] = 2048
    max_processes: Annotated[int, Field(ge=4)] = 512

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


class Config(BaseModel):
    """All settings, and where each came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    orchestration: Orchestration = Orchestration()
    alignment: Alignment = Alignment()
    detection: Detection = Detection()
    validation: Validation = Validation()
    categorization: Categorization = Categorization()
    landing: Landing = Landing()
    telemetry: Telemetry = Telemetry()
    rules: Rules = Rules()
    origins: Mapping[str, str] = Field(default_factory=dict, exclude=True)

    def origin(self, key: str) -> str:
        """Where the value of a dotted key came from: a file, an environment variable, `command line` or `default`."""
        return self.origins.get(key, "default")

    def policy(self) -> Policy:
        """What changes results, as the value that travels with a plan."""
        settings = self.alignment
        return Policy(
            strategy=settings.strategy,
            merges=settings.merges,
            already_merged=settings.already_merged,
            checked_out=settings.checked_out,
            committer=settings.committer,
            unknown_target=settings.unknown_target,
            backups=self.orchestration.enable_backup_branches,
            backup_prefix=self.orchestration.backup_branch_prefix,
            protected=settings.protected,
        )

    def checks(self) -> ValidationPlan:
        """What is run on results before they are published."""
        return self.validation.plan()

    def limits(self) -> Limits:
        """What bounds a run."""
        settings = self.orchestration
        parallel = settings.enable_parallelization
        return Limits(
            workers=settings.max_workers_per_target if parallel else 1,
            max_git_processes=settings.max_concurrent_git_ops,
            branch_timeout_s=settings.branch_alignment_timeout_seconds,
            integration_timeout_s=settings.integration_timeout_seconds,
            detection_timeout_s=settings.error_detection_timeout_seconds,
            max_memory_bytes=settings.max_memory_mb * 1024 * 1024,
            max_attempts=settings.max_attempts,
            group_execution=settings.group_execution if parallel else GroupExecution.SEQUENTIAL,
            breaker=BreakerPolicy(
                enabled=settings.enable_circuit_breaker,
                count=settings.failure_threshold_count,
                percent=settings.failure_threshold_percent,
                counts_conflicts=settings.breaker_counts_conflicts,
            ),
        )


_SECTIONS: Mapping[str, type[BaseModel]] = {
    "orchestration": Orchestration,
    "alignment": Alignment,
    "detection": Detection,
    "validation": Validation,
    "categorization": Categorization,
    "landing": Landing,
    "telemetry": Telemetry,
    "rules": Rules,
}
KNOWN_KEYS: tuple[str, ...] = tuple(
    f"{section}.{key}" for section, model in _SECTIONS.items() for key in model.model_fields
)


def load_config(
    *, file: Path | None, git_dir: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]
) -> Config:
    """Read settings; flags win over the environment, that over the file, that over the defaults.

    Args:
        file: the file the operator named; must exist.
        git_dir: the git common directory; `gitalign/config.yaml` in it is read when `file` is None and it exists.
        environ: variables such as `GITALIGN_ORCHESTRATION__MAX_MEMORY_MB`; lists are written as YAML (`[main, next]`).
        overrides: values by dotted key.

    Raises:
        ConfigError: every fault at once, each with place, value and the nearest valid name.
    """
    faults: list[str] = []
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    place = file if file is not None else (git_dir / "gitalign" / "config.yaml" if git_dir is not None else None)
    if place is not None and (file is not None or place.exists()):
        for key, value in _from_file(place, faults):
            values[key], origins[key] = value, str(place)
    for key, value, name in _from_environment(environ, faults):
        values[key], origins[key] = value, name
    for key, value in overrides.items():
        if key not in KNOWN_KEYS:
            faults.append(f"command line: {_unknown(key)}")
            continue
        values[key], origins[key] = value, "command line"
    sections: dict[str, BaseModel] = {}
    for section, model in _SECTIONS.items():
        mine = {key.partition(".")[2]: value for key, value in values.items() if key.partition(".")[0] == section}
        try:
            sections[section] = model.model_validate(mine)
        except ValidationError as error:
            faults += [_fault(section, dict(detail), origins) for detail in error.errors()]
    if faults:
        raise ConfigError("; ".join(faults), hint="git align doctor; every key is in docs/configuration.md")
    return Config.model_validate({**sections, "origins": origins})


def _fault(section: str, detail: dict[str, Any], origins: Mapping[str, str]) -> str:
    key = f"{section}.{detail['loc'][0]}" if detail["loc"] else section
    value = detail.get("input")
    message = str(detail["msg"]).removeprefix("Value error, ")
    near = ""
    if detail.get("type") in ("enum", "literal_error") and isinstance(value, str):
        offered = [
            word.strip(" '") for word in str(detail.get("ctx", {}).get("expected", "")).replace(" or ", ",").split(",")
        ]
        match = difflib.get_close_matches(value.lower(), [word.lower() for word in offered], n=1, cutoff=0.5)
        near = f"; did you mean {match[0]}?" if match else ""
    inside = "".join(f"[{part!r}]" for part in detail["loc"][1:])
    return f"{origins.get(key, 'default')}: {key}{inside} is {value!r}: {message}{near}"


def _unknown(key: str) -> str:
    match = difflib.get_close_matches(key, KNOWN_KEYS, n=1, cutoff=0.6) or [
        known for known in KNOWN_KEYS if known.partition(".")[2] == key.rpartition(".")[2]
    ]
    return f"unknown key {key!r}" + (f"; did you mean {match[0]}?" if match else "")


def _from_file(place: Path, faults: list[str]) -> list[tuple[str, object]]:
    try:
        if place.stat().st_size > _LARGEST_BYTES:
            raise ConfigError(
                f"{place} is larger than {_LARGEST_BYTES} bytes", hint="give the right file with --config FILE"
            )
        text = place.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read {place}: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}",
            hint="give a readable file with --config FILE",
        ) from error
    try:
        data = load_yaml(text)
    except NotStrict as error:
        raise ConfigError(
            f"{place} is not valid YAML: {error}",
            hint="see docs/configuration.md for an example",
        ) from error
    if data is None:
        return []
    if not isinstance(data, dict):
        raise ConfigError(
            f"{place} must hold keys, not a {type(data).__name__}", hint="see docs/configuration.md for an example"
        )
    found: list[tuple[str, object]] = []
    for section, content in data.items():
        if section not in _SECTIONS:
            match = difflib.get_close_matches(str(section), _SECTIONS, n=1, cutoff=0.5)
            faults.append(
                f"{place}: unknown key {section!r}"
                + (f"; did you mean {match[0]}?" if match else f" (known: {', '.join(_SECTIONS)})")
            )
            continue
        if content is None:
            continue
        if not isinstance(content, dict):
            faults.append(f"{place}: {section} must hold keys, not a {type(content).__name__}")
            continue
        for key, value in content.items():
            dotted = f"{section}.{key}"
            if dotted in KNOWN_KEYS:
                found.append((dotted, value))
            else:
                faults.append(f"{place}: {_unknown(dotted)}")
    return found


def _from_environment(environ: Mapping[str, str], faults: list[str]) -> list[tuple[str, object, str]]:
    found: list[tuple[str, object, str]] = []
    for name, value in environ.items():
        if not name.startswith(_ENVIRONMENT) or "__" not in name:
            continue
        key = name.removeprefix(_ENVIRONMENT).lower().replace("__", ".", 1)
        if key not in KNOWN_KEYS:
            faults.append(f"environment variable {name}: {_unknown(key)}")
            continue
        try:
            found.append((key, yaml.safe_load(value), name))
        except yaml.YAMLError:
            found.append((key, value, name))
    return found
