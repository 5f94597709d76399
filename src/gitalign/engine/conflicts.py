"""The conflicts of a plan as they stand: which branches stop at the same clash, and all about one of them. Nothing moves."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gitalign.core.conflict_groups import BranchConflict, ConflictDetail, Conflicts, Sides, clash_key, grouped
from gitalign.core.forecast import Author, CommitNote
from gitalign.core.graph import CommitGraph
from gitalign.core.hunks import Hunk, conflict_hunks, conflict_sides
from gitalign.core.names import Oid
from gitalign.core.outcome import Cancelled, Conflicted
from gitalign.core.plan import Plan, Step, StepKind
from gitalign.core.policy import Limits
from gitalign.engine.align import Workshop
from gitalign.engine.furthest import PICKS, THROWN_AWAY, Until, tried_in, with_furthest
from gitalign.engine.integration import verdict_keys
from gitalign.engine.lanes import asked_of_lanes
from gitalign.engine.marked import marked_files
from gitalign.engine.signals import StopSignal
from gitalign.engine.trial import Trial
from gitalign.errors import ABOUT_ONE_MERGE, UserError
from gitalign.git.command import raw
from gitalign.git.history import authorship, raw_changes
from gitalign.git.merge import MergeAnswer
from gitalign.git.repository import Repository
from gitalign.integrate.lane import Lane
from gitalign.integrate.upstream import UpstreamIndex
from gitalign.ports import Emitter, Sockets, VerdictMemory

_FORMAT = "clash 1"
_MOST_HUNKS = 40
_MOST_COMMITS = 20


def find_conflicts(
    repository: Repository,
    plan: Plan,
    graph: CommitGraph,
    *,
    branch: str | None,
    furthest: bool,
    limits: Limits,
    memory: VerdictMemory,
    emit: Emitter,
    stop: StopSignal,
    at: datetime,
) -> Conflicts:
    """Every conflict that a run of the plan would meet, grouped by clash.

    Args:
        repository: the repository.
        plan: whose branches.
        graph: history behind them.
        branch: tell all about this one.
        furthest: find out how far each aligns; where one branch is asked for, of that one alone.
        limits: bounds, as for a run.
        memory: what was found before; new findings are added.
        emit: the event stream.
        stop: the stop button.
        at: for the memory.

    Raises:
        UserError: the plan has no such branch.
        GitError, OutOfSpace
    """
    if branch is not None and all(step.branch.name != branch for step in plan.steps):
        left_out = next((one.reason for one in plan.excluded if one.branch == branch), None)
        words = f"{branch} is left out: {left_out}" if left_out else f"there is no branch {branch!r} to align"
        raise UserError(words, hint="git align plan -v")
    # Detectors refuse branches that do not conflict; here they would only cost time.
    with Trial(repository, plan, graph, limits, Sockets(), memory, emit, stop, at) as trial:
        results = trial.results
        if furthest:
            asked = [one for one in results if branch is None or one.branch == branch]
            told = with_furthest(trial.workshop, plan, asked, memory=memory, emit=emit, stop=stop, at=at)
            by_step = {one.step_id: one for one in told}
            results = tuple(by_step.get(one.step_id, one) for one in results)
        stopped = {
            step.branch.name: (step, result.outcome)
            for step, result in zip(plan.steps, results, strict=True)
            if isinstance(result.outcome, Conflicted)
        }
        sight = _Sight(trial.workshop, stop)
        clashes = sight.clashes([step for step, _ in stopped.values()], memory, at=at)
        found = tuple(
            BranchConflict(
                branch=name,
                target=step.target.name,
                tip=step.seen,
                kind=step.kind,
                clash=clashes.get(name, ""),
                conflict=conflict,
            )
            for name, (step, conflict) in sorted(stopped.items())
        )
        asked_for = next((one for name, one in stopped.items() if name == branch), None)
        detail = sight.detail(*asked_for) if asked_for is not None else None
    return Conflicts(
        targets=plan.targets,
        groups=grouped(found),
        branches=found,
        detail=detail,
        aligned=len(plan.steps) - len(found),
        is_complete=not stop.stop_requested and not any(isinstance(one.outcome, Cancelled) for one in results),
    )


class _Sight:
    """Meets conflicts again, to look at what git left of them.

    Args:
        workshop: where to merge.
        stop: the stop button.
    """

    def __init__(self, workshop: Workshop, stop: StopSignal) -> None:
        self._workshop = workshop
        self._stop = stop
        self._rules = replace(THROWN_AWAY, teacher=workshop.rules.teacher)

    def clashes(self, steps: Sequence[Step], memory: VerdictMemory, *, at: datetime) -> dict[str, str]:
        """Branch name -> its clash; those that could not be met again are left out."""
        verdicts = verdict_keys(self._workshop.quarantine, steps)
        keys = {name: hashlib.sha256(f"{_FORMAT} {key}".encode("ascii")).hexdigest() for name, key in verdicts.items()}
        known = memory.remembered(keys.values())
        found = {name: known[key] for name, key in keys.items() if key in known}
        fresh = [step for step in steps if step.branch.name not in found]
        upstream = self._upstream(fresh)

        def ask(lane: Lane, step: Step) -> str | None:
            answer = self._met(lane, step, upstream)
            if answer is None:
                return None
            sides: dict[str, Sequence[Sides]] = {
                path: hunks
                for path, marked, one, other in marked_files(lane, answer)
                if (hunks := conflict_sides(marked, one=one, other=other))
            }
            is_merge = step.kind is StepKind.MERGE
            return clash_key(answer.conflicts, answer.entries, sides, is_merge=is_merge)

        answers = asked_of_lanes(self._workshop, sorted({step.onto for step in fresh}), ask, fresh)
        made = {step.branch.name: clash for step, clash in zip(fresh, answers, strict=True) if clash is not None}
        memory.remember({keys[name]: clash for name, clash in made.items()}, at=at)
        return found | made

    def detail(self, step: Step, conflict: Conflicted) -> ConflictDetail:
        """All about one branch."""
        upstream = self._upstream([step])

        def ask(lane: Lane, step: Step) -> list[Hunk]:
            answer = self._met(lane, step, upstream)
            if answer is None:
                return []
            return [
                hunk
                for path, marked, one, other in marked_files(lane, answer)
                for hunk in conflict_hunks(path, marked, one=one, other=other)
            ]

        (hunks,) = asked_of_lanes(self._workshop, [step.onto], ask, [step])
        graph = self._workshop.graph
        paths = frozenset(raw(path.partition("~")[0]) for path in conflict.paths)
        paths |= {raw(path) for one in conflict.conflicts for path in one.paths}
        mine, mine_left = self._notes(graph.own(step.seen, step.onto).picks, paths)
        theirs, theirs_left = self._notes(graph.own(step.onto, step.seen).picks, paths)
        branch = f"the branch {step.branch.name}"
        target = f"the target {step.target.name}"
        is_merge = step.kind is StepKind.MERGE
        before = f" with {conflict.position - 1} commits of the branch on it" if conflict.position > 1 else ""
        return ConflictDetail(
            branch=step.branch.name,
            hunks=tuple(hunks[:_MOST_HUNKS]),
            hunks_left_out=max(0, len(hunks) - _MOST_HUNKS),
            ours=branch if is_merge else f"{target}{before}",
            theirs=target if is_merge else f"{branch}: commit {conflict.position} of {conflict.total}",
            branch_commits=mine,
            branch_commits_left_out=mine_left,
            target_commits=theirs,
            target_commits_left_out=theirs_left,
        )

    def _upstream(self, steps: Sequence[Step]) -> UpstreamIndex:
        pairs = [(step.seen, step.onto) for step in steps if step.kind in PICKS]
        return UpstreamIndex.build(self._workshop.quarantine.repository, self._workshop.graph, pairs)

    def _met(self, lane: Lane, step: Step, upstream: UpstreamIndex) -> MergeAnswer | None:
        """What git left of the conflict; None when it was stopped or could not be met."""
        own = self._workshop.graph.own(step.seen, step.onto)
        twins: Mapping[Oid, Oid] = upstream.matches(step.seen, step.onto) if step.kind in PICKS else {}
        until = Until(self._stop, time.monotonic() + self._workshop.limits.branch_timeout_s)
        try:
            outcome = tried_in(lane, step, own, twins, until, rules=self._rules)
        except ABOUT_ONE_MERGE:
            return None
        return lane.stopped_at if isinstance(outcome, Conflicted) else None

    def _notes(self, commits: Sequence[Oid], paths: frozenset[bytes]) -> tuple[tuple[CommitNote, ...], int]:
        """Those of the commits that touch the paths, newest first, and how many are left out."""
        repository = self._workshop.quarantine.repository
        touching = {
            oid
            for oid, changes in raw_changes(repository, commits)
            if not paths.isdisjoint(change.path for change in changes)
        }
        newest = [oid for oid in reversed(commits) if oid in touching]
        shown = newest[:_MOST_COMMITS]
        wrote = authorship(repository.git, shown)
        notes = tuple(
            CommitNote(
                commit=oid, author=Author(name=wrote[oid].name, email=wrote[oid].author), subject=wrote[oid].subject
            )
            for oid in shown
            if oid in wrote
        )
        return notes, len(newest) - len(notes)
