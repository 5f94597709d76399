"""Whether what was asked names anything: a misspelt glob or an unknown target must not look like a run with nothing to do."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Collection, Sequence

from gitalign.core.long_lived import PRIMARY_NAMES
from gitalign.core.names import HEADS, display, shell_word
from gitalign.core.plan import Plan
from gitalign.errors import UserError


def require_branches(plan: Plan, only: Sequence[str]) -> None:
    """Refuse a plan without a target, and one that was asked for by globs of which none matches, or by a name that is not there.

    Args:
        plan: as it was made.
        only: the globs that it was made with.

    Raises:
        UserError: with what to type.
    """
    there = {tip.ref.removeprefix(HEADS) for tip in plan.snapshot.tips if tip.ref.startswith(HEADS)}
    if not plan.targets:
        raise _no_target(plan, there)
    require_matches(there | {step.branch.name for step in plan.steps} | {one.branch for one in plan.excluded}, only)


def require_matches(known: Collection[str], only: Sequence[str]) -> None:
    """Refuse globs of which none matches, and a name that is not there.

    Args:
        known: names of branches.
        only: the globs.

    Raises:
        UserError: with what to type.
    """
    missed = [glob for glob in only if not any(fnmatch.fnmatchcase(name, glob) for name in known)]
    wrong = missed if len(missed) == len(only) else [glob for glob in missed if not set("*?[") & set(glob)]
    if wrong:
        near = difflib.get_close_matches(wrong[0].strip("*"), sorted(known), n=1, cutoff=0.6)
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
        hint=f"name yours, for example: GITALIGN_ALIGNMENT__TARGETS={shell_word(f'[{display(name)}]')} git align plan   "
        "or alignment.targets in the configuration",
    )
