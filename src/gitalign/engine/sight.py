"""Conflicts met again, to look at what git left of them: which clash each is, and all about one. Nothing moves."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gitalign.core.conflict_groups import ConflictDetail, Sides, clash_key
from gitalign.core.forecast import Author, CommitNote
from gitalign.core.hunks import Hunk, conflict_hunks, conflict_sides
from gitalign.core.marked_text import MarkedFile
from gitalign.core.names import Oid
from gitalign.core.outcome import Conflicted
from gitalign.core.plan import Step, StepKind
from gitalign.engine.align import Workshop
from gitalign.engine.furthest import PICKS, THROWN_AWAY, Until, tried_in
from gitalign.engine.integration import verdict_keys
from gitalign.engine.lanes import asked_of_lanes
from gitalign.engine.marked import marked_files, three_sided_files
from gitalign.engine.signals import StopSignal
from gitalign.errors import ABOUT_ONE_MERGE
from gitalign.git.command import raw
from gitalign.git.history import authorship, raw_changes
from gitalign.git.merge import MergeAnswer
from gitalign.integrate.lane import Lane
from gitalign.integrate.upstream import UpstreamIndex
from gitalign.ports import VerdictMemory

_FORMAT = "clash 1"
_MOST_HUNKS = 40
_MOST_COMMITS = 20
_MOST_FILES = 30


class Sight:
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

        git = self._workshop.quarantine.git

        def ask(lane: Lane, step: Step) -> tuple[list[Hunk], tuple[MarkedFile, ...]]:
            answer = self._met(lane, step, upstream)
            if answer is None:
                return [], ()
            hunks = [
                hunk
                for path, marked, one, other in marked_files(lane, answer)
                for hunk in conflict_hunks(path, marked, one=one, other=other)
            ]
            return hunks, tuple(three_sided_files(git, lane, answer, most=_MOST_FILES))

        ((hunks, files),) = asked_of_lanes(self._workshop, [step.onto], ask, [step])
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
            files=files,
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
