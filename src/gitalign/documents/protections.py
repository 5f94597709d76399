"""What a hosting service enforces on branches, as part of other documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.branch_rules import BranchProtection

if TYPE_CHECKING:
    from gitalign.documents.models.plans import BranchProtectionDocument


def dump_protection(value: BranchProtection) -> BranchProtectionDocument:
    """One branch."""
    return {
        "branch": value.branch,
        "state": value.state,
        "reason": value.reason,
        "rules": [{"rule": one.rule, "state": one.state, "detail": one.detail} for one in value.verdicts],
    }
