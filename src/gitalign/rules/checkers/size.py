"""How large a change may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gitalign.core.rule_checks import SizeCheck
from gitalign.core.rules import Requirement, Spot
from gitalign.rules.evidence import ChangedFile, Evidence, Judged, is_text


def judge_size(check: SizeCheck, requirement: Requirement, evidence: Evidence) -> Judged:
    """Each file counts for itself, and each bound on the whole branch once."""
    files = [file for file in evidence.files(requirement) if file.is_regular]
    tally = _Tally()
    if check.most_file_bytes is not None and files:
        _judge_files(tally, check.most_file_bytes, files, evidence)
    if check.most_files is not None and evidence.changes:
        count = len(evidence.changes)
        tally.judge(count > check.most_files, Spot(None, None, f"{count} files changed, more than {check.most_files}"))
    if check.most_lines is not None and evidence.changes:
        _judge_lines(tally, check.most_lines, files, evidence)
    fine = tally.judged - len(tally.spots)
    return Judged(unit="bound", judged=tally.judged, fine=fine, spots=tally.spots, unjudged=tally.unjudged)


@dataclass(slots=True)
class _Tally:
    judged: int = 0
    spots: list[Spot] = field(default_factory=list)
    unjudged: list[Spot] = field(default_factory=list)

    def judge(self, is_exceeded: bool, spot: Spot) -> None:
        self.judged += 1
        if is_exceeded:
            self.spots.append(spot)


def _judge_files(tally: _Tally, most_bytes: int, files: Sequence[ChangedFile], evidence: Evidence) -> None:
    for file, size in zip(files, evidence.sizes(files), strict=True):
        if size is None:
            tally.unjudged.append(Spot(file.path, None, "is not in the repository"))
        else:
            tally.judge(size > most_bytes, Spot(file.path, None, f"{size} bytes, more than {most_bytes}"))


def _judge_lines(tally: _Tally, most: int, files: Sequence[ChangedFile], evidence: Evidence) -> None:
    total = 0
    unread: list[str] = []
    for file in files:
        data = evidence.content(file)
        if data is None or not evidence.is_comparable(file):
            unread.append(file.path)
        elif is_text(data):
            total += len(evidence.added(file))
    if total > most or not unread:
        tally.judge(total > most, Spot(None, None, f"{total} lines added, more than {most}"))
    else:
        tally.unjudged.append(Spot(unread[0], None, "is too long to count its lines"))
