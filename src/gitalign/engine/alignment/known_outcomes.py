"""Outcomes of earlier runs that hold still, so that nothing is merged for them a second time.

Kept by content: conflicts, branches of which nothing is left, and branches that need an object which is not there. The last
are looked up together with the question whether that object is missing still. Nothing else is kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.core.names import Oid
from gitalign.core.outcome import Conflicted, Failed, Outcome, StepResult, Unchanged
from gitalign.core.plan import Plan, Step, StepKind
from gitalign.core.policy import Policy, Strategy
from gitalign.documents import outcomes
from gitalign.documents.formats import json_text, parsed
from gitalign.documents.reading import Malformed
from gitalign.errors import GitError, MissingObject
from gitalign.git.asking import absent
from gitalign.git.missing import missing_of
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import Repository
from gitalign.ports import ActivePlugins, VerdictCache

if TYPE_CHECKING:
    from gitalign.engine.alignment.context import IntegrationContext

KnownOutcome = Conflicted | Unchanged | Failed

_MERGES = frozenset({StepKind.REPLAY, StepKind.RECREATE, StepKind.MERGE})
_NOTHING_LEFT = frozenset({"already_merged", "nothing_left"})
_OBJECT = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")


def recalled(
    cache: VerdictCache,
    quarantine: Quarantine,
    steps: Sequence[Step],
    keys: Mapping[str, str],
    *,
    policy: Policy,
    plugins: ActivePlugins,
) -> dict[str, KnownOutcome]:
    """Branch name -> its outcome in an earlier run, where the same run would come to it again.

    Args:
        cache: verdicts of earlier runs.
        quarantine: sees the repository.
        steps: that merge something.
        keys: content key of each step's verdict, by branch name.
        policy: of the plan.
        plugins: what decides beside git.
    """
    bodies = cache.look_up(keys.values())
    found: dict[str, KnownOutcome] = {}
    for name, key in keys.items():
        if isinstance(outcome := _outcome(bodies.get(key)), Conflicted):
            found[name] = outcome
    names = {
        step.branch.name: _further_key(keys[step.branch.name], policy)
        for step in steps
        if step.branch.name in keys and step.branch.name not in found and _is_plain(step)
    }
    if not names or not _is_git_alone(quarantine.repository, plugins):
        return found
    bodies = cache.look_up(names.values())
    further = {name: outcome for name, key in names.items() if (outcome := _outcome(bodies.get(key))) is not None}
    gone = _missing_still(quarantine.repository, further.values())
    return found | {name: outcome for name, outcome in further.items() if _holds(outcome, gone)}


def keep_outcomes(
    cache: VerdictCache, integration: IntegrationContext, plan: Plan, results: Sequence[StepResult], *, at: datetime
) -> None:
    """Keep what was found, so that no later run or forecast merges the very same commits again."""
    keys = integration.verdict_keys
    # What stands on a commit that could not be compared may be otherwise once its objects are there.
    fresh = [
        result
        for result in results
        if result.branch in keys
        and result.branch not in integration.look_up
        and result.branch not in integration.unsure
    ]
    bodies = {
        keys[result.branch]: json_text(outcomes.dump(result.outcome))
        for result in fresh
        if isinstance(result.outcome, Conflicted) and not result.outcome.cached
    }
    if _is_git_alone(integration.quarantine.repository, integration.plugins):
        plain = [result for result in fresh if _is_plain(plan.steps[result.step_id])]
        gone = _missing_from_history(integration, plan, plain)
        bodies |= {
            _further_key(keys[result.branch], plan.policy): json_text(outcomes.dump(result.outcome))
            for result in plain
            if _holds(result.outcome, gone)
        }
    if bodies:
        cache.keep(bodies, at=at)


def _missing_still(repository: Repository, known: Iterable[Outcome]) -> frozenset[Oid]:
    """Which of the objects that failures name git says are missing; none where it cannot say so.

    A partial clone is asked in vain: git would fetch the object, which it must not (`GIT_NO_LAZY_FETCH` in `git help git`).
    """
    named = {oid for outcome in known for oid in _named_by(outcome)}
    try:
        return absent(repository.git, named) if named else frozenset()
    except GitError:
        return frozenset()


def _missing_from_history(integration: IntegrationContext, plan: Plan, results: Iterable[StepResult]) -> frozenset[Oid]:
    """Which of the objects that failures name belong to the commits of their branches and targets, and are missing there.

    An object that was made for this run and is gone is another matter: the next run makes it again.
    """
    repository = integration.quarantine.repository
    failed = [result for result in results if _named_by(result.outcome)]
    gone = _missing_still(repository, [result.outcome for result in failed])
    if not gone:
        return gone
    commits: set[Oid] = set()
    for step in (plan.steps[result.step_id] for result in failed):
        own = integration.graph.own(step.seen, step.onto)
        parents = (parent for commit in (*own.picks, *own.merges) for parent in integration.graph.parents(commit))
        commits.update((step.seen, step.onto), own.picks, own.merges, own.bases, parents)
    try:
        return gone & missing_of(repository.git, sorted(commits))
    except GitError:
        return frozenset()


def _holds(outcome: Outcome, gone: frozenset[Oid]) -> bool:
    """True when the same commits come to the same outcome.

    A branch that needed an object stops there again, as long as git says that the object is missing: the words of the
    failure only say which one to ask for.
    """
    if isinstance(outcome, Unchanged):
        return outcome.code in _NOTHING_LEFT
    named = _named_by(outcome)
    return bool(named) and gone.issuperset(named)


def _named_by(outcome: Outcome) -> frozenset[Oid]:
    if isinstance(outcome, Failed) and outcome.code == MissingObject.code and outcome.stage == "integrate":
        return frozenset(Oid(name) for name in _OBJECT.findall(outcome.reason))
    return frozenset()


def _is_plain(step: Step) -> bool:
    """True when commits and settings in the content key decide alone, and no second strategy is tried."""
    return step.kind in _MERGES and step.strategy is not Strategy.AUTO and step.integration is None


def _is_git_alone(repository: Repository, plugins: ActivePlugins) -> bool:
    """True when nothing settles conflicts beside git, and history is what the ids of commits say."""
    is_whole = not repository.is_shallow and not (Path(repository.common_dir) / "info" / "grafts").exists()
    return is_whole and plugins.resolver is None and plugins.regenerator is None


def _further_key(key: str, policy: Policy) -> str:
    return hashlib.sha256(f"{key} not aligned {policy.already_merged}".encode("ascii")).hexdigest()


def _outcome(body: str | None) -> KnownOutcome | None:
    if body is None:
        return None
    try:
        outcome = outcomes.load(parsed(body))
    except Malformed:
        return None
    return outcome if isinstance(outcome, KnownOutcome) else None
