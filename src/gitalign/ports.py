"""Every socket of the engine: what a plug-in, a store or a listener must offer.

Protocols only. Built-ins and plug-ins come through the same door; nothing here knows who implements it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from gitalign.core.clashes import PathChange
from gitalign.core.events import Event
from gitalign.core.names import Oid
from gitalign.core.outcome import AppliedResolution, Finding, FindingRule, Outcome, StageEntry, StepResult
from gitalign.core.plan import Step
from gitalign.core.programs import Program
from gitalign.core.publication import Publication
from gitalign.core.resolving import Session
from gitalign.core.run import RunRecord, RunState


class CancelToken(Protocol):
    """Tells a worker that its result is not wanted any more."""

    @property
    def is_cancelled(self) -> bool:
        """True once the operator asked to stop at once."""

    @property
    def deadline(self) -> float:
        """`time.monotonic()` value at which the branch's time is up."""


class Aligner(Protocol):
    """Carries one step from its branch tip to an outcome. Used by the driver, one call per attempt."""

    def align(self, step: Step, *, worker: int, attempt: int, cancel: CancelToken) -> StepResult:
        """Align one branch without moving any ref.

        Raises:
            GitAlignError: with `retryable` set when another attempt may succeed.
        """

    def close(self) -> None:
        """End every child process of every worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """What an integrator hands on: the outcome, and the seconds its phases took."""

    outcome: Outcome
    phases: tuple[tuple[str, float], ...] = ()


class Integrator(Protocol):
    """Takes the target into one branch, in memory."""

    def integrate(self, step: Step, *, worker: int, cancel: CancelToken) -> Integration:
        """The outcome for the step; a conflict is an outcome, an exception a broken world."""


class Source(Protocol):
    """Objects as a run sees them: the repository and what is not published yet. One worker's; not thread-safe."""

    def read(self, names: Sequence[bytes], *, most_bytes: int) -> list[bytes | None]:
        """Contents of files named `<id>` or `<commit>:<path>`; None for what is not there or longer."""

    def sizes(self, oids: Sequence[bytes]) -> list[int | None]:
        """Bytes of objects."""

    def changes(self, before: Oid, after: Oid) -> tuple[PathChange, ...]:
        """What changes from one commit to another; renames are a path gone and a path added."""

    def paths(self, commit: Oid) -> tuple[bytes, ...]:
        """Every file of a commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRequest:
    """What a detector looks at: objects by id, never files of a work tree.

    Attributes:
        repository: git directory that sees the result's objects.
        base: where branch and target parted, the best of several such places; None when they never met.
        own: (first parent, commit) of the branch's own commits.
        before: the branch as it was.
        onto: the target.
        after: the result.
        changed_paths: paths that differ between target and result.
        source: reads objects without starting a process.
    """

    repository: str
    branch: str
    target: str
    base: Oid | None
    own: tuple[tuple[Oid, Oid], ...]
    before: Oid
    onto: Oid
    after: Oid
    changed_paths: tuple[str, ...]
    source: Source


@runtime_checkable
class Detector(Protocol):
    """Looks for errors in an aligned branch (Task 76).

    A detector may have an attribute `key`: text that changes whenever its verdict on the same objects could. Results that only
    detectors with a key have seen are remembered.
    """

    name: str

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        """Findings; an empty sequence means looked and found none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRequest:
    """What a documenter describes."""

    repository: str
    branch: str
    target: str
    result: StepResult
    output_dir: str


@runtime_checkable
class Documenter(Protocol):
    """Writes the change summary of an aligned branch (Task 78)."""

    name: str

    def document(self, request: DocumentRequest) -> str:
        """A reference (path or URL) to the document written."""


class Listener(Protocol):
    """Follows the one stream of events. Called from one thread at a time, in order; must not block for long."""

    def __call__(self, event: Event) -> None:
        """Take one event. An exception is reported and silences this listener, nothing else."""


class Emitter(Protocol):
    """Where events are made: numbers and stamps them and passes them on."""

    def __call__(self, kind: str, *, branch: str | None = None, target: str | None = None, **data: object) -> None:
        """Emit one event of `kind` (an `EventKind`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who holds a branch."""

    ref: str
    run_id: str
    owner: str
    token: int
    """Fencing token: grows with every claim of the repository."""


class VerdictMemory(Protocol):
    """Conflicts found before, by content: the same commits under the same rules conflict in the same way."""

    def remembered(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Verdicts remembered from earlier runs, by content key."""

    def remember(self, verdicts: Mapping[str, str], *, at: datetime) -> None:
        """Keep verdicts for later runs."""


class Journal(VerdictMemory, Protocol):
    """The durable memory of runs. Every method is one transaction, on disk when it returns."""

    def begin_run(self, record: RunRecord, *, plan_json: str) -> None:
        """Write a new run with its plan."""

    def set_state(
        self, run_id: str, state: RunState, *, outcome: str | None = None, finished_at: datetime | None = None
    ) -> None:
        """Advance a run; None keeps what was there."""

    def run(self, run_id: str) -> RunRecord:
        """One run, by full id or unambiguous prefix, or the word `last`.

        Raises:
            UnknownRun: when there is none, or several.
        """

    def runs(self, *, limit: int | None = None) -> tuple[RunRecord, ...]:
        """Newest first."""

    def plan_json(self, run_id: str) -> str:
        """The plan as it was stored."""

    def append(self, events: Sequence[Event]) -> None:
        """Add events to the journal."""

    def events(self, run_id: str, *, after: int = 0) -> tuple[Event, ...]:
        """Events with a higher `seq`, in order."""

    def record_results(self, run_id: str, results: Sequence[StepResult]) -> None:
        """Write the results of steps, replacing earlier ones of the same step."""

    def results(self, run_id: str) -> tuple[StepResult, ...]:
        """Results in step order."""

    def intend(self, run_id: str, publications: Sequence[Publication], *, anchor: str) -> None:
        """Write every intended move and the ref that pins their objects, and set the state `publishing`."""

    def update_publications(self, run_id: str, publications: Sequence[Publication]) -> None:
        """Write what became of moves, matched by ref."""

    def publications(self, run_id: str) -> tuple[Publication, ...]:
        """Intended moves of a run with their present state, in the order they were intended."""

    def placed(self, refs: Iterable[str]) -> Mapping[str, Oid]:
        """Full ref -> where a run last put it; refs that no run put anywhere, or that were put back since, are left out."""

    def anchor(self, run_id: str) -> str | None:
        """Full name of the ref that pins the run's objects, None before `intend` and after `prune`."""

    def claim(self, run_id: str, refs: Iterable[str], *, owner: str, is_alive: OwnerProbe) -> Mapping[str, Claim]:
        """Take refs for a run. Claims of dead owners are taken over.

        Returns:
            The refs that could **not** be had, with who holds them.
        """

    def release(self, run_id: str) -> None:
        """Give back every claim of a run."""

    def holds(self, run_id: str, refs: Iterable[str]) -> bool:
        """True when the run still holds every one of the refs (a worker that lost its claim must not publish)."""

    def open_session(self, session: Session) -> bool:
        """Write down that a person is resolving a branch; False when one is open for it already."""

    def sessions(self) -> tuple[Session, ...]:
        """Branches that are being resolved, by name."""

    def close_session(self, ref: str) -> None:
        """Nobody is resolving the branch any more."""

    def forget_before(self, when: datetime) -> tuple[str, ...]:
        """Drop details (events, results, verdicts) of runs finished before `when`; their ids. Rows of runs stay."""

    def close(self) -> None:
        """Close the database."""


class OwnerProbe(Protocol):
    """Tells whether the process that wrote an owner string is still alive."""

    def __call__(self, owner: str) -> bool:
        """True when alive, or when that cannot be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictedFile:
    """A file whose contents git could not merge.

    Attributes:
        stages: base (when there is one), ours and theirs by id, as `outcome.StageEntry` explains them.
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


@dataclass(frozen=True, slots=True)
class Sides:
    """The three contents of a file; an empty base where both sides added it."""

    base: bytes
    ours: bytes
    theirs: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a conflicted file is to hold instead.

    Attributes:
        told: how it came about; `commit` is filled in by whoever applies it.
    """

    content: bytes
    told: AppliedResolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
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

    def remove(self) -> None:
        """Delete it with everything in it."""


class WorkTreeMaker(Protocol):
    """Makes work trees for objects that are not published yet."""

    def __call__(self, root: Path) -> WorkTree:
        """A new one at `root`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerated:
    """Files that were made anew.

    Attributes:
        contents: by path; empty when there are none that could be used.
        name: of the program.
        fault: why there are none, in words.
    """

    contents: Mapping[str, bytes]
    name: str
    fault: str = ""


class Regenerator(Protocol):
    """Makes files anew that are made from others. Asked by several workers at once."""

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

    def propose(self, file: ConflictedFile) -> Proposal | Undecided | None:
        """What the file is to hold; None when nothing fits. Asked when all files of a commit could be settled.

        Of a file without `sides` only what people made of it is told.

        Raises:
            GitError
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledFile:
    """A file whose contents git could not merge, and what a merge commit made of it.

    Attributes:
        merge: the merge commit.
        marked: the file with conflict markers.
        settled: the file in the merge commit.
        marker_size: characters of a marker.
    """

    merge: Oid
    path: str
    marked: bytes
    settled: bytes
    marker_size: int


MergeTeacher = Callable[[Sequence[SettledFile]], ConflictResolver]
"""Makes a resolver of what one merge commit did: it knows the very same conflicts at the very same paths, and no others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """Plug-ins the operator named. Empty means the stage is reported as `not configured`."""

    detectors: tuple[Detector, ...] = field(default=())
    refusing: FindingRule = field(default=FindingRule())
    documenter: Documenter | None = None
    resolver: ConflictResolver | None = None
    regenerator: Regenerator | None = None
    notices: tuple[str, ...] = ()

    def detection_key(self) -> str | None:
        """Text that changes whenever detection could judge the same objects otherwise; None when that cannot be told."""
        keys = [getattr(detector, "key", None) for detector in self.detectors]
        return None if None in keys else repr((keys, self.refusing))
