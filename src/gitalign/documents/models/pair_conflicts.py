"""Models: two branches that cannot both land."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.pair_conflicts import Basis
from gitalign.documents.models.conflicts import ConflictDocument
from gitalign.documents.models.hunks import HunkDocument


class PairConflictDocument(TypedDict):
    """Two branches that cannot both land on their target without a person."""

    one: str
    other: str
    target: str
    basis: Basis
    conflicts: list[ConflictDocument]
    paths: list[str]
    sources: list[str]
    hunks: list[HunkDocument]
    hunks_left_out: int
    one_commits: list[str]
    other_commits: list[str]
