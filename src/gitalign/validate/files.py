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


class FileSource(Protocol):
    """What is needed of a reader of files."""

    def read(self, names: Sequence[bytes], *, most_bytes: int) -> list[bytes | None]:
        """Contents of files named `<commit>:<path>`; None for what is not there or longer."""


def check_file(check: FileCheck, commit: Oid, files: FileSource) -> CheckResult:
    """Look at one file of a commit.

    Raises:
        GitError
    """
    started = time.monotonic()
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


def _fault(content: bytes | None, asks: Sequence[str]) -> str | None:
    if content is None:
        return f"is not there, or larger than {_LONGEST // 1024**2} MiB"
    if "non_empty" in asks and not content.strip():
        return "is empty"
    if "valid_json" in asks:
        try:
            json.loads(content)
        except (ValueError, RecursionError) as error:
            return f"is not JSON: {error}"
    return None
