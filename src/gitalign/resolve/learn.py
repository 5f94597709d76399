"""Learning from history: merges that are there already are made again, and where git stops, the merge says what a person did."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gitalign.core.names import Oid
from gitalign.core.resolution_origin import Origin, OriginKind
from gitalign.errors import ABOUT_ONE_MERGE, GitCrashed, GitDied, GitMissing, GitTimedOut, OutOfSpace
from gitalign.git.asking import retried
from gitalign.git.command import raw, text
from gitalign.git.history import load_graph
from gitalign.git.merge import MergeAnswer, MergeProcess, MergeWire, probe_wire
from gitalign.git.objects import CommitReader, CommitWriter, FileReader
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import Repository
from gitalign.resolve.entries import LARGEST_BYTES, Resolution
from gitalign.resolve.rerere import MARKER_SIZE, NormalisedConflict, Unbalanced, holds_conflict, normalise

_TIMEOUT_S = 60.0
_LIST_TIMEOUT_S = 600.0
_READERS = 2
_REGULAR = ("100644", "100755")
_WITHIN_A_FILE = "CONFLICT (contents)"
# These say something about the world, not about one merge.
_NOT_ABOUT_A_MERGE = (GitMissing, OutOfSpace)


@dataclass(slots=True, kw_only=True)
class LearnedResolutions:
    """What history had to say.

    Attributes:
        merges: made again.
        conflicting: of them, those that git could not make by itself.
        unreadable: of them, those whose objects are missing, or over which git gave up.
        files: whose contents clashed in them.
        unsettled: of the files, those that went in with conflict markers, or that the merge took away.
        changed_elsewhere: of the files, those that the merge changed beside their conflicts as well: what was meant for the
            conflict cannot be distinguished from the rest.
        unusable: of the files, those that are no text, too long, or have markers of their own.
        tips: whose history is known now.
    """

    resolutions: list[Resolution] = field(default_factory=list)
    merges: int = 0
    conflicting: int = 0
    unreadable: int = 0
    files: int = 0
    unsettled: int = 0
    changed_elsewhere: int = 0
    unusable: int = 0
    tips: frozenset[Oid] = frozenset()


def learn(
    repository: Repository,
    quarantine: Quarantine,
    *,
    tips: Iterable[Oid],
    learned: Iterable[Oid],
    is_stopped: Callable[[], bool],
) -> LearnedResolutions:
    """Make the merges of history again.

    Args:
        repository: whose history.
        quarantine: where merges are made.
        tips: whose history is looked at.
        learned: commits whose history was looked at before.
        is_stopped: asked between merges; what was found until then is given out, and the history counts as unknown.

    Raises:
        GitError: history cannot be listed.
        OutOfSpace
    """
    graph = load_graph(repository, tips)
    before = frozenset(learned)
    known = [oid for oid in sorted(before) if oid in graph]
    merges = _merges(repository, [oid for oid in sorted(set(tips)) if oid not in graph.unreadable], known)
    lessons = LearnedResolutions(tips=before)
    if merges:
        writer = CommitWriter(quarantine.objects, object_format=repository.object_format)
        plain = quarantine.ungated(quarantine.git)
        wire = probe_wire(plain, writer, object_format=repository.object_format)
        waiting = iter(merges)
        lock = threading.Lock()

        def study() -> None:
            reader = _Student(quarantine, wire, lessons, lock)
            try:
                while not is_stopped():
                    with lock:
                        merge = next(waiting, None)
                    if merge is None:
                        return
                    reader.study(*merge)
            finally:
                reader.close()

        with ThreadPoolExecutor(_READERS, thread_name_prefix="learn") as pool:
            for done in [pool.submit(study) for _ in range(_READERS)]:
                done.result()
    if not is_stopped():
        lessons.tips = frozenset(tips) | {oid for oid in before if oid not in graph}
    # In one order, whichever was quicker.
    place = {merge: number for number, (merge, _) in enumerate(merges)}
    lessons.resolutions.sort(key=lambda one: (-place[Oid(one.origin.commit)], one.origin.path))
    return lessons


def _merges(repository: Repository, tips: Sequence[Oid], known: Sequence[Oid]) -> list[tuple[Oid, tuple[Oid, Oid]]]:
    """Merges of two, newest first."""
    asked = "\n".join([*tips, *(f"^{oid}" for oid in known)]).encode("ascii") + b"\n"
    words = ("rev-list", "--merges", "--parents", "--topo-order", "--stdin")
    listed = text(repository.git.run(*words, stdin=asked, timeout_s=_LIST_TIMEOUT_S).stdout) if tips else ""
    rows = [[Oid(word) for word in line.split(" ")] for line in listed.splitlines()]
    return [(row[0], (row[1], row[2])) for row in rows if len(row) == 3]


class _Student:
    """One worker: makes merges again and compares."""

    def __init__(
        self, quarantine: Quarantine, wire: MergeWire, lessons: LearnedResolutions, lock: threading.Lock
    ) -> None:
        plain = quarantine.ungated(quarantine.git)
        self._format = quarantine.repository.object_format
        writer = CommitWriter(quarantine.objects, object_format=self._format)
        self._merger = MergeProcess(plain, wire=wire, writer=writer, timeout_s=_TIMEOUT_S)
        self._files = FileReader(plain, timeout_s=_TIMEOUT_S)
        self._commits = CommitReader(plain, timeout_s=_TIMEOUT_S)
        self._quarantine = quarantine
        self._lessons = lessons
        self._lock = lock

    def close(self) -> None:
        """End the processes."""
        for one in (self._merger, self._files, self._commits):
            one.close()

    def study(self, merge: Oid, parents: tuple[Oid, Oid]) -> None:
        """Learn what one merge teaches."""
        try:
            counted = retried(lambda: self._learned(merge, parents))
        except _NOT_ABOUT_A_MERGE:
            raise
        except (*ABOUT_ONE_MERGE, ValueError):
            counted = LearnedResolutions(merges=1, unreadable=1)
        self._quarantine.keep_within_bounds()
        with self._lock:
            for name in ("merges", "conflicting", "unreadable", "files", "unsettled", "changed_elsewhere", "unusable"):
                setattr(self._lessons, name, getattr(self._lessons, name) + getattr(counted, name))
            self._lessons.resolutions += counted.resolutions

    def _learned(self, merge: Oid, parents: tuple[Oid, Oid]) -> LearnedResolutions:
        counted = LearnedResolutions(merges=1)
        answer = self._merged(*parents)
        if not answer.is_clean:
            counted.conflicting = 1
            self._compare(merge, answer, counted)
        return counted

    def _merged(self, ours: Oid, theirs: Oid) -> MergeAnswer:
        try:
            return self._merger.merge_histories(ours, theirs)
        except (GitCrashed, GitTimedOut):
            raise
        except GitDied:
            return self._merger.merge_histories(ours, theirs)

    def _compare(self, merge: Oid, answer: MergeAnswer, counted: LearnedResolutions) -> None:
        paths = _clashing_files(answer)
        counted.files = len(paths)
        if not paths:
            return
        asked = [raw(f"{tree}:{path}") for path in paths for tree in (answer.tree, merge)]
        contents = self._files.read(asked, most_bytes=LARGEST_BYTES)
        (commit,) = self._commits.read([merge])
        by, at = _author(commit.author)
        for path, marked, resolved in zip(paths, contents[0::2], contents[1::2], strict=True):
            conflict = _normalised(marked, self._format)
            if conflict is None or marked is None:
                counted.unusable += 1
            elif resolved is None or holds_conflict(resolved, marker_size=MARKER_SIZE):
                counted.unsettled += 1
            elif not is_kept_around(conflict.image, resolved):
                counted.changed_elsewhere += 1
            else:
                origin = Origin(kind=OriginKind.LEARNED, by=by, at=at, commit=merge, path=path)
                counted.resolutions.append(
                    Resolution(conflict=conflict.id, preimage=conflict.image, postimage=resolved, origin=origin)
                )


def _clashing_files(answer: MergeAnswer) -> list[str]:
    """Regular files that both sides have and whose contents alone are in question."""
    stages: dict[str, set[int]] = {}
    for entry in answer.entries:
        if entry.mode in _REGULAR:
            stages.setdefault(entry.path, set()).add(entry.stage)
    kinds: dict[str, set[str]] = {}
    for conflict in answer.conflicts:
        for path in conflict.paths:
            kinds.setdefault(path, set()).add(conflict.kind)
    return sorted(path for path, found in stages.items() if {2, 3} <= found and kinds.get(path) == {_WITHIN_A_FILE})


def _normalised(marked: bytes | None, object_format: str) -> NormalisedConflict | None:
    try:
        return normalise(marked, object_format=object_format) if marked is not None else None
    except Unbalanced:
        return None


def is_kept_around(image: bytes, resolved: bytes, *, marker_size: int = MARKER_SIZE) -> bool:
    """True when a file differs from a normalised image in nothing but what stands in place of its conflicts."""
    kept: list[list[bytes]] = [[]]
    depth = 0
    start, end_mark = b"<" * marker_size + b"\n", b">" * marker_size + b"\n"
    for line in io.BytesIO(image):
        if line == start:
            depth += 1
            if depth == 1:
                kept.append([])
        elif line == end_mark and depth:
            depth -= 1
        elif not depth:
            kept[-1].append(line)
    parts = [b"".join(lines) for lines in kept]
    first, last = parts[0], parts[-1]
    if len(parts) < 2 or not resolved.startswith(first) or not resolved.endswith(last):
        return False
    at, end = len(first), len(resolved) - len(last)
    for part in parts[1:-1]:
        found = resolved.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def _author(value: bytes) -> tuple[str, datetime | None]:
    """Name and address, and when."""
    who, _, when = value.rpartition(b"> ")
    seconds = when.split(b" ")[0]
    shown = who.decode("utf-8", "replace") + (">" if who else "")
    try:
        return shown, datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return shown, None
