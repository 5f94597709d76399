"""Packs of house rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gitalign.core.rule_checks import (
    AstPatternCheck,
    CommitMessageCheck,
    PathCheck,
    PatternCheck,
    PythonCheck,
    RequiredFilesCheck,
    SizeCheck,
)
from gitalign.core.rules import Requirement, RulePack

if TYPE_CHECKING:
    from gitalign.documents.models.rule_packs import (
        AstPatternCheckDocument,
        CommitMessageCheckDocument,
        PathCheckDocument,
        PatternCheckDocument,
        PythonCheckDocument,
        RequiredFilesCheckDocument,
        RequirementDocument,
        RulePackDocument,
        SizeCheckDocument,
    )


def dump_path_check(value: PathCheck) -> PathCheckDocument:
    """Where changed files may lie."""
    return {
        "forbidden": list(value.forbidden),
        "allowed": list(value.allowed),
    }


def dump_size_check(value: SizeCheck) -> SizeCheckDocument:
    """How large a change may be; None for no bound."""
    return {
        "most_file_bytes": value.most_file_bytes,
        "most_files": value.most_files,
        "most_lines": value.most_lines,
    }


def dump_commit_message_check(value: CommitMessageCheck) -> CommitMessageCheckDocument:
    """What the branch's own commits say. Merges are not looked at."""
    return {
        "subject": value.subject,
        "most_subject_characters": value.most_subject_characters,
        "trailer": value.trailer,
        "conventional_types": list(value.conventional_types),
    }


def dump_required_files_check(value: RequiredFilesCheck) -> RequiredFilesCheckDocument:
    """Files that must be there in the result, each with something in it."""
    return {
        "files": list(value.files),
        "may_be_empty": value.may_be_empty,
    }


def dump_pattern_check(value: PatternCheck) -> PatternCheckDocument:
    """Regular expressions over the lines of changed text files."""
    return {
        "forbidden": value.forbidden,
        "required": value.required,
        "ignore_case": value.ignore_case,
    }


def dump_ast_pattern_check(value: AstPatternCheck) -> AstPatternCheckDocument:
    """A code pattern in the notation of ast-grep."""
    return {
        "language": value.language,
        "forbidden": value.forbidden,
        "required": value.required,
    }


def dump_python_check(value: PythonCheck) -> PythonCheckDocument:
    """One of the built-in looks at Python code."""
    return {
        "look": value.look,
    }


_DUMPS: Mapping[type, Callable[[Any], Any]] = {
    PathCheck: dump_path_check,
    SizeCheck: dump_size_check,
    CommitMessageCheck: dump_commit_message_check,
    RequiredFilesCheck: dump_required_files_check,
    PatternCheck: dump_pattern_check,
    AstPatternCheck: dump_ast_pattern_check,
    PythonCheck: dump_python_check,
}


def dump_requirement(value: Requirement) -> RequirementDocument:
    """One house rule."""
    return {
        "id": value.id,
        "name": value.name,
        "description": value.description,
        "category": value.category,
        "severity": value.severity,
        "threshold": value.threshold,
        "check": None if value.check is None else _DUMPS[type(value.check)](value.check),
        "suggestion": value.suggestion,
        "example": value.example,
        "paths": list(value.paths),
        "exclude": list(value.exclude),
    }


def dump_rule_pack(value: RulePack) -> RulePackDocument:
    """House rules that belong together."""
    return {
        "name": value.name,
        "version": value.version,
        "requirements": [dump_requirement(item) for item in value.requirements],
        "description": value.description,
        "origin": value.origin,
    }
