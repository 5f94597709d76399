"""The built-in detector of what the other side took away: imports and names in Python files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from gitalign.core.findings import Finding
from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import FileVersion, PathChange
from gitalign.detect.calls import Meeting, removed_symbols, unresolved_imports
from gitalign.detect.fact_kinds import PYTHON_EXPORTS, PYTHON_FILE, PYTHON_IMPORTS
from gitalign.detect.files import LONGEST_TEXT, VERSION, branch_versions, is_file, is_python, kept
from gitalign.detect.judging import Unjudged, detector_failed
from gitalign.detect.mentions import may_mean, words_of_imports
from gitalign.detect.modules import DECLARATIONS, ModuleIndex, declared
from gitalign.detect.python import PythonFacts, python_exports, python_file
from gitalign.git.command import text
from gitalign.ports import DetectionRequest, Source


class PythonDetector:
    """`import_unresolved` and `symbol_removed_in_use` in Python files."""

    def __init__(self) -> None:
        self.name = "python"
        self.key = f"python {VERSION}"
        self._indexes: dict[Oid, ModuleIndex] = {}
        self._declarations: tuple[tuple[bytes, ...], frozenset[str]] | None = None

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        """See `ports.Detector.detect`."""
        source = request.source
        every = source.changes(request.onto, request.after)
        changes = [change for change in every if is_python(change.path)]
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
            gone=[change.path for change in every if change.after is None],
            branch=branch,
            target=target,
            result_index=_changed(target_index, every),
            target_index=target_index,
            branch_index=_changed(self._index(source, request.base), source.changes(request.base, request.before)),
            facts=lambda version: self._facts_of(source, version, unjudged),
            exports=lambda version: self._exports(source, version),
            mentions=lambda version, names: self._mentions(source, version, names),
            dependencies=self._declared(source, request),
        )
        source.facts.look_up(PYTHON_FILE, [change.after[1] for change in changes if change.after is not None])
        source.facts.look_up(PYTHON_EXPORTS, versions_of(branch.values()))
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
        if version is None or not is_file(version):
            return None
        known = kept(source, PYTHON_FILE, version[1], python_file)
        if known is None:
            return None
        if isinstance(known.facts, Unjudged):
            unjudged[version[1]] = known.facts
            return None
        return known.facts

    def _exports(self, source: Source, version: FileVersion | None) -> frozenset[str] | None:
        if version is None or not is_file(version):
            return None
        known = source.facts.recall(PYTHON_FILE, version[1])
        if known is not None:
            facts = known[0].facts
            return facts.exports if isinstance(facts, PythonFacts) else None
        return kept(source, PYTHON_EXPORTS, version[1], python_exports)

    def _mentions(self, source: Source, version: FileVersion | None, names: Collection[str]) -> bool:
        if version is None or not is_file(version):
            return False
        words = kept(source, PYTHON_IMPORTS, version[1], words_of_imports)
        return may_mean(words, names)

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
        contents = source.read(names, most_bytes=LONGEST_TEXT)
        found = declared(data.decode("utf-8", "replace") for data in contents if data is not None)
        self._declarations = (asked, found)
        return found


def versions_of(changes: Iterable[PathChange]) -> list[bytes]:
    """Contents before and after changes."""
    return [version[1] for change in changes for version in (change.before, change.after) if version is not None]


def _by_path(changes: Iterable[PathChange]) -> dict[bytes, PathChange]:
    return {change.path: change for change in changes if is_python(change.path)}


def _changed(below: ModuleIndex, changes: Iterable[PathChange]) -> ModuleIndex:
    index = ModuleIndex(below)
    changes = list(changes)
    index.add(text(change.path) for change in changes if change.before is None)
    return index.add((text(change.path) for change in changes if change.after is None), times=-1)
