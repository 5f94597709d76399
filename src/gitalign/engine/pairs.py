"""The clash map: pairs of branches that would stand on the same target, pruned by what they change, the rest merged by git.

Every merged pair is remembered by content, so that after one branch moved only its pairs are merged again.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from gitalign import wire
from gitalign.core.clashes import Clash, PairCount, may_clash, sharing
from gitalign.core.names import Oid
from gitalign.core.plan import Target
from gitalign.engine.align import Workshop
from gitalign.engine.integration import probe, rules_key
from gitalign.engine.trial import Standing, Trial
from gitalign.git.attributes import read_attributes
from gitalign.git.command import raw
from gitalign.git.merge import Side, Wire, with_side_names
from gitalign.integrate.lane import Lane, SharedMerges

_WORKERS = 2
_FORMAT = "pair 1"


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two branches that may clash.

    Attributes:
        is_related: they meet above the target, so they are merged on the bases git finds.
        key: content key of the answer.
    """

    one: Standing
    other: Standing
    is_related: bool
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What is remembered of a pair; no clash means that git merged it."""

    clash: Clash | None


def find_clashes(trial: Trial) -> tuple[tuple[PairCount, ...], tuple[Clash, ...]]:
    """Which branches clash with one another once each is aligned. Targets that a stop left unfinished are left out.

    Raises:
        GitError, OutOfSpace
    """
    counts: list[PairCount] = []
    clashes: list[Clash] = []
    for target in trial.plan.targets:
        standing = trial.standing(target)
        pairs = _pairs(trial, target, standing)
        answers = _recalled(trial, pairs)
        fresh = _merged(trial, target, [pair for pair in pairs if pair.key not in answers])
        if trial.stop.stop_requested:
            break
        trial.memory.remember({key: wire.dumps(_Answer(clash=clash)) for key, clash in fresh.items()}, at=trial.at)
        answers |= fresh
        found = [clash for pair in pairs if (clash := answers[pair.key]) is not None]
        everything = len(standing) * (len(standing) - 1) // 2
        counts.append(
            PairCount(
                target=target.name,
                branches=len(standing),
                left_out=sum(step.target == target for step in trial.plan.steps) - len(standing),
                pairs=everything,
                pruned=everything - len(pairs),
                merged=len(pairs),
                clashing=len(found),
            )
        )
        clashes += found
    return tuple(counts), tuple(clashes)


def _pairs(trial: Trial, target: Target, standing: Sequence[Standing]) -> list[_Pair]:
    """Those that are not proved clean, in order."""
    git = trial.workshop.quarantine.git
    listed = git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", target.oid).stdout
    related = sharing([one.own for one in standing])
    candidates = sorted(related.union(may_clash(listed.split(b"\0")[:-1], [one.changes for one in standing])))
    rules = rules_key(trial.workshop.quarantine, target.oid) if candidates else ""

    def key(one: Standing, other: Standing, is_related: bool) -> str:
        content = (one.key, other.key) if is_related else (one.tree, other.tree)
        parts = (_FORMAT, rules, target.name, target.oid, str(is_related), *content, one.name, other.name)
        return hashlib.sha256(b"\0".join(map(raw, parts))).hexdigest()

    return [
        _Pair(standing[one], standing[other], pair in related, key(standing[one], standing[other], pair in related))
        for pair in candidates
        for one, other in (pair,)
    ]


def _recalled(trial: Trial, pairs: Sequence[_Pair]) -> dict[str, Clash | None]:
    """Key -> answer, for those merged before; damaged ones are asked again."""
    found: dict[str, Clash | None] = {}
    for key, body in trial.memory.remembered([pair.key for pair in pairs]).items():
        try:
            found[key] = wire.loads(_Answer, body).clash
        except wire.Malformed:
            continue
    return found


def _merged(trial: Trial, target: Target, pairs: Sequence[_Pair]) -> dict[str, Clash | None]:
    """Key -> answer."""
    if not pairs:
        return {}
    commits = trial.commits({one.name: one for pair in pairs for one in (pair.one, pair.other)}.values())
    if trial.stop.stop_requested:
        return {}
    made = _lane_maker(trial.workshop, [target.oid])
    own = threading.local()
    lanes: list[Lane] = []

    def lane() -> Lane:
        if not hasattr(own, "lane"):
            own.lane = made()
            own.sides = {}
            lanes.append(own.lane)
        mine: Lane = own.lane
        return mine

    def side(commit: Oid) -> Side:
        here = lane()
        if commit not in own.sides:
            own.sides[commit] = here.side(commit)
        known: Side = own.sides[commit]
        return known

    def answer(pair: _Pair) -> Clash | None:
        if trial.stop.stop_requested:
            return None
        return _asked(lane(), side, target, pair, commits)

    try:
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="pairs") as pool:
            return dict(zip((pair.key for pair in pairs), pool.map(answer, pairs), strict=True))
    finally:
        for one in lanes:
            one.close()


def _asked(
    lane: Lane, side: Callable[[Oid], Side], target: Target, pair: _Pair, commits: Mapping[str, Oid]
) -> Clash | None:
    one, other = pair.one.name, pair.other.name
    if pair.is_related:
        answer = lane.merge_histories(target.oid, commits[one], commits[other])
    else:
        answer = lane.merge(target.oid, base=side(target.oid), ours=side(commits[one]), theirs=side(commits[other]))
    if answer.is_clean:
        return None
    answer = with_side_names(answer, ours=one, theirs=other)
    named = {entry.path for entry in answer.entries} or {path for made in answer.conflicts for path in made.paths}
    return Clash(one=one, other=other, target=target.name, conflicts=answer.conflicts, paths=tuple(sorted(named)))


@contextmanager
def merging_lane(workshop: Workshop, targets: Iterable[Oid]) -> Iterator[Lane]:
    """One lane for merges beyond the plan's own, under the attributes of the targets."""
    lane = _lane_maker(workshop, targets)()
    try:
        yield lane
    finally:
        lane.close()


def _lane_maker(workshop: Workshop, targets: Iterable[Oid]) -> Callable[[], Lane]:
    """Makes lanes that share their merges."""
    quarantine = workshop.quarantine
    wire = workshop.wire if workshop.wire.wire is not Wire.SINGLE else probe(quarantine)
    attributes = {target: read_attributes(quarantine.git, target) for target in sorted(targets)}
    shared = SharedMerges()
    timeout_s = workshop.limits.integration_timeout_s
    return lambda: Lane(quarantine, wire=wire, attributes=attributes, shared=shared, timeout_s=timeout_s)
