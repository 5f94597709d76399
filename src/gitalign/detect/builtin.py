"""The built-in detectors, as the protocol `ports.Detector` wants them. Each keeps what it knows of a blob for the whole run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TypeVar

from gitalign.core.findings import Finding
from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import FileVersion, PathChange
from gitalign.detect.calls import Meeting, removed_symbols, unresolved_imports
from gitalign.detect.content import EncodingScanner, MarkerScanner
from gitalign.detect.credentials import SecretScanner
from gitalign.detect.judging import Unjudged, detector_failed, judged
from gitalign.detect.languages import LanguageScanner
from gitalign.detect.modules import DECLARATIONS, ModuleIndex, declared
from gitalign.detect.python import PythonFacts, python_facts
from gitalign.detect.spots import Scanner, Spot, distinguished
from gitalign.detect.syntax import SyntaxScanner
from gitalign.detect.tree import FoldedTree, case_collisions, deleted_by_nobody, too_large, unreadable, vanished
from gitalign.git.command import text
from gitalign.ports import DetectionRequest, Detector, Source

V = TypeVar("V")

VERSION = "5"
"""Changes whenever a rule does: what was found by another version is found out again."""
_LONGEST_TEXT = 5_000_000
_MOST_BYTES = 5_000_000
_KEPT = 5_000
_AT_ONCE = 20
"""Files held in memory together."""
_REGULAR = (b"100644", b"100755")


class _Bounded(dict[bytes, V]):
    """By blob id; forgets everything rather than grow without end. Shared by threads: what is there now may be gone at the next step."""

    def keep(self, oid: bytes, value: V) -> V:
        if len(self) >= _KEPT:
            self.clear()
        self[oid] = value
        return value


class ContentDetector:
    """Scans what the branch changed, each content once, and tells who brought what is found.

    Args:
        scanner: looks at single files.
        rules: text that changes whenever rules from outside of this package do.
    """

    def __init__(self, scanner: Scanner, *, rules: str = "") -> None:
        self.name = scanner.name
        self.key = f"{scanner.name} {VERSION} {rules}".rstrip()
        self._scanner = scanner
        self._known: _Bounded[tuple[Spot, ...] | Unjudged] = _Bounded()

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        """See `ports.Detector.detect`."""
        source = request.source
        looked_at = [
            change
            for change in source.changes(request.onto, request.after)
            if _is_file(change.after) and self._scanner.wants(change.path)
        ]
        read = self._read(source, [(change.path, change.after) for change in looked_at])
        found: list[Finding] = []
        for change in looked_at:
            assert change.after is not None
            seen = read[self._place(change.path, change.after)]
            if isinstance(seen, Unjudged):
                found.append(detector_failed(change.path, self.name, seen))
            elif spots := seen:
                versions = branch_versions(request, change)
                sides = [self._look(source, change.path, one) for one in (change.before, *versions)]
                known = [() if isinstance(side, Unjudged) else side for side in sides]
                found += distinguished(
                    change.path,
                    self.name,
                    spots,
                    target=known[0],
                    branch=[spot for side in known[1:] for spot in side],
                    are_sides_known=all(map(_is_file, (change.before, *versions)))
                    and bool(versions)
                    and not any(isinstance(side, Unjudged) for side in sides),
                )
        return found

    def _read(
        self, source: Source, files: Iterable[tuple[bytes, FileVersion | None]]
    ) -> dict[bytes, tuple[Spot, ...] | Unjudged]:
        """What is seen in files, by their place."""
        found: dict[bytes, tuple[Spot, ...] | Unjudged] = {}
        unread: dict[bytes, tuple[bytes, bytes]] = {}
        for path, version in files:
            if version is not None:
                place = self._place(path, version)
                known = self._known.get(place)
                if known is None:
                    unread[place] = (version[1], path)
                else:
                    found[place] = known
        asked = list(unread.items())
        for start in range(0, len(asked), _AT_ONCE):
            chunk = asked[start : start + _AT_ONCE]
            contents = source.read([oid for _, (oid, _) in chunk], most_bytes=_LONGEST_TEXT)
            for (place, (_, path)), data in zip(chunk, contents, strict=True):
                # What is too long or not there is reported by the detector of paths.
                seen = judged(partial(self._scan, path, data)) if data is not None else ()
                found[place] = self._known.keep(place, seen)
        return found

    def _scan(self, path: bytes, data: bytes) -> tuple[Spot, ...]:
        return tuple(self._scanner.scan(path, data))

    def _look(self, source: Source, path: bytes, version: FileVersion | None) -> tuple[Spot, ...] | Unjudged:
        if not _is_file(version) or version is None:
            return ()
        return self._read(source, [(path, version)])[self._place(path, version)]

    def _place(self, path: bytes, version: FileVersion) -> bytes:
        # Of a path that is looked at, only its ending can matter to a scanner.
        return version[1] + b" " + path.rpartition(b".")[2]


class PathDetector:
    """`module_deleted`, `path_case_collision`, `large_blob`."""

    def __init__(self, *, most_bytes: int = _MOST_BYTES) -> None:
        self.name = "paths"
        self.key = f"paths {VERSION} {most_bytes}"
        self._most_bytes = most_bytes
        self._folded: dict[Oid, FoldedTree] = {}

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        """See `ports.Detector.detect`."""
        source = request.source
        changes = source.changes(request.onto, request.after)
        branch = source.changes(request.base, request.before) if request.base is not None else ()
        found: list[Finding] = []
        gone = vanished(changes)
        taken = {change.path for change in branch if change.after is None}
        if any(change.path not in taken for change in gone):
            # With several bases, or merges among its commits, one base does not tell what the branch itself deleted.
            for parent, commit in request.own:
                taken |= {change.path for change in source.changes(parent, commit) if change.after is None}
            found += deleted_by_nobody(gone, taken)
        if any(change.before is None for change in changes):
            if request.onto not in self._folded:
                self._folded[request.onto] = FoldedTree(source.paths(request.onto))
            in_branch = {change.path for change in branch if change.before is None}
            found += case_collisions(changes, self._folded[request.onto], in_branch=in_branch)
        oids = [change.after[1] for change in changes if change.after is not None and _is_file(change.after)]
        measured = dict(zip(oids, source.sizes(oids), strict=True))
        sizes = {oid: size for oid, size in measured.items() if size is not None}
        return [*found, *too_large(changes, sizes, most_bytes=self._most_bytes), *unreadable(changes, measured)]


class PythonDetector:
    """`import_unresolved` and `symbol_removed_in_use` in Python files."""

    def __init__(self) -> None:
        self.name = "python"
        self.key = f"python {VERSION}"
        self._facts: _Bounded[PythonFacts | Unjudged | None] = _Bounded()
        self._indexes: dict[Oid, ModuleIndex] = {}
        self._declarations: tuple[tuple[bytes, ...], frozenset[str]] | None = None

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        """See `ports.Detector.detect`."""
        source = request.source
        every = source.changes(request.onto, request.after)
        changes = [change for change in every if _is_python(change.path)]
        if not changes or request.base is None:
            return ()
        target_index = self._index(source, request.onto)
        branch = _by_path(source.changes(request.base, request.before))
        # Files that git moved along with a renamed folder are known to the branch by their old paths.
        for change in changes:
            if change.path not in branch:
                alike = branch_versions(request, change)
                if len(alike) == 1:
                    branch[change.path] = PathChange(change.path, None, alike[0])
        target = _by_path(source.changes(request.base, request.onto))
        unjudged: dict[bytes, Unjudged] = {}
        meeting = Meeting(
            changes=changes,
            branch=branch,
            target=target,
            result_index=_changed(target_index, every),
            target_index=target_index,
            branch_index=_changed(self._index(source, request.base), source.changes(request.base, request.before)),
            facts=lambda version: self._facts_of(source, version, unjudged),
            dependencies=self._declared(source, request),
        )
        found = [*unresolved_imports(meeting), *removed_symbols(meeting)]
        asked = {**{path: change.after for path, change in target.items()}, **{one.path: one.after for one in changes}}
        return found + [
            detector_failed(path, self.name, unjudged[version[1]])
            for path, version in asked.items()
            if version is not None and version[1] in unjudged
        ]

    def _facts_of(
        self, source: Source, version: FileVersion | None, unjudged: dict[bytes, Unjudged]
    ) -> PythonFacts | None:
        if version is None or not _is_file(version):
            return None
        oid = version[1]
        try:
            known = self._facts[oid]
        except KeyError:
            (data,) = source.read([oid], most_bytes=_LONGEST_TEXT)
            known = self._facts.keep(oid, judged(partial(python_facts, data)) if data is not None else None)
        if isinstance(known, Unjudged):
            unjudged[oid] = known
            return None
        return known

    def _index(self, source: Source, commit: Oid) -> ModuleIndex:
        if commit not in self._indexes:
            if len(self._indexes) >= 200:
                self._indexes.clear()
            self._indexes[commit] = ModuleIndex().add(map(text, source.paths(commit)))
        return self._indexes[commit]

    def _declared(self, source: Source, request: DetectionRequest) -> frozenset[str] | None:
        changed = {change.path: change.after for change in source.changes(request.onto, request.after)}
        paths = [path for path in source.paths(request.onto) if DECLARATIONS.search(text(path)) and path not in changed]
        names = [request.onto.encode("ascii") + b":" + path for path in paths]
        names += [after[1] for path, after in changed.items() if after is not None and DECLARATIONS.search(text(path))]
        if not names:
            return None
        asked = tuple(names)
        if self._declarations is not None and self._declarations[0] == asked:
            return self._declarations[1]
        contents = source.read(names, most_bytes=_LONGEST_TEXT)
        found = declared(data.decode("utf-8", "replace") for data in contents if data is not None)
        self._declarations = (asked, found)
        return found


def branch_versions(request: DetectionRequest, change: PathChange) -> list[FileVersion]:
    """The branch's own version of a changed file; where git moved it, the branch's files of that name."""
    if request.base is None:
        return []
    mine = request.source.changes(request.base, request.before)
    exact = [one.after for one in mine if one.path == change.path and one.after is not None]
    if exact:
        return exact
    name = change.path.rpartition(b"/")[2]
    return [one.after for one in mine if one.after is not None and one.path.rpartition(b"/")[2] == name]


def _is_file(version: FileVersion | None) -> bool:
    return version is not None and version[0] in _REGULAR


def _is_python(path: bytes) -> bool:
    return path.endswith((b".py", b".pyi"))


def _by_path(changes: Iterable[PathChange]) -> dict[bytes, PathChange]:
    return {change.path: change for change in changes if _is_python(change.path)}


def _changed(below: ModuleIndex, changes: Iterable[PathChange]) -> ModuleIndex:
    index = ModuleIndex(below)
    changes = list(changes)
    index.add(text(change.path) for change in changes if change.before is None)
    return index.add((text(change.path) for change in changes if change.after is None), times=-1)


def markers() -> Detector:
    """Entry point: left-over conflict markers."""
    return ContentDetector(MarkerScanner())


def encoding() -> Detector:
    """Entry point: text in a wrong encoding."""
    return ContentDetector(EncodingScanner())


def syntax() -> Detector:
    """Entry point: files their language's parser refuses."""
    return ContentDetector(SyntaxScanner())


def paths() -> Detector:
    """Entry point: vanished files, paths that differ in case alone, large files."""
    return PathDetector()


def python() -> Detector:
    """Entry point: imports and names the other side took away."""
    return PythonDetector()


def secrets() -> Detector:
    """Entry point: keys, tokens and passwords; needs the extra `secrets`.

    Raises:
        PluginError: the extra is not installed.
    """
    scanner = SecretScanner()
    return ContentDetector(scanner, rules=scanner.version)


def languages() -> Detector:
    """Entry point: files that their language's grammar refuses; needs the extra `languages`.

    Raises:
        PluginError: the extra is not installed.
    """
    scanner = LanguageScanner()
    return ContentDetector(scanner, rules=scanner.version)
