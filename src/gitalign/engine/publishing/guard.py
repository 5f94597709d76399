"""What nothing may move, and what may be a target: decided from settings and the repository, whatever a plan or a journal says."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gitalign.configuration.settings import Alignment
from gitalign.core.names import HEADS, REMOTES, BranchName, Oid, branch_of, display, ref_of
from gitalign.core.plan import Plan, StepKind
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.snapshot import Tip
from gitalign.core.targets import conventional_names, head_of_remote, short_name
from gitalign.errors import PlanRefused
from gitalign.git.refs import read_tips, read_upstreams
from gitalign.git.repository import Repository, head_of, is_without_work_tree

_MOVE_NOTHING = (StepKind.UP_TO_DATE, StepKind.LEAVE)


@dataclass(frozen=True, slots=True)
class Guard:
    """What must not move under given settings.

    Attributes:
        repository: its refs count as they are when it is asked.
        settings: name targets and protected branches.
        landed_on: full names of targets that a batch lands on: they may move, unless settings protect them by name.
    """

    repository: Repository
    settings: Alignment
    landed_on: frozenset[str] = frozenset()

    def refs(self, plan: Plan | None, tips: Sequence[Tip] | None = None) -> frozenset[str]:
        """Full names of local branches that must not move: targets, protected ones, symbolic ones, and the plan's own targets.

        Args:
            plan: what is to be moved; None where there is no plan yet.
            tips: branches as they are now, where the caller has just read them (`read_tips`).

        Raises:
            GitError
        """
        tips = read_tips(self.repository) if tips is None else tips
        steps, planned, seen_of = (plan.steps, plan.targets, plan.snapshot.branches_of) if plan else ((), (), None)
        own = self._own_head()
        targets = self._names(tips, own)
        heads = [head_of_remote(tips, one) for one in {self.settings.remote, seen_of or ""}]
        moved = (step.moved_ref for step in steps)
        known = {tip.ref for tip in tips if tip.ref.startswith(HEADS)} | {ref for ref in moved if ref.startswith(HEADS)}
        all_targets = (
            {ref_of(BranchName(name)) for name in (*targets, *heads) if name is not None}
            | ({own} if own is not None else set())
            | {target.ref for target in planned}
            | {ref_of(target.name) for target in planned}
        )
        return frozenset((all_targets - self.landed_on) | self._kept(known, tips))

    def keeps(self, ref: str) -> bool:
        """Whether a local branch must not move, even if it is one that a batch lands on.

        Raises:
            GitError
        """
        return ref in self._kept({ref}, read_tips(self.repository))

    def _kept(self, refs: Iterable[str], tips: Sequence[Tip]) -> set[str]:
        """Symbolic branches, and those of `refs` that settings protect by name."""
        symbolic = {tip.ref for tip in tips if tip.symbolic_target is not None}
        return symbolic | {
            ref for ref in refs if any(fnmatch.fnmatchcase(branch_of(ref), glob) for glob in self.settings.protected)
        }

    def require_free(self, plan: Plan, tips: Sequence[Tip] | None = None) -> None:
        """Refuse a plan that moves what must not move.

        Args:
            plan: what is to be moved.
            tips: branches as they are now, where the caller has just read them.

        Raises:
            PlanRefused
            GitError
        """
        guarded = self.refs(plan, tips)
        for step in plan.steps:
            if step.moved_ref in guarded and step.kind not in _MOVE_NOTHING and step.refusal is None:
                raise PlanRefused(
                    f"the plan moves {display(branch_of(step.moved_ref))}, which is a target or protected here",
                    hint="make a new one under the settings that hold now: git align plan --save FILE",
                )

    def require_targets(self, plan: Plan, seen: Sequence[Tip]) -> None:
        """Refuse a plan, made elsewhere or earlier, onto something that is no target here, or that its target never held.

        Args:
            plan: what is to be moved.
            seen: branches as they are now.

        Raises:
            PlanRefused
            GitError
        """
        tips = {tip.ref: tip.oid for tip in seen}
        names = self._names(seen, None if self.settings.targets else self._own_head())
        for target in plan.targets:
            local = ref_of(target.name)
            places = {ref for ref in tips if ref.startswith(REMOTES) and ref.endswith(f"/{target.name}")} | {local}
            if target.name not in names or not (
                self._stands_in(tips, places, target.oid)
                or self._stands_in(tips, read_upstreams(self.repository, [local]).values(), target.oid)
            ):
                raise PlanRefused(
                    f"the plan aligns onto {display(target.name)} at {target.oid[:12]}, which is not a target here",
                    hint="make a new one under the settings that hold now: git align plan --save FILE",
                )
        onto = {target.name: target.oid for target in plan.targets}
        for step in plan.steps:
            if onto.get(step.target.name) != step.onto:
                raise PlanRefused(
                    f"the plan aligns {display(step.branch.name)} onto {step.onto[:12]}, which is not one of its targets",
                    hint="make a new one: git align plan --save FILE",
                )

    def _own_head(self) -> str | None:
        """The branch that HEAD of a bare repository names, which is a target."""
        return head_of(self.repository) if is_without_work_tree(self.repository) else None

    def _names(self, tips: Sequence[Tip], own_head: str | None) -> set[str]:
        """Names of targets: those that the settings give, or those that are found."""
        remote = self.settings.remote
        given = self.settings.targets or conventional_names(tips, remote)
        refs = {tip.ref for tip in tips}
        head = None if self.settings.targets else own_head
        tracked = {
            short_name(name, remote)
            for name in given
            if f"{REMOTES}{name}" in refs and ref_of(BranchName(name)) not in refs
        }
        return {*given, *tracked, *([head.removeprefix(HEADS)] if head is not None else [])}

    def _stands_in(self, tips: Mapping[str, Oid], places: Iterable[str], commit: Oid) -> bool:
        """True when one of the places holds a commit."""
        stands = sorted({tips[ref] for ref in places if ref in tips})
        return commit in stands or any(self._holds(tip, commit) for tip in stands)

    def _holds(self, tip: Oid, commit: Oid) -> bool:
        done = self.repository.git.run("merge-base", "--is-ancestor", commit, tip, accept=(0, 1))
        return done.returncode == 0


def held_if_guarded(publications: Sequence[Publication], guarded: frozenset[str]) -> tuple[Publication, ...]:
    """The publications, those of refs that must not move held back."""
    return tuple(
        replace(one, state=MoveState.HELD_BACK, detail=GUARDED)
        if one.state is MoveState.INTENDED and one.update.ref in guarded
        else one
        for one in publications
    )


def not_pushed_if_guarded(publications: Sequence[Publication], guarded: frozenset[str]) -> tuple[Publication, ...]:
    """The publications before anything is pushed, those of refs that must not move on a remote held back."""
    return tuple(
        replace(one, push=PushState.HELD_BACK, push_detail=GUARDED)
        if one.push is PushState.UNKNOWN and one.pushed_ref in guarded
        else one
        for one in publications
    )


GUARDED = "it is a target or protected: never moved"
