"""Who carries out the work of a run: threads of this process today."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

R = TypeVar("R")


class Executor(Protocol):
    """Workers, handed out to stacks.

    What is handed out is a stack of branches, never a step by itself: the branches of a stack share commits that are rewritten
    and signed once, and these are kept in memory. All steps of a stack are therefore worked on where the stack was taken in: an
    executor that has several memories, as one of several machines has, keeps a stack in one of them.
    """

    def take_in(self, stack: int) -> int:
        """A worker for the next step of a stack, reserved until its work is reported; the number of the worker.

        Called only when a worker is free where the stack is.
        """
        ...

    def submit(self, worker: int, work: Callable[[], R], report: Callable[[R], None]) -> None:
        """Work in the background.

        Args:
            worker: as `take_in` gave it.
            work: raises nothing.
            report: given the result once the worker is free again; called from the worker.
        """
        ...

    def resting(self) -> Sequence[int]:
        """Workers that have nothing to do."""
        ...

    def close(self) -> None:
        """Wait for what is under way. Nothing is submitted afterwards."""
        ...
