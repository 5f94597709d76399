"""Code patterns of ast-grep, which know the syntax of a language."""

from __future__ import annotations

from gitalign.core.rule_checks import AstPatternCheck
from gitalign.core.rules import Requirement, Spot
from gitalign.rules.evidence import Evidence, Judged, readable
from gitalign.rules.lines import lines_of
from gitalign.rules.searcher import CannotTell


def judge_ast_pattern(check: AstPatternCheck, requirement: Requirement, evidence: Evidence) -> Judged:
    """A file that cannot be parsed is never judged: what the parser skips cannot be matched."""
    files, unjudged = readable(evidence, requirement)
    spots: list[Spot] = []
    fine = judged = 0
    for file, data in files:
        evidence.spend()
        try:
            # Its parsers know of no line that ends with CR alone.
            source = b"\n".join([*lines_of(data), b""]).decode("utf-8")
            forbidden = _find(check, check.forbidden, source, evidence)
            required = _find(check, check.required, source, evidence)
        except UnicodeDecodeError:
            unjudged.append(Spot(file.path, None, "is not UTF-8"))
            continue
        except CannotTell as error:
            unjudged.append(Spot(file.path, None, str(error)))
            continue
        added = evidence.added(file)
        hits = [first for first, last in forbidden if not added.isdisjoint(range(first, last + 1))]
        is_missing = check.required is not None and not required
        judged += 1
        fine += not hits and not is_missing
        spots += [Spot(file.path, line, f"matches {check.forbidden}") for line in hits]
        if is_missing:
            spots.append(Spot(file.path, None, f"nothing in it matches {check.required}"))
    return Judged(unit="file", judged=judged, fine=fine, spots=spots, unjudged=unjudged)


def _find(check: AstPatternCheck, pattern: str | None, source: str, evidence: Evidence) -> list[tuple[int, int]]:
    if pattern is None:
        return []
    return evidence.searcher.code(pattern, check.language, source, deadline=evidence.deadline)
