"""Runs the main job in a process of its own that waits before an effect until its input ends.

Words: REPOSITORY EFFECT, and "push" to push. Prints a line when it waits; ends with the exit code of the command line.
"""

from __future__ import annotations

import os
import sys

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.errors import GitAlignError


def main() -> None:
    repository, wanted, pushes = sys.argv[1], sys.argv[2], "push" in sys.argv[3:]

    def checkpoint(name: str) -> None:
        if name == wanted:
            os.write(1, b"waits\n")
            sys.stdin.read()

    request = facade.Request(repo=repository, overrides={"alignment.committer": "preserve"}, push=pushes)
    permit = Permit(plan_id="*", push=pushes, given_by="test")
    try:
        report = facade.run(request, permit=permit, checkpoint=checkpoint)
    except GitAlignError as error:
        sys.stderr.write(error.message)
        sys.exit(error.exit_code)
    sys.exit(report.exit_code())
