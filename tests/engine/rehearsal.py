"""Runs the main job in a process of its own and ends that process with SIGKILL at the n-th effect.

Usage: python -m tests.engine.rehearsal REPOSITORY VERB N   (VERB: run, run-push, run-remote-push, push, partial, integration, undo, undo-push, prune-merged, prune-merged-remote, "framework BRANCH" or "restore BRANCH"; N from 1, or the name of an effect)
Prints the name of the effect it died before; exits 0 when there were fewer effects than N.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys

from gitalign import facade
from gitalign.core.plan import Permit


def main() -> None:
    repository, verb, wanted = sys.argv[1:4]
    effects = itertools.count(1)  # two threads come by

    def checkpoint(name: str) -> None:
        if str(next(effects)) == wanted or name == wanted:
            sys.stdout.write(name)
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    settings: dict[str, object] = {"alignment.committer": "preserve", "alignment.partial": verb == "partial"}
    settings["orchestration.enable_backup_branches"] = True
    if verb == "integration":
        settings["alignment.strategy"] = "integration-branch"
    pushes = verb.endswith("push")
    remote = "origin" if verb == "run-remote-push" else None
    request = facade.Request(repo=repository, overrides=settings, push=pushes, remote=remote)
    permit = Permit(plan_id="*", push=pushes, given_by="rehearsal")
    if verb in ("run", "run-push", "run-remote-push", "partial", "integration"):
        facade.run(request, permit=permit, checkpoint=checkpoint)
    elif verb == "push":
        facade.push(request, permit=permit, checkpoint=checkpoint)
    elif verb.startswith("prune-merged"):
        place = "" if verb.endswith("remote") else None
        request = facade.Request(repo=repository, remote=place)
        permit = Permit(plan_id="*", push=True, given_by="rehearsal")
        facade.prune_merged(request, permit=permit, checkpoint=checkpoint)
    elif verb.startswith("framework "):
        what = facade.framework_addition(request, verb.split()[1:], "full", backup=True)
        facade.framework_merge(request, what, permit=permit, checkpoint=checkpoint)
    elif verb.startswith("restore "):
        facade.restore(request, verb.removeprefix("restore "), permit=permit, checkpoint=checkpoint)
    else:
        facade.undo(request, "last", push=pushes, permit=permit, checkpoint=checkpoint)


if __name__ == "__main__":
    main()
