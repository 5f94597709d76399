"""Which commit a merge on a target's line brought in, that clashes with a branch. Nothing moves; what is found is remembered by content."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from gitalign.core.bisection import search
from gitalign.core.conflict import AlignablePoint, Undetermined
from gitalign.core.conflict_groups import MergeCulprit
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid, paths_meant
from gitalign.core.plan import Step
from gitalign.documents.conflict_pieces import dump_merge_culprit, load_merge_culprit
from gitalign.documents.formats import json_text, opened, parsed, stamped
from gitalign.documents.reading import Malformed
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.alignment.merge_workers import map_on_workers
from gitalign.engine.analysis.alignable_point import bisection_rules_key
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import ABOUT_ONE_MERGE
from gitalign.git.command import raw
from gitalign.git.diffs import path_changes
from gitalign.git.history import authorship
from gitalign.integrate.lane import MergeWorker
from gitalign.ports import VerdictCache

_FORMAT = "brought 1"
_DEEPEST = 8
"""Merges within merges that are looked into."""
_LONGEST = 5_000
"""Commits of a merged side."""


class Question(NamedTuple):
    """A branch, and the merge that is the first of its target's line to break it."""

    step: Step
    furthest: AlignablePoint


def brought_in(
    integration: IntegrationContext,
    questions: Sequence[Question],
    *,
    budget_s: float,
    cache: VerdictCache,
    stop: StopSignal,
    at: datetime,
) -> dict[str, MergeCulprit | Undetermined]:
    """Branch name -> the commit that was merged in and clashes.

    Looked for along the first parents of what was merged in: two neighbours of which the older merges with the branch without a clash at
    the conflicted paths, and the newer does not. The newer one is the answer; where it is a merge itself, its own side is looked into.

    Args:
        integration: what the branches were integrated with.
        questions: in the order in which they are to be answered.
        budget_s: time for all of them; what is not answered by then is undetermined.
        memory: what was found before; new findings are added.
        stop: the stop button.
        at: for the memory.

    Raises:
        GitError, OutOfSpace
    """
    rules = bisection_rules_key(integration.quarantine)
    keys = {one.step.branch.name: _key(one, rules) for one in questions}
    bodies = cache.look_up(keys.values())
    found: dict[str, MergeCulprit | Undetermined] = {}
    for name, key in keys.items():
        if (body := bodies.get(key)) is not None:
            try:
                found[name] = load_merge_culprit(opened(parsed(body), "merge-culprit"))
            except Malformed:
                continue
    fresh = [one for one in questions if one.step.branch.name not in found]
    deadline = time.monotonic() + budget_s
    touched = _Touched(integration)

    def ask(lane: MergeWorker, one: Question) -> Oid | Undetermined:
        try:
            return _Side(integration.graph, one, lane, touched, stop, deadline).find()
        except ABOUT_ONE_MERGE as error:
            return Undetermined(code=error.code, reason=str(error))

    answers = map_on_workers(integration, sorted({one.furthest.broken for one in fresh}), ask, fresh)
    wrote = authorship(integration.quarantine.repository.git, sorted({one for one in answers if isinstance(one, str)}))
    for one, answer in zip(fresh, answers, strict=True):
        name = one.step.branch.name
        if isinstance(answer, Undetermined):
            found[name] = answer
        elif answer in wrote:
            who = wrote[answer]
            is_merge = len(integration.graph.parents(answer)) > 1
            found[name] = made = MergeCulprit(
                commit=answer, author=who.name, email=who.author, subject=who.subject, is_merge=is_merge
            )
            cache.keep({keys[name]: json_text(stamped("merge-culprit", dump_merge_culprit(made)))}, at=at)
    return found


def _key(one: Question, rules: str) -> str:
    parts = (_FORMAT, one.step.seen, one.furthest.broken, *one.furthest.paths, rules)
    return hashlib.sha256(b"\0".join(raw(str(part)) for part in parts)).hexdigest()


class _Touched:
    """Which commits of a side change which paths; read once for a side, however many ask."""

    def __init__(self, integration: IntegrationContext) -> None:
        self._git = integration.quarantine.git
        self._known: dict[Oid, Mapping[bytes, Sequence[int]]] = {}

    def along(self, side: Sequence[Oid]) -> Mapping[bytes, Sequence[int]]:
        """Path -> places on the side, from 1, of commits that change it; the side begins with what it came from."""
        if side[-1] not in self._known:
            changes = dict(path_changes(self._git, list(pairwise(side))))
            found: dict[bytes, list[int]] = defaultdict(list)
            for place, pair in enumerate(pairwise(side), 1):
                for change in changes.get(pair, ()):
                    found[change.path].append(place)
            self._known[side[-1]] = found
        return self._known[side[-1]]


class _Side:
    """Looks into one merge, for one branch.

    Args:
        graph: history.
        one: what is asked.
        lane: merges.
        touched: what changes along sides.
        stop: the stop button.
        deadline: when to give up, on the monotonic clock.
    """

    def __init__(
        self, graph: CommitGraph, one: Question, lane: MergeWorker, touched: _Touched, stop: StopSignal, deadline: float
    ) -> None:
        self._graph = graph
        self._one = one
        self._lane = lane
        self._touched = touched
        self._stop = stop
        self._deadline = deadline
        named = {path for conflict in one.furthest.conflicts for path in conflict.paths} | set(one.furthest.paths)
        self._paths = frozenset[str]().union(*map(paths_meant, named))

    def find(self) -> Oid | Undetermined:
        """The commit, or why it cannot be determined."""
        found: Oid | None = None
        merge = self._one.furthest.broken
        for _ in range(_DEEPEST):
            answer = self._within(merge)
            if isinstance(answer, Undetermined):
                # What was found one merge further out is right all the same.
                return found if found is not None and answer.code not in ("stopped", "no_time") else answer
            found = merge = answer
            if len(self._graph.parents(merge)) < 2:
                break
        return found if found is not None else Undetermined(code="nothing_found", reason="nothing was found")

    def _within(self, merge: Oid) -> Oid | Undetermined:
        parents = self._graph.parents(merge)
        if len(parents) != 2:
            return Undetermined(code="many_sides", reason="the merge has more than two sides")
        side = self._side_of(*parents)
        if side is None:
            return Undetermined(code="no_side", reason="what was merged in shares no line with where it was merged")
        clash = self._clashes
        for place, wanted in ((-1, True), (0, False)):
            answer = clash(side[place])
            if isinstance(answer, Undetermined):
                return answer
            if answer is not wanted:
                words = (
                    "what was merged in does not clash by itself: how it was merged does"
                    if wanted
                    else "it clashes already with what the merged side came from"
                )
                return Undetermined(code="at_the_merge" if wanted else "before_the_side", reason=words)
        places = self._touched.along(side)
        suspects = sorted({place for path in self._paths for place in places.get(raw(path), ())})
        state = search(len(side) - 1, suspects=suspects)
        while not state.is_done:
            position = state.question()
            answer = clash(side[position])
            if isinstance(answer, Undetermined):
                return answer
            state = state.answered(position, is_clean=not answer, suspects=suspects)
        return side[state.clean + 1]

    def _side_of(self, main: Oid, merged: Oid) -> list[Oid] | None:
        """First parents of what was merged, oldest first, beginning with the one that was there already."""
        side = [merged]
        lacks = self._graph.lacks(merged, main)
        while lacks(side[-1]):
            parents = self._graph.parents(side[-1])
            if not parents or len(side) > _LONGEST:
                return None
            side.append(parents[0])
        return side[::-1] if len(side) > 1 else None

    def _clashes(self, commit: Oid) -> bool | Undetermined:
        """Whether a commit and the branch clash at the conflicted paths when the two are merged."""
        if self._stop.stop_requested:
            return Undetermined(code="stopped", reason="it was stopped before that was found")
        if time.monotonic() > self._deadline:
            return Undetermined(
                code="no_time", reason="there was no time left to look for it; ask again, or for this branch alone"
            )
        branch = self._one.step.seen
        if self._graph.is_ancestor(commit, branch) or self._graph.is_ancestor(branch, commit):
            return False
        bases = self._graph.own(branch, commit).bases
        if not bases:
            return Undetermined(code="unrelated_history", reason="the merged side shares no history with the branch")
        at = self._one.furthest.broken
        if len(bases) == 1:
            lane = self._lane
            answer = lane.merge(at, base=lane.side(bases[0]), ours=lane.side(branch), theirs=lane.side(commit))
        else:
            answer = self._lane.merge_histories(at, branch, commit)
        paths = {path for one in answer.conflicts for path in one.paths} | {entry.path for entry in answer.entries}
        return not answer.is_clean and not self._paths.isdisjoint(path.partition("~\0")[0] for path in paths)
