"""What a merge commit holds in a conflicted file beside how the conflict itself was settled there.

Where the new merge has another conflict than the old one, and something else than the old merge settles it, the old decision is replaced.
Everything else the old merge changed in the file is to stay, so the two are distinguished, by a merge of git's; or it is said that they cannot be.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from gitalign.core.names import Oid
from gitalign.git.command import text
from gitalign.git.remerge import Remade
from gitalign.integrate.lane import MergeWorker
from gitalign.ports import ConflictedFile, ConflictResolver, Proposal, ResolvedFile, UnresolvedFile


@dataclass(frozen=True, slots=True)
class _Region:
    """A conflict in a marked file: where it is, and its two sides."""

    start: int
    end: int
    sides: tuple[bytes, bytes]


def decisions_alone(file: ResolvedFile, now: bytes, lane: MergeWorker) -> bytes | None:
    """The file of the old merge as it would be, had nothing been done there but settle its conflicts.

    Args:
        file: of the old merge.
        now: the same file as the new merge left it, with conflict markers.
        lane: merges files.

    Returns:
        The content; None where it cannot be determined: the conflicts now are not those of then with one side changed, one by one, or what was
        done beside a conflict touches it.

    Raises:
        GitError, OutOfSpace
    """
    then, again = _regions(file.marked, file.marker_size), _regions(now, file.marker_size)
    if not then or not again or len(then) != len(again):
        return None
    if any(not set(one.sides) & set(other.sides) for one, other in zip(then, again, strict=True)):
        return None
    word = secrets.token_hex(16).encode("ascii")
    stand_ins = [b"conflict %d %b\n" % (number, word) for number in range(len(then))]
    remade = lane.merge_again(ours=_with(file.marked, then, stand_ins), base=file.marked, theirs=file.resolved)
    if remade is None:
        return None
    hunks = _hunks(remade)
    if [hunk[:2] for hunk in hunks] != [
        (stand_in, file.marked[one.start : one.end]) for stand_in, one in zip(stand_ins, then, strict=True)
    ]:
        return None
    return _with(file.marked, then, [decision for _, _, decision in hunks])


def _with(content: bytes, regions: list[_Region], texts: list[bytes]) -> bytes:
    """The content with other texts where its conflicts are."""
    made, at = b"", 0
    for region, instead in zip(regions, texts, strict=True):
        made += content[at : region.start] + instead
        at = region.end
    return made + content[at:]


def _regions(marked: bytes, size: int) -> list[_Region]:
    """Conflicts of a file in order; none where lines that look like markers leave a doubt."""
    lines = rb"(?m)^(?:<{%(n)d} .*|\|{%(n)d}(?: .*)?|={%(n)d}|>{%(n)d} .*)\r?$" % {b"n": size}
    signs = b"".join(found[0][:1] for found in re.finditer(lines, marked))
    whole = re.compile(
        rb"^<{%(n)d} [^\n]*\n(.*?)(?:^\|{%(n)d}[^\n]*\n.*?)?^={%(n)d}\r?\n(.*?)^>{%(n)d} [^\n]*(?:\n|\Z)"
        % {b"n": size},
        re.MULTILINE | re.DOTALL,
    )
    if not re.fullmatch(rb"(?:<\|?=>)+", signs):
        return []
    return [_Region(found.start(), found.end(), (found[1], found[2])) for found in whole.finditer(marked)]


def _hunks(remade: Remade) -> list[tuple[bytes, bytes, bytes]]:
    """Ours, base and theirs of every conflict; no line of a side looks like these markers."""
    ours, base, theirs = map(re.escape, remade.diff3_labels)
    size = remade.diff3_marker_size
    found = re.compile(
        rb"^<{%d} %b\r?\n(.*?)^\|{%d} %b\r?\n(.*?)^={%d}\r?\n(.*?)^>{%d} %b\r?(?:\n|\Z)"
        % (size, ours, size, base, size, size, theirs),
        re.MULTILINE | re.DOTALL,
    )
    return [(one[1], one[2], one[3]) for one in found.finditer(remade.diff3)]


def driven_path(base: Oid, ours: Oid, theirs: Oid, *, lane: MergeWorker, attributes_from: Oid) -> str | None:
    """A file that both sides of a merge of trees changed and that is not merged as plain text; None when there is none.

    A driver such as `union` calls everything clean. Where a file went or came on either side, it may have been renamed, and every file
    that is new there counts.

    Args:
        base, ours, theirs: trees.
        lane: the worker's processes.
        attributes_from: the commit under whose attributes the merge is made.
    """
    sides = [lane.apart(base, tree) for tree in (ours, theirs)]
    both = set.intersection(*({change.path for change in changes} for changes in sides))
    for changes in sides:
        if any(change.path in both and change.after is None for change in changes):
            both |= {change.path for change in changes if change.before is None}
    paths = sorted(map(text, both))
    merged = lane.merged_as(attributes_from, paths) if paths else {}
    return next((path for path in paths if not merged[path].is_plain), None)


class Foremost:
    """Two resolvers, of which the second is asked where the first has no answer. Implements `ports.ConflictResolver`."""

    def __init__(self, first: ConflictResolver, second: ConflictResolver) -> None:
        self._both = (first, second)

    @property
    def key(self) -> str:
        """See `ports.ConflictResolver.key`."""
        return " ".join(one.key for one in self._both)

    def knows(self, file: ConflictedFile) -> str | None:
        """See `ports.ConflictResolver.knows`."""
        return next((name for one in self._both if (name := one.knows(file)) is not None), None)

    def could(self, file: ConflictedFile) -> bool:
        """See `ports.ConflictResolver.could`."""
        return any(one.could(file) for one in self._both)

    def propose(self, file: ConflictedFile) -> Proposal | UnresolvedFile | None:
        """See `ports.ConflictResolver.propose`."""
        answer: Proposal | UnresolvedFile | None = None
        for one in self._both:
            found = one.propose(file) if one.could(file) else None
            if isinstance(found, Proposal):
                return found
            answer = answer or found
        return answer
