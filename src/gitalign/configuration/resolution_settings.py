"""The settings of what settles conflicts without a person: memory, rungs, and the commands behind them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from gitalign.configuration.check_settings import Line, Patterns, Words
from gitalign.configuration.section import Section
from gitalign.configuration.settings import Seconds
from gitalign.core.policy import AutoResolver
from gitalign.core.programs import Program, Programs


class Driver(Section):
    """A merge driver, run on the three contents of a conflicted file."""

    command: Words
    paths: Patterns = ()
    timeout_seconds: Seconds = 30
    network: bool = False
    pass_environment: tuple[str, ...] = ()
    name: Line | None = None

    @field_validator("command")
    @classmethod
    def _writes_its_result(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not any("%A" in word for word in value):
            raise ValueError("must have the placeholder %A: the file that is to hold the result")
        return value

    def program(self) -> Program:
        """The settings as the value that travels with a run."""
        return _program(self)


class External(Section):
    """A command that is given a conflict as JSON and proposes content."""

    command: Words
    paths: Patterns = ()
    timeout_seconds: Seconds = 120
    max_per_run: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    network: bool = False
    pass_environment: tuple[str, ...] = ()
    name: Line | None = None

    def program(self) -> Program:
        """The settings as the value that travels with a run."""
        return replace(_program(self), most_per_run=self.max_per_run)


class Regenerate(Section):
    """A command that makes files again which are made from others, such as lock files."""

    command: Words
    paths: Annotated[Patterns, Field(min_length=1)]
    timeout_seconds: Seconds = 300
    network: bool = False
    pass_environment: tuple[str, ...] = ()
    name: Line | None = None

    def program(self) -> Program:
        """The settings as the value that travels with a run."""
        return _program(self)


def _program(settings: Driver | External | Regenerate) -> Program:
    return Program(
        command=settings.command,
        paths=settings.paths,
        timeout_s=settings.timeout_seconds,
        network=settings.network,
        pass_environment=settings.pass_environment,
        name=settings.name or Path(settings.command[0]).name,
    )


class Resolutions(Section):
    """What settles conflicts without a person: resolutions that are on record, and automatic resolvers."""

    apply: bool = False
    rr_cache: Literal["read", "write", "off"] = "read"
    rungs: tuple[AutoResolver, ...] = ()
    union_files: Patterns = ()
    driver: Driver | None = None
    external: External | None = None
    regenerate: tuple[Regenerate, ...] = ()

    @field_validator("rungs")
    @classmethod
    def _are_different(cls, value: tuple[AutoResolver, ...]) -> tuple[AutoResolver, ...]:
        if twice := [rung for rung in dict.fromkeys(value) if value.count(rung) > 1]:
            raise ValueError(f"{twice[0]} stands twice")
        return value

    @model_validator(mode="after")
    def _has_what_its_rungs_need(self) -> Resolutions:
        if AutoResolver.UNION in self.rungs and not self.union_files:
            raise ValueError("the resolver union needs union_files: patterns of the files that are lists")
        for rung, program in (
            (AutoResolver.DRIVER, self.driver),
            (AutoResolver.EXTERNAL, self.external),
            (AutoResolver.REGENERATE, self.regenerate),
        ):
            if rung in self.rungs and not program:
                raise ValueError(f"the resolver {rung} needs resolutions.{rung}: its command")
        return self

    def programs(self) -> Programs:
        """The commands as the value that travels with a run."""
        return Programs(
            driver=self.driver.program() if self.driver is not None else None,
            external=self.external.program() if self.external is not None else None,
            regenerate=tuple(one.program() for one in self.regenerate),
        )
