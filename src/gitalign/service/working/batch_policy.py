"""What plans that were submitted over HTTP may do on a worker: their commands are code that it executes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gitalign.batches.planning.tasks import Task, TaskList
from gitalign.core.names import display
from gitalign.errors import NotPermitted

CONFINEMENT = ("require", "prefer", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """What an operator of the service allows.

    Attributes:
        allowed: plans may be submitted and run.
        confinement: the least that confines tasks: `require`, `prefer` or `none`.
        environment: names of variables of the worker that tasks may see, and that secrets may be taken from.
        at_once: batch runs of one process side by side.
    """

    allowed: bool = False
    confinement: str = "require"
    environment: tuple[str, ...] = ()
    at_once: int = 1

    def require_allowed(self) -> None:
        """Refuse batches where the operator has not allowed them.

        Raises:
            NotPermitted
        """
        if not self.allowed:
            raise NotPermitted(
                "this service does not run batches: their commands would be executed on the machine of its workers",
                hint="batches: {allowed: true} in the settings of the service",
                code="batches_not_allowed",
            )

    def require_harmless(self, tasks: TaskList | None) -> None:
        """Refuse tasks that take from the worker's environment or files what the operator did not name.

        Raises:
            NotPermitted: with every such task.
        """
        listed = tasks.tasks if tasks is not None else ()
        faults = [fault for task in listed for fault in self._faults(task)]
        if faults:
            raise NotPermitted(
                "the plan asks for what this service does not give: " + "; ".join(faults),
                hint="batches: {environment: [NAME]} in the settings of the service names variables that tasks may see",
                code="plan_not_allowed",
            )

    def stricter(self, configured: str) -> str:
        """The stricter one of what the repository's settings and this policy say about confinement."""
        return min(configured, self.confinement, key=CONFINEMENT.index)

    def _faults(self, task: Task) -> Iterator[str]:
        for name in task.environment:
            if name not in self.environment:
                yield f"task {display(task.id)} the variable {display(name)} of the worker"
        for secret in task.secrets:
            if secret.environment is None:
                source = "a file" if secret.file is not None else "a command"
                yield f"task {display(task.id)} the secret {display(secret.name)} from {source} of the worker"
            elif secret.environment not in self.environment:
                yield f"task {display(task.id)} the variable {display(secret.environment)} of the worker"
