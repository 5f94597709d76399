"""Settings of the operator's checks: what is run on results before they are published, and what it may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from gitalign.configuration.section import Section
from gitalign.configuration.settings import MOST_MB, Seconds

if TYPE_CHECKING:
    from gitalign.core.validation import ValidationPlan


def _one_line(value: str) -> str:
    if not value or "\n" in value or "\0" in value:
        raise ValueError("must be one line and not empty")
    return value


Words = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


Line = Annotated[str, AfterValidator(_one_line)]


def _patterns(value: tuple[str, ...]) -> tuple[str, ...]:
    import pathspec

    for pattern in value:
        try:
            pathspec.GitIgnoreSpec.from_lines([pattern])
        except ValueError as error:
            raise ValueError(f"{pattern!r} is no pattern of paths: {error}") from error
    return value


Patterns = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], AfterValidator(_patterns)]


class Check(Section):
    """A command that is run on every result."""

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
    def _can_be_measured(self) -> Check:
        if self.min_coverage_percent is not None and self.coverage_pattern is None:
            raise ValueError("min_coverage_percent needs a coverage_pattern that finds the percentage in the output")
        return self


class CriticalFile(Section):
    """A file that every result must have."""

    path: Line
    checks: tuple[Literal["exists", "non_empty", "valid_json"], ...] = ("exists",)
    targets: tuple[str, ...] = ()
    required: bool = True


class Startup(Section):
    """The service of a result is started and asked for a page."""

    module: Line = "src/main.py"
    factory: Line = "create_app"
    application: Line = "app"
    server: Words = ("uvicorn",)
    page: Line = "/"
    timeout_seconds: Seconds = 30
    targets: tuple[str, ...] = ()
    required: bool = True


class Validation(Section):
    """Code that is run on results before they are published, and what it may do."""

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
    max_memory_mb: Annotated[int, Field(ge=16, le=MOST_MB)] = 2048
    max_disk_mb: Annotated[int, Field(ge=16, le=MOST_MB)] = 2048
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
        from gitalign.core.validation import TESTS

        names = [check.name for check in value]
        if twice := sorted({name for name in names if names.count(name) > 1 or name in (TESTS, "startup")}):
            raise ValueError(f"the name {twice[0]!r} stands twice, or is taken")
        return value

    def plan(self) -> ValidationPlan:
        """The settings as the value that travels with a run."""
        from gitalign.core.validation import TESTS, Bounds, CommandCheck, FileCheck, StartupCheck, ValidationPlan

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
