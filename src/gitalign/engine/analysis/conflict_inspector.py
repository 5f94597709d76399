"""Conflicts met again, to look at what git left of them: which clash each is, and all about one. Nothing moves."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import TypeVar

from gitalign.core.conflict_groups import ConflictDetail, conflict_signature
from gitalign.core.events import EventKind
from gitalign.core.forecast import Author, CommitNote
from gitalign.core.hunks import Hunk, conflict_hunks, conflict_sides
from gitalign.core.marked_text import MarkedFile
from gitalign.core.names import Oid, paths_meant
from gitalign.core.outcome import Conflicted
from gitalign.core.outlook import StopHunks
from gitalign.core.plan import Step, StepKind
from gitalign.core.shared_conflicts import MOST_PIECES, HunkSides, Piece, Stop, sharing, taken_to_pieces
from gitalign.documents.conflict_pieces import (
    dump_piece,
    dump_stop,
    dump_stop_hunks,
    load_piece,
    load_stop,
    load_stop_hunks,
)
from gitalign.documents.formats import json_text, opened, parsed, stamped
from gitalign.documents.reading import Malformed, Parser
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.alignment.integration import verdict_keys
from gitalign.engine.alignment.merge_workers import map_on_workers
from gitalign.engine.analysis.bisector import PICKS, THROWN_AWAY, Until, tried_in
from gitalign.engine.analysis.marked_files import marked_files, three_sided_files
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import ABOUT_ONE_MERGE
from gitalign.git.command import raw
from gitalign.git.diffs import raw_changes
from gitalign.git.history import authorship
from gitalign.git.merge import MergeAnswer
from gitalign.integrate.lane import MergeWorker
from gitalign.integrate.upstream import UpstreamIndex
from gitalign.ports import Emitter, VerdictCache

T = TypeVar("T")

_FORMAT = "stop 1"
_MOST_HUNKS = 40
_MOST_STOP_HUNKS = 5
_MOST_COMMITS = 20
_MOST_FILES = 30
_MOST_KEPT = 50_000
_MOST_TOLD = 40
"""Pieces of a shared clash whose places are reported."""
_MOST_TELLERS = 50


class ConflictInspector:
    """Meets conflicts again, to look at what git left of them.

    Args:
        integration: where to merge.
        stop: the stop button.
        emit: the event stream; None where no listener follows.
        budget_s: seconds after which no further conflict is met.
        keeps_hunks: `hunks` will be asked for what `stops` has looked at.
    """

    def __init__(
        self,
        integration: IntegrationContext,
        stop: StopSignal,
        *,
        emit: Emitter | None = None,
        budget_s: float | None = None,
        keeps_hunks: bool = True,
    ) -> None:
        self._integration = integration
        self._stop = stop
        self._deadline = math.inf if budget_s is None else time.monotonic() + budget_s
        self._emit = emit or (lambda kind, **data: None)
        self._keeps_hunks = keeps_hunks
        self._hunks: dict[str, StopHunks] = {}
        self._rules = replace(THROWN_AWAY, teacher=integration.rules.teacher)
        self._unsure: set[str] = set()

    def stops(
        self, steps: Sequence[Step], cache: VerdictCache, *, at: datetime
    ) -> tuple[dict[str, Stop], dict[str, Piece]]:
        """Branch name -> where it stops, without those that could not be met again; and the pieces that several have, by key.

        Args:
            steps: of branches that conflict.
            memory: what was found before; new findings are added.
            at: for the memory.

        Raises:
            GitError, OutOfSpace
        """
        verdicts = verdict_keys(self._integration.quarantine, steps)
        keys = {name: _cache_key(f"{_FORMAT} {key}") for name, key in verdicts.items()}
        bodies = cache.look_up(keys.values())
        known = {
            name: stop
            for name, key in keys.items()
            if (stop := _unpacked(load_stop, "conflict-stop", bodies.get(key))) is not None
        }
        made, pieces = self._met_again([step for step in steps if step.branch.name not in known])
        lasting = {name for name in made if name not in self._unsure}
        cache.keep({keys[name]: json_text(stamped("conflict-stop", dump_stop(made[name]))) for name in lasting}, at=at)
        stops = known | made
        wanted = {key for keys_of in sharing(stops).values() for key in keys_of[:_MOST_TOLD]}
        fresh = {key: piece for key, piece in pieces.items() if key in wanted}
        bodies = cache.look_up(_cache_key(f"{_FORMAT} piece {key}") for key in wanted - fresh.keys())
        found = {
            key: piece
            for key in wanted - fresh.keys()
            if (piece := _unpacked(load_piece, "conflict-piece", bodies.get(_cache_key(f"{_FORMAT} piece {key}"))))
            is not None
        }
        # Branches met one by one in earlier runs, of which no one knew then what they share.
        missing = wanted - fresh.keys() - found.keys()
        tellers = {next(name for name, stop in stops.items() if key in stop.pieces) for key in sorted(missing)}
        if tellers:
            _, more = self._met_again([step for step in steps if step.branch.name in tellers][:_MOST_TELLERS])
            fresh |= {key: piece for key, piece in more.items() if key in missing}
        if not self._unsure:
            cache.keep(
                {
                    _cache_key(f"{_FORMAT} piece {key}"): json_text(stamped("conflict-piece", dump_piece(piece)))
                    for key, piece in fresh.items()
                },
                at=at,
            )
        return stops, found | fresh

    def hunks(self, steps: Sequence[Step], cache: VerdictCache, *, at: datetime) -> tuple[StopHunks, ...]:
        """The first hunks at which each branch stops, without those that could not be met again; arguments as `stops`.

        Raises:
            GitError, OutOfSpace
        """
        verdicts = verdict_keys(self._integration.quarantine, steps)
        keys = {name: _cache_key(f"{_FORMAT} hunks {key}") for name, key in verdicts.items()}
        bodies = cache.look_up(keys[name] for name in keys if name not in self._hunks)
        known = {
            name: one
            for name, key in keys.items()
            if (one := _unpacked(load_stop_hunks, "stop-hunks", bodies.get(key))) is not None
        }
        targets: dict[str, str] = {step.branch.name: step.target.name for step in steps}
        known = {name: replace(one, branch=name, target=targets[name]) for name, one in known.items()}
        self._keeps_hunks = True
        self._met_again([step for step in steps if step.branch.name not in known | self._hunks])
        lasting = self._hunks.keys() & keys.keys() - self._unsure
        cache.keep(
            {
                keys[name]: json_text(stamped("stop-hunks", dump_stop_hunks(self._hunks[name])))
                for name in sorted(lasting)
            },
            at=at,
        )
        found = known | self._hunks
        return tuple(found[step.branch.name] for step in steps if step.branch.name in found)

    def _met_again(self, steps: Sequence[Step]) -> tuple[dict[str, Stop], dict[str, Piece]]:
        """Branch name -> where it stops, and pieces by key: of very many, those that were met first."""
        upstream = self._upstream(steps)
        self._unsure |= {step.branch.name for step in steps if upstream.has_gaps(step.onto)}
        pieces: dict[str, Piece] = {}
        done = count(1)
        if steps:
            self._emit(EventKind.CONFLICTS_STARTED, branches=len(steps))

        def ask(lane: MergeWorker, step: Step) -> Stop | None:
            answer = self._met(lane, step, upstream)
            names = {"branch": step.branch.name, "target": step.target.name}
            self._emit(EventKind.CONFLICT_SEEN, **names, done=next(done), of=len(steps))
            if answer is None:
                return None
            sides: dict[str, Sequence[HunkSides]] = {}
            hunks: list[Hunk] = []
            for path, marked, one, other in marked_files(lane, answer):
                if found := conflict_sides(marked, one=one, other=other):
                    sides[path] = found
                if self._keeps_hunks and len(hunks) <= _MOST_STOP_HUNKS:
                    hunks += conflict_hunks(path, marked, one=one, other=other)
            if self._keeps_hunks:
                found_hunks = max(len(hunks), sum(map(len, sides.values())))
                shown = tuple(hunks[:_MOST_STOP_HUNKS])
                self._hunks[step.branch.name] = StopHunks(
                    branch=step.branch.name, target=step.target.name, hunks=shown, left_out=found_hunks - len(shown)
                )
            is_merge = step.kind is StepKind.MERGE
            own = taken_to_pieces(answer.conflicts, answer.entries, sides, is_merge=is_merge)
            for key in sorted(own)[:MOST_PIECES]:
                if len(pieces) < _MOST_KEPT:
                    pieces.setdefault(key, own[key])
            return Stop(
                signature=conflict_signature(answer.conflicts, answer.entries, sides, is_merge=is_merge),
                pieces=tuple(sorted(own)[:MOST_PIECES]),
                is_whole=len(own) <= MOST_PIECES,
            )

        answers = map_on_workers(self._integration, sorted({step.onto for step in steps}), ask, steps)
        return {step.branch.name: stop for step, stop in zip(steps, answers, strict=True) if stop is not None}, pieces

    def detail(self, step: Step, conflict: Conflicted) -> ConflictDetail:
        """All about one branch."""
        upstream = self._upstream([step])

        git = self._integration.quarantine.git

        def ask(lane: MergeWorker, step: Step) -> tuple[list[Hunk], tuple[MarkedFile, ...]]:
            answer = self._met(lane, step, upstream)
            if answer is None:
                return [], ()
            hunks = [
                hunk
                for path, marked, one, other in marked_files(lane, answer)
                for hunk in conflict_hunks(path, marked, one=one, other=other)
            ]
            return hunks, tuple(three_sided_files(git, lane, answer, most=_MOST_FILES))

        ((hunks, files),) = map_on_workers(self._integration, [step.onto], ask, [step])
        graph = self._integration.graph
        named = {*conflict.paths, *(path for one in conflict.conflicts for path in one.paths)}
        paths = frozenset(raw(path) for path in frozenset[str]().union(*map(paths_meant, named)))
        mine, mine_left = self._notes(graph.own(step.seen, step.onto).picks, paths)
        theirs, theirs_left = self._notes(graph.own(step.onto, step.seen).picks, paths)
        branch = f"the branch {step.branch.name}"
        target = f"the target {step.target.name}"
        is_merge = step.kind is StepKind.MERGE
        is_integration = step.kind is StepKind.INTEGRATE
        before = f" with {conflict.position - 1} commits of the branch on it" if conflict.position > 1 else ""
        return ConflictDetail(
            branch=step.branch.name,
            hunks=tuple(hunks[:_MOST_HUNKS]),
            hunks_left_out=max(0, len(hunks) - _MOST_HUNKS),
            files=files,
            ours=branch if is_merge else f"{target}{before}",
            theirs=target
            if is_merge
            else branch
            if is_integration
            else f"{branch}: commit {conflict.position} of {conflict.total}",
            branch_commits=mine,
            branch_commits_left_out=mine_left,
            target_commits=theirs,
            target_commits_left_out=theirs_left,
        )

    def _upstream(self, steps: Sequence[Step]) -> UpstreamIndex:
        pairs = [(step.seen, step.onto) for step in steps if step.kind in PICKS]
        return UpstreamIndex.build(self._integration.quarantine.repository, self._integration.graph, pairs)

    def _met(self, lane: MergeWorker, step: Step, upstream: UpstreamIndex) -> MergeAnswer | None:
        """What git left of the conflict; None when it was stopped or could not be met."""
        if time.monotonic() > self._deadline:
            return None
        own = self._integration.graph.own(step.seen, step.onto)
        equivalents: Mapping[Oid, Oid] = upstream.matches(step.seen, step.onto) if step.kind in PICKS else {}
        deadline = min(self._deadline, time.monotonic() + self._integration.limits.branch_timeout_s)
        until = Until(self._stop, deadline)
        try:
            outcome = tried_in(lane, step, own, equivalents, until, rules=self._rules)
        except ABOUT_ONE_MERGE:
            return None
        return lane.stopped_at if isinstance(outcome, Conflicted) else None

    def _notes(self, commits: Sequence[Oid], paths: frozenset[bytes]) -> tuple[tuple[CommitNote, ...], int]:
        """Those of the commits that touch the paths, newest first, and how many are left out."""
        repository = self._integration.quarantine.repository
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


def _cache_key(words: str) -> str:
    return hashlib.sha256(words.encode("ascii")).hexdigest()


def _unpacked(load: Parser[T], name: str, body: str | None) -> T | None:
    """What is cached; None when it is not, or is another document."""
    if body is None:
        return None
    try:
        return load(opened(parsed(body), name))
    except Malformed:
        return None
