"""Results of a run read back from git, all together: is every commit and every folder of theirs there?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.names import Oid, is_zero
from gitalign.core.outcome import Aligned, AlignedKind, Failed, StepResult
from gitalign.git.quarantine import Quarantine
from gitalign.integrate.conserve import missing_trees, verify_histories

KEEPS_OLD = frozenset({AlignedKind.MERGED, AlignedKind.RECREATED, AlignedKind.INTEGRATED})
"""Their results stand on commits that the branch had before."""


def read_back(
    quarantine: Quarantine, results: Sequence[StepResult], *, timeout_s: float, packs: bool
) -> tuple[StepResult, ...]:
    """Results, of which those that do not hold what is reported, or hold a folder that is missing, have failed.

    Args:
        quarantine: where they are.
        results: of every step.
        timeout_s: deadline of one question in seconds.
        packs: pack them first, for everything that reads them afterwards.

    Raises:
        GitError
    """
    is_packed = packs and _packed(quarantine, results)
    results = _with_histories_verified(quarantine, results, timeout_s=timeout_s)
    return _with_trees_found(quarantine, results, timeout_s=timeout_s, is_packed=is_packed)


def _packed(quarantine: Quarantine, results: Sequence[StepResult]) -> bool:
    moves = [
        result.outcome
        for result in results
        if isinstance(result.outcome, Aligned) and result.outcome.after != result.outcome.before
    ]
    return quarantine.packs.pack([one.after for one in moves], known_of(moves), replaced={one.before for one in moves})


def known_of(moves: Sequence[Aligned]) -> set[Oid]:
    """Commits whose objects the repository has, and that results stand on.

    Not every old tip is named: git would read all their trees.
    """
    return {oid for one in moves for oid in ((one.onto, one.before) if one.how in KEEPS_OLD else (one.onto,))}


def _with_trees_found(
    quarantine: Quarantine, results: Sequence[StepResult], *, timeout_s: float, is_packed: bool
) -> tuple[StepResult, ...]:
    """Results that hold a folder no one can read cannot be published: those branches fail, and no other.

    git merges past a folder that neither side changed without reading it. What could be packed has all its folders, but for
    those that an old tip of its branch has, too.
    """
    made = {
        result.step_id: result.outcome
        for result in results
        if isinstance(result.outcome, Aligned)
        and result.outcome.after != result.outcome.onto
        and not is_zero(result.outcome.after)
        and not (is_packed and result.outcome.how not in KEEPS_OLD)
    }
    if not made or not missing_trees(quarantine.git, made.values(), timeout_s=timeout_s):
        return tuple(results)
    lost = {
        step_id: found[0]
        for step_id, one in made.items()
        if (found := missing_trees(quarantine.git, [one], timeout_s=timeout_s))
    }
    return tuple(
        replace(
            result,
            outcome=Failed(
                code="missing_object",
                reason=f"tree {lost[result.step_id]} of its files is missing",
                hint="fetch the missing objects, then run again",
                stage="conserve",
            ),
        )
        if result.step_id in lost
        else result
        for result in results
    )


def _with_histories_verified(
    quarantine: Quarantine, results: Sequence[StepResult], *, timeout_s: float
) -> tuple[StepResult, ...]:
    # A trial may take a clean result from memory, without commits to look at.
    aligned = [
        result.outcome
        for result in results
        if isinstance(result.outcome, Aligned) and not is_zero(result.outcome.after)
    ]
    known = {oid for one in aligned for oid in (one.before, one.onto)}
    faults = verify_histories(quarantine.git, aligned, known=known, timeout_s=timeout_s)
    if not faults:
        return tuple(results)
    hint = "this is a bug of git-align; the branch was not moved"
    return tuple(
        replace(
            result,
            outcome=Failed(code="conservation", reason=faults[result.outcome.after], hint=hint, stage="conserve"),
        )
        if isinstance(result.outcome, Aligned) and result.outcome.after in faults
        else result
        for result in results
    )
