"""Files that must be there in the result."""

from __future__ import annotations

from gitalign.core.rule_checks import RequiredFilesCheck
from gitalign.core.rules import Requirement, Spot
from gitalign.rules.evidence import Evidence, Judged
from gitalign.rules.globs import matches


def judge_required_files(check: RequiredFilesCheck, requirement: Requirement, evidence: Evidence) -> Judged:
    """Each glob is judged, whatever the branch changes."""
    paths = evidence.paths()
    spots: list[Spot] = []
    unjudged: list[Spot] = []
    for glob in check.files:
        found = [path for path in paths if matches(path, glob)]
        if not found:
            spots.append(Spot(glob, None, "is not there"))
        elif not check.may_be_empty:
            sizes = evidence.sizes_of(found)
            if not any(sizes):
                missing = any(size is None for size in sizes)
                (unjudged if missing else spots).append(Spot(glob, None, "cannot be read" if missing else "is empty"))
    judged = len(check.files) - len(unjudged)
    return Judged(unit="required file", judged=judged, fine=judged - len(spots), spots=spots, unjudged=unjudged)
