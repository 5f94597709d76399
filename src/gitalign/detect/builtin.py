"""The built-in detectors, as the protocol `ports.Detector` wants them. What they know of a content is kept for the whole run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from gitalign.core.findings import Finding
from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import FileVersion
from gitalign.detect.content import EncodingScanner, MarkerScanner
from gitalign.detect.credentials import SecretScanner
from gitalign.detect.fact_kinds import PYTHON_FILE, spots_of_scanner
from gitalign.detect.files import LONGEST_TEXT, VERSION, branch_versions, found_in, is_file, is_python
from gitalign.detect.judging import Unjudged, detector_failed, judged
from gitalign.detect.languages import LanguageScanner
from gitalign.detect.python import python_file
from gitalign.detect.python_detector import PythonDetector
from gitalign.detect.spots import Scanner, Spot, distinguished
from gitalign.detect.syntax import SyntaxScanner, is_read_as_python, spots_of
from gitalign.detect.tree import FoldedTree, case_collisions, deleted_by_nobody, too_large, unreadable, vanished
from gitalign.ports import DetectionRequest, Detector, FileFacts, Source

_MOST_BYTES = 5_000_000
_AT_ONCE = 20
"""Files held in memory together."""


class ContentDetector:
    """Scans what the branch changed, each content once, and tells who brought what is found.

    Args:
        scanner: looks at single files.
        rules: text that changes whenever rules from outside of this package do.
        is_dear: the scanner takes milliseconds for a file; files in which it sees nothing are kept from run to run.
    """

    def __init__(self, scanner: Scanner, *, rules: str = "", is_dear: bool = False) -> None:
        self.name = scanner.name
        self.key = f"{scanner.name} {VERSION} {rules}".rstrip()
        self._kind = spots_of_scanner(self.key, is_dear=is_dear)
        self._scanner = scanner

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        """See `ports.Detector.detect`."""
        source = request.source
        looked_at = [
            change
            for change in source.changes(request.onto, request.after)
            if is_file(change.after) and self._scanner.wants(change.path)
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
                    are_sides_known=all(map(is_file, (change.before, *versions)))
                    and bool(versions)
                    and not any(isinstance(side, Unjudged) for side in sides),
                )
        return found

    def _read(
        self, source: Source, wanted: Iterable[tuple[bytes, FileVersion | None]]
    ) -> dict[bytes, tuple[Spot, ...] | Unjudged]:
        """What is seen in files, by their place."""
        found: dict[bytes, tuple[Spot, ...] | Unjudged] = {}
        files = [(path, version) for path, version in wanted if version is not None]
        source.facts.look_up(self._kind, [self._place(path, version) for path, version in files])
        unread: dict[bytes, tuple[bytes, bytes]] = {}
        for path, version in files:
            place = self._place(path, version)
            known = source.facts.recall(self._kind, place)
            if known is None:
                unread[place] = (version[1], path)
            else:
                found[place] = known[0]
        asked = list(unread.items())
        for start in range(0, len(asked), _AT_ONCE):
            chunk = asked[start : start + _AT_ONCE]
            contents = source.read([oid for _, (oid, _) in chunk], most_bytes=LONGEST_TEXT)
            for (place, (oid, path)), data in zip(chunk, contents, strict=True):
                # What is too long or not there is reported by the detector of paths.
                seen: tuple[Spot, ...] | Unjudged = ()
                if data is not None:
                    seen = judged(partial(self._scan, source.facts, path, oid, data))
                source.facts.keep(self._kind, place, seen)
                found[place] = seen
        return found

    def _scan(self, facts: FileFacts, path: bytes, oid: bytes, data: bytes) -> tuple[Spot, ...] | Unjudged:
        return tuple(self._scanner.scan(path, data))

    def _look(self, source: Source, path: bytes, version: FileVersion | None) -> tuple[Spot, ...] | Unjudged:
        if not is_file(version) or version is None:
            return ()
        return self._read(source, [(path, version)])[self._place(path, version)]

    def _place(self, path: bytes, version: FileVersion) -> bytes:
        # Of a path that is looked at, only its ending can matter to a scanner.
        return version[1] + b" " + path.rpartition(b".")[2]


class SyntaxDetector(ContentDetector):
    """`syntax_error`. A Python file is parsed once, for this detector and the one of Python."""

    def __init__(self) -> None:
        super().__init__(SyntaxScanner())

    def _read(
        self, source: Source, wanted: Iterable[tuple[bytes, FileVersion | None]]
    ) -> dict[bytes, tuple[Spot, ...] | Unjudged]:
        files = list(wanted)
        source.facts.look_up(
            PYTHON_FILE, [version[1] for path, version in files if version is not None and is_python(path)]
        )
        return super()._read(source, files)

    def _scan(self, facts: FileFacts, path: bytes, oid: bytes, data: bytes) -> tuple[Spot, ...] | Unjudged:
        if not is_read_as_python(path, data):
            return super()._scan(facts, path, oid, data)
        known = facts.recall(PYTHON_FILE, oid)
        fault = (known[0] if known is not None else found_in(facts, PYTHON_FILE, oid, data, python_file)).fault
        return fault if isinstance(fault, Unjudged) else spots_of(fault)


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
        oids = [change.after[1] for change in changes if change.after is not None and is_file(change.after)]
        measured = dict(zip(oids, source.sizes(oids), strict=True))
        sizes = {oid: size for oid, size in measured.items() if size is not None}
        return [*found, *too_large(changes, sizes, most_bytes=self._most_bytes), *unreadable(changes, measured)]


def markers() -> Detector:
    """Entry point: left-over conflict markers."""
    return ContentDetector(MarkerScanner())


def encoding() -> Detector:
    """Entry point: text in a wrong encoding."""
    return ContentDetector(EncodingScanner())


def syntax() -> Detector:
    """Entry point: files their language's parser refuses."""
    return SyntaxDetector()


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
    return ContentDetector(scanner, rules=scanner.version, is_dear=True)


def languages() -> Detector:
    """Entry point: files that their language's grammar refuses; needs the extra `languages`.

    Raises:
        PluginError: the extra is not installed.
    """
    scanner = LanguageScanner()
    return ContentDetector(scanner, rules=scanner.version, is_dear=True)
