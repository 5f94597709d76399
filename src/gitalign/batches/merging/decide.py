"""What of a batch lands: all of it, or the largest set of results that merges and passes, with the reason for each that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitalign.batches.merging.clashes import Clashes
from gitalign.batches.merging.judgement import Judge, Judgement
from gitalign.batches.merging.landing import Landing
from gitalign.batches.merging.merge_members import MemberMerger, conflict_words
from gitalign.batches.running.state import Landed, LeftOut, MergeStatus, ResultConflict
from gitalign.core.subsets import Forbidden, closed_over, largest_set, minimal_failing

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Results that cannot land together.

    Attributes:
        members: their numbers.
        because: `conflicts`, `test_failed` or `refused`.
        reason: in words.
    """

    members: Forbidden
    because: MergeStatus
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to land.

    Attributes:
        judgement: of the results that land; None when none does.
        refusal: why nothing lands; None when something does.
        left_out: results that do not land though others do, or could.
        conflicts: pairs of results that do not merge with one another.
    """

    judgement: Judgement | None = None
    refusal: Landed | None = None
    left_out: tuple[LeftOut, ...] = ()
    conflicts: tuple[ResultConflict, ...] = ()


def decide(
    landing: Landing, judge: Judge, merger: MemberMerger, *, lost: Sequence[Fault], best_subset: bool
) -> Decision:
    """Decide what lands.

    Args:
        landing: the batch.
        judge: of its results.
        merger: of its results.
        lost: results whose beginning the target has lost.
        best_subset: land the largest set that merges and passes, not all or nothing.

    Raises:
        GitError, OutOfSpace, UserError: nothing may land.
    """
    if lost and not best_subset:
        return Decision(refusal=Landed(merge_status=MergeStatus.REFUSED, reason=lost[0].reason))
    whole = judge.judge(range(len(landing.members)), with_checks=not lost)
    if whole.passes and not lost:
        return Decision(judgement=whole)
    clashes = Clashes(merger, landing.members)
    largest: tuple[int, ...] = ()
    if whole.merged.unmerged:
        clashes.find_all(whole.merged.unmerged)
        largest = clashes.largest()
    if not best_subset or whole.answer.status is MergeStatus.WAITING or whole.answer.is_environment:
        return Decision(refusal=_refusal(landing, whole, clashes, largest))
    return _Search(landing, judge, merger, clashes, list(lost)).find()


def _refusal(landing: Landing, whole: Judgement, clashes: Clashes, largest: Sequence[int]) -> Landed:
    """Why all of them do not land."""
    answer = whole.answer
    if whole.merged.unmerged:
        conflicts = tuple(clash.conflict for clash in clashes.found)
        more = [f"and {len(conflicts) - _MOST_NAMED} more"] if len(conflicts) > _MOST_NAMED else []
        return Landed(
            merge_status=MergeStatus.CONFLICTS,
            reason="; ".join([*map(conflict_words, conflicts[:_MOST_NAMED]), *more]),
            conflicts=conflicts,
            would_land=tuple(landing.members[number].name for number in largest),
        )
    without = tuple(name for name in whole.merged.merged if name != answer.culprit) if answer.culprit else ()
    return Landed(
        merge_status=answer.status,
        reason=answer.reason,
        tests=answer.tests,
        output=answer.output,
        flaky=answer.flaky,
        would_land=without,
    )


class _Stopped(Exception):
    """The search ends without a set: stopped by a person, or what fails says nothing about a result."""

    def __init__(self, landed: Landed) -> None:
        super().__init__(landed.reason)
        self.landed = landed


class _Search:
    """Looks for the largest set: whatever fails, those at fault are found, and never tried together again."""

    def __init__(
        self, landing: Landing, judge: Judge, merger: MemberMerger, clashes: Clashes, faults: list[Fault]
    ) -> None:
        self._landing = landing
        self._judge = judge
        self._merger = merger
        self._clashes = clashes
        self._requires = merger.containment.requires
        self._faults = faults
        self._noted = 0

    def find(self) -> Decision:
        """The largest set, and why the others are not in it."""
        self._note_clashes()
        try:
            chosen = self._largest()
            while chosen and not (judgement := self._judged(chosen)).passes:
                self._blame(judgement)
                chosen = self._largest()
        except _Stopped as stopped:
            return Decision(refusal=stopped.landed)
        return Decision(
            judgement=judgement if chosen else None,
            left_out=self._left_out(set(chosen)),
            conflicts=tuple(clash.conflict for clash in self._clashes.found),
        )

    def _largest(self) -> tuple[int, ...]:
        members = [fault.members for fault in self._faults]
        return largest_set(len(self._landing.members), members, self._requires)

    def _judged(self, numbers: Sequence[int], *, with_checks: bool = True) -> Judgement:
        limit = self._landing.options.most_validations
        if with_checks and self._judge.validations >= limit:
            reason = f"no set of results passed within {limit} runs of the checks"
            raise _Stopped(Landed(merge_status=MergeStatus.TEST_FAILED, reason=reason))
        judgement = self._judge.judge(numbers, with_checks=with_checks)
        answer = judgement.answer
        if answer.status is MergeStatus.WAITING or answer.is_environment:
            raise _Stopped(
                Landed(merge_status=answer.status, reason=answer.reason, tests=answer.tests, output=answer.output)
            )
        return judgement

    def _note_clashes(self) -> None:
        for clash in self._clashes.found[self._noted :]:
            reason = conflict_words(clash.conflict)
            self._faults.append(Fault(members=clash.members, because=MergeStatus.CONFLICTS, reason=reason))
        self._noted = len(self._clashes.found)

    def _blame(self, judgement: Judgement) -> None:
        """Find results at fault for a set that may not land."""
        if judgement.merged.unmerged:
            self._clashes.find_joint(judgement.numbers, judgement.merged.unmerged[0])
            self._note_clashes()
            return
        with_checks = judgement.answer.status is MergeStatus.TEST_FAILED

        def fails(part: Sequence[int]) -> bool:
            if not part and not (with_checks and not self._landing.gates.checks.new_only):
                return False  # what fails on the target itself is not a failure then
            numbers = sorted(closed_over(part, self._requires))
            return not self._judged(numbers, with_checks=with_checks).passes

        culprits = minimal_failing(judgement.numbers, fails)
        if not culprits:
            answer = judgement.answer
            reason = f"{self._landing.target.name} itself does not pass: {answer.reason}"
            raise _Stopped(Landed(merge_status=answer.status, reason=reason, tests=answer.tests, output=answer.output))
        answer = self._judged(sorted(closed_over(culprits, self._requires)), with_checks=with_checks).answer
        self._faults.append(Fault(members=frozenset(culprits), because=answer.status, reason=answer.reason))

    def _left_out(self, chosen: set[int]) -> tuple[LeftOut, ...]:
        return tuple(
            self._reason(number, chosen) for number in range(len(self._landing.members)) if number not in chosen
        )

    def _reason(self, number: int, chosen: set[int]) -> LeftOut:
        member = self._landing.members[number]
        mine = [fault for fault in self._faults if number in fault.members]
        mine.sort(key=lambda fault: len(fault.members - {number} - chosen))
        if not mine:
            missing = sorted(closed_over([number], self._requires) - chosen - {number})
            names = ", ".join(self._landing.members[other].name for other in missing[:_MOST_NAMED])
            reason = f"it needs or holds {names}, which is left out"
            return LeftOut(task=member.task.id, name=member.name, because=MergeStatus.SKIPPED, reason=reason)
        fault = mine[0]
        together = tuple(self._landing.members[other].name for other in sorted(fault.members - {number}))
        reason = fault.reason
        if together and fault.because is not MergeStatus.CONFLICTS:
            reason += f" (together with {', '.join(together)})"
        return LeftOut(task=member.task.id, name=member.name, because=fault.because, together=together, reason=reason)
