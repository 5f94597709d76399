"""Secrets of a batch run: read once, by reference, in memory only; and everything that is kept goes by here first."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitalign import child
from gitalign.batches.planning.tasks import SECRET_FILE, Exposure, SecretReference, Task
from gitalign.batches.running.redaction import SHORTEST_BYTES, Mask, forms_of
from gitalign.batches.running.state import ResultConflict
from gitalign.core.hunks import Hunk, HunkSide
from gitalign.core.names import display
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.errors import UserError
from gitalign.input_file import Unreadable, read_bounded

SECRETS_FOLDER = "GITALIGN_SECRETS"
_MOST_BYTES = 64 * 1024
_COMMAND_S = 60.0


class SecretUnavailable(UserError):
    """A secret cannot be read, or cannot be kept secret. The message never holds its value."""

    code = "secret_unavailable"


class SecretBook:
    """Values of the secrets of one run. Thread-safe.

    Args:
        surroundings: whose environment variables and commands are taken from.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._lock = threading.Lock()
        self._values: dict[SecretReference, bytes] = {}
        self._forms: dict[str, frozenset[bytes]] = {}
        self._whole = Mask(())

    @property
    def forms(self) -> Mapping[str, frozenset[bytes]]:
        """What is looked for in results, by name of the secret; empty without secrets."""
        return self._forms

    def read(self, tasks: Iterable[Task]) -> None:
        """Have the secrets of tasks; those that were read before are not read again.

        Raises:
            SecretUnavailable: for the first that cannot be had.
        """
        with self._lock:
            for task in tasks:
                for secret in task.secrets:
                    source = _source(secret)
                    if source not in self._values:
                        self._values[source] = self._value(secret)
                    known = self._forms.get(secret.name, frozenset())
                    self._forms[secret.name] = known | forms_of(self._values[source])
            self._whole = Mask(frozenset().union(*self._forms.values()))

    def files(self, task: Task) -> dict[str, bytes]:
        """Contents of the files that a task is given, by name."""
        return {one.name: self._values[_source(one)] for one in task.secrets if one.expose is not Exposure.VARIABLE}

    def variables(self, task: Task, folder: Path) -> dict[str, str]:
        """Variables by which a task finds its secrets.

        Args:
            folder: where its files are.
        """
        found: dict[str, str] = {}
        for one in task.secrets:
            if one.expose is not Exposure.VARIABLE:
                found[f"{one.name}{SECRET_FILE}"] = str(folder / one.name)
            if one.expose is not Exposure.FILE:
                found[one.name] = self._values[_source(one)].decode("utf-8", "surrogateescape").rstrip("\r\n")
        return {**found, SECRETS_FOLDER: str(folder)} if self.files(task) else found

    def mask(self) -> Mask:
        """A mask for one stream of output."""
        return Mask(frozenset().union(*self._forms.values()))

    def redacted(self, text: str) -> str:
        """A text without the secrets in it."""
        return self._whole.words(text) if self._forms else text

    def redacted_event(self, value: Any) -> Any:
        """The content of an event without the secrets in it."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.redacted(value)
        if isinstance(value, Mapping):
            return {key: self.redacted_event(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.redacted_event(one) for one in value]
        return value

    def redacted_conflict(self, conflict: ResultConflict) -> ResultConflict:
        """A conflict without the secrets that files of either side hold."""
        if not self._forms:
            return conflict
        return replace(
            conflict,
            paths=tuple(map(self.redacted, conflict.paths)),
            hunks=tuple(
                Hunk(path=self.redacted(one.path), one=self._side(one.one), other=self._side(one.other))
                for one in conflict.hunks
            ),
            detail=self.redacted(conflict.detail),
        )

    def _side(self, side: HunkSide) -> HunkSide:
        return replace(side, text=tuple(map(self.redacted, side.text)))

    def _value(self, secret: SecretReference) -> bytes:
        if secret.file is not None:
            try:
                value = read_bounded(Path(secret.file).expanduser(), most_bytes=_MOST_BYTES)
            except (Unreadable, RuntimeError) as error:
                raise _unavailable(secret, str(error)) from error
        elif secret.environment is not None:
            if secret.environment not in self._surroundings.environ:
                raise _unavailable(secret, f"the variable {secret.environment} is not set")
            value = self._surroundings.environ[secret.environment].encode("utf-8", "surrogateescape")
        else:
            value = self._printed(secret)
        if len(value.strip()) < SHORTEST_BYTES:
            raise _unavailable(
                secret, f"it has fewer than {SHORTEST_BYTES} bytes, too few to be found in logs and results"
            )
        if secret.expose is not Exposure.FILE and b"\0" in value:
            raise _unavailable(secret, "it holds a NUL byte, which no variable can hold")
        return value

    def _printed(self, secret: SecretReference) -> bytes:
        assert secret.command is not None
        name = display(secret.command[0])
        try:
            # Not in the work tree: nothing of a branch is run.
            done = child.run(secret.command, env=self._surroundings.environ, cwd="/", timeout_s=_COMMAND_S)
        except (OSError, child.ChildTimedOut) as error:
            why = f"no end after {_COMMAND_S:g} s" if isinstance(error, child.ChildTimedOut) else error.strerror
            raise _unavailable(secret, f"{name}: {why}") from error
        if done.returncode != 0:
            raise _unavailable(secret, f"{name}: exit {done.returncode}")
        if len(done.stdout) > _MOST_BYTES:
            raise _unavailable(secret, f"{name}: it printed more than {_MOST_BYTES} bytes")
        return done.stdout


def _source(secret: SecretReference) -> SecretReference:
    """The same source under any name."""
    return replace(secret, name="", expose=Exposure.FILE)


def _unavailable(secret: SecretReference, why: str) -> SecretUnavailable:
    return SecretUnavailable(
        f"secret {secret.name}: {why}", hint="make it available, then run or resume the batch again"
    )
