"""Branches that do not align, as far as git merges them with their target in one piece: what is known of them before a person
has resolved the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from gitalign.core.commit import unseen_commit
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.core.plan import Step, Target
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.alignment.merge_workers import map_on_workers
from gitalign.engine.analysis.branch_preview import BranchPreview
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import ABOUT_ONE_MERGE
from gitalign.git.command import raw
from gitalign.git.diffs import path_changes
from gitalign.git.merge import MergeAnswer
from gitalign.integrate.lane import MergeWorker


def partial_key(step: Step, *, rules: str) -> str:
    """Content key of what git merges of a branch."""
    return hashlib.sha256(f"partial {step.seen} {step.onto} {rules}".encode("ascii")).hexdigest()


def merged_in_part(
    integration: IntegrationContext, target: Target, steps: Mapping[str, Step], graph: CommitGraph, stop: StopSignal
) -> list[BranchPreview]:
    """What git merges of branches with their target; those that cannot be merged at all are left out.

    Args:
        integration: whose quarantine the merged trees are written to.
        target: of all of them.
        steps: content key -> the branch.
        graph: history behind them.
        stop: the stop button.

    Raises:
        GitError, OutOfSpace
    """

    def merged(lane: MergeWorker, step: Step) -> tuple[MergeAnswer, Oid] | None:
        if stop.stop_requested:
            return None
        bases = graph.own(step.seen, step.onto).bases
        if not bases:
            return None
        try:
            if len(bases) == 1:
                sides = lane.side(step.onto), lane.side(step.seen)
                answer = lane.merge(step.onto, base=lane.side(bases[0]), ours=sides[0], theirs=sides[1])
            else:
                answer = lane.merge_histories(step.onto, step.onto, step.seen, bases=bases)
        except ABOUT_ONE_MERGE:
            return None
        (commit,) = lane.write([unseen_commit(answer.tree, step.onto)])
        return answer, commit

    answers = map_on_workers(integration, [target.oid], merged, list(steps.values()))
    made = {key: answer for key, answer in zip(steps, answers, strict=True) if answer is not None}
    changes = dict(path_changes(integration.quarantine.git, [(target.oid, commit) for _, commit in made.values()]))
    found: list[BranchPreview] = []
    for key, (answer, commit) in made.items():
        if (target.oid, commit) not in changes:
            continue
        stops = {entry.path for entry in answer.entries} | {path for one in answer.conflicts for path in one.paths}
        # A path git invented for a file that is in the way stands for that file.
        unresolved = frozenset(raw(path.partition("~\0")[0]) for path in stops)
        found.append(
            BranchPreview(
                step=steps[key],
                key=key,
                how=None,
                tree=answer.tree,
                changes=tuple(changes[target.oid, commit]),
                own=frozenset(graph.own_ids(steps[key].seen, target.oid)),
                commit=commit,
                unresolved=unresolved,
                is_partial=True,
            )
        )
    return found
