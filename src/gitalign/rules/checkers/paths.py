"""Where changed files may lie."""

from __future__ import annotations

from gitalign.core.rule_checks import PathCheck
from gitalign.core.rules import Requirement, Spot
from gitalign.rules.evidence import Evidence, Judged
from gitalign.rules.globs import matches, matches_any


def judge_paths(check: PathCheck, requirement: Requirement, evidence: Evidence) -> Judged:
    """Every added or changed file, links and submodules too; deleting a file is never forbidden."""
    files = evidence.files(requirement)
    spots: list[Spot] = []
    for file in files:
        forbidden = next((glob for glob in check.forbidden if matches(file.path, glob)), None)
        if forbidden is not None:
            spots.append(Spot(file.path, None, f"matches {forbidden}, where nothing may be changed"))
        elif check.allowed and not matches_any(file.path, check.allowed):
            spots.append(Spot(file.path, None, "lies where nothing may be changed"))
    return Judged(unit="file", judged=len(files), fine=len(files) - len(spots), spots=spots)
