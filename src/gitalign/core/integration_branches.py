"""Integration branches: `integration/<branch>` holds the merge of a branch into its target, while the branch itself stays.

Pure: which branches are such, for whom they were made, and what keeps one from being made or moved.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection
from dataclasses import dataclass

from gitalign.core.graph import CommitGraph
from gitalign.core.names import HEADS, BranchName, Oid, branch_of, display, name_fault, ref_of
from gitalign.core.plan import Target
from gitalign.core.policy import Policy
from gitalign.core.snapshot import Snapshot, Tip

TAKEN = "integration_branch_taken"
NAME_CLASH = "integration_name_clash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the merge of a branch is to go.

    Attributes:
        branch: the integration branch.
        seen: where it stands; None when it is not there.
        is_done: it has all of branch and target already.
        by_shape: no run is known to have put it there: it is one by its shape alone.
        refusal: code and words when it can be neither made nor moved.
    """

    branch: BranchName
    seen: Oid | None = None
    is_done: bool = False
    by_shape: bool = False
    refusal: tuple[str, str] | None = None


class IntegrationBranches:
    """The integration branches of one snapshot.

    Args:
        snapshot: refs, and where earlier runs put integration branches.
        graph: history behind every branch and target.
        policy: names the prefix and what is protected.
        targets: of the run.
        never_moved: full refs that no run moves.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        graph: CommitGraph,
        policy: Policy,
        targets: Collection[Target],
        never_moved: Collection[str],
    ) -> None:
        self._tips = {tip.ref: tip for tip in snapshot.tips if tip.ref.startswith(HEADS)}
        self._folders = {folder: ref for ref in sorted(self._tips, reverse=True) for folder in _folders(ref)}
        self._placed = dict(snapshot.placed)
        self._graph = graph
        self._policy = policy
        self._targets = targets
        self._never_moved = never_moved

    def place_for(self, branch: BranchName, *, seen: Oid, onto: Oid) -> Place:
        """Where the merge of a branch goes, or why it cannot go there.

        Args:
            branch: the branch that stays.
            seen: its tip, which the graph has.
            onto: its target's tip, which the graph has.
        """
        name = BranchName(f"{self._policy.integration_prefix}/{branch}")
        ref = ref_of(name)
        tip = self._tips.get(ref)
        if tip is None:
            return Place(branch=name, refusal=self._unusable(name) or self._clash(ref))
        if tip.symbolic_target is not None or tip.object_type != "commit":
            words = f"{display(name)} is {'a symbolic ref' if tip.symbolic_target else f'a {tip.object_type}'}"
            return Place(branch=name, seen=tip.oid, refusal=(TAKEN, f"{words}, not a branch of git-align's"))
        if self._has(tip.oid, seen) and self._has(tip.oid, onto):
            return Place(branch=name, seen=tip.oid, is_done=True)
        return Place(
            branch=name,
            seen=tip.oid,
            by_shape=self._placed.get(ref) != tip.oid,
            refusal=self._unusable(name) or self._taken(name, tip, seen, onto),
        )

    def role_of(self, tip: Tip) -> str:
        """Whose merge a branch holds, in words, where it is an integration branch; empty where it is none."""
        before = f"{HEADS}{self._policy.integration_prefix}/"
        name = tip.ref.removeprefix(before)
        if name == tip.ref:
            return ""
        if self._placed.get(tip.ref) == tip.oid:
            return f"is the integration branch of {display(name)}"
        branch = self._tips.get(HEADS + name)
        if branch is None or branch.ref in self._never_moved:
            return ""
        if any(self._is_merge_of(tip.oid, branch.oid, one.oid) for one in self._targets):
            return f"is the integration branch of {display(name)}, by its shape (alignment.integration_prefix names others)"
        return ""

    def _unusable(self, name: BranchName) -> tuple[str, str] | None:
        if fault := name_fault(name):
            return NAME_CLASH, f"its integration branch would be {display(name)}: the name {fault}"
        if ref_of(name) in self._never_moved:
            return TAKEN, f"{display(name)} is a target, and targets are never moved"
        for glob in self._policy.protected:
            if fnmatch.fnmatchcase(name, glob):
                return TAKEN, f"{display(name)} is protected by the pattern {glob}"
        return None

    def _clash(self, ref: str) -> tuple[str, str] | None:
        """git keeps no branch beside branches below its name (`git help check-ref-format`)."""
        other = next((folder for folder in _folders(ref) if folder in self._tips), None) or self._folders.get(ref)
        if other is None:
            return None
        there = display(branch_of(other))
        return (
            NAME_CLASH,
            f"{display(branch_of(ref))} cannot be made beside the branch {there}: one is a folder of the other",
        )

    def _taken(self, name: BranchName, tip: Tip, seen: Oid, onto: Oid) -> tuple[str, str] | None:
        if self._placed.get(tip.ref) == tip.oid or self._is_merge_of(tip.oid, seen, onto):
            return None
        return TAKEN, f"{display(name)} is there and is not a merge that git-align made: it stands at {tip.oid[:12]}"

    def _is_merge_of(self, tip: Oid, branch: Oid, target: Oid) -> bool:
        """A merge of something the target has with something the branch has, and nothing above it."""
        if tip not in self._graph:
            return False
        parents = self._graph.parents(tip)
        return len(parents) == 2 and self._has(target, parents[0]) and self._has(branch, parents[1])

    def _has(self, tip: Oid, commit: Oid) -> bool:
        return tip in self._graph and commit in self._graph and self._graph.is_ancestor(commit, tip)


def _folders(ref: str) -> list[str]:
    parts = ref.removeprefix(HEADS).split("/")
    return [HEADS + "/".join(parts[:count]) for count in range(1, len(parts))]
