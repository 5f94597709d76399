"""What an operation may use, as one value that is passed on and never changes; nothing is "active" for a whole process."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from gitalign.core.access import AccessProfile


class IsolationLevel(StrEnum):
    """Where an operation runs."""

    THREAD = "thread"
    """In this process: a coroutine in its event loop, a function in a thread."""
    PROCESS = "process"
    """In a process of its own, which ends with it, at its deadline, or when it is cancelled."""
    SANDBOX = "sandbox"
    """In a process of its own that sees the system, its tools and the work folder to read, and nothing else; no network."""


class PerformanceMode(StrEnum):
    """How much of the machine an operation uses."""

    LOW = "low"
    BALANCED = "balanced"
    OPTIMIZED = "optimized"


@dataclass(frozen=True, slots=True)
class Share:
    """What a performance mode means.

    Attributes:
        workers: for each processor; at least one worker in all.
        niceness: added to that of a process of its own.
    """

    workers: float
    niceness: int


SHARES: Mapping[PerformanceMode, Share] = MappingProxyType(
    {
        PerformanceMode.LOW: Share(workers=0.0, niceness=10),
        PerformanceMode.BALANCED: Share(workers=1.0, niceness=0),
        PerformanceMode.OPTIMIZED: Share(workers=2.0, niceness=0),
    }
)


class Cancellation:
    """A request to end that several threads can see; it is never taken back."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask for the end."""
        self._event.set()

    @property
    def is_cancelled(self) -> bool:
        """True from the first request on."""
        return self._event.is_set()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionContext:
    """What an operation may use.

    Attributes:
        name: of the context.
        target, branch: what it is about; empty where that is not known yet.
        work_folder: of processes that it starts; empty for that of this process.
        environment: variables of processes that it starts.
        timeout_s: deadline of an operation in seconds.
        memory_bytes: bound on a process of its own; 0 for none.
        access: files it may change, for who carries it out; None for all. Results are held to the profiles of the settings.
        isolation: where operations run.
        performance: how much of the machine they use.
        cancellation: asks its operations to end.
    """

    name: str
    target: str = ""
    branch: str = ""
    work_folder: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 300.0
    memory_bytes: int = 0
    access: AccessProfile | None = None
    isolation: IsolationLevel = IsolationLevel.THREAD
    performance: PerformanceMode = PerformanceMode.BALANCED
    cancellation: Cancellation = field(default_factory=Cancellation, compare=False)

    def __post_init__(self) -> None:
        """Keep a copy of the environment that does not change either.

        Raises:
            ValueError: a bound that is none.
        """
        if not 0 < self.timeout_s < math.inf:
            raise ValueError("timeout_s must be a finite number above 0")
        if self.memory_bytes < 0:
            raise ValueError("memory_bytes must be 0 or more")
        object.__setattr__(self, "environment", MappingProxyType(dict(self.environment)))

    def for_branch(self, branch: str, target: str) -> Self:
        """The same for one branch; what cancels this context cancels that one."""
        return replace(self, branch=branch, target=target)

    def workers(self, processors: int) -> int:
        """How many workers a run in this context has."""
        return max(1, round(processors * SHARES[self.performance].workers))
