"""Evidence for categorizing, read from git in passes that all branches share: history, changed files, hints, lines."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gitalign.categorize.assign import Kinship
from gitalign.categorize.footprint import Distance, Footprint, Interner, distance, footprint
from gitalign.categorize.words import names_target
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid, display
from gitalign.core.pair_conflicts import PathChange, folders_of
from gitalign.core.plan import Step, Target
from gitalign.errors import GitError
from gitalign.git.asking import retried
from gitalign.git.diffs import path_changes
from gitalign.git.linecount import LineCount, Versions, count_lines, versions_of
from gitalign.git.missing import missing_below
from gitalign.git.quarantine import Quarantine
from gitalign.git.refs import Origin, read_origins
from gitalign.git.repository import Repository
from gitalign.integrate.upstream import UpstreamIndex

Pair = tuple[Oid, Oid]
"""Two commits: before and after."""


class TargetFiles:
    """The files of each target: how many in each folder, and which no other target has."""

    def __init__(self, repository: Repository, targets: Sequence[Target]) -> None:
        listed = {target.name: _files_of(repository, target.oid) for target in targets}
        holders = Counter(path for paths in listed.values() for path in paths)
        self.folders: Mapping[str, Mapping[bytes, int]] = {
            name: Counter(folder for path in paths for folder in folders_of(path)) for name, paths in listed.items()
        }
        self._home: dict[bytes, str] = {
            path: name for name, paths in listed.items() for path in paths if holders[path] == 1
        }

    def edits_of_one(self, changes: Iterable[PathChange]) -> Counter[str]:
        """Target -> how many files were edited that it alone has."""
        return Counter(
            self._home[change.path]
            for change in changes
            if change.before and change.after and change.path in self._home
        )


def _files_of(repository: Repository, commit: Oid) -> list[bytes]:
    """Every file of a commit; none where a folder of it is not there."""
    words = ("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
    try:
        return retried(lambda: repository.git.run(*words)).stdout.split(b"\0")[:-1]
    except GitError:
        if missing_below(repository.git, commit) is None:
            raise
        return []


class Changes:
    """What branches change since they left a target: each pair of commits read once and kept small."""

    def __init__(self, repository: Repository, files: TargetFiles) -> None:
        self._repository = repository
        self._files = files
        self._intern = Interner()
        self._numbers: dict[Versions, int] = {}
        self._versions: dict[Pair, array[int]] = {}
        self._counts: Sequence[LineCount | None] = ()
        self.footprints: dict[Pair, Footprint] = {}
        self.edits: dict[Pair, Counter[str]] = {}
        """Files edited that one target alone has, by target."""

    def read(self, pairs: Iterable[Pair]) -> None:
        """Read what is not known yet; pairs whose trees cannot be read stay unknown.

        Raises:
            GitTimedOut, GitMissing, OutOfSpace
        """
        unread = [pair for pair in dict.fromkeys(pairs) if pair not in self.footprints]
        for pair, changes in path_changes(self._repository.git, unread):
            self.footprints[pair] = footprint(changes, self._intern)
            self.edits[pair] = self._files.edits_of_one(changes)
            self._versions[pair] = array(
                "L", [self._numbers.setdefault(versions_of(change), len(self._numbers)) for change in changes]
            )

    def count(self, quarantine: Quarantine) -> None:
        """Count the lines of everything read so far.

        Raises:
            GitTimedOut, GitMissing, OutOfSpace
        """
        found = count_lines(quarantine, self._numbers)
        self._counts = [found.get(versions) for versions in self._numbers]

    def lines(self, pair: Pair) -> dict[bytes, LineCount] | None:
        """Lines by changed path; None when some file or tree could not be read."""
        if pair not in self.footprints:
            return None
        found: dict[bytes, LineCount] = {}
        for path, number in zip(self.footprints[pair].paths, self._versions[pair], strict=True):
            count = self._counts[number]
            if count is None:
                return None
            found[path] = count
        return found


def distances(
    repository: Repository, files: TargetFiles, wanted: Mapping[tuple[str, Oid, Oid], Sequence[bytes]]
) -> dict[tuple[str, Oid, Oid], Distance]:
    """How far branches are from their targets' tips.

    Args:
        repository: the repository.
        files: of the targets.
        wanted: (target, its tip, the branch's tip) -> paths the branch changed.

    Raises:
        GitTimedOut, GitMissing, OutOfSpace
    """
    names = {onto: name for name, onto, _ in wanted}
    found: dict[tuple[str, Oid, Oid], Distance] = {}
    for (onto, tip), changes in path_changes(repository.git, [(onto, tip) for _, onto, tip in wanted]):
        key = (names[onto], onto, tip)
        found[key] = distance(changes, files.folders[names[onto]], frozenset(wanted[key]))
    return found


class Ancestry:
    """What history, names and hints say of every branch and target."""

    def __init__(
        self,
        repository: Repository,
        graph: CommitGraph,
        steps: Sequence[Step],
        targets: Sequence[Target],
        keywords: Mapping[str, Sequence[str]],
        changes: Changes,
    ) -> None:
        self._graph = graph
        self._targets = [target for target in targets if target.oid in graph]
        self._keywords = keywords
        self._changes = changes
        tips = list(dict.fromkeys(step.seen for step in steps if step.seen in graph))
        self._upstream = UpstreamIndex.build(
            repository,
            graph,
            [
                (tip, target.oid)
                for tip in tips
                for target in self._targets
                if (own := graph.own(tip, target.oid)).count and own.bases
            ],
        )
        self._origins = read_origins(repository)
        self._homes = {tip: _homes(graph, tip, self._targets) for tip in tips}
        self._nearest = {tip: base for tip in tips if (base := _nearest_base(graph, tip, self._targets)) is not None}
        changes.read((base, tip) for tip, base in self._nearest.items())

    def kinships(self, step: Step) -> tuple[Kinship, ...]:
        """What is known of a branch and each target whose history can be read; empty when its own cannot."""
        return tuple(self._kinship(step, target) for target in self._targets) if step.seen in self._graph else ()

    def base(self, step: Step, target: Target) -> Oid | None:
        """Where a branch left a target; None when they never met, or cannot be read."""
        return _base(self._graph, step.seen, target.oid)

    def own(self, step: Step, target: Target) -> tuple[Oid, ...]:
        """The branch's own commits; none when they cannot be read."""
        known = step.seen in self._graph and target.oid in self._graph
        return self._graph.own_ids(step.seen, target.oid) if known else ()

    def is_cut_off(self, step: Step, target: Target) -> bool:
        """True when hidden history may hold a better base."""
        known = step.seen in self._graph and target.oid in self._graph
        return known and self._graph.own(step.seen, target.oid).hits_shallow

    def unreadable(self, step: Step) -> str:
        """Why nothing is known of a branch."""
        return self._graph.unreadable.get(step.seen) or "its history cannot be read"

    def _kinship(self, step: Step, target: Target) -> Kinship:
        own = self._graph.own(step.seen, target.oid)
        fork = self._graph.fork(step.seen, target.oid)
        meets = bool(own.bases)
        homes = self._homes[step.seen]
        nearest = self._nearest.get(step.seen)
        edits = self._changes.edits.get((nearest, step.seen)) if nearest is not None else None
        return Kinship(
            target=target.name,
            own_commits=own.count if meets else None,
            behind=self._graph.behind_count(step.seen, target.oid),
            first_parents=fork.distance if fork.commit is not None else None,
            on_line=target.name in homes if homes else fork.is_on_line,
            picks=len(own.picks),
            picked=len(self._upstream.matches(step.seen, target.oid)) if own.count and meets else 0,
            paths=edits[target.name] if edits else 0,
            named=names_target(step.branch.name, target.name, self._keywords),
            hints=_hints(self._origins.get(step.ref), target),
        )


def _homes(graph: CommitGraph, tip: Oid, targets: Sequence[Target]) -> frozenset[str]:
    """Of several targets that have all of a branch, those that had it first; empty unless there are several."""
    arrivals = {target.name: oid for target in targets if (oid := graph.arrival(tip, target.oid)) is not None}
    if len(arrivals) < 2:
        return frozenset()
    return frozenset(
        name
        for name, arrival in arrivals.items()
        if not any(other != arrival and graph.is_ancestor(other, arrival) for other in arrivals.values())
    )


def _nearest_base(graph: CommitGraph, tip: Oid, targets: Sequence[Target]) -> Oid | None:
    """Where the branch left the target it has the fewest commits beyond."""
    found = [own for target in targets if (own := graph.own(tip, target.oid)).bases]
    return min(found, key=lambda own: own.count).bases[0] if found else None


def _base(graph: CommitGraph, tip: Oid, onto: Oid) -> Oid | None:
    if tip not in graph or onto not in graph:
        return None
    bases = graph.own(tip, onto).bases
    return bases[0] if bases else None


def _hints(origin: Origin | None, target: Target) -> tuple[str, ...]:
    if origin is None:
        return ()
    found: list[str] = []
    if _is_about(origin.upstream, target):
        found.append(f"its upstream is {display(origin.upstream)}")
    if _is_about(origin.created_from, target):
        found.append(f"created from {display(origin.created_from)}")
    return tuple(found)


def _is_about(ref: str, target: Target) -> bool:
    """True for the target's own branch, or the branch of its name on a remote."""
    short = ref.removeprefix("refs/heads/")
    remote, _, there = ref.removeprefix("refs/remotes/").partition("/")
    return short == target.name or (there == target.name and (ref.startswith("refs/remotes/") or remote == "origin"))
