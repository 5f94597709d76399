"""Branches of which everything is in their target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.merged import MergedBranch, Proof
from gitalign.documents.reading import (
    as_branch_name,
    as_oid,
    as_target_name,
    as_text,
    field,
    maybe,
    member_of,
    members,
)
from gitalign.documents.snapshots import dump_push_place, load_push_place

if TYPE_CHECKING:
    from gitalign.documents.models.merged_branches import MergedBranchDocument

_PROOF = member_of(Proof)


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


def load_merged_branch(value: Any) -> MergedBranch:
    """Reads what `dump_merged_branch` writes; raises `Malformed`."""
    data = members(value)
    return MergedBranch(
        branch=field(data, "branch", as_branch_name),
        target=field(data, "target", as_target_name),
        tip=field(data, "tip", as_oid),
        proof=field(data, "proof", _PROOF),
        commit=maybe(data, "commit", as_oid),
        kept=field(data, "kept", as_text),
        remote=maybe(data, "remote", as_text),
        place=maybe(data, "place", load_push_place),
    )
