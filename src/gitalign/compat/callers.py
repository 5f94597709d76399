"""A caller's detector and documenter as plug-ins of one run: they speak before anything moves, about a result they can look at.

A result is not in the repository yet while they speak. So that they can look at it with git, its objects are copied there,
and a ref of our own, `refs/gitalign/candidates/<stamp>/<branch>`, names it for as long as they speak. No branch has moved.
"""

from __future__ import annotations

import inspect
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from gitalign.core.findings import Finding, Severity
from gitalign.core.names import CANDIDATES_PREFIX, Oid, zero_like
from gitalign.core.outcome import Aligned
from gitalign.core.publication import RefUpdate
from gitalign.git.command import text
from gitalign.git.refs import RefUpdater, deletions
from gitalign.git.repository import Repository
from gitalign.ports import DetectionRequest, DocumentRequest

_TIMEOUT_S = 120.0


@dataclass(slots=True)
class CallersDetector:
    """An object that offers `run_error_detection(changed_files, base_ref, current_ref)`, as a detector.

    Attributes:
        tool: the caller's object.
        repository: where its objects must be found.
        was_asked: it spoke in this run.
        codes: what it said, as codes.
        error: what it raised.
    """

    tool: object
    repository: Repository
    name: str = "caller"
    was_asked: bool = False
    codes: list[str] = field(default_factory=list)
    error: BaseException | None = None

    def detect(self, request: DetectionRequest) -> list[Finding]:
        """See `ports.Detector`. Everything the caller's detector says keeps the branch from being published."""
        changed = [text(one.path) for one in request.source.changes(request.before, request.after)]
        with candidate(self.repository, request.repository, request.branch, request.after, request.onto) as ref:
            codes = self.ask(changed, request.target, ref)
        return [
            Finding(code=code, severity=Severity.CRITICAL, message="the caller's detector says so", detector=self.name)
            for code in codes
        ]

    def ask(self, changed: list[str], base_ref: str, current_ref: str) -> list[str]:
        """What it says of a result, as codes.

        Raises:
            BaseException: whatever it raises, kept in `error`; SystemExit is among them.
        """
        self.was_asked, self.codes, self.error = True, [], None
        try:
            found = call(self.tool, "run_error_detection", changed, base_ref, current_ref)
            self.codes = [_code(item) for item in found or []]
        except BaseException as error:
            self.error = error
            raise
        return self.codes


@dataclass(slots=True)
class CallersDocumenter:
    """An object that offers `generate_changes_summary(branch, target)`, as a documenter.

    One that takes a keyword `current_ref` is given a ref of the result, too.

    Attributes:
        tool: the caller's object.
        repository: where objects of the result must be found.
        reference: what it returned.
        error: what it raised.
    """

    tool: object
    repository: Repository
    name: str = "caller"
    reference: str | None = None
    error: BaseException | None = None

    def document(self, request: DocumentRequest) -> str:
        """See `ports.Documenter`."""
        outcome = request.result.outcome
        assert isinstance(outcome, Aligned)
        with candidate(self.repository, request.repository, request.branch, outcome.after, outcome.onto) as ref:
            return self.ask(request.branch, request.target, ref)

    def ask(self, branch: str, target: str, current_ref: str) -> str:
        """What it returned, as text.

        Raises:
            BaseException: whatever it raises, kept in `error`; SystemExit is among them.
        """
        self.error = None
        try:
            more = {"current_ref": current_ref} if _takes(self.tool, "generate_changes_summary", "current_ref") else {}
            made = call(self.tool, "generate_changes_summary", branch, target, **more)
            self.reference = name_of(self.tool) if made is None else str(made)
        except BaseException as error:
            self.error = error
            raise
        return self.reference


@contextmanager
def candidate(repository: Repository, seen_from: str, branch: str, result: Oid, onto: Oid) -> Iterator[str]:
    """A ref of a result while inside; its objects are copied from the git directory in which it was made.

    Raises:
        RefLocked: the ref cannot be made.
        GitError
    """
    wanted = f"{result}\n^{onto}\n".encode("ascii")
    replace(repository.git, git_dir=seen_from, work_tree=None, gate=None).run_into(
        repository.git,
        ("pack-objects", "--revs", "--stdout", "-q", "--delta-base-offset"),
        ("unpack-objects", "-q"),
        stdin=wanted,
        timeout_s=_TIMEOUT_S,
    )
    ref = f"{CANDIDATES_PREFIX}{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}/{branch}"
    door = RefUpdater(repository, forbidden=frozenset(), message="git-align: candidate")
    try:
        if (refusal := door.move_own([RefUpdate(ref=ref, before=zero_like(result), after=result)])) is not None:
            raise refusal.as_error(f"{ref} cannot be made", hint="run again")
        yield ref
    finally:
        door.move_own(deletions([(ref, result)]))
        door.close()


def call(tool: object, method: str, *arguments: object, **more: object) -> Any:
    """Call a method of a tool, or the tool itself.

    Raises:
        TypeError: it offers neither.
    """
    called = getattr(tool, method, None)
    if called is None and callable(tool):
        called = tool
    if called is None:
        raise TypeError(f"{name_of(tool)} is neither callable nor does it offer {method}()")
    return called(*arguments, **more)


def name_of(tool: object) -> str:
    """What a tool calls itself."""
    return getattr(tool, "__name__", type(tool).__name__)


def _takes(tool: object, method: str, keyword: str) -> bool:
    try:
        parameters = inspect.signature(getattr(tool, method, tool)).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return keyword in parameters


def _code(item: object) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, Mapping):
        return str(item.get("code", json.dumps(item, default=str)))
    return str(item)
