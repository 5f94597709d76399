"""Documents: policies."""

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
_MERGESPOLICY = member_of(MergesPolicy)
_ALREADYMERGED = member_of(AlreadyMerged)
_CHECKEDOUT = member_of(CheckedOut)
_COMMITTERPOLICY = member_of(CommitterPolicy)
_UNKNOWNTARGET = member_of(UnknownTarget)
_RUNG = member_of(AutoResolver)


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
        merges=maybe(data, "merges", _MERGESPOLICY, None),
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
        merges=field(data, "merges", _MERGESPOLICY, MergesPolicy.MERGE_INSTEAD),
        already_merged=field(data, "already_merged", _ALREADYMERGED, AlreadyMerged.LEAVE),
        checked_out=field(data, "checked_out", _CHECKEDOUT, CheckedOut.MOVE),
        committer=field(data, "committer", _COMMITTERPOLICY, CommitterPolicy.OPERATOR),
        unknown_target=field(data, "unknown_target", _UNKNOWNTARGET, UnknownTarget.SKIP),
        iterative_step=field(data, "iterative_step", as_int, 20),
        integration_prefix=field(data, "integration_prefix", as_text, "integration"),
        partial=field(data, "partial", as_bool, False),
        backups=field(data, "backups", as_bool, False),
        backup_prefix=field(data, "backup_prefix", as_text, "backup"),
        protected=each(data, "protected", as_text, ()),
        apply_resolutions=field(data, "apply_resolutions", as_bool, False),
        read_rr_cache=field(data, "read_rr_cache", as_bool, True),
        auto_resolvers=each(data, "rungs", _RUNG, ()),
        union_files=each(data, "union_files", as_text, ()),
        programs=field(data, "programs", as_text, ""),
    )
