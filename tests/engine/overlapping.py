"""`resume` in a process of its own that says how far it is, and waits in the middle of the recovery until it may go on.

Words: REPOSITORY MOMENT. Prints `asks` before it asks for the recovery alone, and `waits` at the moment: `claim`, as soon as it has
it, the name of a checkpoint of the recovery, or `never`. Goes on when a line comes or its input ends; ends with the exit code of
the command line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitalign import facade
from gitalign.engine.publishing import recovery
from gitalign.engine.publishing.recovery_claim import recovery_claim
from gitalign.errors import GitAlignError


def main() -> None:
    repository, moment = sys.argv[1:]

    moments = iter((moment,))  # a checkpoint may come again

    def reached(name: str) -> None:
        if name == moment and next(moments, ""):
            os.write(1, b"waits\n")
            sys.stdin.readline()

    @contextmanager
    def claim(state_dir: Path) -> Iterator[None]:
        os.write(1, b"asks\n")
        with recovery_claim(state_dir):
            reached("claim")
            yield

    setattr(recovery, "recovery_claim", claim)  # noqa: B010 (not exported)
    request = facade.Request(repo=repository, overrides={"alignment.committer": "preserve"})
    try:
        reports = facade.resume(request, checkpoint=reached)
    except GitAlignError as error:
        sys.stderr.write(error.message)
        sys.exit(error.exit_code)
    sys.exit(max((report.exit_code() for report in reports), default=0))
