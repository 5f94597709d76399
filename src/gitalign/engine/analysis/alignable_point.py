"""How far conflicting branches align: the last commit of their target's own line onto which each does, and the first onto which it
does not. Nothing moves; what is found is remembered by content.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path

from gitalign.core.conflict import AlignablePoint, Undetermined
from gitalign.core.events import EventKind
from gitalign.core.first_parent_chain import FirstParentChain
from gitalign.core.names import Oid, StepId
from gitalign.core.outcome import Conflicted, StepResult
from gitalign.core.plan import Plan, Step
from gitalign.documents.conflicts import dump_alignable_point, load_alignable_point
from gitalign.documents.formats import json_text, opened, parsed, stamped
from gitalign.documents.reading import Malformed
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.alignment.merge_workers import map_on_workers
from gitalign.engine.analysis.bisector import PICKS, THROWN_AWAY, Bisector, Course, Sought, Until
from gitalign.engine.runtime.context import AnalysisContext
from gitalign.engine.runtime.signals import StopSignal
from gitalign.git.attributes import AttributeFiles, read_attributes
from gitalign.git.command import raw
from gitalign.git.diffs import path_changes
from gitalign.git.history import authorship
from gitalign.git.quarantine import Quarantine
from gitalign.integrate.lane import MergeWorker
from gitalign.integrate.upstream import UpstreamIndex
from gitalign.integrate.verdicts import merge_rules_key
from gitalign.ports import Emitter, VerdictCache

_FORMAT = "furthest 1"


def with_furthest(
    integration: IntegrationContext,
    plan: Plan,
    results: Sequence[StepResult],
    context: AnalysisContext,
    *,
    only_cached: bool = False,
) -> tuple[StepResult, ...]:
    """The results, with how far each conflicting branch aligns.

    Args:
        integration: what the branches were integrated with.
        plan: whose steps.
        results: of the steps.
        context: cache, events, stop signal.
        from_memory_only: merge nothing; what was never found before stays unknown.

    Raises:
        GitError, OutOfSpace
    """
    steps = {step.id: step for step in plan.steps}
    stopped = [
        (steps[StepId(result.step_id)], result.outcome) for result in results if isinstance(result.outcome, Conflicted)
    ]
    if not stopped:
        return tuple(results)
    found, fresh = _recalled(integration, stopped, context.cache)
    if fresh and not only_cached:
        found |= _found(integration, fresh, context)
    return tuple(
        replace(result, outcome=replace(result.outcome, alignable_point=found[result.step_id]))
        if isinstance(result.outcome, Conflicted) and result.step_id in found
        else result
        for result in results
    )


def _recalled(
    integration: IntegrationContext, stopped: Sequence[tuple[Step, Conflicted]], cache: VerdictCache
) -> tuple[dict[int, AlignablePoint | Undetermined], list[Sought]]:
    """What is known already, by step, and what is to be looked for."""
    graph = integration.graph
    lines = {onto: FirstParentChain(graph, onto) for onto in {step.onto for step, _ in stopped} if onto in graph}
    rules = bisection_rules_key(integration.quarantine)
    found: dict[int, AlignablePoint | Undetermined] = {}
    sought: list[Sought] = []
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
            sought.append(Sought(step, outcome, line, fork, _key(step, rules)))
    known = cache.look_up(one.key for one in sought)
    fresh: list[Sought] = []
    for one in sought:
        answer = _as_today(one, known.get(one.key))
        if answer is None:
            fresh.append(one)
        else:
            found[one.step.id] = answer
    return found, fresh


def _found(
    integration: IntegrationContext,
    sought: Sequence[Sought],
    context: AnalysisContext,
) -> dict[int, AlignablePoint | Undetermined]:
    """By step; remembered."""
    context.emit(EventKind.FURTHEST_STARTED, branches=len(sought))
    looked_for, unsure = _looked_for(integration, sought, context.emit, context.stop)
    answers = _with_people(integration.quarantine, looked_for)
    context.cache.keep(
        {
            one.key: json_text(stamped("alignable-point", dump_alignable_point(answer)))
            for one, answer in zip(sought, answers, strict=True)
            if isinstance(answer, AlignablePoint) and one.step.onto not in unsure
        },
        at=context.at,
    )
    context.emit(
        EventKind.FURTHEST_FINISHED,
        branches=len(sought),
        gaining=sum(isinstance(answer, AlignablePoint) and answer.advanced_by > 0 for answer in answers),
        untold=sum(isinstance(answer, Undetermined) for answer in answers),
    )
    return {one.step.id: answer for one, answer in zip(sought, answers, strict=True)}


def bisection_rules_key(quarantine: Quarantine) -> str:
    """Content key of what decides merges beside commits. Attribute files in commits are part of these."""
    own = Path(quarantine.repository.common_dir) / "info" / "attributes"
    return merge_rules_key(
        attributes=(),
        local_attributes=own.read_bytes() if own.is_file() else b"",
        git_version=quarantine.repository.git_version,
        history_marks=quarantine.repository.history_marks(),
    )


def _key(step: Step, rules: str) -> str:
    """Content key of what is found for a branch.

    Where its target stands is no part of it: what was found holds as long as both commits are neighbours on the line.
    """
    parts = (_FORMAT, step.kind, step.strategy, step.seen, step.branch.name, step.target.name, rules)
    return hashlib.sha256(b"\0".join(raw(str(part)) for part in parts)).hexdigest()


def _as_today(one: Sought, body: str | None) -> AlignablePoint | None:
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
    return replace(known, fork=one.line.commits[one.fork], advanced_by=one.fork - clean, remaining=clean)


def _looked_for(
    integration: IntegrationContext, sought: Sequence[Sought], emit: Emitter, stop: StopSignal
) -> tuple[list[AlignablePoint | Undetermined], frozenset[Oid]]:
    """What is found, and targets of which something could not be compared."""
    courses = {
        line.tip: _course(integration.quarantine, line, max(one.fork for one in sought if one.line is line))
        for line in {id(one.line): one.line for one in sought}.values()
    }
    replayed = [one for one in sought if one.step.kind in PICKS]
    upstream = UpstreamIndex.build(
        integration.quarantine.repository,
        integration.graph,
        [(one.step.seen, one.step.onto) for one in replayed],
        forks={(one.step.seen, one.step.onto): one.line.commits[one.fork] for one in replayed},
    )
    attributes = {oid: files for course in courses.values() for oid, files in course.attributes.items()}

    rules = replace(THROWN_AWAY, teacher=integration.rules.teacher)
    done = count(1)

    def ask(lane: MergeWorker, one: Sought) -> AlignablePoint | Undetermined:
        until = Until(stop, time.monotonic() + integration.limits.branch_timeout_s)
        answer = Bisector(one, courses[one.line.tip], upstream, lane, until, rules).find()
        emit(
            EventKind.FURTHEST_FOUND,
            branch=one.step.branch.name,
            target=one.step.target.name,
            done=next(done),
            of=len(sought),
        )
        return answer

    unsure = frozenset(tip for tip, course in courses.items() if course.has_gaps or upstream.has_gaps(tip))
    return map_on_workers(integration, attributes, ask, sought), unsure


def _course(quarantine: Quarantine, line: FirstParentChain, deepest: int) -> Course:
    commits = line.commits[: deepest + 1]
    changes = dict(path_changes(quarantine.git, [(below, above) for above, below in pairwise(commits)]))
    touched: dict[bytes, list[int]] = defaultdict(list)
    attributes: dict[Oid, AttributeFiles] = {commits[deepest]: read_attributes(quarantine.git, commits[deepest])}
    for place in range(deepest - 1, -1, -1):
        below, commit = commits[place + 1], commits[place]
        changed = changes.get((below, commit))
        # Where trees cannot be read, merging with them will say so.
        attributes[commit] = attributes[below]
        for change in changed or ():
            touched[change.path].append(place)
            if change.path.endswith(b".gitattributes"):
                attributes[commit] = read_attributes(quarantine.git, commit)
    return Course(touched=touched, attributes=attributes, has_gaps=len(changes) < len(commits) - 1)


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
