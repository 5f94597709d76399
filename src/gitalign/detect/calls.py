"""The clean merge that does not work: imports and calls of what the other side took away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gitalign.core.findings import Finding, Origin, Severity
from gitalign.core.pair_conflicts import FileVersion, PathChange
from gitalign.detect.mentions import module_names
from gitalign.detect.modules import ModuleIndex, is_declared, is_standard
from gitalign.detect.python import Import, PythonFacts
from gitalign.git.command import text

Facts = Callable[[FileVersion | None], PythonFacts | None]
Exports = Callable[[FileVersion | None], frozenset[str] | None]
Mentions = Callable[[FileVersion | None, Collection[str]], bool]
_MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Branch and target as they meet in a result.

    Attributes:
        changes: from the target to the result, Python files alone.
        gone: paths of the target that the result has no more, whatever files they are.
        branch: path -> change from the base to the branch as it was, Python files alone.
        target: path -> change from the base to the target, Python files alone.
        result_index, target_index, branch_index: modules of the three trees.
        facts: of a file; None when it cannot be read as Python.
        exports: of a file, as in its facts; None also where there are none.
        mentions: False when a file holds none of some words, whatever it is; asked before the costlier `facts`.
        dependencies: declared in the result; None when nothing is declared at all.
    """

    changes: Sequence[PathChange]
    gone: Sequence[bytes]
    branch: Mapping[bytes, PathChange]
    target: Mapping[bytes, PathChange]
    result_index: ModuleIndex
    target_index: ModuleIndex
    branch_index: ModuleIndex
    facts: Facts
    exports: Exports
    mentions: Mentions
    dependencies: frozenset[str] | None

    def elsewhere(self) -> list[tuple[bytes, PathChange]]:
        """Files that the target changed and the result has as the target has them."""
        mine = {change.path for change in self.changes}
        return [(path, change) for path, change in self.target.items() if path not in mine]

    def lost_modules(self) -> frozenset[str]:
        """Last names of modules and packages that the target has and the result has not; none where no Python file is gone."""
        if not any(change.after is None for change in self.changes):
            return frozenset()
        places = {place for path in self.gone for place in ModuleIndex.places_of(text(path))}
        return frozenset(
            place.rpartition("/")[2]
            for place in places
            if self.target_index.holds(place) and not self.result_index.holds(place)
        )

    def result_version(self, path: bytes) -> FileVersion | None:
        """The file in the result, as far as one of the sides changed it."""
        for change in self.changes:
            if change.path == path:
                return change.after
        there = self.target.get(path)
        return there.after if there is not None else None


def unresolved_imports(meeting: Meeting) -> list[Finding]:
    """`import_unresolved`: in files the branch changed, and in files of the target where the branch took the module away."""
    found: list[Finding] = []
    for change in meeting.changes:
        facts, path = meeting.facts(change.after), text(change.path)
        missing = list(_missing(facts, path, meeting.result_index)) if facts is not None else []
        if missing:
            in_target = _imported(meeting.facts(change.before))
            in_branch = _imported(meeting.facts(_after(meeting.branch.get(change.path))))
            for one in missing:
                found += _unresolved(meeting, one, path, in_target=in_target, in_branch=in_branch)
    if lost := meeting.lost_modules():
        for place, change in meeting.elsewhere():
            if not meeting.mentions(change.after, lost) or (facts := meeting.facts(change.after)) is None:
                continue
            path = text(place)
            before = _imported(meeting.facts(change.before))
            found += [
                _finding(
                    "import_unresolved", f"{_spelled(one)}: the branch took it away", path, one.line, "integration"
                )
                for one in _missing(facts, path, meeting.result_index)
                if meeting.target_index.resolve(one, path) and (one.module, one.level) not in before
            ]
    return found[:_MOST]


def removed_symbols(meeting: Meeting) -> list[Finding]:
    """`symbol_removed_in_use`: one side took a name away, the other newly uses it."""
    found: list[Finding] = []
    for change in meeting.changes:
        result = meeting.facts(change.after)
        if result is None:
            continue
        path = text(change.path)
        mine = _after(meeting.branch.get(change.path))
        if result.unbound and mine is not None and mine != change.after and change.before is not None:
            found += _unbound(meeting.facts, path, result, sides=(change.before, mine))
        found += _gone(meeting, path, result, known=change.before, taken=meeting.target)
    taken, users = _taken_and_users(meeting)
    for place, change in users:
        if (facts := meeting.facts(change.after)) is not None:
            found += _gone(meeting, text(place), facts, known=change.before, taken=taken)
    return found[:_MOST]


def _taken_and_users(meeting: Meeting) -> tuple[dict[bytes, PathChange], list[tuple[bytes, PathChange]]]:
    """Modules of which the branch took a name away and that files of the target may import; and these files."""
    elsewhere = meeting.elsewhere()
    taken: dict[bytes, PathChange] = {}
    users: set[bytes] = set()
    for place, change in meeting.branch.items():
        names = module_names(text(place))
        if not names or change.before is None or change.after is None:
            continue
        near = [path for path, other in elsewhere if meeting.mentions(other.after, names)]
        if near and _takes_away(meeting.exports, change):
            taken[place] = change
            users.update(near)
    return taken, [(path, change) for path, change in elsewhere if path in users]


def _unbound(facts: Facts, path: str, result: PythonFacts, *, sides: Sequence[FileVersion]) -> Iterator[Finding]:
    """Names of a merged file that nothing defines any more, though both sides defined them or did not need them."""
    known = [facts(side) for side in sides]
    for name, line in result.unbound.items():
        if all(one is not None and name not in one.unbound for one in known):
            yield _finding("symbol_removed_in_use", f"{name} is not defined any more", path, line, "integration")


def _takes_away(exports: Exports, change: PathChange) -> bool:
    before = exports(change.before)
    after = exports(change.after) if before is not None else None
    return before is not None and after is not None and not before <= after


def _gone(
    meeting: Meeting, path: str, user: PythonFacts, *, known: FileVersion | None, taken: Mapping[bytes, PathChange]
) -> Iterator[Finding]:
    """Uses of names that a changed module had in the base and has no more.

    Args:
        meeting: of the two sides.
        path: of the file that uses them.
        user: what that file uses.
        known: that file before; what it used then is not new.
        taken: changes of the other side.
    """
    before: set[tuple[str, str]] | None = None
    lines = dict(_uses_with_lines(user, path, meeting.result_index))
    for (stem, name), line in lines.items():
        for ending in (".py", "/__init__.py"):
            place = f"{stem}{ending}".encode("utf-8", "surrogateescape")
            change = taken.get(place)
            if change is None or meeting.result_index.holds(f"{stem}/{name}"):
                continue
            was = meeting.exports(change.before)
            if was is None or name not in was:
                continue
            now = meeting.exports(meeting.result_version(place))
            if now is not None and name not in now:
                if before is None:
                    facts = meeting.facts(known)
                    before = set(_uses(facts, path, meeting.result_index)) if facts is not None else set()
                if (stem, name) in before:
                    continue
                words = f"{name} is used here, and {text(place)} has it no more"
                yield _finding("symbol_removed_in_use", words, path, line, "integration")


def _uses(facts: PythonFacts, path: str, index: ModuleIndex) -> Iterator[tuple[str, str]]:
    return (use for use, _ in _uses_with_lines(facts, path, index))


def _uses_with_lines(facts: PythonFacts, path: str, index: ModuleIndex) -> Iterator[tuple[tuple[str, str], int]]:
    """(module path without ending, name) -> line, of what a file takes from modules of its repository."""
    for one in facts.imports:
        for stem in index.resolve(one, path) if one.names else ():
            for name in one.names:
                if name != "*":
                    yield (stem, name), one.line
    for (local, attribute), line in facts.attributes.items():
        module = facts.modules.get(local)
        if module is not None:
            for stem in index.resolve(Import(module[0], module[1], (), line, False), path):
                yield (stem, attribute), line


def _missing(facts: PythonFacts, path: str, index: ModuleIndex) -> Iterator[Import]:
    for one in facts.imports:
        if one.is_optional or (one.level == 0 and is_standard(one.module)):
            continue
        if not index.resolve(one, path) and not index.may_be_made(one, path):
            yield one


def _unresolved(
    meeting: Meeting,
    one: Import,
    path: str,
    *,
    in_target: frozenset[tuple[str, int]],
    in_branch: frozenset[tuple[str, int]],
) -> Iterator[Finding]:
    key = (one.module, one.level)
    top = one.module.partition(".")[0]
    indexes = (meeting.target_index, meeting.branch_index)
    is_local = one.level > 0 or meeting.result_index.is_local(top) or any(index.is_local(top) for index in indexes)
    if not is_local:
        if key not in in_target and meeting.dependencies is not None and not is_declared(top, meeting.dependencies):
            words = f"{_spelled(one)}: not of this repository, not of the standard library, and not declared"
            yield _finding("import_unresolved", words, path, one.line, "branch", severity=Severity.INFO)
        return
    had_target = key in in_target and not meeting.target_index.resolve(one, path)
    had_branch = key in in_branch and not meeting.branch_index.resolve(one, path)
    origin: Origin = "target" if had_target else "branch" if had_branch else "integration"
    severity = Severity.CRITICAL if origin == "integration" else Severity.WARNING
    yield _finding(
        "import_unresolved", f"{_spelled(one)}: no such module here", path, one.line, origin, severity=severity
    )


def _imported(facts: PythonFacts | None) -> frozenset[tuple[str, int]]:
    return frozenset((one.module, one.level) for one in facts.imports) if facts is not None else frozenset()


def _after(change: PathChange | None) -> FileVersion | None:
    return change.after if change is not None else None


def _spelled(one: Import) -> str:
    return f"{'.' * one.level}{one.module}"


def _finding(
    code: str, message: str, path: str, line: int, origin: Origin, *, severity: Severity = Severity.CRITICAL
) -> Finding:
    return Finding(
        code=code, severity=severity, message=message, path=path, line=line, detector="python", introduced_by=origin
    )
