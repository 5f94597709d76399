"""The clash map: pairs of branches with the same target, pruned by what they change, the rest merged by git.

Every merged pair is remembered by content, so that after one branch moved only its pairs are merged again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitalign.core.hunks import Hunk, conflict_hunks
from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import (
    Basis,
    Contest,
    PairConflict,
    PairConflictMap,
    PairCount,
    PathChange,
    UnmergedPair,
    find_contests,
    may_conflict,
    other_names,
    positions,
    sharing,
)
from gitalign.core.plan import Target
from gitalign.documents.formats import json_text, opened, parsed, stamped
from gitalign.documents.pair_conflicts import dump_pair_conflict, load_pair_conflict
from gitalign.documents.reading import Malformed, maybe
from gitalign.engine.alignment.integration import rules_key
from gitalign.engine.alignment.merge_workers import map_on_workers
from gitalign.engine.analysis.branch_preview import BranchPreview
from gitalign.engine.analysis.dry_run import DryRun
from gitalign.engine.analysis.marked_files import marked_files
from gitalign.errors import ABOUT_ONE_MERGE
from gitalign.git.command import raw, text
from gitalign.git.merge import MergeAnswer, with_side_names
from gitalign.integrate.lane import MergeWorker

_FORMAT = "pair 3"
_MOST_HUNKS = 20


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two branches that may clash.

    Attributes:
        is_related: they meet above the target, so they are merged on the bases git finds.
        key: content key of the answer.
    """

    one: BranchPreview
    other: BranchPreview
    is_related: bool
    key: str

    @property
    def basis(self) -> Basis:
        """What of them is merged."""
        if not (self.one.is_partial or self.other.is_partial):
            return Basis.ALIGNED
        return Basis.AS_THEY_STAND if self.is_related else Basis.PARTIAL


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What is known of a pair; neither clash nor failure means that git merged it."""

    clash: PairConflict | None
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidates:
    """The branches of a target, and what is to be found out about them.

    Attributes:
        pairs: not proved clean and not undecided, in order.
        undecided: how many pairs meet where one of them stops.
    """

    branches: Sequence[BranchPreview]
    pairs: Sequence[_Pair]
    contests: Sequence[Contest]
    undecided: int


def find_pair_conflicts(dry_run: DryRun, *, with_partial: bool) -> PairConflictMap:
    """Which branches clash with one another on their targets. Targets that a stop left unfinished are left out.

    Args:
        trial: the plan, tried out.
        with_partial: compare branches that do not align, too, as far as git merges them.

    Raises:
        GitError, OutOfSpace
    """
    counts: list[PairCount] = []
    clashes: list[PairConflict] = []
    contests: list[Contest] = []
    unmerged: list[UnmergedPair] = []
    for target in dry_run.plan.targets:
        standing = dry_run.standing(target)
        partial = dry_run.partial(target) if with_partial else ()
        found = _candidates(dry_run, target, sorted([*standing, *partial], key=lambda one: one.name))
        answers = _recalled(dry_run, found.pairs)
        fresh = _merged(dry_run, target, [pair for pair in found.pairs if pair.key not in answers])
        if dry_run.stop.stop_requested:
            break
        lasting = {key: json_text(_document(answer)) for key, answer in fresh.items() if answer.failure is None}
        dry_run.cache.keep(lasting, at=dry_run.at)
        answers |= fresh
        clashing = [clash for pair in found.pairs if (clash := answers[pair.key].clash) is not None]
        failed = [
            UnmergedPair(one=pair.one.name, other=pair.other.name, target=target.name, reason=reason)
            for pair in found.pairs
            if (reason := answers[pair.key].failure) is not None
        ]
        everything = len(found.branches) * (len(found.branches) - 1) // 2
        counts.append(
            PairCount(
                target=target.name,
                branches=len(standing),
                partial=len(partial),
                left_out=sum(step.target == target for step in dry_run.plan.steps) - len(found.branches),
                pairs=everything,
                pruned=everything - len(found.pairs) - found.undecided,
                merged=len(found.pairs) - len(failed),
                undecided=found.undecided,
                failed=len(failed),
                clashing=len(clashing),
            )
        )
        clashes += clashing
        contests += found.contests
        unmerged += failed
    return PairConflictMap(
        counts=tuple(counts), clashes=tuple(clashes), contests=tuple(contests), unmerged=tuple(unmerged)
    )


def _candidates(dry_run: DryRun, target: Target, branches: Sequence[BranchPreview]) -> _Candidates:
    git = dry_run.integration.quarantine.git
    files = git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", target.oid).stdout.split(b"\0")[:-1]
    # An unresolved path counts as changed, even where what git leaves in its place is what the target has.
    changed = [
        [
            *one.changes,
            *(PathChange(path, None, None) for path in one.unresolved - {change.path for change in one.changes}),
        ]
        for one in branches
    ]
    contested, partners = find_contests([one.changes for one in branches], [one.unresolved for one in branches])
    related = _related(dry_run, target, branches)
    wanted = [
        (one, other)
        for one, other in sorted(related.union(may_conflict(files, changed)))
        if not partners[one] >> other & 1
    ]
    rules = rules_key(dry_run.integration.quarantine, target.oid) if wanted else ""
    contests = [
        Contest(
            target=target.name,
            path=text(path),
            stopping=tuple(branches[at].name for at in positions(stopping)),
            changing=tuple(branches[at].name for at in positions(changing)),
        )
        for path, (stopping, changing) in sorted(contested.items())
    ]
    return _Candidates(
        branches=branches,
        pairs=[
            _pair(target, branches[one], branches[other], is_related=(one, other) in related, rules=rules)
            for one, other in wanted
        ],
        contests=contests,
        undecided=sum(mask.bit_count() for mask in partners) // 2,
    )


def _related(dry_run: DryRun, target: Target, branches: Sequence[BranchPreview]) -> set[tuple[int, int]]:
    """Pairs that meet above the target: aligned ones as they would stand, the others as they stand now."""
    aligned = sharing([() if one.is_partial else one.own for one in branches])
    if not any(one.is_partial for one in branches):
        return aligned
    own = [one.own if one.is_partial else dry_run.graph.own_ids(one.step.seen, target.oid) for one in branches]
    return aligned | {
        (one, other) for one, other in sharing(own) if branches[one].is_partial or branches[other].is_partial
    }


def _pair(target: Target, one: BranchPreview, other: BranchPreview, *, is_related: bool, rules: str) -> _Pair:
    content = (one.key, other.key) if is_related else (one.tree, other.tree)
    parts = (_FORMAT, rules, target.name, target.oid, str(is_related), *content, one.name, other.name)
    return _Pair(one, other, is_related, hashlib.sha256(b"\0".join(map(raw, parts))).hexdigest())


def _recalled(dry_run: DryRun, pairs: Sequence[_Pair]) -> dict[str, _Answer]:
    """Key -> answer, for those merged before; damaged ones are asked again."""
    found: dict[str, _Answer] = {}
    for key, body in dry_run.cache.look_up([pair.key for pair in pairs]).items():
        try:
            found[key] = _answer(parsed(body))
        except Malformed:
            continue
    return found


def _document(answer: _Answer) -> dict[str, Any]:
    clash = None if answer.clash is None else dump_pair_conflict(answer.clash)
    return stamped("pair", {"clash": clash})


def _answer(document: Any) -> _Answer:
    return _Answer(clash=maybe(opened(document, "pair"), "clash", load_pair_conflict))


def _merged(dry_run: DryRun, target: Target, pairs: Sequence[_Pair]) -> dict[str, _Answer]:
    """Key -> answer."""
    if not pairs:
        return {}
    needed = (one for pair in pairs if pair.basis is not Basis.AS_THEY_STAND for one in (pair.one, pair.other))
    commits = dry_run.commits({one.name: one for one in needed}.values())
    if dry_run.stop.stop_requested:
        return {}

    def ask(lane: MergeWorker, pair: _Pair) -> _Answer:
        if dry_run.stop.stop_requested:
            return _Answer(clash=None)
        if pair.basis is not Basis.AS_THEY_STAND and not {pair.one.name, pair.other.name} <= commits.keys():
            return _Answer(clash=None, failure="files of one of them can no longer be read")
        try:
            return _Answer(clash=_asked(lane, target, pair, commits))
        except ABOUT_ONE_MERGE as error:
            return _Answer(clash=None, failure=str(error))

    answers = map_on_workers(dry_run.integration, [target.oid], ask, pairs)
    return dict(zip((pair.key for pair in pairs), answers, strict=True))


def _asked(lane: MergeWorker, target: Target, pair: _Pair, commits: Mapping[str, Oid]) -> PairConflict | None:
    one, other = pair.one.name, pair.other.name
    if pair.basis is Basis.AS_THEY_STAND:
        answer = lane.merge_histories(target.oid, pair.one.step.seen, pair.other.step.seen)
    elif pair.is_related:
        answer = lane.merge_histories(target.oid, commits[one], commits[other])
    else:
        sides = lane.side(commits[one]), lane.side(commits[other])
        answer = lane.merge(target.oid, base=lane.side(target.oid), ours=sides[0], theirs=sides[1])
    if answer.is_clean:
        return None
    hunks = _hunks(lane, answer)
    answer = with_side_names(answer, ours=one, theirs=other)
    named = {entry.path for entry in answer.entries} or {path for made in answer.conflicts for path in made.paths}
    sources = other_names(
        {raw(path) for path in named | {path for made in answer.conflicts for path in made.paths}},
        {entry.oid.encode("ascii") for entry in answer.entries},
        [pair.one.changes, pair.other.changes],
    )
    return PairConflict(
        one=one,
        other=other,
        target=target.name,
        basis=pair.basis,
        conflicts=answer.conflicts,
        paths=tuple(sorted(named)),
        sources=tuple(sorted(map(text, sources))),
        hunks=tuple(hunks[:_MOST_HUNKS]),
        hunks_left_out=max(0, len(hunks) - _MOST_HUNKS),
    )


def _hunks(lane: MergeWorker, answer: MergeAnswer) -> list[Hunk]:
    """Of files both sides have, by path."""
    return [
        hunk
        for path, marked, one, other in marked_files(lane, answer)
        for hunk in conflict_hunks(path, marked, one=one, other=other)
    ]
