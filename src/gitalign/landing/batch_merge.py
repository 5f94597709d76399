"""Branches merged together, as landing would: what pairs do not tell. Nothing moves.

Answers are remembered, except for those that stand on a merge that git could not make: it may make it the next time.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitalign.core.commit import unseen_commit
from gitalign.core.execution_plan import PredictedConflict
from gitalign.core.names import Oid
from gitalign.documents.execution_plans import dump_predicted_conflict, load_predicted_conflict
from gitalign.documents.formats import json_text, opened, parsed, stamped
from gitalign.documents.reading import Malformed, each
from gitalign.engine.alignment.integration import rules_key
from gitalign.engine.alignment.merge_workers import merging_lane
from gitalign.engine.analysis.branch_preview import BranchPreview
from gitalign.engine.analysis.dry_run import DryRun
from gitalign.errors import ABOUT_ONE_MERGE
from gitalign.git.command import raw
from gitalign.git.merge import MergeAnswer, with_side_names
from gitalign.integrate.lane import MergeWorker
from gitalign.landing.landing_order import Landing, batches

UNMERGED = "cannot be merged"
"""Stands for the conflict types of two that git could not merge at all."""
_FORMAT = "batch 3"


@dataclass
class _Merges:
    """The merges behind one answer.

    Attributes:
        lane: makes them.
        is_sure: git made every one of them.
    """

    lane: MergeWorker
    is_sure: bool = True

    def merge(self, onto: Oid, one: Oid, other: Oid) -> MergeAnswer | None:
        """None when git cannot merge the two."""
        try:
            return self.lane.merge_histories(onto, one, other)
        except ABOUT_ONE_MERGE:
            self.is_sure = False
            return None


def kept_apart(
    dry_run: DryRun, standing: Mapping[str, BranchPreview], landing: Landing, pairs: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Pairs that are clean by themselves and not together with their batch, found by merging every batch.

    A branch that cannot join what its batch has merged so far is kept apart from every member of it, and batches are made again,
    until all of them merge.

    Raises:
        GitError, OutOfSpace
    """
    apart: list[tuple[str, str]] = []
    with merging_lane(dry_run.integration, {one.step.onto for one in standing.values()}) as lane:
        while not dry_run.stop.stop_requested:
            found: list[tuple[str, str]] = []
            for batch in batches(landing.order, [*pairs, *apart], landing.after):
                by_target: dict[Oid, list[BranchPreview]] = defaultdict(list)
                for name in batch:
                    by_target[standing[name].step.onto].append(standing[name])
                for onto, members in by_target.items():
                    # Two are a pair, and pairs are known.
                    joined = _joined(dry_run, lane, onto, members) if len(members) > 2 else len(members)
                    if joined < len(members):
                        found += [(other.name, members[joined].name) for other in members[:joined]]
            if not found:
                break
            apart += found
    return apart


def _joined(dry_run: DryRun, lane: MergeWorker, onto: Oid, members: Sequence[BranchPreview]) -> int:
    """How many members of a batch merge cleanly one after another."""
    key = _key(dry_run, onto, "batch", members)
    known = dry_run.cache.look_up([key])
    if key in known and known[key].isdecimal():
        return int(known[key])
    commits = dry_run.commits(members)
    if dry_run.stop.stop_requested:
        return len(members)
    union = commits[members[0].name]
    joined, merges = 1, _Merges(lane)
    for one in members[1:]:
        answer = merges.merge(onto, union, commits[one.name])
        if answer is None or not answer.is_clean:
            break
        (union,) = lane.write([unseen_commit(answer.tree, union, commits[one.name])])
        joined += 1
    if merges.is_sure:
        dry_run.cache.keep({key: str(joined)}, at=dry_run.at)
    return joined


def stopping_jointly(
    dry_run: DryRun,
    standing: Mapping[str, BranchPreview],
    made: Sequence[Sequence[str]],
    pairs: Sequence[tuple[str, str]],
) -> list[PredictedConflict]:
    """Branches that stop though they clash with no single other: found by landing all batches, one branch after another.

    A branch that clashes with one that landed stops, and does not land; it takes nothing away from those after it.

    Args:
        trial: the branches, tried out.
        standing: those that can land, by name.
        made: batches, in the order of landing.
        pairs: branches that clash with one another.

    Raises:
        GitError, OutOfSpace
    """
    clashing: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        clashing[one].add(other)
        clashing[other].add(one)
    by_target: dict[Oid, list[BranchPreview]] = defaultdict(list)
    for name in (name for batch in made for name in batch):
        by_target[standing[name].step.onto].append(standing[name])
    found: list[PredictedConflict] = []
    with merging_lane(dry_run.integration, set(by_target)) as lane:
        for onto, members in by_target.items():
            if dry_run.stop.stop_requested:
                break
            known = _key(dry_run, onto, "landed", members)
            body = dry_run.cache.look_up([known]).get(known)
            stops = _read_stops(body) if body is not None else None
            if stops is None:
                merges = _Merges(lane)
                stops = _land(dry_run, merges, onto, members, clashing)
                if merges.is_sure and not dry_run.stop.stop_requested:
                    dry_run.cache.keep(
                        {
                            known: json_text(
                                stamped("landing-stops", {"stops": [dump_predicted_conflict(stop) for stop in stops]})
                            )
                        },
                        at=dry_run.at,
                    )
            found += stops
    return found


def _read_stops(body: str) -> tuple[PredictedConflict, ...] | None:
    try:
        return each(opened(parsed(body), "landing-stops"), "stops", load_predicted_conflict)
    except Malformed:
        return None


def _land(
    dry_run: DryRun, merges: _Merges, onto: Oid, members: Sequence[BranchPreview], clashing: Mapping[str, set[str]]
) -> tuple[PredictedConflict, ...]:
    commits = dry_run.commits(members)
    if dry_run.stop.stop_requested:
        return ()
    unions: list[tuple[str, Oid]] = [("", onto)]
    found: list[PredictedConflict] = []
    for one in members:
        name = one.name
        if clashing[name] & {landed for landed, _ in unions}:
            continue
        answer = merges.merge(onto, unions[-1][1], commits[name])
        if answer is not None and answer.is_clean:
            (union,) = merges.lane.write([unseen_commit(answer.tree, unions[-1][1], commits[name])])
            unions.append((name, union))
            continue
        # Who made it stop: the first that, once landed, leaves no clean merge.
        first = next(
            (
                landed
                for landed, union in unions[1:]
                if (tried := merges.merge(onto, union, commits[name])) is None or not tried.is_clean
            ),
            unions[-1][0],
        )
        named = with_side_names(answer, ours=first, theirs=name) if answer is not None else None
        found.append(
            PredictedConflict(
                first=first,
                second=name,
                target=one.step.target.name,
                paths=tuple(sorted({path for made in named.conflicts for path in made.paths})) if named else (),
                kinds=tuple(sorted({made.kind for made in named.conflicts})) if named else (UNMERGED,),
                jointly=True,
                is_stop=True,
            )
        )
    return tuple(found)


def _key(dry_run: DryRun, onto: Oid, what: str, members: Sequence[BranchPreview]) -> str:
    rules = rules_key(dry_run.integration.quarantine, onto)
    parts = (_FORMAT, what, rules, onto, *(part for one in members for part in (one.name, one.key)))
    return hashlib.sha256(b"\0".join(map(raw, parts))).hexdigest()
