"""How large a change may be."""

from __future__ import annotations

from gitalign.core.rule_checks import SizeCheck
from gitalign.core.rules import Requirement, Spot
from gitalign.rules.evidence import Evidence, Judged, is_text


def judge_size(check: SizeCheck, requirement: Requirement, evidence: Evidence) -> Judged:
    """Each file counts for itself, and each bound on the whole branch once."""
    files = [file for file in evidence.files(requirement) if file.is_regular]
    spots: list[Spot] = []
    unjudged: list[Spot] = []
    judged = 0
    if check.most_file_bytes is not None and files:
        for file, size in zip(files, evidence.sizes(files), strict=True):
            if size is None:
                unjudged.append(Spot(file.path, None, "is not in the repository"))
                continue
            judged += 1
            if size > check.most_file_bytes:
                spots.append(Spot(file.path, None, f"{size} bytes, more than {check.most_file_bytes}"))
    if check.most_files is not None and evidence.changes:
        judged += 1
        count = len(evidence.changes)
        if count > check.most_files:
            spots.append(Spot(None, None, f"{count} files changed, more than {check.most_files}"))
    if check.most_lines is not None and evidence.changes:
        total, unread = 0, []
        for file in files:
            data = evidence.content(file)
            if data is None or not evidence.is_comparable(file):
                unread.append(file.path)
            elif is_text(data):
                total += len(evidence.added(file))
        if total > check.most_lines:
            judged += 1
            spots.append(Spot(None, None, f"{total} lines added, more than {check.most_lines}"))
        elif unread:
            unjudged.append(Spot(unread[0], None, "is too long to count its lines"))
        else:
            judged += 1
    return Judged(unit="bound", judged=judged, fine=judged - len(spots), spots=spots, unjudged=unjudged)
