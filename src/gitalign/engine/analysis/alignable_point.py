"""How far conflicting branches align: the last commit of their target's own line onto which each does, and the first onto which it
does not. Nothing moves; what is found is remembered by content.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count, pairwise
from pathlib import Path

from gitalign.core.bisection import search
from gitalign.core.conflict import AlignablePoint, Undetermined
from gitalign.core.events import EventKind
from gitalign.core.first_parent_chain import FirstParentChain
from gitalign.core.graph import OwnCommits
from gitalign.core.names import Oid, StepId, paths_meant
from gitalign.core.outcome import Aligned, Cancelled, Conflicted, Outcome, StepResult
from gitalign.core.plan import Plan, Step, StepKind
from gitalign.documents.formats import json_text, opened, parsed, stamped
from gitalign.documents.reading import Malformed
from gitalign.documents.stops import dump_alignable_point, load_alignable_point
from gitalign.engine.alignment.align import IntegrationContext
from gitalign.engine.alignment.merge_workers import map_on_workers
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import ABOUT_ONE_MERGE
from gitalign.git.attributes import AttributeFiles, read_attributes
from gitalign.git.command import raw
from gitalign.git.diffs import path_changes
from gitalign.git.history import authorship
from gitalign.git.quarantine import Quarantine
from gitalign.integrate.lane import MergeWorker, Rewrites
from gitalign.integrate.merge import merge_target
from gitalign.integrate.pick import ReplayRules
from gitalign.integrate.rebase import replay
from gitalign.integrate.recreate import recreate
from gitalign.integrate.upstream import UpstreamIndex
from gitalign.integrate.verdicts import merge_rules_key
from gitalign.ports import Emitter, VerdictMemory

_FORMAT = "furthest 1"
_NOBODY = b"git-align <git-align@localhost> 0 +0000"
THROWN_AWAY = ReplayRules(operator=_NOBODY, committer=_NOBODY, signer=None)
"""What is made on the way is thrown away: nobody signs it."""
PICKS = frozenset({StepKind.REPLAY, StepKind.RECREATE})


@dataclass(frozen=True, slots=True)
class _Sought:
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
    """The stop button and the time of one branch, as whoever integrates is shown them."""

    stop: StopSignal
    deadline: float

    @property
    def is_cancelled(self) -> bool:
        """True once the operator asked to stop."""
        return self.stop.stop_requested


@dataclass(frozen=True, slots=True)
class _Course:
    """What changed along a line, commit by commit.

    Attributes:
        touched: path -> places of the commits that change it, oldest first.
        attributes: attribute files by commit.
        has_gaps: some commits of the line could not be compared for want of objects.
    """

    touched: Mapping[bytes, Sequence[int]]
    attributes: Mapping[Oid, AttributeFiles]
    has_gaps: bool


def with_furthest(
    workshop: IntegrationContext,
    plan: Plan,
    results: Sequence[StepResult],
    *,
    memory: VerdictMemory,
    emit: Emitter,
    stop: StopSignal,
    at: datetime,
    from_memory_only: bool = False,
) -> tuple[StepResult, ...]:
    """The results, with how far each conflicting branch aligns.

    Args:
        workshop: what the branches were integrated with.
        plan: whose steps.
        results: of the steps.
        memory: what was found before; new findings are added.
        emit: the event stream.
        stop: the stop button.
        at: for the memory.
        from_memory_only: merge nothing; what nobody has found before stays untold.

    Raises:
        GitError, OutOfSpace
    """
    steps = {step.id: step for step in plan.steps}
    stopped = [
        (steps[StepId(result.step_id)], result.outcome) for result in results if isinstance(result.outcome, Conflicted)
    ]
    if not stopped:
        return tuple(results)
    found, fresh = _recalled(workshop, stopped, memory)
    if fresh and not from_memory_only:
        found |= _found(workshop, fresh, memory=memory, emit=emit, stop=stop, at=at)
    return tuple(
        replace(result, outcome=replace(result.outcome, furthest=found[result.step_id]))
        if isinstance(result.outcome, Conflicted) and result.step_id in found
        else result
        for result in results
    )


def _recalled(
    workshop: IntegrationContext, stopped: Sequence[tuple[Step, Conflicted]], memory: VerdictMemory
) -> tuple[dict[int, AlignablePoint | Undetermined], list[_Sought]]:
    """What is known already, by step, and what is to be looked for."""
    graph = workshop.graph
    lines = {onto: FirstParentChain(graph, onto) for onto in {step.onto for step, _ in stopped} if onto in graph}
    rules = rules_key(workshop.quarantine)
    found: dict[int, AlignablePoint | Undetermined] = {}
    sought: list[_Sought] = []
    for step, outcome in stopped:
        if step.onto not in lines or step.seen not in graph:
            found[step.id] = Undetermined(
                code="missing_object", reason="its history or that of its target is no longer there"
            )
            continue
        line = lines[step.onto]
        fork = line.fork(step.seen)
        if fork is None:
            # A line cut off above that place would have been refused when planning.
            words = f"it has no commit of the own line of {step.target.name}"
            found[step.id] = Undetermined(code="no_common_line", reason=words)
        else:
            sought.append(_Sought(step, outcome, line, fork, _key(step, rules)))
    known = memory.remembered(one.key for one in sought)
    fresh: list[_Sought] = []
    for one in sought:
        answer = _as_today(one, known.get(one.key))
        if answer is None:
            fresh.append(one)
        else:
            found[one.step.id] = answer
    return found, fresh


def _found(
    workshop: IntegrationContext,
    sought: Sequence[_Sought],
    *,
    memory: VerdictMemory,
    emit: Emitter,
    stop: StopSignal,
    at: datetime,
) -> dict[int, AlignablePoint | Undetermined]:
    """By step; remembered."""
    emit(EventKind.FURTHEST_STARTED, branches=len(sought))
    looked_for, unsure = _looked_for(workshop, sought, emit, stop)
    answers = _with_people(workshop.quarantine, looked_for)
    memory.remember(
        {
            one.key: json_text(stamped("alignable-point", dump_alignable_point(answer)))
            for one, answer in zip(sought, answers, strict=True)
            if isinstance(answer, AlignablePoint) and one.step.onto not in unsure
        },
        at=at,
    )
    emit(
        EventKind.FURTHEST_FINISHED,
        branches=len(sought),
        gaining=sum(isinstance(answer, AlignablePoint) and answer.gained > 0 for answer in answers),
        untold=sum(isinstance(answer, Undetermined) for answer in answers),
    )
    return {one.step.id: answer for one, answer in zip(sought, answers, strict=True)}


def rules_key(quarantine: Quarantine) -> str:
    """Content key of what decides merges beside commits. Attribute files in commits are part of these."""
    own = Path(quarantine.repository.common_dir) / "info" / "attributes"
    return merge_rules_key(
        attributes=(),
        local_attributes=own.read_bytes() if own.is_file() else b"",
        git_version=quarantine.repository.git_version,
    )


def _key(step: Step, rules: str) -> str:
    """Content key of what is found for a branch.

    Where its target stands is no part of it: what was found holds as long as both commits are neighbours on the line.
    """
    parts = (_FORMAT, step.kind, step.strategy, step.seen, step.branch.name, step.target.name, rules)
    return hashlib.sha256(b"\0".join(raw(str(part)) for part in parts)).hexdigest()


def _as_today(one: _Sought, body: str | None) -> AlignablePoint | None:
    """What was found before, as it reads on the line of today; None when it says nothing about that."""
    if body is None:
        return None
    try:
        known = load_alignable_point(opened(parsed(body), "alignable-point"))
    except Malformed:
        return None
    clean = one.line.place(known.clean)
    if clean is None or clean > one.fork or one.line.place(known.broken) != clean - 1:
        return None
    return replace(known, fork=one.line.commits[one.fork], gained=one.fork - clean, ahead=clean)


def _looked_for(
    workshop: IntegrationContext, sought: Sequence[_Sought], emit: Emitter, stop: StopSignal
) -> tuple[list[AlignablePoint | Undetermined], frozenset[Oid]]:
    """What is found, and targets of which something could not be compared."""
    courses = {
        line.tip: _course(workshop.quarantine, line, max(one.fork for one in sought if one.line is line))
        for line in {id(one.line): one.line for one in sought}.values()
    }
    replayed = [one for one in sought if one.step.kind in PICKS]
    upstream = UpstreamIndex.build(
        workshop.quarantine.repository,
        workshop.graph,
        [(one.step.seen, one.step.onto) for one in replayed],
        forks={(one.step.seen, one.step.onto): one.line.commits[one.fork] for one in replayed},
    )
    attributes = {oid: files for course in courses.values() for oid, files in course.attributes.items()}

    rules = replace(THROWN_AWAY, teacher=workshop.rules.teacher)
    done = count(1)

    def ask(lane: MergeWorker, one: _Sought) -> AlignablePoint | Undetermined:
        until = Until(stop, time.monotonic() + workshop.limits.branch_timeout_s)
        answer = _Bisector(one, courses[one.line.tip], upstream, lane, until, rules).find()
        emit(
            EventKind.FURTHEST_FOUND,
            branch=one.step.branch.name,
            target=one.step.target.name,
            done=next(done),
            of=len(sought),
        )
        return answer

    unsure = frozenset(tip for tip, course in courses.items() if course.has_gaps or upstream.has_gaps(tip))
    return map_on_workers(workshop, attributes, ask, sought), unsure


def _course(quarantine: Quarantine, line: FirstParentChain, deepest: int) -> _Course:
    commits = line.commits[: deepest + 1]
    changes = dict(path_changes(quarantine.git, [(below, above) for above, below in pairwise(commits)]))
    touched: dict[bytes, list[int]] = defaultdict(list)
    attributes: dict[Oid, AttributeFiles] = {commits[deepest]: read_attributes(quarantine.git, commits[deepest])}
    for place in range(deepest - 1, -1, -1):
        below, commit = commits[place + 1], commits[place]
        changed = changes.get((below, commit))
        # Where trees cannot be read, whoever merges with them will say so.
        attributes[commit] = attributes[below]
        for change in changed or ():
            touched[change.path].append(place)
            if change.path.endswith(b".gitattributes"):
                attributes[commit] = read_attributes(quarantine.git, commit)
    return _Course(touched=touched, attributes=attributes, has_gaps=len(changes) < len(commits) - 1)


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
        rules: who makes commits nobody will see, and how old merges teach new ones.

    Raises:
        MissingObject, GitTimedOut, GitCrashed, OutOfSpace
    """
    if until.is_cancelled:
        return Cancelled(reason="it was stopped before that")
    if step.kind in (StepKind.MERGE, StepKind.INTEGRATE):
        return merge_target(step, bases=own.bases, lane=lane, author=_NOBODY, signer=None)
    if step.kind is StepKind.RECREATE:
        return recreate(step, own=own, upstream=upstream, lane=lane, rewrites=Rewrites(), rules=rules, cancel=until)
    return replay(
        step,
        picks=own.picks,
        merges=own.merges,
        upstream=upstream,
        lane=lane,
        rewrites=Rewrites(),
        rules=rules,
        cancel=until,
    )


class _Bisector:
    """Finds how far one branch aligns.

    Args:
        one: the branch.
        course: what changed along its line.
        upstream: which of its commits the target has as patches.
        lane: merges.
        until: when to give up.
        rules: of the run; nobody signs here.
    """

    def __init__(
        self,
        one: _Sought,
        course: _Course,
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
        self._twins = (
            upstream.twins(step.seen, step.onto, line.own(step.seen, max(0, one.fork - 1)).picks)
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
                return Undetermined(code=error.error_code, reason=str(error))
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
            if (there := [twin for twin in self._twins.get(oid, ()) if line.has_at(place, twin)])
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
            gained=one.fork - clean,
            ahead=clean,
            is_merge=one.line.is_merge(clean - 1),
            commit=stop.commit,
            commit_subject=stop.subject,
            position=stop.position,
            total=stop.total,
            conflicts=stop.conflicts,
            paths=stop.paths,
        )


def _with_people(
    quarantine: Quarantine, answers: Sequence[AlignablePoint | Undetermined]
) -> list[AlignablePoint | Undetermined]:
    """Answers with authors and subjects of the commits they name."""
    told = [one for one in answers if isinstance(one, AlignablePoint)]
    named = {one.broken for one in told} | {one.commit for one in told if one.commit is not None}
    wrote = authorship(quarantine.repository.git, sorted(named))
    found: list[AlignablePoint | Undetermined] = []
    for one in answers:
        if isinstance(one, AlignablePoint):
            theirs = wrote.get(one.broken)
            mine = wrote.get(one.commit) if one.commit is not None else None
            if theirs is not None:
                one = replace(one, author=theirs.name, email=theirs.author, subject=theirs.subject)
            if mine is not None:
                one = replace(one, commit_author=mine.name, commit_email=mine.author, commit_subject=mine.subject)
        found.append(one)
    return found
