"""What sort of conflict it is and how much it weighs, read from what git names and from the stages of its paths. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from gitalign.core.conflict import Conflict, StageEntry


class ConflictType(StrEnum):
    """Sorts of conflicts, coarser than git's own words."""

    CONTENT = "content"
    """Both sides changed the same lines."""
    BOTH_ADDED = "both_added"
    DELETED = "file_delete"
    """One side changed what the other deleted, or put elsewhere."""
    RENAME = "rename"
    PERMISSION = "permission"
    """Modes or kinds of file differ."""
    BINARY = "binary"
    SUBMODULE = "submodule"
    OTHER = "other"


class ConflictSeverity(StrEnum):
    """How much judgement it takes."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


# The words in brackets are git's stable conflict types (`git help merge-tree`, INFORMATIONAL MESSAGES, since 2.38).
_TYPES = (
    ("submodule", ConflictType.SUBMODULE),
    ("binary", ConflictType.BINARY),
    ("modify/delete", ConflictType.DELETED),
    ("rename/delete", ConflictType.DELETED),
    ("rename", ConflictType.RENAME),
    ("directory", ConflictType.RENAME),
    ("add/add", ConflictType.BOTH_ADDED),
    ("distinct types", ConflictType.PERMISSION),
    ("distinct modes", ConflictType.PERMISSION),
    ("contents", ConflictType.CONTENT),
)
_WEIGHTS = {
    ConflictType.PERMISSION: ConflictSeverity.LOW,
    ConflictType.CONTENT: ConflictSeverity.MEDIUM,
    ConflictType.BOTH_ADDED: ConflictSeverity.MEDIUM,
    ConflictType.DELETED: ConflictSeverity.HIGH,
    ConflictType.RENAME: ConflictSeverity.HIGH,
    ConflictType.BINARY: ConflictSeverity.HIGH,
    ConflictType.SUBMODULE: ConflictSeverity.CRITICAL,
    ConflictType.OTHER: ConflictSeverity.HIGH,
}


def type_of(conflict: Conflict, entries: Sequence[StageEntry] = ()) -> ConflictType:
    """The sort of a conflict.

    Args:
        conflict: as git names it.
        entries: stages of its paths; a path that one side lacks tells an addition from a change.
    """
    words = conflict.kind.casefold()
    found = next((kind for sign, kind in _TYPES if sign in words), ConflictType.OTHER)
    if found is ConflictType.CONTENT:
        mine = [entry for entry in entries if entry.path in conflict.paths]
        if any(entry.mode == "160000" for entry in mine):
            return ConflictType.SUBMODULE
        if {entry.stage for entry in mine} == {2, 3}:
            return ConflictType.BOTH_ADDED
    return found


def severity_of(kind: ConflictType) -> ConflictSeverity:
    """How much a sort of conflict weighs."""
    return _WEIGHTS[kind]


def type_by_stages(entries: Iterable[StageEntry]) -> ConflictType:
    """The sort of conflict of one path in a work tree, where git keeps no words: AA, UU, DU, UD, AU, UA, DD by their stages."""
    found = list(entries)
    if any(entry.mode == "160000" for entry in found):
        return ConflictType.SUBMODULE
    stages = {entry.stage for entry in found}
    if stages == {1, 2, 3}:
        kinds = {entry.mode[:3] for entry in found}
        return ConflictType.CONTENT if len(kinds) == 1 else ConflictType.PERMISSION
    if stages == {2, 3}:
        return ConflictType.BOTH_ADDED
    if stages in ({1, 2}, {1, 3}, {1}):
        return ConflictType.DELETED
    return ConflictType.RENAME


def conflict_summary(conflicts: Iterable[tuple[str, ConflictType]]) -> dict[str, Any]:
    """Counts of conflicts given as (path, sort): in all, by weight, by sort, files affected."""
    found = list(conflicts)
    return {
        "total_conflicts": len(found),
        "by_severity": dict(sorted(Counter(severity_of(kind).value for _, kind in found).items())),
        "by_type": dict(sorted(Counter(kind.value for _, kind in found).items())),
        "files_affected": len({path for path, _ in found}),
    }
