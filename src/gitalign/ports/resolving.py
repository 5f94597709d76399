"""What settles conflicts without a person, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gitalign.core.conflict import AppliedResolution, Sides, StageEntry
from gitalign.core.names import Oid
from gitalign.core.programs import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictedFile:
    """A file whose contents git could not merge.

    Attributes:
        stages: base (when there is one), ours and theirs by id, as `conflict.StageEntry` explains them.
        marked: the file with conflict markers.
        marker_size: characters of a marker.
        is_plain: merged as text, without a merge driver, filter or encoding that attributes declare for it.
        sides: given when a proposal is asked for; None where one is missing or too long.
        commit, subject: of the branch's commit that stopped; None and empty while branch and target are merged.
        target: its name.
        is_integration: the branch is merged into the target, which is ours.
    """

    path: str
    stages: tuple[StageEntry, ...]
    marked: bytes
    marker_size: int
    is_plain: bool = True
    sides: Sides | None = None
    commit: Oid | None = None
    subject: str = ""
    target: str = ""
    is_integration: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a conflicted file is to hold instead.

    Attributes:
        resolution: how it came about; `commit` is filled in by the code that applies it.
    """

    content: bytes
    resolution: AppliedResolution


@dataclass(frozen=True, slots=True, kw_only=True)
class UnresolvedFile:
    """A conflict that could have been settled, and is not.

    Attributes:
        is_disputed: people settled it in different ways: nothing else may decide between them.
    """

    reason: str
    is_disputed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramCall:
    """A program that is to be run once, in a new folder that holds some files and nothing else.

    Attributes:
        files: by plain name.
        stdin: what it is given to read.
        answer: the file that is read when it has ended; None reads what it wrote on standard output.
        most_bytes: of the answer.
    """

    program: Program
    command: tuple[str, ...]
    files: Mapping[str, bytes]
    stdin: bytes = b""
    answer: str | None = None
    most_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramEnd:
    """How a program ended.

    Attributes:
        answer: None when there is none that could be used.
        fault: why not, in words; empty when there is an answer.
    """

    answer: bytes | None
    fault: str = ""


class ProgramRunner(Protocol):
    """Runs programs of the operator on what comes from branches: confined, with a deadline, bounded."""

    def run(self, call: ProgramCall) -> ProgramEnd:
        """Run to the end. Only an exit code of 0 gives an answer."""


class WorkTree(Protocol):
    """A disposable work tree: see `git.disposable.DisposableTree`."""

    root: Path
    tree: Path
    home: Path
    scratch: Path
    objects: Path

    def hold(self, tree: Oid) -> None:
        """Have exactly the files of a tree."""

    def hide(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Take files away from what is to run here."""

    def remove(self) -> None:
        """Delete it with everything in it."""


class WorkTreeMaker(Protocol):
    """Makes work trees for objects that are not published yet."""

    def __call__(self, root: Path) -> WorkTree:
        """A new one at `root`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerated:
    """Files that were made again.

    Attributes:
        contents: by path; empty when there are none that could be used.
        name: of the program.
        fault: why there are none, in words.
    """

    contents: Mapping[str, bytes]
    name: str
    fault: str = ""


class Regenerator(Protocol):
    """Makes files again that are made from others. Asked by several workers at once."""

    def rule_for(self, path: str) -> int | None:
        """Which of its rules makes a file, None when none does."""

    def regenerate(self, rule: int, paths: Sequence[str], *, tree: Oid, make: WorkTreeMaker) -> Regenerated:
        """Run a rule on a tree that holds the target's version of the paths.

        Raises:
            GitError, OutOfSpace
        """


class ConflictResolver(Protocol):
    """Settles conflicts within files. Asked by several workers at once, once every conflict of a commit is of that kind."""

    @property
    def key(self) -> str:
        """Text that changes whenever it could answer otherwise."""

    def knows(self, file: ConflictedFile) -> str | None:
        """What is on record of the file's conflict, by name; None when nothing is. Asked of every file, so it is quick."""

    def could(self, file: ConflictedFile) -> bool:
        """False when there will be no proposal, whatever the file holds. Asked of every file, so it is quick."""

    def propose(self, file: ConflictedFile) -> Proposal | UnresolvedFile | None:
        """What the file is to hold; None when nothing fits. Asked when all files of a commit could be settled.

        Of a file without `sides` only what people made of it is reported.

        Raises:
            GitError
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedFile:
    """A file whose contents git could not merge, and what a merge commit made of it.

    Attributes:
        merge: the merge commit.
        marked: the file with conflict markers.
        resolved: the file in the merge commit.
        marker_size: characters of a marker.
    """

    merge: Oid
    path: str
    marked: bytes
    resolved: bytes
    marker_size: int


MergeResolverMaker = Callable[[Sequence[ResolvedFile]], ConflictResolver]

"""Makes a resolver of what one merge commit did: it knows the very same conflicts at the very same paths, and no others."""
