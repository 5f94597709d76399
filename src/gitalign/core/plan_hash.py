"""The content hash of a plan, by which a saved plan and a permit know it.

What is hashed is written down key by key: renamed attributes change no hash, and plans of earlier releases keep theirs. Keys
stand in the order in which `json.dumps` sorts them, which is part of the hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from gitalign.core.exclusions import Exclusion
from gitalign.core.plan import Step, Target
from gitalign.core.policy import Policy, StrategyRule
from gitalign.core.push import PushPlace
from gitalign.core.snapshot import Snapshot

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def plan_hash(
    *,
    snapshot: Snapshot,
    policy: Policy,
    targets: tuple[Target, ...],
    steps: tuple[Step, ...],
    excluded: tuple[Exclusion, ...],
) -> str:
    """Content hash of a plan: the same repository, policy and branches give the same 64 hex digits.

    Times are left out: two plans made a minute apart with nothing changed between are one plan.
    """
    digest = hashlib.sha256(b'{"excluded":')
    _update(digest, (_encode(_exclusion(one)) for one in excluded))
    digest.update(f',"format":1,"object_format":{_encode(snapshot.object_format)}'.encode("ascii"))
    digest.update(f',"policy":{_encode(_policy(policy))},"repository":{_encode(snapshot.repository)}'.encode("ascii"))
    digest.update(b',"steps":')
    target_text = cache(lambda target: _encode(_target(target)))
    _update(digest, (_step(one, target_text(one.target)) for one in steps))
    digest.update(b',"targets":')
    _update(digest, map(target_text, targets))
    digest.update(b"}")
    return digest.hexdigest()


def _update(digest: Any, members: Iterable[str]) -> None:
    """Add a list, member by member: there may be very many."""
    separator = "["
    for member in members:
        digest.update(f"{separator}{member}".encode("ascii"))
        separator = ","
    digest.update(b"]" if separator == "," else b"[]")


def _step(step: Step, target: str) -> str:
    """A step's content; keys that plans of the first release did not have count only when they are set."""
    branch = step.branch
    content: dict[str, Any] = {
        "behind": step.behind,
        "branch": {
            "cluster_id": branch.cluster_id,
            "confidence": branch.confidence,
            "name": branch.name,
            "priority": branch.priority,
            "reason": branch.reason,
            "tags": branch.tags,
            "target": branch.target,
        },
        "checkout": step.checkout,
        "depends_on": step.depends_on,
        "id": step.id,
        "integration": step.integration,
        "integration_by_shape": step.integration_by_shape,
        "integration_seen": step.integration_seen,
        "kind": step.kind,
        "merges": step.merges,
        "notes": step.notes,
    }
    if step.of_remote is not None:
        content["of_remote"] = step.of_remote
    content |= {"onto": step.onto, "own_commits": step.own_commits}
    if step.push_to is not None:
        content["push_to"] = _push_place(step.push_to)
    content |= {
        "refusal": step.refusal,
        "remote_seen": step.remote_seen,
        "seen": step.seen,
        "stack": step.stack,
        "strategy": step.strategy,
        "stride": step.step_size,
    }
    return f'{_encode(content)[:-1]},"target":{target}}}'


def _target(target: Target) -> dict[str, Any]:
    return {"name": target.name, "oid": target.oid, "ref": target.ref}


def _exclusion(one: Exclusion) -> dict[str, Any]:
    return {"branch": one.branch, "code": one.code, "reason": one.reason, "target": one.target}


def _push_place(place: PushPlace) -> dict[str, Any]:
    return {
        "held": place.held,
        "is_configured": place.is_configured,
        "ref": place.ref,
        "remote": place.remote,
        "tip": place.tip,
        "unpushed": place.unpushed,
    }


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "already_merged": policy.already_merged,
        "apply_resolutions": policy.apply_resolutions,
        "backup_prefix": policy.backup_prefix,
        "backups": policy.backups,
        "checked_out": policy.checked_out,
        "committer": policy.committer,
        "integration_prefix": policy.integration_prefix,
        "iterative_step": policy.iterative_step,
        "merges": policy.merges,
        "partial": policy.partial,
        "programs": policy.programs,
        "protected": policy.protected,
        "read_rr_cache": policy.read_rr_cache,
        "rungs": policy.auto_resolvers,
        "strategies": [_strategy_rule(rule) for rule in policy.strategies],
        "strategy": policy.strategy,
        "union_files": policy.union_files,
        "unknown_target": policy.unknown_target,
    }


def _strategy_rule(rule: StrategyRule) -> dict[str, Any]:
    return {
        "at_least": rule.at_least,
        "at_most": rule.at_most,
        "match": rule.match,
        "merges": rule.merges,
        "metric": rule.metric,
        "strategy": rule.strategy,
        "tag": rule.tag,
        "target": rule.target,
    }
