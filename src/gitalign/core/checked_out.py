"""Branches that work trees hold: which ones move along, and which ones keep their branch where it is. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from gitalign.core.exclusions import Exclusion, ExclusionCode
from gitalign.core.names import HEADS, BranchName, display
from gitalign.core.plan import Step, StepKind
from gitalign.core.policy import CheckedOut, Policy
from gitalign.core.snapshot import Checkout, CheckoutState, Snapshot
from gitalign.core.steps import Chosen


class WorkTrees:
    """Work trees of a snapshot, by the branch they hold.

    Args:
        snapshot: refs and work trees.
        policy: whether a branch moves with its work tree.
    """

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        self._policy = policy
        self._aliases: dict[str, list[str]] = defaultdict(list)
        for tip in snapshot.tips:
            if tip.ref.startswith(HEADS) and tip.symbolic_target is not None:
                self._aliases[tip.symbolic_target].append(tip.ref)
        self._checkouts: dict[str, list[Checkout]] = defaultdict(list)
        for checkout in snapshot.checkouts:
            self._checkouts[checkout.ref].append(checkout)

    def moving_with(self, step: Step, chosen: Chosen) -> tuple[Step, Exclusion | None]:
        """A step with the work tree that moves along; and why it is left out, when that one cannot follow."""
        if step.integration is None:
            stays = step.kind in (StepKind.UP_TO_DATE, StepKind.LEAVE)
            return step, None if stays else chosen.held
        held = self.holding(step.moved_ref)
        out = None
        if step.kind is StepKind.INTEGRATE and step.refusal is None:
            out = self.refusal(step.branch.name, step.moved_ref)
        if out is not None:
            out = replace(out, reason=f"{display(step.integration)} is {out.reason}", target=step.target.name)
        return replace(step, checkout=held[0].path if held else None), out

    def holding(self, ref: str) -> list[Checkout]:
        """Work trees that hold a branch, under its own name or an alias."""
        return [checkout for one in (ref, *self._aliases.get(ref, ())) for checkout in self._checkouts.get(one, ())]

    def refusal(self, name: BranchName, ref: str) -> Exclusion | None:
        """Why a branch stays where it is because of the work tree that holds it; None when it can move."""
        held = self.holding(ref)
        if not held:
            return None
        codes = {
            CheckoutState.DIRTY: ExclusionCode.CHECKED_OUT_DIRTY,
            CheckoutState.BUSY: ExclusionCode.CHECKED_OUT_BUSY,
            CheckoutState.LOCKED: ExclusionCode.WORK_TREE_UNAVAILABLE,
            CheckoutState.MISSING: ExclusionCode.WORK_TREE_UNAVAILABLE,
            CheckoutState.FILTERED: ExclusionCode.WORK_TREE_FILTERED,
            CheckoutState.OBSTRUCTED: ExclusionCode.WORK_TREE_OBSTRUCTED,
            CheckoutState.UNCLEAR: ExclusionCode.WORK_TREE_UNAVAILABLE,
        }
        for checkout in held:
            if checkout.state is not CheckoutState.CLEAN:
                detail = f": {checkout.detail}" if checkout.detail else ""
                return Exclusion(
                    branch=name,
                    code=codes[checkout.state],
                    reason=f"checked out in {display(checkout.path)}, which is {checkout.state}{detail}",
                )
        path = display(held[0].path)
        if self._policy.checked_out is CheckedOut.HOLD:
            why = f"checked out in {path}, and alignment.checked_out is hold"
        elif held[0].ref != ref:
            why = f"checked out in {path} under its alias {display(held[0].ref.removeprefix(HEADS))}"
        elif len(held) > 1:
            why = f"checked out in several work trees: {', '.join(display(checkout.path) for checkout in held)}"
        else:
            return None
        return Exclusion(branch=name, code=ExclusionCode.CHECKED_OUT_HELD, reason=why)
