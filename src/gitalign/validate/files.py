"""Single files of a result that must be there, hold something, or be JSON. Read from the object store."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Protocol

from gitalign.core.names import Oid
from gitalign.core.validation import CheckKind, CheckResult, CheckStatus, FileCheck
from gitalign.git.command import raw

_LONGEST = 64 * 1024 * 1024
_REGULAR = frozenset({b"100644", b"100755", b"100664"})


class FileSource(Protocol):
    """What is needed of a reader of files."""

    def read(self, names: Sequence[bytes], *, most_bytes: int) -> list[bytes | None]:
        """Contents of files named `<commit>:<path>`; None for what is not there or longer."""

    def kind(self, commit: Oid, path: bytes) -> bytes | None:
        """Mode of a path in a commit; None when it is not there."""


def check_file(check: FileCheck, commit: Oid, files: FileSource) -> CheckResult:
    """Look at one file of a commit.

    Raises:
        GitError
    """
    started = time.monotonic()
    fault = _missing(check, commit, files)
    if fault is None and check.asks != ("exists",):
        (content,) = files.read([raw(f"{commit}:{check.path}")], most_bytes=_LONGEST)
        fault = _fault(content, check.asks)
    return CheckResult(
        name=f"file {check.path}",
        kind=CheckKind.FILE,
        status=CheckStatus.PASSED if fault is None else CheckStatus.FAILED,
        required=check.required,
        reason="" if fault is None else f"{check.path} {fault}",
        duration_s=time.monotonic() - started,
    )


def _missing(check: FileCheck, commit: Oid, files: FileSource) -> str | None:
    kind = files.kind(commit, raw(check.path))
    if kind is None:
        return "is not there"
    return None if kind in _REGULAR else "is no file, but a link, a folder or a submodule"


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _fault(content: bytes | None, asks: Sequence[str]) -> str | None:
    if content is None:
        return f"cannot be looked at: it is larger than {_LONGEST // 1024**2} MiB, or its content is missing"
    if "non_empty" in asks and not content.strip():
        return "is empty"
    if "valid_json" in asks:
        try:
            json.loads(content, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            return f"is not JSON: {error}"
    return None
