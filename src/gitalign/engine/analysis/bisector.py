"""How far one branch aligns: the search along the line of its target, with merges that are thrown away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gitalign.core.bisection import search
from gitalign.core.conflict import AlignablePoint, Undetermined
from gitalign.core.first_parent_chain import FirstParentChain
from gitalign.core.names import Oid, paths_meant
from gitalign.core.outcome import Aligned, Cancelled, Conflicted, Outcome
from gitalign.core.own_commits import OwnCommits
from gitalign.core.plan import Step, StepKind
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import ABOUT_ONE_MERGE
from gitalign.git.attributes import AttributeFiles
from gitalign.git.command import raw
from gitalign.integrate.lane import MergeWorker, Rewrites
from gitalign.integrate.merge import merge_target
from gitalign.integrate.pick import ReplayRules, Rewriting
from gitalign.integrate.rebase import Picks, replay
from gitalign.integrate.recreate import recreate
from gitalign.integrate.upstream import UpstreamIndex

_NOBODY = b"git-align <git-align@localhost> 0 +0000"
THROWN_AWAY = ReplayRules(operator=_NOBODY, committer=_NOBODY, signer=None)
"""What is made on the way is thrown away: it is not signed."""
PICKS = frozenset({StepKind.REPLAY, StepKind.RECREATE})


@dataclass(frozen=True, slots=True)
class Sought:
    """A conflicting branch and where to look.

    Attributes:
        fork: place on the line of the newest commit that the branch has.
        key: content key of the answer.
    """

    step: Step
    stop: Conflicted
    line: FirstParentChain
    fork: int
    key: str


@dataclass(frozen=True, slots=True)
class Until:
    """The stop button and the time of one branch, as integrators are shown them."""

    stop: StopSignal
    deadline: float

    @property
    def is_cancelled(self) -> bool:
        """True once the operator asked to stop."""
        return self.stop.stop_requested


@dataclass(frozen=True, slots=True)
class Course:
    """What changed along a line, commit by commit.

    Attributes:
        touched: path -> places of the commits that change it, oldest first.
        attributes: attribute files by commit.
        has_gaps: some commits of the line could not be compared for want of objects.
    """

    touched: Mapping[bytes, Sequence[int]]
    attributes: Mapping[Oid, AttributeFiles]
    has_gaps: bool


def tried_in(
    lane: MergeWorker,
    step: Step,
    own: OwnCommits,
    upstream: Mapping[Oid, Oid],
    until: Until,
    *,
    rules: ReplayRules = THROWN_AWAY,
) -> Outcome:
    """What a run would make of a step, made in a lane and thrown away.

    Args:
        lane: merges.
        step: the branch and where to.
        own: what it has beyond that commit.
        upstream: which of these that commit has as patches.
        until: when to give up.
        rules: who makes commits that are thrown away, and how old merges teach new ones.

    Raises:
        MissingObject, GitTimedOut, GitCrashed, OutOfSpace
    """
    if until.is_cancelled:
        return Cancelled(reason="it was stopped before that")
    if step.kind in (StepKind.MERGE, StepKind.INTEGRATE):
        return merge_target(step, lane, bases=own.bases, rules=THROWN_AWAY)
    work = Rewriting(lane=lane, rewrites=Rewrites(), rules=rules, cancel=until)
    if step.kind is StepKind.RECREATE:
        return recreate(step, own, work, upstream=upstream)
    return replay(step, Picks(picks=own.picks, merges=own.merges, upstream=upstream), work)


class Bisector:
    """Finds how far one branch aligns.

    Args:
        one: the branch.
        course: what changed along its line.
        upstream: which of its commits the target has as patches.
        lane: merges.
        until: when to give up.
        rules: of the run; it is not signed.
    """

    def __init__(
        self,
        one: Sought,
        course: Course,
        upstream: UpstreamIndex,
        lane: MergeWorker,
        until: Until,
        rules: ReplayRules,
    ) -> None:
        self._one = one
        self._course = course
        self._lane = lane
        self._until = until
        self._rules = rules
        step, line = one.step, one.line
        self._equivalents = (
            upstream.equivalents(step.seen, step.onto, line.own(step.seen, max(0, one.fork - 1)).picks)
            if step.kind in PICKS
            else {}
        )

    def find(self) -> AlignablePoint | Undetermined:
        """Bisect. The fork itself is clean: the branch has it, so there is nothing to do."""
        one = self._one
        if not one.fork:
            return Undetermined(code="no_common_line", reason=f"it has the tip of {one.step.target.name} already")
        stop = one.stop
        state = search(one.fork, suspects=self._suspects(stop))
        while not state.is_done:
            position = state.question()
            try:
                outcome = self._integrated(one.fork - position)
            except ABOUT_ONE_MERGE as error:
                return Undetermined(code=error.code, reason=str(error))
            match outcome:
                case Aligned():
                    state = state.answered(position, is_clean=True)
                case Conflicted():
                    stop = outcome
                    state = state.answered(position, is_clean=False, suspects=self._suspects(outcome))
                case Cancelled():
                    return Undetermined(code="stopped", reason="it was stopped before that was found")
                case _:
                    return Undetermined(code=getattr(outcome, "code", outcome.kind), reason=outcome.reason)
        return self._answer(stop, one.fork - state.clean)

    def _integrated(self, place: int) -> Outcome:
        line, seen = self._one.line, self._one.step.seen
        step = replace(self._one.step, onto=line.commits[place])
        own = line.own(seen, place)
        upstream = {
            oid: there[0]
            for oid in own.picks
            if (there := [twin for twin in self._equivalents.get(oid, ()) if line.has_at(place, twin)])
        }
        return tried_in(self._lane, step, own, upstream, self._until, rules=self._rules)

    def _suspects(self, stop: Conflicted) -> list[int]:
        """Positions, from the fork up, of commits that change a path of a conflict."""
        named = {path for conflict in stop.conflicts for path in conflict.paths} | set(stop.paths)
        paths = frozenset[str]().union(*map(paths_meant, named))
        fork = self._one.fork
        return sorted(
            {fork - place for path in paths for place in self._course.touched.get(raw(path), ()) if place < fork}
        )

    def _answer(self, stop: Conflicted, clean: int) -> AlignablePoint:
        one, commits = self._one, self._one.line.commits
        return AlignablePoint(
            fork=commits[one.fork],
            clean=commits[clean],
            broken=commits[clean - 1],
            advanced_by=one.fork - clean,
            remaining=clean,
            is_merge=one.line.is_merge(clean - 1),
            commit=stop.commit,
            commit_subject=stop.subject,
            position=stop.position,
            total=stop.total,
            conflicts=stop.conflicts,
            paths=stop.paths,
        )
