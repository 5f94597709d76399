"""Diffs of diffs: how rewritten commits differ from what they were, as git tells it."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.certificate import PatchVerdict
from gitalign.core.outcome import Aligned, AlignedKind
from gitalign.documents.summary import Summary
from gitalign.errors import GitError, GitMissing
from gitalign.git.command import text
from gitalign.git.repository import Repository

_MOST_BRANCHES = 200
_MOST_CHARACTERS = 40_000
_TIMEOUT_S = 60.0


def range_diffs(repository: Repository, summaries: Sequence[Summary]) -> dict[str, str]:
    """By branch, for those with commits whose change was merged into something else; what cannot be made says why.

    Source: `git help range-diff` (three-dot and two-range forms; since long before 2.38).
    """
    found: dict[str, str] = {}
    for one in summaries:
        outcome = one.outcome
        if (
            isinstance(outcome, Aligned)
            and outcome.how is AlignedKind.REPLAYED
            and any(commit.patch is PatchVerdict.CHANGED for commit in one.commits)
        ):
            if len(found) >= _MOST_BRANCHES:
                found[one.branch] = f"(not made: more than {_MOST_BRANCHES} branches)"
                continue
            ranges = (f"{one.onto}..{one.before}", f"{one.onto}..{outcome.after}")
            try:
                told = text(repository.git.run("range-diff", "--no-color", *ranges, timeout_s=_TIMEOUT_S).stdout)
            except GitMissing:
                raise
            except GitError as error:
                found[one.branch] = f"(git range-diff failed: {error.message[:500]})"
                continue
            more = len(told) > _MOST_CHARACTERS
            found[one.branch] = told[:_MOST_CHARACTERS] + ("\n(cut off)" if more else "")
    return found
