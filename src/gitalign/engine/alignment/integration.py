"""Integrating every branch of a plan in a quarantine: the part of a run that a forecast shares, step for step.

Nothing here moves a ref or stores an object in the repository.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from gitalign.core.events import EventKind
from gitalign.core.gaps import missing_in_words
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid, StepId
from gitalign.core.outcome import StepResult
from gitalign.core.plan import Plan, Step, StepKind
from gitalign.core.policy import AutoResolver, CommitterPolicy
from gitalign.engine.alignment.align import BranchAligner
from gitalign.engine.alignment.context import IntegrationContext, known_outcome
from gitalign.engine.alignment.driver import Workforce, drive
from gitalign.engine.alignment.known_outcomes import recalled
from gitalign.engine.alignment.read_back import read_back
from gitalign.engine.alignment.stack_checks import with_stack_notes
from gitalign.engine.runtime.context import AnalysisContext
from gitalign.engine.runtime.limits import worker_count
from gitalign.engine.runtime.signals import StopSignal
from gitalign.git.attributes import AttributeFiles, read_attributes
from gitalign.git.file_facts import KeptFacts
from gitalign.git.identity import operator_ident
from gitalign.git.merge import MergeWire, Wire, probe_wire
from gitalign.git.objects import CommitWriter
from gitalign.git.quarantine import Quarantine
from gitalign.git.signing import configured_signer
from gitalign.integrate.pick import ReplayRules
from gitalign.integrate.shared_merges import SharedMerges
from gitalign.integrate.upstream import UpstreamIndex
from gitalign.integrate.verdicts import merge_rules_key, verdict_key
from gitalign.ports import ConflictResolver, Emitter
from gitalign.resolve.remerge import taught_by_merges

_WORK = frozenset({StepKind.REPLAY, StepKind.RECREATE, StepKind.MERGE, StepKind.INTEGRATE})
_PICKS = frozenset({StepKind.REPLAY, StepKind.RECREATE})
_MERGES = frozenset({StepKind.MERGE, StepKind.INTEGRATE})
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrated:
    """What became of every step.

    Attributes:
        merges: how many merges git made, how many answers were shared, how many needed none.
    """

    results: tuple[StepResult, ...]
    merges: tuple[int, int, int]


def build_context(
    quarantine: Quarantine,
    plan: Plan,
    graph: CommitGraph,
    context: AnalysisContext,
    *,
    already: Mapping[StepId, StepResult],
    documents_dir: Path | None = None,
) -> IntegrationContext:
    """Lay out what the branches of a plan share: merge wire, patch ids of the targets, attributes, cached outcomes.

    Args:
        quarantine: where objects go.
        plan: the plan.
        graph: history behind its steps.
        context: cache, deadlines, plug-ins, and the committer date of rewritten commits.
        already: steps that need no work.
        documents_dir: where a documenter may write; None for results that are thrown away, which are not signed either.

    Raises:
        GitError, OutOfSpace
    """
    repository = quarantine.repository
    work = [step for step in plan.steps if step.kind in _WORK and step.refusal is None and step.id not in already]
    attributes = {onto: read_attributes(quarantine.git, onto) for onto in sorted({step.onto for step in work})}
    keys = verdict_keys(quarantine, work, resolver=context.plugins.resolver, attributes=attributes)
    look_up = recalled(context.cache, quarantine, work, keys, policy=plan.policy, plugins=context.plugins)
    work = [step for step in work if step.branch.name not in look_up]
    picked = [step for step in work if step.kind in _PICKS]
    upstream = UpstreamIndex.build(repository, graph, [(step.seen, step.onto) for step in picked])
    merges = SharedMerges()
    merges.virtual.expect(graph.own(step.seen, step.onto).bases for step in work if step.kind in _MERGES)
    return IntegrationContext(
        merges=merges,
        facts=KeptFacts(context.cache, at=context.at),
        quarantine=quarantine,
        wire=probe(quarantine) if work else MergeWire(Wire.SINGLE),
        graph=graph,
        upstream=upstream,
        unsure=frozenset(step.branch.name for step in picked if upstream.missing(step.seen, step.onto)),
        attributes=attributes,
        policy=plan.policy,
        limits=context.limits,
        rules=_rules(plan, work, context, signs=documents_dir is not None),
        plugins=context.plugins,
        look_up=look_up,
        verdict_keys=keys,
        jitter=context.surroundings.jitter,
        documents_dir="" if documents_dir is None else str(documents_dir),
    )


def integrate(
    integration: IntegrationContext,
    plan: Plan,
    *,
    already: Mapping[StepId, StepResult],
    emit: Emitter,
    stop: StopSignal,
    packs: bool = False,
) -> Integrated:
    """Carry every step to its outcome, in parallel, and read all new history back.

    Args:
        integration: what the branches share.
        plan: whose steps.
        already: results that are known.
        emit: takes events.
        stop: the stop button.
        packs: pack the results first: they will be proved and published.

    Raises:
        GitAlignError: when the whole cannot go on.
    """
    resolved = dict(already)
    for step in plan.steps:
        if step.id not in resolved and (known := known_outcome(step, integration.look_up)) is not None:
            resolved[step.id] = StepResult(step_id=step.id, branch=step.branch.name, outcome=known)
    aligner = BranchAligner(
        integration,
        [step for step in plan.steps if step.id not in resolved],
        workers=worker_count(integration.limits, len({step.target.name for step in plan.steps})),
        is_stopped=lambda: stop.stop_requested or stop.cancel_requested,
    )
    for words in not_compared(integration):
        emit(EventKind.NOTICE, text=words)
    emit(EventKind.INTEGRATION_STARTED, steps=len(plan.steps), wire=str(integration.wire.wire))
    try:
        workforce = Workforce(
            limits=integration.limits, aligner=aligner, emit=emit, stop=stop, jitter=integration.jitter
        )
        results = drive(plan.steps, workforce, already=resolved)
    finally:
        aligner.close()
    integration.facts.flush()
    timeout_s = integration.limits.branch_timeout_s
    results = read_back(integration.quarantine, results, timeout_s=timeout_s, packs=packs)
    results = with_stack_notes(plan, results)
    merges = (aligner.counts.merged, aligner.counts.shared, aligner.counts.trivial)
    emit(EventKind.INTEGRATION_FINISHED, merges=merges[0], shared=merges[1], trivial=merges[2])
    return Integrated(results=results, merges=merges)


def not_compared(integration: IntegrationContext) -> tuple[str, ...]:
    """Commits that could not be compared for want of an object, in words; of very many the first."""
    return tuple(
        missing_in_words(commit, lost)
        for commit, lost in islice(integration.upstream.all_missing().items(), _MOST_NAMED)
    )


def _rules(plan: Plan, work: Sequence[Step], context: AnalysisContext, *, signs: bool) -> ReplayRules:
    """Who stands as committer and who signs; asked only when a commit may have to be made."""
    if not work:
        return ReplayRules(operator=b"", committer=None, signer=None)
    repository, plugins = context.repository, context.plugins
    operator = operator_ident(repository, at=context.at)
    signer = configured_signer(repository, committer=operator) if signs else None
    return ReplayRules(
        operator=operator,
        committer=operator if plan.policy.committer is CommitterPolicy.OPERATOR else None,
        signer=signer,
        resolver=plugins.resolver,
        regenerator=plugins.regenerator,
        squash_merged=AutoResolver.SQUASH_MERGED in plan.policy.auto_resolvers,
        teacher=partial(taught_by_merges, repository.git, repository.object_format),
    )


def probe(quarantine: Quarantine) -> MergeWire:
    """The fastest way this git can be asked to merge."""
    object_format = quarantine.repository.object_format
    writer = CommitWriter(quarantine.objects, object_format=object_format)
    return probe_wire(quarantine.ungated(quarantine.git), writer, object_format=object_format)


def verdict_keys(
    quarantine: Quarantine,
    steps: Sequence[Step],
    *,
    resolver: ConflictResolver | None = None,
    attributes: Mapping[Oid, AttributeFiles] | None = None,
) -> dict[str, str]:
    """Branch name -> content key of its verdict, for the steps that merge something.

    Args:
        quarantine: where they are merged.
        steps: of a plan.
        resolver: what it knows decides, too: a resolution recorded later must not be hidden by a verdict from before.
        attributes: those of the targets, where they were read already.
    """
    work = [step for step in steps if step.kind in _WORK and step.refusal is None]
    read = attributes or {}
    rules = {onto: rules_key(quarantine, onto, read.get(onto)) for onto in sorted({step.onto for step in work})}
    known = f" {resolver.key}" if resolver is not None else ""
    return {step.branch.name: verdict_key(step, rules=rules[step.onto] + known) for step in work}


def rules_key(quarantine: Quarantine, onto: Oid, attributes: AttributeFiles | None = None) -> str:
    """Content key of what, besides commits, decides merges with a target: attributes, read when not given, and which git it is."""
    own = Path(quarantine.repository.common_dir) / "info" / "attributes"
    return merge_rules_key(
        attributes=read_attributes(quarantine.git, onto) if attributes is None else attributes,
        local_attributes=own.read_bytes() if own.is_file() else b"",
        git_version=quarantine.repository.git_version,
        history_marks=quarantine.repository.history_marks(),
    )
