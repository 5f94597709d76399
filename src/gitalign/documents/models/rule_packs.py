"""Models: packs of house rules."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.rule_checks import PythonLook
from gitalign.core.rules import Demand


class PathCheckDocument(TypedDict):
    """Where changed files may lie."""

    forbidden: list[str]
    allowed: list[str]


class SizeCheckDocument(TypedDict):
    """How large a change may be; None for no bound."""

    most_file_bytes: int | None
    most_files: int | None
    most_lines: int | None


class CommitMessageCheckDocument(TypedDict):
    """What the branch's own commits say. Merges are not looked at."""

    subject: str | None
    most_subject_characters: int | None
    trailer: str | None
    conventional_types: list[str]


class RequiredFilesCheckDocument(TypedDict):
    """Files that must be there in the result, each with something in it."""

    files: list[str]
    may_be_empty: bool


class PatternCheckDocument(TypedDict):
    """Regular expressions over the lines of changed text files."""

    forbidden: str | None
    required: str | None
    ignore_case: bool


class AstPatternCheckDocument(TypedDict):
    """A code pattern in the notation of ast-grep."""

    language: str
    forbidden: str | None
    required: str | None


class PythonCheckDocument(TypedDict):
    """One of the built-in looks at Python code."""

    look: PythonLook


class RequirementDocument(TypedDict):
    """One house rule."""

    id: str
    name: str
    description: str
    category: str
    severity: Demand
    threshold: float
    check: (
        PathCheckDocument
        | SizeCheckDocument
        | CommitMessageCheckDocument
        | RequiredFilesCheckDocument
        | PatternCheckDocument
        | AstPatternCheckDocument
        | PythonCheckDocument
        | None
    )
    suggestion: str
    example: str
    paths: list[str]
    exclude: list[str]


class RulePackDocument(TypedDict):
    """House rules that belong together."""

    name: str
    version: str
    requirements: list[RequirementDocument]
    description: str
    origin: str
