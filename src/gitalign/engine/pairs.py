"""The clash map: pairs of branches that would stand on the same target, pruned by what they change, the rest merged by git."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from gitalign.core.clashes import Clash, PairCount, PathChange, may_clash, sharing
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, StepResult, Unchanged
from gitalign.core.plan import Plan, StepKind, Target
from gitalign.engine.align import Workshop
from gitalign.engine.integration import probe
from gitalign.engine.signals import StopSignal
from gitalign.git.attributes import read_attributes
from gitalign.git.history import commits_beyond, path_changes
from gitalign.git.merge import Side, Wire, with_side_names
from gitalign.integrate.lane import Lane, SharedMerges

_WORKERS = 2


@dataclass(frozen=True, slots=True)
class _Standing:
    """A branch that stands on the target, or would once aligned."""

    name: str
    commit: Oid
    changes: tuple[PathChange, ...]


def find_clashes(
    workshop: Workshop, plan: Plan, results: Sequence[StepResult], *, stop: StopSignal
) -> tuple[tuple[PairCount, ...], tuple[Clash, ...]]:
    """Which branches clash with one another once each is aligned.

    Args:
        workshop: with the aligned commits in its quarantine.
        plan: the plan.
        results: of its steps.
        stop: ends the comparison early; targets it did not finish are left out.

    Raises:
        GitError, OutOfSpace
    """
    counts: list[PairCount] = []
    clashes: list[Clash] = []
    for target in plan.targets:
        standing, left_out = _standing(workshop, plan, results, target)
        listed = workshop.quarantine.git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", target.oid).stdout
        tips = [one.commit for one in standing]
        related = sharing(commits_beyond(workshop.quarantine.git, tips, target.oid), tips)
        pairs = sorted(related.union(may_clash(listed.split(b"\0")[:-1], [one.changes for one in standing])))
        asked = [(standing[one], standing[other], (one, other) in related) for one, other in pairs]
        found = _merged(workshop, target, asked, stop)
        if stop.stop_requested:
            break
        everything = len(standing) * (len(standing) - 1) // 2
        counts.append(
            PairCount(
                target=target.name,
                branches=len(standing),
                left_out=left_out,
                pairs=everything,
                pruned=everything - len(pairs),
                merged=len(pairs),
                clashing=len(found),
            )
        )
        clashes += found
    return tuple(counts), tuple(clashes)


def _standing(
    workshop: Workshop, plan: Plan, results: Sequence[StepResult], target: Target
) -> tuple[list[_Standing], int]:
    by_step = {result.step_id: result.outcome for result in results}
    commits: list[tuple[str, Oid]] = []
    left_out = 0
    for step in sorted(plan.steps, key=lambda step: step.branch.name):
        if step.target != target:
            continue
        outcome = by_step[step.id]
        if isinstance(outcome, Aligned):
            commits.append((step.branch.name, outcome.after))
        elif isinstance(outcome, Unchanged) and step.kind is StepKind.UP_TO_DATE:
            commits.append((step.branch.name, step.seen))
        else:
            left_out += 1
    wanted = sorted({commit for _, commit in commits})
    read = dict(path_changes(workshop.quarantine.git, [(target.oid, commit) for commit in wanted]))
    standing = [
        _Standing(name, commit, read[target.oid, commit]) for name, commit in commits if (target.oid, commit) in read
    ]
    return standing, left_out + len(commits) - len(standing)


def _merged(
    workshop: Workshop, target: Target, pairs: Sequence[tuple[_Standing, _Standing, bool]], stop: StopSignal
) -> list[Clash]:
    """Those of the pairs that conflict, in order; the third says that the two meet above the target."""
    if not pairs:
        return []
    made = _lane_maker(workshop, [target.oid])
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

    def clash(pair: tuple[_Standing, _Standing, bool]) -> Clash | None:
        if stop.stop_requested:
            return None
        one, other, is_related = pair
        if is_related:
            answer = lane().merge_histories(target.oid, one.commit, other.commit)
        else:
            answer = lane().merge(target.oid, base=side(target.oid), ours=side(one.commit), theirs=side(other.commit))
        if answer.is_clean:
            return None
        answer = with_side_names(answer, ours=one.name, theirs=other.name)
        named = {entry.path for entry in answer.entries} or {path for made in answer.conflicts for path in made.paths}
        return Clash(
            one=one.name,
            other=other.name,
            target=target.name,
            conflicts=answer.conflicts,
            paths=tuple(sorted(named)),
        )

    try:
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="pairs") as pool:
            return [found for found in pool.map(clash, pairs) if found is not None]
    finally:
        for one in lanes:
            one.close()


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
