"""Whether what was asked names anything: a misspelt glob or an unknown target must not look like a run with nothing to do."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Collection, Mapping, Sequence

from gitalign.core.exclusions import ExclusionCode
from gitalign.core.long_lived import PRIMARY_NAMES
from gitalign.core.names import HEADS, display, shell_word
from gitalign.core.plan import Plan
from gitalign.core.targets import is_guess
from gitalign.core.working_set import remote_by_branch
from gitalign.errors import UserError


def require_branches(plan: Plan, only: Sequence[str], *, is_listed: bool = False) -> None:
    """Refuse a plan whose targets are not known for sure, and one that was asked for by globs of which none matches, or by a name
    that is not there.

    Args:
        plan: as it was made.
        only: the globs that it was made with.
        is_listed: its branches come from a branch list.

    Raises:
        UserError: with what to type.
    """
    there = {tip.ref.removeprefix(HEADS) for tip in plan.snapshot.tips if tip.ref.startswith(HEADS)}
    fault = target_fault(plan, only, is_listed=is_listed)
    if fault is not None:
        raise fault
    elsewhere = {} if plan.snapshot.branches_of else remote_by_branch(plan.snapshot)
    require_matches(
        there | {step.branch.name for step in plan.steps} | {one.branch for one in plan.excluded}, only, elsewhere
    )


def target_fault(plan: Plan, only: Sequence[str] = (), *, is_listed: bool = False) -> UserError | None:
    """Why a plan's targets cannot be taken without asking: there is none, or the primary branch is not among them."""
    there = {tip.ref.removeprefix(HEADS) for tip in plan.snapshot.tips if tip.ref.startswith(HEADS)}
    if not plan.targets:
        return _no_target(plan, there)
    if is_listed:
        return None
    default = plan.snapshot.default_branch
    forgotten = next((one.branch for one in plan.excluded if one.code is ExclusionCode.DEFAULT_BRANCH), None)
    if default is not None and forgotten is not None and forgotten not in only:
        return _ask_for(
            plan,
            forgotten,
            f"{display(forgotten)} is the default branch ({default[1]}), but neither a target nor protected",
        )
    head = (plan.snapshot.head or "").removeprefix(HEADS)
    if is_guess(plan) and default is None and any(step.branch.name == head for step in plan.steps):
        names = ", ".join(display(target.name) for target in plan.targets)
        return _ask_for(
            plan,
            head,
            f"which branch is the primary one? Only {names} has a usual name, and HEAD is on {display(head)}",
        )
    return None


def _ask_for(plan: Plan, name: str, message: str) -> UserError:
    """The error that asks whether a branch is a target, with the lines to type."""
    others = " ".join(f"--target {shell_word(target.name)}" for target in plan.targets)
    word = shell_word(name)
    return UserError(
        message,
        code="target_not_known",
        hint=f"git align plan {others} --target {word}   makes it a target; --exclude {word} leaves it where it is. "
        "For every command: alignment.targets or alignment.protected in the configuration",
    )


def require_matches(known: Collection[str], only: Sequence[str], elsewhere: Mapping[str, str] | None = None) -> None:
    """Refuse globs of which none matches, and a name that is not there.

    Args:
        known: names of branches.
        only: the globs.
        elsewhere: names of branches that only a remote has, with the remote.

    Raises:
        UserError: with what to type.
    """
    missed = [glob for glob in only if not any(fnmatch.fnmatchcase(name, glob) for name in known)]
    wrong = missed if len(missed) == len(only) else [glob for glob in missed if not set("*?[") & set(glob)]
    if wrong:
        near = difflib.get_close_matches(wrong[0].strip("*"), sorted(known), n=1, cutoff=0.6)
        remote = (elsewhere or {}).get(wrong[0])
        if remote is not None:
            raise UserError(
                f"{display(wrong[0])} exists only on {display(remote)}",
                code="no_such_branch",
                hint=f"add --remote{'' if remote == 'origin' else f' {shell_word(remote)}'} --only {shell_word(wrong[0])}",
            )
        raise UserError(
            f"no branch matches {', '.join(map(repr, wrong))}",
            code="no_such_branch",
            hint=f"did you mean {shell_word(near[0])}?" if near else "git align plan --verbose   lists every branch",
        )


def _no_target(plan: Plan, there: set[str]) -> UserError:
    if not there:
        return UserError(
            "this repository has no branch yet", code="unknown_target", hint="make a first commit, then: git align plan"
        )
    held = [one.ref.removeprefix(HEADS) for one in plan.snapshot.checkouts]
    name = next((one for one in held if one in there), min(there))
    return UserError(
        f"there is no target branch here: none of {', '.join(PRIMARY_NAMES)} exists",
        code="unknown_target",
        hint=f"name yours, for example: git align plan --target {shell_word(name)}   or alignment.targets in the configuration",
    )
