"""What is stored: runs, events, results, moves, claims, sessions, the cache. One protocol for each family of tables.

Every method is one transaction, on disk when it returns. `Journal` is all of them together, of one repository.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gitalign.core.events import Event
from gitalign.core.manual_resolution import ResolutionSession
from gitalign.core.names import Oid
from gitalign.core.outcome import StepResult
from gitalign.core.path_claim import PathClaim
from gitalign.core.plan import Plan
from gitalign.core.publication import Publication
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.ports.batch_store import BatchRunStore, ProjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who holds a branch."""

    ref: str
    run_id: str
    owner: str
    token: int
    """Fencing token: grows with every claim of the repository."""


class OwnerProbe(Protocol):
    """Tells whether the process that wrote an owner string is still alive."""

    def __call__(self, owner: str) -> bool:
        """True when alive, or when that cannot be known."""


class VerdictCache(Protocol):
    """The cache: conflicts found before, by content. The same commits under the same rules conflict in the same way."""

    def look_up(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Cached verdicts of earlier runs, by content key."""

    def keep(self, verdicts: Mapping[str, str], *, at: datetime) -> None:
        """Keep verdicts for later runs."""


class RunStore(Protocol):
    """Runs and their plans."""

    def begin_run(self, record: RunRecord, *, plan_json: str) -> None:
        """Write a new run with its plan; this object holds the run from now on (`ClaimStore`)."""

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

    def newest(self, kind: RunKind) -> RunRecord | None:
        """The newest run of a kind; None when there is none."""

    def runs_in(self, states: Collection[RunState]) -> tuple[RunRecord, ...]:
        """Runs in one of the states, newest first."""

    def runs_that_stand(self) -> Iterator[RunRecord]:
        """Runs of which something stands, moved here or only pushed, newest first. Read as far as it is asked for."""

    def runs_ended_by(self, when: datetime) -> tuple[RunRecord, ...]:
        """Runs that ended at a time or before it, newest first."""

    def plan_json(self, run_id: str) -> str:
        """The plan as it was stored."""

    def plan(self, run_id: str) -> Plan:
        """The plan of a run.

        Raises:
            UnknownRun
            StoreError: what is stored is not a plan, or was changed since.
        """

    def note_undone(self, run_id: str, *, by: str | None) -> None:
        """Note which run put back what a run had moved; None when all of it stands again."""

    def anchor(self, run_id: str) -> str | None:
        """Full name of the ref that pins the run's objects, None before `intend` and after `prune`."""

    def drop_anchors(self, run_ids: Sequence[str]) -> None:
        """Note that the objects of runs are pinned no more."""

    def forget_before(self, when: datetime) -> None:
        """Drop details (events, verdicts) of runs finished before `when`. Rows of runs stay."""


class EventStore(Protocol):
    """What happened in a run."""

    def append(self, events: Sequence[Event]) -> None:
        """Add events to the journal. Those that it has already are not added again."""

    def events(self, run_id: str, *, after: int = 0) -> tuple[Event, ...]:
        """Events with a higher `seq`, in order."""


class ResultStore(Protocol):
    """What each step of a run came to."""

    def record_results(self, run_id: str, results: Sequence[StepResult], *, plan: Plan) -> None:
        """Write the results of steps of a plan, replacing earlier ones of the same step."""

    def results(self, run_id: str) -> tuple[StepResult, ...]:
        """Results in step order."""

    def results_with(self, conflicts: Iterable[str]) -> tuple[tuple[str, StepResult], ...]:
        """Newest results of branches that have a recorded resolution of one of the conflicts in them, with their runs."""


class MoveStore(Protocol):
    """Intended moves, and what became of them."""

    def intend(self, run_id: str, publications: Sequence[Publication], *, anchor: str) -> None:
        """Write every intended move and the ref that pins their objects, and set the state `publishing`."""

    def update_publications(self, run_id: str, publications: Sequence[Publication]) -> None:
        """Write what became of moves, matched by ref."""

    def publications(self, run_id: str) -> tuple[Publication, ...]:
        """Intended moves of a run with their present state, in the order they were intended."""

    def placed(self, refs: Iterable[str]) -> Mapping[str, Oid]:
        """Full ref -> where a run last put it; refs that no run put anywhere, or that were put back since, are left out."""

    def moves_of(self, refs: Iterable[str]) -> tuple[tuple[str, Publication], ...]:
        """Moves of these refs that any run made or means to make, each with the run's id; of each ref the newest first."""

    def history_of(self, refs: Iterable[str]) -> Mapping[str, tuple[Publication, ...]]:
        """Full ref -> what runs made of it, oldest first: moves that were made, undone or not, and what was only pushed."""

    def unsettled_pushes(self) -> tuple[str, ...]:
        """Runs with pushes of which it is not known whether they arrived, oldest first."""

    def refs_not_pushed(self) -> tuple[str, ...]:
        """Refs that a run meant to push, and that did not arrive with that run, sorted. A later push may have brought them."""


class ClaimStore(Protocol):
    """Which run works on which branch, and which process holds which run.

    A process that begins a run, or takes one, holds it with a fencing token: a number that rises in the database. Whatever
    it writes about the run is refused once another process has taken the run (`RunTakenOver`).
    """

    def claim(self, run_id: str, refs: Iterable[str], *, owner: str, is_alive: OwnerProbe) -> Mapping[str, Claim]:
        """Take refs for a run. Claims of dead owners are taken over, and their runs can publish nothing more.

        Returns:
            The refs that could **not** be had, with who holds them.
        """

    def release(self, run_id: str) -> None:
        """Give a run back with all of its claims; nothing happens where another process has taken it over."""

    def take(self, run_id: str) -> None:
        """Take over a run, to finish it or roll it back; its earlier holder publishes nothing more.

        Raises:
            UnknownRun
        """

    def take_over(self, run_id: str, *, owner: str) -> None:
        """Count the holder of a run as dead: another owner is written down for it, and its claims are given back."""

    def is_held(self, run_id: str) -> bool:
        """True until the process that holds a run gives it back, also when that process is dead."""

    def require_held(self, run_id: str) -> int:
        """The token by which a run is held through this object. Asked before anything is published.

        Raises:
            RunTakenOver: it is not held through this object any more.
        """


class SessionStore(Protocol):
    """Branches that a person is resolving."""

    def open_session(self, session: ResolutionSession) -> bool:
        """Write down that a person is resolving a branch; False when one is open for it already."""

    def sessions(self) -> tuple[ResolutionSession, ...]:
        """Branches that are being resolved, by name."""

    def close_session(self, ref: str) -> None:
        """The resolution of a branch has ended."""


class PathClaimStore(Protocol):
    """Paths that someone works on for a while."""

    def claim_paths(self, claim: PathClaim) -> tuple[PathClaim, ...]:
        """Keep a claim, unless others hold some of its paths at its beginning: then their claims, and nothing is kept."""

    def path_claims(self, at: datetime) -> tuple[PathClaim, ...]:
        """Claims that hold at a time, oldest first."""

    def release_paths(self, holder: str, claim_id: str | None = None) -> int:
        """Give a claim back, or all of a holder; how many there were."""


class Journal(
    RunStore,
    EventStore,
    ResultStore,
    MoveStore,
    ClaimStore,
    SessionStore,
    PathClaimStore,
    VerdictCache,
    BatchRunStore,
    ProjectStore,
    Protocol,
):
    """The durable memory of one repository."""

    def close(self) -> None:
        """Close the database."""
