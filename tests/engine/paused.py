"""Runs the main job in a process of its own that waits before an effect until its input ends.

Words: REPOSITORY EFFECT. Prints a line when it waits.
"""

from __future__ import annotations

import os
import sys

from gitalign import facade
from gitalign.core.plan import Permit


def main() -> None:
    repository, wanted = sys.argv[1:3]

    def checkpoint(name: str) -> None:
        if name == wanted:
            os.write(1, b"waits\n")
            sys.stdin.read()

    request = facade.Request(repo=repository, overrides={"alignment.committer": "preserve"})
    report = facade.run(request, permit=Permit(plan_id="*", given_by="test"), checkpoint=checkpoint)
    sys.exit(report.exit_code())
