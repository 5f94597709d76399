"""Remembered conflicts: the same commits, rules and git give the same conflict, so it is merged once and for all runs."""

from __future__ import annotations

import hashlib

from gitalign.core.plan import Step
from gitalign.git.attributes import AttributeFiles
from gitalign.git.command import raw

_FORMAT = "2"


def verdict_key(
    step: Step, *, attributes: AttributeFiles, local_attributes: bytes, git_version: tuple[int, ...]
) -> str:
    """Content key of a step's verdict: everything that can change whether and where it conflicts."""
    digest = hashlib.sha256()
    for part in (_FORMAT, step.kind, step.strategy, step.seen, step.onto, ".".join(map(str, git_version))):
        digest.update(raw(str(part)) + b"\0")
    for path, content in (*attributes, ("info/attributes", local_attributes)):
        digest.update(raw(path) + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()
