"""Branches of which everything is in their target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.merged import MergedBranch
from gitalign.documents.snapshots import dump_push_place

if TYPE_CHECKING:
    from gitalign.documents.models.merged_branches import MergedBranchDocument


def dump_merged_branch(value: MergedBranch) -> MergedBranchDocument:
    """A branch of which everything is in its target."""
    return {
        "branch": value.branch,
        "target": value.target,
        "tip": value.tip,
        "proof": value.proof,
        "commit": value.commit,
        "kept": value.kept,
        "remote": value.remote,
        "place": None if value.place is None else dump_push_place(value.place),
    }
