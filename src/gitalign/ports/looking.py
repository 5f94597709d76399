"""What looks at results, describes them, and reads the objects they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from gitalign.core.findings import Finding
from gitalign.core.names import Oid
from gitalign.core.outcome import StepResult
from gitalign.core.pair_conflicts import PathChange

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactKind(Generic[V]):
    """What is found out about a content.

    Attributes:
        name: changes whenever the rules do by which it is found out.
        dump: as JSON values, for later runs; None for what is not to be kept. Only what depends on content and rules alone may be.
        load: reads what `dump` writes; raises ValueError, KeyError or TypeError when it is something else.
    """

    name: str
    dump: Callable[[V], Any] = lambda value: None
    load: Callable[[Any], V] | None = None


class FileFacts(Protocol):
    """What was found out about contents, by blob id, for all branches of a run and all that look at them. Thread-safe and bounded."""

    def recall(self, kind: FactKind[V], blob: bytes) -> tuple[V] | None:
        """What was kept; None when nothing was, or it was forgotten.

        Args:
            kind: what is asked.
            blob: id of the content.
        """

    def keep(self, kind: FactKind[V], blob: bytes, value: V) -> None:
        """Keep a value that depends on kind and content alone. It is shared: nothing may change it."""

    def look_up(self, kind: FactKind[V], blobs: Iterable[bytes]) -> None:
        """Fetch what earlier runs found out, in one question, so that `recall` has it."""

    def flush(self) -> None:
        """Write what was found out for later runs."""


class Source(Protocol):
    """Objects as a run sees them: the repository and what is not published yet. One worker's; not thread-safe."""

    @property
    def facts(self) -> FileFacts:
        """What is known of contents."""

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
