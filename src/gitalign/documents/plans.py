"""Plans: in the journal, in files, and on standard output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gitalign.core.branch import Branch
from gitalign.core.exclusions import Exclusion, ExclusionCode
from gitalign.core.plan import Plan, Step, StepKind, Target, TargetNote
from gitalign.core.plan_hash import plan_hash
from gitalign.core.policy import Strategy
from gitalign.documents.formats import is_newer_minor, opened, parsed, pieces, stamped, whole
from gitalign.documents.policies import dump_policy, load_policy
from gitalign.documents.reading import (
    Malformed,
    as_bool,
    as_branch_name,
    as_float,
    as_int,
    as_oid,
    as_step_id,
    as_target_name,
    as_text,
    each,
    field,
    maybe,
    member_of,
    members,
    pair,
)
from gitalign.documents.snapshots import dump_push_place, dump_snapshot, load_push_place, load_snapshot
from gitalign.errors import PlanRefused

if TYPE_CHECKING:
    from gitalign.documents.models.plans import (
        BranchDocument,
        ExclusionDocument,
        StepDocument,
        TargetDocument,
        TargetNoteDocument,
    )

_STEP_KIND = member_of(StepKind)
_STRATEGY = member_of(Strategy)
_REFUSAL = pair(as_text, as_text)
_EXCLUSION_CODE = member_of(ExclusionCode)


def _as_cluster(value: Any) -> str | int:
    return value if isinstance(value, str) else as_int(value)


def dump_target(value: Target) -> TargetDocument:
    """A primary branch: the name branches refer to, and the exact commit they are aligned onto."""
    return {
        "name": value.name,
        "ref": value.ref,
        "oid": value.oid,
    }


def load_target(value: Any) -> Target:
    """Reads what `dump_target` writes; raises `Malformed`."""
    data = members(value)
    return Target(
        name=field(data, "name", as_target_name),
        ref=field(data, "ref", as_text),
        oid=field(data, "oid", as_oid),
    )


def dump_branch(value: Branch) -> BranchDocument:
    """One branch to align."""
    return {
        "name": value.name,
        "target": value.target,
        "reason": value.reason,
        "priority": value.priority,
        "confidence": value.confidence,
        "tags": list(value.tags),
        "cluster_id": value.cluster_id,
    }


def load_branch(value: Any) -> Branch:
    """Reads what `dump_branch` writes; raises `Malformed`."""
    data = members(value)
    return Branch(
        name=field(data, "name", as_branch_name),
        target=field(data, "target", as_target_name),
        reason=field(data, "reason", as_text, "listed"),
        priority=field(data, "priority", as_int, 0),
        confidence=maybe(data, "confidence", as_float, None),
        tags=each(data, "tags", as_text, ()),
        cluster_id=maybe(data, "cluster_id", _as_cluster, None),
    )


def dump_step(value: Step) -> StepDocument:
    """One branch of the plan."""
    return {
        "id": value.id,
        "branch": dump_branch(value.branch),
        "target": dump_target(value.target),
        "kind": value.kind,
        "strategy": value.strategy,
        "seen": value.seen,
        "onto": value.onto,
        "own_commits": value.own_commits,
        "behind": value.behind,
        "stride": value.step_size,
        "merges": value.merges,
        "stack": value.stack,
        "depends_on": list(value.depends_on),
        "notes": list(value.notes),
        "refusal": value.refusal,
        "remote_seen": value.remote_seen,
        "checkout": value.checkout,
        "integration": value.integration,
        "integration_seen": value.integration_seen,
        "integration_by_shape": value.integration_by_shape,
        "push_to": None if value.push_to is None else dump_push_place(value.push_to),
        "of_remote": value.of_remote,
    }


def load_step(value: Any) -> Step:
    """Reads what `dump_step` writes; raises `Malformed`."""
    data = members(value)
    return Step(
        id=field(data, "id", as_step_id),
        branch=field(data, "branch", load_branch),
        target=field(data, "target", load_target),
        kind=field(data, "kind", _STEP_KIND),
        strategy=field(data, "strategy", _STRATEGY),
        seen=field(data, "seen", as_oid),
        onto=field(data, "onto", as_oid),
        own_commits=field(data, "own_commits", as_int),
        behind=field(data, "behind", as_int),
        step_size=field(data, "stride", as_int, 0),
        merges=field(data, "merges", as_int, 0),
        stack=field(data, "stack", as_int),
        depends_on=each(data, "depends_on", as_step_id, ()),
        notes=each(data, "notes", as_text, ()),
        refusal=maybe(data, "refusal", _REFUSAL, None),
        remote_seen=maybe(data, "remote_seen", as_oid, None),
        checkout=maybe(data, "checkout", as_text, None),
        integration=maybe(data, "integration", as_branch_name, None),
        integration_seen=maybe(data, "integration_seen", as_oid, None),
        integration_by_shape=field(data, "integration_by_shape", as_bool, False),
        push_to=maybe(data, "push_to", load_push_place, None),
        of_remote=maybe(data, "of_remote", as_text, None),
    )


def dump_exclusion(value: Exclusion) -> ExclusionDocument:
    """A branch left out, with a reason that can be read and one that can be matched on."""
    return {
        "branch": value.branch,
        "code": value.code,
        "reason": value.reason,
        "target": value.target,
    }


def load_exclusion(value: Any) -> Exclusion:
    """Reads what `dump_exclusion` writes; raises `Malformed`."""
    data = members(value)
    return Exclusion(
        branch=field(data, "branch", as_branch_name),
        code=field(data, "code", _EXCLUSION_CODE),
        reason=field(data, "reason", as_text),
        target=maybe(data, "target", as_target_name, None),
    )


def dump_target_note(value: TargetNote) -> TargetNoteDocument:
    """Why a branch is a target, and where it stands."""
    return {
        "name": value.name,
        "why": value.why,
        "words": value.words,
        "is_diverged": value.is_diverged,
    }


def load_target_note(value: Any) -> TargetNote:
    """Reads what `dump_target_note` writes; raises `Malformed`."""
    data = members(value)
    return TargetNote(
        name=field(data, "name", as_target_name),
        why=field(data, "why", as_text),
        words=field(data, "words", as_text, ""),
        is_diverged=field(data, "is_diverged", as_bool, False),
    )


def _lists(value: Plan) -> dict[str, Iterator[Any]]:
    return {
        "targets": map(dump_target, value.targets),
        "steps": map(dump_step, value.steps),
        "excluded": map(dump_exclusion, value.excluded),
        "target_notes": map(dump_target_note, value.target_notes),
    }


def _document(value: Plan) -> dict[str, Any]:
    """The members of a plan; lists, which may be very long, are iterators."""
    head = {"id": value.id, "snapshot": dump_snapshot(value.snapshot), "policy": dump_policy(value.policy)}
    return stamped("plan", head | _lists(value))


def dump(value: Plan) -> dict[str, Any]:
    """A plan as a document."""
    return whole(_document(value))


def text_of(value: Plan, *, indent: int | None = None) -> str:
    """A plan as JSON text in ASCII, made step by step."""
    return "".join(pieces(_document(value), indent=indent))


def load(value: Any) -> Plan:
    """A plan from a document; whether it was changed is not looked at.

    Raises:
        Malformed
    """
    data = opened(value, "plan")
    return Plan(
        id=field(data, "id", as_text),
        snapshot=field(data, "snapshot", load_snapshot),
        policy=field(data, "policy", load_policy),
        targets=each(data, "targets", load_target),
        steps=each(data, "steps", load_step),
        excluded=each(data, "excluded", load_exclusion),
        target_notes=each(data, "target_notes", load_target_note, ()),
    )


def read(text: str) -> Plan:
    """A plan from JSON text, as `text_of` or an earlier release wrote it.

    Raises:
        PlanRefused: not a plan, of another major version, or changed since it was made.
    """
    hint = "make a new one: git align plan --save FILE"
    try:
        document = parsed(text)
        plan = load(document)
    except Malformed as error:
        raise PlanRefused(f"not a plan: {error}", hint=hint) from error
    content = plan_hash(
        snapshot=plan.snapshot, policy=plan.policy, targets=plan.targets, steps=plan.steps, excluded=plan.excluded
    )
    if content == plan.id:
        return plan
    if is_newer_minor(document, "plan"):
        raise PlanRefused(
            "the plan holds what this release of git-align does not know",
            hint=f"run it with git-align {document.get('release', 'of a newer release')}, or {hint}",
        )
    raise PlanRefused(
        f"the plan was changed after it was made: it calls itself {plan.id[:12]}, its contents are {content[:12]}",
        hint=hint,
    )
