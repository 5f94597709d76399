"""How a house rule is judged: one frozen value for each kind of check, as a rule pack describes it. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class PathCheck:
    """Where changed files may lie.

    Attributes:
        forbidden: globs that no added or changed file may match.
        allowed: globs of which every added or changed file must match one; empty for anywhere.
    """

    forbidden: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeCheck:
    """How large a change may be; None for no bound.

    Attributes:
        most_file_bytes: of each added or changed file.
        most_files: changed by the branch, deleted ones too.
        most_lines: added to text files by the whole branch.
    """

    most_file_bytes: int | None = None
    most_files: int | None = None
    most_lines: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitMessageCheck:
    """What the branch's own commits say. Merges are not looked at.

    Attributes:
        subject: regular expression that must be found in the subject line.
        most_subject_characters: longest subject.
        trailer: name of a trailer that must stand in the last paragraph (`Signed-off-by`).
        conventional_types: the subject must be `type(scope)!: words` with one of these types.
    """

    subject: str | None = None
    most_subject_characters: int | None = None
    trailer: str | None = None
    conventional_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredFilesCheck:
    """Files that must be there in the result, each with something in it.

    Attributes:
        files: globs; one file that matches is enough for each.
        may_be_empty: whether an empty file will do.
    """

    files: tuple[str, ...]
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternCheck:
    """Regular expressions over the lines of changed text files.

    Attributes:
        forbidden: must not be found in a line that the branch added or changed.
        required: must be found in some line of every added or changed file.
        ignore_case: for both.
    """

    forbidden: str | None = None
    required: str | None = None
    ignore_case: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AstPatternCheck:
    """A code pattern in the notation of ast-grep.

    Attributes:
        language: as ast-grep calls it (`python`, `javascript`, `go`, …).
        forbidden: must not match where the branch added or changed a line.
        required: must match somewhere in every added or changed file.
    """

    language: str
    forbidden: str | None = None
    required: str | None = None


class PythonLook(StrEnum):
    """What can be looked for in the syntax tree of a Python file."""

    BARE_EXCEPT = "bare_except"
    EMPTY_EXCEPT = "empty_except"
    RETURN_ANNOTATIONS = "return_annotations"
    DOCSTRINGS = "docstrings"
    DANGEROUS_CALLS = "dangerous_calls"
    HARD_CODED_SECRETS = "hard_coded_secrets"


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonCheck:
    """One of the built-in looks at Python code."""

    look: PythonLook


Check = PathCheck | SizeCheck | CommitMessageCheck | RequiredFilesCheck | PatternCheck | AstPatternCheck | PythonCheck
