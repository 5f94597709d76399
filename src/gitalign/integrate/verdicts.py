"""Content keys of verdicts: the same commits, rules and git give the same verdict, so it is found once and for all runs."""

from __future__ import annotations

import hashlib

from gitalign.core.plan import Step
from gitalign.git.attributes import AttributeFiles
from gitalign.git.command import raw

_FORMAT = "5"


def verdict_key(step: Step, *, rules: str) -> str:
    """Content key of a step's verdict: everything that can change whether and where it conflicts.

    Args:
        step: the step.
        rules: as `merge_rules_key` has it for its target.
    """
    # A verdict speaks of both by name: in messages, in paths git invents, in commands to type.
    parts: list[str] = [
        _FORMAT,
        step.kind,
        step.strategy,
        step.seen,
        step.onto,
        step.branch.name,
        step.target.name,
        rules,
        *([str(step.step_size)] if step.step_size else []),
    ]
    return hashlib.sha256(b"\0".join(raw(part) for part in parts)).hexdigest()


def merge_rules_key(
    *, attributes: AttributeFiles, local_attributes: bytes, git_version: tuple[int, ...], history_marks: bytes
) -> str:
    """Content key of the rules merges are made by.

    Args:
        attributes: of the target.
        local_attributes: `info/attributes` of the repository.
        git_version: of the git that merges.
        history_marks: as `Repository.history_marks` has them: where history is cut off or grafted, merge bases are others.
    """
    digest = hashlib.sha256(raw(".".join(map(str, git_version))) + b"\0")
    marks = (("history", history_marks),) if history_marks else ()
    for path, content in (*attributes, ("info/attributes", local_attributes), *marks):
        digest.update(raw(path) + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()
