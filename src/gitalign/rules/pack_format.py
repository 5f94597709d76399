"""Rule packs as they are written: the shape of the file, with every key known. The published JSON Schema is made of this."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gitalign.core.rule_checks import (
    AstPatternCheck,
    Check,
    CommitMessageCheck,
    PathCheck,
    PatternCheck,
    PythonCheck,
    PythonLook,
    RequiredFilesCheck,
    SizeCheck,
)
from gitalign.core.rules import Demand, Requirement, RulePack

FORMAT = 1
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)

Words = Annotated[str, Field(min_length=1, max_length=4_000)]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Glob = Annotated[str, Field(min_length=1, max_length=500)]
Globs = Annotated[list[Glob], Field(max_length=200)]
Pattern = Annotated[str, Field(min_length=1, max_length=1_000)]
Count = Annotated[int, Field(ge=0, le=10**12)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
Language = Literal[
    "bash", "c", "cpp", "csharp", "css", "elixir", "go", "haskell", "html", "java", "javascript", "json", "kotlin", "lua",
    "php", "python", "ruby", "rust", "scala", "swift", "tsx", "typescript", "yaml",
]  # fmt: skip


def _one_of(*keys: str) -> dict[str, Any]:
    return {"anyOf": [{"required": [key]} for key in keys]}


class _Part(BaseModel):
    model_config = _STRICT

    @model_validator(mode="after")
    def _asks_for_something(self) -> _Part:
        if all(value is None or value is False or value == [] for value in self.__dict__.values()):
            raise ValueError(f"asks for nothing: give one of {', '.join(type(self).model_fields)}")
        return self


class PathPart(_Part):
    """Where changed files may lie."""

    model_config = _STRICT | ConfigDict(json_schema_extra=_one_of("forbidden", "allowed"))
    forbidden: Globs = []
    allowed: Globs = []


class SizePart(_Part):
    """How large a change may be."""

    model_config = _STRICT | ConfigDict(json_schema_extra=_one_of("most_file_bytes", "most_files", "most_lines"))
    most_file_bytes: Count | None = None
    most_files: Count | None = None
    most_lines: Count | None = None


class CommitMessagePart(_Part):
    """What the branch's own commits say."""

    model_config = _STRICT | ConfigDict(
        json_schema_extra=_one_of("subject", "most_subject_characters", "trailer", "conventional_types")
    )
    subject: Pattern | None = None
    most_subject_characters: Annotated[int, Field(ge=1, le=10_000)] | None = None
    trailer: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,80}$")] | None = None
    conventional_types: Annotated[list[Annotated[str, Field(pattern=r"^[A-Za-z]{1,30}$")]], Field(max_length=50)] = []

    @field_validator("subject")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return _compiled(value)


class RequiredFilesPart(_Part):
    """Files that must be there in the result."""

    files: Annotated[list[Glob], Field(min_length=1, max_length=100)]
    may_be_empty: bool = False


class PatternPart(_Part):
    """Regular expressions over the lines of changed text files."""

    model_config = _STRICT | ConfigDict(json_schema_extra=_one_of("forbidden", "required"))
    forbidden: Pattern | None = None
    required: Pattern | None = None
    ignore_case: bool = False

    @field_validator("forbidden", "required")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return _compiled(value)

    @model_validator(mode="after")
    def _has_a_pattern(self) -> PatternPart:
        if self.forbidden is None and self.required is None:
            raise ValueError("asks for nothing: give one of forbidden, required")
        return self


class AstPatternPart(_Part):
    """Code patterns of ast-grep."""

    model_config = _STRICT | ConfigDict(json_schema_extra=_one_of("forbidden", "required"))
    language: Language
    forbidden: Pattern | None = None
    required: Pattern | None = None

    @model_validator(mode="after")
    def _has_a_pattern(self) -> AstPatternPart:
        if self.forbidden is None and self.required is None:
            raise ValueError("asks for nothing: give one of forbidden, required")
        return self


class CheckPart(BaseModel):
    """How a rule is judged: exactly one of these."""

    model_config = _STRICT | ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})
    path: PathPart | None = None
    size: SizePart | None = None
    commit_message: CommitMessagePart | None = None
    required_files: RequiredFilesPart | None = None
    pattern: PatternPart | None = None
    ast_pattern: AstPatternPart | None = None
    python: Annotated[PythonLook, Field(strict=False)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> CheckPart:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(type(self).model_fields)}")
        return self

    def value(self) -> Check:
        """The check as the checkers take it."""
        if self.path is not None:
            return PathCheck(forbidden=tuple(self.path.forbidden), allowed=tuple(self.path.allowed))
        if self.size is not None:
            return SizeCheck(**self.size.model_dump())
        if self.commit_message is not None:
            part = self.commit_message
            return CommitMessageCheck(
                subject=part.subject,
                most_subject_characters=part.most_subject_characters,
                trailer=part.trailer,
                conventional_types=tuple(part.conventional_types),
            )
        if self.required_files is not None:
            return RequiredFilesCheck(
                files=tuple(self.required_files.files), may_be_empty=self.required_files.may_be_empty
            )
        if self.pattern is not None:
            return PatternCheck(**self.pattern.model_dump())
        if self.ast_pattern is not None:
            return AstPatternCheck(**self.ast_pattern.model_dump())
        assert self.python is not None
        return PythonCheck(look=self.python)


class RequirementPart(BaseModel):
    """One house rule."""

    model_config = _STRICT

    id: Id
    name: Line
    description: Words | None = None
    category: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")] = "process"
    severity: Literal["must", "should", "may"]
    threshold: Annotated[float, Field(gt=0, le=1)] = 1.0
    paths: Globs = []
    exclude: Globs = []
    check: CheckPart | None = None
    suggestion: Words | None = None
    example: Words | None = None

    def value(self) -> Requirement:
        """The requirement as it is judged."""
        return Requirement(
            id=self.id,
            name=self.name,
            description=self.description or "",
            category=self.category,
            severity=Demand(self.severity),
            threshold=self.threshold,
            check=self.check.value() if self.check is not None else None,
            suggestion=self.suggestion or "",
            example=self.example or "",
            paths=tuple(self.paths),
            exclude=tuple(self.exclude),
        )


class PackFile(BaseModel):
    """A rule pack of git-align."""

    model_config = _STRICT | ConfigDict(title="Rule pack of git-align")

    format: Literal[1]
    name: Id
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,39}$")]
    description: Words | None = None
    requirements: Annotated[list[RequirementPart], Field(min_length=1, max_length=500)]

    @field_validator("requirements")
    @classmethod
    def _ids_differ(cls, value: list[RequirementPart]) -> list[RequirementPart]:
        ids = [one.id for one in value]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"the id {twice[0]!r} stands twice")
        return value

    def value(self, origin: str) -> RulePack:
        """The pack as it is judged."""
        return RulePack(
            name=self.name,
            version=self.version,
            description=self.description or "",
            requirements=tuple(one.value() for one in self.requirements),
            origin=origin,
        )


def pack_schema() -> dict[str, Any]:
    """The JSON Schema of a rule pack, as published in `gitalign/schemas/rules.schema.json`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **PackFile.model_json_schema()}


def _compiled(pattern: str | None) -> str | None:
    if pattern is not None:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"is no regular expression: {error}") from error
    return pattern
