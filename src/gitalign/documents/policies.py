"""Policies: what the operator decided, as a plan holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.policy import (
    AlreadyMerged,
    AutoResolver,
    CheckedOut,
    CommitterPolicy,
    MergesPolicy,
    Policy,
    Strategy,
    StrategyRule,
    UnknownTarget,
)
from gitalign.documents.reading import as_bool, as_float, as_int, as_text, each, field, maybe, member_of, members

if TYPE_CHECKING:
    from gitalign.documents.models.policies import PolicyDocument, StrategyRuleDocument

_STRATEGY = member_of(Strategy)
_MERGES_POLICY = member_of(MergesPolicy)
_ALREADY_MERGED = member_of(AlreadyMerged)
_CHECKED_OUT = member_of(CheckedOut)
_COMMITTER_POLICY = member_of(CommitterPolicy)
_UNKNOWN_TARGET = member_of(UnknownTarget)
_AUTO_RESOLVER = member_of(AutoResolver)


def dump_strategy_rule(value: StrategyRule) -> StrategyRuleDocument:
    """A strategy for the branches that fit; every condition given must hold."""
    return {
        "strategy": value.strategy,
        "merges": value.merges,
        "match": value.match,
        "target": value.target,
        "tag": value.tag,
        "metric": value.metric,
        "at_least": value.at_least,
        "at_most": value.at_most,
    }


def load_strategy_rule(value: Any) -> StrategyRule:
    """Reads what `dump_strategy_rule` writes; raises `Malformed`."""
    data = members(value)
    return StrategyRule(
        strategy=field(data, "strategy", _STRATEGY),
        merges=maybe(data, "merges", _MERGES_POLICY, None),
        match=maybe(data, "match", as_text, None),
        target=maybe(data, "target", as_text, None),
        tag=maybe(data, "tag", as_text, None),
        metric=maybe(data, "metric", as_text, None),
        at_least=maybe(data, "at_least", as_float, None),
        at_most=maybe(data, "at_most", as_float, None),
    )


def dump_policy(value: Policy) -> PolicyDocument:
    """Everything that changes what a run does to branches. Part of the plan's hash."""
    return {
        "strategy": value.strategy,
        "strategies": [dump_strategy_rule(item) for item in value.strategies],
        "merges": value.merges,
        "already_merged": value.already_merged,
        "checked_out": value.checked_out,
        "committer": value.committer,
        "unknown_target": value.unknown_target,
        "iterative_step": value.iterative_step,
        "integration_prefix": value.integration_prefix,
        "partial": value.partial,
        "backups": value.backups,
        "backup_prefix": value.backup_prefix,
        "protected": list(value.protected),
        "apply_resolutions": value.apply_resolutions,
        "read_rr_cache": value.read_rr_cache,
        "rungs": list(value.auto_resolvers),
        "union_files": list(value.union_files),
        "programs": value.programs,
    }


def load_policy(value: Any) -> Policy:
    """Reads what `dump_policy` writes; raises `Malformed`."""
    data = members(value)
    return Policy(
        strategy=field(data, "strategy", _STRATEGY, Strategy.REBASE),
        strategies=each(data, "strategies", load_strategy_rule, ()),
        merges=field(data, "merges", _MERGES_POLICY, MergesPolicy.MERGE_INSTEAD),
        already_merged=field(data, "already_merged", _ALREADY_MERGED, AlreadyMerged.LEAVE),
        checked_out=field(data, "checked_out", _CHECKED_OUT, CheckedOut.MOVE),
        committer=field(data, "committer", _COMMITTER_POLICY, CommitterPolicy.OPERATOR),
        unknown_target=field(data, "unknown_target", _UNKNOWN_TARGET, UnknownTarget.SKIP),
        iterative_step=field(data, "iterative_step", as_int, 20),
        integration_prefix=field(data, "integration_prefix", as_text, "integration"),
        partial=field(data, "partial", as_bool, False),
        backups=field(data, "backups", as_bool, False),
        backup_prefix=field(data, "backup_prefix", as_text, "backup"),
        protected=each(data, "protected", as_text, ()),
        apply_resolutions=field(data, "apply_resolutions", as_bool, False),
        read_rr_cache=field(data, "read_rr_cache", as_bool, True),
        auto_resolvers=each(data, "rungs", _AUTO_RESOLVER, ()),
        union_files=each(data, "union_files", as_text, ()),
        programs=field(data, "programs", as_text, ""),
    )
