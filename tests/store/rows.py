"""What tests write into journals."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from gitalign.core.conflict import AppliedResolution
from gitalign.core.events import Event, EventKind
from gitalign.core.manual_resolution import ResolutionSession
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, AlignedKind, StepResult
from gitalign.core.path_claim import PathClaim
from gitalign.core.publication import MoveState, Publication, PushState, RefUpdate
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.ports import Journal
from gitalign.store.journal import SqlJournal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATIN = "refs/heads/topic/caf\udce9"
"""A name whose bytes are not UTF-8."""
X, Y = "refs/heads/x", "refs/heads/y"
REPOSITORIES = (f"repository {number}" for number in itertools.count())

Opener = Callable[[], SqlJournal]


def run_id(number: int) -> str:
    return f"20260301-120000-{number:06x}"


def begun(journal: Journal, number: int = 1, *, owner: str = "me", plan_json: str = "{}") -> str:
    record = RunRecord(
        id=run_id(number),
        kind=RunKind.ALIGN,
        state=RunState.INTEGRATING,
        started_at=NOON + timedelta(minutes=number),
        finished_at=None,
        outcome="running",
        moved=0,
        plan_id="p",
        total=3,
        owner=owner,
    )
    journal.begin_run(record, plan_json=plan_json)
    return record.id


def ended(journal: Journal, number: int, *, state: RunState = RunState.FINISHED) -> str:
    name = begun(journal, number)
    journal.set_state(name, state, outcome="ok", finished_at=NOON + timedelta(minutes=number, seconds=30))
    journal.release(name)
    return name


def oid(digit: str) -> Oid:
    return Oid(digit * 40)


def move(ref: str, *, state: MoveState = MoveState.INTENDED, push: PushState = PushState.NOT_ASKED) -> Publication:
    return Publication(update=RefUpdate(ref=ref, before=oid("a"), after=oid("b")), stack=0, state=state, push=push)


def event(name: str, seq: int) -> Event:
    data = {"path": "caf\udce9", "n": seq}
    return Event(run_id=name, seq=seq, at=NOON, kind=EventKind.NOTICE, branch="topic/caf\udce9", data=data)


def aligned(step: int, branch: str, *conflicts: str) -> StepResult:
    resolved = tuple(AppliedResolution(commit=None, path="p", conflict=conflict) for conflict in conflicts)
    outcome = Aligned(
        how=AlignedKind.REPLAYED, before=oid("a"), after=oid("b"), onto=oid("c"), tree=oid("d"), resolved=resolved
    )
    return StepResult(step_id=step, branch=branch, outcome=outcome)


def alive(owner: str) -> bool:
    return True


def dead(owner: str) -> bool:
    return False


def path_claim(name: str, holder: str, *patterns: str) -> PathClaim:
    return PathClaim(
        id=name, holder=holder, patterns=patterns, note="café", made_at=NOON, until=NOON + timedelta(minutes=30)
    )


def session(ref: str) -> ResolutionSession:
    return ResolutionSession(
        ref=ref,
        branch=ref.removeprefix("refs/heads/"),
        target="main",
        seen=oid("a"),
        onto=oid("b"),
        folder="/f",
        plan="{}",
        is_merge=False,
        opened_at=NOON,
    )
