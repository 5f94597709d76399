"""Going on where git stopped: every conflict of a commit settled by what the operator allows for it, or none of them.

git's merge stays git's: all that is changed in its result is the contents of the files it left with conflict markers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gitalign.core.conflict import AppliedResolution, KnownConflict, StageEntry
from gitalign.core.names import Oid
from gitalign.core.plan import Step, StepKind
from gitalign.core.policy import AutoResolver
from gitalign.core.proposals import MadeBy, fault_of
from gitalign.git.command import raw
from gitalign.git.merge import MergeAnswer
from gitalign.integrate.beyond import REGULAR, WITHIN_A_FILE, out_of_bounds
from gitalign.integrate.lane import MergeWorker, UnresolvedMerge
from gitalign.integrate.squashed import CommitsAbove, resolved_further_up
from gitalign.ports import ConflictedFile, ConflictResolver, Proposal, Regenerator, Sides, UnresolvedFile

_MOST_PATHS = 500
LARGEST_BYTES = 4 * 1024 * 1024
"""Of a file with conflict markers; longer ones are left to a person."""


@dataclass(frozen=True, slots=True)
class ResolvedMerge:
    """A merge with all of its conflicts settled."""

    tree: Oid
    applied: tuple[AppliedResolution, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePlace:
    """Where a merge stopped.

    Attributes:
        attributes_from: the commit whose attributes the merge was made under.
        commit, subject: of the commit of the branch, for the report; None while the target is merged in.
    """

    attributes_from: Oid
    commit: Oid | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolvers:
    """What settles conflicts without a person.

    Attributes:
        resolver: proposes what files are to hold.
        regenerator: makes files again that are made from others, when all others are settled. What people made of a file, or
            cannot agree on, comes first; all else of them is its alone.
        people: knows what people made of files, where `resolver` is not all that does.
    """

    resolver: ConflictResolver
    regenerator: Regenerator | None = None
    people: ConflictResolver | None = None


def auto_resolve(
    answer: MergeAnswer,
    step: Step,
    place: MergePlace,
    by: Resolvers,
    lane: MergeWorker,
    *,
    line: CommitsAbove | None = None,
) -> ResolvedMerge | UnresolvedMerge:
    """Settle every conflict of a merge.

    Args:
        answer: of git, unclean, as it came from the lane.
        step: of the branch.
        place: where it stopped.
        by: what settles it.
        lane: the worker's processes.
        line: commits of the branch in which the target's file may be found again, as `squashed` has it; None for not to look.

    Raises:
        GitError, OutOfSpace
    """
    modes = conflicted_files(answer)
    if not modes:
        return UnresolvedMerge((), out_of_bounds(_named(answer), answer, modes=modes))
    if len(modes) > _MOST_PATHS:
        return UnresolvedMerge(
            (), (f"{len(modes)} files conflict, more than {_MOST_PATHS}: none of them was looked at",)
        )
    return _Conflicts(answer, step, place, by, lane).resolved(line)


def _named(answer: MergeAnswer) -> set[str]:
    """Every path that a merge stops at."""
    return {entry.path for entry in answer.entries} | {path for one in answer.conflicts for path in one.paths}


class _Conflicts:
    """The conflicts of one merge, on their way to being settled. Arguments as `auto_resolve` has them."""

    def __init__(self, answer: MergeAnswer, step: Step, place: MergePlace, by: Resolvers, lane: MergeWorker) -> None:
        self._answer = answer
        self._place = place
        self._by = by
        self._lane = lane
        self._is_integration = step.kind is StepKind.INTEGRATE
        self._modes = conflicted_files(answer)
        paths = list(self._modes)
        contents = lane.files([raw(f"{answer.tree}:{path}") for path in paths], most_bytes=LARGEST_BYTES)
        self._merged_as = lane.merged_as(place.attributes_from, paths)
        self._files = [
            ConflictedFile(
                path=path,
                stages=tuple(entry for entry in answer.entries if entry.path == path),
                marked=marked,
                marker_size=self._merged_as[path].marker_size,
                is_plain=self._merged_as[path].is_plain,
                commit=place.commit,
                subject=place.subject,
                target=step.target.name,
                is_integration=self._is_integration,
            )
            for path, marked in zip(paths, contents, strict=True)
            if marked is not None
        ]
        names = {file.path: name for file in self._files if (name := by.resolver.knows(file)) is not None}
        self._known = tuple(KnownConflict(path=path, conflict=name) for path, name in names.items())
        self._sides: dict[str, Sides | None] = {}

    def resolved(self, line: CommitsAbove | None) -> ResolvedMerge | UnresolvedMerge:
        """All of them settled, or why not."""
        everything = _named(self._answer)
        within = {file.path for file in self._files if self._rule(file) is not None or self._by.resolver.could(file)}
        if not line and within != everything:
            return self._beyond(everything - within)
        self._sides = {file.path: _sides(file, self._lane) for file in self._files}
        proposals = self._found_further_up(line) if line else {}
        made = {
            file.path: rule
            for file in self._files
            if file.path not in proposals and (rule := self._rule(file)) is not None
        }
        if left := everything - within - proposals.keys():
            return self._beyond(left)
        if undecided := self._propose(proposals, made):
            return UnresolvedMerge(self._known, tuple(undecided))
        return self._applied(proposals, made)

    def _rule(self, file: ConflictedFile) -> int | None:
        return _rule_for(file, self._by.regenerator)

    def _beyond(self, left: set[str]) -> UnresolvedMerge:
        told = out_of_bounds(
            left,
            self._answer,
            modes=self._modes,
            files=self._files,
            merged_as=self._merged_as,
            largest_bytes=LARGEST_BYTES,
        )
        return UnresolvedMerge(self._known, told)

    def _found_further_up(self, line: CommitsAbove) -> dict[str, Proposal]:
        """Files that hold what the branch itself had further up."""
        known = {one.path for one in self._known}
        found: dict[str, Proposal] = {}
        for file in self._files:
            if file.path in known:
                continue
            sides = self._sides[file.path]
            proposal = resolved_further_up(
                file, sides, line, self._lane, max_bytes=LARGEST_BYTES, is_integration=self._is_integration
            )
            if proposal:
                found[file.path] = proposal
        return found

    def _propose(self, proposals: dict[str, Proposal], made: dict[str, int]) -> list[str]:
        """Add a proposal for each file that is not made from others; those that have none, each with the reason."""
        undecided: list[str] = []
        for file in self._files:
            if file.path in made:
                by_people = _by_people(file, (self._by.resolver, self._by.people))
                if isinstance(by_people, Proposal):
                    proposals[file.path] = by_people
                    del made[file.path]
                elif by_people is not None:
                    undecided.append(f"{file.path}: {by_people.reason}")
            elif file.path not in proposals:
                proposal = self._by.resolver.propose(replace(file, sides=self._sides[file.path]))
                if isinstance(proposal, Proposal):
                    proposals[file.path] = proposal
                else:
                    undecided.append(f"{file.path}: {proposal.reason if proposal is not None else 'nothing fits'}")
        return undecided

    def _applied(self, proposals: Mapping[str, Proposal], made: Mapping[str, int]) -> ResolvedMerge | UnresolvedMerge:
        """The tree with what was proposed, and with the files that are made from others made again."""
        commit, modes = self._place.commit, self._modes
        changed = {path: (modes[path], one.content) for path, one in proposals.items()}
        tree = self._lane.tree_with(self._answer.tree, changed)
        told = [replace(proposals[path].resolution, commit=commit, path=path) for path in proposals]
        if self._by.regenerator is not None and made:
            begun = _Generated(
                {
                    file.path: (modes[file.path], sides)
                    for file in self._files
                    if file.path in made and (sides := self._sides[file.path])
                },
                {file.path: file.marker_size for file in self._files},
                # While the target is merged in, it is the other side.
                is_ours=commit is not None or self._is_integration,
            )
            remade = begun.made(tree, made, self._lane, self._by.regenerator)
            if isinstance(remade, str):
                return UnresolvedMerge(self._known, (remade,))
            tree, names = remade
            told += [_made_again(commit, path, name) for path, name in names.items()]
        paths = list(modes)
        return ResolvedMerge(tree, tuple(sorted(told, key=lambda one: paths.index(one.path))))


def _made_again(commit: Oid | None, path: str, name: str) -> AppliedResolution:
    return AppliedResolution(
        commit=commit,
        path=path,
        conflict="",
        source=f"made again by {name}",
        resolver=AutoResolver.REGENERATE.value,
    )


def _rule_for(file: ConflictedFile, regenerator: Regenerator | None) -> int | None:
    return regenerator.rule_for(file.path) if regenerator is not None and file.is_plain else None


def _by_people(file: ConflictedFile, resolvers: Sequence[ConflictResolver | None]) -> Proposal | UnresolvedFile | None:
    """What people made of a file, or that they disagree; None where nothing of theirs fits."""
    found = [
        one.propose(replace(file, sides=None)) for one in resolvers if one is not None and one.knows(file) is not None
    ]
    proposal = next((one for one in found if isinstance(one, Proposal)), None)
    return proposal or next((one for one in found if isinstance(one, UnresolvedFile) and one.is_disputed), None)


class _Generated:
    """Conflicted files that are made from others.

    Args:
        files: path -> mode and sides.
        marker_sizes: path -> characters of a conflict marker.
        is_ours: the target's side is ours.
    """

    def __init__(
        self, files: Mapping[str, tuple[str, Sides]], marker_sizes: Mapping[str, int], *, is_ours: bool
    ) -> None:
        self._files = files
        self._marker_sizes = marker_sizes
        self._before = {path: sides.ours if is_ours else sides.theirs for path, (_, sides) in files.items()}

    def made(
        self, tree: Oid, rules: Mapping[str, int], lane: MergeWorker, regenerator: Regenerator
    ) -> tuple[Oid, dict[str, str]] | str:
        """The tree with all of them made again, and by what each was; why not, in words."""
        if missing := [path for path in rules if path not in self._files]:
            return f"{missing[0]}: one of its sides cannot be read"
        tree = lane.tree_with(tree, {path: (mode, self._before[path]) for path, (mode, _) in self._files.items()})
        names: dict[str, str] = {}
        for rule in sorted(set(rules.values())):
            paths = [path for path in rules if rules[path] == rule]
            answer = regenerator.regenerate(rule, paths, tree=tree, make=lane.work_tree)
            for path in paths:
                fault = answer.fault or self._fault(path, answer.contents.get(path))
                if fault:
                    return f"{path}: {answer.name}: {fault}"
            tree = lane.tree_with(tree, {path: (self._files[path][0], answer.contents[path]) for path in paths})
            names |= dict.fromkeys(paths, answer.name)
        return tree, {path: names[path] for path in rules}

    def _fault(self, path: str, content: bytes | None) -> str:
        if content is None:
            return "it is no regular file afterwards, or a very long one"
        _, sides = self._files[path]
        return fault_of(
            content,
            sides,
            marker_size=self._marker_sizes[path],
            by=MadeBy.REGENERATE,
            target=self._before[path],
        )


def _sides(file: ConflictedFile, lane: MergeWorker) -> Sides | None:
    oids = {entry.stage: raw(entry.oid) for entry in file.stages}
    asked = [oids[stage] for stage in (1, 2, 3) if stage in oids]
    found = lane.files(asked, most_bytes=LARGEST_BYTES)
    contents = [one for one in found if one is not None]
    if len(contents) != len(asked):
        return None
    base, ours, theirs = contents if 1 in oids else (b"", *contents)
    return Sides(base, ours, theirs)


def conflicted_files(answer: MergeAnswer) -> dict[str, str]:
    """Path -> mode of the merged file, where all that is wrong is the contents of a regular file.

    A file that one side deleted, renames that went two ways, links, submodules, files against folders, and files that are
    executable on one side only are decisions beyond the lines of a file (rerere leaves them alone, too: rerere.c,
    check_one_conflict).
    """
    stages: dict[str, dict[int, StageEntry]] = {}
    for entry in answer.entries:
        stages.setdefault(entry.path, {})[entry.stage] = entry
    kinds: dict[str, set[str]] = {}
    for conflict in answer.conflicts:
        for path in conflict.paths:
            kinds.setdefault(path, set()).add(conflict.kind)
    modes = {path: _merged_mode(sides) for path, sides in stages.items() if kinds.get(path) == {WITHIN_A_FILE}}
    return {path: mode for path, mode in modes.items() if mode}


def _merged_mode(sides: dict[int, StageEntry]) -> str | None:
    """The mode git gave the file (merge-ort.c, handle_content_merge); None when that is in question itself."""
    if not {2, 3} <= sides.keys() or any(entry.mode not in REGULAR for entry in sides.values()):
        return None
    ours, theirs = sides[2].mode, sides[3].mode
    base = sides[1].mode if 1 in sides else None
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else None
