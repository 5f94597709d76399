"""Certificates: what was made of a branch, with its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gitalign.core.certificate import Certificate, Check, CheckName, CommitProof, PatchVerdict
from gitalign.core.outcome import AlignedKind
from gitalign.documents.findings import dump_applied_resolution, dump_dropped, load_applied_resolution, load_dropped
from gitalign.documents.formats import opened, stamped
from gitalign.documents.reading import as_bool, as_oid, as_text, each, field, member_of, members

if TYPE_CHECKING:
    from gitalign.documents.models.certificates import CertificateDocument, CertifiedCheckDocument, CommitProofDocument

_ADDED_LATER = ("resolved", "rung", "climbed", "of", "remote")
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_PATCH_VERDICT = member_of(PatchVerdict)
_CHECK_NAME = member_of(CheckName)
_ALIGNED_KIND = member_of(AlignedKind)


def dump_commit_proof(value: CommitProof) -> CommitProofDocument:
    """One commit and what it became."""
    return {
        "old": value.old,
        "new": value.new,
        "patch": value.patch,
    }


def load_commit_proof(value: Any) -> CommitProof:
    """Reads what `dump_commit_proof` writes; raises `Malformed`."""
    data = members(value)
    return CommitProof(
        old=field(data, "old", as_oid),
        new=field(data, "new", as_oid),
        patch=field(data, "patch", _PATCH_VERDICT),
    )


def dump_certified_check(value: Check) -> CertifiedCheckDocument:
    """One proof that was tried."""
    return {
        "name": value.name,
        "passed": value.passed,
        "detail": value.detail,
    }


def load_certified_check(value: Any) -> Check:
    """Reads what `dump_certified_check` writes; raises `Malformed`."""
    data = members(value)
    return Check(
        name=field(data, "name", _CHECK_NAME),
        passed=field(data, "passed", as_bool),
        detail=field(data, "detail", as_text, ""),
    )


def dump_certificate(value: Certificate) -> CertificateDocument:
    """An aligned branch with its proofs."""
    return {
        "run_id": value.run_id,
        "plan_id": value.plan_id,
        "ref": value.ref,
        "target_ref": value.target_ref,
        "how": value.how,
        "before": value.before,
        "onto": value.onto,
        "after": value.after,
        "tree": value.tree,
        "commits": [dump_commit_proof(item) for item in value.commits],
        "dropped": [dump_dropped(item) for item in value.dropped],
        "checks": [dump_certified_check(item) for item in value.checks],
        "tool_version": value.tool_version,
        "git_version": value.git_version,
        "resolved": [dump_applied_resolution(item) for item in value.resolved],
        "rung": value.strategy_used,
        "climbed": list(value.strategies_tried),
        "of": value.of,
        "remote": value.remote,
        "digest": value.digest,
    }


def text_of(value: Certificate) -> str:
    """A certificate as one line of JSON text in ASCII, with its digest."""
    content = stamped("certificate", dump_certificate(value))
    del content["digest"]
    text = _canonical(content)
    return f'{text[:-1]},"digest":"{_digest_of(text)}"}}'


def load(value: Any) -> Certificate:
    """A certificate from a document, with the answer whether the document is as it was written.

    Raises:
        Malformed
    """
    data = opened(value, "certificate")
    digest = field(data, "digest", as_text, "")
    content = {key: member for key, member in data.items() if key != "digest"}
    if (
        data.get("format") == 1
    ):  # as release 0.1.0 did: an empty digest counts, and empty keys that were added later do not
        content = {key: member for key, member in content.items() if member or key not in _ADDED_LATER} | {"digest": ""}
    return Certificate(
        run_id=field(data, "run_id", as_text),
        plan_id=field(data, "plan_id", as_text),
        ref=field(data, "ref", as_text),
        target_ref=field(data, "target_ref", as_text),
        how=field(data, "how", _ALIGNED_KIND),
        before=field(data, "before", as_oid),
        onto=field(data, "onto", as_oid),
        after=field(data, "after", as_oid),
        tree=field(data, "tree", as_oid),
        commits=each(data, "commits", load_commit_proof),
        dropped=each(data, "dropped", load_dropped),
        checks=each(data, "checks", load_certified_check),
        tool_version=field(data, "tool_version", as_text),
        git_version=field(data, "git_version", as_text),
        resolved=each(data, "resolved", load_applied_resolution, ()),
        strategy_used=field(data, "rung", as_text, ""),
        strategies_tried=each(data, "climbed", as_text, ()),
        of=field(data, "of", as_text, ""),
        remote=field(data, "remote", as_text, ""),
        digest=digest,
        is_intact=digest == _digest(content),
    )


def _digest(content: Mapping[str, Any]) -> str:
    return _digest_of(_canonical(content))


def _digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()
