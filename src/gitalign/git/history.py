"""History read from git: the commit graph, and who wrote what. Whole lists per process, never one process per commit.

Not here: what commits change (`diffs`), and what is made of it. A missing object is named and takes nothing else with it; every
other failure of git is an error.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from gitalign.core.commit import RawCommit
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.errors import GitDied, GitError, GitMissing, GitTimedOut, MissingObject, OutOfSpace
from gitalign.git.asking import cut_short, retried
from gitalign.git.command import Git, text
from gitalign.git.objects import CommitReader
from gitalign.git.repository import Repository

_TIMEOUT_S = 600.0
_OBJECT_TIMEOUT_S = 60.0


def load_graph(repository: Repository, tips: Iterable[Oid]) -> CommitGraph:
    """The history behind some tips, read by one git process.

    A tip whose history cannot be walked (a missing or corrupt commit) does not take the others with it: it is named in
    the graph's `unreadable`.

    Raises:
        GitError: git cannot list history that is there.

    Source: `git help rev-list` (--parents, --topo-order, --stdin).
    """
    wanted = sorted(set(tips))
    shallow = shallow_boundary(repository)
    try:
        return CommitGraph(_rows(repository.git, wanted), shallow=shallow)
    except (GitTimedOut, GitMissing, OutOfSpace):
        raise
    except GitError:
        unreadable = _unreadable(repository, wanted, shallow)
    # A commit-graph file may be what is broken, or may vouch for commits that are gone.
    without_cache = replace(repository.git, config=(*repository.git.config, ("core.commitGraph", "false")))
    rows = _rows(without_cache, [tip for tip in wanted if tip not in unreadable])
    return CommitGraph(rows, shallow=shallow, unreadable=unreadable)


_Row = tuple[Oid, tuple[Oid, ...]]


def _rows(git: Git, tips: Sequence[Oid], *, without: Sequence[Oid] = ()) -> list[_Row]:
    return retried(lambda: _listed(git, tips, without)) if tips else []


def _listed(git: Git, tips: Sequence[Oid], without: Sequence[Oid]) -> list[_Row]:
    # The excluded commits that the listed ones stand on come last, marked by a minus.
    words = ("rev-list", "--topo-order", "--parents", *(("--boundary",) if without else ()), "--stdin")
    asked = "".join(f"{line}\n" for line in (*tips, *(f"^{oid}" for oid in without)))
    lines = git.run(*words, stdin=asked.encode("ascii"), timeout_s=_TIMEOUT_S).stdout.decode("ascii").split("\n")
    is_cut = bool(lines.pop())
    rows: list[_Row] = []
    there = set[str]()
    for line in lines:
        oid, *parents = line.removeprefix("-").split(" ")
        there.add(oid)
        if not line.startswith("-"):
            rows.append((Oid(oid), tuple(map(Oid, parents))))
    # Every parent of a listed commit is listed, too: an answer that was cut short lacks some.
    if is_cut or not all(parent in there for _, parents in rows for parent in parents) or _lacks(there, tips, without):
        raise GitError("git rev-list: the answer ends before the last commit", hint="run again")
    return rows


def _lacks(there: set[str], tips: Sequence[Oid], without: Sequence[Oid]) -> bool:
    return not without and not there.issuperset(tips)


def commits_beyond(git: Git, tips: Iterable[Oid], onto: Oid) -> list[_Row]:
    """(id, parents) of what the tips have and `onto` has not, children before parents.

    Raises:
        GitError

    Source: `git help rev-list` (--stdin takes `^commit`; --boundary).
    """
    return _rows(git, sorted(set(tips)), without=[onto])


_AUTHORSHIP = "%H%x00%aE%x00%at%x00%ct%x00%aN%x00%s"


class Authorship(NamedTuple):
    """Who wrote a commit (mailmap applied), when, and what about; times in seconds since the epoch."""

    author: str
    """The mail address."""
    authored_at: int
    committed_at: int
    name: str = ""
    subject: str = ""


def authorship(git: Git, commits: Iterable[Oid]) -> dict[Oid, Authorship]:
    """Who wrote which commit and when, in one process. The mailmap is HEAD's, with a work tree or without.

    Raises:
        GitError

    Source: `git help rev-list` (--no-walk, --no-commit-header; PRETTY FORMATS); `mailmap.blob` in `git help config`.
    """
    wanted = list(dict.fromkeys(commits))
    if not wanted:
        return {}
    git = replace(git, config=(*git.config, ("mailmap.blob", "HEAD:.mailmap")))
    words = ("rev-list", "--no-walk=unsorted", "--no-commit-header", f"--format={_AUTHORSHIP}", "--stdin")

    def ask() -> dict[Oid, Authorship]:
        listed = git.run(*words, stdin="\n".join(wanted).encode("ascii") + b"\n", timeout_s=_TIMEOUT_S).stdout
        found: dict[Oid, Authorship] = {}
        for line in listed.split(b"\n"):
            oid, *fields = line.split(b"\0", 5)
            if len(fields) == 5:
                author, authored, committed, name, subject = fields
                found[Oid(oid.decode("ascii"))] = Authorship(
                    text(author), int(authored or 0), int(committed or 0), text(name), text(subject)
                )
        if found.keys() != set(wanted) or not listed.endswith(b"\n"):
            raise cut_short("rev-list", len(found), len(wanted))
        return found

    return retried(ask)


def _unreadable(repository: Repository, tips: Sequence[Oid], shallow: frozenset[Oid]) -> dict[Oid, str]:
    """Tips above a commit that cannot be read, with the words for it. Reads every commit once, in one process."""
    children: dict[Oid, list[Oid]] = {tip: [] for tip in tips}
    broken: dict[Oid, str] = {}
    reader = CommitReader(repository.git, timeout_s=_OBJECT_TIMEOUT_S)
    waiting = list(tips)
    read: list[Oid] = []
    try:
        while waiting:
            oid = waiting.pop()
            commit = _commit_or_why(repository.git, reader, oid, read)
            if isinstance(commit, str):
                broken[oid] = commit
                continue
            read = [oid]
            for parent in () if oid in shallow else commit.parents:
                if parent not in children:
                    children[parent] = []
                    waiting.append(parent)
                children[parent].append(oid)
    finally:
        reader.close()
    words = dict(broken)
    spreading = deque(broken)
    while spreading:
        oid = spreading.popleft()
        for child in children[oid]:
            if child not in words:
                words[child] = words[oid]
                spreading.append(child)
    return {tip: words[tip] for tip in tips if tip in words}


def _commit_or_why(git: Git, reader: CommitReader, oid: Oid, others: Iterable[Oid]) -> RawCommit | str:
    """A commit, or why it cannot be read: it is missing, or what is stored under its name is damaged.

    git may end on a damaged object, as it ends when memory is short. It is the object only when another one can still be read.

    Raises:
        GitError
    """
    try:
        return retried(lambda: reader.read([oid]))[0]
    except (MissingObject, ValueError) as error:
        return f"commit {oid} cannot be read: {error}"
    except (GitTimedOut, GitDied, GitMissing, OutOfSpace):
        raise
    except GitError as error:
        for other in others:
            git.run("cat-file", "commit", other, timeout_s=_OBJECT_TIMEOUT_S)
            return f"commit {oid} cannot be read: {error}"
        raise


def shallow_boundary(repository: Repository) -> frozenset[Oid]:
    """Commits at which a shallow clone's history is cut off (`git help shallow`)."""
    place = Path(repository.common_dir) / "shallow"
    try:
        return frozenset(Oid(line) for line in place.read_text(encoding="ascii").split())
    except FileNotFoundError:
        return frozenset()
