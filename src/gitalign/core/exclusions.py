"""Branches left out of a plan, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gitalign.core.names import BranchName, TargetName


class ExclusionCode(StrEnum):
    """Why a branch is not part of the plan."""

    IS_TARGET = "is_target"
    PROTECTED = "protected"
    DEFAULT_BRANCH = "default_branch"
    """It is the default branch of the repository, though no target."""
    LONG_LIVED = "long_lived"
    """By its name it is a release, a version, a published site, or another line that others build on."""
    OTHER_LINE = "other_line"
    """It was started on a long-lived branch that is no target."""
    BOT = "bot"
    """A bot made it, and rebases it itself."""
    BACKUP = "backup"
    INTEGRATION = "integration"
    """It holds the merge of another branch, and follows that one."""
    SYMBOLIC_REF = "symbolic_ref"
    CHECKED_OUT_DIRTY = "checked_out_dirty"
    CHECKED_OUT_BUSY = "checked_out_busy"
    CHECKED_OUT_HELD = "checked_out_held"
    WORK_TREE_UNAVAILABLE = "work_tree_unavailable"
    WORK_TREE_FILTERED = "work_tree_filtered"
    WORK_TREE_OBSTRUCTED = "work_tree_obstructed"
    DIFFERS = "differs_from_remote"
    """It exists here and on the remote, and one has commits that the other lacks."""
    NOT_SELECTED = "not_selected"
    EXCLUDED = "excluded"
    OTHER_AUTHOR = "other_author"
    BEFORE_SINCE = "before_since"
    TOO_YOUNG = "too_young"
    MISSING = "missing_in_repository"
    DUPLICATE = "duplicate_entry"
    UNKNOWN_TARGET = "unknown_target"
    NO_TARGET = "no_target"
    NOT_A_COMMIT = "not_a_commit"
    ALIASED = "same_ref_as_another"
    INVALID_NAME = "invalid_name"


FILTERS = {
    ExclusionCode.NOT_SELECTED: "--only",
    ExclusionCode.EXCLUDED: "--exclude",
    ExclusionCode.OTHER_AUTHOR: "--author",
    ExclusionCode.BEFORE_SINCE: "--since",
    ExclusionCode.TOO_YOUNG: "--older-than",
}
"""The codes of branches that the operator did not ask for, with the option that left them out."""


_OF_A_LIST = frozenset(
    {ExclusionCode.MISSING, ExclusionCode.INVALID_NAME, ExclusionCode.DUPLICATE, ExclusionCode.NO_TARGET}
)


_WRONG = frozenset(
    {
        ExclusionCode.MISSING,
        ExclusionCode.INVALID_NAME,
        ExclusionCode.UNKNOWN_TARGET,
        ExclusionCode.NO_TARGET,
        ExclusionCode.NOT_A_COMMIT,
    }
)


_HELD_BACK = frozenset(
    {
        ExclusionCode.DIFFERS,
        ExclusionCode.CHECKED_OUT_DIRTY,
        ExclusionCode.CHECKED_OUT_BUSY,
        ExclusionCode.WORK_TREE_UNAVAILABLE,
        ExclusionCode.WORK_TREE_FILTERED,
        ExclusionCode.WORK_TREE_OBSTRUCTED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A branch left out, with a reason that can be read and one that can be matched on."""

    branch: BranchName
    code: ExclusionCode
    reason: str
    target: TargetName | None = None

    @property
    def was_asked_for(self) -> bool:
        """True for a branch of a branch list, and for one that was given a target before it was left out."""
        return self.code not in FILTERS and (self.target is not None or self.code in _OF_A_LIST)

    @property
    def is_wrong(self) -> bool:
        """True when it cannot be aligned as it was asked for, and a person has to look at it."""
        return self.was_asked_for and self.code in _WRONG

    @property
    def is_held_back(self) -> bool:
        """True when it cannot move now, though the operator did not ask to leave it out: a work tree, or its other place."""
        return self.code in _HELD_BACK
