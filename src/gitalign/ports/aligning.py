"""How a branch is carried to its outcome: aligners, integrators, listeners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gitalign.core.events import Event
from gitalign.core.outcome import Outcome, StepResult
from gitalign.core.plan import Step


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

    def rest(self, worker: int) -> None:
        """End the child processes of a worker that has no step; its next step starts them again."""

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


class Listener(Protocol):
    """Follows the one stream of events. Called from one thread at a time, in order; must not block for long."""

    def __call__(self, event: Event) -> None:
        """Take one event. An exception is reported and silences this listener, nothing else."""


class Emitter(Protocol):
    """Where events are made: numbers and stamps them and passes them on."""

    def __call__(self, kind: str, *, branch: str | None = None, target: str | None = None, **data: object) -> None:
        """Emit one event of `kind` (an `EventKind`)."""
