"""Regular expressions over changed text files, line by line."""

from __future__ import annotations

from gitalign.core.rule_checks import PatternCheck
from gitalign.core.rules import Requirement, Spot
from gitalign.rules.evidence import Evidence, Judged, readable
from gitalign.rules.lines import lines_of
from gitalign.rules.searcher import CannotTell, TookTooLong


def judge_pattern(check: PatternCheck, requirement: Requirement, evidence: Evidence) -> Judged:
    """Forbidden ones in lines that the branch added or changed, required ones anywhere in the file."""
    files, unjudged = readable(evidence, requirement)
    spots: list[Spot] = []
    fine = judged = 0
    too_long = ""
    for file, data in files:
        if too_long:
            # What hung once would hang on every file.
            unjudged.append(Spot(file.path, None, too_long))
            continue
        lines = [line.decode("utf-8", "surrogateescape") for line in lines_of(data)]
        added = sorted(evidence.added(file)) if check.forbidden is not None else []
        try:
            hits = _find(check, check.forbidden, [lines[number - 1] for number in added], evidence)
            has_required = check.required is None or bool(_find(check, check.required, lines, evidence))
        except CannotTell as error:
            unjudged.append(Spot(file.path, None, str(error)))
            too_long = str(error) if isinstance(error, TookTooLong) else ""
            continue
        judged += 1
        fine += not hits and has_required
        spots += [Spot(file.path, added[hit], f"matches {check.forbidden}") for hit in hits]
        if not has_required:
            spots.append(Spot(file.path, None, f"nothing in it matches {check.required}"))
    return Judged(unit="file", judged=judged, fine=fine, spots=spots, unjudged=unjudged)


def _find(check: PatternCheck, pattern: str | None, lines: list[str], evidence: Evidence) -> list[int]:
    if pattern is None or not lines:
        return []
    evidence.spend()
    return evidence.searcher.lines(pattern, lines, ignore_case=check.ignore_case, deadline=evidence.deadline)
